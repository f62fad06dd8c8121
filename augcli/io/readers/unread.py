"""Annotations beside images that nobody reads by itself: what they seem to be, and how they are given.

The head of one file of a kind is looked at. A note never stops a run, and a file that is not understood is
passed over without a word more than its suffix.
"""

from __future__ import annotations

import posixpath
import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from augcli.errors import Note, Option, StorageError
from augcli.io.readers.pairs import join_root
from augcli.io.readers.yolo_signs import LINE
from augcli.io.split_words import find_words
from augcli.io.store.locations import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.io.readers.base import Input, Selection
    from augcli.samples import Catalogue

HEAD = 1 << 16
LOOKED_AT = 32
"""Files of one directory that are looked at."""

COCO, VOC, YOLO, TABLE = "COCO", "Pascal VOC", "YOLO", "table"

PANOPTIC = re.compile(rb'"segments_info"\s*:')
JSON_SIGNS = {
    "LabelMe": re.compile(rb'"(shapes|imagePath)"\s*:'),
    "CreateML": re.compile(rb'"coordinates"\s*:\s*\{'),
    "VGG Image Annotator": re.compile(rb'"(regions|_via_settings)"\s*:'),
    "Segment Anything": re.compile(rb'^\s*\{\s*"image"\s*:\s*\{'),
    COCO: re.compile(rb'"images"\s*:\s*\[|"annotations"\s*:\s*\[\s*\{[^{}]*"image_id"'),
    "Supervisely": re.compile(rb'"(objects|classTitle)"\s*:'),
    "Datumaro": re.compile(rb'"items"\s*:\s*\['),
    "VoTT": re.compile(rb'"assets"\s*:'),
}
"""What files of each kind have in them; the first that fits is taken."""

XML_SIGNS = {VOC: re.compile(rb"<annotation[\s>]"), "CVAT": re.compile(rb"<annotations[\s>]")}
TEXT_SIGNS = {
    YOLO: re.compile(rb"\A" + LINE.pattern),
    "DOTA": re.compile(rb"\Aimagesource|([-0-9.]+ ){8}[A-Za-z][\w-]* [0-2]\s"),
    "KITTI": re.compile(rb"[A-Z][A-Za-z_]+( -?[0-9.]+){14}"),
}
SIGNS = {".json": JSON_SIGNS, ".xml": XML_SIGNS, ".txt": TEXT_SIGNS}

PLACES = re.compile(r"xmin|x_min|x1|left|bbox|box|encodedpixels|rle|polygon|segmentation", re.IGNORECASE)
"""What columns of tables have in their names that say where objects lie."""

NUMBERS = re.compile(r"(,\d+(\.\d+)?){4}")
"""The sides of a box in a table without a header."""


def note_unread(src: Input, catalogues: Sequence[Catalogue], selection: Selection) -> list[str]:
    """Return notes on annotations beside images that are not read, with the cure.

    Args:
        src: What SRC leads to.
        catalogues: The images that are read.
        selection: How; what is given decides what could be given.
    """
    if src.tree is None:
        return []
    notes = []
    wanted = [*(SIGNS if selection.files.boxes is None and selection.finds_boxes else ())]
    wanted += [".csv"] if selection.files.labels is None else []
    for suffix in wanted:
        first = src.tree.first.get(suffix)
        if first is None:
            continue
        look = _look_at_table if suffix == ".csv" else _look_at_annotations
        notes += look(src, first, catalogues, selection)[:1]
    return notes


def _list_beside(src: Input, first: str, selection: Selection) -> Iterator[tuple[str, bytes]]:
    """Yield files of a directory that have one suffix, likely ones first, and their heads."""
    holder, suffix = posixpath.dirname(first), posixpath.splitext(first)[1].lower()
    place = selection.locate(join_root(src.name, holder) if holder else src.name)
    listed = chain.from_iterable(page.keys for page in place.store.list())
    keys = {key for key in islice(listed, 1000) if "/" not in key and key.lower().endswith(suffix)}
    keys.add(posixpath.basename(first))
    for key in sorted(keys, key=lambda key: ("instances" not in key, "train" not in key, key))[:LOOKED_AT]:
        try:
            with place.store.open(key) as file:
                yield posixpath.join(holder, key), file.read(HEAD)
        except StorageError:
            continue


# --- annotations -------------------------------------------------------------------------------------------


def _look_at_annotations(
    src: Input, first: str, catalogues: Sequence[Catalogue], selection: Selection
) -> list[str]:
    """Return a note on the first file that is understood."""
    signs = SIGNS[posixpath.splitext(first)[1].lower()]
    for key, head in _list_beside(src, first, selection):
        kind = next((kind for kind, sign in signs.items() if sign.search(head)), None)
        if kind is None or PANOPTIC.search(head):
            continue
        path = join_root(src.name, key)
        if kind == YOLO:
            where = "a directory `labels` beside `images`, or beside their images in a flat folder"
            return [f"{path!r} seems to be a YOLO label, which is not read here; labels lie in {where}"]
        if kind not in (COCO, VOC):
            what = f"{path!r} seems to be of {kind}, which is not read; convert it to COCO, and give "
            return [Note(what, Option("boxes", "FILE"))]
        place = key if kind == COCO else posixpath.dirname(key)
        what = f"{path!r} seems to hold boxes ({kind}), which are not read; give "
        return [Note(what, _give_boxes(src, place, catalogues, selection))]
    return []


def _give_boxes(src: Input, place: str, catalogues: Sequence[Catalogue], selection: Selection) -> Option:
    """Return how a file or directory of boxes is given: one for each split."""
    splits = [catalogue.split for catalogue in catalogues]
    holders = {posixpath.dirname(key) for catalogue in catalogues for key in catalogue.keys[:1]}
    if place in holders:  # XML beside images: all of it at once
        return Option("boxes", src.name)
    whole = join_root(src.name, place)
    if splits == [""]:
        return Option("boxes", whole)
    pairs = [(split, _turn_to_split(place, split)) for split in splits]
    there = tuple(
        f"{split}={join_root(src.name, path)}"
        for split, path in pairs
        if path and selection.locate(join_root(src.name, path)).kind is not Kind.NOTHING
    )
    return Option("boxes", there or whole)


def _turn_to_split(place: str, split: str) -> str:
    """Return the path of a split's boxes, given another split's; empty where that names no split."""
    parts = re.split(r"([/_.])", place)
    words = [index for index, part in enumerate(parts) if find_words(part)]
    for index in words[:1]:
        parts[index] = split
    return "".join(parts) if words else ""


# --- tables ------------------------------------------------------------------------------------------------


def _look_at_table(
    src: Input, first: str, catalogues: Sequence[Catalogue], selection: Selection
) -> list[str]:
    """Return a note on the first table that names an image."""
    for key, head in _list_beside(src, first, selection):
        lines = head.decode("utf-8-sig", "replace").splitlines()[:2]
        cells = {cell.strip().strip('"').rpartition("/")[2] for cell in re.split("[,;\t]", ",".join(lines))}
        if not _name_an_image(cells, catalogues):
            continue
        path = join_root(src.name, key)
        if PLACES.search(lines[0]) or NUMBERS.search(lines[0]):
            what = (
                f"{path!r} seems to hold boxes or masks as a table, which are not read; convert it to COCO,"
            )
            return [Note(f"{what} and give ", Option("boxes", "FILE"))]
        if all(label is None for catalogue in catalogues for label in catalogue.labels):
            return [
                Note(
                    f"{path!r} names images and is not read; if it labels them, give ", Option("labels", path)
                )
            ]
    return []


def _name_an_image(cells: set[str], catalogues: Sequence[Catalogue]) -> bool:
    """True if a cell of a table is the last part of an image's path, with or without its suffix."""
    last = (key.rpartition("/")[2] for catalogue in catalogues for key in catalogue.keys)
    return any(name in cells or name.rpartition(".")[0] in cells for name in last)
