"""What an output is made from: its base and its partners decoded, its plan settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.profiles import are_alike
from augcli.io.records.annotation_columns import OutputAnnotations
from augcli.io.records.part_files import LAID_OVER, WRITTEN_ANEW
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.match import match_pixels, mixed_shape
from augcli.pipeline.worker.values import Made, OutputPlan
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from augcli.io.images.geometry import Geometry
    from augcli.pipeline.worker.annotations import AnnotationFollower
    from augcli.pipeline.worker.planner import Planner
    from augcli.pipeline.worker.values import Loaded
    from augcli.pipeline.worker.window import Window
    from augcli.recipe import Recipe
    from augcli.samples import Pixels

GREYED = "colour partners read as grey, since 16-bit grey stays so"
OTHER_PROFILE = "partners with another colour profile, whose numbers are used as they are"
"""What is counted for each output of which that holds."""


class Preparer:
    """Prepares the outputs of one sample after the other, so that only pixels are left to be changed."""

    def __init__(
        self,
        window: Window,
        planner: Planner,
        annotations: AnnotationFollower | None,
        geometry: Geometry | None,
        recipe: Recipe,
    ) -> None:
        self._window, self._planner, self._annotations = window, planner, annotations
        self._geometry, self._recipe = geometry, recipe

    def prepare(
        self, position: int, copies: range, plans: Mapping[tuple[int, int], OutputPlan]
    ) -> Iterator[Made]:
        """Yield the outputs of a sample, each when the one before it is made; the last may be its failure.

        Args:
            position: The sample.
            copies: Copy numbers of its outputs.
            plans: What was planned ahead, by position and copy; the rest is planned now.
        """
        if not copies:
            return
        base = self._window.open(position)
        if base.header is None:
            yield Made(base, OutputPlan(copies[0]), failure=base.failure)
            return
        for copy in copies:
            plan = plans.get((position, copy)) or self._planner.plan(position, copy)
            try:
                made = self._prepare(position, base, plan)
            except DecodeError as error:
                yield Made(base, plan, failure=base.failure or ("encode", error))
                return
            made.is_last = copy == copies[-1]
            yield made

    def _prepare(self, position: int, base: Loaded, plan: OutputPlan) -> Made:
        """Decode what an output is made from."""
        if plan.is_drawn:
            plan = self._settle(position, plan)
        if not plan.steps:
            return self._keep(position, base, plan)
        window = self._window
        pixels = window.decode(position)
        table = plan.table
        if table is None:
            steps = resolve_image_mean(plan.steps, pixels)
            plan = plan._replace(steps=steps)
            table = self._planner.tabulate(steps, Shape.of(pixels), plan.partners)
        sources = [window.open(partner) for partner in plan.partners]
        work, remarks = self._bring_together(pixels, [window.decode(partner) for partner in plan.partners])
        return Made(
            base,
            plan,
            partners=tuple([partner.sample for partner in sources]),
            annotations=self._follow(plan, base),
            work=(table, *work),
            remarks=(*remarks, *_note_sources(base, sources)),
        )

    def _bring_together(
        self, pixels: Pixels, partners: Sequence[Pixels]
    ) -> tuple[tuple[list[Pixels], Pixels], tuple[str, ...]]:
        """Return partners and base in the channels and depth of their output, and what is worth counting."""
        shape = mixed_shape(Shape.of(pixels), map(Shape.of, partners))
        is_greyed = shape.channels == 1 and any(partner.shape[2] > 1 for partner in partners)
        has_transparent = any(partner.shape[2] == 4 for partner in partners)
        matched = [
            match_pixels(self._make_opaque(partner, shape.channels), shape.channels, pixels.dtype)
            for partner in partners
        ]
        remarks = (GREYED,) * is_greyed + (LAID_OVER,) * has_transparent
        return (matched, match_pixels(pixels, shape.channels, pixels.dtype)), remarks

    def _make_opaque(self, partner: Pixels, channels: int) -> Pixels:
        """Lay a partner with alpha over the background, in `channels` at once: each copy takes memory."""
        if partner.shape[2] < 4:
            return partner
        return codec.flatten(partner, self._recipe.background, max(3, channels))

    def _keep(self, position: int, base: Loaded, plan: OutputPlan) -> Made:
        """Return an unchanged sample: the file itself where it may stand in the output, else its pixels."""
        header = base.header
        assert header is not None
        made = Made(base, plan, annotations=self._follow(plan, base))
        obstacle = codec.find_copy_obstacle(header, self._recipe.image_format, self._geometry)
        made.is_decoded = plan.is_drawn or obstacle is not None
        if obstacle is None:
            made.data, made.suffix = base.data, "jpg" if header.format == "JPEG" else "png"
            made.height, made.width = header.height, header.width
        else:
            made.pixels = self._window.decode(position)
            made.remarks = (f"{WRITTEN_ANEW}{obstacle}", *_note_sources(base, ()))
        return made

    def _settle(self, position: int, plan: OutputPlan) -> OutputPlan:
        """Decode the base and the partners of an output; plan anew if one is not as expected."""
        self._window.decode(position)
        for place in plan.places:
            self._window.find_partner(position, place)
        if self._window.surprises == plan.surprises:
            return plan
        return self._settle(position, self._planner.plan(position, plan.copy))

    def _follow(self, plan: OutputPlan, base: Loaded) -> OutputAnnotations:
        """Return what belongs to an output beside its label."""
        if self._annotations is None:
            return OutputAnnotations()
        first, *others = (
            (loaded.annotations, loaded.shape)
            for loaded in (base, *map(self._window.open, plan.partners))
            if loaded.annotations is not None and loaded.shape is not None
        )
        return self._annotations.follow(plan.steps, first, others)


def _note_sources(base: Loaded, partners: Sequence[Loaded]) -> list[str]:
    """Return what is worth counting of the images that an output is decoded from."""
    headers = [loaded.header for loaded in (base, *partners) if loaded.header is not None]
    bits = {header.narrowed for header in headers if header.narrowed}
    remarks = [f"{number}-bit colour read as 8-bit" for number in sorted(bits)]
    own = headers[0].profile
    if not all(are_alike(own, header.profile) for header in headers[1:]):
        remarks.append(OTHER_PROFILE)
    return remarks
