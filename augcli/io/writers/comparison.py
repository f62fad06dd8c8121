"""Comparing instead of writing: whether what would be written is, byte for byte, what stands there."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.io.store.arrow_files import DAMAGE, open_file
from augcli.io.store.errors import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from augcli.io.store.local import Sink

    pass


def compare_into(differing: dict[Path, int | None]) -> Sink:
    """Give a sink that writes nothing.

    Args:
        differing: Gets each file that is not what would be written, with the place of the first byte that
            differs; None where there is no file.
    """

    @contextmanager
    def compare(path: Path) -> Iterator[BinaryIO]:
        with storage_errors(f"cannot read {str(path)!r}"):
            if not path.is_file():
                differing[path] = None
                yield cast("BinaryIO", _Comparison(io.BytesIO()))
                return
            with path.open("rb") as file:
                comparison = _Comparison(file)
                yield cast("BinaryIO", comparison)
                comparison.finish()
            if comparison.differs_at is not None:
                differing[path] = comparison.differs_at

    return compare


def explain(dst: Path, path: Path, place: int | None) -> Difference:
    """Say where a file below DST differs from the byte at `place` on: a line where it has lines."""
    name = path.relative_to(dst).as_posix()
    if place is None:
        return Difference(name, "it is missing")
    if path.suffix == ".parquet":
        return Difference(name, f"it is not what the part files give, from byte {place} on{_age(path)}")
    with path.open("rb") as file:
        before = file.read(place)
        line = before[before.rfind(b"\n") + 1 :] + file.readline()
    shown = line.decode("utf-8", "replace").rstrip()[:80]
    return Difference(name, f"line {before.count(10) + 1} is not what the part files give: {shown}")


def _age(path: Path) -> str:
    """Say which library wrote a parquet file, where it is not the one here: its bytes may then differ."""
    try:
        theirs = pq.read_metadata(open_file(path)).created_by
    except DAMAGE:
        return ""
    ours = f"parquet-cpp-arrow version {pa.cpp_version}"
    return "" if theirs == ours else f"; {theirs} wrote it, here is {ours}: compare with that version"


class _Comparison(io.RawIOBase):
    """What is written to it is compared with an open file."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._position = file, 0
        self.differs_at: int | None = None

    def writable(self) -> bool:
        """Say that it takes bytes."""
        return True

    def write(self, data: object) -> int:
        """Compare the next bytes; gives how many."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        if self.differs_at is None:
            held = self._file.read(len(view))
            if held != view:
                pairs = enumerate(zip(held, view, strict=False))
                first = next((at for at, (theirs, ours) in pairs if theirs != ours), len(held))
                self.differs_at = self._position + first
        self._position += len(view)
        return len(view)

    def finish(self) -> None:
        """Compare the end."""
        if self.differs_at is None and self._file.read(1):
            self.differs_at = self._position


class Difference(NamedTuple):
    """A file of an output that is not as it was written, and in what."""

    file: str
    what: str
