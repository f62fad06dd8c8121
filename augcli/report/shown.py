"""Outputs that were asked for by name: what the part files say of each, as plain values."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import InputError
from augcli.io.records.annotation_columns import BOXES, EDGES
from augcli.io.records.step_columns import read_program
from augcli.io.store.names import percent_encoded, printable_key
from augcli.report.name_match import Nearest, is_called, is_nearly_called
from augcli.report.wording import describe_step, name_class, order_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from augcli.io.records.parts import Part
    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.samples import Failure

MOST = 100
"""Outputs that are shown; of a sample there may be more copies than anyone reads."""


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
        key: The name, whole or the last part of it; where no output bears it, its case may differ
            and its suffix be missing.
        dst: The output as users call it.

    Raises:
        InputError: If no output bears the name; the nearest names are named.
        OutputError: If a part file is damaged.
    """
    near = Nearest(key)
    # As sources are printed, or as the file is called.
    texts = dict.fromkeys((percent_encoded(key), printable_key(key)))
    for matches, text in itertools.product((is_called, is_nearly_called), texts):
        shown = replace(_search(output, Shown(dst, text, (), 0, ()), matches, near), key=key)
        if shown.found or shown.failures:
            return shown
    raise InputError(f"{dst!r} has no output and no source {key!r}{near.tell()}")


def _search(
    output: StoredOutput, wanted: Shown, matches: Callable[[str, str, str], bool], near: Nearest
) -> Shown:
    """Return the outputs whose own name, or whose base's name, matches what is wanted."""
    key, count = wanted.key, 0
    outputs: list[ShownOutput] = []
    failures: list[Failure] = []
    for split, chunks in output.list_chunks().items():
        described = None
        for part in output.parts.read(chunks):
            table = part.read(["file_name", "source"])
            names, sources = (table.column(name).to_pylist() for name in ("file_name", "source"))
            described = described or output.describe(split, [], [], names).output
            rows = [
                row
                for row, pair in enumerate(zip(names, sources, strict=True))
                if any(matches(name, key, split) for name in pair)
            ]
            count += len(rows)
            if rows and len(outputs) < MOST:
                classes, place = described.classes or (), described.writer.place
                outputs += _read_outputs(output, part, split, rows[: MOST - len(outputs)], classes, place)
            incidents = [*part.facts.failures, *part.facts.warnings] if part.facts else []
            failures += [failure for failure in incidents if matches(failure.source, key, split)]
            if not count and not failures:
                near.add([*names, *sources, *(failure.source for failure in incidents)])
    return replace(wanted, outputs=tuple(outputs), found=count, failures=tuple(failures))


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
