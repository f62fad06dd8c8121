"""Mixup: blend the whole image with a partner, pixels and label by the same weight.

Zhang et al. 2017, "mixup: Beyond Empirical Risk Minimization".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.datatypes import Q16, Blend, Box
from augcli.fields import Bounds, option
from augcli.ops.base import Operation, Plan, register
from augcli.rng import shares

if TYPE_CHECKING:
    from augcli.datatypes import Shape
    from augcli.rng import Draws

LAM = 1


@register
@dataclass(frozen=True, slots=True)
class Mixup(Operation):
    """Blend two images; the label is shared by the same weight (Zhang et al. 2017)."""

    name: ClassVar[str] = "mixup"
    mixes: ClassVar[bool] = True
    streams: ClassVar[int] = 1

    alpha: float = option(0.2, "λ ~ Beta(alpha, alpha): the image's own weight.", Bounds(0, 1000, True))

    def plan(self, draws: Draws, shape: Shape, slot: int) -> Plan:
        """Draw λ and blend the whole image; λ is rounded to 1/65536 before anything uses it."""
        lam, _ = shares(draws.beta_log_odds(LAM, self.alpha))
        weight = round(lam * Q16)
        if weight == Q16:
            return Plan((), "weight of 1")
        return Plan((Blend(Box(0, 0, shape.height, shape.width), weight, slot),))
