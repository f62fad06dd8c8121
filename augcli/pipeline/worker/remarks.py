"""What is worth a line in the summary of the outputs of an arc: remarks, warnings and failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.boxes.base import name_skipped
from augcli.io.store.names import printable_key
from augcli.io.writers.choose import WRITERS
from augcli.pipeline.worker.annotations import CLIPPED, GUESSED, MENDED
from augcli.pipeline.worker.loader import WARNED
from augcli.samples import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.records.annotation_columns import OutputBoxes
    from augcli.io.records.part_files import Output
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.values import ArcResult, Fault, Loaded, Made

LOST_WEIGHTS = "boxes whose weight stands in metadata.parquet alone, since labels have no place for it"

LOSING_WEIGHTS = [name for name, layout in WRITERS.items() if layout.loses_weights]

UNLABELLED_PARTNER = "outputs without a label, since a partner has none"
"""Counted once for each output of which it is true."""

SLIVER = 0.1
SLIVERS = "boxes of which less than a tenth is seen"
"""Counted for each box of an output of which less than `SLIVER` is seen."""


def count_remarks(result: ArcResult, job: Job, gathered: Sequence[Made], outputs: Sequence[Output]) -> None:
    """Count in a result all that is worth a line in the summary, and record warnings."""
    counts = result.counts
    bases = {id(made.base): made.base for made in gathered}.values()
    counts["first frame of several"] += sum([base.header.frames for base in bases if base.header])
    counts.update([remark for made in gathered for remark in made.remarks])
    counts[UNLABELLED_PARTNER] += sum(
        [output.label is None and output.sources[0] is not None for output in outputs]
    )
    for base in bases:
        if base.annotations:
            counts[CLIPPED] += base.annotations.clipped
            counts[GUESSED] += base.annotations.is_guessed
            _record_skipped(result, job, base)
    complaints = [made.base for made in gathered if made.base.complaint and made.is_decoded]
    for base in {id(base): base for base in complaints}.values():
        _warn(result, job, base)


def count_boxes(result: ArcResult, job: Job, boxes: OutputBoxes) -> None:
    """Count in a result what is worth a line of the boxes of outputs."""
    counts, cells = result.counts, boxes.cells
    counts[MENDED] += boxes.mended
    counts[SLIVERS] += int((cells.visibilities < SLIVER).sum())
    if job.recipe.format in LOSING_WEIGHTS:
        counts[LOST_WEIGHTS] += int((cells.weights < 1).sum())


def record_failure(result: ArcResult, job: Job, base: Loaded, failure: Fault) -> None:
    """Record why a sample has no output."""
    stage, cause = failure
    key = printable_key(job.catalogue.keys[base.sample])
    result.failures.append(Failure(key, stage, cause.reason, cause.detail))


def _record_skipped(result: ArcResult, job: Job, base: Loaded) -> None:
    """Record the boxes of a sample that were left out, since they are not right."""
    assert base.annotations is not None
    for box in base.annotations.boxes.skipped:
        key = printable_key(job.catalogue.keys[base.sample])
        result.warnings.append(Failure(key, "boxes", *box))
        result.counts[name_skipped(box)] += 1


def _warn(result: ArcResult, job: Job, base: Loaded) -> None:
    """Record that a sample has outputs, though libjpeg complained of it."""
    key = printable_key(job.catalogue.keys[base.sample])
    result.warnings.append(Failure(key, "decode", WARNED, base.complaint))
    result.counts[WARNED] += 1
