"""Where outlines come to lie when their image is brought to one size."""

from __future__ import annotations

import numpy as np
import pytest

from augcli.io.images.geometry import Geometry
from augcli.io.images.outline_geometry import place_outlines
from augcli.program.run_lengths import Block, find_bounds, pack
from augcli.samples import Colour, ImageBoxes, Outline, Polygons

HEIGHT, WIDTH = 20, 40
BLACK = Colour(0, 0, 0)


def place(outline, geometry):
    boxes = ImageBoxes(HEIGHT, WIDTH, np.array([[0.0, 0, 8, 8]]), (0,), ("{}",), "{}", (outline,))
    sizes = (HEIGHT, WIDTH), (HEIGHT, WIDTH)
    return place_outlines(boxes, sizes, 1, geometry)


@pytest.mark.parametrize(
    ("geometry", "area"),
    [(None, 60.0), (Geometry(20, 40, "crop", BLACK), 60.0), (Geometry(10, 20, "stretch", BLACK), None)],
)
def test_an_area_holds_for_the_size_that_its_outline_was_drawn_at(geometry, area):
    square = Polygons(np.array([[0.0, 0], [0, 8], [8, 8], [8, 0]]), (4,))
    (found,) = place(Outline(square, None, 60.0), geometry).outlines
    assert found.area == area


def test_pixels_that_a_crop_cuts_off_are_counted():
    """Of 20x40 pixels a crop to 20x20 leaves columns 10 to 29: of columns 6 to 13 the last four."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:4, 6:14] = True
    form = pack(Block(0, 0, mask), (HEIGHT, WIDTH), is_text=False)
    placed = place(Outline(form), Geometry(20, 20, "crop", BLACK))
    assert find_bounds(placed.outlines[0].form) == (2, 0, 4, 4)
    assert placed.lost == (8.0,)


def test_a_polygon_beyond_the_border_is_cut_there_and_its_neighbour_stays():
    inner = Outline(Polygons(np.array([[0.0, 0], [0, 8], [8, 8]]), (3,)), None, 32.0)
    outer = Outline(Polygons(np.array([[2.0, 30], [2, 50], [6, 50], [6, 30]]), (4,)))
    boxes = ImageBoxes(HEIGHT, WIDTH, np.zeros((2, 4)), (0, 0), ("{}", "{}"), "{}", (inner, outer))
    stays, cut = place_outlines(boxes, ((HEIGHT, WIDTH), (HEIGHT, WIDTH)), 1, None).outlines
    assert stays is inner
    assert sorted(cut.form.points.tolist()) == [[2, 30], [2, 40], [6, 30], [6, 40]]
    assert cut.area == 40


def test_a_polygon_of_a_photo_as_it_is_stored_is_turned_with_it():
    """Orientation 6 turns it by a quarter: y, x becomes x, 20 - y."""
    form = Polygons(np.array([[0.0, 0], [0, 8], [4, 8]]), (3,))
    boxes = ImageBoxes(HEIGHT, WIDTH, np.zeros((1, 4)), (0,), ("{}",), "{}", (Outline(form),))
    (found,) = place_outlines(boxes, ((HEIGHT, WIDTH), (WIDTH, HEIGHT)), 6, None).outlines
    assert found.form.points.tolist() == [[0, 20], [8, 20], [8, 16]]
