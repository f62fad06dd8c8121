"""Boxes in a column of parquet shards, as data sets of Hugging Face have them: `objects` with `bbox`.

A cell is a struct of lists or a list of structs: `bbox` in COCO's order (x, y, width, height, in pixels),
mostly a category, outlines and keypoints as COCO has them, and other values, which travel with their box.
What else says where an object lies is left out: it would no longer fit the pixels. Written as a file of its
own, such boxes are COCO's.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from augcli.io.boxes.base import ANEW, COLUMN, ReadWithImages, register
from augcli.io.boxes.coco import BOX_KEYS
from augcli.io.boxes.coco_writing import write_coco
from augcli.io.boxes.column_outlines import OUTLINED, is_outlined
from augcli.io.boxes.extras import encode_sorted
from augcli.program.annotated import BoxHeader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from augcli.program.annotated import BoxedImage

BBOX_FIELDS = ("bbox", "bboxes")
CATEGORY_FIELDS = tuple(
    "category category_id categories category_ids label labels label_id class class_id classes".split()
)

LOST_FIELDS = frozenset(
    [*OUTLINED, "polygon", "polygons", "points", "landmarks", "mask", "masks", "rle", "obb"]
)
"""Values of a box that cannot be followed through changed pixels, unless they are as COCO has them."""

NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double")
PLAIN = (*NUMBERS, "bool", "string", "large_string")
"""Arrow's names of the types that are carried along; lists of these are, too."""


RUNS = "runs"
"""What the type of run lengths is called as text: `runs size=list int64;counts=string`."""

_OURS = dict(zip(ANEW, ("double", "double", "string"), strict=True))


class BoxColumn(NamedTuple):
    """What a column of boxes is made of.

    Attributes:
        name: Its name.
        is_of_lists: Whether a cell is a struct of lists; else it is a list of structs.
        fields: The values of a box that are kept, by name, each with its type as text.
        bbox: Which of them is the box itself.
        category: Which of them is its category; None if boxes have no category.
        lost: Values that are left out.
    """

    name: str
    is_of_lists: bool
    fields: dict[str, str]
    bbox: str
    category: str | None
    lost: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return what `BoxHeader.keys` says of the column: plain data."""
        return {
            "name": self.name,
            "form": "lists" if self.is_of_lists else "structs",
            "fields": [list(pair) for pair in self.fields.items()],
            "bbox": self.bbox,
            "category": self.category,
        }

    @classmethod
    def of(cls, header: BoxHeader) -> BoxColumn:
        """Return the column that a header describes."""
        kept = header.keys[COLUMN]
        fields = dict(kept["fields"])
        return cls(kept["name"], kept["form"] == "lists", fields, kept["bbox"], kept["category"])

    @property
    def type(self) -> pa.DataType:
        """Arrow's type of the column in outputs."""
        kinds = [(name, read_type(kind)) for name, kind in self.written.items()]
        if self.is_of_lists:
            return pa.struct([(name, pa.list_(kind)) for name, kind in kinds])
        return pa.list_(pa.struct(kinds))

    @property
    def written(self) -> dict[str, str]:
        """The values of a box in outputs: the input's, then those that augcli adds."""
        return self.fields | _OURS


class ColumnBoxes(ReadWithImages):
    """Boxes that are read from a column of shards; a file of them is COCO's."""

    name = COLUMN

    def write(self, file: BinaryIO, header: BoxHeader, images: Iterable[BoxedImage]) -> None:
        """Write a COCO file; see `write_coco`."""
        keys = {key: value for key, value in header.keys.items() if key != COLUMN}
        plain = BoxHeader(header.box_format, header.names, keys)
        write_coco(file, plain, map(_without_numbers, images))


register(ColumnBoxes())


def find_column(field: pa.Field) -> BoxColumn | None:
    """Return what a column of boxes is made of; None if it is not one, or not understood."""
    kind = field.type
    if pa.types.is_struct(kind):
        inner = [kind.field(number) for number in range(kind.num_fields)]
        if not all(_is_list(field.type) for field in inner):
            return None
        types = {field.name: field.type.value_type for field in inner}
    elif _is_list(kind) and pa.types.is_struct(kind.value_type):
        inner = [kind.value_type.field(number) for number in range(kind.value_type.num_fields)]
        types = {field.name: field.type for field in inner}
    else:
        return None
    bbox = next((name for name in BBOX_FIELDS if name in types and _is_box(types[name])), None)
    if bbox is None:
        return None
    fields = {name: write_type(kind) for name, kind in types.items() if name not in ANEW}
    kept = {
        name: kind
        for name, kind in fields.items()
        if is_outlined(name, kind, NUMBERS) or (kind and name.lower() not in LOST_FIELDS and RUNS not in kind)
    }
    category = next((name for name in CATEGORY_FIELDS if kept.get(name) in PLAIN and name != bbox), None)
    lost = tuple(name for name in fields if name not in kept)
    return BoxColumn(field.name, pa.types.is_struct(kind), kept, bbox, category, lost)


def write_type(kind: pa.DataType) -> str:
    """Return the type of a box's value as text; empty if such values are not carried along."""
    if pa.types.is_fixed_size_list(kind):
        inner = write_type(kind.value_type)
        return f"list[{kind.list_size}] {inner}" if inner else ""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = write_type(kind.value_type)
        return f"list {inner}" if inner else ""
    if pa.types.is_struct(kind):
        kinds = {field.name: _write_type_of_runs(field) for field in kind}
        is_runs = kinds.keys() == {"size", "counts"} and all(kinds.values())
        return f"{RUNS} {';'.join(map('='.join, kinds.items()))}" if is_runs else ""
    return str(kind) if str(kind) in PLAIN else ""


def _write_type_of_runs(field: pa.Field) -> str:
    """Return the type of a value of run lengths as text: COCO's compressed text may be bytes, too."""
    text = str(field.type)
    return text if field.name == "counts" and text in ("binary", "large_binary") else write_type(field.type)


def read_type(text: str) -> pa.DataType:
    """Return the type that `write_type` wrote."""
    outer, _, inner = text.partition(" ")
    if not inner:
        return pa.type_for_alias(text)
    if outer == "list":
        return pa.list_(read_type(inner))
    if outer == RUNS:
        return pa.struct([(name, read_type(kind)) for name, kind in map(_part_field, inner.split(";"))])
    return pa.list_(read_type(inner), int(outer[5:-1]))


def _part_field(text: str) -> tuple[str, str]:
    name, _, kind = text.partition("=")
    return name, kind


def column_feature(known: Any, column: BoxColumn) -> Any:
    """Return Hugging Face's feature of the column in outputs, by the input's; None if unknown."""
    feature = _feature_of_boxes(known)
    ours = {
        name: {"dtype": kind.replace("double", "float64"), "_type": "Value"} for name, kind in _OURS.items()
    }
    if isinstance(known, dict) and "_type" not in known:  # a struct of lists, each with a feature of its own
        if not all(name in known for name in column.fields):
            return None
        return {name: known[name] for name in column.fields} | {
            name: {"feature": value, "_type": "Sequence"} for name, value in ours.items()
        }
    if feature is None or not all(name in feature for name in column.fields):
        return None
    inner = {name: feature[name] for name in column.fields} | ours
    return [inner] if isinstance(known, list) else known | {"feature": inner}


def category_names(known: Any, column: BoxColumn) -> Any:
    """Return the class names of the categories in Hugging Face's feature of the column; None without such."""
    return find_category(known, column).get("names")


def find_category(known: Any, column: BoxColumn) -> dict[str, Any]:
    """Return the part of Hugging Face's feature of the column that says what its categories are."""
    feature = _feature_of_boxes(known) or (known if isinstance(known, dict) else {})
    category = feature.get(column.category or "")
    while isinstance(category, dict) and "names" not in category and "feature" in category:
        category = category["feature"]
    return category if isinstance(category, dict) else {}


def _feature_of_boxes(known: Any) -> dict[str, Any] | None:
    """Return the features of the values of a box, where there is one feature for all of them."""
    feature = known[0] if isinstance(known, list) and known else known
    if isinstance(known, dict):
        feature = known.get("feature") if known.get("_type") in ("Sequence", "List") else None
    return feature if isinstance(feature, dict) else None


def _without_numbers(image: BoxedImage) -> BoxedImage:
    """Return an image whose boxes say nothing that COCO's own keys say."""
    boxes = [box._replace(extra=_drop_known(box.extra)) for box in image.boxes]
    return image._replace(boxes=tuple(boxes))


@lru_cache(maxsize=1024)
def _drop_known(extra: str) -> str:
    return encode_sorted({key: value for key, value in json.loads(extra).items() if key not in BOX_KEYS})


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_box(kind: pa.DataType) -> bool:
    """True if a value is a list of numbers."""
    return _is_list(kind) and write_type(kind.value_type) in NUMBERS
