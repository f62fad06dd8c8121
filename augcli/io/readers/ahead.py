"""Files of a folder that are read before they are wanted: of a bucket many at once, while others are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.store.base import Store, Version, is_local

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

AHEAD_BYTES = 64 << 20
"""Bytes that are read ahead and not wanted yet, at most; a single file may be larger."""


class FilesAhead:
    """Files by number, as parallel columns; threads may share it.

    Files of a local disk are read when they are wanted: each comes at once.
    """

    def __init__(
        self, store: Store, keys: Sequence[str | None], sizes: NDArray[np.int64], versions: NDArray[np.int64]
    ) -> None:
        self._store, self._keys, self._sizes, self._versions = store, keys, sizes, versions
        self._begun: dict[int, Future[bytes | None]] = {}

    def begin(self, numbers: Sequence[int]) -> int:
        """Begin to read files, as far as there is room; return how many of them are begun or need not be."""
        if is_local(self._store):
            return len(numbers)
        from augcli.io.store.buckets import RemoteStore

        assert isinstance(self._store, RemoteStore)
        room = AHEAD_BYTES - sum(int(self._sizes[number]) for number in list(self._begun))
        for count, number in enumerate(numbers):
            key = self._keys[number]
            if number in self._begun or key is None:
                continue
            room -= int(self._sizes[number])
            if room < 0 and self._begun:
                return count
            self._begun[number] = self._store.begin_read(key, self._version(number))
        return len(numbers)

    def read(self, number: int) -> bytes:
        """Return the bytes of a file, which must not have changed since it was listed.

        Raises:
            StorageError: If it has, or the machine fails.
        """
        begun, key = self._begun.pop(number, None), self._keys[number]
        assert key is not None
        data = begun.result() if begun else self._store.read([key], [self._version(number)])[0]
        assert data is not None
        return data

    def _version(self, number: int) -> Version:
        return Version(int(self._sizes[number]), int(self._versions[number]))
