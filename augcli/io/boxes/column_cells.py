"""The cells of a column of boxes: what they say, and whether they can be in COCO's order."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.boxes.base import COLUMN, NEGATIVE, NO_AREA, NOT_NUMBERS, BadBoxError, stop_or_skip
from augcli.io.boxes.column_outlines import AREA, OUTLINED, read_outlines
from augcli.io.boxes.columns import BoxColumn
from augcli.io.boxes.contradictions import describe_contradictions
from augcli.io.boxes.extras import read_extra
from augcli.program.annotated import STOP, BoxHeader
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.samples import Outline, SkippedBox

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
    bad_boxes: str = STOP,
) -> ColumnCells:
    """Read the boxes of all rows.

    Args:
        cells: The column.
        column: What it is made of.
        names: Names of the categories that are numbers, as the schema's metadata have them.
        order: `xywh` or `xyxy`; None takes COCO's, unless the values deny it.
        find_sizes: Gives height and width of the images of the first rows, as far as they are known; called
            only where the values alone do not tell the order.
        bad_boxes: What becomes of boxes that are not right.

    Raises:
        InputError: If a cell holds what cannot be a box, or the order is in doubt.
    """
    counts, values = _flatten(cells, column)
    boxes = _read_numbers(values[column.bbox])
    if order is None:
        _check_order(boxes, counts, column, find_sizes)
    x0, y0, third, fourth = boxes.T
    x1, y1 = (third, fourth) if order == CORNERS else (x0 + third, y0 + fourth)
    edges = np.stack([y0, x0, y1, x1], axis=1)
    indices, categories = _read_categories(values, column, names, len(boxes))
    sides = np.stack([x0, y0, x1 - x0, y1 - y0], axis=1).tolist()
    rows = np.repeat(np.arange(len(counts)), counts).tolist()
    places = [f"row {row} of column {column.name!r}" for row in rows]
    remarks: Counter[str] = Counter()
    outlines, unclear = read_outlines(values, sides, places, remarks)
    errors = unclear | _find_bad(edges, indices, values, places, column)
    bad = {number: stop_or_skip(error, bad_boxes) for number, error in sorted(errors.items())}
    header = BoxHeader(
        COLUMN,
        tuple(str(category["name"]) for category in categories),
        {"categories": categories, COLUMN: column.describe()},
    )
    kept = (edges[:, 2:] - edges[:, :2] >= 5e-7).all(1)  # as it would be written
    lost = int((~kept).sum()) - sum(not kept[number] for number in bad)
    kept[list(bad)] = False
    extras = _read_extras(values, column, len(boxes))
    images = list(_gather(counts, kept, edges, indices, extras, outlines, bad))
    named = ((f"row {row}", image) for row, image in enumerate(images))
    contradictions = describe_contradictions(
        named, ", or leave the column out with ", Option("box_order", "skip")
    )
    notes = [f"column {column.name!r}: {note}" for note in (*_list_remarks(remarks), *contradictions)]
    dropped = Counter({NO_AREA: lost} if lost else {})
    return ColumnCells(header, images, dropped, [*_describe(column, order), *notes])


def _list_remarks(remarks: Counter[str]) -> list[str]:
    return [f"{what} ({count})" for what, count in sorted(remarks.items()) if count]


def _gather(
    counts: Sequence[int],
    kept: NDArray[np.bool_],
    edges: NDArray[np.float64],
    indices: Sequence[int | None],
    extras: Sequence[str],
    outlines: Sequence[Outline | None],
    bad: Mapping[int, SkippedBox],
) -> Iterator[ImageBoxes]:
    """Yield the boxes of each row, without those that are left out."""
    has_outlines = any(outlines)
    for first, stop in pairwise([0, *accumulate(counts)]):
        numbers = [number for number in range(first, stop) if kept[number]]
        yield ImageBoxes(
            0,
            0,
            edges[numbers].reshape(-1, 4),
            tuple(indices[number] or 0 for number in numbers),
            tuple(extras[number] for number in numbers),
            "{}",
            tuple(outlines[number] for number in numbers) if has_outlines else (),
            tuple(bad[number] for number in range(first, stop) if number in bad) if bad else (),
        )


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


def _read_numbers(boxes: pa.Array) -> NDArray[np.float64]:
    """Return (n, 4) numbers of the boxes; NaN for boxes that are not four finite numbers."""
    lengths = pc.fill_null(pc.list_value_length(boxes), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = boxes.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    starts = np.cumsum(lengths) - lengths
    numbers = np.full((len(lengths), 4), np.nan)
    is_four = lengths == 4
    numbers[is_four] = flat[starts[is_four, None] + np.arange(4)]
    numbers[~np.isfinite(numbers).all(1)] = np.nan
    return numbers


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
    whole = boxes[~np.isnan(boxes).any(1)]
    if not len(whole):
        return
    doubt = ""
    if whole.min() >= 0 and whole.max() <= 1:
        doubt = (
            "shares of the image's sides (all values lie in 0..1), which are to be multiplied by them first"
        )
    elif (whole[:, 2:] > whole[:, :2]).all():
        beyond = _find_beyond(boxes, counts, find_sizes())
        if beyond is not None:
            doubt = f"x0, y0, x1, y1 (as widths and heights, {beyond} would leave its image)"
    if doubt:
        first = ", ".join(f"{value:g}" for value in whole[0])
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
    beyond = None
    number = 0
    for count, size in zip(counts, sizes, strict=False):
        for x0, y0, third, fourth in boxes[number : number + count].tolist() if size else ():
            height, width = size or (0, 0)
            if third > width + 1 or fourth > height + 1:
                return None
            if beyond is None and (x0 + third > width + 1 or y0 + fourth > height + 1):
                beyond = f"{x0:g}, {y0:g}, {third:g}, {fourth:g} on {width}x{height} pixels"
        number += count
    return beyond


def _find_bad(
    edges: NDArray[np.float64],
    indices: Sequence[int | None],
    values: dict[str, pa.Array],
    places: Sequence[str],
    column: BoxColumn,
) -> dict[int, BadBoxError]:
    """Return what is wrong with boxes, by their number."""
    leave_out = ("correct it, leave the column out with ", Option("box_order", "skip"))
    say_order = ("correct it, say with ", Option("box_order"), " how boxes are written")
    bad = {}
    is_negative = np.any(edges[:, 2:] < edges[:, :2], axis=1)
    for number in np.flatnonzero(is_negative | ~np.isfinite(edges).all(1)).tolist():
        is_size = bool(is_negative[number])
        must = "must be of a width and height >= 0" if is_size else "must be four finite numbers"
        detail = f"{places[number]}: {column.bbox} {must}, got"
        detail += f" {shorten(values[column.bbox][number].as_py())}"
        cure = say_order if is_size else leave_out
        bad[number] = BadBoxError(NEGATIVE if is_size else NOT_NUMBERS, detail, *cure)
    for number in (number for number, index in enumerate(indices) if index is None):
        got = values[column.category or ""][number].as_py()
        detail = f"{places[number]}: {column.category} {got} is not one of its classes"
        bad.setdefault(number, BadBoxError("unknown category", detail, *leave_out))
    return bad


def _read_categories(
    values: dict[str, pa.Array], column: BoxColumn, names: tuple[str, ...] | None, count: int
) -> tuple[list[int | None], list[dict[str, Any]]]:
    """Return the index of each box's category, None if there is none, and the categories as COCO has them."""
    if column.category is None:
        return [0] * count, [{"id": 1, "name": column.name}]
    categories_read = values[column.category].to_pylist()
    known = sorted(set(categories_read) - {None})
    if known and isinstance(known[0], str):
        categories = [{"id": number, "name": name} for number, name in enumerate(known, start=1)]
    elif names is not None:
        known = list(range(len(names)))
        categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    else:
        categories = [{"id": int(value), "name": str(value)} for value in known]
    places = {value: index for index, value in enumerate(known)}
    return [places.get(value) for value in categories_read], categories


def _read_extras(values: dict[str, pa.Array], column: BoxColumn, count: int) -> list[str]:
    """Return what else is said of each box, as JSON."""
    known = (column.bbox, column.category, AREA, *OUTLINED)
    others = [name for name in column.fields if name not in known]
    if not others:
        return ["{}"] * count
    texts: dict[str, str] = {}
    rows = zip(*(values[name].to_pylist() for name in others), strict=True)
    where = f"column {column.name!r}"
    return [read_extra(dict(zip(others, row, strict=True)), frozenset(), where, texts) for row in rows]


def _describe(column: BoxColumn, order: str | None) -> list[str]:
    """Return notes on what outputs have otherwise than the input."""
    notes = []
    if column.lost:
        notes.append(
            f"left out of column {column.name!r}: {', '.join(column.lost)}, which cannot follow the pixels"
        )
    if order == CORNERS:
        notes.append(f"column {column.name!r}: outputs have {column.bbox} as x, y, width, height")
    return notes
