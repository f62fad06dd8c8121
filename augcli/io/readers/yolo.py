"""YOLO data sets: images, split by split, and their labels.

Their classes are categories of boxes. The images themselves have labels only where a table says so.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import Note, Option, quantity
from augcli.io.boxes.base import YOLO
from augcli.io.boxes.recorded import read_annotated
from augcli.io.boxes.yolo import Labels, read_labels
from augcli.io.labels.facts import LabelFacts
from augcli.io.labels.labelling import Labelling
from augcli.io.readers.annotations import check_masks_apart, find_masks
from augcli.io.readers.base import Input, Source, labels_fit_folders
from augcli.io.readers.folder import FolderReader
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.folder_labels import Part, label_parts
from augcli.io.readers.folder_samples import FolderOpener
from augcli.io.readers.passed_over import describe_passed_over
from augcli.io.readers.splits import choose_split
from augcli.io.readers.yolo_layout import find_layout
from augcli.io.readers.yolo_places import label_key
from augcli.io.readers.yolo_signs import DESCRIPTION_SUFFIXES, LABEL_SUFFIX
from augcli.io.store.listing import find_suffix
from augcli.io.store.locations import path_below
from augcli.io.store.names import RECIPE
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import ClassList, Selection
    from augcli.io.readers.folder_labels import FolderLabels
    from augcli.io.readers.yolo_layout import YoloLayout
    from augcli.io.store.base import Store
    from augcli.io.store.listing import Files


def open_yolo(src: Input, selection: Selection, classes: ClassList) -> Source:
    """List the images of a YOLO data set and read their labels; see `Reader.open`."""
    if selection.files.boxes is not None and src.tree is not None:
        return FolderReader().open(src, selection, classes)
    data_set = find_layout(src, selection, classes)
    splits, store = data_set.found.splits, data_set.found.store
    main = choose_split(list(splits), selection.split)
    keys = [key for files in splits.values() for key in files.keys]
    asked = selection.yolo_task or _read_task(data_set.paths.store)
    wanted = list(map(label_key, keys)) if selection.finds_boxes else []
    labels = read_labels(store, wanted, data_set.described, asked, selection.bad_boxes)
    labelled = _label(data_set, main, selection, classes)
    catalogues = _make_catalogues(splits, labels, labelled)
    masks = selection.locate(selection.files.masks) if selection.files.masks is not None else None
    if masks is not None:
        check_masks_apart(store, masks)
        catalogues = find_masks(catalogues, masks)
    has_table = selection.files.labels is not None or bool(data_set.paths.tree.named)
    about_labels = _describe_labels(data_set, labels, len(keys), asked) if selection.finds_boxes else []
    return Source(
        catalogues=catalogues,
        layout="yolo" if selection.finds_boxes else "folder",
        opener=FolderOpener(store, masks.store if masks else None),
        has_class_folders=has_table and labels_fit_folders(catalogues),
        main=main,
        has_table=has_table,
        notes=(
            *data_set.notes,
            *about_labels,
            *(labelled.notes if labelled else ()),
            *_describe_rest(data_set, labels, selection),
        ),
        annotated=Annotated(labels.header if selection.finds_boxes else None, masks is not None),
        labelled=labelled.facts if labelled else LabelFacts(),
    )


def _read_task(store: Store) -> str | None:
    """Return the task of the labels of an output of augcli; None where the labels themselves tell it."""
    if store.read([RECIPE])[0] is None:
        return None
    header = read_annotated(store).boxes
    task = header.keys.get("task") if header and header.box_format == YOLO else None
    return str(task) if task else None


def _label(data_set: YoloLayout, main: str, selection: Selection, classes: ClassList) -> FolderLabels | None:
    """Label the images by a table; None without a table."""
    tree = data_set.paths.tree
    if selection.files.labels is None and not tree.named:
        return None
    splits = data_set.found.splits
    parts, named = [], set[str]()
    for split in sorted(splits, key=lambda split: split != main):  # an image of two is labelled once
        new = [key for key in splits[split].keys if key not in named]
        parts.append(Part(split, _find_prefix(splits[split].keys), new))
        named.update(new)
    labelled = label_parts(data_set.found.store, tree, parts, main, selection, classes)
    known = {
        key: label
        for part, labelling in zip(parts, labelled.labellings, strict=True)
        for key, label in zip(part.keys, labelling.labels, strict=True)
    }
    by_split = {part.split: labelling for part, labelling in zip(parts, labelled.labellings, strict=True)}
    labellings = [
        by_split[split]._replace(labels=[known[key] for key in files.keys]) for split, files in splits.items()
    ]
    return labelled._replace(labellings=labellings)


def _find_prefix(keys: Sequence[str]) -> str:
    """Return the directory of all keys, with a slash behind it."""
    first = posixpath.commonprefix([keys[0], keys[-1]])  # they are sorted
    return first[: first.rfind("/") + 1]


def _make_catalogues(
    splits: dict[str, Files], labels: Labels, labelled: FolderLabels | None
) -> tuple[Catalogue, ...]:
    catalogues, first = [], 0
    for number, (split, files) in enumerate(splits.items()):
        labelling = labelled.labellings[number] if labelled else Labelling([None] * len(files), None)
        catalogues.append(
            Catalogue(
                split,
                files.keys,
                np.array(files.sizes, np.int64),
                np.array(files.versions, np.int64),
                labelling.labels,
                labelling.classes,
                boxes=labels.images[first : first + len(files)] or None,
            )
        )
        first += len(files)
    return tuple(catalogues)


# --- what was seen ---------------------------------------------------------------------------------------


def _describe_labels(data_set: YoloLayout, labels: Labels, images: int, asked: str | None) -> list[str]:
    """Return notes on what was taken for labels."""
    task = labels.header.keys["task"]
    notes: list[str] = [f"labels: YOLO, {task}, of {labels.found} of {quantity(images, 'image')}"]
    if not labels.found:
        first = next(key for files in data_set.found.splits.values() for key in files.keys)
        notes.append(f"no image has labels: those of {first!r} were looked for in {label_key(first)!r}")
    if task == "obb" and asked is None:
        what = "all lines have four corners, and are taken for oriented boxes; if they are outlines, give "
        notes.append(Note(what, Option("yolo_task", "segment")))
    if labels.boxes:
        notes.append(f"{quantity(labels.boxes, 'line is a box', 'lines are boxes')} among outlines")
    if labels.repeated:
        notes.append(f"{quantity(labels.repeated, 'line')} of labels that stand twice in their file are kept")
    notes += [f"left out of the labels: {what} ({count})" for what, count in sorted(labels.dropped.items())]
    return notes


def _describe_rest(data_set: YoloLayout, labels: Labels, selection: Selection) -> list[str]:
    """Return notes on what was found and is not used."""
    paths = data_set.paths
    used = Counter({LABEL_SUFFIX: labels.found + data_set.found.lists})
    used.update(find_suffix(name) for name in data_set.read if path_below(name, paths.root))
    tree = paths.tree._replace(others=paths.tree.others - used)
    rest = Input(paths.root, paths.store, tree)
    return describe_passed_over(rest, IMAGE_SUFFIXES | DESCRIPTION_SUFFIXES, selection)
