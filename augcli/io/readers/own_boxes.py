"""The boxes of an output of augcli that is read as an input: they stand beside its images or shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import InputError, Option, OutputError
from augcli.input_files import NONE
from augcli.io.boxes.base import BOX_FILES, WITH_IMAGES, box_formats
from augcli.io.boxes.recorded import read_annotated
from augcli.io.readers.annotations import find_boxes
from augcli.io.readers.pairs import join_root
from augcli.io.store.locations import Kind
from augcli.io.store.names import RECIPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from augcli.io.readers.base import Input, Selection
    from augcli.io.store.locations import Location
    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue

SHARDS = "data"
"""Directory of the shards of an output."""


def find_own_boxes(
    catalogues: tuple[Catalogue, ...],
    names: Callable[[], list[list[list[str]]]],
    src: Input,
    selection: Selection,
) -> tuple[tuple[Catalogue, ...], BoxHeader | None, list[str]]:
    """Find the boxes of each sample of an output of augcli.

    Args:
        catalogues: The samples.
        names: Gives for each catalogue and sample the names by which the boxes may know it, the likeliest
            first; it is called only where there are boxes.
        src: What SRC leads to.
        selection: How it is read.

    Returns:
        As `find_boxes`; None and no notes where SRC is not an output, or has no boxes.

    Raises:
        InputError: If the boxes cannot be read, or the categories of two splits differ.
        StorageError: If the machine fails.
    """
    root = _find_root(src, selection)
    if root is None:
        return catalogues, None, []
    places = [
        _locate_boxes(join_root(root, catalogue.split) if catalogue.split else root, selection)
        for catalogue in catalogues
    ]
    if len(catalogues) == 1 and not any(places):  # shards without a split are called train, too
        places = [_locate_boxes(root, selection)]
    if not any(places):
        _refuse_lost_boxes(root, selection)
        return catalogues, None, []
    from augcli.io.readers.categories import unite_boxes  # here: most inputs have no boxes

    matched: list[Catalogue] = []
    headers: dict[str, BoxHeader | None] = {}
    notes: list[str] = []
    for catalogue, names_of_split, boxes in zip(catalogues, names(), places, strict=True):
        if boxes is None:
            continue
        [with_boxes], headers[catalogue.split], more = find_boxes(
            [catalogue], [names_of_split], boxes, selection
        )
        matched.append(with_boxes)
        notes += [f"boxes: those of {boxes.name!r}", *more]
    if len(matched) < len(catalogues):
        raise InputError(
            f"some splits of {root!r} have no boxes; give ",
            Option("boxes"),
            " with those of all splits, or one split alone as SRC",
        )
    boxed, header, more = unite_boxes(matched, headers, f"the boxes of {root!r}")
    return boxed, header, [*notes, *more]


def _find_root(src: Input, selection: Selection) -> str | None:
    """Return the directory of the output that SRC is, or whose shards it names."""
    root = src.store.name.rstrip("/")
    above, _, last = root.rpartition("/")
    for place in (root, *([above or "."] if last == SHARDS else [])):
        if selection.locate(join_root(place, RECIPE)).kind is Kind.FILE:
            return place
    return None


def _refuse_lost_boxes(root: str, selection: Selection) -> None:
    """Refuse an output that has boxes, if what holds them is missing.

    Raises:
        InputError: Naming the output, and how it is read without boxes.
        StorageError: If the machine fails.
    """
    try:
        header = read_annotated(selection.locate(root).store).boxes
    except OutputError:  # nothing tells whether it has boxes
        return
    if header is not None and header.box_format not in WITH_IMAGES:
        raise InputError(
            f"the output {root!r} has boxes, and what holds them is missing"
            f" ({BOX_FILES}.json or {BOX_FILES}/); run its command again, or leave its boxes out with ",
            Option("boxes", NONE),
        )


def _locate_boxes(base: str, selection: Selection) -> Location | None:
    """Return the file or the directory of boxes below a directory of an output."""
    for box_format in box_formats().values():
        name = BOX_FILES if box_format.file_per_image else f"{BOX_FILES}{box_format.suffix}"
        place = selection.locate(join_root(base, name))
        if place.kind is (Kind.DIRECTORY if box_format.file_per_image else Kind.FILE):
            return place
    return None
