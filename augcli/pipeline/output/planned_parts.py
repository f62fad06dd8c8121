"""The part files that the plans of partitions name: whether they stand, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import OutputError
from augcli.io.writers.choose import choose_writer
from augcli.pipeline.output import agreement
from augcli.pipeline.output.agreement import Sightings
from augcli.pipeline.output.documents import SplitOutput
from augcli.pipeline.plan.digest import digest
from augcli.pipeline.plan.splits import pass_on, table_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Part
    from augcli.io.writers.base import Writer
    from augcli.pipeline.output.agreement import Trouble
    from augcli.pipeline.output.plan_files import Plan, PlannedSplit
    from augcli.pipeline.output.stored_splits import StoredOutput


class Checked(NamedTuple):
    """What stands of the plans of partitions.

    Attributes:
        splits: The output of each split, as far as it stands.
        images: Samples that have outputs.
        troubles: Parts that are missing or do not fit together, in words.
    """

    splits: list[SplitOutput]
    images: int
    troubles: list[Trouble]


def check_parts(output: StoredOutput, plans: Sequence[Plan], advance: Callable[[int, int], None]) -> Checked:
    """Compare the part files with what plans name, and with each other.

    Args:
        output: What stands.
        plans: The plans of all partitions, in order.
        advance: Called with (part files checked since the last call, all of them).
    """
    recipe = digest(output.recipe, output.annotated)
    total = sum(len(split.chunks) for plan in plans for split in plan.splits)
    facts: dict[str, dict[str, PartFacts]] = {}
    sightings: dict[tuple[str, str], Sightings] = {}  # places on rings are those of a view
    untrue: list[tuple[int, str]] = []
    images = 0
    for of_plan, split in ((plan, split) for plan in plans for split in plan.splits):
        number = of_plan.partition.index
        writer, labels = _make_writer(output, split), _label_options(output, split)
        of_split = facts.setdefault(split.name, {})
        seen = sightings.setdefault((of_plan.view, split.name), Sightings())
        parts = output.parts.read([chunk.part for chunk in split.chunks])
        for chunk, part in zip(split.chunks, parts, strict=True):
            images_of_part = _count_true(output, part, writer, recipe, labels.text)
            if images_of_part is None or part.facts is None or not seen.add(number, chunk, part.facts):
                untrue.append((number, chunk.part))
            else:
                output.parts.keep(part)
                of_split[chunk.part], images = part.facts, images + images_of_part
            advance(1, total)
    troubles = agreement.check_parts(untrue) + agreement.check_sightings(sightings.values())
    splits = [_describe(output, split, facts[split.name]) for split in plans[0].splits] if plans else []
    return Checked(splits, images, troubles)


def _count_true(output: StoredOutput, part: Part, writer: Writer, recipe: str, labels: str) -> int | None:
    """Count the images of a part file; None if it, or what it names, does not stand as it is to be."""
    facts = part.facts
    if facts is None or facts.recipe != recipe or facts.labels not in ("", labels):
        return None
    try:
        return count_images(part) if writer.stands(part, output.contents.sizes) else None
    except OutputError:  # its rows are damaged
        return None


def count_images(part: Part) -> int:
    """Count the samples of a part file that have outputs, or were to have some.

    Raises:
        OutputError: If it is damaged.
    """
    sources = set(part.rows(["source"]).column("source").to_pylist())
    return len(sources) + (len(part.facts.failures) if part.facts else 0)


def _make_writer(output: StoredOutput, split: PlannedSplit) -> Writer:
    """Return how the outputs of a split lie on disk."""
    layout, options = str(output.recipe.format), _label_options(output, split)
    return choose_writer(
        layout, output.store, split.name, split.classes, options, split.features, output.annotated
    )


def _label_options(output: StoredOutput, split: PlannedSplit) -> TableOptions:
    """Return what the label columns of a split depend on."""
    return table_options(pass_on(output.recipe) if split.is_passed_on else output.recipe)


def _describe(output: StoredOutput, split: PlannedSplit, facts: dict[str, PartFacts]) -> SplitOutput:
    """Return the output of a split."""
    writer = _make_writer(output, split)
    return SplitOutput(
        split.name, writer, list(facts), list(facts.values()), split.classes, split.class_folders
    )
