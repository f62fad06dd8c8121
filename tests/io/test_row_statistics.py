"""Rows counted for a report; all numbers here are counted by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from augcli.io.records.annotation_columns import BOX_TYPE, BOXES
from augcli.io.records.part_files import Output, rows_to_table
from augcli.io.records.row_statistics import PAIRS_KEPT, UNLABELLED, PairCounts, RowStatistics
from augcli.io.records.step_columns import label_rows
from augcli.samples import SoftLabel

CAT, DOG = SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))
BOTH, TIED = SoftLabel((0, 1), (0.25, 0.75)), SoftLabel((1, 2), (0.5, 0.5))


def make_output(source="a.png", labels=(CAT,), label=0, own=CAT, lam=1.0, visible=None, **values):
    """A row; `labels` are those of its sources, `own` is its exact label."""
    plain = {
        "file_name": f"{source}{values.get('copy', 0)}",
        "copy": 0,
        "op": "cutmix",
        "applied": True,
        "reason": "",
        "steps": (),
        "width": 10,
        "height": 20,
        "bytes": 1000,
        "hash": "00",
    }
    return Output(
        **plain | values,
        label=label,
        classes=own and own.classes,
        weights=own and own.weights,
        lam=lam,
        source=source,
        partners=tuple(f"partner{number}" for number in range(len(labels) - 1)),
        visible=visible,
        sources=label_rows(labels),
    )


def count(*outputs):
    statistics = RowStatistics()
    statistics.add("0", rows_to_table(outputs))
    return statistics


def test_a_sample_counts_once_before_however_many_copies_it_has():
    counted = count(make_output(copy=-1), make_output(copy=0), make_output("b.png", (DOG,), 1, DOG))
    assert dict(counted.classes.before) == {0: 1, 1: 1}
    assert dict(counted.classes.after) == {0: 2, 1: 1}


def test_a_sample_counts_by_its_largest_weight_the_first_of_equal_ones():
    counted = count(make_output(labels=(BOTH,)), make_output("b.png", (TIED,)), make_output("c.png", (None,)))
    assert dict(counted.classes.before) == {1: 2, UNLABELLED: 1}


def test_weights_of_all_labels_are_summed():
    counted = count(make_output(own=BOTH), make_output("b.png", own=DOG), make_output("c.png", own=None))
    assert dict(counted.classes.weights) == {0: 0.25, 1: 1.75}


def test_an_output_without_label_is_counted_as_such():
    counted = count(make_output(labels=(None,), label=None, own=None))
    assert dict(counted.classes.after) == dict(counted.classes.before) == {UNLABELLED: 1}
    assert "share" not in counted.histograms or not counted.histograms["share"].any()


def test_partners_without_pixels_before_the_first_that_has_some_were_not_met():
    met = count(
        make_output(labels=(CAT, DOG), visible=0, lam=0.5),
        make_output("b.png", (DOG, CAT, DOG), visible=1, lam=0.5),
        make_output("c.png", (CAT, CAT), visible=None),
    ).classes
    assert met.pairs.among([0, 1]).tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert dict(met.partners) == {0: 1, 1: 2}


def test_every_partner_of_an_output_was_met():
    met = count(
        make_output(labels=(CAT, DOG, CAT, DOG), visible=0, lam=0.5),
        make_output("b.png", (DOG,)),
        make_output("c.png", (DOG, CAT, DOG, None), visible=1, lam=0.5),
    ).classes
    # cat met dog, cat, dog; dog met dog and one without a label
    assert met.pairs.among([0, 1]).tolist() == [[1, 2, 0], [0, 1, 1], [0, 0, 0]]
    assert dict(met.partners) == {0: 1, 2: 1, 3: 1}


def test_pairs_beyond_the_asked_numbers_are_counted_as_others():
    pairs = PairCounts()
    pairs.add(np.array([5, 7, 7, -1]), np.array([7, 5, 9, 5]))
    assert pairs.among([7, 5]).tolist() == [[0, 1, 1], [1, 0, 0], [0, 1, 0]]
    assert pairs.among([]).tolist() == [[4]]


def test_many_pairs_are_counted_together_now_and_then():
    pairs = PairCounts()
    for _ in range(3):
        pairs.add(np.zeros(PAIRS_KEPT, np.int64), np.ones(PAIRS_KEPT, np.int64))
    assert pairs.among([0, 1])[0, 1] == 3 * PAIRS_KEPT


@pytest.mark.parametrize(("lam", "place"), [(0.0, 0), (0.0499, 0), (0.05, 1), (0.999, 19), (1.0, 19)])
def test_shares_fall_into_twenty_bins(lam, place):
    histogram = count(make_output(labels=(CAT, DOG), visible=0, lam=lam)).histograms["lam"]
    assert histogram.nonzero()[0].tolist() == [place]
    assert len(histogram) == 20


def test_lam_counts_only_where_a_partner_is_seen():
    assert not count(make_output(lam=1.0)).histograms["lam"].any()


@pytest.mark.parametrize(("length", "place"), [(1, 0), (1023, 9), (1024, 10), (0, 0)])
def test_file_sizes_fall_into_bins_of_powers_of_two(length, place):
    assert count(make_output(bytes=length)).histograms["bytes"].nonzero()[0].tolist() == [place]


def test_operations_reasons_and_sizes_are_counted():
    counted = count(
        make_output(op="cutmix+cutout"),
        make_output("b.png", op="none", applied=False, reason="no partner", width=30),
        make_output("c.png", op="none", applied=False),
    )
    assert dict(counted.operations) == {"cutmix+cutout": 1, "none": 2}
    assert dict(counted.counts.reasons) == {"no partner": 1}
    assert dict(counted.sizes) == {(10, 20): 2, (30, 20): 1}
    assert (counted.counts.rows, counted.counts.applied) == (3, 1)


def test_boxes_are_counted_by_category_visibility_and_where_they_are_from():
    boxes = [
        {"y0": 0, "x0": 0, "y1": 1, "x1": 1, "category": 2, "visibility": seen, "weight": 1, "source": key}
        for seen, key in ((0.05, "a.png"), (1.0, "a.png"), (0.1, "partner0"))
    ]
    rows = rows_to_table([make_output(), make_output("b.png"), make_output("a.png", copy=1)])
    other = [boxes[2] | {"category": 0, "visibility": 1.0}]
    rows = rows.append_column(BOXES, pa.array([boxes, [], other], pa.list_(BOX_TYPE)))
    counted = RowStatistics()
    counted.add("0", rows)
    found = counted.boxes
    assert dict(found.all) == {2: 3, 0: 1}
    assert dict(found.pasted) == {2: 1, 0: 1}
    assert dict(found.cut) == {2: 2}
    assert dict(found.slivers) == {2: 1}
    assert found.visibility.tolist() == [1, 1] + [0] * 7 + [2]


def test_a_chunk_without_rows_counts_nothing():
    counted = count()
    assert (counted.counts.rows, dict(counted.classes.before), dict(counted.operations)) == (0, {}, {})


def test_chunks_are_added_up():
    counted = RowStatistics()
    for chunk in ("0", "1"):
        counted.add(chunk, rows_to_table([make_output(labels=(CAT, DOG), visible=0, lam=0.5)]))
    assert counted.counts.chunks == {"0": 1, "1": 1}
    assert counted.histograms["lam"].sum() == 2
    assert counted.classes.pairs.among([0, 1])[0, 1] == 2
