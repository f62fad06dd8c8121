"""What stands in a store, taken from one listing of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.io.store.walk import UNFOLLOWED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.io.store.base import Page, Store


@dataclass(frozen=True, slots=True)
class Contents:
    """The entries of a store, which is gathered page by page.

    Attributes:
        sizes: Bytes of each file, by its key.
        empty: Keys of empty directories, each with a slash at its end.
        links: Keys of links, which are not followed.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def add(self, page: Page) -> None:
        """Take in a page of the listing."""
        self.sizes.update(zip(page.keys, page.sizes, strict=True))
        for key in [key for key in page.keys if key.endswith("/")] if 0 in page.sizes else ():
            self.empty.append(key)
            del self.sizes[key]
        entries = zip(page.other_keys, page.others, strict=True)
        self.links.extend(key for key, what in entries if what == UNFOLLOWED)

    def standing(self) -> set[str]:
        """Return the keys of all files and links."""
        return {*self.sizes, *self.links}

    def visible(self) -> Iterator[str]:
        """Yield the keys of all files, links and empty directories that lie in no hidden directory."""
        for keys in (self.sizes, self.links, self.empty):
            yield from (key for key in keys if not is_hidden(key))


def list_contents(store: Store) -> Contents:
    """List what stands in a store.

    Raises:
        StorageError: If the machine fails.
    """
    contents = Contents()
    for page in store.list():
        contents.add(page)
    return contents


def is_hidden(key: str) -> bool:
    """True if a file lies in a directory whose name begins with a dot, as `.git` does."""
    directory = key.rpartition("/")[0]
    return directory.startswith(".") or "/." in directory
