"""The channels and depth of an output, and its sources brought to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.samples import LUMA_Q16, Q16

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.samples import Pixels, Shape

BAND = 64
"""Rows that are converted at once: sums of a whole image take up to 17 times its memory."""


def mixed_shape(base: Shape, partners: Iterable[Shape]) -> Shape:
    """Return the shape of an output: its base's, but with colour where a partner has colour.

    A base of 16-bit grey stays so, since nothing here writes 16-bit colour.
    """
    gains_colour = base.channels == 1 and base.depth == 8 and any(shape.channels > 1 for shape in partners)
    return base._replace(channels=3) if gains_colour else base


def match_pixels(partner: Pixels, channels: int, dtype: np.dtype[np.generic]) -> Pixels:
    """Return an image in other channels and another depth.

    16 to 8 bit is (v + 128) // 257, 8 to 16 bit v·257; colour to grey is the ITU-R BT.601 luma, rounded;
    grey becomes colour by repeating it; alpha is added opaque. What is transparent was laid over a background
    before: here its alpha is only dropped.

    Args:
        partner: (H, W, C) uint8 or uint16, C = 1, 3 or 4.
        channels: 1, 3 or 4.
        dtype: uint8 or uint16.

    Returns:
        (H, W, channels) of `dtype`; the input itself where nothing changes.
    """
    if partner.dtype == dtype and partner.shape[2] == channels:
        return partner
    matched = np.empty((*partner.shape[:2], channels), dtype)
    for start in range(0, len(partner), BAND):
        _match_band(partner[start : start + BAND], matched[start : start + BAND])
    return matched


def _match_band(partner: Pixels, matched: Pixels) -> None:
    """Write some rows of an image as `matched` has channels and depth."""
    dtype, channels = matched.dtype, matched.shape[2]
    if partner.dtype != dtype:
        wide = partner.astype(np.uint32)
        partner = ((wide + 128) // 257 if dtype == np.uint8 else wide * 257).astype(dtype)
    have = partner.shape[2]
    if have == channels:
        matched[...] = partner
    elif channels == 1:
        matched[..., 0] = (partner[..., :3].astype(np.int64) @ np.array(LUMA_Q16) + Q16 // 2) >> 16
    else:
        matched[..., :3] = partner[..., :3]  # grey is repeated
        matched[..., 3:] = np.iinfo(dtype).max
