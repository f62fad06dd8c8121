"""Image folders: what stands in them, in which split and class, and how it is labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import DecodeError, InputError, quantity
from augcli.io.boxes.image_names import without_suffix
from augcli.io.labels.labelling import Labelling
from augcli.io.readers.ahead import FilesAhead
from augcli.io.readers.annotations import (
    below_split,
    check_masks_apart,
    find_masks,
    give_masks,
    part_masks,
)
from augcli.io.readers.base import Selection, Source, labels_fit_folders, register
from augcli.io.readers.folder_labels import LABEL_TABLES, Part, label_parts
from augcli.io.readers.layouts import note_labels_beside, refuse_part_of_output, refuse_unreadable_folders
from augcli.io.readers.own_boxes import find_own_boxes
from augcli.io.readers.passed_over import UNREADABLE_SUFFIXES, describe_passed_over
from augcli.io.readers.split_boxes import find_beside, find_given_boxes
from augcli.io.readers.splits import Division, choose_split, describe_splits, divide_folders
from augcli.io.split_words import find_words
from augcli.io.store.listing import Files
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import ClassList, Input
    from augcli.io.readers.named_files import NamedFiles
    from augcli.io.store.base import Store
    from augcli.io.store.listing import File, Tree
    from augcli.program.annotated import BoxHeader
    from augcli.samples import RowGroup

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .tif .tiff .gif .avif .ppm .pgm .pbm .pnm".split()
)


class SplitImages(NamedTuple):
    """The images of a split, by the directories that hold it.

    Attributes:
        split: Its name, which is empty where there are no splits.
        parts: What the keys of each directory start with, and its images.
    """

    split: str
    parts: tuple[tuple[str, Files], ...]

    def __len__(self) -> int:
        return sum(len(files) for _, files in self.parts)


class FolderReader:
    """Reads folders of images: every directory that no other reader claims."""

    name = "folder"
    accepts = "an image folder"
    is_called = "an image folder"
    suffixes = IMAGE_SUFFIXES | UNREADABLE_SUFFIXES

    def is_own(self, found: Input) -> bool:
        """True if SRC is a directory."""
        return found.tree is not None

    def open(self, found: Input, selection: Selection, classes: ClassList) -> Source:
        """List and label the images of a folder, and find their masks and boxes; see `Reader.open`."""
        tree = found.tree
        assert tree is not None
        named = _read_tables(found.store, tree)
        images, masks_beside, left_out = _find_images(found, tree, named)
        division = _divide(found.name, tree, images, selection)
        splits = _part_splits(images, division)
        main = choose_split([split.split for split in splits], selection.split)
        selection, found_boxes = find_beside(found, [split.split for split in splits], selection)
        parts = [
            Part(images.split, prefix, files.keys) for images in splits for prefix, files in images.parts
        ]
        labelled = label_parts(found.store, tree, parts, main, selection, classes)
        catalogues = tuple(map(_make_catalogue, splits, _join_parts(splits, labelled.labellings)))
        folders = _top_folders(catalogues)
        catalogues, mask_store = _find_masks(found.store, catalogues, masks_beside, selection)
        notes = [
            *_describe_division(division, splits, tree),
            *labelled.notes,
            *left_out,
            *found_boxes,
            *(_look_at_masks(catalogues, mask_store) if mask_store is not None else ()),
            *describe_passed_over(found, IMAGE_SUFFIXES, selection),
        ]
        if selection.files.boxes is None and mask_store is None:
            notes += note_labels_beside(found.name, selection)
        catalogues, header, more = _find_boxes(catalogues, named, found, selection)
        notes += more if header is not None else [*more, *_note_unread(found, catalogues, selection)]
        return Source(
            catalogues=catalogues,
            layout=self.name,
            opener=FolderOpener(found.store, mask_store),
            has_class_folders=bool(folders) and labels_fit_folders(catalogues),
            lies_in_class_folders=bool(folders) and folders <= set(catalogues[0].classes or ()),
            main=main,
            has_table=selection.files.labels is not None or bool(tree.named),
            notes=tuple(notes),
            annotated=Annotated(header, mask_store is not None),
            labelled=labelled.facts,
        )


@dataclass(frozen=True, slots=True)
class FolderOpener:
    """Opens the files of a folder.

    Attributes:
        store: Where the images lie.
        mask_store: Where the masks lie; None without masks.
    """

    store: Store
    mask_store: Store | None = None

    def for_groups(self, groups: Sequence[RowGroup]) -> FolderOpener:
        """Return itself: files are not grouped."""
        return self

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> FolderSamples:
        """Return what reads the samples of a catalogue."""
        return FolderSamples(self.store, self.mask_store, catalogue)


class FolderSamples:
    """The files of a folder."""

    def __init__(self, store: Store, mask_store: Store | None, catalogue: Catalogue) -> None:
        self._catalogue, masks = catalogue, catalogue.masks
        self._images = FilesAhead(store, catalogue.keys, catalogue.sizes, catalogue.versions)
        self._masks = FilesAhead(mask_store, *masks) if mask_store and masks else None

    def read_ahead(self, samples: Sequence[int]) -> int:
        """Begin to read files and masks; see `Samples.read_ahead`."""
        count = self._images.begin(samples)
        return self._masks.begin(samples[:count]) if self._masks else count

    def read(self, sample: int) -> tuple[bytes, str]:
        """Read a file, which must not have changed since it was listed."""
        return self._images.read(sample), self._catalogue.keys[sample]

    def read_mask(self, sample: int) -> bytes:
        """Read the file of a sample's mask, which must not have changed since it was listed.

        Raises:
            DecodeError: If the sample has no mask.
        """
        masks = self._catalogue.masks
        assert masks is not None
        assert self._masks is not None
        if masks.keys[sample] is None:
            name = without_suffix(self._catalogue.keys[sample])
            raise DecodeError("no mask", f"the masks hold no {name}.png; put it there")
        return self._masks.read(sample)

    def hash_columns(self, sample: int) -> bytes:
        """Return nothing: a folder has no columns."""
        return b""

    def release(self, sample: int) -> None:
        """Do nothing: nothing of a file is kept."""

    def carry(self, samples: Sequence[int]) -> None:
        """Carry nothing: a folder has no columns."""


# --- what stands in a folder ---------------------------------------------------------------------------


# Few folders have tables or masks. What reads them is imported where there are some: it loads CSV, JSON, XML,
# Pillow and Arrow's functions, a tenth of a second that a run with nothing to do would wait for.


def _read_tables(store: Store, tree: Tree) -> NamedFiles | None:
    """Read the files that tables beside the images name; None if there are no tables."""
    if not tree.named:
        return None
    from augcli.io.readers.named_files import read_named_files

    return read_named_files(store, tree)


def _note_unread(found: Input, catalogues: Sequence[Catalogue], selection: Selection) -> list[str]:
    """Return notes on annotations beside the images that are not read."""
    if found.tree is None or found.tree.first.keys().isdisjoint((".json", ".xml", ".txt", ".csv")):
        return []
    from augcli.io.readers.unread import note_unread

    return note_unread(found, catalogues, selection)


def _find_images(
    found: Input, tree: Tree, named: NamedFiles | None
) -> tuple[Files, dict[str, File] | None, list[str]]:
    """Return the images, the masks that lie beside them by the keys of their images, and notes.

    There are such masks where a table names them; None where none names any. Other files that a table names
    are not among the images either.
    """
    images = tree.ending_in(IMAGE_SUFFIXES)
    if not len(images):
        seen = "; ".join(describe_passed_over(found, IMAGE_SUFFIXES, Selection()))
        raise InputError(
            f"no images in {found.name!r}; accepted: {' '.join(sorted(IMAGE_SUFFIXES))}"
            + (f"; {seen}" if seen else "")
        )
    masks = None
    if named and named.masks:
        images, masks = part_masks(images, named.masks)
    notes = []
    for column, keys in named.others.items() if named else ():
        count = len(images)
        images = Files(file for file in images if file.key not in keys)
        if len(images) < count:
            lost = quantity(count - len(images), "image")
            notes.append(f"left out: {lost} that column {column!r} names beside their own")
    if not len(images):
        raise InputError(f"the tables of {found.name!r} name all images as files of others; correct them")
    return images, masks, notes


def _divide(root: str, tree: Tree, images: Files, selection: Selection) -> Division:
    """Return the splits of a folder's images; refuse what would be misread."""
    if selection.files.labels is None and tree.named.isdisjoint(LABEL_TABLES):
        refuse_part_of_output(root, selection.access)
    division = divide_folders(images.keys, root) if selection.splits else Division()
    if division.parts:
        refuse_unreadable_folders(tree, "", images.keys, "split folder", root)
    return division


def _part_splits(images: Files, division: Division) -> list[SplitImages]:
    """Return the images of each split."""
    if not division.parts:
        return [SplitImages("", (("", images),))]
    return [
        SplitImages(split, tuple((f"{name}/", images.below(f"{name}/")) for name in sorted(names)))
        for split, names in division.parts.items()
    ]


def _describe_division(division: Division, splits: Sequence[SplitImages], tree: Tree) -> list[str]:
    """Return what was taken for splits, and which of them hold no images."""
    if not division.parts:
        return list(division.notes)
    taken = {name for names in division.parts.values() for name in names}
    empty = [name for name in tree.directories if "/" not in name and name not in taken and find_words(name)]
    return [
        describe_splits({images.split: len(images) for images in splits}, division.sign),
        *division.notes,
        *(f"split {name!r} holds no images and is left out" for name in empty),
    ]


def _find_boxes(
    catalogues: tuple[Catalogue, ...], named: NamedFiles | None, found: Input, selection: Selection
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

        in_table = find_table_boxes(catalogues, named.tables, found.store, selection)
        if in_table[1] is not None:
            return in_table
    return find_own_boxes(catalogues, names, found, selection)


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


# --- catalogues ----------------------------------------------------------------------------------------


def _join_parts(splits: Sequence[SplitImages], labellings: Sequence[Labelling]) -> list[Labelling]:
    """Return the labels of each split from its directories' labels, which all have one class list."""
    parts = iter(labellings)
    joined = []
    for images in splits:
        of_split = [next(parts) for _ in images.parts]
        joined.append(Labelling([label for part in of_split for label in part.labels], of_split[0].classes))
    return joined


def _look_at_masks(catalogues: Sequence[Catalogue], store: Store) -> list[str]:
    """Return a note if masks hold numbers of instances."""
    from augcli.io.readers.mask_look import LOOKED_AT, describe_masks

    masks = [
        key for catalogue in catalogues if catalogue.masks for key in catalogue.masks.keys[:LOOKED_AT] if key
    ]
    return describe_masks(store.read(masks[:LOOKED_AT]))


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
