"""Boxes that are given with SRC or lie in its splits: one file for all, or a file for each split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from augcli.errors import InputError, Option
from augcli.io.readers.annotations import find_boxes
from augcli.io.readers.pairs import join_root
from augcli.io.readers.splits import choose_split
from augcli.io.store.locations import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.readers.base import Input, Selection
    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue

BESIDE = "_annotations.coco.json"
"""The file of boxes that Roboflow puts among the images of each split."""


def find_beside(src: Input, splits: Sequence[str], selection: Selection) -> tuple[Selection, list[str]]:
    """Return how a folder is read whose splits hold files of boxes of their own, and a note on these.

    Args:
        src: What SRC leads to.
        splits: The directories of its splits; [""] without splits.
        selection: How it is read; boxes that are given go before.
    """
    if selection.files.boxes is not None or not selection.finds_boxes:
        return selection, []
    paths = {split: join_root(src.store.name, f"{split}/{BESIDE}" if split else BESIDE) for split in splits}
    pairs = tuple((split, path) for split, path in paths.items() if selection.locate(path).kind is Kind.FILE)
    if not pairs:
        return selection, []
    shown = ", ".join(repr(path) for _, path in pairs)
    boxes = pairs[0][1] if splits == [""] else pairs
    return replace(selection, files=replace(selection.files, boxes=boxes)), [f"boxes: those of {shown}"]


def find_given_boxes(
    catalogues: Sequence[Catalogue], names: Sequence[Sequence[Sequence[str]]], selection: Selection
) -> tuple[tuple[Catalogue, ...], BoxHeader, list[str]]:
    """Find the boxes of each sample in the given files; see `find_boxes`.

    Raises:
        InputError: If a file belongs to no split, or the categories of two splits differ.
    """
    from augcli.io.readers.categories import unite_boxes  # here: most inputs have no boxes

    boxes = selection.files.boxes
    if not isinstance(boxes, tuple):
        return find_boxes(catalogues, names, selection.locate(boxes or ""), selection)
    splits = [catalogue.split for catalogue in catalogues]
    by_split = _name_splits(boxes, splits)
    matched: list[Catalogue] = []
    headers: dict[str, BoxHeader | None] = {}
    notes = []
    for catalogue, names_of_split in zip(catalogues, names, strict=True):
        if catalogue.split not in by_split:
            matched.append(replace(catalogue, boxes=[None] * len(catalogue)))
            headers[catalogue.split] = None
            notes.append(f"split {catalogue.split!r} has no boxes")
            continue
        place = selection.locate(by_split[catalogue.split])
        [with_boxes], headers[catalogue.split], more = find_boxes(
            [catalogue], [names_of_split], place, selection
        )
        matched.append(with_boxes)
        notes += [f"{catalogue.split}: {note}" for note in more]
    boxed, header, more = unite_boxes(matched, headers, "the boxes of splits")
    return boxed, header, [*notes, *more]


def _name_splits(pairs: Sequence[tuple[str, str]], splits: Sequence[str]) -> Mapping[str, str]:
    """Return the file of each split; a split may be called by its directory or by what that means."""
    by_split: dict[str, str] = {}
    for wanted, path in pairs:
        try:
            split = choose_split(splits, wanted)
        except InputError as error:
            shown = ", ".join(map(repr, splits)) if list(splits) != [""] else "none"
            what = f" names split {wanted!r} for {path!r}, and the splits of the input are {shown}"
            raise InputError(Option("boxes"), f"{what}; name one of these") from error
        if split in by_split:
            raise InputError(
                Option("boxes"), f" gives split {split!r} two files: {by_split[split]!r}, {path!r}; leave one"
            )
        by_split[split] = path
    return by_split
