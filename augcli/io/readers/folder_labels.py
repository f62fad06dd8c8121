"""How the images of a folder are labelled: by a table that is given, their own tables, or class folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import describe_alike, some
from augcli.io.labels.facts import LabelFacts, describe_unread
from augcli.io.labels.labelling import Labelling, label_by_name
from augcli.io.labels.uniting import fit_classes, unite_lists
from augcli.io.readers.layouts import (
    note_inner_folders,
    refuse_lost_table,
    refuse_outputs_below,
    refuse_unreadable_folders,
)
from augcli.io.readers.pairs import IMAGE_DIRECTORIES, join_root
from augcli.io.readers.passed_over import describe_lost
from augcli.io.store.base import full_name
from augcli.io.store.locations import Location, path_below
from augcli.io.store.names import folder_names, percent_encoded, printable_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from augcli.io.labels.table_rows import LabelledTable
    from augcli.io.readers.base import ClassList, Selection
    from augcli.io.store.base import Store
    from augcli.io.store.listing import Tree

OWN_TABLE = "metadata.parquet"
"""The table that an output of augcli has beside its images."""

LABEL_TABLES = ("metadata.csv", OWN_TABLE, "metadata.jsonl")
"""Tables of our own or of Hugging Face's imagefolder that label the images beside them."""


class Part(NamedTuple):
    """Images that are labelled alike: of a split, or of one directory of it.

    Attributes:
        split: The split; empty where there are no splits.
        prefix: What all keys begin with: the directory of the split.
        keys: The images, as paths below SRC.
    """

    split: str
    prefix: str
    keys: Sequence[str]

    @property
    def names(self) -> list[str]:
        """The images as paths below their split."""
        return [key[len(self.prefix) :] for key in self.keys]


class FolderLabels(NamedTuple):
    """The labels of each part, what was taken for them in words, and what the labels are."""

    labellings: list[Labelling]
    notes: list[str]
    facts: LabelFacts


@dataclass(slots=True)
class _Folder:
    """A folder whose images are being labelled."""

    store: Store
    tree: Tree
    parts: Sequence[Part]
    selection: Selection
    classes: ClassList
    notes: list[str] = field(default_factory=list)
    facts: LabelFacts = field(default_factory=LabelFacts)


class _Use(NamedTuple):
    """A table, the parts that it labels by their number, and whether the user gave it."""

    file: Location
    parts: list[int]
    is_given: bool


def label_parts(
    store: Store, tree: Tree, parts: Sequence[Part], main: str, selection: Selection, classes: ClassList
) -> FolderLabels:
    """Label the images of all parts with the classes of the augmented split.

    Args:
        store: SRC.
        tree: What stands there.
        parts: Splits, or directories of splits.
        main: The split that is augmented.
        selection: How SRC is read.
        classes: The class list that the user gives.

    Raises:
        InputError: If a table cannot be read or does not fit, or contradicts class folders.
    """
    folder = _Folder(store, tree, parts, selection, classes)
    labellings: list[Labelling | None] = [None] * len(parts)
    for use in _find_tables(folder):
        for number, labelling in zip(use.parts, _label_by_table(folder, use, main), strict=True):
            labellings[number] = labelling
    by_folders = [number for number, labelling in enumerate(labellings) if labelling is None]
    listed = unite_lists([labelling for labelling in _of(main, parts, labellings) if labelling])
    for number in sorted(by_folders, key=lambda number: parts[number].split != main):
        labelling = labellings[number] = _label_by_folders(folder, parts[number], main, classes or listed)
        listed = listed or (labelling.classes if parts[number].split == main else None)
    return _unite(folder, [labelling for labelling in labellings if labelling is not None], by_folders, main)


def classes_of_files(keys: Sequence[str], root: str) -> list[str | None]:
    """Return each file's class, its first directory; None throughout where the folder is flat.

    Raises:
        InputError: If images stand beside class folders.
    """
    classes = [key.split("/", 1)[0] if "/" in key else None for key in keys]
    filled = set(classes) - {None}
    if not filled:
        return list(classes)
    if None in classes:
        loose = next(key for key in keys if "/" not in key)
        where = f"{loose!r} stands beside class folders in {root!r}; move it into one, or give "
        raise InputError(where, Option("labels", "FILE"))
    printable = {name: percent_encoded(name) for name in filled if name}
    if len(set(printable.values())) < len(printable):
        printable = {name: printable_key(name) for name in printable}
    return [printable[name] for name in classes if name]


# --- tables --------------------------------------------------------------------------------------------


def _find_tables(folder: _Folder) -> Iterator[_Use]:
    """Yield the tables that label, with their parts: the given table, a split's, or SRC's."""
    by_key = {key: Location(folder.store, key) for key in sorted(folder.tree.named)}
    path = folder.selection.files.labels
    everything = list(range(len(folder.parts)))
    if path is not None:
        table = folder.selection.locate(path)
        beside = [location.name for location in by_key.values() if location.name != table.name]
        if beside:
            folder.notes.append(f"labels are read from {table.name!r}, and not from {some(beside, 3)}")
        yield _Use(table, everything, is_given=True)
        return
    uses: dict[str, list[int]] = {}
    used = set()
    for number, part in enumerate(folder.parts):
        for prefix in dict.fromkeys((part.prefix, "")):
            key = next((prefix + name for name in LABEL_TABLES if prefix + name in by_key), None)
            if key is not None:
                uses.setdefault(key, []).append(number)
                used.add(key)
                break
    unread = [by_key[key].name for key in by_key if key not in used]
    below = [key for key in by_key if key not in used and "/" in key]
    refuse_outputs_below(folder.store.name, below, folder.selection.access)
    if unread:
        folder.notes.append(
            f"{some(unread, 3)} are not read" if len(unread) > 1 else f"{unread[0]!r} is not read"
        )
    for key, numbers in uses.items():
        yield _Use(by_key[key], numbers, is_given=False)


def _label_by_table(folder: _Folder, use: _Use, main: str) -> list[Labelling | None]:
    """Label the parts of a table; None for each if the table has no labels and need not have any."""
    # Here, since most folders have no table: these load what reads CSV, JSON and columns of labels.
    from augcli.io.labels.matching import Places
    from augcli.io.labels.split_columns import refuse_splits_in
    from augcli.io.labels.table_rows import label_by_table
    from augcli.io.labels.tables import Named

    parts = [folder.parts[number] for number in use.parts]
    keys = [key for part in parts for key in part.keys]
    below = tuple(_relative(folder, use, parts))
    selection = folder.selection
    table = label_by_table(
        use.file,
        Places(keys, below, folder.store.name),
        Named(selection.label_col, selection.file_col),
        (folder.classes, selection.label_sep),
        use.is_given,
        [(len(part.keys), part.split == main) for part in parts],
    )
    folder.notes += table.notes
    if table.splits and selection.splits and not parts[0].split:
        raise refuse_splits_in(table.name, table.splits, "move the images into folders of these splits")
    if table.labellings is None:
        folder.facts = folder.facts.join(table.facts)
        return [None] * len(parts)
    folder.facts = folder.facts.join(table.facts)
    for part, labelling in zip(parts, table.labellings, strict=True):
        _check_folders(table, part, labelling)
    return list(table.labellings)


def _relative(folder: _Folder, use: _Use, parts: Sequence[Part]) -> Iterator[list[str | None]]:
    """Yield the images' paths below their split, and below the directory of the table."""
    if any(part.prefix for part in parts):
        yield [name for part in parts for name in part.names]
    keys = [key for part in parts for key in part.keys]
    place, root = use.file.name.rpartition("/")[0], folder.store.name
    above, below = path_below(root, place), path_below(place, root)
    if above:  # the table stands above SRC
        yield [f"{above}{key}" for key in keys]
    elif below and not all(part.prefix == below for part in parts):
        yield [key.removeprefix(below) if key.startswith(below) else None for key in keys]


def _check_folders(table: LabelledTable, part: Part, labelling: Labelling) -> None:
    """Refuse a table that contradicts the class folders in which the images lie.

    Folders count as class folders where they are called like classes of the table.
    """
    classes = labelling.classes or ()
    index = {name: number for number, name in enumerate(folder_names(classes))}
    index |= {name: number for number, name in enumerate(classes)}
    if labelling.is_numbered:
        index |= {str(number): number for number in range(len(classes))}
    for name, label, key in zip(part.names, labelling.labels, part.keys, strict=True):
        top, slash, _ = name.partition("/")
        if slash and label is not None and index.get(top, label.classes[0]) not in label.classes:
            said = " and ".join(repr(classes[number]) for number in label.classes[:3])
            raise InputError(
                f"{table.name!r} says that {key!r} is {said}, but it lies in the class folder {top!r};"
                " correct the table or move the file, or give ",
                Option("label_col"),
                " with the right column",
            )


# --- class folders -------------------------------------------------------------------------------------


def _label_by_folders(folder: _Folder, part: Part, main: str, classes: ClassList) -> Labelling:
    """Label a part by its class folders; in other splits these may be of other classes."""
    root = full_name(folder.store, part.prefix.removesuffix("/"))
    names = classes_of_files(part.names, root)
    if (lone := _find_plain_folder(names)) is not None:
        place = join_root(root, lone)
        note = f"the folder {place!r} is not a class: its images are unlabelled"
        folder.notes.append(f"{note}; if class folders stand in it, give it as SRC")
        names = [None] * len(names)
    if any(names):
        refuse_lost_table(folder.store, folder.tree, root)
        refuse_unreadable_folders(folder.tree, part.prefix, part.keys, "class folder", root)
        folder.notes += note_inner_folders(part.names) if part.split == main else []
    try:
        labelling = label_by_name(names, classes)
        folder.notes += describe_alike(labelling.classes) if part.split == main else []
        return labelling
    except InputError:
        if part.split == main:
            raise
        return label_by_name(names, None)


def _find_plain_folder(names: Sequence[str | None]) -> str | None:
    """Return the name of the only folder, if it is what people call a folder of images: hardly a class."""
    lone = next(iter(names), None) if len(set(names)) == 1 else None
    return lone if lone is not None and lone.lower() in IMAGE_DIRECTORIES else None


# --- all splits together -------------------------------------------------------------------------------


def _of(main: str, parts: Sequence[Part], labellings: Sequence[Labelling | None]) -> list[Labelling | None]:
    return [labelling for part, labelling in zip(parts, labellings, strict=True) if part.split == main]


def _unite(
    folder: _Folder, unfitted: list[Labelling], by_folders: Collection[int], main: str
) -> FolderLabels:
    """Return the labels of all parts, in the classes of the augmented split.

    Parts in `by_folders` are labelled by class folders, whose names are never indices.
    """
    classes = folder.classes or unite_lists(
        [labelling for labelling in _of(main, folder.parts, unfitted) if labelling]
    )
    classes = classes or unite_lists(unfitted)
    labellings, lost = [], Counter[tuple[str, str]]()
    for number, (part, labelling) in enumerate(zip(folder.parts, unfitted, strict=True)):
        fitted = fit_classes(labelling, classes, number in by_folders)
        labellings.append(fitted.labelling)
        folder.notes += [f"split {part.split!r}: {note}" for note in fitted.notes]
        lost.update(dict.fromkeys([(part.split, name) for name in fitted.lost], 1))
    for split in dict.fromkeys(split for split, _ in lost):
        folder.notes.append(describe_lost(split, [name for of, name in lost if of == split], main))
    if not any(label for labelling in labellings for label in labelling.labels):
        folder.notes += describe_unread(folder.facts.candidates)
    return FolderLabels(labellings, folder.notes, folder.facts)
