"""Colours of categories and indices, far from their neighbours' colours."""

from __future__ import annotations

import colorsys

GOLDEN = 0.6180339887498949
"""Steps of this length on a circle never come near each other soon."""


def colour_of(index: int) -> tuple[int, int, int]:
    """Return a colour for an index that is far from its neighbours' colours."""
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.9, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def colour_of_category(category: int) -> tuple[int, int, int]:
    """Return the colour in which objects of a category are drawn; the first one is not the plain red."""
    return colour_of(category + 1)
