"""A fresh process that forks workers: they inherit nothing that the caller's stores have begun.

It never imports the caller's `__main__`, so a script without a guard, a notebook and `python -` can use it.
The fork server of `multiprocessing` imports it, and there is one for the whole process, whose settings are
the caller's own.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from augcli.left_out import leave_out
from augcli.pipeline.engines.connections import (
    FORKING,
    Connections,
    cannot_begin,
    pack_error,
    serve_connection,
)
from augcli.pipeline.engines.processes import as_forked, serve_parent

BEGIN = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer);"
    "from augcli.pipeline.engines.fork_server import serve; serve(*pickle.load(sys.stdin.buffer))"
)
"""What the fresh process runs. Its stdin stays open until its workers are to end."""


class ForkServer:
    """A fresh process, and the workers that it forks; each of them has a connection."""

    def __init__(self, workers: int, prepare: Callable[[], None]) -> None:
        """Begin them.

        Args:
            workers: How many.
            prepare: Called in the fresh process before it forks; a function of a module, or `partial` of one.

        Raises:
            StorageError: If no process can be begun.
        """
        nears: list[Connection] = []
        with FORKING, ExitStack() as theirs:  # only the workers keep their ends, so that these end with them
            try:
                descriptors = []
                for _ in range(workers):
                    near, far = socket.socketpair()
                    nears.append(Connection(near.detach()))
                    descriptors.append(theirs.enter_context(far).fileno())
                # Without -P, a module of the current directory could stand in the place of `pickle`.
                command = [sys.executable, "-P", "-c", BEGIN]
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=descriptors)
                assert self._process.stdin is not None
                pickle.dump(sys.path, self._process.stdin)
                pickle.dump((descriptors, os.getpid(), prepare), self._process.stdin)
                self._process.stdin.flush()
            except OSError as error:
                raise cannot_begin(error) from error
        self._connections = Connections(nears)

    def call(self, work: Callable[[Any], Any], task: Any) -> Any:
        """Return what a function of a module gives for a task; see `Connections.call`."""
        return self._connections.call((work, task))

    def close(self) -> None:
        """Kill all workers, whatever they are at."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(descriptors: Sequence[int], parent: int, prepare: Callable[[], None]) -> None:
    """Fork a worker for each connection, and kill them all when stdin ends: the parent closed it, or died."""
    leave_out()
    serve_parent(parent)
    with as_forked():
        try:
            prepare()
        except Exception as error:  # noqa: BLE001 - raised again in the parent, with the first task
            _give_up(descriptors, error)
            return
        gc.freeze()  # what workers inherit stays, and a look at it would copy its pages
        server, workers = os.getpid(), []
        for number, descriptor in enumerate(descriptors):
            try:
                worker = os.fork()
            except OSError as error:  # those that are begun end with this process
                _give_up(descriptors[number:], cannot_begin(error))
                return
            if not worker:
                _work(server, descriptor, descriptors[number + 1 :])
            os.close(descriptor)
            workers.append(worker)
    sys.stdin.buffer.read()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    for worker in workers:
        os.waitpid(worker, 0)


def _give_up(descriptors: Sequence[int], error: Exception) -> None:
    """Let each call of the parent raise an error; wait until it closes stdin."""
    answer = pack_error(error)
    connections = [Connection(descriptor) for descriptor in descriptors]
    for connection in connections:
        connection.send_bytes(answer)
    sys.stdin.buffer.read()


def _work(server: int, descriptor: int, of_others: Sequence[int]) -> NoReturn:
    """Do the tasks that come by a connection, until it ends."""
    try:
        serve_parent(server)
        for other in of_others:
            os.close(other)
        serve_connection(Connection(descriptor), _do)
    finally:
        os._exit(1)


def _do(task: tuple[Callable[[Any], Any], Any]) -> Any:
    """Call what came with a task."""
    work, argument = task
    return work(argument)
