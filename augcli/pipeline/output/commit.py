"""Beginning an output, committing its chunks, and marking it complete."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from augcli.io.readers.folder import SPLIT_NAMES
from augcli.io.records import part_files
from augcli.io.records.part_files import PartFacts
from augcli.io.store.local import (
    make_directory,
    read_text,
    remove_file,
    remove_strangers,
    write_text,
)
from augcli.io.store.names import (
    ANNOTATIONS,
    CARD,
    CLASSES,
    FAILURES,
    RECIPE,
    SUCCESS,
    TABLES,
)
from augcli.pipeline.plan.digest import document
from augcli.pipeline.plan.splits import Split
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.pipeline.plan.chunks import Arc, Chunk
    from augcli.pipeline.plan.job import ArcResult
    from augcli.program.annotated import Annotated


def begin(dst: Path, recipe: Recipe, annotated: Annotated, replace: bool, outdated: Iterable[str]) -> None:
    """Make DST ours and not complete; with `replace` clear what another recipe left.

    The part files that are no longer true go first: what they commit is about to be written over.
    """
    make_directory(dst)
    remove_file(dst / SUCCESS)
    for name in outdated:
        remove_file(part_files.part_path(dst, name))
    if replace:
        for name in part_files.part_names(dst):
            remove_file(part_files.part_path(dst, name))
        for directory in [dst, *(path for path in dst.iterdir() if path.name in SPLIT_NAMES)]:
            for name in (*TABLES, ANNOTATIONS):
                remove_file(directory / name)
        for name in (CLASSES, CARD, FAILURES):
            remove_file(dst / name)
        remove_strangers(dst, set())
    text = document(recipe, annotated)
    if read_text(dst / RECIPE) != text:
        write_text(dst / RECIPE, text)


def mark_complete(dst: Path, complete: bool) -> None:
    """Set or remove the mark that make targets and people look for; untouched where it is right."""
    if not complete:
        remove_file(dst / SUCCESS)
    elif not (dst / SUCCESS).exists():
        write_text(dst / SUCCESS, "")


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
