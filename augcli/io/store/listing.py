"""Listing a directory: the images and shards below it, and what else was seen."""

from __future__ import annotations

import os
import stat
from array import array
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from augcli.io.store.errors import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


IMAGE_SUFFIXES = frozenset(".jpg .jpeg .png .webp .bmp .tif .tiff .gif .avif .ppm".split())


SHARD_SUFFIXES = (".parquet", ".pq")


LABEL_TABLES = ("metadata.csv", "metadata.parquet")
"""Tables of our own or of Hugging Face's imagefolder that label the images beside them."""


class File(NamedTuple):
    """A listed file: POSIX path below the root, bytes, modification time in nanoseconds."""

    key: str
    size: int
    version: int


class Files:
    """Listed files as columns: a million of them must stay small."""

    def __init__(self, files: Iterable[File] = ()) -> None:
        self.keys: list[str] = []
        self.sizes, self.versions = array("q"), array("q")
        for file in files:
            self.append(*file)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[File]:
        return map(File, self.keys, self.sizes, self.versions)

    def append(self, key: str, size: int, version: int) -> None:
        """Add a file."""
        self.keys.append(key)
        self.sizes.append(size)
        self.versions.append(version)

    def sort(self) -> None:
        """Put the files in the order of their keys."""
        self._take(sorted(range(len(self)), key=self.keys.__getitem__))

    def below(self, prefix: str) -> Files:
        """Give the files whose keys start with a prefix, under their whole keys."""
        if not prefix:
            return self
        found = Files()
        found.keys, found.sizes, found.versions = self.keys, self.sizes, self.versions
        found._take([at for at, key in enumerate(self.keys) if key.startswith(prefix)])
        return found

    def _take(self, places: list[int]) -> None:
        self.keys = [self.keys[at] for at in places]
        self.sizes = array("q", (self.sizes[at] for at in places))
        self.versions = array("q", (self.versions[at] for at in places))


class Tree(NamedTuple):
    """Images and parquet shards below a directory by key, its subdirectories, and what else was seen."""

    files: Files
    shards: Files
    directories: list[str]
    others: Counter[str]


def list_tree(
    root: Path, links: bool, skip: Path | None = None, suffixes: frozenset[str] = IMAGE_SUFFIXES
) -> Tree:
    """List all images and parquet shards below a directory.

    Hidden names and `__MACOSX` are skipped. Links are followed to regular files and to directories,
    each real directory once: the one that is no link first, then the links in the order of their keys.

    Args:
        root: The directory.
        links: Whether links are followed at all.
        skip: A directory that is left out, wherever a link leads to it.
        suffixes: What the names of the files that are listed end in, in any case.

    Raises:
        StorageError: If a directory cannot be listed.
    """
    tree = Tree(Files(), Files(), [], Counter())
    linked: list[tuple[str, str]] = []
    seen: set[tuple[int, int]] = set()
    with suppress(OSError):  # it need not be there
        status = os.stat(skip or "")  # noqa: PTH116 - as below
        seen.add((status.st_dev, status.st_ino))
    _walk([(str(root), "")], seen, linked if links else None, tree, suffixes)
    while linked:
        pending, linked = sorted(linked, key=lambda pair: pair[1]), []
        for path, prefix in pending:
            _walk([(path, prefix)], seen, linked, tree, suffixes)
    tree.files.sort()
    tree.shards.sort()
    tree.directories.sort()
    return tree


def _walk(
    pending: list[tuple[str, str]],
    seen: set[tuple[int, int]],
    linked: list[tuple[str, str]] | None,
    tree: Tree,
    suffixes: frozenset[str],
) -> None:
    """List directories (path, key prefix) and all below them.

    Links to directories go to `linked`; where that is None, no link is followed.
    """
    while pending:
        path, prefix = pending.pop()
        with storage_errors(f"cannot list {path!r}"):
            status = os.stat(path)  # noqa: PTH116 - called for each of many directories
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            if prefix:
                tree.directories.append(prefix[:-1])
            with os.scandir(path) as entries:
                for entry in entries:
                    if not entry.name.startswith(".") and entry.name != "__MACOSX":
                        _take(entry, prefix + entry.name, pending, linked, tree, suffixes)


def _take(
    entry: os.DirEntry[str],
    key: str,
    pending: list[tuple[str, str]],
    linked: list[tuple[str, str]] | None,
    tree: Tree,
    suffixes: frozenset[str],
) -> None:
    is_link = entry.is_symlink()
    if is_link and linked is None:
        tree.others["links (--no-links)"] += 1
        return
    try:
        status = entry.stat()
    except OSError:  # the target is gone, or the link points to itself
        tree.others["broken links"] += 1
        return
    if stat.S_ISDIR(status.st_mode):
        (linked if is_link and linked is not None else pending).append((entry.path, key + "/"))
    elif not stat.S_ISREG(status.st_mode):
        tree.others["special files"] += 1
    elif os.path.splitext(entry.name)[1].lower() in suffixes:  # noqa: PTH122 - once per file
        tree.files.append(key, status.st_size, status.st_mtime_ns)
    elif entry.name in LABEL_TABLES:
        return
    elif entry.name.lower().endswith(SHARD_SUFFIXES):
        tree.shards.append(key, status.st_size, status.st_mtime_ns)
    else:
        tree.others[os.path.splitext(entry.name)[1].lower()] += 1  # noqa: PTH122
