"""Which samples a tar file holds, by the rules of webdataset, and what its small members say of them.

The key of a sample is the path of its members up to the first dot of the last part; what follows is the
suffix. Members of a sample stand one behind the other.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from tarfile import ReadError
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.tar_rows import CUT, TarShard
from augcli.io.store.base import Version, full_name
from augcli.io.store.errors import storage_errors
from augcli.io.store.listing import find_suffix
from augcli.io.store.names import JSON_MEMBER
from augcli.io.store.pointers import LFS_BEGIN, LFS_CURE, is_lfs_pointer
from augcli.io.store.tar_files import Member, TarWalk, read_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from augcli.io.store.base import Store
    from augcli.io.store.listing import File

    Places: TypeAlias = Sequence[tuple[int, int]]

NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)", re.DOTALL)
"""A member of a sample: key, and suffix."""

OF_WEBDATASET = re.compile(r"__[^/]*__(/.*)?", re.DOTALL)
"""Names that webdataset keeps for itself."""

COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""How files begin that a program has compressed."""


class Wanted(NamedTuple):
    """Which members of a sample are read.

    Attributes:
        read: Returns what is known of a sample beside its image and mask, from the small members.
        image: Suffix of the image; None for the only member that is one.
        mask: Suffix of the masks; None without masks.
        known: Suffixes that need no note.
    """

    read: Callable[[Tar, Sample], Any]
    image: str | None = None
    mask: str | None = None
    known: frozenset[str] = frozenset()


class Sample(NamedTuple):
    """A sample of a tar file: its key, and its members by their suffix in lower case."""

    key: str
    members: dict[str, Member]


@dataclass(slots=True)
class Scan:
    """What a tar file holds.

    Attributes:
        shard: The file, and where its samples lie.
        keys: Keys of the samples that have an image.
        names: Names of their images.
        values: What `Wanted.read` returned for each sample; None if it is cut off.
        unread: How many members of other suffixes there are.
        without_image: Keys of samples without an image.
        others: Members that are not files.
        is_cut: Whether the file ends before its end.
    """

    shard: TarShard
    keys: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    without_image: list[str] = field(default_factory=list)
    others: int = 0
    is_cut: bool = False


class Tar:
    """A tar file that is listed: its samples in order."""

    def __init__(self, store: Store, file: File, opened: BinaryIO) -> None:
        """List a tar file.

        Raises:
            InputError: If it is not a tar file, is damaged, or its members do not belong to samples.
        """
        self.store, self.file, self._opened = store, file, opened
        self.name = full_name(store, file.key)
        walk = TarWalk(opened)
        try:
            files = list(walk)
        except ReadError as error:
            raise InputError(f"{self.name!r} cannot be read as a tar file: {self._explain(error)}") from error
        if walk.damage:
            last = f" behind {files[-1].name!r}" if files else ""
            why = f"{self.name!r} is damaged{last}: {walk.damage}"
            raise InputError(f"{why}; make it anew, or take it away")
        self.is_cut, self.others = walk.is_cut, walk.others
        self.samples = list(_group(files, self.name))

    def read(self, sample: Sample, suffix: str) -> bytes | None:
        """Read a member of a sample; None if it does not exist, or the file ends before it does."""
        member = sample.members.get(suffix)
        if member is None or member.start + member.size > self.file.size:
            return None
        return read_member(self._opened, member)

    def read_json(self, sample: Sample, suffix: str = JSON_MEMBER) -> Any:
        """Read a member that is JSON; None if it does not exist.

        Raises:
            InputError: If it is something else.
        """
        data = self.read(sample, suffix)
        if data is None:
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            why = str(error).partition("\n")[0]
            raise InputError(
                f"{self.name!r}: '{sample.key}.{suffix}' is not JSON: {why}; correct it"
            ) from error

    def _explain(self, error: Exception) -> str:
        """Return why a file is not a tar file, with the cure where there is one."""
        self._opened.seek(0)
        begin = self._opened.read(len(LFS_BEGIN))
        if is_lfs_pointer(begin):
            return LFS_CURE
        packed = next((name for magic, name in COMPRESSED.items() if begin.startswith(magic)), None)
        return (
            f"it is compressed ({packed}); unpack it first"
            if packed
            else f"{error}; get it again, or write it anew"
        )


@contextmanager
def open_tar(store: Store, file: File) -> Iterator[Tar]:
    """Open a tar file as it was listed, and list what it holds.

    Raises:
        InputError: As `Tar`.
        StorageError: If the machine fails, or the file is another one by now.
    """
    name = full_name(store, file.key)
    with (
        storage_errors(f"cannot read {name!r}"),
        store.open(file.key, Version(file.size, file.version)) as opened,
    ):
        yield Tar(store, file, opened)


def scan_tar(tar: Tar, wanted: Wanted) -> Scan:
    """Find where the images and masks of a tar file lie, and read the small members of its samples.

    Raises:
        InputError: If a sample has several images, or a member cannot be read.
    """
    images: list[tuple[int, int]] = []
    masks: list[tuple[int, int]] = []
    scan = Scan(_place(tar, images, None), others=tar.others, is_cut=tar.is_cut)
    cut, none = _cut_sample(tar), Member("", 0, 0)
    for sample in tar.samples:
        suffix = _choose_image(sample, wanted, tar.name)
        scan.unread.update(sample.members.keys() - {suffix, wanted.mask} - wanted.known)
        if suffix is None and sample is not cut:
            scan.without_image.append(sample.key)
            continue
        image, mask = (sample.members.get(member or "", none) for member in (suffix, wanted.mask))
        images.append((image.start, CUT if sample is cut else image.size))
        masks.append((mask.start, mask.size))
        scan.keys.append(sample.key)
        scan.names.append(image.name)
        scan.values.append(None if sample is cut else wanted.read(tar, sample))
    scan.shard = _place(tar, images, masks if wanted.mask else None)
    return scan


def read_value(tar: Tar, sample: Sample, suffix: str, path: Sequence[str]) -> Any:
    """Return the value of a member: its text, or a field of its JSON; None if there is no such value.

    Args:
        tar: The tar file.
        sample: The sample.
        suffix: The member's suffix.
        path: Names of the field in JSON, from the outermost; empty for a member that is text.

    Raises:
        InputError: If it is not text, or not JSON.
    """
    if path:
        value = tar.read_json(sample, suffix)
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value
    data = tar.read(sample, suffix)
    try:
        return None if data is None else data.decode("utf-8-sig").strip() or None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{tar.name!r}: '{sample.key}.{suffix}' is not text; give ", Option("label_col")
        ) from error


def _place(tar: Tar, images: Places, masks: Places | None) -> TarShard:
    """Return where the samples of a tar file lie."""
    version = Version(tar.file.size, tar.file.version)
    both = (None if spans is None else np.array(spans, np.int64).reshape(-1, 2) for spans in (images, masks))
    placed, masked = both
    assert placed is not None
    return TarShard(tar.store, tar.file.key, version, placed, masked)


def is_image(suffix: str) -> bool:
    """True if a member of this suffix is an image: by what stands behind its last dot."""
    return find_suffix(f".{suffix}") in IMAGE_SUFFIXES


def _choose_image(sample: Sample, wanted: Wanted, name: str) -> str | None:
    """Return the suffix of a sample's image; None without an image."""
    if wanted.image is not None:
        return wanted.image if wanted.image in sample.members else None
    others = wanted.known | {wanted.mask}
    images = [suffix for suffix in sample.members if suffix not in others and is_image(suffix)]
    if len(images) > 1:
        masks = Option("masks", images[1]), " if that is its mask"
        raise InputError(
            f"{name!r}: sample {sample.key!r} has several images, {some(list(map(repr, images)))}; give ",
            *(Option("image_col", images[0]), " to take one of them, and ", *masks),
        )
    return images[0] if images else None


def _group(files: Sequence[Member], name: str) -> Iterator[Sample]:
    """Yield the samples of members in a row.

    Raises:
        InputError: If a member comes twice, or members of a sample stand apart.
    """
    seen: set[str] = set()
    sample = Sample("", {})
    for member in files:
        match = NAME.fullmatch(member.name)
        if match is None or OF_WEBDATASET.fullmatch(member.name):
            continue
        key, suffix = match[1], match[2].lower()
        if key != sample.key:
            if sample.members:
                yield sample
            if key in seen:
                why = f"members of sample {key!r} do not stand one behind the other"
                raise InputError(f"{name!r}: {why}; write the file anew, sorted by name")
            seen.add(key)
            sample = Sample(key, {})
        if suffix in sample.members:
            raise InputError(f"{name!r} holds {member.name!r} twice; write the file anew, with one of them")
        sample.members[suffix] = member
    if sample.members:
        yield sample


def _cut_sample(tar: Tar) -> Sample | None:
    """Return the last sample of a tar file that is cut off, where it is not whole; None where it is.

    It is not if a member ends behind the file's end, or it lacks a member that the sample before it has.
    """
    if not tar.is_cut or not tar.samples:
        return None
    last, before = tar.samples[-1], tar.samples[-2:-1]
    is_short = any(member.start + member.size > tar.file.size for member in last.members.values())
    lacks = bool(before) and not before[0].members.keys() <= last.members.keys()
    return last if is_short or lacks else None
