"""The operations that mix images of a batch in memory: (N, H, W, C), or ragged lists of (H, W, C).

They plan with the same planners as data sets on disk and apply with the same kernels, so their labels are
exact and their results depend on the seed alone. Each draws numbers of its own name: two functions at one
seed share nothing. Whatever was drawn comes back and can be given again. Nothing passed in is written to.
Defaults are the operations' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.arrays import given
from augcli.arrays.annotations import read_annotations
from augcli.arrays.batch import read_images
from augcli.arrays.meetings import meet, mix
from augcli.arrays.planning import plan, set_up
from augcli.arrays.results import Mixed
from augcli.arrays.streams import Streams
from augcli.entries import Entry
from augcli.errors import PlanError
from augcli.ops.cutmix import CutMix
from augcli.ops.mixup import Mixup
from augcli.options import defaults_of
from augcli.program.boxes_and_masks import BLENDED_MASKS
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from augcli.arrays.streams import Seed
    from augcli.program.annotated import BoxRule

CUTMIX, MIXUP = defaults_of(CutMix), defaults_of(Mixup)
ENTRY, RECIPE = defaults_of(Entry), defaults_of(Recipe)


def cutmix(
    images: Any,
    labels: Any = None,
    *,
    alpha: float = CUTMIX.alpha,
    lam: ArrayLike | None = CUTMIX.lam,
    minmax: tuple[float, float] | str | None = CUTMIX.minmax,
    boundary: str = CUTMIX.boundary,
    partner: str = CUTMIX.partner,
    p: float = ENTRY.p,
    num_classes: int | None = None,
    seed: Seed = RECIPE.seed,
    same_on_batch: bool = False,
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
        lam: λ in 0..1 instead, one for all or (N,) for each, before the box is clipped.
        minmax: Instead of λ, the shares (low, high) of the sides that box height and width take.
        boundary: `clip`: boxes may hang over the border and are clipped; `inside`: they never do.
        partner: `any`, `other-class` or `same-class`: who may be a partner, by the class that weighs most in
            the labels. An image without a partner is left alone, and `indices` has its own index.
        p: Probability for each image, where neither boxes nor λ are given for each.
        num_classes: K; needed where labels are indices.
        seed: A whole number in 0..2**64 - 1, a tuple of such, or None for a fresh one; it comes back as
            `.seed`. The same seed draws the same, whatever the images.
        same_on_batch: True gives all images the same draws: one λ and, for images of one size, one box.
        boxes: (N, 4) integers (y0, x0, y1, x1), half-open and inside the images, or N boxes of `rand_box`,
            instead of drawn ones.
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
    batch = read_images(images)
    streams = Streams.of_function("cutmix", len(batch), seed, same_on_batch)
    fixed, each = given.read_lam(lam, len(batch))
    options = {"alpha": alpha, "minmax": minmax, "boundary": boundary, "partner": partner}
    operation, entry = set_up(CutMix, p, lam=fixed if each is None else each[0], **options)
    meeting = meet(batch, streams, labels, num_classes, operation, indices)
    annotations = read_annotations(batch, masks, bboxes, box_rule)
    if boxes is not None:
        programs = given.paste_boxes(batch, boxes)
    elif each is not None:
        drawn = zip(each, streams.draw(operation.streams), batch.shapes, strict=True)
        programs = [operation.cut(1 - share, draws, shape, 0).steps for share, draws, shape in drawn]
    else:
        programs = plan(batch, entry, streams)
    mixed = mix(batch, meeting, programs)
    pasted = given.find_pasted(batch, mixed.programs)
    followed = annotations.follow(mixed.programs, meeting.partners)
    return Mixed(mixed.images, mixed.labels, mixed.lam, pasted, mixed.indices, streams.seed, *followed)


def mixup(
    images: Any,
    labels: Any = None,
    *,
    alpha: float = MIXUP.alpha,
    lam: ArrayLike | None = MIXUP.lam,
    keep_base: bool = MIXUP.keep_base,
    partner: str = MIXUP.partner,
    p: float = ENTRY.p,
    num_classes: int | None = None,
    seed: Seed = RECIPE.seed,
    same_on_batch: bool = False,
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
        partner: As for `cutmix`.
        p: Probability for each image, where λ is not given for each.
        num_classes: K; needed where labels are indices.
        seed: As for `cutmix`.
        same_on_batch: True gives all images the same draws: one λ.
        indices: (N,) partners instead of drawn ones, which are a derangement.
        masks: As for `cutmix`; a mean of two indices means nothing, so they need `mask_policy`.
        mask_policy: `dominant`: the mask of the image that weighs more, of equals the image's own.
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
    batch = read_images(images)
    streams = Streams.of_function("mixup", len(batch), seed, same_on_batch)
    annotations = read_annotations(batch, masks, bboxes, box_rule, policy=mask_policy)
    if masks is not None and mask_policy is None:
        raise PlanError(*BLENDED_MASKS)
    fixed, each = given.read_lam(lam, len(batch))
    operation, entry = set_up(Mixup, p, alpha=alpha, lam=fixed, keep_base=keep_base, partner=partner)
    meeting = meet(batch, streams, labels, num_classes, operation, indices)
    if each is None:
        programs = plan(batch, entry, streams)
    else:
        pairs = zip(each, batch.shapes, strict=True)
        programs = [operation.blend(share, shape, 0).steps for share, shape in pairs]
    mixed = mix(batch, meeting, programs)
    followed = annotations.follow(mixed.programs, meeting.partners)
    return Mixed(mixed.images, mixed.labels, mixed.lam, None, mixed.indices, streams.seed, *followed)
