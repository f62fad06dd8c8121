"""Image folders: what stands in them, in which split and class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.errors import DecodeError, InputError
from augcli.io.store.local import read_unchanged
from augcli.io.store.names import printable_key
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNREADABLE_SUFFIXES = frozenset(".heic .heif .jxl .raw .cr2 .cr3 .nef .arw .dng .orf .rw2 .psd .svg".split())
"""Images that no core package reads; they are named with the cure instead of silently left out."""

SPLIT_NAMES = frozenset("train training val valid validation dev test testing eval evaluation".split())


def describe_others(others: Counter[str]) -> list[str]:
    """Say what was passed over, and for images that we cannot read, the cure."""
    lines = []
    for suffix, count in sorted(others.items()):
        cure = "; convert them to PNG or JPEG first" if suffix in UNREADABLE_SUFFIXES else ""
        lines.append(f"passed over {count} {suffix or 'files without an extension'}{cure}")
    return lines


def find_splits(directories: Iterable[str]) -> list[str]:
    """Give the split directories at a root: all of its directories, if all bear split names."""
    top = sorted({directory.split("/", 1)[0] for directory in directories})
    return top if top and SPLIT_NAMES.issuperset(top) else []


def class_names(keys: Sequence[str], directories: list[str], root: str) -> list[str | None]:
    """Give each file's class, its first directory; None throughout where the folder is flat.

    Raises:
        InputError: If a class folder holds no image, or images stand beside class folders.
    """
    folders = {directory.split("/", 1)[0] for directory in directories}
    classes = [key.split("/", 1)[0] if "/" in key else None for key in keys]
    filled = set(classes) - {None}
    if not filled:
        return list(classes)
    empty = sorted(folders - filled)
    if empty:
        raise InputError(f"class folder {empty[0]!r} in {root!r} holds no images; fill it or remove it")
    if None in classes:
        loose = next(key for key in keys if "/" not in key)
        raise InputError(
            f"{loose!r} stands beside class folders in {root!r}; move it into one, or give --labels FILE"
        )
    printable = {name: printable_key(name) for name in filled if name}
    return [printable[name] for name in classes if name]


@dataclass(frozen=True, slots=True)
class FolderSamples:
    """The files of a folder."""

    root: str
    catalogue: Catalogue

    def read(self, sample: int) -> tuple[bytes, str]:
        """Read a file, which must not have changed since it was listed."""
        key = self.catalogue.keys[sample]
        size, version = int(self.catalogue.sizes[sample]), int(self.catalogue.versions[sample])
        return read_unchanged(f"{self.root}/{key}", size, version), key

    def read_mask(self, sample: int) -> bytes:
        """Read the file of a sample's mask, which must not have changed since it was listed."""
        masks = self.catalogue.masks
        assert masks is not None
        path = masks.paths[sample]
        if path is None:
            name = self.catalogue.keys[sample].rsplit(".", 1)[0]
            raise DecodeError("no mask", f"--masks holds no {name}.png; put it there")
        return read_unchanged(path, int(masks.sizes[sample]), int(masks.versions[sample]))

    def release(self, sample: int) -> None:
        """Do nothing: a file is not held."""

    def carry(self, samples: Sequence[int]) -> None:
        """Carry nothing: a folder has no columns."""
