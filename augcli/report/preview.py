"""A contact sheet: sources, result and label of some outputs, drawn with Pillow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont, ImageOps

from augcli.errors import InputError
from augcli.io import outputs, tables
from augcli.io.arrow_files import open_file
from augcli.io.source import Selection, open_source
from augcli.io.storage import make_directory, printable_key, writing

if TYPE_CHECKING:
    from augcli.io.source import Source

CELL, LABEL, GAP = 190, 46, 12
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
    names = sorted(outputs.part_names(dst))
    parts = [(name, tables.read_part_rows(outputs.part_path(dst, name))) for name in names]
    held = next(((name, rows) for name, rows in parts if any(rows.column("applied").to_pylist())), None)
    if held is None:
        raise InputError(f"{str(dst)!r} holds no output with changed images; run an operation first")
    name, table = held
    rows = [(at, row) for at, row in enumerate(table.to_pylist()) if row["applied"]]
    picked = [rows[i * len(rows) // count] for i in range(min(count, len(rows)))]
    source = open_source(src, selection)
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
        result = _open_result(dst, base, row["file_name"])
        examples.append(Example(sources, result, _caption(row, source.catalogues[0].classes or ())))
    make_directory(sheet.parent)
    with writing(sheet) as file:
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
    catalogue, sample = find[key]
    groups = [g for g in source.groups.get(catalogue.split, []) if g.first <= sample < g.first + g.rows]
    data, _ = source.samples(catalogue, groups, 1).read(sample)
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    label, classes = catalogue.labels[sample], catalogue.classes or ()
    return image, "" if label is None else _weights(label.classes, label.weights, classes)


def _open_result(dst: Path, split: str, file_name: str) -> Image.Image:
    path = dst / split / file_name
    if path.is_file():
        return Image.open(path)
    shard, _, name = file_name.partition("/")
    for batch in pq.ParquetFile(open_file(dst / "data" / shard)).iter_batches(64, columns=["image"]):
        for cell in batch.column(0).to_pylist():
            if cell["path"] == name:
                return Image.open(io.BytesIO(cell["bytes"]))
    raise InputError(f"{str(dst)!r} lacks {file_name!r}; run augcli again to restore it")


def _caption(row: dict[str, Any], classes: tuple[str, ...]) -> str:
    if row["classes"] is None:
        return str(row["op"])
    return f"{row['op']}\n{_weights(row['classes'], row['weights'], classes)}"


def _weights(indices: Any, weights: Any, classes: tuple[str, ...]) -> str:
    return ", ".join(f"{classes[i]} {weight:.2f}" for i, weight in zip(indices, weights, strict=True))
