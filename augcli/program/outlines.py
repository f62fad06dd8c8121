"""What is left of an object's outline and keypoints where others are laid over its image."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.program.polygons import bound_outlines, cut_polygons
from augcli.program.strips import cut_at_cells, cut_into_strips, join_runs, stretch_strips
from augcli.samples import Corners, Outline, Polygons, RunLengths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.program.layers import Layer
    from augcli.program.polygons import Cut
    from augcli.program.stretching import Stretch
    from augcli.program.strips import Strips
    from augcli.samples import Edges, Form

HIDDEN = 1
"""The visibility of a keypoint that something lies over."""


class Placed(NamedTuple):
    """An outline brought to an output.

    Attributes:
        outline: It, with run lengths as they came.
        stretch: How run lengths are to be stretched; None if they keep their place.
        lost: Pixels of run lengths that were cut off before.
    """

    outline: Outline
    stretch: Stretch | None = None
    lost: float = 0.0


class Left(NamedTuple):
    """What is seen of a form.

    Attributes:
        form: What is left of it; the same value where nothing was cut off; None for a box without a form.
        edges: The bounds of what is left; None where nothing was cut off.
        whole: Pixels of all of it.
        inside: Pixels that lie inside the bounds.
        area: Pixels that are seen.
        weight: Mean share that its image holds of them.
        is_mended: Whether it crossed itself and was made valid.
    """

    form: Form | None
    edges: Edges | None
    whole: float
    inside: float
    area: float
    weight: float
    is_mended: bool = False

    @property
    def visibility(self) -> float:
        """Share of it that is seen, 0..1."""
        return min(self.area / self.whole, 1.0)


def place_outline(outline: Outline, stretch: Stretch, lost: float = 0.0) -> Placed:
    """Return where the outline of a partner's object lies in an output."""
    if stretch.is_still:
        return Placed(outline, None, lost)
    form, keypoints, (height, width) = outline.form, outline.keypoints, stretch.scales
    if form is not None and not isinstance(form, RunLengths):
        form = form._replace(points=stretch.move_points(form.points))
    if keypoints is not None:
        moved = keypoints.copy()
        is_there = keypoints[:, 2] > 0
        moved[is_there, :2] = stretch.move_points(keypoints[is_there, :2])
        keypoints = moved
    area = outline.area if height * width == 1 else None
    return Placed(Outline(form, keypoints, area), stretch, lost * height * width)


def look_at_forms(
    images: Sequence[tuple[Layer, Mapping[int, Placed]]], shrinks: bool
) -> list[dict[int, Left]]:
    """Return what is seen of the forms of objects; of one that has no area of its own nothing.

    Args:
        images: Each image, and the outlines of its objects by the numbers of these.
        shrinks: Whether an oriented box becomes the part of it that is seen, or stays.

    Returns:
        For each image what is seen of its objects, by the same numbers.
    """
    found: list[dict[int, Left]] = []
    drawn: list[tuple[Layer, dict[int, Placed]]] = []
    for layer, placed in images:
        runs, points = {}, {}
        for number, own in placed.items():
            if isinstance(own.outline.form, RunLengths):
                runs[number] = own
            elif own.outline.form is not None:
                points[number] = own
        found.append(_look_at_pixels(layer, runs) if runs else {})
        drawn.append((layer, points))
    if any(points for _, points in drawn):
        for pixels, corners in zip(found, _look_at_corners(drawn, shrinks), strict=True):
            pixels |= corners
    return [{number: left for number, left in lefts.items() if left.whole} for lefts in found]


def _look_at_corners(
    images: Sequence[tuple[Layer, Mapping[int, Placed]]], shrinks: bool
) -> list[dict[int, Left]]:
    """Return what is seen of polygons and of oriented boxes, one at least."""
    found: list[dict[int, Left]] = [{} for _ in images]
    objects = [
        (image, number, own, form)
        for image, (_, placed) in enumerate(images)
        for number, own in placed.items()
        if (form := own.outline.form) is not None and not isinstance(form, RunLengths)
    ]
    edges = bound_outlines([form.points for *_, form in objects])
    places = np.array([image for image, *_ in objects])
    starts = np.searchsorted(places, np.arange(len(images) + 1)).tolist()
    is_clear = np.concatenate(
        [
            layer.find_clear(edges[start:stop])
            for (layer, _), (start, stop) in zip(images, pairwise(starts), strict=True)
        ]
    ).tolist()
    outlines, cut = [], []
    for place, (image, number, own, form) in enumerate(objects):
        area, share = own.outline.area, images[image][0].share
        if is_clear[place] and area and share:
            found[image][number] = Left(form, None, area, area, area, share)
            continue
        outlines.append(form if isinstance(form, Polygons) else Polygons(form.points, (len(form.points),)))
        cut.append(place)
    if cut:
        cuts = cut_polygons(outlines, edges[cut], [layer for layer, _ in images], places[cut])
        for place, left in zip(cut, cuts, strict=True):
            image, number, own, _ = objects[place]
            found[image][number] = _describe(own, left, shrinks)
    return found


def _describe(placed: Placed, cut: Cut, shrinks: bool) -> Left:
    """Return what is seen of a polygon or an oriented box that was cut."""
    form, areas = placed.outline.form, (cut.whole, cut.inside, cut.area)
    if cut.form is None or not cut.area:
        return Left(form, None, *areas, cut.weight)
    left: Form = cut.form
    if isinstance(form, Corners):
        left = Corners(_shrink_corners(form.points, cut.form.points)) if shrinks else form
    return Left(left, cut.edges, *areas, cut.weight, cut.is_mended)


def follow_keypoints(layer: Layer, placed: Mapping[int, Placed]) -> dict[int, NDArray[np.float64]]:
    """Return what becomes of the keypoints of objects.

    One that something lies over is hidden. One that does not lie in the output, or not in what was taken of
    its image, is not there.

    Args:
        layer: The image.
        placed: Outlines of its objects by the numbers of these.
    """
    given = {number: own.outline.keypoints for number, own in placed.items()}
    numbers = [number for number, points in given.items() if points is not None]
    if not numbers:
        return {}
    rows = [points for points in given.values() if points is not None]
    followed = _follow_points(np.concatenate(rows), layer)
    stops = np.cumsum(list(map(len, rows)))[:-1]
    return dict(zip(numbers, np.split(followed, stops), strict=True))


def _follow_points(keypoints: NDArray[np.float64], layer: Layer) -> NDArray[np.float64]:
    """Return what becomes of keypoints (k, 3): y, x and visibility, in the output."""
    cells = layer.cells
    height, width = cells.ys[-1], cells.xs[-1]
    is_there = keypoints[:, 2] > 0
    ys, xs = (
        # The border itself belongs to the last pixel.
        np.where(places == side, side - 1, np.floor(places)).astype(np.int64)
        for places, side in ((keypoints[:, 0], height), (keypoints[:, 1], width))
    )
    is_inside = (ys >= 0) & (ys < height) & (xs >= 0) & (xs < width)
    rows, columns = (
        np.searchsorted(edges, places.clip(0, edges[-1] - 1), "right") - 1
        for edges, places in ((cells.ys, ys), (cells.xs, xs))
    )
    if layer.area is not None:
        starts = np.array(cells.ys[:-1]), np.array(cells.xs[:-1])
        is_inside &= layer.area.covers(*starts, height, width)[rows, columns]
    left = keypoints.copy()
    is_hidden = is_there & (layer.shares[rows, columns] <= 0)
    left[is_hidden, 2] = np.minimum(left[is_hidden, 2], HIDDEN)
    left[is_there & ~is_inside] = 0
    return left


def _look_at_pixels(layer: Layer, placed: Mapping[int, Placed]) -> dict[int, Left]:
    """Return what is seen of the pixels of objects, one at least."""
    forms = [form for own in placed.values() if isinstance(form := own.outline.form, RunLengths)]
    stretch, cells = next(iter(placed.values())).stretch, layer.cells
    strips = cut_into_strips(forms)
    if stretch is not None:
        strips = stretch_strips(strips, stretch)
    inside = strips.crop(layer.bounds)
    if layer.share and not len(layer.hidden):
        seen, shares = inside, layer.shares
    else:
        seen, shares = cut_at_cells(inside, cells, layer.shares)
    size, count = (cells.ys[-1], cells.xs[-1]), len(forms)
    wholes, insides, areas = (some.count_pixels(count) for some in (strips, inside, seen))
    weights = {} if layer.share else _weigh_pixels(layer, inside, seen, shares)
    is_other = np.less(areas, wholes) if stretch is None else np.ones(count, bool)
    changed = seen.take(is_other[seen.owners])
    runs, bounds = join_runs(changed, size), changed.find_bounds()
    found = {}
    for place, (number, own) in enumerate(placed.items()):
        form = forms[place]
        if place in runs:
            form = RunLengths(*size, runs[place], form.is_text)
        found[number] = Left(
            form,
            bounds.get(place) if areas[place] < wholes[place] else None,
            wholes[place] + own.lost,
            insides[place],
            areas[place],
            layer.share or weights.get(place, 0.0),
        )
    return found


def _weigh_pixels(
    layer: Layer, inside: Strips, seen: Strips, shares: NDArray[np.float64]
) -> dict[int, float]:
    """Return the mean share that an image has in the pixels of objects, of those that are seen."""
    lengths: dict[int, dict[float, int]] = {}
    pixels = (seen.bottoms - seen.tops).tolist()
    for owner, share, length in zip(seen.owners.tolist(), shares.tolist(), pixels, strict=True):
        by_share = lengths.setdefault(owner, {})
        by_share[share] = by_share.get(share, 0) + length
    bounds, weights = inside.find_bounds(), {}
    for owner, by_share in lengths.items():
        total = sum(Fraction(share) * length for share, length in by_share.items())
        # Rounded but once, as `math.fsum` of all pixels would be.
        weights[owner] = layer.excerpt(bounds[owner]).only_share or float(total) / sum(by_share.values())
    return weights


def _shrink_corners(corners: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest oriented box around points with sides parallel to another box's."""
    sides = np.stack([corners[1] - corners[0], corners[3] - corners[0]])
    turn = sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0]
    if not turn:
        return corners
    (dy, dx), ((ay, ax), (by, bx)) = (points - corners[0]).T, sides.tolist()
    along, across = (dy * bx - dx * by) / turn, (dx * ay - dy * ax) / turn
    a0, a1, b0, b1 = along.min(), along.max(), across.min(), across.max()
    order = (a0, b0), (a1, b0), (a1, b1), (a0, b1)
    return np.array([corners[0] + a * sides[0] + b * sides[1] for a, b in order])
