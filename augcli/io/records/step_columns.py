"""Programs and labels as columns of a table, and read back from its rows."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from augcli.program.steps import Blend, Box, Fill, Normal, Paste, Patches, Uniform
from augcli.samples import Colour, Colour16, SoftLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from augcli.program.steps import Area, Paint, Program, Step

StepRow: TypeAlias = "tuple[Any, ...]"
"""A step's fields in the order of `STEP_TYPE`."""

LabelRow: TypeAlias = "tuple[tuple[int, ...], tuple[float, ...]] | None"
"""A label's classes and weights; None without a label."""

_SMALL = ("y0", "x0", "y1", "x1", "patch_height", "patch_width")
_SAMPLED = ("slot", "weight_q16", "source_y0", "source_x0", "source_y1", "source_x1", "red", "green", "blue")
STEP_TYPE = pa.struct(
    [("kind", pa.string()), *((name, pa.int32()) for name in _SMALL), ("bitmap", pa.binary())]
    + [(name, pa.int32()) for name in _SAMPLED]
    + [("noise", pa.string()), ("key", pa.uint64())]
    + [(name, pa.list_(pa.float64())) for name in ("mean", "std")]
)

FULL = 65535
"""The full range of 16 bits: `mean` holds a colour of that depth as shares of it."""

LABEL_TYPE = pa.struct([("classes", pa.list_(pa.int64())), ("weights", pa.list_(pa.float64()))])


def read_program(steps: Iterable[Mapping[str, Any]]) -> Program:
    """Read a program from the column `steps` of a row.

    Raises:
        PlanError: If it is not one: a box, a weight or a colour lies outside its range.
    """
    return tuple(map(_read_step, steps))


def read_label(row: Mapping[str, Any] | None) -> SoftLabel | None:
    """Read a label from its `classes` and `weights`; None if these are null."""
    if row is None or row["classes"] is None:
        return None
    return SoftLabel(tuple(row["classes"]), tuple(row["weights"]))


def _read_step(row: Mapping[str, Any]) -> Step:
    """Read a step from the fields of `STEP_TYPE`: what `_step_row` wrote."""
    area: Area = (
        Patches(row["patch_height"], row["patch_width"], row["bitmap"]) if row["bitmap"] else _read_box(row)
    )
    if row["kind"] == "fill":
        return Fill(area, _read_paint(row))
    if row["kind"] == "blend":
        return Blend(area, row["weight_q16"], row["slot"])
    return Paste(area, row["slot"], None if row["source_y0"] is None else _read_box(row, "source_"))


def _read_box(row: Mapping[str, Any], prefix: str = "") -> Box:
    return Box(*(row[prefix + edge] for edge in ("y0", "x0", "y1", "x1")))


def _read_paint(row: Mapping[str, Any]) -> Paint:
    if row["red"] is not None:
        return Colour(row["red"], row["green"], row["blue"])
    if row["noise"] == "uniform":
        return Uniform(row["key"])
    if row["noise"] is None:
        return Colour16(*(round(share * FULL) for share in row["mean"]))
    mean, std = (tuple(row[name]) for name in ("mean", "std"))
    return Normal(row["key"], mean, std)


def step_rows(program: Program) -> tuple[StepRow, ...]:
    """Return the steps of a program as rows of plain values."""
    return tuple([_step_row(step) for step in program])


def step_column(programs: Sequence[Sequence[StepRow]]) -> pa.Array:
    """Return programs as a column of lists; field by field, a tenth of the time of converting rows."""
    rows = [row for program in programs for row in program]
    columns = zip(*rows, strict=True) if rows else [()] * STEP_TYPE.num_fields
    fields = [pa.array(column, field.type) for column, field in zip(columns, STEP_TYPE, strict=True)]
    steps = pa.StructArray.from_arrays(fields, fields=list(STEP_TYPE))
    return pa.ListArray.from_arrays(_offsets(programs), steps)


def label_rows(labels: Iterable[SoftLabel | None]) -> tuple[LabelRow, ...]:
    """Return labels as rows of plain values."""
    return tuple([None if label is None else (label.classes, label.weights) for label in labels])


def source_label_column(rows: Sequence[Sequence[LabelRow]]) -> pa.Array:
    """Return the labels of each row's sources as a column of lists."""
    labels = [label for row in rows for label in row]
    fields = [
        pa.array([label and label[number] for label in labels], field.type)
        for number, field in enumerate(LABEL_TYPE)
    ]
    unlabelled = pa.array([label is None for label in labels], pa.bool_())
    structs = pa.StructArray.from_arrays(fields, fields=list(LABEL_TYPE), mask=unlabelled)
    return pa.ListArray.from_arrays(_offsets(rows), structs)


def _offsets(rows: Sequence[Sequence[Any]]) -> pa.Array:
    """Return where the values of each row of lists begin, and the end."""
    return pa.array([0, *accumulate(map(len, rows))], pa.int32())


def _step_row(step: Step) -> StepRow:
    """Return a step's fields in the order of `STEP_TYPE`; what a kind does not have is null."""
    area = step.area
    if isinstance(area, Box):
        place: tuple[Any, ...] = (area.y0, area.x0, area.y1, area.x1, None, None, None)
    else:
        place = (None, None, None, None, area.height, area.width, area.bitmap)
    if isinstance(step, Fill):
        return "fill", *place, *_NO_PARTNER, *_paint_row(step.fill)
    if isinstance(step, Blend):
        return "blend", *place, step.slot, step.weight_q16, None, None, None, None, *_NO_PAINT
    part = step.source
    source = (part.y0, part.x0, part.y1, part.x1) if part else (None, None, None, None)
    return "paste", *place, step.slot, None, *source, *_NO_PAINT


_NO_PARTNER, _NO_PAINT = (None,) * 6, (None,) * 7


def _paint_row(paint: Paint) -> tuple[Any, ...]:
    """Return a fill's red, green, blue, noise, key, mean, std."""
    if isinstance(paint, Colour):
        return paint.red, paint.green, paint.blue, None, None, None, None
    if isinstance(paint, Colour16):
        shares = tuple([value / FULL for value in (paint.red, paint.green, paint.blue)])
        return None, None, None, None, None, shares, None
    if isinstance(paint, Uniform):
        return None, None, None, "uniform", paint.key, None, None
    if isinstance(paint, Normal):
        return None, None, None, "normal", paint.key, paint.mean, paint.std
    return _NO_PAINT
