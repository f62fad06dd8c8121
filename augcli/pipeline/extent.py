"""How much of an output a run makes: all of it, or the chunks of a partition (see `partition`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from augcli.io.store.names import find_passing
from augcli.pipeline.output import commit, documents, state
from augcli.pipeline.output.look import Look, look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.records.counts import RowCounts
    from augcli.io.records.document_sizes import Measured
    from augcli.io.store.base import Store
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.output.tables import Tally
    from augcli.pipeline.plan.splits import Split
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


class Extent(Protocol):
    """How much of an output a run makes, and what that means for all that is not a chunk."""

    @property
    def is_shared(self) -> bool:
        """Whether others may write beside it."""

    @property
    def name(self) -> str:
        """What messages call it; "" for all."""

    @property
    def store(self) -> Store:
        """Where the output lies."""

    @property
    def recipe(self) -> Recipe:
        """The recipe."""

    @property
    def splits(self) -> Sequence[Split]:
        """The splits, with the chunks that it makes."""

    def look(self) -> Look:
        """Look at what stands in DST, as far as `survey` needs it.

        Raises:
            OutputError: If it is a directory of something else.
            StorageError: If the machine fails.
        """

    def survey(self, seen: Look) -> Standing:
        """Compare what was seen in DST with what is to stand there.

        Raises:
            OutputError: If DST holds another recipe's output, or is made otherwise by others.
            StorageError: If the machine fails.
        """

    def is_true(self, seen: Look) -> bool:
        """True unless what was seen may have changed since: then it is looked at again."""

    def begin(self, standing: Standing) -> None:
        """Mark DST as an output of augcli that is not complete, and remove what is in the way.

        Raises:
            OutputError: If others have begun meanwhile.
            StorageError: If the machine fails.
        """

    def finish(self, standing: Standing, tallies: Sequence[Tally], sink: Measured) -> list[RowCounts]:
        """Write what follows from the part files, tables aside, through the sink that tables went through.

        Returns:
            The rows of each split, counted.
        """

    def close(self, standing: Standing, failures: int) -> None:
        """Set the mark that the output is complete, unless too many samples failed."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All of an output.

    Attributes:
        store: Where it lies.
        recipe: What is done.
        annotated: What belongs to the images beside their labels.
        splits: All splits.
        force: Whether an output of another recipe is replaced.
        max_errors: Failures up to which the output counts as complete.
    """

    is_shared: ClassVar[bool] = False
    name: ClassVar[str] = ""

    store: Store
    recipe: Recipe
    annotated: Annotated
    splits: Sequence[Split]
    force: bool = False
    max_errors: int = 0

    def look(self) -> Look:
        """List what stands in DST."""
        return look(self.store)

    def survey(self, seen: Look) -> Standing:
        """Compare what was seen in DST with what is to stand there."""
        return state.survey(seen, self.recipe, self.annotated, self.splits, self.force, self.max_errors)

    def is_true(self, seen: Look) -> bool:
        """True unless a run or a partition has begun to write since."""
        return seen.is_true() and seen.has_same_plans()

    def begin(self, standing: Standing) -> None:
        """Make DST ours; all of it goes if it is another recipe's."""
        commit.begin(self.store, standing, self.recipe, self.annotated)

    def finish(self, standing: Standing, tallies: Sequence[Tally], sink: Measured) -> list[RowCounts]:
        """Remove what no chunk holds, and write the documents."""
        outputs = [documents.describe_split(split) for split in self.splits]
        documents.finish(sink, standing.contents, standing.former, outputs, tallies, self.recipe)
        return [tally.counts for tally in tallies]

    def close(self, standing: Standing, failures: int) -> None:
        """Set the mark, and remove the plans of partitions that were here before."""
        commit.mark_complete(self.store, failures <= self.max_errors)
        self.store.delete(find_passing(standing.contents.sizes))
