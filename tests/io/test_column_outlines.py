"""Which values of a column of boxes are outlines, and those that are not there."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from augcli.io.boxes.column_outlines import is_outlined, read_outlines
from augcli.io.boxes.columns import NUMBERS, write_type


@pytest.mark.parametrize(
    "kind",
    [
        "runs size=list[2] int32;counts=string",
        "runs size=list uint32;counts=large_string",
        "runs size=list int64;counts=list uint32",
        "runs size=list int64;counts=binary",
    ],
)
def test_run_lengths_of_any_whole_numbers_or_text_are_followed(kind):
    assert is_outlined("segmentation", kind, NUMBERS)


def test_bytes_are_carried_along_as_the_counts_of_run_lengths_alone():
    sides = ("size", pa.list_(pa.int64()))
    assert write_type(pa.struct([sides, ("counts", pa.binary())])) == "runs size=list int64;counts=binary"
    assert write_type(pa.struct([("size", pa.binary()), ("counts", pa.string())])) == ""
    assert write_type(pa.binary()) == ""


def test_run_lengths_of_nothing_but_nulls_are_not_there():
    kind = pa.struct([("size", pa.list_(pa.int64())), ("counts", pa.string())])
    segmentation = pa.array([{"size": None, "counts": None}], kind)
    outlines, bad = read_outlines({"segmentation": segmentation}, [(0, 0, 4, 4)], ["box 1"], Counter())
    assert bad == {}
    assert outlines[0] is None or outlines[0].form is None
