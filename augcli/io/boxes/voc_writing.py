"""Pascal VOC XML of outputs, in the form in which the boxes came."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from augcli.io.boxes.base import ANEW
from augcli.io.boxes.voc_corners import Counting, describe_corners
from augcli.samples import Corners

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

    from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox

COUNTING = "corners"
"""Key of `BoxHeader.keys`, and element of our own files, that say how corners count pixels."""

UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, whatever way it is written."""


def write_voc(image: BoxedImage, header: BoxHeader) -> bytes:
    """Return the boxes of an image as VOC XML, indented by tabs.

    Edges are rounded to whole pixels inside the image, at least one pixel apart, unless the input had
    decimals. What XML cannot hold becomes a question mark.
    """
    extra = json.loads(image.extra)
    database, depth = extra.pop("database", "Unknown"), extra.pop("depth", None)
    size = {"width": image.width, "height": image.height} | ({} if depth is None else {"depth": depth})
    counting = Counting(*header.keys.get(COUNTING, ()))
    counting_text = {COUNTING: counting.name} if counting.name else {}
    root = ElementTree.Element("annotation")
    _add_leaves(root, {"folder": "images", "filename": image.file_name})
    _add_leaves(ElementTree.SubElement(root, "source"), {"database": database})
    _add_leaves(ElementTree.SubElement(root, "size"), size)
    for texts in ({"segmented": 0}, extra, {"base": image.source}, counting_text):
        _add_leaves(root, texts)
    for box in image.boxes:
        element = ElementTree.SubElement(root, "object")
        _add_leaves(element, {"name": header.names[box.category]})
        _add_box(element, box, image, counting)
    ElementTree.indent(root, "\t")
    text = ElementTree.tostring(root, "unicode", short_empty_elements=False)
    return (text.replace("\r", "&#13;") + "\n").encode()  # a bare carriage return is read as a line end


def _add_box(element: Element, box: WrittenBox, image: BoxedImage, counting: Counting) -> None:
    """Add the facts of a box to its element."""
    _add_leaves(element, json.loads(box.extra))
    form = None if box.outline is None else box.outline.form
    if isinstance(form, Corners):
        _add_leaves(ElementTree.SubElement(element, "robndbox"), describe_corners(form.points))
    else:
        y0, x0, y1, x1 = box.edges
        ymin, ymax = counting.write(y0, y1, image.height)
        xmin, xmax = counting.write(x0, x1, image.width)
        bounds = {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}
        _add_leaves(ElementTree.SubElement(element, "bndbox"), bounds)
    anew = (float(box.visibility), float(box.weight), box.source)
    _add_leaves(element, dict(zip(ANEW, anew, strict=True)))


def _add_leaves(element: Element, texts: Mapping[str, object]) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(element, tag).text = UNWRITABLE.sub("?", str(text))
