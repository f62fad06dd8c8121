"""Listing a directory of the input: its files by suffix, its subdirectories, and what else was seen."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import islice
from operator import le
from typing import TYPE_CHECKING, NamedTuple

from augcli.io.store.names import OWN_NAMES, OWN_PREFIX, RECIPE, is_output

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from augcli.io.store.base import Page, Store

SYSTEM_NAMES = frozenset(["__MACOSX", "__pycache__", "@eaDir", "lost+found"])
"""What systems leave in directories; it is skipped like names that begin with a dot."""

HIDDEN, OF_SYSTEMS, EMPTY = (
    "hidden names",
    f"names of systems ({', '.join(sorted(SYSTEM_NAMES))})",
    "empty directories",
)
"""What an entry is that is skipped: see `Tree.others`."""


class File(NamedTuple):
    """A listed file: its key, bytes, and version (see `Page`)."""

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

    def extend(self, files: Files) -> None:
        """Add other files behind these."""
        self.keys += files.keys
        self.sizes += files.sizes
        self.versions += files.versions

    def sort(self) -> None:
        """Put the files in the order of their keys, in which buckets list them."""
        if not all(map(le, self.keys, islice(self.keys, 1, None))):
            self._pick(sorted(range(len(self)), key=self.keys.__getitem__))

    def below(self, prefix: str) -> Files:
        """Return the files whose keys start with a prefix, under their whole keys."""
        if not prefix:
            return self
        files = Files()
        files.keys, files.sizes, files.versions = self.keys, self.sizes, self.versions
        files._pick([index for index, key in enumerate(self.keys) if key.startswith(prefix)])
        return files

    def _pick(self, indices: list[int]) -> None:
        self.keys = list(map(self.keys.__getitem__, indices))
        self.sizes = array("q", map(self.sizes.__getitem__, indices))
        self.versions = array("q", map(self.versions.__getitem__, indices))


class Tree(NamedTuple):
    """What stands in a store.

    Attributes:
        by_suffix: Files by suffix, in lower case and with its dot; each in the order of their keys.
        named: Keys of the files that were looked for by name.
        directories: Keys of all directories, without a slash at the end, sorted.
        others: How many files have another suffix, by suffix, and how many entries are not files or are
            skipped, by what they are (see `Page.others`). Files of an output of augcli are not counted.
        first: The first key of the files that are counted there, by suffix.
        is_output: Whether the recipe of an output of augcli stands at its root.
    """

    by_suffix: dict[str, Files]
    named: frozenset[str]
    directories: list[str]
    others: Counter[str]
    first: dict[str, str]
    is_output: bool

    def ending_in(self, suffixes: Collection[str]) -> Files:
        """Return the files that have one of these suffixes, in the order of their keys."""
        wanted = [files for suffix, files in self.by_suffix.items() if suffix in suffixes]
        if len(wanted) == 1:
            return wanted[0]
        joined = Files()
        for files in wanted:
            joined.extend(files)
        joined.sort()
        return joined


def list_tree(store: Store, suffixes: Collection[str], names: Collection[str] = ()) -> Tree:
    """List the files and directories of a store; hidden names and names of systems are skipped and counted.

    Args:
        store: The store.
        suffixes: What the names of the files that are wanted end in, in any case.
        names: Names of files that are wanted, whatever they end in.

    Raises:
        StorageError: If a directory cannot be listed.
    """
    listing = _Listing(suffixes, names)
    for page in store.list("", listing.is_wanted):
        listing.add(page)
    return listing.close()


class _Listing:
    """The entries of a directory tree, sorted by what they are while they come in."""

    def __init__(self, suffixes: Collection[str], names: Collection[str]) -> None:
        """Prepare to look for files with some suffixes, and for files of some names."""
        self._suffixes, self._names = suffixes, names
        self._by_suffix: dict[str, Files] = {}
        self._by_ending: dict[str, Files] = {}
        """The same as each suffix is spelled; a suffix that a name looked for ends in is left out."""
        self._named: set[str] = set()
        self._parents: set[str] = set()
        self._others: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._output_files: list[str] = []

    def is_wanted(self, name: str) -> bool:
        """True if files and directories of this name are part of an input; others are counted."""
        if name[0] != "." and name not in SYSTEM_NAMES:
            return True
        if not name.startswith(OWN_PREFIX):
            self._others[HIDDEN if name.startswith(".") else OF_SYSTEMS] += 1
        return False

    def add(self, page: Page) -> None:
        """Add a page of entries. Most are files whose ending is known: a suffix costs more to find."""
        self._others.update(page.others)
        self._parents.update(key.rpartition("/")[0] for key in page.other_keys)
        self._parents.update(key.rpartition("/")[0] for key in page.keys)
        by_ending = self._by_ending
        for key, size, version in zip(page.keys, page.sizes, page.versions, strict=True):
            files = by_ending.get(key[key.rfind(".") :])
            if files is None:
                files = self._sort_in(key)
            if files is not None:
                files.append(key, size, version)

    def close(self) -> Tree:
        """Return all that was added."""
        is_output = RECIPE in self._output_files
        if not is_output:  # else they belong to it
            for key in self._output_files:
                self._count(key)
        for files in self._by_suffix.values():
            files.sort()
        directories = _all_directories(self._parents)
        named = frozenset(self._named)
        return Tree(self._by_suffix, named, directories, self._others, self._first, is_output)

    def _sort_in(self, key: str) -> Files | None:
        """Return the files that a file belongs to; note and return None if it is not looked for by suffix."""
        name, suffix = key.rpartition("/")[2], find_suffix(key)
        if not name:
            self._others[EMPTY] += 1
        elif name in self._names:
            self._named.add(key)
        elif suffix in self._suffixes:
            files = self._by_suffix.setdefault(suffix, Files())
            if not any(find_suffix(named) == suffix for named in self._names):
                self._by_ending[key[-len(suffix) :]] = files
            return files
        elif name in OWN_NAMES or is_output(key):
            self._output_files.append(key)
        else:
            self._count(key)
        return None

    def _count(self, key: str) -> None:
        suffix = find_suffix(key)
        self._others[suffix] += 1
        self._first[suffix] = min(self._first.get(suffix, key), key)


def find_suffix(key: str) -> str:
    """Return the suffix of a file, in lower case and with its dot."""
    name = key.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""


def _all_directories(parents: set[str]) -> list[str]:
    """Return directories and all that lie above them, sorted."""
    directories = set(parents)
    for directory in parents:
        while (directory := directory.rpartition("/")[0]) and directory not in directories:
            directories.add(directory)
    return sorted(directories - {""})
