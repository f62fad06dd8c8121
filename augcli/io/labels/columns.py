"""Labels from columns: names, indices, ClassLabels, or weights per class, as soft labels."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from augcli.errors import InputError, StorageError
from augcli.samples import SoftLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.io.store.locations import Location


MOST_INDICES = 1_000_000
"""Indices from here on are taken as identifiers, not as classes."""


class Labelling(NamedTuple):
    """A label per row (None where unlabelled), and the names of all classes in index order."""

    labels: list[SoftLabel | None]
    classes: tuple[str, ...] | None


def read_class_list(file: Location) -> tuple[str, ...]:
    """Read a class list: one name a line, in index order.

    Raises:
        InputError: If it cannot be read, is empty, or names a class twice.
    """
    try:
        text = io.TextIOWrapper(io.BytesIO(file.read()), "utf-8-sig").read()  # any line ends
    except (StorageError, UnicodeDecodeError) as error:
        raise InputError(f"--classes {file.name!r} cannot be read: {_explain(error, file.name)}") from error
    names = tuple(line for line in text.split("\n") if line)
    if not names or len(set(names)) < len(names):
        raise InputError(f"--classes {file.name!r} must name each class once, one a line")
    return names


def _explain(error: Exception, name: str) -> str:
    """Return the words of what kept a file from being read: the system's own where it did."""
    cause = error.__cause__
    return str(OSError(cause.errno, cause.strerror, name) if isinstance(cause, OSError) else error)


def label_by_name(names: Sequence[str | None], classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by class name; None and the empty name are unlabelled.

    Args:
        names: A class name per row.
        classes: The class list; None takes the names that occur, sorted.

    Raises:
        InputError: If a name is not in the class list.
    """
    present = {name for name in names if name}
    if classes is None:
        classes = tuple(sorted(present))
    unknown = sorted(present.difference(classes))
    if unknown:
        raise InputError(
            f"unknown class {unknown[0]!r} ({len(unknown)} such); the class list has {_some(classes)}"
        )
    by_name: dict[str | None, SoftLabel | None] = {
        name: SoftLabel((i,), (1.0,)) for i, name in enumerate(classes)
    }
    return Labelling([by_name.get(name) for name in names], classes or None)


def label_by_index(indices: Sequence[int | None], classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by class index; None and negative indices are unlabelled.

    Without a class list the classes are named by their index, padded with zeros so that sorting keeps
    the order.

    Raises:
        InputError: If an index is beyond the class list.
    """
    largest = max((index for index in indices if index is not None), default=-1)
    if classes is None and largest >= MOST_INDICES:
        raise InputError(
            f"label {largest} looks like a number of something else; give --classes FILE with names"
        )
    if classes is None:
        digits = len(str(max(largest, 0)))
        classes = tuple(f"{i:0{digits}d}" for i in range(largest + 1))
    if largest >= len(classes):
        raise InputError(
            f"label {largest} is beyond the {len(classes)} classes; give --classes FILE with all names"
        )
    interned = [SoftLabel((i,), (1.0,)) for i in range(len(classes))]
    labels = [interned[index] if index is not None and index >= 0 else None for index in indices]
    return Labelling(labels, classes or None)


def label_by_weights(
    rows: Iterable[Sequence[float | None] | None], classes: tuple[str, ...] | None
) -> Labelling:
    """Label rows by one weight per class; None and rows without any weight are unlabelled.

    Raises:
        InputError: If rows differ in length or a weight is negative or not finite.
    """
    labels: list[SoftLabel | None] = []
    width = len(classes) if classes else None
    for number, row in enumerate(rows):
        if row is None:
            labels.append(None)
            continue
        width = len(row) if width is None else width
        if len(row) != width:
            raise InputError(f"row {number} has {len(row)} weights, expected one for each of {width} classes")
        pairs = [(index, float(weight)) for index, weight in enumerate(row) if weight]
        if any(not math.isfinite(weight) or weight < 0 for _, weight in pairs):
            raise InputError(f"row {number} has a weight that is negative or not finite")
        indices, weights = zip(*pairs, strict=True) if pairs else ((), ())
        labels.append(SoftLabel(indices, weights) if pairs else None)
    if classes is None and width:
        digits = len(str(width - 1))
        classes = tuple(f"{i:0{digits}d}" for i in range(width))
    return Labelling(labels, classes or None)


def label_by_column(
    column: pa.ChunkedArray, names: tuple[str, ...] | None, classes: tuple[str, ...] | None
) -> Labelling:
    """Label rows by a column of any accepted type.

    Args:
        column: Strings, integers, or lists of weights.
        names: Class names that the file itself gives (ClassLabel).
        classes: The class list that the user gives; it goes before `names`.

    Raises:
        InputError: If the type is none of these, or a value does not fit.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return label_by_name(column.to_pylist(), classes)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        indices = [None if value is None else int(value) for value in column.to_pylist()]
        if classes and names and classes != names:
            return label_by_name([_find_name(names, index) for index in indices], classes)
        return label_by_index(indices, classes or names)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        check_weights(kind.value_type, "a label column")
        labelling = label_by_weights(column.to_pylist(), names or classes)
        return rename_classes(labelling, classes) if classes and names and classes != names else labelling
    raise InputError(
        f"a label column of type {kind} is not understood; accepted: string, integer, list of weights"
    )


def check_weights(kind: pa.DataType, what: str) -> None:
    """Refuse weights that are not numbers.

    Raises:
        InputError: Naming `what` holds them, and their type.
    """
    accepted = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    if not any(is_kind(kind) for is_kind in accepted):
        raise InputError(f"{what} holds weights of type {kind}; accepted: numbers, one for each class")


def label_texts(texts: Sequence[str | None], classes: tuple[str, ...] | None) -> Labelling:
    """Label rows by text as a CSV has it: names, or where all are whole numbers and no names, indices."""
    distinct = {text for text in texts if text}
    are_numbers = bool(distinct) and all(re.fullmatch(r"-?[0-9]{1,18}", text) for text in distinct)
    if are_numbers and not (classes and distinct <= set(classes)):
        return label_by_index([int(text) if text else None for text in texts], classes)
    return label_by_name(texts, classes)


def rename_classes(labelling: Labelling, classes: tuple[str, ...]) -> Labelling:
    """Return labels with the indices that their classes have in another class list.

    Raises:
        InputError: If the other list lacks a class.
    """
    own = labelling.classes or ()
    lost = sorted(set(own).difference(classes))
    if lost:
        raise InputError(f"class {lost[0]!r} ({len(lost)} such) is not in the class list {_some(classes)}")
    new_index = [classes.index(name) for name in own]
    moved: dict[int, SoftLabel] = {}
    for label in labelling.labels:
        if label is not None and id(label) not in moved:
            pairs = sorted(
                (new_index[old], weight) for old, weight in zip(label.classes, label.weights, strict=True)
            )
            moved[id(label)] = SoftLabel(tuple(new for new, _ in pairs), tuple(weight for _, weight in pairs))
    return Labelling([None if label is None else moved[id(label)] for label in labelling.labels], classes)


def keep_classes(labelling: Labelling, classes: tuple[str, ...]) -> tuple[Labelling, list[str]]:
    """Return labels over another class list; what bears a class that it lacks is unlabelled.

    Returns:
        The labels, and the classes that were lost, sorted.
    """
    own = labelling.classes or ()
    lost = {index for index, name in enumerate(own) if name not in classes}
    if not lost:
        return rename_classes(labelling, classes), []
    kept = [
        None if label is None or not lost.isdisjoint(label.classes) else label for label in labelling.labels
    ]
    # The lost classes stand behind the others, where no label that is left has an index.
    names = sorted({own[index] for index in lost})
    moved = rename_classes(Labelling(kept, labelling.classes), (*classes, *names))
    return Labelling(moved.labels, classes), names


def _find_name(names: tuple[str, ...], index: int | None) -> str | None:
    if index is None or index < 0:
        return None
    if index >= len(names):
        raise InputError(f"label {index} is beyond the file's own {len(names)} class names")
    return names[index]


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
