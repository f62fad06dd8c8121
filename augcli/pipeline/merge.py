"""The merge of partitions: their plans and parts are checked, and the output is closed, without SRC."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from augcli.errors import Option, OutputError, StorageError, VersionError
from augcli.io.boxes.recorded import read_annotated
from augcli.io.records.counts import RowCounts, counted_columns
from augcli.io.records.document_sizes import EDITED_CARD, Measured
from augcli.io.records.parts import Parts
from augcli.io.store.base import write_text
from augcli.io.store.contents import list_contents
from augcli.io.store.lease import locked
from augcli.io.store.names import (
    CARD,
    RECIPE,
    SUCCESS,
    find_idle_caches,
    find_passing,
    find_plans,
    is_unfinished,
    part_key,
    part_names,
)
from augcli.pipeline.output import agreement, commit, documents, summarize
from augcli.pipeline.output.compare_documents import compare_documents
from augcli.pipeline.output.plan_files import digest_document, read_plans
from augcli.pipeline.output.planned_parts import check_parts, count_images
from augcli.pipeline.output.stored_splits import StoredOutput
from augcli.pipeline.output.tables import refuse_mixed_suffixes, write_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.store.base import Store
    from augcli.pipeline.output.agreement import Trouble
    from augcli.pipeline.output.documents import SplitOutput
    from augcli.pipeline.output.plan_files import Plan
    from augcli.pipeline.results import Summary
    from augcli.recipe import Recipe


def merge(
    dst: str, store: Store, recipe: Recipe, max_errors: int, advance: Callable[[int, int], None]
) -> Summary:
    """Close an output that partitions made; one that is complete stays as it is.

    Args:
        dst: The output, as the user named it.
        store: The same.
        recipe: What its `augcli.json` says.
        max_errors: Failures up to which it counts as complete.
        advance: Called with (part files checked since the last call, all of them).

    Raises:
        OutputError: If it is in use, damaged, or made in several numbers of partitions.
        StorageError: If the machine fails, or something is missing: then partitions are to be run again.
        VersionError: If partitions were made with libraries that write other bytes.
    """
    start = time.perf_counter()
    output = _open_output(store, recipe)
    if SUCCESS not in output.contents.sizes or find_plans(output.contents.sizes):
        with locked(store) as check_held:
            output = _open_output(store, recipe)
            if SUCCESS in output.contents.sizes:  # a merge was stopped at its end
                _remove_plans(output)
            elif find_plans(output.contents.sizes):
                return replace(_merge(output, max_errors, advance, start, check_held), dst=dst)
            else:
                _allow_failures(output, max_errors)
    return replace(_describe_complete(output, start), dst=dst)


def _open_output(store: Store, recipe: Recipe) -> StoredOutput:
    """Return what stands, from one listing."""
    return StoredOutput(store, list_contents(store), Parts(store), recipe, read_annotated(store))


def _merge(
    output: StoredOutput,
    max_errors: int,
    advance: Callable[[int, int], None],
    start: float,
    check_held: Callable[[], None],
) -> Summary:
    """Check what partitions made, and close the output if it is still held."""
    plans, count, troubles = _take_plans(output)
    checked = check_parts(output, plans, advance)
    troubles += checked.troubles
    if troubles:
        raise _refuse(output.store, troubles, count)
    sink = Measured(output.store)
    counts = _close(output, checked.splits, sink)
    header = output.annotated.boxes
    boxes = sum((Counter(split.boxes) for plan in plans for split in plan.splits), Counter[int]())
    summary = summarize.summarize(
        output.store,
        output.recipe,
        checked.splits,
        counts,
        summarize.Before(checked.images, boxes, header.names if header else ()),
        summarize.Work((), 0, 0, "none", {"wall": time.perf_counter() - start}, merged=count),
        [
            *dict.fromkeys(note for plan in plans for note in plan.notes),
            *[EDITED_CARD] * sink.has_edited_card,
        ],
    )
    check_held()
    commit.mark_complete(output.store, len(summary.failures) <= max_errors)
    _remove_plans(output)
    return summary


def _take_plans(output: StoredOutput) -> tuple[list[Plan], int, list[Trouble]]:
    """Return the plans in order, how many there are to be, and what is wrong with them."""
    read = read_plans(output.store, output.contents.sizes)
    counts = sorted({partition.count for partition in read})
    if len(counts) > 1:
        names = " and ".join(f".augcli-plan-*-of-{count}" for count in counts)
        what = f"DST {output.store.name!r} is made in {counts[0]} partitions and in {counts[1]}"
        raise OutputError(f"{what} ({names}); remove the plans of which you want none, and merge again")
    by_number = {partition.index: plan for partition, plan in read.items()}
    [text] = output.store.read([RECIPE])
    recipe = digest_document((text or b"").decode("utf-8", "replace"))
    plans = [plan for plan in by_number.values() if plan is not None]
    if len({plan.environment for plan in plans}) > 1:
        first = plans[0].environment
        others = [plan.partition.index for plan in plans if plan.environment != first]
        raise VersionError(
            f"{agreement.name_partitions(others)} of DST {output.store.name!r} would write other bytes than"
            f" partition {plans[0].partition.index}; make the output anew, with the same versions of augcli"
            " and its libraries on all machines"
        )
    return plans, counts[0], agreement.check_plans(by_number, counts[0], recipe)


def _refuse(store: Store, troubles: Sequence[Trouble], count: int) -> StorageError:
    """Return what names all that is wrong, and the partitions to run again."""
    again = agreement.list_numbers(frozenset[int]().union(*(trouble.partitions for trouble in troubles)))
    several = not again.isdecimal()
    flag = Option("partition", f"i/{count}" if several else f"{again}/{count}")
    why = "; ".join(trouble.what for trouble in troubles)
    how = f"for i = {again}, " if several else ""
    what = f"DST {store.name!r} cannot be merged: {why}; run its command again with "
    return StorageError(what, flag, f" {how}then merge again")


def _close(output: StoredOutput, splits: Sequence[SplitOutput], sink: Measured) -> list[RowCounts]:
    """Remove what no plan names, and write tables and documents; return the rows of each split, counted."""
    store, contents = output.store, output.contents
    stale = part_names(contents.sizes).difference(*(split.chunks for split in splits))
    [text] = store.read([RECIPE])
    write_text(store, RECIPE, (text or b"").decode())  # by that others find that this has begun
    unfinished = [key for key in contents.visible() if is_unfinished(key)]
    store.delete([*map(part_key, sorted(stale)), *find_idle_caches(contents.sizes, stale), *unfinished])
    tallies = [write_tables(split.writer, split.chunks, output.parts, sink) for split in splits]
    refuse_mixed_suffixes(str(output.recipe.format), tallies)
    documents.finish(sink, contents, frozenset(), splits, tallies, output.recipe)
    return [tally.counts for tally in tallies]


def _remove_plans(output: StoredOutput) -> None:
    """Remove the plans of all partitions, and the slices that they were made by."""
    output.store.delete(find_passing(output.contents.sizes))


def _allow_failures(output: StoredOutput, max_errors: int) -> None:
    """Set the mark on an output that only lacks it since samples failed, if no more of them did than allowed.

    Its tables are compared with its part files: those of an output that a run began to change are others.

    Raises:
        StorageError: If it lacks more.
    """
    splits, differences = output.read_splits()
    failures = sum(len(facts.failures) for split in splits for facts in split.output.facts)
    changed = {difference.file for difference in compare_documents(output, splits)} - {CARD}  # may be edited
    if differences or not failures or changed:
        flag, without = Option("partition", "0/N"), Option("partition")
        what = f"DST {output.store.name!r} is not complete, and no partition left a plan there; make it with "
        raise StorageError(what, flag, " and so on, or with the same command without ", without)
    commit.mark_complete(output.store, failures <= max_errors)


def _describe_complete(output: StoredOutput, start: float) -> Summary:
    """Return the summary of an output that needs no merge.

    Raises:
        OutputError: If it is damaged.
    """
    name = output.store.name
    stored, damaged = output.read_splits()
    if damaged or not stored:
        raise OutputError(f"DST {name!r} is damaged; augcli verify says where")
    splits = [split.output for split in stored]
    counts, images = [], 0
    for split in splits:
        counts.append(RowCounts())
        for part in output.parts.read(split.chunks):
            counts[-1].add(part.chunk, part.rows(counted_columns(part)))
            images += count_images(part)
    before = summarize.Before(images, Counter(), ())
    work = summarize.Work((), 0, 0, "none", {"wall": time.perf_counter() - start})
    return summarize.summarize(output.store, output.recipe, splits, counts, before, work, ())
