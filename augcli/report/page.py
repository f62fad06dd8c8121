"""What the report of an output says, as plain values for its template."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli import __version__
from augcli.errors import quantity
from augcli.io.readers.splits import find_augmented
from augcli.io.records.row_statistics import SIZE_BINS
from augcli.recipe import OUTPUT_VERSION
from augcli.report import charts
from augcli.report.box_table import describe_boxes
from augcli.report.class_table import describe_classes
from augcli.report.wording import describe_recipe, percent, write_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from augcli.pipeline.inspection import InspectedSplit, Inspection
    from augcli.report.box_table import Boxes
    from augcli.report.charts import Histogram
    from augcli.report.class_table import Classes
    from augcli.report.drawing import SourceImages
    from augcli.report.gallery import Card
    from augcli.samples import Failure

MOST_ROWS, LISTED = 12, 50
"""Rows of tables of counts; failures that are listed one by one."""

MARGIN = 2
"""Empty bars on either side of the file sizes."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A table of counts: its title, a number for each name, and how many names are left out."""

    title: str
    rows: tuple[tuple[str, int], ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """Samples that failed or are damaged: the first of them, and how many more there are."""

    title: str
    rows: tuple[Failure, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Filters:
    """What the gallery can be filtered by: classes, operations, and what did not go as it should."""

    classes: tuple[str, ...]
    operations: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: in words, as a command, the split that charts are of, and names with versions."""

    words: tuple[str, ...]
    command: str
    needs: str
    split: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says.

    Attributes:
        name: The output.
        outputs: How many images there are.
        troubles: Missing files, and what else is not as it should be, in words.
        figures: The numbers that matter most, and what each counts.
        done: What was done.
        classes: The classes; None where nothing is labelled.
        boxes: The boxes; None where outputs have none.
        histograms: Shares, sizes and visibilities.
        tables: Other counts.
        listings: Failures and warnings.
        gallery: Samples.
    """

    name: str
    outputs: int
    troubles: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    done: Done
    classes: Classes | None
    boxes: Boxes | None
    histograms: tuple[Histogram, ...]
    tables: tuple[Counts, ...]
    listings: tuple[Listing, ...]
    gallery: tuple[Card, ...]

    @property
    def is_empty(self) -> bool:
        """True if no sample gave an output."""
        return self.outputs == 0

    @property
    def drawn(self) -> str:
        """How many outputs stand in the gallery; empty where they are all there."""
        shown = sum(bool(card.pictures) for card in self.gallery)
        return f"{shown:,} of {self.outputs:,} outputs, drawn by the seed." if shown < self.outputs else ""

    @property
    def filters(self) -> Filters:
        """What the gallery can be filtered by."""
        classes = sorted({card.class_name for card in self.gallery} - {""})
        operations = sorted({name for card in self.gallery for name in card.operations})
        failures = sorted({card.failure for card in self.gallery} - {""})
        return Filters(tuple(classes), tuple(operations), tuple(failures))


def describe_report(
    inspection: Inspection, gallery: Iterable[Card], sources: SourceImages | None = None
) -> Report:
    """Return what the report of an output says.

    Args:
        inspection: The output, counted.
        gallery: Samples of it.
        sources: What it was made from, where that was given: tells how many boxes there were.
    """
    output = inspection.output
    names = [split.output.name for split in inspection.splits]
    main = find_augmented(names, output.recipe.split) if names else ""
    split = next((split for split in inspection.splits if split.output.name == main), None)
    classes = describe_classes(split.statistics.classes, split.output.classes or ()) if split else None
    return Report(
        name=inspection.name,
        outputs=inspection.rows,
        troubles=inspection.troubles,
        figures=tuple(_list_figures(inspection, split, classes)),
        done=_describe_done(inspection, main if len(names) > 1 else ""),
        classes=classes,
        boxes=None if split is None else _count_boxes(inspection, split, sources),
        histograms=() if split is None else tuple(_draw_histograms(split)),
        tables=tuple(_make_tables(inspection, split)),
        listings=tuple(_list_incidents(inspection)),
        gallery=tuple(gallery),
    )


def _describe_done(inspection: Inspection, split: str) -> Done:
    """Return what was done, and by which versions, as the output's own documents say it."""
    output = inspection.output
    needed = [
        what
        for what, is_there in (("masks", output.annotated.masks), ("boxes", output.annotated.boxes))
        if is_there
    ]
    versions = [("output version, by augcli.json", inspection.version)]
    versions += [
        (f"{quantity(number, 'part file')} written by", library)
        for library, number in inspection.incidents.written_by.most_common()
    ]
    versions.append(("this page written by", f"augcli {__version__} (output version {OUTPUT_VERSION})"))
    return Done(
        tuple(describe_recipe(output.recipe)),
        write_command(output.recipe, inspection.name),
        f"Give its {' and '.join(needed)}, too." if needed else "",
        split,
        tuple(versions),
    )


def _list_figures(
    inspection: Inspection, split: InspectedSplit | None, classes: Classes | None
) -> Iterable[tuple[str, str]]:
    """Yield the numbers that matter most, and what each counts."""
    statistics = [part.statistics for part in inspection.splits]
    yield f"{inspection.rows:,}", "outputs"
    yield f"{sum(part.classes.before.total() for part in statistics):,}", "samples"
    if classes is not None:
        yield f"{len(classes.rows) + classes.left_out:,}", "classes"
    if inspection.output.annotated.boxes and split is not None:
        yield f"{split.statistics.boxes.all.total():,}", "boxes"
    if inspection.rows:
        yield percent(sum(part.counts.applied for part in statistics) / inspection.rows), "of outputs changed"
    yield f"{inspection.incidents.reasons.total():,}", "samples failed"


def _count_boxes(inspection: Inspection, split: InspectedSplit, sources: SourceImages | None) -> Boxes | None:
    """Return the boxes of a split; None where outputs have none."""
    header = inspection.output.annotated.boxes
    if header is None:
        return None
    before = None if sources is None else sources.count_boxes(split.output.name)
    return describe_boxes(split.statistics.boxes, header.names, before)


def _draw_histograms(split: InspectedSplit) -> Iterable[Histogram]:
    """Yield the histograms that there is something to show in."""
    histograms = split.statistics.histograms | {"visibility": split.statistics.boxes.visibility}
    for name, title, whats, text in (
        ("lam", "Share of the base (λ)", ("output", "outputs"), " with pixels of a partner"),
        ("share", "Largest weight of a label", ("labelled output", "labelled outputs"), ", before smoothing"),
        ("visibility", "Visibility of boxes", ("box", "boxes"), ": the share of each that is seen"),
    ):
        counts = histograms.get(name)
        if counts is not None and counts.any():
            yield charts.draw_shares(title, f"{_many(int(counts.sum()), *whats)}{text}", counts)
    sizes = histograms.get("bytes")
    if sizes is not None and sizes.any():
        filled = sizes.nonzero()[0]
        kept = range(max(int(filled[0]) - MARGIN, 0), min(int(filled[-1]) + MARGIN + 1, SIZE_BINS))
        labels = [f"{_bytes(2**number)} to {_bytes(2 ** (number + 1))}" for number in kept]
        ends = _bytes(2 ** kept[0]), _bytes(2 ** (kept[-1] + 1))
        text = _many(int(sizes.sum()), "encoded image", "encoded images")
        heights = sizes[kept.start : kept.stop].tolist()
        yield charts.draw_histogram("File sizes", text, labels, heights, ends)


def _make_tables(inspection: Inspection, split: InspectedSplit | None) -> Iterable[Counts]:
    """Yield the tables of counts; empty ones are left out."""
    incidents, statistics = inspection.incidents, [split.statistics for split in inspection.splits]
    totals = {
        "outputs": inspection.rows,
        "outputs in which something was changed": sum(part.counts.applied for part in statistics),
        "outputs that stand unchanged": inspection.rows - sum(part.counts.applied for part in statistics),
        "samples that have outputs": sum(part.classes.before.total() for part in statistics),
        "samples that gave no output": incidents.reasons.total(),
        "samples decoded with warnings": incidents.warned,
        "chunks": sum(len(part.counts.chunks) for part in statistics),
    }
    yield _table("In all", totals)
    if len(inspection.splits) > 1:
        yield _table("Splits", {part.output.name: part.statistics.counts.rows for part in inspection.splits})
    if split is not None:
        sizes = {f"{width} × {height}": rows for (width, height), rows in split.statistics.sizes.items()}
        met = split.statistics.classes.partners
        partners = {_count_partners(number): met[number] for number in sorted(met) if any(met.keys())}
        yield from filter(
            lambda table: table.rows,
            [
                _top("Operations applied", split.statistics.operations),
                _top("Not applied, and why", split.statistics.counts.reasons),
                _top("Sizes, width × height", sizes),
                _table("Partners of outputs", partners),
            ],
        )
    yield from filter(
        lambda table: table.rows,
        [_top("Failed, and why", incidents.reasons), _top("Worth knowing", incidents.counts)],
    )


def _list_incidents(inspection: Inspection) -> Iterable[Listing]:
    """Yield the samples that failed, and the samples that are damaged."""
    incidents = inspection.incidents
    for title, failures, number in (
        ("Samples that gave no output", incidents.failures, incidents.reasons.total()),
        ("Samples decoded with warnings", incidents.warnings, incidents.warned),
    ):
        if number:
            first = sorted(failures, key=lambda failure: failure.source)[:LISTED]
            yield Listing(title, tuple(first), number - len(first))


def _table(title: str, counts: Mapping[str, int]) -> Counts:
    return Counts(title, tuple(counts.items()))


def _top(title: str, counts: Mapping[str, int]) -> Counts:
    """Return the largest counts as a table."""
    return Counts(title, tuple(Counter(counts).most_common(MOST_ROWS)), max(len(counts) - MOST_ROWS, 0))


def _count_partners(number: int) -> str:
    return quantity(number, "partner") if number else "no partner"


def _many(number: int, noun: str, nouns: str) -> str:
    """Return a number of things in words, thousands apart."""
    return f"{number:,} {noun if number == 1 else nouns}"


def _bytes(number: int) -> str:
    """Return a number of bytes, a power of two, in words."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size:
            return f"{number // size} {unit}"
    return f"{number} B"
