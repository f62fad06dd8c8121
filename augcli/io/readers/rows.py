"""The rows of parquet shards as samples: row group by row group, in portions, in little memory."""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.errors import DecodeError, InputError
from augcli.io.readers.image_cells import copy_images
from augcli.io.readers.shards import Columns, open_shard, reading
from augcli.io.records.cell_bytes import hash_rows
from augcli.io.store.arrow_files import plain_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.io.readers.shards import Shard
    from augcli.samples import RowGroup


class Portion(NamedTuple):
    """The wanted rows of a portion of a row group.

    Attributes:
        images: Encoded images; None where a row has no image.
        masks: Encoded masks, None where a row has no mask; empty where there is no column of masks.
        paths: What the rows call their images.
        carried: The columns that are carried along.
        hashes: Of each row its path and the carried cells, hashed.
    """

    images: list[Any]
    masks: list[Any]
    paths: list[str | None]
    carried: pa.Table
    hashes: list[bytes]


class Wanted(NamedTuple):
    """Which rows of a row group are samples.

    Attributes:
        rows: These rows, ascending.
        cuts: Where the rows of each portion begin among them, and at last their number.
    """

    rows: NDArray[np.int64]
    cuts: list[int]

    @classmethod
    def of(cls, group: RowGroup, portions: int) -> Wanted:
        """Return the rows of a group that are samples."""
        rows = np.arange(group.rows) if group.wanted is None else np.array(group.wanted, np.int64)
        starts = [group.portion_rows(number, portions).start - group.first for number in range(portions)]
        return cls(rows, [*np.searchsorted(rows, starts).tolist(), len(rows)])


RELEASED = object()
"""Stands for an image that was let go."""


class Rows:
    """The rows of some row groups, kept portion by portion: at most two portions are in memory.

    Images that were released are gone from them; an image that is wanted again is read again, with its row
    group. Threads may share it.
    """

    def __init__(
        self,
        shards: Mapping[str, Shard],
        groups: Sequence[RowGroup],
        portions: int,
        columns: Columns,
        carried: pa.Schema,
    ) -> None:
        """Prepare to read row groups.

        Args:
            shards: The shards by key.
            groups: The row groups.
            portions: In how many portions each is read.
            columns: What the shards hold.
            carried: The columns that are carried along.
        """
        self._shards, self._portions = shards, portions
        self._groups = sorted(groups, key=lambda group: group.first)
        self._columns, self._carried = columns, carried
        self._firsts = [group.first for group in self._groups]
        self._wanted = [Wanted.of(group, portions) for group in self._groups]
        self._loaded: OrderedDict[int, list[Portion]] = OrderedDict()
        self._lock = threading.Lock()

    def read_ahead(self, samples: Sequence[int]) -> int:
        """Do nothing: rows are read together."""
        return len(samples)

    def read(self, sample: int) -> tuple[bytes, str]:
        """Return a row's encoded image and its `path`, which may be empty.

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
            DecodeError: If the row has no mask.
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
        index, number, row = self._locate(sample)
        with self._lock:
            if number in self._loaded:
                part = self._loaded[number][index]
                for column in filter(None, (part.images, part.masks)):
                    column[row] = RELEASED

    def carry(self, samples: Sequence[int]) -> pa.Table | None:
        """Return the carried columns of some rows, one row for each sample."""
        if not self._carried.names or not samples:
            return None
        with self._lock:
            rows = [self._find(sample) for sample in samples]
        return pa.concat_tables([part.carried.slice(row, 1) for part, row in rows])

    def _find(self, sample: int) -> tuple[Portion, int]:
        """Return the portion that a sample is in, which is read if it is not in memory, and its row there."""
        index, number, row = self._locate(sample)
        if number not in self._loaded:
            self._load(number)
        self._loaded.move_to_end(number)
        return self._loaded[number][index], row

    def _locate(self, sample: int) -> tuple[int, int, int]:
        """Return the index of a sample's row group, the number of its portion, and its row in that."""
        index = bisect_right(self._firsts, sample) - 1
        cuts, place = self._wanted[index].cuts, sample - self._firsts[index]
        number = bisect_right(cuts, place) - 1
        return index, number, place - cuts[number]

    def _load(self, number: int) -> None:
        """Read a portion of every row group; the portion used last stays for tasks that still need it."""
        while len(self._loaded) > 1:
            self._loaded.popitem(last=False)
        for key in {group.shard for group in self._groups}:
            self._shards[key].check_unchanged()
        self._loaded[number] = [self._read_portion(index, number) for index in range(len(self._groups))]

    def _read_again(self, sample: int) -> Portion:
        """Read the portion that a sample is in anew."""
        index, number, _ = self._locate(sample)
        self._shards[self._groups[index].shard].check_unchanged()
        return self._read_portion(index, number)

    def _read_portion(self, index: int, number: int) -> Portion:
        """Read a portion of a row group, and copy its wanted rows out of Arrow's memory.

        From the group's beginning each time: most writers make one page of a whole row group. One that was
        read in part would stay in memory twice, compressed and not; 2.2 GiB a worker were measured.
        """
        group, (rows, cuts) = self._groups[index], self._wanted[index]
        span = group.portion_rows(number, self._portions)
        shard, wanted = self._shards[group.shard], rows[cuts[number] : cuts[number + 1]]
        if not len(wanted):
            return Portion([], [], [], self._carried.empty_table(), [])
        with reading(shard):
            batch = next(itertools.islice(self._stream(group), number, None), None)
            if batch is not None and len(batch) == len(span):
                if len(wanted) < len(span):
                    batch = _take_rows(batch, wanted - (span.start - group.first))
                return _copy_portion(self._columns, self._carried, batch)
        raise InputError(f"{shard.name!r} is damaged: row group {group.number} holds fewer rows than it says")

    def _stream(self, group: RowGroup) -> Iterator[pa.RecordBatch]:
        """Read a row group portion by portion."""
        batches: Iterator[pa.RecordBatch] = open_shard(self._shards[group.shard]).iter_batches(
            batch_size=-(-group.rows // self._portions),
            row_groups=[group.number],
            columns=[*filter(None, (self._columns.image, self._columns.mask)), *self._carried.names],
            use_threads=False,
        )
        return batches


def _take_rows(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.RecordBatch:
    """Return some rows of a batch; Arrow cannot take rows of view columns, so these become plain."""
    plain = pa.schema([plain_field(field) for field in batch.schema])
    return batch.cast(plain).take(pa.array(rows))


def _copy_portion(columns: Columns, carried: pa.Schema, batch: pa.RecordBatch) -> Portion:
    """Copy images and masks out of Arrow's memory, so that each can be let go by itself."""
    images, paths = copy_images(batch.column(columns.image))
    masks = copy_images(batch.column(columns.mask))[0] if columns.mask else []
    cells = pa.Table.from_batches([batch.select(carried.names)]).cast(carried)
    columns_beside = [pa.array(paths, pa.string()), *(column.combine_chunks() for column in cells.columns)]
    return Portion(images, masks, paths, cells, hash_rows(columns_beside))
