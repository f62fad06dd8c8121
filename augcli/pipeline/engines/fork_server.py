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
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NoReturn

from augcli.errors import StorageError
from augcli.left_out import leave_out
from augcli.pipeline.engines.processes import as_forked, serve_parent

DIED = "a worker process died, killed or out of memory; run again to go on"

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
        pairs = [socket.socketpair() for _ in range(workers)]
        self._free: SimpleQueue[Connection] = SimpleQueue()
        theirs = [far.fileno() for _, far in pairs]
        try:
            # Without -P, a module of the current directory could stand in the place of `pickle`.
            command = [sys.executable, "-P", "-c", BEGIN]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=theirs)
            assert self._process.stdin is not None
            pickle.dump(sys.path, self._process.stdin)
            pickle.dump((theirs, os.getpid(), prepare), self._process.stdin)
            self._process.stdin.flush()
        except OSError as error:
            raise StorageError(f"cannot begin worker processes: {error}") from error
        finally:
            for near, far in pairs:
                self._free.put(Connection(near.detach()))
                far.close()

    def call(self, work: Callable[[Any], Any], task: Any) -> Any:
        """Return what a function of a module gives for a task, in a worker that is free.

        As many threads may call it at once as there are workers.

        Raises:
            StorageError: If the worker dies.
            Exception: Whatever `work` raises.
        """
        connection = self._free.get()
        try:
            connection.send_bytes(pickle.dumps((work, task), pickle.HIGHEST_PROTOCOL))
            answer = connection.recv_bytes()
        except (EOFError, ConnectionError) as error:
            raise StorageError(DIED) from error
        finally:
            self._free.put(connection)  # the next call finds a dead worker dead at once
        is_done, result, where = pickle.loads(answer)
        if is_done:
            return result
        raise result from _ElsewhereError(where)

    def close(self) -> None:
        """Kill all workers, whatever they are at."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class _ElsewhereError(Exception):
    """The traceback of an error in a worker, as its cause."""


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
            worker = os.fork()
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
    answer = _pack_error(error)
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
        connection = Connection(descriptor)
        while True:
            connection.send_bytes(_answer(connection.recv_bytes()))
    except (EOFError, ConnectionError):
        os._exit(0)
    finally:
        os._exit(1)


def _answer(message: bytes) -> bytes:
    """Do a task; return whether it was done, what came of it or the error, and where that was raised."""
    try:
        work, task = pickle.loads(message)
        return pickle.dumps((True, work(task), ""), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - raised again where the task came from
        return _pack_error(error)


def _pack_error(error: Exception) -> bytes:
    """Return the answer that a task failed, or the preparation for all; called as it is handled."""
    where = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))  # some are pickled and cannot be made again
        return pickle.dumps((False, error, where))
    except Exception:  # noqa: BLE001 - whatever an error cannot be pickled for
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}"), where))
