"""The field's formulas, restated by hand, against our plans for the same draws.

Where `torchvision` 0.29 and `timm` 1.0 do something else on purpose of ours (a clipped half-side that loses
a pixel of odd boxes, upper ends that are never reached), the test says so and holds the difference.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.ops import base, cutmix, erase, mixup
from augcli.ops.cutmix import CutMix
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.program.labels import count_shares, mix_labels
from augcli.program.steps import Box
from augcli.rng import Draws
from augcli.samples import Shape, SoftLabel
from tests.smoothing import smooth

sides = st.integers(2, 300)
shares = st.floats(0.001, 0.999)


class Injected:
    """Draws that give what a test wants: lists of numbers by stream."""

    def __init__(self, lam=None, **numbers):
        self.lam, self.numbers = lam, {int(name[1:]): list(many) for name, many in numbers.items()}

    def beta_log_odds(self, stream, alpha):
        return math.log(self.lam) - math.log1p(-self.lam)

    def uniforms(self, stream, count, start=0):
        return tuple(self.numbers[stream][start : start + count])

    def integers(self, stream, *bounds, start=0):
        if stream not in self.numbers:
            return (0,) * len(bounds)
        drawn = self.numbers[stream][start : start + len(bounds)]
        assert all(0 <= value < bound for value, bound in zip(drawn, bounds, strict=True))
        return tuple(drawn)


def cutmix_plan(lam, cy, cx, height, width):
    plan = CutMix().plan(Injected(lam, **{f"s{cutmix.PLACE}": (cy, cx)}), Shape(height, width), 0)
    return plan.steps[0].area if plan.steps else None


@given(sides, sides, shares, st.data())
def test_cutmix_as_timm_where_sides_are_even(height, width, lam, data):
    cy, cx = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    ratio = math.sqrt(1 - lam)
    cut_h, cut_w = int(height * ratio), int(width * ratio)
    yl, yh = np.clip([cy - cut_h // 2, cy + cut_h // 2], 0, height).tolist()
    xl, xh = np.clip([cx - cut_w // 2, cx + cut_w // 2], 0, width).tolist()
    ours = cutmix_plan(lam, cy, cx, height, width)
    # An odd side of theirs is a pixel short; ours has it at the bottom or right, where that is inside.
    expected = Box(yl, xl, min(yh + cut_h % 2, height), min(xh + cut_w % 2, width))
    if expected.area == 0:
        assert ours is None
        return
    assert ours == expected
    program = CutMix().plan(Injected(lam, **{f"s{cutmix.PLACE}": (cy, cx)}), Shape(height, width), 0).steps
    shares = count_shares(program, height, width, 1)
    label = mix_labels([SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))], shares)
    corrected = 1.0 - ours.area / float(height * width)
    assert dict(zip(label.classes, label.weights, strict=True)).get(0, 0.0) == pytest.approx(
        corrected, abs=1e-12
    )


@given(sides, sides, shares, st.data())
def test_cutmix_as_torchvision_where_sides_are_even(height, width, lam, data):
    r_y, r_x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    r = 0.5 * math.sqrt(1.0 - lam)
    half_w, half_h = int(r * width), int(r * height)
    x1, y1 = max(r_x - half_w, 0), max(r_y - half_h, 0)
    x2, y2 = min(r_x + half_w, width), min(r_y + half_h, height)
    ours = cutmix_plan(lam, r_y, r_x, height, width)
    odd_h, odd_w = int(height * 2 * r) % 2, int(width * 2 * r) % 2
    expected = Box(y1, x1, min(y2 + odd_h, height), min(x2 + odd_w, width))
    assert ours == (expected if expected.area else None)
    if not (odd_h or odd_w) and ours:
        assert 1 - ours.area / (height * width) == float(1.0 - (x2 - x1) * (y2 - y1) / (width * height))


@given(sides, sides, st.tuples(shares, shares).map(sorted), st.data())
def test_minmax_as_timm(height, width, minmax, data):
    low, high = minmax
    cut_h = data.draw(st.integers(int(height * low), int(height * high)))
    cut_w = data.draw(st.integers(int(width * low), int(width * high)))
    yl, xl = data.draw(st.integers(0, height - cut_h)), data.draw(st.integers(0, width - cut_w))
    draws = Injected(
        **{
            f"s{cutmix.SIDES}": (cut_h - int(height * low), cut_w - int(width * low)),
            f"s{cutmix.PLACE}": (yl, xl),
        }
    )
    plan = CutMix(minmax=(low, high)).plan(draws, Shape(height, width), 0)
    assert (plan.steps[0].area if plan.steps else None) == (
        Box(yl, xl, yl + cut_h, xl + cut_w) if cut_h * cut_w else None
    )


@given(
    sides,
    sides,
    st.lists(st.tuples(st.floats(0.001, 0.999), st.floats(0.001, 0.999)), min_size=10, max_size=10),
)
def test_erasing_as_timm_and_torchvision(height, width, drawn):
    min_area, max_area, ratio = 0.02, 1 / 3, (0.3, 1 / 0.3)
    numbers = [value for pair in drawn for value in (*pair, 0, 0)]
    operation = Erase(scale=(min_area, max_area), ratio=ratio)
    plan = operation.plan(
        Injected(**{f"s{erase.BOX}": numbers, f"s{base.PAINT}": (1,)}), Shape(height, width), 0
    )
    expected = None
    for scale, aspect in drawn:
        target_area = (min_area + (max_area - min_area) * scale) * height * width / 1
        log_ratio = math.log(ratio[0]), math.log(ratio[1])
        aspect_ratio = math.exp(log_ratio[0] + (log_ratio[1] - log_ratio[0]) * aspect)
        h = int(round(math.sqrt(target_area * aspect_ratio)))  # noqa: RUF046 - as they write it
        w = int(round(math.sqrt(target_area / aspect_ratio)))  # noqa: RUF046
        # They want h < H and w < W, so no box is as long as the image; and their boxes may be empty.
        if max(h, 1) <= height and max(w, 1) <= width:
            expected = Box(0, 0, max(h, 1), max(w, 1))
            break
    assert (plan.steps[0].area if plan.steps else None) == expected


@given(st.floats(0, 1), st.integers(0, 4), st.integers(0, 4))
def test_mixup_labels_as_timm_and_torchvision(lam, first, second):
    lam = round(lam * 65536) / 65536  # ours is rounded to what the pixels use
    program = Mixup(lam=lam).plan(Injected(), Shape(8, 8), 0).steps
    labels = [SoftLabel((name,), (1.0,)) for name in (first, second)]
    label = mix_labels(labels, count_shares(program, 8, 8, 1))
    one_hot = np.eye(5)
    np.testing.assert_allclose(
        smooth(label, 5, 0.0, "uniform"), one_hot[first] * lam + one_hot[second] * (1 - lam), atol=1e-12
    )
    # timm smooths each one-hot row first: off = ε/K, on = 1 - ε + off; torchvision's loss does the same.
    epsilon, off = 0.1, 0.1 / 5
    rows = one_hot * (1 - epsilon) + off
    expected = rows[first] * lam + rows[second] * (1 - lam)
    np.testing.assert_allclose(smooth(label, 5, epsilon, "uniform"), expected, atol=1e-12)


@pytest.mark.slow
@given(st.floats(0.001, 0.999))
def test_mixup_pixels_as_the_field_but_rounded(lam):
    from augcli.kernels import reference
    from augcli.kernels.table import tabulate

    values = np.arange(256, dtype=np.uint8)
    base_image, partner = np.meshgrid(values, values, indexing="ij")
    image = base_image[..., None].copy()
    program = Mixup(lam=lam).plan(Injected(), Shape(256, 256, 1), 0).steps
    reference.apply(tabulate(program, Shape(256, 256, 1), [(256, 256)]), [partner[..., None].copy()], image)
    if program:
        weight = program[0].weight_q16 / 65536
        exact = base_image * weight + partner * (1 - weight)
        assert np.abs(image[..., 0] - exact).max() <= 0.5 + 1e-9


def test_the_injected_draws_are_those_that_are_used():
    """The spy above must not hide a stream: the real draws give a plan of the same form."""
    for operation in (CutMix(), Mixup(), Erase()):
        assert operation.plan(Draws(0, 0, 0, 1), Shape(50, 50), 0).steps
    assert mixup.LAM == cutmix.LAM
