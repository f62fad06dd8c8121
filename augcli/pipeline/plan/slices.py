"""Slices of a plan: of all splits no more than the chunks of one partition need. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.tasks import slice_catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.rings import Ring
    from augcli.pipeline.plan.splits import Split
    from augcli.samples import RowGroup

SPARE_PARTNERS = 256
"""Possible partners behind its last sample that a slice knows beyond those that are needed if all images
decode. A partition that needs more lists SRC itself."""


def slice_splits(splits: Sequence[Split]) -> list[Split]:
    """Return splits with no more samples than their chunks need, as base and as partners.

    Args:
        splits: The splits, with the chunks of one partition alone.
    """
    groups = {split.catalogue.split: _list_groups(split) for split in splits}
    listed = [group for of_split in groups.values() for group in of_split]
    source = splits[0].source
    opener = source.opener.for_groups(listed) if source.groups else source.opener
    sliced = [_slice_split(split) for split in splits]
    kept = {split.catalogue.split: _list_groups(split) for split in sliced} if source.groups else {}
    source = replace(source, catalogues=(), notes=(), opener=opener, groups=kept)
    return [replace(split, source=source) for split in sliced]


def _list_groups(split: Split) -> list[RowGroup]:
    return [group for chunk in split.chunks for group in chunk.groups]


def _slice_split(split: Split) -> Split:
    """Return a split with the samples that its chunks need, by their places among these."""
    sections = _cut_rings(split)
    rows = [np.arange(group.first, group.first + group.rows) for group in _list_groups(split)]
    needed = rows or [ring.members for ring, _ in sections.values()]
    samples = np.unique(np.concatenate([np.empty(0, np.int64), *needed]))
    rings = {
        key: (replace(ring, members=np.searchsorted(samples, ring.members), keys=ring.keys[:0]), start)
        for key, (ring, start) in sections.items()
    }
    job = replace(
        split.job,
        catalogue=slice_catalogue(split.job.catalogue, samples),
        hashes=split.job.hashes[samples],
        outputs=split.job.outputs[samples],
    )
    return replace(split, job=job, chunks=[_slice_chunk(chunk, rings, samples) for chunk in split.chunks])


def _cut_rings(split: Split) -> dict[int, tuple[Ring, int]]:
    """Return the section of each ring that its arcs need, by the ring's identity.

    Beside it stands how far positions on the ring lie behind those on the section.
    """
    arcs: dict[int, list[Arc]] = {}
    for arc in (arc for chunk in split.chunks for arc in chunk.arcs):
        arcs.setdefault(id(arc.ring), []).append(arc)
    sections = {}
    for key, of_ring in arcs.items():
        ring = of_ring[0].ring
        start, stop = min(arc.start for arc in of_ring), max(arc.stop for arc in of_ring)
        reach = split.job.count_partners(ring.members[start:stop]) + SPARE_PARTNERS
        section, first = ring.cut_section(start, stop, reach)
        sections[key] = (section, start - first)
    return sections


def _slice_chunk(chunk: Chunk, rings: dict[int, tuple[Ring, int]], samples: NDArray[np.int64]) -> Chunk:
    """Return a chunk over rings and row groups whose samples have other places."""
    arcs = []
    for arc in chunk.arcs:
        ring, shift = rings[id(arc.ring)]
        arcs.append(Arc(ring, arc.start - shift, arc.stop - shift))
    groups = (group._replace(first=int(np.searchsorted(samples, group.first))) for group in chunk.groups)
    return replace(chunk, arcs=tuple(arcs), groups=tuple(groups))
