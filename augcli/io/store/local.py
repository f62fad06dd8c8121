"""A store on a local disk: plain system calls, whose errors become `StorageError`s here."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, cast

import pyarrow as pa

from augcli.errors import StorageError
from augcli.io.store.base import Scratch, Sharing
from augcli.io.store.errors import storage_error, storage_errors
from augcli.io.store.names import PART_SUFFIX
from augcli.io.store.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from augcli.io.store.base import Page, Version


WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""How unfinished files are opened: never through a link, which might lead out of DST."""


DIRECTORY_TRIES = 20
"""How often a directory is made that is gone again before a file stands in it."""


NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems without hard links answer where one is asked for."""


def new_attempt() -> str:
    """Return what no other attempt's unfinished names bear."""
    return os.urandom(4).hex()


@dataclass(frozen=True, slots=True)
class LocalStore:
    """Files below a directory, by plain system calls with the loops inside.

    The directory need not exist before something is written. A store pickles with its attempt: what one
    process staged, another one may publish.

    Attributes:
        root: The directory.
        follow_links: Whether `list` follows symbolic links, each real directory once: the directory itself
            first, then links to it in the order of their keys.
        skip: A directory that `list` leaves out, wherever a link leads to it.
        attempt: What unfinished names of this attempt bear: two attempts at one file never meet.
    """

    root: str
    follow_links: bool = False
    skip: str | None = None
    attempt: str = field(default_factory=new_attempt)

    @property
    def name(self) -> str:
        """The root as users write it."""
        return self.root

    @property
    def sharing(self) -> Sharing:
        """Every worker that sees the same files may use it; see `Store.sharing`."""
        return Sharing.FORKED

    @property
    def scratch(self) -> Scratch:
        """The store itself; see `Store.scratch`."""
        return Scratch(self)

    def path(self, key: str) -> str:
        """Return where a file lies, for messages and for programs that know paths alone."""
        return f"{self.root}/{key}" if self.root != "/" else f"/{key}"

    def anew(self) -> Self:
        """Return this store for another attempt; see `Store.anew`."""
        return replace(self, attempt=new_attempt())

    def list(self, prefix: str = "", wanted: Callable[[str], bool] | None = None) -> Iterator[Page]:
        """Yield what stands below a prefix, a page for each directory; see `Store.list`."""
        walk = Walk(self.follow_links, wanted)
        if self.skip is not None:
            walk.leave_out(self.skip)
        directory, slash, begins = prefix.rpartition("/")
        yield from walk.pages(self.path(directory).rstrip("/") or "/", directory + slash, begins)

    def read(self, keys: Sequence[str], expect: Sequence[Version] | None = None) -> Sequence[bytes | None]:
        """Read whole files; see `Store.read`."""
        if expect is None:
            return [_read_if_there(self.path(key)) for key in keys]
        pairs = zip(keys, expect, strict=True)
        return [_read_unchanged(self.path(key), *version) for key, version in pairs]

    def open(self, key: str, expect: Version | None = None) -> BinaryIO:
        """Open a file that is read by ranges; given a text, pyarrow takes some names for addresses."""
        path = self.path(key)
        with storage_errors(f"cannot read {path!r}"):
            status = os.stat(path) if expect else None  # noqa: PTH116 - as in `_read_unchanged`
            file = cast("BinaryIO", pa.OSFile(os.fsencode(path)))
        if status and (status.st_size, status.st_mtime_ns) != expect:
            file.close()
            raise StorageError(f"{path!r} changed since it was listed; run again")
        return file

    def stage(self, keys: Sequence[str], data: Sequence[bytes]) -> None:
        """Write files under unfinished names, in the order of their keys: directory by directory."""
        for key, content in sorted(zip(keys, data, strict=True)):
            path = self.path(key)
            try:
                _write_file(_unfinished(path, self.attempt), content)
            except FileNotFoundError:  # the first file of its directory
                with storage_errors(f"cannot write {path!r}"):
                    _write_with_directory(_unfinished(path, self.attempt), content)
            except OSError as error:
                raise storage_error(f"cannot write {path!r}", error) from error

    def staged(self, key: str) -> str:
        """Return the unfinished name of a file; see `Store.staged`."""
        return _unfinished(key, self.attempt)

    def publish(self, keys: Sequence[str]) -> None:
        """Rename staged files to their own names."""
        for key in keys:
            path = self.path(key)
            try:
                os.replace(_unfinished(path, self.attempt), path)  # noqa: PTH105 - called once per output
            except OSError as error:
                raise storage_error(f"cannot write {path!r}", error) from error

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a file that survives a power loss whole, or not at all.

        What was written under the unfinished name is synced, then renamed, and its directory synced.
        """
        path = self.path(key)
        unfinished = _unfinished(path, new_attempt())
        make_directory(path.rpartition("/")[0])
        with storage_errors(f"cannot write {path!r}"):
            try:
                with open(os.open(unfinished, WRITE, 0o666), "wb") as file:  # noqa: PTH123 - a descriptor
                    yield file
                _sync(unfinished, os.O_RDWR)
                os.replace(unfinished, path)  # noqa: PTH105 - as in `publish`
                _sync_directory(path.rpartition("/")[0])
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished)  # noqa: PTH108
                raise

    def create(self, key: str, data: bytes) -> bool:
        """Write a file only if it does not exist; see `Store.create`."""
        path = self.path(key)
        unfinished = _unfinished(path, new_attempt())
        make_directory(path.rpartition("/")[0])
        with storage_errors(f"cannot write {path!r}"):
            try:
                _write_file(unfinished, data)
                _sync(unfinished, os.O_RDWR)
                is_ours = _link_or_write(unfinished, path, data)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished)  # noqa: PTH108
            _sync_directory(path.rpartition("/")[0])
        return is_ours

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files and the directories that this empties."""
        emptied = set()
        for key in keys:
            path = self.path(key)
            with storage_errors(f"cannot remove {path!r}"):
                if not key.endswith("/"):
                    with suppress(FileNotFoundError):
                        os.unlink(path)  # noqa: PTH108
            emptied.add(key.rpartition("/")[0])
        for directory in sorted(emptied, key=lambda key: -key.count("/")):
            _remove_empty(self, directory)

    def free_bytes(self) -> int | None:
        """Return the free space where the root is, or will be made."""
        with storage_errors(f"cannot read {self.root!r}"):
            places = [Path(self.root).resolve(), *Path(self.root).resolve().parents]
            nearest = next(place for place in places if place.exists())
            return shutil.disk_usage(nearest).free


def _unfinished(path: str, attempt: str) -> str:
    """Return the name of a file as long as it is not finished."""
    return f"{path}.{attempt}{PART_SUFFIX}"


def _remove_empty(store: LocalStore, directory: str) -> None:
    """Remove a directory and those above it, up to the root, while they are empty."""
    while directory:
        path = store.path(directory)
        with storage_errors(f"cannot remove {path!r}"):
            try:
                os.rmdir(path)  # noqa: PTH106
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                return
        directory = directory.rpartition("/")[0]


def _read_if_there(path: str) -> bytes | None:
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


def _write_file(path: str, data: bytes) -> None:
    """Write a file anew; a write may take less than all that is given."""
    file = os.open(path, WRITE, 0o666)
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, memoryview(data)[written:])
    finally:
        os.close(file)


def _write_with_directory(path: str, data: bytes) -> None:
    """Write a file anew, and make its directory, which others may remove meanwhile, since it is empty."""
    for left in reversed(range(DIRECTORY_TRIES)):
        try:
            os.makedirs(path.rpartition("/")[0], exist_ok=True)  # noqa: PTH103
            _write_file(path, data)
        except FileNotFoundError:
            if not left:
                raise
        else:
            return


def _link_or_write(finished: str, path: str, data: bytes) -> bool:
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
        _write_file(path, data)
        _sync(path, os.O_RDWR)
    except BaseException:
        os.unlink(path)  # noqa: PTH108
        raise
    return True


def _sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk, where the system and the file system can."""
    if os.name == "nt":  # which opens no directories
        return
    with _ignoring_refusal():
        _sync(path, os.O_RDONLY)


def _read_unchanged(path: str, size: int, version: int) -> bytes:
    """Read a whole file, which must be unchanged since it was listed.

    Args:
        path: The file.
        size: Bytes when it was listed.
        version: Modification time in nanoseconds when it was listed.

    Raises:
        StorageError: If it cannot be read or has changed: a fault of the moment, not of the
            data, so nothing about it may be recorded.
    """
    # Plain system calls: a file object makes twice as many, and each one lets go of the interpreter's lock.
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


def _sync(path: str, flags: int) -> None:
    """Bring the bytes of a file, or the names in a directory, to the disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)
