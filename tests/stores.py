"""What tests of stores do with any store: put files, list them, and wait until nothing is asked for."""

from __future__ import annotations

import threading

from augcli.io.store.request_pool import THREADS, at_once


def listed(store, prefix="", wanted=None):
    """Keys and sizes, in order."""
    pages = list(store.list(prefix, wanted))
    return sorted((key, size) for page in pages for key, size in zip(page.keys, page.sizes, strict=True))


def put(store, **files):
    """Stage and publish files; `__` in a name is a slash."""
    keys = [name.replace("__", "/") for name in files]
    store.stage(keys, list(files.values()))
    store.publish(keys)


def await_requests():
    """Wait until all requests that were begun are done: a run leaves those that it never needed.

    All threads that do them meet here, so none is at another one.
    """
    barrier = threading.Barrier(THREADS)
    at_once(lambda _: barrier.wait(60), range(THREADS))
