"""Pascal VOC trees (Everingham et al., 2010): images, the lists of their splits, boxes, and masks of some.

`ImageSets/Main/train.txt` and its like are the splits; with masks those of `ImageSets/Segmentation/`, which
list the images that have some. Masks are read only where they are asked for, or where nothing else is there:
most images have no mask.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError, Note, Option, quantity
from augcli.input_files import NONE
from augcli.io.boxes.image_names import last_part
from augcli.io.labels.facts import LabelFacts
from augcli.io.labels.labelling import Labelling
from augcli.io.readers.annotations import find_masks
from augcli.io.readers.base import Input, Source
from augcli.io.readers.folder import FolderReader
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.folder_labels import FolderLabels, Part, label_parts
from augcli.io.readers.folder_samples import FolderOpener
from augcli.io.readers.pairs import join_root
from augcli.io.readers.passed_over import describe_passed_over
from augcli.io.readers.split_boxes import find_given_boxes
from augcli.io.readers.splits import choose_split
from augcli.io.readers.voc_lists import read_splits
from augcli.io.readers.voc_signs import BOXES, IMAGES, MASKS
from augcli.io.store.listing import Files, find_suffix
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.io.readers.base import ClassList, Selection
    from augcli.program.annotated import BoxHeader


def open_voc(src: Input, selection: Selection, classes: ClassList) -> Source:
    """List the images of a Pascal VOC tree, by its lists, and find their boxes and masks."""
    images = _find_images(src, selection)
    selection, notes = _find_annotations(src, selection)
    notes += _describe_rest(src, selection)
    splits, more = read_splits(src, images, selection) if selection.splits else ({}, [])
    notes += more
    if not splits:
        source = FolderReader().open(images, replace(selection, splits=False), classes)
        return replace(source, notes=(*notes, *source.notes))
    main = choose_split(list(splits), selection.split)
    splits = dict(sorted(splits.items()))  # as an output that stands has them
    labelled = _label(images, splits, main, selection, classes)
    catalogues = tuple(map(_make_catalogue, splits, splits.values(), labelled.labellings))
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
        has_table=_has_table(images, selection),
        notes=(*notes, *labelled.notes),
        annotated=Annotated(header, masks is not None),
        labelled=labelled.facts,
    )


def _find_images(src: Input, selection: Selection) -> Input:
    """Return the directory of the images.

    Raises:
        InputError: If it holds no images.
    """
    assert src.tree is not None
    name, prefix = join_root(src.name, IMAGES), f"{IMAGES}/"
    images = src.tree.ending_in(IMAGE_SUFFIXES).below(prefix)
    if not len(images):
        raise InputError(f"no images in {name!r}; put the images of this Pascal VOC tree there")
    by_suffix: dict[str, Files] = {}
    for file in images:
        key = file.key[len(prefix) :]
        by_suffix.setdefault(find_suffix(key), Files()).append(*file._replace(key=key))
    named = frozenset(key[len(prefix) :] for key in src.tree.named if key.startswith(prefix))
    tree = src.tree._replace(by_suffix=by_suffix, named=named, others=Counter(), first={}, directories=[])
    return Input(name, selection.locate(name).store, tree)


def _find_annotations(src: Input, selection: Selection) -> tuple[Selection, list[str]]:
    """Return how the tree is read, with the boxes that stand in it, and notes."""
    assert src.tree is not None
    directories = src.tree.directories
    has_boxes = BOXES in directories and src.tree.others[".xml"] > 0
    files, notes = selection.files, list[str]()
    if has_boxes and files.boxes is None and selection.finds_boxes:
        files = replace(files, boxes=join_root(src.name, BOXES))
        notes.append(f"boxes: those of {BOXES}/")
    if MASKS in directories and files.masks is None and selection.finds_masks:
        place = join_root(src.name, MASKS)
        count = len(src.tree.ending_in([".png"]).below(f"{MASKS}/"))
        if not has_boxes:
            files = replace(files, masks=place)
            notes.append(f"masks: those of {MASKS}/")
        elif count:
            what = f"{MASKS}/ holds masks of {quantity(count, 'image')}, which are not read; give "
            alone = " to augment these images with them, or "
            notes.append(Note(what, Option("masks", place), alone, Option("masks", NONE)))
    return replace(selection, files=files), notes


def _describe_rest(src: Input, selection: Selection) -> list[str]:
    """Return notes on what was found and is not used; lists and XML are."""
    assert src.tree is not None
    read = {IMAGES, MASKS, last_part((selection.files.masks or "").rstrip("/"))}
    keys = src.tree.ending_in(IMAGE_SUFFIXES).keys
    outside = [key for key in keys if key.partition("/")[0] not in read]
    what = f"left out: {quantity(len(outside), 'image')} outside of {IMAGES}/"
    notes = [f"{what} ({outside[0]!r} first)"] if outside else []
    used = Counter({kind: count for kind, count in src.tree.others.items() if kind in (".txt", ".xml")})
    tree = src.tree._replace(others=src.tree.others - used)
    without_boxes = replace(selection, files=replace(selection.files, boxes=None))  # else all XML are counted
    return notes + describe_passed_over(replace(src, tree=tree), IMAGE_SUFFIXES, without_boxes)


def _has_table(images: Input, selection: Selection) -> bool:
    return selection.files.labels is not None or bool(images.tree and images.tree.named)


def _label(
    images: Input, splits: Mapping[str, Files], main: str, selection: Selection, classes: ClassList
) -> FolderLabels:
    """Label the images of all splits by a table; without a table they have no labels."""
    assert images.tree is not None
    if not _has_table(images, selection):
        return FolderLabels(
            [Labelling([None] * len(files), None) for files in splits.values()], [], LabelFacts()
        )
    parts = [Part(split, "", files.keys) for split, files in splits.items()]
    return label_parts(images.store, images.tree, parts, main, selection, classes)


def _make_catalogue(split: str, files: Files, labelling: Labelling) -> Catalogue:
    sizes, versions = np.array(files.sizes, np.int64), np.array(files.versions, np.int64)
    return Catalogue(split, files.keys, sizes, versions, labelling.labels, labelling.classes)
