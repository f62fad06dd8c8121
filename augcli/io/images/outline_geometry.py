"""Where outlines and keypoints come to lie: upright and at one size, as the pixels of their image do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import DecodeError
from augcli.io.images.geometry import find_nearest, fit_points, turn_points, turn_upright
from augcli.program.cells import follow_program
from augcli.program.layers import Layer
from augcli.program.polygons import bound_outlines, cut_polygons
from augcli.program.run_lengths import Block, pack, unpack
from augcli.program.stretching import clip_edges
from augcli.samples import Corners, Outline, Polygons, RunLengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.io.images.geometry import Geometry
    from augcli.samples import Form, ImageBoxes


class PlacedOutlines(NamedTuple):
    """The outlines of an image as it is loaded.

    Attributes:
        outlines: For each box; empty where the input says nothing of any.
        lost: For each, pixels of its run lengths that the image's size cut off.
    """

    outlines: tuple[Outline | None, ...] = ()
    lost: tuple[float, ...] = ()


NO_OUTLINES = PlacedOutlines()


class _Turn(NamedTuple):
    """How an image is turned: its orientation, its height and width as stored, and those upright."""

    orientation: int
    stored: tuple[int, int]
    upright: tuple[int, int]


def place_outlines(
    boxes: ImageBoxes,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    orientation: int,
    geometry: Geometry | None,
) -> PlacedOutlines:
    """Return where the outlines of an image lie once it is loaded.

    They lie in the stored or in the upright image as the boxes do (see `upright_edges`), run lengths by their
    own size. Outlines are clipped at the image's border.

    Args:
        boxes: As the input says them, of an image of that size.
        sizes: Height and width of the image as stored, and upright.
        orientation: Its EXIF orientation, 1..8.
        geometry: The size that it is brought to; None if it stays as large as it is.

    Raises:
        DecodeError: If run lengths are of an image of another size.
    """
    turn = _Turn(orientation, *sizes)
    is_upright = 0 in (boxes.height, boxes.width) or (boxes.height, boxes.width) == turn.upright
    if geometry is not None and geometry.is_still(*turn.upright):
        geometry = None
    stays = _find_inside(boxes.outlines, turn) if is_upright and geometry is None else set()
    outlines, lost = list(boxes.outlines), [0.0] * len(boxes.outlines)
    for number, outline in enumerate(boxes.outlines):
        if outline is None or number in stays:
            continue
        if isinstance(outline.form, RunLengths):
            form, gone = _place_pixels(outline.form, turn, geometry)
            outline, lost[number] = outline._replace(form=form), float(gone)
        elif outline.form is not None:
            outline = _place_points(outline, outline.form, turn, is_upright, geometry)
        outlines[number] = _place_keypoints(outline, turn, is_upright, geometry)
    return PlacedOutlines(tuple(outlines), tuple(lost))


def _find_inside(outlines: Sequence[Outline | None], turn: _Turn) -> set[int]:
    """Return the numbers of the outlines of corners that lie inside their upright image."""
    forms = {
        number: outline.form
        for number, outline in enumerate(outlines)
        if outline is not None and isinstance(outline.form, Polygons | Corners)
    }
    if not forms:
        return set()
    edges = bound_outlines([form.points for form in forms.values()])
    is_inside = (edges == clip_edges(edges, (0, 0, *turn.upright))).all(1)
    return set(np.array(list(forms))[is_inside].tolist())


def _place_points(
    outline: Outline, form: Form, turn: _Turn, is_upright: bool, geometry: Geometry | None
) -> Outline:
    """Place the corners of an outline."""
    assert not isinstance(form, RunLengths)
    if not is_upright:
        form = form._replace(points=turn_points(form.points, turn.orientation, *turn.stored))
    edges, bounds = bound_outlines([form.points]), (0, 0, *turn.upright)
    if isinstance(form, Polygons) and (edges != clip_edges(edges, bounds)).any():
        (cut,) = cut_polygons(
            [form],
            edges,
            [Layer.of(None, follow_program((), *turn.upright), 0, bounds, None)],
            np.zeros(1, np.int64),
        )
        outline, form = outline._replace(area=cut.area, form=None), cut.form or form
        if not cut.area:
            return outline
    if geometry is not None:
        form = form._replace(points=fit_points(form.points, geometry, *turn.upright))
    return outline._replace(form=form)


def _place_keypoints(outline: Outline, turn: _Turn, is_upright: bool, geometry: Geometry | None) -> Outline:
    """Place the keypoints of an object; its area is another one in an image of another size."""
    keypoints = outline.keypoints
    if keypoints is not None and not (is_upright and geometry is None):
        is_there = keypoints[:, 2] > 0
        points, keypoints = keypoints[is_there, :2], keypoints.copy()
        if not is_upright:
            points = turn_points(points, turn.orientation, *turn.stored)
        if geometry is not None:
            points = fit_points(points, geometry, *turn.upright)
        keypoints[is_there, :2] = points
    return Outline(outline.form, keypoints, outline.area if geometry is None else None)


def _place_pixels(form: RunLengths, turn: _Turn, geometry: Geometry | None) -> tuple[RunLengths, int]:
    """Place run lengths as masks are placed; return them, and how many of their pixels were cut off."""
    size = form.height, form.width
    if size not in (turn.upright, turn.stored):
        wanted = "{}x{}".format(*turn.upright)
        raise DecodeError("RLE of another size", f"it is {size[0]}x{size[1]}, the image {wanted}")
    if size == turn.upright and geometry is None:
        return form, 0
    block = unpack(form)
    if size != turn.upright:
        whole = np.zeros(size, bool)
        y0, x0, y1, x1 = block.bounds
        whole[y0:y1, x0:x1] = block.pixels
        block = Block(0, 0, turn_upright(whole, turn.orientation))
    count, size = block.find_area(), turn.upright
    if geometry is not None:
        size = geometry.height, geometry.width
        block = _fit_block(block, geometry, turn.upright)
        count = block.find_area()
    block = block.crop((0, 0, *size)).tighten()
    return pack(block, size, form.is_text), count - block.find_area()


def _fit_block(block: Block, geometry: Geometry, upright: tuple[int, int]) -> Block:
    """Bring the pixels of an object to one size, each to the nearest; some may then lie outside."""
    spans = []
    for axis in (0, 1):
        first, places = find_nearest(geometry, upright, axis)
        start, stop = block.bounds[axis], block.bounds[axis + 2]
        before, behind = np.searchsorted(places, (start, stop)).tolist()
        spans.append((first + before, _shift(places[before:behind], start)))
    (top, rows), (left, columns) = spans
    return Block(top, left, block.pixels[np.ix_(rows, columns)])


def _shift(places: NDArray[np.int64], start: int) -> NDArray[np.int64]:
    return places - start
