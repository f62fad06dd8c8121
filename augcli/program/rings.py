"""Rings of corners: their areas, and the one order in which they are written. All rings of a call at once.

Sums are made corner by corner, in the order in which corners are given: vector units have no say in them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.samples import Polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.samples import Edges


class Ordered(NamedTuple):
    """Rings that make one outline.

    Attributes:
        form: The outline.
        area: Pixels inside.
        edges: Its bounds; None of an outline without parts.
    """

    form: Polygons
    area: float
    edges: Edges | None


def bound_runs(points: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the bounds, y0, x0, y1, x1, of corners (n, 2) from each start to the next; none are empty."""
    return np.hstack([np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)])


def sum_rings(points: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the area of each ring, above 0 where it runs clockwise as one sees it.

    Args:
        points: (n, 2) the corners of all, y and x; whether they are closed makes no difference.
        lengths: How many of them each ring has, one at least.
    """
    stops = lengths.cumsum()
    ys, xs = (points - points[stops - lengths].repeat(lengths, 0)).T
    behind = np.arange(1, len(points) + 1)
    behind[stops - 1] = stops - lengths
    of_rings = np.arange(len(lengths)).repeat(lengths)
    return np.bincount(of_rings, xs * ys[behind] - ys * xs[behind], len(lengths)) / 2


def order_rings(
    points: NDArray[np.float64], lengths: NDArray[np.int64], owners: NDArray[np.int64], count: int
) -> list[Ordered]:
    """Return outlines of rings in their order, which does not depend on that in which rings are given.

    A ring begins with its first corner in reading order and runs clockwise as one sees it. Corners that
    stand twice, and those in the middle of a row or column, fall away. Rings stand in the order of their
    first corners.

    Args:
        points: (n, 2) the corners of all rings, y and x, the last of each its first once more.
        lengths: How many of them each ring has.
        owners: The outline that each belongs to.
        count: How many outlines there are; some may have no ring.
    """
    of_rings = np.arange(len(lengths)).repeat(lengths)
    for find in (_find_distinct, _find_bends):  # a corner that stands twice looks like the middle of a row
        kept = find(points, lengths)
        points, of_rings = points[kept], of_rings[kept]
        lengths = np.bincount(of_rings, minlength=len(lengths))
    starts = lengths.cumsum() - lengths
    firsts = np.lexsort((*points.T[::-1], of_rings))[starts] - starts
    turns = np.where(sum_rings(points, lengths) > 0, 1, -1)
    begun, then = points[starts + firsts], points[starts + (firsts + turns) % lengths]
    order = np.lexsort((*then.T[::-1], *begun.T[::-1], owners))  # no two share their first edge

    starts, firsts, turns, lengths, owners = (
        values[order] for values in (starts, firsts, turns, lengths, owners)
    )
    steps = np.arange(len(points)) - (lengths.cumsum() - lengths).repeat(lengths)
    places = (firsts.repeat(lengths) + turns.repeat(lengths) * steps) % lengths.repeat(lengths)
    points = points[starts.repeat(lengths) + places]
    areas = np.bincount(owners, sum_rings(points, lengths), count).tolist()
    return _split(points, lengths, owners, areas)


def _split(
    points: NDArray[np.float64], lengths: NDArray[np.int64], owners: NDArray[np.int64], areas: list[float]
) -> list[Ordered]:
    """Return rings that stand in their order as the outlines that they belong to."""
    of_rings = np.searchsorted(owners, np.arange(len(areas) + 1))
    of_points = np.append(0, lengths.cumsum())[of_rings]
    is_there = np.diff(of_rings) > 0
    bounds = map(tuple, bound_runs(points, of_points[:-1][is_there]).tolist() if len(points) else ())
    parts, found = lengths.tolist(), []
    spans = zip(pairwise(of_rings.tolist()), pairwise(of_points.tolist()), areas, strict=True)
    for (ring, behind), (start, stop), area in spans:
        form = Polygons(points[start:stop], tuple(parts[ring:behind]))
        found.append(Ordered(form, area, next(bounds) if ring < behind else None))
    return found


def _find_distinct(points: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which corners of closed rings are other than the next one; the last of each always is."""
    is_distinct = (points != points[_find_next(points)]).any(1)
    is_distinct[lengths.cumsum() - 1] = True
    return is_distinct


def _find_bends(points: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which corners of closed rings do not lie between two of the same row or column.

    The last corner of each, which is its first once more, is none.
    """
    stops = lengths.cumsum()
    before = np.arange(-1, len(points) - 1)
    before[stops - lengths] = stops - 2
    is_bend = ~((points == points[before]) & (points == points[_find_next(points)])).any(1)
    is_bend[stops - 1] = False
    return is_bend


def _find_next(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of the corner behind each; the last has its own."""
    return np.minimum(np.arange(1, len(points) + 1), len(points) - 1)
