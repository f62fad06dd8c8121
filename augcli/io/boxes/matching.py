"""Boxes of a data set: in which format they are, and which belong to which sample."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError
from augcli.io.boxes.base import box_formats, choose_box_format
from augcli.program.annotated import STOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.boxes.base import BoxFile
    from augcli.io.store.locations import Location
    from augcli.samples import ImageBoxes


def read_boxes(boxes: Location, bad_boxes: str = STOP) -> BoxFile:
    """Read boxes in whatever format they are.

    Args:
        boxes: A file or a directory.
        bad_boxes: What becomes of boxes that are not right.

    Raises:
        InputError: If they are not there, not of their format, or shares of their images' sides.
        StorageError: If they cannot be read.
    """
    box_file = choose_box_format(boxes).read(boxes, bad_boxes)
    edges = np.concatenate([np.zeros((0, 4)), *(image.edges for image in box_file.images.values())])
    if len(edges) and edges.max() <= 1 and (edges != np.floor(edges)).any():
        raise InputError(
            f"boxes {boxes.name!r}: all coordinates lie in 0..1 and seem to be shares of the images' sides;"
            " multiply them by width and height: boxes are read in pixels"
        )
    return box_file


def match_boxes(
    box_file: BoxFile, names: Sequence[Sequence[str]]
) -> tuple[list[ImageBoxes | None], list[str]]:
    """Find the boxes of each sample: by its name, else by the last part of it where that is unmistakable.

    Some formats know images with their suffix, some without it. No image is given to two samples.

    Args:
        box_file: The boxes.
        names: For each sample the names by which the file may know it, the likeliest first.

    Returns:
        The boxes of each sample, None where the file does not know it; and notes on what is left over.

    Raises:
        InputError: If an image is equally that of two samples, or none is that of any.
    """
    have_suffix = box_formats()[box_file.header.box_format].names_have_suffix
    known = names if have_suffix else [list(map(_without_suffix, of_sample)) for of_sample in names]
    found = _match_names(box_file, known, names)
    _match_last_parts(box_file, known, found)
    taken = len(found)
    if names and not taken:
        raise InputError(_describe_none(box_file, names))
    notes = []
    if taken < len(names):
        notes.append(f"{len(names) - taken} images are not in the boxes and have none")
    if taken < len(box_file.images):
        notes.append(f"{len(box_file.images) - taken} images of the boxes are not in the input")
    images = (found.get(sample) for sample in range(len(names)))
    return [None if image is None else box_file.images[image] for image in images], notes


def _match_names(
    box_file: BoxFile, known: Sequence[Sequence[str]], names: Sequence[Sequence[str]]
) -> dict[int, str]:
    """Return the image of each sample that is known by one of its names; likelier names come first."""
    found: dict[int, str] = {}
    owners: dict[str, int] = {}
    for rank in range(max(map(len, known), default=0)):
        earlier = set(owners)
        for sample, of_sample in enumerate(known):
            name = of_sample[rank] if sample not in found and rank < len(of_sample) else ""
            if name not in box_file.images or name in earlier:
                continue
            if name in owners:
                raise InputError(_describe_rivals(name, names[owners[name]][0], names[sample][0]))
            found[sample], owners[name] = name, sample
    return found


def _match_last_parts(box_file: BoxFile, known: Sequence[Sequence[str]], found: dict[int, str]) -> None:
    """Add the samples that share the last part of their name with one image and no other sample."""
    parts = [_last_part(of_sample[0]) if of_sample else "" for of_sample in known]
    of_samples, of_images = Counter(parts), Counter(map(_last_part, box_file.images))
    taken = set(found.values())
    by_part = {_last_part(name): name for name in box_file.images if name not in taken}
    for sample, part in enumerate(parts):
        if sample not in found and part in by_part and of_samples[part] == of_images[part] == 1:
            found[sample] = by_part[part]


def _describe_rivals(image: str, first: str, second: str) -> str:
    return (
        f"the boxes of {image!r} may be those of {first!r} and {second!r}; name images in the boxes by their"
        " paths below SRC, and give images of one folder names of their own"
    )


def _describe_none(box_file: BoxFile, names: Sequence[Sequence[str]]) -> str:
    ours = next((name for of_sample in names for name in of_sample), None)
    theirs = next(iter(box_file.images), None)
    if theirs is None:
        return "the boxes name no images; give the file that belongs to these"
    return (
        f"the boxes belong to other images: their first image is {theirs!r}, the first of the input is"
        f" {ours!r}; give the file that belongs to these, or name its images by their paths below SRC"
    )


def _last_part(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _without_suffix(name: str) -> str:
    last = _last_part(name)
    return name[: len(name) - len(last) + last.rindex(".")] if "." in last.lstrip(".") else name
