"""Parquet shards: what they hold, by their footers and small columns; rows are read elsewhere."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import InputError, Option, StorageError
from augcli.io.labels.choice import LabelChoice, choose_labels
from augcli.io.labels.class_list import some
from augcli.io.readers.image_cells import copy_images, holds_images
from augcli.io.store.arrow_files import ANEW, DAMAGE, READABLE, first_line, readable
from augcli.io.store.base import Store, Version, full_name, is_local
from augcli.io.store.errors import storage_error, storage_errors
from augcli.io.store.pointers import LFS_BEGIN, LFS_CURE, is_lfs_pointer
from augcli.samples import RowGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Result = TypeVar("Result")
AnyShard = TypeVar("AnyShard")

IMAGE_COLUMNS = ("image", "img", "jpg", "png", "image_bytes", "pixel_values")
READ_BUFFER = 1 << 20

READERS = 32
"""Shards of which something is read at once."""


@dataclass(frozen=True)
class Shard:
    """A parquet file: where it lies, and its size and version when it was listed.

    It pickles without its footer and its columns.
    """

    store: Store
    key: str
    size: int
    version: int

    def __reduce__(self) -> Any:
        return Shard, (self.store, self.key, self.size, self.version)

    @property
    def footer(self) -> pq.FileMetaData:
        """The shard's footer, read once; see `open_shard`."""
        # Not a cached_property: in Python 3.11 it lets threads in one by one.
        if "kept" not in vars(self):
            vars(self)["kept"] = _read_footer(self)
        return vars(self)["kept"]

    @cached_property
    def schema(self) -> pa.Schema:
        """Its columns; see `open_shard`."""
        with _opening(self):
            return self.footer.schema.to_arrow_schema()

    @property
    def name(self) -> str:
        """Its path, for messages."""
        return full_name(self.store, self.key)

    def check_unchanged(self) -> None:
        """Refuse a shard that has changed since it was listed.

        Raises:
            StorageError: A fault of the moment, so nothing about it may be recorded.
        """
        self.store.open(self.key, Version(self.size, self.version)).close()


class Columns(NamedTuple):
    """What the shards hold: image, label and mask columns, and the rest."""

    image: str
    labels: LabelChoice
    mask: str | None
    others: tuple[str, ...]


def _read_footer(shard: Shard) -> pq.FileMetaData:
    """Read a footer, and refuse it if it cannot be true."""
    with _opening(shard):
        footer = pq.ParquetFile(shard.store.open(shard.key)).metadata
    rows = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
    # A row takes a byte at least, where it holds an image: what promises more would fill the memory.
    if sum(rows) != footer.num_rows or min(rows, default=0) < 0 or footer.num_rows > shard.size:
        raise InputError(f"{shard.name!r} is damaged: its footer promises rows that it cannot hold; {ANEW}")
    return footer


def open_shard(shard: Shard) -> pq.ParquetFile:
    """Open a shard with small buffers: by default pyarrow reads whole row groups ahead.

    Raises:
        InputError: If it cannot be opened, or is not a parquet file, or one whose footer cannot be true.
        StorageError: If the machine fails while it is read.
    """
    footer = shard.footer
    with _opening(shard):
        file = shard.store.open(shard.key)
        return pq.ParquetFile(file, metadata=footer, pre_buffer=False, buffer_size=READ_BUFFER)


@contextmanager
def _opening(shard: Shard) -> Iterator[None]:
    """Turn errors while a shard is opened into errors of augcli."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno:
            raise storage_error(f"cannot read {shard.name!r}", error) from error
        if is_lfs_pointer(shard.store.open(shard.key).read(len(LFS_BEGIN))):
            raise InputError(f"{shard.name!r} is not a parquet file: {LFS_CURE}") from error
        raise InputError(f"{shard.name!r} cannot be read as parquet: {first_line(error)}; {ANEW}") from error
    except StorageError as error:  # it cannot be opened
        if not is_local(shard.store):  # a bucket says more than why a file does not open
            raise
        reason = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise InputError(
            f"{shard.name!r} cannot be read as parquet: {first_line(reason)}; {READABLE}"
        ) from error


@contextmanager
def reading(shard: Shard) -> Iterator[None]:
    """Turn errors while a shard is read into errors of augcli: of its data, or of the machine.

    Raises:
        InputError: If the shard is damaged.
        StorageError: If the machine fails.
    """
    with storage_errors(f"cannot read {shard.name!r}"), readable(shard.name):
        yield


def read_each(read: Callable[[AnyShard], Result], shards: Sequence[AnyShard]) -> list[Result]:
    """Read something of each shard, of many at once: in a bucket each takes as long as an answer takes."""
    if len(shards) < 2:
        return [read(shard) for shard in shards]
    with ThreadPoolExecutor(READERS, thread_name_prefix="augcli-shards") as pool:
        return list(pool.map(read, shards))


def unite_schemas(shards: Sequence[Shard]) -> pa.Schema:
    """Return the columns of all shards; a column may be empty (type null) in some and narrower in others.

    Raises:
        InputError: If the shards have different columns, or types that do not go together.
    """
    schemas = [shard.schema for shard in shards]
    for shard, schema in zip(shards, schemas, strict=True):
        if schema.names != schemas[0].names:
            other = shards[0].name
            raise InputError(f"{shard.name!r} has other columns than {other!r}; give shards of one data set")
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").with_metadata(schemas[0].metadata)
    except pa.ArrowException as error:
        raise InputError(
            f"the shards' columns do not go together: {first_line(error)}; give shards of one data set"
        ) from error


def find_columns(
    schema: pa.Schema, image_col: str | None, label_col: str | None, mask_col: str | None, shard: str
) -> Columns:
    """Find the image, the label and the mask column.

    Raises:
        InputError: If there is no image column, or a named column is missing or of another type.
    """
    names = schema.names
    image = _find_image_column(schema, image_col, shard)
    pictures = {name for name in names if holds_images(schema.field(name).type)}
    if mask_col and (mask_col == image or mask_col not in pictures):
        have = f"{shard!r} has no column {mask_col!r} of encoded masks; it has {some(names, 12)}; give "
        raise InputError(have, Option("masks", "COLUMN"))
    labels = choose_labels(schema, label_col, shard, (image, mask_col))
    others = tuple(name for name in names if name not in (image, *labels.columns, mask_col))
    return Columns(image, labels, mask_col, others)


def _find_image_column(schema: pa.Schema, image_col: str | None, shard: str) -> str:
    names = schema.names
    image = image_col or next((name for name in IMAGE_COLUMNS if name in names), None)
    likely = [name for name in names if holds_images(schema.field(name).type)]
    cure = "; give ", Option("image_col", likely[0] if len(likely) == 1 else None)
    if image is None or image not in names:
        wanted = repr(image_col) if image_col else " or ".join(IMAGE_COLUMNS)
        raise InputError(f"{shard!r} has no image column {wanted}; it has {some(names, 12)}", *cure)
    kind = schema.field(image).type
    if not holds_images(kind):
        what = f"{shard!r}: column {image!r} is {kind}, not encoded images"
        raise InputError(what, *(cure if likely else _cure_of(kind)))
    return image


def _cure_of(kind: pa.DataType) -> tuple[object, ...]:
    """Return what helps where no column holds encoded images."""
    if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
        kind = pa.string()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return (
            "; where they are paths or addresses, fetch the files: give their folder as SRC, this table as ",
            Option("labels"),
        )
    if pa.types.is_nested(kind):
        return ("; where they are pixels, write them into the column as PNG or JPEG first",)
    return "; give ", Option("image_col")


def list_groups(shards: Sequence[Shard]) -> list[RowGroup]:
    """List the row groups of all shards, with the bytes of their columns; empty ones are left out."""
    groups: list[RowGroup] = []
    first = 0
    for shard in shards:
        for number in range(shard.footer.num_row_groups):
            # Not the sum over image columns: pyarrow ends the process where a column's statistics are odd.
            group = shard.footer.row_group(number)
            if group.num_rows:
                groups.append(RowGroup(shard.key, number, first, group.num_rows, group.total_byte_size))
            first += group.num_rows
    return groups


def read_columns(shards: Sequence[Shard], names: Sequence[str]) -> list[pa.Table]:
    """Read some small columns of all shards, shard by shard, in the types that they have in all.

    Raises:
        InputError: If a shard is damaged.
        StorageError: If the machine fails.
    """
    united = unite_schemas(shards)
    schema = pa.schema([united.field(name) for name in names])

    def read(shard: Shard) -> pa.Table:
        file = open_shard(shard)
        with reading(shard):
            table = file.read(list(names), use_threads=False).select(list(names))
            table.validate(full=True)  # texts, too
            table = table.cast(schema)
        if len(table) != shard.footer.num_rows:
            raise InputError(
                f"{shard.name!r} is damaged: column {names[0]!r} holds fewer rows than it says; {ANEW}"
            )
        return table

    return read_each(read, shards)


def read_column(shards: Sequence[Shard], name: str) -> pa.ChunkedArray:
    """Read one small column of all shards; see `read_columns`."""
    pieces = [table.column(0) for table in read_columns(shards, [name])]
    return pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], pieces[0].type)


def read_paths(shards: Sequence[Shard], image: str) -> list[str]:
    """Read the path of every image, "" where an image has no path.

    Raises:
        InputError: If the image column holds no paths, or a shard is damaged.
        StorageError: If the machine fails.
    """
    kind = unite_schemas(shards).field(image).type
    if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
        why = f" finds images by name, but column {image!r} of {shards[0].name!r} holds none;"
        cure = " give shards whose images are structs of bytes and path"
        raise InputError(Option("boxes"), why, cure)

    def read(shard: Shard) -> list[str]:
        file = open_shard(shard)
        with reading(shard):
            column = file.read([f"{image}.path"], use_threads=False).column(image)
            cells = column.combine_chunks().field("path").to_pylist()
        if len(cells) != shard.footer.num_rows:
            raise InputError(f"{shard.name!r} is damaged: its images are fewer than it says; {ANEW}")
        return [path if isinstance(path, str) else "" for path in cells]

    return list(itertools.chain.from_iterable(read_each(read, shards)))


def find_first_image(shards: Sequence[Shard], name: str) -> bytes | None:
    """Return the first encoded image of a column; None if the first rows hold no image.

    Raises:
        InputError: If a shard is damaged.
        StorageError: If the machine fails.
    """
    for shard in shards:
        with reading(shard):
            for batch in open_shard(shard).iter_batches(batch_size=16, columns=[name], use_threads=False):
                images, _ = copy_images(batch.column(name))
                return next((bytes(data) for data in images if data is not None), None)
    return None
