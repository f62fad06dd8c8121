"""Sources that bear another time than when they were read: read again, and compared by their hashes."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from augcli.pipeline.plan.tasks import slice_catalogue
from augcli.pipeline.worker.contents import read_sample
from augcli.pipeline.worker.task import ChunkSamples

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.pipeline.plan.doubts import Doubt
    from augcli.samples import RowGroup

    RunComparisons: TypeAlias = (
        "Callable[[Callable[[Comparison], bool], Iterable[Comparison]], Generator[bool, None, None]]"
    )

FILES_TOGETHER = 128
"""Files that a worker compares in one go."""

READ_AHEAD = 32
"""Files that are begun to be read before others are compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one worker compares in one go.

    Attributes:
        samples: What opens the samples.
        places: Their indices.
        contents: Hash of each when it was read, one behind the other.
        has_masks: Whether they have masks.
    """

    samples: ChunkSamples
    places: tuple[int, ...]
    contents: bytes
    has_masks: bool

    def __str__(self) -> str:
        """Return what messages call it."""
        return f"the comparison of {len(self.places)} sources"


def compare(comparison: Comparison) -> bool:
    """True if all samples are what they were when they were read.

    Raises:
        StorageError: If the machine fails.
    """
    samples, contents = comparison.samples.open(), comparison.contents
    length = len(contents) // len(comparison.places)
    ahead = 0
    for number, sample in enumerate(comparison.places):
        if number >= ahead - READ_AHEAD:
            ahead += samples.read_ahead(comparison.places[ahead : ahead + READ_AHEAD])
        content = read_sample(samples, sample, comparison.has_masks).content
        samples.release(sample)
        if content != contents[number * length : (number + 1) * length]:
            return False
    return True


def compare_sources(
    doubts: Sequence[Doubt], run: RunComparisons, advance: Callable[[int, int], None]
) -> list[bool]:
    """Return for each chunk in doubt whether its sources are what they were when they were read.

    Args:
        doubts: The chunks.
        run: `run` of an engine.
        advance: Called with (samples compared since the last call, all samples to compare).

    Raises:
        StorageError: If the machine fails, or a worker dies.
    """
    total = sum(len(doubt.places) for doubt in doubts)
    are_same, begun = [True] * len(doubts), deque[tuple[int, int]]()

    def begin() -> Iterator[Comparison]:
        for number, doubt in enumerate(doubts):
            for comparison in _cut(doubt):
                begun.append((number, len(comparison.places)))
                yield comparison

    with closing(run(compare, begin())) as results:
        for is_same in results:
            number, compared = begun.popleft()
            are_same[number] &= is_same
            advance(compared, total)
    return are_same


def _cut(doubt: Doubt) -> Iterator[Comparison]:
    """Cut what must be read for a chunk: some files together, or one row group."""
    sources = doubt.sources
    chunk, catalogue = sources.chunk, sources.split.catalogue
    opener, has_masks = sources.split.source.opener, sources.split.job.annotated.masks

    def make(known: NDArray[np.int64], places: NDArray[np.int64], groups: tuple[RowGroup, ...]) -> Comparison:
        samples = ChunkSamples(opener, slice_catalogue(catalogue, known), groups, chunk.portions)
        indices = np.searchsorted(known, sources.samples[places])
        return Comparison(samples, tuple(indices.tolist()), sources.contents[places].tobytes(), has_masks)

    ordered = doubt.places[np.argsort(sources.samples[doubt.places])]
    samples = sources.samples[ordered]
    if not chunk.groups:
        for start in range(0, len(ordered), FILES_TOGETHER):
            stop = start + FILES_TOGETHER
            yield make(samples[start:stop], ordered[start:stop], ())
    for group in chunk.groups:
        start, stop = np.searchsorted(samples, [group.first, group.first + group.rows])
        if start < stop:
            rows = np.arange(group.first, group.first + group.rows)
            yield make(rows, ordered[start:stop], (group._replace(first=0),))
