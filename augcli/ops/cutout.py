"""Cutout: hide square holes of the image; the label stays.

DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.ops.base import BOUNDARIES, BOUNDARY_HELP, Card, HoleOperation, Plan, place_box, register
from augcli.options import Bounds, Span, WholeSpan, option, read_length, read_whole_span
from augcli.program.steps import Fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.rng import Draws
    from augcli.samples import Edges, Shape

COUNT, LENGTH, PLACE = 2, 3, 4
"""Streams of random numbers, one for each thing that is drawn; `PAINT` has the first."""


@register
@dataclass(frozen=True, slots=True)
class Cutout(HoleOperation):
    """Hide square holes; the label stays (DeVries & Taylor 2017)."""

    name: ClassVar[str] = "cutout"
    streams: ClassVar[int] = 4
    card: ClassVar[Card] = Card(
        what="Square holes are filled. A hole's centre is uniform over the pixels, and what hangs over the"
        " border is cut off; before that it is exactly `--length` long, odd lengths included. Holes may"
        " overlap.",
        label="It stays: a hole leaves the label to what it covers.",
        avoid="Where the object is smaller than the hole: it may be hidden whole under its own label.",
        paper="DeVries & Taylor 2017, [Improved Regularization of Convolutional Neural Networks with"
        " Cutout](https://arxiv.org/abs/1708.04552)",
        peers={
            "": ("`RandomErasing`", "`v2.RandomErasing`", "`CutOut`, `cutout_batch`", "`CoarseDropout`"),
            "holes": ("`min_count`, `max_count`", "", "`num_holes`", "`num_holes_range`"),
            "length": ("", "", "`length`", "`hole_height_range`, `hole_width_range`"),
            "fill": ("`mode`", "`value`", "", "`fill`"),
            "p": ("`probability`", "`p`", "", "`p`"),
        },
    )

    holes: WholeSpan = option("1", "Number of holes, or LO:HI.", Bounds(1, 1000), read=read_whole_span)
    length: Span | WholeSpan = option(
        "0.5",
        "Side in pixels, or with a decimal point a share of the shorter side; or LO:HI of these.",
        read=read_length,
    )
    boundary: str = option("clip", BOUNDARY_HELP, choices=BOUNDARIES)

    def plan(self, draws: Draws, shape: Shape, slot: int, boxes: Sequence[Edges] = ()) -> Plan:
        """Draw how many holes, and for each its side and its place; they may overlap."""
        (more,) = draws.integers(COUNT, self.holes.count)
        steps = []
        for hole in range(self.holes.low + more):
            side = self._draw_side(draws, hole, min(shape.height, shape.width))
            box = place_box(draws, PLACE, side, side, shape, self.boundary, start=2 * hole)
            steps.append(Fill(box, self.paint(draws, shape, hole)))
        return Plan(tuple(steps))

    def _draw_side(self, draws: Draws, hole: int, shorter: int) -> int:
        """Draw the side of a hole in pixels, at least 1; a share is rounded to the nearest pixel."""
        if isinstance(self.length, WholeSpan):
            return self.length.low + draws.integers(LENGTH, self.length.count, start=hole)[0]
        share = self.length.at(*draws.uniforms(LENGTH, 1, hole))
        return max(1, int(share * shorter + 0.5))
