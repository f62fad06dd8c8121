"""What one partition makes of an output: the chunks of its range, and nothing that belongs to all.

It writes its plan before its first chunk. Tables and the mark are left to `merge`, and so is the removal of
what no chunk holds: others may be at work on it. `planned` has the extent of a partition that reads its slice
of a plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from augcli.errors import Option, OutputError
from augcli.io.store.base import write_text
from augcli.io.store.names import RECIPE, SUCCESS, find_plans, part_key, part_names, plan_key, seen_key
from augcli.pipeline import environment
from augcli.pipeline.output import plan_files, state
from augcli.pipeline.output.look import Look, list_plans, look
from augcli.pipeline.output.plan_files import Plan
from augcli.pipeline.plan.digest import document
from augcli.pipeline.plan.partitions import digest_view, find_overlapping, take_partition
from augcli.pipeline.plan.splits import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.io.records.counts import RowCounts
    from augcli.io.records.document_sizes import Measured
    from augcli.io.store.base import Store
    from augcli.pipeline.extent import Whole
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.output.tables import Tally
    from augcli.pipeline.plan.partitions import Partition
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


@dataclass(frozen=True, slots=True)
class PartitionExtent:
    """What extents of partitions have in common; see `Extent`.

    Attributes:
        store: Where the output lies.
        recipe: The recipe of the whole output.
        annotated: What belongs to the images beside their labels.
        splits: The splits with the chunks of this partition alone.
        plan: What this partition makes; its environment is filled in when it begins.
        text: The `augcli.json` for which it is made.
    """

    is_shared: ClassVar[bool] = True

    store: Store
    recipe: Recipe
    annotated: Annotated
    splits: Sequence[Split]
    plan: Plan
    text: str

    @property
    def name(self) -> str:
        """Number of the partition and how many there are."""
        return str(self.plan.partition)

    def has_plan(self, seen: Look) -> bool:
        """True if the plan of this partition stands there."""
        partition = self.plan.partition
        plan = plan_files.read_plans(self.store, [plan_key(partition.index, partition.count)])[partition]
        stands = plan is not None and replace(plan, environment="") == self.plan
        return stands and seen.text == self.text.encode()

    def start(self, standing: Standing) -> None:
        """Remove the outdated parts of this partition, and write the plan."""
        store, keys = self.store, standing.contents.sizes
        outdated = part_names(keys).intersection(standing.stale.union(standing.todo_names))
        # The plan says that the parts which stand are true, so outdated parts go before it is written.
        store.delete([SUCCESS, *map(part_key, sorted(outdated)), *map(seen_key, sorted(outdated))])
        self._write_recipe()
        plan_files.write_plan(store, replace(self.plan, environment=environment.digest()))

    def _write_recipe(self) -> None:
        """Write `augcli.json`, unless it stands there.

        Raises:
            OutputError: If the output of another recipe stands there.
        """
        store, text = self.store, self.text.encode()
        [there] = store.read([RECIPE])
        if there is None and not store.create(RECIPE, text):
            [there] = store.read([RECIPE])
        if there not in (None, text):
            state.check(Look(store, text=there), self.recipe, self.annotated, force=False)
            write_text(store, RECIPE, self.text)

    def finish(self, standing: Standing, tallies: Sequence[Tally], sink: Measured) -> list[RowCounts]:
        """Return the counted rows; documents are left to the merge."""
        return [tally.counts for tally in tallies]

    def close(self, standing: Standing, failures: int) -> None:
        """Do nothing: the mark is left to the merge."""


@dataclass(frozen=True, slots=True)
class ListedExtent(PartitionExtent):
    """The extent of a partition that listed SRC itself.

    Attributes:
        whole: The whole output.
    """

    whole: Whole

    def look(self) -> Look:
        """List what stands in DST."""
        return look(self.store)

    def survey(self, seen: Look) -> Standing:
        """Compare what was seen with the chunks of this partition.

        Where the output seems complete, all of it is compared: only if it is, nothing is to be done. For if a
        chunk of another partition is to be made again, a merge wants the plans of all.
        """
        _check_count(self.store, self.plan.partition, seen.contents.sizes)
        standing = state.survey_chunks(seen, self.recipe, self.annotated, self.splits, force=False)
        if standing.is_new:
            return standing
        stale = find_overlapping(part_names(seen.contents.sizes), self.splits)
        is_behind = bool(standing.todo or stale or any(split.mislabelled for split in self.splits))
        return replace(standing, stale=stale, is_behind=is_behind or not self._is_planned(seen))

    def _is_planned(self, seen: Look) -> bool:
        """True if the output is complete and still true, or else this plan stands there."""
        if SUCCESS in seen.contents.sizes or not find_plans(seen.contents.sizes):
            standing = self.whole.survey(seen)
            doubted = {doubt.sources.split.part_name(doubt.sources.chunk) for doubt in standing.doubts}
            return not standing.is_behind and doubted <= set().union(*map(Split.part_names, self.splits))
        return self.has_plan(seen)

    def is_true(self, seen: Look) -> bool:
        """True unless a run or a merge has begun to write since; other partitions change nothing here."""
        return seen.is_true()

    def begin(self, standing: Standing) -> None:
        """Remove the outdated parts of this partition, and write the plan."""
        store, partition = self.store, self.plan.partition
        plans = plan_files.read_plans(store, list_plans(store))
        for plan in filter(None, plans.values()):
            environment.check(plan.environment)
        self.start(standing)
        try:  # partitions of another number may have begun at the same moment
            _check_count(store, partition, list_plans(store))
        except OutputError:
            if partition not in plans:
                store.delete([plan_key(partition.index, partition.count)])
            raise


def _check_count(store: Store, partition: Partition, keys: Iterable[str]) -> None:
    """Refuse to work beside plans of another number of partitions.

    Raises:
        OutputError: If there are some among the keys.
    """
    counts = sorted({count for _, count in find_plans(keys).values()} - {partition.count})
    if counts:
        flag, others = Option("partition", str(partition)), f".augcli-plan-*-of-{counts[0]}"
        what = f"DST {store.name!r} is made in {counts[0]} partitions, which is not what "
        cure = f" says; give one of 0/{counts[0]} to {counts[0] - 1}/{counts[0]}, or to start over with"
        cure += f" {partition.count} remove {others} there while none is at work"
        raise OutputError(what, flag, cure)


def take(whole: Whole, partition: Partition, notes: Sequence[str]) -> ListedExtent:
    """Return the extent of a partition in an output.

    Args:
        whole: All of the output.
        partition: The partition.
        notes: What is worth a line in the summary of the whole.
    """
    splits, text = take_partition(whole.splits, partition), document(whole.recipe, whole.annotated)
    plan = plan_partition(whole, partition, splits, digest_view(whole.splits), notes)
    return ListedExtent(whole.store, whole.recipe, whole.annotated, splits, plan, text, whole)


def plan_partition(
    whole: Whole, partition: Partition, splits: Sequence[Split], view: str, notes: Sequence[str]
) -> Plan:
    """Return what a partition makes.

    Args:
        whole: All of the output.
        partition: The partition.
        splits: The splits with its chunks alone.
        view: What `digest_view` says of all splits.
        notes: What is worth a line in the summary of the whole.
    """
    return Plan(
        partition=partition,
        recipe=plan_files.digest_document(document(whole.recipe, whole.annotated)),
        environment="",
        view=view,
        samples=sum(len(split.catalogue) for split in whole.splits),
        splits=plan_files.plan_splits(whole.splits, splits),
        notes=tuple(notes),
    )
