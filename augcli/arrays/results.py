"""What the functions on arrays return."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.arrays.interchange import is_on_device

if TYPE_CHECKING:
    from numpy.typing import NDArray


def is_equal(left: Any, right: Any) -> bool:
    """True if two values are equal down to every number of their arrays, wherever these lie."""
    if left is right:
        return True
    if is_on_device(left) and is_on_device(right):
        left, right = left.get(), right.get()
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if type(left) is not type(right) or isinstance(left, np.ndarray):
        return False
    if isinstance(left, list | tuple) and not isinstance(left, FollowedBoxes):
        return len(left) == len(right) and all(map(is_equal, left, right))
    return bool(left == right)


class FollowedBoxes(NamedTuple):
    """The boxes of a new image, as parallel arrays: the image's own boxes, then its partner's.

    Attributes:
        edges: (M, 4) float64: y0, x0, y1, x1 in pixels, half-open.
        images: (M,) int64: the image of the batch that each box comes from.
        numbers: (M,) int64: which of that image's boxes it is.
        visibility: (M,) float64: share of it that is not hidden by holes or by what was pasted, 0..1.
        weight: (M,) float64: its image's share of the pixels where it is seen, 0..1; 1 without Mixup.
    """

    edges: NDArray[np.float64]
    images: NDArray[np.int64]
    numbers: NDArray[np.int64]
    visibility: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        return is_equal(tuple(self), tuple(other)) if isinstance(other, FollowedBoxes) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other


class Result:
    """Base of all results: two of them are equal if all of their values are."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # all are dataclasses
        return all(is_equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash


@dataclass(frozen=True, slots=True, eq=False)
class Mixed(Result):
    """Mixed images, their labels, and what was drawn.

    Attributes:
        images: New images, nested as those that were given.
        labels: (N, K) float64; None if no labels were given.
        lam: (N,) float64: each image's own share of its pixels, 1 where it was left alone.
        boxes: (N, 4) int64 (y0, x0, y1, x1), half-open, empty where it was left alone; None for Mixup.
        indices: (N,) int64: the partner of each image; itself where the rule leaves no partner.
        seed: The seed of all that was drawn; given again, it draws the same.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: The boxes of each new image; None if none were given.
    """

    images: Any
    labels: NDArray[np.float64] | None
    lam: NDArray[np.float64]
    boxes: NDArray[np.int64] | None
    indices: NDArray[np.int64]
    seed: int
    masks: Any = None
    bboxes: list[FollowedBoxes] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Holed(Result):
    """Images with holes, and where these are.

    Attributes:
        images: New images, nested as those that were given.
        boxes: (N, B, 4) int64 (y0, x0, y1, x1), half-open; where there are fewer, empty ones at the end.
        seed: The seed of all that was drawn; given again, it draws the same.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: A `FollowedBoxes` for each new image, or for the single one; None if none were given.
    """

    images: Any
    boxes: NDArray[np.int64]
    seed: int
    masks: Any = None
    bboxes: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Masked(Result):
    """Images with hidden patches, and which these are.

    Attributes:
        images: New images, nested as those that were given.
        patches: (rows, columns) bool for each image, True where a patch is hidden.
        seed: The seed of all that was drawn; given again, it draws the same.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: A `FollowedBoxes` for each new image, or for the single one; None if none were given.
    """

    images: Any
    patches: list[NDArray[np.bool_]]
    seed: int
    masks: Any = None
    bboxes: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Applied(Result):
    """Images after a whole recipe, their labels, and what was done.

    Attributes:
        images: New images, nested as those that were given.
        labels: (N, K) float64: the exact label of the chain, smoothed where the recipe smooths; None if no
            labels were given.
        lam: (N,) float64: each image's own share of its pixels, 1 where nobody was mixed in.
        indices: (N, S) int64 for the S operations of the recipe that mix: the partners of each image in the
            order in which they were mixed in, and its own index for those that were not.
        operations: For each image the names of the operations that were applied, in their order.
        reasons: For each image why the others were not, as in the table of a data set.
        seed: The seed of all that was drawn; given again, it draws the same.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: A `FollowedBoxes` for each new image, or for the single one; None if none were given.
    """

    images: Any
    labels: NDArray[np.float64] | None
    lam: NDArray[np.float64]
    indices: NDArray[np.int64]
    operations: list[tuple[str, ...]]
    reasons: list[tuple[str, ...]]
    seed: int
    masks: Any = None
    bboxes: Any = None
