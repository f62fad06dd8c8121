"""Masks and boxes of outputs as columns of part files, from which everything else on them is written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from augcli.boxes import BoxedImage, WrittenBox
from augcli.io.storage import hash_bytes
from augcli.io.tables import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.boxes import Annotated

EDGES = ("y0", "x0", "y1", "x1")
BOX_TYPE = pa.struct(
    [(edge, pa.float64()) for edge in EDGES]
    + [("category", pa.int64()), ("visibility", pa.float64()), ("weight", pa.float64())]
    + [("source", pa.string()), ("extra", pa.string())]
)
MASK_TYPE = pa.struct([("bytes", pa.int64()), ("hash", pa.string())])
BOXES, IMAGE, MASK = (PRIVATE + name for name in ("boxes", "image", "mask"))
"""The boxes of an output, what else the input says of its base, and the length and hash of its mask."""


class Notes(NamedTuple):
    """What belongs to an output beside its label.

    Attributes:
        extra: What else the input says of its base, as JSON text of an object.
        boxes: Its boxes.
        mask: Its encoded mask; empty where there are none.
    """

    extra: str = "{}"
    boxes: tuple[WrittenBox, ...] = ()
    mask: bytes = b""


def annotation_schema(annotated: Annotated, carried: pa.Schema | None = None) -> pa.Schema:
    """Give the columns that outputs have for what belongs to them, behind the carried ones."""
    fields = list(carried or ())
    if annotated.boxes is not None:
        fields += [pa.field(BOXES, pa.list_(BOX_TYPE)), pa.field(IMAGE, pa.string())]
    if annotated.masks:
        fields.append(pa.field(MASK, MASK_TYPE))
    return pa.schema(fields)


def annotation_table(annotated: Annotated, notes: Sequence[Notes]) -> pa.Table:
    """Give what belongs to outputs as columns, a row for each."""
    columns: dict[str, Any] = {
        BOXES: [[_box_row(box) for box in one.boxes] for one in notes],
        IMAGE: [one.extra for one in notes],
        MASK: [{"bytes": len(one.mask), "hash": hash_bytes(one.mask)} for one in notes],
    }
    schema = annotation_schema(annotated)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def count_categories(rows: pa.Table) -> Counter[int]:
    """Count the boxes of each category in part rows."""
    boxes = rows.column(BOXES).combine_chunks().flatten()
    return Counter(boxes.field("category").to_pylist())


def boxed_images(rows: pa.Table) -> Iterator[BoxedImage]:
    """Read part rows as files of boxes tell them, under the names in the table."""
    held = rows.select(["file_name", "height", "width", "source", IMAGE, BOXES])
    for row in held.to_pylist():
        boxes = tuple(_read_box(box) for box in row[BOXES])
        yield BoxedImage(row["file_name"], row["height"], row["width"], row["source"], row[IMAGE], boxes)


def _box_row(box: WrittenBox) -> dict[str, Any]:
    row = box._asdict()
    return dict(zip(EDGES, row.pop("edges"), strict=True)) | row


def _read_box(row: dict[str, Any]) -> WrittenBox:
    y0, x0, y1, x1 = (row.pop(edge) for edge in EDGES)
    return WrittenBox((y0, x0, y1, x1), **row)
