"""The channels and depth of an output, and its sources brought to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.samples import LUMA_Q16, Q16

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.samples import Pixels, Shape


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
    if partner.dtype != dtype:
        wide = partner.astype(np.uint32)
        partner = ((wide + 128) // 257 if dtype == np.uint8 else wide * 257).astype(dtype)
    have = partner.shape[2]
    if have == channels:
        return partner
    if channels == 1:
        luma = (partner[..., :3].astype(np.int64) @ np.array(LUMA_Q16) + Q16 // 2) >> 16
        return luma[..., None].astype(dtype)
    colour = partner[..., :3] if have >= 3 else np.repeat(partner, 3, axis=2)
    if channels == 3:
        return np.ascontiguousarray(colour)
    opaque = np.full((*partner.shape[:2], 1), np.iinfo(partner.dtype).max, dtype)
    return np.concatenate([colour, opaque], axis=2)
