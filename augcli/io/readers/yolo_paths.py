"""Where the paths lead that the description of a YOLO data set names.

They lead below its `path`, else below its own directory. What they name on another machine is found here
where an end of the path stands, and said; where two places fit, a run stops.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, Option
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.pairs import join_root
from augcli.io.store.listing import find_suffix, list_tree
from augcli.io.store.locations import Kind, path_below, read_known
from augcli.io.store.urls import is_url

if TYPE_CHECKING:
    from augcli.io.readers.base import Selection
    from augcli.io.store.base import Store
    from augcli.io.store.listing import Tree

MOST_LISTED = 1 << 30
"""Bytes of a list of images: some ten million of them."""

LIST_SUFFIXES = (".txt", ".names")


class Place(NamedTuple):
    """Where a path leads: a directory or a file below the root, or elsewhere, as users write it."""

    path: str
    is_outside: bool = False

    @property
    def is_list(self) -> bool:
        """True if it is a list of images."""
        return find_suffix(self.path) in LIST_SUFFIXES


@dataclass(slots=True)
class Paths:
    """The directory below which paths of a description lead.

    Attributes:
        name: The description, for messages.
        root: The directory as users write it.
        store: The same.
        tree: What stands there.
        selection: How SRC is read.
        notes: What was taken for what.
    """

    name: str
    root: str
    store: Store
    tree: Tree
    selection: Selection
    notes: list[str] = field(default_factory=list)

    def find(self, entry: str, what: str) -> Place | None:
        """Return where a path leads; None where nothing is.

        Args:
            entry: The path.
            what: Whose path it is, for notes: `split 'train'`.

        Raises:
            InputError: If it may lead to two places.
            StorageError: If the machine fails.
        """
        if is_url(entry):
            return self._find_whole(entry.rstrip("/"), what)
        path = posixpath.normpath(entry.replace("\\", "/"))
        if path.startswith("/") or path[1:3] == ":/":
            return self._find_whole(path, what)
        if not path.startswith(".."):
            return Place(path) if self.stands(path) else self._find_tail(entry, path, what)
        return self._find_above(entry, path, what)

    def stands(self, key: str) -> bool:
        """True if a directory, or a list of images, stands below the root."""
        if key == "." or key in self.tree.directories:
            return True
        return find_suffix(key) in LIST_SUFFIXES and read_known(self.store, [key], MOST_LISTED)[0] is not None

    def _find_above(self, entry: str, path: str, what: str) -> Place | None:
        """Return where a path with a leading `../` leads: Roboflow writes it where none is meant."""
        below = path.lstrip("./") or "."
        is_below = below != "." and self.stands(below)
        if not is_url(self.root):
            outside = posixpath.normpath(join_root(self.root, path))
            if self.selection.locate(outside).kind is not Kind.NOTHING:
                if is_below:
                    raise InputError(
                        f"{entry!r}, the images of {what} by {self.name!r}, may be {outside!r} or"
                        f" {join_root(self.root, below)!r}, since both exist; write the one that is meant as"
                        " a whole path, or without `../`"
                    )
                return self._go_outside(outside, what)
        if not is_below:
            return self._find_tail(entry, below, what)
        self.notes.append(f"{what}: {entry!r} is taken for {below!r}")
        return Place(below)

    def _find_whole(self, path: str, what: str) -> Place | None:
        """Return where a whole path leads, which may be one of another machine."""
        if path[1:3] != ":/" and self.selection.locate(path).kind is not Kind.NOTHING:
            above = path_below(posixpath.dirname(path), self.root)
            if above is not None:
                return Place(above + posixpath.basename(path))
            return Place(".") if path_below(path, self.root) == "" else self._go_outside(path, what)
        return self._find_tail(path, path, what)

    def _find_tail(self, entry: str, path: str, what: str) -> Place | None:
        """Return the longest end of a path that stands below the root: of two names, unless it is a file."""
        names = path.split("/")
        least = 1 if Place(path).is_list else 2
        for start in range(1, len(names) - least + 1):
            tail = "/".join(names[start:])
            if self.stands(tail):
                self.notes.append(f"{what}: {entry!r} does not exist and is taken for {tail!r}")
                return Place(tail)
        return None

    def _go_outside(self, path: str, what: str) -> Place:
        self.notes.append(f"{what}: its images lie outside of {self.root!r}, in {path!r}")
        return Place(path, is_outside=True)

    def leave_out(self, split: str, why: str) -> None:
        """Note a split that is left out; refuse to go on without the augmented split.

        Raises:
            InputError: If it is.
        """
        said = f"split {split!r} of {self.name!r} {why}"
        if split == self.selection.split:
            cure = f"; correct its path, which leads below {self.root!r}, or name another split by "
            raise InputError(said, cure, Option("split"))
        self.notes.append(f"{said} and is left out")


def find_root(name: str, path: str, holder: tuple[str, Store, Tree | None], selection: Selection) -> Paths:
    """Return the directory below which paths of a description lead.

    Args:
        name: The description, for messages.
        path: What it says as `path`.
        holder: Its own directory as users write it, as a store, and what stands there if that is listed.
        selection: How SRC is read.

    Raises:
        StorageError: If the machine fails.
    """
    directory, store, tree = holder
    path = path.replace("\\", "/").rstrip("/")
    notes, tried = [], []
    if path not in ("", "."):
        tried = [path] if path.startswith("/") or is_url(path) else [join_root(directory, path), path]
        notes = [f"{path!r}, the `path` of {name!r}, does not exist: its own directory is taken"]
    for place in tried:
        location = selection.locate(place)
        if location.kind is Kind.DIRECTORY:
            notes = []
            if path_below(place, directory) != "":
                notes = [f"{name!r} leads to {place!r}, by its `path`"]
                directory, store, tree = place, location.store, None
            break
    if tree is None:
        store = selection.locate(directory).store
        tree = list_tree(store, IMAGE_SUFFIXES)
    return Paths(name, directory, store, tree, selection, notes)
