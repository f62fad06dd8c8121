"""What describes a YOLO data set, where its images lie, and how its classes are called."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.errors import InputError, Note, Option, quantity
from augcli.io.boxes.yolo_sets import USUAL_NAMES, YoloSet, read_description, read_name_lines
from augcli.io.boxes.yolo_yaml import MOST_BYTES
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.splits import describe_splits, divide_folders
from augcli.io.readers.yolo_paths import Paths, find_root
from augcli.io.readers.yolo_places import Found, find_places, label_key, merge_files
from augcli.io.readers.yolo_signs import (
    DESCRIPTION_SUFFIXES,
    find_descriptions,
    label_directories,
)
from augcli.io.readers.yolo_unnamed import describe_outside, describe_unnamed
from augcli.io.split_words import find_words
from augcli.io.store.base import full_name
from augcli.io.store.listing import Files
from augcli.io.store.locations import read_known
from augcli.io.store.names import RECIPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import ClassList, Input, Selection
    from augcli.io.store.base import Store

NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels")
"""Files that name classes, one a line, where nothing describes a data set."""


@dataclass(slots=True)
class YoloLayout:
    """A data set as it lies on disk.

    Attributes:
        paths: The directory below which it lies.
        described: What describes it.
        found: The images of its splits.
        read: Files that were read of it beside images, labels and lists, by their names.
        notes: What was taken for what.
    """

    paths: Paths
    described: YoloSet
    found: Found
    read: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


def find_layout(src: Input, selection: Selection, classes: ClassList) -> YoloLayout:
    """Find what describes a data set, and its images."""
    key = _find_description(src)
    directory = posixpath.dirname(key) if key else ""
    root = full_name(src.store, directory)
    described, name = YoloSet(), ""
    if key:
        name = full_name(src.store, key)
        described = _read(src.store, key, name)
    tree = None if directory else src.tree
    paths = find_root(name or root, described.path, (root, src.store, tree), selection)
    paths.notes += [] if key else _describe_unlike(src)
    described, place_of_names, notes = _name_classes(paths, described, classes)
    read = tuple(filter(None, (name, place_of_names)))
    if described.places:
        images, sign = find_places(paths, _leave_out_stand_ins(paths, described)), f"{name!r}"
        notes += describe_unnamed(paths, images)
        if not selection.splits:
            images = images._replace(splits={"": merge_files(list(images.splits.values()))})
    else:
        images, sign = _divide(paths, selection)
    notes += describe_outside(src, paths, images)
    images = images._replace(splits=dict(sorted(images.splits.items())))  # as an output that stands has them
    data_set = YoloLayout(paths, described, images, read, [*paths.notes, *notes])
    if described.unread:
        unread = ", ".join(described.unread[:5])
        data_set.notes.append(f"keys of {name!r} that are not carried along: {unread}")
    if "" not in images.splits:
        sizes = {split: len(files) for split, files in images.splits.items()}
        data_set.notes.insert(0, describe_splits(sizes, sign))
    return data_set


def _describe_unlike(src: Input) -> list[str]:
    """Return a note on files that are called as a description is, but do not describe a data set."""
    keys = src.tree.ending_in(DESCRIPTION_SUFFIXES).keys if src.tree else []
    names = [full_name(src.store, key) for key in keys if key.lower() in USUAL_NAMES]
    what = "is not read: none of its lines begins with train:, val:, names: or nc:, as those of a data.yaml"
    return [f"{name!r} {what} in UTF-8 do; correct it, or remove it" for name in names]


def _find_description(src: Input) -> str:
    """Return the file that describes a data set; empty where none does.

    Raises:
        InputError: If several may.
    """
    if src.tree is None:
        return src.files.keys[0]
    described = find_descriptions(src)
    if len(described) > 1:
        first, second = (full_name(src.store, key) for key in described[:2])
        raise InputError(
            f"{src.name!r} holds {first!r} and {second!r}, each of which describes a YOLO data set; give"
            " one of them as SRC"
        )
    return described[0] if described else ""


def _read(store: Store, key: str, name: str) -> YoloSet:
    [data] = read_known(store, [key], MOST_BYTES)
    try:
        return read_description(key.lower(), data or b"")
    except InputError as error:
        cure = "" if ";" in str(error) else "; correct it"
        raise InputError(f"{name!r} {error}{cure}") from error


def _leave_out_stand_ins(paths: Paths, described: YoloSet) -> YoloSet:
    """Return a description without those splits for which an output of augcli names another split's images.

    Programs for YOLO want `train` and `val`, so it names one of them twice where it lacks the other. Images
    are those of the split as which their directory is called.
    """
    named_so = [
        split
        for split, places_of in described.places.items()
        if find_words(split) == find_words(places_of[0])
    ]
    owners = {described.places[split]: split for split in [*reversed(list(described.places)), *named_so]}
    places = {split: places_of for split, places_of in described.places.items() if owners[places_of] == split}
    if len(places) == len(described.places) or read_known(paths.store, [RECIPE], MOST_BYTES)[0] is None:
        return described
    return described._replace(places=places)


def _divide(paths: Paths, selection: Selection) -> tuple[Found, str]:
    """Find the images beside labels, and their splits by the words of folders, where nothing says them."""
    images = paths.tree.ending_in(IMAGE_SUFFIXES)
    directories = label_directories(paths.tree, images.keys)
    if directories:
        holders = tuple(f"{directory}/" for directory in directories)
        labelled = Files(file for file in images if label_key(file.key).startswith(holders))
        if lost := len(images) - len(labelled):
            paths.notes.append(f"left out: {quantity(lost, 'image')} without `labels` beside their `images`")
        images = labelled
    short = [_without_images(key) if directories else key for key in images.keys]
    division = divide_folders(short, paths.root) if selection.splits else None
    if division is None or not division.parts:
        paths.notes += division.notes if division else ()
        return Found(paths.store, {"": images}), ""
    paths.notes += division.notes
    split_of = {name: split for split, names in division.parts.items() for name in names}
    splits: dict[str, Files] = {split: Files() for split in division.parts}
    for file, name in zip(images, short, strict=True):
        split = split_of.get(name.partition("/")[0]) if "/" in name else None
        if split is not None:
            splits[split].append(*file)
    return Found(paths.store, splits), division.sign


def _without_images(key: str) -> str:
    """Return a key without the last `images` of its path."""
    above, _, below = f"/{key}".rpartition("/images/")
    return f"{above}/{below}"[1:]


# --- classes ---------------------------------------------------------------------------------------------


def _name_classes(paths: Paths, described: YoloSet, classes: ClassList) -> tuple[YoloSet, str, list[str]]:
    """Return what describes a data set with the names of its classes, as far as anything tells them.

    Beside it the file that names them, empty where there is none, and notes.
    """
    if described.names:
        _check_names_beside(paths, described.names)
        note = Note("boxes are called as ", f"{paths.name!r} says, not by ", Option("classes"))
        return described, "", [note] if classes else []
    if described.names_file:
        place = paths.find(described.names_file, "the names of classes")
        names = _read_names(paths, [place.path]) if place and not place.is_outside else None
        if names is None:
            raise InputError(
                f"{described.names_file!r}, the names of classes by {paths.name!r}, does not exist; correct"
                " its path"
            )
    elif classes:
        names = ("", classes)
    else:
        names = _read_names(paths, _list_name_files(paths))
    if names is None:
        note = Note("nothing names the classes, so they are numbered; give ", Option("classes"))
        return described, "", [note]
    place_of_names, listed = names
    if described.class_count not in (None, len(listed)):
        raise InputError(
            f"{paths.name!r} says {described.class_count} classes, but {place_of_names or 'the class list'!r}"
            f" names {len(listed)}; correct one of them"
        )
    notes = [f"classes: the {len(listed)} names of {place_of_names!r}"] if place_of_names else []
    return described._replace(names=listed, class_count=len(listed)), place_of_names, notes


def _check_names_beside(paths: Paths, names: tuple[str, ...]) -> None:
    """Refuse a file of the same names in another order: labels may be numbered by either.

    A file that cannot be read is not needed, and says nothing.

    Raises:
        InputError: Naming both.
    """
    try:
        place, beside = _read_names(paths, _list_name_files(paths)) or ("", names)
    except InputError:
        return
    if beside != names and sorted(beside) == sorted(names):
        ours, other = (", ".join(listed)[:80] for listed in (names, beside))
        raise InputError(
            f"{paths.name!r} numbers classes as {ours}, {place!r} as {other};"
            " remove or correct the one by which the labels are not numbered"
        )


def _list_name_files(paths: Paths) -> list[str]:
    """Return where names of classes may stand: at the root, and beside labels."""
    images = paths.tree.ending_in(IMAGE_SUFFIXES).keys
    holders = sorted({posixpath.dirname(label_key(key)) for key in images})[:8]
    directories = dict.fromkeys(["", *holders, *map(posixpath.dirname, holders)])
    return [posixpath.join(directory, name) for name in NAME_FILES for directory in directories]


def _read_names(paths: Paths, keys: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the first of these files that exists, and the names in it."""
    for key, data in zip(keys, read_known(paths.store, keys, MOST_BYTES), strict=True):
        if data is not None and not paths.store.read([posixpath.join(posixpath.dirname(key), RECIPE)])[0]:
            name = full_name(paths.store, key)
            try:
                return name, read_name_lines(data)
            except InputError as error:
                raise InputError(f"{name!r}, which names classes, {error}") from error
    return None
