"""A whole run: list, compare with what stands, do what is missing, write the tables, say that it is done."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from augcli.errors import UsageError
from augcli.io.images import codec
from augcli.io.readers.source import open_source
from augcli.io.store.lease import has_lock, locked
from augcli.io.store.local import check_apart
from augcli.kernels.backends import choose_backend
from augcli.pipeline.engines.local import count_workers, run_in_order
from augcli.pipeline.output import commit, documents, state, summarize
from augcli.pipeline.plan.chunks import cut_pieces
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.plan.splits import Split, plan_splits
from augcli.pipeline.worker.commit import commit_chunk
from augcli.pipeline.worker.execute import execute
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.readers.base import Samples, Selection, Source
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.chunks import Arc, Chunk
    from augcli.pipeline.results import Summary
    from augcli.pipeline.worker.values import ArcResult


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
        limits: How much is done at once.
    """

    workers: int | None = None
    force: bool = False
    dry_run: bool = False
    max_errors: int = 0
    backend: str = "auto"
    advance: Callable[[int, int], None] = lambda done, total: None
    limits: Limits = DEFAULT_LIMITS


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
    given, dst = dst, dst.absolute()
    backend = choose_backend(settings.backend, bool(recipe.entries))
    source = open_source(src, selection)
    recipe = replace(recipe, format=recipe.format or source.layout)
    _check_annotations(recipe, source)
    state.check(dst, recipe, source.annotated, settings.force)
    splits = plan_splits(source, dst, recipe, backend, settings.limits)
    workers = settings.workers or count_workers()
    notes = [
        *source.notes,
        *summarize.annotation_notes(recipe, source.annotated),
        *documents.label_notes(recipe),
        *summarize.class_notes(splits),
        *summarize.pair_notes(splits),
    ]
    survey = partial(state.survey, dst, recipe, source.annotated, splits, settings.force, settings.max_errors)
    standing = survey()
    if settings.dry_run:
        foreseen = summarize.foresee(dst, recipe, splits, standing.todo, workers, backend.name, notes)
        return replace(foreseen, dst=str(given), only_tables=standing.lacks_only_tables)
    seconds: dict[str, float] = {}
    # A run that finds nothing to do touches nothing, so only one that writes takes the lock.
    with locked(dst) if standing.is_behind or has_lock(dst) else nullcontext(False) as is_locked:
        if is_locked:  # another run may have been at work until then
            standing = survey()
        if standing.is_behind:
            _complete(dst, recipe, splits, standing, workers, settings, seconds)
        spent = {"wall": time.perf_counter() - start} | dict(sorted(seconds.items()))
        summary = summarize.summarize(dst, recipe, splits, standing.todo, workers, backend.name, notes, spent)
        if is_locked:
            commit.mark_complete(dst, len(summary.failures) <= settings.max_errors)
    return replace(summary, dst=str(given), only_tables=standing.lacks_only_tables)


def _complete(
    dst: Path,
    recipe: Recipe,
    splits: Sequence[Split],
    standing: Standing,
    workers: int,
    settings: Settings,
    seconds: dict[str, float],
) -> None:
    """Do all that is missing, but for the mark that it is complete."""
    outdated = {split.part_name(chunk) for split, chunk in standing.todo} | standing.stale
    annotated = splits[0].job.annotated
    commit.begin(dst, recipe, annotated, standing.is_new, outdated)
    with codec.own_pixel_bound():
        _do_chunks(standing.todo, workers, settings, seconds)
    for split in splits:
        for chunk in split.mislabelled:
            name = split.part_name(chunk)
            split.facts[chunk.name] = split.job.writer.relabel(name, split.facts[chunk.name])
    documents.finish(dst, [split.output(dst) for split in splits], recipe)


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
    runs = [
        (at, run)
        for at, (_, chunk) in enumerate(todo)
        for run in cut_pieces(chunk, total, workers, settings.limits)
    ]
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
            split.facts[chunk.name] = commit_chunk(split, chunk, done)
            opened.pop(at, None)
            done = []
