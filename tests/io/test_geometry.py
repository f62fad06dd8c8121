"""Where pixels, masks and boxes come to lie: against Pillow, each other, and by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from augcli.io.images.geometry import Geometry, fit_edges, fit_mask, fit_size, turn_edges, turn_upright
from augcli.samples import Colour

GREY = Colour(128, 128, 128)
sides = st.integers(1, 40)


def make(height, width, kind=np.uint8):
    return (np.arange(height * width).reshape(height, width) % np.iinfo(kind).max).astype(kind)


@given(sides, sides, sides, sides)
def test_crop_is_pillows_fit(height, width, wanted_height, wanted_width):
    pixels = make(height, width)
    expected = ImageOps.fit(Image.fromarray(pixels), (wanted_width, wanted_height), Image.Resampling.BICUBIC)
    fitted = fit_size(pixels[..., None], Geometry(wanted_height, wanted_width, "crop", GREY))
    np.testing.assert_array_equal(fitted[..., 0], np.asarray(expected))


@given(sides, sides, sides, sides)
def test_stretch_is_pillows_resize(height, width, wanted_height, wanted_width):
    pixels = make(height, width)
    expected = Image.fromarray(pixels).resize((wanted_width, wanted_height), Image.Resampling.BICUBIC)
    fitted = fit_size(pixels[..., None], Geometry(wanted_height, wanted_width, "stretch", GREY))
    np.testing.assert_array_equal(fitted[..., 0], np.asarray(expected))


def test_pad_frames_with_the_background():
    fitted = fit_size(np.full((2, 4, 1), 7, np.uint8), Geometry(4, 4, "pad", GREY))
    assert fitted[..., 0].tolist() == [[128] * 4, [7] * 4, [7] * 4, [128] * 4]


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_a_mask_twice_as_large_keeps_each_index_on_its_own_pixels(fit):
    mask = np.array([[1, 2], [3, 4]], np.uint8)
    fitted = fit_mask(mask, Geometry(4, 4, fit, GREY), 0)
    assert fitted.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@given(height=sides, width=sides, wanted=st.tuples(sides, sides))
def test_a_stretched_mask_reads_the_pixel_below_each_centre(kind, height, width, wanted):
    mask = make(height, width, kind)
    fitted = fit_mask(mask, Geometry(*wanted, "stretch", GREY), None)
    half = Fraction(1, 2)
    rows = [int((y + half) * height / wanted[0]) for y in range(wanted[0])]
    columns = [int((x + half) * width / wanted[1]) for x in range(wanted[1])]
    assert fitted.tolist() == [[mask[y, x] for x in columns] for y in rows]
    assert fitted.dtype == kind


@given(height=sides, width=sides, wanted=st.tuples(sides, sides))
def test_a_cut_mask_reads_what_the_pixels_are_read_from(height, width, wanted):
    geometry = Geometry(*wanted, "crop", GREY)
    y0, x0, y1, x1 = geometry.place(height, width).source
    fitted = fit_mask(make(height, width, np.uint16), geometry, None)
    for y, x in [(0, 0), (wanted[0] - 1, wanted[1] - 1), (wanted[0] // 2, wanted[1] // 2)]:
        row, column = divmod(int(fitted[y, x]), width)
        centre = y0 + (y + 0.5) * (y1 - y0) / wanted[0], x0 + (x + 0.5) * (x1 - x0) / wanted[1]
        assert row - 1e-6 <= centre[0] <= row + 1 + 1e-6
        assert column - 1e-6 <= centre[1] <= column + 1 + 1e-6


def test_a_mask_is_cut_where_its_image_is():
    mask = np.array([[1, 2, 3, 4]] * 2, np.uint8)
    assert fit_mask(mask, Geometry(2, 2, "crop", GREY), None).tolist() == [[2, 3], [2, 3]]


def test_a_padded_mask_has_the_given_index_around_it():
    fitted = fit_mask(np.full((1, 2), 5, np.uint8), Geometry(2, 2, "pad", GREY), 255)
    assert fitted.tolist() == [[5, 5], [255, 255]]


def test_a_padded_mask_without_an_index_for_its_frame_is_refused():
    with pytest.raises(ValueError, match="needs an index for its frame"):
        fit_mask(np.zeros((1, 2), np.uint8), Geometry(2, 2, "pad", GREY), None)


@given(st.integers(1, 8), st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_a_turned_box_covers_the_turned_pixels(orientation, ends):
    (y0, y1), (x0, x1) = sorted(ends[:2]), sorted(ends[2:])
    box = np.array([[y0, x0, y1 + 1, x1 + 1]], np.float64)
    painted = np.zeros((10, 10), bool)[:, :10]
    painted = np.pad(painted, ((0, 0), (0, 3)))  # 10 rows of 13, so that sides differ
    painted[y0 : y1 + 1, x0 : x1 + 1] = True
    turned = turn_upright(painted[..., None], orientation)[..., 0]
    rows, columns = np.nonzero(turned)
    expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    assert turn_edges(box, orientation, 10, 13).tolist() == [expected]


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        ("stretch", (20, 10), [4, 1, 8, 3]),
        ("crop", (10, 10), [2, -3, 4, 1]),  # five columns are cut off on each side
        ("pad", (10, 10), [3, 1, 4, 3]),
        ("pad", (20, 20), [7, 2, 9, 6]),
    ],
)
def test_a_box_moves_with_its_image(fit, size, expected):
    box = np.array([[2, 2, 4, 6]], np.float64)  # in an image of 10 rows and 20 columns
    fitted = fit_edges(box, Geometry(*size, fit, GREY), 10, 20)
    assert fitted.tolist() == [expected]
