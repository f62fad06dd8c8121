"""Comparing instead of writing: whether what would be written is, byte for byte, what stands there."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.io.store.arrow_files import DAMAGE
from augcli.io.store.base import full_name
from augcli.io.store.errors import storage_errors

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from augcli.io.store.base import Store

LONGEST_LINE = 1 << 20
"""Bytes of a line that are read to show it."""


class Difference(NamedTuple):
    """A file of an output that is not as it was written, and in what."""

    file: str
    what: str


class Comparison:
    """A sink that writes nothing.

    Attributes:
        differing: Each file that is not what would be written, with the place of the first byte that
            differs; None if there is no file.
    """

    def __init__(self, store: Store, standing: Container[str]) -> None:
        """Compare with the files of a store, of which those with the keys `standing` exist."""
        self._store, self._standing = store, standing
        self.differing: dict[str, int | None] = {}

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Compare the written bytes with the file that stands there."""
        if key not in self._standing:
            self.differing[key] = None
            yield cast("BinaryIO", _Compared(io.BytesIO()))
            return
        with storage_errors(f"cannot read {full_name(self._store, key)!r}"), self._store.open(key) as file:
            compared = _Compared(file)
            yield cast("BinaryIO", compared)
            compared.finish()
        if compared.differs_at is not None:
            self.differing[key] = compared.differs_at

    def explain(self) -> Iterator[Difference]:
        """Yield what was found: of a text, the line that differs."""
        for key, place in self.differing.items():
            yield Difference(key, self._explain(key, place))

    def _explain(self, key: str, place: int | None) -> str:
        if place is None:
            return "it is missing"
        with storage_errors(f"cannot read {full_name(self._store, key)!r}"), self._store.open(key) as file:
            if key.endswith((".parquet", ".tar")):
                age = _age(file) if key.endswith(".parquet") else ""
                return f"it is not what the part files give, from byte {place} on{age}"
            before, behind = file.read(place), file.read(LONGEST_LINE)
        line = before[before.rfind(b"\n") + 1 :] + behind.partition(b"\n")[0]
        shown = line.decode("utf-8", "replace").rstrip()[:80]
        return f"line {before.count(10) + 1} is not what the part files give: {shown}"


def _age(file: BinaryIO) -> str:
    """Return which library wrote a parquet file if it is not the library here: then bytes may differ."""
    try:
        theirs = pq.read_metadata(file).created_by
    except DAMAGE:
        return ""
    ours = f"parquet-cpp-arrow version {pa.cpp_version}"
    return "" if theirs == ours else f"; {theirs} wrote it, here is {ours}: compare with that version"


class _Compared(io.RawIOBase):
    """A file that compares the bytes written to it with an open file.

    Attributes:
        differs_at: Place of the first byte that differs; None while all are equal.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._position = file, 0
        self.differs_at: int | None = None

    def writable(self) -> bool:
        """Return True: it takes bytes."""
        return True

    def write(self, data: object) -> int:
        """Compare the next bytes; return how many they are."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self.differs_at is None:
            standing = self._file.read(len(view))
            if standing != view:
                pairs = enumerate(zip(standing, view, strict=False))
                first = next((place for place, (theirs, ours) in pairs if theirs != ours), len(standing))
                self.differs_at = self._position + first
        self._position += len(view)
        return len(view)

    def finish(self) -> None:
        """Compare the end."""
        if self.differs_at is None and self._file.read(1):
            self.differs_at = self._position
