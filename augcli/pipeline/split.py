"""A split in progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from augcli.io import outputs, tables
from augcli.io.annotation_columns import annotation_schema
from augcli.pipeline.chunks import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from augcli.datatypes import Catalogue
    from augcli.io.outputs import Form
    from augcli.io.source import Source
    from augcli.io.tables import PartFacts
    from augcli.pipeline.chunks import Chunk
    from augcli.pipeline.job import Job
    from augcli.pipeline.rings import Ring


@dataclass(frozen=True, slots=True)
class SplitOutput:
    """What stands of a split in DST.

    Attributes:
        name: The split; "" where there are none.
        form: How its outputs lie there.
        parts: Its part files, in order.
        facts: What they say of their chunks.
        classes: Class names.
        class_folders: A folder name per class, or None where outputs lie flat.
    """

    name: str
    form: Form
    parts: list[Path]
    facts: list[PartFacts]
    classes: tuple[str, ...] | None
    class_folders: tuple[str, ...] | None

    def files(self) -> set[str]:
        """Name the files below DST that hold the outputs."""
        return {name for part in self.parts for name in self.form.files(tables.read_file_names(part))}


@dataclass(slots=True)
class Split:
    """A split in progress: its job, its chunks, and the facts of those that stand, by chunk name.

    `recipe` is the digest of what the whole run does. `mislabelled` are chunks that stand but for the label
    columns of their shards.
    """

    job: Job
    chunks: list[Chunk]
    source: Source
    recipe: str = ""
    facts: dict[str, PartFacts] = field(default_factory=dict)
    mislabelled: list[Chunk] = field(default_factory=list)

    @property
    def catalogue(self) -> Catalogue:
        """Samples of the split."""
        return self.job.catalogue

    def part_name(self, chunk: Chunk) -> str:
        """Name a chunk so that chunks of all splits differ."""
        return f"{self.catalogue.split}-{chunk.name}" if self.catalogue.split else chunk.name

    def fingerprint(self, chunk: Chunk, ahead: Sequence[int]) -> str:
        """Digest everything that decides a chunk's outputs, besides the recipe's own keys.

        Beside samples and partners that is: whether outputs lie in class folders, the columns carried
        along, and whether the split is augmented or passed on.
        """
        job = self.job
        partners = int(job.outputs[chunk.members].max()) * len(job.recipe.mixing_entries)
        carried = [(str(field), self.source.features.get(field.name)) for field in self.source.carried]
        context = repr((job.class_folders is not None, carried, job.recipe.name))
        if job.annotated:
            boxes = job.annotated.boxes
            context += repr((boxes and (boxes.form, boxes.names), job.annotated.masks))
        return fingerprint(self.catalogue, job.outputs, chunk, ahead, partners, context)

    @property
    def beside(self) -> Any:
        """Schema of the columns behind ours: those carried along, then those of masks and boxes."""
        return annotation_schema(self.job.annotated, self.source.carried)

    def output(self, dst: Path) -> SplitOutput:
        """Say what stands of it in DST, once all chunks are committed."""
        job, catalogue = self.job, self.catalogue
        parts = [outputs.part_path(dst, name) for name in self.part_names()]
        facts = [self.facts[chunk.name] for chunk in self.chunks]
        return SplitOutput(catalogue.split, job.form, parts, facts, catalogue.classes, job.class_folders)

    def bases(self, chunk: Chunk) -> NDArray[np.int64]:
        """Give the samples of a chunk that have outputs."""
        members = chunk.members
        return members[self.job.outputs[members] > 0]

    @property
    def rings(self) -> list[Ring]:
        """All rings, once each."""
        return list({id(s.ring): s.ring for chunk in self.chunks for s in chunk.stretches}.values())

    def part_names(self) -> list[str]:
        """Name all chunks, in order."""
        return [self.part_name(chunk) for chunk in self.chunks]
