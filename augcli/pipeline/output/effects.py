"""Which options had no effect, from what is known of input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import Note, Option
from augcli.io.boxes.base import COLUMN, YOLO
from augcli.io.records.part_files import LAID_OVER
from augcli.needs import Fact, find_idle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.input_files import InputFiles
    from augcli.io.readers.base import Source
    from augcli.io.records.counts import RowCounts
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe


def idle_notes(
    recipe: Recipe,
    files: InputFiles,
    source: Source,
    splits: Sequence[Split],
    counts: Sequence[RowCounts] | None,
) -> list[Note]:
    """Return a note for each option that was given and has no effect.

    Args:
        recipe: What was asked for.
        files: What was given beside SRC.
        source: The input.
        splits: All splits of the output.
        counts: Their rows, counted; None where the output is not made yet.
    """
    facts = _input_facts(source, files, splits) | _recipe_facts(recipe) | _output_facts(splits, counts)
    notes = find_idle(recipe, facts)
    for operation in [choice.operation for entry in recipe.entries for choice in entry.choices]:
        notes += find_idle(operation, facts, operation.name)
    if files.classes is not None and Fact.LABELS not in facts and source.layout != YOLO:  # its reader says it
        notes.append(Note(Option("classes"), " has no effect: ", Fact.LABELS.value))
    return list(dict.fromkeys(notes))  # two entries of one operation, set alike


def _input_facts(source: Source, files: InputFiles, splits: Sequence[Split]) -> set[Fact]:
    """Return what is so of an input."""
    header = source.annotated.boxes
    reads_files = files.boxes is not None or source.layout == "folder"  # in folders some are found
    is_so = {
        Fact.SHARDS: bool(source.groups),
        Fact.LABEL_COLUMN: source.has_table or bool(source.groups),
        Fact.TABLE: source.has_table,
        Fact.COLUMN: source.has_table or bool(source.groups),
        Fact.LABELS: any(label is not None for split in splits for label in split.catalogue.labels),
        Fact.CLASSES: len(splits[0].catalogue.classes or ()) != 1,
        Fact.OTHER_SPLITS: len(source.catalogues) > 1,
        Fact.MASKS: source.annotated.masks,
        Fact.BOXES: header is not None,
        Fact.BOX_FILE: header is not None and header.box_format != COLUMN and reads_files,
        Fact.YOLO: header is not None and header.box_format == YOLO,
    }
    return {fact for fact, holds in is_so.items() if holds}


def _recipe_facts(recipe: Recipe) -> set[Fact]:
    """Return what is so of the operations, and of the size that images are brought to."""
    operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
    makes_holes = any(not operation.mixes for operation in operations)
    pastes = any(operation.mixes and not operation.blends for operation in operations)
    pads = recipe.size is not None and recipe.fit == "pad"
    is_so = {
        Fact.HIDING: makes_holes or pastes or recipe.size is not None,
        Fact.PASTING: pastes,
        Fact.BLENDING: any(operation.blends for operation in operations),
        Fact.MASK_FILLING: makes_holes or pads,
        Fact.BACKGROUND: pads,
    }
    return {fact for fact, holds in is_so.items() if holds}


def _output_facts(splits: Sequence[Split], counts: Sequence[RowCounts] | None) -> set[Fact]:
    """Return what is so of an output; what is not known yet counts as if it were so."""
    if counts is None or not any(of_split.rows for of_split in counts):
        return {Fact.JPEG, Fact.BACKGROUND}
    is_so = {
        Fact.JPEG: any(of_split.has_jpegs for of_split in counts),
        Fact.BACKGROUND: any(LAID_OVER in fact.counts for split in splits for fact in split.facts.values()),
    }
    return {fact for fact, holds in is_so.items() if holds}
