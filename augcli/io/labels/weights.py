"""Labels from weights per class: a column for each class, or lists with one weight for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.labels.kinds import flatten_lists, holds_numbers, plain_values
from augcli.io.labels.labelling import Labelling, label_by_parts, list_parts, number_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray


BLOCK_WEIGHTS = 1 << 22
"""Weights that are looked at in one go."""


FLOAT_ERROR = 1e-6
"""What weights of single precision may lie above 1."""


def label_by_weight_columns(
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
    check_weights(matrix, what)
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


def label_by_weight_lists(
    values: pa.ChunkedArray, named: tuple[str, ...] | None, classes: tuple[str, ...] | None, what: str
) -> Labelling:
    """Label rows by lists with one weight for each class.

    Args:
        values: The lists, whose numbers have been checked.
        named: The class of each place in a list, as the file names them.
        classes: The class list that the user gives, in its own order.
        what: The column in words, for messages.

    Raises:
        InputError: If lists differ in length, or a class is not in the class list.
    """
    width = _find_width(values, named or classes, what)
    target = classes or named or number_classes(width)
    place = None
    if named and classes and named != classes:
        lost = sorted(set(named).difference(classes))
        if lost:
            raise InputError(
                f"class {lost[0]!r} ({len(lost)} such) is not in the class list {some(classes)}; add it"
                " there, or correct it"
            )
        place = [classes.index(name) for name in named]
    parts, length = [], max(1, BLOCK_WEIGHTS // max(width, 1))
    for start in range(0, len(values), length):
        matrix = _to_matrix(values.slice(start, length), width)
        if place is not None:
            moved = np.zeros((len(matrix), len(target)))
            moved[:, place] = matrix
            matrix = moved
        parts.append(list_parts(matrix))
    if not parts:
        return Labelling([], target or None)
    joined, weights, counts = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return label_by_parts(joined, weights, counts, target or None)


def _find_width(values: pa.ChunkedArray, names: tuple[str, ...] | None, what: str) -> int:
    """Return how many weights each list has; 0 where there are no lists."""
    lengths = pc.list_value_length(values).drop_null().unique().to_pylist()
    if not lengths:
        return 0
    width: int = lengths[0]
    if len(lengths) == 1 and (width == len(names) if names else width >= 2):
        return width
    got = f"lists of {' and '.join(str(length) for length in sorted(lengths)[:3])} numbers"
    expected = f"one weight for each of {len(names) if names else 'all'} classes"
    raise InputError(
        f"{what} holds {got} in 0..1: neither {expected} nor indices of classes;"
        f" write {expected}, or indices as Hugging Face's Sequence(ClassLabel)"
    )


def _to_matrix(values: pa.ChunkedArray, width: int) -> NDArray[np.float64]:
    """Return lists of one length as a matrix; rows that are null are zero."""
    matrix = np.zeros((len(values), width))
    matrix[values.is_valid().to_numpy()] = flatten_lists(values).reshape(-1, width)
    return matrix


def check_weights(weights: NDArray[np.float64], what: str) -> None:
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
