"""The images of a YOLO data set, split by split, and the label file of each."""

from __future__ import annotations

import posixpath
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, quantity
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.yolo_paths import MOST_LISTED
from augcli.io.store.listing import Files, list_tree
from augcli.io.store.locations import Kind, join_directories, read_known
from augcli.io.store.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from augcli.io.boxes.yolo_sets import YoloSet
    from augcli.io.readers.yolo_paths import Paths, Place
    from augcli.io.store.base import Store
    from augcli.io.store.listing import File


def label_key(key: str) -> str:
    """Return the label file of an image: the last `images` of its path is `labels`, and its suffix `.txt`."""
    above, sign, below = f"/{key}".rpartition("/images/")
    directory, slash, name = (f"{above}/labels/{below}"[1:] if sign else key).rpartition("/")
    return f"{directory}{slash}{name.rpartition('.')[0]}.txt"


class Found(NamedTuple):
    """The images of splits.

    Attributes:
        store: Where they lie.
        splits: The images of each split.
        lists: How many of the texts below SRC are lists of images.
    """

    store: Store
    splits: dict[str, Files]
    lists: int = 0


class _Part(NamedTuple):
    """Images that lie together: in the root, or in a directory elsewhere."""

    directory: str
    files: Files


def find_places(paths: Paths, described: YoloSet) -> Found:
    """Find the images of each split that a description names.

    Raises:
        InputError: If the images of the augmented split are not there, or may lie in two places.
        StorageError: If the machine fails.
    """
    splits: dict[str, list[_Part]] = {}
    lists = 0
    for split, entries in described.places.items():
        places = [_find(paths, split, entry) for entry in entries]
        parts = [part for place in places if place for part in _list_images(paths, split, place)]
        lists += sum(place is not None and place.is_list and not place.is_outside for place in places)
        if any(len(part.files) for part in parts):
            splits[split] = parts
        elif any(places):
            paths.leave_out(split, f"holds no images ({entries[0]!r})")
    if not any(part.directory for parts in splits.values() for part in parts):
        merged = {split: merge_files([part.files for part in parts]) for split, parts in splits.items()}
        images = Found(paths.store, merged, lists)
    else:
        images = _join_roots(paths, splits)._replace(lists=lists)
    _note_shared(paths, splits, images.splits)
    return images


def _find(paths: Paths, split: str, entry: str) -> Place | None:
    place = paths.find(entry, f"split {split!r}")
    if place is None:
        paths.leave_out(split, f"does not exist ({entry!r})")
    return place


def _list_images(paths: Paths, split: str, place: Place) -> Iterator[_Part]:
    """Yield the images of a directory, or the images that a list names."""
    if place.is_list:
        yield from _read_list(paths, split, place)
    elif place.is_outside:
        yield _list_outside(paths, place.path)
    else:
        prefix = "" if place.path == "." else f"{place.path}/"
        yield _Part("", paths.tree.ending_in(IMAGE_SUFFIXES).below(prefix))


def _list_outside(paths: Paths, directory: str) -> _Part:
    location = paths.selection.locate(directory)
    if location.kind is not Kind.DIRECTORY:
        return _Part("", Files())
    return _Part(directory, list_tree(location.store, IMAGE_SUFFIXES).ending_in(IMAGE_SUFFIXES))


def _read_list(paths: Paths, split: str, place: Place) -> Iterator[_Part]:
    """Yield the images that a list names, one a line: those below the root, and those elsewhere."""
    location = paths.selection.locate(place.path) if place.is_outside else None
    lies_at = (location.store, location.key) if location else (paths.store, place.path)
    [data] = read_known(lies_at[0], [lies_at[1]], MOST_LISTED)
    try:
        lines = [line.strip().replace("\\", "/") for line in (data or b"").decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"the list {place.path!r} is not UTF-8 text; correct it") from error
    known: dict[str, File] = {file.key: file for file in paths.tree.ending_in(IMAGE_SUFFIXES)}
    base = "" if place.is_outside else posixpath.dirname(place.path)
    files, lost = [], []
    elsewhere: dict[str, set[str]] = {}
    for line in filter(None, lines):
        key = _find_listed(line, base, paths.root, known)
        if key is not None:
            files.append(known[key])
        elif line.startswith("/") and not is_url(paths.root):
            elsewhere.setdefault(posixpath.dirname(line), set()).add(posixpath.basename(line))
        else:
            lost.append(line)
    yield _Part("", Files(files))
    for directory, names in elsewhere.items():
        part = _list_outside(paths, directory)
        named = [file for file in part.files if file.key in names]
        lost += [f"{directory}/{name}" for name in sorted(names - {file.key for file in named})]
        if named:
            what = f"split {split!r}: {quantity(len(named), 'image')} of {place.path!r}"
            paths.notes.append(f"{what} lie outside of {paths.root!r}, in {directory!r}")
            yield _Part(directory, Files(named))
    if lost:
        what = f"split {split!r}: {quantity(len(lost), 'image')} of {place.path!r}"
        paths.notes.append(f"{what} left out: no such file ({lost[0]!r} first)")


def _find_listed(line: str, base: str, root: str, known: Container[str]) -> str | None:
    """Return the key of a listed image: below the list, below the root, or by the end of its path alone."""
    path = posixpath.normpath(line.removeprefix(f"{root.rstrip('/')}/"))
    for key in (posixpath.normpath(posixpath.join(base, path)), path):
        if key in known:
            return key
    names = path.split("/")
    tails = ("/".join(names[start:]) for start in range(1, len(names)))
    return next((tail for tail in tails if tail in known), None)


def merge_files(parts: Sequence[Files]) -> Files:
    """Return the files of several parts, each once, in the order of their keys."""
    if len(parts) == 1 and all(first < second for first, second in pairwise(parts[0].keys)):
        return parts[0]
    unique = {file.key: file for files in parts for file in files}
    return Files(unique[key] for key in sorted(unique))


def _join_roots(paths: Paths, splits: dict[str, list[_Part]]) -> Found:
    """Return images of several directories as files of the directory above, and their labels."""
    directories = sorted({part.directory for parts in splits.values() for part in parts})
    root, prefixes = join_directories([directory or paths.root for directory in directories])
    prefix = dict(zip(directories, prefixes, strict=True))
    joined = {
        split: merge_files(
            [
                Files(file._replace(key=prefix[part.directory] + file.key) for file in part.files)
                for part in parts
            ]
        )
        for split, parts in splits.items()
    }
    return Found(paths.selection.locate(root).store, joined)


def _note_shared(paths: Paths, parts: dict[str, list[_Part]], splits: dict[str, Files]) -> None:
    """Note images that are named twice: by one split, or by two."""
    owners: dict[str, str] = {}
    for split, files in splits.items():
        again = sum(len(part.files) for part in parts[split]) - len(files)
        if again:
            paths.notes.append(f"split {split!r}: {quantity(again, 'image')} named twice, taken once")
        others = [owners[key] for key in files.keys if key in owners]
        if others:
            are = "is" if len(others) == 1 else "are"
            what = f"{quantity(len(others), 'image')} of split {split!r} {are} of {others[0]!r}, too"
            paths.notes.append(what)
        owners.update(dict.fromkeys(files.keys, split))
