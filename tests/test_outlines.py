"""Outlines and keypoints follow the pixels: against counts, against another clipper, and by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from augcli.program import boxes_and_masks, layers, polygons
from augcli.program.annotated import BoxRule
from augcli.program.boxes_and_masks import Shown, Source, follow_mask
from augcli.program.cells import Excerpt, follow_program
from augcli.program.layers import find_overlaps
from augcli.program.polygons import find_edges
from augcli.program.rings import order_rings
from augcli.program.run_lengths import Block, find_bounds, pack, unpack
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.samples import Colour, Corners, Outline, Polygons, RunLengths
from tests.followed import follow_boxes

HEIGHT, WIDTH = 12, 16
BLACK = Colour(0, 0, 0)
ALL = BoxRule(min_paste_visibility=0.0)
EMPTY = Source(HEIGHT, WIDTH, [])


def polygon(*rings):
    """An outline of rings of (y, x)."""
    return Polygons(np.array([point for ring in rings for point in ring], float), tuple(map(len, rings)))


def square(y0, x0, y1, x1):
    return [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]


def runs_of(mask, is_text=False):
    height, width = mask.shape
    return pack(Block(0, 0, mask), (height, width), is_text)


def mask_of(form):
    mask = np.zeros((form.height, form.width), bool)
    y0, x0, y1, x1 = find_bounds(form)
    mask[y0:y1, x0:x1] = unpack(form).pixels
    return mask


def source(form=None, keypoints=None, area=None, size=(HEIGHT, WIDTH), box=None):
    """An image of one object; its box is that of its outline."""
    points = None if keypoints is None else np.array(keypoints, float).reshape(-1, 3)
    if box is None:
        box = find_bounds(form) if isinstance(form, RunLengths) else find_edges(form.points)
    return Source(*size, [box], (Outline(form, points, area),))


def follow(program, base, partners=(), rule=ALL):
    return follow_boxes(tuple(program), base, list(partners), rule)


def rings(form):
    return [ring.tolist() for ring in np.split(form.points, np.cumsum(form.parts)[:-1])]


# --- polygons ------------------------------------------------------------------------------------------

TRIANGLE = polygon([(2, 2), (2, 10), (10, 2)])


def test_what_is_not_cut_is_the_value_that_came():
    base = source(TRIANGLE, area=31.0)
    (found,) = follow([Fill(Box(8, 8, 12, 16), BLACK)], base)  # inside its bounds, beside it
    assert found.outline.form is TRIANGLE
    assert (found.outline.area, found.visibility, found.weight) == (31.0, 1.0, 1.0)


def test_a_hole_over_a_corner_is_cut_off():
    (found,) = follow([Fill(Box(0, 0, 4, 4), BLACK)], source(TRIANGLE, area=31.0))
    assert rings(found.outline.form) == [[[2, 4], [2, 10], [10, 2], [4, 2], [4, 4]]]
    assert (found.outline.area, found.visibility) == (28.0, 28 / 32)
    assert found.edges == (2, 2, 10, 10)


def test_shrink_gives_the_bounds_of_what_is_seen_of_an_outline():
    (found,) = follow([Fill(Box(0, 0, 12, 4), BLACK)], source(TRIANGLE), rule=BoxRule("shrink"))
    assert found.edges == (2, 4, 8, 10)


def test_a_hole_in_the_middle_cuts_an_outline_into_parts_of_the_same_area():
    form = polygon(square(0, 0, 10, 10))
    (found,) = follow([Fill(Box(3, 4, 5, 6), BLACK)], source(form))
    assert len(found.outline.form.parts) == 2
    assert rings(found.outline.form) == [
        [[0, 0], [0, 10], [4, 10], [4, 6], [3, 6], [3, 4], [4, 4], [4, 0]],
        [[4, 0], [4, 4], [5, 4], [5, 6], [4, 6], [4, 10], [10, 10], [10, 0]],
    ]
    assert found.outline.area == 96


def test_a_hole_across_leaves_two_parts():
    (found,) = follow([Fill(Box(4, 0, 6, 16), BLACK)], source(polygon(square(0, 0, 10, 4))))
    assert rings(found.outline.form) == [
        [[0, 0], [0, 4], [4, 4], [4, 0]],
        [[6, 0], [6, 4], [10, 4], [10, 0]],
    ]


def test_what_only_touches_a_hole_is_not_cut():
    form = polygon(square(2, 2, 4, 4))
    (found,) = follow([Fill(Box(4, 4, 8, 8), BLACK), Fill(Box(0, 0, 2, 4), BLACK)], source(form))
    assert found.outline.form is form


def test_an_object_under_a_hole_is_gone_and_its_keypoints_do_not_keep_it():
    base = source(polygon(square(2, 2, 4, 4)), keypoints=[8, 8, 2], box=(0, 0, 10, 10))
    assert follow([Fill(Box(2, 2, 4, 4), BLACK)], base) == []


def test_parts_that_overlap_count_once():
    form = polygon(square(0, 0, 4, 4), square(0, 2, 4, 6))
    (found,) = follow([Fill(Box(0, 0, 12, 1), BLACK)], source(form))
    assert found.outline.area == 20
    assert found.visibility == 20 / 24


STEPS = [(1, 1), (1, 2), (4, 2), (4, 4), (9, 4), (9, 1)]
CUTS = [
    ([Paste(Box(0, 0, 8, 16), 0, None)], [[1, 1], [1, 2], [4, 2], [4, 4], [8, 4], [8, 1]]),
    ([Fill(Box(8, 0, 12, 16), BLACK)], [[1, 1], [1, 2], [4, 2], [4, 4], [8, 4], [8, 1]]),
    (
        [Fill(Box(8, 0, 12, 16), BLACK), Fill(Box(0, 0, 2, 16), BLACK)],
        [[2, 1], [2, 2], [4, 2], [4, 4], [8, 4], [8, 1]],
    ),
]


@pytest.mark.parametrize(("program", "left"), CUTS, ids=["at its bounds", "one hole", "two holes"])
@pytest.mark.parametrize("first", range(6))
def test_corners_that_stand_twice_are_corners_of_what_is_left(program, left, first):
    corners = STEPS[first:] + STEPS[:first]
    form = polygon([corner for corner in corners for _ in range(2)])
    base, partners = (EMPTY, [source(form)]) if isinstance(program[0], Paste) else (source(form), [])
    (found,) = follow(program, base, partners)
    assert rings(found.outline.form) == [left]


def test_an_outline_that_crosses_itself_is_made_valid_where_it_is_cut():
    bow = polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    (whole,) = follow([], source(bow))
    assert whole.outline.form is bow
    assert not whole.is_mended
    (found,) = follow([Fill(Box(0, 0, 2, 16), BLACK)], source(bow))
    assert found.is_mended
    assert found.outline.area == 4
    assert found.visibility == 0.5


def test_an_outline_that_reaches_its_hole_by_a_bridge_does_not_cover_the_hole():
    outer, inner = [(0, 0), (0, 10), (10, 10), (10, 0), (0, 0)], [(3, 3), (7, 3), (7, 7), (3, 7), (3, 3)]
    (found,) = follow([Fill(Box(0, 0, 10, 1), BLACK)], source(polygon(outer + inner)))
    assert found.outline.area == 100 - 16 - 10
    assert found.visibility == 74 / 84


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("flip", [1, -1])
def test_the_result_does_not_depend_on_where_an_outline_begins_or_how_it_runs(turn, flip):
    points = np.roll(TRIANGLE.points, turn, 0)[::flip]
    (found,) = follow([Fill(Box(0, 0, 4, 4), BLACK)], source(Polygons(points, (3,))))
    assert rings(found.outline.form) == [[[2, 4], [2, 10], [10, 2], [4, 2], [4, 4]]]


def test_cells_side_by_side_leave_no_corners_on_straight_lines():
    chess = Patches(2, 2, bytes([1, 1, 1, 0, 0, 0, 0, 0] + [0] * 40))
    (found,) = follow([Fill(chess, BLACK)], source(polygon(square(0, 0, 8, 8))))
    assert rings(found.outline.form) == [[[0, 6], [0, 8], [8, 8], [8, 0], [2, 0], [2, 6]]]


def test_a_few_rectangles_are_cut_off_one_after_the_other():
    holes = [Fill(Box(0, 0, 2, 2), BLACK), Fill(Box(4, 8, 6, 16), BLACK), Fill(Box(9, 3, 12, 5), BLACK)]
    (found,) = follow(holes, source(polygon([(0, 0), (0, 10), (10, 10), (10, 0)])))
    assert rings(found.outline.form) == [
        [
            *([0, 2], [0, 10], [4, 10], [4, 8], [6, 8], [6, 10], [10, 10]),
            *([10, 5], [9, 5], [9, 3], [10, 3], [10, 0], [2, 0], [2, 2]),
        ]
    ]
    assert found.outline.area == 100 - 4 - 4 - 2


def test_under_many_rectangles_an_outline_falls_into_parts_by_rows():
    rows = (
        [0, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0],
    )
    chess = Patches(2, 2, bytes(np.ravel(rows).tolist() + [0] * 16))
    (found,) = follow([Fill(chess, BLACK)], source(polygon([(0, 0), (0, 8), (8, 8), (8, 4), (4, 0)])))
    assert rings(found.outline.form) == [
        [[0, 0], [0, 2], [2, 2], [2, 0]],
        [[0, 4], [0, 8], [2, 8], [2, 4]],
        [[2, 2], [2, 6], [4, 6], [4, 2]],
        [[4, 0], [4, 4], [6, 4], [6, 2]],
        [[4, 6], [4, 8], [6, 8], [6, 6]],
        [[6, 2], [6, 6], [8, 6], [8, 4]],
    ]
    assert found.outline.area == 4 + 8 + 8 + 6 + 4 + 6


def test_what_lies_beside_all_of_several_holes_in_its_bounds_is_the_value_that_came():
    form = polygon([(0, 8), (8, 8), (8, 0)])
    (found,) = follow([Fill(Box(0, 0, 4, 4), BLACK), Fill(Box(0, 0, 1, 7), BLACK)], source(form, area=32.0))
    assert found.outline.form is form


def test_where_an_outline_touches_its_rectangle_its_parts_are_valid(monkeypatch):
    monkeypatch.setattr(polygons, "FEW", 0)
    form = polygon([(17, 22), (6, 8), (12, 5), (16, 6), (14, 12)])  # GEOS's fast clip crosses itself here
    holes = [Box(0, 0, 11, 24), Box(15, 0, 18, 24), Box(11, 0, 15, 9), Box(11, 17, 15, 24)]
    (found,) = follow([Fill(hole, BLACK) for hole in holes], source(form, size=(18, 24)))
    (area,) = [clip_area(form.points, Box(11, 9, 15, 17))]
    assert all(shapely.Polygon(ring).is_valid for ring in rings(found.outline.form))
    assert found.outline.area == pytest.approx(float(area), rel=1e-12)


@pytest.mark.parametrize("few", [0, polygons.FEW])
def test_a_mended_outline_keeps_its_hole_under_several_rectangles(few, monkeypatch):
    monkeypatch.setattr(polygons, "FEW", few)
    outer, inner = [(0, 0), (0, 10), (10, 10), (10, 0), (0, 0)], [(3, 3), (7, 3), (7, 7), (3, 7), (3, 3)]
    holes = [Fill(Box(0, 0, 1, 4), BLACK), Fill(Box(9, 6, 10, 10), BLACK)]
    (found,) = follow(holes, source(polygon(outer + inner)))
    assert found.outline.area == 100 - 16 - 8
    covered = rasterise(found.outline.form)
    assert covered.sum() == 76
    assert not covered[3:7, 3:7].any()


def test_a_partners_outline_is_stretched_and_clipped_to_what_is_pasted():
    partner = source(polygon(square(0, 0, 12, 8)), area=96.0, size=(24, 8))
    (found,) = follow([Paste(Box(0, 0, 4, 4), 0)], EMPTY, [partner])
    assert rings(found.outline.form) == [[[0, 0], [0, 4], [4, 4], [4, 0]]]
    assert (found.outline.area, found.visibility) == (16, 16 / 96)


@pytest.mark.parametrize("flip", [1, -1])
def test_rings_run_clockwise_whichever_way_geos_gives_them(flip):
    points = np.array(square(2, 2, 4, 6), float)[::flip]
    [(form, area, _)] = polygons.open_rings(np.array([shapely.Polygon(points)]), np.array([0]), 1)
    assert rings(form) == [[[2, 2], [2, 6], [4, 6], [4, 2]]]
    assert area == 8


def test_the_area_of_a_stretched_outline_is_counted_anew():
    partner = source(polygon(square(0, 0, 12, 4)), area=50.0, size=(24, 16))
    (found,) = follow([Paste(Box(0, 0, HEIGHT, WIDTH), 0)], EMPTY, [partner])
    assert (found.outline.area, found.visibility) == (24, 1.0)
    partner = source(polygon(square(0, 0, 6, 4)), area=50.0)
    (found,) = follow([Paste(Box(0, 0, HEIGHT, WIDTH), 0)], EMPTY, [partner])
    assert found.outline.area == 50


@pytest.mark.parametrize(("least", "stays"), [(0.25, True), (0.26, False)])
def test_a_partners_object_of_which_too_little_is_pasted_is_dropped(least, stays):
    partner = source(polygon(square(2, 2, 6, 6)))
    found = follow([Paste(Box(4, 4, 12, 16), 0)], EMPTY, [partner], BoxRule(min_paste_visibility=least))
    assert len(found) == stays


def test_what_is_hidden_of_a_partners_object_later_was_pasted_all_the_same():
    partner = source(polygon(square(2, 2, 6, 6)))
    program = [Paste(Box(0, 0, HEIGHT, WIDTH), 0), Fill(Box(2, 2, 6, 5), BLACK)]
    (found,) = follow(program, EMPTY, [partner], BoxRule(min_paste_visibility=0.5))
    assert found.visibility == 0.25


def test_weight_is_the_mean_over_what_is_seen_of_an_outline():
    base = source(polygon(square(0, 0, 4, 4)))
    partner = source(polygon(square(0, 0, 4, 4)))
    own, other = follow([Blend(Box(0, 0, 4, 2), 16384, 0)], base, [partner])
    assert (own.weight, own.visibility) == ((0.25 * 8 + 1.0 * 8) / 16, 1.0)
    assert (other.weight, other.visibility) == (0.75, 0.5)


def test_weight_is_the_mean_over_the_pixels_of_run_lengths():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[0:4, 6:9] = True  # of three columns, two lie in the blend
    (found,) = follow([Blend(Box(0, 0, 12, 8), 32768, 0)], source(runs_of(mask)), [EMPTY])
    assert found.weight == pytest.approx(2 / 3, rel=1e-15)


def test_a_box_that_is_larger_than_its_pixels_is_stretched_as_it_is():
    mask = np.zeros((6, 8), bool)
    mask[1:3, 1:3] = True
    partner = source(runs_of(mask), size=(6, 8), box=(0, 0, 4, 4))
    rule = BoxRule(policy="shrink", min_paste_visibility=0.0)
    (found,) = follow([Paste(Box(0, 0, 12, 16), 0)], EMPTY, [partner], rule)
    assert tuple(found.edges) == (0, 0, 8, 8)


def test_an_outline_is_cut_at_each_border_of_the_image():
    for form, seen in (
        (square(-0.5, 2, 4, 4), 8),
        (square(2, -0.5, 4, 4), 8),
        (square(10, 2, 12.5, 4), 4),
        (square(2, 14, 4, 16.5), 4),
    ):
        (found,) = follow([], source(polygon(form)))
        assert found.outline.area == seen


def test_parts_stand_in_the_order_of_their_first_corners():
    low, high = shapely.box(8, 0, 10, 2), shapely.box(0, 4, 2, 6)
    [(form, area, _)] = polygons.open_rings(np.array([low, high]), np.array([0, 0]), 1)
    assert form.points[[0, 4]].tolist() == [[0, 4], [8, 0]]
    assert area == 8


def test_where_a_polygon_is_cut_open_does_not_depend_on_the_order_of_its_holes():
    high, low = square(2, 1, 4, 3), square(2, 5, 8, 7)
    forms = [shapely.Polygon(square(0, 0, 10, 9), holes) for holes in ((high, low), (low, high))]
    (one, *_), (other, area, _) = polygons.open_rings(np.array(forms), np.arange(2), 2)
    assert one.points.tolist() == other.points.tolist()
    assert area == 90 - 4 - 12


def test_a_hole_that_no_row_goes_through_is_closed(monkeypatch):
    calls, halve = iter(range(9)), polygons._halve
    monkeypatch.setattr(polygons, "_halve", lambda parts: (next(calls), halve(parts))[1])  # else without end
    slit = [(100, 50), (np.nextafter(100, 101), 40), (np.nextafter(100, 101), 60)]
    [(form, area, _)] = polygons.open_rings(
        np.array([shapely.Polygon(square(0, 0, 200, 200), [slit])]), np.zeros(1, int), 1
    )
    assert rings(form) == [[[0, 0], [0, 200], [200, 200], [200, 0]]]
    assert area == 40_000


def test_an_outline_so_small_that_its_pieces_fall_away_has_a_weight():
    speck = polygon([(1, 1.9999), (1, 2.0001), (1.0001, 2)])  # 1e-8 pixels, on the edge of two shares
    (found,) = follow(
        [Blend(Box(0, 0, 4, 2), 16384, 0)], source(speck), [source(TRIANGLE)], BoxRule("keep", 0, 1)
    )
    assert (found.slot, found.weight) == (None, 1.0)


def test_an_outline_of_no_area_counts_as_none():
    base = source(polygon([(0, 0), (4, 4), (2, 2)]), box=(0, 0, 4, 4))
    (found,) = follow([], base)
    assert (found.visibility, found.outline.form) == (1.0, base.outlines[0].form)
    (found,) = follow([Fill(Box(0, 0, 2, 4), BLACK)], base)
    assert (found.visibility, found.outline.form) == (0.5, None)


def clip_area(points, box):
    """The area of a polygon inside a box, by Sutherland and Hodgman, in fractions."""
    ring = [(Fraction(y), Fraction(x)) for y, x in points]
    for axis, edge, sign in ((0, box.y0, 1), (1, box.x0, 1), (0, box.y1, -1), (1, box.x1, -1)):
        clipped = []
        for here, there in zip(ring, ring[1:] + ring[:1], strict=True):
            inside = [sign * (point[axis] - edge) >= 0 for point in (here, there)]
            if inside[0] != inside[1]:
                share = (edge - here[axis]) / (there[axis] - here[axis])
                between = tuple(a + share * (b - a) for a, b in zip(here, there, strict=True))
                clipped += [here, between] if inside[0] else [between]
            elif inside[0]:
                clipped.append(here)
        ring = clipped
    twice = sum(y * b - x * a for (y, x), (a, b) in zip(ring, ring[1:] + ring[:1], strict=True))
    return abs(twice) / 2


def star(draws):
    """A polygon around the middle that does not cross itself: corners by angle, at drawn distances."""
    angles = 2 * np.pi * np.arange(len(draws)) / len(draws)
    ys, xs = 6 + np.array(draws) * np.sin(angles), 8 + np.array(draws) * np.cos(angles)
    return np.stack([ys, xs], 1).clip(0, [HEIGHT, WIDTH])


boxes = st.tuples(st.integers(0, 11), st.integers(0, 15), st.integers(1, 12), st.integers(1, 16)).map(
    lambda box: Box(box[0], box[1], max(box[0], box[2]), max(box[1], box[3]))
)
areas = st.one_of(
    boxes,
    st.builds(
        Patches, st.just(3), st.just(4), st.lists(st.integers(0, 1), min_size=16, max_size=16).map(bytes)
    ),
)
programs = st.lists(
    st.one_of(
        st.builds(Fill, areas, st.just(BLACK)),
        st.builds(Paste, areas, st.just(0)),
        st.builds(Blend, areas, st.sampled_from([0, 16384, 65536]), st.just(0)),
    ),
    max_size=4,
)
stars = st.lists(st.floats(0.5, 9.0), min_size=3, max_size=9).map(star)


@pytest.mark.slow
@given(programs, stars, st.sampled_from([0, polygons.FEW]))
def test_the_area_that_is_left_is_that_of_another_clipper(program, points, few):
    whole = clip_area(points, Box(0, 0, HEIGHT, WIDTH))
    if whole < 0.01:
        return
    form = Polygons(points, (len(points),))
    cells = follow_program(tuple(program), HEIGHT, WIDTH)
    mixing = [step for step in program if not isinstance(step, Fill)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygons, "FEW", few)
        found = follow(program, source(form), [source(form)])
    by_image = iter(found)
    for image in range(len(mixing) + 1):
        seen = cells.visible(image) > 0
        expected = sum(
            clip_area(points, Box(cells.ys[row], cells.xs[column], cells.ys[row + 1], cells.xs[column + 1]))
            for row, column in np.argwhere(seen)
        )
        if expected < 1e-3:  # a leftover of GEOS's arithmetic may be there or not
            if expected == 0:
                continue
            return
        one = next(by_image)
        assert one.outline.area == pytest.approx(float(expected), abs=1e-5)
        assert one.visibility == pytest.approx(float(expected / whole), abs=1e-4)
    assert next(by_image, None) is None


def test_objects_of_several_images_are_each_cut_by_their_own_holes():
    forms = [polygon(square(0, 0, 8, 8)), polygon(square(2, 6, 12, 14)), polygon(square(1, 1, 11, 15))]
    holes = [[Box(0, 0, 4, 4), Box(5, 7, 9, 13)], [Box(2, 2, 3, 9), Box(6, 0, 8, 3), Box(9, 9, 12, 16)]]
    bases = [Source(HEIGHT, WIDTH, [find_edges(f.points) for f in forms], [Outline(f) for f in forms])] * 2
    programs = [tuple(Fill(hole, BLACK) for hole in own) for own in holes]
    found = boxes_and_masks.follow_boxes(list(map(Shown, programs, bases)), ALL)
    assert list(zip(found.outputs, found.numbers, strict=True)) == [(n, k) for n in (0, 1) for k in range(3)]
    for output, number, outline in zip(found.outputs, found.numbers, found.outlines, strict=True):
        mask = rasterise(forms[number])
        for hole in holes[output]:
            mask[hole.y0 : hole.y1, hole.x0 : hole.x1] = False
        assert rasterise(outline.form).tolist() == mask.tolist()
        assert outline.area == mask.sum()


@pytest.mark.slow
@given(st.lists(st.tuples(programs, stars, stars), min_size=2, max_size=4))
def test_outputs_followed_together_are_those_followed_alone(outputs):
    shown = [
        Shown(tuple(program), source(Polygons(own, (len(own),))), [source(Polygons(other, (len(other),)))])
        for program, own, other in outputs
    ]
    together = boxes_and_masks.follow_boxes(shown, ALL)
    for output, each in enumerate(shown):
        alone, places = boxes_and_masks.follow_boxes([each], ALL), np.flatnonzero(together.outputs == output)
        assert together.edges[places].tolist() == alone.edges.tolist()
        assert together.visibilities[places].tolist() == alone.visibilities.tolist()
        assert together.weights[places].tolist() == alone.weights.tolist()
        outlines = [rings(together.outlines[place].form) for place in places]
        assert outlines == [rings(outline.form) for outline in alone.outlines]


def test_boxes_are_compared_with_rectangles_in_portions(monkeypatch):
    edges = np.array([[y, x, y + 2, x + 2] for y in range(0, 12, 3) for x in range(0, 15, 3)], float)
    rectangles = np.array([[0, 0, 3, 5], [4, 4, 5, 16], [2, 0, 2, 16]], float)
    expected = {
        (box, which)
        for box, (y0, x0, y1, x1) in enumerate(edges.tolist())
        for which, (top, left, bottom, right) in enumerate(rectangles.tolist())
        if max(y0, top) < min(y1, bottom) and max(x0, left) < min(x1, right)
    }
    for most in (layers.MOST_PAIRS, 7):
        monkeypatch.setattr(layers, "MOST_PAIRS", most)
        pairs = [pair for found in find_overlaps(edges, rectangles) for pair in zip(*found, strict=True)]
        assert len(pairs) == len(expected)
        assert set(pairs) == expected


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=5).map(np.array))
def test_rectangles_tile_exactly_the_cells_asked_for(where):
    ys, xs = [0, 1, 3, 4, 8, 9][: len(where) + 1], [0, 2, 3, 5, 6, 9]
    covered = np.zeros((ys[-1], xs[-1]), int)
    for y0, x0, y1, x1 in Excerpt(ys, xs, where).find_rectangles(where).astype(int):
        covered[y0:y1, x0:x1] += 1
    assert covered.tolist() == where.repeat(np.diff(ys), 0).repeat(np.diff(xs), 1).tolist()


@pytest.mark.slow
@given(programs, st.lists(boxes.filter(lambda box: box.area > 0), min_size=1, max_size=3))
def test_outlines_of_whole_pixels_hold_exactly_the_pixels_that_are_seen(program, held):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for box in held:
        mask[box.y0 : box.y1, box.x0 : box.x1] = True
    form = polygon(*(square(box.y0, box.x0, box.y1, box.x1) for box in held))
    runs = runs_of(mask)
    outlined = follow(program, source(form), [source(form)])
    counted = follow(program, source(runs), [source(runs)])
    assert [one[:2] for one in outlined] == [one[:2] for one in counted]
    for one, other in zip(outlined, counted, strict=True):
        assert one.outline.area == other.outline.area
        assert one.visibility == other.visibility
        assert one.weight == pytest.approx(other.weight, rel=1e-12)
        kept = mask_of(other.outline.form)
        assert rasterise(one.outline.form).tolist() == kept.tolist()


def rasterise(form):
    """The pixels whose middle lies inside an odd number of times, in any part."""
    covered = np.zeros((HEIGHT, WIDTH), bool)
    for ring in np.split(form.points, np.cumsum(form.parts)[:-1]):
        inside = np.zeros((HEIGHT, WIDTH), bool)
        for (y, x), (b, a) in zip(ring, np.roll(ring, -1, 0), strict=True):
            for row in range(HEIGHT):
                if (y > row + 0.5) != (b > row + 0.5):
                    crossing = x + (row + 0.5 - y) / (b - y) * (a - x)
                    inside[row] ^= np.arange(WIDTH) + 0.5 > crossing
        covered |= inside
    return covered


# --- run lengths ---------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=5).map(np.array))
def test_pixels_come_back_from_run_lengths(mask):
    runs = runs_of(mask)
    assert runs.runs.sum() == mask.size
    assert mask_of(runs).tolist() == mask.tolist()


def test_run_lengths_with_empty_runs_are_read():
    assert mask_of(RunLengths(2, 2, np.array([0, 1, 0, 1, 2]))).tolist() == [[True, False], [True, False]]


def test_what_is_not_cut_keeps_its_runs():
    runs = RunLengths(HEIGHT, WIDTH, np.array([0, 1, 0, 1, HEIGHT * WIDTH - 2]), True)
    (found,) = follow([Fill(Box(4, 4, 8, 8), BLACK)], source(runs, area=2.0))
    assert found.outline.form is runs


def test_the_pixels_that_are_seen_are_left():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:6, 3:9] = True
    mask[2, 3] = False
    (found,) = follow([Fill(Box(0, 0, 4, 5), BLACK)], source(runs_of(mask, True)))
    mask[0:4, 0:5] = False
    assert mask_of(found.outline.form).tolist() == mask.tolist()
    assert (found.outline.area, found.visibility) == (20, 20 / 23)
    assert found.outline.form.is_text


@pytest.mark.parametrize("size", [(24, 8), (7, 31), (12, 16), (3, 3)])
@pytest.mark.parametrize("part", [None, Box(1, 1, 3, 3)])
def test_a_partners_pixels_are_read_where_masks_are(size, part):
    rows, columns = np.indices(size)
    mask = (rows * 5 + columns * 3) % 7 < 3
    step = Paste(Box(2, 3, 11, 14), 0, part)
    (found,) = follow([step], EMPTY, [source(runs_of(mask), size=size)])
    zeros = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected = follow_mask((step,), zeros, [mask.astype(np.uint8)])
    assert mask_of(found.outline.form).tolist() == expected.astype(bool).tolist()


def test_a_stretched_partner_that_is_seen_whole_is_wholly_visible():
    mask = np.zeros((7, 5), bool)
    mask[1:4, 2] = True
    (found,) = follow([Paste(Box(0, 0, HEIGHT, WIDTH), 0)], EMPTY, [source(runs_of(mask), size=(7, 5))])
    assert found.visibility == 1.0


def draw_mask(held):
    """The pixels that lie in an odd number of boxes, and the first one."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for box in held:
        mask[box.y0 : box.y1, box.x0 : box.x1] ^= True
    mask[0, 0] = True
    return mask


masks = st.lists(boxes, max_size=4).map(draw_mask)


@pytest.mark.slow
@given(programs, masks, masks)
def test_the_runs_and_the_weight_that_are_left_are_those_of_pixels(program, first, second):
    base = Source(
        HEIGHT, WIDTH, [(0, 0, HEIGHT, WIDTH)] * 2, tuple(Outline(runs_of(m)) for m in (first, second))
    )
    cells = follow_program(tuple(program), HEIGHT, WIDTH)
    slots = [None, *(0 for step in program if not isinstance(step, Fill))]
    expected = []
    for image, slot in enumerate(slots):
        shares = cells.spread(cells.visible(image))
        for number, mask in enumerate((first, second)):
            seen = mask & (shares > 0)
            if seen.any():
                form = runs_of(seen).runs.tolist()
                expected.append((slot, number, form, seen.sum() / mask.sum(), shares[seen].mean()))
    found = follow(program, base, [base])
    assert [(one.slot, one.number, one.outline.form.runs.tolist()) for one in found] == [
        one[:3] for one in expected
    ]
    for one, (*_, visibility, weight) in zip(found, expected, strict=True):
        assert (one.visibility, one.weight) == pytest.approx((visibility, weight), rel=1e-12)


# --- oriented boxes ------------------------------------------------------------------------------------

DIAMOND = Corners(np.array([(2.0, 6.0), (6.0, 10.0), (10.0, 6.0), (6.0, 2.0)]))


def test_pixels_that_a_partners_size_cut_off_are_stretched_with_it():
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:4] = True
    cut = source(runs_of(mask), size=(6, 8))._replace(lost=(4.0,))
    (found,) = follow([Paste(Box(0, 0, HEIGHT, WIDTH), 0)], EMPTY, [cut])
    assert found.outline.area == 16
    assert found.visibility == 16 / (16 + 4 * 4)


def test_an_oriented_box_that_is_partly_hidden_stays_whole():
    (found,) = follow([Fill(Box(0, 0, 6, 16), BLACK)], source(DIAMOND, area=32.0))
    assert found.outline.form is DIAMOND
    assert (found.visibility, found.outline.area) == (0.5, 16)


def test_shrink_leaves_the_part_of_an_oriented_box_that_is_seen_along_its_sides():
    # What is left is the triangle of the lower half, which reaches over the whole box in both directions but
    # for the upper corner: cut the corner alone.
    (found,) = follow([Fill(Box(0, 8, 12, 16), BLACK)], source(DIAMOND), rule=BoxRule("shrink"))
    assert found.outline.form.points.tolist() == [[2, 6], [6, 10], [10, 6], [6, 2]]
    corner = [Fill(Box(0, 0, 12, 8), BLACK)]
    (found,) = follow(corner, source(DIAMOND), rule=BoxRule("shrink"))
    assert found.outline.form.points.tolist() == [[4, 8], [6, 10], [8, 8], [6, 6]]


# --- keypoints -----------------------------------------------------------------------------------------


def keypoints_after(program, points, partner=None, place="base"):
    held = source(polygon(square(0, 0, 12, 16)), keypoints=points)
    images = follow(program, held, [held])
    slot = None if place == "base" else 0
    (found,) = (one for one in images if one.slot == slot)
    return found.outline.keypoints.tolist()


def test_keypoints_under_a_hole_are_hidden():
    hole = [Fill(Box(4, 4, 8, 8), BLACK)]
    points = [(4, 4, 2), (3.99, 4, 2), (7.99, 7.99, 2), (8, 7, 2), (5, 5, 1), (0, 0, 0)]
    assert keypoints_after(hole, points) == [
        [4, 4, 1],
        [3.99, 4, 2],
        [7.99, 7.99, 1],
        [8, 7, 2],
        [5, 5, 1],
        [0, 0, 0],
    ]


def test_keypoints_of_a_partner_that_were_not_pasted_are_not_there():
    paste = [Paste(Box(0, 0, 6, 16), 0), Fill(Box(0, 0, 2, 2), BLACK)]
    points = [(5.5, 5, 2), (6, 5, 2), (1, 1, 2)]
    assert keypoints_after(paste, points, place="partner") == [[5.5, 5, 2], [0, 0, 0], [1, 1, 1]]
    assert keypoints_after(paste, points) == [[5.5, 5, 1], [6, 5, 2], [1, 1, 1]]


def test_keypoints_are_stretched_with_their_image_and_the_border_is_inside():
    partner = source(polygon(square(0, 0, 24, 8)), keypoints=[(24, 8, 2), (6, 2, 1), (0, 0, 0)], size=(24, 8))
    (found,) = follow([Paste(Box(0, 0, 12, 16), 0)], EMPTY, [partner])
    assert found.outline.keypoints.tolist() == [[12, 16, 2], [3, 4, 1], [0, 0, 0]]


def test_a_keypoint_that_is_not_there_stays_so_where_its_image_is_moved():
    partner = source(polygon(square(0, 0, 24, 8)), keypoints=[(6, 2, 2), (0, 0, 0)], size=(24, 8))
    paste = Paste(Box(4, 4, 12, 12), 0, Box(0, 0, 24, 8))  # rows a third as high
    (found,) = follow([paste], EMPTY, [partner])
    assert found.outline.keypoints.tolist() == [[6, 6, 2], [0, 0, 0]]


def test_keypoints_outside_the_image_are_not_there():
    base = source(polygon(square(0, 0, 12, 16)), keypoints=[(-0.5, 3, 2), (12.5, 3, 1), (3, 3, 2)])
    (found,) = follow([], base)
    assert found.outline.keypoints.tolist() == [[0, 0, 0], [0, 0, 0], [3, 3, 2]]


def test_the_area_of_a_box_alone_is_the_given_one_until_it_is_touched():
    base = Source(HEIGHT, WIDTH, [(0, 0, 4, 4)], (Outline(area=9.0),))
    (found,) = follow([Fill(Box(6, 6, 8, 8), BLACK)], base)
    assert found.outline.area == 9.0
    (found,) = follow([Fill(Box(0, 0, 2, 8), BLACK)], base)
    assert found.outline.area is None


@pytest.mark.parametrize("turned", [False, True])
def test_of_rings_that_begin_together_the_one_stands_first_whose_second_corner_does(turned):
    left, right = [(0, 5), (3, 4), (3, 3), (0, 5)], [(0, 5), (3, 7), (3, 6), (0, 5)]
    rings = np.array(right + left if turned else left + right, float)
    [ordered] = order_rings(rings, np.array([4, 4]), np.array([0, 0]), 1)
    assert (ordered.form.points.tolist(), ordered.form.parts) == (
        [[0, 5], [3, 4], [3, 3], [0, 5], [3, 7], [3, 6]],
        (3, 3),
    )
    assert (ordered.area, ordered.edges) == (3.0, (0, 3, 3, 7))
