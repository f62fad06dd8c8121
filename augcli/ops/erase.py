"""Random erasing: hide boxes of random area and shape, by default with noise; the label stays.

Zhong et al. 2017, "Random Erasing Data Augmentation": in the image, or in each object (there "object-aware").
Deviation: there each object has its own chance to be erased; here `p` decides once for all boxes of an
output, as it does for every operation, so that an output is changed or is the source file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.ops.base import FILL_HELP, Card, HoleOperation, Plan, place_box, read_fill, register
from augcli.options import Bounds, Span, WholeSpan, option, read_span, read_whole_span
from augcli.program.steps import Box, Fill
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.rng import Draws
    from augcli.samples import Colour, Edges

COUNT, BOX, CLEAN = 2, 3, 4
"""Streams of random numbers, one for each thing that is drawn; `PAINT` has the first."""

ATTEMPTS = 10
MOST_HOLES = 1 << 19
"""An output that may get more is left alone: a stream has no numbers for them."""


@register
@dataclass(frozen=True, slots=True)
class Erase(HoleOperation):
    """Hide boxes of random area and shape with noise; the label stays (Random Erasing, Zhong et al. 2017)."""

    name: ClassVar[str] = "erase"
    streams: ClassVar[int] = 4
    card: ClassVar[Card] = Card(
        what="A box is filled, by default with noise. Its share of the area is uniform over `--scale`, its"
        " height / width log-uniform over `--ratio`; one that is larger than the image is drawn again, ten"
        " attempts in all. All places where it fits are as likely, the last ones included."
        " With `--inside boxes` every box that belongs to the image is treated like an image of its own: it"
        " gets a hole that never leaves it, whose area and shape are drawn by those of the box (the paper's"
        " object-aware erasing). `--p` decides once for all boxes of an output; in the paper each box has its"
        " own chance. After a CutMix or Mixup in a chain the boxes are still those of the base.",
        label="It stays: a hole leaves the label to what it covers.",
        avoid="Together with strong cropping of small objects: both may hide them whole.",
        paper="Zhong et al. 2017, [Random Erasing Data Augmentation](https://arxiv.org/abs/1708.04896)",
        peers={
            "": ("`RandomErasing`", "`v2.RandomErasing`", "", "`Erasing`"),
            "scale": ("`min_area`, `max_area`", "`scale`", "", "`scale`"),
            "ratio": ("`min_aspect`, `max_aspect`", "`ratio`", "", "`ratio`"),
            "count": ("`min_count`, `max_count`", "", "", ""),
            "clean-split": ("`num_splits` = 1 / share", "", "", ""),
            "fill": ("`mode`: const, rand, pixel = mean, normal-color, normal", "`value`", "", "`fill`"),
            "p": ("`probability`", "`p`", "", "`p`"),
        },
    )

    scale: Span = option(
        "0.02:0.33", "Share of the image's area that is hidden.", Bounds(0, 1, True), read=read_span
    )
    ratio: Span = option(
        "0.3:3.3", "Height / width of a box, drawn log-uniform.", Bounds(0.001, 1000), read=read_span
    )
    count: WholeSpan = option(
        "1", "Number of boxes, which share the area, or LO:HI.", Bounds(1, 1000), read=read_whole_span
    )
    inside: str | None = option(
        None,
        "Make holes inside each of the image's boxes, by its area (default: anywhere in the image).",
        choices=("boxes",),
        is_later=True,
    )
    clean_split: float = option(0.0, "Share of the images that is left clean in all copies.", Bounds(0, 1))
    fill: Colour | str = option("random", FILL_HELP, read=read_fill)

    @property
    def needs_boxes(self) -> bool:
        """True if holes lie inside boxes."""
        return self.inside == "boxes"

    def plan(self, draws: Draws, shape: Shape, slot: int, boxes: Sequence[Edges] = ()) -> Plan:
        """Draw the holes of the image or, where they lie inside boxes, of each of its boxes."""
        if self.clean_split:
            (chance,) = draws._replace(copy=0, ready=()).uniforms(CLEAN, 1)
            if chance < self.clean_split:
                return Plan((), "clean split")
        if self.needs_boxes and not boxes:
            return Plan((), "unboxed")
        if len(boxes) * self.count.high > MOST_HOLES:
            return Plan((), f"more than {MOST_HOLES} holes")
        whole = Box(0, 0, shape.height, shape.width)
        areas = [whole_pixels(box, whole) for box in boxes] if self.needs_boxes else [whole]
        holes = [hole for number, area in enumerate(areas) for hole in self._draw_holes(draws, number, area)]
        steps = tuple([Fill(hole, self.paint(draws, shape, number)) for number, hole in enumerate(holes)])
        return Plan(steps, "" if steps else f"no box fits in {ATTEMPTS} attempts")

    def _draw_holes(self, draws: Draws, number: int, area: Box) -> Iterator[Box]:
        """Draw how many holes an area gets, and for each its area, aspect and place.

        The numbers of an area depend on its own number alone, whatever the others get.
        """
        if not area.area:
            return
        (more,) = draws.integers(COUNT, self.count.count, start=number) if self.count.count > 1 else (0,)
        count, size = self.count.low + more, Shape(area.height, area.width)
        for hole in range(count):
            drawn = self._draw_box(draws, number * self.count.high + hole, count, size)
            if drawn is not None:
                y0, x0 = area.y0 + drawn.y0, area.x0 + drawn.x0
                yield Box(y0, x0, y0 + drawn.height, x0 + drawn.width)

    def _draw_box(self, draws: Draws, hole: int, count: int, shape: Shape) -> Box | None:
        """Draw a box until one fits; every attempt has four numbers of its own."""
        low, high = math.log(self.ratio.low), math.log(self.ratio.high)
        for attempt in range(ATTEMPTS):
            start = 4 * (hole * ATTEMPTS + attempt)
            scale, aspect = draws.uniforms(BOX, 2, start)
            area = self.scale.at(scale) * shape.height * shape.width / count
            ratio = math.exp(low + (high - low) * aspect)
            height = max(1, round(math.sqrt(area * ratio)))
            width = max(1, round(math.sqrt(area / ratio)))
            if height <= shape.height and width <= shape.width:
                return place_box(draws, BOX, height, width, shape, "inside", start + 2)
        return None


def whole_pixels(edges: Edges, bounds: Box) -> Box:
    """Return the whole pixels inside a box that lie within bounds: an empty box if no pixel does."""
    y0, x0 = max(math.ceil(edges[0]), bounds.y0), max(math.ceil(edges[1]), bounds.x0)
    y1, x1 = min(math.floor(edges[2]), bounds.y1), min(math.floor(edges[3]), bounds.x1)
    return Box(y0, x0, max(y0, y1), max(x0, x1))
