"""The images at hand while a ring is walked: read and decoded once, and let go when nobody needs them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import DecodeError
from augcli.io import codec

if TYPE_CHECKING:
    from augcli.datatypes import Pixels
    from augcli.io.source import Samples
    from augcli.pipeline.chunks import Stretch

HELD_BYTES = 256 << 20
"""Decoded pixels that one worker holds at most; beyond that images are decoded again."""


READ_AHEAD, READ_AHEAD_BYTES = 16, 4 << 20
"""Files that are read at once, and bytes after which no more are."""


class Stopwatch:
    """Seconds spent in each stage of a run: `with watch("decode"): ...`, one stage at a time."""

    __slots__ = ("_stage", "_start", "seconds")

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str) -> Stopwatch:
        """Name the stage of the block to come."""
        self._stage = stage
        return self

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._start
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + spent


@dataclass(slots=True)
class Item:
    """A sample at hand: its file, what the file says of itself, its pixels once decoded, or its failure.

    A failure is (stage, error); it is a property of the data, so every later look would find it too.
    """

    data: bytes = b""
    name: str = ""
    header: codec.Header | None = None
    pixels: Pixels | None = None
    buffer: Pixels | None = None
    decodes: bool = False
    failure: tuple[str, DecodeError] | None = None


class Neighbours:
    """The samples near a position of a ring, by position; positions beyond the end run on from the start."""

    def __init__(
        self,
        run: Stretch,
        samples: Samples,
        geometry: codec.Geometry | None,
        max_pixels: int,
        watch: Stopwatch,
    ) -> None:
        self._ring, self._members = run.ring, run.ring.members
        self._count, self._stop = len(run.ring), run.stop + 1
        self._samples, self._geometry = samples, geometry
        self._max_pixels, self._watch = max_pixels, watch
        self._items: dict[int, Item] = {}
        self._spare: list[Pixels] = []
        self.failed_partners: set[int] = set()
        """Samples that were looked at as partners and do not decode."""
        self.farthest = 0
        """The farthest position that was looked at as a partner."""

    def sample(self, position: int) -> int:
        """Give the catalogue index of the sample at a position."""
        return int(self._members[position % self._count])

    def open(self, position: int) -> Item:
        """Give a sample's file and header; what is not at hand is read, with those that come next.

        Several files in a row: between the codec's work, whose data fill the caches, each would take
        several times as long.
        """
        item = self._items.get(position % self._count)
        if item is not None:
            return item
        item, read = self._read(position), 0
        for ahead in range(position + 1, min(position + READ_AHEAD, self._stop)):
            if ahead % self._count not in self._items and read < READ_AHEAD_BYTES:
                read += len(self._read(ahead).data)
        return item

    def _read(self, position: int) -> Item:
        item = self._items[position % self._count] = Item()
        with self._watch("read"):
            try:
                item.data, item.name = self._samples.read(self.sample(position))
                item.header = codec.read_header(item.data, self._max_pixels)
            except DecodeError as error:
                item.failure = ("read", error)
        return item

    def decode(self, position: int) -> Pixels:
        """Give a sample's upright pixels.

        Raises:
            DecodeError: If it has none.
        """
        item = self.open(position)
        if item.failure is None and item.pixels is None:
            assert item.header is not None
            try:
                with self._watch("decode"):
                    item.buffer = self._take_buffer(3 * item.header.height * item.header.width)
                    item.pixels = codec.decode(item.data, item.header, self._geometry, item.buffer)
                item.decodes = True
            except DecodeError as error:
                item.failure = ("decode", error)
            if item.pixels is None or not np.may_share_memory(item.pixels, item.buffer):
                self._reuse(item)
        if item.failure:
            raise item.failure[1]
        assert item.pixels is not None
        return item.pixels

    def find_partner(self, position: int, copy: int, slot: int, slots: int) -> int | None:
        """Find the partner of a copy's slot, along the ring among those that decode; None where none does."""
        if not len(self._ring.steps):
            return None
        place, decodable = self._ring.place_partner(copy, slot, slots), []
        for step in self._ring.steps:
            at = position + int(step)
            self.farthest = max(self.farthest, at)
            if self._decodes(at):
                decodable.append(at)
                if len(decodable) > place:
                    return at
        return decodable[place % len(decodable)] if decodable else None

    def release(self, position: int) -> None:
        """Let go of a position that is done, and of what is too much to hold."""
        item = self._items.pop(position % self._count, None)
        if item is not None:
            self._reuse(item)
        self._shrink()

    def _shrink(self) -> None:
        """Let go of the pixels of the farthest images where all take too much; they decode again."""
        decoded = [item for item in self._items.values() if item.pixels is not None]
        held = sum(item.pixels.nbytes for item in decoded if item.pixels is not None)
        while held > HELD_BYTES and len(decoded) > 1:
            item = decoded.pop()
            assert item.pixels is not None
            held -= item.pixels.nbytes
            item.pixels = item.buffer = None

    def _reuse(self, item: Item) -> None:
        if item.buffer is not None:
            self._spare.append(item.buffer)
            item.buffer = None

    def _take_buffer(self, size: int) -> Pixels:
        """Give memory for an image: the one released last where it is large enough, else new."""
        if self._spare and self._spare[-1].size >= size:
            return self._spare.pop()
        self._spare.clear()
        return np.empty(size + size // 8, np.uint8)

    def _decodes(self, position: int) -> bool:
        item = self.open(position)
        if not item.decodes:
            try:
                self.decode(position)
            except DecodeError:
                self.failed_partners.add(self.sample(position))
                return False
            self._shrink()
        return True
