"""Outputs that were asked for by name: what the part files say of each, as plain values."""

from __future__ import annotations

import difflib
from bisect import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import InputError
from augcli.io.records.annotation_columns import BOXES, EDGES
from augcli.io.records.step_columns import read_program
from augcli.io.store.names import printable_key
from augcli.report.wording import describe_step, name_class, order_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.io.records.parts import Part
    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.samples import Failure

MOST = 100
"""Outputs that are shown; of a sample there may be more copies than anyone reads."""

NEAREST, COMPARED = 3, 250
"""Names that are told where none is the one that was asked for, and how many of either side of it
are compared with it."""


class ShownBox(NamedTuple):
    """A box of an output: its edges in pixels, its category, and the share of it that is seen."""

    edges: tuple[float, float, float, float]
    category: str
    visibility: float
    source: str


class ShownFile(NamedTuple):
    """The encoded image of an output: its key, or its shard and its name in there; and what it is."""

    file: str
    width: int
    height: int
    bytes: int
    hash: str


class ShownWork(NamedTuple):
    """What was done for an output: operations, the number of the copy, why nothing, λ, and steps in words."""

    operations: str
    copy: int
    reason: str
    lam: float
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """What is known of an output.

    Attributes:
        file: Its encoded image.
        source: Key of its base.
        partners: Keys of its partners.
        work: What was done.
        label: Its classes with their exact weights, the largest first; None without a label.
        boxes: Its boxes; None where the output has no boxes at all.
        place: Its split, its chunk and the number of its row, by which its image is found.
    """

    file: ShownFile
    source: str
    partners: tuple[str, ...]
    work: ShownWork
    label: tuple[tuple[str, float], ...] | None
    boxes: tuple[ShownBox, ...] | None
    place: tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What was found under a name.

    Attributes:
        dst: The output.
        key: The name that was asked for.
        outputs: The outputs.
        found: How many there are; the first of them are shown.
        failures: The samples of this name that gave no output, or were decoded with warnings.
    """

    dst: str
    key: str
    outputs: tuple[ShownOutput, ...]
    found: int
    failures: tuple[Failure, ...]


def find_outputs(output: StoredOutput, key: str, dst: str) -> Shown:
    """Find outputs by the name of their file, or by the key of the sample that they are made from.

    Args:
        output: What stands.
        key: The name, whole or the last part of it.
        dst: The output as users call it.

    Raises:
        InputError: If no output bears the name; the nearest names are named.
        OutputError: If a part file is damaged.
    """
    found, near = 0, _Nearest(key)
    shown: list[ShownOutput] = []
    failures: list[Failure] = []
    for split, chunks in output.list_chunks().items():
        described = None
        for part in output.parts.read(chunks):
            names = part.read(["file_name", "source"])
            columns = [names.column(name).to_pylist() for name in ("file_name", "source")]
            described = described or output.describe(split, [], [], columns[0]).output
            rows = [
                row for row, pair in enumerate(zip(*columns, strict=True)) if _is_called(pair, key, split)
            ]
            found += len(rows)
            if rows and len(shown) < MOST:
                classes, place = described.classes or (), described.writer.place
                shown += _read_outputs(output, part, split, rows[: MOST - len(shown)], classes, place)
            facts = part.facts
            own = [*facts.failures, *facts.warnings] if facts else []
            failures += [failure for failure in own if _is_called((failure.source,), key, split)]
            if not found and not failures:
                near.add([*columns[0], *columns[1], *(failure.source for failure in own)])
    if not found and not failures:
        raise InputError(f"{dst!r} has no output and no source {key!r}{near.tell()}")
    return Shown(dst, key, tuple(shown), found, tuple(failures))


class _Nearest:
    """The names that are nearest to a name that no output bears."""

    def __init__(self, key: str) -> None:
        self._key, self._names = key, set[str]()

    def add(self, names: list[str]) -> None:
        """Take in names, of which those next to the wanted name are kept."""
        key = self._key.rpartition("/")[2]
        ordered = sorted({name.rpartition("/")[2] for name in names} | self._names)
        place = bisect(ordered, key)
        self._names = set(ordered[max(place - COMPARED, 0) : place + COMPARED])

    def tell(self) -> str:
        """Return the nearest names as the end of a message."""
        near = difflib.get_close_matches(
            self._key.rpartition("/")[2], sorted(self._names), NEAREST, cutoff=0.4
        )
        return f"; the nearest are {', '.join(map(repr, near))}" if near else "; none is like it"


def _is_called(names: tuple[str, ...], key: str, split: str) -> bool:
    """True if a name is the wanted name: whole, below its split, or by its last part."""
    key = printable_key(key)
    return any(name == key or name.endswith(f"/{key}") or f"{split}/{name}" == key for name in names)


def _read_outputs(
    output: StoredOutput, part: Part, split: str, rows: list[int], classes: tuple[str, ...], place: Any
) -> Iterator[ShownOutput]:
    """Yield what the rows of a part file say."""
    names = output.annotated.boxes.names if output.annotated.boxes else ()
    for number, row in zip(rows, part.rows().take(rows).to_pylist(), strict=True):
        yield ShownOutput(
            ShownFile(place(row["file_name"]), row["width"], row["height"], row["bytes"], row["hash"]),
            row["source"],
            tuple(row["partners"]),
            ShownWork(row["op"], row["copy"], row["reason"] or "", row["lam"], tuple(_describe_steps(row))),
            None if row["classes"] is None else order_label(row["classes"], row["weights"], classes),
            None if row.get(BOXES) is None else tuple(_read_boxes(row, names)),
            (split, part.chunk, number),
        )


def _describe_steps(row: dict[str, Any]) -> Iterator[str]:
    """Yield the steps of an output in words."""
    for step in read_program(row["steps"]):
        yield describe_step(step, row["height"], row["width"], row["partners"])


def _read_boxes(row: dict[str, Any], names: tuple[str, ...]) -> Iterator[ShownBox]:
    for box in row[BOXES]:
        y0, x0, y1, x1 = (box[edge] for edge in EDGES)
        yield ShownBox((y0, x0, y1, x1), name_class(box["category"], names), box["visibility"], box["source"])
