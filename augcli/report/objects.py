"""Objects drawn into their image: boxes, outlines, the pixels of run lengths, keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from augcli.program.run_lengths import unpack
from augcli.report.colours import colour_of_category
from augcli.samples import Corners, RunLengths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from augcli.samples import Form, Outline

CELL = 190
"""Pixels of the longer side of an image on a sheet."""

KEYPOINT = 3
"""How many times as wide as a line a keypoint is."""


class DrawnObject(NamedTuple):
    """An object of an image: its box (y0, x0, y1, x1), its category, and what is known beside."""

    edges: Sequence[float]
    category: int
    outline: Outline | None = None


def draw_objects(image: Image.Image, objects: Iterable[DrawnObject]) -> Image.Image:
    """Draw objects, each category in its colour: by their form where they have one, else by their box."""
    drawn = image.convert("RGB")
    listed = list(objects)
    for entry in listed:
        if entry.outline is not None and isinstance(entry.outline.form, RunLengths):
            _tint(drawn, entry.outline.form, colour_of_category(entry.category))
    draw = ImageDraw.Draw(drawn)
    width = max(1, round(max(drawn.size) / CELL))  # what remains one pixel on the sheet
    for edges, category, outline in listed:
        colour, form = colour_of_category(category), outline.form if outline is not None else None
        if form is None:
            y0, x0, y1, x1 = edges
            draw.rectangle((x0, y0, max(x1 - 1, x0), max(y1 - 1, y0)), None, colour, width)
        for ring in _list_rings(form):
            corners = [(x, y) for y, x in ring.tolist()]
            draw.line([*corners, corners[0]], colour, width, "curve")
        if outline is not None and outline.keypoints is not None:
            _dot(draw, outline.keypoints, colour, width)
    return drawn


def _list_rings(form: Form | None) -> list[NDArray[np.float64]]:
    """Return the corners of each part of a form that has some."""
    if form is None or isinstance(form, RunLengths):
        return []
    return [form.points] if isinstance(form, Corners) else np.split(form.points, np.cumsum(form.parts)[:-1])


def _tint(image: Image.Image, form: RunLengths, colour: tuple[int, int, int]) -> None:
    """Lay a colour half over the pixels of an object."""
    block = unpack(form)
    mask = Image.fromarray(block.pixels.astype(np.uint8) * 128)
    image.paste(colour, (block.left, block.top), mask)


def _dot(
    draw: ImageDraw.ImageDraw, keypoints: NDArray[np.float64], colour: tuple[int, int, int], width: int
) -> None:
    """Draw keypoints: seen ones filled, hidden ones as rings."""
    for y, x, visible in keypoints.tolist():
        if visible:
            reach = KEYPOINT * width
            inside = colour if visible > 1 else None
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), inside, colour, width)
