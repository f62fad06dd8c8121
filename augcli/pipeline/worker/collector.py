"""Outputs that are made, on their way out of a worker: labelled and stored in small batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.io.records.annotation_columns import annotation_table
from augcli.io.records.part_files import pack_beside
from augcli.io.writers.base import Pair
from augcli.pipeline.worker.describe import Naming, describe_output
from augcli.pipeline.worker.remarks import count_boxes, count_remarks, record_failure
from augcli.pipeline.worker.values import ArcResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Samples
    from augcli.io.records.part_files import Output
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.annotations import AnnotationFollower
    from augcli.pipeline.worker.staging import Staging
    from augcli.pipeline.worker.values import Made, Stopwatch


class Collector:
    """Labels, names and stores the outputs of an arc."""

    def __init__(
        self,
        job: Job,
        most_bytes: int,
        watch: Stopwatch,
        staging: Staging,
        annotations: AnnotationFollower | None,
    ) -> None:
        """Prepare to collect.

        Args:
            job: What is done.
            most_bytes: At most so many encoded bytes are gathered before they are staged.
            watch: What counts the time of each stage.
            staging: Where outputs go.
            annotations: What lets boxes follow; None if there are no masks and boxes.
        """
        self._job, self._most_bytes, self._watch, self._staging = job, most_bytes, watch, staging
        self._follower = annotations
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
        count_remarks(self.result, self._job, gathered, outputs)
        self._annotate(gathered)
        self._watch.lap("label")
        pairs = [Pair(made.data, made.mask) for made in gathered]
        self._staging.stage([output.file_name for output in outputs], pairs)
        self._watch.lap("write")
        self.result.rows += map(tuple, outputs)
        self._bases += [made.base.sample for made in gathered]

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
                record_failure(self.result, self._job, made.base, made.failure)
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

    def _annotate(self, gathered: Sequence[Made]) -> None:
        """Let boxes follow to their outputs, and note what belongs to these."""
        if self._follower is None:
            return
        boxes, annotated = None, self._job.annotated
        if annotated.boxes is not None:
            boxes = self._follower.follow_boxes([(made.plan.steps, made.annotated) for made in gathered])
            count_boxes(self.result, self._job, boxes)
        masks = [made.mask for made in gathered] if annotated.masks else None
        self._annotations.append(annotation_table(boxes, masks))
