"""Masks and boxes that belong to images in memory: read as they are given, and returned alike.

What becomes of them is decided by `program.boxes_and_masks`, as for data sets on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from augcli.arrays.interchange import read_array
from augcli.arrays.results import FollowedBoxes
from augcli.errors import PlanError, show_value
from augcli.program.annotated import BoxRule
from augcli.program.boxes_and_masks import Shown, Source, check_mask_policy, follow_boxes, follow_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from augcli.arrays.batch import Batch
    from augcli.ops import Operation
    from augcli.program.steps import Program
    from augcli.samples import Edges, Shape


@dataclass(frozen=True, slots=True)
class Annotations:
    """What belongs to the images of a batch, and how it is brought along.

    Attributes:
        masks: (H, W) uint8 or uint16 of each image, all of one dtype; None if none were given.
        sources: Size and boxes of each image; None if no boxes were given.
        is_single: True if they were given for a single image, and so are returned.
        is_stacked: True if the masks were given as one array, and so are returned.
        rule: Which boxes stay.
        fill: Index of holes in masks; None leaves what they cover.
        policy: Whose mask a blend takes.
    """

    masks: list[NDArray[np.integer]] | None
    sources: list[Source] | None
    is_single: bool
    is_stacked: bool
    rule: BoxRule
    fill: int | None
    policy: str | None

    def boxes_for(self, operations: Iterable[Operation]) -> Sequence[Sequence[Edges]] | None:
        """Return the boxes of each image if an operation needs them.

        Raises:
            PlanError: If they were not given.
        """
        needing = next((operation.name for operation in operations if operation.needs_boxes), None)
        if needing is None:
            return None
        if self.sources is None:
            raise PlanError(f"{needing} needs the boxes of the images, got None; give bboxes")
        return [cast("Sequence[Edges]", source.boxes) for source in self.sources]

    def follow(
        self, programs: Sequence[Program], partners: NDArray[np.int64] | None = None
    ) -> tuple[Any, Any]:
        """Return the masks and boxes of the new images.

        Args:
            programs: One for each image.
            partners: (N, slots): the partners of each image by slot, where programs mix.

        Returns:
            Masks as they were given, and a `FollowedBoxes` for each image or for the single one; None for
            what was not given.
        """
        pairs = list(enumerate([[]] * len(programs) if partners is None else partners.tolist()))
        masks, sources, boxes = self.masks, self.sources, None
        if masks is not None:
            masks = [
                follow_mask(
                    programs[base], masks[base], [masks[slot] for slot in others], self.fill, self.policy
                )
                for base, others in pairs
            ]
        if sources is not None:
            boxes = [self._follow_boxes(programs[base], sources, base, others) for base, others in pairs]
        if self.is_single:
            return masks and masks[0], boxes and boxes[0]
        return np.stack(masks) if masks and self.is_stacked else masks, boxes

    def _follow_boxes(
        self, program: Program, sources: list[Source], base: int, others: Sequence[int]
    ) -> FollowedBoxes:
        shown = Shown(program, sources[base], [sources[other] for other in others])
        seen = follow_boxes([shown], self.rule)
        images = np.array([base, *others], np.int64)[seen.images]
        return FollowedBoxes(seen.edges, images, seen.numbers, seen.visibilities, seen.weights)


def read_annotations(
    batch: Batch,
    masks: Any,
    bboxes: Any,
    rule: BoxRule | None,
    fill: int | None = None,
    policy: str | None = None,
) -> Annotations:
    """Read what belongs to the images of a batch.

    Args:
        batch: The images.
        masks: (N, H, W), or a list of (H, W), or (H, W) for a single image; uint8 or uint16; or None.
        bboxes: (M, 4) numbers for each image, or for the single one; or None.
        rule: Which boxes stay; None is `BoxRule()`.
        fill: Index of holes in masks.
        policy: Whose mask a blend takes.

    Raises:
        PlanError: If a shape, dtype or value is not accepted.
    """
    if rule is not None and not isinstance(rule, BoxRule):
        raise PlanError(f"box_rule must be an augcli.BoxRule, got {type(rule).__name__}")
    check_mask_policy(policy)
    indices = None if masks is None else _read_masks(batch, masks)
    top = np.iinfo(indices[0].dtype if indices else np.uint16).max
    is_number = isinstance(fill, Integral) and not isinstance(fill, bool)
    if fill is not None and not (is_number and 0 <= fill <= top):
        raise PlanError(f"mask_fill must be a whole number in 0..{top}, got {show_value(fill)}")
    sources = None
    if bboxes is not None:
        each = enumerate(zip(_split(batch, bboxes, "bboxes"), batch.shapes, strict=True))
        sources = [
            Source(shape.height, shape.width, _read_boxes(boxes, _name(batch, "bboxes", number), shape))
            for number, (boxes, shape) in each
        ]
    is_stacked = not isinstance(masks, list | tuple)
    is_single = batch.nesting == "single"
    return Annotations(indices, sources, is_single, is_stacked, rule or BoxRule(), fill, policy)


def _split(batch: Batch, values: Any, what: str) -> list[Any]:
    """Return what belongs to each image."""
    if batch.nesting == "single":
        return [values]
    whole: Any = values
    if not isinstance(values, list | tuple):
        whole = np.atleast_1d(read_array(values, what))
    if len(whole) != len(batch):
        raise PlanError(f"{what} must be given for each of {len(batch)} images, got {len(whole)}")
    return [*whole]


def _name(batch: Batch, what: str, number: int) -> str:
    """Return how messages name what belongs to an image."""
    return what if batch.nesting == "single" else f"{what}[{number}]"


def _read_masks(batch: Batch, masks: Any) -> list[NDArray[np.integer]]:
    indices: list[NDArray[np.integer]] = []
    for number, (mask, shape) in enumerate(zip(_split(batch, masks, "masks"), batch.shapes, strict=True)):
        what = _name(batch, "masks", number)
        # Index masks have Pillow's mode P: its values are the indices, and converting would lose them.
        array = np.asarray(mask) if getattr(mask, "mode", "") == "P" else read_array(mask, what)
        if array.dtype not in (np.uint8, np.uint16):
            raise PlanError(
                f"{what} must be uint8 or uint16 indices, got {array.dtype}; convert it with"
                " .astype(numpy.uint8), or numpy.uint16 for indices above 255"
            )
        if array.shape != shape[:2]:
            size = f"({shape.height}, {shape.width})"
            raise PlanError(f"{what} must be of its image's height and width, {size}, got {array.shape}")
        indices.append(array)
    if any(mask.dtype != indices[0].dtype for mask in indices):
        raise PlanError("masks must all have the same dtype; convert them first")
    return indices


def _read_boxes(values: Any, what: str, shape: Shape) -> list[Edges]:
    array = read_array(values, what)
    if array.shape == (0,):
        return []  # an empty list has no second axis
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iuf":
        raise PlanError(f"{what} must be numbers of shape (any, 4), got {array.dtype} {array.shape}")
    edges: list[Edges] = [(y0, x0, y1, x1) for y0, x0, y1, x1 in array.astype(np.float64).tolist()]
    for place, (y0, x0, y1, x1) in enumerate(edges):
        if not (0 <= y0 < y1 <= shape.height and 0 <= x0 < x1 <= shape.width):
            raise PlanError(
                f"{what}[{place}] must be y0 < y1, x0 < x1 inside the image of"
                f" {shape.height}x{shape.width}, got y0, x0, y1, x1 = {y0:g}, {x0:g}, {y1:g}, {x1:g};"
                " clip it, or leave it out"
            )
    return edges
