"""Whether an output is what a run wrote: every file, byte and label; and what its sources still give."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.errors import Note, Option, UsageError
from augcli.io.boxes.recorded import read_annotated
from augcli.io.images import codec
from augcli.io.records.parts import Parts
from augcli.io.store.base import WorkerKind
from augcli.io.store.contents import is_hidden, list_contents
from augcli.io.store.names import (
    RECIPE,
    REPORT,
    SEEN_NAME,
    SUCCESS,
    YOLO_CACHE,
    find_passing,
    part_key,
    part_names,
)
from augcli.io.store.places import open_destination
from augcli.io.store.urls import HERE, Access
from augcli.io.writers.comparison import Difference
from augcli.pipeline.engines.cpus import count_workers
from augcli.pipeline.engines.local import LocalEngine, find_worker_kind
from augcli.pipeline.output import documents, summarize
from augcli.pipeline.output.compare_documents import compare_documents
from augcli.pipeline.output.stored_splits import StoredOutput
from augcli.pipeline.part_check import PartCheck
from augcli.pipeline.plan import digest
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.recompute import Recomputation
from augcli.pipeline.results import Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.readers.base import Source
    from augcli.io.store.base import Store
    from augcli.io.store.contents import Contents
    from augcli.pipeline.output.stored_splits import StoredSplit
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Check:
    """How an output is verified.

    Attributes:
        source: The data set that it was made from, to make outputs again; None looks at the output alone.
        sample: How many samples to make again, evenly taken; None takes all.
        workers: Processes; None takes as many CPUs as the process may use.
        access: How object stores are reached.
        advance: Called with (pieces of work done since the last call, all pieces).
        limits: The limits of the run that made the output.
    """

    source: Source | None = None
    sample: int | None = None
    workers: int | None = None
    access: Access = HERE
    advance: Callable[[int, int], None] = lambda done, total: None
    limits: Limits = DEFAULT_LIMITS


def verify(dst: str, recipe: Recipe, check: Check) -> Verification:
    """Compare an output with its own records, and with what its sources give.

    Args:
        dst: The output.
        recipe: What its `augcli.json` says.
        check: How thoroughly.

    Raises:
        InputError: If the sources cannot be read as the recipe asks.
        StorageError: If the machine fails.
    """
    start = time.perf_counter()
    store = open_destination(dst, check.access)
    annotated, contents = read_annotated(store), list_contents(store)
    if check.source:
        _check_kinds(annotated, check.source.annotated)
    output = StoredOutput(store, contents, Parts(store), recipe, annotated)
    splits, all_differences = output.read_splits()
    if not splits:
        all_differences.append(Difference(".", "no part file says what was written; run the command again"))
    if check.source and check.source.annotated != annotated:
        what = Note("its categories or other keys of boxes are not those of ", Option("boxes"))
        all_differences.append(Difference(RECIPE, what))
    all_differences += _check_files(contents, splits, recipe)
    again = (
        Recomputation(store, output.parts, recipe, check.source, check.sample, check.limits)
        if check.source
        else None
    )
    all_differences += again.compare_chunks(part_names(contents.sizes)) if again else []
    of_rows = check.source is not None and check.source.rows_are_shared
    workers = check.workers or count_workers(of_rows)
    counted, recomputed, differences = _check_outputs(output, splits, again, check, workers)
    all_differences += [*differences, *_check_recipe(splits, digest.digest(recipe, annotated))]
    all_differences += compare_documents(output, splits)
    return Verification(
        dst=dst,
        layout=str(recipe.format),
        outputs=counted,
        recomputed=recomputed,
        differences=tuple(sorted(set(all_differences))),
        seconds=round(time.perf_counter() - start, 3),
        workers=workers,
        libraries=summarize.libraries("cpu (numba)" if again and recipe.entries else "none"),
    )


def _check_kinds(ours: Annotated, expected: Annotated) -> None:
    """Refuse sources without the masks or boxes that the output has, or with others.

    Raises:
        UsageError: Naming the option.
    """
    own_boxes, given_boxes = (
        annotated.boxes and annotated.boxes.box_format for annotated in (ours, expected)
    )
    kinds = ((ours.masks, expected.masks), (own_boxes, given_boxes))
    for name, (written, offered) in zip(("masks", "boxes"), kinds, strict=True):
        if written != offered:
            option, why = Option(name), "the output cannot be compared with these sources; "
            give = "give ", option, " as it was made"
            raise UsageError(
                why, *(give if written else ("leave out ", option, ", which it was made without"))
            )


def _check_outputs(
    output: StoredOutput,
    splits: Sequence[StoredSplit],
    again: Recomputation | None,
    check: Check,
    workers: int,
) -> tuple[int, int, list[Difference]]:
    """Check all part files and make outputs again; return how many outputs of either, and differences."""
    pieces = [(split.output.writer, chunk) for split in splits for chunk in split.output.chunks]
    tasks = len(pieces) + (len(again) if again else 0)
    part_check = PartCheck(output.store, output.contents.standing(), output.recipe.max_pixels)
    worker_kind = _find_worker_kind(output.store, check.source)

    def work(task: int) -> tuple[list[Difference], int, dict[int, int]]:
        if task < len(pieces):
            writer, chunk = pieces[task]
            return part_check.check(output.parts.read_one(chunk), writer)
        assert again is not None
        return (*again.compare(task - len(pieces)), {})

    counted, recomputed, all_differences = 0, 0, []
    labels: dict[int, int] = {}
    with codec.own_pixel_bound():
        results = LocalEngine(workers, worker_kind).run(work, range(tasks))
        for task, (differences, number, seen) in enumerate(results):
            all_differences += differences
            counted += number if task < len(pieces) else 0
            recomputed += number if task >= len(pieces) else 0
            torn = [key for key, label in seen.items() if labels.setdefault(key, label) != label]
            if torn:
                what = f"{len(torn)} sources have another label than in other parts"
                all_differences.append(Difference(part_key(pieces[task][1]), what))
            check.advance(1, tasks)
    return counted, recomputed, all_differences


def _find_worker_kind(store: Store, source: Source | None) -> WorkerKind:
    """Return which workers there may be: no fresh ones, since what they call does not pickle."""
    if source and source.rows_are_shared:
        return WorkerKind.THREADS
    stores = [store, *(place.store for place in source.places)] if source else [store]
    return WorkerKind.FORKED if find_worker_kind(stores) is WorkerKind.FORKED else WorkerKind.THREADS


def _check_files(contents: Contents, splits: Sequence[StoredSplit], recipe: Recipe) -> list[Difference]:
    """Find missing files, and files that do not belong here."""
    sizes, standing = contents.sizes, contents.standing()
    images: set[str] = set().union(*(split.files for split in splits))
    differences = [Difference(key, "it is missing") for key in images - standing]
    if SUCCESS not in standing:
        differences.append(
            Difference(SUCCESS, "it is missing: the output is not complete, or too much failed")
        )
    elif sizes.get(SUCCESS) != 0:
        differences.append(Difference(SUCCESS, "it is not empty"))
    promised = {RECIPE, SUCCESS, *(part_key(chunk) for split in splits for chunk in split.output.chunks)}
    promised |= images | documents.document_names([split.output for split in splits], recipe)
    # Caches beside part files, plans of partitions and a report may be there or not: nothing depends on them.
    strangers = (key for key in standing - promised if not is_hidden(key) and not _is_passing(key))
    differences += [Difference(key, "it is not of this output") for key in strangers]
    empty = (key for key in contents.empty if not is_hidden(key))
    what = "it is empty: folder readers take it for a class, and fail"
    return differences + [Difference(key.removesuffix("/"), what) for key in empty]


def _is_passing(key: str) -> bool:
    """True if a file is a cache, ours or Ultralytics', a plan or a report, which no output promises."""
    is_cache = SEEN_NAME.fullmatch(key) is not None or YOLO_CACHE.fullmatch(key) is not None
    return key == REPORT or is_cache or bool(find_passing([key]))


def _check_recipe(splits: Sequence[StoredSplit], digest: str) -> list[Difference]:
    """Find a recipe other than the one that parts were made with."""
    others = [
        part_key(chunk)
        for split, _ in splits
        for chunk, facts in zip(split.chunks, split.facts, strict=True)
        if facts.recipe not in ("", digest)
    ]
    return [Difference(RECIPE, f"it is not what {others[0]} was made with")] if others else []
