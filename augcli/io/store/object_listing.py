"""The listing of a bucket, as pages of a store."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from augcli.io.store.base import Page, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PAGE_KEYS = 1000
"""Keys of a page, as stores list them."""


def object_version(meta: Any) -> Version:
    """Return the version of an object, made from its ETag, which stores quote in some places only."""
    tag = meta["e_tag"] or str(meta["last_modified"])
    digest = blake2b(tag.strip('"').encode(), digest_size=8).digest()
    return Version(meta["size"], int.from_bytes(digest, "little", signed=True))


def list_pages(
    entries: Iterable[Any], root: str, prefix: str, wanted: Callable[[str], bool] | None
) -> Iterator[Page]:
    """Yield entries as pages, with keys below a root.

    Args:
        entries: What obstore lists, by its whole key, in order.
        root: Key of the root; empty for the bucket.
        prefix: Key below the root where the listing begins, without a slash at its end.
        wanted: See `Store.list`.
    """
    entered, skipped = {prefix: True}, len(root) + 1 if root else 0
    page = Page()
    for entry in _without_folders(entries, "/".join(filter(None, (root, prefix)))):
        key = entry["path"][skipped:]
        directory, _, name = key.rpartition("/")
        if wanted and not (_is_entered(directory, wanted, entered) and wanted(name)):
            continue
        size, version = object_version(entry)
        page.keys.append(key)
        page.sizes.append(size)
        page.versions.append(version)
        if len(page.keys) == PAGE_KEYS:
            yield page
            page = Page()
    yield page


def _without_folders(entries: Iterable[Any], begun: str) -> Iterator[Any]:
    """Yield the entries of a sorted listing, but no empty ones that stand for a directory.

    Some programs keep a directory as an object without bytes, whose name ends in a slash. obstore drops the
    slash; what lies in the directory comes next. That of the directory where the listing begins may hold
    bytes, too: it cannot be asked for.
    """
    empty = None
    for entry in entries:
        if entry["path"] == begun:
            continue
        if empty and not entry["path"].startswith(f"{empty['path']}/"):
            yield empty
        empty = None if entry["size"] else entry
        if entry["size"]:
            yield entry
    if empty:
        yield empty


def _is_entered(directory: str, wanted: Callable[[str], bool], entered: dict[str, bool]) -> bool:
    """True if all parts of a directory's key are wanted; `entered` keeps the answers, and is added to."""
    known = entered.get(directory)
    if known is None:
        above, _, name = directory.rpartition("/")
        known = entered[directory] = _is_entered(above, wanted, entered) and wanted(name)
    return known
