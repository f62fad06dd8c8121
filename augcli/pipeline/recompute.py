"""Making outputs again from their sources, to compare them with what was written."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from augcli.io.store.names import part_key, printable_key
from augcli.io.writers.choose import WRITERS
from augcli.io.writers.comparison import Difference
from augcli.kernels.backends import choose_backend
from augcli.pipeline.plan.chunks import Arc, cut_pieces
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.plan.splits import plan_splits
from augcli.pipeline.plan.tasks import piece_lengths
from augcli.pipeline.worker.commit import join_results
from augcli.pipeline.worker.execute import execute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.io.readers.base import Source
    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Parts
    from augcli.io.store.base import Store
    from augcli.io.writers.base import Pair, Writer
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split
    from augcli.pipeline.worker.values import ArcResult
    from augcli.recipe import Recipe

RUNS = 64
"""Pieces that a folder is cut into at least, where there are so many images."""


class _Dropping:
    """In the place of a writer: encoded images are not kept, since their hashes are."""

    def __init__(self, writer: Writer) -> None:
        self.name = writer.name

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> Sequence[Any]:
        """Keep nothing."""
        return []


class _Piece(NamedTuple):
    """Some arcs of a chunk; `is_first` is true of just one piece of each chunk."""

    split: Split
    chunk: Chunk
    arcs: tuple[Arc, ...]
    is_first: bool


class Recomputation:
    """All outputs of a data set, or some, in pieces that can be made again one by one."""

    def __init__(
        self,
        store: Store,
        parts: Parts,
        recipe: Recipe,
        source: Source,
        sample: int | None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Plan the outputs as a run would.

        Args:
            store: The output.
            parts: Its part files.
            recipe: What it was made with.
            source: What it was made from.
            sample: How many samples to take, evenly spread; None takes all.
            limits: The limits of the run that made the output.

        Raises:
            UsageError: If the recipe asks what the labels do not allow.
            InputError: If the source lacks what the recipe needs.
        """
        self._parts = parts
        self._is_sharded = WRITERS[str(recipe.format)].is_sharded
        self._backend = choose_backend("auto", bool(recipe.entries))
        self._backend.load()  # before processes fork
        self._splits = plan_splits(source, store, recipe, "auto", limits)
        planned = [(split, chunk) for split in self._splits for chunk in split.chunks]
        self._pieces = list(_cut(planned, sample))
        self._read = lru_cache(maxsize=2)(self._read_records)

    def __len__(self) -> int:
        return len(self._pieces)

    def compare_chunks(self, standing: set[str]) -> list[Difference]:
        """Find chunks that only the source gives, or only the output has part files of."""
        planned = {name for split in self._splits for name in split.part_names()}
        what = "was the input another one when it was made?"
        missing = [
            Difference(part_key(name), f"SRC gives it, but it is missing: {what}")
            for name in planned - standing
        ]
        return missing + [
            Difference(part_key(name), f"SRC does not give it: {what}") for name in standing - planned
        ]

    def compare(self, number: int) -> tuple[list[Difference], int]:
        """Make a piece again; gives where it differs, and how many outputs were made."""
        piece = self._pieces[number]
        split, chunk = piece.split, piece.chunk
        name, key = split.part_name(chunk), part_key(split.part_name(chunk))
        facts = self._parts.read_one(name).facts
        if facts is None:
            return [], 0  # that it is missing or damaged is said already
        recorded = self._read(name)
        samples = split.source.samples(split.catalogue, chunk.groups, chunk.portions)
        job = replace(split.job, writer=cast("Writer", _Dropping(split.job.writer)))
        results = [execute(job, arc, samples, self._backend) for arc in piece.arcs]
        rows, _ = join_results(results, split.beside)
        writer, differences = split.job.writer, []
        for row in rows.to_pylist():
            known_row = recorded.get((row["source"], row["copy"]))
            if known_row is None:
                differences.append(Difference(key, f"it has no output of {row['source']!r}, which SRC gives"))
                continue
            place = known_row["file_name"]
            known_row = known_row | {"file_name": place.split("/", 1)[1]} if self._is_sharded else known_row
            # By what is printed of them, which is the same for NaN and NaN.
            other = [name for name in row if repr(row[name]) != repr(known_row.get(name))]
            if other:
                differences.append(
                    Difference(writer.place(place), f"made again from SRC, it differs in {', '.join(other)}")
                )
        differences += _compare_warnings(key, facts, results, set(rows.column("source").to_pylist()))
        known = {failure.source: failure for failure in facts.failures}
        for failure in (failure for result in results for failure in result.failures):
            if known.get(failure.source) != failure:
                what = f"{failure.source!r} of SRC cannot be used: {failure.reason}"
                differences.append(Difference(key, what))
        if piece.is_first:
            keys = split.catalogue.keys
            sources = {printable_key(keys[sample]) for sample in split.bases(chunk)}
            gone = sorted(
                {source for source, _ in recorded if source not in sources} | (known.keys() - sources)
            )
            differences += [Difference(key, f"its source {source!r} is not in SRC") for source in gone]
        return differences, len(rows)

    def _read_records(self, name: str) -> dict[tuple[str, int], dict[str, Any]]:
        """Read a part file's rows by source and copy."""
        rows = self._parts.read_one(name).rows().to_pylist()
        return {(row["source"], row["copy"]): row for row in rows}


def _compare_warnings(
    key: str, facts: PartFacts, results: Sequence[ArcResult], made: set[str]
) -> list[Difference]:
    """Find samples of which a part file says otherwise what libjpeg, or a check of boxes, complains of.

    Args:
        key: The part file.
        facts: What it says.
        results: What was made again.
        made: Sources of that.
    """
    recorded = {(warning.source, warning.reason) for warning in facts.warnings if warning.source in made}
    warned = {(warning.source, warning.reason) for result in results for warning in result.warnings}
    return [
        Difference(key, f"it says otherwise whether {source!r} has a warning: {reason}")
        for source, reason in sorted(recorded ^ warned)
    ]


def _cut(planned: Sequence[tuple[Split, Chunk]], sample: int | None) -> Iterator[_Piece]:
    """Cut chunks into pieces: runs of folders, whole chunks of shards, whose rows are read together."""
    total = sum(len(chunk) for _, chunk in planned)
    chosen = None if sample is None else sorted({place * total // sample for place in range(sample)})
    first = 0
    for split, chunk in planned:
        if chosen is None:
            lengths = piece_lengths(total, RUNS, DEFAULT_LIMITS.shortest_piece, DEFAULT_LIMITS.longest_piece)
            runs = [chunk.arcs] if chunk.groups else list(cut_pieces(chunk, lengths))
            yield from (_Piece(split, chunk, run, place == 0) for place, run in enumerate(runs))
            continue
        chosen_here = chosen[bisect_left(chosen, first) : bisect_left(chosen, first + len(chunk))]
        places = [(s.ring, position) for s in chunk.arcs for position in range(s.start, s.stop)]
        picked = (places[place - first] for place in chosen_here)
        yield _Piece(split, chunk, tuple(Arc(ring, place, place + 1) for ring, place in picked), True)
        first += len(chunk)
