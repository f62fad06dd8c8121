"""What a column of labels means: names, indices, lists of them, or weights per class."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.labels.kinds import (
    flatten_lists,
    holds_lists,
    holds_numbers,
    holds_texts,
    plain_kind,
    plain_values,
)
from augcli.io.labels.labelling import (
    Labelling,
    check_indices,
    check_unlabelled,
    label_by_index,
    label_by_indices,
    label_by_name,
    label_by_names,
)
from augcli.io.labels.texts import split_texts, type_texts
from augcli.io.labels.weights import check_weights, label_by_weight_lists


class LabelColumn(NamedTuple):
    """A column that labels rows.

    Attributes:
        values: What it holds.
        what: The column in words, for messages.
        names: Class names that the file itself gives (ClassLabel).
        holds_indices: Whether the file says that its lists hold indices of classes.
        is_text: Whether the file knows no types, so that numbers are written as texts (CSV).
    """

    values: pa.ChunkedArray
    what: str = "the label column"
    names: tuple[str, ...] | None = None
    holds_indices: bool = False
    is_text: bool = False


def label_by_column(
    column: LabelColumn, classes: tuple[str, ...] | None, separator: str | None = None
) -> Labelling:
    """Label rows by a column of any accepted type.

    Args:
        column: Names, whole numbers, lists of either, or lists of weights.
        classes: The class list that the user gives; it goes before the column's own names.
        separator: What stands between the names or indices of one text; None takes a text as one name.

    Raises:
        InputError: If the type is another one, or a value does not fit.
    """
    column = column._replace(values=plain_values(column.values))
    if holds_texts(column.values.type):
        column = _read_texts(column, classes, separator)
    elif separator is not None:
        words = Option("label_sep"), f" separates texts, but {column.what} is of type {column.values.type};"
        raise InputError(*words, " leave it out")
    kind = column.values.type
    if pa.types.is_null(kind):
        return Labelling([None] * len(column.values), classes)
    if holds_texts(kind):
        return label_by_name(column.values.to_pylist(), classes)
    if pa.types.is_floating(kind):
        column, kind = column._replace(values=whole_numbers(column.values, column.what)), pa.int64()
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return _label_indices(column, classes)
    if holds_lists(kind):
        return _label_lists(column, classes)
    raise InputError(
        f"{column.what} is of type {kind}, which is not understood; accepted: texts, whole numbers, lists of"
        " either, lists of weights; give ",
        Option("label_col"),
    )


# --- one value a row -----------------------------------------------------------------------------------


def _read_texts(column: LabelColumn, classes: tuple[str, ...] | None, separator: str | None) -> LabelColumn:
    """Return a column of texts with the types that the texts have."""
    values = split_texts(column.values, separator, classes, column.what, column.is_text)
    if column.is_text or separator is not None:
        values = type_texts(values, classes)
    return column._replace(values=values, holds_indices=column.holds_indices or separator is not None)


def whole_numbers(values: pa.ChunkedArray, what: str) -> pa.ChunkedArray:
    """Return numbers as whole numbers; refuse numbers that measure something rather than name a class."""
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    numbers = values.drop_null().to_numpy()
    broken = numbers[np.floor(numbers) != numbers]
    if len(broken):
        raise InputError(
            f"{what} holds {broken[0]}: a number to predict is not a class; give ",
            Option("label_col"),
            " with a column of names or whole numbers",
        )
    if len(numbers) and np.abs(numbers).max() >= 2**53:
        raise InputError(
            f"{what} holds {np.abs(numbers).max()}, which is not the index of a class; correct it"
        )
    return values.cast(pa.int64())


def _label_indices(column: LabelColumn, classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by indices into the file's own names, or else into the class list."""
    indices = column.values.cast(pa.int64()).fill_null(-1).to_numpy()
    check_unlabelled(indices, column.what)
    names = column.names
    if names and len(indices) and indices.max() >= len(names):
        raise InputError(
            f"{column.what}: label {indices.max()} is beyond the file's own {len(names)} class names; correct"
            " the label, or the names in the schema's metadata"
        )
    if names and classes and names != classes:
        used = {int(index): names[index] for index in np.unique(indices) if index >= 0}
        return label_by_name([used.get(index) for index in indices.tolist()], classes)
    return label_by_index(indices.tolist(), classes or names)


# --- lists ---------------------------------------------------------------------------------------------


def _label_lists(column: LabelColumn, classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by lists of names, of indices, or of weights."""
    values, names = column.values, column.names
    kind = plain_kind(values.type.value_type)
    if pa.types.is_null(kind):
        return Labelling([None] * len(values), classes or names)
    if holds_texts(kind):
        return label_by_names(values.to_pylist(), classes)
    if not holds_numbers(kind):
        raise InputError(
            f"{column.what} holds lists of type {kind}; accepted: lists of names, of indices, or of numbers,"
            " one weight for each class"
        )
    flat = flatten_lists(values)
    if column.holds_indices or (not pa.types.is_floating(kind) and len(flat) and flat.max() > 1):
        rows = read_index_lists(values, column.what)
        if names and any(row and max(row) >= len(names) for row in rows):
            raise InputError(
                f"{column.what}: an index is beyond the file's own {len(names)} class names; correct it,"
                " or the names in the schema's metadata"
            )
        if names and classes and names != classes:
            check_indices(rows, column.what)
            return label_by_names([_pick(names, row) if row else None for row in rows], classes)
        return label_by_indices(rows, classes or names, column.what)
    check_weights(flat, column.what)
    return label_by_weight_lists(values, names, classes, column.what)


def read_index_lists(values: pa.ChunkedArray, what: str) -> list[list[int] | None]:
    """Return lists of class indices, whatever type they have; nulls in a list are left out.

    Raises:
        InputError: If a number is not whole.
    """
    flat = flatten_lists(values)
    broken = flat[np.isinf(flat) | (~np.isnan(flat) & (np.floor(flat) != flat))]
    if len(broken):
        raise InputError(
            f"{what} holds {broken[0]:g} among indices of classes, which are whole numbers; correct it"
        )
    return [
        None if row is None else [int(index) for index in row if index is not None and not math.isnan(index)]
        for row in values.to_pylist()
    ]


def _pick(names: tuple[str, ...], indices: list[int]) -> list[str]:
    return [names[index] for index in indices]
