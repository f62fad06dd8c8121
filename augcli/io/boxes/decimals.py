"""Numbers of pixels as they are written."""

from __future__ import annotations

DECIMALS = 6
"""A millionth of a pixel: 78.3 + 106.1 - 78.3 must give 106.1 again."""


def round_decimals(value: float) -> float:
    """Round to the number that is meant; whole numbers become integers."""
    rounded = round(float(value), DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded
