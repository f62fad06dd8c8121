"""Two outputs, or two recipes, compared: keys that differ, and outputs of the same sample that do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.io.records.row_digests import KINDS, NAMED_BY, RowDigests, digest_part
from augcli.pipeline.document_differences import KeyDifference
from augcli.recipe_files import write_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from augcli.io.records.parts import Part
    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.recipe import Recipe

NAMED = 5
"""Outputs that are named of those that differ in the same; all are counted."""

ONLY_FIRST, ONLY_SECOND = "only in the first", "only in the second"


class OutputDifference(NamedTuple):
    """How many outputs differ in something, and the first of them, by source and copy."""

    what: str
    number: int
    named: tuple[str, ...]


class Compared(NamedTuple):
    """Two outputs compared.

    Attributes:
        number: How many outputs both have.
        outputs: Outputs that differ, and outputs that only one side has.
        writers: The libraries that wrote the part files of both.
    """

    number: int
    outputs: tuple[OutputDifference, ...]
    writers: tuple[list[str], list[str]]


@dataclass(frozen=True, slots=True)
class Differences:
    """What two outputs or recipes differ in.

    Attributes:
        first: The first one, as it was given.
        second: The second one.
        keys: Keys of their recipes.
        outputs: Outputs of the same sample and copy that differ, and outputs that only one side has.
        compared: How many outputs both have; None where recipes alone were compared.
        documents: What their documents say otherwise beside their recipes: classes, keys of files of boxes.
        writers: The libraries that wrote their part files, where these are others: no difference, since what
            they wrote is compared itself.
    """

    first: str
    second: str
    keys: tuple[KeyDifference, ...]
    outputs: tuple[OutputDifference, ...] = ()
    compared: int | None = None
    documents: tuple[KeyDifference, ...] = ()
    writers: tuple[KeyDifference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.outputs or self.documents)


@dataclass(slots=True)
class _Found:
    """Outputs that differ, counted by what they differ in, and the first of each named."""

    counts: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, part: Part, rows: NDArray[np.bool_]) -> None:
        """Count the rows of a part file that are marked."""
        numbers = np.flatnonzero(rows)
        self.counts[what] += len(numbers)
        names = self.named.setdefault(what, [])
        if len(numbers) and len(names) < NAMED:
            names += _name_rows(part, numbers[: NAMED - len(names)])

    def list(self) -> tuple[OutputDifference, ...]:
        """Return all of them, in the order of the kinds."""
        order = (*KINDS, ONLY_FIRST, ONLY_SECOND)
        return tuple(
            OutputDifference(what, self.counts[what], tuple(self.named[what]))
            for what in order
            if self.counts[what]
        )


def compare_recipes(
    first: Recipe, second: Recipe, is_open: tuple[bool, bool] = (False, False)
) -> tuple[KeyDifference, ...]:
    """Return the keys in which two recipes differ; keys of operations by the operation's place.

    Args:
        first: A recipe.
        second: Another one.
        is_open: Which of them are files, whose keys without a value are decided by the input: beside the
            recipe of an output these do not count.
    """
    keys = [_list_keys(recipe) for recipe in (first, second)]
    differences = []
    for key in dict.fromkeys([*keys[0], *keys[1]]):
        values = [of_recipe.get(key) for of_recipe in keys]
        if _is_of_another(key, *keys):
            continue
        undecided = any(value is None and open_ for value, open_ in zip(values, is_open, strict=True))
        if values[0] != values[1] and not (undecided and is_open[0] != is_open[1]):
            differences.append(KeyDifference(key, *values))
    return tuple(differences)


def compare_outputs(first: StoredOutput, second: StoredOutput) -> Compared:
    """Compare the outputs of the same samples.

    Memory holds 48 bytes of each output of the first one.

    Raises:
        OutputError: If a part file is damaged.
        StorageError: If the machine fails.
    """
    writers: tuple[set[str], set[str]] = (set(), set())
    known = _gather(first, writers[0])
    differences, is_met = _Found(), np.zeros(len(known.names), np.bool_)
    for part, rows in _read_rows(second, writers[1]):
        places, is_known = _look_up(known.names, rows.names)
        differences.add(ONLY_SECOND, part, ~is_known)
        is_met[places[is_known]] = True
        differs = known.cells[places] != rows.cells if len(is_met) else np.zeros_like(rows.cells, np.bool_)
        for column, kind in enumerate(KINDS):
            differences.add(kind, part, is_known & differs[:, column])
    if not is_met.all():
        for part, rows in _read_rows(first, writers[0]):
            places, _ = _look_up(known.names, rows.names)
            differences.add(ONLY_FIRST, part, ~is_met[places])
    return Compared(int(is_met.sum()), differences.list(), (sorted(writers[0]), sorted(writers[1])))


def _is_of_another(key: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """True if a key belongs to an operation that the other recipe lacks in this place: its name says all."""
    place, _, name = key.rpartition(": ")
    kind = f"{place}: kind"
    return bool(place) and name != "kind" and first.get(kind) != second.get(kind)


def _list_keys(recipe: Recipe) -> dict[str, Any]:
    """Return every key of a recipe and its value."""
    written = write_recipe(recipe)
    return written | {
        f"op {place}{key}": value
        for place, operation in enumerate(written.pop("op"), 1)
        for key, value in _flatten(operation)
    }


def _flatten(operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the keys of an entry: of its operation, or of each choice where it is one of several."""
    for key, value in operation.items():
        if key != "one_of":
            yield f": {key}", value
            continue
        for place, choice in enumerate(value, 1):
            yield from ((f", choice {place}: {name}", chosen) for name, chosen in choice.items())


def _gather(output: StoredOutput, writers: set[str]) -> RowDigests:
    """Return the rows of an output as digests, in the order of those of their names."""
    read = [rows for _, rows in _read_rows(output, writers)]
    names = np.concatenate([np.zeros(0, np.uint64), *(rows.names for rows in read)])
    cells = np.concatenate([np.zeros((0, len(KINDS)), np.uint64), *(rows.cells for rows in read)])
    order = np.argsort(names)
    return RowDigests(names[order], cells[order])


def _look_up(
    known: NDArray[np.uint64], names: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the places of names among known ones, which are in order, and whether each is among them."""
    if not len(known):
        return np.zeros(len(names), np.int64), np.zeros(len(names), np.bool_)
    places = np.searchsorted(known, names).clip(max=len(known) - 1)
    return places, known[places] == names


def _read_rows(output: StoredOutput, writers: set[str]) -> Iterator[tuple[Part, RowDigests]]:
    """Yield the part files of an output, split by split, and their rows as digests; note who wrote them."""
    header = output.annotated.boxes
    for split, chunks in output.list_chunks().items():
        names: tuple[str, ...] | None = None
        for part in output.parts.read(chunks):
            if names is None:
                files = part.file_names()
                names = output.describe(split, [], [], files).output.classes or ()
            writers.add(part.written_by)
            yield part, digest_part(part, split, names, header.names if header else ())


def _name_rows(part: Part, numbers: NDArray[np.int64]) -> Iterator[str]:
    """Yield what rows of a part file are called in words."""
    rows = part.read(list(NAMED_BY)).take(numbers).to_pylist()
    yield from (row["source"] + (f" copy {row['copy']}" if row["copy"] >= 0 else " original") for row in rows)
