"""The definition of every step in plain NumPy; the other backends must equal it bit for bit.

All arithmetic on pixels is on integers. A few rows are changed at once, so that all that is computed for them
stays in the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from augcli.kernels.table import FILL, FLAT, NORMAL, PASTE, Table
from augcli.program.steps import Box
from augcli.rng import MASK_32, philox4x32
from augcli.samples import Q16

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.samples import Pixels

PixelType = TypeVar("PixelType", np.uint8, np.uint16)

TOGETHER = 1 << 18
"""Values of an image that are changed at once: of fewer, the calls themselves take the time."""


def apply(table: Table, partners: Sequence[Pixels], image: Pixels) -> None:
    """Apply a program to an image in place.

    Args:
        table: Steps made by `tabulate` for this image and these partners.
        partners: (H, W, C) arrays by slot, any size, channels and dtype of the image. A run's partners are
            opaque.
        image: (H, W, C) uint8 or uint16; changed.
    """
    for step in table.steps:
        for box in _bands(step, image.shape[2]):
            before = image[box.y0 : box.y1, box.x0 : box.x1]
            if step["kind"] == FILL:
                after = paint(step, table.quantiles, image, box)
            else:
                after = stretch(partners[step["slot"]], step, box)
                if step["kind"] != PASTE:
                    mix = blend_alpha if image.shape[2] == 4 else blend
                    after = mix(before, after, int(step["weight_q16"]))
            np.copyto(before, after, where=_is_inside(step, table.bitmaps, box, image.shape[2]))


def _bands(step: np.void, channels: int) -> Iterator[Box]:
    """Yield the box around a step's area, a few rows at a time."""
    y0, x0, y1, x1 = (int(step[edge]) for edge in ("y0", "x0", "y1", "x1"))
    rows = max(1, TOGETHER // max(1, (x1 - x0) * channels))
    for y in range(y0, y1 if x0 < x1 else y0, rows):
        yield Box(y, x0, min(y + rows, y1), x1)


def _is_inside(
    step: np.void, bitmaps: NDArray[np.uint8], box: Box, channels: int
) -> NDArray[np.bool_] | bool:
    """Return which values (H, W, C) of a box belong to a step's area; True for all."""
    if step["patch_height"] == 0:
        return True
    columns = -(-int(step["x1"]) // int(step["patch_width"]))
    row = np.arange(box.y0, box.y1) // step["patch_height"]
    column = np.arange(box.x0, box.x1).repeat(channels) // step["patch_width"]
    first, last = (int(step["bitmap"]) + int(end) * columns for end in (row[0], row[-1] + 1))
    cells = bitmaps[first:last].reshape(-1, columns).astype(np.bool_)
    return cells.take(column, 1).take(row - row[0], 0).reshape(box.height, box.width, channels)


def paint(step: np.void, quantiles: NDArray[np.uint16], image: Pixels, box: Box) -> Pixels:
    """Return what a fill paints over a box of an image.

    Noise is counter-based: value `i = (y·W + x)·C + c` is a lane of a Philox block of the step's key.
    Uniform noise takes bytes, 16 to a block (on 16 bit, half-words, 8 to a block); normal noise takes the
    half-word `i & 7` of block `i >> 3` as the rank of a quantile. Alpha is opaque.
    """
    _, width, channels = image.shape
    shape = box.height, box.width, channels
    if step["noise"] == FLAT:
        row = np.full(shape[1:], step["value"][:channels], image.dtype)  # NumPy copies rows, not pixels
        return np.broadcast_to(row, shape)
    is_normal = bool(step["noise"] == NORMAL)
    first = (np.arange(box.y0, box.y1) * width + box.x0) * channels
    key = int(step["key_low"]), int(step["key_high"])
    lane = np.dtype(np.uint16) if is_normal else image.dtype
    values = _hash_rows(first, box.width * channels, key, lane).reshape(shape)
    painted = np.full(shape, np.iinfo(image.dtype).max, image.dtype)
    for c in range(min(channels, 3)):
        lanes = values[..., c]
        painted[..., c] = quantiles[step["quantiles"] + c][lanes] if is_normal else lanes
    return painted


def _hash_rows(
    first: NDArray[np.int64], length: int, key: tuple[int, int], lane: np.dtype[Any]
) -> NDArray[Any]:
    """Return (rows, length) lanes of Philox blocks: each row is `length` lanes from its place `first` on."""
    lanes = 16 // lane.itemsize
    block = ((first // lanes)[:, None] + np.arange((length - 1) // lanes + 2)).astype(np.uint64)
    zero = np.zeros_like(block)
    words = philox4x32((block & MASK_32, block >> np.uint64(32), zero, zero), key)
    values = np.stack(words, axis=-1).astype("<u4").view(lane.newbyteorder("<"))
    places = (first % lanes)[:, None] + np.arange(length)
    return np.take_along_axis(values.reshape(len(first), -1), places, 1)


def blend(base: NDArray[PixelType], partner: NDArray[PixelType], weight_q16: int) -> NDArray[PixelType]:
    """Mix two arrays of one shape: (base·w + partner·(65536 - w) + 32768) >> 16, rounded to nearest."""
    mixed = base.astype(np.uint32) * np.uint32(weight_q16)  # sums of 16-bit values stay below 2**32
    mixed += partner.astype(np.uint32) * np.uint32(Q16 - weight_q16)
    return ((mixed + np.uint32(Q16 // 2)) >> 16).astype(base.dtype)


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


def stretch(partner: Pixels, step: np.void, box: Box) -> Pixels:
    """Read a partner over a box of the image, as if its source rectangle were stretched over the frame.

    Bilinear between taps with 8 fraction bits and one rounding at the end; a tap is a pixel, or where
    the source is at least twice the frame the rounded mean of a block of 2^l pixels per axis.
    """
    source = partner[step["source_y0"] : step["source_y1"], step["source_x0"] : step["source_x1"]]
    frame_y0, frame_x0 = int(step["frame_y0"]), int(step["frame_x0"])
    frame = int(step["frame_y1"]) - frame_y0, int(step["frame_x1"]) - frame_x0
    y, x = np.arange(box.y0, box.y1) - frame_y0, np.arange(box.x0, box.x1) - frame_x0
    if source.shape[:2] == frame:  # each pixel is a tap
        return source[y[0] : y[-1] + 1, x[0] : x[-1] + 1]
    rows, columns = _find_taps(y, source.shape[0], frame[0]), _find_taps(x, source.shape[1], frame[1])
    # What lies between two rows is at most 255·256, or 65535·256.
    wide: np.dtype[Any] = np.dtype(np.uint16 if partner.dtype == np.uint8 else np.uint32)
    taps = _block_means(source, rows, columns).astype(wide).reshape(rows.last + 1 - rows.first, -1)
    fy, fx = rows.weight[:, None].astype(wide), np.repeat(columns.weight, partner.shape[2])
    between = (256 - fy) * taps.take(rows.tap, 0) + fy * taps.take(rows.next_tap, 0)
    value = np.arange(partner.shape[2])
    left, right = ((tap[:, None] * len(value) + value).ravel() for tap in (columns.tap, columns.next_tap))
    mixed = (256 - fx) * between.take(left, 1) + fx * between.take(right, 1)
    rounded = ((mixed + np.uint32(32768)) >> 16).astype(partner.dtype)
    return rounded.reshape(box.height, box.width, -1)


class _Taps(NamedTuple):
    """The taps of some pixels along an axis.

    Attributes:
        level: A tap is the mean of 2^level pixels.
        first: The first tap that is read.
        last: The last one.
        tap: Of each pixel the tap on its left, counted from the first.
        next_tap: The tap on its right; at the end of the source the same tap.
        weight: The weight of the tap on the right, in 1/256.
    """

    level: int
    first: int
    last: int
    tap: NDArray[np.int64]
    next_tap: NDArray[np.int64]
    weight: NDArray[np.uint32]


def _find_taps(offsets: NDArray[np.int64], source: int, frame: int) -> _Taps:
    """Return the taps of pixels of a frame, over which a source is stretched; clamped at the edges."""
    level = _level(source, frame)
    count = source >> level
    position = ((2 * offsets + 1) * (count * 32768)) // frame - 32768
    position = np.clip(position, 0, (count - 1) << 16)
    tap, next_tap = position >> 16, np.minimum((position >> 16) + 1, count - 1)
    first, last = int(tap[0]), int(next_tap[-1])
    return _Taps(level, first, last, tap - first, next_tap - first, (position >> 8 & 255).astype(np.uint32))


def _level(source: int, frame: int) -> int:
    """Return the largest l with source / 2^l >= frame, and 0 where the source is the smaller."""
    level = 0
    while frame << (level + 1) <= source:
        level += 1
    return level


def _block_means(source: Pixels, rows: _Taps, columns: _Taps) -> NDArray[np.unsignedinteger]:
    """Return the taps from the first to the last of both axes: rounded means of whole blocks of pixels."""
    (y0, y1), (x0, x1) = (
        (axis.first << axis.level, (axis.last + 1) << axis.level) for axis in (rows, columns)
    )
    part = source[y0:y1, x0:x1]
    shift = rows.level + columns.level
    if shift == 0:
        return part
    height, width = rows.last + 1 - rows.first, columns.last + 1 - columns.first
    blocks = part.reshape(height, 1 << rows.level, width, 1 << columns.level, part.shape[2])
    high = blocks.sum(axis=1, dtype=np.uint64)
    sums = sum(high[:, :, pixel] for pixel in range(1 << columns.level))
    return (sums + np.uint64((1 << shift) >> 1)) >> np.uint64(shift)
