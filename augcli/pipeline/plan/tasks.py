"""Tasks: what one worker does in one go, and the slice of the plan that it needs. Pure.

Where there are many chunks, a task is a whole chunk; else chunks are cut into pieces. No byte depends on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.pipeline.plan.chunks import Arc, cut_pieces
from augcli.samples import Catalogue, MaskFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.plan.limits import Limits
    from augcli.pipeline.plan.splits import Split
    from augcli.samples import RowGroup

CHUNKS_PER_WORKER = 4
"""With as many chunks for each worker, or more, a task is a whole chunk."""

CUT_PER_WORKER = 2
"""So many of the last chunks for each worker are cut even then, if they can be: all end at the same time."""


class Piece(NamedTuple):
    """What one task does: some arcs of a chunk, or all of them and the commit."""

    split: Split
    chunk: Chunk
    arcs: tuple[Arc, ...]
    is_whole: bool


class Slice(NamedTuple):
    """A job with no more samples than some arcs need, and these arcs and row groups among its samples."""

    job: Job
    arcs: tuple[Arc, ...]
    groups: tuple[RowGroup, ...]


def count_whole(todo: Sequence[tuple[Split, Chunk]], workers: int, can_cut: bool) -> int:
    """Return how many of the chunks are tasks of their own, from the first on.

    Args:
        todo: The chunks that are to be made.
        workers: Number of workers.
        can_cut: Whether workers can do a chunk piece by piece.
    """
    if len(todo) < CHUNKS_PER_WORKER * workers:
        return 0
    return len(todo) - CUT_PER_WORKER * workers if can_cut else len(todo)


def cut_todo(
    todo: Sequence[tuple[Split, Chunk]], workers: int, whole: int, limits: Limits
) -> Iterator[Piece]:
    """Cut what is to be made into pieces, in order; the first `whole` chunks stay whole.

    If all do, the largest come first, so that workers end at about the same time.
    """
    total = sum(len(chunk) for _, chunk in todo)
    if whole == len(todo):
        todo = sorted(todo, key=lambda pair: -int(pair[0].job.outputs[pair[1].members].sum()))
    for number, (split, chunk) in enumerate(todo):
        if number < whole:
            yield Piece(split, chunk, chunk.arcs, True)
        else:
            cut = cut_pieces(chunk, total, workers, limits)
            yield from (Piece(split, chunk, arcs, False) for arcs in cut)


def slice_job(job: Job, arcs: Sequence[Arc], reach: int | None, groups: Sequence[RowGroup] = ()) -> Slice:
    """Return a job with no more samples than some arcs need.

    Args:
        job: The whole job.
        arcs: The arcs.
        reach: How many of the nearest possible partners of each position are known; None for whole rings.
        groups: Row groups that are read for them: all of their rows are known.
    """
    stretches = [(*arc.ring.stretch(arc.start, arc.stop, reach), len(arc)) for arc in arcs]
    rows = [np.arange(group.first, group.first + group.rows) for group in groups]
    samples = np.unique(np.concatenate([*(ring.members for ring, _, _ in stretches), *rows]))
    known = {id(ring): ring for ring, _, _ in stretches}
    rings = {
        key: replace(ring, members=np.searchsorted(samples, ring.members), keys=ring.keys[:0])
        for key, ring in known.items()
    }
    sliced = replace(
        job,
        catalogue=slice_catalogue(job.catalogue, samples),
        hashes=job.hashes[samples],
        outputs=job.outputs[samples],
    )
    places = np.searchsorted(samples, [group.first for group in groups]).tolist()
    return Slice(
        sliced,
        tuple(Arc(rings[id(ring)], start, start + length) for ring, start, length in stretches),
        tuple(group._replace(first=place) for group, place in zip(groups, places, strict=True)),
    )


def slice_catalogue(catalogue: Catalogue, samples: NDArray[np.int64]) -> Catalogue:
    """Return a catalogue of some samples, in the order in which they are given."""
    places, masks = samples.tolist(), catalogue.masks
    return replace(
        catalogue,
        keys=[catalogue.keys[place] for place in places],
        sizes=catalogue.sizes[samples],
        versions=catalogue.versions[samples],
        labels=[catalogue.labels[place] for place in places],
        boxes=None if catalogue.boxes is None else [catalogue.boxes[place] for place in places],
        masks=masks
        and MaskFiles([masks.keys[place] for place in places], masks.sizes[samples], masks.versions[samples]),
    )
