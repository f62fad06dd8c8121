"""The steps on a CPU, compiled by numba without the GIL; equal to `reference` bit for bit.

Images come as interleaved rows, (H, W·C), so that every inner loop runs over contiguous values. Kernels
trust their arguments: `tabulate` has checked them.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from augcli.kernels.table import BLEND, FILL, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.datatypes import Pixels


def apply(table: Table, partners: Sequence[Pixels], image: Pixels) -> None:
    """Apply a program to an image in place; arguments as for `reference.apply`, C-contiguous."""
    channels = image.shape[2]
    rows = image.reshape(image.shape[0], -1)
    flat = [partner.reshape(partner.shape[0], -1) for partner in partners]
    for index, step in enumerate(table.steps):
        partner = rows[:0] if step["kind"] == FILL else flat[step["slot"]]
        _apply_step(table.steps, index, table.bitmaps, channels, partner, rows)


def _compile(function: Callable[..., None]) -> Any:
    """Compile without the GIL, cached on disk where a cache directory can be written."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package nor the user cache directory is writable
        warnings.warn("numba cannot write a cache, so kernels are compiled anew in every run", stacklevel=2)
        return numba.njit(nogil=True)(function)


U0, U8, U16, ONE, HALF = np.uint32(0), np.uint32(8), np.uint32(16), np.uint32(256), np.uint32(32768)
FULL = np.uint32(65536)


@_compile
def _level(source, frame):
    level = 0
    while frame << (level + 1) <= source:
        level += 1
    return level


@_compile
def _fill_box(value, channels, y0, x0, y1, x1, image):
    for y in range(y0, y1):
        for x in range(x0, x1):
            for c in range(channels):
                image[y, x * channels + c] = value[c]


@_compile
def _mix_row(is_blend, weight, partner, image):
    if is_blend:
        rest = FULL - weight
        for i in range(image.size):
            mixed = np.uint32(image[i]) * weight + np.uint32(partner[i]) * rest
            image[i] = (mixed + HALF) >> U16
    else:
        for i in range(image.size):
            image[i] = partner[i]


@_compile
def _tap_row(source, tap, first, y_level, x_level, y0, x0, channels, row):
    """Write row `tap` of the taps, from column `first` on, into `row` (uint32)."""
    if y_level == 0 and x_level == 0:
        start = (x0 + first) * channels
        line = source[y0 + tap, start : start + row.size]
        for i in range(row.size):
            row[i] = line[i]
        return
    shift = np.uint64(y_level + x_level)
    half = (np.uint64(1) << shift) >> np.uint64(1)
    for i in range(row.size // channels):
        column = x0 + ((first + i) << x_level)
        for c in range(channels):
            total = half
            for y in range(y0 + (tap << y_level), y0 + ((tap + 1) << y_level)):
                for x in range(column, column + (1 << x_level)):
                    total += np.uint64(source[y, x * channels + c])
            row[i * channels + c] = total >> shift


@_compile
def _column_taps(offset, taps, frame, channels, left, right, weight):
    """Write, for each column of a box, its two taps (as offsets into a row) and the right one's weight."""
    for i in range(left.size):
        position = ((2 * (offset + i) + 1) * (taps * 32768)) // frame - 32768
        position = min(max(position, 0), (taps - 1) << 16)
        tap = position >> 16
        left[i] = tap * channels
        right[i] = min(tap + 1, taps - 1) * channels
        weight[i] = (position >> 8) & 255


@_compile
def _mix_stretched(step, channels, y0, x0, y1, x1, partner, image):
    """Paste or blend a box from a partner of another size, one row at a time."""
    frame_height, frame_width = step.frame_y1 - step.frame_y0, step.frame_x1 - step.frame_x0
    source_height, source_width = step.source_y1 - step.source_y0, step.source_x1 - step.source_x0
    y_level, x_level = _level(source_height, frame_height), _level(source_width, frame_width)
    y_taps, x_taps = source_height >> y_level, source_width >> x_level
    width = x1 - x0
    left, right = np.empty(width, np.uint64), np.empty(width, np.uint64)
    fraction = np.empty(width, np.uint32)
    _column_taps(x0 - step.frame_x0, x_taps, frame_width, channels, left, right, fraction)
    first, last = left[0], right[width - 1] + np.uint64(channels)
    left -= first
    right -= first
    span = np.int64(last - first)
    upper, lower = np.empty(span, np.uint32), np.empty(span, np.uint32)
    between, row = np.empty(span, np.uint32), np.empty(width * channels, image.dtype)
    upper_tap, lower_tap = -1, -1
    first_tap = np.int64(first) // channels
    for y in range(y0, y1):
        position = ((2 * (y - step.frame_y0) + 1) * (np.int64(y_taps) * 32768)) // frame_height - 32768
        position = min(max(position, 0), np.int64(y_taps - 1) << 16)
        tap = position >> 16
        below = min(tap + 1, y_taps - 1)
        if tap != upper_tap:
            if tap == lower_tap:
                upper, lower = lower, upper
                lower_tap = upper_tap
            else:
                _tap_row(
                    partner, tap, first_tap, y_level, x_level, step.source_y0, step.source_x0, channels, upper
                )
            upper_tap = tap
        if below != lower_tap:
            _tap_row(
                partner, below, first_tap, y_level, x_level, step.source_y0, step.source_x0, channels, lower
            )
            lower_tap = below
        weight = np.uint32((position >> 8) & 255)
        for i in range(span):
            between[i] = (ONE - weight) * upper[i] + weight * lower[i]
        _stretch_row(between, left, right, fraction, np.uint64(channels), row)
        _mix_row(step.kind == BLEND, np.uint32(step.weight_q16), row, image[y, x0 * channels : x1 * channels])


@_compile
def _stretch_row(between, left, right, fraction, channels, row):
    """Interpolate a row between its taps; unsigned flat indices spare numba's check for negative ones."""
    at = np.uint64(0)
    for i in range(left.size):
        a, b, weight = left[i], right[i], fraction[i]
        rest = ONE - weight
        for c in range(channels):
            k = np.uint64(c)
            row[at] = (rest * between[a + k] + weight * between[b + k] + HALF) >> U16
            at += np.uint64(1)


@_compile
def _apply_box(step, channels, y0, x0, y1, x1, partner, image):
    if y0 >= y1 or x0 >= x1:
        return
    if step.kind == FILL:
        _fill_box(step.value, channels, y0, x0, y1, x1, image)
        return
    same_height = step.frame_y1 - step.frame_y0 == step.source_y1 - step.source_y0
    same_width = step.frame_x1 - step.frame_x0 == step.source_x1 - step.source_x0
    if not (same_height and same_width):
        _mix_stretched(step, channels, y0, x0, y1, x1, partner, image)
        return
    down, along = step.source_y0 - step.frame_y0, (step.source_x0 - step.frame_x0) * channels
    for y in range(y0, y1):
        start, stop = x0 * channels, x1 * channels
        source = partner[y + down, start + along : stop + along]
        _mix_row(step.kind == BLEND, np.uint32(step.weight_q16), source, image[y, start:stop])


@_compile
def _apply_step(steps, index, bitmaps, channels, partner, image):
    step = steps[index]
    if step.patch_height == 0:
        _apply_box(step, channels, step.y0, step.x0, step.y1, step.x1, partner, image)
        return
    cell = step.bitmap
    for y in range(0, step.y1, step.patch_height):
        for x in range(0, step.x1, step.patch_width):
            if bitmaps[cell]:
                bottom, end = min(y + step.patch_height, step.y1), min(x + step.patch_width, step.x1)
                _apply_box(step, channels, y, x, bottom, end, partner, image)
            cell += 1
