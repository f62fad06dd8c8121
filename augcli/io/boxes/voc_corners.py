"""What the corners of boxes in VOC XML count: pixels from 1, the last one inside, unless a set denies it.

A set is taken to count from 0 where more corners are 0 than 1, and the other corners tell where boxes end: at
the length of a side, or one pixel before it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.io.boxes.decimals import round_decimals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from augcli.samples import Edges


class Counting(NamedTuple):
    """How the corners of a set count pixels.

    Attributes:
        first: The number of the first pixel.
        last: What the number of the last pixel inside is above its end: xmax - x1.
        has_decimals: Whether they are not all whole numbers.
    """

    first: int = 1
    last: int = 0
    has_decimals: bool = False

    @property
    def name(self) -> str:
        """What our own files call it; empty for VOC's own."""
        return next((name for name, counting in NAMES.items() if counting == self[:2]), "")

    def read(self, sides: Edges) -> tuple[Edges, bool]:
        """Return the edges of a box from xmin, ymin, xmax, ymax, and whether these were swapped."""
        xmin, ymin, xmax, ymax = sides
        (x0, x1, is_swapped), (y0, y1, also) = self._order(xmin, xmax), self._order(ymin, ymax)
        return (y0, x0, y1, x1), is_swapped or also

    def _order(self, low: float, high: float) -> tuple[float, float, bool]:
        """Return where a span starts and stops; a span that ends before it starts is turned round."""
        is_swapped = high - self.last < low - self.first
        low, high = (high, low) if is_swapped else (low, high)
        return low - self.first, high - self.last, is_swapped

    def write(self, start: float, stop: float, length: int) -> tuple[float, float]:
        """Return the numbers of a half-open span, inside the image."""
        if self.has_decimals:
            low, high = max(start, 0.0), min(stop, float(length))
            return round_decimals(low + self.first), round_decimals(high + self.last)
        first = min(max(round(start), 0), length - 1)
        return first + self.first, min(max(round(stop), first + 1), length) + self.last


NAMES = {"from 0, last inside": (0, -1), "from 0, end outside": (0, 0)}
"""What our own files call the countings that are not VOC's."""


class Corner(NamedTuple):
    """What is known of the corners of a set: see `find_counting`."""

    sides: Edges
    height: int
    width: int


def find_counting(corners: Iterable[Corner]) -> tuple[Counting, list[str]]:
    """Return how the corners of a set count pixels, and notes on what was taken."""
    zeros = ones = at_end = before_end = 0
    has_decimals = False
    for (xmin, ymin, xmax, ymax), height, width in corners:
        has_decimals |= not all(map(float.is_integer, (xmin, ymin, xmax, ymax)))
        for low, high, length in ((xmin, xmax, width), (ymin, ymax, height)):
            start, stop = (low, high) if low <= high else (high, low)
            zeros, ones = zeros + (start == 0), ones + (start == 1)
            at_end += stop == length > 0
            before_end += stop == length - 1 > 0
    if not zeros:
        return Counting(has_decimals=has_decimals), []
    if zeros > ones and (at_end or before_end):
        name = "from 0, end outside" if at_end else "from 0, last inside"
        note = f"corners of boxes are counted {name}: {zeros} are 0, and {ones} are 1"
        return Counting(*NAMES[name], has_decimals), [note]
    note = f"corners of boxes are 0 ({zeros}), though VOC counts from 1; all are read as counted from 1"
    return Counting(has_decimals=has_decimals), [note]


def turn_corners(cx: float, cy: float, width: float, height: float, angle: float) -> NDArray[np.float64]:
    """Return the corners (4, 2), y and x, of a box that is turned clockwise by an angle, as by roLabelImg."""
    along = np.array([math.sin(angle), math.cos(angle)]) * (width / 2)
    across = np.array([math.cos(angle), -math.sin(angle)]) * (height / 2)
    centre = np.array([cy, cx])
    return np.array([centre + a * along + b * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def describe_corners(points: NDArray[np.float64]) -> dict[str, float]:
    """Return an oriented box as roLabelImg has it; of a stretched one, the rectangle of its area."""
    (cy, cx), (dy, dx) = points.mean(0).tolist(), (points[1] - points[0]).tolist()
    width = math.hypot(dy, dx)
    ay, ax = (points[3] - points[0]).tolist()
    height = abs(dx * ay - dy * ax) / width if width else 0.0
    angle = math.atan2(dy, dx) % math.pi
    values = {"cx": cx, "cy": cy, "w": width, "h": height, "angle": angle}
    return {name: round_decimals(value) for name, value in values.items()}
