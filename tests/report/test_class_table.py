"""The table and the matrix of classes of a report."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from augcli.io.records.row_statistics import UNLABELLED, ClassCounts
from augcli.report.class_table import describe_classes


def count(before, after, weights=None, pairs=()):
    """Counts of classes by their numbers; pairs are (base, partner)."""
    counts = ClassCounts(Counter(before), Counter(after), Counter(weights or {}))
    counts.pairs.add(*np.array([*pairs], np.int64).reshape(-1, 2).T)
    return counts


def test_bars_are_shares_of_all_samples_before_and_of_all_outputs_after():
    rows = describe_classes(count({0: 3, 1: 1}, {0: 6, 1: 10}), ("cat", "dog")).rows
    # Of the samples 3/4 and 1/4, of the outputs 3/8 and 5/8; the longest is 3/4.
    bars = {row.name: (row.before_bar, row.after_bar) for row in rows}
    assert bars == {"cat": (100, 50), "dog": (33.33, 83.33)}


def test_shares_of_weights_are_of_all_weights():
    rows = describe_classes(count({0: 1}, {0: 1}, {0: 1.5, 1: 4.5}), ("cat", "dog")).rows
    assert {row.name: (row.weight, row.share) for row in rows} == {"cat": (1.5, 0.25), "dog": (4.5, 0.75)}


def test_classes_with_the_most_outputs_stand_first():
    rows = describe_classes(count({0: 1, 1: 1, 2: 1}, {1: 2, 2: 5}), ("a", "b", "c")).rows
    assert [row.name for row in rows] == ["c", "b", "a"]


def test_of_equally_many_outputs_the_first_class_stands_first():
    rows = describe_classes(count({0: 1, 1: 1}, {0: 2, 1: 2}), ("a", "b")).rows
    assert [row.name for row in rows] == ["a", "b"]


def test_classes_of_a_long_list_without_outputs_are_left_out_and_counted():
    classes = describe_classes(count({1: 1}, {1: 2}), [f"c{number:03d}" for number in range(300)])
    assert [row.name for row in classes.rows] == ["c001"]
    assert classes.left_out == 299


def test_bases_are_the_rows_of_the_matrix_and_partners_its_columns():
    counted = count({}, {0: 3, 1: 1}, pairs=[(0, 1), (0, 1), (1, 0), (0, UNLABELLED)])
    met = describe_classes(counted, ("cat", "dog")).met
    assert met.columns == ("cat", "dog", "all others")
    rows = {name: [cell.count for cell in cells] for name, cells in met.rows}
    assert rows == {"cat": [0, 2, 1], "dog": [1, 0, 0], "all others": [0, 0, 0]}


@pytest.mark.parametrize("names", [(), ("cat",)])
def test_without_labels_there_is_no_table(names):
    assert describe_classes(count({UNLABELLED: 2}, {UNLABELLED: 2}), names) is None
