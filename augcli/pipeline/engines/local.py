"""Workers on this machine: processes or threads, and how many."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar

from augcli.io.store.base import WorkerKind
from augcli.pipeline.engines.fork_server import ForkServer
from augcli.pipeline.engines.forked import ForkedWorkers
from augcli.pipeline.engines.processes import calm_gc, holding_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Executor, Future

    from augcli.io.store.base import Store
    from augcli.pipeline.engines.base import Result, Task


def find_worker_kind(stores: Iterable[Store], forks: bool = True) -> WorkerKind:
    """Return which workers a run may have.

    Args:
        stores: All stores that it reads and writes.
        forks: Whether what applies steps may be used in processes.
    """
    if not forks or sys.platform != "linux":  # only Linux forks well
        return WorkerKind.THREADS
    return min(store.worker_kind for store in stores)


def do_nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Workers on this machine.

    The codecs, the kernels and file access release the interpreter's lock, so threads do for most. But
    a thread that finds the lock taken goes to sleep, and waking it takes longer than what the other one
    had to do: with two workers on 500-pixel photos, one process each was measured 1.03 times as fast, and
    1.2 times when there was more Python between the codec's calls.

    Attributes:
        workers: Number of workers; of fewer tasks, as many as there are.
        worker_kind: Which workers they are, if there are several; only of those that are forked the function
            that they call need not pickle.
        prepare: Called once before workers begin: where they are forked, or in this process.
    """

    is_littered: ClassVar[bool] = False  # what a lost worker leaves, the next run removes

    workers: int
    worker_kind: WorkerKind
    prepare: Callable[[], None] = do_nothing

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield what `work` returns for each task, in order, as `Engine` says.

        A few tasks run ahead of the oldest unfinished one, so no worker waits for a slow neighbour, and no
        more results wait than that.
        """
        tasks = iter(tasks)
        first = list(islice(tasks, self.workers))
        workers = min(self.workers, max(1, len(first)))  # no more are begun than there are tasks
        with ExitStack() as stack, calm_gc():
            pool, call = self._open(work, workers, stack)
            waiting: deque[Future[Result]] = deque()
            try:
                for task in chain(first, tasks):
                    with holding_signals():
                        waiting.append(pool.submit(call, task))
                    if len(waiting) > 3 * workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BaseException:  # an error, or nobody wants the rest: workers are not waited for
                stack.close()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _open(
        self, work: Callable[[Task], Result], workers: int, stack: ExitStack
    ) -> tuple[Executor, Callable[[Task], Any]]:
        """Return a pool of some workers, and what it calls; the stack closes the pool in the end."""
        worker_kind = self.worker_kind if workers > 1 else WorkerKind.THREADS
        pool = ThreadPoolExecutor(workers, thread_name_prefix="augcli")
        if worker_kind is WorkerKind.FRESH:
            with holding_signals():
                server = ForkServer(workers, self.prepare)
                stack.callback(server.close)
            return pool, partial(server.call, work)
        self.prepare()
        if worker_kind is WorkerKind.THREADS:
            return pool, work
        with holding_signals():
            forked = ForkedWorkers(workers, work)
            stack.callback(forked.close)
        return pool, forked.call
