"""What an output is made from: first by headers alone, for many outputs in a row; then its images decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.profiles import are_alike, fits
from augcli.io.records.part_files import LAID_OVER, WRITTEN_ANEW
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.match import match_pixels, mixed_shape
from augcli.pipeline.worker.values import Made
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.images.geometry import Geometry
    from augcli.io.records.annotation_columns import OutputAnnotations
    from augcli.pipeline.worker.annotations import AnnotationFollower
    from augcli.pipeline.worker.neighbours import Neighbours
    from augcli.pipeline.worker.planner import Planner
    from augcli.pipeline.worker.values import Loaded, OutputPlan
    from augcli.pipeline.worker.window import Window
    from augcli.recipe import Recipe
    from augcli.samples import Pixels

GREYED = "colour partners read as grey, since 16-bit grey stays so"
OTHER_PROFILE = "partners with another colour profile, whose numbers are used as they are"
PROFILE_LEFT_OUT = "colour profiles left out, since they do not describe the images written"
"""Each is counted once for an output of which it is true."""


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
            self._expect_unchanged(made)
            return made
        made.sources = tuple([window.open(partner) for partner in plan.partners])
        shapes = [partner.shape for partner in made.sources if partner.shape is not None]
        shape = mixed_shape(base.shape, shapes)
        if any(other[2:] != shape[2:] for other in (base.shape, *shapes)):
            made.brought_to = shape
            is_greyed = shape.channels == 1 and any(partner.channels > 1 for partner in shapes)
            has_transparent = any(partner.channels == 4 for partner in shapes)
            made.remarks += (GREYED,) * is_greyed + (LAID_OVER,) * has_transparent
        elif shape.channels == 4 and shapes:
            made.brought_to, made.remarks = shape, (LAID_OVER,)
        made.remarks += _note_sources(base, made.sources)
        self._choose_encoding(made, shape.channels)
        return made

    def _expect_unchanged(self, made: Made) -> None:
        """Take the file itself where it may stand in the output."""
        header = made.base.header
        assert header is not None
        obstacle = codec.find_copy_obstacle(header, self._recipe.image_format, self._geometry)
        made.is_decoded = made.plan.is_drawn or obstacle is not None
        if obstacle is None:
            made.data, made.suffix = made.base.data, "jpg" if header.format == "JPEG" else "png"
            made.height, made.width = header.height, header.width
        else:
            made.remarks = (f"{WRITTEN_ANEW}{obstacle}", *_note_sources(made.base, ()))

    def _choose_encoding(self, made: Made, channels: int) -> None:
        """Decide how an output is written, and note what is lost in it."""
        header, recipe = made.base.header, self._recipe
        assert header is not None
        made.encoding = codec.choose_encoding(
            header, channels, recipe.image_format, recipe.quality, recipe.subsampling
        )
        made.profile = header.profile
        if made.profile and not fits(made.profile, channels):
            made.profile, made.remarks = b"", (*made.remarks, PROFILE_LEFT_OUT)
        if channels == 4 and made.encoding.file_format == "jpg" and LAID_OVER not in made.remarks:
            made.remarks = (*made.remarks, LAID_OVER)

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
            made.annotations = self._follow(self._annotations, made)
        if not plan.steps and not made.data:
            made.pixels = window.decode(base)
            self._choose_encoding(made, made.pixels.shape[2])
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
            partners, pixels = self._bring_together(partners, pixels, made.brought_to.channels)
        made.work = (table, partners, pixels)

    def _bring_together(
        self, partners: Sequence[Pixels], pixels: Pixels, channels: int
    ) -> tuple[list[Pixels], Pixels]:
        """Return partners and base in the channels and depth of their output."""
        opaque = [self._make_opaque(partner, channels) for partner in partners]
        matched = [match_pixels(partner, channels, pixels.dtype) for partner in opaque]
        return matched, match_pixels(pixels, channels, pixels.dtype)

    def _make_opaque(self, partner: Pixels, channels: int) -> Pixels:
        """Lay a partner with alpha over the background, in `channels` at once: each copy takes memory."""
        if partner.shape[2] < 4:
            return partner
        return codec.flatten(partner, self._recipe.background, max(3, channels))

    def _follow(self, annotations: AnnotationFollower, made: Made) -> OutputAnnotations:
        """Return what belongs to an output beside its label."""
        first, *others = (
            (loaded.annotations, loaded.shape)
            for loaded in (made.base, *made.sources)
            if loaded.annotations is not None and loaded.shape is not None
        )
        return annotations.follow(made.plan.steps, first, others)


def _note_sources(base: Loaded, partners: Sequence[Loaded]) -> tuple[str, ...]:
    """Return remarks on the images that an output is decoded from."""
    headers = [loaded.header for loaded in (base, *partners) if loaded.header is not None]
    bits = {header.narrowed for header in headers if header.narrowed}
    remarks = [f"{number}-bit colour read as 8-bit" for number in sorted(bits)]
    profile = headers[0].profile
    if not all(are_alike(profile, header.profile) for header in headers[1:]):
        remarks.append(OTHER_PROFILE)
    return tuple(remarks)
