"""The images of a folder: which files are images, which are masks of others, and in which split they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, quantity
from augcli.io.readers.annotations import part_masks
from augcli.io.readers.base import Selection
from augcli.io.readers.folder_labels import LABEL_TABLES
from augcli.io.readers.layouts import refuse_part_of_output, refuse_unreadable_folders
from augcli.io.readers.passed_over import describe_passed_over
from augcli.io.readers.splits import Division, describe_splits, divide_folders
from augcli.io.split_words import find_words
from augcli.io.store.listing import Files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Input
    from augcli.io.readers.named_files import NamedFiles
    from augcli.io.store.listing import File, Tree


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


def find_images(
    src: Input, tree: Tree, named: NamedFiles | None
) -> tuple[Files, dict[str, File] | None, list[str]]:
    """Return the images, the masks that lie beside them by the keys of their images, and notes.

    There are such masks where a table names them; None where none names any. Other files that a table names
    are not among the images either.
    """
    images = tree.ending_in(IMAGE_SUFFIXES)
    if not len(images):
        seen = "; ".join(describe_passed_over(src, IMAGE_SUFFIXES, Selection()))
        raise InputError(
            f"no images in {src.name!r}; accepted: {' '.join(sorted(IMAGE_SUFFIXES))}"
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
        raise InputError(f"the tables of {src.name!r} name all images as files of others; correct them")
    return images, masks, notes


def divide(root: str, tree: Tree, images: Files, selection: Selection) -> Division:
    """Return the splits of a folder's images; refuse what would be misread."""
    if selection.files.labels is None and tree.named.isdisjoint(LABEL_TABLES):
        refuse_part_of_output(root, selection.access)
    division = divide_folders(images.keys, root) if selection.splits else Division()
    if division.parts:
        refuse_unreadable_folders(tree, "", images.keys, "split folder", root)
    return division


def part_splits(images: Files, division: Division) -> list[SplitImages]:
    """Return the images of each split."""
    if not division.parts:
        return [SplitImages("", (("", images),))]
    return [
        SplitImages(split, tuple((f"{name}/", images.below(f"{name}/")) for name in sorted(names)))
        for split, names in division.parts.items()
    ]


def describe_division(division: Division, splits: Sequence[SplitImages], tree: Tree) -> list[str]:
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
