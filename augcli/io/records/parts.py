"""Part files that were read: what each says of its chunk, and its rows."""

from __future__ import annotations

import base64
import json
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import OutputError
from augcli.io.records.annotation_columns import complete_boxes
from augcli.io.records.part_files import CONTENTS_KEY, PART_KEY, ROW_SCHEMA, PartFacts
from augcli.io.store.arrow_files import DAMAGE, plain_field
from augcli.io.store.base import full_name
from augcli.io.store.names import part_key
from augcli.samples import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from augcli.io.store.base import Store

READ_TOGETHER = 16
"""Part files that are read at once: one of 2,000 rows takes some 300 kB."""

KEPT_BYTES = 128 << 20
"""Part files that are kept from the look at what stands until the tables are written. Those beyond are read
once more."""


class Part:
    """A part file in memory.

    Attributes:
        chunk: Name of its chunk.
        facts: What it says of its chunk; None if it is not a whole part file.
        columns: Names of its columns.
        size: Bytes of the file.
        written_by: The library that wrote it, by its own words; empty if it is damaged.
    """

    __slots__ = ("_file", "_where", "chunk", "columns", "facts", "size", "written_by")

    def __init__(self, chunk: str, data: bytes, where: str) -> None:
        """Read the facts from the bytes of a file, which messages call `where`."""
        self.chunk, self.size = chunk, len(data)
        self._file, self._where = _open(data), where
        names = [] if self._file is None else self._file.schema_arrow.names
        metadata = {} if self._file is None else self._file.metadata.metadata or {}
        self.columns, self.facts = tuple(names), _read_facts(names, metadata)
        self.written_by = "" if self._file is None else self._file.metadata.created_by or ""

    def rows(self, columns: list[str] | None = None) -> pa.Table:
        """Read the rows, or some of their columns, as they were before they were written.

        Raises:
            OutputError: If they are damaged.
        """
        rows = self.read(columns)
        try:
            return _as_plain(rows)
        except DAMAGE as error:
            raise OutputError(f"{self._where!r} is damaged; remove it and run again") from error

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """Read rows as they lie in the file, in half of the time: their schema has what parquet leaves in it.

        Raises:
            OutputError: If they are damaged.
        """
        if self._file is None or not set(columns or ()).issubset(self.columns):
            raise OutputError(f"{self._where!r} is damaged; remove it and run again")
        try:
            # Not `pq.read_table`: a thread of Arrow's pool lets go of its buffers some time later, and ends a
            # process with SIGABRT (1 of 10 was seen) that is at its own end by then.
            rows = self._file.read(columns, use_threads=False)
            rows.validate(full=True)
            return complete_boxes(rows)
        except DAMAGE as error:
            raise OutputError(f"{self._where!r} is damaged; remove it and run again") from error

    def file_names(self) -> list[str]:
        """Read the names of the outputs.

        Raises:
            OutputError: If they are damaged.
        """
        names: list[str] = self.rows(["file_name"]).column("file_name").to_pylist()
        return names


class Parts:
    """The part files of an output: each is read once, as long as all of them take little memory."""

    def __init__(self, store: Store, kept_bytes: int = KEPT_BYTES) -> None:
        """Read from a store; at most so many bytes are kept."""
        self._store, self._room = store, kept_bytes
        self._kept: dict[str, Part] = {}

    def read(self, chunks: Sequence[str]) -> Iterator[Part]:
        """Yield the part files of chunks in order; a part file that does not exist has no facts.

        Raises:
            StorageError: If the machine fails.
        """
        for start in range(0, len(chunks), READ_TOGETHER):
            together = chunks[start : start + READ_TOGETHER]
            new = [chunk for chunk in together if chunk not in self._kept]
            read = dict(zip(new, self._store.read([part_key(chunk) for chunk in new]), strict=True))
            for chunk in together:
                kept, where = self._kept.get(chunk), full_name(self._store, part_key(chunk))
                yield kept or Part(chunk, read.get(chunk) or b"", where)

    def read_one(self, chunk: str) -> Part:
        """Return the part file of a chunk; see `read`."""
        return next(self.read([chunk]))

    def drop(self, chunk: str) -> None:
        """Let go of a part file that is about to be written anew."""
        part = self._kept.pop(chunk, None)
        self._room += part.size if part else 0

    def keep(self, part: Part) -> None:
        """Keep a part file in memory, where there is room: it is needed again, and its rows stay."""
        if part.chunk not in self._kept and part.size <= self._room:
            self._kept[part.chunk] = part
            self._room -= part.size


def _as_plain(rows: pa.Table) -> pa.Table:
    """Return rows without what reading parquet leaves in their schema."""
    plain = pa.schema([plain_field(field) for field in rows.schema], rows.schema.metadata)
    if any(pa.types.is_nested(field.type) for field in plain):
        return rows.cast(plain)
    # Not `cast`, which loads `pyarrow.compute`, a fifth of all that a run with nothing to do has to load.
    return pa.Table.from_arrays(rows.columns, schema=plain)


def _open(data: bytes) -> pq.ParquetFile | None:
    """Open a parquet file in memory, once for all that is read of it; None if its footer is damaged."""
    try:
        return pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    except DAMAGE:
        return None


def _read_facts(names: Sequence[str], metadata: Mapping[bytes, bytes]) -> PartFacts | None:
    """Read what a part file says of its chunk; None if it is not a whole part file of this version."""
    if not set(ROW_SCHEMA.names).issubset(names):
        return None
    try:
        document = json.loads(metadata[PART_KEY])
        for name in ("failures", "warnings"):
            document[name] = tuple(Failure(**failure) for failure in document[name])
        document["ahead"], document["passed_over"] = tuple(document["ahead"]), tuple(document["passed_over"])
        facts = PartFacts(**document, contents=base64.b64decode(metadata[CONTENTS_KEY], validate=True))
        return facts if _has_types(facts) else None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, OverflowError):
        return None


def _has_types(facts: PartFacts) -> bool:
    """True if the values of facts are of the types that they are declared with."""
    words: Iterable[Any] = (
        text for failure in (*facts.failures, *facts.warnings) for text in astuple(failure)
    )
    texts = (facts.fingerprint, facts.labels, facts.recipe, *facts.passed_over, *facts.counts, *words)
    numbers = (*facts.ahead, *facts.counts.values())
    return all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
