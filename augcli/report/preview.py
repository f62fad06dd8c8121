"""A contact sheet: sources, result and label of some outputs, drawn with Pillow."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from augcli.errors import InputError, StorageError
from augcli.io.boxes.recorded import read_annotated
from augcli.io.images import codec
from augcli.io.images.geometry import upright_edges
from augcli.io.images.index_masks import bring_to_image, decode_mask
from augcli.io.records.annotation_columns import BOXES, EDGES
from augcli.io.records.parts import Parts
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_names, printable_key
from augcli.io.writers.choose import choose_writer
from augcli.kernels.match import match_pixels
from augcli.pipeline.plan.splits import table_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from augcli.io.readers.base import Source
    from augcli.io.store.base import Store
    from augcli.io.writers.base import Pair, Writer
    from augcli.program.annotated import Annotated, BoxHeader
    from augcli.recipe import Recipe
    from augcli.samples import Catalogue, Pixels

CELL, LABEL, GAP = 190, 46, 12
GOLDEN = 0.6180339887498949
"""Steps of this length on a circle never come near each other soon."""

SQUARES, BOARD = 24, ((204, 204, 204), (255, 255, 255))
"""The checkerboard behind what is transparent: squares along the longer side, and their two colours."""

INK, PAPER, FAINT = (32, 32, 32), (255, 255, 255), (120, 120, 120)


@dataclass(frozen=True, slots=True)
class Example:
    """One row of the sheet: the sources with their class, and the result with its label."""

    sources: tuple[tuple[Image.Image, str], ...]
    result: Image.Image
    caption: str


def draw_preview(source: Source, store: Store, recipe: Recipe, sheet: Path, count: int) -> None:
    """Draw a contact sheet of an output and write it as PNG.

    Args:
        source: What the output was made from.
        store: The output.
        recipe: What its `augcli.json` says.
        sheet: Path of the PNG.
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
    find = {
        printable_key(key): (catalogue, sample)
        for catalogue in source.catalogues
        for sample, key in enumerate(catalogue.keys)
    }
    examples = []
    for row, pair in zip(rows.take(picked).to_pylist(), _load(writer, layout, rows, picked), strict=True):
        keys, most = (row["source"], *row["partners"]), recipe.max_pixels
        sources = tuple(_open_source_image(source, find, key, most) for key in keys)
        result = _open_result(pair, row, annotated, most)
        examples.append(Example(sources, result, _caption(row, classes, annotated.boxes)))
    with LocalStore(str(sheet.parent)).writing(sheet.name) as file:
        draw_sheet(examples).save(file, "PNG")


def _find_changed(store: Store) -> tuple[str, Any]:
    """Return the name and the rows of the first chunk that holds changed images."""
    for part in Parts(store).read(sorted(part_names(list_contents(store).sizes))):
        rows = part.rows()
        if any(rows.column("applied").to_pylist()):
            return part.chunk, rows
    raise InputError(f"{store.name!r} holds no output with changed images; run an operation first")


def _load(writer: Writer, layout: str, rows: Any, picked: list[int]) -> Iterator[Pair]:
    """Yield the encoded images and masks of some rows of a chunk."""
    try:
        if layout == "folder":
            yield from writer.load(rows.take(picked))
            return
        wanted = set(picked)  # a shard is read from its beginning
        yield from (pair for number, pair in enumerate(writer.load(rows)) if number in wanted)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        lost = error.__cause__.filename
        raise InputError(f"{str(lost)!r} is missing; run augcli again to restore it") from error


def draw_sheet(examples: list[Example]) -> Image.Image:
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
            small = ImageOps.pad(image.convert("RGB"), (CELL, CELL), Image.Resampling.LANCZOS, color=PAPER)
            sheet.paste(small, (left, top))
            draw.multiline_text((left, top + CELL + 2), text, ink, font)
    return sheet


def _open_source_image(
    source: Source, find: dict[str, tuple[Catalogue, int]], key: str, max_pixels: int
) -> tuple[Image.Image, str]:
    """Open a sample's image, its boxes and mask drawn where the source has them, and describe its label."""
    if key not in find:
        raise InputError(f"SRC has no {key!r}; give the SRC that the output was made from")
    catalogue, sample = find[key]
    groups = source.groups.get(catalogue.split, [])
    groups = [group for group in groups if group.first <= sample < group.first + group.rows]
    samples = source.samples(catalogue, groups, 1)
    data, _ = samples.read(sample)
    header = codec.read_header(data, max_pixels)
    image = draw_plain(codec.decode(data, header))
    if source.annotated.masks:
        mask, size = decode_mask(samples.read_mask(sample)), (image.height, image.width)
        image = tint(image, bring_to_image(mask, size, header.orientation, None, None).indices)
    boxes = catalogue.boxes[sample] if catalogue.boxes else None
    if boxes:
        edges = upright_edges(boxes, (header.height, header.width), header.orientation)
        image = outline(image, zip([] if edges is None else edges.tolist(), boxes.categories, strict=False))
    label, classes = catalogue.labels[sample], catalogue.classes or ()
    return image, "" if label is None else _weights(label.classes, label.weights, classes)


def _open_result(pair: Pair, row: dict[str, Any], annotated: Annotated, max_pixels: int) -> Image.Image:
    """Open an output, its boxes and mask drawn."""
    image = draw_plain(codec.decode(pair.image, codec.read_header(pair.image, max_pixels)))
    if annotated.masks:
        image = tint(image, decode_mask(pair.mask).indices)
    boxes = row.get(BOXES) or ()
    return outline(image, (([box[edge] for edge in EDGES], box["category"]) for box in boxes))


def draw_plain(pixels: Pixels) -> Image.Image:
    """Return upright pixels as an 8-bit RGB image; what is transparent shows a checkerboard."""
    if pixels.shape[2] < 4:
        return Image.fromarray(match_pixels(pixels, 3, np.dtype(np.uint8)))
    height, width = pixels.shape[:2]
    square = max(1, max(height, width) // SQUARES)
    is_second = (np.arange(height)[:, None] // square + np.arange(width) // square) % 2
    opaque = Image.fromarray(np.array(BOARD, np.uint8)[is_second]).convert("RGBA")
    return Image.alpha_composite(opaque, Image.fromarray(pixels)).convert("RGB")


def tint(image: Image.Image, mask: NDArray[Any]) -> Image.Image:
    """Lay the colours of a mask's indices half over an image; index 0 leaves it as it is."""
    plain = image.convert("RGB")
    colours = np.array([colour_of(index) for index in range(int(mask.max(initial=0)) + 1)], np.uint8)
    laid = Image.blend(plain, Image.fromarray(colours[mask]), 0.5)
    return Image.composite(laid, plain, Image.fromarray(mask > 0))


def outline(image: Image.Image, boxes: Iterable[tuple[Sequence[float], int]]) -> Image.Image:
    """Draw the edges of boxes (y0, x0, y1, x1), each category in its colour."""
    drawn = image.convert("RGB")
    draw = ImageDraw.Draw(drawn)
    width = max(1, round(max(drawn.size) / CELL))  # what remains one pixel on the sheet
    for (y0, x0, y1, x1), category in boxes:
        draw.rectangle((x0, y0, max(x1 - 1, x0), max(y1 - 1, y0)), None, colour_of(category + 1), width)
    return drawn


def colour_of(index: int) -> tuple[int, int, int]:
    """Return a colour for an index that is far from those of its neighbours."""
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.9, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _caption(row: dict[str, Any], classes: tuple[str, ...], header: BoxHeader | None) -> str:
    """Return in words what was applied, the label, and how many boxes of each category there are."""
    lines = [str(row["op"])]
    if row["classes"] is not None:
        lines.append(_weights(row["classes"], row["weights"], classes))
    if header:
        counts = Counter(header.names[box["category"]] for box in row[BOXES])
        lines.append(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return "\n".join(lines)


def _weights(indices: Any, weights: Any, classes: tuple[str, ...]) -> str:
    return ", ".join(f"{classes[i]} {weight:.2f}" for i, weight in zip(indices, weights, strict=True))
