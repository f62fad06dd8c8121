"""The samples around a position: what is known of them, and which of them are partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.pipeline.plan.rings import SectionTooShortError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.worker.values import Loaded
    from augcli.pipeline.worker.window import Window
    from augcli.samples import Edges, Shape


class Neighbours:
    """What is known of the samples of an arc and of those behind it, by position."""

    def __init__(self, window: Window, arc: Arc) -> None:
        """Prepare to look at the samples of an arc; a window opens and decodes them."""
        self._window, self._arc = window, arc
        self.looked_at: set[int] = set()
        """Positions behind the arc that were looked at as partners."""
        self.failed: set[int] = set()
        """Samples that were looked at as partners and do not decode."""

    @property
    def surprises(self) -> int:
        """How many images did not keep what their header promised: they failed, or had another shape."""
        return self._window.surprises

    @property
    def ring_end(self) -> int:
        """The position from which on the ring's samples come again."""
        return len(self._arc.ring)

    def shape(self, position: int) -> Shape | None:
        """Return a sample's shape as far as it is known; None if it cannot be read."""
        return self._window.open(position).shape

    def boxes(self, position: int) -> Sequence[Edges]:
        """Return the boxes that belong to a sample, as it is loaded; none if it has no boxes."""
        annotations = self._window.open(position).annotations
        return () if annotations is None else annotations.edges.tolist()

    def expect_partner(self, position: int, place: int) -> int | None:
        """Return the position of a partner, as far as is known before images are decoded.

        It is None if no sample that may be the partner can be read.

        Args:
            position: Whose partner.
            place: Which of the possible partners, counted from the nearest; beyond the last, again from
                the first.
        """
        candidates = self.candidates(position, place)
        good = [ahead for ahead in candidates if self._window.open(ahead).failure is None]
        return good[place % len(good)] if good else None

    def candidates(self, position: int, place: int) -> list[int]:
        """Return the positions up to a partner, as far as it is known: all that are looked at to find it.

        Args:
            position: Whose partner.
            place: Which of the samples that decode, counted from the nearest; all if there are fewer.

        Raises:
            SectionTooShortError: If the partner lies behind what is known of the ring.
        """
        looked_at, missing, ring = [], place + 1, self._arc.ring
        for shift in ring.shifts:
            ahead = position + int(shift)
            looked_at.append(ahead)
            missing -= self._window.open(ahead).failure is None
            if not missing:
                return looked_at
        if len(ring.shifts) < ring.partners:
            raise SectionTooShortError
        return looked_at

    def try_partners(self, candidates: Mapping[int, Loaded]) -> None:
        """Find out whether candidates decode, as partners must: samples by position, in the ring's order."""
        for position, loaded in candidates.items():
            if position >= self._arc.stop:
                self.looked_at.add(position)
            self._window.check(loaded)
            if loaded.failure is not None:
                self.failed.add(loaded.sample)
