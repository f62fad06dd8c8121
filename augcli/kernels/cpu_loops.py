"""The loops that apply steps on a CPU, compiled by numba without the GIL.

Images come as interleaved rows, (H, W·C), so that every inner loop runs over contiguous values. Loops trust
their arguments: `tabulate` has checked them. They stand in one file, since numba's cache looks at no other.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from augcli.kernels.table import BLEND, FILL, FLAT, NORMAL
from augcli.rng import PHILOX_MULTIPLIERS, PHILOX_ROUNDS, PHILOX_WEYL

if TYPE_CHECKING:
    from collections.abc import Callable


def _compile(function: Callable[..., None], **options: Any) -> Any:
    """Compile without the GIL, cached on disk where a cache directory can be written."""
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package nor the user cache directory is writable
        warnings.warn("numba cannot write a cache, so kernels are compiled anew in every run", stacklevel=2)
        return numba.njit(nogil=True, **options)(function)


def _inner(function: Callable[..., None]) -> Any:
    """Compile what only other kernels call: what Python would need to call it takes as long as the rest."""
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


ONE, FULL = np.uint32(256), np.uint32(65536)
OPAQUE = np.uint32(0xFFFFFFFF)
(M0, M1), (W0, W1) = map(np.uint64, PHILOX_MULTIPLIERS), map(np.uint64, PHILOX_WEYL)
BYTE, HALF_BYTE, WORD, HALF_WORD = np.uint32(8), np.uint32(128), np.uint32(16), np.uint32(32768)


@_inner
def _level(source, frame):
    level = 0
    while frame << (level + 1) <= source:
        level += 1
    return level


@_inner
def _copy_row(source, row):
    for i in range(row.size):
        row[i] = source[i]


@_inner
def _blend_row(weight, partner, row):
    rest = FULL - weight
    for i in range(row.size):
        mixed = np.uint32(row[i]) * weight + np.uint32(partner[i]) * rest
        row[i] = (mixed + HALF_WORD) >> WORD


@_inner
def _blend_alpha_row(weight, partner, row):
    """Blend a row of four channels, the last of which is alpha; where both are opaque it decides nothing."""
    kept, rest, half = np.uint64(weight), np.uint64(FULL - weight), np.uint64(HALF_WORD)
    opaque = np.uint64(OPAQUE >> np.uint32(32 - 8 * row.itemsize))
    shift, one, four = np.uint64(WORD), np.uint64(1), np.uint64(4)
    start = np.uint64(0)
    for _ in range(row.size // 4):
        end = start + four - one
        alpha, beta = np.uint64(row[end]), np.uint64(partner[end])
        base_share, partner_share = alpha * kept, beta * rest
        whole = base_share + partner_share
        index = start
        if alpha == opaque and beta == opaque:
            while index < end:
                row[index] = (np.uint64(row[index]) * kept + np.uint64(partner[index]) * rest + half) >> shift
                index += one
        else:
            divisor, rounding = max(whole, one), whole >> one
            while index < end:
                mixed = np.uint64(row[index]) * base_share + np.uint64(partner[index]) * partner_share
                row[index] = (mixed + rounding) // divisor
                index += one
            row[end] = (whole + half) >> shift
        start += four


@_inner
def _fill_box(value, channels, y0, x0, y1, x1, image):
    first, index = image[y0, x0 * channels : x1 * channels], np.uint64(0)
    for _ in range(x1 - x0):
        for c in range(channels):
            first[index] = value[c]
            index += np.uint64(1)
    for y in range(y0 + 1, y1):
        _copy_row(first, image[y, x0 * channels : x1 * channels])


@_inner
def _hash_blocks(first, key_low, key_high, words):
    """Write Philox4x32-10 of the blocks from `first` on, four words (uint32) to a block."""
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    for i in range(words.size // 4):
        block = first + np.uint64(i)
        c0, c1, c2, c3 = block & mask, block >> half, np.uint64(0), np.uint64(0)
        k0, k1 = np.uint64(key_low), np.uint64(key_high)
        for _ in range(PHILOX_ROUNDS):
            p0, p1 = c0 * M0, c2 * M1
            c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & mask, (p0 >> half) ^ c3 ^ k1, p0 & mask
            k0, k1 = (k0 + W0) & mask, (k1 + W1) & mask
        index = np.uint64(i) * four
        words[index], words[index + one], words[index + two], words[index + three] = c0, c1, c2, c3


@_inner
def _fill_noise(step, quantiles, channels, y0, x0, y1, x1, image):
    """Fill a box with noise; a lane of a block is the value's place in the image."""
    is_normal, length = step.noise == NORMAL, (x1 - x0) * channels
    lanes = 8 if is_normal else 16 // image.itemsize
    words = np.empty((length // lanes + 2) * 4, np.uint32)
    values, ranks = words.view(image.dtype), words.view(np.uint16)
    for y in range(y0, y1):
        place = np.int64(y) * image.shape[1] + x0 * channels
        skip = place % lanes
        used = (skip + length + lanes - 1) // lanes * 4
        _hash_blocks(np.uint64(place // lanes), step.key_low, step.key_high, words[:used])
        row = image[y, x0 * channels : x1 * channels]
        if is_normal:
            for c in range(min(channels, 3)):
                _look_up(quantiles[step.quantiles + c], ranks[skip : skip + length], c, channels, row)
        else:
            _copy_row(values[skip : skip + length], row)
        if channels == 4:
            for i in range(3, length, 4):
                row[i] = OPAQUE >> np.uint32(32 - 8 * image.itemsize)


@_inner
def _look_up(quantiles, ranks, channel, channels, row):
    """Write one channel of a row of normal noise."""
    index, step = np.uint64(channel), np.uint64(channels)
    for _ in range(row.size // channels):
        row[index] = quantiles[ranks[index]]
        index += step


@_inner
def _block_row(source, tap, blocks, wide, row):
    """Write a row of taps as rounded means of their blocks (uint32); `wide` (uint64) holds any sum.

    `blocks` is (first column of taps, y_level, x_level, source's y0 and x0, channels).

    `wide` takes the sums down the columns first, which the compiler vectorizes.
    """
    first, y_level, x_level, y0, x0, channels = blocks
    shift = np.uint64(y_level + x_level)
    half = np.uint64((1 << (y_level + x_level)) >> 1)
    for i in range(wide.size):
        wide[i] = half if x_level == 0 else np.uint64(0)
    start = (x0 + (first << x_level)) * channels
    for y in range(y0 + (tap << y_level), y0 + ((tap + 1) << y_level)):
        line = source[y, start : start + wide.size]
        for i in range(wide.size):
            wide[i] += np.uint64(line[i])
    if x_level == 0:
        for i in range(row.size):
            row[i] = wide[i] >> shift
        return
    step, length = np.uint64(channels), np.uint64(channels << x_level)
    for i in range(row.size // channels):
        for c in range(channels):
            index = np.uint64(i) * length + np.uint64(c)
            end = index + length
            total = half
            while index < end:
                total += wide[index]
                index += step
            row[i * channels + c] = total >> shift


@_inner
def _position(offset, taps, frame):
    """Return where a pixel lies between taps, with 16 fraction bits, clamped at the edges."""
    position = ((2 * offset + 1) * (np.int64(taps) * 32768)) // frame - 32768
    return min(max(position, 0), (np.int64(taps) - 1) << 16)


@_inner
def _column_taps(offset, taps, frame, first, channels, left, weight):
    """Write, for each column of a box, its left tap (as offset into a row) and the right one's weight.

    The right tap is the next one; where there is none, its weight is 0. The row starts at tap `first`.
    """
    for i in range(left.size):
        position = _position(offset + i, taps, frame)
        left[i] = ((position >> 16) - first) * channels
        weight[i] = (position >> 8) & 255


@_inner
def _mix_rows(upper, lower, weight, between):
    """Interpolate between two rows of taps, without rounding."""
    rest = ONE - weight
    for i in range(upper.size):
        between[i] = rest * np.uint32(upper[i]) + weight * np.uint32(lower[i])


@_inner
def _stretch(tap, next_tap, weight):
    """Interpolate and round: 256·tap + weight·(next - tap), whose difference may wrap below zero and back."""
    return ((tap << BYTE) + weight * (next_tap - tap) + HALF_WORD) >> WORD


@_inner
def _stretch_row(between, left, fraction, channels, row):
    """Interpolate a row between its taps; unsigned flat indices spare numba's check for negative ones."""
    index = np.uint64(0)
    for i in range(left.size):
        tap, weight = left[i], fraction[i]
        for _ in range(channels):
            row[index] = _stretch(between[tap], between[tap + channels], weight)
            tap += np.uint64(1)
            index += np.uint64(1)


@_inner
def _stretch_rgb(between, left, fraction, row):
    """Do what `_stretch_row` does for three channels; unrolled it takes 0.6 of the time."""
    index, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    for i in range(left.size):
        tap, weight = left[i], fraction[i]
        after = tap + three
        row[index] = _stretch(between[tap], between[after], weight)
        row[index + one] = _stretch(between[tap + one], between[after + one], weight)
        row[index + two] = _stretch(between[tap + two], between[after + two], weight)
        index += three


@_inner
def _round_row(between, row):
    """Round a row that needs no interpolation along it."""
    for i in range(row.size):
        row[i] = (between[i] + HALF_BYTE) >> BYTE


@_inner
def _mix_stretched(step, channels, y0, x0, y1, x1, partner, image):
    """Paste or blend a box from a partner of another size, one row at a time."""
    frame_height, frame_width = step.frame_y1 - step.frame_y0, step.frame_x1 - step.frame_x0
    source_height, source_width = step.source_y1 - step.source_y0, step.source_x1 - step.source_x0
    y_level, x_level = _level(source_height, frame_height), _level(source_width, frame_width)
    y_taps, x_taps = source_height >> y_level, source_width >> x_level
    width = x1 - x0
    left, fraction = np.empty(width, np.uint64), np.empty(width, np.uint32)
    offset = x0 - step.frame_x0
    first = _position(offset, x_taps, frame_width) >> 16
    last = min((_position(offset + width - 1, x_taps, frame_width) >> 16) + 1, x_taps - 1)
    _column_taps(offset, x_taps, frame_width, first, channels, left, fraction)
    span = (last + 1 - first) * channels
    # One tap more than there is: the right one of the last, read with a weight of 0.
    between, row = np.zeros(span + channels, np.uint32), np.empty(width * channels, image.dtype)
    upper, lower = np.empty(span, np.uint32), np.empty(span, np.uint32)
    wide = np.empty(span << x_level, np.uint64)
    upper_tap, lower_tap, is_blend = -1, -1, step.kind == BLEND
    start = (step.source_x0 + first) * channels
    blocks = (first, y_level, x_level, step.source_y0, step.source_x0, channels)
    for y in range(y0, y1):
        position = _position(y - step.frame_y0, y_taps, frame_height)
        tap = position >> 16
        below = min(tap + 1, y_taps - 1)
        weight = np.uint32((position >> 8) & 255)
        if y_level == 0 and x_level == 0:
            here, next_ = step.source_y0 + tap, step.source_y0 + below
            _mix_rows(
                partner[here, start : start + span], partner[next_, start : start + span], weight, between
            )
        else:
            if tap == lower_tap:
                upper, lower = lower, upper
                upper_tap, lower_tap = tap, upper_tap
            if tap != upper_tap:
                _block_row(partner, tap, blocks, wide, upper)
                upper_tap = tap
            if below != lower_tap:
                _block_row(partner, below, blocks, wide, lower)
                lower_tap = below
            _mix_rows(upper, lower, weight, between)
        target = image[y, x0 * channels : x1 * channels]
        line = row if is_blend else target
        if x_taps == frame_width:
            _round_row(between, line)
        elif channels == 3:
            _stretch_rgb(between, left, fraction, line)
        else:
            _stretch_row(between, left, fraction, np.uint64(channels), line)
        if is_blend and channels == 4:
            _blend_alpha_row(np.uint32(step.weight_q16), line, target)
        elif is_blend:
            _blend_row(np.uint32(step.weight_q16), line, target)


@_inner
def _mix_same(step, channels, y0, x0, y1, x1, partner, image):
    """Paste or blend a box from a partner that needs no stretching."""
    down, along = step.source_y0 - step.frame_y0, (step.source_x0 - step.frame_x0) * channels
    start, stop = x0 * channels, x1 * channels
    for y in range(y0, y1):
        source = partner[y + down, start + along : stop + along]
        if step.kind == BLEND and channels == 4:
            _blend_alpha_row(np.uint32(step.weight_q16), source, image[y, start:stop])
        elif step.kind == BLEND:
            _blend_row(np.uint32(step.weight_q16), source, image[y, start:stop])
        else:
            _copy_row(source, image[y, start:stop])


@_compile
def apply_steps(steps, bitmaps, quantiles, start, stop, partner, image):
    """Apply some steps that read the same partner, if any, to each cell of their areas; a box is one cell.

    One function, since each level of calls is compiled into the next one and adds a second to that.
    """
    channels = image.shape[2]
    rows = image.reshape(image.shape[0], image.shape[1] * channels)
    partner_rows = partner.reshape(partner.shape[0], partner.shape[1] * channels)
    for index in range(start, stop):
        step = steps[index]
        top, left, end, right = np.int64(step.y0), np.int64(step.x0), np.int64(step.y1), np.int64(step.x1)
        is_box = step.patch_height == 0
        height = np.int64(step.patch_height or end - top or 1)
        width = np.int64(step.patch_width or right - left or 1)
        same_height = step.frame_y1 - step.frame_y0 == step.source_y1 - step.source_y0
        same_width = step.frame_x1 - step.frame_x0 == step.source_x1 - step.source_x0
        cell = np.int64(step.bitmap)
        for y0 in range(top, end, height):
            for x0 in range(left, right, width):
                y1, x1 = min(y0 + height, end), min(x0 + width, right)
                cell += 1
                if not (is_box or bitmaps[cell - 1]):
                    continue
                if step.kind == FILL and step.noise == FLAT:
                    _fill_box(step.value, channels, y0, x0, y1, x1, rows)
                elif step.kind == FILL:
                    _fill_noise(step, quantiles, channels, y0, x0, y1, x1, rows)
                elif same_height and same_width:
                    _mix_same(step, channels, y0, x0, y1, x1, partner_rows, rows)
                else:
                    _mix_stretched(step, channels, y0, x0, y1, x1, partner_rows, rows)


@_inner
def _apply_image(n, steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out):
    _copy_row(sources[offsets[n] : offsets[n + 1]], out[offsets[n] : offsets[n + 1]])
    image = out[offsets[n] : offsets[n + 1]].reshape(shapes[n, 0], shapes[n, 1], shapes[n, 2])
    for index in range(first[n], first[n + 1]):
        p = n if steps[index].kind == FILL else partners[n, steps[index].slot]
        partner = sources[offsets[p] : offsets[p + 1]].reshape(shapes[p, 0], shapes[p, 1], shapes[p, 2])
        apply_steps(steps, bitmaps, quantiles, index, index + 1, partner, image)


@partial(_compile, parallel=True)
def apply_images_in_parallel(steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out):
    for n in numba.prange(shapes.shape[0]):
        # numba counts with unsigned numbers here, which do not mix with signed ones
        _apply_image(np.int64(n), steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out)


@_compile
def apply_images(steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out):
    for n in range(shapes.shape[0]):
        _apply_image(np.int64(n), steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out)
