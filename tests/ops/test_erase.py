"""Random erasing: areas, aspects, places."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from augcli.errors import UsageError
from augcli.ops.erase import Erase
from augcli.program.steps import Box, Uniform
from augcli.rng import Draws, draw_many, hash_key
from augcli.samples import Shape


def plans(operation, shape, count=400, copy=0):
    drawn = draw_many(0, [(0, copy, hash_key(str(number))) for number in range(count)], Erase.streams + 1)
    return [operation.plan(draws, shape, 0) for draws in drawn]


def boxes(operation, shape, count=400):
    return [[step.area for step in plan.steps] for plan in plans(operation, shape, count)]


@pytest.mark.slow
def test_area_and_log_aspect_follow_their_laws():
    # No box of these can be larger than the image, so none is drawn again.
    drawn = [one for (one,) in boxes(Erase(scale="0.02:0.25", ratio="0.3:3.3"), Shape(1000, 1000), 4000)]
    areas = [box.area / 1e6 for box in drawn]
    assert stats.kstest(areas, stats.uniform(0.02, 0.23).cdf).pvalue > 0.01
    aspects = [math.log(box.height / box.width) for box in drawn]
    assert stats.kstest(aspects, stats.uniform(math.log(0.3), math.log(3.3 / 0.3)).cdf).pvalue > 0.01


@pytest.mark.slow
def test_area_and_aspect_are_drawn_apart():
    drawn = [one for (one,) in boxes(Erase(scale="0.02:0.25"), Shape(1000, 1000), 4000)]
    areas, aspects = zip(*((box.area, math.log(box.height / box.width)) for box in drawn), strict=True)
    assert abs(np.corrcoef(areas, aspects)[0, 1]) < 4 / math.sqrt(len(areas))


@pytest.mark.slow
def test_every_place_of_a_small_image_is_reached():
    drawn = boxes(Erase(scale=0.25, ratio=1), Shape(4, 6), 2000)
    # √(24·0.25) = 2.45, rounded to 2 on both sides: 3 rows and 5 columns of places.
    assert {one for (one,) in drawn} == {Box(y, x, y + 2, x + 2) for y in range(3) for x in range(5)}


@pytest.mark.parametrize("shape", [Shape(1, 1), Shape(4, 4), Shape(1, 100), Shape(3, 2, 1, 16)], ids=str)
def test_small_images_work(shape):
    drawn = plans(Erase(), shape)
    assert sum(bool(plan.steps) for plan in drawn) > 100
    for plan in drawn:
        assert plan.reason == ("" if plan.steps else "no box fits in 10 attempts")


def test_boxes_that_never_fit_are_a_reason():
    # h = √(100·1000) = 316 of 10 rows, ten times.
    assert {plan.reason for plan in plans(Erase(scale=1, ratio=1000), Shape(10, 10), 20)} == {
        "no box fits in 10 attempts"
    }


def test_a_box_that_does_not_fit_is_drawn_again_ten_times():
    drawn = boxes(Erase(scale="0.5:1", ratio="0.25:4"), Shape(1000, 1000), 2000)
    # One attempt fits where |ln r| <= -ln s: ∫ -ln s ds over 0.5..1, / 0.5, / ln 4 = 0.2214 of the cases.
    expected = 1 - (1 - 0.2214) ** 10
    assert abs(np.mean([bool(many) for many in drawn]) - expected) < 4 * math.sqrt(expected * 0.1 / 2000)


def test_several_boxes_share_the_area():
    drawn = boxes(Erase(scale=0.3, ratio=1, count=3), Shape(1000, 1000))
    assert {len(many) for many in drawn} == {3}
    # √(0.1) of 1000 pixels.
    assert {(box.height, box.width) for many in drawn for box in many} == {(316, 316)}
    assert {len(many) for many in boxes(Erase(count="1:3"), Shape(100, 100))} == {1, 2, 3}


def test_the_default_fill_is_noise_of_one_key():
    (plan,) = plans(Erase(count=2), Shape(50, 50), 1)
    first, second = (step.fill for step in plan.steps)
    assert isinstance(first, Uniform)
    assert first == second


@pytest.mark.slow
def test_the_clean_split_is_the_same_samples_in_every_copy():
    clean = [
        [plan.reason == "clean split" for plan in plans(Erase(clean_split=0.25), Shape(40, 40), 2000, copy)]
        for copy in range(3)
    ]
    assert clean[0] == clean[1] == clean[2]
    assert abs(np.mean(clean[0]) - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 2000)


def test_the_clean_split_leaves_the_other_samples_as_they_were():
    with_split, without = plans(Erase(clean_split=0.5), Shape(40, 40)), plans(Erase(), Shape(40, 40))
    assert all(a == b for a, b in zip(with_split, without, strict=True) if a.reason != "clean split")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "0.5:0.2"}, "erase: scale must be a number or LO:HI with LO <= HI, got '0.5:0.2'"),
        ({"scale": 0}, "erase: scale must be > 0 and <= 1, got 0"),
        ({"scale": "0.5:1.5"}, "erase: scale must be > 0 and <= 1, got '0.5:1.5'"),
        ({"ratio": "0:1"}, "erase: ratio must be >= 0.001 and <= 1000, got '0:1'"),
        ({"count": "0:2"}, "erase: count must be >= 1 and <= 1000, got '0:2'"),
        ({"clean_split": 2.0}, "erase: clean_split must be >= 0 and <= 1, got 2.0"),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        Erase(**options)
    assert str(caught.value) == message


def test_golden_plans_never_change():
    """Literal plans of seed 0: if these change, no data set made with augcli can be reproduced."""
    drawn = [Erase(count="1:2").plan(Draws(0, 0, 0, n), Shape(533, 400), 0).steps for n in (1, 2)]
    assert [[(s.area.y0, s.area.x0, s.area.y1, s.area.x1, s.fill.key) for s in many] for many in drawn] == (
        GOLDEN
    )


GOLDEN = [
    [(147, 4, 360, 86, 7438814818064598895), (273, 231, 502, 384, 7438814818064598895)],
    [(183, 173, 284, 393, 3245220839672935094)],
]


# --- inside boxes ----------------------------------------------------------------------------------------


WIDE = Shape(200, 300)


def inside(edges, number=1, shape=WIDE, **options):
    return Erase(inside="boxes", **options).plan(Draws(0, 0, 0, hash_key(str(number))), shape, 0, edges)


edges_in_200x300 = st.tuples(
    st.floats(-5, 200), st.floats(-5, 300), st.floats(0.1, 90), st.floats(0.1, 90)
).map(lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3]))


@pytest.mark.slow
@given(st.lists(edges_in_200x300, min_size=1, max_size=5), st.integers(0, 99), st.sampled_from(["1", "1:3"]))
def test_every_hole_lies_in_its_box_and_in_the_image(edges, number, count):
    for each in edges:  # alone, so that the hole is known to be that box's
        for step in inside([each], number, count=count).steps:
            hole = step.area
            assert hole.area
            assert max(each[0], 0) <= hole.y0 <= hole.y1 <= min(each[2], 200)
            assert max(each[1], 0) <= hole.x0 <= hole.x1 <= min(each[3], 300)


@pytest.mark.slow
@given(st.lists(edges_in_200x300, min_size=2, max_size=5), st.integers(0, 99))
def test_the_hole_of_a_box_does_not_depend_on_what_the_others_are(edges, number):
    others = [(0.0, 0.0, 9.0, 9.0), *edges[1:]]
    first = inside(edges[:1], number, count="1:3").steps
    assert inside(edges, number, count="1:3").steps[: len(first)] == first
    # Nor do those behind the first depend on it.
    behind = len(inside(edges, number, count="1:3").steps) - len(first)
    assert (
        inside(others, number, count="1:3").steps[-behind or 99 :]
        == (inside(edges, number, count="1:3").steps[-behind or 99 :])
    )


def test_each_box_has_one_hole():
    # Every share of at most a half fits a square of any place: h = w = √s · 20 < 20.
    edges = [(10.0 * row, 30.0 * row, 10.0 * row + 20, 30.0 * row + 20) for row in range(8)]
    plan = inside(edges, scale="0.1:0.5", ratio=1)
    assert [(step.area.y0 // 10, step.area.x0 // 30) for step in plan.steps] >= [(r, r) for r in range(8)]
    assert len(plan.steps) == 8


def test_each_box_draws_how_many_holes_it_gets():
    edges = [(10.0 * y, 10.0 * x, 10.0 * y + 10, 10.0 * x + 10) for y in range(20) for x in range(30)]
    plan = inside(edges, count="1:3", scale="0.1:0.5", ratio=1)
    of_boxes = Counter((step.area.y0 // 10, step.area.x0 // 10) for step in plan.steps)
    numbers = Counter(of_boxes.values())
    assert sorted(numbers) == [1, 2, 3]
    assert stats.chisquare(list(numbers.values())).pvalue > 0.01


def test_the_share_of_a_box_is_uniform_over_the_scale():
    # 4000 boxes of 1000x1000 pixels; no hole of these is larger than its box, so none is drawn again.
    drawn = inside(
        [(0.0, 0.0, 1000.0, 1000.0)] * 4000, 3, Shape(1000, 1000), scale="0.05:0.25", ratio="0.5:2"
    )
    shares = [step.area.area / 1e6 for step in drawn.steps]
    counts, _ = np.histogram(shares, np.linspace(0.05, 0.25, 11))
    assert stats.chisquare(counts).pvalue > 0.01
    aspects = [math.log(step.area.height / step.area.width) for step in drawn.steps]
    assert stats.kstest(aspects, stats.uniform(-math.log(2), 2 * math.log(2)).cdf).pvalue > 0.01


def test_every_place_in_a_box_is_reached():
    drawn = inside([(2.5, 7.0, 7.2, 13.9)] * 2000, scale=0.25, ratio=1)
    # Whole pixels: rows 3..6, columns 7..12. √(24·0.25) = 2.45, rounded to 2 on both sides.
    places = {Box(y, x, y + 2, x + 2) for y in range(3, 6) for x in range(7, 12)}
    assert {step.area for step in drawn.steps} == places


def test_a_box_without_a_whole_pixel_gets_no_hole():
    thin, sound = (5.2, 5.2, 5.9, 50.0), (10.0, 10.0, 50.0, 50.0)
    assert inside([thin]).reason == "no box fits in 10 attempts"
    assert len(inside([thin, sound]).steps) == 1


def test_an_image_without_boxes_is_a_reason():
    assert inside([]) == ((), "unboxed")


def test_holes_beyond_the_numbers_of_a_stream_are_a_reason():
    assert inside([(0.0, 0.0, 9.0, 9.0)] * 525, count=1000).reason == "more than 524288 holes"


def test_the_holes_of_the_first_box_are_those_of_an_image_of_its_size():
    alone = Erase(count="1:3").plan(Draws(0, 0, 0, hash_key("5")), Shape(40, 60), 0).steps
    moved = [(step.area.y0 + 7, step.area.x0 + 9, step.area.y1 + 7, step.area.x1 + 9) for step in alone]
    drawn = inside([(7.0, 9.0, 47.0, 69.0)], 5, count="1:3").steps
    assert [step.area.bounds(200, 300) for step in drawn] == moved


def test_holes_of_boxes_have_colours_of_their_own():
    plan = inside([(0.0, 0.0, 90.0, 90.0)] * 3, fill="random-color")
    assert len({step.fill for step in plan.steps}) == 3


def test_where_nobody_asks_boxes_change_nothing():
    draws, shape = Draws(0, 0, 0, 1), Shape(200, 300)
    assert Erase().plan(draws, shape, 0, [(0.0, 0.0, 9.0, 9.0)]) == Erase().plan(draws, shape, 0)


def test_golden_holes_in_boxes_never_change():
    """Literal holes of seed 0: if these change, no data set made with augcli can be reproduced."""
    drawn = Erase(inside="boxes", count="1:2").plan(
        Draws(0, 0, 0, 1), Shape(533, 400), 0, [(10.5, 20.25, 110.5, 220.75), (300.0, 100.0, 500.0, 180.0)]
    )
    assert [(s.area.y0, s.area.x0, s.area.y1, s.area.x1) for s in drawn.steps] == GOLDEN_INSIDE


GOLDEN_INSIDE = [(27, 23, 92, 48), (37, 163, 107, 210), (374, 118, 421, 149), (368, 137, 449, 168)]
