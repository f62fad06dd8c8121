"""A whole recipe on images in memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.arrays.annotations import read_annotations
from augcli.arrays.batch import read_images
from augcli.arrays.labels import check_can_smooth, read_labels
from augcli.arrays.partners import check_can_mix, find_partners
from augcli.arrays.planning import count_all_shares, mix_weights
from augcli.arrays.results import Applied
from augcli.arrays.streams import Streams
from augcli.errors import Option, PlanError, Reminder, UsageError
from augcli.ops.erase import Erase
from augcli.options import option_fields
from augcli.program.annotated import BoxRule
from augcli.program.boxes_and_masks import BLENDED_MASKS
from augcli.program.labels import smooth_weight
from augcli.recipe import Recipe
from augcli.recipe_files import open_recipe
from augcli.recipe_keys import INPUT_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.arrays.batch import Batch
    from augcli.arrays.labels import LabelWeights
    from augcli.arrays.streams import Seed
    from augcli.program.steps import Program, Step
    from augcli.rng import Draws
    from augcli.samples import Edges, Shape

USED = {
    "seed", "mask_fill", "mask_policy", "box_policy", "min_visibility", "min_paste_visibility",
    "min_area", "min_size",
    "smoothing", "smoothing_form",
}  # fmt: skip
"""Options of a recipe, beside its operations, that arrays have a use for; the others are about files."""


class Chain(NamedTuple):
    """The plan of an image: its steps, its partners by slot, and the names and reasons of operations."""

    steps: Program
    partners: list[int]
    operations: tuple[str, ...]
    reasons: tuple[str, ...]


def apply(
    recipe: Recipe | Mapping[str, Any] | str | os.PathLike[str],
    images: Any,
    labels: Any = None,
    *,
    num_classes: int | None = None,
    seed: Seed | str = "recipe",
    same_on_batch: bool = False,
    masks: Any = None,
    bboxes: Any = None,
    box_rule: BoxRule | None = None,
) -> Applied:
    """Apply a whole recipe to a batch: chains, `one_of`, probabilities, rules on partners, smoothing.

    The images are planned as a data set of the keys `0`, `1`, `2`, ... would be: operations draw by their
    places in the recipe, so a recipe of one operation does not draw what its function draws. Each image gives
    one new image. What a recipe says of files (`copies`, `size`, `quality`, ...) has no effect here, and a
    warning names it.

    Args:
        recipe: A mapping with the keys of a recipe, the path of a TOML file or of an `augcli.json`, or a
            `Recipe`.
        images: (N, H, W, C) or a list of (H, W, C) or (H, W); uint8 or uint16, C = 1, 3 or 4; one image is
            enough where nothing mixes.
        labels: (N,) indices or (N, K) weights; None for images alone.
        num_classes: K; needed where labels are indices.
        seed: A whole number in 0..2**64 - 1, a tuple of such, or None for a fresh one; `recipe` takes the
            recipe's own, the same for every call.
        same_on_batch: True gives all images the same draws.
        masks: As for `cutmix`; holes by the recipe's `mask-fill`, blends by its `mask-policy`.
        bboxes: As for `cutmix`.
        box_rule: Which boxes stay, and how; the recipe's where None.

    Raises:
        InputError: If a recipe file cannot be read.
        UsageError: If the recipe is not accepted.
        PlanError: If an array has a shape, type or value that is not accepted.

    Example:
        >>> import numpy as np
        >>> images = [np.full((4, 4), level, np.uint8) for level in (0, 200)]
        >>> cutmix = {"kind": "cutmix", "lam": 0.75, "boundary": "inside"}
        >>> recipe = {"op": [cutmix, {"kind": "mixup", "lam": 0.5}]}
        >>> applied = apply(recipe, images, [0, 1], num_classes=2)
        >>> applied.labels.tolist(), applied.operations[0]
        ([[0.375, 0.625], [0.625, 0.375]], ('cutmix', 'mixup'))
        >>> float(applied.images[0].mean()) / 200
        0.625
    """
    if not isinstance(recipe, Mapping | Recipe | str | os.PathLike):
        raise PlanError(f"recipe must be a mapping, a Recipe or a path, got {type(recipe).__name__}")
    opened = open_recipe(recipe)
    loaded = opened.recipe
    if not opened.is_stored:  # there all options stand, whoever chose them
        _name_what_is_unused(loaded)
    batch, slots = read_images(images), len(loaded.mixing_entries)
    if slots:
        check_can_mix(len(batch))
    own_seed = isinstance(seed, str) and seed == "recipe"
    streams = Streams.of_recipe(len(batch), loaded.seed if own_seed else seed, same_on_batch)  # type: ignore[arg-type]
    _check_clean_split(loaded, streams)
    weights = None if labels is None else read_labels(labels, len(batch), num_classes)
    rule = box_rule or loaded.box_rule
    annotations = read_annotations(batch, masks, bboxes, rule, loaded.mask_fill, loaded.mask_policy)
    _check_blends(loaded, masks)
    partners = find_partners(streams, weights and weights.values, loaded.partner_rule, slots)
    operations = [choice.operation for entry in loaded.entries for choice in entry.choices]
    chains = plan_chains(batch, loaded, streams, partners, annotations.boxes_for(operations))
    programs = [chain.steps for chain in chains]
    indices = np.repeat(np.arange(len(batch))[:, None], slots, axis=1)
    for number, chain in enumerate(chains):
        indices[number, : len(chain.partners)] = chain.partners
    shares = count_all_shares(batch, programs, slots)
    mixed = None
    if weights is not None:
        mixed = _smooth(loaded, weights._replace(values=mix_weights(weights.values, shares, indices)))
    return Applied(
        batch.apply(programs, indices),
        mixed,
        np.array([share.lam for share in shares]),
        indices,
        [chain.operations for chain in chains],
        [chain.reasons for chain in chains],
        streams.seed,
        *annotations.follow(programs, indices),
    )


def plan_chains(
    batch: Batch,
    recipe: Recipe,
    streams: Streams,
    partners: NDArray[np.int64],
    boxes: Sequence[Sequence[Edges]] | None = None,
) -> list[Chain]:
    """Plan each image from draws, its size, its boxes, and its possible partners, (N, slots)."""
    drawn = [
        streams.draw(max((choice.operation.streams for choice in entry.choices), default=0), place)
        for place, entry in enumerate(recipe.entries)
    ]
    rows = zip(*drawn, strict=True) if drawn else [()] * len(batch)
    images = zip(rows, batch.shapes, partners.tolist(), boxes or repeat(()), strict=False)
    return [_plan_chain(number, recipe, *image) for number, image in enumerate(images)]


def _plan_chain(
    number: int,
    recipe: Recipe,
    draws: tuple[Draws, ...],
    shape: Shape,
    others: list[int],
    boxes: Sequence[Edges],
) -> Chain:
    """Plan the steps of all operations of an image, one after the other."""
    steps: list[Step] = []
    partners: list[int] = []
    names: list[str] = []
    reasons: list[str] = []
    slots = iter(others)
    for entry, numbers in zip(recipe.entries, draws, strict=True):
        other = next(slots) if entry.mixes else number
        operation = entry.draw(numbers)
        if operation is None:
            continue
        plan = operation.plan(numbers, shape, len(partners), boxes)
        reason = plan.reason
        if plan.steps and operation.mixes and other == number:
            reason = f"no partner of {recipe.partner_rule}"
        if reason:
            reasons.append(f"{operation.name}: {reason}")
            continue
        steps += plan.steps
        names.append(operation.name)
        if operation.mixes:
            partners.append(other)
    if recipe.entries and not names and not reasons:
        reasons.append("not drawn")
    return Chain(tuple(steps), partners, tuple(names), tuple(reasons))


def _name_what_is_unused(recipe: Recipe) -> None:
    """Warn of options that have no effect on arrays: those that are not the default."""
    plain = Recipe()
    names = [*INPUT_KEYS, *(field.name for field in option_fields(Recipe) if field.name not in USED)]
    unused = [name for name in names if getattr(recipe, name) != getattr(plain, name)]
    if unused:
        listed = ", ".join(unused)
        warnings.warn(Reminder(f"apply: {listed} of the recipe have no effect on arrays"), stacklevel=3)


def _check_clean_split(recipe: Recipe, streams: Streams) -> None:
    """Refuse to leave a share of the images clean, and to treat all of them alike."""
    operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
    if streams.same_on_batch and any(isinstance(each, Erase) and each.clean_split for each in operations):
        both = Option("clean_split"), " and ", Option("same_on_batch")
        raise UsageError("erase: ", *both, " both decide which images are left clean; give one of them")


def _check_blends(recipe: Recipe, masks: Any) -> None:
    """Refuse masks where an operation may blend them and no policy says how."""
    operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
    if masks is not None and recipe.mask_policy is None and any(each.blends for each in operations):
        raise PlanError(*BLENDED_MASKS)


def _smooth(recipe: Recipe, weights: LabelWeights) -> NDArray[np.float64]:
    """Smooth labels as the recipe says."""
    if not recipe.smoothing:
        return weights.values
    check_can_smooth(weights, recipe.smoothing_form)
    return smooth_weight(weights.values, weights.values.shape[1], recipe.smoothing, recipe.smoothing_form)
