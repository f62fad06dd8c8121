"""Portions of the row groups of parquet shards, read in little memory."""

from __future__ import annotations

import itertools
import sys
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.errors import InputError
from augcli.io.readers.image_cells import copy_images
from augcli.io.readers.shards import Columns, open_shard, reading
from augcli.io.records.cell_bytes import hash_rows
from augcli.io.store.arrow_files import ANEW, plain_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.io.readers.shards import Shard
    from augcli.samples import RowGroup


class Portion(NamedTuple):
    """The wanted rows of a portion of a row group.

    Attributes:
        images: Encoded images; None where a row has no image, `RELEASED` where it is not held.
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

    def count_bytes(self) -> int:
        """Return how many bytes its images and masks take."""
        cells = itertools.chain(self.images, self.masks)
        return sum(len(data) for data in cells if data is not None and data is not RELEASED)


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
"""Stands for an image that was let go, or never held."""


BATCH_ROWS, BATCH_BYTES = 32, 1 << 20
"""Rows that are unpacked at once, and the bytes that they take by their footer: a footer counts a value once
that a dictionary repeats, or that begins as the one before. Of images of 100 KB, few at once took half the
time, too; of 60,000 of 300 bytes a tenth of a second more."""


HELD_BYTES = 384 << 20
"""Images and masks of a portion that are held, by their own lengths; those beyond are read one by one. A
portion has 256 MiB on average."""


class Portions:
    """The portions of some row groups."""

    def __init__(
        self,
        shards: Mapping[str, Shard],
        groups: Sequence[RowGroup],
        count: int,
        columns: Columns,
        carried: pa.Schema,
    ) -> None:
        """Prepare to read row groups.

        Args:
            shards: The shards by key.
            groups: The row groups.
            count: In how many portions each is read.
            columns: What the shards hold.
            carried: The columns that are carried along.
        """
        self.columns, self.carried = columns, carried
        self._shards = shards
        self._groups = sorted(groups, key=lambda group: group.first)
        self._firsts = [group.first for group in self._groups]
        self._wanted = [Wanted.of(group, count) for group in self._groups]

    def locate(self, sample: int) -> tuple[int, int, int]:
        """Return the index of a sample's row group, the number of its portion, and its row in that."""
        index = bisect_right(self._firsts, sample) - 1
        cuts, place = self._wanted[index].cuts, sample - self._firsts[index]
        number = bisect_right(cuts, place) - 1
        return index, number, place - cuts[number]

    def read_all(self, number: int) -> list[Portion]:
        """Read the portion of this number of every row group."""
        for key in {group.shard for group in self._groups}:
            self._shards[key].check_unchanged()
        room, parts = HELD_BYTES, []
        for index, (rows, cuts) in enumerate(self._wanted):
            part = self._read_rows(index, rows[cuts[number] : cuts[number + 1]], room)
            parts.append(part)
            room -= part.count_bytes()
        return parts

    def read_again(self, sample: int) -> Portion:
        """Read one sample anew."""
        index, number, row = self.locate(sample)
        self._shards[self._groups[index].shard].check_unchanged()
        rows, cuts = self._wanted[index]
        start = cuts[number] + row
        return self._read_rows(index, rows[start : start + 1], sys.maxsize)

    def _read_rows(self, index: int, wanted: NDArray[np.int64], room: int) -> Portion:
        """Read some rows of a row group, and copy them out of Arrow's memory.

        From the group's beginning each time: most writers make one page of a whole row group. One that was
        read in part would stay in memory twice, compressed and not; 2.2 GiB a worker were measured.

        Args:
            index: The row group.
            wanted: The rows, ascending.
            room: Bytes of images and masks that are held.
        """
        copied = _Copied(self.columns, self.carried, room)
        group, done, start = self._groups[index], 0, 0
        shard = self._shards[group.shard]
        with reading(shard):
            for batch in self._stream(group) if len(wanted) else ():
                stop = int(np.searchsorted(wanted, start + len(batch)))
                if done < stop:
                    rows = wanted[done:stop] - start
                    copied.add(_take_rows(batch, rows) if len(rows) < len(batch) else batch)
                done, start = stop, start + len(batch)
                if done == len(wanted):
                    break
            if done == len(wanted):
                return copied.finish()
        raise InputError(
            f"{shard.name!r} is damaged: row group {group.number} holds fewer rows than it says; {ANEW}"
        )

    def _stream(self, group: RowGroup) -> Iterator[pa.RecordBatch]:
        """Read a row group, a few rows at a time."""
        batches: Iterator[pa.RecordBatch] = open_shard(self._shards[group.shard]).iter_batches(
            batch_size=min(BATCH_ROWS, max(1, BATCH_BYTES * group.rows // max(group.bytes, 1))),
            row_groups=[group.number],
            columns=[*filter(None, (self.columns.image, self.columns.mask)), *self.carried.names],
            use_threads=False,
        )
        return batches


def _take_rows(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.RecordBatch:
    """Return some rows of a batch; Arrow cannot take rows of view columns, so these become plain."""
    plain = pa.schema([plain_field(field) for field in batch.schema])
    return batch.cast(plain).take(pa.array(rows))


class _Copied:
    """Rows copied out of Arrow's memory, images and masks each by itself, so that each can be let go."""

    def __init__(self, columns: Columns, carried: pa.Schema, room: int) -> None:
        """Begin without rows; `room` is how many bytes of images and masks are held."""
        self._columns, self._carried, self._room = columns, carried, room
        self._portion = Portion([], [], [], carried.empty_table(), [])
        self._cells: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Copy the rows of a batch; what has no room is passed over."""
        images, paths = copy_images(batch.column(self._columns.image))
        masks = copy_images(batch.column(self._columns.mask))[0] if self._columns.mask else []
        self._portion.paths.extend(paths)
        self._cells.append(batch.select(self._carried.names))
        for column, cells in ((self._portion.images, images), (self._portion.masks, masks)):
            for data in cells:
                self._room -= len(data or b"")
                column.append(RELEASED if data and self._room < 0 else data)

    def finish(self) -> Portion:
        """Return the rows."""
        if not self._cells:
            return self._portion
        # Batches of which some rows were taken are plain already.
        alike = itertools.groupby(self._cells, lambda batch: batch.schema)
        tables = [pa.Table.from_batches(list(batches)).cast(self._carried) for _, batches in alike]
        cells = pa.concat_tables(tables).combine_chunks()
        beside = [column.combine_chunks() for column in cells.columns]
        hashes = hash_rows([pa.array(self._portion.paths, pa.string()), *beside])
        return self._portion._replace(carried=cells, hashes=hashes)
