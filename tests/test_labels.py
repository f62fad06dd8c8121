"""Labels: exact shares of any program, held by counting pixels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import PlanError
from augcli.kernels import reference
from augcli.kernels.table import tabulate
from augcli.program.cells import follow_program
from augcli.program.labels import Shares, count_shares, dominant, mix_labels
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.samples import Colour, Shape, SoftLabel
from tests.smoothing import smooth


@st.composite
def areas(draw, height, width):
    if draw(st.booleans()):
        ys = sorted(draw(st.tuples(st.integers(0, height), st.integers(0, height))))
        xs = sorted(draw(st.tuples(st.integers(0, width), st.integers(0, width))))
        return Box(ys[0], xs[0], ys[1], xs[1])
    patch_height, patch_width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    cells = -(-height // patch_height) * -(-width // patch_width)
    return Patches(
        patch_height, patch_width, bytes(draw(st.lists(st.integers(0, 1), min_size=cells, max_size=cells)))
    )


@st.composite
def programs(draw, kinds, partners=2):
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    steps = []
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=5)):
        area, slot = draw(areas(height, width)), draw(st.integers(0, partners - 1))
        if kind is Fill:
            steps.append(Fill(area, Colour(1, 2, 3)))
        elif kind is Paste:
            steps.append(Paste(area, slot))
        else:
            steps.append(Blend(area, draw(st.integers(0, 65536)), slot))
    return tuple(steps), height, width


def run_flat(program, height, width, white, dtype=np.uint8):
    """Run a program on flat images: source `white` is full, all others are 0; gives the image."""
    full = np.iinfo(dtype).max
    sources = [np.full((height, width, 1), full * (source == white), dtype) for source in range(3)]
    shape = Shape(height, width, 1, 8 * np.dtype(dtype).itemsize)
    image = sources[0].copy()
    reference.apply(tabulate(program, shape, [(height, width)] * 2), sources[1:], image)
    return image


@pytest.mark.slow
@given(programs([Paste]))
def test_census_of_pastes_equals_the_label_exactly(case):
    program, height, width = case
    shares = count_shares(program, height, width, 2)
    for source in range(3):
        counted = int((run_flat(program, height, width, source) == 255).sum())
        assert Fraction(shares.counts[source], shares.total) == Fraction(counted, height * width)


@pytest.mark.slow
@given(programs([Paste, Blend, Fill]))
def test_census_of_any_chain_matches_within_the_rounding_of_each_blend(case):
    program, height, width = case
    blends = sum(isinstance(step, Blend) for step in program)
    unfilled = tuple(step for step in program if not isinstance(step, Fill))
    shares = count_shares(program, height, width, 2)
    for source in range(3):
        grey = run_flat(unfilled, height, width, source, np.uint16).astype(np.float64).mean() / 65535
        # Each blend rounds by at most half a level of 16 bit.
        assert abs(grey - shares.counts[source] / shares.total) <= 0.5 * blends / 65535 + 1e-12


@pytest.mark.slow
@given(programs([Paste, Blend, Fill]))
def test_one_mixing_step_counts_as_the_cells_do(case):
    program, height, width = case
    for step in program:
        cells = follow_program((step,), height, width).count()
        shares = count_shares((step,), height, width, 2)
        counted = [cells[0], 0, 0]
        if not isinstance(step, Fill):
            counted[step.slot + 1] = cells[1]
        assert [Fraction(count, shares.total) for count in shares.counts] == [
            Fraction(count, sum(cells)) for count in counted
        ]


@pytest.mark.slow
@given(programs([Paste, Blend, Fill]))
def test_labels_sum_to_one(case):
    program, height, width = case
    labels = [SoftLabel((name,), (1.0,)) for name in range(3)]
    label = mix_labels(labels, count_shares(program, height, width, 2))
    assert sum(label.weights) == pytest.approx(1.0, abs=1e-12)


def test_fills_leave_the_label():
    shares = count_shares((Fill(Box(0, 0, 4, 4), Colour(0, 0, 0)),), 4, 4, 0)
    assert (shares.counts, shares.total) == ((1,), 1)


def test_a_paste_over_a_paste_hides_it():
    # 10x10; partner 1 takes 6x10 = 60, partner 2 then 3x10 of these: 40, 30, 30 by hand.
    shares = count_shares((Paste(Box(0, 0, 6, 10), 0), Paste(Box(0, 0, 3, 10), 1)), 10, 10, 2)
    assert (shares.counts, shares.total) == ((4, 3, 3), 10)


def test_a_blend_over_a_paste_halves_both():
    program = (Paste(Box(0, 0, 5, 10), 0), Blend(Box(0, 0, 10, 10), 32768, 1))
    shares = count_shares(program, 10, 10, 2)
    assert (shares.counts, shares.total) == ((1, 1, 2), 4)


def test_lam_is_the_bases_own_share():
    assert count_shares((Paste(Box(0, 0, 1, 3), 0),), 2, 6, 1).lam == 0.75


def test_same_class_pairs_collapse_to_one_entry():
    cat = SoftLabel((3,), (1.0,))
    assert mix_labels([cat, cat], Shares((7, 3), 10)) == cat


def test_mixing_is_linear_in_soft_labels():
    mixed = mix_labels([SoftLabel((0, 2), (0.5, 0.5)), SoftLabel((1, 2), (0.25, 0.75))], Shares((1, 1), 2))
    assert mixed == SoftLabel((0, 1, 2), (0.25, 0.125, 0.625))


def test_multi_hot_labels_mix_without_being_normalised():
    assert mix_labels(
        [SoftLabel((0, 1), (1.0, 1.0)), SoftLabel((1,), (1.0,))], Shares((1, 1), 2)
    ) == SoftLabel((0, 1), (0.5, 1.0))


@st.composite
def quarters(draw):
    """A label whose weights are quarters, which floats hold exactly, as their products with counts."""
    classes = sorted(draw(st.sets(st.integers(0, 4), min_size=1, max_size=3)))
    return SoftLabel(tuple(classes), tuple(draw(st.integers(1, 8)) / 4 for _ in classes))


@given(st.lists(st.tuples(quarters(), st.integers(0, 1 << 40)), min_size=1, max_size=4))
def test_weights_are_the_exact_means_rounded_once(sources):
    labels, counts = zip(*sources, strict=True)
    total = sum(counts) or 1
    means = {}
    for label, count in sources:
        for name, weight in zip(label.classes, label.weights, strict=True):
            means[name] = means.get(name, 0) + Fraction(weight) * count / total
    expected = {name: float(mean) for name, mean in means.items() if mean}
    if expected:
        mixed = mix_labels(labels, Shares(counts, total))
        assert dict(zip(mixed.classes, mixed.weights, strict=True)) == expected
        assert mixed.classes == tuple(sorted(expected))


def test_a_source_without_pixels_leaves_no_entry():
    assert mix_labels([SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))], Shares((0, 5), 5)) == SoftLabel(
        (1,), (1.0,)
    )


def test_labels_and_counts_must_be_as_many():
    with pytest.raises(PlanError):
        mix_labels([SoftLabel((0,), (1.0,))], Shares((1, 1), 2))


def test_smoothing_uniform_by_hand():
    # ε = 0.1, K = 4: 0.9·1 + 0.025 and 0.025.
    assert smooth(SoftLabel((1,), (1.0,)), 4, 0.1, "uniform") == pytest.approx([0.025, 0.925, 0.025, 0.025])


def test_smoothing_others_by_hand():
    # ε = 0.1, K = 4: the class keeps 0.9, the three others get ε/3.
    assert smooth(SoftLabel((1,), (1.0,)), 4, 0.1, "others") == pytest.approx(
        [0.1 / 3, 0.9, 0.1 / 3, 0.1 / 3]
    )


@pytest.mark.parametrize("form", ["uniform", "others"])
def test_smoothing_and_mixing_commute(form):
    first, second, shares = SoftLabel((0,), (1.0,)), SoftLabel((2,), (1.0,)), Shares((3, 7), 10)
    after = smooth(mix_labels([first, second], shares), 5, 0.2, form)
    smoothed = [SoftLabel(tuple(range(5)), tuple(smooth(label, 5, 0.2, form))) for label in (first, second)]
    assert mix_labels(smoothed, shares).weights == pytest.approx(after, abs=1e-15)


@given(quarters(), st.none() | st.integers(0, 4))
def test_the_dominant_class_has_the_largest_weight(label, preferred):
    weights = dict(zip(label.classes, label.weights, strict=True))
    strongest = {name for name, weight in weights.items() if weight == max(weights.values())}
    assert dominant(label, preferred) == (preferred if preferred in strongest else min(strongest))


def test_ties_go_to_the_preferred_class_then_to_the_lowest_index():
    tied = SoftLabel((1, 4, 6), (0.4, 0.4, 0.2))
    assert dominant(tied, 4) == 4
    assert dominant(tied, 6) == 1
    assert dominant(tied) == 1
