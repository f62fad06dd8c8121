"""Pascal VOC trees (Everingham et al., 2010): images, the lists of their splits, boxes, and masks of some.

`ImageSets/Main/train.txt` and its like are the splits; with masks those of `ImageSets/Segmentation/`, which
list the images that have some. Masks are read only where they are asked for, or where nothing else is there:
most images have none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError, Note, Option, quantity
from augcli.input_files import NONE, InputFiles
from augcli.io.boxes.image_names import without_suffix
from augcli.io.readers.annotations import find_masks
from augcli.io.readers.base import Input, Source
from augcli.io.readers.folder import IMAGE_SUFFIXES, FolderOpener, FolderReader
from augcli.io.readers.pairs import join_root
from augcli.io.readers.passed_over import describe_passed_over
from augcli.io.readers.split_boxes import find_given_boxes
from augcli.io.readers.splits import choose_split, describe_splits
from augcli.io.readers.voc_signs import BOXES, IMAGES, LISTS, MASKS
from augcli.io.store.listing import Files, find_suffix
from augcli.io.store.locations import read_known
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.io.readers.base import ClassList, Selection
    from augcli.program.annotated import BoxHeader

MAIN, SEGMENTATION = f"{LISTS}/Main", f"{LISTS}/Segmentation"
SPLITS = ("train", "val", "test")
WHOLE = "trainval"
"""The list of train and val together: it is train where there is no list of that alone."""

MOST_LISTED = 256 << 20


def open_voc(found: Input, selection: Selection, classes: ClassList) -> Source:
    """List the images of a Pascal VOC tree, by its lists, and find their boxes and masks."""
    images = _find_images(found, selection)
    selection, notes = _find_annotations(found, selection)
    notes += _describe_rest(found, selection)
    splits: dict[str, Files] = {}
    if selection.splits and selection.files.labels is None:
        splits, more = _read_splits(found, images, selection.files.masks is not None)
        notes += more
    if not splits:
        source = FolderReader().open(images, replace(selection, splits=False), classes)
        return replace(source, notes=(*notes, *source.notes))
    main = choose_split(list(splits), selection.split)
    catalogues = tuple(_make_catalogue(split, files) for split, files in splits.items())
    masks = selection.locate(selection.files.masks) if selection.files.masks is not None else None
    if masks is not None:
        catalogues = find_masks(catalogues, masks)
    header: BoxHeader | None = None
    if selection.files.boxes is not None:
        names = [[[key] for key in catalogue.keys] for catalogue in catalogues]
        catalogues, header, more = find_given_boxes(catalogues, names, selection)
        notes += more
    return Source(
        catalogues=catalogues,
        layout="folder",
        opener=FolderOpener(images.store, masks.store if masks else None),
        has_class_folders=False,
        main=main,
        notes=tuple(notes),
        annotated=Annotated(header, masks is not None),
    )


def _find_images(found: Input, selection: Selection) -> Input:
    """Return the directory of the images.

    Raises:
        InputError: If it holds none.
    """
    assert found.tree is not None
    name, prefix = join_root(found.name, IMAGES), f"{IMAGES}/"
    own = found.tree.ending_in(IMAGE_SUFFIXES).below(prefix)
    if not len(own):
        raise InputError(f"no images in {name!r}; put the images of this Pascal VOC tree there")
    by_suffix: dict[str, Files] = {}
    for file in own:
        key = file.key[len(prefix) :]
        by_suffix.setdefault(find_suffix(key), Files()).append(*file._replace(key=key))
    named = frozenset(key[len(prefix) :] for key in found.tree.named if key.startswith(prefix))
    tree = found.tree._replace(by_suffix=by_suffix, named=named, others=Counter(), first={}, directories=[])
    return Input(name, selection.locate(name).store, tree)


def _find_annotations(found: Input, selection: Selection) -> tuple[Selection, list[str]]:
    """Return how the tree is read, with the boxes that stand in it, and notes."""
    assert found.tree is not None
    directories = set(found.tree.directories)
    files, notes = selection.files, list[str]()
    if BOXES in directories and files.boxes is None and selection.finds_boxes:
        files = replace(files, boxes=join_root(found.name, BOXES))
        notes.append(f"boxes: those of {BOXES}/")
    if MASKS in directories and files.masks is None and selection.finds_masks:
        place = join_root(found.name, MASKS)
        count = len(found.tree.ending_in([".png"]).below(f"{MASKS}/"))
        if BOXES not in directories:
            files = replace(files, masks=place)
            notes.append(f"masks: those of {MASKS}/")
        elif count:
            what = f"{MASKS}/ holds masks of {quantity(count, 'image')}, which are not read; give "
            alone = " to augment these images with them, or "
            notes.append(Note(what, Option("masks", place), alone, Option("masks", NONE)))
    return replace(selection, files=files), notes


def _describe_rest(found: Input, selection: Selection) -> list[str]:
    """Return notes on what was found and is not used; lists and XML are."""
    assert found.tree is not None
    used = Counter({kind: count for kind, count in found.tree.others.items() if kind in (".txt", ".xml")})
    tree = found.tree._replace(others=found.tree.others - used)
    return describe_passed_over(
        replace(found, tree=tree), IMAGE_SUFFIXES, replace(selection, files=InputFiles())
    )


def _make_catalogue(split: str, files: Files) -> Catalogue:
    sizes, versions = np.array(files.sizes, np.int64), np.array(files.versions, np.int64)
    return Catalogue(split, files.keys, sizes, versions, [None] * len(files), None)


# --- splits ----------------------------------------------------------------------------------------------


def _read_splits(found: Input, images: Input, has_masks: bool) -> tuple[dict[str, Files], list[str]]:
    """Return the images of each split by the lists of the tree, none where it has none, and notes."""
    assert found.tree is not None
    assert images.tree is not None
    directory = SEGMENTATION if has_masks and SEGMENTATION in found.tree.directories else MAIN
    lists, notes = _read_lists(found, directory)
    files = {without_suffix(file.key): file for file in images.tree.ending_in(IMAGE_SUFFIXES)}
    for split, listed in lists.items():
        if lost := len(listed - files.keys()):
            what = f"{quantity(lost, 'image')} of {directory}/"
            notes.append(f"split {split!r}: {what} that do not exist are left out")
    there = {split: sorted(listed & files.keys()) for split, listed in lists.items()}
    splits = {split: Files(files[name] for name in names) for split, names in there.items() if names}
    if not splits:
        return {}, notes
    notes.insert(0, describe_splits({name: len(own) for name, own in splits.items()}, f"{directory}/"))
    _refuse_shared(there, directory)
    named = {name for names in there.values() for name in names}
    if len(named) < len(files):
        notes.append(f"left out: {quantity(len(files) - len(named), 'image')} of no split of {directory}/")
    return splits, notes


def _read_lists(found: Input, directory: str) -> tuple[dict[str, set[str]], list[str]]:
    """Return the names in the list of each split, and notes.

    Raises:
        InputError: If a list is not UTF-8 text.
    """
    names = (*SPLITS, WHOLE)
    lists: dict[str, set[str]] = {}
    keys = [f"{directory}/{name}.txt" for name in names]
    for name, data in zip(names, read_known(found.store, keys, MOST_LISTED), strict=True):
        try:
            lines = data.decode("utf-8-sig").splitlines() if data is not None else []
        except UnicodeDecodeError as error:
            raise InputError(f"the list {directory}/{name}.txt is not UTF-8 text; correct it") from error
        if listed := {line.split()[0] for line in lines if line.strip()}:
            lists[name] = listed
    whole = lists.pop(WHOLE, None)
    if whole is None or lists.keys() & {"train", "val"}:
        return lists, []
    note = f"split 'train' is {directory}/{WHOLE}.txt, since no list is of train alone"
    return dict(sorted([*lists.items(), ("train", whole)])), [note]


def _refuse_shared(splits: Mapping[str, list[str]], directory: str) -> None:
    """Refuse images that stand in the lists of two splits: those of test would be in train.

    Raises:
        InputError: Naming the lists.
    """
    for first, second in combinations(splits, 2):
        if shared := sorted(set(splits[first]).intersection(splits[second])):
            raise InputError(
                f"{quantity(len(shared), 'image')} ({shared[0]!r} first) stand in the lists of {first!r} and"
                f" of {second!r}; leave each in one list of {directory}/"
            )
