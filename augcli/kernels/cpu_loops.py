"""The loops that apply steps on a CPU, compiled by numba without the GIL.

Images come as interleaved rows, (H, W·C), so that every inner loop runs over contiguous values. Loops trust
their arguments: `tabulate` has checked them.
"""

from __future__ import annotations

from functools import partial

import numba
import numpy as np

from augcli.kernels.cpu_compile import compile_inner, compile_loop
from augcli.kernels.cpu_noise import OPAQUE, fill_noise_box
from augcli.kernels.table import BLEND, FILL, FLAT

NOISE_DIGEST = "f281defb"
"""Of the text of `cpu_noise`: where that changes, this file changes with it.

numba's cache looks only at the file of the function that Python calls. If another file has changed, it goes
on with what was compiled before.
"""

# Sums of numbers of 32 bits are cast back to these: numba makes 64 bits of them, of which half as many are
# computed at once.
ONE, FULL = np.uint32(256), np.uint32(65536)
SUMMED_ROWS = 1 << 16
"""So many rows of 16 bits have sums of 32."""
BYTE, HALF_BYTE, WORD, HALF_WORD = np.uint32(8), np.uint32(128), np.uint32(16), np.uint32(32768)


@compile_inner
def _level(source, frame):
    level = 0
    while frame << (level + 1) <= source:
        level += 1
    return level


@compile_inner
def _copy_row(source, row):
    for i in range(row.size):
        row[i] = source[i]


@compile_inner
def _blend_row(weight, partner, row):
    rest = FULL - weight
    for i in range(row.size):
        row[i] = np.uint32(np.uint32(row[i]) * weight + np.uint32(partner[i]) * rest + HALF_WORD) >> WORD


@compile_inner
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


@compile_inner
def _blend(step, channels, source, row):
    """Blend a row as its channels want it."""
    if channels == 4:
        _blend_alpha_row(np.uint32(step.weight_q16), source, row)
    else:
        _blend_row(np.uint32(step.weight_q16), source, row)


@compile_inner
def _fill_box(value, channels, y0, x0, y1, x1, image):
    first, index = image[y0, x0 * channels : x1 * channels], np.uint64(0)
    for _ in range(x1 - x0):
        for c in range(channels):
            first[index] = value[c]
            index += np.uint64(1)
    for y in range(y0 + 1, y1):
        _copy_row(first, image[y, x0 * channels : x1 * channels])


@compile_inner
def _position(offset, taps, frame):
    """Return where a pixel lies between taps, with 16 fraction bits, clamped at the edges."""
    position = ((2 * offset + 1) * (np.int64(taps) * 32768)) // frame - 32768
    return min(max(position, 0), (np.int64(taps) - 1) << 16)


@compile_inner
def _column_taps(offset, taps, frame, first, channels, places, weights):
    """Write where the left tap of each column of a box lies, and for each value the weight of the right one.

    The right tap is the next pixel; behind the last one its weight is 0. The row starts at tap `first`.
    """
    index = 0
    for i in range(places.size):
        position = _position(offset + i, taps, frame)
        places[i] = ((position >> 16) - first) * channels
        for _ in range(channels):
            weights[index] = (position >> 8) & 255
            index += 1


@compile_inner
def _gather(row, places, channels, pixels, next_pixels):
    """Write the pixels at some places of a row side by side, and in the same way the pixels behind them.

    Four values are copied at once, however many a pixel has: the compiler makes one load and one store of
    them. So up to four values beyond the last pixel are read and written, too.
    """
    index, step = np.uint64(0), np.uint64(channels)
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for i in range(places.size):
        place = np.uint64(places[i])
        a, b, c, d = row[place], row[place + one], row[place + two], row[place + three]
        pixels[index], pixels[index + one], pixels[index + two], pixels[index + three] = a, b, c, d
        place += step
        a, b, c, d = row[place], row[place + one], row[place + two], row[place + three]
        next_pixels[index], next_pixels[index + one] = a, b
        next_pixels[index + two], next_pixels[index + three] = c, d
        index += step


@compile_inner
def _block_row(source, top, y_level, start, x_level, channels, scratch, total, row):
    """Write a row of taps: the rounded means of blocks, whose first row is `top` and first value `start`.

    Sums down the columns come first, then those along the rows, two pixels of each block at a time: so all
    sums are vectorized. `scratch` has four rows (uint32); `total` (uint64) holds any sum.
    """
    sums, places, pixels, next_pixels = scratch[0], scratch[1], scratch[2], scratch[3]
    length, bottom, shift = row.size << x_level, top + (1 << y_level), np.uint64(x_level + y_level)
    places = places[: row.size // channels]
    for i in range(places.size):
        places[i] = (i << x_level) * channels
    for i in range(row.size):
        total[i] = (np.uint64(1) << shift) >> np.uint64(1)
    for y0 in range(top, bottom, SUMMED_ROWS):
        for i in range(length):
            sums[i] = 0
        for y in range(y0, min(y0 + SUMMED_ROWS, bottom)):
            line = source[y, start : start + length]
            for i in range(length):
                sums[i] += line[i]
        if x_level == 0:
            for i in range(row.size):
                total[i] += sums[i]
        for pixel in range(0, (1 << x_level) - 1, 2):
            _gather(sums[pixel * channels :], places, channels, pixels, next_pixels)
            for i in range(row.size):
                total[i] += pixels[i] + next_pixels[i]
    for i in range(row.size):
        row[i] = total[i] >> shift


@compile_inner
def _mix_rows(upper, lower, weight, between):
    """Interpolate between two rows of taps, without rounding."""
    rest = ONE - weight
    for i in range(upper.size):
        between[i] = rest * np.uint32(upper[i]) + weight * np.uint32(lower[i])


@compile_inner
def _round_rows(upper, lower, weight, row):
    """Interpolate between two rows of taps and round, where nothing is interpolated along them."""
    rest = ONE - weight
    for i in range(row.size):
        row[i] = (rest * np.uint32(upper[i]) + weight * np.uint32(lower[i]) + HALF_BYTE) >> BYTE


@compile_inner
def _stretch_row(taps, next_taps, weights, row):
    """Interpolate along a row and round: 256·tap + weight·(next - tap), which may wrap around."""
    for i in range(row.size):
        tap = taps[i]
        row[i] = np.uint32((tap << BYTE) + weights[i] * (next_taps[i] - tap) + HALF_WORD) >> WORD


@compile_inner
def _mix_stretched(step, channels, y0, x0, y1, x1, partner, image):
    """Paste or blend a box from a partner of another size, one row at a time."""
    frame_height, frame_width = step.frame_y1 - step.frame_y0, step.frame_x1 - step.frame_x0
    source_height, source_width = step.source_y1 - step.source_y0, step.source_x1 - step.source_x0
    y_level, x_level = _level(source_height, frame_height), _level(source_width, frame_width)
    y_taps, x_taps = source_height >> y_level, source_width >> x_level
    offset, width, is_blend = x0 - step.frame_x0, x1 - x0, step.kind == BLEND
    first = _position(offset, x_taps, frame_width) >> 16
    last = min((_position(offset + width - 1, x_taps, frame_width) >> 16) + 1, x_taps - 1)
    start = (step.source_x0 + (first << x_level)) * channels
    span, length = (last + 1 - first) * channels, width * channels
    # One tap more than there is, the right one of the last, is read with a weight of 0; and see `_gather`.
    scratch = np.empty((6, max(span << x_level, length) + channels + 4), np.uint32)
    between, pixels, next_pixels, weights = scratch[0], scratch[2], scratch[3], scratch[4]
    places = scratch[5, :width]
    is_stretched_along = x_taps != frame_width
    if is_stretched_along:
        _column_taps(offset, x_taps, frame_width, first, channels, places, weights)
    total, lines = np.empty(span, np.uint64), np.empty((3, max(span, length)), image.dtype)
    made = -1
    for y in range(y0, y1):
        position = _position(y - step.frame_y0, y_taps, frame_height)
        tap, weight = position >> 16, np.uint32((position >> 8) & 255)
        below = min(tap + 1, y_taps - 1)
        if y_level + x_level == 0:
            here, next_ = step.source_y0 + tap, step.source_y0 + below
            upper, lower = partner[here, start : start + span], partner[next_, start : start + span]
        else:  # a row of taps is made once: of two neighbours one is even and one odd
            for row in range(max(tap, made + 1), below + 1):
                top, made, line = step.source_y0 + (row << y_level), row, lines[row & 1, :span]
                _block_row(partner, top, y_level, start, x_level, channels, scratch, total, line)
            upper, lower = lines[tap & 1, :span], lines[below & 1, :span]
        target = image[y, x0 * channels : x1 * channels]
        line = lines[2, :length] if is_blend else target
        if is_stretched_along:
            _mix_rows(upper, lower, weight, between)
            _gather(between, places, channels, pixels, next_pixels)
            _stretch_row(pixels, next_pixels, weights, line)
        else:
            _round_rows(upper, lower, weight, line)
        if is_blend:
            _blend(step, channels, line, target)


@compile_inner
def _mix_same(step, channels, y0, x0, y1, x1, partner, image):
    """Paste or blend a box from a partner that needs no stretching."""
    down, along = step.source_y0 - step.frame_y0, (step.source_x0 - step.frame_x0) * channels
    start, stop = x0 * channels, x1 * channels
    for y in range(y0, y1):
        source = partner[y + down, start + along : stop + along]
        if step.kind == BLEND:
            _blend(step, channels, source, image[y, start:stop])
        else:
            _copy_row(source, image[y, start:stop])


@compile_inner
def _count_cells(step):
    """Return the rows and columns of cells that a step's area has; a box is one cell, an empty one none."""
    height, width = np.int64(step.y1) - step.y0, np.int64(step.x1) - step.x0
    tall, wide = np.int64(step.patch_height or max(height, 1)), np.int64(step.patch_width or max(width, 1))
    return (height + tall - 1) // tall, (width + wide - 1) // wide


@compile_inner
def _place_cell(step, row, column):
    """Return the box of a cell, as y0, x0, y1, x1."""
    y0 = np.int64(step.y0) + row * step.patch_height
    x0 = np.int64(step.x0) + column * step.patch_width
    y1 = np.int64(step.y1) if step.patch_height == 0 else min(y0 + step.patch_height, np.int64(step.y1))
    x1 = np.int64(step.x1) if step.patch_width == 0 else min(x0 + step.patch_width, np.int64(step.x1))
    return y0, x0, y1, x1


@compile_loop
def fill_noise(steps, bitmaps, quantiles, index, image):
    """Fill the cells of a step's area with noise: apart from `apply_steps`, since few recipes need it.

    Compiling both together took 2 of 7 seconds of the first run ever.
    """
    channels, step = image.shape[2], steps[index]
    values = image.reshape(image.shape[0], image.shape[1] * channels)
    rows, columns = _count_cells(step)
    for row in range(rows):
        for column in range(columns):
            if step.patch_height == 0 or bitmaps[step.bitmap + row * columns + column]:
                y0, x0, y1, x1 = _place_cell(step, row, column)
                fill_noise_box(step, quantiles, channels, y0, x0, y1, x1, values)


@compile_loop
def apply_steps(steps, bitmaps, start, stop, partner, image):
    """Apply some steps that read the same partner, if any, to each cell of their areas; none makes noise.

    One function, since each level of calls is compiled into the next one and adds a second to that.
    """
    channels = image.shape[2]
    values = image.reshape(image.shape[0], image.shape[1] * channels)
    partner_values = partner.reshape(partner.shape[0], partner.shape[1] * channels)
    for index in range(start, stop):
        step = steps[index]
        same_height = step.frame_y1 - step.frame_y0 == step.source_y1 - step.source_y0
        same_width = step.frame_x1 - step.frame_x0 == step.source_x1 - step.source_x0
        rows, columns = _count_cells(step)
        for row in range(rows):
            for column in range(columns):
                if step.patch_height and not bitmaps[step.bitmap + row * columns + column]:
                    continue
                y0, x0, y1, x1 = _place_cell(step, row, column)
                if step.kind == FILL:
                    _fill_box(step.value, channels, y0, x0, y1, x1, values)
                elif same_height and same_width:
                    _mix_same(step, channels, y0, x0, y1, x1, partner_values, values)
                else:
                    _mix_stretched(step, channels, y0, x0, y1, x1, partner_values, values)


@compile_inner
def _apply_image(n, steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out):
    _copy_row(sources[offsets[n] : offsets[n + 1]], out[offsets[n] : offsets[n + 1]])
    image = out[offsets[n] : offsets[n + 1]].reshape(shapes[n, 0], shapes[n, 1], shapes[n, 2])
    for index in range(first[n], first[n + 1]):
        if steps[index].noise != FLAT:
            fill_noise(steps, bitmaps, quantiles, index, image)
            continue
        p = n if steps[index].kind == FILL else partners[n, steps[index].slot]
        partner = sources[offsets[p] : offsets[p + 1]].reshape(shapes[p, 0], shapes[p, 1], shapes[p, 2])
        apply_steps(steps, bitmaps, index, index + 1, partner, image)


@partial(compile_loop, parallel=True)
def apply_images_in_parallel(steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out):
    for n in numba.prange(shapes.shape[0]):
        # numba counts with unsigned numbers here, which do not mix with signed ones
        _apply_image(np.int64(n), steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out)


@compile_loop
def apply_images(steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out):
    for n in range(shapes.shape[0]):
        _apply_image(np.int64(n), steps, bitmaps, quantiles, first, partners, offsets, shapes, sources, out)
