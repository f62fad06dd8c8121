"""What a report says of the boxes of an output, counted chunk by chunk in little memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.io.records.annotation_columns import BOXES
from augcli.io.records.cell_digests import count_cells, digest_cells

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

VISIBILITY_BINS = 10
"""Bins of the histogram, of visibilities from 0 to 1."""

SLIVER = 0.1
"""A box of which less is seen is a sliver."""


@dataclass(slots=True)
class BoxCounts:
    """The boxes of some rows, by category.

    Attributes:
        all: All of them.
        pasted: Those that came from a partner.
        cut: Those of which something is hidden or cut off.
        slivers: Those of which hardly anything is left.
        visibility: How many fall into each bin of the share that is seen.
    """

    all: Counter[int] = field(default_factory=Counter)
    pasted: Counter[int] = field(default_factory=Counter)
    cut: Counter[int] = field(default_factory=Counter)
    slivers: Counter[int] = field(default_factory=Counter)
    visibility: NDArray[np.int64] = field(default_factory=lambda: np.zeros(VISIBILITY_BINS, np.int64))

    def add(self, rows: pa.Table) -> None:
        """Count the boxes of part rows with the columns `augcli:boxes` and `source`."""
        lists = rows.column(BOXES).combine_chunks()
        boxes = lists.flatten()
        categories, seen = (
            boxes.field(name).to_numpy(zero_copy_only=False) for name in ("category", "visibility")
        )
        bases = digest_cells(rows.column("source")).repeat(count_cells(lists))
        is_pasted = digest_cells(boxes.field("source")) != bases
        self.all.update(count_numbers(categories))
        self.pasted.update(count_numbers(categories[is_pasted]))
        self.cut.update(count_numbers(categories[seen < 1]))
        self.slivers.update(count_numbers(categories[seen < SLIVER]))
        places = (seen * VISIBILITY_BINS).astype(np.int64).clip(0, VISIBILITY_BINS - 1)
        self.visibility += np.bincount(places, minlength=VISIBILITY_BINS)


def count_numbers(numbers: NDArray[Any]) -> dict[int, int]:
    """Count how often each number occurs."""
    values, counts = np.unique(numbers, return_counts=True)
    return dict(zip(map(int, values), counts.tolist(), strict=True))
