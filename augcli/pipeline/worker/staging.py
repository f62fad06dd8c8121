"""Outputs on their way into the store: where each request takes its time, others are made meanwhile."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from augcli.io.store.base import is_local

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    from augcli.io.writers.base import Pair, Writer

BATCHES = 2
"""Batches that wait at most, of some 4 MiB each: one more than is sent, so that the sending never waits."""


class Staging:
    """Stages batches of outputs in order, in a thread where the store is not a local disk.

    There a write comes back at once, and a thread would only disturb the codec. Its end waits for all that
    was begun, so nothing of an attempt that failed is written after it.
    """

    def __init__(self, writer: Writer) -> None:
        """Prepare to stage what a writer writes."""
        self._writer = writer
        # What stands in for a writer, and keeps or drops all, has no store.
        store = getattr(writer, "store", None)
        is_slow = store is not None and not is_local(store)
        self._thread = ThreadPoolExecutor(1, "augcli-staging") if is_slow else None
        self._begun: deque[Future[Sequence[Any]]] = deque()
        self._staged: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._thread:
            self._thread.shutdown(cancel_futures=True)

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> None:
        """Stage a batch, or begin to.

        Raises:
            StorageError: If that fails, or an earlier batch did.
        """
        if self._thread is None:
            self._staged += self._writer.stage(names, pairs)
            return
        while len(self._begun) >= BATCHES:
            self._staged += self._begun.popleft().result()
        self._begun.append(self._thread.submit(self._writer.stage, names, pairs))

    def finish(self) -> list[Any]:
        """Return what the commit must know of all batches, once they are staged.

        Raises:
            StorageError: If one could not be staged.
        """
        while self._begun:
            self._staged += self._begun.popleft().result()
        return self._staged
