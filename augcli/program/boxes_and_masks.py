"""Masks and boxes that belong to images: what a program of steps makes of them.

As with labels, no operation writes an annotation: what is left of a box, and whose mask stands where, follows
from the cells of the program alone. Nothing here knows of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import Option, PlanError
from augcli.program.annotated import MASK_POLICIES
from augcli.program.box_cells import LeftBoxes, look_at_boxes, split_places
from augcli.program.cells import follow_program
from augcli.program.layers import Layer
from augcli.program.outlines import follow_keypoints, look_at_forms, place_outline
from augcli.program.steps import Blend, Fill
from augcli.program.stretching import Stretch, clip_edges, find_areas
from augcli.samples import Q16, Outline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.program.annotated import BoxRule
    from augcli.program.outlines import Left, Placed
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


class Shown(NamedTuple):
    """An output: what is done to which images.

    Attributes:
        program: Steps, in order; their areas lie inside the base.
        base: The image being changed; its boxes have an area above 0. What of a box lies outside the image
            is not seen, as where an image was cut to a size.
        partners: The partners, by slot; their boxes are stretched with them.
    """

    program: Program
    base: Source
    partners: Sequence[Source] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SeenBoxes:
    """The boxes of outputs, as parallel columns: of each the base's, then those of each step's partner.

    Attributes:
        outputs: Which output each lies in, ascending.
        images: Whose it is: 0 is the base, 1 and more are the partners by slot.
        numbers: Which of its image's boxes it is.
        edges: (n, 4) where it lies in the output.
        visibilities: Share of its object that is not hidden by holes or by what was pasted over it, 0..1: of
            the form that its outline has, else of the box.
        weights: Mean share that its image holds of the pixels where it is seen, 0..1; 1 without blending.
        outlines: What is left of the outline; None for a box without an outline.
        are_mended: Whether the outline crossed itself, and was made valid to be cut.
    """

    outputs: NDArray[np.int64]
    images: NDArray[np.int64]
    numbers: NDArray[np.int64]
    edges: NDArray[np.float64]
    visibilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    outlines: list[Outline | None]
    are_mended: NDArray[np.bool_]


class _Laid(NamedTuple):
    """An image of an output that has boxes: number of the output, and how the image lies in it."""

    output: int
    layer: Layer
    source: Source
    stretch: Stretch


class _Boxes(NamedTuple):
    """Boxes that lie in outputs, as parallel columns: their image, their number there, and their edges."""

    which: NDArray[np.int64]
    numbers: NDArray[np.int64]
    wholes: NDArray[np.float64]
    parts: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> _Boxes:
        """Return some of them."""
        return _Boxes(self.which[rows], self.numbers[rows], self.wholes[rows], self.parts[rows])


def follow_boxes(outputs: Sequence[Shown], rule: BoxRule) -> SeenBoxes:
    """Return the boxes of outputs: of each box, what the cells below it show of its own image.

    Args:
        outputs: The outputs; many at once take little more time than one.
        rule: Which boxes stay.

    Raises:
        PlanError: If an area does not fit the base.
    """
    laid = [image for number, output in enumerate(outputs) for image in _lay(number, output)]
    boxes, shrinks = _move_boxes(laid), rule.policy == "shrink"
    placed = _place_outlines(laid, boxes)
    looked_at = look_at_forms([(image.layer, outlines) for image, outlines in placed], shrinks)
    forms = {row: left for lefts in looked_at for row, left in lefts.items()}
    keypoints: dict[int, NDArray[np.float64]] = {}
    for image, outlines in placed:
        keypoints |= follow_keypoints(image.layer, outlines)
    seen = _look(laid, boxes, forms, shrinks)
    images = np.array([0 if image.layer.slot is None else image.layer.slot + 1 for image in laid], np.int64)
    edges = seen.edges if shrinks else boxes.parts
    rows = np.flatnonzero(_find_staying(seen, edges, images[boxes.which] > 0, rule))
    every = {row: place.outline for _, outlines in placed for row, place in outlines.items()}
    return SeenBoxes(
        np.array([image.output for image in laid], np.int64)[boxes.which[rows]],
        images[boxes.which[rows]],
        boxes.numbers[rows],
        edges[rows],
        seen.visibilities[rows],
        seen.weights[rows],
        [
            _finish_outline(every[row], forms.get(row), keypoints.get(row), bool(seen.are_cut[row]))
            if row in every
            else None
            for row in rows.tolist()
        ],
        np.array([row in forms and forms[row].is_mended for row in rows.tolist()], bool),
    )


def _lay(number: int, output: Shown) -> Iterator[_Laid]:
    """Yield the images with boxes that an output shows."""
    base, size = output.base, (output.base.height, output.base.width)
    cells = follow_program(output.program, *size)
    still = Stretch((0, 0, *size), (0, 0, *size))
    if len(base.boxes):
        yield _Laid(number, Layer.of(None, cells, 0, still.target, None), base, still)
    mixing = (step for step in output.program if not isinstance(step, Fill))
    for image, step in enumerate(mixing, start=1):
        partner = output.partners[step.slot]
        stretch = Stretch.of(step, (partner.height, partner.width), size)
        if len(partner.boxes) and not stretch.is_empty:
            layer = Layer.of(step.slot, cells, image, step.area.bounds(*size), step.area)
            yield _Laid(number, layer, partner, stretch)


def _move_boxes(laid: Sequence[_Laid]) -> _Boxes:
    """Return the boxes of images of which a part lies in their outputs."""
    moved = [image.stretch.move_edges(np.asarray(image.source.boxes, np.float64)) for image in laid]
    which = np.arange(len(laid)).repeat(list(map(len, moved)))
    numbers = [np.arange(len(edges)) for edges in moved]
    wholes = np.concatenate([np.zeros((0, 4)), *moved])
    bounds = np.array([image.layer.bounds for image in laid], np.float64).reshape(-1, 4)
    parts = clip_edges(wholes, bounds[which])
    every = _Boxes(which, np.concatenate([np.zeros(0, np.int64), *numbers]), wholes, parts)
    return every.take(np.flatnonzero(find_areas(parts) > 0))


def _place_outlines(laid: Sequence[_Laid], boxes: _Boxes) -> list[tuple[_Laid, dict[int, Placed]]]:
    """Return the outlines of boxes, by the row of each, for each image that has any."""
    placed = []
    for image, place in zip(laid, split_places(boxes.which, len(laid)), strict=True):
        source, outlines = image.source, {}
        for row, number in enumerate(boxes.numbers[place].tolist() if source.outlines else (), place.start):
            if (outline := source.outlines[number]) is not None:
                lost = source.lost[number] if source.lost else 0.0
                outlines[row] = place_outline(outline, image.stretch, lost)
        if outlines:
            placed.append((image, outlines))
    return placed


def _look(laid: Sequence[_Laid], boxes: _Boxes, forms: Mapping[int, Left], shrinks: bool) -> LeftBoxes:
    """Return what is seen of objects: of their forms, and of boxes that have no form beside them."""
    is_bare = np.ones(len(boxes.which), bool)
    is_bare[list(forms)] = False
    layers = [image.layer for image in laid]
    bare = boxes.take(np.flatnonzero(is_bare))
    of_boxes = look_at_boxes(layers, bare.which, bare.wholes, bare.parts, shrinks)
    if not forms:
        return of_boxes
    parts = boxes.parts[list(forms)].tolist()
    of_forms = zip(
        *(
            (left.whole, left.inside, left.area, left.weight, left.edges or part, left.edges is not None)
            for left, part in zip(forms.values(), parts, strict=True)
        ),
        strict=True,
    )
    order = np.argsort([*np.flatnonzero(is_bare), *forms])
    return LeftBoxes(*(np.concatenate(pair)[order] for pair in zip(of_boxes, of_forms, strict=True)))


def _find_staying(
    seen: LeftBoxes, edges: NDArray[np.float64], are_pasted: NDArray[np.bool_], rule: BoxRule
) -> NDArray[np.bool_]:
    """Return which objects stay by the rule, of which so much is seen."""
    are_there = ~are_pasted | (seen.insides >= rule.min_paste_visibility * seen.wholes)
    are_seen = (seen.areas > 0) & (seen.visibilities >= rule.min_visibility) & (seen.areas >= rule.min_area)
    shorter = np.minimum(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1])
    return are_there & are_seen & (shorter >= rule.min_size)


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


def _finish_outline(
    outline: Outline, left: Left | None, keypoints: NDArray[np.float64] | None, is_cut: bool
) -> Outline:
    """Return what is written of an outline: what is left of it, and what its area is then."""
    form = None if left is None else left.form
    area = None if is_cut else outline.area
    if left is not None and form is not None and area is None:
        area = left.area
    return Outline(outline.form if form is None and not is_cut else form, keypoints, area)


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
