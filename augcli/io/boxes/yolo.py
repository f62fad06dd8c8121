"""YOLO labels (Ultralytics, darknet): a text file beside each image, and what is true of all of them.

Coordinates are shares of an image's sides. They stay so until the image is read: nobody opens a million
images to plan with them. Written as a file of their own, such boxes are COCO's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from augcli.io.boxes.base import NO_AREA, NOT_TEXT, YOLO, BadBoxError, ReadWithImages, register, stop_or_skip
from augcli.io.boxes.coco_writing import write_coco
from augcli.io.boxes.yolo_lines import (
    SEGMENT,
    Line,
    Shape,
    find_task,
    find_text,
    keep_text,
    parse_line,
    read_shape,
    write_numbers,
)
from augcli.io.encodings import explain_encoding
from augcli.io.store.base import full_name
from augcli.io.store.locations import read_known
from augcli.program.annotated import BoxHeader
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.io.boxes.yolo_sets import YoloSet
    from augcli.io.store.base import Store
    from augcli.program.annotated import BoxedImage, WrittenBox
    from augcli.samples import SkippedBox

TASK, POINTS = "task", "kpt_shape"
"""Keys of `BoxHeader.keys`: what the labels are of, and how many keypoints of how many numbers there are."""

FILES_AT_ONCE = 256
MOST_BYTES = 16 << 20
"""Of a label file."""


class Yolo(ReadWithImages):
    """Boxes that are read from YOLO labels; a file of them is COCO's."""

    name = YOLO

    def write(self, file: BinaryIO, header: BoxHeader, images: Iterable[BoxedImage]) -> None:
        """Write a COCO file; see `write_coco`. Its categories are counted from 1, as COCO's are."""
        categories = [{"id": number, "name": name} for number, name in enumerate(header.names, start=1)]
        plain = BoxHeader(header.box_format, header.names, {"categories": categories})
        write_coco(file, plain, map(_without_numbers, images))


register(Yolo())


def _without_numbers(image: BoxedImage) -> BoxedImage:
    return image._replace(boxes=tuple(box._replace(extra=strip_numbers(box.extra)) for box in image.boxes))


def strip_numbers(extra: str) -> str:
    """Return the `extra` of a box without the numbers of a YOLO label, which hold for that alone."""
    return "{}" if find_text(extra) else extra


# --- reading -------------------------------------------------------------------------------------------


class Labels(NamedTuple):
    """What label files say.

    Attributes:
        header: What is true of all of them.
        images: The boxes of each image; empty where it has no label file.
        found: How many images have a file.
        dropped: How often something was left out, by what.
        repeated: How many lines stand in their file a second time.
        boxes: How many lines are boxes where others are outlines.
    """

    header: BoxHeader
    images: list[ImageBoxes]
    found: int
    dropped: dict[str, int]
    repeated: int
    boxes: int


@dataclass(slots=True)
class _File:
    """The lines of a label file, and its bad lines; None where there is no file."""

    lines: list[Line] = field(default_factory=list)
    skipped: list[SkippedBox] = field(default_factory=list)
    repeated: int = 0


def read_labels(
    store: Store, keys: Sequence[str], described: YoloSet, asked: str | None, bad_boxes: str
) -> Labels:
    """Read label files; where a file does not exist, its image has no boxes.

    Args:
        store: Where they lie.
        keys: The label file of each image.
        described: What describes the data set.
        asked: What labels are of, as the user says it; None finds it out.
        bad_boxes: What becomes of lines that are not right.

    Raises:
        InputError: If one is not a label file, or holds a line that is not right, and that stops the run.
        StorageError: If the machine fails.
    """
    files: list[_File | None] = []
    for start in range(0, len(keys), FILES_AT_ONCE):
        together = keys[start : start + FILES_AT_ONCE]
        for key, data in zip(together, read_known(store, together, MOST_BYTES), strict=True):
            place = full_name(store, key)
            files.append(None if data is None else _read_file(place, data, described, bad_boxes))
    lines = [line for file in files if file for line in file.lines]
    counts = Counter(len(line.numbers) for line in lines)
    task = find_task(counts, described.keypoints, asked)
    dropped: Counter[str] = Counter()
    images = []
    for key, file in zip(keys, files, strict=True):
        place = full_name(store, key)
        images.append(_finish(file or _File(), place, (task, described.keypoints), bad_boxes, dropped))
    names = described.names or _number_names(described.class_count, lines)
    header = BoxHeader(YOLO, names, {TASK: task, **described.describe()})
    read_count = sum(file is not None for file in files)
    repeated = sum(file.repeated for file in files if file)
    return Labels(header, images, read_count, dict(dropped), repeated, counts[4] if task == "segment" else 0)


def _number_names(count: int | None, lines: Sequence[Line]) -> tuple[str, ...]:
    """Return numbers as names: as many as there are classes, or as labels name."""
    highest = max((line.category for line in lines), default=-1)
    return tuple(map(str, range(count if count is not None else highest + 1)))


def _read_file(place: str, data: bytes, described: YoloSet, bad_boxes: str) -> _File:
    """Read the lines of a file, without those that are empty; one that is not UTF-8 has no lines."""
    file, seen = _File(), set()
    try:
        texts = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        what, cure = explain_encoding(data)
        return _File(skipped=[_stop_or_skip(BadBoxError(NOT_TEXT, what, cure), place, bad_boxes)])
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            line = parse_line(text, number, described.class_count)
        except BadBoxError as error:
            file.skipped.append(_stop_or_skip(error, place, bad_boxes))
            continue
        file.repeated += (line.category, line.text) in seen
        seen.add((line.category, line.text))
        file.lines.append(line)
    return file


def _stop_or_skip(error: BadBoxError, place: str, bad_boxes: str) -> SkippedBox:
    detail = f"labels {place!r}: {error.detail}"
    return stop_or_skip(BadBoxError(error.reason, detail, *error.cure), bad_boxes)


def _finish(
    file: _File, place: str, kind: tuple[str, tuple[int, int] | None], bad_boxes: str, dropped: Counter[str]
) -> ImageBoxes:
    """Return the boxes of an image as shares."""
    shapes: list[tuple[Line, Shape]] = []
    for line in file.lines:
        try:
            shape = read_shape(line, *kind)
        except BadBoxError as error:
            file.skipped.append(_stop_or_skip(error, place, bad_boxes))
            continue
        if shape is None:
            dropped[NO_AREA] += 1
        else:
            shapes.append((line, shape))
    outlines = tuple(shape.outline for _, shape in shapes)
    return ImageBoxes(
        height=0,
        width=0,
        edges=np.array([shape.edges for _, shape in shapes], np.float64).reshape(-1, 4),
        categories=tuple(line.category for line, _ in shapes),
        extras=tuple(keep_text(line.text) for line, _ in shapes),
        extra="{}",
        outlines=outlines if any(outlines) else (),
        skipped=tuple(file.skipped),
        are_shares=True,
    )


# --- writing -------------------------------------------------------------------------------------------


def write_labels(image: BoxedImage, header: BoxHeader) -> bytes:
    """Return the label file of an image: a line for each box that has one, in their order."""
    task, points = header.keys[TASK], header.keys.get(POINTS)
    keypoints = (points[0], points[1]) if points else None
    size = (image.height, image.width)
    lines = [
        f"{box.category} {_find_numbers(box, size, task, keypoints)}\n"
        for box in image.boxes
        if has_line(box.extra)
    ]
    return "".join(lines).encode()


def has_line(extra: str) -> bool:
    """True unless a box is of a crowd in COCO, by its `extra`: YOLO has no word for it."""
    return '"iscrowd": 1' not in extra


def _find_numbers(
    box: WrittenBox, size: tuple[int, int], task: str, keypoints: tuple[int, int] | None
) -> str:
    """Return the numbers of a box: as they were read if they still say the same."""
    is_lone = task == SEGMENT and box.outline is None  # a box among outlines becomes one
    if box.is_as_read and not is_lone and (text := find_text(box.extra)):
        return text
    return write_numbers(Shape(box.edges, box.outline), size, task, keypoints)
