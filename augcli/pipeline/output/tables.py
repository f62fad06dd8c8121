"""The tables of a split, written from its part files while chunks are still being made."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from augcli.errors import Option, UsageError
from augcli.io.records.counts import RowCounts, counted_columns
from augcli.io.writers.choose import WRITERS
from augcli.pipeline.plan.checks import mixed_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.records.parts import Parts
    from augcli.io.store.base import Sink
    from augcli.io.writers.base import Writer


@dataclass(frozen=True, slots=True)
class Tally:
    """What one pass over the part files of a split found.

    Attributes:
        files: Keys of all files that hold its outputs.
        suffixes: Suffixes of its images, each with the first name that has it.
        counts: Its rows, counted.
    """

    files: set[str] = field(default_factory=set)
    suffixes: dict[str, str] = field(default_factory=dict)
    counts: RowCounts = field(default_factory=RowCounts)


class Tables:
    """The tables of a split while they are written: chunk by chunk, in order.

    Once the last chunk is committed all workers but one have nothing to do. So chunks are taken in as soon as
    they and all before them are committed, and little is left then.

    Attributes:
        written: How many chunks were taken in.
        tally: What was found in them.
    """

    def __init__(
        self,
        writer: Writer,
        chunks: Sequence[str],
        parts: Parts,
        sink: Sink,
        stack: ExitStack,
        counts_only: bool = False,
    ) -> None:
        """Prepare to write; the files appear when the stack is closed.

        Args:
            writer: How the outputs lie on disk.
            chunks: Names of the chunks, in order.
            parts: Their part files.
            sink: Where tables are written.
            stack: What closes them.
            counts_only: Whether rows are counted and no table is written.
        """
        self._writer, self._chunks, self._parts, self._sink, self._stack = writer, chunks, parts, sink, stack
        self._counts_only = counts_only
        self._adds: list[Callable[[Any], None]] | None = None
        self.written = 0
        self.tally = Tally()

    def write(self, stop: int) -> Tally:
        """Take in the first `stop` chunks, all of which are committed; return what was found so far.

        Raises:
            OutputError: If a part file is damaged.
            StorageError: If the machine fails.
        """
        if self._adds is None:
            self._adds = self._open()
        for part in self._parts.read(self._chunks[self.written : stop]):
            rows = part.rows(None if self._adds else counted_columns(part))
            for add in self._adds:
                add(rows)
            names = rows.column("file_name").to_pylist()
            self.tally.files.update(self._writer.files(names))
            for suffix in {name.rpartition(".")[2] for name in names} - self.tally.suffixes.keys():
                self.tally.suffixes[suffix] = next(name for name in names if name.endswith(f".{suffix}"))
            self.tally.counts.add(part.chunk, rows)
        self.written = max(self.written, stop)
        return self.tally

    def _open(self) -> list[Callable[[Any], None]]:
        """Open the files; return what takes the part rows of the next chunk into each."""
        tables, enter = {} if self._counts_only else self._writer.tables(), self._stack.enter_context
        opened = [(enter(self._sink.writing(key)), fill) for key, fill in tables.items()]
        return [enter(fill(file)) for file, fill in opened]


def refuse_mixed_suffixes(layout: str, tallies: Sequence[Tally]) -> None:
    """Refuse JPEG beside PNG where all images must have the same suffix.

    Raises:
        UsageError: Naming one of each.
    """
    names = {suffix: name for tally in reversed(tallies) for suffix, name in tally.suffixes.items()}
    if WRITERS[layout].has_one_suffix and len(names) > 1:
        raise UsageError(*mixed_words(layout, names["jpg"], names["png"]), ", and ", Option("force", True))


def write_tables(writer: Writer, chunks: Sequence[str], parts: Parts, sink: Sink) -> Tally:
    """Write the tables of a split whose chunks are all committed; see `Tables`."""
    with ExitStack() as stack:
        return Tables(writer, chunks, parts, sink, stack).write(len(chunks))
