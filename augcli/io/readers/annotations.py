"""Masks and boxes of a data set: which belong to which sample."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError
from augcli.io.boxes.matching import match_boxes, read_boxes
from augcli.io.store import listing
from augcli.samples import MaskFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue

MASK_SUFFIXES = frozenset([".png"])


def check_masks_apart(src: Path, masks: str) -> None:
    """Refuse masks that lie among the images, as which they would be read.

    Raises:
        InputError: If they do.
    """
    inner, outer = (Path(os.path.realpath(path)) for path in (masks, src))
    if inner == outer or outer in inner.parents:
        raise InputError(
            f"--masks {masks!r} lies in SRC {str(src)!r}, where masks are taken for images; give as SRC the"
            " directory of the images alone"
        )


def find_masks(catalogues: Sequence[Catalogue], root: Path, links: bool) -> tuple[Catalogue, ...]:
    """Find the mask of each sample of a folder: the PNG of the same name below another directory.

    Raises:
        InputError: If there is no such directory, or no sample has a mask.
        StorageError: If the machine fails.
    """
    if not root.is_dir():
        raise InputError(f"--masks {str(root)!r} is no directory; give the folder of the masks")
    files = listing.list_tree(root, links, suffixes=MASK_SUFFIXES).files
    places = {key[: -len(".png")]: at for at, key in enumerate(files.keys)}
    found = []
    for catalogue in catalogues:
        mine = [_find(places, key, catalogue.split) for key in catalogue.keys]
        paths = [None if at is None else f"{root}/{files.keys[at]}" for at in mine]
        sizes, versions = (
            np.array([0 if at is None else column[at] for at in mine], np.int64)
            for column in (files.sizes, files.versions)
        )
        found.append(replace(catalogue, masks=MaskFiles(paths, sizes, versions)))
    if not any(path for one in found if one.masks for path in one.masks.paths):
        name = _stem(catalogues[0].keys[0])
        held = f"its first one is {files.keys[0]!r}" if len(files) else "it holds no PNG"
        raise InputError(
            f"--masks {str(root)!r} has no mask of any image ({name + '.png'!r} is wanted, {held});"
            " give masks the names of their images"
        )
    return tuple(found)


def take_masks(files: listing.Files, named: dict[str, str]) -> tuple[listing.Files, dict[str, listing.File]]:
    """Part the masks that a table names from the images beside which they lie.

    Args:
        files: All images that were listed.
        named: Keys of masks by the keys of their images.

    Returns:
        The images, and the mask of each by its key.
    """
    masks = set(named.values())
    by_key = {file.key: file for file in files if file.key in masks}
    images = listing.Files(file for file in files if file.key not in masks)
    return images, {image: by_key[mask] for image, mask in named.items() if mask in by_key}


def place_masks(catalogue: Catalogue, root: Path, masks: dict[str, listing.File]) -> Catalogue:
    """Give a catalogue the masks that `take_masks` found."""
    mine = [masks.get(key) for key in catalogue.keys]
    paths = [None if one is None else f"{root}/{one.key}" for one in mine]
    sizes, versions = (
        np.array([0 if one is None else getattr(one, name) for one in mine], np.int64)
        for name in ("size", "version")
    )
    return replace(catalogue, masks=MaskFiles(paths, sizes, versions))


def find_boxes(
    catalogues: Sequence[Catalogue], names: Sequence[Sequence[Sequence[str]]], path: Path, links: bool
) -> tuple[tuple[Catalogue, ...], BoxHeader, list[str]]:
    """Find the boxes of each sample.

    Args:
        catalogues: The samples.
        names: For each catalogue and sample the names by which the file may know it, the likeliest first.
        path: A COCO JSON file, or a folder of VOC XML.
        links: Whether symbolic links are followed.

    Returns:
        The catalogues with their boxes, what is true of all boxes, and notes.

    Raises:
        InputError: If the boxes cannot be read, or are of no sample.
        StorageError: If the machine fails.
    """
    held = read_boxes(path, links)
    matched, notes = match_boxes(held, [one for mine in names for one in mine])
    found, first = [], 0
    for catalogue in catalogues:
        found.append(replace(catalogue, boxes=matched[first : first + len(catalogue)]))
        first += len(catalogue)
    left_out = [f"left out of the boxes: {count} {what}" for what, count in sorted(held.dropped.items())]
    return tuple(found), held.header, [*notes, *left_out]


def _find(places: dict[str, int], key: str, split: str) -> int | None:
    """Find a sample's file by its name below SRC, or below its split."""
    at = places.get(_stem(key))
    return places.get(_stem(key.removeprefix(f"{split}/"))) if at is None and split else at


def _stem(key: str) -> str:
    """Give a key without its suffix."""
    return key.rsplit(".", 1)[0]
