"""A lease on an output in a bucket: an object that its holder renews, in the place of a lock.

Nobody compares clocks. Whoever waits looks at the object's tag: if that changes, the holder is alive; if it
stays the same for five minutes of the waiting process's own time, the holder is gone, and the lease is taken
over on the condition that the tag is still the same. Of a holder on the same machine the system knows at once
whether it is gone.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import OutputError, StorageError
from augcli.io.store.machine import identify_process, is_gone
from augcli.io.store.objects import NoConditionsError, ObjectStore, find_object, replace_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RENEWED_S = 30.0
"""How often a holder renews its lease."""

GONE_S = 300.0
"""How long a lease must stay the same until its holder counts as gone."""

LOOKED_S = 5.0
"""How often whoever waits looks at it."""

IDENTITY_LINE = 2
"""Which line of a lease says what process holds it."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as leases see it; tests have their own.

    Attributes:
        now: Seconds from some moment on.
        wait: Waits for an event for some seconds; True if it came.
    """

    now: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait


CLOCK = Clock()


class Sight(NamedTuple):
    """A lease of somebody else, as it was seen first: its tag, and when that was."""

    tag: str
    since: float


@contextmanager
def leased(
    store: ObjectStore, key: str, shared: bool = False, clock: Clock = CLOCK
) -> Iterator[Callable[[], None]]:
    """Hold a store: alone by the object of a key, or beside others who share it, each by an own object.

    Both sorts first write their own lease, then look for leases of the other sort. Where a store cannot write
    on a condition, a warning says so. Yields what refuses to go on once somebody else took the lease over.

    Raises:
        OutputError: If somebody else holds it.
        StorageError: If the store fails, or somebody else took the lease over.
    """
    place = f"{key}s/{os.urandom(8).hex()}" if shared else key
    try:
        lease = _Lease(store, place, _take(store, place, clock), clock)
    except NoConditionsError:
        warnings.warn(
            f"no lock on DST ({store.name!r} cannot write on a condition); see to it that no other run writes"
            " there",
            stacklevel=1,
        )
        yield lambda: None
        return
    with lease.renewed():
        for other in [key] if shared else _list_shared(store, key):
            _await_end(store, other, clock)
        yield lease.check


class _Lease:
    """A lease of this process, renewed by a thread."""

    def __init__(self, store: ObjectStore, key: str, tag: str, clock: Clock) -> None:
        self._store, self._key, self._tag, self._clock = store, key, tag, clock
        self._ended, self._renewing = threading.Event(), threading.Lock()
        self._is_lost = False

    def check(self) -> None:
        """Look whether the lease is still ours: a process that slept for long may have lost it unnoticed.

        Raises:
            StorageError: If somebody else took it over.
        """
        with self._renewing:
            sight = find_object(self._store, self._key)
            self._is_lost |= sight is None or sight.tag != self._tag
        if self._is_lost:
            raise StorageError(
                f"DST {self._store.name!r} was taken over by another run, since this one was not heard of;"
                " wait until that ends, and run again"
            )

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it until the end, then remove it."""
        thread = threading.Thread(target=self._renew, name="augcli-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            with suppress(StorageError):  # it ends by itself, later
                sight = find_object(self._store, self._key)
                if sight is not None and sight.tag == self._tag:
                    self._store.delete([self._key])
        if self._is_lost:
            self.check()

    def _renew(self) -> None:
        number, renewed = 0, self._clock.now()
        while not self._clock.wait(self._ended, RENEWED_S) and not self._is_lost:
            number += 1
            try:
                with self._renewing:
                    tag = replace_object(self._store, self._key, _describe(number), self._tag)
                    self._tag, self._is_lost = tag or self._tag, tag is None
            except StorageError:  # tried again, as long as nobody can have taken it
                self._is_lost = self._clock.now() - renewed > GONE_S
                continue
            renewed = self._clock.now()


def _take(store: ObjectStore, key: str, clock: Clock) -> str:
    """Write a lease, once nobody else holds it; return its tag."""
    seen: Sight | None = None
    while True:
        tag = replace_object(store, key, _describe(0), None)
        if tag is not None:
            return tag
        seen = _look(store, key, seen, clock)
        if seen is None:  # it is gone meanwhile
            continue
        if clock.now() - seen.since >= GONE_S:
            tag = replace_object(store, key, _describe(0), seen.tag)
            if tag is not None:
                return tag
        clock.wait(threading.Event(), LOOKED_S)


def _await_end(store: ObjectStore, key: str, clock: Clock) -> None:
    """Wait until a lease is removed or its holder is gone; the lease of a holder that is gone is removed."""
    seen: Sight | None = None
    while (seen := _look(store, key, seen, clock)) is not None:
        if clock.now() - seen.since < GONE_S:
            clock.wait(threading.Event(), LOOKED_S)
        elif replace_object(store, key, _describe(0), seen.tag) is not None:
            store.delete([key])


def _look(store: ObjectStore, key: str, before: Sight | None, clock: Clock) -> Sight | None:
    """Return the lease that stands, as it was seen first; None if nobody holds a lease.

    One whose holder is known to be gone counts as seen long ago.

    Raises:
        OutputError: If it changed since: its holder is alive.
    """
    sight = find_object(store, key)
    if sight is None:
        return None
    if before is None:
        lines = _read_lines(store, key)
        if len(lines) > IDENTITY_LINE and is_gone(lines[IDENTITY_LINE]):
            return Sight(sight.tag, -math.inf)
        warnings.warn(
            f"DST {store.name!r} is or was in use by {_name_holder(lines)}; waiting up to"
            f" {GONE_S / 60:.0f} minutes to see which",
            stacklevel=2,
        )
        return Sight(sight.tag, clock.now())
    if sight.tag != before.tag:
        holder = _name_holder(_read_lines(store, key))
        raise OutputError(
            f"DST {store.name!r} is in use by {holder}; wait until it ends, or give another DST"
        )
    return before


def _read_lines(store: ObjectStore, key: str) -> list[str]:
    """Return what a lease says."""
    [data] = store.read([key])
    return (data or b"").decode("utf-8", "replace").split("\n")


def _name_holder(lines: list[str]) -> str:
    """Return who holds a lease, for messages."""
    return lines[0] or "another process"


def _describe(number: int) -> bytes:
    """Return what a lease says: who holds it, a number, so that its tag changes when it is renewed, and which
    process of which machine that is.
    """
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    return f"{holder}\n{number} {os.urandom(4).hex()}\n{identify_process()}\n".encode()


def _list_shared(store: ObjectStore, key: str) -> list[str]:
    return [lease for page in store.list(f"{key}s/") for lease in page.keys]
