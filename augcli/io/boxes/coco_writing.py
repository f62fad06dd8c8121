"""COCO files of boxes, outlines and keypoints: written line by line."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from augcli.io.boxes.base import ANEW
from augcli.io.boxes.coco_outlines import describe_outline
from augcli.io.boxes.decimals import round_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox

TOGETHER = 1024
"""Boxes whose lines are made at once."""

BLOCK_BYTES = 1 << 20
"""Bytes of their lines that are unpacked at once."""

OWN, SIDES = ("id", "image_id", "category_id"), ("x", "y", "width", "height")

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def write_coco(file: BinaryIO, header: BoxHeader, images: Iterable[BoxedImage]) -> None:
    """Write a COCO file, an image or a box a line, so that differences read well.

    Args:
        file: Where it goes.
        header: As it was read; its keys stand before the images.
        images: The images. The lines of their boxes stand behind all of them, and are kept packed till then.
    """
    file.write(b"{\n")
    for key, value in header.keys.items():
        if isinstance(value, list):
            _write_list(file, key, map(encode, value))
        else:
            file.write(f"{encode(key)}: {encode(value)}".encode())
        file.write(b",\n")
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as lines:
        _write_list(lines, "annotations", _box_lines(header, _write_images(file, images)))
    with pa.CompressedInputStream(pa.BufferReader(packed.getvalue()), "zstd") as lines:
        while block := lines.read(BLOCK_BYTES):
            file.write(block)
    file.write(b"\n}\n")


def _write_list(file: BinaryIO, name: str, texts: Iterable[str]) -> None:
    """Write a list; each text is a line of it, or several."""
    file.write(f"{encode(name)}: [".encode())
    line = "\n"
    for text in texts:
        file.write((line + text).encode())
        line = ",\n"
    file.write(b"\n]")


def _write_images(file: BinaryIO, images: Iterable[BoxedImage]) -> Iterator[tuple[int, WrittenBox]]:
    """Write the list of images; yield the boxes of each meanwhile, with its number."""
    file.write(b'"images": [')
    for number, image in enumerate(images, start=1):
        entry = {"id": number, "file_name": image.file_name, "width": image.width, "height": image.height}
        entry |= json.loads(image.extra) | {"source": image.source}
        file.write(f"{',' * (number > 1)}\n{encode(entry)}".encode())
        for box in image.boxes:
            yield number, box
    file.write(b"\n],\n")


def _box_lines(header: BoxHeader, boxes: Iterator[tuple[int, WrittenBox]]) -> Iterator[str]:
    """Yield the lines of boxes, many in a text; each box comes with the number of its image."""
    ids = [encode(category["id"]) for category in header.keys["categories"]]
    # Most boxes say the same, and those of an image have few sources.
    make_line, name = lru_cache(maxsize=1024)(_make_template), lru_cache(maxsize=1024)(encode)
    numbers = count(1)
    while together := list(islice(boxes, TOGETHER)):
        lines = []
        for (image, box), sides in zip(together, _describe_sides(together), strict=True):
            entry = {} if box.outline is None else describe_outline(box.outline)
            ours = box.visibility, box.weight, name(box.source)
            line = make_line(box.extra, tuple(entry))
            lines.append(
                line(next(numbers), image, ids[box.category], *sides, *ours, *map(encode, entry.values()))
            )
        yield ",\n".join(lines)


def _describe_sides(boxes: Sequence[tuple[int, WrittenBox]]) -> Iterator[tuple[float, ...]]:
    """Yield x, y, width, height and area of boxes."""
    starts, stops = np.split(np.array([box.edges for _, box in boxes])[:, [1, 0, 3, 2]], 2, axis=1)
    columns = [round_many(side) for side in (*starts.T, *(stops - starts).T)]
    widths, heights = (np.array(column, np.float64) for column in columns[2:])
    return zip(*columns, round_many(widths * heights), strict=True)


def _make_template(extra: str, described: tuple[str, ...]) -> Callable[..., str]:
    """Return what makes the line of a box.

    It takes the values of `OWN`, `SIDES`, the area, those of `ANEW`, and those that describe the outline.

    Args:
        extra: What else the input says of the box.
        described: The keys that describe its outline.
    """
    places = {key: f"{{{place}}}" for place, key in enumerate((*OWN, *SIDES, "area", *ANEW, *described))}
    places["bbox"] = f"[{', '.join(places.pop(side) for side in SIDES)}]"
    said = json.loads(extra)
    # Where nothing says so a box is not of a crowd: pycocotools asks each of them.
    said |= {"iscrowd": said.get("iscrowd", 0)}
    fields = {key: places[key] for key in (*OWN, "bbox", "area", *described)}
    fields |= {key: _escape(encode(value)) for key, value in said.items()} | {
        key: places[key] for key in ANEW
    }
    line = ", ".join(f"{_escape(encode(key))}: {value}" for key, value in fields.items())
    return f"{{{{{line}}}}}".format


def _escape(text: str) -> str:
    """Return a text as `str.format` takes it for itself."""
    return text.replace("{", "{{").replace("}", "}}")
