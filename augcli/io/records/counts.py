"""What the rows of an output are counted by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.io.records.annotation_columns import BOXES, count_categories

if TYPE_CHECKING:
    import pyarrow as pa

    from augcli.io.records.parts import Part

COUNTED = ("file_name", "label", "applied", "reason")


@dataclass(slots=True)
class RowCounts:
    """The rows of a split, counted chunk by chunk.

    Attributes:
        chunks: Rows of each chunk.
        applied: Rows in which something was changed.
        jpegs: Rows whose image is a JPEG.
        labels: Rows by dominant class; None counts the unlabelled ones.
        reasons: Rows by the reason why an operation was not applied.
        categories: Boxes by category.
    """

    chunks: dict[str, int] = field(default_factory=dict)
    applied: int = 0
    jpegs: int = 0
    labels: Counter[int | None] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    categories: Counter[int] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(self.chunks.values())

    def add(self, chunk: str, rows: pa.Table) -> None:
        """Count the part rows of a chunk, with at least the columns of `counted_columns`."""
        self.chunks[chunk] = len(rows)
        self.applied += sum(rows.column("applied").to_pylist())
        self.jpegs += sum(name.endswith(".jpg") for name in rows.column("file_name").to_pylist())
        self.labels.update(rows.column("label").to_pylist())
        self.reasons.update(reason for reason in rows.column("reason").to_pylist() if reason)
        if BOXES in rows.column_names:
            self.categories.update(count_categories(rows))


def counted_columns(part: Part) -> list[str]:
    """Return the columns of a part file that are counted."""
    return [*COUNTED, *(name for name in part.columns if name == BOXES)]
