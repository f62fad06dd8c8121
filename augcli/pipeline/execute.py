"""One run: a worker walks a stretch of a ring and turns samples into outputs.

read → decode → plan → apply → label → encode → write, one sample after the other; a decoded image stays
only until the positions behind it no longer need it as a partner.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.datatypes import Failure, Output, Shape
from augcli.errors import DecodeError
from augcli.io import codec
from augcli.io.storage import printable_key, safe_stem
from augcli.kernels.convert import match_pixels
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.table import tabulate
from augcli.labels import count_shares, dominant, mix_labels
from augcli.pipeline.chunks import Stretch
from augcli.pipeline.neighbours import Neighbours, Stopwatch
from augcli.rng import Draws, draw_many, hash_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from augcli.datatypes import Catalogue, Pixels, SoftLabel, Step
    from augcli.io.outputs import Form, Stored
    from augcli.io.source import Samples
    from augcli.labels import Shares
    from augcli.ops import Operation
    from augcli.pipeline.neighbours import Item
    from augcli.recipe import Recipe

ORIGINAL = -1
"""The copy number of a sample that is put into the output as it is."""

GATHERED_BYTES = 4 << 20
"""Encoded images that a worker gathers before it labels and writes them."""

SUBSAMPLINGS = ("444", "422", "420", "440", "411")


@dataclass(frozen=True, slots=True)
class Job:
    """What all runs of a split share.

    Attributes:
        catalogue: The samples.
        hashes: Hash of each sample's key with the seed.
        outputs: Outputs of each sample, an original among them; samples without are only partners.
        recipe: What is done to them.
        form: Where outputs go.
        class_folders: A folder name per class, or None where outputs lie flat.
        apply: The backend's function, as `kernels.reference.apply`.
    """

    catalogue: Catalogue
    hashes: NDArray[np.uint64]
    outputs: NDArray[np.int64]
    recipe: Recipe
    form: Form
    class_folders: tuple[str, ...] | None
    apply: Callable[..., None]


@dataclass(slots=True)
class RunResult:
    """What a run leaves: outputs with what must be held for the commit, and what went wrong.

    Attributes:
        stored: Outputs, in the order of the ring.
        samples: Catalogue index of each output's base.
        failures: Samples that gave no output.
        passed_over: Keys of samples that failed as partners.
        carried: Carried columns of each output, or None.
        ahead: Positions read beyond the run's end.
        counts: How often something worth a line happened.
        seconds: Time per stage.
    """

    stored: list[Stored] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    carried: Any = None
    ahead: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)


class Drawn(NamedTuple):
    """An operation that was drawn for an output, from which entry of the recipe, and its numbers."""

    entry: int
    operation: Operation
    draws: Draws


class Planned(NamedTuple):
    """The program of one output: what to apply, from which positions, and what was not applied and why."""

    steps: tuple[Step, ...] = ()
    kinds: tuple[str, ...] = ()
    partners: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


class Encoded(NamedTuple):
    """An image ready to be written."""

    data: bytes
    form: str
    height: int
    width: int


class Made(NamedTuple):
    """An output that waits to be labelled and written; samples are catalogue indices."""

    sample: int
    name: str
    partners: tuple[int, ...]
    planned: Planned
    copy: int
    encoded: Encoded
    digest: str


def execute(job: Job, run: Stretch, samples: Samples) -> RunResult:
    """Turn the samples of a run into outputs.

    Raises:
        StorageError: If the machine fails; nothing about a sample may be concluded from that.
    """
    walk = _Walk(job, run, samples)
    for position in range(run.start, run.stop):
        walk.visit(position)
    return walk.finish()


class _Walk:
    """The state of a run."""

    def __init__(self, job: Job, run: Stretch, samples: Samples) -> None:
        recipe, size = job.recipe, job.recipe.size
        self.job, self.run, self.samples = job, run, samples
        self.geometry = (
            codec.Geometry(size.height, size.width, recipe.fit, recipe.background) if size else None
        )
        self.watch = Stopwatch()
        self.near = Neighbours(run, samples, self.geometry, recipe.max_pixels, self.watch)
        self.draws = _draw(job, run)
        self.result = RunResult()
        self.made: list[Made] = []
        self.made_bytes = 0

    def visit(self, position: int) -> None:
        """Make all outputs of the sample at a position, or record why there are none."""
        copies = copy_numbers(self.job, self.near.sample(position))
        if not copies:
            self.near.release(position)
            return
        item = self.near.open(position)
        made: list[tuple[Planned, int, Encoded]] = []
        # That it failed as a partner does not count: what becomes of a sample depends on its own draws.
        failure = item.failure if item.header is None else None
        try:
            for copy in copies:
                made.append(self.make(position, copy, is_last=copy == copies[-1]))
        except DecodeError as error:
            failure = item.failure or ("encode", error)
        if failure:
            stage, cause = failure
            self.result.failures.append(Failure(self.key(position), stage, cause.reason, cause.detail))
        else:
            for planned, copy, encoded in made:
                self.hand_over(position, planned, copy, encoded)
            self.count(item)
        self.near.release(position)

    def make(self, position: int, copy: int, is_last: bool) -> tuple[Planned, int, Encoded]:
        """Plan, apply and encode one output; the last one of a sample may change its pixels in place."""
        item = self.near.open(position)
        drawn = self.draw(position, copy)
        planned = Planned(reasons=("not drawn",) if self.job.recipe.entries and copy != ORIGINAL else ())
        if drawn:
            pixels = self.near.decode(position)
            planned = self.plan(position, copy, drawn, Shape.of(pixels))
            planned = planned._replace(steps=resolve_image_mean(planned.steps, pixels))
        if not planned.steps:
            return planned, copy, self.keep(position, item)
        changed = pixels if is_last and pixels.flags.writeable else pixels.copy()
        partners = [
            match_pixels(self.near.decode(at), pixels.shape[2], pixels.dtype) for at in planned.partners
        ]
        with self.watch("apply"):
            table = tabulate(planned.steps, Shape.of(pixels), [partner.shape[:2] for partner in partners])
            self.job.apply(table, partners, changed)
        return planned, copy, self.encode(item, changed)

    def draw(self, position: int, copy: int) -> list[Drawn]:
        """Draw which operations an output gets."""
        drawn = []
        for index, entry in enumerate(self.job.recipe.entries if copy != ORIGINAL else ()):
            draws = self.draws[index, copy][position - self.run.start]
            operation = entry.draw(draws)
            if operation is not None:
                drawn.append(Drawn(index, operation, draws))
        return drawn

    def plan(self, position: int, copy: int, drawn: list[Drawn], shape: Shape) -> Planned:
        """Plan the steps of all drawn operations and find their partners."""
        steps: list[Step] = []
        kinds: list[str] = []
        partners: list[int] = []
        reasons: list[str] = []
        slots = self.job.recipe.mixing_entries
        for entry, operation, draws in drawn:
            plan = operation.plan(draws, shape, len(partners))
            reason = plan.reason
            if plan.steps and operation.mixes:
                partner = self.near.find_partner(position, copy, slots.index(entry), len(slots))
                if partner is not None:
                    partners.append(partner)
                elif len(self.run.ring.steps):
                    reason = "no partner that decodes"
                else:
                    reason = f"no partner of {self.job.recipe.partner_rule}"
            if reason:
                reasons.append(f"{operation.name}: {reason}")
            else:
                steps += plan.steps
                kinds.append(operation.name)
        return Planned(tuple(steps), tuple(kinds), tuple(partners), tuple(reasons))

    def keep(self, position: int, item: Item) -> Encoded:
        """Give an unchanged sample: the file itself where it may stand in the output, else encoded anew."""
        if item.header is None:
            assert item.failure is not None
            raise item.failure[1]
        if codec.is_copyable(item.header, self.job.recipe.image_format, self.geometry):
            form = "jpg" if item.header.format == "JPEG" else "png"
            return Encoded(item.data, form, item.header.height, item.header.width)
        return self.encode(item, self.near.decode(position))

    def encode(self, item: Item, pixels: Pixels) -> Encoded:
        """Encode pixels as the recipe and the source ask."""
        assert item.header is not None
        form = codec.choose_form(item.header, pixels.shape[2], self.job.recipe.image_format)
        recipe = self.job.recipe
        own_quality = item.header.quality or codec.DEFAULT_QUALITY
        quality = own_quality if recipe.quality == "keep" else int(recipe.quality)
        subsampling = recipe.subsampling
        if subsampling == "keep":
            own = item.header.subsampling
            subsampling = own if own in SUBSAMPLINGS else codec.DEFAULT_SUBSAMPLING
        with self.watch("encode"):
            data = codec.encode(pixels, form, quality, subsampling, recipe.background)
        return Encoded(data, form, pixels.shape[0], pixels.shape[1])

    def hand_over(self, position: int, planned: Planned, copy: int, encoded: Encoded) -> None:
        """Put an output with its neighbours, to be labelled, named and written together."""
        with self.watch("hash"):
            digest = hashlib.blake2b(encoded.data, digest_size=16).hexdigest()
        partners = tuple(self.near.sample(partner) for partner in planned.partners)
        name = self.near.open(position).name
        self.made.append(Made(self.near.sample(position), name, partners, planned, copy, encoded, digest))
        self.made_bytes += len(encoded.data)
        if self.made_bytes > GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Label and name the outputs made so far and hand them to the disk.

        Many at once: between the codec's work, whose data fill the caches, both this code and the
        kernel's would run several times slower.
        """
        with self.watch("label"):
            outputs = [(self.describe(made), made.encoded.data) for made in self.made]
        with self.watch("write"):
            self.result.stored += self.job.form.store(outputs)
        self.result.samples += [made.sample for made in self.made]
        self.made, self.made_bytes = [], 0

    def describe(self, made: Made) -> Output:
        """Label and name an output."""
        job, planned, encoded = self.job, made.planned, made.encoded
        keys, labels = job.catalogue.keys, job.catalogue.labels
        shares = count_shares(planned.steps, encoded.height, encoded.width, len(made.partners))
        label, exact = _mix([labels[at] for at in (made.sample, *made.partners)], shares)
        folders = job.class_folders
        directory = f"{folders[label]}/" if folders is not None and label is not None else ""
        op = "original" if made.copy == ORIGINAL else job.recipe.name
        key = keys[made.sample]
        # The hash of the key keeps any two names apart, for ever.
        name = f"{safe_stem(made.name)}__{op}{made.copy}-{hash_key(key):016x}.{encoded.form}"
        return Output(
            file_name=directory + name,
            source=printable_key(key),
            partners=tuple(printable_key(keys[at]) for at in made.partners),
            op="original" if made.copy == ORIGINAL else "+".join(planned.kinds) or "none",
            copy=made.copy,
            reason="; ".join(planned.reasons),
            steps=planned.steps,
            label=label,
            exact=exact,
            lam=shares.lam,
            height=encoded.height,
            width=encoded.width,
            bytes=len(encoded.data),
            hash=made.digest,
            visible=next((slot for slot, count in enumerate(shares.counts[1:]) if count), None),
        )

    def count(self, item: Item) -> None:
        """Count what is worth a line in the summary."""
        assert item.header is not None
        self.result.counts["first frame of several"] += item.header.frames
        self.result.counts["16-bit colour read as 8-bit"] += item.header.narrowed

    def finish(self) -> RunResult:
        """Give the result of the whole run."""
        self.flush()
        keys = self.job.catalogue.keys
        self.result.passed_over = sorted(printable_key(keys[sample]) for sample in self.near.failed_partners)
        self.result.ahead = max(0, self.near.farthest - self.run.stop + 1)
        self.result.carried = self.samples.carry(self.result.samples)
        self.result.seconds = self.watch.seconds
        return self.result

    def key(self, position: int) -> str:
        """Give the key of the sample at a position, as tables show it."""
        return printable_key(self.job.catalogue.keys[self.near.sample(position)])


def copy_numbers(job: Job, sample: int) -> list[int]:
    """Give the copy numbers of a sample's outputs, an original first; none where it is only a partner."""
    originals = job.recipe.originals == "copy"
    return list(range(ORIGINAL if originals else 0, int(job.outputs[sample]) - originals))


def _mix(labels: list[SoftLabel | None], shares: Shares) -> tuple[int | None, SoftLabel | None]:
    """Give the dominant class and the exact label; nothing where any source is unlabelled."""
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        return None, None
    exact = mix_labels(known, shares)
    return dominant(exact, dominant(known[0])), exact


def _draw(job: Job, run: Stretch) -> dict[tuple[int, int], list[Draws]]:
    """Draw for all samples of a run at once: by (entry, copy), a list along the run."""
    hashes, drawn = job.hashes[run.members].tolist(), {}
    copies = int(job.outputs[run.members].max()) - (job.recipe.originals == "copy")
    for index, entry in enumerate(job.recipe.entries):
        streams = 1 + max(choice.operation.streams for choice in entry.choices)
        for copy in range(copies):
            drawn[index, copy] = draw_many(job.recipe.seed, index, copy, hashes, streams)
    return drawn
