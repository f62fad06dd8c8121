"""What a run is given, what it leaves, and an output on its way between the two."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from augcli.io.writers.base import Pair, Writer
    from augcli.kernels.backends import Backend
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe
    from augcli.samples import Catalogue, Failure


@dataclass(frozen=True, slots=True)
class Job:
    """What all runs of a split share.

    Attributes:
        catalogue: The samples.
        hashes: Hash of each sample's key with the seed.
        outputs: Outputs of each sample, an original among them; samples without are only partners.
        recipe: What is done to them.
        writer: Where outputs go.
        class_folders: A folder name per class, or None where outputs lie flat.
        annotated: What belongs to the images beside their labels.
        backend: What applies steps.
    """

    catalogue: Catalogue
    hashes: NDArray[np.uint64]
    outputs: NDArray[np.int64]
    recipe: Recipe
    writer: Writer
    class_folders: tuple[str, ...] | None
    annotated: Annotated
    backend: Backend


@dataclass(slots=True)
class ArcResult:
    """What a run leaves: rows and what must be held for the commit, and what went wrong.

    Attributes:
        rows: Rows of the outputs, the carried columns behind, in the order of the ring, as
            `tables.pack_rows` gives them; empty where there are none.
        pairs: Their encoded images and masks, where the writer needs them only at the commit.
        failures: Samples that gave no output.
        passed_over: Keys of samples that failed as partners.
        ahead: Positions read beyond the run's end.
        counts: How often something worth a line happened.
        seconds: Time per stage.
    """

    rows: bytes = b""
    pairs: list[Pair] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    ahead: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
