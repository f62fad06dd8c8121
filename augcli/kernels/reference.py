"""The definition of every step in plain NumPy; the other backends must equal it bit for bit.

All arithmetic on pixels is on integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from augcli.kernels.table import FILL, FLAT, NORMAL, PASTE, Table
from augcli.rng import MASK_32, philox4x32
from augcli.samples import Q16

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.samples import Pixels

PixelType = TypeVar("PixelType", np.uint8, np.uint16)


def apply(table: Table, partners: Sequence[Pixels], image: Pixels) -> None:
    """Apply a program to an image in place.

    Args:
        table: Steps made by `tabulate` for this image and these partners.
        partners: (H, W, C) arrays by slot, any size, channels and dtype of the image. A run's partners are
            opaque.
        image: (H, W, C) uint8 or uint16; changed.
    """
    height, width = image.shape[:2]
    for step in table.steps:
        inside = _area_mask(step, table.bitmaps, height, width)
        if step["kind"] == FILL:
            image[inside] = paint(step, table.quantiles, image)[inside]
            continue
        partner = stretch(partners[step["slot"]], step, inside.shape)
        if step["kind"] == PASTE:
            image[inside] = partner[inside]
        else:
            mix = blend_alpha if image.shape[2] == 4 else blend
            image[inside] = mix(image[inside], partner[inside], int(step["weight_q16"]))


def paint(step: np.void, quantiles: NDArray[np.uint16], image: Pixels) -> Pixels:
    """Return what a fill paints, over the whole image.

    Noise is counter-based: value `i = (y·W + x)·C + c` is a lane of a Philox block of the step's key.
    Uniform noise takes bytes, 16 to a block (on 16 bit, half-words, 8 to a block); normal noise takes the
    half-word `i & 7` of block `i >> 3` as the rank of a quantile. Alpha is opaque.
    """
    height, width, channels = image.shape
    if step["noise"] == FLAT:
        return np.broadcast_to(step["value"][:channels].astype(image.dtype), image.shape)
    place = np.arange(height * width * channels, dtype=np.uint64)
    bits = 16 if step["noise"] == NORMAL else 8 * image.dtype.itemsize
    lanes = 128 // bits
    block, bit = place // lanes, place % lanes * bits
    zero = np.zeros_like(block)
    key = int(step["key_low"]), int(step["key_high"])
    words = np.stack(philox4x32((block & MASK_32, block >> np.uint64(32), zero, zero), key))
    word = np.take_along_axis(words, (bit // 32).astype(np.intp)[None], 0)[0]
    values = (word >> (bit % 32) & np.uint64((1 << bits) - 1)).reshape(image.shape)
    if step["noise"] == NORMAL:
        colours = channels if channels == 1 else 3
        for c in range(colours):
            values[..., c] = quantiles[step["quantiles"] + c][values[..., c]]
    painted = values.astype(image.dtype)
    painted[..., 3:] = np.iinfo(image.dtype).max
    return painted


def blend(base: NDArray[PixelType], partner: NDArray[PixelType], weight_q16: int) -> NDArray[PixelType]:
    """Mix two arrays of one shape: (base·w + partner·(65536 - w) + 32768) >> 16, rounded to nearest."""
    mixed = base.astype(np.int64) * weight_q16 + partner.astype(np.int64) * (Q16 - weight_q16)
    return ((mixed + Q16 // 2) >> 16).astype(base.dtype)


def blend_alpha(base: NDArray[PixelType], partner: NDArray[PixelType], weight_q16: int) -> NDArray[PixelType]:
    """Mix two arrays (..., 4) with alpha: what is transparent counts as little as it is seen.

    With the base's alpha α and the partner's β, D = α·w + β·(65536 - w): alpha is (D + 32768) >> 16, a colour
    (a·α·w + b·β·(65536 - w) + D//2) // D, and 0 where D is 0. Where both are opaque this is `blend`.
    """
    base_share = base[..., 3:].astype(np.int64) * weight_q16
    partner_share = partner[..., 3:].astype(np.int64) * (Q16 - weight_q16)
    whole = base_share + partner_share
    mixed = base[..., :3] * base_share + partner[..., :3] * partner_share
    colour = (mixed + whole // 2) // np.maximum(whole, 1)
    return np.concatenate([colour, (whole + Q16 // 2) >> 16], axis=-1).astype(base.dtype)


def stretch(partner: Pixels, step: np.void, shape: tuple[int, ...]) -> Pixels:
    """Read a partner as if its source rectangle were stretched over the frame.

    Bilinear between taps with 8 fraction bits and one rounding at the end; a tap is a pixel, or where
    the source is at least twice the frame the rounded mean of a block of 2^l pixels per axis.

    Returns:
        (H, W, C) of the image's size; only what lies inside the frame is meaningful.
    """
    source = partner[step["source_y0"] : step["source_y1"], step["source_x0"] : step["source_x1"]]
    frame_height, frame_width = step["frame_y1"] - step["frame_y0"], step["frame_x1"] - step["frame_x0"]
    y_level = _level(source.shape[0], frame_height)
    x_level = _level(source.shape[1], frame_width)
    taps = _block_means(source, y_level, x_level)
    y, fy = _positions(np.arange(shape[0]) - step["frame_y0"], taps.shape[0], frame_height)
    x, fx = _positions(np.arange(shape[1]) - step["frame_x0"], taps.shape[1], frame_width)
    y_next, x_next = np.minimum(y + 1, taps.shape[0] - 1), np.minimum(x + 1, taps.shape[1] - 1)
    fy, fx = fy[:, None, None], fx[None, :, None]
    rows = (256 - fy) * taps[y] + fy * taps[y_next]
    mixed = (256 - fx) * rows[:, x] + fx * rows[:, x_next]
    return ((mixed + 32768) >> 16).astype(partner.dtype)


def _level(source: int, frame: int) -> int:
    """Return the largest l with source / 2^l >= frame, and 0 where the source is the smaller."""
    level = 0
    while frame << (level + 1) <= source:
        level += 1
    return level


def _block_means(source: Pixels, y_level: int, x_level: int) -> NDArray[np.int64]:
    """Average whole blocks of 2^y_level × 2^x_level pixels, rounded; a rest at the end is left out."""
    height, width = source.shape[0] >> y_level, source.shape[1] >> x_level
    whole = source[: height << y_level, : width << x_level].astype(np.int64)
    blocks = whole.reshape(height, 1 << y_level, width, 1 << x_level, source.shape[2])
    shift = y_level + x_level
    return (blocks.sum(axis=(1, 3)) + ((1 << shift) >> 1)) >> shift


def _positions(
    offsets: NDArray[np.int64], taps: int, frame: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tap left of each pixel and the fraction (0..255) towards the next, clamped at the edges."""
    position = ((2 * offsets + 1) * (taps * 32768)) // frame - 32768
    position = np.clip(position, 0, (taps - 1) << 16)
    return position >> 16, (position >> 8) & 255


def _area_mask(step: np.void, bitmaps: NDArray[np.uint8], height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    if step["patch_height"] == 0:
        mask[step["y0"] : step["y1"], step["x0"] : step["x1"]] = True
        return mask
    rows, columns = -(-height // step["patch_height"]), -(-width // step["patch_width"])
    cells = bitmaps[step["bitmap"] : step["bitmap"] + rows * columns].reshape(rows, columns)
    cells = cells.repeat(step["patch_height"], axis=0).repeat(step["patch_width"], axis=1)
    return cells[:height, :width].astype(np.bool_)
