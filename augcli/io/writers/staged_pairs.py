"""Encoded images and masks that wait on a disk until their chunk is committed, to become columns of shards.

In memory they would take as much as a whole chunk for each worker: nearly a gigabyte with row groups of a
thousand images; and between processes they would travel through a pipe. To write and read them once more was
measured to take a hundredth of the time in which they are made.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.io.store.base import full_name
from augcli.io.store.errors import storage_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store
    from augcli.io.writers.base import Pair


class StagedCell(NamedTuple):
    """Where an encoded image or mask lies: the key of a staged file, its first byte there and its length."""

    key: str
    start: int
    length: int


class StagedPair(NamedTuple):
    """Where an output's encoded image and mask lie."""

    image: StagedCell
    mask: StagedCell

    @property
    def length(self) -> int:
        """Bytes of both."""
        return self.image.length + self.mask.length


def stage_pairs(store: Store, key: str, pairs: Sequence[Pair]) -> list[StagedPair]:
    """Stage images and masks, one behind the other, in one file; return where each lies."""
    cells, scratch = [data for pair in pairs for data in pair], store.scratch
    key = scratch.prefix + key
    stops = list(itertools.accumulate(map(len, cells)))
    places = [StagedCell(key, stop - len(data), len(data)) for stop, data in zip(stops, cells, strict=True)]
    scratch.store.stage([key], [b"".join(cells)])
    return [StagedPair(*pair) for pair in zip(places[::2], places[1::2], strict=True)]


def read_cells(store: Store, cells: Sequence[StagedCell]) -> pa.Array:
    """Read staged images or masks as an array of bytes, in the order in which they are given."""
    stops = np.cumsum([0, *(cell.length for cell in cells)], dtype=np.int32)
    data, scratch = np.empty(stops[-1], np.uint8), store.scratch.store
    ordered = sorted(zip(cells, stops.tolist(), strict=False))
    for key, group in itertools.groupby(ordered, key=lambda pair: pair[0].key):
        name = full_name(scratch, scratch.staged(key))
        with storage_errors(f"cannot read {name!r}"), scratch.open(scratch.staged(key)) as file:
            for cell, start in group:
                file.seek(cell.start)
                data[start : start + cell.length] = np.frombuffer(file.read(cell.length), np.uint8)
    return pa.Array.from_buffers(pa.binary(), len(cells), [None, pa.py_buffer(stops), pa.py_buffer(data)])


def cut_pairs(pairs: Sequence[StagedPair], limit: int) -> list[tuple[int, int]]:
    """Return ranges (start, stop) of pairs of at most `limit` bytes, one pair at least."""
    cuts, start, total = [], 0, 0
    for number, pair in enumerate(pairs):
        if total + pair.length > limit and number > start:
            cuts.append((start, number))
            start, total = number, 0
        total += pair.length
    return [*cuts, (start, len(pairs))] if pairs else []


def drop_pairs(store: Store, pairs: Sequence[StagedPair]) -> None:
    """Remove the staged files of pairs that are written elsewhere."""
    scratch = store.scratch.store
    scratch.delete([scratch.staged(key) for key in dict.fromkeys(pair.image.key for pair in pairs)])
