"""Where the tasks of a run are done: on this machine, or on a cluster."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import Option, UsageError
from augcli.io.store.base import WorkerKind, is_local
from augcli.io.store.contents import list_contents
from augcli.io.store.names import is_unfinished, probe_key
from augcli.kernels.backends import choose_backend
from augcli.pipeline.engines.cpus import FILES_BYTES, ROWS_BYTES
from augcli.pipeline.engines.local import LocalEngine, find_worker_kind
from augcli.pipeline.engines.remote import Greeting, Probe
from augcli.pipeline.worker.task import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.io.store.base import Store
    from augcli.pipeline.engines.base import Engine
    from augcli.pipeline.plan.splits import Split
    from augcli.pipeline.settings import Settings


class Workplace(NamedTuple):
    """Where the tasks of a run are done.

    Attributes:
        engine: What hands them out.
        workers: How many workers there are.
        processes: Whether they share nothing with each other.
        name: What it is in words; empty for this machine.
    """

    engine: Engine
    workers: int
    processes: bool
    name: str = ""


@contextmanager
def open_workplace(
    split: Split, settings: Settings, workers: int, expected: int, has_steps: bool
) -> Iterator[Workplace]:
    """Open the place where tasks are done, and close it in the end.

    Args:
        split: A split; all have one input and one output.
        settings: How the run is done.
        workers: How many workers this machine would have.
        expected: How many tasks there are, most likely.
        has_steps: Whether tasks apply any step.

    Raises:
        MissingPartError: If no cluster answers.
        UsageError: If a store lies in the memory of this process, which no cluster sees.
    """
    job, source = split.job, split.source
    stores = [job.writer.store, *(place.store for place in source.places)]
    forks = settings.engine.name == "ray" or choose_backend(settings.backend, has_steps).forks
    worker_kind = find_worker_kind(stores, forks)
    if settings.engine.name == "local":
        engine = LocalEngine(workers, worker_kind, partial(prepare, settings.backend, has_steps))
        yield Workplace(engine, workers, workers > 1 and worker_kind is not WorkerKind.THREADS)
        return
    if min(store.worker_kind for store in stores) is WorkerKind.THREADS:
        words = Option("engine", "ray"), ": what lies in the memory of this process is not seen by others; "
        raise UsageError(*words, "give directories or buckets")
    with _open_ray(split, settings, expected) as place:
        yield place


@contextmanager
def _open_ray(split: Split, settings: Settings, expected: int) -> Iterator[Workplace]:
    """Connect to the cluster, and let each of its processes look for SRC and DST."""
    from augcli.pipeline.engines.ray import RayEngine, connect

    memory = ROWS_BYTES if split.source.rows_are_shared else FILES_BYTES
    with connect(settings.engine.address, settings.workers) as name, _put_probes(split) as probes:
        greeting, has_gpu = Greeting(str(Path.cwd()), probes), settings.backend == "gpu"
        engine = RayEngine(greeting, memory, settings.workers, has_gpu, expected)
        yield Workplace(engine, engine.count_workers(), True, name)


@contextmanager
def _put_probes(split: Split) -> Iterator[tuple[Probe, ...]]:
    """Name a file of SRC, and write one into DST, that each machine must see; buckets are seen by all."""
    store, place = split.job.writer.store, split.source.places[0]
    probes = [Probe("SRC", place.store, place.key)] if is_local(place.store) and place.key else []
    if not is_local(store):
        yield tuple(probes)
        return
    probe = Probe("DST", store, probe_key(os.urandom(4).hex()))
    store.create(probe.key, b"")
    try:
        yield (*probes, probe)
    finally:
        store.delete([probe.key])


def sweep(store: Store) -> None:
    """Remove the unfinished files that lost attempts may have left; a run calls it that is alone in DST."""
    if is_local(store):
        store.delete([key for key in list_contents(store).visible() if is_unfinished(key)])
