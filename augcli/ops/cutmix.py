"""CutMix: replace a box of the image by the same box of a partner, and share the label by area.

Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.datatypes import Box, Paste
from augcli.fields import Bounds, option
from augcli.ops.base import Operation, Plan, register
from augcli.rng import shares

if TYPE_CHECKING:
    from augcli.datatypes import Shape
    from augcli.rng import Draws

LAM, CENTRE = 1, 2


@register
@dataclass(frozen=True, slots=True)
class CutMix(Operation):
    """Paste a box of another image; the label is shared by the counted pixels (Yun et al. 2019)."""

    name: ClassVar[str] = "cutmix"
    mixes: ClassVar[bool] = True
    streams: ClassVar[int] = 2

    alpha: float = option(
        1.0, "λ ~ Beta(alpha, alpha): the image's share before the box is clipped.", Bounds(0, 1000, True)
    )

    def plan(self, draws: Draws, shape: Shape, slot: int) -> Plan:
        """Draw λ and a centre, and paste the box around it."""
        _, rest = shares(draws.beta_log_odds(LAM, self.alpha))
        cy, cx = draws.integers(CENTRE, shape.height, shape.width)
        box = box_around(cy, cx, rest, shape.height, shape.width)
        if box.area == 0:
            return Plan((), "empty box")
        return Plan((Paste(box, slot),))


def box_around(cy: int, cx: int, share: float, height: int, width: int) -> Box:
    """Cut a box of a share of the image's area around a centre, clipped at the borders.

    The sides are floor(H·√share) and floor(W·√share), as in the paper; a side of odd length keeps its
    odd pixel at the bottom or right. The label counts the pixels that are left after clipping.

    Args:
        cy: Row of the centre, 0..height - 1.
        cx: Column of the centre, 0..width - 1.
        share: 1 - λ, in 0..1.
        height: Rows of the image.
        width: Columns of the image.

    Returns:
        The clipped box; its area is 0 where the share is too small for one pixel.
    """
    side = math.sqrt(share)
    cut_height, cut_width = math.floor(height * side), math.floor(width * side)
    y0, x0 = cy - cut_height // 2, cx - cut_width // 2
    return Box(max(y0, 0), max(x0, 0), min(y0 + cut_height, height), min(x0 + cut_width, width))
