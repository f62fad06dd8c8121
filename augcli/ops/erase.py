"""Random erasing: hide boxes of random area and shape, by default with noise; the label stays.

Zhong et al. 2017, "Random Erasing Data Augmentation".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.ops.base import FILL_HELP, Card, HoleOperation, Plan, place_box, read_fill, register
from augcli.options import Bounds, Span, WholeSpan, option, read_span, read_whole_span
from augcli.program.steps import Fill

if TYPE_CHECKING:
    from augcli.program.steps import Box
    from augcli.rng import Draws
    from augcli.samples import Colour, Shape

COUNT, BOX, CLEAN = 2, 3, 4
ATTEMPTS = 10


@register
@dataclass(frozen=True, slots=True)
class Erase(HoleOperation):
    """Hide boxes of random area and shape with noise; the label stays (Random Erasing, Zhong et al. 2017)."""

    name: ClassVar[str] = "erase"
    streams: ClassVar[int] = 4
    card: ClassVar[Card] = Card(
        what="A box is filled, by default with noise. Its share of the area is uniform over `--scale`, its"
        " height / width log-uniform over `--ratio`; one that is larger than the image is drawn again, ten"
        " attempts in all. All places where it fits are as likely, the last ones included.",
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
    clean_split: float = option(0.0, "Share of the images that is left clean in all copies.", Bounds(0, 1))
    fill: Colour | str = option("random", FILL_HELP, read=read_fill)

    def plan(self, draws: Draws, shape: Shape, slot: int) -> Plan:
        """Draw how many boxes, and for each its area, aspect and place."""
        if self.clean_split:
            (chance,) = draws._replace(copy=0, ready=()).uniforms(CLEAN, 1)
            if chance < self.clean_split:
                return Plan((), "clean split")
        (more,) = draws.integers(COUNT, self.count.count)
        count = self.count.low + more
        drawn = [self._draw_box(draws, hole, count, shape) for hole in range(count)]
        boxes = [box for box in drawn if box is not None]
        steps = tuple(Fill(box, self.paint(draws, shape, hole)) for hole, box in enumerate(boxes))
        return Plan(steps, "" if steps else f"no box fits in {ATTEMPTS} attempts")

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
