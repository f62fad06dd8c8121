"""The table of boxes of a report; all numbers here are counted by hand."""

from __future__ import annotations

from collections import Counter

from augcli.io.records.box_statistics import BoxCounts
from augcli.report.box_table import describe_boxes

NAMES = ("car", "bus", "van")
COUNTS = BoxCounts(
    all=Counter({0: 4, 1: 5}),
    pasted=Counter({0: 3, 1: 2}),
    cut=Counter({0: 1, 1: 4}),
    slivers=Counter({1: 1}),
)


def list_rows(before):
    rows = describe_boxes(COUNTS, NAMES, before).rows
    return [(row.name, row.before, row.after, row.pasted, row.cut, row.slivers) for row in rows]


def test_categories_with_the_most_boxes_come_first_and_those_without_last():
    assert list_rows({"car": 7, "bus": 1}) == [
        ("bus", 1, 5, 2, 4, 1),
        ("car", 7, 4, 3, 1, 0),
        ("van", 0, 0, 0, 0, 0),
    ]


def test_boxes_before_are_unknown_without_the_sources():
    assert [before for _, before, *_ in list_rows(None)] == [None, None, None]
    assert not describe_boxes(COUNTS, NAMES, None).has_before
