"""Categories of boxes that were read apart, from files of splits or from shards: one list, by name.

Where names stand in another order, boxes are mapped by name. Where one list has names that the longest one
lacks, they contradict each other, and the run stops. Files that only name what occurs in them (Pascal VOC)
have no list that could contradict another: all names are taken.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import InputError
from augcli.io.boxes.base import BadBoxError, stop_or_skip
from augcli.io.boxes.columns import category_names, find_category
from augcli.io.boxes.voc_writing import COUNTING
from augcli.io.hugging_face import check_names, read_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from augcli.io.boxes.columns import BoxColumn
    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue, ImageBoxes

    Names = tuple[str, ...] | None


class Listed(NamedTuple):
    """Categories in a column of several files.

    Attributes:
        column: The name of the column.
        lists: The names that each file gives them, by its number; None where it gives none.
        names: The names of all files; None where no file gives any.
        feature: Hugging Face's feature of the column with these names; None without such a feature.
        notes: What was taken for what, in words.
    """

    column: str
    lists: tuple[Names, ...]
    names: Names
    feature: Any
    notes: list[str]


def list_categories(
    schemas: Sequence[tuple[str, pa.Schema]], column: BoxColumn, cure: Sequence[object]
) -> Listed:
    """Return the categories of a column in several files, by their schemas.

    Args:
        schemas: The name and the schema of each file.
        column: What the column is made of.
        cure: What can be done where they contradict each other, as the words of a message.

    Raises:
        InputError: If they do.
    """
    features = [read_features(schema).get(column.name) for _, schema in schemas]
    lists = tuple(check_names(category_names(feature, column)) for feature in features)
    files = [name for name, _ in schemas]
    names, notes = _unite_names(files, lists, f"the categories of column {column.name!r}", cure)
    feature = next(
        (named for named, listed in zip(features, lists, strict=True) if listed),
        features[0],
    )
    if names and check_names(category_names(feature, column)) != names:
        feature = deepcopy(feature)
        find_category(feature, column)["names"] = list(names)
    return Listed(column.name, lists, names, feature, notes)


def move_cells(
    images: Sequence[ImageBoxes], counts: Sequence[int], listed: Listed, bad_boxes: str
) -> list[ImageBoxes]:
    """Return the boxes of all rows with the categories of all files.

    Args:
        images: The boxes of each row, whose categories are those of their own file.
        counts: How many rows each file has.
        listed: The categories.
        bad_boxes: What becomes of boxes of a category that their own file does not name.

    Raises:
        InputError: If such a box stops the run.
    """
    rows = enumerate(images)
    moved: list[ImageBoxes] = []
    for count, names in zip(counts, listed.lists, strict=True):
        of_file = islice(rows, count)
        if names is None or listed.names is None or names == listed.names:
            moved += (image for _, image in of_file)
            continue
        places = _find_places(names, listed.names)
        for row, image in of_file:
            where = f"row {row} of column {listed.column!r}"
            moved.append(_move(_leave_out_unknown(image, len(names), where, bad_boxes), places))
    return moved


def unite_boxes(
    catalogues: Sequence[Catalogue], headers: Mapping[str, BoxHeader | None], what: str
) -> tuple[tuple[Catalogue, ...], BoxHeader, list[str]]:
    """Return splits whose boxes have the same categories, what is true of all of them, and notes.

    Args:
        catalogues: The splits.
        headers: What is true of the boxes of each, by its split; None where it has none.
        what: What has them, as messages begin.

    Raises:
        InputError: If their formats differ, or their categories contradict each other.
    """
    known = {split: header for split, header in headers.items() if header is not None}
    (first, header), *others = known.items()
    if strange := [split for split, its_header in others if its_header.box_format != header.box_format]:
        raise InputError(
            f"{what}: those of split {first!r} are {header.box_format}, those of {strange[0]!r} are"
            f" {known[strange[0]].box_format}; give boxes of one format"
        )
    if header.box_format == "voc":
        occurring = tuple(sorted({name for its_header in known.values() for name in its_header.names}))
        keys = max(
            (its_header.keys for its_header in known.values()),
            key=lambda keys: keys.get(COUNTING, [0, 0, 0])[2],
        )
        common = replace(header, names=occurring, keys=keys)
        notes: list[str] = []
    else:
        cure = ("give both the same ones, or one split alone as SRC",)
        # A header without names has no boxes.
        listed = {split: its_header.names for split, its_header in known.items() if its_header.names}
        names, notes = _unite_names(list(listed), list(listed.values()), f"{what}: the categories", cure)
        common = next(its_header for its_header in known.values() if its_header.names == (names or ()))
        _check_keypoints(known, common, what)
    return _move_all(catalogues, headers, common.names), common, notes


def _move_all(
    catalogues: Sequence[Catalogue], headers: Mapping[str, BoxHeader | None], names: tuple[str, ...]
) -> tuple[Catalogue, ...]:
    """Return splits whose boxes have the categories of one list."""
    moved = []
    for catalogue in catalogues:
        header = headers[catalogue.split]
        if header is not None and header.names != names:
            places = _find_places(header.names, names)
            boxes = [image and _move(image, places) for image in catalogue.boxes or ()]
            catalogue = replace(catalogue, boxes=boxes)
        moved.append(catalogue)
    return tuple(moved)


def _unite_names(
    places: Sequence[str], lists: Sequence[Names], what: str, cure: Sequence[object]
) -> tuple[Names, list[str]]:
    """Return the longest list of names, which must have those of all others, and notes."""
    known = {names: place for place, names in reversed(list(zip(places, lists, strict=True))) if names}
    if not known:
        return None, []
    ordered = sorted(known, key=lambda names: (-len(names), list(lists).index(names)))
    longest = ordered[0]
    for names in ordered:
        if not set(names) <= set(longest):
            said = " and ".join(f"{known[own]!r} ({', '.join(own)[:80]})" for own in (longest, names))
            raise InputError(f"{what} of {said} contradict each other; ", *cure)
    without = [place for place, names in zip(places, lists, strict=True) if not names]
    if without and len(known) > 1:
        raise InputError(f"{what} of {without[0]!r} have no names, and those of others differ; ", *cure)
    notes = []
    if len(known) > 1:
        notes.append(f"{what} are listed in {len(known)} different ways; boxes are mapped by name")
    if without:
        few = f"{len(without)} of {len(places)} files ({without[0]!r} first)"
        notes.append(f"{what} of {few} have no names and take those of the others")
    return longest, notes


def _check_keypoints(known: Mapping[str, BoxHeader], common: BoxHeader, what: str) -> None:
    """Refuse categories of one name whose keypoints are others: those of boxes are told by their order."""
    wanted = {entry["name"]: entry.get("keypoints") for entry in common.keys.get("categories", ())}
    for split, header in known.items():
        for entry in header.keys.get("categories", ()):
            if entry.get("keypoints") != wanted[entry["name"]]:
                raise InputError(
                    f"{what}: category {entry['name']!r} of split {split!r} has other keypoints than in"
                    " another one; give both the same, or one split alone as SRC"
                )


def _find_places(former: tuple[str, ...], names: tuple[str, ...]) -> list[int]:
    """Return the index that each category has in another list, by name."""
    by_name = {name: index for index, name in enumerate(names)}
    return [by_name[name] for name in former]


def _move(image: ImageBoxes, places: Sequence[int]) -> ImageBoxes:
    return image._replace(categories=tuple(places[index] for index in image.categories))


def _leave_out_unknown(image: ImageBoxes, count: int, where: str, bad_boxes: str) -> ImageBoxes:
    """Return an image without the boxes whose category is beyond the names of their own file."""
    kept = [number for number, index in enumerate(image.categories) if index < count]
    if len(kept) == len(image.categories):
        return image
    detail = f"{where}: category {max(image.categories)} is not one of the {count} of its own file"
    skipped = stop_or_skip(BadBoxError("unknown category", detail), bad_boxes)
    lost = len(image.categories) - len(kept)
    return image._replace(
        edges=image.edges[kept],
        categories=tuple(image.categories[number] for number in kept),
        extras=tuple(image.extras[number] for number in kept),
        outlines=tuple(image.outlines[number] for number in kept) if image.outlines else (),
        skipped=(*image.skipped, *[skipped] * lost),
    )
