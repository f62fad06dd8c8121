"""Beginning an output, committing its chunks, and marking it complete."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from augcli.errors import OutputError
from augcli.io.records import part_files
from augcli.io.records.part_files import PartFacts
from augcli.io.store.base import write_text
from augcli.io.store.names import RECIPE, SUCCESS, is_unfinished, part_key, part_names
from augcli.pipeline.output.documents import is_removable
from augcli.pipeline.plan.digest import document
from augcli.pipeline.plan.splits import Split
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.chunks import Arc, Chunk
    from augcli.pipeline.plan.job import ArcResult
    from augcli.program.annotated import Annotated


def begin(store: Store, standing: Standing, recipe: Recipe, annotated: Annotated) -> None:
    """Make DST ours and not complete, and remove what is in the way: all of it if it is another recipe's.

    The part files that are no longer true go first: what they commit is about to be written over. Then
    `augcli.json` is written, always, for by that another run finds that this one has begun.

    Raises:
        OutputError: If another run has begun meanwhile, where the file system has no locks.
        StorageError: If the machine fails.
    """
    keys = standing.contents.sizes
    outdated = {split.part_name(chunk) for split, chunk in standing.todo} | standing.stale
    outdated = part_names(keys) if standing.is_new else outdated & part_names(keys)
    store.delete([key for key in (SUCCESS, *map(part_key, sorted(outdated))) if key in keys])
    text = document(recipe, annotated)
    if RECIPE in keys:
        write_text(store, RECIPE, text)
    elif not store.create(RECIPE, text.encode()):
        raise OutputError(f"DST {store.name!r} is in use by another run; wait until it ends")
    unfinished = [key for key in standing.contents.visible() if is_unfinished(key)]
    former = [key for key in standing.contents.visible() if standing.is_new and is_removable(key)]
    store.delete([*unfinished, *former])


def mark_complete(store: Store, complete: bool) -> None:
    """Set the mark that make targets and people look for, once all else is written, or leave it away."""
    if complete:
        store.create(SUCCESS, b"")


def _commit(split: Split, chunk: Chunk, done: Sequence[tuple[Arc, ArcResult]]) -> PartFacts:
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
