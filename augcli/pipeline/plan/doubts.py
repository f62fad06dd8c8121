"""Chunks that stand, but whose sources bear another time than when they were read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.io.store.hashes import HASH_BYTES
from augcli.pipeline.plan.fingerprint import samples_read, source_versions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.io.records.part_files import PartFacts
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split


class Sources(NamedTuple):
    """The sources of a chunk that stands.

    Attributes:
        split: Its split.
        chunk: The chunk.
        samples: The samples that were read for it.
        versions: Sizes and versions of their files now.
        contents: (n, 16) hash of each when it was read; zeros where it was not.
    """

    split: Split
    chunk: Chunk
    samples: NDArray[np.int64]
    versions: NDArray[np.int64]
    contents: NDArray[np.uint8]


class Doubt(NamedTuple):
    """A chunk that stands if its sources are still the same.

    Attributes:
        sources: Its sources.
        places: Which of its samples must be read to know that.
    """

    sources: Sources
    places: NDArray[np.int64]


def list_sources(split: Split, chunk: Chunk, facts: PartFacts) -> Sources | None:
    """Return the sources of a chunk; None if its part file lists others than it would be made from."""
    samples = samples_read(chunk.arcs, facts.ahead)
    if len(facts.contents) != HASH_BYTES * len(samples):
        return None
    contents = np.frombuffer(facts.contents, np.uint8).reshape(-1, HASH_BYTES)
    return Sources(split, chunk, samples, source_versions(split.catalogue, samples), contents)


def find_doubt(sources: Sources, seen: NDArray[np.int64] | None) -> Doubt | None:
    """Return the doubt about a chunk, given the versions that were read; None if it stands without a doubt.

    Args:
        sources: Its sources.
        seen: Their versions when they were read; None if that is not known.
    """
    was_read = sources.contents.any(axis=1)
    is_other = was_read if seen is None else was_read & (sources.versions != seen).any(axis=0)
    places = np.flatnonzero(is_other)
    return Doubt(sources, places) if len(places) else None
