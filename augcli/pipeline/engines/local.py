"""Workers on this machine: processes or threads, and how many."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from augcli.errors import StorageError
from augcli.pipeline.engines.cpus import can_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from augcli.pipeline.engines.base import Result, Task

CALM_GC = 50_000
"""Objects after which the garbage collector looks for cycles while tasks run; Python's own is 700."""

STOPPING = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when its parent dies (prctl(2))."""


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Workers on this machine.

    The codecs, the kernels and file access release the interpreter's lock, so threads do for most. But
    a thread that finds the lock taken goes to sleep, and waking it takes longer than what the other one
    had to do: with two workers on 500-pixel photos, one process each was measured 1.03 times as fast, and
    1.2 times when there was more Python between the codec's calls.

    Attributes:
        workers: Number of workers; of fewer tasks, as many as there are.
        processes: Whether each of several workers is a process of its own, if they can be forked; so the
            function that they call need not pickle.
    """

    workers: int
    processes: bool

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield what `work` returns for each task, in order, as `Engine` says.

        A few tasks run ahead of the oldest unfinished one, so no worker waits for a slow neighbour, and no
        more results are held than that.
        """
        tasks = iter(tasks)
        first = list(islice(tasks, self.workers))
        workers = min(self.workers, max(1, len(first)))  # no more are begun than there are tasks
        pool, call = self._open(work, workers)
        waiting: deque[Future[Result]] = deque()
        try:
            with _calm_gc():
                for task in chain(first, tasks):
                    with _holding_signals():
                        waiting.append(pool.submit(call, task))
                    if len(waiting) > 3 * workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise StorageError(
                "a worker process died, killed or out of memory; run again to go on"
            ) from error
        finally:
            if waiting:  # an error, or nobody wants the rest: what workers are at is not waited for
                _kill_workers(pool)
            pool.shutdown(wait=True, cancel_futures=True)

    def _open(self, work: Callable[[Task], Result], workers: int) -> tuple[Executor, Callable[[Task], Any]]:
        """Return a pool of some workers, and what it calls."""
        if self.processes and workers > 1 and can_fork():
            context = multiprocessing.get_context("fork")
            adopted = (work, os.getpid())
            return ProcessPoolExecutor(workers, context, initializer=_adopt, initargs=adopted), _call
        return ThreadPoolExecutor(workers, thread_name_prefix="augcli"), work


def _kill_workers(pool: Executor) -> None:
    """Kill the processes of a pool: it has sent them tasks that it cannot take back.

    What they leave is what any killed run leaves. (Python 3.14 has `kill_workers` for this.)
    """
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.kill()


@contextmanager
def _calm_gc() -> Iterator[None]:
    """Let the garbage collector look for cycles more rarely: tasks make none, and it took 2 % of the time."""
    thresholds = gc.get_threshold()
    if 0 < thresholds[0] < CALM_GC:
        gc.set_threshold(CALM_GC)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def _holding_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait while workers are forked: what is raised inside of a fork is lost.

    It is not enough that this thread blocks them: the system then gives them to another thread (Arrow has
    some), and Python runs the handler in the main one all the same. So a handler that only takes note stands
    in; without it a pool whose workers were begun in part was waited for in vain.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    is_main = threading.current_thread() is threading.main_thread()
    ours = {number: handler for number, handler in handlers.items() if is_main and callable(handler)}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        for number in ours:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        try:
            for number, handler in ours.items():
                signal.signal(number, handler)
            for seen in came:
                signal.raise_signal(seen)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


_adopted: list[Callable[[Any], Any]] = []
"""In a worker process: the function that it calls, inherited by fork."""


def _adopt(work: Callable[[Any], Any], parent: int) -> None:
    """Prepare a worker process: it leaves signals to its parent, which all get, and dies with it."""
    gc.freeze()  # what it inherited stays, and a look at it would copy its pages
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be asked to tell
        os._exit(1)
    _adopted.append(work)


def _call(task: Any) -> Any:
    return _adopted[0](task)
