"""Masks and boxes follow the pixels: against counts of painted pixels, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import PlanError, Spelling
from augcli.kernels import reference
from augcli.kernels.table import tabulate
from augcli.program.annotated import BoxRule
from augcli.program.boxes_and_masks import Source, follow_mask
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.samples import Colour, Outline, Shape
from tests.followed import Seen, follow_boxes

HEIGHT, WIDTH = 12, 16
WHOLE = Box(0, 0, HEIGHT, WIDTH)
BLACK = Colour(0, 0, 0)
ALL = BoxRule(min_paste_visibility=0.0)


@st.composite
def boxes(draw, height=HEIGHT, width=WIDTH, empty=True):
    y = sorted(draw(st.tuples(st.integers(0, height), st.integers(0, height))))
    x = sorted(draw(st.tuples(st.integers(0, width), st.integers(0, width))))
    box = Box(y[0], x[0], y[1], x[1])
    if not empty and not box.area:
        return Box(0, 0, 1, 1)
    return box


@st.composite
def areas(draw):
    if draw(st.booleans()):
        return draw(boxes())
    height, width = draw(st.integers(1, HEIGHT)), draw(st.integers(1, WIDTH))
    cells = -(-HEIGHT // height) * -(-WIDTH // width)
    return Patches(height, width, bytes(draw(st.lists(st.integers(0, 1), min_size=cells, max_size=cells))))


steps = st.one_of(
    st.builds(Fill, areas(), st.just(BLACK)),
    st.builds(Paste, areas(), st.integers(0, 1)),
    st.builds(Blend, areas(), st.sampled_from([0, 1, 16384, 32768, 65535, 65536]), st.integers(0, 1)),
)
programs = st.lists(steps, max_size=4).map(tuple)


def pixels_of(area):
    """Which pixels an area covers, one by one."""
    held = np.zeros((HEIGHT, WIDTH), bool)
    for box in [area] if isinstance(area, Box) else area.boxes(HEIGHT, WIDTH):
        held[box.y0 : box.y1, box.x0 : box.x1] = True
    return held


def paint(program):
    """The share of base, and of what each step put there, of every pixel."""
    shares = np.zeros((len(program) + 1, HEIGHT, WIDTH))
    shares[0] = 1
    for place, step in enumerate(program, start=1):
        where = pixels_of(step.area)
        kept = step.weight_q16 / 65536 if isinstance(step, Blend) else 0
        shares[:, where] *= kept
        if not isinstance(step, Fill):
            shares[place, where] += 1 - kept
    return shares


def edges(box):
    return (box.y0, box.x0, box.y1, box.x1)


@pytest.mark.slow
@given(programs, st.lists(boxes(empty=False), max_size=3))
def test_what_is_seen_of_the_bases_boxes_is_the_counted_share_of_their_pixels(program, held):
    base, partner = Source(HEIGHT, WIDTH, [edges(box) for box in held]), Source(HEIGHT, WIDTH, [])
    found = {one.number: one for one in follow_boxes(program, base, [partner, partner], ALL)}
    share = paint(program)[0]
    for number, box in enumerate(held):
        inside = share[box.y0 : box.y1, box.x0 : box.x1]
        count = np.count_nonzero(inside)
        if not count:
            assert number not in found
            continue
        assert found[number].visibility == count / box.area
        assert found[number].weight == pytest.approx(inside.sum() / count, rel=1e-12)
        assert found[number].edges == edges(box)


@pytest.mark.slow
@given(programs, boxes(empty=False))
def test_shrink_gives_the_bounds_of_the_pixels_that_are_seen(program, box):
    base, partner = Source(HEIGHT, WIDTH, [edges(box)]), Source(HEIGHT, WIDTH, [])
    found = follow_boxes(program, base, [partner, partner], BoxRule("shrink"))
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[box.y0 : box.y1, box.x0 : box.x1] = True
    seen = np.argwhere((paint(program)[0] > 0) & inside)
    assert [one.edges for one in found] == ([(*seen.min(0), *(seen.max(0) + 1))] if len(seen) else [])


@pytest.mark.slow
@given(programs, boxes(empty=False))
def test_what_is_seen_of_a_partners_boxes_is_what_was_pasted_and_not_hidden_since(program, box):
    base, partner = Source(HEIGHT, WIDTH, []), Source(HEIGHT, WIDTH, [edges(box)])
    found = follow_boxes(program, base, [partner, partner], ALL)
    shares = paint(program)
    expected = []
    for place, step in enumerate(program, start=1):
        if not isinstance(step, Fill):
            inside = shares[place][box.y0 : box.y1, box.x0 : box.x1]
            if inside.any():
                expected.append((step.slot, np.count_nonzero(inside) / box.area))
    assert [(one.slot, one.visibility) for one in found] == expected


@pytest.mark.parametrize(
    ("hole", "visibility"),
    [
        (Box(0, 0, 4, 4), 1.0),  # beside it
        (Box(4, 4, 8, 8), None),  # all of it
        (Box(0, 0, 12, 16), None),
        (Box(4, 4, 8, 6), 0.5),
        (Box(5, 5, 7, 7), 0.75),  # inside it
        (Box(7, 7, 12, 16), 1 - 1 / 16),  # a corner
    ],
)
def test_a_hole_hides_its_share_of_a_box(hole, visibility):
    found = follow_boxes((Fill(hole, BLACK),), Source(HEIGHT, WIDTH, [(4, 4, 8, 8)]), [], BoxRule())
    assert [one.visibility for one in found] == ([] if visibility is None else [visibility])


def test_holes_that_overlap_hide_their_union():
    holes = (Fill(Box(4, 4, 8, 6), BLACK), Fill(Box(4, 5, 8, 7), BLACK))
    (found,) = follow_boxes(holes, Source(HEIGHT, WIDTH, [(4, 4, 8, 8)]), [], BoxRule())
    assert found == Seen(None, 0, (4, 4, 8, 8), 0.25, 1.0)


def test_shrink_of_a_hole_in_the_middle_leaves_the_box():
    hole = (Fill(Box(5, 5, 7, 7), BLACK),)
    (found,) = follow_boxes(hole, Source(HEIGHT, WIDTH, [(4, 4, 8, 8)]), [], BoxRule("shrink"))
    assert found.edges == (4, 4, 8, 8)


def test_a_box_of_broken_pixels_counts_by_area():
    hole = (Fill(Box(0, 0, 5, 16), BLACK),)
    (found,) = follow_boxes(hole, Source(HEIGHT, WIDTH, [(4.5, 2.25, 6.5, 3.75)]), [], BoxRule("shrink"))
    assert (found.visibility, found.edges) == (0.75, (5, 2.25, 6.5, 3.75))


@pytest.mark.parametrize(("least", "stays"), [(0.0, True), (0.25, True), (0.2501, False), (1.0, False)])
def test_a_box_of_which_too_little_is_seen_is_dropped(least, stays):
    hole = (Fill(Box(4, 4, 8, 7), BLACK),)
    rule = BoxRule(min_visibility=least)
    assert len(follow_boxes(hole, Source(HEIGHT, WIDTH, [(4, 4, 8, 8)]), [], rule)) == stays


def test_a_partners_box_is_clipped_to_what_is_pasted_and_the_bases_loses_it():
    base = Source(HEIGHT, WIDTH, [(0, 0, 12, 16)])
    partner = Source(HEIGHT, WIDTH, [(2, 2, 6, 6)])
    own, other = follow_boxes((Paste(Box(4, 4, 12, 16), 0),), base, [partner], BoxRule())
    assert own == Seen(None, 0, (0, 0, 12, 16), 0.5, 1.0)
    assert other == Seen(0, 0, (4, 4, 6, 6), 0.25, 1.0)


@pytest.mark.parametrize(("least", "stays"), [(0.25, True), (0.26, False)])
def test_a_partners_box_of_which_too_little_is_pasted_is_dropped(least, stays):
    partner = Source(HEIGHT, WIDTH, [(2, 2, 6, 6)])
    rule = BoxRule(min_paste_visibility=least)
    found = follow_boxes((Paste(Box(4, 4, 12, 16), 0),), Source(HEIGHT, WIDTH, []), [partner], rule)
    assert len(found) == stays


def test_a_partner_of_another_size_is_stretched_with_its_boxes():
    partner = Source(24, 8, [(4, 2, 8, 3)])
    (found,) = follow_boxes((Paste(WHOLE, 0),), Source(HEIGHT, WIDTH, []), [partner], BoxRule())
    assert found.edges == (2, 4, 4, 6)


def test_a_part_of_a_partner_is_stretched_over_the_area():
    partner = Source(20, 20, [(10, 10, 20, 20), (0, 0, 5, 5)])
    step = Paste(Box(2, 4, 6, 12), 0, Box(10, 10, 20, 20))
    (found,) = follow_boxes((step,), Source(HEIGHT, WIDTH, []), [partner], BoxRule())
    assert (found.number, found.edges) == (0, (2, 4, 6, 12))


def test_mixup_gives_both_lists_each_box_with_its_images_weight():
    held = Source(HEIGHT, WIDTH, [(1, 1, 5, 5)])
    found = follow_boxes((Blend(WHOLE, 16384, 0),), held, [held], BoxRule())
    assert found == [Seen(None, 0, (1, 1, 5, 5), 1.0, 0.25), Seen(0, 0, (1, 1, 5, 5), 1.0, 0.75)]


def test_nothing_is_done_where_there_is_no_step():
    base = Source(HEIGHT, WIDTH, [(1, 1, 5, 5), (2, 2, 3, 3)])
    assert [one.edges for one in follow_boxes((), base, [], BoxRule())] == list(base.boxes)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"policy": "clip"}, "^BoxRule: policy must be one of keep, shrink, got 'clip'$"),
        ({"min_visibility": 1.5}, r"^BoxRule: min_visibility must be >= 0 and <= 1, got 1\.5$"),
        ({"min_paste_visibility": -0.1}, r"min_paste_visibility must be >= 0 and <= 1, got -0\.1"),
        ({"min_visibility": "a"}, "min_visibility must be >= 0 and <= 1, got 'a'"),
    ],
)
def test_a_rule_that_is_none_is_refused(options, says):
    with pytest.raises(PlanError, match=says):
        BoxRule(**options)


def test_an_area_outside_the_image_is_refused():
    with pytest.raises(PlanError, match="outside the image of 12x16"):
        follow_boxes((Fill(Box(0, 0, 13, 1), BLACK),), Source(HEIGHT, WIDTH, []), [], BoxRule())


# --- masks ---------------------------------------------------------------------------------------------

pastes = st.lists(
    st.one_of(st.builds(Fill, areas(), st.just(BLACK)), st.builds(Paste, areas(), st.integers(0, 1))),
    max_size=4,
).map(tuple)


@pytest.mark.slow
@given(pastes)
def test_a_mask_is_the_partners_exactly_where_the_pixels_are(program):
    base = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    partners = [base + 1000, base + 2000]
    expected = base.copy()
    for step in program:
        if isinstance(step, Paste):
            where = pixels_of(step.area)
            expected[where] = partners[step.slot][where]
    mask = follow_mask(program, base, partners)
    np.testing.assert_array_equal(mask, expected)
    assert mask.dtype == np.uint16


@pytest.mark.slow
@given(pastes, st.integers(0, 255))
def test_with_a_fill_holes_have_its_index(program, fill):
    base = np.full((HEIGHT, WIDTH), 1, np.uint8)
    partners = [np.full((HEIGHT, WIDTH), slot + 2, np.uint8) for slot in range(2)]
    expected = base.copy()
    for step in program:
        expected[pixels_of(step.area)] = fill if isinstance(step, Fill) else step.slot + 2
    np.testing.assert_array_equal(follow_mask(program, base, partners, fill), expected)


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_partners_mask_of_another_size_is_read_at_the_nearest_pixel(height, width):
    partner = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    mask = follow_mask((Paste(WHOLE, 0),), np.zeros((HEIGHT, WIDTH), np.uint16), [partner])
    # The centre of pixel y lies at (y + 1/2)·height/HEIGHT of the partner: in pixel floor of that.
    rows = [int((2 * y + 1) * height // (2 * HEIGHT)) for y in range(HEIGHT)]
    columns = [int((2 * x + 1) * width // (2 * WIDTH)) for x in range(WIDTH)]
    np.testing.assert_array_equal(mask, partner[rows][:, columns])


def test_a_part_of_a_partners_mask_is_stretched_over_the_area():
    partner = np.array([[1, 2], [3, 4]], np.uint8)
    mask = follow_mask((Paste(Box(2, 4, 4, 8), 0, Box(1, 0, 2, 2)),), np.zeros((5, 9), np.uint8), [partner])
    assert mask[2:4, 4:8].tolist() == [[3, 3, 4, 4]] * 2
    assert mask.sum() == 2 * (3 + 3 + 4 + 4)


@pytest.mark.parametrize("area", [Box(3, 2, 9, 12), Patches(3, 4, bytes([0] * 8 + [1] * 4 + [0] * 4))])
def test_a_part_is_stretched_over_a_box_or_with_patches_over_the_image_as_pixels_are(area):
    indices = np.array([[0, 1, 7], [1, 0, 7], [7, 7, 7]], np.uint8)
    program, image = (Paste(area, 0, Box(0, 0, 2, 2)),), np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    reference.apply(tabulate(program, Shape(HEIGHT, WIDTH, 1), [(3, 3)]), [100 * indices[..., None]], image)
    mask = follow_mask(program, np.full((HEIGHT, WIDTH), 9, np.uint8), [indices])
    # Pixels are interpolated between the two values; the nearer one is that of the mask.
    nearest = np.where(image[..., 0] == 255, 9, image[..., 0] > 50)
    is_clear = image[..., 0] != 50
    np.testing.assert_array_equal(mask[is_clear], nearest[is_clear])


def test_a_blend_of_masks_is_refused_with_the_cure():
    base = np.zeros((HEIGHT, WIDTH), np.uint8)
    with pytest.raises(PlanError, match="cannot be blended; give mask_policy='dominant', or leave") as caught:
        follow_mask((Blend(WHOLE, 40000, 0),), base, [base])
    assert "give --mask-policy dominant, or leave out masks" in caught.value.spell(Spelling.FLAG)


@pytest.mark.parametrize(("weight", "index"), [(0, 2), (32767, 2), (32768, 1), (65536, 1)])
def test_with_dominant_a_blend_has_the_mask_of_the_image_that_weighs_more(weight, index):
    base, partner = np.full((HEIGHT, WIDTH), 1, np.uint8), np.full((HEIGHT, WIDTH), 2, np.uint8)
    mask = follow_mask((Blend(WHOLE, weight, 0),), base, [partner], policy="dominant")
    assert np.unique(mask).tolist() == [index]


def test_the_mask_that_was_given_stays_as_it_is():
    base, partner = np.zeros((HEIGHT, WIDTH), np.uint8), np.ones((HEIGHT, WIDTH), np.uint8)
    follow_mask((Paste(WHOLE, 0),), base, [partner])
    assert not base.any()


def test_an_index_that_does_not_fit_the_depth_is_refused():
    base, partner = np.zeros((HEIGHT, WIDTH), np.uint8), np.full((HEIGHT, WIDTH), 256, np.uint16)
    with pytest.raises(PlanError, match="an index of 256 does not fit a mask of uint8"):
        follow_mask((Paste(WHOLE, 0),), base, [partner])


def test_an_unknown_policy_is_refused():
    base = np.zeros((HEIGHT, WIDTH), np.uint8)
    with pytest.raises(PlanError, match=r"^mask_policy must be one of dominant, got 'mean'$"):
        follow_mask((), base, [], policy="mean")


# albumentations' own cases for boxes and holes (its tests of `filter_bboxes_by_holes`, 1.4), restated: x is
# first there, rows here. Left out is what its least area in pixels decides, which is no rule of ours.
# Each: box, holes, least visibility, and what stays of the box.

KEPT = [
    ((10, 10, 20, 20), [(30, 30, 40, 40)], 0.5, (10, 10, 20, 20)),  # beside it
    ((10, 10, 30, 30), [(25, 25, 35, 35)], 0.5, (10, 10, 30, 30)),  # a corner of it
    ((10, 10, 40, 40), [(20, 20, 30, 30)], 0.5, (10, 10, 40, 40)),  # its middle
    ((30, 30, 40, 40), [(15, 15, 25, 25), (45, 45, 55, 55)], 0.5, (30, 30, 40, 40)),
    ((10, 10, 30, 30), [(15, 15, 25, 25), (45, 45, 55, 55)], 0.5, (10, 10, 30, 30)),
    ((40, 40, 60, 60), [(15, 15, 25, 25), (45, 45, 55, 55)], 0.5, (40, 40, 60, 60)),
    ((10, 10, 20, 20), [], 0.5, (10, 10, 20, 20)),
    ((10, 10, 20, 20), [(10, 10, 20, 20)], 0.5, None),
    ((10, 10, 30, 30), [(15, 15, 25, 25)], 0.9, None),  # three quarters of it are seen
    ((10, 10, 30, 30), [(15, 15, 25, 25)], 0.1, (10, 10, 30, 30)),
    ((10, 10, 20, 20), [(15, 15, 25, 25)], 0.0, (10, 10, 20, 20)),
    ((10, 10, 20, 20), [(15, 15, 25, 25)], 1.0, None),
    ((30, 30, 40, 40), [(15, 15, 25, 25)], 1.0, (30, 30, 40, 40)),
    ((30, 30, 40, 40), [(0, 0, 50, 50)], 0.1, None),
]
SHRUNK = [
    ((10, 10, 30, 30), [(15, 15, 20, 20)], 0.5, (10, 10, 30, 30)),  # a hole in the middle
    ((10, 10, 20, 20), [(10, 10, 19, 19)], 0.5, None),  # 19 of 100 pixels are seen
    ((50, 50, 60, 60), [(50, 50, 60, 55)], 0.3, (50, 55, 60, 60)),  # the left half is hidden
    ((0, 0, 10, 10), [(0, 0, 10, 5)], 0.4, (0, 5, 10, 10)),
    ((90, 90, 100, 100), [(95, 95, 100, 100)], 0.4, (90, 90, 100, 100)),  # a corner alone
    ((45, 45, 55, 55), [(45, 45, 50, 55)], 0.4, (50, 45, 55, 55)),  # the upper half
    ((10, 10, 30, 15), [(20, 10, 25, 15)], 0.3, (10, 10, 30, 15)),  # the middle of a tall one
    ((30, 30, 40, 60), [(30, 45, 40, 60)], 0.3, (30, 30, 40, 45)),  # the right half of a wide one
    ((50, 50, 70, 70), [(50, 50, 60, 70)], 0.3, (60, 50, 70, 70)),
    ((80, 80, 98, 82), [(85, 80, 90, 82)], 0.3, (80, 80, 98, 82)),
    ((90, 90, 95, 100), [(90, 95, 95, 100)], 0.3, (90, 90, 95, 95)),
    ((10, 10, 20, 30), [(10, 10, 20, 15)], 0.6, (10, 15, 20, 30)),  # three quarters are seen
    ((40, 40, 60, 50), [(40, 40, 45, 50)], 0.6, (45, 40, 60, 50)),
    ((70, 70, 90, 90), [(70, 70, 80, 90)], 0.6, None),  # half of it
    ((80, 5, 95, 15), [(80, 5, 90, 15)], 0.6, None),  # a third
    ((0, 90, 20, 100), [(0, 95, 20, 100)], 0.5, (0, 90, 20, 95)),
    ((95, 50, 100, 70), [(98, 50, 100, 70)], 0.5, (95, 50, 98, 70)),
    ((70, 70, 85, 85), [(70, 70, 85, 75), (80, 70, 85, 85)], 0.0, (70, 75, 80, 85)),  # left and below
    ((70, 70, 90, 90), [(70, 70, 75, 90), (85, 70, 90, 90), (70, 70, 90, 75), (70, 85, 90, 90)], 0.0,
     (75, 75, 85, 85)),  # all four sides
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "case"), [("keep", case) for case in KEPT] + [("shrink", case) for case in SHRUNK]
)
def test_what_stays_of_a_box_beside_holes_is_what_albumentations_says(policy, case):
    box, holes, least, expected = case
    program = tuple(Fill(Box(*hole), BLACK) for hole in holes)
    found = follow_boxes(program, Source(100, 100, [box]), [], BoxRule(policy, min_visibility=least))
    assert [one.edges for one in found] == ([] if expected is None else [expected])


def test_what_of_a_box_lies_outside_of_its_image_is_not_seen():
    (found,) = follow_boxes((), Source(HEIGHT, WIDTH, [(-2, 4, 2, 8)]), [], BoxRule())
    assert found == Seen(None, 0, (0, 4, 2, 8), 0.5, 1.0)


@pytest.mark.parametrize(
    ("policy", "least", "stays"),
    [("keep", 6, True), ("keep", 6.5, False), ("shrink", 2, True), ("shrink", 2.5, False)],
)
def test_a_min_size_is_of_the_box_that_is_written(policy, least, stays):
    """Of a box of 10x6 a hole leaves 10x2: `keep` writes a shorter side of 6, `shrink` of 2."""
    program = [Fill(Box(0, 0, 20, 4), Colour(0, 0, 0))]
    rule = BoxRule(policy, min_size=least)
    found = follow_boxes(program, Source(20, 20, [(0, 0, 10, 6)]), [], rule)
    assert [seen.number for seen in found] == ([0] if stays else [])


def test_a_min_size_holds_for_pasted_boxes_too():
    """A partner of 10x10 is pasted as 20x20: its box of 3x4 becomes one of 6x8."""
    program = [Paste(Box(0, 0, 20, 20), 0)]
    partner = Source(10, 10, [(0, 0, 3, 4)])
    for least, numbers in ((6, [0]), (6.1, [])):
        found = follow_boxes(program, Source(20, 20, []), [partner], BoxRule(min_size=least))
        assert [seen.number for seen in found] == numbers


def test_area_of_a_box_that_is_seen_whole_stays_that_of_the_input():
    """Edges may come as lists, as NumPy gives them."""
    source = Source(20, 20, [[0.0, 0.0, 10.0, 6.0]], [Outline(area=37.0)])
    (seen,) = follow_boxes([], source, [], BoxRule())
    assert seen.outline == Outline(area=37.0)
    (cut,) = follow_boxes([Fill(Box(0, 0, 5, 5), Colour(0, 0, 0))], source, [], BoxRule())
    assert cut.outline == Outline()
