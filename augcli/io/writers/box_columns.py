"""The column of boxes of shards whose input has one, made from what part files say."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from augcli.io.boxes.base import ANEW, COLUMN
from augcli.io.boxes.column_outlines import write_outline
from augcli.io.boxes.columns import BoxColumn
from augcli.io.boxes.decimals import round_decimals
from augcli.io.records.annotation_columns import boxed_images

if TYPE_CHECKING:
    from augcli.program.annotated import BoxHeader, WrittenBox
    from augcli.samples import Edges


def is_column(header: BoxHeader | None) -> bool:
    """True if boxes came in a column of shards, and stand in the column of the same name again."""
    return header is not None and header.box_format == COLUMN


def add_box_column(rows: pa.Table, boxed: pa.Table, header: BoxHeader) -> pa.Table:
    """Return the rows of a shard with the boxes of each behind.

    Args:
        rows: The rows as they are written.
        boxed: The same rows of the part file, with the columns `BOXED`.
        header: What is true of all boxes.
    """
    column = BoxColumn.of(header)
    lists = [image.boxes for image in boxed_images(boxed)]
    read = lru_cache(maxsize=1024)(json.loads)
    entries = [_describe(box, header, column, read(box.extra)) for boxes in lists for box in boxes]
    offsets = pa.array([0, *accumulate(map(len, lists))], pa.int32())
    kind = column.type
    inner = kind if column.is_of_lists else kind.value_type
    arrays = []
    for name in column.written:
        stored = inner.field(name).type
        values = pa.array(
            [entry.get(name) for entry in entries], stored.value_type if column.is_of_lists else stored
        )
        arrays.append(pa.ListArray.from_arrays(offsets, values) if column.is_of_lists else values)
    structs = pa.StructArray.from_arrays(arrays, fields=list(inner))
    cells = structs if column.is_of_lists else pa.ListArray.from_arrays(offsets, structs)
    return rows.append_column(pa.field(column.name, kind), cells.cast(kind))


def _describe(box: WrittenBox, header: BoxHeader, column: BoxColumn, extra: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a box in an output."""
    is_whole = "int" in column.fields[column.bbox]
    x, y, width, height = _whole_sides(box.edges) if is_whole else _sides(box.edges)
    entry = extra | {column.bbox: [x, y, width, height]}
    entry |= write_outline(box.outline, round_decimals(width * height), column.fields)
    if column.category is not None:
        category = header.keys["categories"][box.category]
        is_text = "string" in column.fields[column.category]
        entry[column.category] = category["name"] if is_text else category["id"]
    return entry | dict(zip(ANEW, (box.visibility, box.weight, box.source), strict=True))


def _sides(edges: Edges) -> list[float]:
    y0, x0, y1, x1 = edges
    return [round_decimals(value) for value in (x0, y0, x1 - x0, y1 - y0)]


def _whole_sides(edges: Edges) -> list[int]:
    """Return x, y, width and height in whole pixels, at least one each."""
    y0, x0, y1, x1 = map(round, edges)
    return [x0, y0, max(x1 - x0, 1), max(y1 - y0, 1)]
