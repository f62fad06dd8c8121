"""What a run did and what a verification found, as plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.io.records.document_sizes import EDITED_CARD
from augcli.io.writers.comparison import Difference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.samples import Failure


TABLE_ROWS = 20
"""Classes or differences in the table of a notebook."""


def write_table(title: str, rows: Iterable[tuple[str, object]], left_out: int) -> str:
    """Return a small table of HTML for notebooks; every text in it is escaped."""
    from html import escape  # here: the command line does not need it

    cells = [
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>' for name, value in rows
    ]
    cells += [f'<tr><td colspan="2">and {left_out} more</td></tr>'] if left_out > 0 else []
    return f"<table><caption>{escape(title)}</caption><tbody>{''.join(cells)}</tbody></table>"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in an output.

    Attributes:
        dst: The output's directory.
        layout: `folder` or `parquet`.
        outputs: Images that the output promises.
        recomputed: Outputs that were made again from the sources and compared; 0 without sources.
        differences: How files differ from what was written, by file; empty where all is well.
        seconds: Wall time.
        workers: Workers used (processes or threads).
        libraries: Codecs and backend that recomputed: name and version.
    """

    dst: str
    layout: str
    outputs: int
    recomputed: int
    differences: tuple[Difference, ...]
    seconds: float
    workers: int
    libraries: dict[str, str]

    def _repr_html_(self) -> str:
        """Return the verification as notebooks show it."""
        rows = [("images", self.outputs), ("layout", self.layout), ("made again", self.recomputed)]
        rows += [("differences", len(self.differences) or "none"), *self.differences[:TABLE_ROWS]]
        return write_table(self.dst, rows, len(self.differences) - TABLE_ROWS)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did, and what stands in the output now.

    Attributes:
        dst: The output's directory.
        layout: `folder` or `parquet`.
        images: Samples of all splits in the output.
        outputs: Images in the output.
        applied: Outputs in which something was changed.
        per_class: Outputs by dominant class.
        boxes: Boxes by category: in the images that have outputs (each counted once), and in the outputs.
        unmixed: Outputs by the reason why an operation was not applied.
        failures: Samples that gave no output.
        copied_undecodable: Samples that were copied and only failed as partners.
        chunks: How many chunks the output has.
        chunks_done: Names of the chunks done by this run; empty where all stood already.
        outputs_made: Outputs made by this run.
        seconds: Wall time of the run, and of each stage summed over the workers.
        free_bytes: Free space at DST; None if it is not known.
        estimated_bytes: What a dry run expects to write.
        workers: Workers that made outputs (processes or threads); 0 where nothing was to be made. Of a dry
            run, how many there may be.
        libraries: What decided the bytes: name and version of codecs and backend.
        counts: How often something worth knowing was met, by what it is; images of this run and of earlier
            ones.
        notes: What is worth knowing, in words: what was taken as what, what was passed over, which options
            had no effect. Some are `augcli.errors.Note`s, which name options for who reads them.
        is_dry: True if nothing was written because nothing was to be.
        only_tables: True if no image was to be made, but tables or label columns were.
        warnings: Samples that were decoded for their outputs, though libjpeg complained, and boxes that were
            left out.
        written_anew: Unchanged outputs that could not be copied byte for byte, by the reason.
        chunks_compared: Chunks that stood, but whose sources had another time and were compared; in a dry
            run those that are to be compared.
        partition: Which partition this is about, as `0/4`; "" where it is about the whole output.
        merged: How many partitions this call merged.
        planned: For how many partitions this call planned, and made nothing.
        nodes: Chunks that each machine of a cluster made; empty without a cluster.
    """

    dst: str
    layout: str
    images: int
    outputs: int
    applied: int
    per_class: dict[str, int]
    boxes: dict[str, tuple[int, int]]
    unmixed: dict[str, int]
    failures: tuple[Failure, ...]
    copied_undecodable: int
    chunks: int
    chunks_done: tuple[str, ...]
    outputs_made: int
    seconds: dict[str, float]
    free_bytes: int | None
    estimated_bytes: int
    workers: int
    libraries: dict[str, str]
    counts: dict[str, int]
    notes: tuple[str, ...]
    is_dry: bool = False
    only_tables: bool = False
    written_anew: dict[str, int] = field(default_factory=dict)
    chunks_compared: int = 0
    warnings: tuple[Failure, ...] = ()
    partition: str = ""
    merged: int = 0
    planned: int = 0
    nodes: dict[str, int] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """Return the summary as notebooks show it."""
        rows = [("images", self.outputs), ("inputs", self.images), ("layout", self.layout)]
        rows += [] if self.is_dry else [("changed", self.applied), ("made by this call", self.outputs_made)]
        rows += [(f"skipped: {reason}", count) for reason, count in self.unmixed.items()]
        failed = Counter(failure.reason for failure in self.failures)
        rows += [(f"failed: {reason}", count) for reason, count in sorted(failed.items())]
        classes = [(f"class {name}", count) for name, count in self.per_class.items()]
        rows += classes[:TABLE_ROWS] + [("note", note) for note in self.notes]
        return write_table(self.dst, rows, len(classes) - TABLE_ROWS)


@dataclass(slots=True)
class Effort:
    """What it took to make chunks.

    Attributes:
        seconds: Time by stage, of all workers.
        workers: How many were begun.
        nodes: Chunks by the machine that made them; empty where that is this one.
        place: Where they were made, in words; empty where that is this machine.
        is_littered: Whether unfinished files may be left of attempts that were lost.
        has_edited_card: Whether README.md was left as it is, since it was edited.
    """

    seconds: Counter[str] = field(default_factory=Counter)
    workers: int = 0
    nodes: Counter[str] = field(default_factory=Counter)
    place: str = ""
    is_littered: bool = False
    has_edited_card: bool = False

    @property
    def notes(self) -> list[str]:
        """Lines for the summary."""
        made = [f"made by {self.place}"] if self.place else []
        return made + [EDITED_CARD] * self.has_edited_card
