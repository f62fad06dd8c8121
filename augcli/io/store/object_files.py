"""An object as a file that is read by ranges."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

END_BYTES = 64 << 10
"""Bytes of a file's end that are read as it is opened: the footer of most parquet files."""

BLOCK_BYTES = 1 << 20
"""Bytes that are fetched at least: a request takes as long as reading a megabyte."""


class RangeFile(io.RawIOBase):
    """A file over a function that fetches ranges; its end and the range fetched last stay in memory."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, end: bytes) -> None:
        """Prepare to read.

        Args:
            fetch: Returns the bytes from a start up to a stop.
            size: Bytes of the whole file.
            end: Its last bytes.
        """
        self._fetch, self._size = fetch, size
        self._end = (size - len(end), end)
        self._block = (0, b"")
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set and return the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as the file goes; return how many bytes were read."""
        data = self._take(min(len(buffer), max(self._size - self._position, 0)))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Read the rest, with one request at most."""
        return bytes(self._take(max(self._size - self._position, 0)))

    def _take(self, length: int) -> memoryview:
        """Return bytes from the position on, which moves."""
        start, stop = self._position, self._position + length
        if not length:  # as behind the end
            return memoryview(b"")
        self._position = stop
        for first, data in (self._end, self._block):
            if first <= start and stop <= first + len(data):
                return memoryview(data)[start - first : stop - first]
        data = self._fetch(start, min(max(stop, start + BLOCK_BYTES), self._size))
        self._block = (start, data)
        return memoryview(data)[:length]
