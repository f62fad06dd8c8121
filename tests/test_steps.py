"""Areas: which pixels belong to a box or to patches, asked in all ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import PlanError
from augcli.program.steps import Blend, Box, Patches


@st.composite
def patches(draw):
    """Patches of an image, with its size and the pixels that belong to them."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    patch_height, patch_width = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    rows, columns = -(-height // patch_height), -(-width // patch_width)
    bitmap = draw(st.lists(st.integers(0, 1), min_size=rows * columns, max_size=rows * columns))
    grid = np.array(bitmap, bool).reshape(rows, columns)
    pixels = np.kron(grid, np.ones((patch_height, patch_width), bool))[:height, :width]
    return Patches(patch_height, patch_width, bytes(bitmap)), height, width, pixels


@given(patches())
def test_patches_cover_the_cells_of_their_grid(case):
    area, height, width, pixels = case
    covered = area.covers(np.arange(height), np.arange(width), height, width)
    np.testing.assert_array_equal(covered, pixels)


@given(patches())
def test_the_boxes_of_patches_are_disjoint_and_cover_what_they_cover(case):
    area, height, width, pixels = case
    painted = np.zeros((height, width), int)
    for box in area.boxes(height, width):
        painted[box.y0 : box.y1, box.x0 : box.x1] += 1
    np.testing.assert_array_equal(painted, pixels.astype(int))


@given(patches())
def test_the_bounds_of_patches_are_tight(case):
    area, height, width, pixels = case
    places = np.argwhere(pixels)
    expected = (*places.min(0), *(places.max(0) + 1)) if len(places) else (0, 0, 0, 0)
    assert area.bounds(height, width) == expected


@given(patches())
def test_patches_change_only_at_their_cuts(case):
    area, height, width, pixels = case
    rows, columns = area.cuts(height, width)
    assert set(np.flatnonzero((pixels[1:] != pixels[:-1]).any(1)) + 1) <= set(rows)
    assert set(np.flatnonzero((pixels[:, 1:] != pixels[:, :-1]).any(0)) + 1) <= set(columns)
    assert set(rows) <= set(range(height))
    assert set(columns) <= set(range(width))


def test_a_box_answers_the_same_questions():
    box = Box(1, 2, 3, 5)
    assert box.bounds(9, 9) == (1, 2, 3, 5)
    assert box.boxes(9, 9) == [box]
    assert box.cuts(9, 9) == ((1, 3), (2, 5))
    covered = box.covers(np.arange(4), np.arange(6), 4, 6)
    assert np.argwhere(covered).tolist() == [[1, 2], [1, 3], [1, 4], [2, 2], [2, 3], [2, 4]]


@pytest.mark.parametrize("ask", ["bounds", "boxes", "cuts"])
def test_a_bitmap_of_another_grid_is_refused(ask):
    with pytest.raises(PlanError, match="the bitmap has 3 cells, the grid 2x2"):
        getattr(Patches(2, 2, bytes(3)), ask)(4, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Box(2, 0, 1, 4),
        lambda: Box(-1, 0, 1, 4),
        lambda: Patches(0, 1, b""),
        lambda: Blend(Box(0, 0, 1, 1), 65537, 0),
    ],
)
def test_values_outside_their_range_are_refused(make):
    with pytest.raises(PlanError):
        make()
