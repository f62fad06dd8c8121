"""How long the tables and documents of an output are: a cache, by which a run sees that one was changed.

Nothing depends on it. Where it is missing or damaged, a run only sees which of them are missing; `verify`
compares what they hold.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from augcli.errors import StorageError
from augcli.io.store.names import DOCUMENTS_SEEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from augcli.io.store.base import Store


class Measured:
    """A sink that notes how long the files are which are written through it.

    Attributes:
        store: Where they are written.
        sizes: Bytes of each finished file, by its key.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sizes: dict[str, int] = {}

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a file; see `Sink.writing`."""
        with self.store.writing(key) as file:
            yield file
            self.sizes[key] = file.tell()


def write_sizes(measured: Measured) -> None:
    """Note how long the files are that were written, if that is possible."""
    text = json.dumps(measured.sizes, sort_keys=True)
    with suppress(StorageError), measured.store.writing(DOCUMENTS_SEEN) as file:
        file.write(text.encode())


def find_changed(store: Store, sizes: Mapping[str, int]) -> list[str]:
    """Return the keys of the tables and documents that stand with another size than they were written with.

    Args:
        store: Where the output lies.
        sizes: Bytes of all files that stand there.
    """
    if DOCUMENTS_SEEN not in sizes:
        return []
    try:
        [text] = store.read([DOCUMENTS_SEEN])
        noted = json.loads(text or b"{}")
    except (StorageError, ValueError, RecursionError):
        return []
    if not isinstance(noted, dict):
        return []
    return sorted(key for key, size in noted.items() if sizes.get(key, size) != size)
