"""What decides a chunk's outputs, as one digest, and which samples were read for it.

Beside the digest part files hold the hash of each sample that was read: a digest of all that is known without
reading would not see other bytes of the same size and time.
"""

from __future__ import annotations

import hashlib
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from augcli.pipeline.plan.rings import SectionTooShortError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.job import Job
    from augcli.samples import Catalogue


def fingerprint_chunk(job: Job, arcs: Sequence[Arc], ahead: Sequence[int], context: str) -> str:
    """Digest everything that decides the outputs of a chunk of a job, besides the recipe's own keys."""
    partners = max(job.count_partners(arc.members) for arc in arcs)
    return fingerprint(job.catalogue, job.outputs, arcs, ahead, partners, context)


def fingerprint(
    catalogue: Catalogue,
    outputs: NDArray[np.int64],
    arcs: Sequence[Arc],
    ahead: Sequence[int],
    partners: int,
    context: str = "",
) -> str:
    """Digest everything that decides a chunk's outputs, besides the recipe and the bytes of its samples.

    Args:
        catalogue: The samples.
        outputs: Outputs of each sample.
        arcs: The arcs of the chunk.
        ahead: For each arc, how many positions beyond its end were read.
        partners: How many different partners a sample has, where its ring is large enough.
        context: What else the outputs depend on.

    Returns:
        Hex digest over key, label and boxes of each member and of each sample read beyond the end, whether it
        has a mask, the members' numbers of outputs, the shifts to partners, and the class list.
    """
    digest = hashlib.blake2b(repr((catalogue.classes, context)).encode(), digest_size=16)
    labels: dict[int, str] = {}
    for arc, beyond in zip(arcs, ahead, strict=True):
        read = _read_for(arc, beyond).tolist()
        for sample, count in zip_longest(read, outputs[read[: len(arc)]].tolist()):
            label = catalogue.labels[sample]
            if id(label) not in labels:  # few, which many samples share
                labels[id(label)] = repr(label and (label.classes, label.weights))
            facts = f"({catalogue.keys[sample]!r}, {labels[id(label)]}, {count})"
            digest.update(facts.encode("utf-8", "surrogateescape") + annotation_facts(catalogue, sample))
        shifts = np.asarray(arc.ring.shifts_within(len(arc) + beyond), np.int64)
        digest.update(shifts.tobytes() + b"|%d|" % min(arc.ring.partners, partners))
    return digest.hexdigest()


def count_read(arc: Arc, ahead: int) -> int:
    """Return how many samples are read for an arc: its own and those behind it, each of the ring once."""
    return min(len(arc) + ahead, len(arc.ring))


def samples_read(arcs: Sequence[Arc], ahead: Sequence[int]) -> NDArray[np.int64]:
    """Return the samples that are read for the arcs of a chunk, in the order of its part file."""
    return np.concatenate([_read_for(arc, beyond) for arc, beyond in zip(arcs, ahead, strict=True)])


def _read_for(arc: Arc, ahead: int) -> NDArray[np.int64]:
    """Return the samples that are read for an arc: its own, then those behind it.

    Raises:
        SectionTooShortError: If they lie behind the section that is known of its ring.
    """
    places = np.arange(arc.start, arc.start + count_read(arc, ahead)) % len(arc.ring)
    if places.max(initial=0) >= len(arc.ring.members):
        raise SectionTooShortError
    return arc.ring.members[places]


def source_versions(catalogue: Catalogue, samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sizes and versions of the files of some samples, then those of their masks, as rows."""
    rows = [catalogue.sizes[samples], catalogue.versions[samples]]
    if catalogue.masks is not None:
        rows += [catalogue.masks.sizes[samples], catalogue.masks.versions[samples]]
    return np.stack(rows).astype(np.int64)


def annotation_facts(catalogue: Catalogue, sample: int) -> bytes:
    """Return what decides a sample's mask and boxes; empty if it has neither."""
    facts = b""
    if catalogue.masks is not None:
        facts += b"no mask" if catalogue.masks.keys[sample] is None else b"mask"
    if catalogue.boxes is not None and (boxes := catalogue.boxes[sample]) is not None:
        facts += repr((*boxes[:2], *boxes[3:6])).encode() + boxes.edges.tobytes()
        facts += b"".join(b"|" + (b"" if outline is None else outline.facts) for outline in boxes.outlines)
        facts += repr(boxes.skipped).encode() if boxes.skipped else b""
    return facts
