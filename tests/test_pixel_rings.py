"""The outline of pixels as one ring: filled by either rule, it gives exactly these pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from augcli.program.pixel_rings import outline_pixels, trace_rings
from augcli.program.run_lengths import Block, pack


def fill(ring, shape, rule):
    """Fill a ring at the middles of pixels by crossings of a ray to the left: even-odd, or by winding."""
    counts = np.zeros(shape, int)
    for (y0, x0), (y1, x1) in zip(ring, np.roll(ring, -1, 0), strict=True):
        for y in range(shape[0]):
            if min(y0, y1) <= y + 0.5 < max(y0, y1):
                crossing = x0 + (y + 0.5 - y0) / (y1 - y0) * (x1 - x0)
                counts[y, np.arange(shape[1]) + 0.5 > crossing] += 1 if rule == "odd" or y1 > y0 else -1
    return counts % 2 == 1 if rule == "odd" else counts != 0


def outline(pixels):
    pixels = np.asarray(pixels, bool)
    return outline_pixels(pack(Block(0, 0, pixels), pixels.shape, False))


def test_one_pixel_has_four_corners():
    assert trace_rings(np.ones((1, 1), bool))[0].tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]


def test_corners_on_a_line_are_left_out():
    assert outline([[0, 0, 0], [0, 1, 1]]).tolist() == [[1, 1], [1, 3], [2, 3], [2, 1]]


def test_a_hole_is_a_ring_that_runs_the_other_way():
    outer, hole = trace_rings(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool))
    assert outer.tolist() == [[0, 0], [0, 3], [3, 3], [3, 0]]
    assert sorted(hole.tolist()) == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_pixels_that_touch_at_a_corner_are_two_rings():
    assert len(trace_rings(np.eye(2, dtype=bool))) == 2


def test_without_pixels_there_is_no_outline():
    assert outline(np.zeros((3, 3))).shape == (0, 2)


def test_rings_are_joined_where_their_corners_are_nearest():
    assert outline([[0, 0, 1], [0, 0, 0], [1, 0, 0]]).tolist() == [
        *([0, 2], [0, 3], [1, 3], [1, 2]),
        *([2, 1], [3, 1], [3, 0], [2, 0], [2, 1]),
        [1, 2],
    ]


def test_rings_are_joined_alike_however_few_distances_are_held_at_once(monkeypatch):
    pixels = np.zeros((7, 9))
    pixels[1:4, 1:4] = pixels[4:6, 6:8] = 1
    pixels[2, 2] = 0
    joined = outline(pixels).tolist()
    monkeypatch.setattr("augcli.program.pixel_rings.MOST_DISTANCES", 1)
    assert outline(pixels).tolist() == joined


@pytest.mark.parametrize("rule", ["odd", "winding"])
@given(pixels=arrays.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_the_outline_is_filled_to_exactly_the_pixels(rule, pixels):
    np.testing.assert_array_equal(fill(outline(pixels), pixels.shape, rule), pixels)
