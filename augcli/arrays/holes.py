"""The operations that make holes in images in memory: (N, H, W, C), ragged lists of (H, W, C), or one image.

They plan with the same planners as data sets on disk and apply with the same kernels; their results depend on
the seed alone. Each draws numbers of its own name: two functions at one seed share nothing. Whatever was
drawn comes back and can be given again. Nothing passed in is written to. Defaults are the operations' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.arrays import given
from augcli.arrays.annotations import read_annotations
from augcli.arrays.batch import read_images
from augcli.arrays.planning import plan, set_up
from augcli.arrays.results import Holed, Masked
from augcli.arrays.streams import Streams
from augcli.entries import Entry
from augcli.errors import Option, UsageError
from augcli.ops.cutout import Cutout
from augcli.ops.erase import Erase
from augcli.ops.patch_cutout import PatchCutout
from augcli.options import defaults_of
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from augcli.arrays.annotations import Annotations
    from augcli.arrays.batch import Batch
    from augcli.arrays.streams import Seed
    from augcli.ops.base import HoleOperation
    from augcli.program.annotated import BoxRule

CUTOUT, ERASE, PATCH_CUTOUT = defaults_of(Cutout), defaults_of(Erase), defaults_of(PatchCutout)
ENTRY, RECIPE = defaults_of(Entry), defaults_of(Recipe)


def cutout(
    images: Any,
    *,
    holes: int | str | tuple[int, int] = CUTOUT.holes,
    length: float | str | tuple[float, float] = CUTOUT.length,
    boundary: str = CUTOUT.boundary,
    fill: Any = CUTOUT.fill,
    mean: Any = CUTOUT.mean,
    std: Any = CUTOUT.std,
    p: float = ENTRY.p,
    seed: Seed = RECIPE.seed,
    same_on_batch: bool = False,
    boxes: Any = None,
    masks: Any = None,
    mask_fill: int | None = None,
    bboxes: Any = None,
    box_rule: BoxRule | None = None,
) -> Holed:
    """Hide square holes; labels stay.

    DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout".

    Args:
        images: (N, H, W, C), a list of (H, W, C) or (H, W), or one such image; uint8 or uint16.
        holes: Number of holes, or (low, high).
        length: Side: an int is pixels, a float in (0, 1] a share of the shorter side; or (low, high).
        boundary: `clip`: holes may hang over the border; `inside`: they never do.
        fill: A number or (r, g, b) in 0..255, `black`, `white`, `gray`, `mean`, `image-mean`, `random`,
            `random-color`, `normal` or `normal-color`.
        mean: Mean of the fills `mean` and `normal`, r, g, b in 0..1; `std`: their deviation.
        std: See `mean`.
        p: Probability for each image, where boxes are not given.
        seed: A whole number in 0..2**64 - 1, a tuple of such, or None for a fresh one; it comes back as
            `.seed`. The same seed draws the same, whatever the images.
        same_on_batch: True gives all images the same draws: the same holes where they are of one size, and
            the same noise.
        boxes: (N, B, 4) integers (y0, x0, y1, x1), half-open and inside the images, or a list of (B, 4) for
            each, instead of drawn ones.
        masks: Masks of indices that belong to the images: (N, H, W), a list of (H, W), or one (H, W) for one
            image; uint8 or uint16, all of one dtype.
        mask_fill: Index that holes have in masks; None leaves masks as they are.
        bboxes: Boxes that belong to the images: for each, or for the single image, (M, 4) numbers y0, x0, y1,
            x1 in pixels, half-open, inside the image, of an area above 0; M may be 0.
        box_rule: Which boxes stay, and how; `BoxRule()` where None.

    Raises:
        PlanError: If an array has a shape, type or value that is not accepted.
        UsageError: If an option lies outside its range.

    Example:
        >>> import numpy as np
        >>> cutout(np.full((3, 3), 9, np.uint8), fill=1, boxes=[[[0, 1, 2, 3]]]).images.tolist()
        [[9, 1, 1], [9, 1, 1], [9, 9, 9]]
        >>> seen = cutout(np.zeros((4, 4), np.uint8), boxes=[[[0, 1, 2, 3]]], bboxes=[[0, 0, 4, 3]]).bboxes
        >>> seen.edges.tolist(), seen.visibility.round(3).tolist()
        ([[0.0, 0.0, 4.0, 3.0]], [0.667])
    """
    options = {"holes": holes, "length": length, "boundary": boundary}
    operation, entry = set_up(Cutout, p, **options, fill=fill, mean=mean, std=std)
    batch = read_images(images)
    streams = Streams.of_function("cutout", len(batch), seed, same_on_batch)
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    return _make_holes(batch, operation, entry, streams, boxes, annotations)


def erase(
    images: Any,
    *,
    scale: float | str | tuple[float, float] = ERASE.scale,
    ratio: float | str | tuple[float, float] = ERASE.ratio,
    count: int | str | tuple[int, int] = ERASE.count,
    inside: str | None = ERASE.inside,
    clean_split: float = ERASE.clean_split,
    fill: Any = ERASE.fill,
    mean: Any = ERASE.mean,
    std: Any = ERASE.std,
    p: float = ENTRY.p,
    seed: Seed = RECIPE.seed,
    same_on_batch: bool = False,
    boxes: Any = None,
    masks: Any = None,
    mask_fill: int | None = None,
    bboxes: Any = None,
    box_rule: BoxRule | None = None,
) -> Holed:
    """Hide boxes of random area and shape, by default with noise; labels stay.

    Zhong et al. 2017, "Random Erasing Data Augmentation".

    Args:
        images: (N, H, W, C), a list of (H, W, C) or (H, W), or one such image; uint8 or uint16.
        scale: Share of the area that is hidden, (low, high) in (0, 1].
        ratio: Height / width of a box, (low, high) > 0, drawn log-uniform.
        count: Number of boxes, which share the area, or (low, high).
        inside: `boxes` makes holes inside each of `bboxes`, by its own area: the paper's object-aware
            erasing. None makes them anywhere in the image.
        clean_split: Share of the images that is left clean, 0..1; which, the seed decides.
        fill: As for `cutout`.
        mean: As for `cutout`.
        std: As for `cutout`.
        p: Probability for each image, where boxes are not given.
        seed: As for `cutout`.
        same_on_batch: As for `cutout`.
        boxes: As for `cutout`.
        masks: As for `cutout`.
        mask_fill: As for `cutout`.
        bboxes: As for `cutout`.
        box_rule: As for `cutout`.

    Raises:
        PlanError: If an array has a shape, type or value that is not accepted.
        UsageError: If an option lies outside its range.

    Example:
        >>> import numpy as np
        >>> erased = erase(np.zeros((2, 100, 100, 3), np.uint8), scale=0.25, ratio=1)
        >>> (erased.boxes[:, 0, 2:] - erased.boxes[:, 0, :2]).tolist()
        [[50, 50], [50, 50]]
    """
    options = {"scale": scale, "ratio": ratio, "count": count, "inside": inside, "clean_split": clean_split}
    operation, entry = set_up(Erase, p, **options, fill=fill, mean=mean, std=std)
    batch = read_images(images)
    streams = Streams.of_function("erase", len(batch), seed, same_on_batch)
    if operation.clean_split and streams.same_on_batch:
        both = Option("clean_split"), " and ", Option("same_on_batch")
        raise UsageError("erase: ", *both, " both decide which images are left clean; give one of them")
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    return _make_holes(batch, operation, entry, streams, boxes, annotations)


def patch_cutout(
    images: Any,
    *,
    patch_size: int | str | tuple[int, int] = PATCH_CUTOUT.patch_size,
    ratio: float | str | tuple[float, float] = PATCH_CUTOUT.ratio,
    fill: Any = PATCH_CUTOUT.fill,
    mean: Any = PATCH_CUTOUT.mean,
    std: Any = PATCH_CUTOUT.std,
    p: float = ENTRY.p,
    seed: Seed = RECIPE.seed,
    same_on_batch: bool = False,
    patches: Sequence[ArrayLike] | None = None,
    masks: Any = None,
    mask_fill: int | None = None,
    bboxes: Any = None,
    box_rule: BoxRule | None = None,
) -> Masked:
    """Hide a share of the patches of a grid; labels stay.

    The masking of He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners". Of the N patches that
    cover an image exactly floor(ratio·N + 0.5) distinct ones are hidden; those at the right and bottom may
    be smaller.

    Args:
        images: (N, H, W, C), a list of (H, W, C) or (H, W), or one such image; uint8 or uint16.
        patch_size: Pixels, or (height, width).
        ratio: Share of the patches in 0..1, or (low, high).
        fill: As for `cutout`.
        mean: As for `cutout`.
        std: As for `cutout`.
        p: Probability for each image, where patches are not given.
        seed: As for `cutout`.
        same_on_batch: As for `cutout`.
        patches: For each image (rows, columns), True where a patch is hidden, instead of drawn ones.
        masks: As for `cutout`.
        mask_fill: As for `cutout`.
        bboxes: As for `cutout`.
        box_rule: As for `cutout`.

    Raises:
        PlanError: If an array has a shape, type or value that is not accepted.
        UsageError: If an option lies outside its range.

    Example:
        >>> import numpy as np
        >>> image, patches = np.full((4, 5), 9, np.uint8), [[1, 0, 1], [0, 0, 0]]
        >>> patch_cutout(image, patch_size=2, patches=[patches]).images.tolist()
        [[0, 0, 9, 9, 0], [0, 0, 9, 9, 0], [9, 9, 9, 9, 9], [9, 9, 9, 9, 9]]
    """
    options = {"patch_size": patch_size, "ratio": ratio}
    operation, entry = set_up(PatchCutout, p, **options, fill=fill, mean=mean, std=std)
    batch = read_images(images)
    streams = Streams.of_function("patch-cutout", len(batch), seed, same_on_batch)
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    given.check_patches(batch, operation.patch_size)
    if patches is None:
        programs = plan(batch, entry, streams)
    else:
        programs = given.fill_patches(batch, operation, patches, streams)
    hidden = given.find_patches(batch, programs, operation.patch_size)
    return Masked(batch.apply(programs), hidden, streams.seed, *annotations.follow(programs))


def _make_holes(
    batch: Batch,
    operation: HoleOperation,
    entry: Entry,
    streams: Streams,
    boxes: Any,
    annotations: Annotations,
) -> Holed:
    """Fill boxes that are given, or drawn ones."""
    drawn = boxes is None
    if drawn:
        programs = plan(batch, entry, streams, annotations.boxes_for([operation]))
    else:
        programs = given.fill_boxes(batch, operation, boxes, streams)
    holes = given.find_holes(batch, programs)
    return Holed(batch.apply(programs), holes, streams.seed, *annotations.follow(programs))
