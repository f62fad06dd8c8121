"""One class list for labels that were read apart: splits, and directories of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.labels.labelling import Labelling
from augcli.samples import SoftLabel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Fitted(NamedTuple):
    """Labels under another class list, names of classes that it lacks, and what is to be said."""

    labelling: Labelling
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def unite_lists(labellings: Sequence[Labelling]) -> tuple[str, ...] | None:
    """Return one class list for several: where they differ, names sorted, or the longest of numbers.

    Raises:
        InputError: If some have names and others numbers, and a number has no name.
    """
    lists = list(dict.fromkeys(own.classes for own in labellings if own.classes))
    if len(lists) < 2:
        return lists[0] if lists else None
    numbered = [own.classes for own in labellings if own.classes and own.is_numbered]
    named = [own for own in lists if own not in numbered]
    if not named:
        return max(lists, key=len)
    if numbered:
        if len(named) > 1 or max(map(len, numbered)) > len(named[0]):
            raise InputError(
                f"some labels are numbers up to {max(map(len, numbered)) - 1}, others are names"
                f" ({some(named[0])}); give ",
                Option("classes", "FILE"),
                " with all names in index order, or labels of one kind",
            )
        return named[0]
    return tuple(sorted({name for own in named for name in own}))


def fit_classes(labelling: Labelling, classes: tuple[str, ...] | None) -> Fitted:
    """Return labels under another class list, by name; numbers are indices into it.

    Labels of a class that the list lacks are None.

    Raises:
        InputError: If the labels are names and the class list is of numbers.
    """
    own = labelling.classes
    if own is None or own == classes or classes is None:
        return Fitted(Labelling(labelling.labels, classes))
    if labelling.is_numbered:
        place = {index: index for index in range(min(len(own), len(classes)))}
        is_named = not Labelling([], classes).is_numbered
        notes = ("labels that are numbers take the class names of the others",) if is_named else ()
        return _move(labelling, classes, place, notes)
    if Labelling([], classes).is_numbered and not set(own) <= set(classes):
        raise InputError(
            f"labels are names ({some(own)}) in one split and numbers up to {len(classes) - 1} in another;"
            " give ",
            Option("classes", "FILE"),
            " with all names in index order",
        )
    by_name = {name: index for index, name in enumerate(classes)}
    place = {index: by_name[name] for index, name in enumerate(own) if name in by_name}
    return _move(labelling, classes, place, ())


def _move(
    labelling: Labelling, classes: tuple[str, ...], place: Mapping[int, int], notes: tuple[str, ...]
) -> Fitted:
    """Return labels with other indices; those with a class that has no place become None."""
    own = labelling.classes or ()
    moved: dict[int, SoftLabel | None] = {}
    lost: set[int] = set()
    for label in labelling.labels:
        if label is None or id(label) in moved:
            continue
        missing = [index for index in label.classes if index not in place]
        lost.update(missing)
        if missing:
            moved[id(label)] = None
            continue
        pairs = sorted((place[old], weight) for old, weight in zip(label.classes, label.weights, strict=True))
        moved[id(label)] = SoftLabel(tuple(new for new, _ in pairs), tuple(weight for _, weight in pairs))
    labels = [None if label is None else moved[id(label)] for label in labelling.labels]
    return Fitted(Labelling(labels, classes), tuple(own[index] for index in sorted(lost)), notes)
