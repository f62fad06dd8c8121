"""Cells: whose pixels lie where, against programs that are followed pixel by pixel in fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import PlanError
from augcli.program.cells import follow_program
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.samples import Colour

HEIGHT, WIDTH = 7, 9
WHOLE = Box(0, 0, HEIGHT, WIDTH)
BLACK = Colour(0, 0, 0)


@st.composite
def areas(draw):
    if draw(st.booleans()):
        ys = sorted(draw(st.tuples(st.integers(0, HEIGHT), st.integers(0, HEIGHT))))
        xs = sorted(draw(st.tuples(st.integers(0, WIDTH), st.integers(0, WIDTH))))
        return Box(ys[0], xs[0], ys[1], xs[1])
    height, width = draw(st.integers(1, HEIGHT)), draw(st.integers(1, WIDTH))
    patches = -(-HEIGHT // height) * -(-WIDTH // width)
    return Patches(
        height, width, bytes(draw(st.lists(st.integers(0, 1), min_size=patches, max_size=patches)))
    )


weights = st.one_of(st.sampled_from([0, 1, 32767, 32768, 65535, 65536]), st.integers(0, 65536))
steps = st.one_of(
    st.builds(Fill, areas(), st.just(BLACK)),
    st.builds(Paste, areas(), st.integers(0, 1)),
    st.builds(Blend, areas(), weights, st.integers(0, 1)),
)
programs = st.lists(steps, max_size=8).map(tuple)


def covers(area, y, x):
    """Whether an area covers a pixel, by the words of its docstring."""
    if isinstance(area, Box):
        return area.y0 <= y < area.y1 and area.x0 <= x < area.x1
    columns = -(-WIDTH // area.width)
    return area.bitmap[y // area.height * columns + x // area.width] == 1


def follow_pixel(program, y, x):
    """Shares of all images at a pixel, which of them a fill hides, and whose mask it has."""
    shares, hidden, top = [Fraction(1)], [False], 0
    for step in program:
        is_covered = covers(step.area, y, x)
        if isinstance(step, Fill):
            hidden = [is_covered or was for was in hidden]
            continue
        kept = Fraction(step.weight_q16, 65536) if isinstance(step, Blend) else Fraction(0)
        if is_covered:
            shares = [share * kept for share in shares]
            top = len(shares) if kept < Fraction(1, 2) else top
        shares.append(1 - kept if is_covered else Fraction(0))
        hidden.append(False)
    return shares, hidden, top


@pytest.mark.slow
@given(programs)
def test_cells_hold_what_every_pixel_of_theirs_holds(program):
    cells = follow_program(program, HEIGHT, WIDTH)
    tops = cells.spread(cells.tops)
    images = [(cells.spread(held), cells.spread(cells.visible(n))) for n, held in enumerate(cells.weights)]
    for y in range(HEIGHT):
        for x in range(WIDTH):
            shares, hidden, top = follow_pixel(program, y, x)
            for share, is_hidden, (weight, visible) in zip(shares, hidden, images, strict=True):
                assert Fraction(int(weight[y, x]), cells.unit) == share
                assert visible[y, x] == (0 if is_hidden else pytest.approx(float(share), rel=1e-14))
            assert tops[y, x] == top


@pytest.mark.slow
@given(programs)
def test_the_weights_of_a_cell_sum_to_the_unit(program):
    cells = follow_program(program, HEIGHT, WIDTH)
    assert (cells.weights.sum(axis=0) == cells.unit).all()
    assert sum(cells.count()) == cells.unit * HEIGHT * WIDTH


@given(st.lists(weights, max_size=4))
def test_up_to_four_blends_a_share_is_rounded_once(kept):
    cells = follow_program(tuple(Blend(WHOLE, weight, 0) for weight in kept), HEIGHT, WIDTH)
    expected = [int(weight) / cells.unit for weight in cells.weights[:, 0, 0]]
    assert cells.shares[:, 0, 0].tolist() == expected


@pytest.mark.parametrize(("weight", "image"), [(0, 1), (32767, 1), (32768, 0), (65536, 0)])
def test_of_two_images_that_are_blended_the_heavier_has_its_mask_of_equals_the_lower(weight, image):
    assert follow_program((Blend(WHOLE, weight, 0),), HEIGHT, WIDTH).tops.tolist() == [[image]]


def test_many_blends_are_counted_without_rounding():
    cells = follow_program((Blend(WHOLE, 65535, 0),) * 9, HEIGHT, WIDTH)
    assert cells.count()[0] == 65535**9 * HEIGHT * WIDTH


def test_images_are_counted_by_their_pixels():
    program = (Paste(Box(0, 0, 2, 9), 1), Fill(WHOLE, BLACK), Paste(Box(1, 0, 2, 9), 0))
    assert follow_program(program, HEIGHT, WIDTH).count() == [45, 9, 9]


def test_without_steps_there_is_one_cell():
    cells = follow_program((), HEIGHT, WIDTH)
    assert (cells.ys, cells.xs, cells.unit) == ([0, HEIGHT], [0, WIDTH], 1)
    assert cells.count() == [HEIGHT * WIDTH]


@pytest.mark.parametrize("area", [Box(0, 0, HEIGHT + 1, 1), Box(0, 0, 1, WIDTH + 1)])
def test_an_area_outside_the_image_is_refused(area):
    with pytest.raises(PlanError, match="a step's area lies outside the image of 7x9"):
        follow_program((Fill(area, BLACK),), HEIGHT, WIDTH)
