"""Boxes of a data set: in which format they are, and which belong to which sample."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError, Option, quantity
from augcli.io.boxes.base import box_formats, choose_box_format
from augcli.io.boxes.image_names import find_near, fold, last_part, without_suffix
from augcli.program.annotated import SKIP, STOP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from augcli.io.boxes.base import BoxFile
    from augcli.io.store.locations import Location
    from augcli.samples import ImageBoxes

KEEP = (
    Option("unboxed", "keep"),
    " to have them without boxes, or ",
    Option("unboxed", SKIP),
    " to leave them out",
)
"""The cure where samples that a file of boxes does not know stop a run."""


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
    box_file: BoxFile, names: Sequence[Sequence[str]], unboxed: str | None = None
) -> tuple[list[ImageBoxes | None], list[str]]:
    """Find the boxes of each sample: by its name, else by less of it where that is unmistakable.

    Less is the last part; then the whole without regard to case, Unicode form, percent signs and suffix; then
    the last part of that. Some formats know images with their suffix, some without it. No image is given to
    two samples.

    Args:
        box_file: The boxes.
        names: For each sample the names by which the file may know it, the likeliest first.
        unboxed: What becomes of samples that the file does not know, one of `UNBOXED`; None stops where some
            are nearly called as images that it knows, and else keeps them without boxes.

    Returns:
        The boxes of each sample, None where the file does not know it; and notes on boxes that are left over.

    Raises:
        InputError: If one image fits two samples equally, if no image fits any sample, or if samples that the
            file does not know stop the run.
    """
    have_suffix = box_formats()[box_file.header.box_format].names_have_suffix
    known = names if have_suffix else [list(map(without_suffix, of_sample)) for of_sample in names]
    matched = _match_names(box_file, known, names)
    folded = 0
    for form in (last_part, fold, _fold_last):
        before = len(matched)
        _match_forms(box_file, known, matched, form)
        folded += (len(matched) - before) * (form is not last_part)
    if names and not matched:
        raise InputError(_describe_none(box_file, names))
    if len(matched) < len(names) and unboxed in (None, STOP):
        _check_unboxed(box_file, names, matched, unboxed)
    notes = []
    if folded:
        notes.append(f"{quantity(folded, 'image')} found in the boxes but for case, suffix or Unicode form")
    if missing := len(names) - len(matched):
        what = "left out" if unboxed == SKIP else "kept without any"
        notes.append(f"{quantity(missing, 'image')} not in the boxes, {what}")
    if unused := len(box_file.images) - len(matched):
        notes.append(f"{quantity(unused, 'image')} of the boxes not in the input")
    images = (matched.get(sample) for sample in range(len(names)))
    return [None if image is None else box_file.images[image] for image in images], notes


def _match_names(
    box_file: BoxFile, known: Sequence[Sequence[str]], names: Sequence[Sequence[str]]
) -> dict[int, str]:
    """Return the image of each sample that is known by one of its names; likelier names come first."""
    matched: dict[int, str] = {}
    owners: dict[str, int] = {}
    for rank in range(max(map(len, known), default=0)):
        earlier = set(owners)
        for sample, of_sample in enumerate(known):
            name = of_sample[rank] if sample not in matched and rank < len(of_sample) else ""
            if name not in box_file.images or name in earlier:
                continue
            if name in owners:
                raise InputError(_describe_rivals(name, names[owners[name]][0], names[sample][0]))
            matched[sample], owners[name] = name, sample
    return matched


def _match_forms(
    box_file: BoxFile, known: Sequence[Sequence[str]], matched: dict[int, str], form: Callable[[str], str]
) -> None:
    """Add the samples of which a name has a form that one image and no other sample has."""
    if len(matched) in (len(known), len(box_file.images)):
        return
    forms = [set(map(form, forms_of_sample)) for forms_of_sample in known]
    of_samples = Counter(chain.from_iterable(forms))
    wanted = set(of_samples)
    folded = {name: text for name in box_file.images if (text := form(name)) in wanted}
    of_images = Counter(folded.values())
    taken = set(matched.values())
    by_form = {text: name for name, text in folded.items() if name not in taken}
    for sample, forms_of_sample in enumerate(forms):
        fitting = {
            by_form[text]
            for text in forms_of_sample
            if text in by_form and of_samples[text] == of_images[text] == 1
        }
        if sample not in matched and len(fitting) == 1:
            matched[sample] = fitting.pop()


def _fold_last(name: str) -> str:
    return last_part(fold(name))


def _check_unboxed(
    box_file: BoxFile, names: Sequence[Sequence[str]], matched: Mapping[int, str], unboxed: str | None
) -> None:
    """Refuse samples that the file does not know, where they stop the run."""
    taken = set(matched.values())
    theirs = [image for image in box_file.images if image not in taken]
    ours = [of_sample[0] for sample, of_sample in enumerate(names) if sample not in matched and of_sample]
    near = find_near(ours, theirs)
    if unboxed == STOP and not near:
        which = ", ".join(map(repr, ours[:2]))
        raise InputError(
            f"{quantity(len(ours), 'image')} not in the boxes: {which}; add them, or give ", *KEEP
        )
    if near:
        pairs = ", ".join(f"{key!r} (boxes: {image!r})" for key, image in near[:2])
        raise InputError(
            f"{quantity(len(near), 'image')} not in the boxes, which know others by nearly the same names:"
            f" {pairs}; marks or zeros differ, or several are alike; give both the same names, or give ",
            *KEEP,
        )


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
