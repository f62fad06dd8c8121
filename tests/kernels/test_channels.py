"""Sources of every kind brought together: the three implementations agree, and the pixels are the label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augcli.io.images.codec import flatten
from augcli.kernels import cpu, gpu, reference
from augcli.kernels.match import match_pixels, mixed_shape
from augcli.kernels.table import tabulate
from augcli.program.labels import count_shares
from augcli.program.steps import Blend, Box, Fill, Paste, Uniform
from augcli.samples import Colour, Shape

WHITE = Colour(255, 255, 255)
KINDS = [(1, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16)]
"""What a decoded image may be: grey, RGB, RGBA, and 16-bit grey."""

HEIGHT, WIDTH = 9, 11


@st.composite
def boxes(draw):
    ys, xs = (sorted(draw(st.tuples(st.integers(0, side), st.integers(0, side)))) for side in (HEIGHT, WIDTH))
    return Box(ys[0], xs[0], ys[1], xs[1])


steps = st.one_of(
    st.builds(Paste, boxes(), st.integers(0, 1)),
    st.builds(Blend, boxes(), st.integers(0, 65536), st.integers(0, 1)),
    st.builds(Fill, boxes(), st.one_of(st.just(Colour(1, 200, 3)), st.builds(Uniform, st.integers(0, 9)))),
)
kinds = st.tuples(*[st.sampled_from(KINDS)] * 3)


def bring_together(base, partners):
    """Do what a run does before steps are applied; gives the output's shape, its base and its partners."""
    shape = mixed_shape(Shape.of(base), map(Shape.of, partners))
    opaque = [flatten(partner, WHITE) if partner.shape[2] == 4 else partner for partner in partners]
    matched = [match_pixels(partner, shape.channels, base.dtype) for partner in opaque]
    return shape, match_pixels(base, shape.channels, base.dtype).copy(), matched


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(kinds=kinds, program=st.lists(steps, max_size=4), seed=st.integers(0, 99))
def test_three_implementations_agree_on_sources_of_any_kind(host_compiled, kinds, program, seed):
    random = np.random.default_rng(seed)
    images = [
        random.integers(0, np.iinfo(dtype).max, (HEIGHT, WIDTH, channels), dtype, endpoint=True)
        for channels, dtype in kinds
    ]
    shape, base, partners = bring_together(images[0], images[1:])
    table = tabulate(tuple(program), shape, [(HEIGHT, WIDTH)] * 2)
    made = [base.copy() for _ in range(3)]
    for apply, image in zip((reference.apply, cpu.apply, gpu.apply), made, strict=True):
        apply(table, partners, image)
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@pytest.mark.slow
@given(kinds=kinds, program=st.lists(st.builds(Paste, boxes(), st.integers(0, 1)), max_size=5))
def test_the_pixels_of_each_source_are_its_share_whatever_its_kind(kinds, program):
    # No two of these are the same in any channels and depth, over white.
    levels = (0, 90, 180)
    images = [
        np.full(
            (HEIGHT, WIDTH, channels),
            [257 * level if dtype == np.uint16 else level] * min(channels, 3) + [128] * (channels == 4),
            dtype,
        )
        for level, (channels, dtype) in zip(levels, kinds, strict=True)
    ]
    shape, image, partners = bring_together(images[0], images[1:])
    colours = [each[0, 0].copy() for each in (image, *partners)]
    reference.apply(tabulate(tuple(program), shape, [(HEIGHT, WIDTH)] * 2), partners, image)
    shares = count_shares(tuple(program), HEIGHT, WIDTH, 2)
    counts = [int((image == colour).all(axis=2).sum()) for colour in colours]
    assert sum(counts) == HEIGHT * WIDTH
    assert counts[0] == round(shares.lam * HEIGHT * WIDTH)
