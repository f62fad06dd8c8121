"""Outlines cut by cells, exactly, by GEOS: numbers in, numbers out.

What is written does not depend on the order in which GEOS gives its results: parts, their first corners and
their directions are put in order here, and areas are summed here. All outlines of an image are cut in one go,
since each call takes as long as the cut of one.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.samples import Polygons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.cells import Excerpt
    from augcli.program.layers import Layer
    from augcli.samples import Edges

LEAST_AREA = 1e-6
"""What is smaller, in pixels, is a leftover of a cut: coordinates are written with six decimals."""

FEW_CELLS = 2
"""So many hidden cells are taken off every outline; of more each gets those near it."""

POLYGON = 3
"""GEOS's number of the type."""


class Cut(NamedTuple):
    """What is left of an outline.

    Attributes:
        form: Its parts, none of which has a hole; None where nothing was cut off.
        whole: Pixels that the outline covers.
        inside: Pixels that it covers inside the bounds.
        area: Pixels that are left.
        weight: Mean share that its image has in these pixels; 0 if it has no pixels.
        is_mended: Whether it crossed itself and was made valid.
    """

    form: Polygons | None
    whole: float
    inside: float
    area: float
    weight: float
    is_mended: bool = False


def geos_version() -> str:
    """Return the version of GEOS, which cuts."""
    import shapely

    return str(shapely.geos_version_string)


def find_edges(points: NDArray[np.float64]) -> Edges:
    """Return the bounds of corners (n, 2): y0, x0, y1, x1."""
    (y0, x0), (y1, x1) = points.min(0).tolist(), points.max(0).tolist()
    return y0, x0, y1, x1


def bound_outlines(points: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the bounds of each of some outlines: (n, 4) y0, x0, y1, x1 of their corners (any, 2)."""
    starts = [0, *accumulate(map(len, points))][:-1]
    corners = np.concatenate(points)
    return np.hstack([np.minimum.reduceat(corners, starts), np.maximum.reduceat(corners, starts)])


def cut_polygons(forms: Sequence[Polygons], edges: NDArray[np.float64], layer: Layer) -> list[Cut]:
    """Cut outlines by what is seen of their image.

    Args:
        forms: The outlines, one at least; they may reach over the image.
        edges: What `bound_outlines` gives of them.
        layer: The image.
    """
    import shapely

    geometries, wholes, are_mended = _build(forms)
    insides = wholes.copy()
    is_cut = np.any((edges[:, :2] < layer.bounds[:2]) | (edges[:, 2:] > layer.bounds[2:]), axis=1)
    if is_cut.any():
        _replace(geometries, is_cut, shapely.intersection(geometries[is_cut], shapely.box(*layer.bounds)))
        insides[is_cut] = _measure(geometries[is_cut])
    numbers, hidden = _find_hidden(edges, layer)
    if len(numbers):
        before = geometries[numbers]
        overlaps = ~shapely.touches(before, hidden) & shapely.intersects(before, hidden)
        is_hidden = np.zeros(len(forms), bool)
        is_hidden[numbers[overlaps]] = True
        _replace(geometries, is_hidden, shapely.difference(before[overlaps], hidden[overlaps]))
        is_cut |= is_hidden
    rings = iter(open_rings(geometries[is_cut]) if is_cut.any() else ())
    cuts = []
    for number, geometry in enumerate(geometries):
        form, area = next(rings) if is_cut[number] else (None, float(wholes[number]))
        weight = _weigh(geometry, edges[number], layer) if area else 0.0
        is_mended = bool(are_mended[number] and is_cut[number])
        cuts.append(Cut(form, float(wholes[number]), float(insides[number]), area, weight, is_mended))
    return cuts


def _find_hidden(edges: NDArray[np.float64], layer: Layer) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return which outlines something may lie over, and for each all of that which may lie over it."""
    numbers = np.flatnonzero(layer.find_covered(edges))
    if not len(numbers):
        return numbers, np.array([], object)
    whole = layer.excerpt(layer.bounds)
    if np.count_nonzero(whole.shares <= 0) <= FEW_CELLS:
        return numbers, np.full(len(numbers), _unite(whole, whole.shares <= 0))
    excerpts = {number: layer.excerpt(edges[number].tolist()) for number in numbers.tolist()}
    excerpts = {number: excerpt for number, excerpt in excerpts.items() if not excerpt.is_open}
    hidden = [_unite(excerpt, excerpt.shares <= 0) for excerpt in excerpts.values()]
    return np.array(list(excerpts), np.int64), np.array(hidden, object)


def _build(forms: Sequence[Polygons]) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_]]:
    """Return outlines as valid geometries of polygons, their areas, and which of them crossed themselves."""
    import shapely

    lengths = np.array([length for form in forms for length in form.parts])
    owners = np.arange(len(forms)).repeat([len(form.parts) for form in forms])
    kept = lengths > 2
    points = np.concatenate([form.points for form in forms])[kept.repeat(lengths)]
    of_rings = np.arange(np.count_nonzero(kept)).repeat(lengths[kept])
    polygons, owners = shapely.polygons(shapely.linearrings(points, indices=of_rings)), owners[kept]
    is_valid = shapely.is_valid(polygons)
    are_mended = np.zeros(len(forms), bool)
    are_mended[owners[~is_valid]] = True
    if is_valid.all() and len(forms) == len(lengths) == len(polygons):
        return polygons, np.array(_measure_rings(points, of_rings, len(polygons))), are_mended
    for number in np.flatnonzero(~is_valid):
        polygons[number] = _keep_areas(shapely.make_valid(polygons[number]))
    starts = np.searchsorted(owners, np.arange(len(forms) + 1))
    parts = [polygons[start:stop] for start, stop in pairwise(starts)]
    whole = [_keep_areas(own[0] if len(own) == 1 else shapely.union_all(own)) for own in parts]
    geometries = np.array(whole, object)
    return geometries, np.array(_measure(geometries)), are_mended


def _replace(geometries: NDArray[Any], where: NDArray[np.bool_], results: NDArray[Any]) -> None:
    """Put results of cuts into their places: lines and points that they left fall away."""
    import shapely

    for number in np.flatnonzero(shapely.get_type_id(results) != POLYGON):
        results[number] = _keep_areas(results[number])
    geometries[where] = results


def _keep_areas(geometry: Any) -> Any:
    """Return the polygons of a geometry: lines, points, and what has next to no area fall away."""
    import shapely

    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) > POLYGON).any():  # collections hold others
        parts = shapely.get_parts(parts)
    return shapely.multipolygons(parts[shapely.area(parts) >= LEAST_AREA])


def _unite(excerpt: Excerpt, where: NDArray[np.bool_]) -> Any:
    """Return some of the cells of a excerpt as one geometry."""
    import shapely

    ys, xs = np.array(excerpt.ys, np.float64), np.array(excerpt.xs, np.float64)
    rows, columns = np.nonzero(where)
    cells = shapely.box(ys[rows], xs[columns], ys[rows + 1], xs[columns + 1])
    return cells[0] if len(cells) == 1 else shapely.coverage_union_all(cells)


def _weigh(geometry: Any, edges: NDArray[np.float64], layer: Layer) -> float:
    """Return the mean share that an image holds of the pixels of what is left of an outline."""
    import shapely

    if layer.share is not None:
        return layer.share
    excerpt = layer.excerpt(edges.tolist())
    if excerpt.only_share is not None:
        return excerpt.only_share
    shares = sorted({share for share in excerpt.shares.ravel().tolist() if share > 0})
    pieces = [shapely.intersection(geometry, _unite(excerpt, excerpt.shares == share)) for share in shares]
    areas = _measure(np.array([_keep_areas(piece) for piece in pieces], object))
    total = math.fsum(areas)
    if not total:  # pieces so small fall away
        return max(shares)
    return math.fsum(share * area for share, area in zip(shares, areas, strict=True)) / total


def _measure(geometries: NDArray[Any]) -> list[float]:
    """Return the area of each of some polygons, holes taken off; sums do not depend on their order."""
    import shapely

    parts, owners = shapely.get_parts(geometries, return_index=True)
    rings, of_parts = shapely.get_rings(parts, return_index=True)
    is_outer = (np.diff(of_parts, prepend=-1) > 0).tolist()
    totals: list[list[float]] = [[] for _ in geometries]
    points, of_rings = shapely.get_coordinates(rings, return_index=True)
    areas = _measure_rings(points, of_rings, len(rings))
    for owner, outer, area in zip(owners[of_parts].tolist(), is_outer, areas, strict=True):
        totals[owner].append(area if outer else -area)
    return [math.fsum(total) for total in totals]


def _measure_rings(points: NDArray[np.float64], of_rings: NDArray[np.int64], count: int) -> list[float]:
    """Return the area of each of some rings of corners (n, 2), closed or not."""
    return list(map(abs, _sum_rings(points, np.searchsorted(of_rings, np.arange(count + 1)))))


def _sum_rings(points: NDArray[np.float64], starts: NDArray[np.int64]) -> list[float]:
    """Return the area of each ring, above 0 where it runs clockwise as one sees it."""
    lengths = np.diff(starts)
    ys, xs = (points - points[starts[:-1][lengths > 0]].repeat(lengths[lengths > 0], 0)).T
    behind = np.arange(1, len(points) + 1)
    behind[starts[1:][lengths > 0] - 1] = starts[:-1][lengths > 0]
    terms, places = (xs * ys[behind] - ys * xs[behind]).tolist(), starts.tolist()
    return [math.fsum(terms[start:stop]) / 2 for start, stop in pairwise(places)]


def open_rings(geometries: NDArray[Any]) -> list[tuple[Polygons, float]]:
    """Return the outlines and the areas of polygons; those with holes are cut through them into several.

    A ring begins with its first corner in reading order and runs clockwise as one sees it. Corners in the
    middle of a row or column, as cells that lie side by side leave them, fall away.
    """
    import shapely

    parts, owners = shapely.get_parts(geometries, return_index=True)
    if shapely.get_num_interior_rings(parts).any():
        parts, owners = _cut_open(parts, owners)
    found: list[list[tuple[list[list[float]], float]]] = [[] for _ in geometries]
    points, of_rings = shapely.get_coordinates(shapely.get_exterior_ring(parts), return_index=True)
    starts = np.searchsorted(of_rings, np.arange(len(parts) + 1))
    areas = _sum_rings(points, starts)
    is_bend = _find_bends(points, starts).tolist()
    corners, places = points.tolist(), starts.tolist()
    for owner, area, start, stop in zip(owners.tolist(), areas, places[:-1], places[1:], strict=True):
        if abs(area) >= LEAST_AREA:
            ring = [corners[corner] for corner in range(start, stop - 1) if is_bend[corner]]
            first = ring.index(min(ring))
            ring = ring[first:] + ring[:first]
            found[owner].append((ring if area > 0 else ring[:1] + ring[:0:-1], abs(area)))
    return [_join_rings(sorted(own)) for own in found]


def _join_rings(rings: list[tuple[list[list[float]], float]]) -> tuple[Polygons, float]:
    """Return rings as the parts of one outline, and their area."""
    points = np.array([point for ring, _ in rings for point in ring], np.float64).reshape(-1, 2)
    return Polygons(points, tuple(len(ring) for ring, _ in rings)), math.fsum(area for _, area in rings)


def _find_bends(points: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which corners of closed rings do not lie between two of the same row or column."""
    before = np.arange(-1, len(points) - 1)
    is_ring = np.diff(starts) > 1
    before[starts[:-1][is_ring]] = starts[1:][is_ring] - 2  # its last corner is its first once more
    behind = np.minimum(np.arange(1, len(points) + 1), len(points) - 1)
    return ~((points == points[before]) & (points == points[behind])).any(1)


def _cut_open(parts: NDArray[Any], owners: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the parts into which polygons fall if they are cut through their holes, and whose each is.

    Each is cut along the middle row of its first hole, all of them in one go; what has holes still, again.
    """
    import shapely

    done = []
    while len(parts):
        has_holes = shapely.get_num_interior_rings(parts) > 0
        done.append((parts[~has_holes], owners[~has_holes]))
        parts, owners = parts[has_holes].repeat(2), owners[has_holes].repeat(2)
        if len(parts):
            halves = shapely.intersection(parts, _halve(parts[::2]))
            parts, of_halves = shapely.get_parts(halves, return_index=True)
            parts, of_parts = shapely.get_parts(parts, return_index=True)  # collections hold others
            kept = (shapely.get_type_id(parts) == POLYGON) & (shapely.area(parts) >= LEAST_AREA)
            parts, owners = parts[kept], owners[of_halves[of_parts[kept]]]
    whole, theirs = zip(*done, strict=True)
    return np.concatenate(whole), np.concatenate(theirs)


def _halve(polygons: NDArray[Any]) -> NDArray[Any]:
    """Return two boxes for each polygon that has holes: above the middle row of its first hole, and below."""
    import shapely

    rings, owners = shapely.get_rings(polygons, return_index=True)
    is_hole = np.diff(owners, prepend=-1) == 0
    bounds, owners = shapely.bounds(rings[is_hole]), owners[is_hole]
    order = np.lexsort((*bounds.T[::-1], owners))
    firsts = order[np.diff(owners[order], prepend=-1) > 0]
    middles = (bounds[firsts, 0] + bounds[firsts, 2]) / 2
    y0, x0, y1, x1 = shapely.bounds(polygons).T
    return np.stack([shapely.box(y0, x0, middles, x1), shapely.box(middles, x0, y1, x1)], 1).ravel()
