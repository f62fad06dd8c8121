"""Outlines cut by cells, exactly, by GEOS: numbers in, numbers out.

Outlines of many images are cut in one go: a call takes as long as the cut of several. An outline loses the
few rectangles that holes and pastes hide, one after the other. Where many lie over it, as with patches, it
falls into its parts in the rectangles that are seen: clipping takes a fifth of the time of cutting. What is
written does not depend on the order in which GEOS gives its results: `order_rings` puts it in order, and
areas are summed there.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.program.layers import find_overlaps
from augcli.program.rings import bound_runs, order_rings, sum_rings
from augcli.samples import Polygons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.layers import Layer
    from augcli.program.rings import Ordered
    from augcli.samples import Edges

LEAST_AREA = 1e-6
"""What is smaller, in pixels, is a leftover of a cut: coordinates are written with six decimals."""

FEW = 4
"""So many rectangles are cut off one after the other; three holes that do not meet are three."""

NONE = np.empty((0, 4))
"""No rectangles."""

POLYGON = 3
"""GEOS's number of the type."""


class Cut(NamedTuple):
    """What is left of an outline.

    Attributes:
        form: Its parts, none of which has a hole; None where nothing was cut off.
        edges: The bounds of what is left; None where nothing was cut off, or all.
        whole: Pixels that the outline covers.
        inside: Pixels that it covers inside the bounds.
        area: Pixels that are left.
        weight: Mean share that its image has in these pixels; 0 if it has no pixels.
        is_mended: Whether it crossed itself and was made valid.
    """

    form: Polygons | None
    edges: Edges | None
    whole: float
    inside: float
    area: float
    weight: float
    is_mended: bool = False


class _Parts(NamedTuple):
    """Polygons, and the number of the outline that each is a part of; they may have holes."""

    polygons: NDArray[Any]
    owners: NDArray[np.int64]

    @classmethod
    def of(cls, geometries: NDArray[Any], owners: NDArray[np.int64]) -> _Parts:
        """Return the polygons of geometries: lines, points, and what has next to no area fall away."""
        import shapely

        while (shapely.get_type_id(geometries) > POLYGON).any():  # collections hold others
            geometries, places = shapely.get_parts(geometries, return_index=True)
            owners = owners[places]
        is_kept = (shapely.get_type_id(geometries) == POLYGON) & (shapely.area(geometries) >= LEAST_AREA)
        return cls(geometries[is_kept], owners[is_kept])

    def take(self, where: NDArray[Any]) -> _Parts:
        """Return some of them."""
        return _Parts(self.polygons[where], self.owners[where])

    def replace(self, where: NDArray[np.bool_], others: _Parts) -> _Parts:
        """Return others in the place of some of them, outline by outline."""
        both = _join(self.take(~where), others)
        return both.take(both.owners.argsort(kind="stable"))

    def measure(self, count: int) -> NDArray[np.float64]:
        """Return the area of each of so many outlines, holes taken off."""
        import shapely

        rings, of_parts = shapely.get_rings(self.polygons, return_index=True)
        areas = np.abs(sum_rings(shapely.get_coordinates(rings), shapely.get_num_coordinates(rings)))
        signed = np.where(np.diff(of_parts, prepend=-1) == 0, -areas, areas)  # a first ring is no hole
        return np.bincount(self.owners[of_parts], signed, count).astype(np.float64)


def _join(*parts: _Parts) -> _Parts:
    """Return all of some parts."""
    return _Parts(*map(np.concatenate, zip(*parts, strict=True)))


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
    return bound_runs(np.concatenate(points), np.array([0, *accumulate(map(len, points))][:-1]))


def cut_polygons(
    forms: Sequence[Polygons], edges: NDArray[np.float64], layers: Sequence[Layer], places: NDArray[np.int64]
) -> list[Cut]:
    """Cut outlines by what is seen of their images.

    Args:
        forms: The outlines, one at least; they may reach over their image.
        edges: What `bound_outlines` gives of them.
        layers: The images.
        places: For each outline, which of them is its own; ascending.
    """
    count = len(forms)
    parts, are_mended = _build(forms)
    wholes = parts.measure(count)
    bounds = np.array([layer.bounds for layer in layers], np.float64)[places]
    is_cut = np.any((edges[:, :2] < bounds[:, :2]) | (edges[:, 2:] > bounds[:, 2:]), axis=1)
    insides = wholes
    if is_cut.any():
        where = is_cut[parts.owners]
        outer = parts.take(where)
        parts = parts.replace(where, _clip(outer, bounds[outer.owners]))
        insides = np.where(is_cut, parts.measure(count), wholes)
    parts, is_hidden = _hide(parts, layers, places)
    is_cut |= is_hidden
    changed = parts.take(is_cut[parts.owners])
    which = np.cumsum(is_cut)[changed.owners] - 1
    rings = iter(open_rings(changed.polygons, which, int(np.count_nonzero(is_cut))))
    numbers = zip(is_cut.tolist(), wholes.tolist(), insides.tolist(), are_mended.tolist(), strict=True)
    cuts = []
    for place, (is_other, whole, inside, is_mended) in enumerate(numbers):
        form, area, left = next(rings) if is_other else (None, whole, None)
        weight = layers[places[place]].share
        if weight is None and area:
            weight = _weigh(parts.polygons[parts.owners == place], edges[place], layers[places[place]])
        cuts.append(Cut(form, left, whole, inside, area, weight if area else 0.0, is_mended and is_other))
    return cuts


def _build(forms: Sequence[Polygons]) -> tuple[_Parts, NDArray[np.bool_]]:
    """Return outlines as valid polygons that do not overlap, and which of them crossed themselves."""
    import shapely

    lengths = np.array([length for form in forms for length in form.parts])
    owners = np.arange(len(forms)).repeat([len(form.parts) for form in forms])
    kept = lengths > 2
    points = np.concatenate([form.points for form in forms])[kept.repeat(lengths)]
    of_rings = np.arange(np.count_nonzero(kept)).repeat(lengths[kept])
    parts = _Parts(shapely.polygons(shapely.linearrings(points, indices=of_rings)), owners[kept])
    is_valid = shapely.is_valid(parts.polygons)
    are_mended = np.zeros(len(forms), bool)
    if not is_valid.all():
        crossing = parts.take(~is_valid)
        are_mended[crossing.owners] = True
        parts = parts.replace(~is_valid, _Parts.of(shapely.make_valid(crossing.polygons), crossing.owners))
    have_several = (np.bincount(owners, minlength=len(forms)) > 1)[parts.owners]
    if have_several.any():
        several = parts.take(have_several)
        whose = np.unique(several.owners)
        united = [shapely.union_all(several.polygons[several.owners == owner]) for owner in whose]
        parts = parts.replace(have_several, _Parts.of(np.array(united, object), whose))
    return parts, are_mended


def _hide(
    parts: _Parts, layers: Sequence[Layer], places: NDArray[np.int64]
) -> tuple[_Parts, NDArray[np.bool_]]:
    """Return what is seen of parts inside their images, and of which outlines something is hidden."""
    import shapely

    bounds, of_layers = shapely.bounds(parts.polygons), places[parts.owners]
    numbers, rectangles = _pair(bounds, of_layers, [layer.hidden for layer in layers])
    counts = np.bincount(numbers, minlength=len(bounds))
    is_few = counts[numbers] <= FEW
    left = [_cut_off(parts, numbers[is_few], rectangles[is_few])]
    many = np.flatnonzero(counts > FEW)
    if len(many):
        seen = {number: layers[number].find_seen() for number in np.unique(of_layers[many]).tolist()}
        numbers, rectangles = _pair(
            bounds[many], of_layers[many], [seen.get(n, NONE) for n in range(len(layers))]
        )
        left.append(_clip(parts.take(many[numbers]), rectangles))
    before, after = parts.take(counts > 0), _join(*left)
    areas, rests = (np.bincount(p.owners, shapely.area(p.polygons), len(places)) for p in (before, after))
    is_hidden = areas - rests >= LEAST_AREA
    after = after.take(is_hidden[after.owners])
    return parts.replace((counts > 0) & is_hidden[parts.owners], after), is_hidden


def _cut_off(parts: _Parts, numbers: NDArray[np.int64], rectangles: NDArray[np.float64]) -> _Parts:
    """Return what parts, by their numbers, have outside of rectangles (n, 4): one for each number given."""
    import shapely

    order = numbers.argsort(kind="stable")
    places, starts, counts = np.unique(numbers[order], return_index=True, return_counts=True)
    left = parts.polygons[places]
    for rank in range(counts.max(initial=0)):
        has_more = counts > rank
        boxes = shapely.box(*rectangles[order[starts[has_more] + rank]].T)
        left[has_more] = shapely.difference(left[has_more], boxes)
    return _Parts.of(left, parts.owners[places])


def _pair(
    bounds: NDArray[np.float64], of_layers: NDArray[np.int64], rectangles: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which boxes overlap which rectangles of their own layers: numbers of boxes, and the rectangles.

    Args:
        bounds: (n, 4) the boxes.
        of_layers: The layer of each, ascending.
        rectangles: (m, 4) those of each layer; pairs of one rectangle stand together.
    """
    found = [(np.empty(0, np.int64), NONE)]
    starts = np.searchsorted(of_layers, np.arange(len(rectangles) + 1)).tolist()
    for (start, stop), own in zip(pairwise(starts), rectangles, strict=True):
        for numbers, which in find_overlaps(bounds[start:stop], own):
            found.append((numbers + start, own[which]))
    return np.concatenate([numbers for numbers, _ in found]), np.concatenate([own for _, own in found])


def _clip(parts: _Parts, rectangles: NDArray[np.float64]) -> _Parts:
    """Return what lies of each part in its rectangle (n, 4); parts of one rectangle stand together.

    GEOS clips fast, but where an outline touches its rectangle the result may be invalid: that part is cut.
    """
    import shapely

    pieces = np.empty(len(rectangles), object)
    changes = np.flatnonzero((np.diff(rectangles, axis=0, prepend=np.nan) != 0).any(1))
    starts = [*changes.tolist(), len(rectangles)]
    for rectangle, (start, stop) in zip(rectangles[changes].tolist(), pairwise(starts), strict=True):
        pieces[start:stop] = shapely.clip_by_rect(parts.polygons[start:stop], *rectangle)
    is_wrong = ~shapely.is_valid(pieces)
    if is_wrong.any():
        boxes = shapely.box(*rectangles[is_wrong].T)
        pieces[is_wrong] = shapely.intersection(parts.polygons[is_wrong], boxes)
    return _Parts.of(pieces, parts.owners)


def open_rings(polygons: NDArray[Any], owners: NDArray[np.int64], count: int) -> list[Ordered]:
    """Return outlines of polygons in their order; polygons with holes are cut through them into several.

    Args:
        polygons: The polygons.
        owners: The outline that each is a part of.
        count: How many outlines there are.
    """
    import shapely

    parts = _Parts(polygons, owners)
    if shapely.get_num_interior_rings(polygons).any():
        parts = _cut_open(parts)
    rings = shapely.get_exterior_ring(parts.polygons)
    points, lengths = shapely.get_coordinates(rings), shapely.get_num_coordinates(rings)
    return order_rings(points, lengths, parts.owners, count)


def _cut_open(parts: _Parts) -> _Parts:
    """Return the parts into which polygons fall if they are cut through their holes.

    Each is cut along the middle row of its first hole, all of them in one go; what has holes still, again.
    """
    import shapely

    done, parts = [], _close_slits(parts)
    while len(parts.owners):
        has_holes = shapely.get_num_interior_rings(parts.polygons) > 0
        done.append(parts.take(~has_holes))
        parts = parts.take(np.flatnonzero(has_holes).repeat(2))
        if len(parts.owners):
            halves = shapely.intersection(parts.polygons, _halve(parts.polygons[::2]))
            parts = _Parts.of(halves, parts.owners)
    return _join(*done)


def _close_slits(parts: _Parts) -> _Parts:
    """Return parts without the holes that no row goes through: their rows are as close as numbers can be."""
    import shapely

    rings, of_parts = shapely.get_rings(parts.polygons, return_index=True)
    y0, _, y1, _ = shapely.bounds(rings).T
    middles, is_outer = (y0 + y1) / 2, np.diff(of_parts, prepend=-1) > 0
    is_kept = is_outer | ((y0 < middles) & (middles < y1))
    if is_kept.all():
        return parts
    return parts._replace(polygons=shapely.polygons(rings[is_kept], indices=of_parts[is_kept]))


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


def _weigh(polygons: NDArray[Any], edges: NDArray[np.float64], layer: Layer) -> float:
    """Return the mean share that an image holds of the pixels of what is left of one outline."""
    excerpt = layer.excerpt(edges.tolist())
    if excerpt.only_share is not None:
        return excerpt.only_share
    shares = sorted({share for share in excerpt.shares.ravel().tolist() if share > 0})
    areas = []
    for share in shares:
        rectangles = excerpt.find_rectangles(excerpt.shares == share)
        pieces = _clip(
            _Parts(np.tile(polygons, len(rectangles)), np.zeros(len(rectangles) * len(polygons), np.int64)),
            rectangles.repeat(len(polygons), 0),
        )
        areas += pieces.measure(1).tolist()
    total = math.fsum(areas)
    if not total:  # pieces so small fall away
        return max(shares)
    return math.fsum(share * area for share, area in zip(shares, areas, strict=True)) / total
