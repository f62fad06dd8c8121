"""Addresses of object stores as users write them, and how they are reached."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from augcli.errors import InputError, Option, UsageError

SCHEMES = ("s3", "gs", "az", "hf", "memory")
"""What addresses begin with that are read and written."""

ACCEPTED = "s3://, gs://, az://, hf://buckets/ or, to be read, hf://datasets/"

ENDPOINT = re.compile(r"https?://([\w.-]+|\[[0-9a-fA-F:]+\])(:(?P<port>[0-9]{1,5}))?(/[!-~]*)?", re.ASCII)
"""How the address of a server is written; obstore ends the process on others."""

LAST_PORT = 65535

BUCKET = re.compile(r"[\w$.-]+(/[\w.-]+/[\w.-]+(@[\w.%/-]+)?)?", re.ASCII)
"""How buckets are called; of Hugging Face with their owner, and data sets with a revision."""

BUCKETS, DATA_SETS = "buckets", "datasets"
"""What addresses of `hf://` begin with. Data sets are only read."""

LONG_REVISION = re.compile(r"refs/(pr|convert)/[^/]+")
"""Revisions with slashes, of pull requests and of shards that Hugging Face made itself."""


@dataclass(frozen=True, slots=True)
class Access:
    """How object stores are reached; nothing of it is secret. Credentials come from the environment.

    Attributes:
        endpoint_url: Server that speaks the protocol in the place of the cloud's own; None for the latter.
        anonymous: Whether requests are not signed, as for public buckets.
    """

    endpoint_url: str | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        url = self.endpoint_url
        match = None if url is None else ENDPOINT.fullmatch(url)
        if url is not None and (match is None or int(match["port"] or 0) > LAST_PORT):
            raise UsageError(
                Option("endpoint_url"), f" must be as https://HOST:PORT, got {hide_secret(url)!r}"
            )


def hide_secret(url: str) -> str:
    """Return an address as messages show it: what stands before an @ may be a password."""
    return url.rpartition("@")[2]


HERE = Access()
"""By the clouds' own servers, with the credentials of the environment."""


@dataclass(frozen=True, slots=True)
class Url:
    """An address: `scheme://bucket/key`.

    Names in it stand as they are, never percent-encoded, as in the clouds' own programs.

    Attributes:
        scheme: One of `SCHEMES`.
        bucket: The bucket; `az://` calls it a container. Of `hf://` it is `buckets/OWNER/BUCKET`, or
            `datasets/OWNER/NAME@REVISION`, which need not be given.
        key: What follows, without slashes at its ends; empty for the bucket itself.
    """

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")

    @property
    def is_data_set(self) -> bool:
        """True if it leads to a data set of Hugging Face."""
        return self.scheme == "hf" and self.bucket.startswith(f"{DATA_SETS}/")

    @property
    def parent(self) -> Url:
        """What the last part of the key lies in."""
        return Url(self.scheme, self.bucket, self.key.rpartition("/")[0])

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    def child(self, name: str) -> Url:
        """Return the address of what lies in this one."""
        return Url(self.scheme, self.bucket, f"{self.key}/{name}" if self.key else name)

    def holds(self, other: Url) -> bool:
        """True if another address is this one or lies below it."""
        same = (self.scheme, self.bucket) == (other.scheme, other.bucket)
        return same and (not self.key or f"{other.key}/".startswith(f"{self.key}/"))


def plain_path(path: str | os.PathLike[str]) -> str:
    """Return a path as a text: an address as it is, a path of the system without what means nothing.

    Raises:
        UsageError: If an address was made a path of the system, which took one of its slashes away.
    """
    text = str(path)
    if is_url(text):
        return text.rstrip("/") if text.partition("://")[2].strip("/") else text
    if isinstance(path, os.PathLike) and text.partition(":/")[0] in SCHEMES:
        raise UsageError(f"{text!r} was an address before it became a Path; give addresses as texts")
    return str(Path(text))


def join_path(path: str, name: str) -> str:
    """Return the path, or the address, of what lies below another one."""
    return f"{path.rstrip('/')}/{name}" if is_url(path) else str(Path(path) / name)


def split_path(path: str) -> tuple[str, str]:
    """Return the path, or the address, of what something lies in, and its name there."""
    if is_url(path):
        url = parse_url(path)
        return str(url.parent), url.name
    return str(Path(path).parent), Path(path).name


def is_url(path: str | os.PathLike[str]) -> bool:
    """True if a path is an address, not a path of the system."""
    scheme, separator, _ = str(path).partition("://")
    return bool(separator) and scheme.isalnum()


def parse_url(text: str) -> Url:
    """Return an address that a user gave.

    Raises:
        InputError: If its scheme is not read.
    """
    scheme, _, rest = text.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in SCHEMES:
        raise InputError(f"{text!r} is an address of a kind that is not read; give {ACCEPTED}, or a path")
    if scheme == "hf":
        bucket, key = _split_hugging_face(text, rest)
    if not bucket:
        owner = "buckets/OWNER/" if scheme == "hf" else ""
        raise InputError(f"{text!r} names no bucket; give {scheme}://{owner}BUCKET/PATH")
    if not BUCKET.fullmatch(bucket):
        raise InputError(f"{text!r}: no bucket is called {bucket!r}; correct its name")
    key = key.strip("/")
    if any(part in ("", ".", "..") for part in key.split("/")) and key:
        raise InputError(f"{text!r} has an empty part, `.` or `..` in it; give the address without them")
    return Url(scheme, bucket, key)


def _split_hugging_face(text: str, rest: str) -> tuple[str, str]:
    """Return the bucket, or the data set, and the key of an address of Hugging Face.

    Raises:
        InputError: If it leads to another kind of repository, or does not name a data set.
    """
    kind, owner, bucket, key = [*rest.split("/", 3), "", "", ""][:4]
    if kind == BUCKETS:
        return f"{kind}/{owner}/{bucket}" if owner and bucket else "", key
    if kind != DATA_SETS:
        raise InputError(
            f"{text!r} is neither a bucket nor a data set; give hf://buckets/OWNER/BUCKET/PATH,"
            " hf://datasets/OWNER/NAME/PATH, or a directory: `hf download` fetches a repository"
        )
    name, _, revision = bucket.partition("@")
    if not owner or not name or "@" in owner:
        raise InputError(f"{text!r} names no data set; give hf://datasets/OWNER/NAME/PATH")
    if revision == "refs" and (match := LONG_REVISION.match(f"{revision}/{key}")):
        revision, key = match[0], f"{revision}/{key}"[match.end() :]
    return f"{kind}/{owner}/{name}" + (f"@{revision}" if revision else ""), key
