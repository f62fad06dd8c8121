"""Planning for partitions, and the extent of one that was planned: it does not list SRC.

`plan_ahead` lists and compares once for all of them, and writes for each a slice of the plan. A partition
then reads its slice and its own part files, by their names. Only where some of these stand it lists DST, to
see whether the files that they name do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from augcli.errors import Option, OutputError
from augcli.io.records.parts import Parts
from augcli.io.store.contents import Contents
from augcli.io.store.lease import locked
from augcli.io.store.names import RECIPE, find_passing, part_key, seen_key
from augcli.pipeline import environment
from augcli.pipeline.output import state
from augcli.pipeline.output.look import Look
from augcli.pipeline.output.plan_files import digest_document
from augcli.pipeline.output.slice_files import (
    Index,
    PlanSlice,
    check_same,
    damaged,
    new_index,
    read_index,
    read_slice,
    write_index,
    write_slice,
)
from augcli.pipeline.output.stored_recipe import find_differing_keys
from augcli.pipeline.partition import PartitionExtent, plan_partition
from augcli.pipeline.plan.digest import document
from augcli.pipeline.plan.partitions import Partition, digest_view, take_partition
from augcli.pipeline.plan.slices import slice_splits
from augcli.recipe_keys import TABLE_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store
    from augcli.pipeline.extent import Whole
    from augcli.pipeline.output.slice_files import Given
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe


def plan_ahead(
    whole: Whole,
    seen: Look,
    count: int,
    notes: Sequence[str],
    given: Given,
) -> Standing:
    """Write for each partition what it needs, and remove what is in its way; return what stood before.

    Args:
        whole: All of the output.
        seen: What was seen of DST.
        count: How many partitions there are to be.
        notes: What is worth a line in the summary.
        given: What the command was given, by the names of its options.

    Raises:
        OutputError: If DST is in use, or holds another recipe's output.
        StorageError: If the machine fails.
    """
    store = whole.store
    with locked(store) as check_held:
        standing = whole.survey(seen if whole.is_true(seen) else whole.look())
        whole.begin(standing)
        store.delete(find_passing(standing.contents.sizes))
        view = digest_view(whole.splits)
        for number in range(count):
            partition = Partition(number, count)
            splits = take_partition(whole.splits, partition)
            plan = plan_partition(whole, partition, splits, view, notes)
            write_slice(store, PlanSlice(plan, slice_splits(splits)))
        check_held()
        write_index(store, new_index(count, environment.digest(), given))
    return standing


@dataclass(frozen=True, slots=True)
class PlannedExtent(PartitionExtent):
    """The extent of a partition that was planned.

    Attributes:
        index: What DST was planned for.
    """

    index: Index

    def look(self) -> Look:
        """Read the part files of this partition; list DST if there are some, for the files that they name.

        Raises:
            OutputError: If another run closed the output meanwhile, or planned it anew.
        """
        store = self.store
        [text] = store.read([RECIPE])
        index = read_index(store)
        if text is None or index is None or index.attempt != self.index.attempt:
            raise OutputError(f"DST {store.name!r} was closed or planned anew by another run; run again")
        parts = Parts(store)
        contents = _list_named(store, self.splits, parts)
        return Look(store, contents, text, parts=parts)

    def survey(self, seen: Look) -> Standing:
        """Compare what was seen with the chunks of this partition."""
        standing = state.survey_chunks(seen, self.recipe, self.annotated, self.splits, force=False)
        is_behind = bool(standing.todo or any(split.mislabelled for split in self.splits))
        return replace(standing, is_behind=is_behind or not self.has_plan(seen))

    def is_true(self, seen: Look) -> bool:
        """True unless a run or a merge has closed the output since, or planned it anew."""
        index = read_index(self.store)
        is_same = index is not None and index.attempt == self.index.attempt
        return is_same and self.store.read([RECIPE]) == [seen.text]

    def begin(self, standing: Standing) -> None:
        """Remove the outdated parts of this partition, and write the plan."""
        environment.check(self.index.environment)
        self.start(standing)


def _list_named(store: Store, splits: Sequence[Split], parts: Parts) -> Contents:
    """Return which of the part files of some chunks stand, and of the files that these name."""
    contents, wanted = Contents(), set[str]()
    for split in splits:
        for part in parts.read(split.part_names()):
            if part.size:
                parts.keep(part)
                contents.sizes[part_key(part.chunk)] = part.size
                wanted |= {seen_key(part.chunk)} | state.find_files(split, part)
    for page in store.list() if wanted else ():
        pairs = zip(page.keys, page.sizes, strict=True)
        contents.sizes.update((key, size) for key, size in pairs if key in wanted)
    return contents


def open_planned(
    store: Store,
    partition: Partition,
    recipe: Recipe,
    given: Given,
    backend: str,
) -> PlannedExtent | None:
    """Return the extent of a partition by its slice of the plan; None where DST was not planned.

    Args:
        store: Where the output lies.
        partition: The partition.
        recipe: The recipe of its command.
        given: What the command was given beside it, by the names of its options.
        backend: Name of the backend.

    Raises:
        OutputError: If it was planned for something else, or the slice is missing or damaged.
        StorageError: If the machine fails.
    """
    index = read_index(store)
    if index is None:
        return None
    check_same(store, index, partition, given)
    part = read_slice(store, partition, recipe, backend)
    main = next((split for split in part.splits if not split.is_passed_on), part.splits[0])
    recipe, annotated = main.job.recipe, main.job.annotated
    text = document(recipe, annotated)
    extent = PlannedExtent(store, recipe, annotated, part.splits, part.plan, text, index)
    if digest_document(text) != part.plan.recipe:
        _refuse_recipe(extent)
    return extent


def _refuse_recipe(extent: PlannedExtent) -> None:
    """Refuse another recipe than the planned one.

    Raises:
        OutputError: Naming the keys that differ.
    """
    store = extent.store
    [there] = store.read([RECIPE])
    if there is None:
        raise damaged(store, RECIPE)
    keys = find_differing_keys(store, there, extent.recipe, extent.annotated)
    shown = ", ".join(keys) or f"one of {', '.join(key.replace('_', '-') for key in TABLE_KEYS)}"
    again = Option("plan", str(extent.plan.partition.count))
    what = f"DST {store.name!r} was planned for another recipe; differing: {shown}; give that, or plan again "
    raise OutputError(what, "with ", again)
