"""What a report says of the rows of an output, counted chunk by chunk in little memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.io.records.annotation_columns import BOXES
from augcli.io.records.box_statistics import BoxCounts, count_numbers
from augcli.io.records.counts import RowCounts, count_texts
from augcli.io.records.part_files import SOURCES, VISIBLE

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from augcli.io.records.parts import Part

    Numbers = NDArray[np.int64]

COUNTED = (
    *("file_name", "label", "classes", "weights", "lam", "source", "op", "applied", "reason"),
    *("width", "height", "bytes", VISIBLE, SOURCES),
)
SHARE_BINS, SIZE_BINS = 20, 40
"""Bins of the histograms: of shares, from 0 to 1; and of file sizes, of which bin n holds sizes from 2**n
bytes up to twice as many."""

PAIRS_KEPT = 1 << 18
"""Pairs of classes after which equal ones are counted together."""

UNLABELLED = -1
"""Stands in the place of a class for rows without a label."""


@dataclass(slots=True)
class ClassCounts:
    """The labels of some rows, counted; a class is its index, `UNLABELLED` for rows without a label.

    Attributes:
        before: Samples that have outputs, each once, by the class that is dominant in their label.
        after: Outputs by dominant class.
        weights: The weights of all outputs' labels, summed for each class.
        pairs: Outputs by the classes of their base and of each partner, once for each of their partners.
        partners: Outputs by the number of their partners.

    The partners of an output are counted from the first on that has pixels in it.
    """

    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)
    weights: Counter[int] = field(default_factory=Counter)
    pairs: PairCounts = field(default_factory=lambda: PairCounts())
    partners: Counter[int] = field(default_factory=Counter)

    def add(self, rows: pa.Table) -> None:
        """Count the labels of some part rows, all outputs of whose sources are among them."""
        labels = rows.column("label").combine_chunks().fill_null(UNLABELLED).to_numpy(zero_copy_only=False)
        self.after.update(count_numbers(labels))
        classes, weights, _ = _flatten(rows.column("classes"), rows.column("weights"))
        present, places = np.unique(classes, return_inverse=True)
        sums = np.bincount(places, weights, len(present))
        for number, total in zip(present.tolist(), sums.tolist(), strict=True):
            self.weights[number] += total
        sources = rows.column(SOURCES).combine_chunks()
        lengths = sources.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        dominant = _find_dominant(sources.flatten())
        first = np.cumsum(lengths) - lengths
        _, distinct = np.unique(_codes(rows.column("source")), return_index=True)
        self.before.update(count_numbers(dominant[first[distinct]]))
        visible = rows.column(VISIBLE).combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
        mixed = np.where(visible >= 0, lengths - 1 - visible, 0)
        self.partners.update(count_numbers(mixed))
        bases = first.repeat(mixed)
        ends = (first + lengths).repeat(mixed)
        behind = np.cumsum(mixed).repeat(mixed) - np.arange(len(bases))
        self.pairs.add(dominant[bases], dominant[ends - behind])


class PairCounts:
    """How often pairs of numbers were met: in arrays, since a million classes meet in many ways."""

    def __init__(self) -> None:
        self._codes: Numbers = np.zeros(0, np.int64)
        self._counts: Numbers = np.zeros(0, np.int64)
        self._waiting: list[Numbers] = []
        self._number = 0

    def add(self, first: Numbers, second: Numbers) -> None:
        """Count pairs of numbers from -1 on, below 2**31 - 1."""
        self._waiting.append((first + 1) << 32 | (second + 1))
        self._number += len(first)
        if self._number > PAIRS_KEPT:
            self._gather()

    def among(self, numbers: list[int]) -> NDArray[np.int64]:
        """Return how often some numbers met: row and column n + 1 where n are given; the last is all others.

        Returns:
            (n + 1, n + 1) counts, the first of a pair by row.
        """
        self._gather()
        order = np.argsort(np.array(numbers, np.int64), kind="stable")
        ordered = np.array(numbers, np.int64)[order]
        places = [self._place(part, ordered, order) for part in (self._codes >> 32, self._codes & 0xFFFFFFFF)]
        table = np.zeros((len(numbers) + 1, len(numbers) + 1), np.int64)
        np.add.at(table, tuple(places), self._counts)
        return table

    @staticmethod
    def _place(part: Numbers, ordered: Numbers, order: Numbers) -> Numbers:
        """Return which of some numbers each is, and their count for any other."""
        if not len(ordered):
            return np.zeros(len(part), np.int64)
        ranks = np.searchsorted(ordered, part - 1).clip(max=len(ordered) - 1)
        return np.where(ordered[ranks] == part - 1, order[ranks], len(ordered))

    def _gather(self) -> None:
        codes = np.concatenate([self._codes, *self._waiting])
        counts = np.concatenate([self._counts, np.ones(self._number, np.int64)])
        self._codes, places = np.unique(codes, return_inverse=True)
        self._counts = np.bincount(places, counts, len(self._codes)).astype(np.int64)
        self._waiting, self._number = [], 0


@dataclass(slots=True)
class RowStatistics:
    """The rows of a split, counted chunk by chunk.

    Attributes:
        counts: What the summary of a run counts, too.
        operations: Rows by the operations that were applied.
        sizes: Rows by width and height.
        histograms: By name how many fall into each bin: `lam` of rows with a partner, the largest weight of
            each label as `share`, and the logarithm of the file sizes as `bytes`.
        boxes: The boxes.
        classes: The labels.
    """

    counts: RowCounts = field(default_factory=RowCounts)
    operations: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    histograms: dict[str, Numbers] = field(default_factory=dict)
    boxes: BoxCounts = field(default_factory=BoxCounts)
    classes: ClassCounts = field(default_factory=ClassCounts)

    def add(self, chunk: str, rows: pa.Table) -> None:
        """Count the part rows of a chunk, with at least the columns of `counted_columns`."""
        self.counts.add(chunk, rows)
        self.operations.update(count_texts(rows.column("op")))
        width, height, length = (
            rows.column(name).to_numpy().astype(np.int64) for name in ("width", "height", "bytes")
        )
        sizes = count_numbers(width << 32 | height)
        self.sizes.update({(code >> 32, code & 0xFFFFFFFF): number for code, number in sizes.items()})
        self._add("bytes", np.log2(length.clip(min=1)).astype(np.int64), SIZE_BINS)
        visible = rows.column(VISIBLE).combine_chunks().is_valid().to_numpy(zero_copy_only=False)
        self._add_shares("lam", rows.column("lam").to_numpy()[visible])
        self._add_shares("share", _largest_weights(rows))
        self.classes.add(rows)
        if BOXES in rows.column_names:
            self.boxes.add(rows)

    def _add_shares(self, name: str, values: NDArray[Any]) -> None:
        """Count values of 0 to 1 into bins; the last bin holds 1, too."""
        self._add(name, (values * SHARE_BINS).astype(np.int64), SHARE_BINS)

    def _add(self, name: str, places: Numbers, bins: int) -> None:
        counts = np.bincount(places.clip(0, bins - 1), minlength=bins)
        self.histograms[name] = self.histograms.get(name, 0) + counts


def counted_columns(part: Part) -> list[str]:
    """Return the columns of a part file that are counted."""
    return [*COUNTED, *(name for name in part.columns if name == BOXES)]


def _codes(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a number for each text of a column, equal for equal texts."""
    return column.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)


def _flatten(classes: Any, weights: Any) -> tuple[NDArray[Any], NDArray[Any], Numbers]:
    """Return the values of columns of lists, and how many each row has; none where it is null."""
    columns = [
        column.combine_chunks() if hasattr(column, "combine_chunks") else column
        for column in (classes, weights)
    ]
    lengths = columns[0].value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = (column.flatten().to_numpy(zero_copy_only=False) for column in columns)
    return next(flat), next(flat), lengths


def _largest_weights(rows: pa.Table) -> NDArray[Any]:
    """Return the largest weight of each label, of the rows that have one."""
    _, weights, lengths = _flatten(rows.column("classes"), rows.column("weights"))
    if not len(weights):
        return weights
    return np.maximum.reduceat(weights, (np.cumsum(lengths) - lengths)[lengths > 0])


def _find_dominant(labels: pa.StructArray) -> Numbers:
    """Return the class of the largest weight of each label, the first of equal ones; -1 where it is null."""
    classes, weights, lengths = _flatten(labels.field("classes"), labels.field("weights"))
    dominant = np.full(len(lengths), UNLABELLED, np.int64)
    is_labelled = lengths > 0
    starts = (np.cumsum(lengths) - lengths)[is_labelled]
    if not len(starts):
        return dominant
    largest = np.repeat(np.maximum.reduceat(weights, starts), lengths[is_labelled])
    places = np.flatnonzero(weights == largest)
    firsts = places[np.searchsorted(places, starts)]
    dominant[is_labelled] = classes[firsts]
    return dominant
