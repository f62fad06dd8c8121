"""What a run does where there is something to make or to compare.

`run` imports this module only then. So a run that finds nothing to do, and `--dry-run`, load neither codecs
nor kernels nor workers: everything that does the work is imported from here.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from augcli.io.images import codec
from augcli.io.records.document_sizes import Measured
from augcli.io.store.places import clear_scratch
from augcli.pipeline.output import state
from augcli.pipeline.output.relabel import relabel
from augcli.pipeline.output.tables import Tables, Tally, refuse_mixed_suffixes
from augcli.pipeline.plan.tasks import cut_todo, take_whole
from augcli.pipeline.results import Effort
from augcli.pipeline.worker.chunks import make_chunks
from augcli.pipeline.worker.compare import compare_sources
from augcli.pipeline.workplace import Workplace, open_workplace, sweep

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
    with open_workplace(doubts[0].sources.split, settings, workers, len(doubts), False) as place:
        are_same = compare_sources(doubts, place.engine.run, settings.advance)
    return state.settle(standing, are_same), len(doubts)


def complete(
    extent: Extent, standing: Standing, workers: int, settings: Settings
) -> tuple[list[RowCounts], Effort]:
    """Do all that is missing of what a run makes, but for the mark that it is complete.

    Returns:
        The counted rows of each split, and what it took.
    """
    store, splits, sink = extent.store, extent.splits, Measured(extent.store)
    with ExitStack() as stack:
        place = _open_place(standing.todo, extent.recipe, workers, settings, stack)
        extent.begin(standing)  # once it is known that there are workers
        stack.callback(clear_scratch, store)
        tables = [
            Tables(split.job.writer, split.part_names(), standing.parts, sink, stack, extent.is_shared)
            for split in splits
        ]

        def write_tables() -> list[Tally]:
            pairs = zip(splits, tables, strict=True)
            tallies = [of_split.write(_count_committed(split, of_split.written)) for split, of_split in pairs]
            refuse_mixed_suffixes(str(extent.recipe.format), tallies)
            return tallies

        with codec.own_pixel_bound():
            effort = _make(standing.todo, place, workers, settings, write_tables)
        for split in splits:
            relabel(store, split, standing.parts)
        tallies = write_tables()
    if effort.is_littered and not extent.is_shared:  # until here tables are unfinished, too
        sweep(store)
    counts = extent.finish(standing, tallies, sink)
    effort.has_edited_card = sink.has_edited_card
    return counts, effort


def _count_committed(split: Split, known: int) -> int:
    """Return how many of a split's chunks are committed, from the first on; `known` are."""
    while known < len(split.chunks) and split.chunks[known].name in split.facts:
        known += 1
    return known


def _open_place(
    todo: Sequence[tuple[Split, Chunk]], recipe: Recipe, workers: int, settings: Settings, stack: ExitStack
) -> Workplace | None:
    """Open the place where chunks are made, until a stack is closed; None if no chunk is to be made."""
    if not todo:
        return None
    split, _ = todo[0]
    place = open_workplace(split, settings, workers, len(todo), bool(recipe.entries))
    return stack.enter_context(place)


def _make(
    todo: Sequence[tuple[Split, Chunk]],
    place: Workplace | None,
    workers: int,
    settings: Settings,
    committed: Callable[[], object],
) -> Effort:
    """Make and commit chunks.

    `committed` is called after each commit, while workers are at the chunks behind it.
    """
    effort = Effort()
    if place is None:
        return effort
    spare, total = settings.limits.spare_partners, sum(len(chunk) for _, chunk in todo)
    cut = take_whole(todo) if place.name else cut_todo(todo, workers, place.processes, settings.limits)
    pieces = list(cut)
    effort.workers, effort.place = min(place.workers, len(pieces)), place.name
    for piece, spent, facts, node in make_chunks(pieces, place.engine.run, spare, place.processes):
        effort.seconds.update(spent)
        if facts is not None:
            piece.split.facts[piece.chunk.name] = facts
            effort.nodes.update([node] if place.name else [])
            committed()
        settings.advance(sum(map(len, piece.arcs)), total)
    effort.is_littered = place.engine.is_littered
    return effort
