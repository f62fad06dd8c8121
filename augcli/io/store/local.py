"""Paths and bytes on the disk: guarded reads, atomic writes, names that fit every file system.

Every `OSError` of the machine becomes a `StorageError` here, so that nothing above handles errnos.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

import pyarrow as pa

from augcli.errors import OutputError, StorageError
from augcli.io.store.errors import storage_error, storage_errors
from augcli.io.store.names import IMAGE_NAME, OTHERS, PART_SUFFIX, SHARD_NAME
from augcli.io.store.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from augcli.io.store.base import Page, Version


WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""How unfinished files are opened: never through a link, which might lead out of DST."""


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

    def path(self, key: str) -> str:
        """Return where a file lies, for messages and for programs that know paths alone."""
        return f"{self.root}/{key}" if self.root != "/" else f"/{key}"

    def list(self, prefix: str = "", wanted: Callable[[str], bool] | None = None) -> Iterator[Page]:
        """Yield what stands below a prefix, a page for each directory; see `Store.list`."""
        walk = Walk(self.follow_links, wanted or (lambda name: True))
        if self.skip is not None:
            walk.leave_out(self.skip)
        yield from walk.pages(self.path(prefix).rstrip("/") or "/", prefix)

    def read(self, keys: Sequence[str], expect: Sequence[Version] | None = None) -> Sequence[bytes | None]:
        """Read whole files; see `Store.read`."""
        if expect is None:
            return [_read_if_there(self.path(key)) for key in keys]
        pairs = zip(keys, expect, strict=True)
        return [read_unchanged(self.path(key), *version) for key, version in pairs]

    def open(self, key: str, expect: Version | None = None) -> BinaryIO:
        """Open a file that is read by ranges; given a text, pyarrow takes some names for addresses."""
        path = self.path(key)
        with storage_errors(f"cannot read {path!r}"):
            status = os.stat(path) if expect else None  # noqa: PTH116 - as in `read_unchanged`
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
                _write_file(self._unfinished(path), content)
            except FileNotFoundError:  # the first file of its directory
                make_directory(path.rpartition("/")[0])
                with storage_errors(f"cannot write {path!r}"):
                    _write_file(self._unfinished(path), content)
            except OSError as error:
                raise storage_error(f"cannot write {path!r}", error) from error

    def publish(self, keys: Sequence[str]) -> None:
        """Rename staged files to their own names."""
        for key in keys:
            path = self.path(key)
            try:
                os.replace(self._unfinished(path), path)  # noqa: PTH105 - called once per output
            except OSError as error:
                raise storage_error(f"cannot write {path!r}", error) from error

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a file that survives a power loss whole, or not at all.

        What was written under the unfinished name is synced, then renamed, and its directory synced.
        """
        path = self.path(key)
        unfinished = f"{path}.{new_attempt()}{PART_SUFFIX}"
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
        """Write a file only if there is none: a link to a finished file fails where the name is taken."""
        path = self.path(key)
        unfinished = f"{path}.{new_attempt()}{PART_SUFFIX}"
        make_directory(path.rpartition("/")[0])
        with storage_errors(f"cannot write {path!r}"):
            _write_file(unfinished, data)
            try:
                _sync(unfinished, os.O_RDWR)
                os.link(unfinished, path)
            except FileExistsError:
                return False
            finally:
                os.unlink(unfinished)  # noqa: PTH108
            _sync_directory(path.rpartition("/")[0])
        return True

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
            self._remove_empty(directory)

    def free_bytes(self) -> int | None:
        """Return the free space where the root is, or will be made."""
        with storage_errors(f"cannot read {self.root!r}"):
            places = [Path(self.root).resolve(), *Path(self.root).resolve().parents]
            nearest = next(place for place in places if place.exists())
            return shutil.disk_usage(nearest).free

    def _unfinished(self, path: str) -> str:
        return f"{path}.{self.attempt}{PART_SUFFIX}"

    def _remove_empty(self, directory: str) -> None:
        """Remove a directory and those above it, up to the root, while they are empty."""
        while directory:
            with storage_errors(f"cannot remove {self.path(directory)!r}"):
                try:
                    os.rmdir(self.path(directory))  # noqa: PTH106
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
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise storage_error(f"cannot read {path!r}", error) from error
    with storage_errors(f"cannot read {path!r}"), open(file, "rb") as opened:  # noqa: PTH123 - a descriptor
        return opened.read()


def _write_file(path: str, data: bytes) -> None:
    """Write a file anew; a write may take less than all that is given."""
    file = os.open(path, WRITE, 0o666)
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, memoryview(data)[written:])
    finally:
        os.close(file)


def _sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk, where the system and the file system can."""
    if os.name == "nt":  # which opens no directories
        return
    with _ignoring_refusal():
        _sync(path, os.O_RDONLY)


def read_unchanged(path: str, size: int, version: int) -> bytes:
    """Read a whole file that must still be the one that was listed.

    Args:
        path: The file.
        size: Bytes when it was listed.
        version: Modification time in nanoseconds when it was listed.

    Raises:
        StorageError: If it cannot be read or is no longer the same: a fault of the moment, not of the
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


def stage(path: str, data: bytes) -> None:
    """Write a file under its unfinished name; `publish` gives it its own."""
    try:
        file = os.open(path + PART_SUFFIX, WRITE, 0o666)
        try:
            written = os.write(file, data)
            while written < len(data):  # one write may take less than all of it
                written += os.write(file, memoryview(data)[written:])
        finally:
            os.close(file)
    except OSError as error:
        raise storage_error(f"cannot write {path!r}", error) from error


def publish(path: str) -> None:
    """Rename an unfinished file to its own name."""
    with storage_errors(f"cannot write {path!r}"):
        os.replace(path + PART_SUFFIX, path)  # noqa: PTH105 - called once per output


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Write a file whole or not at all, power loss included: yields the file under its unfinished name.

    What was written there is synced, then renamed, and its directory synced.
    """
    part = path.with_name(path.name + PART_SUFFIX)
    with storage_errors(f"cannot write {str(path)!r}"):
        try:
            with open(os.open(part, WRITE, 0o666), "wb") as file:  # noqa: PTH123 - a descriptor
                yield file
            _sync(part, os.O_RDWR)
            os.replace(part, path)  # noqa: PTH105 - as in `publish`, so that tests can let both fail
            if os.name != "nt":  # which opens no directories
                with _ignoring_refusal():
                    _sync(path.parent, os.O_RDONLY)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


Sink: TypeAlias = "Callable[[Path], AbstractContextManager[BinaryIO]]"
"""What gives a file to write to: `writing`, or a comparison with what stands there."""


def write_text(path: Path, text: str, sink: Sink = writing) -> None:
    """Write a UTF-8 text with LF line ends, whole or not at all."""
    with sink(path) as file:
        file.write(text.encode())


def make_directory(path: str | Path) -> None:
    """Make a directory and its parents where they do not exist."""
    with storage_errors(f"cannot make {str(path)!r}"):
        Path(path).mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file that may already be gone."""
    with storage_errors(f"cannot remove {str(path)!r}"):
        path.unlink(missing_ok=True)


def list_sizes(directory: Path) -> dict[str, int]:
    """Give the size of every file below a directory, by POSIX path relative to it; links are not followed.

    What another process removes meanwhile is left out, and so are pipes and devices: reading them need not
    end.
    """
    sizes: dict[str, int] = {}
    pending = [(str(directory), "")]
    with storage_errors(f"cannot list {str(directory)!r}"):
        while pending:
            path, below = pending.pop()
            with suppress(FileNotFoundError), os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, f"{below}{entry.name}/"))
                        continue
                    if not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
                        continue
                    with suppress(FileNotFoundError):
                        sizes[below + entry.name] = entry.stat(follow_symlinks=False).st_size
    return sizes


def check_apart(source: str | os.PathLike[str], destination: Path, name: str = "SRC") -> None:
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
        there = f"{name} {str(source)!r} and DST {str(destination)!r}"
        raise OutputError(f"{there} overlap; give DST a place of its own")


@contextmanager
def _ignoring_refusal() -> Iterator[None]:
    """Go on where a file system cannot sync directories, as some of networks and of user space."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sync(path: str | Path, flags: int) -> None:
    """Bring the bytes of a file, or the names in a directory, to the disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def remove_strangers(dst: Path, wanted: set[str]) -> None:
    """Remove files of ours that no part holds: images, shards, unfinished files; then empty class folders.

    Args:
        dst: Directory of the output.
        wanted: POSIX paths below it that stay.
    """
    root = str(dst)
    kept: list[str] = []
    for directory, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".")]  # a repository, say, is not ours
        below = "" if directory == root else directory[len(root) + 1 :].replace(os.sep, "/") + "/"
        kept.append(directory)
        for name in names:
            is_shard = below == "data/" and SHARD_NAME.fullmatch(name)
            is_ours = is_shard or IMAGE_NAME.fullmatch(name) or _is_unfinished(name)
            if is_ours and below + name not in wanted:
                remove_file(Path(directory, name))
    for directory in reversed(kept[1:]):  # children before their parents
        if not os.listdir(directory):  # noqa: PTH208 - beside os.walk
            with storage_errors(f"cannot remove {directory!r}"):
                Path(directory).rmdir()


def _is_unfinished(name: str) -> bool:
    """Whether a file is what a run that was killed left of a table or a part file."""
    return name.endswith(PART_SUFFIX) and OTHERS.fullmatch(name[: -len(PART_SUFFIX)]) is not None


def read_text(path: Path) -> str | None:
    """Read a UTF-8 text; None if there is no such file, or it is not one."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
