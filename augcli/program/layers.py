"""An image as a program shows it: what of it is seen, and which of its boxes nothing touches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.program.stretching import clip_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.cells import Cells, Excerpt
    from augcli.program.steps import Area, Bounds


class Layer(NamedTuple):
    """The base, or what a step reads of a partner.

    Attributes:
        slot: The partner's slot; None for the base.
        cells: The cells of the program.
        shares: What `Cells.visible` gives of the image.
        bounds: Where the image lies in the output; what reaches over them is cut off.
        area: What was taken of a partner; None for the base.
        hidden: The bounds of all cells inside `bounds` that are not seen; None if all are.
        share: The one share that the image has wherever it is seen; None if it has several.
    """

    slot: int | None
    cells: Cells
    shares: NDArray[np.float64]
    bounds: Bounds
    area: Area | None
    hidden: Bounds | None
    share: float | None

    @classmethod
    def of(cls, slot: int | None, cells: Cells, image: int, bounds: Bounds, area: Area | None) -> Layer:
        """Return an image by its number among the sources of the cells."""
        shares = cells.visible(image)
        excerpt = cells.excerpt(shares, bounds)
        rows, columns = np.nonzero(excerpt.shares <= 0)
        hidden = None
        if len(rows):
            (y0, y1), (x0, x1) = ((places.min(), places.max() + 1) for places in (rows, columns))
            hidden = excerpt.ys[y0], excerpt.xs[x0], excerpt.ys[y1], excerpt.xs[x1]
        return cls(slot, cells, shares, bounds, area, hidden, excerpt.only_share)

    def excerpt(self, edges: Sequence[float]) -> Excerpt:
        """Return the cells that edges lie in."""
        y0, x0, y1, x1 = edges
        return self.cells.excerpt(self.shares, (y0, x0, y1, x1))

    def find_covered(self, edges: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return over which of some boxes (n, 4) something may lie."""
        if self.hidden is None:
            return np.zeros(len(edges), bool)
        common = clip_edges(edges, self.hidden)
        return np.all(common[:, 2:] > common[:, :2], axis=1)

    def find_clear(self, edges: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of some boxes (n, 4) lie where the image is seen for certain, with one share."""
        if self.share is None:
            return np.zeros(len(edges), bool)
        return np.all(clip_edges(edges, self.bounds) == edges, axis=1) & ~self.find_covered(edges)
