"""Directories that users name: opened as stores, and refused where they overlap."""

from __future__ import annotations

import errno
import glob
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from augcli.errors import Option, OutputError, UsageError
from augcli.io.store.errors import storage_error, storage_errors
from augcli.io.store.local import LocalStore
from augcli.io.store.urls import HERE, Access, Url, is_url, parse_url

if TYPE_CHECKING:
    from augcli.io.store.base import Store


def open_destination(path: str | os.PathLike[str], access: Access = HERE) -> Store:
    """Return the store of an output, whose directory need not exist yet.

    Raises:
        InputError: If it is an address of a kind that is not read.
        UsageError: If it is an address of a kind that is only read.
        OutputError: If a file stands there.
        StorageError: If the machine fails.
    """
    if is_url(path):
        return _open_bucket(parse_url(str(path)), access)
    root = str(Path(path).absolute())
    with storage_errors(f"cannot read {root!r}"), suppress(FileNotFoundError, NotADirectoryError):
        if not stat.S_ISDIR(os.stat(root).st_mode):  # noqa: PTH116
            raise _file_error(root)
    return LocalStore(root)


def check_can_begin(store: Store) -> None:
    """Refuse a directory that cannot be made or written, as far as the machine says so beforehand.

    Raises:
        StorageError: If so, as a run would raise it.
    """
    if is_url(store.name):
        return
    doing = f"cannot make {store.name!r}"
    for place in (Path(store.name), *Path(store.name).parents):
        try:
            is_directory = stat.S_ISDIR(os.stat(place).st_mode)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.islink(place):  # noqa: PTH114
                continue
            is_directory = False  # a link that leads nowhere
        if not is_directory:
            error = errno.EEXIST if str(place) == store.name else errno.ENOTDIR
        elif not os.access(place, os.W_OK | os.X_OK):
            error = errno.EACCES
        else:
            return
        raise storage_error(doing, OSError(error, os.strerror(error)))


def _open_bucket(url: Url, access: Access) -> Store:
    if url.is_data_set:
        raise UsageError(
            f"DST {str(url)!r} is a data set of Hugging Face, where each file would be a commit; give a"
            " directory and send it with `hf upload-large-folder`, or give hf://buckets/OWNER/BUCKET/PATH"
        )
    from augcli.io.store.object_locations import is_object
    from augcli.io.store.objects import ObjectStore

    if is_object(url, access):
        raise _file_error(str(url))
    return ObjectStore(url, access)


def _file_error(root: str) -> OutputError:
    return OutputError(f"DST {root!r} is a file; give a directory")


def clear_scratch(store: Store) -> None:
    """Remove what an attempt that failed left of its scratch files; a disk's own are kept for the next run.

    Raises:
        StorageError: If the machine fails.
    """
    scratch = store.scratch
    if scratch.prefix:
        scratch.store.delete([key for page in scratch.store.list(scratch.prefix) for key in page.keys])


def check_apart(
    source: str | os.PathLike[str], destination: str | os.PathLike[str], name: str | Option = "SRC"
) -> None:
    """Refuse a destination that is, holds, or lies in the source, which messages call `name`.

    Of a glob counts the directory that it starts with; below that may DST lie unless the glob has `**`.

    Raises:
        InputError: If one is an address of a kind that is not read.
        OutputError: If the two overlap.
    """
    if is_url(source) != is_url(destination):
        return
    overlaps = _urls_overlap if is_url(source) else _paths_overlap
    if overlaps(str(source), str(destination)):
        both = name, f" {str(source)!r} and DST {str(destination)!r}"
        raise OutputError(*both, " overlap; give DST a place of its own")


def check_sheet(
    sheet: str | os.PathLike[str],
    source: str | os.PathLike[str] | None,
    destination: str | os.PathLike[str] | None,
) -> None:
    """Refuse a picture inside of the source, of which it would be an image, or of an output, as a stranger.

    Args:
        sheet: The picture.
        source: SRC; None if it is not read.
        destination: DST; None if it is not known.

    Raises:
        OutputError: If it lies in one of them.
    """
    for name, path, why in (
        ("SRC", source, "would be read as one of its images"),
        ("DST", destination, "is not a file of that output"),
    ):
        if path is not None and not is_url(path) and _paths_overlap(str(path), str(sheet)):
            words = f"SHEET {str(sheet)!r} lies in {name} {str(path)!r}, and {why}"
            raise OutputError(f"{words}; give it another place")


def _paths_overlap(source: str, destination: str) -> bool:
    fixed = Path(source)
    while glob.has_magic(str(fixed)) and not fixed.exists():
        fixed = fixed.parent
    is_deep = fixed == Path(source) or "**" in source
    inner, outer = (
        Path(os.path.realpath(path)) for path in (fixed, destination)
    )  # links may lead in circles
    return inner == outer or outer in inner.parents or (is_deep and inner in outer.parents)


def _urls_overlap(source: str, destination: str) -> bool:
    fixed, outer = parse_url(source), parse_url(destination)
    is_deep = not glob.has_magic(fixed.key) or "**" in fixed.key
    while glob.has_magic(fixed.key):
        fixed = fixed.parent
    return outer.holds(fixed) or (is_deep and fixed.holds(outer))


def read_text(path: str | os.PathLike[str]) -> str | None:
    """Read a short UTF-8 text of the system; None if it cannot be read."""
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
