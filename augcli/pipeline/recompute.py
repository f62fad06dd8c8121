"""Making outputs again from their sources, to compare them with what was written."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from augcli.io.records import part_files
from augcli.io.store.names import printable_key
from augcli.io.writers.comparison import Difference
from augcli.kernels.backends import choose_backend
from augcli.pipeline.plan.chunks import Arc, cut_pieces
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.plan.splits import plan_splits
from augcli.pipeline.worker.execute import execute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from augcli.io.readers.base import Source
    from augcli.io.records.part_files import PartFacts
    from augcli.io.writers.base import Pair, Writer
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe
    from augcli.samples import Failure

PIECES = 64
"""As for so many workers is a folder cut into pieces."""

Records: TypeAlias = "dict[tuple[str, int], dict[str, Any]]"
"""The rows of a part file by source and copy."""


class _Dropping:
    """In the place of a writer: encoded images are not kept, since their hashes are."""

    def __init__(self, images: str) -> None:
        self.images = images

    def store(self, names: Sequence[str], pairs: Sequence[Pair]) -> list[Pair]:
        """Keep nothing."""
        return []


class _Piece(NamedTuple):
    """Some arcs of a chunk; `is_first` of just one of its pieces."""

    split: Split
    chunk: Chunk
    arcs: tuple[Arc, ...]
    is_first: bool


class Recomputation:
    """All outputs of a data set, or some, in pieces that can be made again one by one."""

    def __init__(
        self,
        dst: Path,
        recipe: Recipe,
        source: Source,
        sample: int | None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Plan the outputs as a run would.

        Args:
            dst: The output.
            recipe: What it was made with.
            source: What it was made from.
            sample: How many samples to take, evenly spread; None takes all.
            limits: Those of the run that made the output.

        Raises:
            UsageError: If the recipe asks what the labels do not allow.
            InputError: If the source lacks what the recipe needs.
        """
        self._dst = dst
        self._is_parquet = recipe.format == "parquet"
        self._backend = choose_backend("auto", bool(recipe.entries))
        self._backend.load()  # before processes fork
        self._splits = plan_splits(source, dst, recipe, "auto", limits)
        planned = [(split, chunk) for split in self._splits for chunk in split.chunks]
        self._pieces = list(_cut(planned, sample))
        self._read = lru_cache(maxsize=2)(_read_records)

    def __len__(self) -> int:
        return len(self._pieces)

    def compare_chunks(self) -> list[Difference]:
        """Find chunks that only the source gives, or only the output holds."""
        given = {name for split in self._splits for name in split.part_names()}
        recorded = part_files.part_names(self._dst)
        what = "was the input another one when it was made?"
        missing = [
            Difference(f".augcli-{name}.parquet", f"SRC gives it, but it is missing: {what}")
            for name in given - recorded
        ]
        return missing + [
            Difference(f".augcli-{name}.parquet", f"SRC does not give it: {what}")
            for name in recorded - given
        ]

    def compare(self, number: int) -> tuple[list[Difference], int]:
        """Make a piece again; return where it differs, and how many outputs were made."""
        piece = self._pieces[number]
        split, chunk = piece.split, piece.chunk
        path = part_files.part_path(self._dst, split.part_name(chunk))
        facts = part_files.read_part_facts(path)
        if facts is None:
            return [], 0  # that it is missing or damaged is said already
        recorded = self._read(path)
        samples = split.source.samples(split.catalogue, chunk.groups, chunk.slices)
        job = replace(split.job, writer=cast("Writer", _Dropping(split.job.writer.images)))
        results = [execute(job, arc, samples, self._backend) for arc in piece.arcs]
        rows, _ = part_files.join_rows([result.rows for result in results if result.rows], split.beside)
        failures = [failure for result in results for failure in result.failures]
        found = self._compare_rows(split, path, rows.to_pylist(), recorded)
        found += _compare_failures(path, failures, facts)
        if piece.is_first:
            found += _find_gone(path, split, chunk, {source for source, _ in recorded}, facts)
        return found, len(rows)

    def _compare_rows(
        self, split: Split, path: Path, rows: Sequence[dict[str, Any]], recorded: Records
    ) -> list[Difference]:
        """Compare outputs that were made again with what was recorded of them."""
        found = []
        for row in rows:
            record = recorded.get((row["source"], row["copy"]))
            if record is None:
                found.append(Difference(path.name, f"it has no output of {row['source']!r}, which SRC gives"))
                continue
            place = record["file_name"]
            if self._is_parquet:
                record = record | {"file_name": place.split("/", 1)[1]}
            # By what is printed of them, which is the same for NaN and NaN.
            other = [name for name in row if repr(row[name]) != repr(record.get(name))]
            if other:
                what = f"made again from SRC, it differs in {', '.join(other)}"
                found.append(Difference(split.job.writer.place(place), what))
        return found


def _compare_failures(path: Path, failures: Sequence[Failure], facts: PartFacts) -> list[Difference]:
    """Find samples that fail now and did not, or not in this way."""
    known = {failure.source: failure for failure in facts.failures}
    return [
        Difference(path.name, f"{failure.source!r} of SRC cannot be used: {failure.reason}")
        for failure in failures
        if known.get(failure.source) != failure
    ]


def _find_gone(
    path: Path, split: Split, chunk: Chunk, sources: set[str], facts: PartFacts
) -> list[Difference]:
    """Find recorded sources that a chunk has no more."""
    given = {printable_key(split.catalogue.keys[sample]) for sample in split.bases(chunk)}
    failed = {failure.source for failure in facts.failures}
    return [
        Difference(path.name, f"its source {source!r} is not in SRC")
        for source in sorted((sources | failed) - given)
    ]


def _cut(planned: Sequence[tuple[Split, Chunk]], sample: int | None) -> Iterator[_Piece]:
    """Cut chunks into pieces: arcs of folders, whole chunks of shards, whose rows are read together."""
    total = sum(len(chunk) for _, chunk in planned)
    chosen = None if sample is None else sorted({number * total // sample for number in range(sample)})
    first = 0
    for split, chunk in planned:
        if chosen is None:
            cut = [chunk.arcs] if chunk.groups else cut_pieces(chunk, total, PIECES)
            yield from (_Piece(split, chunk, arcs, number == 0) for number, arcs in enumerate(cut))
            continue
        own = chosen[bisect_left(chosen, first) : bisect_left(chosen, first + len(chunk))]
        places = [(arc.ring, position) for arc in chunk.arcs for position in range(arc.start, arc.stop)]
        picked = (places[number - first] for number in own)
        arcs = tuple(Arc(ring, position, position + 1) for ring, position in picked)
        yield _Piece(split, chunk, arcs, True)
        first += len(chunk)


def _read_records(path: Path) -> Records:
    """Read a part file's rows by source and copy."""
    return {(row["source"], row["copy"]): row for row in part_files.read_part_rows(path).to_pylist()}
