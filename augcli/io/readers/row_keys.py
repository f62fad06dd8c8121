"""The keys of the rows of shards: `shard#row`, made where they are asked for."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator


class RowKeys(Sequence[str]):
    """The keys of all rows of some shards, in order.

    As a list of texts they would take 100 MB a million rows, half of all that is known of them.
    """

    def __init__(self, shards: Sequence[str], rows: Sequence[int]) -> None:
        """Name the shards by key, and say how many rows each has."""
        self._shards, self._rows = tuple(shards), tuple(rows)
        self._firsts = list(itertools.accumulate(self._rows, initial=0))

    def __len__(self) -> int:
        return self._firsts[-1]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        shard = bisect_right(self._firsts, row) - 1
        return f"{self._shards[shard]}#{row - self._firsts[shard]}"

    def __iter__(self) -> Iterator[str]:
        for shard, rows in zip(self._shards, self._rows, strict=True):
            yield from (f"{shard}#{row}" for row in range(rows))
