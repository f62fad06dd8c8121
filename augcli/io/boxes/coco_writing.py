"""COCO files of boxes, outlines and keypoints: written line by line."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from augcli.io.boxes.base import ANEW
from augcli.io.boxes.coco_outlines import describe_outline
from augcli.io.boxes.decimals import round_many
from augcli.io.store.names import printable_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox

TOGETHER = 1024
"""Boxes whose lines are made at once."""

BLOCK_BYTES = 1 << 20
"""Bytes of their lines that are unpacked at once."""

OWN = tuple(f'"{key}"' for key in ("id", "image_id", "category_id", "bbox", "area"))
OURS = tuple(f'"{key}"' for key in ANEW)

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
        entry |= json.loads(image.extra) | {"source": printable_key(image.source)}
        file.write(f"{',' * (number > 1)}\n{encode(entry)}".encode())
        for box in image.boxes:
            yield number, box
    file.write(b"\n],\n")


def _box_lines(header: BoxHeader, boxes: Iterator[tuple[int, WrittenBox]]) -> Iterator[str]:
    """Yield the lines of boxes, many in a text; each box comes with the number of its image."""
    ids = [encode(category["id"]) for category in header.keys["categories"]]
    # Most boxes say the same, and those of an image have few sources.
    read, name = lru_cache(maxsize=1024)(_read_extra), lru_cache(maxsize=1024)(_encode_key)
    numbers = count(1)
    while together := list(islice(boxes, TOGETHER)):
        lines = []
        for (image, box), (bbox, area) in zip(together, _describe_sides(together), strict=True):
            values = (str(next(numbers)), str(image), ids[box.category], bbox, area)
            fields = dict(zip(OWN, values, strict=True))
            if box.outline is not None:
                fields |= _encode_values(describe_outline(box.outline))
            fields |= read(box.extra)
            fields |= zip(OURS, (repr(box.visibility), repr(box.weight), name(box.source)), strict=True)
            lines.append(f"{{{', '.join(map(': '.join, fields.items()))}}}")
        yield ",\n".join(lines)


def _describe_sides(boxes: Sequence[tuple[int, WrittenBox]]) -> Iterator[tuple[str, str]]:
    """Yield the `bbox` of boxes, each with its area."""
    starts, stops = np.split(np.array([box.edges for _, box in boxes])[:, [1, 0, 3, 2]], 2, axis=1)
    sides = round_many(np.hstack([starts, stops - starts]).ravel())
    widths, heights = (np.array(sides[place::4], np.float64) for place in (2, 3))
    texts = map(repr, sides)
    for *bbox, area in zip(texts, texts, texts, texts, map(repr, round_many(widths * heights)), strict=True):
        yield f"[{', '.join(bbox)}]", area


def _read_extra(text: str) -> dict[str, str]:
    """Return what else a box says; where nothing says so it is not of a crowd, which pycocotools asks."""
    extra = json.loads(text)
    return _encode_values(extra | {"iscrowd": extra.get("iscrowd", 0)})


def _encode_key(key: str) -> str:
    return encode(printable_key(key))


def _encode_values(entry: dict[str, Any]) -> dict[str, str]:
    """Return an entry's keys and values, each as JSON."""
    return {encode(key): encode(value) for key, value in entry.items()}
