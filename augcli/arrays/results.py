"""What the functions on arrays return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.arrays.annotations import FollowedBoxes
    from augcli.ops import Operation

    AnOperation = TypeVar("AnOperation", bound=Operation)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Mixed images, their labels, and what was drawn.

    Attributes:
        images: New images, nested as those that were given.
        labels: (N, K) float64; None if no labels were given.
        lam: (N,) float64: each image's own share of its pixels, 1 where it was left alone.
        boxes: (N, 4) int64 (y0, x0, y1, x1), half-open, empty where it was left alone; None for Mixup.
        indices: (N,) int64: the partner of each image.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: The boxes of each new image; None if none were given.
    """

    images: Any
    labels: NDArray[np.float64] | None
    lam: NDArray[np.float64]
    boxes: NDArray[np.int64] | None
    indices: NDArray[np.int64]
    masks: Any = None
    bboxes: list[FollowedBoxes] | None = None


@dataclass(frozen=True, slots=True)
class Holed:
    """Images with holes, and where these are.

    Attributes:
        images: New images, nested as those that were given.
        boxes: (N, B, 4) int64 (y0, x0, y1, x1), half-open; where there are fewer, empty ones at the end.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: A `FollowedBoxes` for each new image, or for the single one; None if none were given.
    """

    images: Any
    boxes: NDArray[np.int64]
    masks: Any = None
    bboxes: Any = None


@dataclass(frozen=True, slots=True)
class Masked:
    """Images with hidden patches, and which these are.

    Attributes:
        images: New images, nested as those that were given.
        patches: (rows, columns) bool for each image, True where a patch is hidden.
        masks: New masks, nested as those that were given; None if none were.
        bboxes: A `FollowedBoxes` for each new image, or for the single one; None if none were given.
    """

    images: Any
    patches: list[NDArray[np.bool_]]
    masks: Any = None
    bboxes: Any = None
