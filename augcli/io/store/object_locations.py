"""What the addresses that users give lead to. `locations` loads it where an address is given."""

from __future__ import annotations

import fnmatch
import glob
import posixpath
from typing import TYPE_CHECKING

from augcli.io.store.buckets import RemoteStore, find_file, open_bucket
from augcli.io.store.listing import File, Files
from augcli.io.store.urls import Access, Url

if TYPE_CHECKING:
    from collections.abc import Sequence


def is_object(url: Url, access: Access) -> bool:
    """True if an address leads to an object.

    Raises:
        StorageError: If the store fails.
    """
    return find_file(url, access) is not None


def holds_objects(url: Url, access: Access) -> bool:
    """True if objects lie below an address.

    Raises:
        StorageError: If the store fails.
    """
    return any(page.keys for page in open_bucket(url, access).list())


def find_holder(url: Url, access: Access, name: str, levels: int) -> str | None:
    """Return the nearest address above another that holds an object of some name; see `find_above`."""
    if is_object(url.child(name), access):
        return None
    for _ in range(levels if url.key else 0):
        url = url.parent
        if is_object(url.child(name), access):
            return str(url)
        if not url.key:
            break
    return None


def find_objects(url: Url, access: Access) -> tuple[RemoteStore, Files]:
    """Return the object at an address, or all that a pattern matches, below what they have in common.

    Raises:
        StorageError: If the store fails.
    """
    version = find_file(url, access)
    if version is not None:
        return open_bucket(url.parent, access), Files([File(url.name, *version)])
    parts = url.key.split("/")
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    begin, matched = "".join(f"{part}/" for part in parts[:fixed]), Files()
    for page in open_bucket(Url(url.scheme, url.bucket), access).list(begin):
        for file in map(File, page.keys, page.sizes, page.versions):
            if matches(file.key.split("/")[fixed:], parts[fixed:]):
                matched.append(*file)
    matched.sort()
    holders = {key.rpartition("/")[0] for key in matched.keys}
    root = posixpath.commonpath(holders) if holders else begin.rstrip("/")
    below = Files(file._replace(key=file.key[len(root) :].lstrip("/")) for file in matched)
    return open_bucket(Url(url.scheme, url.bucket, root), access), below


def matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """True if the parts of a key match the parts of a pattern, as `glob` matches paths."""
    if not patterns:
        return not names
    if patterns[0] == "**":
        skips = bool(names) and not names[0].startswith(".") and matches(names[1:], patterns)
        return skips or matches(names, patterns[1:])
    is_match = bool(names) and fnmatch.fnmatchcase(names[0], patterns[0])
    is_seen = is_match and (not names[0].startswith(".") or patterns[0].startswith("."))
    return is_seen and matches(names[1:], patterns[1:])
