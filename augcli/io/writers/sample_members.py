"""What a tar file says of a sample beside its image: `cls`, `json` and `soft.npy`, made from part rows.

Loaders of webdataset's samples look at a few samples for the types of all. So a `json` has the same
fields in every sample of a split, numbers are either all whole or all floats, nothing is null, and no list is
empty; a value without a fixed type stands in a text of its own.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.io.boxes.coco_outlines import describe_outline
from augcli.io.boxes.decimals import round_decimals
from augcli.io.boxes.yolo import strip_numbers
from augcli.io.records.annotation_columns import boxed_images
from augcli.io.records.label_columns import DENSE_CLASSES, weight_blocks
from augcli.io.records.part_files import PRIVATE, ROW_SCHEMA
from augcli.io.store.names import CARRIED, CLASS_MEMBER, JSON_MEMBER, SOFT_MEMBER, class_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from augcli.io.records.label_columns import TableOptions
    from augcli.program.annotated import Annotated, BoxedImage

PLAIN = ("lam", "source", "op", "copy", "hash", "width", "height")
"""Columns of part rows that a `json` has as they are."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class SampleMembers:
    """Makes the members of samples from their part rows.

    Attributes:
        classes: Class names; empty where nothing is labelled.
        options: What the label columns depend on.
        annotated: What belongs to the images beside their labels.
    """

    classes: tuple[str, ...]
    options: TableOptions
    annotated: Annotated

    def describe(self, rows: pa.Table) -> Iterator[dict[str, bytes]]:
        """Yield the members of each row beside its image and mask, by their suffixes."""
        count = len(self.classes)
        is_dense = bool(count) and self.options.is_dense(count)
        described = zip(
            rows.select(["label", "classes", "weights", "partners", *PLAIN]).to_pylist(),
            self._weights(rows) if is_dense else iter([None] * len(rows)),
            self._boxes(rows),
            _carried(rows),
            strict=True,
        )
        for row, weights, boxes, carried in described:
            label = row.pop("label")
            members = {} if label is None else {CLASS_MEMBER: b"%d" % label}
            fields = self._label_fields(label, row.pop("classes"), row.pop("weights"), weights)
            fields |= row | {"partners": _encode(row["partners"])} | boxes | carried
            members[JSON_MEMBER] = _encode(fields).encode()
            if label is not None and weights is not None:
                members[SOFT_MEMBER] = npy_file(weights.astype("<f4"))
            yield members

    def _label_fields(
        self,
        label: int | None,
        classes: list[int] | None,
        weights: list[float] | None,
        final: NDArray[np.float64] | None,
    ) -> dict[str, Any]:
        """Return the fields of a label in a `json`; empty without a label."""
        if label is None:
            return {}
        fields = {
            "label": label,
            "label_name": class_line(self.classes[label]),
            "classes": classes,
            "weights": weights,
        }
        if final is not None and len(final) <= DENSE_CLASSES:
            fields["soft_label"] = final.tolist()
        return fields

    def _weights(self, rows: pa.Table) -> Iterator[NDArray[np.float64]]:
        """Yield the final weights of each row."""
        for weights, _ in weight_blocks(rows, len(self.classes), self.options):
            yield from weights

    def _boxes(self, rows: pa.Table) -> Iterator[dict[str, str]]:
        """Yield the fields of the boxes of each row in a `json`; empty where the data set has no boxes."""
        header = self.annotated.boxes
        if header is None:
            yield from ({} for _ in range(len(rows)))
            return
        for image in boxed_images(rows):
            yield {"boxes": _box_text(image, header.names), "image": image.extra}


def npy_file(values: NDArray[Any]) -> bytes:
    """Return an array of one dimension in NumPy's own file format, byte for byte as `np.save` writes it."""
    text = f"{{'descr': '{values.dtype.str}', 'fortran_order': False, 'shape': ({len(values)},), }}"
    return b"\x93NUMPY\x01\x00v\x00" + text.ljust(117).encode() + b"\n" + values.tobytes()


def _box_text(image: BoxedImage, names: tuple[str, ...]) -> str:
    """Return the boxes of an image as JSON text: x, y, width, height, outlines as COCO has them, and more."""
    boxes = []
    for box in image.boxes:
        y0, x0, y1, x1 = box.edges
        boxes.append(
            {
                "bbox": [float(round_decimals(value)) for value in (x0, y0, x1 - x0, y1 - y0)],
                "category": names[box.category],
                "category_index": box.category,
                "visibility": box.visibility,
                "weight": box.weight,
                "source": box.source,
                "extra": json.loads(strip_numbers(box.extra)),
            }
            | ({} if box.outline is None else describe_outline(box.outline))
        )
    return _encode(boxes)


def _carried(rows: pa.Table) -> Iterator[dict[str, str]]:
    """Yield the columns of the input that are carried along, of each row as one JSON text."""
    names = [name for name in rows.column_names if name not in ROW_SCHEMA.names and PRIVATE not in name]
    if not names:
        yield from ({} for _ in range(len(rows)))
        return
    for row in rows.select(names).to_pylist():
        yield {CARRIED: json.dumps(row, ensure_ascii=False, default=_as_text)}


def _as_text(value: object) -> str:
    """Return a value that JSON does not know as text: bytes in base 64, dates and the like as they read."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
