"""Outputs that are made, on their way out of a worker: labelled and stored in small batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.io.boxes.base import name_skipped
from augcli.io.records.annotation_columns import annotation_table
from augcli.io.records.part_files import pack_beside
from augcli.io.store.names import printable_key
from augcli.io.writers.base import Pair
from augcli.io.writers.choose import WRITERS
from augcli.pipeline.worker.annotations import CLIPPED, GUESSED, MENDED
from augcli.pipeline.worker.describe import Naming, describe_output
from augcli.pipeline.worker.loader import WARNED
from augcli.pipeline.worker.values import ArcResult, Made
from augcli.samples import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Samples
    from augcli.io.records.part_files import Output
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.staging import Staging
    from augcli.pipeline.worker.values import Fault, Loaded, Stopwatch

LOST_WEIGHTS = "boxes whose weight stands in metadata.parquet alone, since labels have no place for it"

LOSING_WEIGHTS = [name for name, layout in WRITERS.items() if layout.loses_weights]

UNLABELLED_PARTNER = "outputs without a label, since a partner has none"
"""Counted once for each output of which it is true."""

SLIVER = 0.1
SLIVERS = "boxes of which less than a tenth is seen"
"""Counted for each box of an output of which less than `SLIVER` is seen."""


class Collector:
    """Labels, names and stores the outputs of an arc, and counts what went wrong."""

    def __init__(self, job: Job, most_bytes: int, watch: Stopwatch, staging: Staging) -> None:
        """Prepare to collect; at most so many encoded bytes are gathered before they are staged."""
        self._job, self._most_bytes, self._watch, self._staging = job, most_bytes, watch, staging
        self._naming = Naming(job.writer.name, job.class_folders, job.recipe.name, *job.name_seeds)
        self._gathered: list[Made] = []
        self._bytes = 0
        self._bases: list[int] = []
        self._annotations: list[Any] = []
        self.result = ArcResult()

    def take(self, made: Sequence[Made]) -> None:
        """Take the outputs of some samples, all of each."""
        self._gathered += made
        self._bytes += sum([len(output.data) for output in made])
        if self._bytes > self._most_bytes:
            self.flush()

    def flush(self) -> None:
        """Label, name and store the outputs gathered so far; a sample of which one failed is left out."""
        self._watch.lap("decode")  # the rest of the codec's loop
        gathered, self._gathered, self._bytes = self._leave_out_failed(self._gathered), [], 0
        outputs = self._describe(gathered)
        self._count(gathered, outputs)
        self._watch.lap("label")
        pairs = [Pair(made.data, made.annotations.mask) for made in gathered]
        self._staging.stage([output.file_name for output in outputs], pairs)
        self._watch.lap("write")
        self.result.rows += map(tuple, outputs)
        self._bases += [made.base.sample for made in gathered]
        if self._job.annotated:
            notes = [made.annotations for made in gathered]
            self._annotations.append(annotation_table(self._job.annotated, notes))

    def pack(self, samples: Samples) -> None:
        """Pack the columns that stand beside ours: those that are carried along, then masks and boxes.

        All outputs are staged then.
        """
        if self._bases:
            self.result.beside = pack_beside(samples.carry(self._bases), self._annotations)
        self._watch.lap("label")
        self.result.staged = self._staging.finish()
        self._watch.lap("write")

    def _leave_out_failed(self, gathered: list[Made]) -> list[Made]:
        """Return the outputs of samples that did not fail; record why the others have no output."""
        failed = set()
        for made in gathered:
            if made.failure and id(made.base) not in failed:
                failed.add(id(made.base))
                self._fail(made.base, made.failure)
        return [made for made in gathered if id(made.base) not in failed] if failed else gathered

    def _describe(self, gathered: Sequence[Made]) -> list[Output]:
        """Return what tables say of outputs."""
        catalogue, outputs = self._job.catalogue, []
        for made in gathered:
            sources = (made.base.sample, *made.partners)
            keys = [catalogue.keys[sample] for sample in sources]
            labels = [catalogue.labels[sample] for sample in sources]
            outputs.append(describe_output(made, keys, labels, self._naming))
        return outputs

    def _count(self, gathered: Sequence[Made], outputs: Sequence[Output]) -> None:
        """Count all that is worth a line in the summary."""
        counts = self.result.counts
        bases = {id(made.base): made.base for made in gathered}.values()
        counts["first frame of several"] += sum([base.header.frames for base in bases if base.header])
        counts.update([remark for made in gathered for remark in made.remarks])
        counts[UNLABELLED_PARTNER] += sum(
            [output.label is None and output.sources[0] is not None for output in outputs]
        )
        counts[MENDED] += sum([made.annotations.mended for made in gathered])
        boxes = [box for made in gathered for box in made.annotations.boxes]
        counts[SLIVERS] += sum([box.visibility < SLIVER for box in boxes])
        if self._job.recipe.format in LOSING_WEIGHTS:
            counts[LOST_WEIGHTS] += sum([box.weight < 1 for box in boxes])
        for base in bases:
            if base.annotations:
                counts[CLIPPED] += base.annotations.clipped
                counts[GUESSED] += base.annotations.is_guessed
                self._record_skipped(base)
        complaints = [made.base for made in gathered if made.base.complaint and made.is_decoded]
        for base in {id(base): base for base in complaints}.values():
            self._warn(base)

    def _fail(self, base: Loaded, failure: Fault) -> None:
        """Record why a sample has no output."""
        stage, cause = failure
        key = printable_key(self._job.catalogue.keys[base.sample])
        self.result.failures.append(Failure(key, stage, cause.reason, cause.detail))

    def _record_skipped(self, base: Loaded) -> None:
        """Record the boxes of a sample that were left out, since they are not right."""
        assert base.annotations is not None
        for box in base.annotations.boxes.skipped:
            key = printable_key(self._job.catalogue.keys[base.sample])
            self.result.warnings.append(Failure(key, "boxes", *box))
            self.result.counts[name_skipped(box)] += 1

    def _warn(self, base: Loaded) -> None:
        """Record that a sample has outputs, though libjpeg complained of it."""
        key = printable_key(self._job.catalogue.keys[base.sample])
        self.result.warnings.append(Failure(key, "decode", WARNED, base.complaint))
        self.result.counts[WARNED] += 1
