"""What a report says of classes: each before and after, and who was mixed with whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.io.records.row_statistics import UNLABELLED
from augcli.report import charts
from augcli.report.wording import name_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.records.row_statistics import ClassCounts
    from augcli.report.charts import Matrix

MOST_CLASSES, MOST_MET = 200, 12
"""Classes in the table, and in the matrix."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class: its samples before, its outputs after, the sum of its weights; and how long their bars are."""

    name: str
    before: int
    after: int
    weight: float
    share: float
    before_bar: float
    after_bar: float


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of the augmented split: the largest, how many are left out, and who was mixed with whom."""

    rows: tuple[ClassRow, ...]
    left_out: int
    met: Matrix | None


def describe_classes(counted: ClassCounts, names: Sequence[str]) -> Classes | None:
    """Return the classes, those with the most outputs first; None where nothing is labelled.

    Bars show shares: of all samples before, of all outputs after.
    """
    known = [set(counter) - {UNLABELLED} for counter in (counted.before, counted.after, counted.weights)]
    if not set().union(*known):
        return None
    numbers = sorted(
        set(range(len(names) if len(names) <= MOST_CLASSES else 0)).union(*known),
        key=lambda number: (-counted.after[number], number),
    )
    shown = numbers[:MOST_CLASSES]
    whole = sum(counted.weights.values()) or 1.0
    befores, afters = (
        [counter[number] / max(counter.total(), 1) for number in shown]
        for counter in (counted.before, counted.after)
    )
    most = max([*befores, *afters])
    rows = tuple(
        ClassRow(
            name=name_class(number, names),
            before=counted.before[number],
            after=counted.after[number],
            weight=counted.weights[number],
            share=counted.weights[number] / whole,
            before_bar=charts.scale(before, most),
            after_bar=charts.scale(after, most),
        )
        for number, before, after in zip(shown, befores, afters, strict=True)
    )
    met = counted.pairs.among(numbers[:MOST_MET])
    met_names = [*(name_class(number, names) for number in numbers[:MOST_MET]), "all others"]
    left_out = max(len(names), len(numbers)) - len(shown)
    return Classes(rows, left_out, charts.draw_matrix(met_names, met) if met.any() else None)
