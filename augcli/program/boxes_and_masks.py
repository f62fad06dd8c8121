"""Masks and boxes that belong to images: what a program of steps makes of them.

As with labels, no operation writes an annotation: what is left of a box, and whose mask stands where, follows
from the cells of the program alone. Nothing here knows of files.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import Option, PlanError
from augcli.program.annotated import MASK_POLICIES
from augcli.program.cells import follow_program
from augcli.program.layers import Layer
from augcli.program.outlines import Left, follow_keypoints, look_at_forms, place_outline
from augcli.program.steps import Blend, Fill
from augcli.program.stretching import Stretch, clip_edges, find_areas
from augcli.samples import Q16, Outline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.program.annotated import BoxRule
    from augcli.program.cells import Cells
    from augcli.program.outlines import Placed
    from augcli.program.steps import Paste, Program
    from augcli.samples import Edges


BLENDED_MASKS = (
    "masks of indices cannot be blended; give ",
    Option("mask_policy", "dominant"),
    ", or leave out masks",
)


class Source(NamedTuple):
    """Size of an image and what belongs to it.

    Attributes:
        height: Rows.
        width: Columns.
        boxes: (n, 4) its boxes; what of one lies outside the image is not seen.
        outlines: What is known of each object beside its box; empty where only boxes are known.
        lost: For each, pixels of its run lengths that lay outside the image; empty where none of any.
    """

    height: int
    width: int
    boxes: Sequence[Edges] | NDArray[np.float64]
    outlines: Sequence[Outline | None] = ()
    lost: Sequence[float] = ()


class Seen(NamedTuple):
    """A box in an output.

    Attributes:
        slot: Whose it is: None the base's, else of the partner of this slot.
        number: Which of its image's boxes it is.
        edges: Where it lies in the output.
        visibility: Share of its object that is not hidden by holes or by what was pasted over it, 0..1: of
            the form that its outline has, else of the box.
        weight: Mean share that its image holds of the pixels where it is seen, 0..1; 1 without blending.
        outline: What is left of the outline; None for a box without an outline.
        is_mended: Whether the outline crossed itself, and was made valid to be cut.
    """

    slot: int | None
    number: int
    edges: Edges
    visibility: float
    weight: float
    outline: Outline | None = None
    is_mended: bool = False


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
    still = Stretch((0, 0, *size), (0, 0, *size))
    seen = list(_look(Layer.of(None, cells, 0, still.target, None), base, still, rule))
    mixing = (step for step in program if not isinstance(step, Fill))
    for image, step in enumerate(mixing, start=1):
        partner = partners[step.slot]
        stretch = Stretch.of(step, (partner.height, partner.width), size)
        layer = Layer.of(step.slot, cells, image, step.area.bounds(*size), step.area)
        seen += _look(layer, partner, stretch, rule)
    return seen


def check_mask_policy(policy: str | None) -> None:
    """Refuse a policy for masks that nobody knows.

    Raises:
        PlanError: Naming the policies that are known.
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


def _look(layer: Layer, source: Source, stretch: Stretch, rule: BoxRule) -> Iterator[Seen]:
    """Yield what is seen of those boxes of an image that stay."""
    if stretch.is_empty or not len(source.boxes):
        return
    wholes = stretch.move_edges(np.asarray(source.boxes, np.float64))
    parts = clip_edges(wholes, layer.bounds)
    there = np.flatnonzero(find_areas(parts) > 0).tolist()
    placed = {
        number: place_outline(outline, stretch, source.lost[number] if source.lost else 0.0)
        for number in (there if source.outlines else ())
        if (outline := source.outlines[number]) is not None
    }
    forms = look_at_forms(layer, placed, rule.policy == "shrink")
    keypoints = follow_keypoints(layer, placed)
    is_clear = layer.find_clear(wholes).tolist()
    shares: list[list[float]] = layer.shares.tolist()
    areas, whole_edges, part_edges = find_areas(wholes).tolist(), wholes.tolist(), parts.tolist()
    for number in there:
        part: Edges = tuple(part_edges[number])
        left = forms.get(number)
        if left is None and is_clear[number] and layer.share:
            whole = areas[number]
            left = Left(None, None, whole, whole, whole, layer.share)
        elif left is None:
            left = _look_at_box(layer.cells, shares, tuple(whole_edges[number]), part)
        edges = left.edges if rule.policy == "shrink" and left.edges is not None else part
        if _stays(left, edges, layer, rule):
            outline = _finish_outline(placed, number, left, keypoints)
            yield Seen(layer.slot, number, edges, left.visibility, left.weight, outline, left.is_mended)


def _stays(left: Left, edges: Edges, layer: Layer, rule: BoxRule) -> bool:
    """True if an object of which so much is seen stays, by the rule."""
    is_pasted = layer.slot is None or left.inside >= rule.min_paste_visibility * left.whole
    is_seen = left.area > 0 and left.visibility >= rule.min_visibility and left.area >= rule.min_area
    return is_pasted and is_seen and min(edges[2] - edges[0], edges[3] - edges[1]) >= rule.min_size


def _look_at_box(cells: Cells, shares: list[list[float]], whole: Edges, part: Edges) -> Left:
    """Return what is seen of a box, which has no form beside it, of which a part lies in the output."""
    columns = _overlaps(cells.xs, part[1], part[3])
    cut = [
        (row, column, shares[row][column], height * width)
        for row, height in _overlaps(cells.ys, part[0], part[2])
        for column, width in columns
    ]
    seen = [piece for piece in cut if piece[2] > 0]
    # Sums that do not depend on their order, which vector units choose: the same on any machine.
    area = math.fsum(pixels for *_, pixels in seen)
    weight = math.fsum(share * pixels for _, _, share, pixels in seen) / area if area else 0.0
    edges = None
    if seen and (len(seen) < len(cut) or part != whole):
        rows, places = [row for row, *_ in seen], [column for _, column, *_ in seen]
        top, bottom = cells.ys[min(rows)], cells.ys[max(rows) + 1]
        start, stop = cells.xs[min(places)], cells.xs[max(places) + 1]
        y0, x0, y1, x1 = part
        edges = max(y0, top), max(x0, start), min(y1, bottom), min(x1, stop)
    return Left(None, edges, _find_area(whole), _find_area(part), area, weight)


def _finish_outline(
    placed: Mapping[int, Placed], number: int, left: Left, keypoints: Mapping[int, NDArray[np.float64]]
) -> Outline | None:
    """Return what is written of an outline: what is left of it, and what its area is then."""
    if number not in placed:
        return None
    outline, is_whole = placed[number].outline, left.edges is None
    area = outline.area if is_whole else None
    if left.form is not None and area is None:
        area = left.area
    form = left.form if left.form is not None or not is_whole else outline.form
    return Outline(form, keypoints.get(number), area)


def _overlaps(edges: Sequence[int], start: float, stop: float) -> list[tuple[int, float]]:
    """Return which intervals between edges start..stop lies in, and how much of it in each."""
    first = max(bisect_right(edges, start) - 1, 0)
    last = min(bisect_left(edges, stop), len(edges) - 1)
    return [
        (interval, min(edges[interval + 1], stop) - max(edges[interval], start))
        for interval in range(first, last)
    ]


def _find_area(edges: Edges) -> float:
    """Return the area of a box."""
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


def _read_nearest(
    partner: NDArray[np.integer], step: Paste | Blend, size: tuple[int, int]
) -> NDArray[np.integer]:
    """Read a partner's mask at the size of the output, each pixel at the nearest place."""
    stretch = Stretch.of(step, (partner.shape[0], partner.shape[1]), size)
    places = (
        stretch.find_nearest(axis, 0, length).clip(stretch.source[axis], max(stretch.source[axis + 2] - 1, 0))
        for axis, length in enumerate(size)
    )
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
