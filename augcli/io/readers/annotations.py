"""Masks and boxes of a data set: which belong to which sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError, Option
from augcli.io.boxes.image_names import without_suffix
from augcli.io.boxes.matching import match_boxes, read_boxes
from augcli.io.split_words import split_order
from augcli.io.store.listing import Files, list_tree
from augcli.io.store.locations import Kind, lies_in
from augcli.program.annotated import SKIP
from augcli.samples import MaskFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.readers.base import Selection
    from augcli.io.store.base import Store
    from augcli.io.store.listing import File
    from augcli.io.store.locations import Location
    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue

MASK_SUFFIXES = frozenset([".png"])


def check_masks_apart(images: Store, masks: Location) -> None:
    """Refuse masks that lie among the images, as which they would be read.

    Raises:
        InputError: If they do, or do not exist.
    """
    if masks.kind is Kind.NOTHING:
        raise InputError(Option("masks"), f" {masks.name!r} does not exist; give the folder of the masks")
    if lies_in(masks, images):
        raise InputError(
            Option("masks"),
            f" {masks.name!r} lies in SRC {images.name!r}, where masks are taken for images; give as"
            " SRC the directory of the images alone",
        )


def find_masks(catalogues: Sequence[Catalogue], masks: Location) -> tuple[Catalogue, ...]:
    """Find the mask of each sample of a folder: the PNG of the same name below another directory.

    Masks are looked up below the directory of their split, or at the root if it does not exist.

    Raises:
        InputError: If there is no such directory, no sample has a mask, or two samples would share one.
        StorageError: If the machine fails.
    """
    if masks.kind is not Kind.DIRECTORY:
        raise InputError(Option("masks"), f" {masks.name!r} is not a directory; give the folder of the masks")
    files = list_tree(masks.store, MASK_SUFFIXES).ending_in(MASK_SUFFIXES)
    by_name = {without_suffix(key): index for index, key in enumerate(files.keys)}
    owners: dict[int, str] = {}
    masked = []
    for catalogue in catalogues:
        indices = [by_name.get(name) for name in _mask_names(catalogue, files)]
        _check_shared(catalogue, files, indices, owners, masks)
        masked.append(replace(catalogue, masks=_pick_masks(files, indices)))
    if not owners:
        raise InputError(Option("masks"), f" {masks.name!r} {_describe_none(catalogues, files)}")
    return tuple(masked)


def _mask_names(catalogue: Catalogue, files: Files) -> list[str]:
    """Return the name of each sample's mask, without its suffix."""
    names = list(map(without_suffix, catalogue.keys))
    directories = {name.split("/", 1)[0] for name in names}
    if not catalogue.split or any("/" in key and key.split("/", 1)[0] in directories for key in files.keys):
        return names
    return [below_split(name, catalogue.split) for name in names]


def _check_shared(
    catalogue: Catalogue,
    files: Files,
    indices: Sequence[int | None],
    owners: dict[int, str],
    masks: Location,
) -> None:
    """Refuse a mask that is taken by two samples; `owners` holds whose each mask is, and is added to."""
    for key, index in zip(catalogue.keys, indices, strict=True):
        if index is None:
            continue
        other = owners.setdefault(index, key)
        if other != key:
            raise InputError(
                f"mask {files.keys[index]!r} of ",
                Option("masks"),
                f" {masks.name!r} may be that of {other!r} and of {key!r}; {_unshare(other, key)}",
            )


def _unshare(first: str, second: str) -> str:
    """Return what parts two samples whose masks have one name."""
    splits = [key.split("/", 1)[0] for key in (first, second)]
    if "/" in first and "/" in second and splits[0] != splits[1]:
        return (
            f"put the masks into directories {splits[0]!r} and {splits[1]!r} of their own, as the images are,"
            f" or give {min(splits, key=split_order)!r} alone as SRC"
        )
    return "give each image a name of its own, and its mask the same"


def _describe_none(catalogues: Sequence[Catalogue], files: Files) -> str:
    wanted = without_suffix(catalogues[0].keys[0]) + ".png"
    what = f"its first one is {files.keys[0]!r}" if len(files) else "it holds no PNG"
    return f"has no mask of any image ({wanted!r} is wanted, {what}); give masks the names of their images"


def part_masks(files: Files, named: Mapping[str, str]) -> tuple[Files, dict[str, File]]:
    """Part the masks that a table names from the images beside which they lie.

    Args:
        files: All images that were listed.
        named: Keys of masks by the keys of their images.

    Returns:
        The images, and the mask of each by its key.
    """
    keys = set(named.values())
    masks = {file.key: file for file in files if file.key in keys}
    images = Files(file for file in files if file.key not in keys)
    return images, {image: masks[mask] for image, mask in named.items() if mask in masks}


def give_masks(catalogue: Catalogue, masks: Mapping[str, File]) -> Catalogue:
    """Return a catalogue with the masks that `part_masks` found."""
    files = Files(masks.values())
    indices = {key: index for index, key in enumerate(masks)}
    return replace(catalogue, masks=_pick_masks(files, [indices.get(key) for key in catalogue.keys]))


def find_boxes(
    catalogues: Sequence[Catalogue],
    names: Sequence[Sequence[Sequence[str]]],
    boxes: Location,
    selection: Selection,
) -> tuple[tuple[Catalogue, ...], BoxHeader, list[str]]:
    """Find the boxes of each sample.

    Args:
        catalogues: The samples.
        names: For each catalogue and sample the names by which the file may know it, the likeliest first.
        boxes: A file or a directory of a box format.
        selection: How they are read.

    Returns:
        The catalogues with their boxes, what is true of all boxes, and notes.

    Raises:
        InputError: If the boxes cannot be read, or are of no sample.
        StorageError: If the machine fails.
    """
    box_file = read_boxes(boxes, selection.bad_boxes)
    all_names = [sample for of_split in names for sample in of_split]
    matched, notes = match_boxes(box_file, all_names, selection.unboxed)
    labelled, first = [], 0
    for catalogue in catalogues:
        boxes_of_split = matched[first : first + len(catalogue)]
        first += len(catalogue)
        unknown = (
            np.array([boxes is None for boxes in boxes_of_split], bool) if selection.unboxed == SKIP else None
        )
        if unknown is not None and unknown.all():
            notes.append(f"split {catalogue.split!r} is left out: the boxes name none of its images")
        else:
            labelled.append(replace(catalogue, boxes=boxes_of_split, left_out=unknown))
    left_out = [
        f"left out of the boxes: {what} ({count})" for what, count in sorted(box_file.dropped.items())
    ]
    return tuple(labelled), box_file.header, [*notes, *box_file.notes, *left_out]


def below_split(key: str, split: str) -> str:
    """Return the key of a folder's image below the directory of its split."""
    return key.split("/", 1)[-1] if split else key


def _pick_masks(files: Files, indices: Sequence[int | None]) -> MaskFiles:
    """Return the mask of each sample; None stands for a sample without a mask."""
    sizes, versions = (
        np.array([0 if index is None else column[index] for index in indices], np.int64)
        for column in (files.sizes, files.versions)
    )
    return MaskFiles([None if index is None else files.keys[index] for index in indices], sizes, versions)
