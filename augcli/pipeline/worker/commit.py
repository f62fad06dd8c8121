"""The commit of a chunk, once all of its arcs are made."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from augcli.io.records import part_files
from augcli.io.records.part_files import PartFacts
from augcli.pipeline.plan.splits import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.pipeline.plan.chunks import Arc, Chunk
    from augcli.pipeline.worker.values import ArcResult


def commit_chunk(split: Split, chunk: Chunk, done: Sequence[tuple[Arc, ArcResult]]) -> PartFacts:
    """Make a chunk's outputs final, its rows by source key and copy."""
    results = [result for _, result in done]
    ahead = _count_ahead(chunk, done)
    counts = sum((result.counts for result in results), Counter())
    facts = PartFacts(
        fingerprint=split.fingerprint(chunk, ahead),
        recipe=split.recipe,
        ahead=ahead,
        failures=tuple(failure for result in results for failure in result.failures),
        passed_over=tuple(sorted({key for result in results for key in result.passed_over})),
        counts={what: count for what, count in sorted(counts.items()) if count},
    )
    packed = [result.rows for result in results if result.rows]
    pairs = [pair for result in results for pair in result.pairs]
    rows, order = part_files.join_rows(packed, split.beside)
    split.job.writer.commit(split.part_name(chunk), rows, [pairs[at] for at in order if pairs], facts)
    return facts


def _count_ahead(chunk: Chunk, done: Sequence[tuple[Arc, ArcResult]]) -> tuple[int, ...]:
    """Count, for each arc of a chunk, the positions that its runs read beyond its end."""
    return tuple(
        max(
            max(run.stop + result.ahead - arc.stop, 0)
            for run, result in done
            if run.ring is arc.ring and arc.start <= run.start < arc.stop
        )
        for arc in chunk.arcs
    )
