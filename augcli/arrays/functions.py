"""The operations on arrays in memory: batches (N, H, W, C), ragged lists of (H, W, C), or one image.

They plan with the same planners as data sets on disk and apply with the same kernels, so their labels are
exact and their results depend on the seed alone. A batch is planned as a data set whose keys are `0`, `1`,
`2`, ...; whatever was drawn comes back and can be given again. Nothing passed in is written to. Defaults are
those of the operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.arrays import given
from augcli.arrays.annotations import read_annotations
from augcli.arrays.batch import read_images
from augcli.arrays.planning import mix, pair, plan, set_up
from augcli.arrays.results import Holed, Masked, Mixed
from augcli.errors import PlanError
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.ops.patch_cutout import PatchCutout
from augcli.options import defaults_of
from augcli.program.boxes_and_masks import BLENDED_MASKS
from augcli.recipe import Entry, Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from augcli.program.boxes_and_masks import BoxRule

CUTMIX, MIXUP, CUTOUT = defaults_of(CutMix), defaults_of(Mixup), defaults_of(Cutout)
ERASE, PATCH_CUTOUT = defaults_of(Erase), defaults_of(PatchCutout)
ENTRY, RECIPE = defaults_of(Entry), defaults_of(Recipe)


def cutmix(
    images: Any,
    labels: Any = None,
    *,
    alpha: float = CUTMIX.alpha,
    lam: float | None = CUTMIX.lam,
    minmax: tuple[float, float] | str | None = CUTMIX.minmax,
    boundary: str = CUTMIX.boundary,
    p: float = ENTRY.p,
    num_classes: int | None = None,
    seed: int = RECIPE.seed,
    boxes: ArrayLike | None = None,
    indices: ArrayLike | None = None,
    masks: Any = None,
    bboxes: Any = None,
    box_rule: BoxRule | None = None,
) -> Mixed:
    """Paste a box of another image of the batch; the label is shared by the counted pixels.

    Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features".
    A partner of another size is read as if it were stretched to the image's size.

    Args:
        images: (N, H, W, C) or a list of (H, W, C) or (H, W); uint8 or uint16, C = 1, 3 or 4, N >= 2.
        labels: (N,) indices or (N, K) weights; None for images alone.
        alpha: λ ~ Beta(alpha, alpha), the image's share before the box is clipped; 0 < alpha <= 1000.
        lam: A fixed λ in 0..1 instead.
        minmax: Instead of λ, the shares (low, high) of the sides that box height and width take.
        boundary: `clip`: boxes may hang over the border and are clipped; `inside`: they never do.
        p: Probability for each image.
        num_classes: K; needed where labels are indices.
        seed: 0..2**64 - 1.
        boxes: (N, 4) integers (y0, x0, y1, x1), half-open and inside the images, instead of drawn ones.
        indices: (N,) partners instead of drawn ones. Drawn ones are a derangement: nobody is its own
            partner, and everybody is partner once.
        masks: Masks of indices that belong to the images: (N, H, W) or a list of (H, W), each of its image's
            height and width; uint8 or uint16, all of one dtype. What is pasted brings its mask along.
        bboxes: Boxes that belong to the images: for each (M, 4) numbers y0, x0, y1, x1 in pixels, half-open,
            inside the image, of an area above 0; M may be 0. The partner's are clipped to what is pasted.
        box_rule: Which boxes stay, and how; `BoxRule()` where None.

    Raises:
        PlanError: If an array has a shape, type or value that is not accepted.
        UsageError: If an option lies outside its range.

    Example:
        >>> import numpy as np
        >>> black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
        >>> boxes = [[0, 0, 2, 2], [0, 0, 0, 0]]
        >>> mixed = cutmix([black, white], [0, 1], num_classes=2, boxes=boxes, indices=[1, 0])
        >>> mixed.labels.tolist()
        [[0.75, 0.25], [0.0, 1.0]]
        >>> mixed.images[0][:, :, 0].tolist()
        [[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
        >>> masks, bboxes = [black[..., 0], white[..., 0]], [[[0, 0, 4, 4]], [[1, 1, 3, 3]]]
        >>> mixed = cutmix([black, white], boxes=boxes, indices=[1, 0], masks=masks, bboxes=bboxes)
        >>> mixed.masks[0].tolist()
        [[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
        >>> mixed.bboxes[0].edges.tolist(), mixed.bboxes[0].visibility.tolist()
        ([[0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 2.0, 2.0]], [0.75, 0.25])
    """
    batch, partners = pair(images, indices, seed)
    annotations = read_annotations(batch, masks, bboxes, box_rule)
    _, entry = set_up(CutMix, p, alpha=alpha, lam=lam, minmax=minmax, boundary=boundary)
    programs = plan(batch, entry, seed) if boxes is None else given.paste_boxes(batch, boxes)
    mixed = mix(batch, programs, partners, labels, num_classes)
    pasted = given.find_pasted(batch, programs)
    return Mixed(*mixed, pasted, partners, *annotations.follow(programs, partners))


def mixup(
    images: Any,
    labels: Any = None,
    *,
    alpha: float = MIXUP.alpha,
    lam: ArrayLike | None = MIXUP.lam,
    keep_base: bool = MIXUP.keep_base,
    p: float = ENTRY.p,
    num_classes: int | None = None,
    seed: int = RECIPE.seed,
    indices: ArrayLike | None = None,
    masks: Any = None,
    mask_policy: str | None = None,
    bboxes: Any = None,
    box_rule: BoxRule | None = None,
) -> Mixed:
    """Blend each image with another one of the batch; the label is shared by the same weight.

    Zhang et al. 2017, "mixup: Beyond Empirical Risk Minimization". λ is rounded to 1/65536 before pixels and
    label use it; pixels are rounded to the nearest level.

    Args:
        images: (N, H, W, C) or a list of (H, W, C) or (H, W); uint8 or uint16, C = 1, 3 or 4, N >= 2.
        labels: (N,) indices or (N, K) weights; None for images alone.
        alpha: λ ~ Beta(alpha, alpha), the image's own weight; 0 < alpha <= 1000.
        lam: λ in 0..1 instead, one for all or (N,) for each.
        keep_base: True makes λ max(λ, 1 - λ).
        p: Probability for each image, where λ is not given for each.
        num_classes: K; needed where labels are indices.
        seed: 0..2**64 - 1.
        indices: (N,) partners instead of drawn ones, which are a derangement.
        masks: As for `cutmix`; a mean of two indices means nothing, so they need `mask_policy`.
        mask_policy: `dominant`: the mask is that of the image that weighs more, of equals the image's own.
        bboxes: As for `cutmix`; both images' boxes stay, each with its image's weight.
        box_rule: As for `cutmix`.

    Raises:
        PlanError: If an array has a shape, type or value that is not accepted.
        UsageError: If an option lies outside its range.

    Example:
        >>> import numpy as np
        >>> grey = [np.full((1, 2), level, np.uint8) for level in (100, 201)]
        >>> mixed = mixup(grey, [0, 1], num_classes=2, lam=0.5, indices=[1, 0])
        >>> mixed.images[0].tolist(), mixed.labels.tolist()
        ([[151, 151]], [[0.5, 0.5], [0.5, 0.5]])
    """
    batch, partners = pair(images, indices, seed)
    annotations = read_annotations(batch, masks, bboxes, box_rule, policy=mask_policy)
    if masks is not None and mask_policy is None:
        raise PlanError(*BLENDED_MASKS)
    fixed, each = given.read_lam(lam, len(batch))
    operation, entry = set_up(Mixup, p, alpha=alpha, lam=fixed, keep_base=keep_base)
    if each is None:
        programs = plan(batch, entry, seed)
    else:
        pairs = zip(each, batch.shapes, strict=True)
        programs = [operation.blend(own, shape, 0).steps for own, shape in pairs]
    mixed = mix(batch, programs, partners, labels, num_classes)
    return Mixed(*mixed, None, partners, *annotations.follow(programs, partners))


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
    seed: int = RECIPE.seed,
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
        p: Probability for each image.
        seed: 0..2**64 - 1.
        boxes: (N, B, 4) integers (y0, x0, y1, x1), half-open and inside the images, instead of drawn ones.
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
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    programs = plan(batch, entry, seed) if boxes is None else given.fill_boxes(batch, operation, boxes, seed)
    return Holed(batch.apply(programs), given.find_holes(batch, programs), *annotations.follow(programs))


def erase(
    images: Any,
    *,
    scale: float | str | tuple[float, float] = ERASE.scale,
    ratio: float | str | tuple[float, float] = ERASE.ratio,
    count: int | str | tuple[int, int] = ERASE.count,
    fill: Any = ERASE.fill,
    mean: Any = ERASE.mean,
    std: Any = ERASE.std,
    p: float = ENTRY.p,
    seed: int = RECIPE.seed,
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
        fill: As for `cutout`.
        mean: As for `cutout`.
        std: As for `cutout`.
        p: Probability for each image.
        seed: 0..2**64 - 1.
        boxes: (N, B, 4) integers (y0, x0, y1, x1), half-open and inside the images, instead of drawn ones.
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
    options = {"scale": scale, "ratio": ratio, "count": count}
    operation, entry = set_up(Erase, p, **options, fill=fill, mean=mean, std=std)
    batch = read_images(images)
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    programs = plan(batch, entry, seed) if boxes is None else given.fill_boxes(batch, operation, boxes, seed)
    return Holed(batch.apply(programs), given.find_holes(batch, programs), *annotations.follow(programs))


def patch_cutout(
    images: Any,
    *,
    patch_size: int | str | tuple[int, int] = PATCH_CUTOUT.patch_size,
    ratio: float | str | tuple[float, float] = PATCH_CUTOUT.ratio,
    fill: Any = PATCH_CUTOUT.fill,
    mean: Any = PATCH_CUTOUT.mean,
    std: Any = PATCH_CUTOUT.std,
    p: float = ENTRY.p,
    seed: int = RECIPE.seed,
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
        p: Probability for each image.
        seed: 0..2**64 - 1.
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
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    given.check_patches(batch, operation.patch_size)
    if patches is None:
        programs = plan(batch, entry, seed)
    else:
        programs = given.fill_patches(batch, operation, patches, seed)
    hidden = given.find_patches(batch, programs, operation.patch_size)
    return Masked(batch.apply(programs), hidden, *annotations.follow(programs))
