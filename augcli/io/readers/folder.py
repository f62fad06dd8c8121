"""Image folders: what stands in them, in which split and class, and how it is labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.io.labels.labelling import Labelling
from augcli.io.readers.annotations import below_split, check_masks_apart, find_masks, give_masks
from augcli.io.readers.base import Source, labels_fit_folders, register
from augcli.io.readers.folder_images import (
    IMAGE_SUFFIXES,
    describe_division,
    divide,
    find_images,
    part_splits,
)
from augcli.io.readers.folder_labels import Part, label_parts
from augcli.io.readers.folder_samples import FolderOpener
from augcli.io.readers.layouts import note_labels_beside
from augcli.io.readers.own_boxes import find_own_boxes
from augcli.io.readers.passed_over import UNREADABLE_SUFFIXES, describe_passed_over
from augcli.io.readers.split_boxes import find_beside, find_given_boxes
from augcli.io.readers.splits import choose_split
from augcli.io.store.listing import Files
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import ClassList, Input, Selection
    from augcli.io.readers.folder_images import SplitImages
    from augcli.io.readers.named_files import NamedFiles
    from augcli.io.store.base import Store
    from augcli.io.store.listing import File, Tree
    from augcli.program.annotated import BoxHeader


class FolderReader:
    """Reads folders of images: every directory that no other reader claims."""

    name = "folder"
    accepts = "an image folder"
    is_called = "an image folder"
    suffixes = IMAGE_SUFFIXES | UNREADABLE_SUFFIXES

    def is_own(self, src: Input) -> bool:
        """True if SRC is a directory."""
        return src.tree is not None

    def open(self, src: Input, selection: Selection, classes: ClassList) -> Source:
        """List and label the images of a folder, and find their masks and boxes; see `Reader.open`."""
        tree = src.tree
        assert tree is not None
        named = _read_tables(src.store, tree)
        images, masks_beside, left_out = find_images(src, tree, named)
        division = divide(src.name, tree, images, selection)
        splits = part_splits(images, division)
        main = choose_split([split.split for split in splits], selection.split)
        selection, found_boxes = find_beside(src, [split.split for split in splits], selection)
        parts = [
            Part(images.split, prefix, files.keys) for images in splits for prefix, files in images.parts
        ]
        labelled = label_parts(src.store, tree, parts, main, selection, classes)
        catalogues = tuple(map(_make_catalogue, splits, _join_parts(splits, labelled.labellings)))
        folders = _top_folders(catalogues)
        catalogues, mask_store = _find_masks(src.store, catalogues, masks_beside, selection)
        notes = [
            *describe_division(division, splits, tree),
            *labelled.notes,
            *left_out,
            *found_boxes,
            *(_look_at_masks(catalogues, mask_store) if mask_store is not None else ()),
            *describe_passed_over(src, IMAGE_SUFFIXES, selection),
        ]
        if selection.files.boxes is None and mask_store is None:
            notes += note_labels_beside(src.name, selection)
        catalogues, header, more = _find_boxes(catalogues, named, src, selection)
        notes += more if header is not None else [*more, *_note_unread(src, catalogues, selection)]
        return Source(
            catalogues=catalogues,
            layout=self.name,
            opener=FolderOpener(src.store, mask_store),
            has_class_folders=bool(folders) and labels_fit_folders(catalogues),
            lies_in_class_folders=bool(folders) and folders <= set(catalogues[0].classes or ()),
            main=main,
            has_table=selection.files.labels is not None or bool(tree.named),
            notes=tuple(notes),
            annotated=Annotated(header, mask_store is not None),
            labelled=labelled.facts,
        )


# --- tables, masks and boxes beside the images ---------------------------------------------------------


# Few folders have tables or masks. What reads them is imported where there are some: it loads CSV, JSON, XML,
# Pillow and Arrow's functions, a tenth of a second that a run with nothing to do would wait for.


def _read_tables(store: Store, tree: Tree) -> NamedFiles | None:
    """Read the files that tables beside the images name; None if there are no tables."""
    if not tree.named:
        return None
    from augcli.io.readers.named_files import read_named_files

    return read_named_files(store, tree)


def _note_unread(src: Input, catalogues: Sequence[Catalogue], selection: Selection) -> list[str]:
    """Return notes on annotations beside the images that are not read."""
    if src.tree is None or src.tree.first.keys().isdisjoint((".json", ".xml", ".txt", ".csv")):
        return []
    from augcli.io.readers.unread import note_unread

    return note_unread(src, catalogues, selection)


def _find_boxes(
    catalogues: tuple[Catalogue, ...], named: NamedFiles | None, src: Input, selection: Selection
) -> tuple[tuple[Catalogue, ...], BoxHeader | None, list[str]]:
    """Find the samples' boxes: of --boxes, of a table beside the images, or of an output of augcli."""

    def names() -> list[list[list[str]]]:
        return [[_names_of(key, split.split) for key in split.keys] for split in catalogues]

    if selection.files.boxes:
        return find_given_boxes(catalogues, names(), selection)
    if not selection.finds_boxes:
        return catalogues, None, []
    if named:
        from augcli.io.readers.named_files import find_table_boxes

        in_table = find_table_boxes(catalogues, named.tables, src.store, selection)
        if in_table[1] is not None:
            return in_table
    return find_own_boxes(catalogues, names, src, selection)


def _names_of(key: str, split: str) -> list[str]:
    """Return the names by which files of boxes may know an image: below SRC, its split, and `images/`."""
    below = below_split(key, split) if split else key
    return list(dict.fromkeys([key, below, below.removeprefix("images/")]))


def _find_masks(
    store: Store, catalogues: tuple[Catalogue, ...], beside: dict[str, File] | None, selection: Selection
) -> tuple[tuple[Catalogue, ...], Store | None]:
    """Find the samples' masks, of --masks or beside the images, and where these lie."""
    if selection.files.masks is not None:
        masks = selection.locate(selection.files.masks)
        check_masks_apart(store, masks)
        return find_masks(catalogues, masks), masks.store
    if beside is not None and selection.finds_masks:
        return tuple(give_masks(catalogue, beside) for catalogue in catalogues), store
    return catalogues, None


def _look_at_masks(catalogues: Sequence[Catalogue], store: Store) -> list[str]:
    """Return a note if masks hold numbers of instances."""
    from augcli.io.readers.mask_look import LOOKED_AT, describe_masks

    masks = [
        key for catalogue in catalogues if catalogue.masks for key in catalogue.masks.keys[:LOOKED_AT] if key
    ]
    return describe_masks(store.read(masks[:LOOKED_AT]))


# --- catalogues ----------------------------------------------------------------------------------------


def _join_parts(splits: Sequence[SplitImages], labellings: Sequence[Labelling]) -> list[Labelling]:
    """Return the labels of each split from its directories' labels, which all have one class list."""
    parts = iter(labellings)
    joined = []
    for images in splits:
        of_split = [next(parts) for _ in images.parts]
        joined.append(Labelling([label for part in of_split for label in part.labels], of_split[0].classes))
    return joined


def _make_catalogue(images: SplitImages, labelling: Labelling) -> Catalogue:
    files = Files()
    for _, part in images.parts:
        files.extend(part)
    sizes, versions = np.array(files.sizes, np.int64), np.array(files.versions, np.int64)
    return Catalogue(images.split, files.keys, sizes, versions, labelling.labels, labelling.classes)


def _top_folders(catalogues: tuple[Catalogue, ...]) -> set[str]:
    """Return the names of the folders in which images lie below SRC, or below their split."""
    depth = 1 if catalogues[0].split else 0
    holders = {key.rpartition("/")[0] for catalogue in catalogues for key in catalogue.keys} - {""}
    return {holder.split("/")[depth] for holder in holders if holder.count("/") >= depth}


register(FolderReader())
