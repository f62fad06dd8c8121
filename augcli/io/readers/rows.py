"""The rows of parquet shards as samples: read row group by row group, slice by slice, in little memory."""

from __future__ import annotations

import bisect
import itertools
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from augcli.errors import DecodeError, InputError
from augcli.io.readers.image_cells import copy_images
from augcli.io.readers.shards import Columns, open_shard, reading
from augcli.io.records.cell_bytes import hash_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from augcli.io.readers.shards import Shard
    from augcli.samples import RowGroup


class Slice(NamedTuple):
    """A slice of a row group.

    Attributes:
        images: Encoded images; None where a row has none.
        masks: Encoded masks, likewise; empty where there is no column of masks.
        paths: What the rows call their images.
        carried: The columns that are carried along.
        hashes: Of each row its path and the carried cells, hashed.
    """

    images: list[Any]
    masks: list[Any]
    paths: list[str | None]
    carried: pa.Table
    hashes: list[bytes]


RELEASED = object()
"""Stands for an image that was let go."""


class Rows:
    """The rows of some row groups, kept slice by slice: at most two slices are in memory.

    Images that were released are gone from them; an image that is wanted again is read again, with its row
    group. Threads may share it.
    """

    def __init__(
        self,
        shards: Mapping[str, Shard],
        groups: Sequence[RowGroup],
        slices: int,
        columns: Columns,
        carried: pa.Schema,
    ) -> None:
        """Prepare to read row groups.

        Args:
            shards: The shards by key.
            groups: The row groups.
            slices: In how many slices each is read.
            columns: What the shards hold.
            carried: The columns that are carried along.
        """
        self._shards, self._groups, self._slices = shards, groups, slices
        self._columns, self._carried = columns, carried
        self._firsts = sorted((group.first, index) for index, group in enumerate(groups))
        self._loaded: OrderedDict[int, list[Slice]] = OrderedDict()
        self._streams: dict[RowGroup, Iterator[Slice]] = {}
        self._next = 0
        self._lock = threading.Lock()

    def read(self, sample: int) -> tuple[bytes, str]:
        """Return a row's encoded image and its `path`, which is empty where it has none.

        Raises:
            DecodeError: If the row has no image; a path without bytes is never followed.
        """
        with self._lock:
            part, row = self._find(sample)
            data = part.images[row]
        if data is RELEASED:
            data = self._read_again(sample).images[row]
        if data is None:
            raise DecodeError("no image", "the row holds no image bytes")
        return data, part.paths[row] or ""

    def read_mask(self, sample: int) -> bytes:
        """Return a row's encoded mask.

        Raises:
            DecodeError: If the row has none.
        """
        with self._lock:
            part, row = self._find(sample)
            data = part.masks[row]
        if data is RELEASED:
            data = self._read_again(sample).masks[row]
        if data is None:
            raise DecodeError("no mask", f"the row holds no bytes in column {self._columns.mask!r}")
        return bytes(data)

    def hash_columns(self, sample: int) -> bytes:
        """Return the hash of a row's path, by which its outputs are named, and of its carried cells."""
        with self._lock:
            part, row = self._find(sample)
            return part.hashes[row]

    def release(self, sample: int) -> None:
        """Let go of a row's image and mask, which are hardly wanted again."""
        group, number, row = self._locate(sample)
        with self._lock:
            if number in self._loaded:
                part = self._loaded[number][group]
                for column in filter(None, (part.images, part.masks)):
                    column[row] = RELEASED

    def carry(self, samples: Sequence[int]) -> pa.Table | None:
        """Return the carried columns of some rows, one row for each sample."""
        if not self._carried.names or not samples:
            return None
        with self._lock:
            found = [self._find(sample) for sample in samples]
        return pa.concat_tables([part.carried.slice(row, 1) for part, row in found])

    def _find(self, sample: int) -> tuple[Slice, int]:
        """Return the slice that a sample is in, which is read if it is not in memory, and its row there."""
        group, number, row = self._locate(sample)
        if number not in self._loaded:
            self._load(number)
        self._loaded.move_to_end(number)
        return self._loaded[number][group], row

    def _locate(self, sample: int) -> tuple[int, int, int]:
        """Return the index of a sample's row group, the number of its slice, and its row in that slice."""
        _, index = self._firsts[bisect.bisect_right(self._firsts, (sample, len(self._groups))) - 1]
        group = self._groups[index]
        return index, *divmod(sample - group.first, -(-group.rows // self._slices))

    def _load(self, number: int) -> None:
        """Read a slice of every row group; the slice used last stays for tasks that still need it."""
        if number < self._next:  # the ring ran over its end, back to the first slice
            self._streams.clear()
            self._next = 0
        while len(self._loaded) > 1:
            self._loaded.popitem(last=False)
        for key in {group.shard for group in self._groups}:
            self._shards[key].check_unchanged()
        while self._next <= number:
            slices = [self._read_next(group) for group in self._groups]
            self._next += 1
        self._loaded[number] = slices

    def _read_next(self, group: RowGroup) -> Slice:
        shard, rows = self._shards[group.shard], len(group.slice_rows(self._next, self._slices))
        with reading(shard):
            # A stream holds on to the last batch that it gave, so one that has given all is not kept.
            stream = self._streams.pop(group, None) or self._stream(group)
            if self._next + 1 < self._slices:
                self._streams[group] = stream
            part = next(stream, Slice([], [], [], self._carried.empty_table(), []))
        if len(part.images) != rows:
            raise InputError(
                f"{shard.name!r} is damaged: row group {group.number} holds fewer rows than it says"
            )
        return part

    def _read_again(self, sample: int) -> Slice:
        """Read the slice that a sample is in anew."""
        index, number, _ = self._locate(sample)
        group = self._groups[index]
        shard = self._shards[group.shard]
        shard.check_unchanged()
        with reading(shard):
            return next(itertools.islice(self._stream(group), number, None))

    def _stream(self, group: RowGroup) -> Iterator[Slice]:
        """Read a row group slice by slice."""
        batches = open_shard(self._shards[group.shard]).iter_batches(
            batch_size=-(-group.rows // self._slices),
            row_groups=[group.number],
            columns=[*filter(None, (self._columns.image, self._columns.mask)), *self._carried.names],
            use_threads=False,
        )
        # No loop of ours, which would hold on to its batch, and no method, which would make a cycle.
        return map(partial(_copy_slice, self._columns, self._carried), batches)


def _copy_slice(columns: Columns, carried: pa.Schema, batch: pa.RecordBatch) -> Slice:
    """Copy images and masks out of Arrow's memory, so that each can be let go by itself."""
    images, paths = copy_images(batch.column(columns.image))
    masks = copy_images(batch.column(columns.mask))[0] if columns.mask else []
    cells = pa.Table.from_batches([batch.select(carried.names)]).cast(carried)
    columns_beside = [pa.array(paths, pa.string()), *(column.combine_chunks() for column in cells.columns)]
    return Slice(images, masks, paths, cells, hash_rows(columns_beside))
