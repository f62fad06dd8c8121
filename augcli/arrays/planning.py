"""Programs for the images of a batch, planned as for data sets, and what mixing makes of labels."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from augcli.entries import Choice, Entry
from augcli.ops import Operation
from augcli.program.labels import count_shares
from augcli.rng import draw_subsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.arrays.batch import Batch
    from augcli.arrays.streams import Streams
    from augcli.program.labels import Shares
    from augcli.program.steps import Program
    from augcli.samples import Edges

AnOperation = TypeVar("AnOperation", bound=Operation)

EXACT = 1 << 53
"""Whole numbers up to this one are floats of 64 bits."""


def set_up(kind: type[AnOperation], p: float, **options: Any) -> tuple[AnOperation, Entry]:
    """Make an operation from options as users write them, and the entry of a recipe that has it alone.

    Raises:
        UsageError: If an option or the probability is not accepted.
    """
    operation = kind(**options)
    return operation, Entry((Choice(operation),), p)


def plan(
    batch: Batch, entry: Entry, streams: Streams, boxes: Sequence[Sequence[Edges]] | None = None
) -> list[Program]:
    """Plan a program for each image; `boxes` are the boxes of each, None if no operation needs them."""
    most = max(choice.operation.streams for choice in entry.choices)
    shapes, drawn = batch.shapes, streams.draw(most)
    operations = [entry.draw(draws) for draws in drawn]
    triples = zip(operations, drawn, shapes, strict=True)
    subsets = [None if kind is None else kind.find_subset(draws, shape) for kind, draws, shape in triples]
    images = zip(operations, draw_subsets(drawn, subsets), shapes, boxes or repeat(()), strict=False)
    return [kind.plan(draws, shape, 0, inside).steps if kind else () for kind, draws, shape, inside in images]


def count_all_shares(batch: Batch, programs: Sequence[Program], slots: int) -> list[Shares]:
    """Count for each image what it and its partners hold of it."""
    return [
        count_shares(program, shape.height, shape.width, slots)
        for program, shape in zip(programs, batch.shapes, strict=True)
    ]


def mix_weights(
    weights: NDArray[np.float64], shares: Sequence[Shares], partners: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Average labels, (N, K), by what each image and its partners, (N, slots), hold."""
    # Of several blends the counts are larger than floats are exact: they are divided first, rounded once.
    exact = [share.total <= EXACT for share in shares]
    counts = np.array(
        [
            share.counts if is_exact else [count / share.total for count in share.counts]
            for share, is_exact in zip(shares, exact, strict=True)
        ],
        np.float64,
    )
    totals = np.array([share.total if is_exact else 1 for share, is_exact in zip(shares, exact, strict=True)])
    sources = np.concatenate([np.arange(len(weights))[:, None], partners], axis=1)
    mixed = np.zeros_like(weights)
    for source in range(sources.shape[1]):
        mixed += counts[:, source, None] * weights[sources[:, source]]
    return mixed / totals[:, None]
