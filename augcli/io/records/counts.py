"""What the rows of an output are counted by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

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
        has_jpegs: Whether an image is a JPEG.
        labels: Rows by dominant class; None counts the unlabelled ones.
        reasons: Rows by the reason why an operation was not applied.
        categories: Boxes by category.
    """

    chunks: dict[str, int] = field(default_factory=dict)
    applied: int = 0
    has_jpegs: bool = False
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
        self.applied += int(np.count_nonzero(rows.column("applied").to_numpy()))
        names = rows.column("file_name").to_numpy()
        self.has_jpegs = self.has_jpegs or any(name.endswith(".jpg") for name in names)
        self.labels.update(_count_numbers(rows.column("label")))
        # Not `count_texts`, which loads Arrow's functions: a run with nothing to do counts, too.
        self.reasons.update(filter(None, rows.column("reason").to_numpy()))
        if BOXES in rows.column_names:
            self.categories.update(count_categories(rows))


def count_texts(column: pa.ChunkedArray) -> dict[str, int]:
    """Return how often each text of a column occurs."""
    encoded = column.combine_chunks().dictionary_encode()
    counts = np.bincount(encoded.indices.to_numpy(zero_copy_only=False), minlength=len(encoded.dictionary))
    return dict(zip(encoded.dictionary.to_pylist(), counts.tolist(), strict=True))


def _count_numbers(column: pa.ChunkedArray) -> Counter[int | None]:
    """Count the values of a column of numbers; None stands for missing ones."""
    values = column.to_numpy()  # where some are missing, they are NaN in it
    numbers, counts = np.unique(values[values == values], return_counts=True)
    counted: Counter[int | None] = Counter(dict(zip(map(int, numbers), counts.tolist(), strict=True)))
    if column.null_count:
        counted[None] = column.null_count
    return counted


def counted_columns(part: Part) -> list[str]:
    """Return the columns of a part file that are counted."""
    return [*COUNTED, *(name for name in part.columns if name == BOXES)]
