"""What the paths that users give lead to: a store, and a key in it."""

from __future__ import annotations

import errno
import glob
import os
import stat
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from augcli.errors import InputError
from augcli.io.store.base import full_name, is_local
from augcli.io.store.errors import storage_error, storage_errors
from augcli.io.store.listing import Files
from augcli.io.store.local import LocalStore
from augcli.io.store.pointers import LFS_CURE, is_lfs_pointer
from augcli.io.store.urls import HERE, Access, is_url, parse_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store


ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system answers where nothing stands at a path, or nothing can."""


class Kind(Enum):
    """What stands where a path leads."""

    DIRECTORY = "directory"
    FILE = "file"
    SPECIAL = "pipe or device"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a path leads.

    Attributes:
        store: The directory itself, or the directory that holds the file.
        key: The file; empty for a directory.
        kind: What stands there.
    """

    store: Store
    key: str = ""
    kind: Kind = Kind.FILE

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return full_name(self.store, self.key)

    def read(self) -> bytes:
        """Read the file.

        Raises:
            InputError: If a Git LFS pointer stands in its place.
            StorageError: If it does not exist or cannot be read; its cause has the errno.
        """
        if self.kind is Kind.DIRECTORY:
            error = IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.name)
            raise storage_error(f"cannot read {self.name!r}", error) from error
        (data,) = self.store.read([self.key])
        if data is None:
            missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            raise storage_error(f"cannot read {self.name!r}", missing) from missing
        if is_lfs_pointer(data):
            raise InputError(f"{self.name!r} is not there: {LFS_CURE}")
        return data


def locate(
    path: str | os.PathLike[str], follow_links: bool = False, skip: str | None = None, access: Access = HERE
) -> Location:
    """Return where a path or an address leads.

    Args:
        path: What the user gave.
        follow_links: Whether a directory is listed with what links lead to.
        skip: A directory that is never listed, wherever a link leads to it.
        access: How object stores are reached.

    Raises:
        InputError: If it is an address of a kind that is not read.
        StorageError: If the machine does not say what stands there.
    """
    kind = find_kind(path, access)
    if kind is not Kind.DIRECTORY:
        return replace(locate_file(path, access), kind=kind)
    if is_url(path):
        from augcli.io.store.buckets import open_bucket

        return Location(open_bucket(parse_url(str(path)), access), "", kind)
    return Location(LocalStore(str(Path(path)), follow_links, skip), "", kind)


def locate_file(path: str | os.PathLike[str], access: Access = HERE) -> Location:
    """Return where the file at a path or an address would lie; whether it exists is not looked at."""
    if is_url(path):
        from augcli.io.store.buckets import open_bucket

        url = parse_url(str(path))
        return Location(open_bucket(url.parent, access), url.name)
    return Location(LocalStore(str(Path(path).parent)), Path(path).name)


def find_kind(path: str | os.PathLike[str], access: Access = HERE) -> Kind:
    """Return what stands at a path, links followed, or at an address.

    Raises:
        InputError: If it is an address of a kind that is not read.
        StorageError: If the machine does not say.
    """
    if is_url(path):
        from augcli.io.store.object_locations import holds_objects, is_object

        url = parse_url(str(path))
        if is_object(url, access):
            return Kind.FILE
        return Kind.DIRECTORY if holds_objects(url, access) else Kind.NOTHING
    with storage_errors(f"cannot read {str(path)!r}"):
        try:
            mode = Path(path).stat().st_mode
        except ValueError:  # a path that no file can have
            return Kind.NOTHING
        except OSError as error:
            if error.errno in ABSENT:
                return Kind.NOTHING
            raise
    if stat.S_ISDIR(mode):
        return Kind.DIRECTORY
    return Kind.FILE if stat.S_ISREG(mode) else Kind.SPECIAL


def find_above(path: str, name: str, levels: int, access: Access = HERE) -> str | None:
    """Return the nearest directory above a directory that holds a file of some name.

    Args:
        path: The directory; where it holds such a file itself, nothing is looked for.
        name: The file.
        levels: How many directories up to look.
        access: How object stores are reached.

    Returns:
        The directory, as the path of the first one is written; None if no directory above holds it.
    """
    if is_url(path):
        from augcli.io.store.object_locations import find_holder

        return find_holder(parse_url(path), access, name, levels)
    if find_kind(Path(path) / name) is Kind.FILE:
        return None
    for level in range(1, levels + 1):
        above = os.path.normpath(Path(path, *[os.pardir] * level))
        if find_kind(Path(above) / name) is Kind.FILE:
            return above
    return None


def join_directories(paths: Sequence[str]) -> tuple[str, list[str]]:
    """Return the deepest directory that holds some local ones, and the path of each below it.

    A path that is not empty ends in a slash. Of a directory called `images`, or below one, that counts which
    holds the last such: labels lie beside it.
    """
    whole = [os.path.abspath(path) for path in paths]  # noqa: PTH100 - links stay as they are
    above = [f"{path}/".rpartition("/images/")[0] if "/images/" in f"{path}/" else path for path in whole]
    root = os.path.commonpath([path or "/" for path in above])
    below = [os.path.relpath(path, root) for path in whole]
    return root, ["" if path == "." else f"{path}/" for path in below]


def read_known(store: Store, keys: Sequence[str], most_bytes: int) -> list[bytes | None]:
    """Read files whose names alone are known; None where no file stands: reading a pipe need not end.

    Raises:
        InputError: If one is longer than that.
        StorageError: If the machine fails.
    """
    if not is_local(store):
        return list(store.read(keys))
    sizes = [_find_size(full_name(store, key)) for key in keys]
    for key, size in zip(keys, sizes, strict=True):
        if size is not None and size > most_bytes:
            name = full_name(store, key)
            raise InputError(f"{name!r} must be of at most {most_bytes} bytes, got {size}; correct it")
    there = [key for key, size in zip(keys, sizes, strict=True) if size is not None]
    data = dict(zip(there, store.read(there), strict=True))
    return [data.get(key) for key in keys]


def _find_size(path: str) -> int | None:
    """Return the length of a file; None if it does not exist."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def is_pattern(path: str) -> bool:
    """True if a path is a pattern of names (`*`, `?`, `[...]`, `**`)."""
    return glob.has_magic(path)


def locate_files(path: str, access: Access = HERE) -> tuple[Store, Files]:
    """Return the file at a path, or all that a pattern matches, as files of their deepest common directory.

    Raises:
        StorageError: If one cannot be looked at.
    """
    if is_url(path):
        from augcli.io.store.object_locations import find_objects

        return find_objects(parse_url(path), access)
    if find_kind(path) is Kind.FILE:
        paths = [Path(path)]
    else:
        paths = sorted(map(Path, glob.glob(path, recursive=True)))  # noqa: PTH207 - a whole path
    root = Path(os.path.commonpath([file.parent for file in paths])) if paths else Path()
    files = Files()
    for file in paths:
        with storage_errors(f"cannot read {str(file)!r}"):
            status = file.stat()
        files.append(file.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns)
    return LocalStore(str(root)), files


def lies_in(inner: Location, outer: Store) -> bool:
    """True if a path is a directory or leads below it, whatever links lead to either."""
    return path_below(inner.name, outer.name) is not None


def path_below(inner: str, outer: str) -> str | None:
    """Return the path by which a directory is reached from another; None if it does not lie there.

    It ends in a slash, and is empty where both are the same.
    """
    if is_url(inner) or is_url(outer):
        if not (is_url(inner) and is_url(outer)):
            return None
        within, around = parse_url(inner), parse_url(outer)
        rest = within.key[len(around.key) :].strip("/")
        return (f"{rest}/" if rest else "") if around.holds(within) else None
    below, above = (Path(os.path.realpath(name or ".")) for name in (inner, outer))
    if below == above:
        return ""
    return f"{below.relative_to(above).as_posix()}/" if above in below.parents else None
