"""How a partner comes to lie in an output: which part of it is read, and over which part it is stretched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.program.steps import Box, Paste

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.program.steps import Blend, Bounds
    from augcli.samples import Edges


class Stretch(NamedTuple):
    """Which part of a partner is read, and over which part of the output it is stretched.

    Attributes:
        source: y0, x0, y1, x1 in the partner.
        target: y0, x0, y1, x1 in the output.
    """

    source: Bounds
    target: Bounds

    @classmethod
    def of(cls, step: Paste | Blend, partner: tuple[int, int], size: tuple[int, int]) -> Stretch:
        """Return the stretch of a step.

        As in the kernels, a part is stretched over a box, or with patches over the whole output.

        Args:
            step: The step that reads the partner.
            partner: Height and width of the partner.
            size: Height and width of the output.
        """
        source = step.source if isinstance(step, Paste) else None
        whole = (0, 0, *size)
        if source is None:
            return cls((0, 0, *partner), whole)
        return cls(source.bounds(*partner), step.area.bounds(*size) if isinstance(step.area, Box) else whole)

    @property
    def is_empty(self) -> bool:
        """True if nothing is read of the partner."""
        y0, x0, y1, x1 = self.source
        return y0 == y1 or x0 == x1

    @property
    def is_still(self) -> bool:
        """True if every pixel of the partner keeps its place."""
        return self.source == self.target

    @property
    def scales(self) -> tuple[float, float]:
        """Rows and columns of the output for one of the partner."""
        (top, left, bottom, right), (y0, x0, y1, x1) = self.target, self.source
        return (bottom - top) / (y1 - y0), (right - left) / (x1 - x0)

    def move_edges(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where boxes (n, 4) of the partner lie in the output."""
        if self.is_still:
            return edges
        return np.hstack([self.move_points(corners) for corners in (edges[:, :2], edges[:, 2:])])

    def move_points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points (n, 2), y and x, of the partner lie in the output."""
        return np.array(self.target[:2]) + (points - np.array(self.source[:2])) * np.array(self.scales)

    def find_nearest(self, axis: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the row or column of the partner that each of the output has, start..stop.

        Pixel x of W is read at floor((2x + 1)·w / 2W) of w. Outside of the target it goes on like this.
        """
        read, stretched = (edges[axis + 2] - edges[axis] for edges in (self.source, self.target))
        places = 2 * (np.arange(start, stop) - self.target[axis]) + 1
        return self.source[axis] + places * read // (2 * max(stretched, 1))

    def find_span(self, axis: int, start: int, stop: int) -> tuple[int, NDArray[np.int64]]:
        """Return which rows or columns of the output show the partner's from start to stop.

        Returns:
            The first of them, and for each the row or column of the partner that it shows. They may lie
            outside of the output.
        """
        scale = self.scales[axis]
        first = math.floor(self.target[axis] + (start - self.source[axis]) * scale) - 1
        last = math.ceil(self.target[axis] + (stop - self.source[axis]) * scale) + 1
        nearest = self.find_nearest(axis, first, last)
        before, behind = np.searchsorted(nearest, (start, stop)).tolist()
        return first + before, nearest[before:behind]


def clip_edges(edges: NDArray[np.float64], bounds: Edges | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the parts of boxes (n, 4) that lie inside bounds, of all or (n, 4); they may have no area."""
    limits = np.asarray(bounds)
    firsts = np.maximum(edges[:, :2], limits[..., :2])
    return np.hstack([firsts, np.maximum(firsts, np.minimum(edges[:, 2:], limits[..., 2:]))])


def find_areas(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas of boxes (n, 4)."""
    return (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
