"""Pascal VOC XML (Everingham et al., 2010): the boxes of one image a file.

Its coordinates count pixels from 1 and name the last one inside: xmin 1, xmax 1 is the first column alone."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import InputError
from augcli.io.boxes.base import (
    ANEW,
    NEGATIVE,
    NO_AREA,
    NOT_NUMBERS,
    BadBoxError,
    BoxFile,
    accepted_boxes,
    register,
    stop_or_skip,
)
from augcli.io.boxes.voc_corners import NAMES, Corner, Counting, find_counting, turn_corners
from augcli.io.boxes.voc_writing import COUNTING, write_voc
from augcli.io.boxes.voc_xml import parse_xml
from augcli.io.store.base import Version, full_name
from augcli.io.store.listing import list_tree
from augcli.io.store.locations import Kind
from augcli.program.annotated import STOP, BoxHeader
from augcli.program.polygons import find_edges
from augcli.samples import Corners, ImageBoxes, Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO
    from xml.etree.ElementTree import Element

    from augcli.io.store.base import Store
    from augcli.io.store.listing import File, Files
    from augcli.io.store.locations import Location
    from augcli.program.annotated import BoxedImage
    from augcli.samples import Edges, SkippedBox

XML_SUFFIXES = frozenset([".xml"])
MOST_BYTES = 16 << 20
FILES_AT_ONCE = 256

IMAGE_TAGS = frozenset(
    ["folder", "filename", "path", "source", "size", "segmented", "object", "base", COUNTING]
)
"""Elements of an image that are written anew or have a place of their own."""

BOX_TAGS = frozenset(["name", "bndbox", "robndbox", *ANEW])

SWAPPED = "boxes whose corners stood in the wrong order were turned round"
"""Counted for boxes that are not as they should be."""

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


class Voc:
    """Pascal VOC XML: a directory with a file for each image."""

    name = "voc"
    accepts = "a folder of VOC XML"
    names_have_suffix = False
    file_per_image = True
    suffix = ".xml"

    def is_own(self, boxes: Location) -> bool:
        """True if it is a directory."""
        return boxes.kind is Kind.DIRECTORY

    def read(self, boxes: Location, bad_boxes: str) -> BoxFile:
        """Read a folder of VOC XML, which must hold some; see `read_voc`."""
        box_file = read_voc(boxes.store, bad_boxes)
        if not box_file.images:
            cure = accepted_boxes()
            if list_tree(boxes.store, frozenset()).others[".txt"]:
                cure += "; YOLO labels are read with their images: give the folder that holds both as SRC"
            raise InputError(f"no VOC XML in {boxes.name!r}; {cure}")
        return box_file

    def write(self, file: BinaryIO, header: BoxHeader, images: Iterable[BoxedImage]) -> None:
        """Write the boxes of the only image as VOC XML; see `write_voc`."""
        (image,) = images
        file.write(write_voc(image, header))


register(Voc())


class _Object(NamedTuple):
    """A box as a file says it: its name, xmin, ymin, xmax, ymax, or an oriented box, and what else."""

    name: str
    sides: Edges
    form: Corners | None
    extra: str


class _Image(NamedTuple):
    """A file: the size and what else it says of its image, and its boxes; those left out apart.

    `counting` is how corners count pixels, as our own files say it.
    """

    height: int
    width: int
    extra: str
    objects: list[_Object]
    skipped: list[SkippedBox]
    counting: str


def read_voc(store: Store, bad_boxes: str = STOP) -> BoxFile:
    """Read the boxes of a folder of VOC XML, found at any depth.

    An image's name is the path of its XML below the folder without the suffix; the `filename` inside is often
    another one. Boxes without area and elements that hold others (`part`, `polygon`) are left out and
    counted.

    Args:
        store: The folder.
        bad_boxes: What becomes of boxes that are not right.

    Raises:
        InputError: If a file is not VOC XML, declares a document type, or is too large.
        StorageError: If the machine fails.
    """
    dropped: Counter[str] = Counter()
    images: dict[str, _Image] = {}
    for key, data in _read_files(store):
        name = key[: -len(".xml")]
        try:
            if name in images:
                raise InputError("has the name of another one but for its suffix; leave one")
            images[name] = _read_file(data, dropped, bad_boxes)
        except InputError as error:
            raise InputError(f"boxes {full_name(store, key)!r}: ", *error.args) from error
    counting, notes = _find_counting(images.values())
    remarks: Counter[str] = Counter()
    placed = {name: _place(image, counting, dropped, remarks) for name, image in sorted(images.items())}
    names = tuple(sorted({box.name for boxes in placed.values() for box, _ in boxes}))
    categories = {name: index for index, name in enumerate(names)}
    finished = {name: _finish(images[name], boxes, categories) for name, boxes in placed.items()}
    notes += [f"{what} ({count})" for what, count in remarks.items()]
    keys = {} if counting == Counting() else {COUNTING: list(counting)}
    return BoxFile(BoxHeader("voc", names, keys), finished, dict(dropped), tuple(notes))


def _find_counting(images: Iterable[_Image]) -> tuple[Counting, list[str]]:
    """Return how corners count pixels, by our own word or by all of them, and notes."""
    images = list(images)
    corners = (
        Corner(box.sides, image.height, image.width)
        for image in images
        for box in image.objects
        if box.form is None
    )
    counting, notes = find_counting(corners)
    said = {image.counting for image in images} & NAMES.keys()
    if len(said) == 1:
        return Counting(*NAMES[said.pop()], counting.has_decimals), []
    return counting, notes


def _read_files(store: Store) -> Iterator[tuple[str, bytes]]:
    """Yield the keys of all XML files and what they hold, in the order of their keys."""
    for files in _gather(store, list_tree(store, XML_SUFFIXES).ending_in(XML_SUFFIXES)):
        keys = [file.key for file in files]
        contents = store.read(keys, [Version(file.size, file.version) for file in files])
        yield from zip(keys, (data or b"" for data in contents), strict=True)


def _gather(store: Store, files: Files) -> Iterator[list[File]]:
    """Yield files in groups that are read together: many, but not more bytes than one file may have."""
    group: list[File] = []
    size = 0
    for file in files:
        if file.size > MOST_BYTES:
            raise InputError(
                f"boxes {full_name(store, file.key)!r}: must be of at most {MOST_BYTES} bytes,"
                f" got {file.size}; give one image a file"
            )
        if group and (size + file.size > MOST_BYTES or len(group) == FILES_AT_ONCE):
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group


def _read_file(data: bytes, dropped: Counter[str], bad_boxes: str) -> _Image:
    """Read a file; one that cannot be parsed has no boxes, where that does not stop the run."""
    try:
        root = parse_xml(data)
    except BadBoxError as error:
        return _Image(0, 0, "{}", [], [stop_or_skip(error, bad_boxes)], "")
    return _read_image(root, dropped, bad_boxes)


def _read_image(root: Element, dropped: Counter[str], bad_boxes: str) -> _Image:
    extra = _read_leaves(root, IMAGE_TAGS, dropped)
    for key, path in (("depth", "size/depth"), ("database", "source/database")):
        if text := _read_text(root, path):
            extra[key] = text
    dropped.update(f"source/{child.tag}" for child in root.iterfind("source/*") if child.tag != "database")
    objects, skipped = [], []
    for number, element in enumerate(root.iterfind("object"), start=1):
        try:
            objects.append(_read_object(element, f"object {number}", dropped))
        except BadBoxError as error:
            skipped.append(stop_or_skip(error, bad_boxes))
    height, width = (_read_side(root, f"size/{side}") for side in ("height", "width"))
    return _Image(height, width, _to_text(extra), objects, skipped, _read_text(root, COUNTING))


def _read_object(element: Element, where: str, dropped: Counter[str]) -> _Object:
    name = _read_text(element, "name")
    if not name:
        raise BadBoxError("no name", f"{where} has no name")
    sides, form = (0.0, 0.0, 0.0, 0.0), None
    if element.find("robndbox") is not None:
        numbers = [_read_number(element, f"robndbox/{key}", where) for key in ("cx", "cy", "w", "h", "angle")]
        if min(numbers[2:4]) < 0:
            raise BadBoxError(NEGATIVE, f"{where} has a negative size: w {numbers[2]}, h {numbers[3]}")
        form = Corners(turn_corners(*numbers))
        dropped.update(["bndbox beside robndbox"] if element.find("bndbox") is not None else [])
    elif element.find("bndbox") is not None:
        xmin, ymin, xmax, ymax = (
            _read_number(element, f"bndbox/{side}", where) for side in ("xmin", "ymin", "xmax", "ymax")
        )
        sides = (xmin, ymin, xmax, ymax)
    else:
        raise BadBoxError("no bndbox", f"{where} has no bndbox")
    return _Object(sys.intern(name), sides, form, _to_text(_read_leaves(element, BOX_TAGS, dropped)))


def _read_leaves(element: Element, known: frozenset[str], dropped: Counter[str]) -> dict[str, str]:
    """Return the texts of the elements that hold no others.

    What holds others, comes a second time, or is of a namespace, is counted under its tag.
    """
    leaves: dict[str, str] = {}
    for child in element:
        if child.tag in known:
            continue
        if len(child) or child.tag in leaves or "}" in child.tag:
            dropped[child.tag] += 1
        else:
            leaves[child.tag] = (child.text or "").strip()
    return leaves


def _read_text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _read_number(element: Element, path: str, where: str) -> float:
    text = _read_text(element, path)
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        side = path.rpartition("/")[2]
        raise BadBoxError(NOT_NUMBERS, f"{where} must have a finite number as {side}, got {text[:40]!r}")
    return value


def _read_side(root: Element, path: str) -> int:
    """Return a height or width; 0 if the text is not one."""
    text = _read_text(root, path)
    value = float(text) if NUMBER.fullmatch(text) else 0.0
    return int(value) if value > 0 and value.is_integer() else 0


def _to_text(leaves: dict[str, str]) -> str:
    """Write leaves as JSON; equal ones are one text."""
    return sys.intern(json.dumps(leaves, ensure_ascii=False))


def _place(
    image: _Image, counting: Counting, dropped: Counter[str], remarks: Counter[str]
) -> list[tuple[_Object, Edges]]:
    """Return an image's boxes that have an area, with their edges."""
    placed = []
    for box in image.objects:
        if box.form is not None:
            edges = find_edges(box.form.points)
        else:
            edges, is_swapped = counting.read(box.sides)
            remarks.update([SWAPPED] if is_swapped else [])
        if edges[0] == edges[2] or edges[1] == edges[3]:
            dropped[NO_AREA] += 1
        else:
            placed.append((box, edges))
    return placed


def _finish(image: _Image, placed: list[tuple[_Object, Edges]], categories: dict[str, int]) -> ImageBoxes:
    """Return an image's boxes, their categories by the names of these."""
    outlines = tuple(box.form and Outline(box.form) for box, _ in placed)
    return ImageBoxes(
        image.height,
        image.width,
        np.array([edges for _, edges in placed], np.float64).reshape(-1, 4),
        tuple(categories[box.name] for box, _ in placed),
        tuple(box.extra for box, _ in placed),
        image.extra,
        outlines if any(outlines) else (),
        tuple(image.skipped),
    )
