"""The samples around a position of a ring: loaded once, and let go when they are not needed any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.pipeline.worker.loader import Loader
from augcli.pipeline.worker.values import Loaded

if TYPE_CHECKING:
    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.limits import Limits
    from augcli.samples import Pixels


class Window:
    """The loaded samples of an arc, by position; positions beyond the ring's end run on from its start."""

    def __init__(self, arc: Arc, loader: Loader, reach: int, limits: Limits) -> None:
        """Prepare to walk along an arc.

        Args:
            arc: Positions of a ring.
            loader: What reads and decodes.
            reach: How many partners a sample has at most.
            limits: How much is read at once and kept.
        """
        self._arc, self._loader, self._limits = arc, loader, limits
        nearest = arc.ring.shifts[:reach]
        self._shared = arc.start + (int(nearest[-1]) if len(nearest) else 0)
        self._begun = arc.start
        self._loaded: dict[int, Loaded] = {}
        self._decoded_bytes = 0
        self.surprises = 0
        """How many images did not keep what their header promised: they failed, or had another shape."""
        self._contents: dict[int, bytes] = {}

    def read_ahead(self, position: int) -> int:
        """Read the files and headers of a position and of those behind it; return where reading stopped.

        Many files in a row: between the codec's work, whose data fill the caches, each would take several
        times as long.
        """
        limits = self._limits
        self._begin_ahead(position)
        read, stop = len(self.open(position).data), position + 1
        end = min(position + limits.read_ahead, self._arc.stop)
        while stop < end and read < limits.read_ahead_bytes:
            read += len(self.open(stop).data)
            stop += 1
        return stop

    def _begin_ahead(self, position: int) -> None:
        """Begin to read what is planned together from here on, what is planned next, and their partners."""
        ring, partners = self._arc.ring, self._shared - self._arc.start
        first = max(position, self._begun)
        stop = min(position + 2 * self._limits.read_ahead, self._arc.stop) + partners
        places = [ahead % len(ring) for ahead in range(first, stop)]
        known = [ring.member(place) for place in places if place < len(ring.members)]
        self._begun = first + self._loader.read_ahead(known)

    def open(self, position: int) -> Loaded:
        """Return a sample with its file and header, read if it is not in memory.

        Raises:
            SectionTooShortError: If it lies behind what is known of the ring.
        """
        ring = self._arc.ring
        place = position % len(ring)
        loaded = self._loaded.get(place)
        if loaded is None:
            loaded = self._loaded[place] = self._loader.read(ring.member(place))
            self._contents[place] = loaded.content
        return loaded

    def content(self, position: int) -> bytes:
        """Return the hash of a sample that was opened, also if it was released since."""
        return self._contents[position % len(self._arc.ring)]

    def decode(self, loaded: Loaded) -> Pixels:
        """Return the upright pixels of a sample that was opened.

        Raises:
            DecodeError: If it does not decode.
        """
        if loaded.pixels is None:
            if loaded.failure is None:
                self._decode(loaded)
            if loaded.failure is not None:
                raise loaded.failure[1]
        assert loaded.pixels is not None
        return loaded.pixels

    def release(self, position: int) -> None:
        """Let go of a position that is done; only the first ones may be wanted by another task."""
        ring = self._arc.ring
        place = position % len(ring)
        if position >= self._shared:
            self._loader.release(ring.member(place))
        loaded = self._loaded.pop(place, None)
        if loaded is not None:
            self._decoded_bytes -= loaded.decoded_bytes
            self._loader.let_go(loaded)

    def check(self, loaded: Loaded) -> None:
        """Find out whether a sample that was opened decodes; its `failure` says so."""
        if not loaded.decodes and loaded.failure is None:
            self._decode(loaded)
            self._shrink()

    def _decode(self, loaded: Loaded) -> None:
        expected = loaded.shape
        self._loader.decode(loaded)
        self._decoded_bytes += loaded.decoded_bytes
        self.surprises += loaded.failure is not None or loaded.shape != expected

    def _shrink(self) -> None:
        """Let go of the pixels of the farthest images where all take too much; they decode again.

        Their memory is not used again: the caller may be at work on one of them.
        """
        if self._decoded_bytes <= self._limits.held_bytes:
            return
        decoded = [loaded for loaded in self._loaded.values() if loaded.pixels is not None]
        while self._decoded_bytes > self._limits.held_bytes and len(decoded) > 1:
            loaded = decoded.pop()
            self._decoded_bytes -= loaded.decoded_bytes
            loaded.drop_pixels()
