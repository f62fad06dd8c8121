"""Cutout's holes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from augcli.errors import UsageError
from augcli.ops.cutout import Cutout
from augcli.program.steps import Box, Fill, ImageMean, Normal, Uniform
from augcli.rng import Draws, hash_key
from augcli.samples import Colour, Shape


def holes(operation, shape, count=400):
    plans = [operation.plan(Draws(0, 0, 0, hash_key(str(n))), shape, 0) for n in range(count)]
    return [[step.area for step in plan.steps] for plan in plans]


def test_an_odd_hole_inside_the_image_is_not_a_pixel_short():
    boxes = [one for (one,) in holes(Cutout(length=21, boundary="inside"), Shape(64, 64))]
    assert {box.area for box in boxes} == {441}
    whole = [one for (one,) in holes(Cutout(length=21), Shape(64, 64)) if one.height == one.width == 21]
    assert len(whole) > 100


def test_centres_are_uniform_over_the_pixels():
    boxes = [one for (one,) in holes(Cutout(length=1), Shape(3, 5), 3000)]
    counts = np.zeros((3, 5))
    for box in boxes:
        counts[box.y0, box.x0] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 0.01


def test_holes_hang_over_the_edge_and_are_clipped():
    boxes = [one for (one,) in holes(Cutout(length=4), Shape(6, 6), 2000)]
    # A centre in the first row starts two rows above: 2 rows are left; in the last row 3.
    assert {box.y1 for box in boxes if box.y0 == 0} == {2, 3, 4}
    assert {box.y0 for box in boxes if box.y1 == 6} == {2, 3}


def test_a_share_is_of_the_shorter_side_rounded():
    (box,) = holes(Cutout(length=0.5, boundary="inside"), Shape(40, 25), 1)[0]
    assert (box.height, box.width) == (13, 13)  # 0.5 · 25 = 12.5


@pytest.mark.parametrize(("length", "sides"), [("2:4", {2, 3, 4}), ("0.2:0.4", {2, 3, 4})])
def test_a_range_of_lengths_reaches_both_ends(length, sides):
    boxes = [one for (one,) in holes(Cutout(length=length, boundary="inside"), Shape(10, 10))]
    assert {box.height for box in boxes} == sides


def test_a_hole_is_at_least_one_pixel_and_at_most_the_image():
    assert holes(Cutout(length=0.01), Shape(3, 3), 1)[0][0].area == 1
    assert holes(Cutout(length=500, boundary="inside"), Shape(3, 4), 1)[0] == [Box(0, 0, 3, 4)]


def test_several_holes_lie_apart_from_each_other():
    drawn = holes(Cutout(holes="1:3", length=2), Shape(50, 50))
    assert {len(boxes) for boxes in drawn} == {1, 2, 3}
    assert all(len(set(boxes)) == len(boxes) for boxes in drawn)


@pytest.mark.parametrize(
    ("fill", "painted"),
    [
        ("black", Colour(0, 0, 0)),
        ("gray", Colour(128, 128, 128)),
        (7, Colour(7, 7, 7)),
        ("1,2,3", Colour(1, 2, 3)),
        # ImageNet's mean: 255 · (0.485, 0.456, 0.406) = 123.7, 116.3, 103.5
        ("mean", Colour(124, 116, 104)),
        ("image-mean", ImageMean()),
    ],
)
def test_fills_that_are_not_drawn(fill, painted):
    step = Cutout(fill=fill).plan(Draws(0, 0, 0, 1), Shape(9, 9), 0).steps[0]
    assert step == Fill(step.area, painted)


def fills(fill, count=400, **options):
    operation = Cutout(fill=fill, holes=2, **options)
    plans = [operation.plan(Draws(0, 0, 0, hash_key(str(n))), Shape(30, 30), 0) for n in range(count)]
    return [[step.fill for step in plan.steps] for plan in plans]


def test_noise_has_one_key_for_all_holes_of_an_output():
    for drawn in fills("random"):
        assert drawn[0] == drawn[1]
        assert isinstance(drawn[0], Uniform)
    assert len({drawn[0].key for drawn in fills("random")}) == 400
    assert fills("normal", mean=0.5, std="0.1,0.2,0.3")[0][0] == Normal(
        fills("random")[0][0].key, (0.5, 0.5, 0.5), (0.1, 0.2, 0.3)
    )


@pytest.mark.slow
def test_random_colours_are_uniform_and_one_for_each_hole():
    drawn = fills("random-color", 3000)
    assert sum(first == second for first, second in drawn) == 0
    values = np.array([[colour.red, colour.green, colour.blue] for pair in drawn for colour in pair])
    for channel in range(3):
        # 16 bins of 16 values each.
        assert stats.chisquare(np.bincount(values[:, channel] // 16, minlength=16)).pvalue > 0.01


@pytest.mark.slow
def test_drawn_colours_have_the_same_law_on_grey():
    def greys(fill):
        plans = (
            Cutout(fill=fill).plan(Draws(0, 0, 0, hash_key(str(n))), Shape(9, 9, 1), 0) for n in range(3000)
        )
        colours = [plan.steps[0].fill for plan in plans]
        assert all(one.red == one.green == one.blue for one in colours)
        return np.array([one.luma for one in colours])

    assert stats.chisquare(np.bincount(greys("random-color") // 16, minlength=16)).pvalue > 0.01
    # ImageNet's luma: mean 0.459 and deviation 0.2257, as for `normal` on grey.
    values = greys("normal-color") / 255
    assert abs(values.mean() - 0.459) < 4 * 0.2257 / np.sqrt(3000)
    assert abs(values.std() - 0.2257) < 0.02


@pytest.mark.slow
def test_normal_colours_follow_the_clipped_law():
    drawn = fills("normal-color", 3000, mean="0.5,0.1,0.9", std=0.1)
    values = np.array([[colour.red, colour.green, colour.blue] for pair in drawn for colour in pair])
    z = (values[:, 0] - 127.5) / 25.5
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert abs(z.std() - 1) < 0.04
    # A mean of one deviation above 0 is clipped there for 16 % of the draws, below 1 likewise.
    for channel, end in ((1, 0), (2, 255)):
        assert abs((values[:, channel] == end).mean() - stats.norm.sf(1)) < 0.03


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"holes": "3:1"}, "cutout: holes must be a whole number or LO:HI with LO <= HI, got '3:1'"),
        ({"holes": 0}, "cutout: holes must be >= 1 and <= 1000, got 0"),
        ({"length": "8:0.5"}, "cutout: length must be pixels"),
        ({"length": "0.5:0.2"}, "cutout: length must be pixels"),
        ({"length": "1.5"}, "cutout: length must be pixels"),
        (
            {"fill": "1,2"},
            "fill must be black, white, gray, one number or r,g,b in 0..255, or mean,",
        ),
        ({"fill": "noise"}, "got 'noise'"),
        ({"mean": "255"}, "cutout: mean must be one number or r,g,b in 0..1"),
        ({"boundary": "no"}, "cutout: boundary must be one of clip, inside, got 'no'"),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        Cutout(**options)
    assert message in str(caught.value)


def test_golden_plans_never_change():
    """Literal plans of seed 0: if these change, no data set made with augcli can be reproduced."""
    operation = Cutout(holes="1:2", length="0.2:0.5", fill="random-color")
    plans = [operation.plan(Draws(0, 0, 0, n), Shape(533, 400), 0).steps for n in (1, 2)]
    assert [
        [(s.area.y0, s.area.x0, s.area.y1, s.area.x1, str(s.fill)) for s in steps] for steps in plans
    ] == GOLDEN


GOLDEN = [
    [(0, 11, 122, 147, "103,103,51"), (0, 266, 131, 400, "147,220,196")],
    [(284, 35, 474, 225, "45,255,95")],
]
