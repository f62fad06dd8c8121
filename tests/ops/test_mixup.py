"""Mixup weights."""

from __future__ import annotations

import pytest
from scipy import stats

from augcli.errors import UsageError
from augcli.ops.mixup import Mixup
from augcli.program.steps import Blend, Box
from augcli.rng import Draws, hash_key
from augcli.samples import Shape


def plan(number, alpha=0.2, seed=0):
    return Mixup(alpha=alpha).plan(Draws(seed, 0, 0, hash_key(str(number))), Shape(6, 7), 0)


def test_the_whole_image_is_blended():
    step = plan(1, alpha=1.0).steps[0]
    assert isinstance(step, Blend)
    assert step.area == Box(0, 0, 6, 7)


def test_weights_follow_the_beta_law():
    weights = [plan(number, alpha=1.0).steps[0].weight_q16 / 65536 for number in range(3000)]
    assert stats.kstest(weights, stats.beta(1, 1).cdf).pvalue > 0.01


def test_a_weight_of_one_changes_nothing_and_says_so():
    plans = [plan(number, alpha=0.02) for number in range(200)]
    unmixed = [one for one in plans if not one.steps]
    assert unmixed
    assert {one.reason for one in unmixed} == {"weight of 1"}
    assert all(one.steps[0].weight_q16 < 65536 for one in plans if one.steps)


def test_golden_weights_never_change():
    """Literal weights of seed 0: if these change, no data set made with augcli can be reproduced."""
    weights = [Mixup(alpha=0.2).plan(Draws(0, 0, 0, n), Shape(6, 7), 0).steps for n in (1, 2, 3, 4)]
    assert [steps[0].weight_q16 if steps else 65536 for steps in weights] == GOLDEN


GOLDEN = [1688, 64478, 20, 190]


def test_alpha_outside_its_range_is_refused():
    with pytest.raises(UsageError, match=r"^mixup: alpha must be > 0 and <= 1000, got 0"):
        Mixup(alpha=0)


def weight_of(operation, number):
    steps = operation.plan(Draws(0, 0, 0, hash_key(str(number))), Shape(6, 7), 0).steps
    return steps[0].weight_q16 if steps else 65536


def test_keep_base_turns_small_weights_round():
    for number in range(300):
        free, kept = weight_of(Mixup(alpha=0.5), number), weight_of(Mixup(alpha=0.5, keep_base=True), number)
        assert kept == max(free, 65536 - free)


def test_a_fixed_lam_is_rounded_to_a_65536th():
    assert {weight_of(Mixup(lam=0.3), number) for number in range(20)} == {19661}  # 0.3 · 65536 = 19660.8
    assert weight_of(Mixup(lam=0.3, keep_base=True), 1) == 45875


def test_a_lam_of_zero_gives_the_partner():
    assert weight_of(Mixup(lam=0), 1) == 0
