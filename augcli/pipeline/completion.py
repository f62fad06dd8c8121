"""What a run does where there is something to make or to compare.

`run` imports this module only then. So a run that finds nothing to do, and `--dry-run`, load neither codecs
nor kernels nor workers: everything that does the work is imported from here.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from augcli.io.images import codec
from augcli.io.store.base import Sharing
from augcli.io.store.places import clear_scratch
from augcli.kernels.backends import choose_backend
from augcli.pipeline.engines.local import LocalEngine, find_sharing
from augcli.pipeline.output import state
from augcli.pipeline.output.relabel import relabel
from augcli.pipeline.output.tables import Tables, Tally, refuse_mixed_suffixes
from augcli.pipeline.plan.tasks import cut_todo
from augcli.pipeline.worker.chunks import make_chunks
from augcli.pipeline.worker.compare import compare_sources
from augcli.pipeline.worker.task import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.records.counts import RowCounts
    from augcli.pipeline.extent import Extent
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split
    from augcli.pipeline.settings import Settings
    from augcli.recipe import Recipe


def settle(standing: Standing, workers: int, settings: Settings) -> tuple[Standing, int]:
    """Compare the sources of chunks in doubt; return what stands then, and how many chunks these were."""
    doubts = standing.doubts
    engine = LocalEngine(workers, _find_sharing([doubt.sources.split for doubt in doubts]))
    return state.settle(standing, compare_sources(doubts, engine.run, settings.advance)), len(doubts)


def complete(
    extent: Extent, standing: Standing, workers: int, settings: Settings
) -> tuple[list[RowCounts], Counter[str], int]:
    """Do all that is missing of what a run makes, but for the mark that it is complete.

    Returns:
        The counted rows of each split, the seconds by stage, and how many workers were begun.
    """
    extent.begin(standing)
    store, splits = extent.store, extent.splits
    with ExitStack() as stack:
        stack.callback(clear_scratch, store)
        tables = [
            Tables(split.job.writer, split.part_names(), standing.parts, store, stack, extent.is_shared)
            for split in splits
        ]

        def write_tables() -> list[Tally]:
            pairs = zip(splits, tables, strict=True)
            tallies = [own.write(_count_committed(split, own.written)) for split, own in pairs]
            refuse_mixed_suffixes(str(extent.recipe.format), tallies)
            return tallies

        with codec.own_pixel_bound():
            seconds, begun = _make(standing.todo, extent.recipe, workers, settings, write_tables)
        for split in splits:
            relabel(store, split, standing.parts)
        tallies = write_tables()
    return extent.finish(standing, tallies), seconds, begun


def _find_sharing(splits: Sequence[Split], forks: bool = True) -> Sharing:
    """Return which workers the stores of a run allow; it has one input and one output."""
    job, source = splits[0].job, splits[0].source
    return find_sharing([job.writer.store, *(place.store for place in source.places)], forks)


def _count_committed(split: Split, known: int) -> int:
    """Return how many of a split's chunks are committed, from the first on; `known` are."""
    while known < len(split.chunks) and split.chunks[known].name in split.facts:
        known += 1
    return known


def _make(
    todo: Sequence[tuple[Split, Chunk]],
    recipe: Recipe,
    workers: int,
    settings: Settings,
    committed: Callable[[], object],
) -> tuple[Counter[str], int]:
    """Make and commit chunks; return the seconds by stage, of all workers, and how many these are.

    `committed` is called after each commit, while workers are at the chunks behind it.
    """
    seconds: Counter[str] = Counter()
    if not todo:
        return seconds, 0
    has_steps = bool(recipe.entries)
    sharing = _find_sharing([split for split, _ in todo], choose_backend(settings.backend, has_steps).forks)
    processes = workers > 1 and sharing is not Sharing.THREADS
    pieces = list(cut_todo(todo, workers, processes, settings.limits))
    engine = LocalEngine(workers, sharing, partial(prepare, settings.backend, has_steps))
    spare = settings.limits.spare_partners
    total = sum(len(chunk) for _, chunk in todo)
    for piece, spent, facts in make_chunks(pieces, engine.run, spare, processes):
        seconds.update(spent)
        if facts is not None:
            piece.split.facts[piece.chunk.name] = facts
            committed()
        settings.advance(sum(map(len, piece.arcs)), total)
    return seconds, min(workers, len(pieces))
