"""Boxes, outlines and keypoints that are shares of their image's sides, as pixels. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.samples import Corners, Polygons

if TYPE_CHECKING:
    from augcli.samples import ImageBoxes, Outline


def scale_boxes(boxes: ImageBoxes, height: int, width: int) -> ImageBoxes:
    """Return the boxes of an image of this size in pixels; those that are not shares stay as they are."""
    if not boxes.are_shares:
        return boxes
    edges = boxes.edges * [height, width, height, width]
    outlines = tuple(outline and scale_outline(outline, height, width) for outline in boxes.outlines)
    return boxes._replace(height=height, width=width, edges=edges, outlines=outlines, are_shares=False)


def scale_outline(outline: Outline, height: int, width: int) -> Outline:
    """Return an outline of shares in pixels; a keypoint beyond the border is moved there."""
    sides, form, keypoints = np.array([height, width], np.float64), outline.form, outline.keypoints
    if isinstance(form, Polygons | Corners):
        form = form._replace(points=form.points * sides)
    if keypoints is not None:
        places = np.clip(keypoints[:, :2] * sides, 0, sides)
        keypoints = np.concatenate([places, keypoints[:, 2:]], 1)
    return outline._replace(form=form, keypoints=keypoints)


def is_close(one: Outline | None, other: Outline | None, pixels: float) -> bool:
    """True if two outlines are of one kind, and nothing of them lies farther apart than so many pixels."""
    if one is None or other is None:
        return one is other
    if type(one.form) is not type(other.form) or (one.keypoints is None) != (other.keypoints is None):
        return False
    pairs = [(getattr(one.form, "points", None), getattr(other.form, "points", None))]
    pairs.append((one.keypoints, other.keypoints))
    return all(
        a.shape == b.shape and bool((np.abs(a - b) <= pixels).all())
        for a, b in pairs
        if a is not None and b is not None
    )
