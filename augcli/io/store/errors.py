"""Errors of the machine become `StorageError`s where they happen, so that nothing above handles errnos."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from augcli.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn an `OSError` into a `StorageError` that says what was being done."""
    try:
        yield
    except OSError as error:
        raise storage_error(doing, error) from error


def storage_error(doing: str, error: OSError) -> StorageError:
    """Return the error that says what was being done, what failed, and the cure."""
    return StorageError(f"{doing}: {error.strerror or error}; free or repair it and run again")
