"""A whole run: list, compare with what stands, make what is missing, write tables, say that it is done."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from augcli.errors import StorageError
from augcli.io.readers.source import open_source
from augcli.io.store.lease import locked
from augcli.io.store.places import open_destination
from augcli.kernels.backends import choose_backend
from augcli.pipeline.engines.cpus import count_workers
from augcli.pipeline.extent import Whole
from augcli.pipeline.output import commit, documents, state, summarize
from augcli.pipeline.output.effects import idle_notes
from augcli.pipeline.output.look import look
from augcli.pipeline.output.notes import list_notes
from augcli.pipeline.plan.checks import check_masks
from augcli.pipeline.plan.splits import plan_splits
from augcli.pipeline.results import Effort
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.readers.base import Selection, Source
    from augcli.io.records.counts import RowCounts
    from augcli.io.store.base import Store
    from augcli.pipeline.extent import Extent
    from augcli.pipeline.output.look import Look
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.output.summarize import Work
    from augcli.pipeline.plan.partitions import Partition
    from augcli.pipeline.results import Summary
    from augcli.pipeline.settings import Settings


def run(src: str, dst: str, recipe: Recipe, selection: Selection, settings: Settings) -> Summary:
    """Materialize a data set.

    Args:
        src: Image folder; or parquet shards or tar files: one, a folder, or a glob.
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
    commit.check_apart(src, dst, selection)
    store = open_destination(dst, selection.access)
    backend = _find_backend(settings, bool(recipe.entries))
    source = open_source(src, selection)
    seen, whole = _plan(store, source, recipe, settings)
    notes = list_notes(whole.recipe, source, whole.splits)
    extent = _choose_extent(whole, settings.partition, notes)
    asked = Recipe() if settings.is_stored else recipe
    find_idle = partial(idle_notes, asked, selection.files, source, whole.splits)
    workers = settings.workers or count_workers(source.rows_are_shared)
    standing = extent.survey(seen)
    if settings.dry_run:
        notes += find_idle(None)
        foreseen = summarize.foresee(store, whole.recipe, extent.splits, standing, workers, backend, notes)
        return replace(foreseen, dst=dst, partition=extent.name)

    def enter(standing: Standing) -> Standing:
        held.append(stack.enter_context(locked(store, extent.is_shared)))
        # Unless another run was at work until then.
        return standing if extent.is_true(seen) else extent.survey(look(store))

    held: list[Callable[[], None]] = []
    with ExitStack() as stack:
        settle = partial(_settle, workers=workers, settings=settings)
        standing, compared = _hold(standing, seen.is_locked, enter, settle)
        counts, effort = standing.counts, Effort()
        if standing.is_behind:
            from augcli.pipeline.completion import complete

            counts, effort = complete(extent, standing, workers, settings)
            notes += [f"made by {effort.place}"] if effort.place else []
        notes += find_idle(None if extent.is_shared else counts)
        spent = {"wall": time.perf_counter() - start} | dict(sorted(effort.seconds.items()))
        work = summarize.Work(standing.todo_names, compared, effort.workers, backend, spent, extent.name)
        summary = _summarize(extent, standing, counts, work, notes)
        if standing.is_behind:
            commit.renew_caches(store, standing.doubts)
            for check_held in held:
                check_held()
            extent.close(standing, len(summary.failures))
    if not standing.is_behind:
        _renew(store, extent, seen, standing)
    return replace(summary, dst=dst, nodes=dict(sorted(effort.nodes.items())))


def _plan(store: Store, source: Source, recipe: Recipe, settings: Settings) -> tuple[Look, Whole]:
    """Look at DST, and plan all of its output.

    Raises:
        UsageError: If the recipe asks what the input does not allow.
        OutputError: If DST is something else, or another recipe's output.
    """
    recipe = replace(recipe, format=recipe.format or source.layout)
    check_masks(recipe, source.annotated)
    seen = look(store)
    state.check(seen, recipe, source.annotated, settings.force)
    splits = plan_splits(source, store, recipe, settings.backend, settings.limits)
    return seen, Whole(store, recipe, source.annotated, splits, settings.force, settings.max_errors)


def _find_backend(settings: Settings, has_steps: bool) -> str:
    """Return the name of what applies steps, looked for on this machine if that is where it works.

    Raises:
        MissingPartError: If it is missing, or Ray where it is asked for.
    """
    if settings.engine.name == "ray":
        from augcli.pipeline.engines.ray import check_usable

        check_usable(settings.engine.address)
        if settings.backend == "gpu":
            return "gpu (of the cluster)"
    return choose_backend(settings.backend, has_steps).name


def _choose_extent(whole: Whole, partition: Partition | None, notes: Sequence[str]) -> Extent:
    """Return what of an output a run makes."""
    if partition is None:
        return whole
    from augcli.pipeline.partition import take

    return take(whole, partition, notes)


def _hold(
    standing: Standing,
    is_locked: bool,
    enter: Callable[[Standing], Standing],
    settle: Callable[[Standing], tuple[Standing, int]],
) -> tuple[Standing, int]:
    """Hold DST if anything is to be written there, and compare the sources of chunks in doubt.

    A run that finds nothing to do touches nothing, so only one that writes takes the lock.

    Args:
        standing: What stands.
        is_locked: Whether another run is at work there, or was killed.
        enter: Takes the lock; gives what stands then.
        settle: Compares; gives what stands then, and how many chunks were compared.
    """
    if standing.is_behind or is_locked:
        return settle(enter(standing))
    settled, compared = settle(standing)
    if not settled.is_behind:
        return settled, compared
    again = enter(settled)
    return (settled, compared) if again is settled else settle(again)


def _settle(standing: Standing, workers: int, settings: Settings) -> tuple[Standing, int]:
    """Compare the sources of chunks in doubt; return what stands then, and how many chunks these were."""
    if not standing.doubts:
        return standing, 0
    from augcli.pipeline.completion import settle

    return settle(standing, workers, settings)


def _summarize(
    extent: Extent, standing: Standing, counts: Sequence[RowCounts], work: Work, notes: Sequence[str]
) -> Summary:
    """Return what stands now, and what was done for it."""
    outputs = [documents.describe_split(split) for split in extent.splits]
    before = summarize.count_before(extent.splits)
    summary = summarize.summarize(extent.store, extent.recipe, outputs, counts, before, work, notes)
    return replace(summary, only_tables=standing.lacks_only_tables and not extent.is_shared)


def _renew(store: Store, extent: Extent, seen: Look, standing: Standing) -> None:
    """Note that nothing was to be made, in the caches and for make, if that is possible."""
    if standing.doubts:
        with suppress(StorageError), locked(store, extent.is_shared):
            if extent.is_true(seen):
                commit.renew_caches(store, standing.doubts)
                if not extent.is_shared:
                    commit.renew_mark(store, standing.contents)
