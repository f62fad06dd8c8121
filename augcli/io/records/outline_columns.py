"""Outlines and keypoints of boxes as columns of part files: plain lists of numbers."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from augcli.samples import Corners, Outline, Polygons, RunLengths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from augcli.samples import Form

POINTS, INTEGERS = pa.list_(pa.float64()), pa.list_(pa.int64())
OUTLINE_TYPE = pa.struct(
    [
        *(
            ("form", pa.int8()),
            ("points", POINTS),
            ("parts", INTEGERS),
            ("runs", INTEGERS),
            ("size", INTEGERS),
        ),
        *(("keypoints", POINTS), ("area", pa.float64())),
    ]
)
"""What is left of an object: `form` is one of the numbers below, `points` and `keypoints` are y, x (and
visibility) one behind the other, `parts`, `runs` and `size` what `Polygons` and `RunLengths` have."""

NO_FORM, POLYGONS, CORNERS, RUNS, TEXT_RUNS = range(5)

_Fields = tuple[int, Any, Any, Any, Any]


def write_outlines(outlines: Sequence[Outline | None]) -> pa.StructArray:
    """Return outlines as an array of `OUTLINE_TYPE`, null for a box without an outline."""
    if not any(outlines):
        return pa.nulls(len(outlines), OUTLINE_TYPE)
    rows = [outline or Outline() for outline in outlines]
    forms, *lists = zip(*(_take_apart(outline.form) for outline in rows), strict=True)
    keypoints = [() if outline.keypoints is None else outline.keypoints.ravel() for outline in rows]
    kinds = (pa.float64(), pa.int64(), pa.int64(), pa.int64(), pa.float64())
    arrays = [_list_array(values, kind) for values, kind in zip((*lists, keypoints), kinds, strict=True)]
    areas = pa.array([outline.area for outline in rows], pa.float64())
    return pa.StructArray.from_arrays(
        [pa.array(forms, pa.int8()), *arrays, areas],
        fields=list(OUTLINE_TYPE),
        mask=pa.array([outline is None for outline in outlines]),
    )


def read_outlines(column: pa.StructArray) -> Iterable[Outline | None]:
    """Yield the outlines of an array of `OUTLINE_TYPE`."""
    if column.null_count == len(column):
        yield from [None] * len(column)
        return
    forms, *lists, areas = column.flatten()
    points, parts, runs, sizes, keypoints = map(_split_lists, lists)
    is_there = column.is_valid().to_pylist()
    for row, (form, area) in enumerate(zip(forms.to_pylist(), areas.to_pylist(), strict=True)):
        if not is_there[row]:
            yield None
            continue
        built = _build(form, points[row], parts[row], runs[row], sizes[row])
        points_of_row = keypoints[row].reshape(-1, 3)
        yield Outline(built, points_of_row if len(points_of_row) else None, area)


def read_outline(cell: dict[str, Any] | None) -> Outline | None:
    """Return the outline of one cell as plain Python."""
    return None if cell is None else next(iter(read_outlines(pa.array([cell], OUTLINE_TYPE))))


def _take_apart(form: Form | None) -> _Fields:
    if isinstance(form, Polygons):
        return POLYGONS, form.points.ravel(), form.parts, (), ()
    if isinstance(form, Corners):
        return CORNERS, form.points.ravel(), (), (), ()
    if isinstance(form, RunLengths):
        return TEXT_RUNS if form.is_text else RUNS, (), (), form.runs, (form.height, form.width)
    return NO_FORM, (), (), (), ()


def _build(
    form: int,
    points: NDArray[np.float64],
    parts: NDArray[np.int64],
    runs: NDArray[np.int64],
    size: NDArray[np.int64],
) -> Form | None:
    if form == POLYGONS:
        return Polygons(points.reshape(-1, 2), tuple(parts.tolist()))
    if form == CORNERS:
        return Corners(points.reshape(-1, 2))
    if form in (RUNS, TEXT_RUNS):
        height, width = size.tolist()
        return RunLengths(height, width, runs, form == TEXT_RUNS)
    return None


def _list_array(rows: Sequence[Sequence[float] | NDArray[Any]], kind: pa.DataType) -> pa.ListArray:
    """Return rows of numbers as an array of lists."""
    offsets = pa.array([0, *accumulate(map(len, rows))], pa.int32())
    values = np.concatenate([np.zeros(0, kind.to_pandas_dtype()), *(row for row in rows if len(row))])
    return pa.ListArray.from_arrays(offsets, pa.array(values, kind))


def _split_lists(column: pa.ListArray) -> list[NDArray[Any]]:
    """Return the numbers of each row."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    values = column.flatten().to_numpy(zero_copy_only=False)
    stops = np.cumsum(lengths).tolist()  # slices one by one: a third of the time of np.split
    return [values[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
