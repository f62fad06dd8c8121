"""Some outputs made in memory, exactly as a run would write them, to be looked at before it does."""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from augcli.errors import InputError
from augcli.io.store.local import LocalStore
from augcli.kernels.backends import Backend, choose_backend
from augcli.pipeline.plan.checks import check_boxes, check_masks
from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.rings import SectionTooShortError
from augcli.pipeline.plan.splits import plan_splits
from augcli.pipeline.plan.tasks import slice_job
from augcli.pipeline.worker.commit import join_results
from augcli.pipeline.worker.drawing import Drawer
from augcli.pipeline.worker.execute import execute
from augcli.pipeline.worker.values import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from augcli.io.readers.base import Samples, Source
    from augcli.io.writers.base import Pair, Writer
    from augcli.kernels.table import Table
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe
    from augcli.samples import Catalogue, Pixels, RowGroup

TRIES = 8
"""How many outputs of a section are made at most to find a changed one."""

LOOKED_AT = 256
"""How many positions of a section are looked at to find one that draws an operation."""

FEW_VALUES = 1 << 28
"""Values changed by steps up to which NumPy takes a second of a processor, which threads share: hardly longer
than to load the compiled kernels, and much less than to compile them first."""

FIRST_COPIES = 4
"""Of more copies only so many are shown: a partner stands the farther ahead, the higher the copy."""


class Previewed(NamedTuple):
    """An output, and what it is made from.

    Attributes:
        row: What its part file would say of it.
        pair: Its encoded image and mask.
        source: The data set, of which no more samples are there than were read for it.
    """

    row: dict[str, Any]
    pair: Pair
    source: Source


class _Place(NamedTuple):
    """The place of an output: a position of a ring, by its chunk and its arc, and the copy."""

    chunk: Chunk
    arc: Arc
    copy: int


def preview_outputs(source: Source, recipe: Recipe, count: int, pool: Executor) -> list[Previewed]:
    """Make some outputs of the split that is augmented, evenly over its ring; changed ones come first.

    The ring is cut into as many sections as outputs are asked for. Each section gives one: the first to
    which an operation is applied, if it is among the first few; else the first. Of several copies the first
    ones are shown by turns.

    Args:
        source: The data set.
        recipe: What a run would do to it.
        count: How many outputs; fewer where there are not so many samples.
        pool: Threads that make several at once.

    Raises:
        UsageError: If the recipe asks what the input does not allow.
        InputError: If the input lacks what the recipe needs, or no sample that was tried gives an output.
        StorageError: If the machine fails.
    """
    recipe = replace(recipe, format=recipe.format or source.layout)
    check_masks(recipe, source.annotated)
    check_boxes(recipe, source.annotated)
    nowhere = LocalStore(os.devnull)  # nothing is written, and nothing could be
    split = next(split for split in plan_splits(source, nowhere, recipe, "auto") if not split.is_passed_on)
    arcs = [(chunk, arc) for chunk in split.chunks for arc in chunk.arcs]
    stops = list(accumulate(len(arc) for _, arc in arcs))
    shown = min(count, stops[-1] if stops else 0)
    applier = _Applier()
    backend = Backend("preview", lambda: applier.apply, forks=True)

    def make(number: int) -> Previewed | None:
        section = range(number * stops[-1] // shown, (number + 1) * stops[-1] // shown)
        places = _choose_places(split, (_locate(arcs, stops, place) for place in section), number)
        return _make_first_changed(split, places, backend)

    outputs = [output for output in pool.map(make, range(shown)) if output is not None]
    if not outputs:
        raise InputError("none of the images that were looked at can be used; run the command to see why")
    return sorted(outputs, key=lambda output: not output.row["applied"])


def _locate(arcs: Sequence[tuple[Chunk, Arc]], stops: Sequence[int], place: int) -> tuple[Chunk, Arc]:
    """Return a position among those of all arcs, as an arc of its own."""
    number = bisect_right(stops, place)
    chunk, arc = arcs[number]
    position = arc.stop - (stops[number] - place)
    return chunk, Arc(arc.ring, position, position + 1)


def _choose_places(split: Split, positions: Iterator[tuple[Chunk, Arc]], number: int) -> Iterator[_Place]:
    """Yield outputs of some positions, those that get an operation before the others; a few of each."""
    others = []
    has_originals = split.job.recipe.originals == "copy"
    for chunk, arc in islice(positions, LOOKED_AT):
        outputs = int(split.job.outputs[arc.members[0]])
        copies = min(outputs - has_originals, FIRST_COPIES)
        place = _Place(chunk, arc, number % copies if copies else ORIGINAL)
        if outputs and _is_drawn(split, place):
            yield place
        elif outputs:
            others.append(place)
    yield from others


def _is_drawn(split: Split, place: _Place) -> bool:
    """True if an output gets an operation; whether that is applied is not known before it is planned."""
    sample = int(split.job.hashes[place.arc.members[0]])
    return place.copy != ORIGINAL and bool(Drawer(split.job.recipe).draw(place.copy, sample))


def _make_first_changed(split: Split, places: Iterator[_Place], backend: Backend) -> Previewed | None:
    """Make outputs until one is changed; return it, else the first that there is."""
    first = None
    for place in islice(places, TRIES):
        output = _make(split, place, backend)
        if output is not None and output.row["applied"]:
            return output
        first = first or output
    return first


def _make(split: Split, place: _Place, backend: Backend) -> Previewed | None:
    """Make an output; None if its base cannot be used."""
    has_originals = split.job.recipe.originals == "copy"
    # Copies behind it are not made, nor are their partners looked for.
    most = np.minimum(split.job.outputs, place.copy + 1 + has_originals)
    job = replace(split.job, outputs=most, writer=cast("Writer", _Keeping(split.job.writer)))
    spare = 0
    while True:
        reach = job.count_partners(place.arc.members) + spare
        part = slice_job(job, [place.arc], reach, place.chunk.groups)
        opener = split.source.opener.for_groups(part.groups)
        samples = _Remembering(opener.open(part.job.catalogue, part.groups, place.chunk.portions))
        try:
            result = execute(part.job, part.arcs[0], cast("Samples", samples), backend)
        except SectionTooShortError:
            spare = 2 * spare + 1
            continue
        rows, order = join_results([result], split.beside)
        groups = {part.job.catalogue.split: list(part.groups)}
        read = replace(split.source, catalogues=(part.job.catalogue,), groups=groups, opener=_Opened(samples))
        for row, number in zip(rows.to_pylist(), order, strict=True):
            if row["copy"] == place.copy:
                return Previewed(row, result.staged[number], read)
        return None


class _Applier:
    """Applies steps by NumPy until compiled kernels would have been faster, then by these: of equal bytes."""

    def __init__(self) -> None:
        self._left = FEW_VALUES

    def apply(self, table: Table, partners: Sequence[Pixels], pixels: Pixels) -> None:
        """Apply a program to an image in place."""
        heights, widths = (
            table.steps[end] - table.steps[start] for end, start in (("y1", "y0"), ("x1", "x0"))
        )
        self._left -= int(heights.astype(np.int64) @ widths) * pixels.shape[2]
        choose_backend("reference" if self._left >= 0 else "cpu").load()(table, partners, pixels)


class _Keeping:
    """In the place of a writer: encoded images and masks are kept in memory."""

    def __init__(self, writer: Writer) -> None:
        self.name = writer.name

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> Sequence[Any]:
        """Return what was to be written."""
        return pairs


class _Remembering:
    """Samples that are read once: who draws them takes what was read for their output."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._images: dict[int, tuple[bytes, str]] = {}
        self._masks: dict[int, bytes] = {}
        self.read_ahead, self.carry = samples.read_ahead, samples.carry
        self.hash_columns, self.release = samples.hash_columns, samples.release

    def read(self, sample: int) -> tuple[bytes, str]:
        """Return a sample's encoded image and the name that its stem is made from."""
        if sample not in self._images:
            self._images[sample] = self._samples.read(sample)
        return self._images[sample]

    def read_mask(self, sample: int) -> bytes:
        """Return a sample's encoded mask."""
        if sample not in self._masks:
            self._masks[sample] = self._samples.read_mask(sample)
        return self._masks[sample]


class _Opened(NamedTuple):
    """An opener of samples that are open already."""

    samples: Any

    def for_groups(self, groups: Sequence[RowGroup]) -> _Opened:
        """Return itself."""
        return self

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> Samples:
        """Return the samples."""
        return cast("Samples", self.samples)
