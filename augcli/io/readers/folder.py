"""Image folders: what stands in them, in which split and class, and how it is labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import DecodeError, InputError, Option
from augcli.io.labels.columns import Labelling, keep_classes, label_by_name, rename_classes
from augcli.io.labels.tables import read_label_table, read_mask_names
from augcli.io.readers.annotations import (
    below_split,
    check_masks_apart,
    find_boxes,
    find_masks,
    give_masks,
    part_masks,
    without_suffix,
)
from augcli.io.readers.base import Source, labels_fit_folders, register
from augcli.io.readers.layouts import refuse_part_of_output, refuse_unreadable_folders, refuse_yolo
from augcli.io.readers.passed_over import UNREADABLE_SUFFIXES, count_others, describe_lost, describe_others
from augcli.io.readers.splits import Division, choose_split, describe_splits, divide_folders
from augcli.io.split_words import find_words
from augcli.io.store.base import Version, full_name
from augcli.io.store.listing import Files
from augcli.io.store.locations import Location, locate
from augcli.io.store.names import printable_key
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import ClassList, Input, Selection
    from augcli.io.store.base import Store
    from augcli.io.store.listing import File, Tree
    from augcli.samples import RowGroup

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .bmp .tif .tiff .gif .avif .ppm .pgm .pbm .pnm".split()
)

OWN_TABLE = "metadata.parquet"
"""The table that an output of ours has beside its images."""

LABEL_TABLES = ("metadata.csv", OWN_TABLE)
"""Tables of our own or of Hugging Face's imagefolder that label the images beside them."""


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
        images, masks_beside = _find_images(found, tree)
        if selection.files.labels is None and tree.named.isdisjoint(LABEL_TABLES):
            refuse_part_of_output(found.name)
            refuse_yolo(tree, images.keys, found.name)
        division = divide_folders(images.keys, found.name) if selection.splits else Division()
        if division.parts:
            refuse_unreadable_folders(tree, "", images.keys, "split folder", found.name)
        splits = _part_splits(images, division)
        main = choose_split([split.split for split in splits], selection.split)
        labellings, notes = _label_splits(found.store, tree, splits, main, selection, classes)
        catalogues = tuple(map(_make_catalogue, splits, labellings))
        folders = _top_folders(catalogues)
        catalogues, mask_store = _find_masks(found.store, catalogues, masks_beside, selection)
        notes = [
            *_describe_division(division, splits, tree),
            *notes,
            *describe_others(count_others(tree, IMAGE_SUFFIXES)),
        ]
        header = None
        if selection.files.boxes:
            names = [[_names_of(key, split.split) for key in split.keys] for split in catalogues]
            boxes = locate(selection.files.boxes, selection.links)
            catalogues, header, more = find_boxes(catalogues, names, boxes)
            notes += more
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
        )


@dataclass(frozen=True, slots=True)
class FolderOpener:
    """Opens the files of a folder.

    Attributes:
        store: Where the images lie.
        mask_store: Where the masks lie; None if there are none.
    """

    store: Store
    mask_store: Store | None = None

    def for_groups(self, groups: Sequence[RowGroup]) -> FolderOpener:
        """Return itself: files are not grouped."""
        return self

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], slices: int) -> FolderSamples:
        """Return what reads the samples of a catalogue."""
        return FolderSamples(self.store, self.mask_store, catalogue)


@dataclass(frozen=True, slots=True)
class FolderSamples:
    """The files of a folder."""

    store: Store
    mask_store: Store | None
    catalogue: Catalogue

    def read(self, sample: int) -> tuple[bytes, str]:
        """Read a file, which must not have changed since it was listed."""
        key = self.catalogue.keys[sample]
        version = Version(int(self.catalogue.sizes[sample]), int(self.catalogue.versions[sample]))
        return _read_file(self.store, key, version), key

    def read_mask(self, sample: int) -> bytes:
        """Read the file of a sample's mask, which must not have changed since it was listed.

        Raises:
            DecodeError: If the sample has none.
        """
        masks, store = self.catalogue.masks, self.mask_store
        assert masks is not None
        assert store is not None
        key = masks.keys[sample]
        if key is None:
            name = without_suffix(self.catalogue.keys[sample])
            raise DecodeError("no mask", f"the masks hold no {name}.png; put it there")
        return _read_file(store, key, Version(int(masks.sizes[sample]), int(masks.versions[sample])))

    def hash_columns(self, sample: int) -> bytes:
        """Return nothing: a folder has no columns."""
        return b""

    def release(self, sample: int) -> None:
        """Do nothing: nothing of a file is kept."""

    def carry(self, samples: Sequence[int]) -> None:
        """Carry nothing: a folder has no columns."""


def _read_file(store: Store, key: str, version: Version) -> bytes:
    (data,) = store.read([key], [version])
    assert data is not None
    return data


# --- what stands in a folder ---------------------------------------------------------------------------


def _find_images(found: Input, tree: Tree) -> tuple[Files, dict[str, File] | None]:
    """Return the images, and the masks that lie beside them by the keys of their images.

    There are such masks in an output of ours alone; None where no table names any.
    """
    images = tree.ending_in(IMAGE_SUFFIXES)
    if not len(images):
        seen = "; ".join(describe_others(count_others(tree, IMAGE_SUFFIXES)))
        raise InputError(
            f"no images in {found.name!r}; accepted: {' '.join(sorted(IMAGE_SUFFIXES))}"
            + (f"; {seen}" if seen else "")
        )
    places = [key.rpartition("/")[0] for key in sorted(tree.named) if key.rpartition("/")[2] == OWN_TABLE]
    named = {
        prefix + image: prefix + mask
        for prefix in (f"{place}/" if place else "" for place in places if not place or find_words(place))
        for image, mask in read_mask_names(Location(found.store, prefix + OWN_TABLE)).items()
    }
    return part_masks(images, named) if named else (images, None)


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


def _names_of(key: str, split: str) -> list[str]:
    """Return the names by which files of boxes may know an image: below SRC, and below its split."""
    return [key, below_split(key, split)] if split else [key]


def _find_masks(
    store: Store, catalogues: tuple[Catalogue, ...], beside: dict[str, File] | None, selection: Selection
) -> tuple[tuple[Catalogue, ...], Store | None]:
    """Find the samples' masks, those of --masks or those beside the images, and where these lie."""
    if selection.files.masks is not None:
        masks = locate(selection.files.masks, selection.links)
        check_masks_apart(store, masks)
        return find_masks(catalogues, masks), masks.store
    if beside is not None:
        return tuple(give_masks(catalogue, beside) for catalogue in catalogues), store
    return catalogues, None


# --- labels --------------------------------------------------------------------------------------------


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
    printable = {name: printable_key(name) for name in filled if name}
    return [printable[name] for name in classes if name]


def _label_splits(
    store: Store,
    tree: Tree,
    splits: Sequence[SplitImages],
    main: str,
    selection: Selection,
    classes: ClassList,
) -> tuple[list[Labelling], list[str]]:
    """Label the images of all splits with the classes of the augmented one.

    Returns:
        The labels of each split, and notes on the classes of other splits that are none of these.
    """

    def label(images: SplitImages, classes: ClassList) -> Labelling:
        of_parts = [_label_images(store, tree, *part, selection, classes) for part in images.parts]
        united = _unite_classes(of_parts)
        return Labelling([label for part in united for label in part.labels], united[0].classes)

    labelled = {main: label(next(images for images in splits if images.split == main), classes)}
    given = classes or labelled[main].classes
    notes = []
    for images in splits:
        if images.split != main:
            try:
                labelled[images.split] = label(images, given)
            except InputError:  # it has other classes, or the fault of its own that is raised here
                labelled[images.split], lost = keep_classes(label(images, None), given or ())
                notes += [describe_lost(images.split, lost, main)] if lost else []
    return _unite_classes([labelled[images.split] for images in splits]), notes


def _label_images(
    store: Store, tree: Tree, prefix: str, files: Files, selection: Selection, classes: ClassList
) -> Labelling:
    """Label the images of a directory: by --labels, by its own table, or by class folders."""
    names = [key[len(prefix) :] for key in files.keys]
    given = selection.files.labels
    own = next((prefix + name for name in LABEL_TABLES if prefix + name in tree.named), None)
    table = locate(given) if given is not None else Location(store, own) if own is not None else None
    if table is not None:
        labelling = read_label_table(table, names, selection.label_col, classes, given is not None)
        if labelling is not None:
            return labelling
    root = full_name(store, prefix.removesuffix("/"))
    names_of_classes = classes_of_files(names, root)
    if any(names_of_classes):
        refuse_unreadable_folders(tree, prefix, files.keys, "class folder", root)
    return label_by_name(names_of_classes, classes)


def _unite_classes(labellings: list[Labelling]) -> list[Labelling]:
    """Return labels with the class list of all splits, so that an index means the same everywhere."""
    lists = {labelling.classes for labelling in labellings}
    if len(lists) < 2:
        return labellings
    united = tuple(sorted({name for names in lists for name in names or ()}))
    return [rename_classes(labelling, united) for labelling in labellings]


def _make_catalogue(images: SplitImages, labelling: Labelling) -> Catalogue:
    files = Files()
    for _, part in images.parts:
        files.extend(part)
    sizes, versions = np.array(files.sizes, np.int64), np.array(files.versions, np.int64)
    return Catalogue(images.split, files.keys, sizes, versions, labelling.labels, labelling.classes)


def _top_folders(catalogues: tuple[Catalogue, ...]) -> set[str]:
    """Return the names of the folders in which images lie below SRC, or below their split."""
    depth = 1 if catalogues[0].split else 0
    return {
        key.split("/")[depth] for catalogue in catalogues for key in catalogue.keys if key.count("/") > depth
    }


register(FolderReader())
