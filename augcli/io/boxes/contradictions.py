"""Boxes and areas that contradict the outlines of their objects: counted, and refused where most do.

Neither is taken for the right one alone: the box of an output is made from the box, and the outline tells
what is seen of an object.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import InputError
from augcli.program.run_lengths import bound_runs
from augcli.samples import RunLengths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.samples import Form, ImageBoxes, Outline

PIXELS = 2
"""How far the sides of a box may lie from the bounds of its outline."""

SHARE = 0.1
"""How much an area may differ from that of its outline, beside the pixels along its edge."""

FEW = 10
"""Of fewer outlines all may lie elsewhere than their boxes, and yet belong to the same image."""

AT_ONCE = 4096
"""Outlines that are measured together, which bounds the memory for it."""


class _Object(NamedTuple):
    """An object that has an outline: the name and size of its image, its box, and the outline."""

    name: str
    size: tuple[int, int]
    edges: NDArray[np.float64]
    outline: Outline
    form: Form


def describe_contradictions(images: Iterable[tuple[str, ImageBoxes]], *cure: object) -> list[str]:
    """Return notes on boxes that are not the bounds of their outlines, and on areas that are not theirs.

    Args:
        images: Names of images, and their boxes.
        cure: What can be done beside correcting them, as words.

    Raises:
        InputError: If most outlines lie elsewhere than their boxes: they are of other pixels.
    """
    unlike, unequal, apart = list[str](), list[str](), list[str]()
    count, objects = 0, _list_objects(images)
    while batch := list(islice(objects, AT_ONCE)):
        count += len(batch)
        edges, bounds = _clip(batch, np.stack([entry.edges for entry in batch])), _bound(batch)
        clipped = _clip(batch, bounds)
        inner = np.minimum(edges[:, 2:], clipped[:, 2:]) - np.maximum(edges[:, :2], clipped[:, :2])
        unlike += _name(batch, np.abs(edges - clipped).max(1) > PIXELS)
        apart += _name(batch, inner.min(1) < 0)
        unequal += _name(batch, _differ_in_area(batch, bounds))
    if count >= FEW and 2 * len(apart) > count:
        raise InputError(
            f"{len(apart)} of {count} outlines lie elsewhere than their boxes, first in {apart[0]!r}; write"
            " both in pixels of the image that is read",
            *cure,
        )
    notes = []
    if unlike:
        what = f"boxes that are not the bounds of their outlines ({len(unlike)}, first in {unlike[0]!r})"
        notes.append(f"{what} stay as they are; what is seen of an object is told by its outline")
    if unequal:
        what = f"areas that are not those of their outlines ({len(unequal)}, first in {unequal[0]!r})"
        notes.append(f"{what} stay where nothing is cut off, and are counted anew where something is")
    return notes


def _list_objects(images: Iterable[tuple[str, ImageBoxes]]) -> Iterator[_Object]:
    for name, image in images:
        for edges, outline in zip(image.edges, image.outlines, strict=False):  # of no objects there are none
            if outline is not None and outline.form is not None:
                yield _Object(name, (image.height, image.width), edges, outline, outline.form)


def _name(batch: Sequence[_Object], is_meant: NDArray[np.bool_]) -> list[str]:
    return [batch[number].name for number in np.flatnonzero(is_meant).tolist()]


def _clip(batch: Sequence[_Object], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return edges inside of their images, as far as the size of these is known."""
    sizes = np.array([entry.size for entry in batch], np.float64)
    sizes[sizes == 0] = np.inf
    return np.clip(edges, 0, np.hstack([sizes, sizes]))


def _bound(batch: Sequence[_Object]) -> NDArray[np.float64]:
    """Return the bounds of the outlines."""
    bounds = np.zeros((len(batch), 4))
    runs = [number for number, entry in enumerate(batch) if isinstance(entry.form, RunLengths)]
    if runs:
        bounds[runs] = bound_runs([entry.form for entry in batch if isinstance(entry.form, RunLengths)])
    if others := [number for number, entry in enumerate(batch) if not isinstance(entry.form, RunLengths)]:
        points = [entry.form.points for entry in batch if not isinstance(entry.form, RunLengths)]
        starts, corners = _find_starts(map(len, points)), np.concatenate(points)
        tops, bottoms = np.minimum.reduceat(corners, starts), np.maximum.reduceat(corners, starts)
        bounds[others] = np.hstack([tops, bottoms])
    return bounds


def _differ_in_area(batch: Sequence[_Object], bounds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which areas differ from those of their outlines, by more than pixels along the edge can tell.

    Parts of an outline may overlap: its area lies between the area of the largest part and the sum of all.
    """
    given = np.array([np.nan if entry.outline.area is None else entry.outline.area for entry in batch])
    least, most = np.zeros((2, len(batch)))
    for number, entry in enumerate(batch):
        if isinstance(entry.form, RunLengths):
            least[number] = most[number] = int(entry.form.runs[1::2].sum())
    polygons = [number for number, entry in enumerate(batch) if not isinstance(entry.form, RunLengths)]
    if polygons:
        forms = [entry.form for entry in batch if not isinstance(entry.form, RunLengths)]
        parts = [getattr(form, "parts", (len(form.points),)) for form in forms]
        areas = _find_areas(np.concatenate([form.points for form in forms]), list(chain(*parts)))
        starts = _find_starts(map(len, parts))
        least[polygons], most[polygons] = np.maximum.reduceat(areas, starts), np.add.reduceat(areas, starts)
    edge = (bounds[:, 2:] - bounds[:, :2]).sum(1)
    return (given > most * (1 + SHARE) + edge) | (given < least * (1 - SHARE) - edge)


def _find_areas(points: NDArray[np.float64], lengths: Sequence[int]) -> NDArray[np.float64]:
    """Return the area of each ring of corners."""
    starts = _find_starts(lengths)
    following = np.arange(1, len(points) + 1)
    following[starts + np.array(lengths) - 1] = starts
    y, x = points.T
    areas: NDArray[np.float64] = np.abs(np.add.reduceat(x * y[following] - x[following] * y, starts)) / 2
    return areas


def _find_starts(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Return where each of some pieces begins that stand one behind the other."""
    ends = np.cumsum(list(lengths))
    return np.concatenate([[0], ends[:-1]])
