"""CutMix: replace a box of the image by the same box of a partner, and share the label by area.

Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.errors import Option, UsageError
from augcli.needs import NotGiven
from augcli.ops.base import BOUNDARIES, BOUNDARY_HELP, Card, MixOperation, Plan, place_box, register
from augcli.options import Bounds, Span, option, read_span
from augcli.program.steps import Paste
from augcli.rng import shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.program.steps import Box
    from augcli.rng import Draws
    from augcli.samples import Edges, Shape

LAM, PLACE, SIDES = 1, 2, 3
"""Streams of random numbers, one for each thing that is drawn."""


@register
@dataclass(frozen=True, slots=True)
class CutMix(MixOperation):
    """Paste a box of another image; the label is shared by the counted pixels (Yun et al. 2019)."""

    name: ClassVar[str] = "cutmix"
    streams: ClassVar[int] = 3
    card: ClassVar[Card] = Card(
        what="A box of the image is replaced by the same box of a partner. The box has the image's shape and"
        " the share 1 - λ of its area; its centre is uniform over the pixels, and what hangs over the border"
        " is cut off. A partner of another size is read as if it were stretched to the image's size.",
        label="Shared by the pixels, counted after clipping: λ = 1 - area of the box / area of the image. For"
        " α = 1 the partner holds 0.32 of the pixels on average with `--boundary clip`, 0.5 with `inside`.",
        avoid="Where a small part does not tell the class (textures of defects, fine print, counting), or the"
        " object is so small that a box often misses it: the label then promises what is not there.",
        paper="Yun et al. 2019, [CutMix: Regularization Strategy to Train Strong Classifiers with Localizable"
        " Features](https://arxiv.org/abs/1905.04899)",
        peers={
            "": ("`Mixup(cutmix_alpha=)`", "`v2.CutMix`", "`CutMix`, `cutmix_batch`", ""),
            "alpha": ("`cutmix_alpha`", "`alpha`", "`alpha`", ""),
            "lam": ("", "", "`length` = √(1 - λ)", ""),
            "minmax": ("`cutmix_minmax`", "", "", ""),
            "p": ("`prob`", "", "", ""),
        },
    )

    alpha: float = option(
        1.0,
        "λ ~ Beta(alpha, alpha): the image's share before the box is clipped.",
        Bounds(0, 1000, True),
        needs=(NotGiven("lam"), NotGiven("minmax")),
    )
    lam: float | None = option(
        None, "A fixed λ instead of one drawn by alpha; clipped boxes leave the image more.", Bounds(0, 1)
    )
    minmax: Span | None = option(
        None,
        "Instead of λ: LO:HI, the shares of the sides that box height and width take, placed inside.",
        Bounds(0, 1),
        read=read_span,
    )
    boundary: str = option("clip", BOUNDARY_HELP, choices=BOUNDARIES, needs=(NotGiven("minmax"),))

    def check_together(self) -> None:
        """Refuse a fixed λ beside shares of the sides.

        Raises:
            UsageError: Naming both.
        """
        if self.lam is not None and self.minmax is not None:
            both = Option("lam"), " and ", Option("minmax")
            raise UsageError("cutmix: ", *both, " both decide the box; give one of them")

    def plan(self, draws: Draws, shape: Shape, slot: int, boxes: Sequence[Edges] = ()) -> Plan:
        """Draw a box and paste it; the label counts what is left of it after clipping."""
        if self.minmax is None:
            return self.cut(self._draw_rest(draws), draws, shape, slot)
        return _paste(self._draw_sides(draws, shape, self.minmax), slot)

    def cut(self, rest: float, draws: Draws, shape: Shape, slot: int) -> Plan:
        """Draw the place of a box of the share `rest` = 1 - λ, before it is clipped, and paste it."""
        height, width = box_sides(rest, shape)
        return _paste(place_box(draws, PLACE, height, width, shape, self.boundary), slot)

    def _draw_sides(self, draws: Draws, shape: Shape, minmax: Span) -> Box:
        """Draw a box by the shares of the sides that it takes."""
        least = [math.floor(side * minmax.low) for side in (shape.height, shape.width)]
        most = [math.floor(side * minmax.high) for side in (shape.height, shape.width)]
        more = draws.integers(SIDES, *(high - low + 1 for low, high in zip(least, most, strict=True)))
        return place_box(draws, PLACE, least[0] + more[0], least[1] + more[1], shape, "inside")

    def _draw_rest(self, draws: Draws) -> float:
        """Draw 1 - λ: the share of the partner, before the box is clipped."""
        return 1 - self.lam if self.lam is not None else shares(draws.beta_log_odds(LAM, self.alpha))[1]


def _paste(box: Box, slot: int) -> Plan:
    return Plan((Paste(box, slot),)) if box.area else Plan((), "empty box")


def box_sides(share: float, shape: Shape) -> tuple[int, int]:
    """Return the sides of a box of a share of the area: floor(H·√share), floor(W·√share), as in the paper."""
    side = math.sqrt(share)
    return math.floor(shape.height * side), math.floor(shape.width * side)
