"""A data set of Hugging Face's Hub as a store that is only read, over huggingface_hub.

It is pinned to a commit as it is opened, so that all processes of a run read the same files, whatever is sent
there meanwhile. The version of a file is made from the hash of its content.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, Self, cast

from augcli.errors import MissingPartError, StorageError
from augcli.io.store.base import Scratch, Version, WorkerKind, full_name
from augcli.io.store.object_clients import find_endpoint
from augcli.io.store.object_files import END_BYTES, RangeFile
from augcli.io.store.object_listing import list_pages, object_version
from augcli.io.store.request_pool import at_once, begin
from augcli.io.store.urls import HERE, Access, Url
from augcli.left_out import let_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from augcli.io.store.base import Page

INSTALL_HUB = "run: pip install 'augcli[hf]'"

TIMEOUT_S = 120.0
"""For one request, with its bytes. What fails is sent again up to five times."""

FRESH_S = 60.0
"""How long a revision is taken for the same commit: a run opens a data set a few times as it begins."""

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"

FAULTS = (
    (r"GatedRepo|DisabledRepo", "access must be granted first",
     "ask for it on the data set's page, and " + LOG_IN),
    (r"RevisionNotFound", "there is no such revision", "correct what stands behind the @"),
    (r"RepositoryNotFound", "there is no such data set, or it is private", "correct its name, or " + LOG_IN),
    (r"EntryNotFound", "it does not exist", "see to it that nobody removes it, and run again"),
    (r"\b401 ", "there is no such data set, or the credentials are not accepted (401)",
     "correct its name, or " + LOG_IN),
    (r"\b403 ", "access is denied (403)", LOG_IN),
    (r"\b(429|503) ", "the server turns requests away", "run again later, or with fewer workers"),
    (r"Timeout", "the server does not answer in time", "run again to go on"),
    (r"ConnectError", "the server cannot be reached", "check the network and HF_ENDPOINT"),
    (r"JSONDecode|\b404 ", "the server does not answer as Hugging Face does", "correct HF_ENDPOINT"),
)  # fmt: skip
"""By what a fault is known, what it is, and the cure. A blank stands behind a status: a file may be called
`403.jpg`, but an address has no blanks."""


@cache
def _load_hub() -> Any:
    """Load huggingface_hub.

    Raises:
        MissingPartError: If it is not installed.
    """
    let_in()
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        what = "huggingface_hub is not installed, by which hf://datasets/ is read"
        raise MissingPartError(f"{what}; {INSTALL_HUB}") from error
    return huggingface_hub


def open_hub(url: Url, access: Access = HERE) -> HubStore:
    """Return the store of a data set, pinned to the commit that its revision is now.

    Raises:
        MissingPartError: If huggingface_hub is not installed.
        StorageError: If there is no such data set or revision, or the server fails.
    """
    return HubStore(url, _find_commit(url.bucket, access, int(time.monotonic() / FRESH_S)), access)


@cache
def _find_commit(bucket: str, access: Access, period: int) -> str:
    """Return the commit of a data set, asked for once in each period: a notebook may live for days."""
    repository, revision = _split_bucket(bucket)
    with _errors("read", f"hf://{bucket}"):
        api = _load_hub().HfApi(endpoint=_endpoint(), token=_token(access))
        return str(api.repo_info(repository, revision=revision, repo_type="dataset", timeout=TIMEOUT_S).sha)


@dataclass(frozen=True, slots=True)
class HubStore:
    """Files of a data set below an address. It pickles as that and its commit, never with credentials.

    Attributes:
        url: The address.
        commit: Which commit is read.
        access: Whether it is read without credentials.
    """

    url: Url
    commit: str
    access: Access = HERE

    @property
    def name(self) -> str:
        """The root as users write it."""
        return str(self.url)

    @property
    def worker_kind(self) -> WorkerKind:
        """Processes that begin anew may use it: it holds connections."""
        return WorkerKind.FRESH

    @property
    def scratch(self) -> Scratch:
        """Nothing waits there: it is only read."""
        _refuse(self)

    def anew(self) -> Self:
        """Return itself: it stages nothing."""
        return self

    def list(self, prefix: str = "", wanted: Callable[[str], bool] | None = None) -> Iterator[Page]:
        """Yield what begins with a prefix, page by page; see `Store.list`."""
        directory, _, begins = prefix.rpartition("/")
        yield from list_pages(self._list_entries(directory, begins), self.url.key, directory, wanted)

    def find(self, key: str) -> Version | None:
        """Return what the server says of a file; None if it does not exist.

        Raises:
            StorageError: If the server fails.
        """
        hub = _load_hub()
        with _errors("read", full_name(self, key)):
            try:
                meta = hub.get_hf_file_metadata(
                    self._address(key), token=_token(self.access), timeout=TIMEOUT_S
                )
            except hub.errors.EntryNotFoundError:
                return None
            return object_version({"size": int(meta.size), "e_tag": str(meta.etag)})

    def begin_read(self, key: str, expect: Version) -> Future[bytes | None]:
        """Begin to read a file; give what waits for its bytes."""
        return begin(_read, self, key, expect)

    def read(self, keys: Sequence[str], expect: Sequence[Version] | None = None) -> Sequence[bytes | None]:
        """Read whole files, many at once; see `Store.read`."""
        return at_once(partial(_read, self), keys, expect or repeat(None))

    def open(self, key: str, expect: Version | None = None) -> BinaryIO:
        """Open a file that is read by ranges; see `Store.open`. Its end is read at once."""
        version = expect or self.find(key)
        if version is None:
            missing = FileNotFoundError(f"it does not exist; correct {full_name(self, key)!r}")
            raise StorageError(f"cannot read {full_name(self, key)!r}: {missing}") from missing
        size = version.size

        def fetch(start: int, stop: int) -> bytes:
            return _fetch(self, key, size, start, stop) if start < stop else b""

        return cast("BinaryIO", RangeFile(fetch, size, fetch(max(0, size - END_BYTES), size)))

    def stage(self, keys: Sequence[str], data: Sequence[bytes]) -> None:
        """Refuse to write."""
        _refuse(self)

    def staged(self, key: str) -> str:
        """Refuse to write."""
        _refuse(self)

    def publish(self, keys: Sequence[str]) -> None:
        """Refuse to write."""
        _refuse(self)

    def writing(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Refuse to write."""
        _refuse(self)

    def create(self, key: str, data: bytes) -> bool:
        """Refuse to write."""
        _refuse(self)

    def delete(self, keys: Sequence[str]) -> None:
        """Refuse to write."""
        _refuse(self)

    def free_bytes(self) -> int | None:
        """Return None: nothing is written there."""
        return None

    def _path(self, key: str) -> str:
        """Return the path of a file below the data set."""
        return "/".join(filter(None, (self.url.key, key)))

    def _address(self, key: str) -> str:
        """Return the address from which a file is fetched."""
        repository, _ = _split_bucket(self.url.bucket)
        known: dict[str, Any] = {"repo_type": "dataset", "revision": self.commit, "endpoint": _endpoint()}
        return str(_load_hub().hf_hub_url(repository, self._path(key), **known))

    def _list_entries(self, directory: str, begins: str) -> Iterator[Any]:
        """Yield the files below a directory whose names begin in some way, as `list_pages` wants them."""
        hub, (repository, _) = _load_hub(), _split_bucket(self.url.bucket)
        first = self._path("/".join(filter(None, (directory, begins))))
        api = hub.HfApi(endpoint=_endpoint(), token=_token(self.access))
        with _errors("list", full_name(self, directory)):
            listed = api.list_repo_tree(
                repository,
                self._path(directory) or None,
                recursive=True,
                revision=self.commit,
                repo_type="dataset",
            )
            try:
                for entry in listed:
                    if isinstance(entry, hub.RepoFile) and (not begins or entry.path.startswith(first)):
                        content = entry.lfs.sha256 if entry.lfs else entry.blob_id
                        yield {"path": entry.path, "size": entry.size, "e_tag": content}
            except hub.errors.EntryNotFoundError:  # nothing lies there
                return


def _read(store: HubStore, key: str, expect: Version | None) -> bytes | None:
    """Read a file; None if it does not exist and nothing is expected of it."""
    hub = _load_hub()
    with _errors("read", full_name(store, key)):
        try:
            data = _get(store, key, {})
        except hub.errors.EntryNotFoundError:
            if expect is not None:
                raise
            return None
    if expect is not None and len(data) != expect.size:
        raise StorageError(f"{full_name(store, key)!r} came in part; run again to go on")
    return data


def _fetch(store: HubStore, key: str, size: int, start: int, stop: int) -> bytes:
    """Read a range of a file of a size."""
    with _errors("read", full_name(store, key)):
        data = _get(store, key, {"Range": f"bytes={start}-{stop - 1}"})
    if len(data) == size:  # of a server that knows no ranges
        data = data[start:stop]
    if len(data) != stop - start:
        raise StorageError(f"{full_name(store, key)!r} came in part; run again to go on")
    return data


def _get(store: HubStore, key: str, headers: dict[str, str]) -> bytes:
    """Send a request for a file, and return its bytes."""
    utils = _load_hub().utils
    all_headers = utils.build_hf_headers(token=_token(store.access), headers=headers) | {
        "Accept-Encoding": "identity"
    }
    response = utils.http_backoff(
        "GET", store._address(key), headers=all_headers, timeout=TIMEOUT_S, follow_redirects=True
    )
    utils.hf_raise_for_status(response)
    return bytes(response.content)


def _split_bucket(bucket: str) -> tuple[str, str | None]:
    """Return the data set's name with its owner, and the revision; None for the newest."""
    name, _, revision = bucket.partition("/")[2].partition("@")
    return name, revision.replace("%2F", "/") or None


def _endpoint() -> str | None:
    """Return the server of Hugging Face where the environment names another one."""
    return find_endpoint("hub", HERE, os.environ)


def _token(access: Access) -> bool | None:
    """Return False if no token is to be sent; None takes the environment's token, if there is one."""
    return False if access.anonymous else None


def _refuse(store: HubStore) -> NoReturn:
    raise StorageError(f"{store.name!r} is only read; nothing is written into data sets of Hugging Face")


@contextmanager
def _errors(doing: str, name: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into a `StorageError`."""
    try:
        yield
    except Exception as error:
        package = type(error).__module__.partition(".")[0]
        if isinstance(error, StorageError) or not (
            package in ("huggingface_hub", "httpx", "httpx2", "httpcore")
            or isinstance(error, OSError | ValueError)
        ):
            raise
        cause = OSError(_describe_fault(error))
        cause.__cause__ = error
        raise StorageError(f"cannot {doing} {name!r}: {cause}") from cause


def _describe_fault(error: Exception) -> str:
    """Return what went wrong in words, and the cure."""
    text = f"{type(error).__name__}: {error}"
    for sign, what, cure in FAULTS:
        if re.search(sign, text):
            return f"{what}; {cure}"
    return f"{(str(error).splitlines() or ['unknown fault'])[0][:200]}; run again to go on"
