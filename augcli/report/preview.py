"""A contact sheet: sources, result and label of some outputs, drawn with Pillow."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from augcli.errors import InputError
from augcli.io.boxes.recorded import read_annotated
from augcli.io.images.codec import own_pixel_bound
from augcli.io.readers.source import open_source
from augcli.io.records.annotation_columns import BOXES
from augcli.io.records.parts import Parts
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.names import RECIPE, SUCCESS, part_names
from augcli.io.store.places import check_can_begin, open_destination
from augcli.io.writers.choose import choose_writer
from augcli.pipeline.output import state
from augcli.pipeline.output.commit import check_apart
from augcli.pipeline.output.look import Look, look
from augcli.pipeline.plan.splits import table_options
from augcli.pipeline.preview import preview_outputs
from augcli.report.drawing import DrawnSource, SourceImages, draw_result, load_results
from augcli.report.objects import CELL
from augcli.report.wording import name_class, write_label

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from augcli.io.readers.base import Selection, Source
    from augcli.io.store.base import Store
    from augcli.io.writers.base import Pair
    from augcli.pipeline.preview import Previewed
    from augcli.program.annotated import Annotated, BoxHeader
    from augcli.recipe import Recipe
    from augcli.samples import SoftLabel

Sheet: TypeAlias = Image.Image
"""A contact sheet."""

LABEL, GAP = 46, 12

THREADS = 4
"""How many outputs are made or drawn at once: nearly all of that is codecs, which leave Python to others."""

INK, PAPER, FAINT = (32, 32, 32), (255, 255, 255), (120, 120, 120)


@dataclass(frozen=True, slots=True)
class Example:
    """One row of the sheet: the sources with their class, and the result with its label."""

    sources: tuple[tuple[Image.Image, str], ...]
    result: Image.Image
    caption: str


def draw_preview(source: Source, store: Store, recipe: Recipe, count: int) -> Sheet:
    """Draw a contact sheet of an output.

    Args:
        source: What the output was made from.
        store: The output.
        recipe: What its `augcli.json` says.
        count: How many outputs to show, taken evenly from the first chunk that changed any.

    Raises:
        InputError: If it holds no changed image, or its sources are not in `source`.
        OutputError: If it is damaged.
        StorageError: If the machine fails.
    """
    part, rows = _find_changed(store)
    changed = [number for number, applied in enumerate(rows.column("applied").to_pylist()) if applied]
    shown = min(count, len(changed))
    picked = [changed[i * len(changed) // shown] for i in range(shown)]
    annotated, classes = read_annotated(store), source.catalogues[0].classes or ()
    split, layout = part.rpartition("-")[0], str(recipe.format)
    writer = choose_writer(layout, store, split, classes, table_options(recipe), {}, annotated)
    images = SourceImages(source, recipe.max_pixels)
    taken = rows.take(picked).to_pylist()
    images.check_own(key for row in taken for key in (row["source"], *row["partners"]))
    pairs = zip(taken, load_results(writer, rows, picked), strict=True)
    with own_pixel_bound():
        return draw_sheet([_draw(row, pair, images, annotated, classes) for row, pair in pairs])


def draw_recipe(
    src: str, recipe: Recipe, selection: Selection, dst: str | None, count: int, force: bool = False
) -> Sheet:
    """Draw a contact sheet of what a recipe would make; nothing is written.

    Args:
        src: What a run would read.
        recipe: What it would do.
        selection: Which part of SRC is read, and how it is labelled.
        dst: Where it would write; None if that is not known.
        count: How many outputs to show, as `preview_outputs` chooses them.
        force: Whether it would replace the output of another recipe.

    Raises:
        UsageError: If the recipe asks what the input does not allow.
        InputError: If SRC is missing, empty or cannot be labelled, or none of its images can be used.
        OutputError: If DST overlaps SRC, or is something else than an output of this recipe.
        StorageError: If the machine fails, or DST cannot be made.
    """
    seen = None
    if dst is not None:
        check_apart(src, dst, selection)
        seen = _look_at_recipe(open_destination(dst, selection.access))
    source = open_source(src, selection)
    if seen is not None:
        decided = replace(recipe, format=recipe.format or source.layout)
        state.check(seen, decided, source.annotated, force)
    with own_pixel_bound(), ThreadPoolExecutor(THREADS, thread_name_prefix="augcli-preview") as pool:
        outputs = preview_outputs(source, recipe, count, pool)
        return draw_sheet(list(pool.map(partial(_draw_previewed, max_pixels=recipe.max_pixels), outputs)))


def _look_at_recipe(store: Store) -> Look:
    """Look at DST as a run does; of an output of augcli, which may be large, at its recipe alone.

    Raises:
        OutputError: If it is something else.
        StorageError: If the machine fails, or it cannot be made.
    """
    text, mark = store.read([RECIPE, SUCCESS])
    if mark is None:  # a run over a complete output may have nothing to write
        check_can_begin(store)
    return look(store) if text is None else Look(store, text=text)


def _draw_previewed(output: Previewed, max_pixels: int) -> Example:
    """Draw an output that was made in memory."""
    images, read = SourceImages(output.source, max_pixels), output.source
    return _draw(output.row, output.pair, images, read.annotated, read.catalogues[0].classes or ())


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Write a contact sheet as PNG.

    Raises:
        StorageError: If the machine fails.
    """
    with LocalStore(str(path.parent)).writing(path.name) as file:
        # A tenth larger than by zlib's default, in a third of the time.
        sheet.save(file, "PNG", compress_level=1)


def _draw(
    row: dict[str, Any], pair: Pair, images: SourceImages, annotated: Annotated, classes: tuple[str, ...]
) -> Example:
    """Draw an output and what it is made from."""
    drawn = map(images.draw, (row["source"], *row["partners"]))
    sources = tuple(draw_cell(source, _describe_label(source.label, classes)) for source in drawn)
    result = fit_cell(draw_result(pair, row, annotated, images.max_pixels))
    return Example(sources, result, _caption(row, classes, annotated.boxes))


def _find_changed(store: Store) -> tuple[str, Any]:
    """Return the name and the rows of the first chunk that holds changed images."""
    for part in Parts(store).read(sorted(part_names(list_contents(store).sizes))):
        rows = part.rows()
        if any(rows.column("applied").to_pylist()):
            return part.chunk, rows
    raise InputError(f"{store.name!r} holds no output with changed images; run an operation first")


def draw_sheet(examples: list[Example]) -> Sheet:
    """Draw examples as rows: each source, then the result, its label below."""
    columns = max(len(example.sources) for example in examples) + 1
    width, row = columns * (CELL + GAP) + GAP, CELL + LABEL
    sheet = Image.new("RGB", (width, len(examples) * row + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for number, example in enumerate(examples):
        top = GAP + number * row
        cells = [
            *((image, text, FAINT) for image, text in example.sources),
            (example.result, example.caption, INK),
        ]
        for column, (image, text, ink) in enumerate(cells):
            left = GAP + column * (CELL + GAP)
            sheet.paste(fit_cell(image), (left, top))
            draw.multiline_text((left, top + CELL + 2), text, ink, font)
    return sheet


def draw_cell(source: DrawnSource, text: str) -> tuple[Image.Image, str]:
    """Return a source as it lies in its cell, and the text below it; one that is gone is an empty frame."""
    if source.image is not None:
        return fit_cell(source.image), text
    cell = Image.new("RGB", (CELL, CELL), PAPER)
    ImageDraw.Draw(cell).rectangle((0, 0, CELL - 1, CELL - 1), outline=FAINT)
    return cell, f"{text}\n{source.fault}".strip()


def fit_cell(image: Image.Image) -> Image.Image:
    """Return an image as it lies in its cell; large ones become small at once, before a filter reads them."""
    factor = max(1, max(image.size) // (2 * CELL))
    small = image.convert("RGB").reduce(factor)
    ratio = CELL / max(small.size)
    width, height = (max(1, round(side * ratio)) for side in small.size)
    small = small.resize((width, height), Image.Resampling.LANCZOS)
    cell = Image.new("RGB", (CELL, CELL), PAPER)
    cell.paste(small, ((CELL - width) // 2, (CELL - height) // 2))
    return cell


def _caption(row: dict[str, Any], classes: tuple[str, ...], header: BoxHeader | None) -> str:
    """Return in words what was applied, the label, and how many boxes of each category there are."""
    lines = [str(row["op"] if row["applied"] else row["reason"] or row["op"])]
    if row["classes"] is not None:
        lines.append(_weights(row["classes"], row["weights"], classes))
    if header:
        counts = Counter(header.names[box["category"]] for box in row[BOXES])
        lines.append(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return "\n".join(lines)


def _weights(indices: Iterable[int], weights: Iterable[float], classes: tuple[str, ...]) -> str:
    """Return a label in words, in the order of its classes."""
    return write_label((name_class(i, classes), weight) for i, weight in zip(indices, weights, strict=True))


def _describe_label(label: SoftLabel | None, classes: tuple[str, ...]) -> str:
    return "" if label is None else _weights(label.classes, label.weights, classes)
