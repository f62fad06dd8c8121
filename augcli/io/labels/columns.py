"""What a column of labels means: names, indices, lists of them, or weights per class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.labels.labelling import (
    Labelling,
    check_indices,
    label_by_index,
    label_by_indices,
    label_by_name,
    label_by_names,
    label_by_parts,
    list_parts,
    number_classes,
)
from augcli.io.labels.texts import split_texts, type_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_WEIGHTS = 1 << 22
"""Weights that are looked at in one go."""

FLOAT_ERROR = 1e-6
"""What weights of single precision may lie above 1."""


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
        given = Option("label_sep"), f" separates texts, but {column.what} is of type {column.values.type};"
        raise InputError(*given, " leave it out")
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


def plain_values(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the same values without dictionaries, views and fixed points."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain_values(values.cast(kind.value_type))
    if pa.types.is_string_view(kind):
        return values.cast(pa.large_string())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return values.cast(pa.float64())
    return values


def plain_kind(kind: pa.DataType) -> pa.DataType:
    """Return the type that `plain_values` gives."""
    return plain_values(pa.chunked_array([], kind)).type


def holds_texts(kind: pa.DataType) -> bool:
    """True if a column holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def holds_lists(kind: pa.DataType) -> bool:
    """True if a column holds lists."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def holds_numbers(kind: pa.DataType) -> bool:
    """True if a column holds numbers, or nothing at all."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    return any(is_kind(kind) for is_kind in kinds) or bool(pa.types.is_decimal(kind))


def holds_names(kind: pa.DataType) -> bool:
    """True if a column holds texts or whole numbers: one name or index in each cell."""
    kind = plain_kind(kind)
    return holds_texts(kind) or bool(pa.types.is_integer(kind))


def could_label(kind: pa.DataType) -> bool:
    """True if a column of this type could hold labels: texts, numbers, or lists of them."""
    if pa.types.is_dictionary(kind) or holds_lists(kind):
        return could_label(kind.value_type) and not holds_lists(kind.value_type)
    return holds_texts(kind) or holds_numbers(kind)


def label_by_shares(
    table: pa.Table, names: tuple[str, ...], classes: tuple[str, ...] | None, what: str
) -> Labelling:
    """Label rows by columns that each hold the weights of one class.

    Args:
        table: The columns.
        names: The class of each column.
        classes: The class list that the user gives, in its own order; None sorts the names.
        what: Where the columns stand, for messages.

    Raises:
        InputError: If the classes differ, or cells are not weights in 0..1.
    """
    if classes is not None and set(classes) != set(names):
        wrong = f"the weight columns {', '.join(names[:5])} are not the classes of ", Option("classes")
        raise InputError(*wrong)
    for field in table.schema:
        if not holds_numbers(field.type):
            raise InputError(
                f"{what}: column {field.name!r} holds weights of type {field.type}; accepted: numbers, one"
                " for each class"
            )
    if not all(names):
        raise InputError("a column of weights names no class; write p:<class>")
    order = classes or tuple(sorted(names))
    by_name = dict(zip(names, table.columns, strict=True))
    columns = [plain_values(by_name[name]).cast(pa.float64()) for name in order]
    matrix = np.stack([column.to_numpy() for column in columns], axis=1)  # null is NaN
    is_empty = np.isnan(matrix).all(axis=1)
    matrix[is_empty] = 0
    _check_range(matrix, what)
    return label_by_parts(*list_parts(matrix), order)


def are_weights(table: pa.Table) -> bool:
    """True if columns can only be weights: several, in 0..1, all 0 or 1, or with a sum of 1 in each row."""
    if table.num_columns < 2 or not all(holds_numbers(field.type) for field in table.schema):
        return False
    columns = [plain_values(column).cast(pa.float64()).to_numpy() for column in table.columns]
    matrix = np.stack(columns, axis=1)
    matrix = matrix[~np.isnan(matrix).all(axis=1)]
    if not len(matrix) or not ((matrix >= 0) & (matrix <= 1 + FLOAT_ERROR)).all():
        return False
    return bool(np.isin(matrix, (0, 1)).all() or (np.abs(matrix.sum(axis=1) - 1) <= 1e-4).all())


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
        raise InputError(f"{what} holds {np.abs(numbers).max()}, which is not the index of a class")
    return values.cast(pa.int64())


def _label_indices(column: LabelColumn, classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by indices into the file's own names, or else into the class list."""
    indices = column.values.cast(pa.int64()).fill_null(-1).to_numpy()
    names = column.names
    if names and len(indices) and indices.max() >= len(names):
        raise InputError(
            f"{column.what}: label {indices.max()} is beyond the file's own {len(names)} class names"
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
    flat = _flatten(values)
    if column.holds_indices or (not pa.types.is_floating(kind) and len(flat) and flat.max() > 1):
        rows = read_index_lists(values, column.what)
        if names and any(row and max(row) >= len(names) for row in rows):
            raise InputError(f"{column.what}: an index is beyond the file's own {len(names)} class names")
        if names and classes and names != classes:
            check_indices(rows, column.what)
            return label_by_names([_pick(names, row) if row else None for row in rows], classes)
        return label_by_indices(rows, classes or names, column.what)
    _check_range(flat, column.what)
    return _label_weights(column, classes)


def read_index_lists(values: pa.ChunkedArray, what: str) -> list[list[int] | None]:
    """Return lists of class indices, whatever type they have; nulls in a list are left out.

    Raises:
        InputError: If a number is not whole.
    """
    flat = _flatten(values)
    broken = flat[np.isinf(flat) | (~np.isnan(flat) & (np.floor(flat) != flat))]
    if len(broken):
        raise InputError(f"{what} holds {broken[0]:g} among indices of classes, which are whole numbers")
    return [
        None if row is None else [int(index) for index in row if index is not None and not math.isnan(index)]
        for row in values.to_pylist()
    ]


def _pick(names: tuple[str, ...], indices: list[int]) -> list[str]:
    return [names[index] for index in indices]


def _label_weights(column: LabelColumn, classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by lists with one weight for each class."""
    names = column.names or classes
    lengths = pc.list_value_length(column.values).drop_null().unique().to_pylist()
    width = lengths[0] if lengths else 0
    if (
        len(lengths) > 1
        or (names and lengths and width != len(names))
        or (width < 2 and lengths and not names)
    ):
        found = f"lists of {' and '.join(str(length) for length in sorted(lengths)[:3])} numbers"
        expected = f"one weight for each of {len(names) if names else 'all'} classes"
        raise InputError(
            f"{column.what} holds {found} in 0..1: neither {expected} nor indices of classes;"
            f" write {expected}, or indices as Hugging Face's Sequence(ClassLabel)"
        )
    target = classes or column.names or number_classes(width)
    parts, length = [], max(1, BLOCK_WEIGHTS // max(width, 1))
    place = None
    if column.names and classes and column.names != classes:
        lost = sorted(set(column.names).difference(classes))
        if lost:
            raise InputError(f"class {lost[0]!r} ({len(lost)} such) is not in the class list {some(classes)}")
        place = [classes.index(name) for name in column.names]
    for start in range(0, len(column.values), length):
        matrix = _to_matrix(column.values.slice(start, length), width)
        if place is not None:
            moved = np.zeros((len(matrix), len(target)))
            moved[:, place] = matrix
            matrix = moved
        parts.append(list_parts(matrix))
    if not parts:
        return Labelling([], target or None)
    joined, weights, counts = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return label_by_parts(joined, weights, counts, target or None)


def _to_matrix(values: pa.ChunkedArray, width: int) -> NDArray[np.float64]:
    """Return lists of one length as a matrix; rows that are null are zero."""
    matrix = np.zeros((len(values), width))
    matrix[values.is_valid().to_numpy()] = _flatten(values).reshape(-1, width)
    return matrix


def _flatten(values: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the numbers of all lists; a null is zero."""
    pieces = [chunk.flatten() for chunk in values.chunks if len(chunk)]
    flat = pa.chunked_array(pieces, values.type.value_type)
    return plain_values(flat).cast(pa.float64()).fill_null(0).to_numpy()


def _check_range(weights: NDArray[np.float64], what: str) -> None:
    """Refuse numbers that are not weights."""
    if np.isnan(weights).any():
        raise InputError(f"{what} lacks a weight, or holds NaN; write a number in 0..1 for each class")
    wrong = weights[(weights < 0) | (weights > 1 + FLOAT_ERROR)]
    if len(wrong):
        raise InputError(
            f"{what} holds {wrong.flat[0]:g}: neither weights in 0..1, one for each class, nor lists of"
            " indices; give ",
            Option("label_col"),
        )
