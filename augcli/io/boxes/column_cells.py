"""The cells of a column of boxes: what they say, and whether they can be in COCO's order."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.boxes.base import COLUMN, NO_AREA
from augcli.io.boxes.columns import AREA, BoxColumn
from augcli.io.boxes.extras import read_extra
from augcli.program.annotated import BoxHeader
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

CORNERS = "xyxy"
"""The value of `box_order` for boxes that are written as x0, y0, x1, y1."""


class ColumnCells(NamedTuple):
    """What a column of boxes holds.

    Attributes:
        header: What is true of all boxes.
        images: The boxes of each row.
        dropped: How often something was left out, by what.
        notes: What else is worth a line.
    """

    header: BoxHeader
    images: list[ImageBoxes]
    dropped: Counter[str]
    notes: list[str]


def read_cells(
    cells: pa.ChunkedArray,
    column: BoxColumn,
    names: tuple[str, ...] | None,
    order: str | None,
    find_sizes: Callable[[], Sequence[tuple[int, int] | None]],
) -> ColumnCells:
    """Read the boxes of all rows.

    Args:
        cells: The column.
        column: What it is made of.
        names: Names of the categories that are numbers, as the schema's metadata have them.
        order: `xywh` or `xyxy`; None takes COCO's, unless the values deny it.
        find_sizes: Gives height and width of the images of the first rows, as far as they are known; called
            only where the values alone do not tell the order.

    Raises:
        InputError: If a cell holds what cannot be a box, or the order is in doubt.
    """
    counts, values = _flatten(cells, column)
    boxes = _read_numbers(values[column.bbox], column)
    if order is None:
        _check_order(boxes, counts, column, find_sizes)
    x0, y0, third, fourth = boxes.T
    x1, y1 = (third, fourth) if order == CORNERS else (x0 + third, y0 + fourth)
    edges = np.stack([y0, x0, y1, x1], axis=1)
    _check_sides(edges, boxes, column)
    indices, categories = _read_categories(values, column, names, len(boxes))
    header = BoxHeader(
        COLUMN,
        tuple(str(category["name"]) for category in categories),
        {"categories": categories, COLUMN: column.describe()},
    )
    extras = _read_extras(values, column, len(boxes))
    kept = (edges[:, 2:] - edges[:, :2] >= 5e-7).all(1)  # as it would be written
    dropped = Counter({NO_AREA: int((~kept).sum())} if not kept.all() else {})
    images = [
        ImageBoxes(
            0,
            0,
            own,
            tuple(indices[number] for number in places),
            tuple(map(extras.__getitem__, places)),
            "{}",
        )
        for first, stop in pairwise([0, *accumulate(counts)])
        for places in [[number for number in range(first, stop) if kept[number]]]
        for own in [edges[places].reshape(-1, 4)]
    ]
    return ColumnCells(header, images, dropped, _describe(values, column, boxes, order))


def _flatten(cells: pa.ChunkedArray, column: BoxColumn) -> tuple[list[int], dict[str, pa.Array]]:
    """Return the number of boxes in each row, and the values of all boxes by field."""
    array = cells.combine_chunks()
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    if not column.is_of_lists:
        structs = array.flatten()
        fields = dict(zip([field.name for field in structs.type], structs.flatten(), strict=True))
        return _lengths(array), {name: fields[name] for name in column.fields}
    fields = dict(zip([field.name for field in array.type], array.flatten(), strict=True))
    counts = _lengths(fields[column.bbox])
    for name in column.fields:
        lengths = _lengths(fields[name])
        if lengths != counts:
            row = next(
                row for row, pair in enumerate(zip(lengths, counts, strict=True)) if len(set(pair)) > 1
            )
            raise InputError(
                f"column {column.name!r}: row {row} has {counts[row]} boxes, but {lengths[row]} values of"
                f" {name!r}; give each box one, or leave the column out with ",
                Option("box_order", "skip"),
            )
    return counts, {name: fields[name].flatten() for name in column.fields}


def _lengths(lists: pa.Array) -> list[int]:
    lengths: list[int] = pc.fill_null(pc.list_value_length(lists), 0).to_pylist()
    return lengths


def _read_numbers(boxes: pa.Array, column: BoxColumn) -> NDArray[np.float64]:
    """Return (n, 4) what stands in the boxes."""
    lengths = pc.list_value_length(boxes)
    flat = boxes.flatten()
    four = lengths.null_count == 0 and flat.null_count == 0 and set(lengths.unique().to_pylist()) <= {4}
    numbers = flat.to_numpy(zero_copy_only=False).astype(np.float64) if four else np.empty(0)
    if not four or not np.isfinite(numbers).all():
        raise InputError(
            f"column {column.name!r}: each {column.bbox} must be four finite numbers; correct them, or leave"
            " the column out with ",
            Option("box_order", "skip"),
        )
    return np.asarray(numbers.reshape(-1, 4))


def _check_order(
    boxes: NDArray[np.float64],
    counts: Sequence[int],
    column: BoxColumn,
    find_sizes: Callable[[], Sequence[tuple[int, int] | None]],
) -> None:
    """Refuse boxes that can hardly be x, y, width, height in pixels.

    Raises:
        InputError: Naming the other reading, and the option that decides.
    """
    if not len(boxes):
        return
    doubt = ""
    if boxes.min() >= 0 and boxes.max() <= 1:
        doubt = (
            "shares of the image's sides (all values lie in 0..1), which are to be multiplied by them first"
        )
    elif (boxes[:, 2:] > boxes[:, :2]).all():
        beyond = _find_beyond(boxes, counts, find_sizes())
        if beyond is not None:
            doubt = f"x0, y0, x1, y1 (as widths and heights, {beyond} would leave its image)"
    if doubt:
        first = ", ".join(f"{value:g}" for value in boxes[0])
        raise InputError(
            f"column {column.name!r}: {column.bbox} may be x, y, width, height in pixels, as COCO has them,"
            f" or {doubt}; the first is {first}; give ",
            Option("box_order", "xywh"),
            *(() if "shares" in doubt else (" or ", Option("box_order", CORNERS))),
            ", or leave the column out with ",
            Option("box_order", "skip"),
        )


def _find_beyond(
    boxes: NDArray[np.float64], counts: Sequence[int], sizes: Sequence[tuple[int, int] | None]
) -> str | None:
    """Return a box that as COCO's would leave its image; None if none would, or corners would as well."""
    found = None
    number = 0
    for count, size in zip(counts, sizes, strict=False):
        for x0, y0, third, fourth in boxes[number : number + count].tolist() if size else ():
            height, width = size or (0, 0)
            if third > width + 1 or fourth > height + 1:
                return None
            if found is None and (x0 + third > width + 1 or y0 + fourth > height + 1):
                found = f"{x0:g}, {y0:g}, {third:g}, {fourth:g} on {width}x{height} pixels"
        number += count
    return found


def _check_sides(edges: NDArray[np.float64], boxes: NDArray[np.float64], column: BoxColumn) -> None:
    negative = np.flatnonzero((edges[:, 2:] < edges[:, :2]).any(1))
    if len(negative):
        first = ", ".join(f"{value:g}" for value in boxes[negative[0]])
        raise InputError(
            f"column {column.name!r}: {column.bbox} {first} has a negative width or height; correct it,"
            " say with ",
            Option("box_order"),
            " how boxes are written, or leave the column out with ",
            Option("box_order", "skip"),
        )


def _read_categories(
    values: dict[str, pa.Array], column: BoxColumn, names: tuple[str, ...] | None, count: int
) -> tuple[list[int], list[dict[str, Any]]]:
    """Return the index of each box's category, and the categories as COCO has them."""
    if column.category is None:
        return [0] * count, [{"id": 1, "name": column.name}]
    found = values[column.category].to_pylist()
    if None in found:
        raise InputError(
            f"column {column.name!r}: a box has no {column.category}; give each box one, or leave the column"
            " out with ",
            Option("box_order", "skip"),
        )
    known = sorted(set(found))
    if known and isinstance(known[0], str):
        categories = [{"id": number, "name": name} for number, name in enumerate(known, start=1)]
    elif names is not None:
        if known and not (known[0] >= 0 and known[-1] < len(names)):
            raise InputError(
                f"column {column.name!r}: {column.category} {known[-1]} is not one of its {len(names)}"
                " classes; correct it, or its features"
            )
        known = list(range(len(names)))
        categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    else:
        categories = [{"id": int(value), "name": str(value)} for value in known]
    places = {value: index for index, value in enumerate(known)}
    return [places[value] for value in found], categories


def _read_extras(values: dict[str, pa.Array], column: BoxColumn, count: int) -> list[str]:
    """Return what else is said of each box, as JSON."""
    others = [name for name in column.fields if name not in (column.bbox, column.category, AREA)]
    if not others:
        return ["{}"] * count
    texts: dict[str, str] = {}
    rows = zip(*(values[name].to_pylist() for name in others), strict=True)
    where = f"column {column.name!r}"
    return [read_extra(dict(zip(others, row, strict=True)), frozenset(), where, texts) for row in rows]


def _describe(
    values: dict[str, pa.Array], column: BoxColumn, boxes: NDArray[np.float64], order: str | None
) -> list[str]:
    """Return notes on what outputs have otherwise than the input."""
    notes = []
    if column.lost:
        notes.append(
            f"left out of column {column.name!r}: {', '.join(column.lost)}, which cannot follow the pixels"
        )
    if order == CORNERS:
        notes.append(f"column {column.name!r}: outputs have {column.bbox} as x, y, width, height")
    if AREA in values and len(boxes):
        sides = boxes[:, 2:] - boxes[:, :2] if order == CORNERS else boxes[:, 2:]
        areas = values[AREA].to_numpy(zero_copy_only=False).astype(np.float64)
        if not np.allclose(areas, sides.prod(1), rtol=0.01, atol=1):
            notes.append(
                f"column {column.name!r}: {AREA} is that of the box in outputs, in the input it is another"
            )
    return notes
