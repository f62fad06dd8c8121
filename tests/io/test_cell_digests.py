"""Cells as numbers: equal where the cells are, other ones where they are not."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from augcli.io.records.cell_digests import digest_cells, digest_lists, mix

BOX = pa.struct([("y", pa.float64()), ("name", pa.string()), ("runs", pa.list_(pa.int64()))])
COLUMNS = [
    pa.array([True, False, None]),
    pa.array([0, 1, -1, 2**62, None], pa.int64()),
    pa.array([0.0, -0.0, 1.0, math.nextafter(1.0, 2.0), math.inf, math.nan, None]),
    pa.array(["", "a", "b", "ab", "ba", "ü", None]),
    pa.array([b"", b"a", b"\0", b"a\0", None]),
    pa.array([[], [0], [0, 0], [1, 2], [2, 1], [3], [None], None], pa.list_(pa.int64())),
    pa.array([[], [[]], [[], []], [[1], []], [[], [1]], [[1]], None], pa.list_(pa.list_(pa.int64()))),
    pa.array(
        [
            {"y": 1.0, "name": "a", "runs": [1]},
            {"y": 1.0, "name": "a", "runs": []},
            {"y": 1.0, "name": "b", "runs": [1]},
            {"y": 2.0, "name": "a", "runs": [1]},
            {"y": None, "name": "a", "runs": [1]},
            None,
        ],
        BOX,
    ),
    pa.array([["cat", "dog"], ["dog", "cat"], ["catdog"], ["cat", "dog", ""]]),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_cells_that_differ_have_other_numbers(column):
    digests = digest_cells(column)
    assert digests.dtype == np.uint64
    assert len(set(digests.tolist())) == len(column)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_a_cell_has_the_same_number_wherever_it_stands(column):
    digests = digest_cells(column).tolist()
    twice = digest_cells(pa.chunked_array([column.slice(1), column])).tolist()
    assert twice == digests[1:] + digests
    assert digest_cells(column.slice(1, 2)).tolist() == digests[1:3]


def test_a_null_is_a_null_in_a_column_of_any_type():
    nulls = [pa.nulls(1), pa.nulls(1, pa.string()), pa.nulls(1, pa.int64()), pa.nulls(1, BOX)]
    assert len({int(digest_cells(column)[0]) for column in nulls}) == 1


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_a_column_without_cells_has_no_numbers(column):
    assert len(digest_cells(column.slice(0, 0))) == 0


def test_the_order_of_lists_counts_unless_it_is_said_not_to():
    cells, lengths = digest_cells(pa.array([1, 2, 2, 1])), np.array([2, 2])
    assert len(set(digest_lists(cells, lengths).tolist())) == 2
    assert len(set(digest_lists(cells, lengths, is_ordered=False).tolist())) == 1


def test_a_mixed_number_is_that_of_its_source():
    # The first numbers of SplitMix64 from the state 0, as Vigna's splitmix64.c gives them.
    states = np.array([0x9E3779B97F4A7C15, 0x3C6EF372FE94F82A], np.uint64)
    assert mix(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_among_many_cells_no_two_have_the_same_number():
    numbers = pa.array(range(200_000))
    assert len(np.unique(digest_cells(numbers))) == len(numbers)
    lists = pa.ListArray.from_arrays(pa.array(range(0, 200_001, 2), pa.int32()), numbers)
    assert len(np.unique(digest_cells(lists))) == len(lists)
