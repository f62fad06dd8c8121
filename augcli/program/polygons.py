"""Outlines cut by cells, exactly, by GEOS: numbers in, numbers out.

What is written does not depend on the order in which GEOS gives its results: parts, their first corners and
their directions are put in order here, and areas are summed here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.samples import Polygons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from augcli.program.cells import Window
    from augcli.samples import Edges

LEAST_AREA = 1e-6
"""What is smaller, in pixels, is a leftover of a cut: coordinates are written with six decimals."""

POLYGON = 3
"""GEOS's number of the type."""


class Cut(NamedTuple):
    """What is left of an outline.

    Attributes:
        form: Its parts, none of which has a hole; None where nothing was cut off.
        whole: Pixels that the outline covers.
        inside: Pixels that it covers inside the bounds.
        area: Pixels that are left.
        weight: Mean share that its image holds of these; 0 where there are none.
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
    """Return the bounds of points (n, 2): y0, x0, y1, x1."""
    y0, x0 = points.min(0).tolist()
    y1, x1 = points.max(0).tolist()
    return y0, x0, y1, x1


def cut_polygons(form: Polygons, bounds: Edges, window: Window) -> Cut:
    """Cut an outline by what is seen of its image.

    Args:
        form: The outline; it may reach over the bounds.
        bounds: What lies outside of them is not seen.
        window: The cells within which the outline lies.
    """
    import shapely

    geometry, is_mended = _build(form)
    whole = inside = _measure(geometry)
    y0, x0, y1, x1 = find_edges(form.points)
    is_cut = y0 < bounds[0] or x0 < bounds[1] or y1 > bounds[2] or x1 > bounds[3]
    if is_cut:
        geometry = _keep_areas(shapely.intersection(geometry, shapely.box(*bounds)))
        inside = _measure(geometry)
    if not window.is_open:
        hidden = _unite(window, window.shares <= 0)
        if shapely.intersects(geometry, hidden) and not shapely.touches(geometry, hidden):
            geometry, is_cut = _keep_areas(shapely.difference(geometry, hidden)), True
    rings = _open_rings(geometry) if is_cut else []
    area = math.fsum(_ring_area(ring) for ring in rings) if is_cut else whole
    weight = _weigh(geometry, window) if area else 0.0
    left = Polygons(np.concatenate([np.zeros((0, 2)), *rings]), tuple(map(len, rings))) if is_cut else None
    return Cut(left, whole, inside, area, weight, is_mended and is_cut)


def _build(form: Polygons) -> tuple[Any, bool]:
    """Return an outline as one valid geometry of polygons, and whether it crossed itself."""
    import shapely

    stops = np.cumsum(form.parts)[:-1]
    rings = [ring for ring in np.split(form.points, stops) if len(ring) > 2]
    polygons = shapely.polygons([shapely.linearrings(ring) for ring in rings])
    valid = shapely.is_valid(polygons)
    if not valid.all():
        polygons = shapely.make_valid(polygons)
    whole = polygons[0] if len(polygons) == 1 else shapely.union_all(polygons)
    return _keep_areas(whole), not valid.all()


def _keep_areas(geometry: Any) -> Any:
    """Return the polygons of a geometry: lines, points, and what has next to no area fall away."""
    import shapely

    if shapely.get_type_id(geometry) == POLYGON:
        return geometry
    parts = shapely.get_parts(geometry)
    while (shapely.get_type_id(parts) > POLYGON).any():  # collections hold others
        parts = shapely.get_parts(parts)
    return shapely.multipolygons(parts[shapely.area(parts) >= LEAST_AREA])


def _unite(window: Window, where: NDArray[np.bool_]) -> Any:
    """Return some of the cells of a window as one geometry."""
    import shapely

    ys, xs = np.array(window.ys, np.float64), np.array(window.xs, np.float64)
    rows, columns = np.nonzero(where)
    cells = shapely.box(ys[rows], xs[columns], ys[rows + 1], xs[columns + 1])
    return cells[0] if len(cells) == 1 else shapely.coverage_union_all(cells)


def _weigh(geometry: Any, window: Window) -> float:
    """Return the mean share that an image holds of the pixels of what is left of an outline."""
    import shapely

    if window.only_share is not None:
        return window.only_share
    shares = sorted({share for share in window.shares.ravel().tolist() if share > 0})
    areas = [
        _measure(_keep_areas(shapely.intersection(geometry, _unite(window, window.shares == share))))
        for share in shares
    ]
    held = math.fsum(share * area for share, area in zip(shares, areas, strict=True))
    return held / math.fsum(areas)


def _measure(geometry: Any) -> float:
    """Return the area of polygons, holes taken off."""
    import shapely

    return math.fsum(
        _ring_area(shapely.get_coordinates(ring)) * (-1 if number else 1)
        for polygon in shapely.get_parts(geometry)
        for number, ring in enumerate(shapely.get_rings(polygon))
    )


def _ring_area(ring: NDArray[np.float64]) -> float:
    """Return the area within a ring of corners (n, 2); the sum does not depend on their order."""
    ys, xs = (ring - ring[:1]).T
    return abs(math.fsum((ys * np.roll(xs, -1)).tolist()) - math.fsum((xs * np.roll(ys, -1)).tolist())) / 2


def _open_rings(geometry: Any) -> list[NDArray[np.float64]]:
    """Return the outlines of polygons, in order, those with holes cut through them into several."""
    import shapely

    polygons = (part for polygon in shapely.get_parts(geometry) for part in _cut_open(polygon))
    rings = [_order_ring(shapely.get_coordinates(polygon)[:-1]) for polygon in polygons]
    return sorted((ring for ring in rings if _ring_area(ring) >= LEAST_AREA), key=np.ndarray.tolist)


def _cut_open(polygon: Any) -> Iterable[Any]:
    """Yield the parts into which a polygon falls if it is cut through its holes, row by row."""
    import shapely

    if not shapely.get_num_interior_rings(polygon):
        yield polygon
        return
    holes = shapely.bounds(shapely.get_rings(polygon)[1:]).tolist()
    top, _, bottom, _ = min(holes)
    middle, (y0, x0, y1, x1) = (top + bottom) / 2, shapely.bounds(polygon).tolist()
    for half in (shapely.box(y0, x0, middle, x1), shapely.box(middle, x0, y1, x1)):
        for part in shapely.get_parts(_keep_areas(shapely.intersection(polygon, half))):
            yield from _cut_open(part)


def _order_ring(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners of a ring from the first of them in reading order, clockwise as one sees it.

    Corners in the middle of a row or column, as cells that lie side by side leave them, fall away.
    """
    before, behind = np.roll(ring, 1, 0), np.roll(ring, -1, 0)
    is_straight = ((ring == before) & (ring == behind)).any(1)
    ring = ring[~is_straight]
    ys, xs = (ring - ring[:1]).T
    turn = math.fsum((xs * np.roll(ys, -1)).tolist()) - math.fsum((ys * np.roll(xs, -1)).tolist())
    if turn < 0:
        ring = ring[::-1]
    first = int(np.lexsort((ring[:, 1], ring[:, 0]))[0]) if len(ring) else 0
    return np.roll(ring, -first, 0)
