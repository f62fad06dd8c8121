"""A store in a bucket, over obstore: a file is put whole under its own name, or not at all.

There are no renames, so what is staged stands at once; the part file of its chunk, which comes last, is what
makes it count. There are no directories either: they are where keys have slashes. Versions are made from
ETags, and checked on the answer that brings the bytes.

obstore must not be used in a process that forks workers which use it, too: these hang.
"""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from tempfile import SpooledTemporaryFile, gettempdir
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self, cast

from augcli.errors import StorageError
from augcli.io.store.base import Scratch, Version, WorkerKind, full_name
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import LocalStore
from augcli.io.store.names import new_attempt
from augcli.io.store.object_clients import connect, hash_environment, load_obstore
from augcli.io.store.object_errors import object_errors, retried
from augcli.io.store.object_files import END_BYTES, RangeFile
from augcli.io.store.object_listing import PAGE_KEYS, list_pages, object_version
from augcli.io.store.request_pool import at_once, begin
from augcli.io.store.urls import HERE, Access, Url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from augcli.io.store.base import Page

PUT_BYTES = 64 << 20
"""Files up to this size are put with one request."""

SPOOLED_BYTES = 16 << 20
"""Files that are written piece by piece wait in memory up to this size, and on the local disk beyond."""

NONCE = "augcli"
"""Attribute of objects that are put on a condition: who put the object that stands there."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Objects below an address. It pickles as that and how it is reached: never with credentials.

    Attributes:
        url: The address.
        access: How it is reached.
        attempt: What the directory of this attempt's scratch files bears.
    """

    url: Url
    access: Access = HERE
    attempt: str = field(default_factory=new_attempt, compare=False)

    @property
    def name(self) -> str:
        """The root as users write it."""
        return str(self.url)

    @property
    def worker_kind(self) -> WorkerKind:
        """Processes that begin anew may use it; a store in memory is for threads alone."""
        return WorkerKind.THREADS if self.url.scheme == "memory" else WorkerKind.FRESH

    @property
    def scratch(self) -> Scratch:
        """A directory of this machine: to send such files away and back would cost more than both."""
        return Scratch(LocalStore(gettempdir(), attempt=self.attempt), f"augcli-{self.attempt}/")

    @property
    def client(self) -> Any:
        """What speaks to the bucket, built in each process that asks."""
        in_memory = self.url.scheme == "memory"
        environment = 0 if in_memory else hash_environment()
        return connect(self.url.scheme, self.url.bucket, self.access, os.getpid(), environment)

    def path(self, key: str) -> str:
        """Return the key of a file below the bucket."""
        return "/".join(filter(None, (self.url.key, key)))

    def anew(self) -> Self:
        """Return this store for another attempt; see `Store.anew`."""
        return replace(self, attempt=new_attempt())

    def list(self, prefix: str = "", wanted: Callable[[str], bool] | None = None) -> Iterator[Page]:
        """Yield what begins with a prefix, page by page; see `Store.list`. No directory is empty."""
        directory, _, begins = prefix.rpartition("/")
        yield from list_pages(_list_entries(self, directory, begins), self.url.key, directory, wanted)

    def begin_read(self, key: str, expect: Version) -> Future[bytes | None]:
        """Begin to read a file, which must be unchanged; return what waits for its bytes."""
        return begin(_read, self, key, expect)

    def read(self, keys: Sequence[str], expect: Sequence[Version] | None = None) -> Sequence[bytes | None]:
        """Read whole files, many at once; see `Store.read`."""
        return at_once(partial(_read, self), keys, expect or itertools.repeat(None))

    def open(self, key: str, expect: Version | None = None) -> BinaryIO:
        """Open a file that is read by ranges; see `Store.open`. Its end is read at once."""
        meta, end = _fetch_end(self, key)
        _check(self, key, meta, expect)

        def fetch(start: int, stop: int) -> bytes:
            return _fetch(self, key, (start, stop), object_version(meta))

        return cast("BinaryIO", RangeFile(fetch, meta["size"], end))

    def stage(self, keys: Sequence[str], data: Sequence[bytes]) -> None:
        """Write files under their own names, many at once: the part file that names them comes last."""
        at_once(partial(_put, self), keys, data)

    def staged(self, key: str) -> str:
        """Return the key itself; see `Store.staged`."""
        return key

    def publish(self, keys: Sequence[str]) -> None:
        """Do nothing: staged files stand under their own names."""

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a file that appears whole or not at all; see `Sink.writing`. It is sent at the end."""
        doing = f"cannot write {full_name(self, key)!r}"
        with storage_errors(doing), SpooledTemporaryFile(SPOOLED_BYTES) as file:
            yield cast("BinaryIO", file)
            file.seek(0)
            _put(self, key, file)

    def create(self, key: str, data: bytes) -> bool:
        """Write a file only if it does not exist; see `Store.create`."""
        try:
            return replace_object(self, key, data, None) is not None
        except NoConditionsError:
            if find_object(self, key) is not None:
                return False
        _put(self, key, data)
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Remove files, which may already be gone; a thousand with one request, where the store can."""
        files = [key for key in keys if not key.endswith("/")]
        if not files:
            return
        paths = list(map(self.path, files))
        with _errors(self, "remove", files[0]):
            try:
                retried(lambda: load_obstore().delete(self.client, paths))
            except FileNotFoundError:  # of stores that mind it; which files were removed is not said
                at_once(partial(_delete, self), files)

    def free_bytes(self) -> int | None:
        """Return None: buckets have no end."""
        return None


# --- objects on a condition ----------------------------------------------------------------------------


class NoConditionsError(StorageError):
    """The store cannot write a file on a condition."""


class Found(NamedTuple):
    """What a store says of an object.

    Attributes:
        version: Its size and version.
        tag: Its ETag, by which it is replaced only if it is still the same.
    """

    version: Version
    tag: str


def find_object(store: ObjectStore, key: str) -> Found | None:
    """Return what a store says of an object; None if it does not exist.

    Raises:
        StorageError: If the store fails.
    """
    with _errors(store, "read", key):
        try:
            meta = load_obstore().head(store.client, store.path(key))
        except FileNotFoundError:
            return None
        if not meta["e_tag"]:  # as a web site answers, which has a page for every address
            raise ValueError("MissingEtag")
    return Found(object_version(meta), meta["e_tag"])


def replace_object(store: ObjectStore, key: str, data: bytes, tag: str | None) -> str | None:
    """Write a file only if what stands there has a tag, or if nothing does (None).

    Returns:
        The tag that it has now; None if something else stands there.

    Raises:
        NoConditionsError: If the store knows no conditions.
        StorageError: If it fails.
    """
    obstore, nonce, target = load_obstore(), new_attempt(), (store.client, store.path(key))
    mode = "create" if tag is None else {"e_tag": tag}
    refusals = (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError)
    unable = (obstore.exceptions.GenericError, obstore.exceptions.NotSupportedError)
    with _errors(store, "write", key):
        try:
            result = retried(partial(obstore.put, *target, data, mode=mode, attributes={NONCE: nonce}))
        except refusals:
            # A request whose answer was lost is sent again: then the file that is in the way is this one.
            return _find_own(store, key, nonce)
        except unable as error:
            if "NotImplemented" not in str(error) and isinstance(error, obstore.exceptions.GenericError):
                raise
            raise NoConditionsError(f"{store.name!r} cannot write a file on a condition") from error
    return str(result["e_tag"])


def _find_own(store: ObjectStore, key: str, nonce: str) -> str | None:
    """Return the tag of an object if this attempt put it."""
    try:
        result = load_obstore().get(store.client, store.path(key), options={"head": True})
    except FileNotFoundError:
        return None
    return str(result.meta["e_tag"]) if result.attributes.get(NONCE) == nonce else None


# --- single requests -----------------------------------------------------------------------------------


def _errors(store: ObjectStore, doing: str, key: str) -> AbstractContextManager[None]:
    return object_errors(doing, full_name(store, key), store.url.scheme)


def _list_entries(store: ObjectStore, directory: str, begins: str) -> Iterator[Any]:
    """Yield what stands below a key; a listing that breaks off goes on behind the last key that came.

    Clients can only list whole directories. So a listing of names with a certain beginning starts before the
    first of these names, and stops behind the last.
    """
    pages: Iterator[Any] | None = None
    first = store.path("/".join(filter(None, (directory, begins)))) if begins else ""
    last = first[:-1] or None  # since the listing begins behind it

    def next_page() -> Any:
        nonlocal pages
        if pages is None:
            root = store.path(directory) or None
            pages = iter(load_obstore().list(store.client, root, offset=last, chunk_size=PAGE_KEYS))
        try:
            return next(pages, None)
        except BaseException:
            pages = None
            raise

    while True:
        with _errors(store, "list", directory):
            page = retried(next_page)
        if page is None:
            return
        last = page[-1]["path"]
        yield from (entry for entry in page if entry["path"].startswith(first))
        if last[: len(first)] > first:
            return


def _read(store: ObjectStore, key: str, expect: Version | None) -> bytes | None:
    """Read a file; None if it does not exist and nothing is expected of it."""
    with _errors(store, "read", key):
        try:
            result = load_obstore().get(store.client, store.path(key))
        except FileNotFoundError as error:
            if expect is not None or _lacks_bucket(error):
                raise
            return None
        _check(store, key, result.meta, expect)
        return bytes(result.bytes())


def _fetch_end(store: ObjectStore, key: str) -> tuple[Any, bytes]:
    """Read the end of a file; return what the store says of the file, and the bytes."""
    obstore, path = load_obstore(), store.path(key)
    with _errors(store, "read", key):
        try:
            result = obstore.get(store.client, path, options={"range": {"suffix": END_BYTES}})
            return result.meta, bytes(result.bytes())
        except (obstore.exceptions.GenericError, obstore.exceptions.NotSupportedError):
            # Azure does not know ranges counted from the end; most stores refuse any range of an empty file.
            meta = obstore.head(store.client, path)
    start, size = max(0, meta["size"] - END_BYTES), meta["size"]
    return meta, _fetch(store, key, (start, size), object_version(meta)) if size else b""


def _fetch(store: ObjectStore, key: str, span: tuple[int, int], expect: Version) -> bytes:
    """Read a range of a file, which must be unchanged."""
    with _errors(store, "read", key):
        result = load_obstore().get(store.client, store.path(key), options={"range": span})
        _check(store, key, result.meta, expect)
        return bytes(result.bytes())


def _check(store: ObjectStore, key: str, meta: Any, expect: Version | None) -> None:
    """Refuse a file that has changed.

    Raises:
        StorageError: A fault of the moment, so nothing about it may be recorded.
    """
    if expect is not None and object_version(meta) != expect:
        raise StorageError(f"{full_name(store, key)!r} changed since it was listed; run again")


def _put(store: ObjectStore, key: str, data: Any) -> None:
    """Write a file, given its bytes or as a file."""
    with _errors(store, "write", key):
        load_obstore().put(store.client, store.path(key), data, chunk_size=PUT_BYTES)


def _delete(store: ObjectStore, key: str) -> None:
    """Remove a file, which may already be gone."""
    with suppress(FileNotFoundError):
        load_obstore().delete(store.client, store.path(key))


def _lacks_bucket(error: Exception) -> bool:
    """True if it is not the object that is missing, but its bucket."""
    return "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error)
