"""The values that pass through a worker: a loaded sample, a plan, and an output on its way."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.kernels.table import Table
from augcli.samples import Shape

if TYPE_CHECKING:
    from augcli.io.records.annotation_columns import Notes
    from augcli.kernels.table import Work
    from augcli.pipeline.worker.annotations import Attached
    from augcli.program.steps import Program
    from augcli.samples import Pixels


class Encoded(NamedTuple):
    """An image ready to be written."""

    data: bytes
    suffix: str
    height: int
    width: int


class Prepared(NamedTuple):
    """An output before its steps are applied: what `Made` holds, and what it is made from.

    Attributes:
        sample: Catalogue index of the base.
        item: The base.
        partners: Catalogue indices of the partners.
        planned: The program.
        notes: What belongs to it.
        kept: The unchanged sample, ready to be written; None where steps are applied.
        work: Table, partners' pixels, and pixels that are changed; None where nothing is applied.
    """

    sample: int
    item: Item
    partners: tuple[int, ...]
    planned: Planned
    notes: Notes
    kept: Encoded | None
    work: Work | None


class Made(NamedTuple):
    """An output that waits to be labelled and written; samples are catalogue indices."""

    sample: int
    name: str
    partners: tuple[int, ...]
    planned: Planned
    encoded: Encoded
    notes: Notes


class Stopwatch:
    """Seconds spent in each stage of a run: each lap ends one stage, so that no time is left out."""

    __slots__ = ("_last", "seconds")

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap as this stage's."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


@dataclass(slots=True)
class Item:
    """A sample at hand: its file, what the file says of itself, its pixels once decoded, or its failure.

    `shape` is what the header promises, and once decoded what is true. A failure is (stage, error); it is
    a property of the data, so every later look would find it too. `attached` are its mask and boxes.
    """

    data: bytes = b""
    name: str = ""
    header: codec.Header | None = None
    shape: Shape | None = None
    pixels: Pixels | None = None
    buffer: Pixels | None = None
    decodes: bool = False
    failure: tuple[str, DecodeError] | None = None
    attached: Attached | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes of what is decoded."""
        mask = self.attached.mask if self.attached else None
        pixels = self.pixels.nbytes if self.pixels is not None else 0
        return pixels + (mask.indices.nbytes if mask else 0)


class Planned(NamedTuple):
    """The program of one output: what to apply, from which positions, and what was not applied and why.

    Attributes:
        copy: The copy.
        is_drawn: Whether any operation was drawn, so that the base must decode.
        steps: The program.
        kinds: Operations that are applied.
        places: Which partner each mixing operation takes, counted from the nearest.
        partners: Their positions, as far as is known.
        reasons: Why operations are not applied.
        table: The program as backends take it; None where it depends on the base's pixels.
        surprises: How many had been met when this was planned: it holds while there are no more.
    """

    copy: int
    is_drawn: bool = False
    steps: Program = ()
    kinds: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    partners: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    table: Table | None = None
    surprises: int = 0
