"""What an output is made from: first by headers alone, for many outputs in a row; then its images decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.match import match_pixels
from augcli.pipeline.worker.encodings import choose_encoding, expect_changed, expect_unchanged
from augcli.pipeline.worker.values import Made
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.io.images.geometry import Geometry
    from augcli.pipeline.worker.annotations import AnnotationFollower, SampleAnnotations
    from augcli.pipeline.worker.neighbours import Neighbours
    from augcli.pipeline.worker.planner import Planner
    from augcli.pipeline.worker.values import OutputPlan
    from augcli.pipeline.worker.window import Window
    from augcli.recipe import Recipe
    from augcli.samples import Colour, Pixels


class Preparer:
    """Prepares outputs, so that only pixels are left to be changed."""

    def __init__(
        self,
        window: Window,
        neighbours: Neighbours,
        planner: Planner,
        annotations: AnnotationFollower | None,
        geometry: Geometry | None,
        recipe: Recipe,
    ) -> None:
        """Prepare outputs of an arc.

        Args:
            window: What opens and decodes its samples.
            neighbours: What finds their partners.
            planner: What plans outputs.
            annotations: What lets masks and boxes follow; None if there are no masks and boxes.
            geometry: The size that samples are brought to; None if they keep theirs.
            recipe: What is done.
        """
        self._window, self._neighbours = window, neighbours
        self._planner, self._annotations = planner, annotations
        self._geometry, self._recipe = geometry, recipe

    def expect_all(self, plans: Mapping[tuple[int, int], OutputPlan]) -> dict[tuple[int, int], Made]:
        """Return what planned outputs will be made from, by position and copy.

        Left out are those with partners behind the ring's end: these are at its start, so they are let go and
        read again before their time comes.
        """
        expected = {place: self._expect(place[0], plan) for place, plan in plans.items()}
        end = self._neighbours.ring_end
        return {place: made for place, made in expected.items() if max(made.candidates, default=0) < end}

    def prepare(self, position: int, copy: int, expected: dict[tuple[int, int], Made]) -> Made:
        """Return an output with all of its images decoded, or with its failure.

        Args:
            position: Its base.
            copy: Its number among the base's outputs.
            expected: What `expect_all` gave. The output is taken out, since it will hold an encoded image; if
                it is not there, it is planned now.
        """
        made = expected.pop((position, copy), None) or self._expect_anew(position, copy)
        try:
            return self._settle(position, made) if made.failure is None else made
        except DecodeError as error:
            made.failure = made.base.failure or ("encode", error)
        return made

    def _expect_anew(self, position: int, copy: int) -> Made:
        return self._expect(position, self._planner.plan(position, copy))

    def _expect(self, position: int, plan: OutputPlan) -> Made:
        """Return what an output will be made from if all images are as their headers promise."""
        window = self._window
        base = window.open(position)
        made = Made(base, plan)
        if base.header is None or base.shape is None:
            made.failure = base.failure
            return made
        if plan.places:
            ahead = self._neighbours.candidates(position, max(plan.places))
            made.candidates = {place: window.open(place) for place in ahead}
        if not plan.steps:
            expect_unchanged(made, self._recipe, self._geometry)
            return made
        made.sources = tuple([window.open(partner) for partner in plan.partners])
        expect_changed(made, self._recipe)
        return made

    def _settle(self, position: int, made: Made) -> Made:
        """Decode what an output is made from; plan it anew while an image is not as expected.

        Raises:
            DecodeError: If the base, or what belongs to it, does not decode.
        """
        window, plan, base = self._window, made.plan, made.base
        if plan.is_drawn:
            window.decode(base)
            self._neighbours.try_partners(made.candidates)
            if window.surprises != plan.surprises:
                return self._settle(position, self._expect_anew(position, plan.copy))
        if plan.steps:
            self._gather(made)
        if self._annotations is not None:
            made.annotated = _gather_annotations(made)
            made.mask = self._annotations.follow_mask(plan.steps, made.annotated)
        if not plan.steps and not made.data:
            made.pixels = window.decode(base)
            choose_encoding(made, made.pixels.shape[2], self._recipe)
        return made

    def _gather(self, made: Made) -> None:
        """Gather what the backend takes: the table, the partners' pixels and the base's."""
        decode, plan = self._window.decode, made.plan
        pixels = decode(made.base)
        table = plan.table
        if table is None:
            steps = resolve_image_mean(plan.steps, pixels)
            made.plan = plan._replace(steps=steps)
            table = self._planner.tabulate(steps, Shape.of(pixels), plan.partners)
        partners = [decode(partner) for partner in made.sources]
        if made.brought_to is not None:
            channels, background = made.brought_to.channels, self._recipe.background
            partners = [
                match_pixels(_lay_over(partner, background, channels), channels, pixels.dtype)
                for partner in partners
            ]
            pixels = match_pixels(pixels, channels, pixels.dtype)
        made.work = (table, partners, pixels)


def _lay_over(partner: Pixels, background: Colour, channels: int) -> Pixels:
    """Lay a partner with alpha over the background, in `channels` at once: each copy takes memory."""
    return partner if partner.shape[2] < 4 else codec.flatten(partner, background, max(3, channels))


def _gather_annotations(made: Made) -> tuple[tuple[SampleAnnotations, Shape], ...]:
    """Return what belongs to the images of an output, and their shapes."""
    return tuple(
        [
            (loaded.annotations, loaded.shape)
            for loaded in (made.base, *made.sources)
            if loaded.annotations is not None and loaded.shape is not None
        ]
    )
