"""Cells as bytes: equal exactly where the cells are."""

from __future__ import annotations

import datetime
import decimal

import pyarrow as pa
import pytest

from augcli.io.records.cell_bytes import cell_bytes, hash_rows

POINT = pa.struct([("x", pa.int32()), ("name", pa.string())])
DAY = datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)
COLUMNS = {
    "integers": (pa.int16(), [0, 1, -1, None]),
    "floats": (pa.float64(), [0.0, -0.0, 0.1, 0.1 + 2**-56, None]),
    "halves of a nanosecond": (pa.timestamp("ns"), [1, 2, 2**62 + 1, None]),
    "dates": (pa.date32(), [DAY.date(), None]),
    "decimals": (pa.decimal128(5, 2), [decimal.Decimal("1.10"), decimal.Decimal("1.11"), None]),
    "truths": (pa.bool_(), [True, False, None]),
    "texts": (pa.string(), ["", "a", "ab", "ä", None]),
    "large texts": (pa.large_string(), ["", "a", None]),
    "bytes": (pa.binary(), [b"", b"\0", b"\xff", None]),
    "digests": (pa.binary(2), [b"ab", b"ac", None]),
    "nothing": (pa.null(), [None]),
    "structs": (POINT, [{"x": 1, "name": "a"}, {"x": 1, "name": None}, {"x": None, "name": "a"}, None]),
    "lists of numbers": (pa.list_(pa.float32()), [[], [1.0], [1.0, 2.0], [2.0, 1.0], None]),
    "lists with nulls": (pa.list_(pa.int8()), [[], [None], [0], [None, 0], [0, None], None]),
    "fixed lists": (pa.list_(pa.int8(), 2), [[1, 2], [2, 1], None]),
    "lists of texts": (pa.large_list(pa.string()), [[], [""], ["a", "b"], ["ab"], ["", "ab"], None]),
    "lists of structs": (pa.list_(POINT), [[], [{"x": 1, "name": "a"}], [{"x": 1, "name": "b"}], None]),
    "lists of lists": (pa.list_(pa.list_(pa.int32())), [[[1, 2]], [[1], [2]], [[], [1, 2]], [[1, 2], []]]),
    "maps": (pa.map_(pa.string(), pa.int32()), [[("a", 1)], [("a", 2)], [("b", 1)], None]),
    "words of a dictionary": (pa.dictionary(pa.int8(), pa.string()), ["a", "b", None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_other_cells_have_other_bytes(name):
    kind, values = COLUMNS[name]
    assert len(set(cell_bytes(pa.array(values, kind)))) == len(values)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_cell_has_the_same_bytes_wherever_it_stands(name):
    kind, values = COLUMNS[name]
    column = pa.array(values * 3, kind)
    whole = cell_bytes(column)
    assert whole == 3 * whole[: len(values)]
    for start in range(len(values)):
        assert cell_bytes(column.slice(start, 2 * len(values))) == whole[start : start + 2 * len(values)]
        assert cell_bytes(column.take(pa.array([start]))) == whole[start : start + 1]


def test_what_lies_below_a_null_does_not_count():
    valid = pa.py_buffer(b"\x01")
    columns = [
        pa.Array.from_buffers(pa.int8(), 2, [valid, pa.py_buffer(bytes([1, junk]))]) for junk in (2, 3)
    ]
    assert cell_bytes(columns[0]) == cell_bytes(columns[1])


def test_words_of_a_dictionary_are_those_of_a_plain_column():
    words = pa.array(["a", "b", "a", None])
    assert cell_bytes(words.dictionary_encode()) == cell_bytes(words)


def test_a_row_has_one_hash_over_all_columns():
    hashes = hash_rows([pa.array(["a", "ab", "a"]), pa.array(["bc", "c", "bc"])])
    assert [len(found) for found in hashes] == [16] * 3
    assert hashes[0] == hashes[2] != hashes[1]
    assert hash_rows([]) == []
