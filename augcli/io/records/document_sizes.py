"""How long the tables and documents of an output are: a cache, by which a run sees that one was changed.

People edit the README.md of a data set. So its hash is noted, and an edited README.md is left as it is.
Nothing else depends on the cache. Where it is missing or damaged, a run only sees which documents are
missing; `verify` compares what they hold.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from augcli.errors import StorageError
from augcli.io.store.hashes import hash_bytes
from augcli.io.store.names import CARD, DOCUMENTS_SEEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from augcli.io.store.base import Store

EDITED_CARD = f"{CARD} was edited, so it is left as it is; remove it to have it written anew"


class Measured:
    """A sink that notes how long the files are which are written through it, and spares an edited README.md.

    Attributes:
        store: Where they are written.
        noted: Bytes of each finished file, by its key; of README.md the hash of what was written last.
        has_edited_card: Whether README.md was left as it is.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.noted: dict[str, int | str] = {}
        self.has_edited_card = False

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a file; see `Sink.writing`."""
        if key == CARD:
            text = BytesIO()
            yield text
            self._write_card(text.getvalue())
            return
        with self.store.writing(key) as file:
            yield file
            self.noted[key] = file.tell()

    def _write_card(self, text: bytes) -> None:
        """Write README.md, unless somebody has edited the file that stands there."""
        known, new = self.noted.get(CARD), hash_bytes(text)
        [standing] = self.store.read([CARD]) if known else [None]
        if standing is not None and hash_bytes(standing) not in (known, new):
            self.has_edited_card = True
            return
        with self.store.writing(CARD) as file:
            file.write(text)
        self.noted[CARD] = new

    def take_card(self) -> None:
        """Take the hash of README.md from the cache, and remove the cache: its sizes will soon be wrong."""
        card = _read_noted(self.store).get(CARD)
        if isinstance(card, str):
            self.noted[CARD] = card
        self.store.delete([DOCUMENTS_SEEN])

    def write_noted(self) -> None:
        """Write the cache, if that is possible."""
        text = json.dumps(self.noted, sort_keys=True)
        with suppress(StorageError), self.store.writing(DOCUMENTS_SEEN) as file:
            file.write(text.encode())


def find_changed(store: Store, sizes: Mapping[str, int]) -> list[str]:
    """Return the keys of the tables and documents that stand with another size than they were written with.

    README.md is left out, since it may be edited.

    Args:
        store: Where the output lies.
        sizes: Bytes of all files that stand there.
    """
    noted = _read_noted(store) if DOCUMENTS_SEEN in sizes else {}
    return sorted(key for key, size in noted.items() if key != CARD and sizes.get(key, size) != size)


def _read_noted(store: Store) -> dict[str, Any]:
    """Return what the cache says; nothing where it is missing or damaged."""
    try:
        [text] = store.read([DOCUMENTS_SEEN])
        noted = json.loads(text or b"{}")
    except (StorageError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}
