"""The label columns of an output's tables: soft labels, smoothed, dense where there are few classes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from augcli.io.records.part_files import PRIVATE
from augcli.program.labels import smooth_weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


DENSE_CLASSES = 256
"""Up to this many classes a row holds one weight for each."""

BLOCK_WEIGHTS = 1 << 20
"""Weights that are in memory at once while tables are written."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What only the tables depend on: smoothing ε, its form, and `dense`, `pair` or None for by size."""

    smoothing: float = 0.0
    smoothing_form: str = "uniform"
    soft_labels: str | None = None

    @property
    def text(self) -> str:
        """What `PartFacts.labels` says of shards whose label columns these options gave."""
        return repr(self)

    def is_dense(self, classes: int) -> bool:
        """True if rows hold one weight for each class."""
        return self.soft_labels == "dense" or (self.soft_labels is None and classes <= DENSE_CLASSES)

    def describe(self) -> bytes:
        """Return what was done to the labels, as the value of the schema's metadata key `augcli`."""
        return json.dumps({"smoothing": self.smoothing, "smoothing-form": self.smoothing_form}).encode()


def finish_rows(rows: pa.Table, classes: int, options: TableOptions) -> pa.Table:
    """Return the rows of an output's table: part rows with `soft_label` behind `label` where it is dense."""
    private = [name for name in rows.column_names if name.startswith(PRIVATE)]
    rows = rows.drop_columns(private).replace_schema_metadata(None)
    if not classes or not options.is_dense(classes):
        return rows
    blocks = []
    for weights, is_labelled in weight_blocks(rows, classes, options):
        values = pa.array(weights[is_labelled].astype(np.float32).ravel())
        ends = np.cumsum(is_labelled, dtype=np.int32) * np.int32(classes)
        offsets = pa.array(np.concatenate([np.zeros(1, np.int32), ends]))
        blocks.append(pa.ListArray.from_arrays(offsets, values, mask=pa.array(~is_labelled)))
    column = pa.chunked_array(blocks, pa.list_(pa.float32()))
    return rows.add_column(rows.column_names.index("label") + 1, "soft_label", column)


def weight_blocks(
    rows: pa.Table, classes: int, options: TableOptions
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Yield the final weights of part rows, some rows at a time, as many as take little memory.

    Yields:
        (rows, classes) weights, smoothed, and (rows,) whether each is labelled.
    """
    length = max(1, BLOCK_WEIGHTS // max(classes, 1))
    for start in range(0, len(rows), length):
        block = rows.slice(start, length)
        labels = block.column("classes").combine_chunks()
        counts = labels.value_lengths().fill_null(0).to_numpy()
        weights = np.zeros((len(block), classes))
        values = block.column("weights").combine_chunks().flatten()
        weights[np.repeat(np.arange(len(block)), counts), labels.flatten().to_numpy()] = values.to_numpy()
        if options.smoothing and classes:
            weights = smooth_weight(weights, classes, options.smoothing, options.smoothing_form)
        yield weights, labels.is_valid().to_numpy(zero_copy_only=False)
