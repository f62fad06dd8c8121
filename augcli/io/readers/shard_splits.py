"""Splits of shards: which of them is augmented, which classes they have, and notes on them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from augcli.io.labels.labelling import Labelling, distinct_labels
from augcli.io.labels.uniting import fit_classes
from augcli.io.readers.passed_over import describe_lost
from augcli.io.readers.splits import choose_split, describe_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Input, Selection
    from augcli.io.readers.splits import Division
    from augcli.samples import Catalogue


def choose_main(names: Sequence[str], src: Input, selection: Selection) -> str:
    """Return the split that is augmented. Where SRC names files of one split, it is theirs."""
    if src.tree is None and len(names) == 1 and selection.split == "train":
        return names[0]
    return choose_split(names, selection.split)


def describe_division(division: Division, catalogues: Sequence[Catalogue]) -> list[str]:
    """Return what was taken for splits, and which of them hold no rows."""
    if not division.parts:
        return list(division.notes)
    sizes = {catalogue.split: len(catalogue) for catalogue in catalogues}
    empty = [f"split {name!r} holds no rows and is left out" for name in division.parts if name not in sizes]
    return [describe_splits(sizes, division.sign), *division.notes, *empty]


def keep_classes(catalogues: tuple[Catalogue, ...], main: str) -> tuple[tuple[Catalogue, ...], list[str]]:
    """Return catalogues with the classes that occur in the augmented split, and notes on all others."""
    labellings = {split.split: Labelling(list(split.labels), split.classes) for split in catalogues}
    classes = labellings[main].classes or ()
    used = {index for label in distinct_labels(labellings[main]) for index in label.classes}
    kept = tuple(classes[index] for index in sorted(used))
    if not kept:
        return catalogues, []
    fitted_splits, notes = [], []
    for catalogue in catalogues:
        fitted = fit_classes(labellings[catalogue.split], kept, are_names=True)
        fitted_splits.append(replace(catalogue, labels=fitted.labelling.labels, classes=kept))
        notes += [describe_lost(catalogue.split, fitted.lost, main)] if fitted.lost else []
    return tuple(fitted_splits), notes
