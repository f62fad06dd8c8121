"""Tasks on other machines: whether these see what they need and write the same bytes, and what comes back."""

from __future__ import annotations

import os
import pickle
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from augcli.errors import AugcliError, StorageError
from augcli.io.store.base import Store
from augcli.pipeline import environment
from augcli.pipeline.engines.processes import as_forked


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that every machine must see.

    Attributes:
        what: What it is of, as messages call it: SRC or DST.
        store: Where it lies.
        key: The file.
    """

    what: str
    store: Store
    key: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a process is asked before its first task of a run.

    Attributes:
        directory: The current directory, by which relative paths are meant.
        probes: What it must see.
    """

    directory: str
    probes: tuple[Probe, ...]


class Outcome(NamedTuple):
    """What comes back from another machine.

    Attributes:
        node: The machine.
        results: Of the tasks that were done, in order.
        error: Why the next one was not; None where all were done.
        seconds: Time that they took.
    """

    node: str
    results: tuple[Any, ...]
    error: AugcliError | None
    seconds: float


def pack(greeting: Greeting, work: Callable[[Any], Any], tasks: Sequence[Any]) -> bytes:
    """Return what `carry_out` is sent: bytes, so that it is unpacked where the environment is known."""
    return pickle.dumps((greeting, work, tuple(tasks)), pickle.HIGHEST_PROTOCOL)


def carry_out(digest: str, packed: bytes) -> Outcome:
    """Do some tasks in this process, one after the other, up to the first that fails.

    Args:
        digest: Digest of the environment where they were planned.
        packed: The tasks, by `pack`.
    """
    results: list[Any] = []
    start, error = time.perf_counter(), None
    with as_forked():
        try:
            environment.check(digest)
            greeting, work, tasks = pickle.loads(packed)
            with suppress(OSError):  # relative paths then lead nowhere, which the probes find
                os.chdir(greeting.directory)
            _look_around(greeting)
            for task in tasks:
                results.append(work(task))
        except AugcliError as raised:
            error = raised
    return Outcome(platform.node(), tuple(results), error, time.perf_counter() - start)


@cache
def _look_around(greeting: Greeting) -> None:
    """Look once whether this process sees what it must see.

    Raises:
        StorageError: If it does not.
    """
    for probe in greeting.probes:
        try:
            probe.store.open(probe.key).close()
        except StorageError as error:
            cure = "give a directory that all machines share, or a bucket"
            raise StorageError(f"{probe.what} {probe.store.name!r} is not seen here; {cure}") from error
