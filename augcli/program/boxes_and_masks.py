"""Masks and boxes that belong to images: what a step program makes of them.

As with labels, no operation writes an annotation: what is left of a box, and whose mask stands where, follows
from the steps alone. Nothing here knows of files.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import PlanError
from augcli.program.annotated import BOX_POLICIES, MASK_POLICIES
from augcli.program.steps import Blend, Box, Fill, Paste
from augcli.samples import Q16

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.program.steps import Area, Program, Step
    from augcli.samples import Edges


@dataclass(frozen=True, slots=True)
class BoxRule:
    """Which boxes stay, and how.

    Attributes:
        policy: `keep` leaves a box that is seen in part as it is; `shrink` gives the bounds of what is seen.
        min_visibility: Share of a box that must be seen, 0..1; what is not seen at all never stays.
        min_paste_visibility: Share of a partner's box that must lie in what is pasted of it, 0..1.
    """

    policy: str = "keep"
    min_visibility: float = 0.0
    min_paste_visibility: float = 0.1

    def __post_init__(self) -> None:
        if self.policy not in BOX_POLICIES:
            raise PlanError(f"--box-policy must be one of {', '.join(BOX_POLICIES)}, got {self.policy!r}")
        for name in ("min_visibility", "min_paste_visibility"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise PlanError(f"--{name.replace('_', '-')} must be >= 0 and <= 1, got {share}")


class Source(NamedTuple):
    """Size of an image and the boxes that belong to it."""

    height: int
    width: int
    boxes: Sequence[Edges]


class Seen(NamedTuple):
    """A box in an output.

    Attributes:
        slot: Whose it is: None the base's, else of the partner of this slot.
        number: Which of its image's boxes it is.
        edges: Where it lies in the output.
        visibility: Share of it that is not hidden by holes or by what was pasted over it, 0..1.
        weight: Mean share that its image holds of the pixels where it is seen, 0..1; 1 without blending.
    """

    slot: int | None
    number: int
    edges: Edges
    visibility: float
    weight: float


def follow_boxes(program: Program, base: Source, partners: Sequence[Source], rule: BoxRule) -> list[Seen]:
    """Give the boxes of an output.

    The image is cut into cells by the edges of all steps; each cell holds the share of every image that was
    put there. A box is what the cells below it hold of its own image: exact, whatever overlaps.

    Args:
        program: Steps, in order; their areas lie inside the base.
        base: The image being changed; its boxes have an area above 0. What of a box lies outside the image
            is not seen, as where an image was cut to a size.
        partners: The partners, by slot; their boxes are stretched with them.
        rule: Which boxes stay.

    Returns:
        The base's boxes, then those of each step's partner, in the order of the steps.

    Raises:
        PlanError: If an area does not fit the base.
    """
    cells = _Cells(program, base.height, base.width)
    seen = []
    for number, edges in enumerate(base.boxes):
        inside = _clip(edges, (0, 0, base.height, base.width))
        seen.append(cells.look(0, edges, inside, None, number, rule))
    for place, step in enumerate(program, start=1):
        if isinstance(step, Fill):
            continue
        bounds = _bounds(step.area, base.height, base.width)
        moving = _stretch(partners[step.slot].boxes, partners[step.slot], step, base)
        for number, moved in enumerate(moving):
            inside = _clip(moved, bounds)
            if _area(inside) >= rule.min_paste_visibility * _area(moved):
                seen.append(cells.look(place, moved, inside, step.slot, number, rule))
    return [one for one in seen if one is not None]


def follow_mask(
    program: Program,
    base: NDArray[np.integer],
    partners: Sequence[NDArray[np.integer]],
    fill: int | None = None,
    policy: str | None = None,
) -> NDArray[np.integer]:
    """Give the mask of an output: an index for each pixel, never one that neither mask had.

    Args:
        program: Steps, in order.
        base: (H, W) indices, 8 or 16 bit.
        partners: (H, W) indices of the partners by slot, of any size; read at the nearest pixel of the place
            that the image's own pixels are read from.
        fill: Index of holes; None leaves what they cover.
        policy: `dominant` lets a blend take the mask of the image that weighs more, of equals the base's;
            None refuses blends, since a mean of two indices means nothing.

    Returns:
        A new mask of the base's size and type.

    Raises:
        PlanError: If there is a blend without a policy, or an index does not fit the base's type.
    """
    if policy is not None and policy not in MASK_POLICIES:
        raise PlanError(f"--mask-policy must be one of {', '.join(MASK_POLICIES)}, got {policy!r}")
    mask = base.copy()
    for step in program:
        if isinstance(step, Fill):
            if fill is not None:
                _check_fill(fill, base.dtype)
                np.copyto(mask, base.dtype.type(fill), where=_covered(step.area, *mask.shape))
        elif isinstance(step, Paste):
            _copy(_read_nearest(partners[step.slot], step, mask.shape), mask, step.area)
        elif policy is None:
            raise PlanError(
                "masks of indices cannot be blended; give --mask-policy dominant, or leave out mixup"
            )
        elif step.weight_q16 < Q16 // 2:
            _copy(_read_nearest(partners[step.slot], step, mask.shape), mask, step.area)
    return mask


class _Cells:
    """The cells that a program's edges cut an image into, and what share of each every image holds."""

    def __init__(self, program: Program, height: int, width: int) -> None:
        edges = [_edges(step.area, height, width) for step in program]
        self._ys = sorted({0, height}.union(*(rows for rows, _ in edges)))
        self._xs = sorted({0, width}.union(*(columns for _, columns in edges)))
        if self._ys[-1] > height or self._xs[-1] > width:
            raise PlanError(f"a step's area lies outside the image of {height}x{width}")
        ys, xs = np.array(self._ys[:-1]), np.array(self._xs[:-1])
        # Image 0 is the base; each step that reads a partner puts another image there.
        shares = np.zeros((len(program) + 1, len(self._ys) - 1, len(self._xs) - 1))
        shares[0] = 1
        for place, step in enumerate(program, start=1):
            where = _covered(step.area, height, width, ys, xs)
            kept = step.weight_q16 / Q16 if isinstance(step, Blend) else 0.0
            shares[:, where] *= kept
            if not isinstance(step, Fill):
                shares[place, where] = 1 - kept
        self._shares: list[list[list[float]]] = shares.tolist()

    def look(
        self, image: int, whole: Edges, part: Edges, slot: int | None, number: int, rule: BoxRule
    ) -> Seen | None:
        """Give what is seen of a box of which a part lies in the output; None where it does not stay."""
        held = self._shares[image]
        columns = _overlaps(self._xs, part[1], part[3])
        seen = [
            (row, column, held[row][column], height * width)
            for row, height in _overlaps(self._ys, part[0], part[2])
            for column, width in columns
            if held[row][column] > 0
        ]
        # Sums that do not depend on their order, which vector units choose: the same on any machine.
        area = math.fsum(pixels for *_, pixels in seen)
        visibility = area / _area(whole) if _area(whole) else 0.0
        if area <= 0 or visibility < rule.min_visibility:
            return None
        weight = math.fsum(share * pixels for _, _, share, pixels in seen) / area
        if rule.policy == "shrink":
            top, bottom = min(row for row, *_ in seen), max(row for row, *_ in seen)
            left, right = min(one[1] for one in seen), max(one[1] for one in seen)
            inner = (self._ys[top], self._xs[left], self._ys[bottom + 1], self._xs[right + 1])
            part = _clip(part, inner)
        return Seen(slot, number, part, min(visibility, 1.0), weight)


def _edges(area: Area, height: int, width: int) -> tuple[Iterable[int], Iterable[int]]:
    """Give the rows and the columns at which an area may begin or end."""
    if isinstance(area, Box):
        return (area.y0, area.y1), (area.x0, area.x1)
    area.check_grid(height, width)
    return range(0, height, area.height), range(0, width, area.width)


def _covered(
    area: Area,
    height: int,
    width: int,
    ys: NDArray[np.integer] | None = None,
    xs: NDArray[np.integer] | None = None,
) -> NDArray[np.bool_]:
    """Say of some rows and columns, by default all, which of their crossings an area covers."""
    ys = np.arange(height) if ys is None else ys
    xs = np.arange(width) if xs is None else xs
    if isinstance(area, Box):
        rows, columns = (ys >= area.y0) & (ys < area.y1), (xs >= area.x0) & (xs < area.x1)
        return rows[:, None] & columns
    cells = np.frombuffer(area.bitmap, np.uint8).reshape(area.check_grid(height, width)) != 0
    return cells[np.ix_(ys // area.height, xs // area.width)]


def _bounds(area: Area, height: int, width: int) -> Edges:
    """Give the bounds of an area; of an empty one, nothing."""
    if isinstance(area, Box):
        return area.y0, area.x0, area.y1, area.x1
    rows, columns = (np.flatnonzero(_covered(area, height, width).any(axis)) for axis in (1, 0))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else (0, 0, 0, 0)


def _overlaps(edges: Sequence[int], start: float, stop: float) -> list[tuple[int, float]]:
    """Give which intervals between edges start..stop lies in, and how much of it in each."""
    first = max(bisect_right(edges, start) - 1, 0)
    last = min(bisect_left(edges, stop), len(edges) - 1)
    return [(at, min(edges[at + 1], stop) - max(edges[at], start)) for at in range(first, last)]


def _clip(edges: Edges, bounds: Edges) -> Edges:
    y0, x0 = max(edges[0], bounds[0]), max(edges[1], bounds[1])
    return y0, x0, max(y0, min(edges[2], bounds[2])), max(x0, min(edges[3], bounds[3]))


def _area(edges: Edges) -> float:
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


def _read_part(partner: tuple[int, int], step: Step, size: tuple[int, int]) -> tuple[Edges, Edges]:
    """Give which part of a partner is read, and over which part of the output it is stretched."""
    source = step.source if isinstance(step, Paste) else None
    if source is None:
        return (0, 0, *partner), (0, 0, *size)
    return (source.y0, source.x0, source.y1, source.x1), _bounds(step.area, *size)


def _stretch(boxes: Sequence[Edges], partner: Source, step: Step, base: Source) -> Iterator[Edges]:
    """Give where a partner's boxes lie in the output."""
    source, target = _read_part(partner[:2], step, base[:2])
    if source[2] == source[0] or source[3] == source[1]:
        return
    height, width = ((target[axis + 2] - target[axis]) / (source[axis + 2] - source[axis]) for axis in (0, 1))
    for y0, x0, y1, x1 in boxes:
        yield (
            target[0] + (y0 - source[0]) * height,
            target[1] + (x0 - source[1]) * width,
            target[0] + (y1 - source[0]) * height,
            target[1] + (x1 - source[1]) * width,
        )


def _read_nearest(partner: NDArray[np.integer], step: Step, size: tuple[int, ...]) -> NDArray[np.integer]:
    """Read a partner's mask at the size of the output: pixel x of W at floor((2x + 1)·w / 2W) of w."""
    height, width = size
    source, target = _read_part((partner.shape[0], partner.shape[1]), step, (height, width))
    places = []
    for axis, length in enumerate((height, width)):
        first, read = int(source[axis]), int(source[axis + 2] - source[axis])
        start, stretched = int(target[axis]), int(target[axis + 2] - target[axis])
        at = (2 * (np.arange(length) - start) + 1) * read // (2 * max(stretched, 1))
        places.append(first + np.clip(at, 0, max(read - 1, 0)))
    return partner[np.ix_(*places)]


def _check_fill(fill: int, kind: np.dtype[np.integer]) -> None:
    if not 0 <= fill <= np.iinfo(kind).max:
        raise PlanError(f"an index of {fill} does not fit a mask of {kind}; give a smaller --mask-fill")


def _copy(values: NDArray[np.integer], mask: NDArray[np.integer], area: Area) -> None:
    """Copy an area of indices of a partner."""
    most = int(values.max(initial=0))
    if most > np.iinfo(mask.dtype).max:
        raise PlanError(f"an index of {most} does not fit a mask of {mask.dtype}; give both masks one depth")
    np.copyto(mask, values, where=_covered(area, *mask.shape), casting="unsafe")
