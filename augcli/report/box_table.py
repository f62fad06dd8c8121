"""What a report says of boxes: those of each category, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.report.colours import colour_of_category
from augcli.report.wording import name_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.records.box_statistics import BoxCounts

MOST_CATEGORIES = 200


@dataclass(frozen=True, slots=True)
class BoxRow:
    """The boxes of a category: in the samples, where these are known, and in the outputs.

    Attributes:
        name: The category.
        colour: How its boxes are drawn, as `#rrggbb`.
        before: Boxes of the samples, each once; None where the sources were not given.
        after: Boxes of the outputs.
        pasted: Those of these that came from a partner.
        cut: Those of which something is hidden or cut off.
        slivers: Those of which less than a tenth is seen.
    """

    name: str
    colour: str
    before: int | None
    after: int
    pasted: int
    cut: int
    slivers: int


@dataclass(frozen=True, slots=True)
class Boxes:
    """The categories with the most boxes, how many are left out, and whether the samples' boxes are known."""

    rows: tuple[BoxRow, ...]
    left_out: int
    has_before: bool


def describe_boxes(counts: BoxCounts, names: Sequence[str], before: Mapping[str, int] | None) -> Boxes:
    """Return the boxes of each category that is listed or occurs, those with the most boxes first.

    Args:
        counts: The boxes of the outputs.
        names: The categories in index order.
        before: Boxes of the samples by category; None where the sources were not given.
    """
    numbers = sorted({*range(len(names)), *counts.all}, key=lambda number: (-counts.all[number], number))
    rows = []
    for number in numbers[:MOST_CATEGORIES]:
        name = name_class(number, names)
        count_before = None if before is None else before.get(name, 0)
        parts = (counts.all, counts.pasted, counts.cut, counts.slivers)
        colour = "#{:02x}{:02x}{:02x}".format(*colour_of_category(number))
        rows.append(BoxRow(name, colour, count_before, *(part[number] for part in parts)))
    return Boxes(tuple(rows), len(numbers) - len(rows), before is not None)
