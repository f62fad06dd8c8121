"""Two outputs, or two recipes, compared: keys that differ, and outputs of the same sample that do."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.io.records.annotation_columns import BOXES, MASK
from augcli.recipe_files import write_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from augcli.io.records.parts import Part
    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.recipe import Recipe

NAMED = 5
"""Outputs that are named of those that differ in the same; all are counted."""

DIGEST_BYTES = 8
"""Of a name and of each cell: among a million of them, two are taken for equal once in 10**7 times."""

KINDS = ("bytes", "labels", "partners", "masks", "boxes")
"""What outputs are compared by, in the order of their digests."""

ONLY_FIRST, ONLY_SECOND = "only in the first", "only in the second"

COLUMNS = ("hash", "classes", "weights", "partners", "source", "copy")


class KeyDifference(NamedTuple):
    """A key of two recipes, and its values; None in a recipe without this key."""

    key: str
    first: Any
    second: Any


class OutputDifference(NamedTuple):
    """How many outputs differ in something, and the first of them, by source and copy."""

    what: str
    number: int
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """What two outputs or recipes differ in.

    Attributes:
        first: The first one, as it was given.
        second: The second one.
        keys: Keys of their recipes.
        outputs: Outputs of the same sample and copy that differ, and outputs that only one side has.
        compared: How many outputs both have; None where recipes alone were compared.
    """

    first: str
    second: str
    keys: tuple[KeyDifference, ...]
    outputs: tuple[OutputDifference, ...] = ()
    compared: int | None = None

    def __bool__(self) -> bool:
        return bool(self.keys or self.outputs)


class _Listed(NamedTuple):
    """An output: a digest of its split, source and copy, these in words, and digests of its values."""

    identity: bytes
    name: str
    cells: bytes


@dataclass(slots=True)
class _Found:
    """Outputs that differ, counted by what they differ in, and the first of each named."""

    counts: Counter[str] = field(default_factory=Counter)
    named: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, name: str) -> None:
        self.counts[what] += 1
        names = self.named.setdefault(what, [])
        names += [name] if len(names) < NAMED else []

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
    found = []
    for key in dict.fromkeys([*keys[0], *keys[1]]):
        values = [of_recipe.get(key) for of_recipe in keys]
        if _is_of_another(key, *keys):
            continue
        undecided = any(value is None and open_ for value, open_ in zip(values, is_open, strict=True))
        if values[0] != values[1] and not (undecided and is_open[0] != is_open[1]):
            found.append(KeyDifference(key, *values))
    return tuple(found)


def compare_outputs(first: StoredOutput, second: StoredOutput) -> tuple[int, tuple[OutputDifference, ...]]:
    """Compare the outputs of the same samples; return how many both have, and how they differ.

    Memory holds a short digest of each output of the first one.

    Raises:
        OutputError: If a part file is damaged.
        StorageError: If the machine fails.
    """
    known = {identity: cells for identity, _, cells in _list_outputs(first)}
    found, both = _Found(), 0
    for identity, name, cells in _list_outputs(second):
        theirs = known.pop(identity, None)
        if theirs is None:
            found.add(ONLY_SECOND, name)
            continue
        both += 1
        for place, kind in enumerate(KINDS) if theirs != cells else ():
            cut = slice(place * DIGEST_BYTES, (place + 1) * DIGEST_BYTES)
            if theirs[cut] != cells[cut]:
                found.add(kind, name)
    if known:
        for identity, name, _ in _list_outputs(first):
            if identity in known:
                found.add(ONLY_FIRST, name)
    return both, found.list()


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


def _list_outputs(output: StoredOutput) -> Iterator[_Listed]:
    """Yield the outputs, split by split."""
    header = output.annotated.boxes
    for split, chunks in output.list_chunks().items():
        names: tuple[str, ...] | None = None
        for part in output.parts.read(chunks):
            if names is None:
                files = part.file_names()
                names = output.describe(split, [], [], files).output.classes or ()
            yield from _read_part(part, split, names, header.names if header else ())


def _read_part(
    part: Part, split: str, classes: tuple[str, ...], categories: tuple[str, ...]
) -> Iterator[_Listed]:
    """Yield the outputs of a part file; classes and categories count by their names."""
    beside = [name for name in (MASK, BOXES) if name in part.columns]
    rows = part.rows([*COLUMNS, *beside])
    columns = (rows.column(name).to_pylist() for name in COLUMNS)
    masks, boxes = (
        rows.column(name).to_pylist() if name in beside else [None] * len(rows) for name in (MASK, BOXES)
    )
    for hash_, own, weights, partners, source, copy, mask, found in zip(*columns, masks, boxes, strict=True):
        label = own and [
            (classes[number] if number < len(classes) else number, weight)
            for number, weight in zip(own, weights, strict=True)
        ]
        named = found and [box | {"category": categories[box["category"]]} for box in found]
        cells = (hash_, sorted(label, key=repr) if label else label, partners, mask, named)
        name = source + (f" copy {copy}" if copy >= 0 else " original")
        yield _Listed(_digest(f"{split}/{name}"), name, b"".join(map(_digest, map(repr, cells))))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
