"""What a folder's own tables name beside its images: masks, other files, and boxes.

Tables are as Hugging Face's imagefolder has them: `file_name` names the image of a row, `mask_file_name`
and its like name further files, and a column such as `objects` holds the boxes of the image. Those that
augcli writes are of this kind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from augcli.errors import InputError, Option
from augcli.io.boxes.column_cells import read_cells
from augcli.io.boxes.columns import find_column
from augcli.io.images.headers import read_upright_size
from augcli.io.labels.tables import Table, open_table
from augcli.io.readers.categories import list_categories, move_cells
from augcli.io.readers.described import LOOKED_AT, MASK_COLUMNS, SKIP, describe_boxes
from augcli.io.readers.folder_labels import LABEL_TABLES
from augcli.io.split_words import find_words
from augcli.io.store.locations import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Selection
    from augcli.io.store.base import Store
    from augcli.io.store.listing import Tree
    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue

IMAGE_FILE = "file_name"
OTHER_FILE = "_file_name"
"""What the names of columns end in that name further files."""

SAME_NAMES = ("give them the same names, or leave the column out with ", Option("box_order", SKIP))
"""The cure where tables name categories of boxes differently."""


class NamedFiles(NamedTuple):
    """What the tables of a folder name.

    Attributes:
        masks: Keys of masks by the keys of their images.
        others: Keys of further files by the column that names them.
        tables: What the keys of a table's images start with, and the table.
    """

    masks: dict[str, str]
    others: dict[str, set[str]]
    tables: list[tuple[str, Table]]


def read_named_files(store: Store, tree: Tree) -> NamedFiles:
    """Read what the tables at SRC's root, and in its splits, name beside images.

    Raises:
        InputError: If a table cannot be read, or two columns name masks.
    """
    named = NamedFiles({}, {}, [])
    for key in sorted(tree.named):
        place, _, name = key.rpartition("/")
        if name not in LABEL_TABLES or (place and not find_words(place)):
            continue
        table = open_table(Location(store, key))
        if IMAGE_FILE in table.schema.names:
            prefix = f"{place}/" if place else ""
            named.tables.append((prefix, table))
            _add_files(named, prefix, table)
    return named


def _add_files(named: NamedFiles, prefix: str, table: Table) -> None:
    """Add what one table names."""
    columns = [name for name in table.schema.names if name.endswith(OTHER_FILE)]
    masks = _mask_columns(table)
    if len(masks) > 1:
        raise InputError(
            f"{table.name!r} names masks in columns {masks[0]!r} and {masks[1]!r}; rename the one that is"
            " not meant"
        )
    if not columns:
        return
    read = table.read([IMAGE_FILE, *columns])
    images = [_clean(prefix, name) for name in read.column(IMAGE_FILE).to_pylist()]
    for column in columns:
        files = [_clean(prefix, name) if name else None for name in read.column(column).to_pylist()]
        if column in masks:
            named.masks.update({image: file for image, file in zip(images, files, strict=True) if file})
        else:
            named.others.setdefault(column, set()).update(filter(None, files))


def _clean(prefix: str, name: object) -> str:
    return prefix + str(name).replace("\\", "/").removeprefix("./")


def names_masks(store: Store, key: str) -> bool:
    """True if a table names masks of images.

    Raises:
        InputError: If it cannot be read.
    """
    return bool(_mask_columns(open_table(Location(store, key))))


def _mask_columns(table: Table) -> list[str]:
    columns = [name for name in table.schema.names if name.endswith(OTHER_FILE)]
    return [name for name in columns if name.removesuffix(OTHER_FILE).lower() in MASK_COLUMNS]


def find_table_boxes(
    catalogues: tuple[Catalogue, ...],
    tables: Sequence[tuple[str, Table]],
    store: Store,
    selection: Selection,
) -> tuple[tuple[Catalogue, ...], BoxHeader | None, list[str]]:
    """Find the boxes of each sample in a column of the folder's tables.

    Returns:
        The catalogues with their boxes, what is true of all boxes, and notes; None where no table has such a
        column.

    Raises:
        InputError: If two columns hold boxes, or their order is in doubt.
    """
    names = dict.fromkeys(field.name for _, table in tables for field in table.schema if find_column(field))
    if not names or selection.box_order == SKIP:
        return catalogues, None, []
    if len(names) > 1:
        first, second = list(names)[:2]
        raise InputError(
            f"columns {first!r} and {second!r} of {tables[0][1].name!r} hold boxes; rename the one that is"
            " not meant, or leave both out with ",
            Option("box_order", SKIP),
        )
    [name] = names
    with_boxes = [(prefix, table) for prefix, table in tables if name in table.schema.names]
    read = [(prefix, table.read([IMAGE_FILE, name])) for prefix, table in with_boxes]
    keys = [_clean(prefix, key) for prefix, rows in read for key in rows.column(IMAGE_FILE).to_pylist()]
    rows = pa.concat_tables([rows.select([name]) for _, rows in read], promote_options="permissive")
    column = find_column(rows.schema.field(name))
    if column is None:
        raise InputError(f"column {name!r} has other types in other tables; write them alike")
    listed = list_categories([(table.name, table.schema) for _, table in with_boxes], column, SAME_NAMES)
    cells = read_cells(
        rows.column(0),
        column,
        listed.names,
        selection.box_order,
        lambda: [read_upright_size(*store.read([key])) for key in keys[:LOOKED_AT]],
        selection.bad_boxes,
    )
    images = cells.images
    if cells.header.names == listed.names:
        images = move_cells(images, [len(rows) for _, rows in read], listed, selection.bad_boxes)
    boxes = dict(zip(keys, images, strict=True))
    boxed = tuple(replace(split, boxes=[boxes.get(key) for key in split.keys]) for split in catalogues)
    return boxed, cells.header, [*describe_boxes(column, cells), *listed.notes]
