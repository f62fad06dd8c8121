"""Whole files of a local disk, read and written by plain system calls.

A file object makes twice as many calls, and each call lets go of the interpreter's lock.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from augcli.errors import StorageError
from augcli.io.store.errors import storage_error, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator


WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""How unfinished files are opened: never through a link, which might lead out of DST."""


DIRECTORY_TRIES = 20
"""How often a directory is made that is gone again before a file stands in it."""


NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems without hard links answer where one is asked for."""


def read_if_there(path: str) -> bytes | None:
    """Read a whole file; None if it does not exist."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            size = os.fstat(file).st_size
            data = os.read(file, size + 1)
            while more := os.read(file, size + 1):
                data += more
        finally:
            os.close(file)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise storage_error(f"cannot read {path!r}", error) from error
    return data


def write_file(path: str, data: bytes) -> None:
    """Write a file anew; a write may take less than all that is given."""
    file = os.open(path, WRITE, 0o666)
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, memoryview(data)[written:])
    finally:
        os.close(file)


def write_with_directory(path: str, data: bytes) -> None:
    """Write a file anew, and make its directory, which others may remove meanwhile, since it is empty."""
    for tries in reversed(range(DIRECTORY_TRIES)):
        try:
            os.makedirs(path.rpartition("/")[0], exist_ok=True)  # noqa: PTH103
            write_file(path, data)
        except FileNotFoundError:
            if not tries:
                raise
        else:
            return


def link_or_write(finished: str, path: str, data: bytes) -> bool:
    """Write a finished file under a second name if nothing has that name; True if it was free.

    Where the file system has no hard links, the file is written once more, under its own name.
    """
    try:
        os.link(finished, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
    else:
        return True
    try:
        os.close(os.open(path, WRITE | os.O_EXCL, 0o666))
    except FileExistsError:
        return False
    try:
        write_file(path, data)
        sync(path, os.O_RDWR)
    except BaseException:
        os.unlink(path)  # noqa: PTH108
        raise
    return True


def sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk, where the system and the file system can."""
    if os.name == "nt":  # which opens no directories
        return
    with _ignoring_refusal():
        sync(path, os.O_RDONLY)


def read_unchanged(path: str, size: int, version: int) -> bytes:
    """Read a whole file, which must be unchanged since it was listed.

    Args:
        path: The file.
        size: Bytes when it was listed.
        version: Modification time in nanoseconds when it was listed.

    Raises:
        StorageError: If it cannot be read or has changed: a fault of the moment, not of the
            data, so nothing about it may be recorded.
    """

    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(file)
            data = os.read(file, size + 1)
            while len(data) < size and (more := os.read(file, size + 1 - len(data))):
                data += more
        finally:
            os.close(file)
    except OSError as error:
        raise storage_error(f"cannot read {path!r}", error) from error
    if status.st_size != size or status.st_mtime_ns != version or len(data) != size:
        raise StorageError(f"{path!r} changed since it was listed; run again")
    return data


def make_directory(path: str) -> None:
    """Make a directory and its parents where they do not exist."""
    with storage_errors(f"cannot make {path!r}"):
        os.makedirs(path, exist_ok=True)  # noqa: PTH103


@contextmanager
def _ignoring_refusal() -> Iterator[None]:
    """Go on where a file system cannot sync directories, as some of networks and of user space."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def sync(path: str, flags: int) -> None:
    """Bring the bytes of a file, or the names in a directory, to the disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)
