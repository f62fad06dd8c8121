"""Mixup: blend the whole image with a partner, pixels and label by the same weight.

Zhang et al. 2017, "mixup: Beyond Empirical Risk Minimization".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.needs import NotGiven
from augcli.ops.base import Card, MixOperation, Plan, register
from augcli.options import Bounds, option
from augcli.program.steps import Blend, Box
from augcli.rng import shares
from augcli.samples import Q16

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.rng import Draws
    from augcli.samples import Edges, Shape

LAM = 1
"""The stream of random numbers that λ is drawn from."""


@register
@dataclass(frozen=True, slots=True)
class Mixup(MixOperation):
    """Blend two images; the label is shared by the same weight (Zhang et al. 2017)."""

    name: ClassVar[str] = "mixup"
    blends: ClassVar[bool] = True
    streams: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        what="The whole image is blended with a partner: λ of the image, 1 - λ of the partner, rounded to the"
        " nearest level. A partner of another size is read as if it were stretched to the image's size.",
        label="Shared by the same weight, which is rounded to 1/65536 before pixels and label use it.",
        avoid="Where colour or brightness itself carries the class (stains, ripeness, X-ray density), and for"
        " image modes that mean something else than light, such as index masks or depth.",
        paper="Zhang et al. 2017, [mixup: Beyond Empirical Risk Minimization](https://arxiv.org/abs/1710.09412)",
        peers={
            "": ("`Mixup(mixup_alpha=)`", "`v2.MixUp`", "`MixUp`, `mixup_batch`", ""),
            "alpha": ("`mixup_alpha`", "`alpha`", "`alpha`", ""),
            "lam": ("", "", "`mixing` = 1 - λ", ""),
            "p": ("`prob`", "", "", ""),
        },
    )

    alpha: float = option(
        0.2,
        "λ ~ Beta(alpha, alpha): the image's own weight.",
        Bounds(0, 1000, True),
        needs=(NotGiven("lam"),),
    )
    lam: float | None = option(None, "A fixed λ instead of one drawn by alpha.", Bounds(0, 1))
    keep_base: bool = option(False, "Keep at least half of the image: λ becomes max(λ, 1 - λ).")

    def plan(self, draws: Draws, shape: Shape, slot: int, boxes: Sequence[Edges] = ()) -> Plan:
        """Draw λ and blend the whole image."""
        lam = self.lam if self.lam is not None else shares(draws.beta_log_odds(LAM, self.alpha))[0]
        return self.blend(lam, shape, slot)

    def blend(self, lam: float, shape: Shape, slot: int) -> Plan:
        """Blend the whole image; λ is rounded to 1/65536 before anything uses it."""
        weight = round((max(lam, 1 - lam) if self.keep_base else lam) * Q16)
        if weight == Q16:
            return Plan((), "weight of 1")
        return Plan((Blend(Box(0, 0, shape.height, shape.width), weight, slot),))
