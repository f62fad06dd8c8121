import itertools

import pytest

from augcli.io.readers.row_keys import RowKeys

KEYS = RowKeys(["a.parquet", "empty.parquet", "below/b.parquet"], [2, 0, 3])
LISTED = ["a.parquet#0", "a.parquet#1", "below/b.parquet#0", "below/b.parquet#1", "below/b.parquet#2"]


def test_keys_come_shard_by_shard():
    assert list(KEYS) == LISTED
    assert len(KEYS) == 5


def test_each_key_is_found_by_its_index():
    assert [KEYS[index] for index in range(5)] == LISTED
    assert [KEYS[index] for index in range(-5, 0)] == LISTED


@pytest.mark.parametrize(("start", "stop"), itertools.product([None, 0, 1, 3, -2], repeat=2))
def test_a_slice_is_that_of_the_list(start, stop):
    assert list(KEYS[start:stop]) == LISTED[start:stop]


@pytest.mark.parametrize("index", [5, -6])
def test_there_is_no_key_beyond_the_ends(index):
    with pytest.raises(IndexError):
        KEYS[index]


def test_no_rows_have_no_keys():
    assert list(RowKeys([], [])) == []
