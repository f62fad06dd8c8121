"""Walking a directory on a local disk: a page of entries for each directory, links followed or not."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from augcli.io.store.base import Page
from augcli.io.store.errors import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BROKEN, SPECIAL, UNFOLLOWED = "broken links", "special files", "links"
"""What an entry is that is not a file: see `Page.others`. Reading pipes and devices need not end."""


class Walk:
    """One walk over a directory and all below it.

    Each directory is entered once. Links to directories are entered last, in the order of their keys: where
    several ways lead to a directory, the way without a link counts.
    """

    def __init__(self, follow_links: bool, wanted: Callable[[str], bool] | None) -> None:
        self._follow_links, self._wanted = follow_links, wanted
        self._linked: list[tuple[str, str]] = []
        self._seen: set[tuple[int, int]] = set()

    def leave_out(self, path: str) -> None:
        """Never enter a directory, wherever a link leads to it; it need not exist."""
        with suppress(OSError):
            self._is_new(path)

    def pages(self, path: str, prefix: str, begins: str = "") -> Iterator[Page]:
        """Yield a page for a directory, and for each below it.

        Args:
            path: The directory.
            prefix: Its key, which is empty or ends in a slash.
            begins: What the names in it begin with that are listed and entered.

        Raises:
            StorageError: If a directory cannot be listed. A directory that is gone meanwhile is left out.
        """
        yield from self._enter([(path, prefix)], begins)
        while self._linked:
            pending, self._linked = sorted(self._linked, key=lambda pair: pair[1]), []
            for pair in pending:
                yield from self._enter([pair])

    def _enter(self, pending: list[tuple[str, str]], begins: str = "") -> Iterator[Page]:
        while pending:
            path, prefix = pending.pop()
            page = Page()
            gone = suppress(FileNotFoundError, NotADirectoryError)
            with storage_errors(f"cannot list {path!r}"), gone:
                if self._follow_links and not self._is_new(path):
                    continue
                waiting = len(pending)
                with _scan(path) as entries:
                    wanted = [entry for entry in entries if self._wanted is None or self._wanted(entry.name)]
                    if begins:
                        wanted = [entry for entry in wanted if entry.name.startswith(begins)]
                    self._take_all(wanted, path, prefix, page, pending)
                if prefix and not (begins or page.keys or page.others or len(pending) > waiting):
                    page.keys.append(prefix)
                    page.sizes.append(0)
                    page.versions.append(0)
            begins = ""  # of the first directory alone
            yield page

    def _is_new(self, path: str) -> bool:
        """True if a directory was not entered before."""
        status = os.stat(path)  # noqa: PTH116 - called for each of many directories
        identity = (status.st_dev, status.st_ino)
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new

    def _take_all(
        self,
        entries: list[os.DirEntry[str]],
        path: str,
        prefix: str,
        page: Page,
        pending: list[tuple[str, str]],
    ) -> None:
        """Put the entries of a directory into a page, or directories among those that are to be entered."""
        keys, sizes, versions = page.keys, page.sizes, page.versions
        for entry in entries:
            if not entry.is_file(follow_symlinks=False):
                self._take(entry, path, prefix + entry.name, page, pending)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # it is gone since the directory was read
                continue
            keys.append(prefix + entry.name)
            sizes.append(status.st_size)
            versions.append(status.st_mtime_ns)

    def _take(
        self, entry: os.DirEntry[str], path: str, key: str, page: Page, pending: list[tuple[str, str]]
    ) -> None:
        """Put an entry that is not a plain file into a page; a directory, among those to enter."""
        is_link = entry.is_symlink()
        if is_link and not self._follow_links:
            _note(page, key, UNFOLLOWED)
            return
        try:
            status = entry.stat()
        except OSError as error:
            if is_link:  # its target is gone, or it points to itself
                _note(page, key, BROKEN)
            elif not isinstance(error, FileNotFoundError):  # else it is gone since the directory was read
                raise
            return
        if stat.S_ISDIR(status.st_mode):
            below = f"{path.rstrip('/')}/{entry.name}"
            (self._linked if is_link else pending).append((below, key + "/"))
        elif stat.S_ISREG(status.st_mode):
            page.keys.append(key)
            page.sizes.append(status.st_size)
            page.versions.append(status.st_mtime_ns)
        else:
            _note(page, key, SPECIAL)


@contextmanager
def _scan(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """Read a directory, by its descriptor where the system can: a file in it is then found by its name alone.

    That takes a quarter off the time of listing (100,000 files on a tmpfs: 0.23 s in place of 0.31).
    """
    if os.scandir not in os.supports_fd:
        with os.scandir(path) as entries:
            yield entries
        return
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(directory) as entries:
            yield entries
    finally:
        os.close(directory)


def _note(page: Page, key: str, what: str) -> None:
    """Put into a page an entry that is not a file."""
    page.others.append(what)
    page.other_keys.append(key)
