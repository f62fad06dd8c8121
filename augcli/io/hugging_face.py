"""Hugging Face's features: how schemas tell other tools what their columns hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import InputError
from augcli.io.store.arrow_files import DAMAGE
from augcli.options import is_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store

VALUE_NAMES = {
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}
"""Hugging Face's names of types, where they are not Arrow's."""

Feature = dict[str, Any] | list[Any]


def read_features(schema: pa.Schema) -> dict[str, Any]:
    """Read Hugging Face's features from a schema's metadata; empty where there are none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return features if isinstance(features, dict) else {}
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}


def read_class_names(schema: pa.Schema, label: str | None) -> tuple[str, ...] | None:
    """Read the class names of a label column, indices or weights, from Hugging Face's features.

    Raises:
        InputError: If they are not a list of distinct texts.
    """
    features = read_features(schema)
    # The soft labels of augcli bear no names themselves; the column of the dominant class has them.
    for name in (label, "label" if label in ("soft_label", "classes") else None):
        feature = features.get(name) if name else None
        for class_label in (feature, _element(feature)):
            if isinstance(class_label, dict) and class_label.get("names"):
                return check_names(class_label["names"])
    return None


def list_class_names(feature: Any) -> dict[str, Any]:
    """Return the class names in a feature of any depth, by their place in it."""
    names: dict[str, Any] = {}
    pending = [("", feature)]
    while pending:
        place, part = pending.pop()
        if isinstance(part, dict) and part.get("_type") == "ClassLabel":
            names[place] = part.get("names")
        elif isinstance(part, dict | list):
            inner = part.items() if isinstance(part, dict) else enumerate(part)
            pending += ((f"{place}/{key}", value) for key, value in inner)
    return names


def is_class_list(schema: pa.Schema, column: str) -> bool:
    """True if Hugging Face's features say that a column holds lists of class indices."""
    element = _element(read_features(schema).get(column))
    return isinstance(element, dict) and element.get("_type") == "ClassLabel"


def is_class_label(schema: pa.Schema, column: str) -> bool:
    """True if Hugging Face's features say that a column holds class indices, one or several a row."""
    feature = read_features(schema).get(column)
    is_index = isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    return is_index or is_class_list(schema, column)


def read_smoothing(schema: pa.Schema) -> float | None:
    """Read how strongly an output of ours smoothed its labels; None if the schema is not of ours."""
    try:
        smoothing = json.loads((schema.metadata or {})[b"augcli"])["smoothing"]
        return float(smoothing)
    except (KeyError, TypeError, ValueError, RecursionError, OverflowError):
        return None


def _element(feature: Any) -> Any:
    """Return the feature of a list's elements; None if a feature is not of lists."""
    if isinstance(feature, list) and len(feature) == 1:
        return feature[0]
    return feature.get("feature") if isinstance(feature, dict) else None


def check_names(names: Any) -> tuple[str, ...] | None:
    """Return class names, all different and fit to be written; None if there are no names.

    Raises:
        InputError: If they are not a list of distinct texts.
    """
    if not names:
        return None
    are_texts = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not are_texts or len(set(names)) < len(names) or not all(map(is_text, names)):
        raise InputError(
            f"class names in the schema's metadata are not a list of distinct texts, got {str(names)[:80]};"
            " correct them"
        )
    return tuple(names)


def read_description(store: Store, key: str) -> tuple[tuple[str, ...] | None, dict[str, Any]] | None:
    """Read class names and features from a parquet file of ours; None if it is damaged."""
    with store.open(key) as file:
        try:
            schema = pq.read_schema(file)
            return read_class_names(schema, "label"), read_features(schema)
        except (*DAMAGE, InputError):
            return None


def write_features(schema: pa.Schema, classes: Sequence[str] | None, known: dict[str, Any]) -> bytes:
    """Return what a schema's metadata key `huggingface` holds.

    Args:
        schema: Columns of the output; an `image` struct becomes an Image, `label` a ClassLabel.
        classes: Class names; None leaves `label` a number.
        known: Features of carried columns, from the input.
    """
    features: dict[str, Feature] = {}
    for field in schema:
        features[field.name] = known.get(field.name) or _feature(field.type)
    for name in ("image", "mask"):
        if name in features and _is_image(schema.field(name).type):
            features[name] = {"_type": "Image"}
    if classes:
        features["label"] = {"names": list(classes), "_type": "ClassLabel"}
    return json.dumps({"info": {"features": features}}).encode()


def describe(
    schema: pa.Schema, classes: Sequence[str] | None, known: dict[str, Any], labels: bytes
) -> pa.Schema:
    """Return a schema with what it tells Hugging Face, and what was done to the labels."""
    features = write_features(schema, classes, known)
    return schema.with_metadata({b"huggingface": features, b"augcli": labels})


def _is_image(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and {"bytes", "path"} == {field.name for field in kind}


def _feature(kind: pa.DataType) -> Feature:
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type) for i in range(kind.num_fields)}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _feature(kind.value_type)
        # A Sequence of a struct means a struct of lists to Hugging Face; a one-element list does not.
        return [inner] if pa.types.is_struct(kind.value_type) else {"feature": inner, "_type": "Sequence"}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "Sequence"}
    if pa.types.is_dictionary(kind):
        return _feature(kind.value_type)
    return {"dtype": VALUE_NAMES.get(str(kind), str(kind)), "_type": "Value"}
