"""How a run is done, which never changes what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from augcli.pipeline.plan.partitions import Partition


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is done, which never changes what it gives.

    Attributes:
        workers: Processes or threads; None takes as many CPUs as the process may use.
        force: Whether an output of another recipe is replaced.
        dry_run: Whether to say what would be done and write nothing.
        max_errors: Failures up to which the output counts as complete.
        backend: What applies steps: one of `BACKENDS`.
        is_stored: Whether the recipe is that of an output: nobody gave its options here and now.
        partition: Which part of the output is made; None makes all of it.
        advance: Called with (images done since the last call, all images to do).
        limits: How much is done at once; those of chunks decide the shards of parquet.
    """

    workers: int | None = None
    force: bool = False
    dry_run: bool = False
    max_errors: int = 0
    backend: str = "auto"
    is_stored: bool = False
    partition: Partition | None = None
    advance: Callable[[int, int], None] = lambda done, total: None
    limits: Limits = DEFAULT_LIMITS
