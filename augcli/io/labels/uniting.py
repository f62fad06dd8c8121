"""One class list for labels that were read apart: splits, and directories of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.labels.labelling import Labelling, distinct_labels, move_classes

if TYPE_CHECKING:
    from collections.abc import Sequence


class Fitted(NamedTuple):
    """Labels under another class list, names of classes that it lacks, and notes."""

    labelling: Labelling
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def unite_lists(labellings: Sequence[Labelling]) -> tuple[str, ...] | None:
    """Return one class list for several: where they differ, names sorted, or the longest of numbers.

    Raises:
        InputError: If some have names and others numbers, and a number has no name.
    """
    lists = list(dict.fromkeys(part.classes for part in labellings if part.classes))
    if len(lists) < 2:
        return lists[0] if lists else None
    numbered = [part.classes for part in labellings if part.classes and part.is_numbered]
    named = [names for names in lists if names not in numbered]
    if not named:
        return max(lists, key=len)
    if all(map(_are_numbers, lists)):  # names that are numbers, in some of which one is missing
        return tuple(sorted({name for names in lists for name in names}))
    if numbered:
        if len(named) > 1 or max(map(len, numbered)) > len(named[0]):
            raise InputError(
                f"some labels are numbers up to {max(map(len, numbered)) - 1}, others are names"
                f" ({some(named[0])}); give ",
                Option("classes", "FILE"),
                " with all names in index order, or labels of one kind",
            )
        return named[0]
    return tuple(sorted({name for names in named for name in names}))


def fit_classes(labelling: Labelling, classes: tuple[str, ...] | None, are_names: bool = False) -> Fitted:
    """Return labels under another class list, by name; numbers are indices into a list of other names.

    Where all names of the list are numbers, numbers are such names: a split without images of `1` has the
    classes `0` and `2`, and index 1 does not mean `2`. Labels of a class that the list lacks are None.

    Args:
        labelling: The labels.
        classes: The other list.
        are_names: Whether the labels are names even where they look like numbers, as class folders are.

    Raises:
        InputError: If the labels are names and the class list is of numbers.
    """
    former = labelling.classes
    if former is None or former == classes or classes is None:
        return Fitted(Labelling(labelling.labels, classes))
    notes: tuple[str, ...] = ()
    place = _find_places(former, classes)
    if labelling.is_numbered and not are_names and not _are_numbers(classes):
        place = {index: index for index in range(min(len(former), len(classes)))}
        notes = ("labels that are numbers take the class names of the others",)
    elif len(place) < len(former) and not (are_names or _are_numbers(former)) and _are_indices(classes):
        raise InputError(
            f"labels are names ({some(former)}) in one split and numbers up to {len(classes) - 1} in another;"
            " give ",
            Option("classes", "FILE"),
            " with all names in index order",
        )
    used = {index for label in distinct_labels(labelling) for index in label.classes}
    lost = tuple(former[index] for index in sorted(used) if index not in place)
    return Fitted(move_classes(labelling, classes, place), lost, notes)


def _find_places(former: tuple[str, ...], classes: tuple[str, ...]) -> dict[int, int]:
    """Return the index that each class has in another list, by name; of numbers by their value, too."""
    by_name: dict[object, int] = {name: index for index, name in enumerate(classes)}
    if _are_numbers(former) and _are_numbers(classes):  # `1` is `01` where a longer list pads it
        by_name |= {int(name): index for index, name in enumerate(classes)}
        places = [by_name.get(name, by_name.get(int(name))) for name in former]
    else:
        places = [by_name.get(name) for name in former]
    return {index: place for index, place in enumerate(places) if place is not None}


def _are_indices(names: tuple[str, ...]) -> bool:
    """True if names are the numbers of classes that were given no names."""
    return Labelling([], names).is_numbered


def _are_numbers(names: tuple[str, ...]) -> bool:
    """True if all names are numbers."""
    return all(name.isascii() and name.isdigit() for name in names)
