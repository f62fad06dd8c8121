"""What the rows of an output are counted by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.io.records.annotation_columns import BOXES, count_categories

if TYPE_CHECKING:
    import pyarrow as pa

    from augcli.io.records.parts import Part

COUNTED = ("label", "applied", "reason")


@dataclass(frozen=True, slots=True)
class RowCounts:
    """The rows of a chunk, counted.

    Attributes:
        rows: All of them.
        applied: Those in which something was changed.
        labels: Rows by dominant class; None counts the unlabelled ones.
        reasons: Rows by the reason why an operation was not applied.
        categories: Boxes by category.
    """

    rows: int
    applied: int
    labels: Counter[int | None]
    reasons: Counter[str]
    categories: Counter[int]


def counted_columns(part: Part) -> list[str]:
    """Return the columns of a part file that are counted."""
    return [*COUNTED, *(name for name in part.columns if name == BOXES)]


def count_rows(rows: pa.Table) -> RowCounts:
    """Return the counts of part rows with at least the columns of `counted_columns`."""
    reasons = (reason for reason in rows.column("reason").to_pylist() if reason)
    return RowCounts(
        rows=len(rows),
        applied=sum(rows.column("applied").to_pylist()),
        labels=Counter(rows.column("label").to_pylist()),
        reasons=Counter(reasons),
        categories=count_categories(rows) if BOXES in rows.column_names else Counter(),
    )
