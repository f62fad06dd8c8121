"""Columns of shards that describe pixels: boxes and masks are followed, others are left out."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from augcli.errors import DecodeError, InputError, Option
from augcli.input_files import NONE
from augcli.io.boxes.column_cells import read_cells
from augcli.io.boxes.columns import LOST_FIELDS, BoxColumn, find_column
from augcli.io.images.headers import read_upright_size
from augcli.io.images.index_masks import read_mask_header
from augcli.io.labels.kinds import holds_texts
from augcli.io.readers.categories import list_categories, move_cells
from augcli.io.readers.image_cells import copy_images, holds_images
from augcli.io.readers.mask_look import describe_masks
from augcli.io.readers.shards import Columns, find_first_image, open_shard, read_column, reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.boxes.column_cells import ColumnCells
    from augcli.io.readers.base import Selection
    from augcli.io.readers.categories import Listed
    from augcli.io.readers.shards import Shard
    from augcli.samples import Catalogue, ImageBoxes

LOOKED_AT = 64
"""Images whose size is read where it decides what boxes mean."""

SKIP = "skip"
"""The value of `box_order` that leaves columns of boxes out."""

MASK_COLUMNS = frozenset(
    "mask masks annotation annotations segmentation segmentation_mask semantic_segmentation seg semantic"
    " label labels target gt ground_truth pixel_labels".split()
)
"""Columns that are masks where they hold index masks."""

BOX_WORDS = LOST_FIELDS | frozenset(
    "bbox bboxes box boxes keypoint polyline polylines contour contours outline outlines quad quads landmark"
    " encodedpixels".split()
)
"""Words in the names of columns, or of their fields, that say that they describe places in the image."""

SIDES = tuple(
    frozenset(names.split())
    for names in (
        "xmin ymin xmax ymax",
        "x0 y0 x1 y1",
        "x1 y1 x2 y2",
        "x y w h",
        "x y width height",
        "left top width height",
        "left top right bottom",
    )
)
"""What the names of four columns of numbers end in, all after the same word, that are the sides of a box."""


PLACE_KEY = re.compile(r"\"(bbox|bboxes|box|boxes|segmentation|points|keypoints|polygon|polygons)\"")
"""What objects written in JSON have in them that describe places in the image."""


class Described(NamedTuple):
    """The columns of shards, once it is known which of them describe pixels.

    Attributes:
        columns: Image, label and mask column, and the columns that are carried along.
        boxes: The column of boxes; None if the shards have no boxes.
        notes: What was left out, in words.
    """

    columns: Columns
    boxes: BoxColumn | None
    notes: list[str]


def find_described(
    schema: pa.Schema, shards: Sequence[Shard], columns: Columns, selection: Selection
) -> Described:
    """Find the columns of masks and boxes, and leave out what else describes pixels where these change.

    Raises:
        InputError: If two columns may be it, or the named one is not.
    """
    mask = columns.mask or (_find_mask(schema, shards, columns) if selection.finds_masks else None)
    others = [name for name in columns.others if name != mask]
    boxes = _find_boxes(schema, others, selection)
    others = [name for name in others if boxes is None or name != boxes.name]
    sides = _find_sides(schema, others)
    lost = [name for name in others if name in sides or _describes_pixels(shards, schema.field(name))]
    notes = [f"masks: those of column {mask!r}", *describe_masks(_first_images(shards, mask))] if mask else []
    if lost and selection.changes_pixels:
        others = [name for name in others if name not in lost]
        notes.append(f"left out: {_join(lost)}, which cannot follow the pixels that change")
    return Described(columns._replace(mask=mask, others=tuple(others)), boxes, notes)


def list_shard_categories(shards: Sequence[Shard], column: BoxColumn) -> Listed:
    """Return the categories of a column of boxes in all shards.

    Raises:
        InputError: If they contradict each other.
    """
    cure = (
        "give them the same names, or shards of one of both alone, or leave the column out with ",
        Option("box_order", SKIP),
    )
    return list_categories([(shard.name, shard.schema) for shard in shards], column, cure)


def read_column_boxes(
    shards: Sequence[Shard], image: str, column: BoxColumn, categories: Listed, selection: Selection
) -> ColumnCells:
    """Read the boxes of all rows.

    Args:
        shards: The shards, in the order of the samples.
        image: The column of the images.
        column: The column of the boxes.
        categories: Its categories.
        selection: How boxes are read.

    Raises:
        InputError: If the column is damaged, or the order is in doubt.
        StorageError: If the machine fails.
    """
    column_cells = read_column(shards, column.name)
    order, bad_boxes = selection.box_order, selection.bad_boxes
    sizes = partial(_read_sizes, shards, image)
    cells = read_cells(column_cells, column, categories.names, order, sizes, bad_boxes)
    if cells.header.names != categories.names:  # they are texts
        return cells
    counts = [shard.footer.num_rows for shard in shards]
    return cells._replace(images=move_cells(cells.images, counts, categories, bad_boxes))


def give_boxes(catalogues: Sequence[Catalogue], boxes: Sequence[ImageBoxes]) -> tuple[Catalogue, ...]:
    """Return catalogues with the boxes of their rows, which stand in the order of the catalogues."""
    rows = iter(boxes)
    return tuple(replace(catalogue, boxes=list(islice(rows, len(catalogue)))) for catalogue in catalogues)


def describe_boxes(column: BoxColumn, cells: ColumnCells) -> list[str]:
    """Return notes on a column of boxes that is followed."""
    count = sum(len(image.categories) for image in cells.images)
    left_out = [f"left out of the boxes: {what} ({count})" for what, count in sorted(cells.dropped.items())]
    return [f"boxes: {count} of column {column.name!r}", *cells.notes, *left_out]


def _read_sizes(shards: Sequence[Shard], image: str) -> list[tuple[int, int] | None]:
    """Return height and width of the first images, upright, None where they cannot be read."""
    sizes: list[tuple[int, int] | None] = []
    for shard in shards:
        with reading(shard):
            for batch in open_shard(shard).iter_batches(batch_size=16, columns=[image], use_threads=False):
                sizes += map(read_upright_size, copy_images(batch.column(image))[0])
                if len(sizes) >= LOOKED_AT:
                    return sizes
    return sizes


def _describes_pixels(shards: Sequence[Shard], field: pa.Field) -> bool:
    """True if a column holds images or, by its name, places in them: true of the unchanged image alone."""
    kind = field.type
    if holds_images(kind):
        return read_upright_size(find_first_image(shards, field.name)) is not None
    if not (pa.types.is_nested(kind) or holds_texts(kind)):
        return False
    if _is_place(field.name):
        return True
    if holds_texts(kind):
        return any(PLACE_KEY.search(text) for text in _first_texts(shards, field.name) if text[:1] in "[{")
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return pa.types.is_struct(kind) and any(_is_place(kind.field(i).name) for i in range(kind.num_fields))


def is_column(schema: pa.Schema, name: str | None) -> bool:
    """True if `--boxes` names a column of boxes."""
    return name is not None and name in schema.names and find_column(schema.field(name)) is not None


def _find_mask(schema: pa.Schema, shards: Sequence[Shard], columns: Columns) -> str | None:
    """Return the column that holds index masks and is called so."""
    mask_columns = [
        name
        for name in columns.others
        if name.lower() in MASK_COLUMNS and holds_images(schema.field(name).type) and _are_masks(shards, name)
    ]
    if len(mask_columns) > 1:
        raise InputError(
            f"{shards[0].name!r} has masks in {_join(mask_columns)}; give ",
            Option("masks", mask_columns[0]),
            " or ",
            Option("masks", mask_columns[1]),
            ": the other is left out, or ",
            Option("masks", NONE),
        )
    return mask_columns[0] if mask_columns else None


def _first_images(shards: Sequence[Shard], column: str) -> list[bytes | None]:
    """Return the encoded images of the first rows."""
    with reading(shards[0]):
        for batch in open_shard(shards[0]).iter_batches(batch_size=4, columns=[column], use_threads=False):
            return copy_images(batch.column(column))[0]
    return []


def _first_texts(shards: Sequence[Shard], column: str) -> list[str]:
    """Return the texts of the first rows; empty ones are left out."""
    with reading(shards[0]):
        for batch in open_shard(shards[0]).iter_batches(batch_size=4, columns=[column], use_threads=False):
            return [text for text in batch.column(column).to_pylist() if text]
    return []


def _are_masks(shards: Sequence[Shard], column: str) -> bool:
    """True if a column that nobody named holds index masks, by its first image."""
    first = find_first_image(shards, column)
    try:
        return first is not None and bool(read_mask_header(first))
    except DecodeError:
        return False


def _find_boxes(schema: pa.Schema, others: Sequence[str], selection: Selection) -> BoxColumn | None:
    """Return the column of boxes that is followed."""
    boxes = selection.files.boxes
    is_named = isinstance(boxes, str) and is_column(schema, boxes)
    if selection.box_order == SKIP or not selection.finds_boxes or (boxes is not None and not is_named):
        return None
    columns = [
        column for name in others if (column := find_column(schema.field(name))) and boxes in (None, name)
    ]
    if len(columns) > 1:
        raise InputError(
            f"{_join([column.name for column in columns])} hold boxes; give ",
            Option("boxes", columns[0].name),
            " or ",
            Option("boxes", columns[1].name),
            ": the other is left out, or ",
            Option("boxes", NONE),
        )
    return columns[0] if columns else None


def _find_sides(schema: pa.Schema, names: Sequence[str]) -> set[str]:
    """Return the columns of numbers that are the sides of a box, such as `Roi.X1` to `Roi.Y2`."""
    plain = {
        re.sub("[^a-z0-9]", "", name.lower()): name
        for name in names
        if pa.types.is_integer(schema.field(name).type) or pa.types.is_floating(schema.field(name).type)
    }
    return {
        plain[start + side]
        for sides in SIDES
        for start in {name.removesuffix(side) for name in plain for side in sides if name.endswith(side)}
        if all(start + side in plain for side in sides)
        for side in sides
    }


def _is_place(name: str) -> bool:
    words = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return bool(BOX_WORDS.intersection([words, words.replace("_", ""), *re.split("[^a-z]+", words)]))


def _join(names: Sequence[str]) -> str:
    return f"column{'s' * (len(names) > 1)} {' and '.join(map(repr, names))}"
