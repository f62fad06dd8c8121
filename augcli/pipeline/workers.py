"""How many workers there are, and runs over them."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Task = TypeVar("Task")
Result = TypeVar("Result")


def count_workers() -> int:
    """Count the CPUs that this process may use: its affinity, and the quota of its control group."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read_quota(Path("/sys/fs/cgroup"))
    return max(1, min(allowed, quota) if quota else allowed)


def run_in_order(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result]]:
    """Run a function over tasks on threads, giving results in the order of the tasks.

    Threads suffice: the codecs, the kernels and file access release the interpreter's lock. A few tasks
    run ahead of the oldest unfinished one, so no worker waits for a slow neighbour, and no more results
    are held than that.

    Raises:
        Exception: Whatever the function raises; tasks not yet begun are dropped.
    """
    waiting: deque[tuple[Task, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="augcli")
    try:
        for task in tasks:
            waiting.append((task, pool.submit(function, task)))
            if len(waiting) > 3 * workers:
                oldest, future = waiting.popleft()
                yield oldest, future.result()
        while waiting:
            oldest, future = waiting.popleft()
            yield oldest, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_quota(root: Path) -> int | None:
    """Read the CPU quota of this process's control group (version 2 or 1), rounded up; None for none."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in ("max", "-1"):
        return None
    return -(-int(quota) // int(period))
