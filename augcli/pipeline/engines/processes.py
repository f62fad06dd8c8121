"""What processes that work for another do with signals, garbage and warnings."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from augcli.io.images import codec

if TYPE_CHECKING:
    from collections.abc import Iterator

CALM_GC = 50_000
"""Objects after which the garbage collector looks for cycles while tasks run; Python's own is 700."""

STOPPING = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1
"""Linux: the signal that a process gets when its parent dies (prctl(2))."""


def serve_parent(parent: int) -> None:
    """Let this process leave signals to its parent, which all get, and die with it.

    Args:
        parent: Process id of the parent.
    """
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be asked to tell
        os._exit(1)


@contextmanager
def as_forked() -> Iterator[None]:
    """Let a process that inherited nothing do tasks as a forked one does: silently, of any size in pixels."""
    with warnings.catch_warnings(), codec.own_pixel_bound(), calm_gc():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def calm_gc() -> Iterator[None]:
    """Let the garbage collector look for cycles more rarely: tasks make none, and it took 2 % of the time."""
    thresholds = gc.get_threshold()
    if not 0 < thresholds[0] < CALM_GC:  # it is off, or another thread sees to it
        yield
        return
    gc.set_threshold(CALM_GC)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def holding_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait while workers are forked: an error that is raised inside of a fork is lost.

    It is not enough that this thread blocks them: the system then gives them to another thread (Arrow has
    some), and Python runs the handler in the main one all the same. Without `noting_signals` a pool whose
    workers were begun in part was waited for in vain.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        with noting_signals():
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def noting_signals() -> Iterator[None]:
    """Let handlers of Ctrl-C and SIGTERM only take note, and afterwards do what they are for."""
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    is_main = threading.current_thread() is threading.main_thread()
    ours = {number: handler for number, handler in handlers.items() if is_main and callable(handler)}
    try:
        for number in ours:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for seen in came:
            signal.raise_signal(seen)
