"""Patch cutout: how many patches, and which."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from augcli.errors import UsageError
from augcli.kernels import cpu
from augcli.kernels.table import tabulate
from augcli.ops.patch_cutout import PatchCutout
from augcli.program.steps import Fill
from augcli.rng import Draws, hash_key
from augcli.samples import Colour, Shape


def bitmap(operation, shape, number=0):
    steps = operation.plan(Draws(0, 0, 0, hash_key(str(number))), shape, 0).steps
    return steps[0].area.bitmap if steps else b""


@given(
    st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.data()
)
def test_exactly_the_share_of_distinct_patches_is_hidden(height, width, high, wide, ratio, data):
    operation = PatchCutout(patch_size=(high, wide), ratio=ratio)
    patches = math.ceil(height / high) * math.ceil(width / wide)
    expected = math.floor(ratio * patches + 0.5)
    plan = operation.plan(Draws(0, 0, 0, data.draw(st.integers(0, 99))), Shape(height, width, 1), 0)
    if expected == 0:
        assert plan.steps == ()
        assert plan.reason == "no patch hidden"
        return
    image = np.full((height, width, 1), 9, np.uint8)
    cpu.apply(tabulate(plan.steps, Shape(height, width, 1), []), [], image)
    hidden = 0
    for y in range(0, height, high):
        for x in range(0, width, wide):
            cell = image[y : y + high, x : x + wide]
            assert (cell == cell[0, 0]).all()  # hidden whole or not at all
            hidden += cell[0, 0, 0] == 0
    assert hidden == expected


def test_the_ends_hide_all_and_nothing():
    assert bitmap(PatchCutout(ratio=1), Shape(50, 50)) == b"\1" * 16
    assert bitmap(PatchCutout(ratio=0), Shape(50, 50)) == b""


@pytest.mark.slow
def test_every_patch_is_as_likely():
    counts = np.zeros(12)
    for number in range(3000):
        counts += np.frombuffer(bitmap(PatchCutout(ratio=0.5), Shape(48, 64), number), np.uint8)
    assert counts.sum() == 3000 * 6
    # Without replacement the counts vary less than a multinomial's, so its test is strict on the safe side.
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_range_of_shares_reaches_its_ends():
    hidden = {sum(bitmap(PatchCutout(ratio="0.1:0.5"), Shape(160, 16), number)) for number in range(400)}
    assert hidden == {1, 2, 3, 4, 5}


def test_patches_may_be_higher_than_wide():
    area = PatchCutout(patch_size="16,8").plan(Draws(0, 0, 0, 1), Shape(64, 64), 0).steps[0].area
    assert (area.height, area.width, len(area.bitmap)) == (16, 8, 32)


def test_one_fill_for_all_patches():
    (step,) = PatchCutout(fill="gray").plan(Draws(0, 0, 0, 1), Shape(64, 64), 0).steps
    assert step == Fill(step.area, Colour(128, 128, 128))


def test_a_grid_of_too_many_patches_is_left_alone():
    plan = PatchCutout(patch_size=1).plan(Draws(0, 0, 0, 1), Shape(3000, 3000), 0)
    assert plan.reason == "more than 4194304 patches"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 1.5}, "patch-cutout: ratio must be >= 0 and <= 1, got 1.5"),
        (
            {"ratio": "0.5:0.1"},
            "patch-cutout: ratio must be a number or LO:HI with LO <= HI, got '0.5:0.1'",
        ),
        ({"patch_size": 0}, "patch-cutout: patch_size must be 1..99999 pixels such as 224"),
        ({"patch_size": "16,8,3"}, "patch-cutout: patch_size must be"),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        PatchCutout(**options)
    assert message in str(caught.value)


def test_golden_plans_never_change():
    """Literal plans of seed 0: if these change, no data set made with augcli can be reproduced."""
    drawn = ["".join(map(str, bitmap(PatchCutout(ratio="0.2:0.6"), Shape(70, 40), n))) for n in (1, 2)]
    assert drawn == GOLDEN


GOLDEN = ["001000001000011", "100001111011000"]
