"""COCO files of boxes, outlines and keypoints: written line by line."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from augcli.io.boxes.base import ANEW
from augcli.io.boxes.coco_outlines import describe_outline
from augcli.io.boxes.decimals import round_decimals
from augcli.io.store.names import printable_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox

Entry: TypeAlias = dict[str, Any]

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def write_coco(file: BinaryIO, header: BoxHeader, images: Callable[[], Iterable[BoxedImage]]) -> None:
    """Write a COCO file, an image or a box a line, so that differences read well.

    Args:
        file: Where it goes.
        header: As it was read; its keys stand before the images.
        images: Yields the images, called twice: for their own list and for the list of their boxes.
    """
    file.write(b"{\n")
    for key, value in header.keys.items():
        if isinstance(value, list):
            _write_list(file, key, value)
        else:
            file.write(f"{encode(key)}: {encode(value)}".encode())
        file.write(b",\n")
    _write_list(file, "images", _image_entries(images()))
    file.write(b",\n")
    _write_list(file, "annotations", _box_entries(header, images()))
    file.write(b"\n}\n")


def _write_list(file: BinaryIO, name: str, entries: Iterable[Any]) -> None:
    file.write(f"{encode(name)}: [".encode())
    line = "\n"
    for entry in entries:
        file.write((line + encode(entry)).encode())
        line = ",\n"
    file.write(b"\n]")


def _image_entries(images: Iterable[BoxedImage]) -> Iterator[Entry]:
    for number, image in enumerate(images, start=1):
        written = {"id": number, "file_name": image.file_name, "width": image.width, "height": image.height}
        yield written | json.loads(image.extra) | {"source": printable_key(image.source)}


def _box_entries(header: BoxHeader, images: Iterable[BoxedImage]) -> Iterator[Entry]:
    ids = [category["id"] for category in header.keys["categories"]]
    number = 0
    read = lru_cache(maxsize=1024)(json.loads)  # most boxes say the same
    for image_id, image in enumerate(images, start=1):
        for number, box in enumerate(image.boxes, start=number + 1):  # noqa: B020 - goes on counting
            own = {"id": number, "image_id": image_id, "category_id": ids[box.category]}
            yield own | _box_entry(box, read(box.extra))


def _box_entry(box: WrittenBox, extra: Entry) -> Entry:
    y0, x0, y1, x1 = box.edges
    bbox = [round_decimals(side) for side in (x0, y0, x1 - x0, y1 - y0)]
    anew = (box.visibility, box.weight, printable_key(box.source))
    # Where nothing says so, no box is of a crowd; pycocotools asks each of them.
    crowd = {"iscrowd": extra.get("iscrowd", 0)}
    own = {"bbox": bbox, "area": round_decimals(bbox[2] * bbox[3])}
    if box.outline is not None:
        own |= describe_outline(box.outline)
    return own | extra | crowd | dict(zip(ANEW, anew, strict=True))
