"""A split in progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.pipeline.chunks import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    def fingerprint(self, chunk: Chunk, ahead: Sequence[int]) -> str:
        """Digest everything that decides a chunk's outputs, besides the recipe's own keys.

        Beside the samples that is: whether outputs lie in class folders, the columns carried along, whether
        the split is augmented or passed on, and how many of a small ring can be partners.
        """
        recipe = self.job.recipe
        reach = recipe.copies * len(recipe.mixing_entries)
        partners = [min(len(stretch.ring) - 1, reach) for stretch in chunk.stretches]
        has_folders = self.job.class_folders is not None
        context = repr((has_folders, str(self.source.carried), recipe.name, partners))
        return fingerprint(self.catalogue, chunk, ahead, context)

    def part_names(self) -> list[str]:
        """Name all chunks, in order."""
        return [self.part_name(chunk) for chunk in self.chunks]
