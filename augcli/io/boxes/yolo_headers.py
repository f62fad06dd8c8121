"""Boxes of other formats that are to be written as YOLO labels: of which task, and what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import Note, Option, quantity
from augcli.io.boxes.base import YOLO
from augcli.io.boxes.yolo import POINTS, TASK, has_line
from augcli.io.boxes.yolo_lines import DETECT, OBB, POSE, SEGMENT
from augcli.program.annotated import BoxHeader
from augcli.samples import Corners, Polygons, RunLengths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.samples import ImageBoxes


def as_yolo(
    header: BoxHeader, images: Iterable[ImageBoxes], asked: str | None
) -> tuple[BoxHeader, list[str]]:
    """Return what is true of all boxes once they are YOLO labels, and notes.

    Args:
        header: As they were read.
        images: All images.
        asked: What the labels shall be of, as the user says it; None takes what they have.
    """
    if header.box_format == YOLO:
        return header, []
    crowds, outlines = 0, []
    for image in images:
        kept = [has_line(extra) for extra in image.extras]
        crowds += len(kept) - sum(kept)
        outlines += [shape for shape, is_kept in zip(image.outlines, kept, strict=False) if shape and is_kept]
    kinds = [type(outline.form) for outline in outlines if outline.form is not None]
    points = max((len(outline.keypoints) for outline in outlines if outline.keypoints is not None), default=0)
    task = asked or _find_task(set(kinds), points)
    keys = {TASK: task} | ({POINTS: [points, 3]} if points and task == POSE else {})
    notes = _note_lost(task, kinds, points)
    if crowds:
        notes.append(f"labels have no line for {quantity(crowds, 'box', 'boxes')} of crowds (iscrowd)")
    return BoxHeader(YOLO, header.names, keys), notes


def _find_task(kinds: set[type], points: int) -> str:
    if points:
        return POSE
    if kinds & {Polygons, RunLengths}:
        return SEGMENT
    return OBB if Corners in kinds else DETECT


def _note_lost(task: str, kinds: list[type], points: int) -> list[str]:
    """Return notes on facts that labels have no place for."""
    notes: list[str] = []
    if points and task != POSE:
        notes.append(Note("labels have no place for keypoints; give ", Option("yolo_task", POSE)))
    if count := kinds.count(Polygons) + kinds.count(RunLengths) if task != SEGMENT else 0:
        what = f"labels have no place for {quantity(count, 'outline')}; give "
        notes.append(Note(what, Option("yolo_task", SEGMENT)))
    return notes
