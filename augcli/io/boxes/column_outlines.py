"""Outlines, keypoints and areas in a column of boxes: read and written as COCO has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from augcli.io.boxes.base import BadBoxError
from augcli.io.boxes.coco_outlines import MISCOUNTED, counts_otherwise, describe_outline, read_outline

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from augcli.samples import Outline

AREA = "area"
OUTLINED = {"segmentation": "list list ", "keypoints": "list ", "num_keypoints": ""}
"""Values of a box that are followed beside its place, and what the names of their types begin with."""

SEGMENTATION = "segmentation"
RUN_SIDES, RUN_COUNTS = (
    re.compile(r"list(\[2\])? u?int\d+"),
    re.compile(r"(large_)?(string|binary)|list u?int\d+"),
)
"""Types of the size and the counts of run lengths, as text."""

COUNT = "num_keypoints"
"""The only one of them that is a number."""


def is_outlined(name: str, kind: str, numbers: Sequence[str]) -> bool:
    """True if a value of this name and type says where an object lies, as COCO has it."""
    start = OUTLINED.get(name)
    if name == SEGMENTATION and kind.startswith("runs "):
        fields = dict(part.split("=", 1) for part in kind.removeprefix("runs ").split(";"))
        return bool(RUN_SIDES.fullmatch(fields["size"]) and RUN_COUNTS.fullmatch(fields["counts"]))
    return start is not None and kind.startswith(start) and kind.removeprefix(start) in numbers


def read_outlines(
    values: Mapping[str, pa.Array],
    bbox: Sequence[Sequence[float]],
    places: Sequence[str],
    remarks: Counter[str],
) -> tuple[list[Outline | None], dict[int, BadBoxError]]:
    """Return what is known of each box's object beside the box, and what is wrong with it, by its number.

    Args:
        values: The values of all boxes by field.
        bbox: x, y, width, height of each box.
        places: Where each box stands, for messages.
        remarks: How many boxes say what is not as it should be, by what is wrong; it is added to.
    """
    fields = {name: values[name].to_pylist() for name in (*OUTLINED, AREA) if name in values}
    if not fields:
        return [], {}
    outlines: list[Outline | None] = []
    bad = {}
    for number, row in enumerate(zip(*fields.values(), strict=True)):
        entry = dict(zip(fields, row, strict=True)) | {"bbox": bbox[number]}
        if _is_empty(entry.get(SEGMENTATION)):
            del entry[SEGMENTATION]
        try:
            outline = read_outline(entry, places[number])
            remarks[MISCOUNTED] += outline is not None and counts_otherwise(entry, outline)
            outlines.append(outline)
        except BadBoxError as error:
            outlines.append(None)
            bad[number] = error
    return outlines, bad


def write_outline(outline: Outline | None, area: float, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a box that say where its object lies.

    Args:
        outline: Its place beside the box; None if only the box is known.
        area: Area of the box, where nothing else is known.
        fields: The types of the values of a box, as text.
    """
    known: dict[str, Any] = {AREA: area, COUNT: 0} | (describe_outline(outline) if outline else {})
    empty = {SEGMENTATION: None} if fields.get(SEGMENTATION, "").startswith("runs ") else {}
    values = {name: known.get(name, empty.get(name, [])) for name in (*OUTLINED, AREA) if name in fields}
    return {name: _round(value) if "int" in fields[name] else value for name, value in values.items()}


def _is_empty(segmentation: Any) -> bool:
    """True if a segmentation is of run lengths that are not there: a struct of nothing but nulls."""
    return isinstance(segmentation, dict) and all(value is None for value in segmentation.values())


def _round(value: Any) -> Any:
    """Return a number, or lists of numbers, as whole ones; run lengths are."""
    if value is None or isinstance(value, dict):
        return value
    return [_round(inner) for inner in value] if isinstance(value, list) else round(value)
