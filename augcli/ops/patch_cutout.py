"""Patch cutout: hide a share of the patches of a regular grid; the label stays.

The masking of image patches as vision transformers see them, made offline: He et al. 2022, "Masked
Autoencoders Are Scalable Vision Learners", drop distinct patches of a grid in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from augcli.ops.base import Card, HoleOperation, Plan, register
from augcli.options import Bounds, Size, Span, option, read_size, read_span
from augcli.program.steps import Fill, Patches
from augcli.rng import Subset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.rng import Draws
    from augcli.samples import Edges, Shape

RATIO, CHOICE = 2, 3
"""Streams of random numbers, one for each thing that is drawn; `PAINT` has the first."""

MOST_PATCHES = 1 << 22
"""Grids of more patches are left alone: their bitmaps would be larger than the images."""


@register
@dataclass(frozen=True, slots=True)
class PatchCutout(HoleOperation):
    """Hide a share of the patches of a grid; the label stays (after He et al. 2022)."""

    name: ClassVar[str] = "patch-cutout"
    streams: ClassVar[int] = 3
    card: ClassVar[Card] = Card(
        what="A grid of patches is laid from the top left; those at the right and bottom may be smaller, so"
        " any size works. Exactly floor(ratio·N + 0.5) distinct ones of its N patches are filled, with one"
        " colour for all of them where it is a drawn one.",
        label="It stays: a hole leaves the label to what it covers.",
        avoid="A vision transformer that shall see whole patches hidden, unless the patch size is its own and"
        " images are not resized afterwards (give `--size`).",
        paper="after He et al. 2022, [Masked Autoencoders Are Scalable Vision"
        " Learners](https://arxiv.org/abs/2111.06377)",
        peers={
            "": ("`PatchDropout` (of tokens)", "", "", "`GridDropout` (a regular pattern)"),
            "ratio": ("`prob`", "", "", "`ratio` (of each side)"),
            "patch-size": ("", "", "", "`unit_size_range`"),
            "fill": ("", "", "", "`fill`"),
            "p": ("", "", "", "`p`"),
        },
    )

    patch_size: Size = option("16", "Side of a patch in pixels, or height,width.", read=read_size)
    ratio: Span = option(
        "0.4", "Share of the patches that is hidden, or LO:HI.", Bounds(0, 1), read=read_span
    )

    def find_subset(self, draws: Draws, shape: Shape) -> Subset | None:
        """Return how many patches are hidden of those that cover the image; None if these are too many."""
        height, width = self.patch_size.height, self.patch_size.width
        patches = -(-shape.height // height) * -(-shape.width // width)
        if patches > MOST_PATCHES:
            return None
        return Subset(CHOICE, patches, int(self.ratio.at(*draws.uniforms(RATIO, 1)) * patches + 0.5))

    def plan(self, draws: Draws, shape: Shape, slot: int, boxes: Sequence[Edges] = ()) -> Plan:
        """Hide exactly floor(ratio·N + 0.5) distinct patches of the N that cover the image."""
        subset = self.find_subset(draws, shape)
        if subset is None:
            return Plan((), f"more than {MOST_PATCHES} patches")
        if subset.chosen == 0:
            return Plan((), "no patch hidden")
        area = Patches(self.patch_size.height, self.patch_size.width, draws.subset(subset))
        return Plan((Fill(area, self.paint(draws, shape)),))
