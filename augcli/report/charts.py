"""Charts as numbers: where bars lie and how long they are, in the units of the page's drawings. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

WIDTH, HEIGHT, GAP = 400, 120, 2
"""Of a histogram's drawing, and between its bars."""

SHADES = 9
"""Shades of a matrix, from 1 on; 0 has no shade."""


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of a histogram: what it counts, how many there are, and its rectangle."""

    label: str
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram: its title, what it shows in words, its bars, and what stands at the ends below them."""

    title: str
    text: str
    bins: tuple[Bin, ...]
    ends: tuple[str, str]

    @property
    def most(self) -> int:
        """The count of the highest bar."""
        return max(bin.count for bin in self.bins)


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a matrix, and its shade in 0..9."""

    count: int
    shade: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts by two names: the names of the columns, and of each row its name and its cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def draw_histogram(
    title: str, text: str, labels: Sequence[str], counts: Sequence[int], ends: tuple[str, str]
) -> Histogram:
    """Return a histogram; a bar that counts anything is at least one unit high."""
    most, step = max([*counts, 1]), WIDTH / max(len(counts), 1)
    bins = []
    for place, (label, count) in enumerate(zip(labels, counts, strict=True)):
        height = max(HEIGHT * count / most, 1) if count else 0
        rectangle = (place * step + GAP / 2, HEIGHT - height, step - GAP, height)
        bins.append(Bin(label, count, *(round(number, 2) for number in rectangle)))
    return Histogram(title, text, tuple(bins), ends)


def draw_shares(title: str, text: str, counts: NDArray[np.int64]) -> Histogram:
    """Return the histogram of numbers from 0 to 1, which fell into bins of the same width."""
    edges = [number / len(counts) for number in range(len(counts) + 1)]
    labels = [f"{low:.2f} to {high:.2f}" for low, high in itertools.pairwise(edges)]
    return draw_histogram(title, text, labels, counts.tolist(), ("0", "1"))


def draw_matrix(names: Sequence[str], counts: NDArray[np.int64]) -> Matrix:
    """Return a matrix whose shades tell the counts; rows and columns of zeros at the end are left out."""
    most = max(int(counts.max(initial=0)), 1)
    kept = len(names) if counts[-1].any() or counts[:, -1].any() else len(names) - 1
    rows = tuple(
        (name, tuple(Cell(int(count), -(-SHADES * int(count) // most)) for count in row[:kept]))
        for name, row in zip(names[:kept], counts, strict=False)
    )
    return Matrix(tuple(names[:kept]), rows)


def scale(value: float, most: float) -> float:
    """Return how long a bar is, of 100; a bar that counts anything is at least half a unit long."""
    return round(max(100 * value / most, 0.5), 2) if value and most else 0.0
