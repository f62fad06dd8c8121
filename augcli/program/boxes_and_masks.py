"""Masks and boxes that belong to images: what a program of steps makes of them.

As with labels, no operation writes an annotation: what is left of a box, and whose mask stands where, follows
from the cells of the program alone. Nothing here knows of files.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import Option, PlanError, show_value
from augcli.program.annotated import BOX_POLICIES, MASK_POLICIES
from augcli.program.cells import follow_program
from augcli.program.steps import Blend, Box, Fill, Paste
from augcli.samples import Q16

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.program.cells import Cells
    from augcli.program.steps import Program
    from augcli.samples import Edges


@dataclass(frozen=True, slots=True)
class BoxRule:
    """Which boxes stay, and how.

    Attributes:
        policy: `keep` leaves a box that is seen in part as it is; `shrink` gives the bounds of what is seen.
        min_visibility: Share of a box that must be seen, 0..1; what is not seen at all never stays.
        min_paste_visibility: Share of a partner's box that must lie in what is pasted of it, 0..1.
        min_area: Pixels that must be seen of a box, >= 0.

    Raises:
        PlanError: If a value lies outside its range.
    """

    policy: str = "keep"
    min_visibility: float = 0.0
    min_paste_visibility: float = 0.1
    min_area: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.policy, str) or self.policy not in BOX_POLICIES:
            known = ", ".join(BOX_POLICIES)
            raise PlanError(f"BoxRule: policy must be one of {known}, got {show_value(self.policy)}")
        for name, most in (("min_visibility", 1), ("min_paste_visibility", 1), ("min_area", math.inf)):
            value = getattr(self, name)
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            if not is_number or not 0 <= value <= most:
                accepted = ">= 0" if most == math.inf else f">= 0 and <= {most}"
                raise PlanError(f"BoxRule: {name} must be {accepted}, got {show_value(value)}")


BLENDED_MASKS = (
    "masks of indices cannot be blended; give ",
    Option("mask_policy", "dominant"),
    ", or leave out masks",
)


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


class _Placed(NamedTuple):
    """A box brought to the output: its number in its image, all of it, and the part that lies there."""

    number: int
    whole: Edges
    part: Edges


def follow_boxes(program: Program, base: Source, partners: Sequence[Source], rule: BoxRule) -> list[Seen]:
    """Return the boxes of an output: of each box, what the cells below it show of its own image.

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
    size = base.height, base.width
    cells = follow_program(program, *size)
    placed = [_Placed(number, box, _clip(box, (0, 0, *size))) for number, box in enumerate(base.boxes)]
    seen = list(_look(cells, 0, None, placed, rule))
    mixing = (step for step in program if not isinstance(step, Fill))
    for image, step in enumerate(mixing, start=1):
        partner, bounds = partners[step.slot], step.area.bounds(*size)
        moved = enumerate(_stretch(partner.boxes, partner, step, size))
        placed = [_Placed(number, box, _clip(box, bounds)) for number, box in moved]
        least = rule.min_paste_visibility
        pasted = [box for box in placed if _area(box.part) >= least * _area(box.whole)]
        seen += _look(cells, image, step.slot, pasted, rule)
    return seen


def check_mask_policy(policy: str | None) -> None:
    """Refuse a policy for masks that nobody knows.

    Raises:
        PlanError: Naming those that are known.
    """
    if policy is not None and policy not in MASK_POLICIES:
        raise PlanError(Option("mask_policy"), f" must be one of {', '.join(MASK_POLICIES)}, got {policy!r}")


def follow_mask(
    program: Program,
    base: NDArray[np.integer],
    partners: Sequence[NDArray[np.integer]],
    fill: int | None = None,
    policy: str | None = None,
) -> NDArray[np.integer]:
    """Return the mask of an output: an index for each pixel, never one that neither mask had.

    Args:
        program: Steps, in order; their areas lie inside the base.
        base: (H, W) indices, 8 or 16 bit.
        partners: (H, W) indices of the partners by slot, of any size; read at the nearest pixel of the place
            that the image's own pixels are read from.
        fill: Index of holes; None leaves what they cover.
        policy: `dominant` lets a blend take the mask of the image that weighs more, of equals the base's;
            None refuses blends, since a mean of two indices means nothing.

    Returns:
        A new mask of the base's size and type.

    Raises:
        PlanError: If there is a blend without a policy, an index does not fit the base's type, or an area
            does not fit the base.
    """
    check_mask_policy(policy)
    height, width = base.shape
    cells = follow_program(program, height, width)
    mask, image = base.copy(), 0
    for step in program:
        if isinstance(step, Fill):
            _check_fill(fill, mask.dtype)
            continue
        image += 1
        if isinstance(step, Blend):
            if policy is None:
                raise PlanError(*BLENDED_MASKS)
            if step.weight_q16 >= Q16 // 2:
                continue
        values = _read_nearest(partners[step.slot], step, (height, width))
        _check_values(values, mask.dtype)
        np.copyto(mask, values, where=cells.spread(cells.tops == image), casting="unsafe")
    if fill is not None and cells.hidden.any():
        np.copyto(mask, mask.dtype.type(fill), where=cells.spread(cells.hidden > cells.tops))
    return mask


def _look(
    cells: Cells, image: int, slot: int | None, boxes: Iterable[_Placed], rule: BoxRule
) -> Iterator[Seen]:
    """Yield what is seen of an image's boxes, of those that stay."""
    shares: list[list[float]] = cells.visible(image).tolist()
    for number, whole, part in boxes:
        columns = _overlaps(cells.xs, part[1], part[3])
        seen = [
            (row, column, shares[row][column], height * width)
            for row, height in _overlaps(cells.ys, part[0], part[2])
            for column, width in columns
            if shares[row][column] > 0
        ]
        # Sums that do not depend on their order, which vector units choose: the same on any machine.
        area = math.fsum(pixels for *_, pixels in seen)
        visibility = area / _area(whole) if _area(whole) else 0.0
        if area <= 0 or visibility < rule.min_visibility or area < rule.min_area:
            continue
        weight = math.fsum(share * pixels for _, _, share, pixels in seen) / area
        if rule.policy == "shrink":
            rows, places = [row for row, *_ in seen], [column for _, column, *_ in seen]
            top, left = cells.ys[min(rows)], cells.xs[min(places)]
            part = _clip(part, (top, left, cells.ys[max(rows) + 1], cells.xs[max(places) + 1]))
        yield Seen(slot, number, part, min(visibility, 1.0), weight)


def _overlaps(edges: Sequence[int], start: float, stop: float) -> list[tuple[int, float]]:
    """Return which intervals between edges start..stop lies in, and how much of it in each."""
    first = max(bisect_right(edges, start) - 1, 0)
    last = min(bisect_left(edges, stop), len(edges) - 1)
    return [
        (interval, min(edges[interval + 1], stop) - max(edges[interval], start))
        for interval in range(first, last)
    ]


def _clip(edges: Edges, bounds: Edges) -> Edges:
    y0, x0 = max(edges[0], bounds[0]), max(edges[1], bounds[1])
    return y0, x0, max(y0, min(edges[2], bounds[2])), max(x0, min(edges[3], bounds[3]))


def _area(edges: Edges) -> float:
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


def _read_part(partner: tuple[int, int], step: Paste | Blend, size: tuple[int, int]) -> tuple[Edges, Edges]:
    """Return which part of a partner is read, and over which part of the output it is stretched.

    As in the kernels, a part is stretched over a box, or with patches over the whole output.
    """
    source = step.source if isinstance(step, Paste) else None
    whole = (0, 0, *size)
    if source is None:
        return (0, 0, *partner), whole
    target = step.area.bounds(*size) if isinstance(step.area, Box) else whole
    return source.bounds(*partner), target


def _stretch(
    boxes: Sequence[Edges], partner: Source, step: Paste | Blend, size: tuple[int, int]
) -> Iterator[Edges]:
    """Yield where a partner's boxes lie in the output."""
    source, target = _read_part((partner.height, partner.width), step, size)
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


def _read_nearest(
    partner: NDArray[np.integer], step: Paste | Blend, size: tuple[int, int]
) -> NDArray[np.integer]:
    """Read a partner's mask at the size of the output: pixel x of W at floor((2x + 1)·w / 2W) of w."""
    source, target = _read_part((partner.shape[0], partner.shape[1]), step, size)
    places = []
    for axis, length in enumerate(size):
        first, read = int(source[axis]), int(source[axis + 2] - source[axis])
        start, stretched = int(target[axis]), int(target[axis + 2] - target[axis])
        nearest = (2 * (np.arange(length) - start) + 1) * read // (2 * max(stretched, 1))
        places.append(first + np.clip(nearest, 0, max(read - 1, 0)))
    return partner[np.ix_(*places)]


def _check_fill(fill: int | None, dtype: np.dtype[np.integer]) -> None:
    if fill is not None and not 0 <= fill <= np.iinfo(dtype).max:
        smaller = "; give a smaller ", Option("mask_fill")
        raise PlanError(f"an index of {fill} does not fit a mask of {dtype}", *smaller)


def _check_values(values: NDArray[np.integer], dtype: np.dtype[np.integer]) -> None:
    """Refuse a partner's indices that a mask cannot hold."""
    most = int(values.max(initial=0))
    if most > np.iinfo(dtype).max:
        raise PlanError(f"an index of {most} does not fit a mask of {dtype}; give both masks one depth")
