"""Boxes and masks that belong to images, as plain frozen data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

from augcli.errors import PlanError, show_value
from augcli.samples import Edges, Outline

MASK_POLICIES = ("dominant",)
"""What becomes of masks that are blended: the mask of the larger weight; without a policy, no blending."""

BOX_POLICIES = ("keep", "shrink")
"""The policy for boxes that are seen in part: they stay, or become the bounds of what is seen."""

YOLO_TASKS = ("detect", "segment", "obb", "pose")
"""What YOLO labels are of: boxes, outlines, oriented boxes, or boxes with keypoints; Ultralytics' words."""

BAD_BOXES = (STOP, SKIP) = ("stop", "skip")
"""What becomes of boxes of the input that are not right: they stop a run, or are left out and recorded."""

UNBOXED = ("keep", SKIP, STOP)
"""The policy for images that the boxes do not name: they have no boxes, are left out, or stop a run."""


@dataclass(frozen=True, slots=True)
class BoxRule:
    """Which boxes stay, and how.

    Attributes:
        policy: `keep` leaves a box that is seen in part as it is; `shrink` gives the bounds of what is seen.
        min_visibility: Share of a box that must be seen, 0..1; what is not seen at all never stays.
        min_paste_visibility: Share of a partner's box that must lie in what is pasted of it, 0..1.
        min_area: Pixels that must be seen of a box, >= 0.
        min_size: Pixels that the shorter side of the box must have as it is written, >= 0.

    Raises:
        PlanError: If a value lies outside its range.
    """

    policy: str = "keep"
    min_visibility: float = 0.0
    min_paste_visibility: float = 0.1
    min_area: float = 0.0
    min_size: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.policy, str) or self.policy not in BOX_POLICIES:
            known = ", ".join(BOX_POLICIES)
            raise PlanError(f"BoxRule: policy must be one of {known}, got {show_value(self.policy)}")
        for name in ("min_visibility", "min_paste_visibility", "min_area", "min_size"):
            value, most = getattr(self, name), 1 if name.endswith("visibility") else math.inf
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            if not is_number or not 0 <= value <= most:
                accepted = ">= 0" if most == math.inf else f">= 0 and <= {most}"
                raise PlanError(f"BoxRule: {name} must be {accepted}, got {show_value(value)}")


@dataclass(frozen=True, slots=True)
class BoxHeader:
    """What is true of all boxes of a data set.

    Attributes:
        box_format: `coco` or `voc`: how the boxes were read, and how they are written.
        names: Names of the categories; a box holds an index into these.
        keys: Of a COCO file everything but `images` and `annotations`; of VOC nothing.
    """

    box_format: str
    names: tuple[str, ...]
    keys: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Annotated:
    """What belongs to the images of a data set beside their labels.

    Attributes:
        boxes: What is true of all boxes; None without boxes.
        masks: True if each image has a mask.
    """

    boxes: BoxHeader | None = None
    masks: bool = False

    def __bool__(self) -> bool:
        return self.masks or self.boxes is not None


class WrittenBox(NamedTuple):
    """A box of an image that is written.

    Attributes:
        edges: y0, x0, y1, x1 in pixels of that image, half-open.
        category: Index into `BoxHeader.names`.
        visibility: Share of it that is not hidden, 0..1.
        weight: Share that its own image holds of the pixels where it is seen, 0..1.
        source: Key of the image that it comes from, as part files have it.
        extra: What else the input says of it, as JSON text of an object.
        outline: What is left of its object's outline and keypoints; None if it has neither.
        is_as_read: Whether it lies where the input says, in an image of the same size, and its outline too.
    """

    edges: Edges
    category: int
    visibility: float
    weight: float
    source: str
    extra: str
    outline: Outline | None = None
    is_as_read: bool = False


class BoxedImage(NamedTuple):
    """An image that is written, with what files of boxes say of it.

    Attributes:
        file_name: POSIX path below the directory of the images.
        height: Rows.
        width: Columns.
        source: Key of its base, as part files have it.
        extra: What else the input says of its base, as JSON text of an object.
        boxes: Its boxes.
    """

    file_name: str
    height: int
    width: int
    source: str
    extra: str
    boxes: tuple[WrittenBox, ...]
