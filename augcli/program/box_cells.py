"""What is seen of boxes that have no form beside them: their pixels in the cells of a program.

Boxes of many images are looked at together, as columns: there may be a hundred in each.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.program.stretching import find_areas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.layers import Layer


class LeftBoxes(NamedTuple):
    """What is seen of boxes, as parallel columns.

    Attributes:
        wholes: Pixels of all of each.
        insides: Pixels that lie inside the bounds of its image.
        areas: Pixels that are seen.
        weights: Mean share that its image holds of them.
        edges: (n, 4) bounds of what is seen; where nothing was cut off, the box itself.
        are_cut: Whether something was cut off and something is left.
    """

    wholes: NDArray[np.float64]
    insides: NDArray[np.float64]
    areas: NDArray[np.float64]
    weights: NDArray[np.float64]
    edges: NDArray[np.float64]
    are_cut: NDArray[np.bool_]

    @property
    def visibilities(self) -> NDArray[np.float64]:
        """Share of each that is seen, 0..1."""
        return np.minimum(self.areas / self.wholes, 1.0)


class _Spans(NamedTuple):
    """The rows of cells, or the columns of cells, that boxes lie in: box by box.

    Attributes:
        counts: How many each box lies in.
        owners: The box of each.
        numbers: Which row or column of its layer each is.
        starts: Where the box begins in each.
        stops: Where it ends in each.
    """

    counts: NDArray[np.int64]
    owners: NDArray[np.int64]
    numbers: NDArray[np.int64]
    starts: NDArray[np.float64]
    stops: NDArray[np.float64]


class _Pieces(NamedTuple):
    """The pieces of boxes in single cells, box by box.

    Attributes:
        counts: How many pieces each box has.
        shares: The share of its pixels that the box's image is; 0 where it is not seen.
        edges: y0, x0, y1, x1 of each, as four columns.
    """

    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    edges: tuple[NDArray[np.float64], ...]


def look_at_boxes(
    layers: Sequence[Layer],
    which: NDArray[np.int64],
    wholes: NDArray[np.float64],
    parts: NDArray[np.float64],
    shrinks: bool,
) -> LeftBoxes:
    """Return what is seen of boxes.

    Args:
        layers: The images that they are of.
        which: The layer of each box, ascending.
        wholes: (n, 4) the boxes.
        parts: (n, 4) what of each lies inside the bounds of its layer, of some area.
        shrinks: Whether the bounds of what is seen are wanted.
    """
    places = split_places(which, len(layers))
    clear = [layer.find_clear(wholes[place]) for layer, place in zip(layers, places, strict=True)]
    is_clear = np.concatenate([np.zeros(0, bool), *clear])
    pixels, shares = find_areas(wholes), np.array([layer.share or 0.0 for layer in layers])[which]
    columns = LeftBoxes(
        pixels, find_areas(parts), pixels.copy(), shares, parts.copy(), np.zeros(len(wholes), bool)
    )
    rest = np.flatnonzero(~is_clear)
    if len(rest):
        cut = _look_at_cells(layers, which[rest], wholes[rest], parts[rest], shrinks)
        for column, values in zip(columns, cut, strict=True):
            column[rest] = values
    return columns


def split_places(which: NDArray[np.int64], count: int) -> list[slice]:
    """Return which elements of an ascending column have each of the numbers up to a count."""
    limits = np.searchsorted(which, np.arange(count + 1)).tolist()
    return [slice(*pair) for pair in pairwise(limits)]


def _look_at_cells(
    layers: Sequence[Layer],
    which: NDArray[np.int64],
    wholes: NDArray[np.float64],
    parts: NDArray[np.float64],
    shrinks: bool,
) -> LeftBoxes:
    """Return what is seen of boxes over which something may lie, or which hang over."""
    pieces = _cut(layers, which, parts)
    y0, x0, y1, x1 = pieces.edges
    is_seen = pieces.shares > 0
    pixels = np.where(is_seen, (y1 - y0) * (x1 - x0), 0.0)
    areas = _sum_each(pixels, pieces.counts)
    weighted = areas
    if (pieces.shares[is_seen] != 1).any():
        weighted = _sum_each(pieces.shares * pixels, pieces.counts)
    weights = np.divide(weighted, areas, out=np.zeros(len(areas)), where=areas > 0)
    firsts = np.cumsum(pieces.counts) - pieces.counts
    is_whole = np.logical_and.reduceat(is_seen, firsts) & (wholes == parts).all(1)
    are_cut = ~is_whole & (areas > 0)
    edges = parts
    if shrinks:
        bounds = [np.minimum.reduceat(np.where(is_seen, edge, np.inf), firsts) for edge in (y0, x0)]
        bounds += [np.maximum.reduceat(np.where(is_seen, edge, -np.inf), firsts) for edge in (y1, x1)]
        edges = np.where(are_cut[:, None], np.stack(bounds, 1), parts)
    return LeftBoxes(find_areas(wholes), find_areas(parts), areas, weights, edges, are_cut)


def _cut(layers: Sequence[Layer], which: NDArray[np.int64], parts: NDArray[np.float64]) -> _Pieces:
    """Cut boxes at the cells of their layers."""
    rows = _find_spans([layer.cells.ys for layer in layers], which, parts[:, 0], parts[:, 2])
    columns = _find_spans([layer.cells.xs for layer in layers], which, parts[:, 1], parts[:, 3])
    across = columns.counts[rows.owners]  # each row of a box goes through all of its columns
    row = np.arange(len(across)).repeat(across)
    column = _count_up((np.cumsum(columns.counts) - columns.counts)[rows.owners], across)
    owners = which[rows.owners[row]]
    sizes, widths = (
        np.array([measure(layer.shares) for layer in layers]) for measure in (np.size, _count_columns)
    )
    cells = (np.cumsum(sizes) - sizes)[owners] + rows.numbers[row] * widths[owners] + columns.numbers[column]
    shares = np.concatenate([layer.shares.ravel() for layer in layers])[cells]
    edges = rows.starts[row], columns.starts[column], rows.stops[row], columns.stops[column]
    return _Pieces(rows.counts * columns.counts, shares, edges)


def _count_columns(shares: NDArray[np.float64]) -> int:
    return shares.shape[1]


def _find_spans(
    grids: Sequence[Sequence[int]],
    which: NDArray[np.int64],
    starts: NDArray[np.float64],
    stops: NDArray[np.float64],
) -> _Spans:
    """Return in which intervals of their grids boxes lie from start to stop.

    Args:
        grids: For each layer, where its intervals begin, ascending, and where the last one ends.
        which: The layer of each box, ascending.
        starts: Where boxes begin.
        stops: Where they end.
    """
    firsts, behinds = np.zeros(len(which), np.int64), np.zeros(len(which), np.int64)
    for grid, place in zip(grids, split_places(which, len(grids)), strict=True):
        firsts[place] = np.searchsorted(grid, starts[place], "right") - 1
        behinds[place] = np.searchsorted(grid, stops[place])
    counts = behinds - firsts
    owners, numbers = np.arange(len(which)).repeat(counts), _count_up(firsts, counts)
    lengths = np.array([len(grid) for grid in grids])
    at = (np.cumsum(lengths) - lengths)[which][owners] + numbers
    limits = np.concatenate(grids)
    return _Spans(
        counts,
        owners,
        numbers,
        np.maximum(limits[at], starts[owners]),
        np.minimum(limits[at + 1], stops[owners]),
    )


def _count_up(firsts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers from each first one on, so many of each."""
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + (firsts - before).repeat(counts)


def _sum_each(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sums of so many values each, one behind the other.

    They do not depend on the order of the values, which vector units choose: the same on any machine.
    """
    every, stops = values.tolist(), np.cumsum(counts).tolist()
    return np.array([math.fsum(every[start:stop]) for start, stop in pairwise([0, *stops])])
