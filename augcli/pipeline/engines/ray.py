"""Workers on a cluster, by Ray."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli import __version__
from augcli.errors import MissingPartError, Option, UsageError
from augcli.left_out import let_in
from augcli.pipeline import environment
from augcli.pipeline.engines.dispatch import Dispatch, LostError
from augcli.pipeline.engines.processes import noting_signals
from augcli.pipeline.engines.remote import Greeting, Outcome, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from augcli.pipeline.engines.base import Result, Task

INSTALL_RAY = "run: pip install 'augcli[ray]'"

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Variables that keep Ray from calling home, and from a warning about GPUs that were not asked for."""

STORE_BYTES = 100 << 20
"""Memory for objects of a Ray that we begin: tasks are small, and no image passes through it."""


LISTENS_S = 10.0
"""Seconds in which a cluster must take a connection; Ray itself would try for minutes."""


def check_usable(address: str | None) -> None:
    """Refuse to go on without Ray, or where nothing listens at an address.

    Args:
        address: As for `connect`.

    Raises:
        MissingPartError: Naming the cure.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingPartError(f"Ray is not installed; {INSTALL_RAY}")
    address = _find_address(address)
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), LISTENS_S).close()
        except OSError as error:
            raise _no_answer(address, error) from error


@contextmanager
def connect(address: str | None, workers: int | None) -> Iterator[str]:
    """Connect to a cluster, or begin one on this machine alone; say in words which.

    Args:
        address: Where it is; None takes the environment's (`RAY_ADDRESS`), or begins a cluster.
        workers: CPUs of a cluster that is begun; None takes all.

    Raises:
        MissingPartError: If none answers there.
        UsageError: If an address is given though the caller is connected already.
    """
    let_in()
    import ray

    if ray.is_initialized():  # the caller's own
        if address is not None:
            connected = "this process is connected to a Ray cluster already; leave out "
            raise UsageError(connected, Option("ray_address"))
        yield f"Ray, {_describe()}"
        return
    address = _find_address(address)
    where, options = f"at {address}", {}
    if address == "local":
        where = "on this machine, begun for this run"
        options = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        # Ray sets handlers of its own, and what it has begun in part stays for ever. It remembers the streams
        # that it finds, too, and writes to them as the process ends.
        with noting_signals(), redirect_stdout(sys.__stdout__), redirect_stderr(sys.__stderr__):
            try:
                ray.init(address, logging_level="ERROR", log_to_driver=False, **options)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise _no_answer(address, error) from error
        yield f"Ray {where}, {_describe()}"
    finally:
        ray.shutdown()


@dataclass(slots=True)
class RayEngine:
    """Workers on the cluster that is connected.

    Attributes:
        greeting: What a process is asked before its first task.
        memory: Bytes that a worker takes.
        most: Tasks at once at most; None takes as many as there are CPUs, or GPUs.
        has_gpu: Whether each worker needs a GPU.
        expected: How many tasks there are, most likely.
        is_littered: Whether anything was lost, which may have left unfinished files.
    """

    greeting: Greeting
    memory: int
    most: int | None = None
    has_gpu: bool = False
    expected: int = 0
    is_littered: bool = False

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield what `work` returns for each task, in order, as `Engine` says."""
        dispatch = Dispatch(_RayCluster(self.memory, self.most, self.has_gpu), self.greeting, work)
        try:
            yield from dispatch.run(tasks, self.expected)
        finally:
            self.is_littered |= dispatch.is_littered

    def count_workers(self) -> int:
        """Return how many tasks the cluster can do at once, by now.

        Raises:
            MissingPartError: If they need GPUs, and the cluster has none.
        """
        workers = _RayCluster(self.memory, self.most, self.has_gpu).count_slots()
        if self.has_gpu and not workers:
            lack = "no node of the Ray cluster has a GPU; add one, or give "
            raise MissingPartError(lack, Option("backend", "cpu"))
        return max(1, workers)


class _RayCluster:
    """The cluster that is connected, as `Dispatch` needs it.

    What a handler raises while Ray is at work comes out as an error of Ray's, so it only takes note then.
    """

    def __init__(self, memory: int, most: int | None, has_gpu: bool) -> None:
        import ray

        self._ray, self._most, self._resource = ray, most, "GPU" if has_gpu else "CPU"
        # What fails is sent again by `Dispatch`, which knows what was lost; a worker that leaks ends in time.
        self._remote = ray.remote(
            num_cpus=1,
            num_gpus=1 if has_gpu else None,
            memory=memory,
            max_retries=0,
            max_calls=100,
            scheduling_strategy="SPREAD",
        )(carry_out)

    def submit(self, packed: bytes) -> Any:
        """Send some tasks; see `Cluster.submit`."""
        with noting_signals():
            return self._remote.remote(environment.digest(), packed)

    def wait(self, handles: Sequence[Any], timeout_s: float) -> Sequence[Any]:
        """Return those that have ended; see `Cluster.wait`."""
        with noting_signals():
            return self._ray.wait(list(handles), num_returns=1, timeout=timeout_s)[0]

    def fetch(self, handle: Any) -> Outcome:
        """Return what came of one; see `Cluster.fetch`."""
        try:
            with noting_signals():
                return self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as error:
            if "No module named 'augcli" in str(error):
                node = re.search(r"\bip=([^\s),]+)", str(error))
                name = f"node {node[1]}" if node else "a node of the cluster"
                lacks = f"{name} has no augcli, or another one; install version {__version__} there"
                raise MissingPartError(lacks) from None
            raise
        except self._ray.exceptions.RayError as error:
            raise LostError(type(error).__name__) from error

    def cancel(self, handle: Any) -> None:
        """End one at once; see `Cluster.cancel`."""
        with noting_signals(), suppress(Exception):  # the cluster may be gone as well
            self._ray.cancel(handle, force=True)

    def count_slots(self) -> int:
        """Return how many there may be at once; see `Cluster.count_slots`."""
        with noting_signals():
            slots = int(self._ray.cluster_resources().get(self._resource, 0))
        return slots if self._most is None else min(slots, self._most)


def _describe() -> str:
    """Return how large the cluster is, in words."""
    import ray

    resources, nodes = ray.cluster_resources(), sum(node["Alive"] for node in ray.nodes())
    gpus = f", {int(resources['GPU'])} GPUs" if resources.get("GPU") else ""
    return f"{int(resources.get('CPU', 0))} CPUs{gpus}, {nodes} node{'s' if nodes > 1 else ''}"


def _find_address(address: str | None) -> str:
    """Return the given address, else the environment's; `local` begins a cluster."""
    return address or os.environ.get("RAY_ADDRESS") or "local"


def _no_answer(address: str, error: Exception) -> MissingPartError:
    why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    what = f"no Ray cluster answers at {address!r} ({why}); begin one there, or give another "
    return MissingPartError(what, Option("ray_address"))
