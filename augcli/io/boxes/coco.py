"""COCO files of boxes, outlines and keypoints: read whole.

Of the kinds "instances" and "keypoints" (Lin et al., Microsoft COCO, 2014). What a file says beside the
places of its objects is carried along.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from reprlib import repr as shorten
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError
from augcli.io.boxes.base import (
    ANEW,
    NO_AREA,
    OF_NO_IMAGE,
    BadBoxError,
    BoxFile,
    accepted_boxes,
    register,
    stop_or_skip,
)
from augcli.io.boxes.coco_entries import (
    REPEATED,
    count_repeated,
    find_entry,
    read_categories,
    read_id,
    read_name,
    read_side,
)
from augcli.io.boxes.coco_outlines import MISCOUNTED, OUTLINE_KEYS, counts_otherwise, read_edges, read_outline
from augcli.io.boxes.coco_writing import write_coco
from augcli.io.boxes.contradictions import describe_contradictions
from augcli.io.boxes.decimals import round_decimals
from augcli.io.boxes.extras import read_extra, to_text
from augcli.io.encodings import explain_encoding
from augcli.io.store.locations import Kind
from augcli.io.store.pointers import LFS_CURE, is_lfs_pointer
from augcli.program.annotated import STOP, BoxHeader
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from augcli.io.boxes.coco_entries import Entry, Id
    from augcli.io.store.locations import Location
    from augcli.program.annotated import BoxedImage
    from augcli.samples import Edges, Outline, SkippedBox

IMAGE_KEYS = frozenset(["id", "file_name", "width", "height", "source"])
BOX_KEYS = frozenset(["id", "image_id", "category_id", "bbox", *OUTLINE_KEYS, *ANEW])
NOT_OUTLINED = BOX_KEYS - {"segmentation"}

FEW_BOXES = 10
"""Fewer may all reach over their images, and yet be what COCO says they are."""

"""The keys of a box whose segmentation is an empty list, which is carried along."""


class Coco:
    """COCO JSON: one file for all images; every file that no other format claims."""

    name = "coco"
    accepts = "a COCO JSON file"
    names_have_suffix = True
    file_per_image = False
    suffix = ".json"

    def is_own(self, boxes: Location) -> bool:
        """True if it is not a directory: it may be missing."""
        return boxes.kind is not Kind.DIRECTORY

    def read(self, boxes: Location, bad_boxes: str) -> BoxFile:
        """Read a COCO file; see `read_coco`."""
        return read_coco(boxes, bad_boxes)

    def write(self, file: BinaryIO, header: BoxHeader, images: Iterable[BoxedImage]) -> None:
        """Write a COCO file; see `write_coco`."""
        write_coco(file, header, images)


register(Coco())


@dataclass(slots=True)
class _Image:
    """An image while its boxes are gathered."""

    name: str
    height: int
    width: int
    extra: str
    edges: list[Edges] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    outlines: list[Outline | None] = field(default_factory=list)
    skipped: list[SkippedBox] = field(default_factory=list)

    def finish(self) -> ImageBoxes:
        """Return the image with the boxes that it has by now."""
        edges = np.array(self.edges, np.float64).reshape(-1, 4)
        return ImageBoxes(
            self.height,
            self.width,
            edges,
            tuple(self.categories),
            tuple(self.extras),
            self.extra,
            tuple(self.outlines) if any(self.outlines) else (),
            tuple(self.skipped),
        )


def read_coco(file: Location, bad_boxes: str = STOP) -> BoxFile:
    """Read the boxes of a COCO file.

    Names of images have slashes for backslashes and no leading `./`. Boxes without area
    are left out and counted.

    Args:
        file: The file.
        bad_boxes: What becomes of boxes that are not right.

    Raises:
        InputError: If there is no such file, it is not a COCO file of instances, or it contradicts itself.
        StorageError: If it cannot be read.
    """
    value = _parse(file)
    try:
        return _read_value(value, bad_boxes)
    except InputError as error:
        raise InputError(f"boxes {file.name!r}: ", *error.args) from error


def _parse(file: Location) -> object:
    if file.kind is Kind.SPECIAL:  # reading a pipe or a device need not end
        raise InputError(f"boxes {file.name!r} are not a file; {accepted_boxes()}")
    (data,) = file.store.read([file.key])
    if data is None:
        raise InputError(f"boxes {file.name!r} do not exist; {accepted_boxes()}")
    if is_lfs_pointer(data):
        raise InputError(f"{file.name!r} is not there: {LFS_CURE}")
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        what, cure = explain_encoding(data) if isinstance(error, UnicodeDecodeError) else ("", "")
        if what:
            raise InputError(f"boxes {file.name!r}: it {what}; {cure}") from error
        raise InputError(f"boxes {file.name!r} cannot be parsed: {error}; {accepted_boxes()}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _read_value(value: object, bad_boxes: str) -> BoxFile:
    if not isinstance(value, dict):
        raise InputError(f"must be a JSON object, got {shorten(value)}; {accepted_boxes()}")
    images, annotations, categories = (
        _read_list(value, name) for name in ("images", "annotations", "categories")
    )
    if any("segments_info" in entry for entry in annotations):
        raise InputError("holds panoptic segments, which are not read; give a COCO file of instances")
    remarks = Counter({REPEATED: count_repeated(annotations)})
    indices, categories = read_categories(categories, annotations, remarks)
    keys = {key: entry for key, entry in value.items() if key not in ("images", "annotations")}
    # Sorted throughout, as `augcli.json` holds them.
    keys = json.loads(to_text(keys | {"categories": categories}, "the file"))
    by_id = _read_images(images, remarks)
    dropped = _read_boxes(annotations, by_id, indices, bad_boxes, remarks)
    images_by_name = {image.name: image.finish() for image in by_id.values()}
    _check_order(images_by_name.values())
    header = BoxHeader("coco", tuple(category["name"] for category in categories), keys)
    contradictions = describe_contradictions(images_by_name.items(), ", or remove `segmentation`")
    notes = [f"{what} ({count})" for what, count in sorted(remarks.items()) if count]
    return BoxFile(header, images_by_name, dict(dropped), (*notes, *contradictions))


def _check_order(images: Iterable[ImageBoxes]) -> None:
    """Refuse boxes that are x0, y0, x1, y1: as widths and heights most would leave their images.

    Raises:
        InputError: If so. COCO's form is fixed, so no option takes them; a few boxes alone decide nothing.
    """
    sized = [image for image in images if image.height and image.width and len(image.edges)]
    if sum(len(image.edges) for image in sized) < FEW_BOXES:
        return
    starts, stops = np.split(np.concatenate([image.edges for image in sized]), 2, axis=1)
    sides = np.array([(image.height, image.width) for image in sized])
    sides = sides.repeat([len(image.edges) for image in sized], axis=0) + 1  # a pixel is forgiven
    lengths = stops - starts
    is_beyond = (stops > sides).any(1)
    if np.mean(is_beyond) > 0.5 and (lengths > starts).all() and (lengths <= sides).all():
        (y0, x0), (height, width) = starts[is_beyond][0], lengths[is_beyond][0]
        rows, columns = sides[is_beyond][0] - 1
        raise InputError(
            f"boxes seem to be x0, y0, x1, y1: as x, y, width, height {np.count_nonzero(is_beyond)} of"
            f" {len(sides)} would leave their images, first {x0:g}, {y0:g}, {width:g}, {height:g} on"
            f" {columns}x{rows} pixels; write x, y, width, height, as COCO has them"
        )


def _read_list(file: Entry, name: str) -> list[Entry]:
    entries = file.get(name)
    if not isinstance(entries, list):
        raise InputError(
            f"has no list of {name}; give a COCO file of instances: images, annotations, categories"
        )
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise InputError(f"{name}[{index}] must be an object, got {shorten(entry)}; correct or remove it")
    return entries


def _read_images(entries: list[Entry], remarks: Counter[str]) -> dict[Id, _Image]:
    """Return each image, still without boxes, by its id."""
    images: dict[Id, _Image] = {}
    names = set()
    for index, entry in enumerate(entries):
        where = f"images[{index}]"
        number, name = read_id(entry, "id", where, remarks), read_name(entry, where, remarks)
        if number in images:
            raise InputError(f"two images have the id {shorten(number)}; give each its own id")
        if name in names:
            raise InputError(
                f"two images are called {name!r}; give both one image_id, or each its own file_name"
            )
        names.add(name)
        sides = (read_side(entry.get("height")), read_side(entry.get("width")))
        images[number] = _Image(name, *sides, read_extra(entry, IMAGE_KEYS, where, {}))
    return images


def _read_boxes(
    entries: list[Entry],
    images: dict[Id, _Image],
    categories: dict[Id, int],
    bad_boxes: str,
    remarks: Counter[str],
) -> Counter[str]:
    """Put each box to its image, and return how often something was left out.

    Args:
        entries: The annotations.
        images: The images by id.
        categories: The index of each category by its id.
        bad_boxes: What becomes of boxes that are not right.
        remarks: How many entries are not as they should be, by what is wrong.
    """
    dropped: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for index, entry in enumerate(entries):
        where = f"annotations[{index}]"
        image = None
        try:
            image = find_entry(images, entry, "image_id", where, remarks)
            outline = read_outline(entry, where)
            edges = read_edges(entry.get("bbox"), outline, where)
            category = find_entry(categories, entry, "category_id", where, remarks)
        except BadBoxError as error:
            skipped = stop_or_skip(error, bad_boxes)
            if image is None:
                dropped[OF_NO_IMAGE] += 1
            else:
                image.skipped.append(skipped)
            continue
        known = NOT_OUTLINED if entry.get("segmentation") == [] else BOX_KEYS
        extra = read_extra(entry, known, where, texts)
        if (
            round_decimals(edges[2] - edges[0]) == 0 or round_decimals(edges[3] - edges[1]) == 0
        ):  # as it would be written
            dropped[NO_AREA] += 1
            continue
        remarks[MISCOUNTED] += outline is not None and counts_otherwise(entry, outline)
        image.edges.append(edges)
        image.categories.append(category)
        image.extras.append(extra)
        image.outlines.append(outline)
    return dropped
