"""The images at hand while a ring is walked: read and decoded once, and let go when nobody needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.geometry import Geometry
from augcli.pipeline.worker.values import Item, Stopwatch
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from augcli.io.readers.base import Samples
    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.worker.annotations import Annotator
    from augcli.samples import Pixels


HELD_BYTES = 256 << 20
"""Decoded pixels that one worker holds at most; beyond that images are decoded again."""


READ_AHEAD, READ_AHEAD_BYTES = 64, 4 << 20
"""Files that are read at once, and bytes after which no more are."""


class Neighbours:
    """The samples near a position of a ring, by position; positions beyond the end run on from the start."""

    def __init__(
        self,
        run: Arc,
        samples: Samples,
        geometry: Geometry | None,
        max_pixels: int,
        reach: int,
        watch: Stopwatch,
        annotator: Annotator | None = None,
    ) -> None:
        """Prepare to walk a run; partners are up to `reach` steps ahead, where images decode."""
        self._annotator = annotator
        self._ring, self._members = run.ring, run.ring.members
        self._count, self._stop = len(run.ring), run.stop
        steps = run.ring.shifts[:reach]
        self._shared = run.start + (int(steps[-1]) if len(steps) else 0)
        self._samples, self._geometry = samples, geometry
        self._max_pixels, self._watch = max_pixels, watch
        self._items: dict[int, Item] = {}
        self._spare: list[Pixels] = []
        self._held_bytes = 0
        self.failed_partners: set[int] = set()
        """Samples that were looked at as partners and do not decode."""
        self.farthest = 0
        """The farthest position that was looked at as a partner."""
        self.reuses = True
        """Whether the memory of an image that is done is used for the next one."""
        self.surprises = 0
        """How many images did not keep what their header promised: they failed, or had another shape."""

    def sample(self, position: int) -> int:
        """Give the catalogue index of the sample at a position."""
        return int(self._members[position % self._count])

    def read_ahead(self, position: int) -> int:
        """Read the files and headers of a position and of those behind it; gives where reading stopped.

        Many files in a row: between the codec's work, whose data fill the caches, each would take several
        times as long.
        """
        read, stop = len(self.open(position).data), position + 1
        while stop < min(position + READ_AHEAD, self._stop) and read < READ_AHEAD_BYTES:
            read += len(self.open(stop).data)
            stop += 1
        return stop

    def open(self, position: int) -> Item:
        """Give a sample's file and header, read where they are not at hand."""
        position %= self._count
        item = self._items.get(position)
        if item is None:
            item = self._items[position] = Item()
            try:
                item.data, item.name = self._samples.read(int(self._members[position]))
                header = codec.read_header(item.data, self._max_pixels)
                if self._annotator:
                    item.attached = self._annotator.attach(int(self._members[position]), header)
                item.header, item.shape = header, codec.decoded_shape(header, self._geometry)
            except DecodeError as error:
                item.failure = ("read", error)
        return item

    def decode(self, position: int) -> Pixels:
        """Give a sample's upright pixels.

        Raises:
            DecodeError: If it has none.
        """
        item = self.open(position)
        if item.pixels is None:
            if item.failure is None:
                self._decode(item)
            if item.failure is not None:
                raise item.failure[1]
        assert item.pixels is not None
        return item.pixels

    def _decode(self, item: Item) -> None:
        assert item.header is not None
        item.buffer = self._take_buffer(3 * item.header.height * item.header.width)
        try:
            pixels = codec.decode(item.data, item.header, self._geometry, item.buffer)
            if self._annotator and item.attached:
                self._annotator.decode(item.attached)
            item.pixels, item.decodes = pixels, True
        except DecodeError as error:
            item.failure = ("decode", error)
            self.surprises += 1
        else:
            self._held_bytes += item.held_bytes
            shape = Shape.of(item.pixels)
            if shape != item.shape:
                item.shape = shape
                self.surprises += 1
        if item.pixels is None or not np.may_share_memory(item.pixels, item.buffer):
            self._spare.append(item.buffer)
            item.buffer = None
        self._watch.lap("decode")

    def expect_partner(self, position: int, place: int) -> int | None:
        """Give what `find_partner` will, as far as is known before images are decoded."""
        return self._walk(position, place, lambda at: self.open(at).failure is None)

    def find_partner(self, position: int, place: int) -> int | None:
        """Find the partner of a position, along the ring among those that decode; None where none does.

        Args:
            position: Whose partner.
            place: Which of the possible partners, counted from the nearest; beyond the last, again from
                the first.
        """
        return self._walk(position, place, self._decodes)

    def _walk(self, position: int, place: int, is_good: Callable[[int], bool]) -> int | None:
        good = []
        for step in self._ring.shifts:
            at = position + int(step)
            if is_good(at):
                good.append(at)
                if len(good) > place:
                    return at
        return good[place % len(good)] if good else None

    def release(self, position: int) -> None:
        """Let go of a position that is done; only the first ones may be wanted by another run."""
        if position >= self._shared:
            self._samples.release(self.sample(position))
        item = self._items.pop(position % self._count, None)
        if item is not None and item.pixels is not None:
            self._held_bytes -= item.held_bytes
            if item.buffer is not None and self.reuses:
                self._spare.append(item.buffer)

    def _shrink(self) -> None:
        """Let go of the pixels of the farthest images where all take too much; they decode again.

        Their memory is not used again: the caller may be at work on one of them.
        """
        decoded = [item for item in self._items.values() if item.pixels is not None]
        while self._held_bytes > HELD_BYTES and len(decoded) > 1:
            item = decoded.pop()
            self._held_bytes -= item.held_bytes
            item.pixels = item.buffer = None
            if item.attached:
                item.attached.mask = None

    def _take_buffer(self, size: int) -> Pixels:
        """Give memory for an image: the one released last where it is large enough, else new."""
        if self._spare and self._spare[-1].size >= size:
            return self._spare.pop()
        self._spare.clear()
        return np.empty(size + size // 8, np.uint8)

    def _decodes(self, position: int) -> bool:
        self.farthest = max(self.farthest, position)
        item = self.open(position)
        if not item.decodes:
            if item.failure is None:
                self._decode(item)
            if item.failure is not None:
                self.failed_partners.add(self.sample(position))
                return False
            if self._held_bytes > HELD_BYTES:
                self._shrink()
        return True
