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
from augcli.io.store.base import Scratch, WorkerKind
from augcli.io.store.errors import storage_error, storage_errors
from augcli.io.store.local_files import (
    WRITE,
    link_or_write,
    make_directory,
    read_if_there,
    read_unchanged,
    sync,
    sync_directory,
    write_file,
    write_with_directory,
)
from augcli.io.store.names import new_attempt, unfinished_name
from augcli.io.store.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from augcli.io.store.base import Page, Version


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
    def worker_kind(self) -> WorkerKind:
        """Every worker that sees the same files may use it; see `Store.worker_kind`."""
        return WorkerKind.FORKED

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
            return [read_if_there(self.path(key)) for key in keys]
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
                write_file(unfinished_name(path, self.attempt), content)
            except FileNotFoundError:  # the first file of its directory
                with storage_errors(f"cannot write {path!r}"):
                    write_with_directory(unfinished_name(path, self.attempt), content)
            except OSError as error:
                raise storage_error(f"cannot write {path!r}", error) from error

    def staged(self, key: str) -> str:
        """Return the unfinished name of a file; see `Store.staged`."""
        return unfinished_name(key, self.attempt)

    def publish(self, keys: Sequence[str]) -> None:
        """Rename staged files to their own names."""
        for key in keys:
            path = self.path(key)
            try:
                os.replace(unfinished_name(path, self.attempt), path)  # noqa: PTH105 - called once per output
            except OSError as error:
                raise storage_error(f"cannot write {path!r}", error) from error

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a file that survives a power loss whole, or not at all.

        What was written under the unfinished name is synced, then renamed, and its directory synced.
        """
        path = self.path(key)
        unfinished = unfinished_name(path, new_attempt())
        make_directory(path.rpartition("/")[0])
        with storage_errors(f"cannot write {path!r}"):
            try:
                with open(os.open(unfinished, WRITE, 0o666), "wb") as file:  # noqa: PTH123 - a descriptor
                    yield file
                sync(unfinished, os.O_RDWR)
                os.replace(unfinished, path)  # noqa: PTH105 - as in `publish`
                sync_directory(path.rpartition("/")[0])
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished)  # noqa: PTH108
                raise

    def create(self, key: str, data: bytes) -> bool:
        """Write a file only if it does not exist; see `Store.create`."""
        path = self.path(key)
        unfinished = unfinished_name(path, new_attempt())
        make_directory(path.rpartition("/")[0])
        with storage_errors(f"cannot write {path!r}"):
            try:
                write_file(unfinished, data)
                sync(unfinished, os.O_RDWR)
                is_ours = link_or_write(unfinished, path, data)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished)  # noqa: PTH108
            sync_directory(path.rpartition("/")[0])
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
