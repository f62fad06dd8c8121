"""Masks and boxes of outputs as columns of part files, from which everything else on them is written."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from augcli.io.records.outline_columns import OUTLINE_TYPE, read_outlines, write_outlines
from augcli.io.records.part_files import PRIVATE
from augcli.io.store.hashes import hash_bytes
from augcli.program.annotated import BoxedImage, WrittenBox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from augcli.program.annotated import Annotated
    from augcli.samples import Outline

EDGES = ("y0", "x0", "y1", "x1")
BOX_TYPE = pa.struct(
    [(edge, pa.float64()) for edge in EDGES]
    + [("category", pa.int64()), ("visibility", pa.float64()), ("weight", pa.float64())]
    + [("source", pa.string()), ("extra", pa.string()), ("as_read", pa.bool_()), ("outline", OUTLINE_TYPE)]
)
MASK_TYPE = pa.struct([("bytes", pa.int64()), ("hash", pa.string())])
BOXES, IMAGE, MASK = (PRIVATE + name for name in ("boxes", "image", "mask"))
"""The boxes of an output, what else the input says of its base, and the length and hash of its mask."""

BOXED = ("file_name", "height", "width", "source", IMAGE, BOXES)
"""The columns from which files of boxes are written."""

BOX_BYTES = f"{PRIVATE}box_bytes"
"""How long the file of an output's boxes is, where each output has its own. Part files of earlier versions do
not have this column."""


class BoxCells(NamedTuple):
    """Boxes that are written, as parallel columns: what `WrittenBox` says of each."""

    edges: NDArray[np.float64]
    categories: NDArray[np.int64]
    visibilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    sources: Sequence[str]
    extras: Sequence[str]
    are_as_read: NDArray[np.bool_]
    outlines: Sequence[Outline | None]


class OutputBoxes(NamedTuple):
    """The boxes of some outputs.

    Attributes:
        counts: How many boxes each output has.
        extras: What else the input says of the base of each, as JSON text of an object.
        cells: The boxes, output by output.
        mended: How many of their outlines crossed themselves and were made valid to be cut.
    """

    counts: Sequence[int]
    extras: Sequence[str]
    cells: BoxCells
    mended: int = 0


def annotation_schema(annotated: Annotated, carried: pa.Schema | None = None) -> pa.Schema:
    """Return the columns that outputs have for what belongs to them, behind the carried ones."""
    fields = list(carried or ())
    if annotated.boxes is not None:
        fields += [pa.field(BOXES, pa.list_(BOX_TYPE)), pa.field(IMAGE, pa.string())]
    if annotated.masks:
        fields.append(pa.field(MASK, MASK_TYPE))
    return pa.schema(fields)


def annotation_table(boxes: OutputBoxes | None, masks: Sequence[bytes] | None) -> pa.Table:
    """Return what belongs to outputs as columns, a row for each.

    Args:
        boxes: Their boxes; None without boxes.
        masks: Their encoded masks; None without masks.
    """
    columns: dict[str, pa.Array] = {}
    if boxes is not None:
        columns = {BOXES: _box_column(boxes), IMAGE: pa.array(boxes.extras, pa.string())}
    if masks is not None:
        stored = [{"bytes": len(mask), "hash": hash_bytes(mask)} for mask in masks]
        columns[MASK] = pa.array(stored, MASK_TYPE)
    return pa.table(columns)


def _box_column(boxes: OutputBoxes) -> pa.Array:
    """Return boxes as a column of lists, field by field: a fraction of the time of rows."""
    edges, *columns, outlines = boxes.cells
    kinds = [field.type for field in BOX_TYPE][:-1]
    fields = [pa.array(column, kind) for column, kind in zip([*edges.T, *columns], kinds, strict=True)]
    fields.append(write_outlines(outlines))
    offsets = pa.array([0, *accumulate(boxes.counts)], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(fields, fields=list(BOX_TYPE)))


def complete_boxes(rows: pa.Table) -> pa.Table:
    """Return part rows of any version with all fields of boxes: null where that version had none."""
    place = rows.schema.get_field_index(BOXES)
    lists = rows.column(place).combine_chunks() if place >= 0 else None
    if lists is None or lists.type.value_type.num_fields == BOX_TYPE.num_fields:
        return rows
    boxes, lengths = lists.flatten(), lists.value_lengths().fill_null(0).to_pylist()
    known = {kind.name for kind in boxes.type}
    fields = [
        boxes.field(kind.name) if kind.name in known else pa.nulls(len(boxes), kind.type) for kind in BOX_TYPE
    ]
    values = pa.StructArray.from_arrays(fields, fields=list(BOX_TYPE))
    offsets = pa.array([0, *accumulate(lengths)], pa.int32())
    return rows.set_column(place, BOXES, pa.ListArray.from_arrays(offsets, values, mask=lists.is_null()))


def count_categories(rows: pa.Table) -> Counter[int]:
    """Return the number of boxes of each category in part rows."""
    boxes = rows.column(BOXES).combine_chunks().flatten()
    return Counter(boxes.field("category").to_pylist())


def boxed_images(rows: pa.Table) -> Iterator[BoxedImage]:
    """Yield what part rows with the columns `BOXED` say of the boxes of each output."""
    lists = rows.column(BOXES).combine_chunks()
    *columns, outlines = lists.flatten().flatten()
    fields = [*(column.to_pylist() for column in columns), read_outlines(outlines)]
    boxes = (
        WrittenBox((y0, x0, y1, x1), category, seen, weight, key, said, outline, is_as_read)
        for y0, x0, y1, x1, category, seen, weight, key, said, is_as_read, outline in zip(
            *fields, strict=True
        )
    )
    counts = lists.value_lengths().fill_null(0).to_pylist()
    plain = (rows.column(name).to_pylist() for name in BOXED[:-1])
    for count, name, height, width, source, extra in zip(counts, *plain, strict=True):
        yield BoxedImage(name, height, width, source, extra, tuple(islice(boxes, count)))
