"""What a store is: eight verbs over keys below a root, by which every byte is read and written.

Keys are POSIX texts below the root that never begin with a slash. Readers and writers know stores and keys,
and nothing of paths, so that a store of another kind is one new module. Where the machine fails, the error is
a `StorageError`, whatever the store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager


class Version(NamedTuple):
    """What a file was when it was listed: a file whose size or version differs is another one.

    Attributes:
        size: Bytes.
        version: Modification time in nanoseconds on a local disk; in a bucket a hash of the ETag.
    """

    size: int
    version: int


@dataclass(slots=True)
class Page:
    """Some of the entries below a prefix, as parallel columns: a million of them must stay small.

    Attributes:
        keys: Of files, and of empty directories: these end in a slash. A directory in which no name is wanted
            counts as empty.
        sizes: Bytes of each; 0 for an empty directory.
        versions: Version of each; 0 for an empty directory.
        others: Entries that are not files, by what they are: `broken links`, `special files`, `links`.
        other_keys: Their keys.
    """

    keys: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    other_keys: list[str] = field(default_factory=list)


class WorkerKind(IntEnum):
    """Which workers may use a store that this process has used; of several stores the smallest holds."""

    THREADS = 1
    """Threads of this process: what is in the store is in its memory."""

    FRESH = 2
    """Processes that begin anew, too: they are given the store pickled."""

    FORKED = 3
    """Processes that are forked, too: stores of local files have nothing that a fork breaks."""


class Sink(Protocol):
    """Where whole files are written: a store, or a comparison with what stands in a store."""

    def writing(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Write a file that appears whole and durable, or not at all; its directory is made.

        Raises:
            StorageError: If the machine fails; what was written is gone then.
        """


class Scratch(NamedTuple):
    """Where files wait, staged, that are read again soon and then removed.

    Attributes:
        store: On a disk the store itself, whose unfinished files the next run removes; else a directory of
            this machine for temporary files.
        prefix: What their keys begin with there; empty, or with a slash at its end.
    """

    store: Store
    prefix: str = ""


class Store(Sink, Protocol):
    """Files below a root."""

    @property
    def name(self) -> str:
        """The root as users write it, for messages."""

    @property
    def worker_kind(self) -> WorkerKind:
        """Which workers may use it; `FORKED` is said by stores of local files alone."""

    @property
    def scratch(self) -> Scratch:
        """Where files of this attempt wait, staged, that never become files of the store."""

    def anew(self) -> Self:
        """Return this store for another attempt: what it stages never meets what this one has staged."""

    def list(self, prefix: str = "", wanted: Callable[[str], bool] | None = None) -> Iterator[Page]:
        """Yield the files whose keys begin with a prefix, in no particular order.

        Args:
            prefix: A directory with a slash at its end, or the beginning of names in a directory; where
                nothing begins so, nothing is yielded. In a bucket that takes no more requests than it yields
                pages.
            wanted: Whether files and directories of a name (the last part of a key) are listed and entered.

        Raises:
            StorageError: If a directory cannot be listed.
        """

    def read(self, keys: Sequence[str], expect: Sequence[Version] | None = None) -> Sequence[bytes | None]:
        """Read whole files, many at once.

        Args:
            keys: The files.
            expect: What each must still be; None takes each as it is.

        Returns:
            The bytes of each; None for a file that does not exist, where nothing is expected of it.

        Raises:
            StorageError: If a file cannot be read, or has changed since it was listed. That is a fault of the
                moment and not of the data, so nothing about it may be recorded.
        """

    def open(self, key: str, expect: Version | None = None) -> BinaryIO:
        """Open a file that is read by ranges: it can be sought, and is what pyarrow reads.

        Args:
            key: The file.
            expect: What it must still be; None takes it as it is.

        Raises:
            StorageError: If it cannot be opened, or has changed since it was listed.
        """

    def stage(self, keys: Sequence[str], data: Sequence[bytes]) -> None:
        """Write files under unfinished names that no other attempt uses; directories are made.

        Raises:
            StorageError: If the machine fails.
        """

    def staged(self, key: str) -> str:
        """Return the key that a staged file bears until it is published: by that it is read, or deleted."""

    def publish(self, keys: Sequence[str]) -> None:
        """Publish staged files under their own names.

        Raises:
            StorageError: If the machine fails.
        """

    def create(self, key: str, data: bytes) -> bool:
        """Write a file only if it does not exist; True if this call wrote it.

        Raises:
            StorageError: If the machine fails.
        """

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files, which may already be gone, and the directories below the root that this empties.

        A key that ends in a slash is an empty directory.

        Raises:
            StorageError: If the machine fails.
        """

    def free_bytes(self) -> int | None:
        """Return the free space; None if it is not known."""


def is_local(store: Store) -> bool:
    """True if a store is files of a system, whose faults mostly stay; those of buckets are of the moment."""
    return store.worker_kind is WorkerKind.FORKED


def write_text(sink: Sink, key: str, text: str) -> None:
    """Write a UTF-8 text with LF line ends, whole or not at all."""
    with sink.writing(key) as file:
        file.write(text.encode())


def full_name(store: Store, key: str) -> str:
    """Return the name of a file as users write it, for messages; without a key, the name of the store."""
    if not key:
        return store.name
    if store.name == ".":
        return key
    return f"{store.name}{key}" if store.name.endswith("/") else f"{store.name}/{key}"
