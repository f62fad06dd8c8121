"""One run: a worker walks a arc of a ring and turns samples into outputs.

read → plan → decode → apply → encode → label → write. What is Python's work, planning and labelling, is
done for many samples in a row: between the codec's work, whose data fill the caches, it would take several
times as long. A decoded image stays only until the positions behind it no longer need it as a partner.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.geometry import Geometry
from augcli.io.records import part_files
from augcli.io.records.annotation_columns import Notes, annotation_table
from augcli.io.store.names import printable_key
from augcli.io.writers.base import Pair
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.match import match_pixels
from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.job import ArcResult, Job
from augcli.pipeline.worker.annotations import CLIPPED, GUESSED, Annotator
from augcli.pipeline.worker.describe import Naming, describe_output
from augcli.pipeline.worker.planner import Planner, copy_numbers
from augcli.pipeline.worker.values import Encoded, Made, Planned, Prepared, Stopwatch
from augcli.pipeline.worker.window import Neighbours
from augcli.samples import Failure, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Samples
    from augcli.io.records.part_files import Output
    from augcli.pipeline.worker.values import Item
    from augcli.samples import Pixels

GATHERED_BYTES = 4 << 20
"""Encoded images that a worker gathers before it labels and writes them."""

MOST_WAITING = 64
"""Outputs that wait to be made together at most: each holds its pixels."""

PLANNED_AHEAD = 256
"""Outputs that are planned in a row at most: a sample may have a million."""


def execute(job: Job, run: Arc, samples: Samples) -> ArcResult:
    """Turn the samples of a run into outputs.

    Raises:
        StorageError: If the machine fails; nothing about a sample may be concluded from that.
    """
    walk, position = _Walk(job, run, samples), run.start
    while position < run.stop:
        position = walk.visit_some(position)
    return walk.finish()


class _Walk:
    """The state of a run."""

    def __init__(self, job: Job, run: Arc, samples: Samples) -> None:
        recipe, size = job.recipe, job.recipe.size
        self.job, self.run, self.samples = job, run, samples
        geometry = Geometry(size.height, size.width, recipe.fit, recipe.background) if size else None
        self.geometry = geometry
        self.watch = Stopwatch()
        partners = int(job.outputs[run.members].max()) * len(recipe.mixing_entries)
        self.annotator = (
            Annotator(job.catalogue, samples, recipe, geometry, job.annotated.masks)
            if job.annotated
            else None
        )
        self.near = Neighbours(
            run, samples, geometry, recipe.max_pixels, partners, self.watch, self.annotator
        )
        self.together = job.backend.apply_many
        if self.together:  # what is decoded waits, so its memory is not used again
            self.near.reuses = False
        self.waiting: list[tuple[Item, int, list[Prepared], list[Made]]] = []
        self.planner = Planner(job, run, self.near)
        self.result = ArcResult()
        self.outputs: list[Output] = []
        self.bases: list[int] = []
        self.annotations: list[Any] = []
        self.plans: dict[tuple[int, int], Planned] = {}
        self.made: list[Made] = []
        self.made_bytes = 0
        self.scratch = np.empty(0, np.uint8)
        self.naming = Naming(job.writer.images, job.class_folders, recipe.name)

    def visit_some(self, start: int) -> int:
        """Make the outputs of the samples from a position on, as many as are read together."""
        stop = self.near.read_ahead(start)
        self.watch.lap("read")
        copies = [copy_numbers(self.job, self.near.sample(position)) for position in range(start, stop)]
        places = ((start + at, copy) for at, mine in enumerate(copies) for copy in mine)
        self.plans = {place: self.planner.plan(*place) for place in itertools.islice(places, PLANNED_AHEAD)}
        self.watch.lap("plan")
        for position, mine in zip(range(start, stop), copies, strict=True):
            if mine:
                self.visit(position, mine)
            self.near.release(position)
        self.make_waiting()
        self.flush()
        return stop

    def visit(self, position: int, copies: range) -> None:
        """Make all outputs of the sample at a position, or record why there are none."""
        item, sample = self.near.open(position), self.near.sample(position)
        made: list[Made] = []
        prepared: list[Prepared] = []
        # That it failed as a partner does not count: what becomes of a sample depends on its own draws.
        failure = item.failure if item.header is None else None
        try:
            for copy in copies if failure is None else ():
                planned = self.plans.pop((position, copy), None) or self.planner.plan(position, copy)
                prepared.append(self.prepare(position, item, planned, is_last=copy == copies[-1]))
                if self.together is None or len(prepared) >= MOST_WAITING:
                    self.make_waiting()  # this sample, which is changed now, may be a partner of theirs
                    made += self.make(prepared)
                    prepared = []
        except DecodeError as error:
            failure = item.failure or ("encode", error)
        if failure:
            self.fail(sample, failure)
        elif prepared:
            self.waiting.append((item, sample, prepared, made))
            if sum(len(one[2]) for one in self.waiting) >= MOST_WAITING:
                self.make_waiting()
        else:
            self.take(item, made)

    def make_waiting(self) -> None:
        """Make the outputs that waited for each other, to be made together."""
        if not self.waiting:
            return
        waiting, self.waiting = self.waiting, []
        self.apply([one for _, _, prepared, _ in waiting for one in prepared])
        for item, sample, prepared, made in waiting:
            try:
                made += [self.finish_one(one) for one in prepared]
            except DecodeError as error:
                self.fail(sample, item.failure or ("encode", error))
            else:
                self.take(item, made)

    def take(self, item: Item, made: Sequence[Made]) -> None:
        """Take the outputs of a sample, all of them made."""
        self.made += made
        self.made_bytes += sum(len(one.encoded.data) for one in made)
        self.count(item)
        if self.made_bytes > GATHERED_BYTES:
            self.flush()

    def fail(self, sample: int, failure: tuple[str, DecodeError]) -> None:
        """Record why a sample has no output."""
        stage, cause = failure
        key = printable_key(self.job.catalogue.keys[sample])
        self.result.failures.append(Failure(key, stage, cause.reason, cause.detail))

    def prepare(self, position: int, item: Item, planned: Planned, is_last: bool) -> Prepared:
        """Decode what an output is made from; the last one of a sample may change its pixels in place."""
        if planned.is_drawn:
            planned = self.settle(position, planned)
        sample = self.near.sample(position)
        if not planned.steps:
            kept = self.keep(position, item)
            return Prepared(sample, item, (), planned, self.follow(planned, item, ()), kept, None)
        pixels = self.near.decode(position)
        table = planned.table
        if table is None:
            steps = resolve_image_mean(planned.steps, pixels)
            planned = planned._replace(steps=steps)
            table = self.planner.tabulate(steps, Shape.of(pixels), planned.partners)
        changed = pixels if is_last and pixels.flags.writeable else self.copy(pixels)
        partners = [
            match_pixels(self.near.decode(at), pixels.shape[2], pixels.dtype) for at in planned.partners
        ]
        notes = self.follow(planned, item, planned.partners)
        samples = tuple(map(self.near.sample, planned.partners))
        return Prepared(sample, item, samples, planned, notes, None, (table, partners, changed))

    def make(self, prepared: Sequence[Prepared]) -> list[Made]:
        """Apply and encode outputs."""
        self.apply(prepared)
        return [self.finish_one(one) for one in prepared]

    def apply(self, prepared: Sequence[Prepared]) -> None:
        """Apply the steps of some outputs: together where the backend gains by that."""
        works = [one.work for one in prepared if one.work is not None]
        if self.together:
            self.together(works)
        else:
            for table, partners, pixels in works:
                self.job.backend.apply(table, partners, pixels)
        self.watch.lap("apply")

    def finish_one(self, one: Prepared) -> Made:
        """Encode an output whose steps are applied."""
        encoded = one.kept or (self.encode(one.item, one.work[2]) if one.work else None)
        assert encoded is not None
        return Made(one.sample, one.item.name, one.partners, one.planned, encoded, one.notes)

    def follow(self, planned: Planned, item: Item, partners: Sequence[int]) -> Notes:
        """Give what belongs to an output beside its label."""
        if self.annotator is None:
            return Notes()
        base, *others = (
            (one.attached, one.shape)
            for one in (item, *map(self.near.open, partners))
            if one.attached is not None and one.shape is not None
        )
        return self.annotator.follow(planned.steps, base, others)

    def settle(self, position: int, planned: Planned) -> Planned:
        """Decode the base and the partners of an output; plan anew where one is not as expected."""
        self.near.decode(position)
        for place in planned.places:
            self.near.find_partner(position, place)
        if self.near.surprises == planned.surprises:
            return planned
        return self.settle(position, self.planner.plan(position, planned.copy))

    def copy(self, pixels: Pixels) -> Pixels:
        """Copy pixels into memory that is used again for the next copy, where none waits."""
        if self.together:
            return pixels.copy()
        if self.scratch.nbytes < pixels.nbytes:
            self.scratch = np.empty(pixels.nbytes, np.uint8)
        copy = self.scratch[: pixels.nbytes].view(pixels.dtype).reshape(pixels.shape)
        np.copyto(copy, pixels)
        return copy

    def keep(self, position: int, item: Item) -> Encoded:
        """Give an unchanged sample: the file itself where it may stand in the output, else encoded anew."""
        assert item.header is not None
        if codec.is_copyable(item.header, self.job.recipe.image_format, self.geometry):
            suffix = "jpg" if item.header.format == "JPEG" else "png"
            return Encoded(item.data, suffix, item.header.height, item.header.width)
        return self.encode(item, self.near.decode(position))

    def encode(self, item: Item, pixels: Pixels) -> Encoded:
        """Encode pixels as the recipe and the source ask."""
        assert item.header is not None
        recipe, header = self.job.recipe, item.header
        chosen = codec.choose_encoding(
            header, pixels.shape[2], recipe.image_format, recipe.quality, recipe.subsampling
        )
        data = codec.encode(pixels, *chosen, recipe.background)
        self.watch.lap("encode")
        return Encoded(data, chosen.file_format, pixels.shape[0], pixels.shape[1])

    def flush(self) -> None:
        """Label and name the outputs made so far and hand them to the disk."""
        self.watch.lap("decode")  # what is left of the codec's loop
        outputs = [self.describe(made) for made in self.made]
        self.watch.lap("label")
        pairs = [Pair(made.encoded.data, made.notes.mask) for made in self.made]
        self.result.pairs += self.job.writer.store([output.file_name for output in outputs], pairs)
        self.watch.lap("write")
        self.outputs += outputs
        self.bases += [made.sample for made in self.made]
        if self.annotator:
            notes = [made.notes for made in self.made]
            self.annotations.append(annotation_table(self.job.annotated, notes))
        self.made, self.made_bytes = [], 0

    def describe(self, made: Made) -> Output:
        """Label and name an output."""
        catalogue, sources = self.job.catalogue, (made.sample, *made.partners)
        keys, labels = ([column[at] for at in sources] for column in (catalogue.keys, catalogue.labels))
        return describe_output(made, keys, labels, self.naming)

    def count(self, item: Item) -> None:
        """Count what is worth a line in the summary."""
        assert item.header is not None
        self.result.counts["first frame of several"] += item.header.frames
        self.result.counts["16-bit colour read as 8-bit"] += item.header.narrowed
        if item.attached:
            self.result.counts[CLIPPED] += item.attached.clipped
            self.result.counts[GUESSED] += item.attached.is_guessed

    def finish(self) -> ArcResult:
        """Give the result of the whole run."""
        keys = self.job.catalogue.keys
        self.result.passed_over = sorted(printable_key(keys[sample]) for sample in self.near.failed_partners)
        self.result.ahead = max(0, self.near.farthest - self.run.stop + 1)
        if self.outputs:
            carried = self.samples.carry(self.bases)
            rows = part_files.rows_to_table(self.outputs, carried, self.annotations)
            self.result.rows = part_files.pack_rows(rows)
        self.watch.lap("label")
        self.result.seconds = dict(self.watch.seconds)
        return self.result
