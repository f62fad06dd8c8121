"""Outputs that are made, on their way out of a worker: labelled and stored in small batches."""

from __future__ import annotations

import itertools
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from augcli.io.records import part_files
from augcli.io.records.annotation_columns import annotation_table
from augcli.io.records.part_files import Output
from augcli.io.store.names import printable_key
from augcli.io.writers.base import Pair
from augcli.pipeline.plan.digest import seed_of_names
from augcli.pipeline.worker.annotations import CLIPPED, GUESSED
from augcli.pipeline.worker.describe import Naming, describe_output
from augcli.pipeline.worker.loader import WARNED
from augcli.pipeline.worker.values import ArcResult, Made
from augcli.samples import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.io.readers.base import Samples
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.values import Fault, Loaded, Stopwatch

UNLABELLED_PARTNER = "outputs without a label, since a partner has none"
"""What is counted for each output of which that holds."""


class Collector:
    """Labels, names and stores what is made of an arc, and counts what went wrong."""

    def __init__(self, job: Job, most_bytes: int, watch: Stopwatch) -> None:
        """Prepare to collect; at most so many encoded bytes are gathered before they are stored."""
        self._job, self._most_bytes, self._watch = job, most_bytes, watch
        recipe, writer = job.recipe, job.writer
        seeds = seed_of_names(recipe), seed_of_names(recipe, is_original=True)
        self._naming = Naming(writer.images, job.class_folders, recipe.name, *seeds)
        self._gathered: list[Made] = []
        self._bytes = 0
        self._outputs: list[tuple[Output, int]] = []
        self._annotations: list[Any] = []
        self.result = ArcResult()

    def take(self, made: Iterable[Made]) -> None:
        """Take the outputs of some samples, all of each; none of a sample of which one failed."""
        for base, group in itertools.groupby(made, key=attrgetter("base")):
            outputs = list(group)
            failure = next((output.failure for output in outputs if output.failure), None)
            if failure:
                self._fail(base, failure)
                continue
            self._gathered += outputs
            self._bytes += sum(len(output.data) for output in outputs)
            self._count(base)
            if base.complaint and any(output.is_decoded for output in outputs):
                self._warn(base)
            self.result.counts.update(remark for output in outputs for remark in output.remarks)
            if self._bytes > self._most_bytes:
                self.flush()

    def flush(self) -> None:
        """Label and name the outputs gathered so far, and store them."""
        self._watch.lap("decode")  # what is left of the codec's loop
        gathered, self._gathered, self._bytes = self._gathered, [], 0
        outputs = [self._describe(made) for made in gathered]
        self._watch.lap("label")
        pairs = [Pair(made.data, made.annotations.mask) for made in gathered]
        self.result.staged += self._job.writer.stage([output.file_name for output in outputs], pairs)
        self._watch.lap("write")
        self._outputs += zip(outputs, (made.base.sample for made in gathered), strict=True)
        if self._job.annotated:
            notes = [made.annotations for made in gathered]
            self._annotations.append(annotation_table(self._job.annotated, notes))

    def pack(self, samples: Samples) -> None:
        """Pack the rows of all outputs, with the columns that are carried along."""
        if self._outputs:
            carried = samples.carry([base for _, base in self._outputs])
            rows = part_files.rows_to_table(
                [output for output, _ in self._outputs], carried, self._annotations
            )
            self.result.rows = part_files.pack_rows(rows)
        self._watch.lap("label")

    def _describe(self, made: Made) -> Output:
        catalogue, sources = self._job.catalogue, (made.base.sample, *made.partners)
        keys = [catalogue.keys[source] for source in sources]
        labels = [catalogue.labels[source] for source in sources]
        output = describe_output(made, keys, labels, self._naming)
        if output.label is None and labels[0] is not None:
            self.result.counts[UNLABELLED_PARTNER] += 1
        return output

    def _fail(self, base: Loaded, failure: Fault) -> None:
        """Record why a sample has no output."""
        stage, cause = failure
        key = printable_key(self._job.catalogue.keys[base.sample])
        self.result.failures.append(Failure(key, stage, cause.reason, cause.detail))

    def _warn(self, base: Loaded) -> None:
        """Record that a sample has outputs, though libjpeg complained of it."""
        key = printable_key(self._job.catalogue.keys[base.sample])
        self.result.warnings.append(Failure(key, "decode", WARNED, base.complaint))
        self.result.counts[WARNED] += 1

    def _count(self, base: Loaded) -> None:
        """Count what is worth a line in the summary."""
        assert base.header is not None
        counts = self.result.counts
        counts["first frame of several"] += base.header.frames
        if base.annotations:
            counts[CLIPPED] += base.annotations.clipped
            counts[GUESSED] += base.annotations.is_guessed
