"""CutMix boxes, by hand and by the paper's law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.datatypes import Box, Paste, Shape
from augcli.errors import UsageError
from augcli.ops.cutmix import CutMix, box_around
from augcli.rng import Draws, draw_many, hash_key


@pytest.mark.parametrize(
    ("centre", "share", "size", "expected"),
    [
        # sides floor(10·√0.25) = 5 and floor(20·√0.25) = 10; 5 // 2 = 2 above the centre, 3 from it on.
        ((5, 10), 0.25, (10, 20), Box(3, 5, 8, 15)),
        ((0, 0), 0.25, (10, 20), Box(0, 0, 3, 5)),  # clipped at the top left
        ((9, 19), 0.25, (10, 20), Box(7, 14, 10, 20)),  # clipped at the bottom right
        ((2, 2), 1.0, (5, 5), Box(0, 0, 5, 5)),  # the whole image
        ((0, 0), 1.0, (1, 1), Box(0, 0, 1, 1)),
        ((3, 3), 0.0, (7, 7), Box(3, 3, 3, 3)),  # empty
        ((3, 3), 0.0199, (7, 7), Box(3, 3, 3, 3)),  # floor(7·√0.0199) = 0: less than a pixel
    ],
)
def test_box_by_hand(centre, share, size, expected):
    assert box_around(*centre, share, *size) == expected


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.data())
def test_box_is_inside_and_no_larger_than_its_share(height, width, share, data):
    cy, cx = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    box = box_around(cy, cx, share, height, width)
    assert box.y1 <= height
    assert box.x1 <= width
    assert box.area <= height * width * share * (1 + 1e-12)


def test_clipped_boxes_hide_the_share_that_clipping_leaves():
    """For α = 1 the mean pasted share is 0.3208, not 0.5, since boxes are clipped (centre uniform)."""
    samples = [hash_key(str(number)) for number in range(20_000)]
    shape, shares = Shape(1000, 1000), []
    for draws in draw_many(0, 0, 0, samples, CutMix.streams + 1):
        steps = CutMix(alpha=1.0).plan(draws, shape, 0).steps
        shares.append(steps[0].area.area / 1e6 if steps else 0.0)
    # Three standard errors of the mean of 20,000 shares.
    assert abs(np.mean(shares) - 0.3208) < 3 * np.std(shares) / math.sqrt(len(shares))


def test_every_centre_of_a_small_image_is_reached():
    plans = [CutMix(alpha=1000.0).plan(Draws(0, 0, 0, hash_key(str(n))), Shape(3, 3), 0) for n in range(400)]
    corners = {plan.steps[0].area for plan in plans}
    # λ ≈ 0.5 gives sides of floor(3·0.707) = 2: one box for each of the 9 centres.
    assert len(corners) == 9


def test_an_empty_box_is_no_step_but_a_reason():
    plans = [CutMix(alpha=0.1).plan(Draws(0, 0, 0, hash_key(str(n))), Shape(4, 4), 0) for n in range(100)]
    empty = [plan for plan in plans if not plan.steps]
    assert empty
    assert {plan.reason for plan in empty} == {"empty box"}


def test_the_plan_names_its_slot():
    plan = CutMix().plan(Draws(0, 0, 0, 9), Shape(50, 50), 3)
    assert [type(step) for step in plan.steps] == [Paste]
    assert plan.steps[0].slot == 3


def test_golden_plans_never_change():
    """Literal plans of seed 0: if these change, no data set made with augcli can be reproduced."""
    boxes = [CutMix(alpha=1.0).plan(Draws(0, 0, 0, n), Shape(533, 400), 0).steps for n in (1, 2, 3)]
    assert [(b.y0, b.x0, b.y1, b.x1) for b in (steps[0].area for steps in boxes)] == GOLDEN


GOLDEN = [(239, 146, 533, 400), (0, 133, 167, 354), (47, 0, 533, 271)]


@pytest.mark.parametrize("alpha", [0, -1.0, 1000.5, math.nan, "1", True])
def test_alpha_outside_its_range_is_refused(alpha):
    with pytest.raises(UsageError, match=r"cutmix: --alpha must be"):
        CutMix(alpha=alpha)
