"""A whole run: list, compare with what stands, do what is missing, write the tables, say that it is done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError, UsageError
from augcli.io import codec, tables
from augcli.io.lock import has_lock, locked
from augcli.io.source import open_source
from augcli.io.storage import check_apart, folder_names
from augcli.io.tables import PartFacts
from augcli.kernels.backends import choose_backend
from augcli.pipeline import destination, tally
from augcli.pipeline.chunks import chunk_folder, chunk_groups, count_outputs, cut_runs, trim_chunks
from augcli.pipeline.execute import execute
from augcli.pipeline.job import Job
from augcli.pipeline.rings import check_partners, form_rings, hash_samples
from augcli.pipeline.split import Split
from augcli.pipeline.workers import count_workers, run_in_order
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.datatypes import Catalogue
    from augcli.io.source import Samples, Selection, Source
    from augcli.kernels.backends import Backend
    from augcli.pipeline.chunks import Chunk, Stretch
    from augcli.pipeline.destination import Standing
    from augcli.pipeline.job import RunResult
    from augcli.results import Summary


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
    given, dst = dst, dst.absolute()
    backend = choose_backend(settings.backend, bool(recipe.entries))
    source = open_source(src, selection)
    recipe = replace(recipe, format=recipe.format or source.form)
    _check_annotations(recipe, source)
    destination.check(dst, recipe, source.annotated, settings.force)
    splits = plan_splits(source, dst, recipe, backend)
    workers = settings.workers or count_workers()
    notes = [
        *source.notes,
        *tally.annotation_notes(recipe, source.annotated),
        *destination.label_notes(recipe),
        *tally.class_notes(splits),
        *tally.pair_notes(splits),
    ]
    survey = partial(
        destination.survey, dst, recipe, source.annotated, splits, settings.force, settings.max_errors
    )
    standing = survey()
    if settings.dry_run:
        foreseen = tally.foresee(dst, recipe, splits, standing.todo, workers, backend.name, notes)
        return replace(foreseen, dst=str(given), only_tables=standing.lacks_only_tables)
    seconds: dict[str, float] = {}
    # A run that finds nothing to do touches nothing, so only one that writes takes the lock.
    with locked(dst) if standing.is_behind or has_lock(dst) else nullcontext(False) as is_locked:
        if is_locked:  # another run may have been at work until then
            standing = survey()
        if standing.is_behind:
            _complete(dst, recipe, splits, standing, workers, settings, seconds)
        spent = {"wall": time.perf_counter() - start} | dict(sorted(seconds.items()))
        summary = tally.summarize(dst, recipe, splits, standing.todo, workers, backend.name, notes, spent)
        if is_locked:
            destination.mark_complete(dst, len(summary.failures) <= settings.max_errors)
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
    destination.begin(dst, recipe, annotated, standing.is_new, outdated)
    with codec.own_pixel_bound():
        _do_chunks(standing.todo, workers, settings, seconds)
    for split in splits:
        for chunk in split.mislabelled:
            name = split.part_name(chunk)
            split.facts[chunk.name] = split.job.form.relabel(name, split.facts[chunk.name])
    destination.finish(dst, [split.output(dst) for split in splits], recipe)


def plan_splits(source: Source, dst: Path, recipe: Recipe, backend: Backend) -> list[Split]:
    """Plan the chunks of every split: the main one by the recipe, the others passed on.

    Raises:
        UsageError: If the recipe asks what the labels do not allow.
        InputError: If the input lacks the split, labels or partners that the recipe needs.
    """
    names = [catalogue.split for catalogue in source.catalogues]
    aliases = ("train", "training") if recipe.split == "train" else (recipe.split,)
    main = next((name for name in aliases if name in names), recipe.split)
    if main not in names and (names != [""] or main != "train"):
        there, cure = (", ".join(names), "give --split") if names != [""] else ("none", "leave out --split")
        raise InputError(f"the input has no split {recipe.split!r}; it has {there}; {cure}")
    passed_on = replace(
        recipe, name="none", entries=(), copies=1, target_per_class=None, originals="none", limit=None
    )
    splits = []
    digest = destination.digest(recipe, source.annotated)
    for catalogue in source.catalogues:
        if catalogue.split in ("", main):
            splits.append(_plan_split(source, dst, catalogue, recipe, backend, digest))
        elif recipe.other_splits == "copy":
            splits.append(_plan_split(source, dst, catalogue, passed_on, backend, digest))
    return splits


def _plan_split(
    source: Source, dst: Path, catalogue: Catalogue, recipe: Recipe, backend: Backend, digest: str
) -> Split:
    _check_labels(source, catalogue, recipe)
    hashes = hash_samples(catalogue, recipe.seed)
    rule, has_originals = recipe.partner_rule, recipe.originals == "copy"
    outputs = count_outputs(catalogue, hashes, recipe.copies, recipe.target_per_class, has_originals)
    if source.form == "parquet":
        groups = source.groups[catalogue.split]
        chunks = chunk_groups(catalogue, hashes, groups, outputs, rule, recipe.seed)
        order = np.concatenate([chunk.members for chunk in chunks])
    else:
        order = np.argsort(hashes, kind="stable")
        chunks = chunk_folder(form_rings(order, hashes, catalogue, rule), catalogue.sizes, outputs)
    if recipe.mixing_entries:
        check_partners([stretch.ring for chunk in chunks for stretch in chunk.stretches], rule)
    outputs[order[recipe.limit :] if recipe.limit is not None else []] = 0
    chunks = trim_chunks(chunks, outputs)
    has_folders = recipe.format == "folder" and source.has_class_folders
    folders = folder_names(catalogue.classes or ()) if has_folders else None
    features = {name: source.features[name] for name in source.carried.names if name in source.features}
    annotated = source.annotated
    form = destination.choose_form(dst, recipe, catalogue.split, catalogue.classes, features, annotated)
    job = Job(catalogue, hashes, outputs, recipe, form, folders, annotated, backend)
    return Split(job, chunks, source, digest)


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


def _check_labels(source: Source, catalogue: Catalogue, recipe: Recipe) -> None:
    """Refuse what the labels do not allow."""
    labels = {id(label): label for label in catalogue.labels if label is not None}.values()
    if recipe.target_per_class is not None and not labels:
        raise InputError("--target-per-class needs labels; give class folders or --labels FILE")
    if recipe.mixing_entries and not labels and not source.annotated:
        raise InputError(
            f"{recipe.name} mixes labels, but no image has one; give class folders, --labels FILE, --masks or"
            " --boxes"
        )
    multi_hot = not all(label.sums_to_one for label in labels)
    if recipe.smoothing and multi_hot:
        raise InputError("labels that do not sum to 1 (multi-hot) cannot be smoothed; leave out --smoothing")
    if recipe.format == "folder" and source.lies_in_class_folders and multi_hot:
        raise InputError(
            "labels that do not sum to 1 (multi-hot) cannot be put in class folders; give --format parquet,"
            " or images that do not lie in folders of these classes"
        )
    if (
        recipe.smoothing
        and recipe.smoothing_form == "others"
        and catalogue.classes
        and len(catalogue.classes) < 2
    ):
        raise UsageError("--smoothing-form others needs at least 2 classes, got 1; use uniform")


def _do_chunks(
    todo: Sequence[tuple[Split, Chunk]], workers: int, settings: Settings, seconds: dict[str, float]
) -> None:
    """Do chunks in order, each committed when its last run is in; neighbours are in flight together."""
    for split, _ in todo[:1]:
        split.job.backend.load()
    total = sum(len(chunk) for _, chunk in todo)
    runs = [(at, run) for at, (_, chunk) in enumerate(todo) for run in cut_runs(chunk, total, workers)]
    opened: dict[int, Samples] = {}
    opening = threading.Lock()

    def work(task: int) -> list[RunResult]:
        at, stretches = runs[task]
        split, chunk = todo[at]
        with opening:
            if at not in opened:
                opened[at] = split.source.samples(split.catalogue, chunk.groups, chunk.slices)
            samples = opened[at]
        return [execute(split.job, stretch, samples) for stretch in stretches]

    # The rows of shards are held in memory for all workers, so these are threads.
    processes = all(split.source.form == "folder" and split.job.backend.forks for split, _ in todo)
    done: list[tuple[Stretch, RunResult]] = []
    for task, results in run_in_order(work, len(runs), workers, processes):
        at, stretches = runs[task]
        split, chunk = todo[at]
        done += zip(stretches, results, strict=True)
        for result in results:
            for stage, spent in result.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent
        settings.advance(sum(map(len, stretches)), total)
        if sum(len(one) for one, _ in done) == len(chunk):
            split.facts[chunk.name] = _commit(split, chunk, done)
            opened.pop(at, None)
            done = []


def _commit(split: Split, chunk: Chunk, done: Sequence[tuple[Stretch, RunResult]]) -> PartFacts:
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
    rows, order = tables.join_rows(packed, split.beside)
    split.job.form.commit(split.part_name(chunk), rows, [pairs[at] for at in order if pairs], facts)
    return facts


def _count_ahead(chunk: Chunk, done: Sequence[tuple[Stretch, RunResult]]) -> tuple[int, ...]:
    """Count, for each stretch of a chunk, the positions that its runs read beyond its end."""
    return tuple(
        max(
            max(run.stop + result.ahead - stretch.stop, 0)
            for run, result in done
            if run.ring is stretch.ring and stretch.start <= run.start < stretch.stop
        )
        for stretch in chunk.stretches
    )
