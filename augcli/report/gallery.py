"""Samples of an output for its report: drawn by the seed, so that the same output gives the same ones."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli.errors import DecodeError, InputError, OutputError
from augcli.io.records.annotation_columns import BOXES
from augcli.io.records.part_files import SOURCES, VISIBLE
from augcli.io.writers.choose import WRITERS
from augcli.report.drawing import draw_result, encode_thumbnail, load_results
from augcli.report.wording import describe_label, name_class
from augcli.rng import Draws, hash_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.io.writers.base import Pair
    from augcli.pipeline.inspection import InspectedSplit, Inspection
    from augcli.report.drawing import SourceImages
    from augcli.samples import Failure

CHUNKS = 12
"""Chunks of which samples are taken where chunks are shards, which are read in large pieces."""

DRAWN = 8
"""Numbers drawn for each sample that is wanted: some are drawn twice."""

MOST_BYTES = 4_000_000
"""Of all pictures as text; the rest of the page takes less than a third of that."""

MOST_SOURCES = 4
"""Pictures of sources beside a result."""

MOST_CATEGORIES = 5
"""Categories of boxes that are named for an output."""

UNCHANGED = frozenset({"none", "original"})
"""What stands in the place of an operation where none was applied."""

FAILURES = 24
"""Failures that stand among the samples."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as the page shows it: what it is, in words, its name, and its data; empty where it is gone."""

    what: str
    name: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A sample of the gallery.

    Attributes:
        pictures: The result, then its sources; empty for a sample that gave no output.
        name: The output, or the key of a sample that gave none.
        class_name: Its dominant class; empty without a label.
        operations: What was applied.
        lam: The base's own share of the pixels; None for a sample that gave no output.
        label: Its label in words.
        notes: What else is known of it.
        failure: Why there is no output, or why an operation was not applied; empty where all went well.
    """

    pictures: tuple[Picture, ...]
    name: str
    class_name: str
    operations: tuple[str, ...]
    lam: float | None
    label: str
    notes: tuple[str, ...]
    failure: str

    @property
    def is_changed(self) -> bool:
        """True if an operation changed it."""
        return not UNCHANGED.issuperset(self.operations)


def draw_gallery(inspection: Inspection, count: int, sources: SourceImages | None) -> list[Card]:
    """Draw samples of an output, and the first that failed.

    Args:
        inspection: The output.
        count: How many samples to draw; fewer where they would take too many bytes.
        sources: The images that it was made from; None shows the outputs alone.

    Raises:
        InputError: If the sources do not belong to the output.
        StorageError: If the machine fails.
    """
    cards: list[Card] = []
    size = 0
    for split, chunk, numbers in pick_rows(inspection, count):
        for card in _draw_rows(inspection, split, chunk, numbers, sources):
            size += sum(len(picture.data) for picture in card.pictures)
            if size > MOST_BYTES:
                break
            cards.append(card)
    if sources is not None:
        sources.check_own(picture.name for card in cards for picture in card.pictures[1:])
    # Rows are in the order of their names, and so of classes.
    cards.sort(key=lambda card: (not card.is_changed, hash_key(card.name)))
    return cards + [_describe_failure(failure) for failure in inspection.incidents.failures[:FAILURES]]


def pick_rows(inspection: Inspection, count: int) -> Iterator[tuple[InspectedSplit, str, list[int]]]:
    """Yield the rows of some samples, chunk by chunk: the split, the chunk, and numbers of its rows."""
    chunks = [
        (split, chunk, rows)
        for split in inspection.splits
        for chunk, rows in split.statistics.counts.chunks.items()
    ]
    if WRITERS[str(inspection.output.recipe.format)].is_sharded:
        drawn = _draw(inspection, chunks, 0, CHUNKS)
        chunks = [chunks[number] for number in sorted({place for place, _ in drawn})]
    picked: dict[int, list[int]] = {}
    for place, row in sorted(_draw(inspection, chunks, 1, count)):
        picked.setdefault(place, []).append(row)
    yield from ((*chunks[place][:2], rows) for place, rows in picked.items())


def _draw(
    inspection: Inspection, chunks: list[tuple[InspectedSplit, str, int]], stream: int, count: int
) -> list[tuple[int, int]]:
    """Draw rows of some chunks: the place of the chunk and the number of the row; all where they are few."""
    total = sum(rows for *_, rows in chunks)
    numbers = list(range(total))
    if total > count:
        draws = Draws(inspection.output.recipe.seed, 0, 0, hash_key("report"))
        numbers = list(dict.fromkeys(draws.integers(stream, *[total] * (DRAWN * count))))[:count]
    places, place, first = [], 0, 0
    for number in sorted(numbers):
        while number >= first + chunks[place][2]:
            first += chunks[place][2]
            place += 1
        places.append((place, number - first))
    return places


def _draw_rows(
    inspection: Inspection,
    split: InspectedSplit,
    chunk: str,
    numbers: list[int],
    sources: SourceImages | None,
) -> Iterator[Card]:
    """Yield some outputs of a chunk."""
    try:
        part = inspection.output.parts.read_one(chunk)
        rows = part.rows([name for name in part.columns if name != "steps"])
    except OutputError:  # it was damaged meanwhile
        return
    writer = split.output.writer
    for number, row in zip(numbers, rows.take(numbers).to_pylist(), strict=True):
        try:
            pair = next(load_results(writer, rows, [number]), None)
        except (InputError, OutputError):
            pair = None
        yield _draw_card(inspection, split, row, pair, sources)


def _draw_card(
    inspection: Inspection,
    split: InspectedSplit,
    row: dict[str, Any],
    pair: Pair | None,
    sources: SourceImages | None,
) -> Card:
    """Return an output as a sample of the gallery."""
    classes, annotated = split.output.classes or (), inspection.output.annotated
    result = Picture("output", row["file_name"])
    if pair is not None:
        try:
            image = draw_result(pair, row, annotated, inspection.output.recipe.max_pixels)
            result = Picture("output", row["file_name"], _encode(encode_thumbnail(image)))
        except DecodeError:
            pair = None
    notes = [] if pair else ["its image is missing or damaged"]
    if annotated.boxes:
        notes.append(f"boxes: {_count_boxes(row, annotated.boxes.names)}")
    label = describe_label(row["classes"], row["weights"], classes)
    return Card(
        pictures=(result, *_draw_sources(row, classes, sources)),
        name=row["file_name"],
        class_name="" if row["label"] is None else name_class(row["label"], classes),
        operations=tuple(row["op"].split("+")),
        lam=row["lam"],
        label=label or "no label",
        notes=tuple(notes),
        failure=row["reason"] or "",
    )


def _count_boxes(row: dict[str, Any], names: Sequence[str]) -> str:
    """Return how many boxes of each category an output has, in words."""
    counts = Counter(box["category"] for box in row.get(BOXES) or ())
    shown = [f"{name_class(number, names)} {count}" for number, count in counts.most_common(MOST_CATEGORIES)]
    more = len(counts) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more categories" if more else "")


def _draw_sources(
    row: dict[str, Any], classes: tuple[str, ...], sources: SourceImages | None
) -> Iterator[Picture]:
    """Yield the base of an output, and its partners where one has pixels in it."""
    keys = [row["source"], *(row["partners"] if row[VISIBLE] is not None else ())]
    labels = dict(zip((row["source"], *row["partners"]), row[SOURCES], strict=True))
    for key in list(dict.fromkeys(keys))[:MOST_SOURCES]:
        label, data = labels[key], ""
        words = "base" if key == row["source"] else "partner"
        if classes:
            label_words = describe_label(label["classes"], label["weights"], classes) if label else "no label"
            words += f": {label_words}"
        if sources is not None:
            image, _, fault = sources.draw(key)
            data = "" if image is None else _encode(encode_thumbnail(image))
            words += f", {fault}" if fault else ""
        yield Picture(words, key, data)


def _describe_failure(failure: Failure) -> Card:
    """Return a sample that gave no output."""
    reason = f"{failure.stage}: {failure.reason}"
    notes = (failure.detail,) if failure.detail else ()
    return Card((), failure.source, "", (), None, "no output", notes, reason)


def _encode(data: bytes) -> str:
    """Return a JPEG as a text that a page can hold."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
