"""Workers that are forked from this process: they inherit the function that they call."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from augcli.pipeline.engines.connections import FORKING, Connections, cannot_begin, serve_connection
from augcli.pipeline.engines.processes import serve_parent


class ForkedWorkers:
    """Workers, and a connection to each of them."""

    def __init__(self, workers: int, work: Callable[[Any], Any]) -> None:
        """Fork them.

        Args:
            workers: How many.
            work: What each calls with its tasks; it need not pickle.

        Raises:
            StorageError: If one cannot be forked.
        """
        self._processes: list[int] = []
        try:
            self._connections = Connections([self._fork(work) for _ in range(workers)])
        except OSError as error:
            self.close()
            raise cannot_begin(error) from error

    def _fork(self, work: Callable[[Any], Any]) -> Connection:
        with FORKING:
            near, far = socket.socketpair()
            with near, far:  # only the worker keeps its end, so that it ends with it
                parent, process = os.getpid(), os.fork()
                if not process:
                    near.close()
                    _work(parent, Connection(far.detach()), work)
                self._processes.append(process)
                return Connection(near.detach())

    def call(self, task: Any) -> Any:
        """Return what comes of a task; see `Connections.call`."""
        return self._connections.call(task)

    def close(self) -> None:
        """Kill all workers, whatever they are at.

        What they leave is what any killed run leaves.
        """
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in self._processes:
            with suppress(ChildProcessError):  # where the caller ignores SIGCHLD, nobody need wait
                os.waitpid(process, 0)
        self._processes.clear()


def _work(parent: int, connection: Connection, work: Callable[[Any], Any]) -> NoReturn:
    """Do the tasks of a worker, in the process that it is."""
    try:
        gc.freeze()  # what it inherited stays, and a look at it would copy its pages
        serve_parent(parent)
        serve_connection(connection, work)
    finally:
        os._exit(1)
