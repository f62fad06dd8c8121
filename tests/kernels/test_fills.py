"""Fills: noise held to published hashes and to its law, colours in every kind of image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from augcli.errors import PlanError
from augcli.kernels import cpu, reference
from augcli.kernels.fills import channel_values, mean_colour, normal_quantiles, resolve_image_mean
from augcli.kernels.table import tabulate
from augcli.program.steps import Box, Fill, ImageMean, Normal, Paste, Patches, Uniform
from augcli.samples import Colour, Colour16, Shape

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BLOCK = [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
"""Philox4x32-10 of counter 0 and key 0: the Random123 distribution's known answer."""
HALVES = [word >> shift & 0xFFFF for word in BLOCK for shift in (0, 16)]
BYTES = [word >> shift & 0xFF for word in BLOCK for shift in (0, 8, 16, 24)]

each_backend = pytest.mark.parametrize("apply", [reference.apply, cpu.apply], ids=["reference", "cpu"])


def paint(apply, fill, height, width, channels=3, dtype=np.uint8, area=None):
    image = np.zeros((height, width, channels), dtype)
    shape = Shape(height, width, channels, 8 * image.dtype.itemsize)
    apply(tabulate((Fill(area or Box(0, 0, height, width), fill),), shape, []), [], image)
    return image


@each_backend
def test_uniform_noise_is_the_bytes_of_the_published_hash(apply):
    assert paint(apply, Uniform(0), 1, 16, 1).ravel().tolist() == BYTES


@each_backend
def test_uniform_noise_on_16_bit_is_the_halves_of_the_published_hash(apply):
    assert paint(apply, Uniform(0), 2, 4, 1, np.uint16).ravel().tolist() == HALVES


@each_backend
@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_normal_noise_is_the_quantile_of_the_published_hash(apply, dtype, full):
    # Two pixels of three channels take the first six half-words of the block.
    ranks = np.array(HALVES[:6])
    z = stats.norm.ppf((ranks + 0.5) / 65536)
    expected = np.clip(np.rint(full * (np.tile(MEAN, 2) + np.tile(STD, 2) * z)), 0, full)
    assert paint(apply, Normal(0, MEAN, STD), 1, 2, 3, dtype).ravel().tolist() == expected.tolist()


@each_backend
def test_noise_depends_on_the_place_alone_not_on_the_hole(apply):
    whole = paint(apply, Uniform(7), 20, 30)
    part = paint(apply, Uniform(7), 20, 30, area=Box(3, 4, 11, 27))
    cells = paint(apply, Uniform(7), 20, 30, area=Patches(6, 7, bytes([1, 0, 0, 1] * 5)))
    np.testing.assert_array_equal(part[3:11, 4:27], whole[3:11, 4:27])
    np.testing.assert_array_equal(cells[:6, :7], whole[:6, :7])
    assert not part[:3].any()


@each_backend
def test_both_halves_of_a_key_count(apply):
    first, low, high = (paint(apply, Uniform(key), 4, 4) for key in (0, 1, 1 << 32))
    assert len({first.tobytes(), low.tobytes(), high.tobytes()}) == 3


@each_backend
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_is_opaque(apply, dtype):
    for fill in (Uniform(1), Normal(1, MEAN, STD)):
        assert (paint(apply, fill, 3, 5, 4, dtype)[..., 3] == np.iinfo(dtype).max).all()


def test_uniform_noise_has_the_mean_and_deviation_of_its_law():
    values = np.stack([paint(cpu.apply, Uniform(key), 1000, 1000) for key in range(3)])
    # The law of 0..255: mean 127.5, deviation sqrt((256² - 1) / 12) = 73.9.
    assert abs(values.mean() - 127.5) < 0.2
    assert abs(values.std() - 73.9) < 0.2
    counts = np.bincount(values.ravel(), minlength=256)
    assert stats.chisquare(counts).pvalue > 0.001


def test_normal_noise_has_the_mean_of_the_clipped_law():
    values = np.stack([paint(cpu.apply, Normal(key, MEAN, STD), 600, 600) for key in range(3)])
    for channel, (mean, std) in enumerate(zip(MEAN, STD, strict=True)):
        mean, std = 255 * mean, 255 * std
        low, high = -mean / std, (255 - mean) / std
        inside = stats.truncnorm(low, high, mean, std)
        mass = stats.norm.cdf(high) - stats.norm.cdf(low)
        clipped = mass * inside.mean() + 255 * stats.norm.sf(high)
        assert abs(values[..., channel].mean() - clipped) < 0.5


def test_neighbours_in_noise_are_not_alike():
    values = paint(cpu.apply, Uniform(3), 512, 512, 1)[..., 0].astype(float)
    for other in (np.roll(values, 1, 0), np.roll(values, 1, 1)):
        # The correlation of 262,144 independent pairs is within 4/sqrt(n) = 0.008 of 0.
        assert abs(np.corrcoef(values.ravel(), other.ravel())[0, 1]) < 0.008


def test_grey_noise_takes_the_luma_of_the_three_laws():
    grey = normal_quantiles(MEAN, STD, True, 8)
    assert grey.shape == (1, 65536)
    # 0.299·0.485 + 0.587·0.456 + 0.114·0.406 = 0.459; the median is 255 times that.
    assert grey[0, 32768] == round(255 * 0.4590)


def test_quantiles_ascend_and_are_clipped():
    rows = normal_quantiles((0.5, 0.0, 1.0), (1.0, 0.1, 0.0), False, 8)
    assert (np.diff(rows.astype(int)) >= 0).all()
    assert (rows[0, 0], rows[0, -1]) == (0, 255)
    assert rows[1, 32767] == 0
    assert set(rows[2].tolist()) == {255}


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        (Shape(1, 1), (10, 20, 30, 0)),
        (Shape(1, 1, 4), (10, 20, 30, 255)),
        # 0.299·10 + 0.587·20 + 0.114·30 = 18.15
        (Shape(1, 1, 1), (18, 0, 0, 0)),
        (Shape(1, 1, 1, 16), (18 * 257, 0, 0, 0)),
        (Shape(1, 1, 4, 16), (2570, 5140, 7710, 65535)),
    ],
)
def test_a_colour_in_every_kind_of_image(shape, values):
    assert channel_values(Colour(10, 20, 30), shape) == values


def test_the_mean_colour_is_rounded_and_leaves_alpha_aside():
    image = np.array([[[0, 1, 255, 9], [1, 1, 254, 9]]], np.uint8)
    assert mean_colour(image) == Colour(1, 1, 255)  # 0.5 → 1, 254.5 → 255
    assert mean_colour(image[..., :1]) == Colour(1, 1, 1)


def test_the_mean_of_a_16_bit_image_keeps_its_depth():
    grey, colour = np.full((2, 2, 1), 1000, np.uint16), np.full((2, 2, 3), (1, 500, 65535), np.uint16)
    assert mean_colour(grey) == Colour16(1000, 1000, 1000)
    assert mean_colour(colour) == Colour16(1, 500, 65535)
    assert channel_values(mean_colour(grey), Shape(2, 2, 1, 16)) == (1000, 0, 0, 0)
    assert channel_values(mean_colour(colour), Shape(2, 2, 4, 16)) == (1, 500, 65535, 65535)
    with pytest.raises(PlanError, match="needs a 16-bit image"):
        channel_values(mean_colour(grey), Shape(2, 2, 1, 8))


def test_a_fill_by_the_image_mean_becomes_its_colour():
    image = np.full((4, 4, 3), 7, np.uint8)
    program = (
        Fill(Box(0, 0, 1, 1), ImageMean()),
        Paste(Box(0, 0, 2, 2), 0),
        Fill(Box(0, 0, 1, 1), Uniform(1)),
    )
    assert resolve_image_mean(program, image) == (Fill(Box(0, 0, 1, 1), Colour(7, 7, 7)), *program[1:])
    with pytest.raises(PlanError, match="must become a colour"):
        tabulate(program, Shape(4, 4), [(4, 4)])


def test_several_laws_in_one_program_keep_their_own_quantiles():
    other = (0.9, 0.1, 0.5), (0.05, 0.05, 0.05)
    program = tuple(
        Fill(Box(row, 0, row + 1, 40), fill)
        for row, fill in enumerate([Normal(1, MEAN, STD), Normal(1, *other), Normal(2, MEAN, STD)])
    )
    image = np.zeros((3, 40, 3), np.uint8)
    table = tabulate(program, Shape(3, 40), [])
    assert table.quantiles.shape == (6, 65536)
    cpu.apply(table, [], image)
    for row, step in enumerate(program):
        np.testing.assert_array_equal(image[row], paint(reference.apply, step.fill, 3, 40)[row])
