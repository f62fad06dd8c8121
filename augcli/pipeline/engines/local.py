"""How many workers there are, and runs over them."""

from __future__ import annotations

import ctypes
import gc
import mmap
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from augcli.errors import StorageError
from augcli.io.store.places import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

Result = TypeVar("Result")
CALM_GC = 50_000
"""Objects after which the garbage collector looks for cycles while tasks run; Python's own is 700."""

STOPPING = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when its parent dies (prctl(2))."""


CONTROL_GROUP = Path("/sys/fs/cgroup")


def count_workers(group: Path = CONTROL_GROUP) -> int:
    """Count the CPUs that this process may use: its affinity, and the quota of its control group."""
    allowed, quota = count_cpus(), read_quota(group)
    return max(1, min(allowed, quota) if quota else allowed)


def count_cpus() -> int:
    """Count the CPUs of this process's affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_in_order(
    function: Callable[[int], Result], tasks: int, workers: int, processes: bool
) -> Iterator[tuple[int, Result]]:
    """Call a function with 0..tasks - 1 on several workers, giving (task, result) in order.

    The codecs, the kernels and file access release the interpreter's lock, so threads do for most. But
    a thread that finds the lock taken goes to sleep, and waking it takes longer than what the other one
    had to do: with two workers on 500-pixel photos, one process each was measured 1.03 times as fast, and
    1.2 times when there was more Python between the codec's calls.
    A few tasks run ahead of the oldest unfinished one, so no worker waits for a slow neighbour, and no
    more results are held than that.

    Args:
        function: Called in the workers; its results must pickle where these are processes.
        tasks: Number of tasks.
        workers: Number of workers.
        processes: Whether each worker may be a process of its own; only on Linux, by fork, so that
            nothing but task numbers and results passes between them.

    Raises:
        StorageError: If a worker process dies.
        Exception: Whatever the function raises; tasks not yet begun are dropped.
    """
    pool: Executor
    stop = mmap.mmap(-1, 1)  # anonymous memory, which forked processes share
    if processes and workers > 1 and sys.platform == "linux":
        context = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(
            workers, context, initializer=_adopt, initargs=(function, stop, os.getpid())
        )
        call: Callable[[int], Any] = _call
    else:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="augcli")
        call = function
    waiting: deque[tuple[int, Future[Result]]] = deque()
    thresholds = gc.get_threshold()
    # What a task makes has no cycles: 2 % of the time went into looking for some.
    if 0 < thresholds[0] < CALM_GC:
        gc.set_threshold(CALM_GC)
    try:
        for task in range(tasks):
            with _holding_signals():
                waiting.append((task, pool.submit(call, task)))
            if len(waiting) > 3 * workers:
                oldest, future = waiting.popleft()
                yield oldest, future.result()
        while waiting:
            oldest, future = waiting.popleft()
            yield oldest, future.result()
    except BrokenProcessPool as error:
        raise StorageError("a worker process died, killed or out of memory; run again to go on") from error
    finally:
        stop[0] = 1  # the pool has sent its processes a few tasks more, which it cannot take back
        pool.shutdown(wait=True, cancel_futures=True)
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


_adopted: list[tuple[Callable[[int], Any], mmap.mmap]] = []
"""In a worker process: the function that it calls, inherited by fork since it cannot be pickled, and whether
tasks are dropped."""


def _adopt(function: Callable[[int], Any], stop: mmap.mmap, parent: int) -> None:
    """Prepare a worker process: it leaves signals to its parent, which all get, and dies with it."""
    gc.freeze()  # what it inherited stays, and a look at it would copy its pages
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be asked to tell
        os._exit(1)
    _adopted.append((function, stop))


def _call(task: int) -> Any:
    function, stop = _adopted[0]
    return None if stop[0] else function(task)


def read_quota(root: Path = CONTROL_GROUP) -> int | None:
    """Return the CPU quota of this process's control group (version 2 or 1), rounded up; None for none."""
    quota, period = [*(read_text(root / "cpu.max") or "").split(), "", ""][:2]
    if not period:
        quota = (read_text(root / "cpu/cpu.cfs_quota_us") or "-1").strip()
        period = (read_text(root / "cpu/cpu.cfs_period_us") or "").strip()
    if quota in ("max", "-1") or not period:
        return None
    return -(-int(quota) // int(period))
