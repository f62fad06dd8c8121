"""CutMix boxes, by hand and by the paper's law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import UsageError
from augcli.ops.base import box_around
from augcli.ops.cutmix import CutMix, box_sides
from augcli.program.steps import Box, Paste
from augcli.rng import Draws, draw_many, hash_key
from augcli.samples import Shape


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
    shape = Shape(*size)
    assert box_around(*centre, *box_sides(share, shape), shape) == expected


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.data())
def test_box_is_inside_and_no_larger_than_its_share(height, width, share, data):
    cy, cx = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    shape = Shape(height, width)
    box = box_around(cy, cx, *box_sides(share, shape), shape)
    assert box.y1 <= height
    assert box.x1 <= width
    assert box.area <= height * width * share * (1 + 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("boundary", "expected"), [("clip", 0.3208), ("inside", 0.5)])
def test_the_mean_share_is_what_clipping_leaves(boundary, expected):
    """For α = 1 the mean pasted share is 0.3208, not 0.5, where boxes are clipped (centre uniform)."""
    addresses = [(0, 0, hash_key(str(number))) for number in range(25_000)]
    shape, shares, operation = Shape(1000, 1000), [], CutMix(alpha=1.0, boundary=boundary)
    for draws in draw_many(0, addresses, CutMix.streams + 1):
        steps = operation.plan(draws, shape, 0).steps
        shares.append(steps[0].area.area / 1e6 if steps else 0.0)
    assert abs(np.mean(shares) - expected) < 0.006  # three deviations of the mean


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
    with pytest.raises(UsageError, match=r"^cutmix: alpha must be"):
        CutMix(alpha=alpha)


def plans(operation, shape, count=400):
    return [operation.plan(Draws(0, 0, 0, hash_key(str(n))), shape, 0) for n in range(count)]


def test_a_fixed_lam_gives_boxes_of_one_size():
    # 1 - λ = 0.25: sides of floor(40·0.5) and floor(60·0.5).
    areas = {plan.steps[0].area for plan in plans(CutMix(lam=0.75, boundary="inside"), Shape(40, 60))}
    assert {(box.height, box.width) for box in areas} == {(20, 30)}
    assert len(areas) > 100


def test_boxes_that_stay_inside_reach_every_place():
    areas = {plan.steps[0].area for plan in plans(CutMix(lam=0.5, boundary="inside"), Shape(4, 3))}
    # sides floor(4·0.707) = 2 and floor(3·0.707) = 2: 3 rows and 2 columns of places.
    assert areas == {Box(y, x, y + 2, x + 2) for y in range(3) for x in range(2)}


def test_minmax_draws_both_sides_within_its_shares_ends_included():
    areas = [plan.steps[0].area for plan in plans(CutMix(minmax="0.2:0.5"), Shape(10, 20), 2000)]
    assert {box.height for box in areas} == {2, 3, 4, 5}
    assert {box.width for box in areas} == set(range(4, 11))
    assert {box.y0 for box in areas if box.height == 5} == set(range(6))


def test_a_lam_of_one_and_a_minmax_of_zero_mix_nothing():
    for operation in (CutMix(lam=1), CutMix(minmax="0:0")):
        assert {plan.reason for plan in plans(operation, Shape(9, 9), 20)} == {"empty box"}


def test_a_lam_of_zero_pastes_the_whole_image():
    inside = plans(CutMix(lam=0, boundary="inside"), Shape(9, 7), 5)
    assert {plan.steps[0].area for plan in inside} == {Box(0, 0, 9, 7)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lam": 1.5}, "cutmix: lam must be >= 0 and <= 1, got 1.5"),
        ({"minmax": "0.5:0.2"}, "cutmix: minmax must be a number or LO:HI with LO <= HI, got '0.5:0.2'"),
        ({"minmax": "0.5:1.2"}, "cutmix: minmax must be >= 0 and <= 1, got '0.5:1.2'"),
        ({"boundary": "out"}, "cutmix: boundary must be one of clip, inside, got 'out'"),
        ({"partner": "me"}, "cutmix: partner must be one of any, other-class, same-class, got 'me'"),
        (
            {"lam": 0.5, "minmax": "0.1:0.2"},
            "cutmix: lam and minmax both decide the box; give one of them",
        ),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        CutMix(**options)
    assert str(caught.value) == message
