"""Pascal VOC XML (Everingham et al., 2010): the boxes of one image a file.

Its coordinates count pixels from 1 and name the last one inside: xmin 1, xmax 1 is the first column alone.
XML comes from anywhere: no entity is resolved, nothing outside a file is read, size and depth are bounded.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

import numpy as np

from augcli.errors import InputError
from augcli.io.boxes.base import BoxFile
from augcli.io.boxes.coco import ANEW, NO_AREA
from augcli.io.store.listing import list_tree
from augcli.io.store.local import read_unchanged
from augcli.io.store.names import printable_key
from augcli.program.annotated import BoxHeader
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from augcli.program.annotated import BoxedImage, WrittenBox
    from augcli.samples import Edges

XML_SUFFIXES = frozenset([".xml"])
MOST_BYTES = 16 << 20
MOST_LEVELS = 50

IMAGE_TAGS = frozenset("folder filename path source size segmented object base".split())
"""Elements of an image that are written anew or have a place of their own."""

BOX_TAGS = frozenset(["name", "bndbox", *ANEW])

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, whatever way it is written."""


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree of a file, and stops at what is hostile."""

    levels = 0

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Refuse a document type: entities are declared in it."""
        raise InputError(
            "names entities or a document type, which are never resolved; remove the <!DOCTYPE ...> line"
        )

    def start(self, tag: str, attributes: dict[str, str], /) -> Element:
        """Open an element."""
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise InputError(f"is nested more than {MOST_LEVELS} levels deep; give Pascal VOC XML")
        return super().start(tag, attributes)

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        self.levels -= 1
        return super().end(tag)


class _Object(NamedTuple):
    """A box as a file says it."""

    name: str
    edges: Edges
    extra: str


class _Image(NamedTuple):
    """A file: the size and what else it says of its image, and its boxes."""

    height: int
    width: int
    extra: str
    objects: list[_Object]


# --- reading -------------------------------------------------------------------------------------------


def read_voc(root: Path, links: bool) -> BoxFile:
    """Read the boxes of a folder of VOC XML, found at any depth.

    An image's name is the path of its XML below the folder without the suffix; the `filename` inside is often
    another one. Boxes without area and elements that hold others (`part`, `polygon`) are left out and
    counted.

    Args:
        root: The folder.
        links: Whether symbolic links are followed.

    Raises:
        InputError: If a file is no VOC XML, declares a document type, or is too large.
        StorageError: If the machine fails.
    """
    dropped: Counter[str] = Counter()
    images: dict[str, _Image] = {}
    for key, size, version in list_tree(root, links, suffixes=XML_SUFFIXES).files:
        path, name = f"{root}/{key}", key[: -len(".xml")]
        try:
            if name in images:
                raise InputError("has the name of another one but for its suffix; leave one")
            if size > MOST_BYTES:
                raise InputError(f"must be of at most {MOST_BYTES} bytes, got {size}; give one image a file")
            images[name] = _read_image(_parse(read_unchanged(path, size, version)), dropped)
        except InputError as error:
            raise InputError(f"boxes {path!r}: {error}") from error
    names = tuple(sorted({one.name for image in images.values() for one in image.objects}))
    places = {name: at for at, name in enumerate(names)}
    finished = {name: _finish(image, places) for name, image in sorted(images.items())}
    return BoxFile(BoxHeader("voc", names, {}), finished, dict(dropped))


def _parse(data: bytes) -> Element:
    """Parse a file; what fails in expat names the line."""
    parser = ElementTree.XMLParser(target=_Builder())
    try:
        parser.feed(data)
        root: Element = parser.close()
    # An encoding that nobody knows is a LookupError, one of several bytes a ValueError.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputError(f"cannot be parsed: {error}; give Pascal VOC XML") from error
    if root.tag != "annotation":
        raise InputError(f"its root must be <annotation>, got <{root.tag[:40]}>; give Pascal VOC XML")
    return root


def _read_image(root: Element, dropped: Counter[str]) -> _Image:
    extra = _read_leaves(root, IMAGE_TAGS, dropped)
    for key, place in (("depth", "size/depth"), ("database", "source/database")):
        if text := _read_text(root, place):
            extra[key] = text
    dropped.update(f"source/{child.tag}" for child in root.iterfind("source/*") if child.tag != "database")
    objects = []
    for number, element in enumerate(root.iterfind("object"), start=1):
        try:
            if (one := _read_object(element, dropped)) is not None:
                objects.append(one)
        except InputError as error:
            raise InputError(f"object {number} {error}; correct or remove it") from error
    height, width = (_read_side(root, f"size/{side}") for side in ("height", "width"))
    return _Image(height, width, _to_text(extra), objects)


def _read_object(element: Element, dropped: Counter[str]) -> _Object | None:
    """Read a box; None where it has no area."""
    name = _read_text(element, "name")
    if not name:
        raise InputError("has no name")
    if element.find("bndbox") is None:
        raise InputError("has no bndbox")
    xmin, ymin, xmax, ymax = (_read_number(element, side) for side in ("xmin", "ymin", "xmax", "ymax"))
    edges = (ymin - 1, xmin - 1, ymax, xmax)
    if edges[2] < edges[0] or edges[3] < edges[1]:
        raise InputError(f"has a negative size: xmin {xmin}, ymin {ymin}, xmax {xmax}, ymax {ymax}")
    if edges[0] == edges[2] or edges[1] == edges[3]:
        dropped[NO_AREA] += 1
        return None
    return _Object(sys.intern(name), edges, _to_text(_read_leaves(element, BOX_TAGS, dropped)))


def _read_leaves(element: Element, known: frozenset[str], dropped: Counter[str]) -> dict[str, str]:
    """Give the texts of the elements that hold no others.

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


def _read_text(element: Element, place: str) -> str:
    return (element.findtext(place) or "").strip()


def _read_number(element: Element, side: str) -> float:
    text = _read_text(element, f"bndbox/{side}")
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise InputError(f"must have a finite number as {side}, got {text[:40]!r}")
    return value


def _read_side(root: Element, place: str) -> int:
    """Give a height or width; 0 where it is none."""
    text = _read_text(root, place)
    value = float(text) if NUMBER.fullmatch(text) else 0.0
    return int(value) if value > 0 and value.is_integer() else 0


def _to_text(leaves: dict[str, str]) -> str:
    """Write leaves as JSON; equal ones are one text."""
    return sys.intern(json.dumps(leaves, ensure_ascii=False))


def _finish(image: _Image, places: dict[str, int]) -> ImageBoxes:
    edges = np.array([one.edges for one in image.objects], np.float64).reshape(-1, 4)
    categories = tuple(places[one.name] for one in image.objects)
    extras = tuple(one.extra for one in image.objects)
    return ImageBoxes(image.height, image.width, edges, categories, extras, image.extra)


# --- writing -------------------------------------------------------------------------------------------


def write_voc(image: BoxedImage, header: BoxHeader) -> bytes:
    """Return the boxes of an image as VOC XML, indented by tabs.

    Edges are rounded to whole pixels inside the image, at least one pixel apart. What XML cannot hold becomes
    a question mark.
    """
    extra = json.loads(image.extra)
    database, depth = extra.pop("database", "Unknown"), extra.pop("depth", None)
    size = {"width": image.width, "height": image.height} | ({} if depth is None else {"depth": depth})
    root = ElementTree.Element("annotation")
    _add_leaves(root, {"folder": "images", "filename": image.file_name})
    _add_leaves(ElementTree.SubElement(root, "source"), {"database": database})
    _add_leaves(ElementTree.SubElement(root, "size"), size)
    for texts in ({"segmented": 0}, extra, {"base": printable_key(image.source)}):
        _add_leaves(root, texts)
    for box in image.boxes:
        _add_box(ElementTree.SubElement(root, "object"), box, header.names[box.category], image)
    ElementTree.indent(root, "\t")
    text = ElementTree.tostring(root, "unicode", short_empty_elements=False)
    return (text.replace("\r", "&#13;") + "\n").encode()  # a bare carriage return is read as a line end


def _add_box(element: Element, box: WrittenBox, name: str, image: BoxedImage) -> None:
    """Add what is said of a box to its element."""
    y0, x0, y1, x1 = box.edges
    (ymin, ymax), (xmin, xmax) = _to_pixels(y0, y1, image.height), _to_pixels(x0, x1, image.width)
    _add_leaves(element, {"name": name})
    _add_leaves(element, json.loads(box.extra))
    bounds = {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}
    _add_leaves(ElementTree.SubElement(element, "bndbox"), bounds)
    anew = (float(box.visibility), float(box.weight), printable_key(box.source))
    _add_leaves(element, dict(zip(ANEW, anew, strict=True)))


def _add_leaves(element: Element, texts: Mapping[str, object]) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(element, tag).text = UNWRITABLE.sub("?", str(text))


def _to_pixels(start: float, stop: float, length: int) -> tuple[int, int]:
    """Return the first and the last pixel of a half-open span, counted from 1."""
    first = min(max(round(start) + 1, 1), length)
    return first, min(max(round(stop), first), length)
