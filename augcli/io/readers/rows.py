"""The rows of parquet shards as samples, of which few portions are in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import pyarrow as pa

from augcli.errors import DecodeError
from augcli.io.readers.portions import RELEASED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.portions import Portion, Portions


class Rows:
    """The rows of some row groups, kept portion by portion: at most two portions are in memory.

    Images that were released are gone from them; an image that is wanted again is read again, with its row
    group. Threads may share it.
    """

    def __init__(self, portions: Portions) -> None:
        """Keep none of the portions yet."""
        self._portions = portions
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
            data = self._portions.read_again(sample).images[0]
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
            data = self._portions.read_again(sample).masks[0]
        if data is None:
            raise DecodeError("no mask", f"the row holds no bytes in column {self._portions.columns.mask!r}")
        return bytes(data)

    def hash_columns(self, sample: int) -> bytes:
        """Return the hash of a row's path, by which its outputs are named, and of its carried cells."""
        with self._lock:
            part, row = self._find(sample)
            return part.hashes[row]

    def release(self, sample: int) -> None:
        """Let go of a row's image and mask, which are hardly wanted again."""
        index, number, row = self._portions.locate(sample)
        with self._lock:
            if number in self._loaded:
                part = self._loaded[number][index]
                for column in filter(None, (part.images, part.masks)):
                    column[row] = RELEASED

    def carry(self, samples: Sequence[int]) -> pa.Table | None:
        """Return the carried columns of some rows, one row for each sample."""
        if not self._portions.carried.names or not samples:
            return None
        with self._lock:
            rows = [self._find(sample) for sample in samples]
        return pa.concat_tables([part.carried.slice(row, 1) for part, row in rows])

    def _find(self, sample: int) -> tuple[Portion, int]:
        """Return the portion that a sample is in, which is read if it is not in memory, and its row there."""
        index, number, row = self._portions.locate(sample)
        if number not in self._loaded:
            self._load(number)
        self._loaded.move_to_end(number)
        return self._loaded[number][index], row

    def _load(self, number: int) -> None:
        """Read a portion of every row group; the portion used last stays for tasks that still need it."""
        while len(self._loaded) > 1:
            self._loaded.popitem(last=False)
        self._loaded[number] = self._portions.read_all(number)
