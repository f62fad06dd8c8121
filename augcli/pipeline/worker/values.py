"""The values that pass through a worker: a loaded sample; the plan of an output, and what is made by it.

Beside them stands `Output`, which is what tables say of an output (`io/records/part_files.py`).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from augcli.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.io.images.codec import Encoding, Header
    from augcli.io.records.part_files import Row
    from augcli.kernels.table import Table, Work
    from augcli.pipeline.worker.annotations import SampleAnnotations
    from augcli.program.steps import Program
    from augcli.samples import Failure, Pixels, Shape

ORIGINAL = -1
"""The copy number of a sample that is put into the output as it is."""

Fault: TypeAlias = "tuple[str, DecodeError]"
"""The stage that failed, and why: a property of the data, so every later look would find it too."""


@dataclass(slots=True, eq=False)
class Loaded:
    """A sample in memory.

    Attributes:
        sample: Its index in the catalogue.
        data: Its file.
        name: What the stem of its outputs is made from.
        header: The header of its file; None if that cannot be read.
        shape: Its shape: as the header promises it, and once decoded as it is.
        pixels: Upright pixels; None while they are not decoded.
        buffer: Memory that the pixels lie in, where it can be used again.
        decodes: Whether it was decoded.
        failure: Why it cannot be read or decoded.
        complaint: What libjpeg complained of while it was decoded.
        annotations: Its mask and boxes.
        content: Hash of all that was read of it.
    """

    sample: int
    data: bytes = b""
    name: str = ""
    header: Header | None = None
    shape: Shape | None = None
    pixels: Pixels | None = None
    buffer: Pixels | None = None
    decodes: bool = False
    failure: Fault | None = None
    complaint: str = ""
    annotations: SampleAnnotations | None = None
    content: bytes = b""

    @property
    def decoded_bytes(self) -> int:
        """Bytes of what is decoded."""
        if self.pixels is None:
            return 0
        mask = self.annotations.mask if self.annotations else None
        return int(self.pixels.nbytes + (mask.indices.nbytes if mask else 0))

    def drop_pixels(self) -> None:
        """Let go of what is decoded."""
        self.pixels = self.buffer = None
        if self.annotations:
            self.annotations.mask = None

    def drop(self) -> None:
        """Let go of pixels and files: whoever still refers to this value needs only the rest."""
        self.drop_pixels()
        self.data = b""
        if self.annotations:
            self.annotations.encoded = b""


class OutputPlan(NamedTuple):
    """What is done to one output, and what is left out of it and why.

    Attributes:
        copy: Number of the copy.
        is_drawn: Whether any operation was drawn, so that the base must decode.
        steps: The program.
        kinds: Operations that are applied.
        places: Which partner each mixing operation takes, counted from the nearest.
        partners: Their positions, as far as is known.
        reasons: Why operations are not applied.
        table: The program as backends take it; None where it depends on the base's pixels.
        surprises: How many surprises there had been (`Neighbours.surprises`): more of them void the plan.
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


@dataclass(slots=True, eq=False)
class Made:
    """An output in the making: what headers say of it, then pixels until it is encoded, then `data`.

    Attributes:
        base: The sample that is changed.
        plan: What is done to it.
        sources: Its partners by slot, as far as is known.
        candidates: The samples that must be looked at before these are its partners, by their positions.
        encoding: How it is written; None where it is a copy of the file, or fails.
        profile: Colour profile that is written with it; may be empty.
        brought_to: Channels and depth that base and partners are brought to; None where they have them.
        annotated: What belongs to base and partners, and their shapes as they were loaded; empty where the
            data set has neither masks nor boxes.
        mask: Its encoded mask; empty without masks.
        pixels: What is to be encoded: the base's pixels, or a copy of them.
        work: Table, partners' pixels and base's pixels; None where nothing is applied, or all is.
        is_last: Whether it is the last output of its base, and so may change the base's own pixels.
        is_decoded: Whether its base had to be decoded for it.
        data: The encoded image.
        suffix: `jpg` or `png`.
        height: Rows of the encoded image.
        width: Columns of the encoded image.
        failure: Why its base gives no output at all.
        remarks: What is worth a line in the summary, each counted once for this output.
    """

    base: Loaded
    plan: OutputPlan
    sources: tuple[Loaded, ...] = ()
    candidates: Mapping[int, Loaded] = field(default_factory=dict)
    encoding: Encoding | None = None
    profile: bytes = b""
    brought_to: Shape | None = None
    annotated: tuple[tuple[SampleAnnotations, Shape], ...] = ()
    mask: bytes = b""
    pixels: Pixels | None = None
    work: Work | None = None
    is_last: bool = False
    is_decoded: bool = True
    data: bytes = b""
    suffix: str = ""
    height: int = 0
    width: int = 0
    failure: Fault | None = None
    remarks: tuple[str, ...] = ()

    @property
    def partners(self) -> tuple[int, ...]:
        """Catalogue indices of the partners."""
        return tuple([partner.sample for partner in self.sources])


@dataclass(slots=True)
class ArcResult:
    """What the walk along an arc leaves for the commit.

    Attributes:
        rows: Rows of the outputs, in the order of the ring.
        beside: The columns behind those of every output: carried ones, then masks and boxes, as
            `part_files.pack_rows` returns them; may be empty.
        staged: What the writer returned for each output when it was staged; empty if it returns nothing.
        failures: Samples that gave no output.
        warnings: Samples that were decoded for their outputs, though libjpeg complained.
        passed_over: Keys of samples that failed as partners.
        contents: Hash of each sample of the arc, one behind the other.
        beyond: Hash of each sample behind the arc's end that was looked at as a partner, by its distance.
        counts: How often something worth a line happened.
        seconds: Time per stage.
    """

    rows: list[Row] = field(default_factory=list)
    beside: bytes = b""
    staged: list[Any] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    contents: bytes = b""
    beyond: dict[int, bytes] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ahead(self) -> int:
        """Positions beyond the arc's end up to the farthest that was looked at."""
        return max(self.beyond, default=-1) + 1


class Stopwatch:
    """Seconds spent in each stage: each lap ends one stage, so that no time is left out."""

    __slots__ = ("_last", "seconds")

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap as this stage's."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now
