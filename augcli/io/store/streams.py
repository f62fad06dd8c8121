"""The process's own stdout and stderr: what happens where nobody reads them, or nothing takes them."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from augcli.errors import StorageError
from augcli.io.store.errors import storage_error

STANDARD = (0, 1, 2)
"""File numbers of stdin, stdout and stderr."""


class _Patient(io.RawIOBase):
    """Bytes on their way to a stream; once it takes no more of them, they are dropped.

    Attributes:
        stream: The stream.
        is_needed: Whether a fault of the machine is raised, once; a reader that went away never is.
    """

    def __init__(self, stream: io.RawIOBase, is_needed: bool) -> None:
        self.stream, self.is_needed = stream, is_needed
        self._is_done = False

    def writable(self) -> bool:
        """Return True, as every stream for writing."""
        return True

    def fileno(self) -> int:
        """Return the stream's file number."""
        return self.stream.fileno()

    def isatty(self) -> bool:
        """True if the stream is a terminal."""
        return self.stream.isatty()

    def write(self, data: bytes | bytearray | memoryview, /) -> int | None:  # type: ignore[override]
        """Write what the stream takes, and return how many bytes that were.

        Raises:
            StorageError: If the machine fails and the text is needed.
        """
        if self._is_done:
            return len(data)
        try:
            return self.stream.write(data)
        except BrokenPipeError:
            self._is_done = True
        except OSError as error:
            self._is_done = True
            if self.is_needed:
                raise storage_error("cannot write to stdout", error) from error
        return len(data)


def prepare_streams() -> None:
    """Let stdout and stderr end no work: for a process that has just begun.

    A stream that was closed leads nowhere; left as it is, the next file that is opened takes its number, and
    what a library then writes to stderr ends up in that file.
    """
    for number in STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    sys.stdout = _wrap(sys.stdout, 1, is_needed=True)
    sys.stderr = _wrap(sys.stderr, 2, is_needed=False)


def finish_stdout() -> StorageError | None:
    """Hand on what was printed, and return the fault of the machine; None if all went well."""
    try:
        sys.stdout.flush()
    except StorageError as error:
        return error
    return None


def _wrap(stream: TextIO | None, number: int, is_needed: bool) -> TextIO:
    """Return a text stream that is patient, or a stream of another kind (a test's) as it is."""
    if stream is None:  # it was closed when Python began
        return _open_text(io.FileIO(number, "w", closefd=False), is_needed, "utf-8", True)
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # the same where Python does not buffer
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.RawIOBase):
        return stream
    stream.flush()
    return _open_text(raw, is_needed, stream.encoding, stream.line_buffering or stream.write_through)


def _open_text(raw: io.RawIOBase, is_needed: bool, encoding: str, is_by_line: bool) -> TextIO:
    """Return a stream of text; a name that the terminal cannot show stops no report."""
    buffer = io.BufferedWriter(_Patient(raw, is_needed))  # type: ignore[type-var]
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=is_by_line)
