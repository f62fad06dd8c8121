"""What COCO says of an object beside its box: segmentation, keypoints, area."""

from __future__ import annotations

import math
import sys
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.io.boxes.base import NEGATIVE, NOT_NUMBERS, BadBoxError
from augcli.io.boxes.coco_rle import decode_runs, encode_runs
from augcli.io.boxes.decimals import DECIMALS, round_decimals, round_many
from augcli.program.polygons import find_edges
from augcli.program.run_lengths import find_bounds
from augcli.samples import Corners, Outline, Polygons, RunLengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.samples import Edges, Form

OUTLINE_KEYS = ("segmentation", "area", "keypoints", "num_keypoints")

MIDDLE = 0.5
"""COCO's keypoints name pixels, from 0: their middle lies half a pixel further on."""

NO_OUTLINE, NO_POLYGON = "segmentation of no known kind", "polygon of fewer than three points"
NO_RUNS, NO_KEYPOINTS = "run lengths that are not right", "keypoints that are not right"
"""Faults of outlines, as a `BadBoxError` names them."""

MISCOUNTED = "num_keypoints that are not the number of keypoints that are there are counted anew"
"""Counted for entries that are not as they should be."""

MOST_SIDE = 1 << 31
NUMBERS = frozenset([int, float])


def read_outline(entry: dict[str, Any], where: str) -> Outline | None:
    """Return what an annotation says of its object; None if that is its box alone.

    Raises:
        BadBoxError: If it cannot be understood; `where` says which annotation it is.
    """
    form = _read_form(entry.get("segmentation"), where)
    keypoints = _read_keypoints(entry.get("keypoints"), where)
    written_area: Any = entry.get("area")
    is_area = _is_numbers([written_area]) and 0 <= written_area <= sys.float_info.max
    area = float(written_area) if is_area else None
    if form is None and keypoints is None and (area is None or _is_of_box(area, entry.get("bbox"))):
        return None
    return Outline(form, keypoints, area)


def read_edges(bbox: Any, outline: Outline | None, where: str) -> Edges:
    """Return the box of an annotation; without a box, the bounds of its outline.

    Raises:
        BadBoxError: If it has neither, or the box is not one.
    """
    if not bbox and outline is not None and outline.form is not None:
        form = outline.form
        return find_bounds(form) if isinstance(form, RunLengths) else find_edges(form.points)
    try:
        sides = [float(side) for side in bbox] if _is_numbers(bbox) and len(bbox) == 4 else []
    except OverflowError:
        sides = []
    x, y, width, height = sides or (math.nan,) * 4
    edges = (y, x, y + height, x + width)
    is_finite = all(math.isfinite(edge) for edge in edges)
    if not is_finite or width < 0 or height < 0:
        raise BadBoxError(
            NEGATIVE if is_finite else NOT_NUMBERS,
            f"{where}: bbox must be four finite numbers x, y, width >= 0, height >= 0, got {shorten(bbox)}",
        )
    return edges


def counts_otherwise(entry: dict[str, Any], outline: Outline) -> bool:
    """True if the `num_keypoints` of an annotation is not the number of its keypoints that are there."""
    count = entry.get("num_keypoints")
    if outline.keypoints is None or not isinstance(count, int):
        return False
    return count != np.count_nonzero(outline.keypoints[:, 2])


def describe_outline(outline: Outline) -> dict[str, Any]:
    """Return what an annotation says of an outline."""
    entry: dict[str, Any] = {}
    if outline.area is not None:
        entry["area"] = round_decimals(outline.area)
    if outline.form is not None:
        entry["segmentation"] = _describe_form(outline.form)
    if outline.keypoints is not None:
        rows = outline.keypoints[:, [1, 0, 2]]
        is_there = rows[:, 2:] > 0
        rows[:, :2] -= MIDDLE * is_there
        entry["keypoints"] = round_many(rows.ravel())
        entry["num_keypoints"] = int(np.count_nonzero(is_there))
    return entry


def _is_of_box(area: float, bbox: Any) -> bool:
    """True if an area is the box's, which the box says already."""
    if not _is_numbers(bbox) or len(bbox) != 4:
        return True
    box_area = bbox[2] * bbox[3]
    return bool(abs(area - box_area) <= max(box_area * 1e-9, 10.0**-DECIMALS))


def _is_numbers(value: Any) -> bool:
    """True if a value is a list of nothing but numbers."""
    return isinstance(value, list) and set(map(type, value)) <= NUMBERS


def _read_form(value: Any, where: str) -> Form | None:
    if value is None or value == []:
        return None
    if isinstance(value, dict):
        return _read_runs(value, where)
    if not isinstance(value, list):
        raise BadBoxError(
            NO_OUTLINE,
            f"{where}: segmentation must be a list of polygons, or an object with counts and size, got"
            f" {shorten(value)}",
        )
    parts = [value] if isinstance(value[0], int | float) else value
    numbers: list[float] = []
    for part in parts:
        if (
            not isinstance(part, list)
            or len(part) % 2
            or len(part) < 6
            or not set(map(type, part)) <= NUMBERS
        ):
            raise BadBoxError(
                NO_POLYGON,
                f"{where}: a polygon of segmentation must be x, y of at least three points, got"
                f" {shorten(part)}",
            )
        numbers += part
    return Polygons(_read_points(numbers, 2, where, "segmentation"), tuple(len(part) // 2 for part in parts))


def _read_points(numbers: list[float], width: int, where: str, what: str) -> NDArray[np.float64]:
    """Return numbers as rows of y, x and what follows."""
    try:
        rows = np.array(numbers, np.float64).reshape(-1, width)
    except OverflowError:  # a whole number beyond the range
        rows = np.full((1, width), np.inf)
    if not np.isfinite(rows).all():
        raise BadBoxError(f"{what} not of finite numbers", f"{where}: {what} must be of finite numbers")
    rows[:, :2] = rows[:, 1::-1].copy()
    return rows


def _read_runs(value: dict[str, Any], where: str) -> RunLengths:
    size, counts = value.get("size"), value.get("counts")
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(type(side) is int and 0 < side < MOST_SIDE for side in size)
    ):
        raise BadBoxError(
            NO_RUNS, f"{where}: size of segmentation must be height and width, got {shorten(size)}"
        )
    if isinstance(counts, bytes):  # in columns, as pycocotools gives them
        counts = counts.decode("ascii", "replace")
    try:
        if isinstance(counts, str):
            runs = decode_runs(counts)
        elif isinstance(counts, list) and set(map(type, counts)) <= {int}:
            runs = np.array(counts, np.int64)
        else:
            raise ValueError("it is neither a list of whole numbers nor a text")
        # Not `runs.sum()`, which may wrap around to the right number.
        if (runs < 0).any() or sum(runs.tolist()) != size[0] * size[1]:
            raise ValueError(f"its runs do not add up to the {size[0]}x{size[1]} pixels of its size")
    except OverflowError as error:
        raise BadBoxError(
            NO_RUNS, f"{where}: counts of segmentation: a run is longer than any image"
        ) from error
    except ValueError as error:
        raise BadBoxError(NO_RUNS, f"{where}: counts of segmentation: {error}") from error
    return RunLengths(size[0], size[1], runs, isinstance(counts, str))


def _read_keypoints(value: Any, where: str) -> NDArray[np.float64] | None:
    if not value:
        return None
    if not _is_numbers(value) or len(value) % 3:
        raise BadBoxError(
            NO_KEYPOINTS,
            f"{where}: keypoints must be x, y and visibility of each point, got {shorten(value)}",
        )
    rows = _read_points(value, 3, where, "keypoints")
    if not set(rows[:, 2].tolist()) <= {0.0, 1.0, 2.0}:
        raise BadBoxError(NO_KEYPOINTS, f"{where}: the visibility of keypoints must be 0, 1 or 2")
    rows[rows[:, 2] > 0, :2] += MIDDLE
    return rows


def _describe_form(form: Form) -> Any:
    if isinstance(form, RunLengths):
        counts = encode_runs(form.runs) if form.is_text else form.runs.tolist()
        return {"size": [form.height, form.width], "counts": counts}
    numbers = np.round(form.points[:, ::-1], DECIMALS).ravel().tolist()
    parts = (len(form.points),) if isinstance(form, Corners) else form.parts
    if len(parts) == 1:
        return [numbers]
    stops = (2 * np.cumsum(parts)).tolist()
    return [numbers[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
