"""The cells of a program: whose pixels lie where, in whole numbers.

The edges of all steps cut an image into rectangles inside which every pixel has the same mix of images. The
steps are followed over these cells once; labels, boxes and masks all read what is then there, so they cannot
disagree.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.errors import PlanError
from augcli.program.steps import Blend, Box, Fill
from augcli.samples import Q16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.program.steps import Paste, Program
    from augcli.samples import Edges

MOST_BLENDS = 3
"""Blends whose weights fit in 64 bits: each multiplies them by 65536."""


class Excerpt(NamedTuple):
    """The cells that an object lies in, and what they show of its image.

    Attributes:
        ys: Rows where cells begin, ascending, and where the last ones end.
        xs: Columns where cells begin, and where the last ones end.
        shares: (rows, columns) share of each cell's pixels that the image is, 0 where it is not seen.
    """

    ys: list[int]
    xs: list[int]
    shares: NDArray[np.float64]

    @property
    def only_share(self) -> float | None:
        """The one share that the image has wherever it is seen; None if it has several, or is not seen."""
        shares = set(self.shares.ravel().tolist()) - {0.0}
        return shares.pop() if len(shares) == 1 else None

    def find_rectangles(self, where: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return rectangles (n, 4) that tile some of the cells: runs of rows, joined where they are alike."""
        if not where.any():
            return np.empty((0, 4))
        padded = np.zeros((where.shape[0], where.shape[1] + 2), np.int8)
        padded[:, 1:-1] = where
        changes = np.diff(padded, axis=1)
        (rows, starts), stops = np.nonzero(changes > 0), np.nonzero(changes < 0)[1]
        runs = np.stack([starts, stops, rows])
        runs = runs[:, np.lexsort(runs[::-1])]
        is_first = np.append(True, (np.diff(runs) != [[0], [0], [1]]).any(0))
        starts, stops, tops = runs[:, is_first]
        bottoms = runs[2, np.append(is_first[1:], True)] + 1
        ys, xs = np.array(self.ys, np.float64), np.array(self.xs, np.float64)
        return np.stack([ys[tops], xs[starts], ys[bottoms], xs[stops]], 1)


@dataclass(frozen=True, slots=True)
class Cells:
    """Whose pixels lie where in the output of a program.

    Image 0 is the base. Every step that reads a partner, `Paste` or `Blend`, lays another image over it: the
    n-th of these steps lays image n, whichever partner it reads.

    Attributes:
        ys: Rows at which cells begin, ascending, and the height behind them.
        xs: Columns at which cells begin, ascending, and the width behind them.
        weights: (images, rows, columns) whole numbers: how much of a cell's pixels each image is. They sum to
            `unit` in every cell.
        unit: 65536 to the power of the number of blends.
        shares: The same as float64, 0..1: `weights / unit` bit for bit up to four blends over one place.
            Beyond that each blend rounds, as outputs have recorded it since there are boxes.
        hidden: (rows, columns) int64: the images below this number lie under a fill.
        tops: (rows, columns) int64: the image whose mask a cell has. Of two blended images it is the image
            of the larger weight, of equal weights the lower number.
    """

    ys: list[int]
    xs: list[int]
    weights: NDArray[Any]
    unit: int
    shares: NDArray[np.float64]
    hidden: NDArray[np.int64]
    tops: NDArray[np.int64]

    def count(self) -> list[int]:
        """Return for each image its weights summed over the pixels; fills leave them to what they cover."""
        areas = np.diff(self.ys)[:, None] * np.diff(self.xs)
        pixels = areas.ravel().tolist()  # Python's integers have room for any sum
        return [
            sum(area * weight for area, weight in zip(pixels, weights.ravel().tolist(), strict=True))
            for weights in self.weights
        ]

    def visible(self, image: int) -> NDArray[np.float64]:
        """Return the share of each cell's pixels that an image is, 0 where a fill lies over it."""
        return np.where(self.hidden <= image, self.shares[image], 0.0)

    def excerpt(self, shares: NDArray[np.float64], edges: Edges) -> Excerpt:
        """Return the cells that edges lie in, with the shares that `visible` gave of an image."""
        rows, columns = _find_between(self.ys, edges[0], edges[2]), _find_between(self.xs, edges[1], edges[3])
        ys, xs = self.ys[rows.start : rows.stop + 1], self.xs[columns.start : columns.stop + 1]
        return Excerpt(ys, xs, shares[rows, columns])

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Spread values of cells over their pixels: (rows, columns) becomes (H, W)."""
        # Columns first, while there are few rows: what is repeated then are whole rows.
        return values.repeat(np.diff(self.xs), axis=1).repeat(np.diff(self.ys), axis=0)


def follow_program(program: Program, height: int, width: int) -> Cells:
    """Follow the steps of a program over its cells: `Paste` replaces, `Blend` mixes, `Fill` hides.

    Args:
        program: Steps, in order.
        height: Rows of the image.
        width: Columns of the image.

    Raises:
        PlanError: If an area does not fit the image.
    """
    cells = _cut(program, height, width)
    rows, columns = np.array(cells.ys[:-1]), np.array(cells.xs[:-1])
    image = 0
    for step in program:
        if isinstance(step, Fill) and isinstance(step.area, Box):
            cells.hidden[_find_cells(cells, step.area)] = image + 1  # there may be thousands of such holes
            continue
        where = step.area.covers(rows, columns, height, width)
        if isinstance(step, Fill):
            cells.hidden[where] = image + 1
        else:
            image += 1
            _lay(cells, image, step, where)
    return cells


def _find_cells(cells: Cells, box: Box) -> tuple[slice, slice]:
    """Return which cells a box covers, whose edges are among theirs: rows and columns."""
    rows = slice(bisect_left(cells.ys, box.y0), bisect_left(cells.ys, box.y1))
    return rows, slice(bisect_left(cells.xs, box.x0), bisect_left(cells.xs, box.x1))


def _find_between(places: list[int], start: float, stop: float) -> slice:
    """Return which of the intervals between places start..stop lies in."""
    first = max(bisect_right(places, start) - 1, 0)
    return slice(first, max(first, min(bisect_left(places, stop), len(places) - 1)))


def _cut(program: Program, height: int, width: int) -> Cells:
    """Cut an image into the cells of a program, which all hold the base alone."""
    cuts = [step.area.cuts(height, width) for step in program]
    ys = sorted({0, height}.union(*(rows for rows, _ in cuts)))
    xs = sorted({0, width}.union(*(columns for _, columns in cuts)))
    if ys[-1] > height or xs[-1] > width:
        raise PlanError(f"a step's area lies outside the image of {height}x{width}")
    blends = sum(isinstance(step, Blend) for step in program)
    images = 1 + sum(not isinstance(step, Fill) for step in program)
    size, unit = (len(ys) - 1, len(xs) - 1), Q16**blends
    weights = np.zeros((images, *size), np.int64 if blends <= MOST_BLENDS else object)
    shares = np.zeros((images, *size))
    weights[0], shares[0] = unit, 1
    return Cells(ys, xs, weights, unit, shares, np.zeros(size, np.int64), np.zeros(size, np.int64))


def _lay(cells: Cells, image: int, step: Paste | Blend, where: NDArray[np.bool_]) -> None:
    """Lay an image over some cells."""
    weights, shares = cells.weights, cells.shares
    kept_q16 = step.weight_q16 if isinstance(step, Blend) else 0
    shares[:, where] *= kept_q16 / Q16
    shares[image, where] = 1 - kept_q16 / Q16
    if isinstance(step, Blend):  # every blend divides the weights without a rest
        weights[:, where] = weights[:, where] // Q16 * kept_q16
        weights[image, where] = cells.unit // Q16 * (Q16 - kept_q16)
    else:
        weights[:, where] = 0
        weights[image, where] = cells.unit
    if kept_q16 < Q16 // 2:
        cells.tops[where] = image
