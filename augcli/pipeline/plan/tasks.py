"""Tasks: what one worker does in one go, and the slice of the plan that it needs. Pure.

Tasks are whole chunks while many are left to do, then pieces of chunks, which get shorter towards the end. No
byte depends on it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.pipeline.plan.chunks import Arc, cut_pieces
from augcli.samples import Catalogue, MaskFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.plan.limits import Limits
    from augcli.pipeline.plan.splits import Split
    from augcli.samples import RowGroup

PER_WORKER = 2
"""A task takes at most the work left, divided by so many for each worker: all end at the same time."""

LEAST_SHARE = 16
"""A piece of parquet rows is such a share of its chunk at least: its row groups are read anew for each, and
that was measured to take a hundredth of the time that all of their images take."""


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


def cut_todo(
    todo: Sequence[tuple[Split, Chunk]], workers: int, processes: bool, limits: Limits
) -> Iterator[Piece]:
    """Cut chunks that are to be made into pieces, in order.

    Args:
        todo: The chunks that are to be made.
        workers: Number of workers.
        processes: Whether they are processes, which commit whole chunks, and read by themselves what pieces
            need; threads share it.
        limits: How long pieces are.
    """
    outputs = sum(len(chunk) for _, chunk in todo)
    for split, chunk in todo:
        length = len(chunk)
        if processes and length * PER_WORKER * workers <= outputs:
            cut: Iterable[tuple[Arc, ...]] = [chunk.arcs]
        elif processes and chunk.groups:
            cut = cut_pieces(chunk, piece_lengths(outputs, workers, -(-length // LEAST_SHARE), length))
        else:
            longest = limits.longest_piece if processes else limits.longest_in_threads
            cut = cut_pieces(chunk, piece_lengths(outputs, workers, limits.shortest_piece, longest))
        for arcs in cut:
            yield Piece(split, chunk, arcs, processes and sum(map(len, arcs)) == length)
        outputs -= length


def take_whole(todo: Sequence[tuple[Split, Chunk]]) -> Iterator[Piece]:
    """Yield each chunk that is to be made as one piece: for an engine whose tasks commit by themselves."""
    return (Piece(split, chunk, chunk.arcs, True) for split, chunk in todo)


def piece_lengths(outputs: int, workers: int, shortest: int, longest: int) -> Iterator[int]:
    """Yield how many samples the next pieces have, while `outputs` are to be done."""
    while True:
        length = min(max(outputs // (PER_WORKER * workers), shortest), longest)
        yield length
        outputs -= length


def slice_job(job: Job, arcs: Sequence[Arc], reach: int, groups: Sequence[RowGroup] = ()) -> Slice:
    """Return a job with no more samples than some arcs need.

    Args:
        job: The whole job.
        arcs: The arcs.
        reach: How many of the nearest possible partners of each position are known.
        groups: Row groups that the samples are rows of.
    """
    sections = [(*arc.ring.cut_section(arc.start, arc.stop, reach), len(arc)) for arc in arcs]
    samples = np.unique(np.concatenate([ring.members for ring, _, _ in sections]))
    known = {id(ring): ring for ring, _, _ in sections}
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
    return Slice(
        sliced,
        tuple(Arc(rings[id(ring)], start, start + length) for ring, start, length in sections),
        tuple(_slice_groups(groups, samples)),
    )


def _slice_groups(groups: Sequence[RowGroup], samples: NDArray[np.int64]) -> Iterator[RowGroup]:
    """Yield the row groups that some samples are rows of, with these rows; samples count by their place."""
    for group in groups:
        start, stop = np.searchsorted(samples, [group.first, group.first + group.rows]).tolist()
        if start < stop:
            yield group._replace(first=start, wanted=tuple((samples[start:stop] - group.first).tolist()))


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
        left_out=None,
    )
