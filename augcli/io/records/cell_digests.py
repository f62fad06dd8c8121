"""Cells of Arrow columns as numbers of 64 bits, to be compared in one process: a column at a time.

Of a million cells, two that differ have the same number once in some 10**7 times. Texts count by Python's own
hash, which is another one in each process: nothing keeps these numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Digests = NDArray[np.uint64]

ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""Shifts and factors of `mix` (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators",
in the variant 13 of Stafford)."""

ODD, NULL = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
"""What tells apart a number and its digest, and stands for a null."""


def mix(numbers: Digests) -> Digests:
    """Return numbers of which each bit depends on every bit of those that are given: no two become one."""
    for shift, factor in ROUNDS:
        numbers = (numbers ^ numbers >> np.uint64(shift)) * np.uint64(factor)
    return numbers ^ numbers >> np.uint64(31)


def join(first: Digests, second: Digests) -> Digests:
    """Return a digest of each pair, in this order."""
    return mix(mix(first + ODD) + second)


def digest_cells(column: pa.Array | pa.ChunkedArray) -> Digests:
    """Return a digest of each cell of a column: of booleans, numbers, texts, and lists and structs of them.

    Numbers of one type count by their bits; a null is another cell than an empty text or list.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind, types = column.type, pa.types
    if types.is_null(kind):
        return np.full(len(column), NULL)
    if types.is_struct(kind):
        digests = np.zeros(len(column), np.uint64)
        for field in column.flatten():
            digests = join(digests, digest_cells(field))
    elif types.is_list(kind) or types.is_large_list(kind):
        digests = digest_lists(digest_cells(column.flatten()), count_cells(column))
    elif types.is_primitive(kind):
        digests = _digest_numbers(column)
    else:
        texts = column.to_numpy(zero_copy_only=False)
        digests = mix(np.fromiter(map(hash, texts), np.int64, len(texts)).view(np.uint64) + ODD)
    if column.null_count:
        digests = np.where(column.is_valid().to_numpy(zero_copy_only=False), digests, NULL)
    return digests


def digest_lists(cells: Digests, lengths: NDArray[np.int64], is_ordered: bool = True) -> Digests:
    """Return a digest of each list, from those of all cells one behind the other.

    Args:
        cells: Digests of the cells of all lists.
        lengths: How many cells each list has.
        is_ordered: Whether lists with the same cells in another order are other lists.
    """
    starts = np.cumsum(lengths) - lengths
    if is_ordered:
        places = np.arange(len(cells)) - np.repeat(starts, lengths)
        cells = join(places.astype(np.uint64), cells)
    ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(cells, dtype=np.uint64)])
    sums = ends[starts + lengths] - ends[starts]
    return join(lengths.astype(np.uint64), sums)


def count_cells(column: pa.Array) -> NDArray[np.int64]:
    """Return how many cells each list of a column has; a null has none."""
    lengths: Any = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _digest_numbers(column: pa.Array) -> Digests:
    """Return a digest of each number of a column, those of nulls are any."""
    filled = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    numbers = filled.to_numpy(zero_copy_only=False)
    whole = numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers.astype(np.int64)
    return mix(whole.view(np.uint64) + ODD)
