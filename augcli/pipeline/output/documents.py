"""The documents of an output, which follow from its part files, and what is removed in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.io.readers.splits import find_augmented
from augcli.io.split_words import find_words, hugging_face_name, plain_name
from augcli.io.store.base import write_text
from augcli.io.store.names import (
    ANNOTATIONS,
    CARD,
    CLASSES,
    DATA_YAML,
    DOCUMENTS_SEEN,
    FAILURES,
    INDEX,
    TABLES,
    WARNINGS,
    YOLO_IMAGES,
    class_line,
    is_output,
)
from augcli.io.writers.card import describe_output
from augcli.io.writers.choose import WRITERS
from augcli.io.writers.failures import collect_failures, collect_warnings, write_failures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from augcli.io.records.document_sizes import Measured
    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.base import Sink
    from augcli.io.store.contents import Contents
    from augcli.io.writers.base import Writer
    from augcli.pipeline.output.tables import Tally
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe


@dataclass(frozen=True, slots=True)
class SplitOutput:
    """The output of a split, once all of its chunks are committed.

    Attributes:
        name: The split; "" where there are no splits.
        writer: How its outputs lie on disk.
        chunks: Names of its chunks, in order.
        facts: What their part files say of them.
        classes: Class names.
        class_folders: A folder name per class, or None where outputs lie flat.
    """

    name: str
    writer: Writer
    chunks: Sequence[str]
    facts: Sequence[PartFacts]
    classes: tuple[str, ...] | None
    class_folders: tuple[str, ...] | None


def describe_split(split: Split) -> SplitOutput:
    """Return the output of a split whose chunks are all committed."""
    job, catalogue = split.job, split.catalogue
    facts = [split.facts[chunk.name] for chunk in split.chunks]
    return SplitOutput(
        catalogue.split, job.writer, split.part_names(), facts, catalogue.classes, job.class_folders
    )


def finish(
    sink: Measured,
    contents: Contents,
    former: AbstractSet[str],
    splits: Sequence[SplitOutput],
    tallies: Sequence[Tally],
    recipe: Recipe,
) -> None:
    """Remove what no chunk holds, and write the documents; tables are written already.

    Args:
        sink: What tables were written through, and documents are.
        contents: What stood there before.
        former: Keys of the files that outdated part files named.
        splits: All splits.
        tallies: What their part files hold.
        recipe: What was done.
    """
    current = document_names(splits, recipe).union(*(tally.files for tally in tallies))
    removed = former & contents.sizes.keys() | set(filter(is_removable, contents.visible()))
    sink.store.delete(sorted(removed - current))
    if DOCUMENTS_SEEN in contents.sizes:
        sink.take_card()
    write_documents(splits, tallies, recipe, sink)
    sink.write_noted()


def is_removable(key: str) -> bool:
    """True if a file or empty directory goes unless an output promises it: all others are never touched."""
    split, _, name = key.rpartition("/")
    is_document = not split and name in (CLASSES, CARD, FAILURES, WARNINGS, INDEX, DATA_YAML)
    if key.endswith("/") or is_output(key) or is_document:
        return True
    split = split.removeprefix(YOLO_IMAGES)
    return (not split or ("/" not in split and bool(find_words(split)))) and name in (*TABLES, ANNOTATIONS)


def document_names(splits: Sequence[SplitOutput], recipe: Recipe) -> set[str]:
    """Return the keys of the files that `Tables` and `write_documents` write."""
    names = {CARD, *(key for split in splits for key in split.writer.tables())}
    names |= {WRITERS[str(recipe.format)].index} - {""}
    names |= {CLASSES} if any(split.classes for split in splits[:1]) else set()
    facts = [fact for split in splits for fact in split.facts]
    names |= {FAILURES} if any(fact.failures for fact in facts) else set()
    return names | ({WARNINGS} if any(fact.warnings for fact in facts) else set())


def write_documents(
    splits: Sequence[SplitOutput], tallies: Sequence[Tally], recipe: Recipe, sink: Sink
) -> None:
    """Write class list, card, index of shards, failures and warnings."""
    # Readers that number the folders take the class list as their map, so it bears the folders' names.
    classes = splits[0].class_folders or splits[0].classes
    if classes:
        write_text(sink, CLASSES, "".join(f"{class_line(name)}\n" for name in classes))
    pairs = [(split, tally) for split, tally in zip(splits, tallies, strict=True) if tally.files]
    layout = WRITERS[str(recipe.format)]
    name_split = hugging_face_name if layout.has_class_folders else plain_name
    patterns = [(name_split(split.name), split.writer.patterns(tally.files)) for split, tally in pairs]
    # How many there are, so that a part that is lost with its images is missed.
    counts = [f"{name_split(split.name)}: {tally.counts.rows} images" for split, tally in pairs]
    said = label_notes(recipe, {split.name: bool(split.classes) for split in splits})
    write_text(sink, CARD, describe_output(layout.rows, patterns, [*counts, *said]))
    if layout.index:
        chunks = {split.name: tally.counts.chunks for split, tally in zip(splits, tallies, strict=True)}
        write_text(sink, layout.index, layout.describe_index(chunks, splits[0].writer.annotated))
    facts = [fact for split in splits for fact in split.facts]
    for name, failures in ((FAILURES, collect_failures(facts)), (WARNINGS, collect_warnings(facts))):
        if failures:
            write_failures(sink, failures, name)


def label_notes(recipe: Recipe, splits: Mapping[str, bool]) -> list[str]:
    """Return what a loss must know of the labels; `splits` says of all in the output if they have classes."""
    if not recipe.smoothing or not any(splits.values()):
        return []
    form = f"ε = {recipe.smoothing} ({recipe.smoothing_form})"
    where = f" of {find_augmented(list(splits), recipe.split)}" if len(splits) > 1 else ""
    return [f"soft labels{where} are smoothed, {form}; do not smooth again in the loss"]
