"""Workers that are processes, each with a connection of its own: what one leaves as it dies stops no other.

The pools of `concurrent.futures` have one pipe for all results. A worker that was killed while it sent one,
by the system or since another one failed, left half of it there, and the run waited for the rest for ever.
"""

from __future__ import annotations

import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NoReturn

from augcli.errors import Option, StorageError

DIED = "a worker process died, killed or out of memory; run again to go on"

FORKING = threading.Lock()
"""Held until a worker alone has its end of a connection. What a run in another thread forks meanwhile would
keep that end open, too, and nobody would notice the death of the worker before that other run ends."""


def cannot_begin(error: OSError) -> StorageError:
    """Return what is raised where a worker cannot be begun."""
    words = f"cannot begin worker processes: {error}; free memory or give fewer "
    return StorageError(words, Option("workers"))


class Connections:
    """The connections to some workers."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        """Keep them; all workers are free."""
        self._free: SimpleQueue[Connection] = SimpleQueue()
        for connection in connections:
            self._free.put(connection)

    def call(self, task: Any) -> Any:
        """Return what comes of a task in a worker that is free.

        As many threads may call it at once as there are workers.

        Raises:
            StorageError: If the worker dies.
            Exception: Whatever the task raises.
        """
        connection = self._free.get()
        try:
            connection.send_bytes(pickle.dumps(task, pickle.HIGHEST_PROTOCOL))
            answer = connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise StorageError(DIED) from error
        finally:
            self._free.put(connection)  # the next call finds a dead worker dead at once
        is_done, result, where = pickle.loads(answer)
        if is_done:
            return result
        raise result from _ElsewhereError(where)


class _ElsewhereError(Exception):
    """The traceback of an error in a worker, as its cause."""


def serve_connection(connection: Connection, work: Callable[[Any], Any]) -> NoReturn:
    """Do the tasks that come by a connection, until it ends; then end this process."""
    try:
        while True:
            connection.send_bytes(_answer(work, connection.recv_bytes()))
    except (EOFError, ConnectionError):
        os._exit(0)
    finally:
        os._exit(1)


def _answer(work: Callable[[Any], Any], message: bytes) -> bytes:
    """Do a task; return whether it was done, what came of it or the error, and where that was raised."""
    try:
        return pickle.dumps((True, work(pickle.loads(message)), ""), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - raised again where the task came from
        return pack_error(error)


def pack_error(error: Exception) -> bytes:
    """Return the answer that a task failed, or the preparation for all; called as it is handled."""
    where = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))  # some are pickled and cannot be made again
        return pickle.dumps((False, error, where))
    except Exception:  # noqa: BLE001 - whatever an error cannot be pickled for
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}"), where))
