"""Numbers of pixels as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECIMALS = 6
"""A millionth of a pixel: 78.3 + 106.1 - 78.3 must give 106.1 again."""


def round_decimals(value: float) -> float:
    """Round to the number that is meant; whole numbers become integers."""
    rounded = round(float(value), DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded


def round_many(values: NDArray[np.float64]) -> list[float]:
    """Return numbers (n,) as `round_decimals` gives each of them."""
    scaled = values * 10.0**DECIMALS
    whole = np.rint(scaled)
    # A whole number of millionths, divided once, is what Python's rounding gives. The product has been
    # rounded, too: where that may decide, and where numbers are too large to tell, Python rounds.
    is_sure = (np.abs(scaled - whole) < 0.499) & (np.abs(scaled) < 2.0**42)
    rounded: list[float] = (whole / 10.0**DECIMALS).tolist()
    for place in np.flatnonzero(~is_sure).tolist():
        rounded[place] = round(float(values[place]), DECIMALS)
    return [int(value) if value.is_integer() else value for value in rounded]
