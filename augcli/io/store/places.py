"""Directories that users name: opened as stores, and refused where they overlap."""

from __future__ import annotations

import glob
import os
import stat
from contextlib import suppress
from pathlib import Path

from augcli.errors import Option, OutputError
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import LocalStore


def open_destination(path: str | os.PathLike[str]) -> LocalStore:
    """Return the store of an output, whose directory need not exist yet.

    Raises:
        OutputError: If a file stands there.
        StorageError: If the machine fails.
    """
    root = str(Path(path).absolute())
    with storage_errors(f"cannot read {root!r}"), suppress(FileNotFoundError, NotADirectoryError):
        if not stat.S_ISDIR(os.stat(root).st_mode):  # noqa: PTH116
            raise OutputError(f"DST {root!r} is a file; give a directory")
    return LocalStore(root)


def check_apart(source: str | os.PathLike[str], destination: Path, name: str | Option = "SRC") -> None:
    """Refuse a destination that is, holds, or lies in the source, which messages call `name`.

    Of a glob counts the directory that it starts with; below that may DST lie unless the glob has `**`.

    Raises:
        OutputError: If the two overlap.
    """
    fixed = Path(source)
    while glob.has_magic(str(fixed)) and not fixed.exists():
        fixed = fixed.parent
    is_deep = fixed == Path(source) or "**" in str(source)
    inner, outer = (
        Path(os.path.realpath(path)) for path in (fixed, destination)
    )  # links may lead in circles
    if inner == outer or outer in inner.parents or (is_deep and inner in outer.parents):
        both = name, f" {str(source)!r} and DST {str(destination)!r}"
        raise OutputError(*both, " overlap; give DST a place of its own")


def read_text(path: str | os.PathLike[str]) -> str | None:
    """Read a short UTF-8 text of the system; None if there is none that can be read."""
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
