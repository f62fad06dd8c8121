"""The outline of pixels: rings along their edges, and one ring of all of them. Numbers in, numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.program.run_lengths import unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.samples import RunLengths

RIGHT, DOWN, LEFT, UP = range(4)
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""What each direction adds to y and x; pixels of the object lie on the right hand."""

MOST_DISTANCES = 1 << 20
"""So many distances between corners are held at once."""


def outline_pixels(form: RunLengths) -> NDArray[np.float64]:
    """Return the outline of the pixels that run lengths cover, as one ring: (n, 2) float64, y and x.

    Its corners are corners of pixels. Parts are joined by bridges there and back, which have no area, and so
    are holes, which run the other way round: by every rule of filling exactly these pixels are inside.
    Empty where no pixel is covered.
    """
    block = unpack(form)
    rings = trace_rings(block.pixels)
    if not rings:
        return np.empty((0, 2))
    return _join(rings) + np.array([block.top, block.left])


def trace_rings(pixels: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the rings around pixels that are True (height, width), the pixels on the right hand of each.

    Pixels that touch at a corner alone are of two rings.
    """
    padded = np.pad(pixels.astype(bool), 1)
    inside = padded[1:-1, 1:-1]
    beside = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    starts = ((0, 0), (0, 1), (1, 1), (1, 0))  # where the edge of a pixel begins, by its direction
    edges: dict[tuple[int, int], list[int]] = {}
    for direction, (other, (down, along)) in enumerate(zip(beside, starts, strict=True)):
        for y, x in np.argwhere(inside & ~other).tolist():
            edges.setdefault((y + down, x + along), []).append(direction)
    rings = []
    while edges:
        rings.append(_follow(edges, min(edges)))
    return rings


def _follow(edges: dict[tuple[int, int], list[int]], start: tuple[int, int]) -> NDArray[np.float64]:
    """Take a ring out of the edges that begin at each corner; of two, the right one is of this ring."""
    corners: list[tuple[int, int]] = []
    place, last = start, None
    while place in edges:
        there = edges[place]
        direction = there[0] if last is None or len(there) == 1 else _turn_right(there, last)
        there.remove(direction)
        if not there:
            del edges[place]
        if direction != last:
            corners.append(place)
        move = MOVES[direction]
        place, last = (place[0] + move[0], place[1] + move[1]), direction
        if place == start:
            break
    return np.array(corners, np.float64)


def _turn_right(there: list[int], last: int) -> int:
    right = (last + 1) % 4
    return right if right in there else there[0]


def _join(rings: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return rings as one: each is joined where its corners are nearest to those so far."""
    whole, *others = rings
    for ring in others:
        here, there = _find_nearest(whole, ring)
        around = np.roll(ring, -there, 0)
        whole = np.concatenate([whole[: here + 1], around, around[:1], whole[here:]])
    return whole


def _find_nearest(whole: NDArray[np.float64], ring: NDArray[np.float64]) -> tuple[int, int]:
    """Return the numbers of the two corners that are nearest to each other."""
    best = (np.inf, 0, 0)
    rows = max(MOST_DISTANCES // len(ring), 1)
    for first in range(0, len(whole), rows):
        distances = ((whole[first : first + rows, None] - ring[None]) ** 2).sum(2)
        here, there = divmod(int(distances.argmin()), len(ring))
        best = min(best, (float(distances[here, there]), first + here, there))
    return best[1], best[2]
