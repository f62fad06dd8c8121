"""How a run is done, which never changes what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.errors import Option, UsageError
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from augcli.pipeline.plan.partitions import Partition


ENGINES = ("local", "ray")
"""What tasks are handed to: workers of this machine, or a cluster."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What tasks are handed to.

    Attributes:
        name: One of `ENGINES`.
        address: Where the cluster is; None takes the environment's, or begins a cluster.

    Raises:
        UsageError: If no engine has this name, or an engine of this machine is given an address.
    """

    name: str = "local"
    address: str | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise UsageError(Option("engine"), f" must be one of {', '.join(ENGINES)}, got {self.name!r}")
        if self.address is not None and self.name != "ray":
            raise UsageError(Option("ray_address"), " goes with ", Option("engine", "ray"), "; give it, too")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is done, which never changes what it gives.

    Attributes:
        workers: Processes or threads; None takes as many CPUs as the process may use.
        force: Whether an output of another recipe is replaced.
        dry_run: Whether to say what would be done and write nothing.
        max_errors: Failures up to which the output counts as complete.
        backend: Name of the backend: one of `BACKENDS`.
        engine: What tasks are handed to.
        is_stored: Whether the recipe comes from an output: nobody gave its options here and now.
        partition: Which part of the output is made; None makes all of it.
        plan: For how many partitions to plan, and make nothing; None makes the output.
        advance: Called with (images done since the last call, all images to do).
        limits: How much is done at once; the limits of chunks decide the shards of parquet.
    """

    workers: int | None = None
    force: bool = False
    dry_run: bool = False
    max_errors: int = 0
    backend: str = "auto"
    engine: EngineChoice = EngineChoice()
    is_stored: bool = False
    partition: Partition | None = None
    plan: int | None = None
    advance: Callable[[int, int], None] = lambda done, total: None
    limits: Limits = DEFAULT_LIMITS
