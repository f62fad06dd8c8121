"""What is worth a line in the summary before anything is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.errors import Note, Option
from augcli.io.split_words import find_words
from augcli.io.store.names import DATA_YAML
from augcli.pipeline.output.documents import label_notes
from augcli.pipeline.plan.rings import same_class_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.labels.facts import LabelFacts
    from augcli.io.readers.base import Source
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe


def list_notes(recipe: Recipe, source: Source, splits: Sequence[Split]) -> list[str]:
    """Return what is worth a line before anything is made: of the input, and of what is planned with it."""
    have_classes = {split.catalogue.split: bool(split.catalogue.classes) for split in splits}
    return [
        *source.notes,
        *label_notes(recipe, have_classes),
        *_smoothing_notes(recipe, source.labelled),
        *_class_notes(splits),
        *_balance_notes(recipe, source),
        *_carried_notes(recipe, source.carried.features),
        *_pair_notes(splits),
        *_validation_notes(recipe, splits),
    ]


def _smoothing_notes(recipe: Recipe, labelled: LabelFacts) -> list[str]:
    """Return a note if the input's labels were smoothed, and what becomes of it."""
    if not labelled.smoothing or recipe.smoothing:
        return []
    said = f"the labels of the input were smoothed (ε = {labelled.smoothing})"
    if labelled.is_smoothed:
        return [f"{said}, and stay so"]
    again = Option("smoothing"), f" {labelled.smoothing} to have them smoothed"
    return [Note(f"{said}; those of this output are not; give ", *again)]


def _class_notes(splits: Sequence[Split]) -> list[str]:
    """Return a note if mixing cannot change a label, which is hardly what was meant."""
    for split in splits:
        classes = split.catalogue.classes
        if split.job.recipe.mixing_entries and classes and len(classes) == 1:
            return [f"all images are of one class, {classes[0]!r}: mixing leaves labels as they are"]
    return []


def _balance_notes(recipe: Recipe, source: Source) -> list[str]:
    """Return a note if classes are balanced by images, while these hold boxes."""
    if recipe.target_per_class is None or source.annotated.boxes is None:
        return []
    return [Note(Option("target_per_class"), " counts images by their labels, not the boxes in them")]


def _carried_notes(recipe: Recipe, features: dict[str, Any]) -> list[str]:
    """Return a note on each column of classes that is carried along while images are mixed."""
    if not recipe.mixing_entries:
        return []
    return [
        f"column {name!r} holds classes of the base alone: mixing changes the label, not this column"
        for name, feature in features.items()
        if _holds_classes(feature)
    ]


def _holds_classes(feature: Any) -> bool:
    """True if a column's values are class labels, or lists of them."""
    while isinstance(feature, dict) and feature.get("_type") in ("Sequence", "List", "LargeList"):
        feature = feature.get("feature")
    return isinstance(feature, dict) and feature.get("_type") == "ClassLabel"


def _validation_notes(recipe: Recipe, splits: Sequence[Split]) -> list[str]:
    """Return a note if programs for YOLO get images to validate with that are also trained with."""
    names = [split.catalogue.split for split in splits]
    if recipe.format != "yolo" or any("validation" in find_words(name) for name in names):
        return []
    return [f"there is no split to validate with, so {DATA_YAML} names that of the training images as `val`"]


def _pair_notes(splits: Sequence[Split]) -> list[str]:
    """Return a note if pairs share a class much more often than random ones would: shards sorted by class.

    A folder's ring is shuffled whole, so there it could only be chance.
    """
    notes = []
    for split in splits:
        recipe, is_cut = split.job.recipe, split.source.mixes_within_chunks
        if is_cut and recipe.mixing_entries and recipe.partner_rule == "any" and split.catalogue.classes:
            planned, random = same_class_shares(split.catalogue, split.rings)
            if planned > 2 * random:
                notes.append(f"{planned:.0%} of planned pairs share a class, {random:.0%} of random ones do")
    return notes
