"""The operations on arrays in memory: batches (N, H, W, C), ragged lists of (H, W, C), or one image.

They plan with the same planners as data sets on disk and apply with the same kernels, so their labels are
exact and their results depend on the seed alone. A batch is planned as a data set whose keys are `0`, `1`,
`2`, ...; whatever was drawn comes back and can be given again. Nothing passed in is written to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from augcli.arrays.annotations import read_annotations
from augcli.arrays.batch import Batch, read_array, read_images, read_integers, read_labels
from augcli.arrays.results import Holed, Masked, Mixed
from augcli.errors import PlanError
from augcli.ops.base import BOUNDARIES, box_around, place_box
from augcli.ops.cutmix import PLACE, CutMix, box_sides
from augcli.ops.cutout import Cutout
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.ops.patch_cutout import MOST_PATCHES, PatchCutout
from augcli.program.labels import count_shares, smooth_weight
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.recipe import Choice, Entry
from augcli.rng import Draws, draw_many, hash_key
from augcli.samples import Q16, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from augcli.arrays.annotations import Annotations
    from augcli.ops import Operation
    from augcli.ops.base import HoleOperation
    from augcli.program.boxes_and_masks import BoxRule
    from augcli.program.steps import Program

    AnOperation = TypeVar("AnOperation", bound=Operation)


def cutmix(
    images: Any,
    labels: Any = None,
    *,
    alpha: float = 1.0,
    lam: float | None = None,
    minmax: tuple[float, float] | str | None = None,
    boundary: str = "clip",
    p: float = 1.0,
    num_classes: int | None = None,
    seed: int = 0,
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
        >>> held = {"masks": [black[..., 0], white[..., 0]], "bboxes": [[[0, 0, 4, 4]], [[1, 1, 3, 3]]]}
        >>> mixed = cutmix([black, white], boxes=boxes, indices=[1, 0], **held)
        >>> mixed.masks[0].tolist()
        [[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
        >>> mixed.bboxes[0].edges.tolist(), mixed.bboxes[0].visibility.tolist()
        ([[0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 2.0, 2.0]], [0.75, 0.25])
    """
    batch, partners = _pair(images, indices, seed)
    annotations = read_annotations(batch, masks, bboxes, box_rule)
    if boxes is not None:
        given = [Box(*box) for box in read_integers(boxes, (len(batch), 4), "boxes").tolist()]
        programs: list[Program] = [(Paste(box, 0),) if box.area else () for box in given]
    else:
        operation = _set_up(CutMix, alpha=alpha, lam=lam, minmax=minmax, boundary=boundary)
        programs = _plan(batch, operation, p, seed)
    mixed = _mix(batch, programs, partners, labels, num_classes)
    held = [_edges(program[0].area) if program else (0, 0, 0, 0) for program in programs]
    return Mixed(*mixed, np.array(held, np.int64), partners, *annotations.follow(programs, partners))


def mixup(
    images: Any,
    labels: Any = None,
    *,
    alpha: float = 0.2,
    lam: ArrayLike | None = None,
    keep_base: bool = False,
    p: float = 1.0,
    num_classes: int | None = None,
    seed: int = 0,
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
        keep_base: Whether λ becomes max(λ, 1 - λ).
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
    batch, partners = _pair(images, indices, seed)
    annotations = read_annotations(batch, masks, bboxes, box_rule, policy=mask_policy)
    if masks is not None and mask_policy is None:
        raise PlanError("masks of indices cannot be blended; give mask_policy='dominant', or leave out masks")
    given = None if lam is None else read_array(lam, "lam")
    if given is None or given.ndim == 0:
        fixed = None if given is None else given.item()
        programs = _plan(batch, _set_up(Mixup, alpha=alpha, lam=fixed, keep_base=keep_base), p, seed)
    else:
        is_real = given.shape == (len(batch),) and given.dtype.kind in "iuf"
        if not is_real or not ((given >= 0) & (given <= 1)).all():
            raise PlanError(f"lam must be one number or ({len(batch)},) numbers in 0..1")
        weights = np.maximum(given, 1 - given) if keep_base else given
        rounded = np.rint(weights * Q16).astype(int).tolist()
        programs = [
            (Blend(Box(0, 0, shape.height, shape.width), weight, 0),) if weight < Q16 else ()
            for weight, shape in zip(rounded, batch.shapes, strict=True)
        ]
    mixed = _mix(batch, programs, partners, labels, num_classes)
    return Mixed(*mixed, None, partners, *annotations.follow(programs, partners))


def cutout(
    images: Any,
    *,
    holes: int | str | tuple[int, int] = 1,
    length: float | str | tuple[float, float] = 0.5,
    boundary: str = "clip",
    fill: Any = "black",
    mean: Any = "0.485,0.456,0.406",
    std: Any = "0.229,0.224,0.225",
    p: float = 1.0,
    seed: int = 0,
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
        >>> held = cutout(np.zeros((4, 4), np.uint8), boxes=[[[0, 1, 2, 3]]], bboxes=[[0, 0, 4, 3]]).bboxes
        >>> held.edges.tolist(), held.visibility.round(3).tolist()
        ([[0.0, 0.0, 4.0, 3.0]], [0.667])
    """
    options = {"holes": holes, "length": length, "boundary": boundary}
    operation = _set_up(Cutout, **options, fill=fill, mean=mean, std=std)
    batch = read_images(images)
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    return _make_holes(batch, operation, p, seed, boxes, annotations)


def erase(
    images: Any,
    *,
    scale: float | str | tuple[float, float] = (0.02, 0.33),
    ratio: float | str | tuple[float, float] = (0.3, 3.3),
    count: int | str | tuple[int, int] = 1,
    fill: Any = "random",
    mean: Any = "0.485,0.456,0.406",
    std: Any = "0.229,0.224,0.225",
    p: float = 1.0,
    seed: int = 0,
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
    operation = _set_up(Erase, scale=scale, ratio=ratio, count=count, fill=fill, mean=mean, std=std)
    batch = read_images(images)
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    return _make_holes(batch, operation, p, seed, boxes, annotations)


def patch_cutout(
    images: Any,
    *,
    patch_size: int | str | tuple[int, int] = 16,
    ratio: float | str | tuple[float, float] = 0.4,
    fill: Any = "black",
    mean: Any = "0.485,0.456,0.406",
    std: Any = "0.229,0.224,0.225",
    p: float = 1.0,
    seed: int = 0,
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
    operation = _set_up(PatchCutout, patch_size=patch_size, ratio=ratio, fill=fill, mean=mean, std=std)
    batch, size = read_images(images), operation.patch_size
    annotations = read_annotations(batch, masks, bboxes, box_rule, mask_fill)
    if any(math.prod(_grid(shape, size)) > MOST_PATCHES for shape in batch.shapes):
        raise PlanError(f"an image has more than {MOST_PATCHES} patches; give a larger patch_size")
    if patches is None:
        programs = _plan(batch, operation, p, seed)
    else:
        grids = list(patches) if isinstance(patches, Iterable) else []
        if len(grids) != len(batch):
            raise PlanError(f"patches must be given for each of {len(batch)} images, got {len(grids)}")
        programs = [
            (Fill(_hide(grid, shape, size), operation.paint(draws, shape)),)
            for grid, shape, draws in zip(grids, batch.shapes, _draw(batch, operation, seed), strict=True)
        ]
    hidden = [
        np.zeros(_grid(shape, size), np.bool_)
        if not program
        else np.frombuffer(program[0].area.bitmap, np.bool_).reshape(_grid(shape, size)).copy()  # type: ignore[union-attr]
        for program, shape in zip(programs, batch.shapes, strict=True)
    ]
    return Masked(batch.apply(programs), hidden, *annotations.follow(programs))


def smooth_labels(
    labels: Any, epsilon: float = 0.1, *, num_classes: int | None = None, form: str = "uniform"
) -> NDArray[np.float64]:
    """Smooth labels; smoothing and mixing commute.

    Args:
        labels: (N,) indices or (N, K) weights that sum to 1.
        epsilon: ε in 0..1.
        num_classes: K; needed where labels are indices.
        form: `uniform`: (1-ε)·y + ε/K (Szegedy et al. 2016, "Rethinking the Inception Architecture").
            `others`: (1-ε)·y + ε/(K-1) on the other classes.

    Returns:
        (N, K) float64.

    Raises:
        PlanError: If an argument is not accepted, or weights do not sum to 1.

    Example:
        >>> smooth_labels([1], 0.3, num_classes=3, form="others").round(3).tolist()
        [[0.15, 0.7, 0.15]]
    """
    weights = read_labels(labels, None, num_classes)
    classes = weights.shape[1]
    if not isinstance(epsilon, Real) or not 0 <= epsilon <= 1:
        raise PlanError(f"epsilon must be >= 0 and <= 1, got {epsilon}")
    if form not in ("uniform", "others"):
        raise PlanError(f"form must be one of uniform, others, got {form!r}")
    if form == "others" and classes < 2:
        raise PlanError(f"form others needs at least 2 classes, got {classes}; use uniform")
    if np.abs(weights.sum(axis=1) - 1).max(initial=0) > 1e-4:
        raise PlanError("labels that do not sum to 1 (multi-hot) cannot be smoothed")
    return smooth_weight(weights, classes, float(epsilon), form)


def rand_box(
    height: int,
    width: int,
    lam: float,
    *,
    boundary: str = "clip",
    cy: int | None = None,
    cx: int | None = None,
    seed: int = 0,
) -> Box:
    """Draw CutMix's box: sides floor(H·√(1-λ)) and floor(W·√(1-λ)), around a centre uniform over the pixels.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        lam: λ in 0..1, the image's share before the box is clipped.
        boundary: `clip`, or `inside`: uniform over all places where the box fits.
        cy: Row of the centre, instead of a drawn one; needs `cx`, and `clip`.
        cx: Column of the centre.
        seed: 0..2**64 - 1.

    Returns:
        The box, half-open: `y0, x0, y1, x1`, `area`. The label's λ is 1 - area / (height · width).

    Raises:
        PlanError: If an argument lies outside its range.

    Example:
        >>> rand_box(8, 8, 0.75, cy=0, cx=4)
        Box(y0=0, x0=2, y1=2, x1=6)
    """
    are_sides = all(isinstance(side, Integral) and side >= 1 for side in (height, width))
    if not are_sides or not isinstance(lam, Real) or not 0 <= lam <= 1 or boundary not in BOUNDARIES:
        raise PlanError(
            "a box needs height and width >= 1, lam in 0..1 and boundary clip or inside,"
            f" got {height}, {width}, {lam}, {boundary!r}"
        )
    shape = Shape(int(height), int(width))
    sides = box_sides(1 - float(lam), shape)
    if cy is None and cx is None:
        return place_box(Draws(_check_seed(seed), 0, 0, 0), PLACE, *sides, shape, boundary)
    is_inside = all(
        isinstance(at, Integral) and 0 <= at < side for at, side in ((cy, shape.height), (cx, shape.width))
    )
    if cy is None or cx is None or not is_inside or boundary != "clip":
        raise PlanError(f"a centre needs cy in 0..{height - 1}, cx in 0..{width - 1} and boundary clip")
    return box_around(int(cy), int(cx), *sides, shape)


# --- what they share ------------------------------------------------------------------------------------


def _set_up(kind: type[AnOperation], **options: Any) -> AnOperation:
    """Make an operation from options as users write them; its fields read them."""
    return kind(**options)


def _pair(images: Any, indices: ArrayLike | None, seed: int) -> tuple[Batch, NDArray[np.int64]]:
    """Take a batch and find each image's partner: given, or the next one in the order of a keyed hash."""
    batch = read_images(images)
    if len(batch) < 2:
        raise PlanError(f"mixing needs at least 2 images, got {len(batch)}")
    if indices is not None:
        partners = read_integers(indices, (len(batch),), "indices")
        if partners.min() < 0 or partners.max() >= len(batch):
            raise PlanError(f"indices must be in 0..{len(batch) - 1}, got {partners.min()}..{partners.max()}")
        return batch, partners
    order = np.argsort(np.array(_hash_samples(batch, seed), np.uint64), kind="stable")
    partners = np.empty(len(batch), np.int64)
    partners[order] = np.roll(order, -1)
    return batch, partners


def _check_seed(seed: int) -> int:
    if not isinstance(seed, Integral) or not 0 <= int(seed) < 1 << 64:
        raise PlanError(f"seed must be a whole number in 0..2**64 - 1, got {seed!r}")
    return int(seed)


def _hash_samples(batch: Batch, seed: int) -> list[int]:
    seed = _check_seed(seed)
    return [hash_key(str(number), seed) for number in range(len(batch))]


def _draw(batch: Batch, operation: Operation, seed: int) -> list[Draws]:
    return draw_many(_check_seed(seed), 0, 0, _hash_samples(batch, seed), operation.streams + 1)


def _plan(batch: Batch, operation: Operation, p: float, seed: int) -> list[Program]:
    """Plan each image's program."""
    entry = Entry((Choice(operation),), p)
    return [
        operation.plan(draws, shape, 0).steps if entry.draw(draws) else ()
        for draws, shape in zip(_draw(batch, operation, seed), batch.shapes, strict=True)
    ]


def _mix(
    batch: Batch,
    programs: Sequence[Program],
    partners: NDArray[np.int64],
    labels: Any,
    num_classes: int | None,
) -> tuple[Any, NDArray[np.float64] | None, NDArray[np.float64]]:
    """Give mixed images, labels and own shares."""
    weights = None if labels is None else read_labels(labels, len(batch), num_classes)
    shares = [
        count_shares(program, shape.height, shape.width, 1)
        for program, shape in zip(programs, batch.shapes, strict=True)
    ]
    lam = np.array([share.lam for share in shares])
    if weights is not None:
        kept = np.array([share.counts[0] for share in shares], np.float64)[:, None]
        total = np.array([share.total for share in shares], np.float64)[:, None]
        weights = (kept * weights + (total - kept) * weights[partners]) / total
    return batch.apply(programs, partners), weights, lam


def _make_holes(
    batch: Batch, operation: HoleOperation, p: float, seed: int, boxes: Any, annotations: Annotations
) -> Holed:
    """Make drawn or given holes."""
    if boxes is None:
        programs = _plan(batch, operation, p, seed)
    else:
        given = read_integers(boxes, (len(batch), -1, 4), "boxes").tolist()
        programs = [
            tuple(
                Fill(box, operation.paint(draws, shape, hole))
                for hole, box in enumerate(one for one in map(_to_box, held) if one.area)
            )
            for held, shape, draws in zip(given, batch.shapes, _draw(batch, operation, seed), strict=True)
        ]
    found = np.zeros((len(batch), max(map(len, programs), default=0), 4), np.int64)
    for number, program in enumerate(programs):
        for hole, step in enumerate(program):
            found[number, hole] = _edges(step.area)
    return Holed(batch.apply(programs), found, *annotations.follow(programs))


def _edges(area: Any) -> tuple[int, int, int, int]:
    return area.y0, area.x0, area.y1, area.x1


def _grid(shape: Shape, size: Any) -> tuple[int, int]:
    return -(-shape.height // size.height), -(-shape.width // size.width)


def _hide(grid: ArrayLike, shape: Shape, size: Any) -> Patches:
    hidden = read_array(grid, "patches")
    if hidden.shape != _grid(shape, size) or not ((hidden == 0) | (hidden == 1)).all():
        raise PlanError(f"patches must be 0 or 1, of shape {_grid(shape, size)}, got {hidden.shape}")
    return Patches(size.height, size.width, hidden.astype(np.uint8).tobytes())


def _to_box(edges: list[int]) -> Box:
    return Box(*edges)
