"""Boxes, outlines and keypoints that are shares of their image's sides, as pixels. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from augcli.samples import Corners, Polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.samples import ImageBoxes, Outline


def scale_boxes(boxes: ImageBoxes, height: int, width: int) -> ImageBoxes:
    """Return the boxes of an image of this size in pixels; those that are not shares stay as they are."""
    if not boxes.are_shares:
        return boxes
    edges = boxes.edges * [height, width, height, width]
    outlines = tuple(outline and scale_outline(outline, height, width) for outline in boxes.outlines)
    return boxes._replace(height=height, width=width, edges=edges, outlines=outlines, are_shares=False)


def scale_outline(outline: Outline, height: int, width: int) -> Outline:
    """Return an outline of shares in pixels; a keypoint beyond the border is moved there.

    A ring gets its area, too, so that nothing is computed of it where nothing changes it.
    """
    sides, form, keypoints = np.array([height, width], np.float64), outline.form, outline.keypoints
    if isinstance(form, Polygons | Corners):
        form = form._replace(points=form.points * sides)
        outline = outline._replace(area=_find_area(form.points))
    if keypoints is not None:
        places = (keypoints[:, :2] * sides).clip(0, sides)
        keypoints = np.concatenate([places, keypoints[:, 2:]], 1)
    return outline._replace(form=form, keypoints=keypoints)


def _find_area(ring: NDArray[np.float64]) -> float:
    """Return the area within a ring of corners."""
    ys, xs = (ring - ring[0]).T.tolist()
    pairs = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(math.fsum(x * y1 - x1 * y for x, y, x1, y1 in pairs)) / 2
