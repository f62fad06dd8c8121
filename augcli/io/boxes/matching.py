"""Boxes of a data set: which file or folder they are read from, and which belong to which sample."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from augcli.errors import InputError
from augcli.io.boxes.base import EMPTY
from augcli.io.boxes.coco import FORMS, read_coco
from augcli.io.boxes.voc import read_voc
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from augcli.io.boxes.base import BoxFile


EMPTY.edges.setflags(write=False)


def read_boxes(path: Path, links: bool) -> BoxFile:
    """Read boxes from a COCO file, or a folder of VOC XML.

    Args:
        path: The file or folder.
        links: Whether symbolic links in a folder are followed.

    Raises:
        InputError: If it is not there, or not of its form.
        StorageError: If it cannot be read.
    """
    if not path.is_dir():
        return read_coco(path)
    held = read_voc(path, links)
    if not held.images:
        raise InputError(f"no VOC XML in {str(path)!r}; {FORMS}")
    return held


def match_boxes(held: BoxFile, names: Sequence[Sequence[str]]) -> tuple[list[ImageBoxes | None], list[str]]:
    """Find the boxes of each sample: by its name, else by the last part of it where that is unmistakable.

    VOC knows images without their suffix, COCO with it. No image is given to two samples.

    Args:
        held: The boxes.
        names: For each sample the names by which the file may know it, the likeliest first.

    Returns:
        The boxes of each sample, None where the file does not know it; and notes on what is left over.

    Raises:
        InputError: If an image is equally that of two samples, or none is that of any.
    """
    is_voc = held.header.box_format == "voc"
    known = [[_stem(name) for name in mine] for mine in names] if is_voc else names
    found = _match_names(held, known, names)
    _match_last_parts(held, known, found)
    taken = len(found)
    if names and not taken:
        raise InputError(_describe_none(held, names))
    notes = []
    if taken < len(names):
        notes.append(f"{len(names) - taken} images are not in the boxes and have none")
    if taken < len(held.images):
        notes.append(f"{len(held.images) - taken} images of the boxes are not in the input")
    return [held.images[found[at]] if at in found else None for at in range(len(names))], notes


def _match_names(
    held: BoxFile, known: Sequence[Sequence[str]], names: Sequence[Sequence[str]]
) -> dict[int, str]:
    """Give the image of each sample that is known by one of its names; likelier names come first."""
    found: dict[int, str] = {}
    owners: dict[str, int] = {}
    for rank in range(max(map(len, known), default=0)):
        earlier = set(owners)
        for at, mine in enumerate(known):
            name = mine[rank] if at not in found and rank < len(mine) else ""
            if name not in held.images or name in earlier:
                continue
            if name in owners:
                raise InputError(_describe_rivals(name, names[owners[name]][0], names[at][0]))
            found[at], owners[name] = name, at
    return found


def _match_last_parts(held: BoxFile, known: Sequence[Sequence[str]], found: dict[int, str]) -> None:
    """Add the samples that share the last part of their name with one image and no other sample."""
    parts = [_last_part(mine[0]) if mine else "" for mine in known]
    of_samples, of_images = Counter(parts), Counter(map(_last_part, held.images))
    taken = set(found.values())
    by_part = {_last_part(name): name for name in held.images if name not in taken}
    for at, part in enumerate(parts):
        if at not in found and part in by_part and of_samples[part] == of_images[part] == 1:
            found[at] = by_part[part]


def _describe_rivals(image: str, first: str, second: str) -> str:
    return (
        f"the boxes of {image!r} may be those of {first!r} and {second!r}; name images in the boxes by their"
        " paths below SRC, and give images of one folder names of their own"
    )


def _describe_none(held: BoxFile, names: Sequence[Sequence[str]]) -> str:
    mine = next((name for one in names for name in one), None)
    theirs = next(iter(held.images), None)
    if theirs is None:
        return "the boxes name no images; give the file that belongs to these"
    return (
        f"the boxes are of none of the images: their first one is {theirs!r}, the first of the input"
        f" {mine!r}; give the file that belongs to these, or name its images by their paths below SRC"
    )


def _last_part(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _stem(name: str) -> str:
    """Give a name without its suffix."""
    last = _last_part(name)
    return name[: len(name) - len(last) + last.rindex(".")] if "." in last.lstrip(".") else name
