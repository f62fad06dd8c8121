"""A whole run: list, compare with what stands, make missing chunks, write tables, say that it is done.

An *extent* is how much of an output a run makes: the whole, or the chunks of a partition. Its *standing* is
what stands of it in DST, compared with what is to stand there. A chunk is in *doubt* where its sources have
another size or time than when it was made; their bytes are compared then.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import Option, StorageError
from augcli.io.readers.source import open_source
from augcli.io.store.lease import locked
from augcli.io.store.places import check_can_begin, open_destination
from augcli.kernels.backends import choose_backend
from augcli.pipeline.engines.cpus import count_workers
from augcli.pipeline.extent import Whole
from augcli.pipeline.output import commit, documents, state, summarize
from augcli.pipeline.output.effects import idle_notes
from augcli.pipeline.output.look import look
from augcli.pipeline.output.notes import list_notes
from augcli.pipeline.plan.checks import check_boxes, check_masks
from augcli.pipeline.plan.rings import SectionTooShortError
from augcli.pipeline.plan.splits import plan_splits
from augcli.pipeline.results import Effort
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from augcli.io.readers.base import Selection, Source
    from augcli.io.records.counts import RowCounts
    from augcli.io.store.base import Store
    from augcli.pipeline.extent import Extent
    from augcli.pipeline.output.look import Look
    from augcli.pipeline.output.slice_files import Given
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.output.summarize import Work
    from augcli.pipeline.plan.partitions import Partition
    from augcli.pipeline.results import Summary
    from augcli.pipeline.settings import Settings


def run(src: str, dst: str, recipe: Recipe, selection: Selection, settings: Settings) -> Summary:
    """Materialize a data set.

    Args:
        src: Image folder or YOLO data set; or parquet shards or tar files: one, a folder, or a glob.
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
    work = partial(_work, backend=backend, settings=settings, given=_list_given(src, selection), start=start)
    try:
        planned = _open_planned(src, store, recipe, selection, settings)
        if planned is None:
            summary = work(_open_listed(src, store, recipe, selection, settings))
        else:
            with _naming_the_plan(settings):
                summary = work(planned)
    except SectionTooShortError:  # more images in a row do not decode than its slice of the plan knows
        summary = work(_open_listed(src, store, recipe, selection, settings))
    return replace(summary, dst=dst)


class _Begun(NamedTuple):
    """A run that has listed its input, before it is at work.

    Attributes:
        extent: How much of the output it makes.
        seen: What was seen of DST.
        notes: Lines for the summary.
        find_idle: Returns a note for each option that had no effect, from the counted rows of the output.
        rows_are_shared: As `Source` has it.
    """

    extent: Extent
    seen: Look
    notes: list[str]
    find_idle: Callable[[Sequence[RowCounts] | None], Sequence[str]]
    rows_are_shared: bool


def _open_listed(src: str, store: Store, recipe: Recipe, selection: Selection, settings: Settings) -> _Begun:
    """List SRC and DST, and plan."""
    source = open_source(src, selection)
    seen, whole = _plan(store, source, recipe, settings)
    notes = list_notes(whole.recipe, source, whole.splits)
    extent = _choose_extent(whole, settings.partition, notes)
    asked = Recipe() if settings.is_stored else recipe
    find_idle = partial(idle_notes, asked, selection.files, source, whole.splits)
    return _Begun(extent, seen, notes, find_idle, source.rows_are_shared)


def _open_planned(
    src: str, store: Store, recipe: Recipe, selection: Selection, settings: Settings
) -> _Begun | None:
    """Read the slice of a partition, and what stands of it; None if the output was not planned."""
    if settings.partition is None:
        return None
    from augcli.pipeline.planned import open_planned

    given = _list_given(src, selection)
    extent = open_planned(store, settings.partition, recipe, given, settings.backend)
    if extent is None:
        return None
    shared = extent.splits[0].source.rows_are_shared
    return _Begun(extent, extent.look(), list(extent.plan.notes), lambda counts: (), shared)


def _list_given(src: str, selection: Selection) -> Given:
    """Return what a command was given beside its recipe, by the names of its options."""
    files = asdict(selection.files)
    if isinstance(selection.files.boxes, tuple):
        files["boxes"] = [f"{split}={path}" for split, path in selection.files.boxes]
    return {"src": src.rstrip("/") or src, **files, **asdict(selection.access)}


@contextmanager
def _naming_the_plan(settings: Settings) -> Iterator[None]:
    """Add to faults of the machine that SRC may have changed since it was planned."""
    try:
        yield
    except StorageError as error:
        count = settings.partition.count if settings.partition else 0
        cure = "; if SRC changed since it was planned, plan again with ", Option("plan", str(count))
        raise StorageError(*error.args, *cure) from error


def _work(begun: _Begun, backend: str, settings: Settings, given: Given, start: float) -> Summary:
    """Make the chunks that are missing; or say what would be made, or plan it for partitions.

    Args:
        begun: The run, its input listed.
        backend: Name of the backend.
        settings: How the run is done.
        given: What the command was given beside its recipe.
        start: When it began.
    """
    extent, seen, notes = begun.extent, begun.seen, begun.notes
    store = extent.store
    workers = settings.workers or count_workers(begun.rows_are_shared)
    standing = extent.survey(seen)
    lacks_any = bool(standing.is_behind or standing.doubts or seen.is_locked)
    planned = settings.plan if settings.plan and lacks_any and not settings.dry_run else 0
    if planned and isinstance(extent, Whole):
        from augcli.pipeline.planned import plan_ahead

        standing = plan_ahead(extent, seen, planned, notes, given)
    if settings.dry_run and standing.is_behind:
        check_can_begin(store)
    if settings.dry_run or planned:
        return _foresee(begun, standing, workers, backend, planned)

    with ExitStack() as stack:
        lock = _Lock(extent, seen, stack)
        settle = partial(_settle, workers=workers, settings=settings)
        standing, compared = _hold(standing, seen.is_locked, lock.take, settle)
        counts, effort = standing.counts, Effort()
        if standing.is_behind:
            from augcli.pipeline.completion import complete

            counts, effort = complete(extent, standing, workers, settings)
            notes += effort.notes
        notes += begun.find_idle(None if extent.is_shared else counts)
        spent = {"wall": time.perf_counter() - start} | dict(sorted(effort.seconds.items()))
        work = summarize.Work(standing.todo_names, compared, effort.workers, backend, spent, extent.name)
        summary = _summarize(extent, standing, counts, work, notes)
        if standing.is_behind:
            commit.renew_caches(store, standing.doubts)
            lock.check()
            extent.close(standing, len(summary.failures))
    if not standing.is_behind:
        _renew(store, extent, seen, standing)
    return replace(summary, nodes=dict(sorted(effort.nodes.items())))


class _Lock:
    """The lock on DST: taken where anything is to be written there, and held until the run ends."""

    def __init__(self, extent: Extent, seen: Look, stack: ExitStack) -> None:
        """Prepare to take the lock of an extent that was looked at; it is held until the stack is closed."""
        self._extent, self._seen, self._stack = extent, seen, stack
        self._checks: list[Callable[[], None]] = []

    def take(self, standing: Standing) -> Standing:
        """Take the lock; return what stands then, since another run may have been at work until now."""
        extent = self._extent
        self._checks.append(self._stack.enter_context(locked(extent.store, extent.is_shared)))
        return standing if extent.is_true(self._seen) else extent.survey(extent.look())

    def check(self) -> None:
        """Refuse to go on if the lock was lost meanwhile, as a bucket's lock may be."""
        for check in self._checks:
            check()


def _foresee(begun: _Begun, standing: Standing, workers: int, backend: str, planned: int) -> Summary:
    """Return what would be made, or was planned for some partitions."""
    extent, notes = begun.extent, [*begun.notes, *begun.find_idle(None)]
    foreseen = summarize.foresee(
        extent.store, extent.recipe, extent.splits, standing, workers, backend, notes
    )
    return replace(foreseen, partition=extent.name, planned=planned, is_dry=not planned)


def _plan(store: Store, source: Source, recipe: Recipe, settings: Settings) -> tuple[Look, Whole]:
    """Look at DST, and plan all of its output.

    Raises:
        UsageError: If the recipe asks what the input does not allow.
        OutputError: If DST is something else, or another recipe's output.
    """
    recipe = replace(recipe, format=recipe.format or source.layout)
    check_masks(recipe, source.annotated)
    check_boxes(recipe, source.annotated)
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
    take_lock: Callable[[Standing], Standing],
    settle: Callable[[Standing], tuple[Standing, int]],
) -> tuple[Standing, int]:
    """Hold DST if anything is to be written there, and compare the sources of chunks in doubt.

    A run that finds nothing to do touches nothing, so only one that writes takes the lock.

    Args:
        standing: What stands.
        is_locked: Whether another run is at work there, or was killed.
        take_lock: Takes the lock; returns what stands then.
        settle: Compares; returns what stands then, and how many chunks were compared.
    """
    if standing.is_behind or is_locked:
        return settle(take_lock(standing))
    settled, compared = settle(standing)
    if not settled.is_behind:
        return settled, compared
    again = take_lock(settled)
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
