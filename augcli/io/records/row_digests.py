"""Rows of part files as numbers, by which the rows of two outputs are told to be the same or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.io.records.annotation_columns import BOXES, IMAGE, MASK
from augcli.io.records.cell_digests import NULL, count_cells, digest_cells, digest_lists, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.io.records.cell_digests import Digests
    from augcli.io.records.parts import Part

KINDS = ("bytes", "labels", "partners", "masks", "boxes")
"""What outputs are compared by."""

NAMED_BY = ("source", "copy")
"""The columns by which outputs of two data sets are taken for the same one, beside their split."""

COMPARED = ("hash", "classes", "weights", "partners")


class RowDigests(NamedTuple):
    """Digests of rows: of what each is called, (N,), and of what it is compared by, (N, 5) as in `KINDS`."""

    names: Digests
    cells: Digests


def digest_part(part: Part, split: str, classes: Sequence[str], categories: Sequence[str]) -> RowDigests:
    """Return the rows of a part file as digests; classes and categories count by their names.

    Raises:
        OutputError: If it is damaged.
    """
    beside = [name for name in (MASK, BOXES, IMAGE) if name in part.columns]
    rows = part.read([*NAMED_BY, *COMPARED, *beside])
    names = digest_cells(pa.array([split])).repeat(len(rows))
    for column in NAMED_BY:
        names = join(names, digest_cells(rows.column(column)))
    masks, boxes = (
        rows.column(name).combine_chunks() if name in beside else pa.nulls(len(rows))
        for name in (MASK, BOXES)
    )
    about_boxes = _digest_boxes(boxes, categories) if BOXES in beside else digest_cells(boxes)
    if IMAGE in beside:
        about_boxes = join(about_boxes, digest_cells(rows.column(IMAGE)))
    cells = (
        digest_cells(rows.column("hash")),
        _digest_labels(rows, classes),
        digest_cells(rows.column("partners")),
        digest_cells(masks),
        about_boxes,
    )
    return RowDigests(names, np.stack(cells, axis=1))


def _digest_labels(rows: pa.Table, classes: Sequence[str]) -> Digests:
    """Return a digest of each label, in which the order of its classes does not count."""
    numbers, weights = (rows.column(name).combine_chunks() for name in ("classes", "weights"))
    pairs = join(_digest_names(numbers.flatten(), classes), digest_cells(weights.flatten()))
    return _mark_nulls(numbers, digest_lists(pairs, count_cells(numbers), is_ordered=False))


def _digest_boxes(lists: pa.ListArray, categories: Sequence[str]) -> Digests:
    """Return a digest of the boxes of each output, in their order."""
    boxes = lists.flatten()
    digests = np.zeros(len(boxes), np.uint64)
    for kind, values in zip(boxes.type, boxes.flatten(), strict=True):
        is_name = kind.name == "category"
        digests = join(digests, _digest_names(values, categories) if is_name else digest_cells(values))
    return _mark_nulls(lists, digest_lists(digests, count_cells(lists)))


def _digest_names(numbers: pa.Array, names: Sequence[str]) -> Digests:
    """Return a digest of the name of each number; of the number itself where the names are fewer."""
    places: NDArray[Any] = numbers.to_numpy(zero_copy_only=False)
    known = digest_cells(pa.array([*names, ""], pa.string()))
    is_named = (places >= 0) & (places < len(names))
    return np.where(is_named, known[np.where(is_named, places, len(names))], digest_cells(numbers))


def _mark_nulls(column: pa.Array, digests: Digests) -> Digests:
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), digests, NULL)
