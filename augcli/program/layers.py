"""An image as a program shows it: what of it is seen, and which of its boxes nothing touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.program.stretching import clip_edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.program.cells import Cells, Excerpt
    from augcli.program.steps import Area, Bounds


MOST_PAIRS = 1 << 20
"""So many pairs of boxes and rectangles are compared at once."""


class Layer(NamedTuple):
    """The base, or what a step reads of a partner.

    Attributes:
        slot: The partner's slot; None for the base.
        cells: The cells of the program.
        shares: What `Cells.visible` gives of the image.
        bounds: Where the image lies in the output; what reaches over them is cut off.
        area: What was taken of a partner; None for the base.
        hidden: (n, 4) rectangles that tile what is not seen inside `bounds`.
        share: The one share that the image has wherever it is seen; None if it has several.
    """

    slot: int | None
    cells: Cells
    shares: NDArray[np.float64]
    bounds: Bounds
    area: Area | None
    hidden: NDArray[np.float64]
    share: float | None

    @classmethod
    def of(cls, slot: int | None, cells: Cells, image: int, bounds: Bounds, area: Area | None) -> Layer:
        """Return an image by its number among the sources of the cells."""
        shares = cells.visible(image)
        excerpt = cells.excerpt(shares, bounds)
        hidden = excerpt.find_rectangles(excerpt.shares <= 0)
        return cls(slot, cells, shares, bounds, area, hidden, excerpt.only_share)

    def find_seen(self) -> NDArray[np.float64]:
        """Return rectangles (n, 4) that tile what is seen inside the bounds."""
        excerpt = self.excerpt(self.bounds)
        return excerpt.find_rectangles(excerpt.shares > 0)

    def excerpt(self, edges: Sequence[float]) -> Excerpt:
        """Return the cells that edges lie in."""
        y0, x0, y1, x1 = edges
        return self.cells.excerpt(self.shares, (y0, x0, y1, x1))

    def find_covered(self, edges: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return over which of some boxes (n, 4) something may lie."""
        is_covered = np.zeros(len(edges), bool)
        for numbers, _ in find_overlaps(edges, self.hidden):
            is_covered[numbers] = True
        return is_covered

    def find_clear(self, edges: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of some boxes (n, 4) lie where the image is seen for certain, with one share."""
        if self.share is None:
            return np.zeros(len(edges), bool)
        return np.all(clip_edges(edges, self.bounds) == edges, axis=1) & ~self.find_covered(edges)


def find_overlaps(
    edges: NDArray[np.float64], rectangles: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield which of some boxes (n, 4) have an area in common with which rectangles (m, 4).

    Yields:
        Numbers of boxes and of rectangles, rectangle by rectangle: of all, or of so many boxes as there is
        room for.
    """
    at_once = max(MOST_PAIRS // max(len(rectangles), 1), 1)
    firsts, behinds = rectangles[:, None, :2], rectangles[:, None, 2:]
    for start in range(0, len(edges) if len(rectangles) else 0, at_once):
        some = edges[start : start + at_once]
        which, numbers = np.nonzero(((firsts < some[:, 2:]) & (behinds > some[:, :2])).all(2))
        yield numbers + start, which
