"""A split in progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augcli.datatypes import Catalogue
    from augcli.io.source import Source
    from augcli.io.tables import PartFacts
    from augcli.pipeline.chunks import Chunk
    from augcli.pipeline.execute import Job


@dataclass(slots=True)
class Split:
    """A split in progress: its job, its chunks, and the facts of those that stand, by chunk name."""

    job: Job
    chunks: list[Chunk]
    source: Source
    facts: dict[str, PartFacts] = field(default_factory=dict)

    @property
    def catalogue(self) -> Catalogue:
        """Samples of the split."""
        return self.job.catalogue

    def part_name(self, chunk: Chunk) -> str:
        """Name a chunk so that chunks of all splits differ."""
        return f"{self.catalogue.split}-{chunk.name}" if self.catalogue.split else chunk.name

    def part_names(self) -> list[str]:
        """Name all chunks, in order."""
        return [self.part_name(chunk) for chunk in self.chunks]
