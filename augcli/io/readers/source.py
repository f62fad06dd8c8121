"""Opening SRC: what it leads to, and which reader reads it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from augcli.errors import InputError, quantity
from augcli.io.labels.class_list import read_class_list
from augcli.io.readers.base import READERS, Input, Selection, Source, accepted_inputs, choose_reader
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.folder_labels import LABEL_TABLES
from augcli.io.readers.layouts import refuse_cityscapes
from augcli.io.readers.pairs import find_pair, join_root, list_masks, refuse_mixed
from augcli.io.readers.passed_over import describe_passed_over
from augcli.io.readers.voc_reader import VocReader
from augcli.io.readers.yolo_signs import label_directories
from augcli.io.store.listing import Files, list_tree
from augcli.io.store.locations import Kind, Location, is_pattern, locate_file, locate_files

if TYPE_CHECKING:
    from augcli.io.store.base import Store


BRACES = re.compile(r"\{[^{}/]*\}")
"""How shells and webdataset name many files: `{000000..000511}`."""


def open_source(src: str, selection: Selection) -> Source:
    """List a data set.

    Raises:
        InputError: If it is missing, empty, or cannot be labelled; the message names the cure.
        StorageError: If the machine fails.
    """
    selection = selection.without_none()
    files = selection.files
    classes = read_class_list(selection.locate(files.classes)) if files.classes is not None else None
    listed = _find_input(src, selection)
    listed, selection, notes = _part_masks(listed, selection)
    source = choose_reader(listed).open(listed, selection, classes)
    source = replace(source, notes=(*notes, *source.notes), places=_list_places(listed, selection))
    return _turn_to_yolo(source, selection) if selection.layout == "yolo" else source


def _turn_to_yolo(source: Source, selection: Selection) -> Source:
    """Return a data set whose boxes are to be written as YOLO labels."""
    from augcli.io.boxes.yolo_headers import as_yolo

    if source.annotated.boxes is None:
        return source
    images = (boxes for catalogue in source.catalogues for boxes in catalogue.boxes or () if boxes)
    header, notes = as_yolo(source.annotated.boxes, images, selection.yolo_task)
    annotated = replace(source.annotated, boxes=header)
    return replace(source, annotated=annotated, notes=(*source.notes, *notes))


def _list_places(src: Input, selection: Selection) -> tuple[Location, ...]:
    """Return where SRC and the files beside it were read: see `Source.places`."""
    listed = src.tree.by_suffix.values() if src.tree else [src.files]
    keys = (key for files in listed for key in files.keys[:1])
    first = Location(src.store, next(keys, ""))
    return first, *(locate_file(path, selection.access) for path in selection.files.paths)


def _part_masks(src: Input, selection: Selection) -> tuple[Input, Selection, list[str]]:
    """Return SRC without the masks that stand beside its images, which are read as masks then, and a note."""
    if src.tree is None or selection.files.masks is not None or VocReader().is_own(src):
        return src, selection, []
    keys = src.tree.ending_in(IMAGE_SUFFIXES).keys
    tables = [key for key in src.tree.named if key.rpartition("/")[2] in LABEL_TABLES]
    refuse_cityscapes(src.name, src.tree.directories)
    names_masks = partial(_names_masks, src.store)
    pair = find_pair(src.name, keys, tables, names_masks, selection.finds_masks)
    if pair is None and not selection.finds_masks:
        without, notes = _leave_masks_out(src, list_masks(keys))
        return without, selection, notes
    if pair is None:
        if selection.files.labels is None and not tables:
            refuse_mixed(src.name, keys)
        return src, selection, []
    images, masks = (join_root(src.name, name) for name in pair)
    what = "masks: those of" if selection.finds_masks else "left out: the masks in"
    note = f"{what} {pair.masks}/, beside the images in {pair.images}/"
    others = {suffix: _leave_out(files, pair.masks) for suffix, files in src.tree.by_suffix.items()}
    labelled = src.tree._replace(by_suffix=others)
    if not selection.finds_masks and label_directories(labelled, labelled.ending_in(IMAGE_SUFFIXES).keys):
        return replace(src, tree=labelled), selection, [note]  # YOLO labels, of which these are the masks
    inner = _find_input(images, selection)
    beside = src.tree._replace(others=src.tree.others - (inner.tree.others if inner.tree else Counter()))
    notes = [note, *describe_passed_over(replace(src, tree=beside), IMAGE_SUFFIXES, selection)]
    if not selection.finds_masks:
        return inner, selection, notes
    return inner, replace(selection, files=replace(selection.files, masks=masks)), notes


def _leave_masks_out(src: Input, masks: set[str]) -> tuple[Input, list[str]]:
    """Return SRC without masks that stand in several places beside images, and a note."""
    if src.tree is None or not masks:
        return src, []
    by_suffix = {
        suffix: Files(file for file in files if file.key not in masks)
        for suffix, files in src.tree.by_suffix.items()
    }
    kept = {key.rpartition("/")[0] for files in by_suffix.values() for key in files.keys}
    emptied = {key.rpartition("/")[0] for key in masks} - kept
    directories = [name for name in src.tree.directories if name not in emptied]
    note = f"left out: {quantity(len(masks), 'mask')} beside images ({min(masks)!r} first)"
    return replace(src, tree=src.tree._replace(by_suffix=by_suffix, directories=directories)), [note]


def _leave_out(files: Files, directory: str) -> Files:
    """Return the files that do not lie in a directory."""
    return Files(file for file in files if not file.key.startswith(f"{directory}/"))


def _names_masks(store: Store, table: str) -> bool:
    """True if a table names masks of images."""
    from augcli.io.readers.named_files import names_masks  # here as in `readers.folder`

    return names_masks(store, table)


def _find_input(src: str, selection: Selection) -> Input:
    """Return what SRC leads to: a directory, which is listed, a file, or files that match a pattern."""
    location = selection.locate(src)
    if location.kind is Kind.DIRECTORY:
        suffixes = frozenset().union(*(reader.suffixes for reader in READERS.values()))
        return Input(src, location.store, list_tree(location.store, suffixes, LABEL_TABLES))
    if location.kind is Kind.NOTHING and not is_pattern(src):
        if (pattern := BRACES.sub("*", src)) != src:
            raise InputError(f"{src!r} does not exist, since braces mean nothing here; give {pattern!r}")
        raise InputError(f"{src!r} does not exist; give {accepted_inputs()} as SRC")
    if location.kind is Kind.SPECIAL:
        return Input(src, location.store)
    store, files = locate_files(src, selection.access)
    by_pattern = location.kind is Kind.NOTHING
    if by_pattern and files.keys and all(key.lower().endswith(tuple(IMAGE_SUFFIXES)) for key in files.keys):
        raise InputError(f"{src!r} matches images, but a pattern names shards; give the images' folder")
    return Input(src, store, files=files, is_pattern=by_pattern)
