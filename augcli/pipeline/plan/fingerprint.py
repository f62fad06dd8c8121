"""What decides a chunk's outputs, as one digest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from augcli.pipeline.plan.chunks import Chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.samples import Catalogue


def fingerprint(
    catalogue: Catalogue,
    outputs: NDArray[np.int64],
    chunk: Chunk,
    ahead: Sequence[int],
    partners: int,
    context: str = "",
) -> str:
    """Digest everything that decides a chunk's outputs, besides the recipe.

    Args:
        catalogue: The samples.
        outputs: Outputs of each sample.
        chunk: The chunk.
        ahead: For each arc, how many positions beyond its end were read.
        partners: How many different partners a sample has, where its ring is large enough.
        context: What else the outputs depend on.

    Returns:
        Hex digest over key, size, version, label, boxes and mask of each member and of each sample read
        beyond the end, the members' numbers of outputs, the steps to partners, and the class list.
    """
    digest = hashlib.blake2b(repr((catalogue.classes, context)).encode(), digest_size=16)
    for arc, beyond in zip(chunk.arcs, ahead, strict=True):
        ring, members = arc.ring, arc.ring.members
        stop = arc.start + min(len(arc) + beyond, len(ring))
        for position in range(arc.start, stop):
            sample = members[position % len(members)]
            label = catalogue.labels[sample]
            facts = (
                catalogue.keys[sample],
                int(catalogue.sizes[sample]),
                int(catalogue.versions[sample]),
                label and (label.classes, label.weights),
                int(outputs[sample]) if position < arc.stop else None,
            )
            digest.update(repr(facts).encode("utf-8", "surrogateescape"))
            digest.update(_annotation_facts(catalogue, sample))
        steps = np.asarray(ring.shifts_within(len(arc) + beyond), np.int64)
        digest.update(steps.tobytes() + b"|%d|" % min(len(ring.shifts), partners))
    return digest.hexdigest()


def _annotation_facts(catalogue: Catalogue, sample: int) -> bytes:
    """Give what decides a sample's mask and boxes; nothing where it has none."""
    facts = b""
    if catalogue.masks is not None:
        key = catalogue.masks.keys[sample]
        facts += b"mask%d,%d" % (catalogue.masks.sizes[sample], catalogue.masks.versions[sample])
        facts += b"" if key is None else b"."
    if catalogue.boxes is not None and (boxes := catalogue.boxes[sample]) is not None:
        facts += repr((*boxes[:2], *boxes[3:])).encode() + boxes.edges.tobytes()
    return facts
