"""Labels of rows from plain values: names, indices, several names or indices a row, weights per class."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.samples import SoftLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

MOST_INDICES = 1_000_000
"""Indices from here on are taken as identifiers, not as classes."""

WHOLE_LIST = (Option("classes", "FILE"), " with all names")


class Labelling(NamedTuple):
    """A label per row (None where unlabelled), and the names of all classes in index order."""

    labels: list[SoftLabel | None]
    classes: tuple[str, ...] | None

    @property
    def is_numbered(self) -> bool:
        """True if the classes have no names but their numbers."""
        return self.classes is not None and self.classes == number_classes(len(self.classes))


def number_classes(count: int) -> tuple[str, ...]:
    """Return names for classes without names: their indices, padded so that sorting keeps their order."""
    digits = len(str(max(count - 1, 0)))
    return tuple(f"{index:0{digits}d}" for index in range(count))


def label_by_name(names: Sequence[str | None], classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by class name; None and the empty name are unlabelled.

    Args:
        names: A class name per row.
        classes: The class list; None takes the names that occur, sorted.

    Raises:
        InputError: If a name is not in the class list.
    """
    classes = _list_names({name for name in names if name}, classes)
    by_name: dict[str | None, SoftLabel | None] = {
        name: SoftLabel((i,), (1.0,)) for i, name in enumerate(classes)
    }
    return Labelling([by_name.get(name) for name in names], classes or None)


def label_by_names(rows: Iterable[Sequence[str | None] | None], classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by several class names each, all of weight 1; rows without any are unlabelled.

    Raises:
        InputError: If a name is not in the class list.
    """
    cleaned = [None if row is None else {name for name in row if name} for row in rows]
    classes = _list_names(set().union(*filter(None, cleaned)), classes)
    index = {name: number for number, name in enumerate(classes)}
    indices = [sorted(index[name] for name in row) if row else None for row in cleaned]
    return Labelling(_intern(indices), classes or None)


def label_by_index(indices: Sequence[int | None], classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by class index; None and negative indices are unlabelled.

    Without a class list the classes are named by their index, padded with zeros so that sorting keeps
    the order.

    Raises:
        InputError: If an index is beyond the class list.
    """
    largest = max((index for index in indices if index is not None), default=-1)
    classes = _list_indices(largest, classes)
    interned = [SoftLabel((i,), (1.0,)) for i in range(len(classes))]
    labels = [interned[index] if index is not None and index >= 0 else None for index in indices]
    return Labelling(labels, classes or None)


def check_unlabelled(indices: NDArray[np.integer], what: str) -> None:
    """Refuse negative numbers but -1, which stands for no label.

    Raises:
        InputError: Naming the first.
    """
    if len(wrong := indices[indices < -1]):
        raise InputError(f"{what} holds {wrong[0]}, which is not the index of a class; write -1 for no label")


def label_by_indices(
    rows: Iterable[Sequence[int] | None], classes: tuple[str, ...] | None, what: str = "a label"
) -> Labelling:
    """Label rows by several class indices each, all of weight 1; rows without any are unlabelled.

    Raises:
        InputError: If an index is negative, stands twice in a row, or is beyond the class list.
    """
    listed = [None if row is None else sorted(row) for row in rows]
    check_indices(listed, what)
    classes = _list_indices(max((row[-1] for row in listed if row), default=-1), classes)
    return Labelling(_intern(listed), classes or None)


def check_indices(rows: Iterable[Sequence[int] | None], what: str) -> None:
    """Refuse lists with a negative number or a number twice: they cannot be class indices.

    Raises:
        InputError: Naming the first such row.
    """
    for number, row in enumerate(rows):
        if row and (min(row) < 0 or len(set(row)) < len(row)):
            problem = "a negative number" if min(row) < 0 else "a number twice"
            raise InputError(
                f"{what}: the list in row {number}, {row[:9]}, holds {problem}: neither indices of classes"
                " nor weights; write each class once, or a weight in 0..1 for each class"
            )


def list_parts(
    matrix: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return the classes, the weights and their number per row of a matrix with a weight for each class."""
    rows, columns = np.nonzero(matrix)
    return columns, matrix[rows, columns], np.bincount(rows, minlength=len(matrix))


def label_by_parts(
    classes: NDArray[np.int64],
    weights: NDArray[np.float64],
    counts: NDArray[np.int64],
    names: tuple[str, ...] | None,
) -> Labelling:
    """Label rows by classes and their weights; rows of count 0 are unlabelled.

    Args:
        classes: Class indices, row after row, ascending in each row.
        weights: Their weights, as many.
        counts: How many of them each row has.
        names: The class list; None names classes by their index.

    Raises:
        InputError: If an index is beyond the class list, or a weight is negative or not finite.
    """
    names = _list_indices(int(classes.max(initial=-1)), names)
    ends = np.cumsum(counts)
    if len(classes) and classes.min() < 0:
        raise InputError("a class index is negative; correct it, or write -1 alone for no label")
    interned: dict[tuple[tuple[int, ...], tuple[float, ...]], SoftLabel] = {}
    _check_weights(weights, ends)
    labels: list[SoftLabel | None] = []
    all_classes, all_weights = classes.tolist(), weights.tolist()
    start = 0
    for end in ends.tolist():
        label = None
        if end > start:
            key = (tuple(all_classes[start:end]), tuple(all_weights[start:end]))
            label = interned.get(key)
            if label is None:
                label = interned[key] = SoftLabel(*key)
        labels.append(label)
        start = end
    return Labelling(labels, names or None)


def gives_all(*labellings: Labelling | None) -> bool:
    """True if every label gives every class some weight, as smoothing does."""
    labels = [label for part in labellings if part for label in distinct_labels(part)]
    count = max((len(part.classes or ()) for part in labellings if part), default=0)
    return count > 1 and bool(labels) and all(len(label.classes) == count for label in labels)


def rename_classes(labelling: Labelling, classes: tuple[str, ...]) -> Labelling:
    """Return labels with the indices that their classes have in another class list.

    Raises:
        InputError: If the other list lacks a class.
    """
    names = labelling.classes or ()
    lost = sorted(set(names).difference(classes))
    if lost:
        raise InputError(
            f"class {lost[0]!r} ({len(lost)} such) is not in the class list {some(classes)}; add it there,"
            " or correct it"
        )
    by_name = {name: index for index, name in enumerate(classes)}
    return move_classes(labelling, classes, {index: by_name[name] for index, name in enumerate(names)})


def move_classes(labelling: Labelling, classes: tuple[str, ...], place: Mapping[int, int]) -> Labelling:
    """Return labels over another class list; those with a class that has no place there are None.

    Args:
        labelling: The labels.
        classes: The other list.
        place: The index there of each class, by its own.
    """
    moved: dict[int, SoftLabel | None] = {}
    for label in distinct_labels(labelling):
        if not all(index in place for index in label.classes):
            moved[id(label)] = None
            continue
        pairs = sorted((place[old], weight) for old, weight in zip(label.classes, label.weights, strict=True))
        moved[id(label)] = SoftLabel(tuple(new for new, _ in pairs), tuple(weight for _, weight in pairs))
    return Labelling([None if label is None else moved[id(label)] for label in labelling.labels], classes)


def distinct_labels(labelling: Labelling) -> Iterable[SoftLabel]:
    """Return the labels that occur, objects that many rows share once."""
    return {id(label): label for label in labelling.labels if label is not None}.values()


def _list_names(present: set[str], classes: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the class list: the given names, or the names that occur."""
    if classes is None:
        return tuple(sorted(present))
    unknown = sorted(present.difference(classes))
    if unknown:
        raise InputError(
            f"unknown class {unknown[0]!r} ({len(unknown)} such); the class list has {some(classes)}"
        )
    return classes


def _list_indices(largest: int, classes: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the class list: the given names, or numbers up to the largest index."""
    if classes is None and largest >= MOST_INDICES:
        named = Option("classes", "FILE"), " with names"
        raise InputError(f"label {largest} looks like a number of something else; give ", *named)
    if classes is None:
        return number_classes(largest + 1)
    if largest >= len(classes):
        raise InputError(f"label {largest} is beyond the {len(classes)} classes; give ", *WHOLE_LIST)
    return classes


def _intern(rows: Sequence[Sequence[int] | None]) -> list[SoftLabel | None]:
    """Return labels of weight 1 for each of some classes, equal ones once."""
    keys = [tuple(row) if row else None for row in rows]
    known = {key: SoftLabel(key, (1.0,) * len(key)) for key in set(keys) if key}
    return [known[key] if key else None for key in keys]


def _check_weights(weights: NDArray[np.float64], ends: NDArray[np.int64]) -> None:
    """Refuse weights that are negative or not finite."""
    wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(wrong):
        number = int(np.searchsorted(ends, wrong[0], side="right"))
        raise InputError(f"row {number} has a weight that is negative or not finite; correct it")
