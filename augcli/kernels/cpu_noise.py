"""The loops that fill a box with noise, compiled like those of `cpu_loops`, which call them.

Who changes this file writes its digest there: see `cpu_loops.NOISE_DIGEST`.
"""

from __future__ import annotations

import numpy as np

from augcli.kernels.cpu_compile import compile_inner
from augcli.kernels.table import NORMAL
from augcli.rng import PHILOX_MULTIPLIERS, PHILOX_ROUNDS, PHILOX_WEYL

OPAQUE = np.uint32(0xFFFFFFFF)
"""Alpha of 32 bits; shifted to the right, that of fewer."""

(M0, M1), (W0, W1) = map(np.uint64, PHILOX_MULTIPLIERS), map(np.uint64, PHILOX_WEYL)


@compile_inner
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


@compile_inner
def fill_noise_box(step, quantiles, channels, y0, x0, y1, x1, image):
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
            lane_values = values[skip : skip + length]
            for i in range(length):
                row[i] = lane_values[i]
        if channels == 4:
            for i in range(3, length, 4):
                row[i] = OPAQUE >> np.uint32(32 - 8 * image.itemsize)


@compile_inner
def _look_up(quantiles, ranks, channel, channels, row):
    """Write one channel of a row of normal noise."""
    index, step = np.uint64(channel), np.uint64(channels)
    for _ in range(row.size // channels):
        row[index] = quantiles[ranks[index]]
        index += step
