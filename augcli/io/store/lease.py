"""One run at a time on a DST: a lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import os
import socket
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from augcli.errors import OutputError
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import make_directory

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.io.store.local import LocalStore

LOCK = ".augcli.lock"
PATIENCE_S = 2.0
"""How long a run waits for the lock: worker processes outlive one that was killed by a moment."""


@contextmanager
def locked(store: LocalStore) -> Iterator[bool]:
    """Hold a store, whose directory is made where it does not exist, for one run.

    The lock is the system's (`flock`), so one that a dead process left does not hold; the file that bears it
    only says who does, and is removed at the end. Where a file system has no locks, a warning says so.

    Raises:
        OutputError: If another process holds it.
        StorageError: If the file cannot be written.
    """
    make_directory(store.root)
    file = _take(store)
    try:
        yield True
    finally:
        # Removed while it is still held: whoever opened it meanwhile finds that it is gone, and opens anew.
        try:
            store.delete([LOCK])
        finally:
            os.close(file)


def _take(store: LocalStore) -> int:
    """Open and lock the file; return its descriptor."""
    path = store.path(LOCK)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with storage_errors(f"cannot write {path!r}"):
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                if _lock(file) and _is_same(path, file):
                    os.ftruncate(file, 0)
                    os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
                    return file
                holder = os.read(file, 500).decode("utf-8", "replace") or "another process"
            except BaseException:
                os.close(file)
                raise
            os.close(file)
        if time.monotonic() > deadline:
            raise OutputError(
                f"DST {store.name!r} is in use by {holder}; wait until it ends, or give another DST"
            )
        time.sleep(0.05)


def _lock(file: int) -> bool:
    """Lock an open file; True unless somebody else holds it."""
    try:
        if fcntl is None:
            raise OSError("this system has no flock")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        warnings.warn(
            f"no lock on DST ({error.strerror or error}); see to it that no other run writes there",
            stacklevel=2,
        )
    return True


def _is_same(path: str, file: int) -> bool:
    """True if an open file still stands at its path: who held it before may just have removed it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))  # noqa: PTH116
    except FileNotFoundError:
        return False
