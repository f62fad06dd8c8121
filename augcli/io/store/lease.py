"""Who may write to a DST: a run alone, or partitions together. A lock ends with the process that holds it."""

from __future__ import annotations

import os
import socket
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from augcli.errors import OutputError
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import LocalStore
from augcli.io.store.local_files import make_directory

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from augcli.io.store.base import Store
    from augcli.io.store.objects import ObjectStore

LOCK = ".augcli.lock"
PARTITIONS = "partitions, one of them "
"""What the file says before the last process that came to share the lock."""

PATIENCE_S = 2.0
"""How long a run waits for the lock: the workers of a run that was killed outlive it by a moment."""

LOOKED_S = 0.05
"""How often it looks whether the lock is free. The looks are counted: a process may stand still meanwhile."""


@contextmanager
def locked(store: Store, shared: bool = False) -> Iterator[Callable[[], None]]:
    """Hold a store, whose directory is made where it does not exist: alone, or beside others who share it.

    The lock is the system's (`flock`), so it ends with the process that holds it. The file that bears it only
    says who that is, and is removed by the last holder. Where a file system has no locks, a
    warning says so. In a bucket it is a lease, which may be lost: what this yields refuses to go on then, and
    is to be called before an output is marked as complete.

    Args:
        store: The store to hold.
        shared: Whether others who share it may hold it, too.

    Raises:
        OutputError: If another process holds it, alone or where this one wants it alone.
        StorageError: If the file cannot be written.
    """
    if not isinstance(store, LocalStore):
        from augcli.io.store.object_lease import leased

        with leased(cast("ObjectStore", store), LOCK, shared) as check_held:
            yield check_held
        return
    make_directory(store.root)
    file = _take(store, shared)
    try:
        yield lambda: None
    finally:
        # Removed under the lock: whoever opened the file meanwhile finds that it is gone, and opens it anew.
        try:
            if not shared or (_lock(file, shared=False) and _is_same(store.path(LOCK), file)):
                store.delete([LOCK])
        finally:
            os.close(file)


def _take(store: LocalStore, shared: bool) -> int:
    """Open and lock the file; return its descriptor."""
    path = store.path(LOCK)
    for _ in range(1 + round(PATIENCE_S / LOOKED_S)):
        with storage_errors(f"cannot write {path!r}"):
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                if _lock(file, shared) and _is_same(path, file):
                    this = f"process {os.getpid()} on {socket.gethostname()}"
                    os.ftruncate(file, 0)
                    os.write(file, f"{PARTITIONS * shared}{this}".encode())
                    return file
                holder = os.read(file, 500).decode("utf-8", "replace") or "another process"
            except BaseException:
                os.close(file)
                raise
            os.close(file)
        time.sleep(LOOKED_S)
    raise OutputError(f"DST {store.name!r} is in use by {holder}; wait until it ends, or give another DST")


def _lock(file: int, shared: bool) -> bool:
    """Lock an open file; True unless somebody else holds it."""
    try:
        if fcntl is None:
            raise OSError("this system has no flock")
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        warnings.warn(
            f"no lock on DST ({error.strerror or error}); see to it that no other run writes there",
            stacklevel=2,
        )
    return True


def _is_same(path: str, file: int) -> bool:
    """True if an open file still stands at its path: its last holder may just have removed it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))  # noqa: PTH116
    except FileNotFoundError:
        return False
