"""The documents of an output, all of which follow from its part files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.readers.folder import SPLIT_NAMES
from augcli.io.records import part_files
from augcli.io.store.local import make_directory, remove_file, remove_strangers, write_text, writing
from augcli.io.store.names import ANNOTATIONS, CARD, CLASSES, FAILURES, TABLES
from augcli.io.writers.card import write_card
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from augcli.io.store.local import Sink
    from augcli.pipeline.plan.splits import SplitOutput


def finish(dst: Path, splits: Sequence[SplitOutput], recipe: Recipe) -> None:
    """Remove what no chunk holds, then write the tables and the other documents."""
    for directory in ["", *(f"{path.name}/" for path in dst.iterdir() if path.name in SPLIT_NAMES)]:
        current = {name for split in splits for name in split.writer.tables()}
        for name in {directory + name for name in (*TABLES, ANNOTATIONS)} - current:
            remove_file(dst / name)
    remove_strangers(dst, set().union(*(split.files() for split in splits)))
    for split in splits:
        for name in split.writer.tables():
            make_directory((dst / name).parent)
    write_documents(dst, splits, recipe)
    for name in {CLASSES, FAILURES} - document_names(splits):
        remove_file(dst / name)


def document_names(splits: Sequence[SplitOutput]) -> set[str]:
    """Name the files that `write_documents` writes."""
    names = {CARD, *(name for split in splits for name in split.writer.tables())}
    names |= {CLASSES} if any(split.classes for split in splits[:1]) else set()
    return names | ({FAILURES} if any(fact.failures for split in splits for fact in split.facts) else set())


def write_documents(dst: Path, splits: Sequence[SplitOutput], recipe: Recipe, sink: Sink = writing) -> None:
    """Write all that follows from the part files: tables, class list, card, failures."""
    for split in splits:
        split.writer.finish(split.parts, split.classes, sink)
    # Readers that number the folders take the class list as their map, so it bears the folders' names.
    classes = splits[0].class_folders or splits[0].classes
    if classes:
        lines = [name.replace("\r", "%0D").replace("\n", "%0A") for name in classes]
        write_text(dst / CLASSES, "".join(f"{line}\n" for line in lines), sink)
    patterns = [
        (split.name or "train", split.writer.patterns(files)) for split in splits if (files := split.files())
    ]
    # How many there are, so that a part that is lost with its images is missed.
    counts = [sum(len(part_files.read_file_names(part)) for part in split.parts) for split in splits]
    notes = [
        f"{split.name or 'train'}: {count} images"
        for split, count in zip(splits, counts, strict=True)
        if count
    ]
    card = write_card(str(recipe.format), patterns, [*notes, *label_notes(recipe)])
    write_text(dst / CARD, card, sink)
    failures = part_files.collect_failures([fact for split in splits for fact in split.facts])
    if failures:
        part_files.write_failures(dst / FAILURES, failures, sink)


def label_notes(recipe: Recipe) -> list[str]:
    """Say what a loss must know of the labels."""
    if not recipe.smoothing:
        return []
    form = f"ε = {recipe.smoothing} ({recipe.smoothing_form})"
    return [f"soft labels are smoothed, {form}; do not smooth again in the loss"]
