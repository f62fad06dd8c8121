"""Tasks handed to a cluster: some together, few in flight, again where they fail or never end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from augcli.errors import MissingPartError, StorageError
from augcli.pipeline.engines.remote import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from augcli.pipeline.engines.remote import Greeting, Outcome

BUNDLE_S, BUNDLE_TASKS = 30.0, 64
"""Seconds that tasks take that are sent together, and how many these are at most."""

RETRIES, BACK_OFF_S = 3, 1.0
"""How often a task is sent again that failed, and how long after the first failure; then twice as long."""

STRAGGLER_S = 10.0
"""Seconds before which nothing counts as a straggler."""

WAIT_S, COUNT_S = 0.5, 10.0
"""How long to wait for something to end, and how often to ask how much a cluster can do at once."""


class LostError(Exception):
    """A worker or its machine died, and its call is lost."""


class Cluster(Protocol):
    """Processes of other machines."""

    def submit(self, packed: bytes) -> Any:
        """Let a process do `remote.carry_out`, and return a handle of this call."""

    def wait(self, handles: Sequence[Any], timeout_s: float) -> Sequence[Any]:
        """Return the handles of calls that have ended, once there are any, or the time has passed."""

    def fetch(self, handle: Any) -> Outcome:
        """Return the result of a call that has ended.

        Raises:
            LostError: If its process or its machine died.
            Exception: Whatever else went wrong there: a bug.
        """

    def cancel(self, handle: Any) -> None:
        """Let a call end at once, whatever it is doing."""

    def count_slots(self) -> int:
        """Return how many calls may be at work at once, by now."""


@dataclass(slots=True, eq=False)
class Bundle:
    """Tasks that are sent together.

    Attributes:
        first: Number of the first one.
        tasks: The tasks.
        failures: How often the first one has failed.
        handles: What stands for them in the cluster: two if they were sent again before they ended.
        sent: When they were sent.
    """

    first: int
    tasks: list[Any]
    failures: int = 0
    handles: set[Any] = field(default_factory=set)
    sent: float = 0.0


@dataclass(slots=True)
class Times:
    """How long tasks and bundles took that have ended."""

    tasks: list[float] = field(default_factory=list)
    bundles: list[float] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        """Note that a call has ended."""
        if outcome.results:
            self.tasks.append(outcome.seconds / len(outcome.results))
            self.bundles.append(outcome.seconds)

    def bundle_size(self, waiting: int, slots: int) -> int:
        """Return how many tasks to send together: half a minute's, and no more than leave all at work.

        Args:
            waiting: How many are left to send.
            slots: How many bundles run at once.
        """
        if not self.tasks:
            return 1
        worth = int(BUNDLE_S / max(median(self.tasks), BUNDLE_S / BUNDLE_TASKS))
        return max(1, min(worth, waiting // (2 * slots)))

    def is_straggling(self, seconds: float) -> bool:
        """True if a bundle that was sent so many seconds ago should have ended long since."""
        return bool(self.bundles) and seconds > max(2 * median(self.bundles), STRAGGLER_S)


class Dispatch:
    """The tasks of a run on their way through a cluster.

    Attributes:
        is_littered: Whether anything was lost or cancelled, which may have left unfinished files.
    """

    def __init__(self, cluster: Cluster, greeting: Greeting, work: Callable[[Any], Any]) -> None:
        """Keep where tasks go."""
        self.is_littered = False
        self._cluster, self._greeting, self._work = cluster, greeting, work
        self._running: dict[Any, Bundle] = {}
        self._delayed: list[tuple[float, Bundle]] = []
        self._results: dict[int, Any] = {}
        self._times = Times()

    def run(self, tasks: Iterable[Any], expected: int) -> Generator[Any, None, None]:
        """Yield what comes of each task, in order; see `Engine.run`.

        Args:
            tasks: The tasks; `str` names one in messages.
            expected: How many they are, most likely.
        """
        waiting, taken, yielded = iter(tasks), 0, 0
        slots, counted = 1, -COUNT_S
        try:
            while True:
                if time.monotonic() - counted > COUNT_S:  # machines come and go
                    slots, counted = max(1, self._cluster.count_slots()), time.monotonic()
                while len(self._running) < 2 * slots:
                    size = self._times.bundle_size(expected - taken, slots)
                    bundle = self._take_due() or _take_new(waiting, taken, size)
                    if bundle is None:
                        break
                    taken = max(taken, bundle.first + len(bundle.tasks))
                    self._send(bundle)
                if not self._running and not self._delayed:
                    return
                self._take_ended()
                while yielded in self._results:
                    yield self._results.pop(yielded)
                    yielded += 1
                if len(self._running) < slots:
                    self._repeat_stragglers()
        finally:
            for handle in self._running:
                self._cluster.cancel(handle)

    def _send(self, bundle: Bundle) -> None:
        handle = self._cluster.submit(pack(self._greeting, self._work, bundle.tasks))
        bundle.handles.add(handle)
        bundle.sent = time.monotonic()
        self._running[handle] = bundle

    def _take_due(self) -> Bundle | None:
        """Return a bundle whose time to be sent again has come."""
        for entry in self._delayed:
            if entry[0] <= time.monotonic():
                self._delayed.remove(entry)
                return entry[1]
        return None

    def _take_ended(self) -> None:
        """Wait until something ends, and take what came of it."""
        if not self._running:
            time.sleep(WAIT_S)
        for handle in self._cluster.wait(list(self._running), WAIT_S) if self._running else ():
            if handle not in self._running:  # its twin has ended in the same moment
                continue
            bundle = self._running.pop(handle)
            bundle.handles.discard(handle)
            try:
                self._take(bundle, self._cluster.fetch(handle))
            except LostError as error:
                self.is_littered = True
                self._send_again(bundle, f"since its worker died ({error})")

    def _take(self, bundle: Bundle, outcome: Outcome) -> None:
        """Take what came of a bundle.

        Raises:
            AugcliError: If it says that no other attempt would do better.
        """
        error, done = outcome.error, len(outcome.results)
        if type(error) is MissingPartError:
            raise MissingPartError(f"node {outcome.node!r}: ", *error.args) from error
        if error is not None and not isinstance(error, StorageError):
            raise error
        if error is not None and bundle.handles:  # a twin is still at it
            return
        self._results.update(enumerate(outcome.results, bundle.first))
        self._times.note(outcome)
        for twin in bundle.handles:
            self._running.pop(twin)
            self._cluster.cancel(twin)
            self.is_littered = True
        if error is not None:
            rest = Bundle(bundle.first + done, bundle.tasks[done:], 0 if done else bundle.failures)
            self._send_again(rest, f"on node {outcome.node!r}: {error}")

    def _send_again(self, bundle: Bundle, why: str) -> None:
        """Send a bundle again, a while later.

        Raises:
            StorageError: If that was done often enough.
        """
        if bundle.handles:  # a twin is still at it
            return
        if bundle.failures == RETRIES:
            raise StorageError(f"{bundle.tasks[0]} failed {RETRIES + 1} times, at last {why}")
        self._delayed.append((time.monotonic() + BACK_OFF_S * 2**bundle.failures, bundle))
        bundle.failures += 1

    def _repeat_stragglers(self) -> None:
        """Send once more what should have ended, where there is room: whichever ends first counts."""
        now = time.monotonic()
        for bundle in list(self._running.values()):
            if len(bundle.handles) == 1 and self._times.is_straggling(now - bundle.sent):
                self._send(bundle)


def _take_new(waiting: Iterator[Any], first: int, size: int) -> Bundle | None:
    """Return a bundle of the next tasks; None behind the last."""
    tasks = list(islice(waiting, size))
    return Bundle(first, tasks) if tasks else None
