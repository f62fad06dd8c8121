"""Masks and boxes in a worker: read with their sample, and followed to its outputs.

`Annotated` says what a data set has, `SampleAnnotations` what belongs to a loaded sample, and
`OutputBoxes` which boxes outputs have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import DecodeError, Option, PlanError, Spelling
from augcli.io.boxes.base import EMPTY
from augcli.io.images.geometry import fit_edges, upright_edges
from augcli.io.images.index_masks import bring_to_image, decode_mask, encode_mask, read_mask_header
from augcli.io.images.outline_geometry import NO_OUTLINES, PlacedOutlines, place_outlines
from augcli.io.records.annotation_columns import BoxCells, OutputBoxes
from augcli.io.store.names import printable_key
from augcli.program.annotated import SKIP
from augcli.program.boxes_and_masks import Shown, Source, follow_boxes, follow_mask
from augcli.program.shares import scale_boxes
from augcli.program.steps import Fill
from augcli.samples import RunLengths, SkippedBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.io.images.codec import Header
    from augcli.io.images.geometry import Geometry
    from augcli.io.images.index_masks import Mask
    from augcli.program.boxes_and_masks import SeenBoxes
    from augcli.program.steps import Program
    from augcli.recipe import Recipe
    from augcli.samples import Catalogue, ImageBoxes, Outline, Shape

CLIPPED = "boxes clipped at the border of their image"
MENDED = "outlines that cross themselves, made valid where they were cut"
GUESSED = "turned photos whose masks and boxes were taken for those of the upright image"

CURE = (
    "correct or remove the box, or leave such boxes out with"
    f" {Option('bad_boxes', SKIP).spell(Spelling.FLAG)}"
)
"""What is to be done with a box that is not right; it stands in `failures.jsonl`."""


@dataclass(slots=True, eq=False)
class SampleAnnotations:
    """The mask and the boxes of a loaded sample.

    Attributes:
        key: The sample's key.
        header: What its image says of itself.
        boxes: As the input says them.
        edges: (n, 4) where they lie in the image as it is loaded; `--size` may have cut some off.
        outlines: The same of the outlines of their objects.
        clipped: How many boxes lay partly outside the image.
        is_guessed: Whether the image is turned, but its size does not say how masks and boxes lie.
        encoded: The mask as stored; empty if there are none.
        is_as_stored: Whether the stored mask lies as the loaded image does.
        mask: The mask of the loaded image, once decoded.
    """

    key: str
    header: Header
    boxes: ImageBoxes
    edges: NDArray[np.float64]
    outlines: PlacedOutlines = NO_OUTLINES
    clipped: int = 0
    is_guessed: bool = False
    encoded: bytes = b""
    is_as_stored: bool = False
    mask: Mask | None = None


class AnnotationFollower:
    """Takes masks and boxes along, from samples to their outputs."""

    def __init__(
        self, catalogue: Catalogue, recipe: Recipe, geometry: Geometry | None, has_masks: bool
    ) -> None:
        """Prepare for the samples of a catalogue; `has_masks` says whether each of them has one."""
        self._catalogue, self._recipe, self._geometry = catalogue, recipe, geometry
        self.has_masks = has_masks
        self._rule = recipe.box_rule

    def read(self, sample: int, header: Header, mask: bytes | DecodeError | None) -> SampleAnnotations:
        """Return what belongs to a sample; its mask is not decoded yet.

        Args:
            sample: The sample.
            header: What its image says of itself.
            mask: The encoded mask, or why there is none.

        Raises:
            DecodeError: If it does not fit the image.
        """
        listed = self._catalogue.boxes[sample] if self._catalogue.boxes is not None else None
        boxes = scale_boxes(listed or EMPTY, *header.upright_size)
        if self._recipe.bad_boxes == SKIP:
            boxes = _skip_misfits(boxes, header)
        edges, clipped = self._place_boxes(boxes, header)
        outlines = NO_OUTLINES
        if boxes.outlines:
            sizes = (header.height, header.width), header.upright_size
            outlines = place_outlines(boxes, sizes, header.orientation, self._geometry)
        annotations = SampleAnnotations(self._catalogue.keys[sample], header, boxes, edges, outlines, clipped)
        is_same = header.upright_size == (header.height, header.width)
        annotations.is_guessed = header.orientation > 1 and is_same
        if isinstance(mask, DecodeError):
            raise mask
        if mask is not None:
            self._take_mask(annotations, mask)
        return annotations

    def _take_mask(self, annotations: SampleAnnotations, encoded: bytes) -> None:
        """Take a sample's mask, and read what it says of itself."""
        header = annotations.header
        annotations.encoded = encoded
        mask = read_mask_header(encoded)
        size = (mask.height, mask.width)
        if size not in (header.upright_size, (header.height, header.width)):
            wanted = "{}x{}".format(*header.upright_size)
            raise DecodeError("mask of another size", f"it is {size[0]}x{size[1]}, the image {wanted}")
        as_loaded = self._geometry is None and size == header.upright_size
        annotations.is_as_stored = as_loaded and not mask.is_one_bit

    def decode(self, annotations: SampleAnnotations) -> None:
        """Decode a sample's mask, if it has one.

        Raises:
            DecodeError: If it is damaged.
        """
        if self.has_masks and annotations.mask is None:
            header, frame = annotations.header, self._recipe.mask_fill
            annotations.mask = bring_to_image(
                decode_mask(annotations.encoded),
                header.upright_size,
                header.orientation,
                self._geometry,
                frame,
            )

    def follow_boxes(
        self, outputs: Sequence[tuple[Program, Sequence[tuple[SampleAnnotations, Shape]]]]
    ) -> OutputBoxes:
        """Return the boxes of outputs.

        Args:
            outputs: For each its steps, and what belongs to its base and its partners by slot, with their
                shapes as they were loaded.
        """
        shown = [Shown(program, *_describe_sources(images)) for program, images in outputs]
        seen = follow_boxes(shown, self._rule)
        counts = np.bincount(seen.outputs, minlength=len(outputs)).tolist()
        extras = [images[0][0].boxes.extra for _, images in outputs]
        return OutputBoxes(counts, extras, self._describe(outputs, seen), int(seen.are_mended.sum()))

    def _describe(
        self, outputs: Sequence[tuple[Program, Sequence[tuple[SampleAnnotations, Shape]]]], seen: SeenBoxes
    ) -> BoxCells:
        """Return what is written of boxes: how they are seen, and what the input says of them."""
        images = [image for _, together in outputs for image, _ in together]
        may_lie = [
            self._geometry is None and shape[:2] == together[0][1][:2]
            for _, together in outputs
            for _, shape in together
        ]
        firsts = np.cumsum([0, *(len(together) for _, together in outputs)])
        owners = firsts[seen.outputs] + seen.images
        starts = np.cumsum([0, *(len(image.edges) for image in images)])
        rows = starts[owners] + seen.numbers
        edges = np.concatenate([np.zeros((0, 4)), *(image.edges for image in images)])
        categories = [category for image in images for category in image.boxes.categories]
        extras = [extra for image in images for extra in image.boxes.extras]
        keys = [printable_key(image.key) for image in images]
        are_as_read = np.array(may_lie, bool)[owners] & (seen.edges == edges[rows]).all(1)
        if any(seen.outlines):
            loaded = [
                outline
                for image in images
                for outline in image.outlines.outlines or [None] * len(image.edges)
            ]
            same = [
                _is_as_read(outline, loaded[row])
                for outline, row in zip(seen.outlines, rows.tolist(), strict=True)
            ]
            are_as_read &= same
        return BoxCells(
            seen.edges,
            np.array(categories, np.int64)[rows],
            seen.visibilities,
            seen.weights,
            [keys[owner] for owner in owners.tolist()],
            [extras[row] for row in rows.tolist()],
            are_as_read,
            seen.outlines,
        )

    def follow_mask(self, program: Program, images: Sequence[tuple[SampleAnnotations, Shape]]) -> bytes:
        """Return an output's encoded mask: the stored file where it is still true; empty without masks.

        Args:
            program: The steps that were applied.
            images: What belongs to its base and its partners by slot, their masks decoded.

        Raises:
            DecodeError: If the masks do not go together, or the base's is damaged.
        """
        if not self.has_masks:
            return b""
        base, *partners = (image for image, _ in images)
        return self._follow_mask(program, base, partners)

    def _changes_masks(self, program: Program) -> bool:
        """Return whether a program may give another mask than the base's."""
        return self._recipe.mask_fill is not None or any(not isinstance(step, Fill) for step in program)

    def _follow_mask(
        self, program: Program, base: SampleAnnotations, partners: Sequence[SampleAnnotations]
    ) -> bytes:
        """Return an output's encoded mask: the stored file where it is still true."""
        changes = self._changes_masks(program) if program else False
        self.decode(base)  # a torn file may not stand in the output either
        assert base.mask is not None
        if base.is_as_stored and not changes:
            return base.encoded
        if not changes:
            return encode_mask(base.mask)
        fill, policy = self._recipe.mask_fill, self._recipe.mask_policy
        masks = [partner.mask.indices for partner in partners if partner.mask is not None]
        try:
            indices = follow_mask(program, base.mask.indices, masks, fill, policy)
        except PlanError as error:
            raise DecodeError("index does not fit its mask", str(error)) from error
        return encode_mask(replace(base.mask, indices=indices))

    def _place_boxes(self, boxes: ImageBoxes, header: Header) -> tuple[NDArray[np.float64], int]:
        """Return where boxes lie in the loaded image, and how many of them lay partly outside.

        Raises:
            DecodeError: If they are of an image of another size, or one lies outside.
        """
        upright = header.upright_size
        edges = upright_edges(boxes, (header.height, header.width), header.orientation)
        if edges is None:
            raise DecodeError(
                "boxes of another size",
                f"they are of an image of {boxes.height}x{boxes.width}, it has {upright[0]}x{upright[1]}",
            )
        inside = np.clip(edges, 0, [*upright, *upright])
        for number in _find_outside(inside)[:1]:
            where = _describe_outside(edges[number], upright)
            raise DecodeError("box outside its image", f"{where}; {CURE}")
        clipped = int(np.count_nonzero((inside != edges).any(1)))
        return (inside if self._geometry is None else fit_edges(inside, self._geometry, *upright)), clipped


def _skip_misfits(boxes: ImageBoxes, header: Header) -> ImageBoxes:
    """Return boxes without those that do not fit their image, which are skipped."""
    stored, upright = (header.height, header.width), header.upright_size
    edges = upright_edges(boxes, stored, header.orientation)
    if edges is None:
        return boxes
    outside = _find_outside(np.clip(edges, 0, [*upright, *upright]))
    bad = {
        number: SkippedBox("outside its image", _describe_outside(edges[number], upright))
        for number in outside
    }
    for number, outline in enumerate(boxes.outlines):
        form = None if outline is None else outline.form
        if isinstance(form, RunLengths) and (form.height, form.width) not in (upright, stored):
            detail = f"it is {form.height}x{form.width}, the image {upright[0]}x{upright[1]}"
            bad.setdefault(number, SkippedBox("RLE of another size", detail))
    if not bad:
        return boxes
    kept = [number for number in range(len(edges)) if number not in bad]
    return boxes.keep(kept, [bad[number] for number in sorted(bad)])


def _describe_sources(images: Sequence[tuple[SampleAnnotations, Shape]]) -> tuple[Source, list[Source]]:
    """Return what belongs to a base and to its partners by slot, as boxes are followed."""
    base, *partners = (
        Source(shape.height, shape.width, image.edges, *image.outlines) for image, shape in images
    )
    return base, partners


def _is_as_read(outline: Outline | None, loaded: Outline | None) -> bool:
    """True if what an output has of an outline lies where it lies in its own image as loaded."""
    if outline is None or loaded is None:
        return outline is loaded
    # What nothing changed is the same value; only keypoints are copied.
    if outline.form is not loaded.form or outline.keypoints is None or loaded.keypoints is None:
        return outline.form is loaded.form
    return np.array_equal(outline.keypoints, loaded.keypoints)


def _find_outside(inside: NDArray[np.float64]) -> list[int]:
    """Return which of the boxes have no area, once they were clipped to their image."""
    numbers: list[int] = np.flatnonzero((inside[:, 2:] <= inside[:, :2]).any(1)).tolist()
    return numbers


def _describe_outside(edges: NDArray[np.float64], size: tuple[int, int]) -> str:
    y0, x0, y1, x1 = edges.tolist()
    return f"rows {y0:g} to {y1:g} and columns {x0:g} to {x1:g} of an image of {size[0]}x{size[1]}"
