"""Boxes of the rows of an output, counted for a report."""

from __future__ import annotations

import pyarrow as pa

from augcli.io.records.annotation_columns import BOXES
from augcli.io.records.box_statistics import BoxCounts


def make_rows(*outputs):
    """Rows of (source, its boxes); a box is (category, visibility, source)."""
    names = ("category", "visibility", "source")
    cells = [[dict(zip(names, box, strict=True)) for box in boxes] for _, boxes in outputs]
    kind = pa.struct([("category", pa.int64()), ("visibility", pa.float64()), ("source", pa.string())])
    sources = pa.array([source for source, _ in outputs], pa.string())
    return pa.table({"source": sources, BOXES: pa.array(cells, pa.list_(kind))})


def count(*outputs):
    counts = BoxCounts()
    counts.add(make_rows(*outputs))
    return counts


def test_boxes_of_a_partner_are_pasted_and_all_are_counted_by_category():
    counts = count(("a", [(0, 1.0, "a"), (1, 1.0, "b")]), ("b", [(1, 1.0, "b"), (1, 1.0, "a")]), ("c", []))
    assert (counts.all, counts.pasted, counts.cut) == ({0: 1, 1: 3}, {1: 2}, {})


def test_boxes_are_cut_below_their_whole_and_slivers_below_a_tenth():
    seen = (0.05, 0.1, 0.5, 0.999, 1.0)
    counts = count(("a", [(number, share, "a") for number, share in enumerate(seen)]))
    assert counts.cut == {0: 1, 1: 1, 2: 1, 3: 1}
    assert counts.slivers == {0: 1}
    assert counts.visibility.tolist() == [1, 1, 0, 0, 0, 1, 0, 0, 0, 2]


def test_chunks_are_added_up():
    counts = count(("a", [(0, 0.05, "a")]))
    counts.add(make_rows(("b", [(0, 1.0, "a")])))
    assert (counts.all, counts.pasted, counts.slivers) == ({0: 2}, {0: 1}, {0: 1})
    assert counts.visibility.sum() == 2
