"""A whole run: list, compare with what stands, do what is missing, write the tables, say that it is done."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from augcli.errors import UsageError
from augcli.io.images import codec
from augcli.io.readers.source import open_source
from augcli.io.store.lease import locked
from augcli.io.store.places import check_apart, open_destination
from augcli.kernels.backends import choose_backend
from augcli.pipeline.engines.local import count_workers, run_in_order
from augcli.pipeline.output import commit, documents, state, summarize
from augcli.pipeline.output.commit import _commit
from augcli.pipeline.output.documents import describe_split
from augcli.pipeline.output.relabel import relabel
from augcli.pipeline.plan.chunks import cut_tasks
from augcli.pipeline.plan.splits import Split, plan_splits
from augcli.pipeline.worker.execute import execute
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.readers.base import Samples, Selection, Source
    from augcli.io.records.counts import RowCounts
    from augcli.io.store.base import Store
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.chunks import Arc, Chunk
    from augcli.pipeline.plan.job import ArcResult
    from augcli.pipeline.results import Summary


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is done, which never changes what it gives.

    Attributes:
        workers: Processes or threads; None takes as many CPUs as the process may use.
        force: Whether an output of another recipe is replaced.
        dry_run: Whether to say what would be done and write nothing.
        max_errors: Failures up to which the output counts as complete.
        backend: What applies steps: one of `BACKENDS`.
        advance: Called with (images done since the last call, all images to do).
    """

    workers: int | None = None
    force: bool = False
    dry_run: bool = False
    max_errors: int = 0
    backend: str = "auto"
    advance: Callable[[int, int], None] = lambda done, total: None


def run(src: str, dst: Path, recipe: Recipe, selection: Selection, settings: Settings) -> Summary:
    """Materialize a data set.

    Args:
        src: Image folder, parquet file, folder or glob of shards.
        dst: Directory of the output; new, empty, or ours with the same recipe.
        recipe: What to do.
        selection: Which part of SRC is read, and how it is labelled.
        settings: How to do it.

    Raises:
        UsageError: If the recipe asks what the labels do not allow.
        InputError: If SRC is missing, empty or cannot be labelled.
        OutputError: If DST is something else, another recipe's output, in use, or overlaps SRC.
        StorageError: If the machine fails; committed chunks stay, and the same call goes on from there.
    """
    start = time.perf_counter()
    _check_apart(src, dst, selection)
    store = open_destination(dst)
    backend = choose_backend(settings.backend, bool(recipe.entries))
    source = open_source(src, selection)
    recipe = replace(recipe, format=recipe.format or source.layout)
    _check_annotations(recipe, source)
    seen = state.look(store)
    state.check(seen, recipe, source.annotated, settings.force)
    splits = plan_splits(source, store, recipe, backend)
    workers = settings.workers or count_workers()
    notes = [
        *source.notes,
        *summarize.annotation_notes(recipe, source.annotated),
        *documents.label_notes(recipe),
        *summarize.class_notes(splits),
        *summarize.pair_notes(splits),
    ]
    known = (recipe, source.annotated, splits, settings.force, settings.max_errors)
    standing = state.survey(seen, *known)
    if settings.dry_run:
        foreseen = summarize.foresee(store, recipe, splits, standing.todo, workers, backend.name, notes)
        return replace(foreseen, dst=str(dst), only_tables=standing.lacks_only_tables)
    seconds: dict[str, float] = {}
    # A run that finds nothing to do touches nothing, so only one that writes takes the lock.
    with locked(store) if standing.is_behind or seen.is_locked else nullcontext(False) as is_locked:
        if is_locked and not seen.is_true():  # another run was at work until then
            standing = state.survey(state.look(store), *known)
        counts = standing.counts
        if standing.is_behind:
            counts = _complete(store, recipe, splits, standing, workers, settings, seconds)
        spent = {"wall": time.perf_counter() - start} | dict(sorted(seconds.items()))
        summary = summarize.summarize(
            store, recipe, splits, standing.todo, counts, workers, backend.name, notes, spent
        )
        if standing.is_behind:
            commit.mark_complete(store, len(summary.failures) <= settings.max_errors)
    return replace(summary, dst=str(dst), only_tables=standing.lacks_only_tables)


def _complete(
    store: Store,
    recipe: Recipe,
    splits: Sequence[Split],
    standing: Standing,
    workers: int,
    settings: Settings,
    seconds: dict[str, float],
) -> list[RowCounts]:
    """Do all that is missing, but for the mark that it is complete; return the counted rows of each split."""
    commit.begin(store, standing, recipe, splits[0].job.annotated)
    with codec.own_pixel_bound():
        _do_chunks(standing.todo, workers, settings, seconds)
    for split in splits:
        relabel(store, split, standing.parts)
    return documents.finish(store, standing, [describe_split(split) for split in splits], recipe)


def _check_apart(src: str, dst: Path, selection: Selection) -> None:
    """Refuse a DST that overlaps what is read."""
    check_apart(src, dst)
    if selection.boxes:
        check_apart(selection.boxes, dst, "--boxes")
    if selection.masks and Path(selection.masks).is_dir():  # else it names a column
        check_apart(selection.masks, dst, "--masks")


def _check_annotations(recipe: Recipe, source: Source) -> None:
    """Refuse what index masks do not allow."""
    operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
    blending = next((one.name for one in operations if one.blends), None)
    if not source.annotated.masks:
        return
    if blending and recipe.mask_policy is None:
        raise UsageError(
            f"{blending} blends images, but a mean of two indices of masks means nothing; give --mask-policy"
            " dominant, or an input without masks"
        )
    if recipe.size and recipe.fit == "pad" and recipe.mask_fill is None:
        raise UsageError("--fit pad frames masks too; say with --mask-fill which index the frame has")


def _do_chunks(
    todo: Sequence[tuple[Split, Chunk]], workers: int, settings: Settings, seconds: dict[str, float]
) -> None:
    """Do chunks in order, each committed when its last run is in; neighbours are in flight together."""
    for split, _ in todo[:1]:
        split.job.backend.load()
    total = sum(len(chunk) for _, chunk in todo)
    runs = [(at, run) for at, (_, chunk) in enumerate(todo) for run in cut_tasks(chunk, total, workers)]
    opened: dict[int, Samples] = {}
    opening = threading.Lock()

    def work(task: int) -> list[ArcResult]:
        at, arcs = runs[task]
        split, chunk = todo[at]
        with opening:
            if at not in opened:
                opened[at] = split.source.samples(split.catalogue, chunk.groups, chunk.slices)
            samples = opened[at]
        return [execute(split.job, arc, samples) for arc in arcs]

    # The rows of shards are held in memory for all workers, so these are threads.
    processes = all(split.source.layout == "folder" and split.job.backend.forks for split, _ in todo)
    done: list[tuple[Arc, ArcResult]] = []
    for task, results in run_in_order(work, len(runs), workers, processes):
        at, arcs = runs[task]
        split, chunk = todo[at]
        done += zip(arcs, results, strict=True)
        for result in results:
            for stage, spent in result.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent
        settings.advance(sum(map(len, arcs)), total)
        if sum(len(one) for one, _ in done) == len(chunk):
            split.facts[chunk.name] = _commit(split, chunk, done)
            opened.pop(at, None)
            done = []
