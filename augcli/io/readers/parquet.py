"""Parquet shards: their rows as samples, read row group by row group in little memory."""

from __future__ import annotations

import bisect
import glob
import itertools
import os
import threading
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import DecodeError, InputError, StorageError
from augcli.io.hugging_face import read_class_names
from augcli.io.store.arrow_files import DAMAGE, first_line, open_file, readable
from augcli.io.store.errors import storage_errors
from augcli.io.store.listing import File
from augcli.samples import RowGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

IMAGE_COLUMNS = ("image", "img", "jpg", "png", "image_bytes")
LABEL_COLUMNS = ("soft_label", "label")
MASK_COLUMN = "mask"
READ_BUFFER = 1 << 20


class Shard(NamedTuple):
    """A parquet file: its name below the root, its path, bytes, and modification time in nanoseconds."""

    name: str
    path: str
    size: int
    version: int


class Columns(NamedTuple):
    """What the shards hold: image, label and mask columns, class names of a ClassLabel, and the rest."""

    image: str
    label: str | None
    mask: str | None
    names: tuple[str, ...] | None
    others: tuple[str, ...]


def name_shards(root: Path, files: Iterable[File]) -> list[Shard]:
    """Name the shards below a directory by their path below it."""
    return [Shard(file.key, str(root / file.key), file.size, file.version) for file in files]


def find_shards(src: str) -> list[Shard]:
    """Find the shards that a path or a glob names; each is named below the deepest common directory.

    Raises:
        InputError: If there are none.
    """
    paths = [Path(src)] if Path(src).is_file() else sorted(map(Path, glob.glob(src, recursive=True)))  # noqa: PTH207
    if not paths:
        raise InputError(f"no parquet files match {src!r}")
    root = Path(os.path.commonpath([path.parent for path in paths]))
    files = []
    for path in paths:
        with storage_errors(f"cannot read {str(path)!r}"):
            status = path.stat()
        files.append(File(path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns))
    return name_shards(root, files)


def open_shard(shard: Shard) -> pq.ParquetFile:
    """Open a shard with small buffers: by default pyarrow reads whole row groups ahead.

    Raises:
        InputError: If it is no parquet file, or one whose footer cannot be true.
    """
    try:
        file = pq.ParquetFile(open_file(shard.path), pre_buffer=False, buffer_size=READ_BUFFER)
    except DAMAGE as error:
        raise InputError(f"{shard.path!r} is no readable parquet file: {first_line(error)}") from error
    metadata = file.metadata
    rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    # A row takes a byte at least, where it holds an image: what promises more would fill the memory.
    if sum(rows) != metadata.num_rows or min(rows, default=0) < 0 or metadata.num_rows > shard.size:
        raise InputError(f"{shard.path!r} is damaged: its footer promises rows that it cannot hold")
    return file


def unite_schemas(shards: Sequence[Shard]) -> pa.Schema:
    """Give the columns of all shards; a column may be empty (type null) in some and narrower in others.

    Raises:
        InputError: If the shards have different columns, or types that do not go together.
    """
    schemas = [open_shard(shard).schema_arrow for shard in shards]
    for shard, schema in zip(shards, schemas, strict=True):
        if schema.names != schemas[0].names:
            other = shards[0].path
            raise InputError(f"{shard.path!r} has other columns than {other!r}; give shards of one data set")
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").with_metadata(schemas[0].metadata)
    except pa.ArrowException as error:
        raise InputError(
            f"the shards' columns do not go together: {first_line(error)}; give shards of one data set"
        ) from error


def check_unchanged(shard: Shard) -> None:
    """Refuse a shard that is no longer the one that was listed.

    Raises:
        StorageError: A fault of the moment, so nothing about it may be recorded.
    """
    with storage_errors(f"cannot read {shard.path!r}"):
        status = Path(shard.path).stat()
    if (status.st_size, status.st_mtime_ns) != (shard.size, shard.version):
        raise StorageError(f"{shard.path!r} changed since it was listed; run again")


def find_columns(
    schema: pa.Schema, image_col: str | None, label_col: str | None, mask_col: str | None, shard: str
) -> Columns:
    """Find the image, the label and the mask column.

    Raises:
        InputError: If there is no image column, or a named column is missing or of another type.
    """
    names = schema.names
    image = image_col or next((name for name in IMAGE_COLUMNS if name in names), None)
    if image is None or image not in names:
        wanted = repr(image_col) if image_col else " or ".join(IMAGE_COLUMNS)
        raise InputError(
            f"{shard!r} has no image column {wanted}; it has {', '.join(names)}; give --image-col"
        )
    if not _holds_images(schema, image):
        kind = schema.field(image).type
        raise InputError(f"{shard!r}: column {image!r} is {kind}, not encoded images; give --image-col")
    label = label_col or next((name for name in LABEL_COLUMNS if name in names), None)
    if label is not None and label not in names:
        raise InputError(
            f"{shard!r} has no label column {label!r}; it has {', '.join(names)}; give --label-col"
        )
    mask = mask_col or next((name for name in names if name == MASK_COLUMN != image), None)
    if mask_col and (mask_col not in names or mask_col == image or not _holds_images(schema, mask_col)):
        raise InputError(
            f"{shard!r} has no column {mask_col!r} of encoded masks; it has {', '.join(names)};"
            " give --masks COLUMN"
        )
    if mask and not _holds_images(schema, mask):  # a column of another kind that is only called so
        mask = None
    others = tuple(name for name in names if name not in (image, label, mask))
    return Columns(image, label, mask, read_class_names(schema, label), others)


class Slice(NamedTuple):
    """A slice of a row group: images and masks, None where a row has none; paths; the carried columns."""

    images: list[Any]
    masks: list[Any]
    paths: list[str | None]
    carried: pa.Table


RELEASED = object()
"""Stands for an image that was let go."""


class Rows:
    """The rows of some row groups, held slice by slice: at most two slices are in memory.

    Images that were released are gone from them; one that is wanted again is read again, with its row
    group. Threads may share it.
    """

    def __init__(
        self,
        shards: dict[str, Shard],
        groups: Sequence[RowGroup],
        slices: int,
        columns: Columns,
        extra: pa.Schema,
    ) -> None:
        """Prepare to read `groups` in `slices` slices; `extra` are the columns that are carried along."""
        self._shards, self._groups, self._slices = shards, groups, slices
        self._columns, self._extra = columns, extra
        self._firsts = sorted((group.first, place) for place, group in enumerate(groups))
        self._held: OrderedDict[int, list[Slice]] = OrderedDict()
        self._streams: dict[RowGroup, Iterator[Slice]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def read(self, sample: int) -> tuple[bytes, str]:
        """Give a row's encoded image and its `path` (empty where it has none).

        Raises:
            DecodeError: If the row has no image; a path without bytes is never followed.
        """
        with self._lock:
            held, row = self._find(sample)
            data = held.images[row]
        if data is RELEASED:
            data = self._read_again(sample).images[row]
        if data is None:
            raise DecodeError("no image", "the row holds no image bytes")
        return data, held.paths[row] or ""

    def read_mask(self, sample: int) -> bytes:
        """Give a row's encoded mask.

        Raises:
            DecodeError: If the row has none.
        """
        with self._lock:
            held, row = self._find(sample)
            data = held.masks[row]
        if data is RELEASED:
            data = self._read_again(sample).masks[row]
        if data is None:
            raise DecodeError("no mask", f"the row holds no bytes in column {self._columns.mask!r}")
        return bytes(data)

    def release(self, sample: int) -> None:
        """Let go of a row's image and mask, which are hardly wanted again."""
        place, number, row = self._place(sample)
        with self._lock:
            if number in self._held:
                held = self._held[number][place]
                for column in filter(None, (held.images, held.masks)):
                    column[row] = RELEASED

    def carry(self, samples: Sequence[int]) -> pa.Table | None:
        """Give the carried columns of some rows, one row for each sample."""
        if not self._extra.names or not samples:
            return None
        with self._lock:
            found = [self._find(sample) for sample in samples]
        return pa.concat_tables([held.carried.slice(row, 1) for held, row in found])

    def _find(self, sample: int) -> tuple[Slice, int]:
        place, number, row = self._place(sample)
        if number not in self._held:
            self._load(number)
        self._held.move_to_end(number)
        return self._held[number][place], row

    def _place(self, sample: int) -> tuple[int, int, int]:
        """Give the place of a sample's row group among all, its slice, and its row in that."""
        _, place = self._firsts[bisect.bisect_right(self._firsts, (sample, len(self._groups))) - 1]
        group = self._groups[place]
        return place, *divmod(sample - group.first, -(-group.rows // self._slices))

    def _load(self, number: int) -> None:
        """Read a slice of every row group; the one used last stays, for runs that are still there."""
        if number < self._next:  # the ring ran over its end, back to the first slice
            self._streams.clear()
            self._next = 0
        while len(self._held) > 1:
            self._held.popitem(last=False)
        for name in {group.shard for group in self._groups}:
            check_unchanged(self._shards[name])
        while self._next <= number:
            slices = [self._read_next(group) for group in self._groups]
            self._next += 1
        self._held[number] = slices

    def _read_next(self, group: RowGroup) -> Slice:
        path, rows = self._shards[group.shard].path, len(group.slice_rows(self._next, self._slices))
        with storage_errors(f"cannot read {path!r}"), readable(path):
            # A stream holds on to the last batch that it gave, so one that has given all is not kept.
            stream = self._streams.pop(group, None) or self._stream(group)
            if self._next + 1 < self._slices:
                self._streams[group] = stream
            held = next(stream, Slice([], [], [], self._extra.empty_table()))
        if len(held.images) != rows:
            raise InputError(f"{path!r} is damaged: row group {group.number} holds fewer rows than it says")
        return held

    def _read_again(self, sample: int) -> Slice:
        place, number, _ = self._place(sample)
        group = self._groups[place]
        check_unchanged(self._shards[group.shard])
        path = self._shards[group.shard].path
        with storage_errors(f"cannot read {path!r}"), readable(path):
            return next(itertools.islice(self._stream(group), number, None))

    def _stream(self, group: RowGroup) -> Iterator[Slice]:
        """Read a row group slice by slice."""
        batches = open_shard(self._shards[group.shard]).iter_batches(
            batch_size=-(-group.rows // self._slices),
            row_groups=[group.number],
            columns=[*filter(None, (self._columns.image, self._columns.mask)), *self._extra.names],
            use_threads=False,
        )
        # No loop of ours, which would hold on to its batch, and no method, which would make a cycle.
        return map(partial(_copy_slice, self._columns, self._extra), batches)


def _copy_slice(columns: Columns, extra: pa.Schema, batch: pa.RecordBatch) -> Slice:
    """Copy images and masks out of Arrow's memory, so that each can be let go by itself."""
    images, paths = _copy_images(batch.column(columns.image))
    masks = _copy_images(batch.column(columns.mask))[0] if columns.mask else []
    carried = pa.Table.from_batches([batch.select(extra.names)])
    return Slice(images, masks, paths, carried.cast(extra))


def _copy_images(images: pa.Array) -> tuple[list[Any], list[str | None]]:
    """Give the encoded images of a column, None where there is none, and their paths."""
    paths: list[str | None] = [None] * len(images)
    if pa.types.is_struct(images.type):
        fields = dict(zip((field.name for field in images.type), images.flatten(), strict=True))
        images = fields["bytes"]
        if "path" in fields and pa.types.is_string(fields["path"].type):
            paths = fields["path"].to_pylist()
    return images.to_pylist(), paths


def list_groups(shards: Sequence[Shard]) -> list[RowGroup]:
    """List the row groups of all shards, with the bytes of their columns; empty ones are left out."""
    groups: list[RowGroup] = []
    first = 0
    for shard in shards:
        metadata = open_shard(shard).metadata
        for number in range(metadata.num_row_groups):
            # Not the sum over image columns: pyarrow ends the process where a column's statistics are odd.
            group = metadata.row_group(number)
            if group.num_rows:
                groups.append(RowGroup(shard.name, number, first, group.num_rows, group.total_byte_size))
            first += group.num_rows
    return groups


def read_column(shards: Sequence[Shard], name: str) -> pa.ChunkedArray:
    """Read one small column of all shards.

    Raises:
        InputError: If a shard is damaged.
        StorageError: If the machine fails.
    """
    pieces = []
    kind = unite_schemas(shards).field(name).type
    for shard in shards:
        file = open_shard(shard)
        with storage_errors(f"cannot read {shard.path!r}"), readable(shard.path):
            column = file.read([name], use_threads=False).column(name)
            column.validate(full=True)  # texts, too
            pieces.append(column.cast(kind))
        if len(pieces[-1]) != file.metadata.num_rows:
            raise InputError(f"{shard.path!r} is damaged: column {name!r} holds fewer rows than it says")
    return pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], kind)


def find_first(shards: Sequence[Shard], name: str) -> bytes | None:
    """Give the first encoded image of a column; None where the first rows hold none.

    Raises:
        InputError: If a shard is damaged.
        StorageError: If the machine fails.
    """
    for shard in shards:
        with storage_errors(f"cannot read {shard.path!r}"), readable(shard.path):
            for batch in open_shard(shard).iter_batches(batch_size=16, columns=[name], use_threads=False):
                held, _ = _copy_images(batch.column(name))
                return next((bytes(data) for data in held if data is not None), None)
    return None


def read_paths(shards: Sequence[Shard], image: str) -> list[str]:
    """Read the path of every image, "" where it has none.

    Raises:
        InputError: If the image column holds no paths, or a shard is damaged.
    """
    kind = unite_schemas(shards).field(image).type
    if not pa.types.is_struct(kind) or kind.get_field_index("path") < 0:
        raise InputError(
            f"--boxes finds images by name, but column {image!r} of {shards[0].path!r} holds none;"
            " give shards whose images are structs of bytes and path"
        )
    paths: list[str] = []
    for shard in shards:
        file = open_shard(shard)
        with storage_errors(f"cannot read {shard.path!r}"), readable(shard.path):
            column = file.read([f"{image}.path"], use_threads=False).column(image)
            held = column.combine_chunks().field("path").to_pylist()
        paths += [path if isinstance(path, str) else "" for path in held]
        if len(held) != file.metadata.num_rows:
            raise InputError(f"{shard.path!r} is damaged: its images are fewer than it says")
    return paths


def _holds_images(schema: pa.Schema, name: str) -> bool:
    """Whether a column holds encoded images: bytes, or structs with bytes."""
    kind = schema.field(name).type
    at = kind.get_field_index("bytes") if pa.types.is_struct(kind) else -1
    return _is_bytes(kind.field(at).type if at >= 0 else kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
