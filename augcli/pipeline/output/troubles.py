"""What of an output does not stand as it should: part files, what they promise, documents, the mark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.errors import quantity
from augcli.io.records.document_sizes import find_changed
from augcli.io.store.lease import LOCK
from augcli.io.store.names import SUCCESS, find_plans, part_names
from augcli.pipeline.output.agreement import name_partitions
from augcli.pipeline.output.documents import document_names
from augcli.pipeline.output.plan_files import read_plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.io.records.parts import Part
    from augcli.pipeline.output.documents import SplitOutput
    from augcli.pipeline.output.stored_splits import StoredOutput

RUN = "run the command again"


@dataclass(slots=True)
class Losses:
    """What part files promise and does not stand as it was written.

    Attributes:
        damaged: Names of damaged part files' chunks.
        missing: How many files are missing.
        first: The first of these.
        changed: Names of chunks with files of other sizes.
    """

    damaged: list[str] = field(default_factory=list)
    missing: int = 0
    first: str = ""
    changed: list[str] = field(default_factory=list)

    def find(self, output: StoredOutput, split: SplitOutput, part: Part) -> None:
        """Take in the files of a chunk that are missing; where none is, some may have another size.

        Raises:
            OutputError: If the rows of the part file are damaged.
        """
        sizes = output.contents.sizes
        if split.writer.stands(part, sizes):
            return
        missing = sorted(split.writer.files(part.file_names()) - sizes.keys())
        if missing:
            self.missing += len(missing)
            self.first = self.first or missing[0]
        else:
            self.changed.append(part.chunk)


def explain_troubles(
    output: StoredOutput, splits: Sequence[SplitOutput], losses: Losses, failed: int
) -> Iterator[str]:
    """Yield in words what of an output does not stand as it should, each with its cure.

    Args:
        output: The output.
        splits: Its splits, as far as their part files can be read.
        losses: What these promise and does not stand.
        failed: How many samples gave no output.
    """
    sizes = output.contents.sizes
    if LOCK in sizes:
        yield "a run is at work there, or was killed: what is missing may follow"
    is_merged = not find_plans(sizes)
    yield from _explain_partitions(output)
    if not splits:
        yield f"no part file stands: nothing was finished yet; {RUN}"
    if SUCCESS not in sizes and is_merged:
        why = f", or too much failed ({quantity(failed, 'sample')})" if failed else ""
        yield f"{SUCCESS} is missing: the output is not complete{why}"
    if losses.damaged:
        number = quantity(len(losses.damaged), "part file is", "part files are")
        yield f"{number} damaged ({losses.damaged[0]!r} first); {RUN}"
    if losses.missing:
        number = quantity(losses.missing, "file is", "files are")
        yield f"{number} missing ({losses.first!r} first); {RUN}"
    if losses.changed:
        number = quantity(len(losses.changed), "chunk has", "chunks have")
        yield f"{number} files of other sizes than were written ({losses.changed[0]!r} first): changed since"
    if splits and is_merged:
        yield from _explain_documents(output, splits)


def _explain_partitions(output: StoredOutput) -> Iterator[str]:
    """Yield what is missing of an output whose partitions are not merged yet."""
    sizes = output.contents.sizes
    plans = read_plans(output.store, sizes)
    for count in sorted({partition.count for partition in plans}):
        standing = {partition.index for partition in plans if partition.count == count}
        absent = sorted({*range(count)} - standing)
        if absent:
            verb = "has" if len(absent) == 1 else "have"
            yield f"{name_partitions(absent)} of {count} {verb} not begun; run what is missing, then merge"
    planned = {
        chunk.part
        for plan in plans.values()
        for split in (plan.splits if plan else ())
        for chunk in split.chunks
    }
    missing = planned - part_names(sizes)
    if missing:
        number = quantity(len(missing), "chunk")
        yield f"{number} of {len(planned)} that partitions planned are missing; run these partitions again"
    if plans:
        yield "partitions are not merged yet, so tables and documents are missing; run augcli merge"


def _explain_documents(output: StoredOutput, splits: Sequence[SplitOutput]) -> Iterator[str]:
    """Yield which tables and documents are missing, or have another size than was written."""
    lost = sorted(document_names(splits, output.recipe) - output.contents.standing())
    if lost:
        yield f"{', '.join(lost)} {'is' if len(lost) == 1 else 'are'} missing; {RUN}"
    if changed := find_changed(output.store, output.contents.sizes):
        have = "has another size than was" if len(changed) == 1 else "have other sizes than were"
        yield f"{', '.join(changed)} {have} written; {RUN}"
