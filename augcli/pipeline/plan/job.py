"""What all tasks of a split share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from augcli.io.writers.base import Writer
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe
    from augcli.samples import Catalogue


@dataclass(frozen=True, slots=True)
class Job:
    """What all tasks of a split share.

    Attributes:
        catalogue: The samples.
        hashes: Hash of each sample's key with the seed.
        outputs: Outputs of each sample, an original among them; samples without are only partners.
        recipe: The recipe.
        writer: Where outputs go.
        class_folders: A folder name per class, or None where outputs lie flat.
        name_seeds: Seeds of the hash in the names of outputs that the recipe changes, and of originals.
        annotated: What belongs to the images beside their labels.
        backend: Name of the backend, one of `kernels.backends.BACKENDS`.
        limits: How much is done at once.
    """

    catalogue: Catalogue
    hashes: NDArray[np.uint64]
    outputs: NDArray[np.int64]
    recipe: Recipe
    writer: Writer
    class_folders: tuple[str, ...] | None
    name_seeds: tuple[int, int]
    annotated: Annotated
    backend: str
    limits: Limits = DEFAULT_LIMITS

    def count_partners(self, members: NDArray[np.int64]) -> int:
        """Return how many different partners a sample needs at most, of some."""
        return int(self.outputs[members].max()) * len(self.recipe.mixing_entries)
