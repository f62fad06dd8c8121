"""Strips of objects: what they cover, by hand."""

from __future__ import annotations

import numpy as np

from augcli.program.stretching import Stretch
from augcli.program.strips import cut_into_strips, join_runs, stretch_strips
from augcli.samples import RunLengths


def runs_of(height, width, *runs):
    return RunLengths(height, width, np.array(runs, np.int64), False)


DIAMOND = runs_of(3, 3, 1, 1, 1, 3, 1, 1, 1)
"""Columns .#. ### .#. of 3 x 3."""


def test_bounds_reach_to_the_highest_and_lowest_row_of_any_column():
    assert cut_into_strips([DIAMOND]).find_bounds() == {0: (0, 0, 3, 3)}
    assert cut_into_strips([DIAMOND]).crop((0, 1, 3, 3)).find_bounds() == {0: (0, 1, 3, 3)}


def test_runs_end_with_the_pixels_outside_only_if_there_are_some():
    corner, whole = runs_of(3, 3, 7, 2), runs_of(3, 3, 0, 9)
    runs = join_runs(cut_into_strips([DIAMOND, corner, whole]), (3, 3))
    assert {owner: own.tolist() for owner, own in runs.items()} == {
        0: [1, 1, 1, 3, 1, 1, 1],
        1: [7, 2],
        2: [0, 9],
    }


def test_a_stretched_pixel_covers_the_rows_and_columns_that_are_read_at_it():
    """Rows and columns 0, 1, 2 of 3 are read at floor((2 x + 1) 2 / 6) of 2: at 0, 1, 1."""
    stretch = Stretch((0, 0, 2, 2), (0, 0, 3, 3))
    first, last = (
        stretch_strips(cut_into_strips([runs_of(2, 2, *runs)]), stretch) for runs in ((0, 1), (3, 1))
    )
    assert first.find_bounds() == {0: (0, 0, 1, 1)}
    assert last.find_bounds() == {0: (1, 1, 3, 3)}
    assert (first.count_pixels(1), last.count_pixels(1)) == ([1], [4])
