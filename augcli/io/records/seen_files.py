"""Which versions of its sources a chunk was made from: a cache beside its part file.

A source whose size and version stand there need not be read to know that it is the same. Nothing depends on
the cache: where it is missing, damaged or of another part file, sources are read and compared.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import StorageError
from augcli.io.store.hashes import digest_bytes
from augcli.io.store.names import seen_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.base import Store

SEEN = b"augcli seen 1\n"
"""How the file begins; the hash of all that it follows from comes next, then the versions, row by row."""


def write_seen_file(store: Store, chunk: str, facts: PartFacts, versions: NDArray[np.int64]) -> None:
    """Note the versions from which a chunk was made, if that is possible.

    Args:
        store: Where the output lies.
        chunk: Name of the chunk.
        facts: What its part file says.
        versions: Sizes and versions of its sources, by `source_versions`.
    """
    data = versions.astype("<i8").tobytes()
    with suppress(StorageError), store.writing(seen_key(chunk)) as file:
        file.write(SEEN + _bind(facts, data) + data)


def read_seen_file(
    store: Store, chunk: str, facts: PartFacts, shape: tuple[int, ...]
) -> NDArray[np.int64] | None:
    """Return what `write_seen_file` noted of a chunk; None where it noted nothing that is still true.

    Args:
        store: Where the output lies.
        chunk: Name of the chunk.
        facts: What its part file says.
        shape: Shape of the versions of its sources.
    """
    try:
        [read] = store.read([seen_key(chunk)])
    except StorageError:
        return None
    data = (read or b"")[-8 * int(np.prod(shape)) :]
    if read != SEEN + _bind(facts, data) + data or len(data) != 8 * int(np.prod(shape)):
        return None
    return np.frombuffer(data, "<i8").reshape(shape).astype(np.int64)


def _bind(facts: PartFacts, data: bytes) -> bytes:
    """Return the hash that ties versions to their part file."""
    return digest_bytes(facts.fingerprint.encode(), facts.contents, data)
