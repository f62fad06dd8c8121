"""A contact sheet: sources, result and label of some outputs, drawn with Pillow."""

from __future__ import annotations

import colorsys
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont, ImageOps

from augcli.errors import InputError
from augcli.io.images.codec import ORIENTATION_TAG
from augcli.io.images.geometry import upright_edges
from augcli.io.images.index_masks import bring_to_image, decode_mask
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.records.annotation_columns import BOXES, EDGES
from augcli.io.records.parts import Parts
from augcli.io.store.arrow_files import open_file
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_names, printable_key
from augcli.io.store.places import open_destination
from augcli.io.writers.boxes import mask_name, read_annotated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from augcli.io.readers.base import Source
    from augcli.program.annotated import BoxHeader

CELL, LABEL, GAP = 190, 46, 12
GOLDEN = 0.6180339887498949
"""Steps of this length on a circle never come near each other soon."""

INK, PAPER, FAINT = (32, 32, 32), (255, 255, 255), (120, 120, 120)


@dataclass(frozen=True, slots=True)
class Example:
    """One row of the sheet: the sources with their class, and the result with its label."""

    sources: tuple[tuple[Image.Image, str], ...]
    result: Image.Image
    caption: str


def draw_preview(src: str, dst: Path, sheet: Path, count: int, selection: Selection) -> None:
    """Draw a contact sheet of an output and write it as PNG.

    Args:
        src: What the output was made from.
        dst: The output.
        sheet: Path of the PNG.
        count: How many outputs to show, taken evenly from the first chunk.
        selection: How `src` is read, as when it was made.

    Raises:
        InputError: If `dst` holds no output, or its sources are not in `src`.
    """
    if not dst.is_dir():
        raise InputError(f"{str(dst)!r} does not exist; give the DST of a run")
    store = open_destination(dst)
    names = sorted(part_names(list_contents(store).sizes))
    parts = ((part.chunk, part.rows()) for part in Parts(store).read(names))
    held = next(((name, rows) for name, rows in parts if any(rows.column("applied").to_pylist())), None)
    if held is None:
        raise InputError(f"{str(dst)!r} holds no output with changed images; run an operation first")
    name, table = held
    rows = [(at, row) for at, row in enumerate(table.to_pylist()) if row["applied"]]
    picked = [rows[i * len(rows) // count] for i in range(min(count, len(rows)))]
    source, annotated = open_source(src, selection), read_annotated(store)
    find = {printable_key(key): (c, i) for c in source.catalogues for i, key in enumerate(c.keys)}
    base = next((c.split for c in source.catalogues if c.split and name.startswith(f"{c.split}-")), "")
    examples = []
    for _, row in picked:
        try:
            sources = tuple(
                _open_source_image(source, find, key) for key in (row["source"], *row["partners"])
            )
        except KeyError as error:
            raise InputError(
                f"{src!r} has no {error.args[0]!r}; give the SRC that the output was made from"
            ) from error
        result = _open_result(dst, base, row, annotated.masks)
        caption = _caption(row, source.catalogues[0].classes or (), annotated.boxes)
        examples.append(Example(sources, result, caption))
    with LocalStore(str(sheet.parent)).writing(sheet.name) as file:
        draw_sheet(examples).save(file, "PNG")


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


def _open_source_image(source: Source, find: dict[str, Any], key: str) -> tuple[Image.Image, str]:
    """Open a sample's image, its boxes and mask drawn where the source has them, and describe its label."""
    catalogue, sample = find[key]
    groups = [g for g in source.groups.get(catalogue.split, []) if g.first <= sample < g.first + g.rows]
    samples = source.samples(catalogue, groups, 1)
    data, _ = samples.read(sample)
    stored = Image.open(io.BytesIO(data))
    orientation = stored.getexif().get(ORIENTATION_TAG, 1)
    image = ImageOps.exif_transpose(stored)
    if source.annotated.masks:
        mask = decode_mask(samples.read_mask(sample))
        image = tint(
            image, bring_to_image(mask, (image.height, image.width), orientation, None, None).indices
        )
    boxes = catalogue.boxes[sample] if catalogue.boxes else None
    if boxes:
        edges = upright_edges(boxes, (stored.height, stored.width), orientation)
        image = outline(image, zip([] if edges is None else edges.tolist(), boxes.categories, strict=False))
    label, classes = catalogue.labels[sample], catalogue.classes or ()
    return image, "" if label is None else _weights(label.classes, label.weights, classes)


def _open_result(dst: Path, split: str, row: dict[str, Any], has_masks: bool) -> Image.Image:
    """Open an output, its boxes and mask drawn."""
    image, mask = _read_result(dst, split, row["file_name"], has_masks)
    if has_masks:
        image = tint(image, decode_mask(mask).indices)
    boxes = row.get(BOXES) or ()
    return outline(image, (([box[edge] for edge in EDGES], box["category"]) for box in boxes))


def _read_result(dst: Path, split: str, file_name: str, has_masks: bool) -> tuple[Image.Image, bytes]:
    path = dst / split / file_name
    if path.is_file():
        mask = (dst / split / mask_name(file_name)).read_bytes() if has_masks else b""
        return Image.open(path), mask
    shard, _, name = file_name.partition("/")
    columns = ["image", "mask"] if has_masks else ["image"]
    for batch in pq.ParquetFile(open_file(dst / "data" / shard)).iter_batches(64, columns=columns):
        for row in batch.to_pylist():
            if row["image"]["path"] == name:
                mask = row["mask"]["bytes"] if has_masks else b""
                return Image.open(io.BytesIO(row["image"]["bytes"])), mask
    raise InputError(f"{str(dst)!r} lacks {file_name!r}; run augcli again to restore it")


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
    """Give an index a colour far from those of its neighbours."""
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.9, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _caption(row: dict[str, Any], classes: tuple[str, ...], header: BoxHeader | None) -> str:
    """Say what was applied, what the label is, and how many boxes of each category there are."""
    lines = [str(row["op"])]
    if row["classes"] is not None:
        lines.append(_weights(row["classes"], row["weights"], classes))
    if header:
        counts = Counter(header.names[box["category"]] for box in row[BOXES])
        lines.append(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return "\n".join(lines)


def _weights(indices: Any, weights: Any, classes: tuple[str, ...]) -> str:
    return ", ".join(f"{classes[i]} {weight:.2f}" for i, weight in zip(indices, weights, strict=True))
