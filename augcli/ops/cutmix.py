"""CutMix: replace a box of the image by the same box of a partner, and share the label by area.

Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.datatypes import Paste
from augcli.errors import UsageError
from augcli.fields import Bounds, Span, option, read_span
from augcli.ops.base import BOUNDARIES, BOUNDARY_HELP, MixOperation, Plan, place_box, register
from augcli.rng import shares

if TYPE_CHECKING:
    from augcli.datatypes import Box, Shape
    from augcli.rng import Draws

LAM, PLACE, SIDES = 1, 2, 3


@register
@dataclass(frozen=True, slots=True)
class CutMix(MixOperation):
    """Paste a box of another image; the label is shared by the counted pixels (Yun et al. 2019)."""

    name: ClassVar[str] = "cutmix"
    streams: ClassVar[int] = 3

    alpha: float = option(
        1.0, "λ ~ Beta(alpha, alpha): the image's share before the box is clipped.", Bounds(0, 1000, True)
    )
    lam: float | None = option(None, "A fixed λ instead of a drawn one.", Bounds(0, 1))
    minmax: Span | None = option(
        None,
        "Instead of λ: LO:HI, the shares of the sides that box height and width take, placed inside.",
        Bounds(0, 1),
        read=read_span,
    )
    boundary: str = option("clip", BOUNDARY_HELP, choices=BOUNDARIES)

    def __post_init__(self) -> None:
        super(CutMix, self).__post_init__()
        if self.lam is not None and self.minmax is not None:
            raise UsageError("cutmix: --lam and --minmax both decide the box; give one of them")

    def plan(self, draws: Draws, shape: Shape, slot: int) -> Plan:
        """Draw a box and paste it; the label counts what is left of it after clipping."""
        box = self._draw_box(draws, shape)
        return Plan((Paste(box, slot),)) if box.area else Plan((), "empty box")

    def _draw_box(self, draws: Draws, shape: Shape) -> Box:
        if self.minmax is None:
            height, width = box_sides(self._draw_rest(draws), shape)
            return place_box(draws, PLACE, height, width, shape, self.boundary)
        least = [math.floor(side * self.minmax.low) for side in (shape.height, shape.width)]
        most = [math.floor(side * self.minmax.high) for side in (shape.height, shape.width)]
        more = draws.integers(SIDES, *(high - low + 1 for low, high in zip(least, most, strict=True)))
        return place_box(draws, PLACE, least[0] + more[0], least[1] + more[1], shape, "inside")

    def _draw_rest(self, draws: Draws) -> float:
        """Draw 1 - λ: the share of the partner, before the box is clipped."""
        return 1 - self.lam if self.lam is not None else shares(draws.beta_log_odds(LAM, self.alpha))[1]


def box_sides(share: float, shape: Shape) -> tuple[int, int]:
    """Give the sides of a box of a share of the area: floor(H·√share), floor(W·√share), as in the paper."""
    side = math.sqrt(share)
    return math.floor(shape.height * side), math.floor(shape.width * side)
