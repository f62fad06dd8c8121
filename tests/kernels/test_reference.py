"""The definition of the steps, held to values computed by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from augcli.errors import PlanError
from augcli.kernels import reference
from augcli.kernels.match import match_pixels, mixed_shape
from augcli.kernels.reference import blend_alpha
from augcli.kernels.table import STEP, tabulate
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.samples import Colour, Shape


def run(program, image, *partners):
    height, width, channels = image.shape
    shape = Shape(height, width, channels, 8 * image.dtype.itemsize)
    out = image.copy()
    reference.apply(
        tabulate(tuple(program), shape, [partner.shape[:2] for partner in partners]), partners, out
    )
    return out


def column(*values, dtype=np.uint8):
    return np.array(values, dtype).reshape(1, -1, 1)


def test_paste_takes_the_same_place_of_a_partner_of_the_same_size():
    base, partner = np.zeros((4, 5, 3), np.uint8), np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    out = run([Paste(Box(1, 2, 3, 4), 0)], base, partner)
    np.testing.assert_array_equal(out[1:3, 2:4], partner[1:3, 2:4])
    assert out.sum() == partner[1:3, 2:4].sum()


@pytest.mark.parametrize(
    ("weight", "expected"),
    # (200·w + 101·(65536 - w) + 32768) >> 16: half a level is rounded up, never cut.
    [(65536, 200), (0, 101), (32768, 151), (1, 101), (65535, 200), (16384, 126)],
)
def test_blend_rounds_to_nearest(weight, expected):
    assert run([Blend(Box(0, 0, 1, 1), weight, 0)], column(200), column(101))[0, 0, 0] == expected


def test_blend_of_16_bit_ends_does_not_overflow():
    out = run(
        [Blend(Box(0, 0, 1, 1), 65535, 0)], column(65535, dtype=np.uint16), column(65535, dtype=np.uint16)
    )
    assert out[0, 0, 0] == 65535


def test_doubling_a_partner_interpolates_at_quarters():
    # Positions (2x+1)/4 - 1/2 = -1/4, 1/4, 3/4, 5/4; clamped: 0, 25, 75, 100 of the way.
    out = run([Paste(Box(0, 0, 1, 4), 0)], column(0, 0, 0, 0), column(0, 100))
    assert out.ravel().tolist() == [0, 25, 75, 100]


def test_halving_a_partner_averages_pairs_rounded():
    # Level 1: (0+1+1)>>1 = 1, (10+20+1)>>1 = 15; a third of the image at level 0 would not average.
    out = run([Paste(Box(0, 0, 1, 2), 0)], column(9, 9), column(0, 1, 10, 20))
    assert out.ravel().tolist() == [1, 15]


def test_shrinking_below_half_interpolates_between_neighbours():
    # 3 to 2: positions (1·3/2)/2 - 1/2 = 0.25 and 1.75.
    out = run([Paste(Box(0, 0, 1, 2), 0)], column(9, 9), column(0, 100, 200))
    assert out.ravel().tolist() == [25, 175]


def test_a_source_box_is_stretched_over_the_area():
    out = run([Paste(Box(0, 1, 1, 5), 0, Box(0, 2, 1, 4))], column(7, 7, 7, 7, 7, 7), column(9, 9, 0, 100, 9))
    assert out.ravel().tolist() == [7, 0, 25, 75, 100, 7]


def test_one_pixel_partner_covers_everything():
    assert set(run([Paste(Box(0, 0, 3, 5), 0)], np.zeros((3, 5, 1), np.uint8), column(42)).ravel()) == {42}


def test_patches_cover_cells_cut_at_the_edges():
    # 3x5 in patches of 2x2: a grid of 2x3; the last cell of the second row is 1x1.
    out = run(
        [Fill(Patches(2, 2, bytes([0, 1, 0, 0, 0, 1])), Colour(9, 9, 9))], np.zeros((3, 5, 1), np.uint8)
    )
    assert (out[..., 0] == 9).astype(int).tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]]


def test_fill_writes_luma_on_grey():
    # ITU-R BT.601: 0.299·255 = 76.2.
    assert run([Fill(Box(0, 0, 1, 1), Colour(255, 0, 0))], column(0))[0, 0, 0] == 76


def test_fill_writes_opaque_alpha():
    out = run([Fill(Box(0, 0, 1, 1), Colour(1, 2, 3))], np.zeros((1, 1, 4), np.uint8))
    assert out.ravel().tolist() == [1, 2, 3, 255]


def test_fill_on_16_bit_is_times_257():
    assert run([Fill(Box(0, 0, 1, 1), Colour(255, 255, 255))], column(0, dtype=np.uint16))[0, 0, 0] == 65535


@pytest.mark.parametrize(
    "step",
    [
        Paste(Box(0, 0, 4, 6), 0),
        Paste(Box(0, 0, 3, 5), 1),
        Paste(Box(0, 0, 3, 5), 0, Box(0, 0, 2, 3)),
        Paste(Box(0, 0, 3, 5), 0, Box(1, 1, 1, 2)),
        Fill(Patches(2, 2, bytes(5)), Colour(0, 0, 0)),
        Paste(Box(1, 1, 1, 1), 0, Box(0, 0, 1, 1)),
    ],
)
def test_what_leaves_its_image_is_refused(step):
    with pytest.raises(PlanError):
        tabulate((step,), Shape(3, 5), [(2, 2)])


def test_the_table_holds_every_field_once():
    assert STEP.names is not None
    assert STEP.itemsize == 4 * 26  # 26 words of 32 bits, no padding


class TestMatchPixels:
    def test_16_bit_becomes_8_bit_rounded(self):
        # (v + 128) // 257: 128 is nearer to 0, 129 to 1.
        out = match_pixels(column(0, 128, 129, 65535, dtype=np.uint16), 1, np.dtype(np.uint8))
        assert out.ravel().tolist() == [0, 0, 1, 255]

    def test_8_bit_becomes_16_bit_by_257(self):
        out = match_pixels(column(0, 1, 255), 1, np.dtype(np.uint16))
        assert out.ravel().tolist() == [0, 257, 65535]

    def test_grey_becomes_three_equal_channels(self):
        assert match_pixels(column(7), 3, np.dtype(np.uint8)).ravel().tolist() == [7, 7, 7]

    def test_colour_becomes_luma(self):
        green = np.array([0, 255, 0], np.uint8).reshape(1, 1, 3)
        assert match_pixels(green, 1, np.dtype(np.uint8)).ravel().tolist() == [150]  # 0.587·255 = 149.7

    def test_alpha_of_16_bit_is_opaque_at_its_own_largest_value(self):
        rgba = match_pixels(column(7, dtype=np.uint16), 4, np.dtype(np.uint16))
        assert rgba.ravel().tolist() == [7, 7, 7, 65535]

    def test_alpha_is_added_opaque_and_dropped(self):
        rgb = np.array([1, 2, 3], np.uint8).reshape(1, 1, 3)
        rgba = match_pixels(rgb, 4, np.dtype(np.uint8))
        assert rgba.ravel().tolist() == [1, 2, 3, 255]
        np.testing.assert_array_equal(match_pixels(rgba, 3, np.dtype(np.uint8)), rgb)

    def test_every_row_is_converted(self):
        rows = np.arange(200, dtype=np.uint8).reshape(-1, 1, 1)
        assert match_pixels(rows, 1, np.dtype(np.uint16)).ravel().tolist() == [
            257 * row for row in range(200)
        ]

    @pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint16), (1, np.uint8)])
    def test_a_large_image_takes_the_memory_of_what_it_becomes_and_little_more(self, channels, dtype):
        image = np.zeros((1500, 1000, 3), np.uint8)
        tracemalloc.start()
        matched = match_pixels(image, channels, np.dtype(dtype))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < matched.nbytes + 64 * 1000 * 3 * 20  # one band, in wide numbers a few times


@pytest.mark.parametrize(
    ("channels", "depth", "partners", "output"),
    [
        (1, 8, [3], 3),
        (1, 8, [4], 3),
        (1, 8, [1, 1, 3], 3),
        (1, 8, [1], 1),
        (1, 8, [], 1),
        (3, 8, [1, 4], 3),
        (4, 8, [1, 3], 4),
        (1, 16, [3, 4], 1),
    ],
)
def test_an_output_has_colour_where_a_source_has(channels, depth, partners, output):
    base = Shape(3, 5, channels, depth)
    others = [Shape(9, 9, number) for number in partners]
    assert mixed_shape(base, others) == Shape(3, 5, output, depth)


def pixel(*values, dtype=np.uint8):
    return np.array([[values]], dtype)


class TestBlendAlpha:
    def test_nothing_is_seen_of_a_transparent_base(self):
        # D = 255·32768, alpha (D + 32768) >> 16 = 128, and all colour is the partner's.
        mixed = blend_alpha(pixel(9, 99, 199, 0), pixel(200, 0, 50, 255), 32768)
        assert mixed.ravel().tolist() == [200, 0, 50, 128]

    def test_a_half_transparent_base_counts_half(self):
        # D = 128·16384 + 255·49152 = 14630912; (100·128·16384 + 200·255·49152 + D//2) // D = 186.
        mixed = blend_alpha(pixel(100, 0, 255, 128), pixel(200, 0, 255, 255), 16384)
        assert mixed.ravel().tolist() == [186, 0, 255, 223]

    def test_where_nothing_is_seen_there_is_no_colour(self):
        assert blend_alpha(pixel(9, 9, 9, 0), pixel(7, 7, 7, 255), 65536).ravel().tolist() == [0, 0, 0, 0]

    def test_of_16_bit_it_is_the_same_rule(self):
        mixed = blend_alpha(
            pixel(*[65535] * 3, 0, dtype=np.uint16), pixel(5, 6, 7, 65535, dtype=np.uint16), 1
        )
        assert mixed.ravel().tolist() == [5, 6, 7, 65534]  # (65535·65535 + 32768) >> 16

    @pytest.mark.parametrize("weight", [0, 1, 20000, 32768, 65535, 65536])
    def test_where_both_are_opaque_it_is_the_common_blend(self, weight):
        base, partner = (np.random.default_rng(i).integers(0, 256, (6, 7, 4), np.uint8) for i in (1, 2))
        base[..., 3] = partner[..., 3] = 255
        np.testing.assert_array_equal(
            blend_alpha(base, partner, weight), reference.blend(base, partner, weight)
        )

    def test_a_program_blends_by_alpha_only_what_has_some(self):
        image, partner = pixel(9, 99, 199, 0), pixel(200, 0, 50, 255)
        table = tabulate((Blend(Box(0, 0, 1, 1), 32768, 0),), Shape(1, 1, 4), [(1, 1)])
        reference.apply(table, [partner], image)
        assert image.ravel().tolist() == [200, 0, 50, 128]
