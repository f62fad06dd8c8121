"""The commit of a chunk, once all of its arcs are made."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.io.records import part_files
from augcli.io.records.part_files import PartFacts
from augcli.io.records.seen_files import write_seen_file
from augcli.io.store.hashes import HASH_BYTES
from augcli.pipeline.plan.fingerprint import count_read, fingerprint_chunk, samples_read, source_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.pipeline.plan.chunks import Arc, Chunk
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.plan.splits import Split
    from augcli.pipeline.worker.values import ArcResult


class Record(NamedTuple):
    """What a chunk's part file says beside what its outputs tell.

    Attributes:
        part: Name of the part file.
        recipe: Digest of what the whole run does.
        context: What the outputs depend on beside samples and recipe.
        beside: Schema of the columns behind ours.
    """

    part: str
    recipe: str
    context: str
    beside: Any


def record_chunk(split: Split, chunk: Chunk) -> Record:
    """Return what a chunk's part file says beside what its outputs tell."""
    return Record(split.part_name(chunk), split.recipe, split.context, split.beside)


def commit_chunk(
    job: Job, record: Record, arcs: Sequence[Arc], done: Sequence[tuple[Arc, ArcResult]]
) -> PartFacts:
    """Make a chunk's outputs final, its rows by source key and copy, and note which versions were read.

    Args:
        job: The job, or a slice of it.
        record: What its part file says.
        arcs: The arcs of the chunk.
        done: All of their pieces, and what was made of each, in any order.
    """
    rings = {id(arc.ring): number for number, arc in enumerate(arcs)}
    done = sorted(done, key=lambda pair: (rings[id(pair[0].ring)], pair[0].start))
    results = [result for _, result in done]
    pieces = _group_pieces(arcs, done)
    ahead = tuple(map(_count_ahead, arcs, pieces))
    counts = sum((Counter(result.counts) for result in results), Counter())
    facts = PartFacts(
        fingerprint=fingerprint_chunk(job, arcs, ahead, record.context),
        recipe=record.recipe,
        ahead=ahead,
        failures=tuple(failure for result in results for failure in result.failures),
        warnings=tuple(warning for result in results for warning in result.warnings),
        passed_over=tuple(sorted({key for result in results for key in result.passed_over})),
        counts={what: count for what, count in sorted(counts.items()) if count},
        contents=b"".join(map(_join_contents, arcs, ahead, pieces)),
    )
    rows, order = join_results(results, record.beside)
    staged = [place for result in results for place in result.staged]
    job.writer.commit(record.part, rows, [staged[number] for number in order if staged], facts)
    versions = source_versions(job.catalogue, samples_read(arcs, ahead))
    write_seen_file(job.writer.store, record.part, facts, versions)
    return facts


def join_results(results: Sequence[ArcResult], beside: Any) -> tuple[Any, list[int]]:
    """Return the rows of what was made of some arcs, and their order; see `part_files.join_rows`."""
    rows = [row for result in results for row in result.rows]
    packed = [result.beside for result in results if result.beside]
    return part_files.join_rows(rows, packed, beside)


def _group_pieces(
    arcs: Sequence[Arc], done: Sequence[tuple[Arc, ArcResult]]
) -> list[list[tuple[Arc, ArcResult]]]:
    """Return the pieces of each arc: there may be a thousand arcs, of as many classes."""
    by_ring = defaultdict(list)
    for piece, result in done:
        by_ring[id(piece.ring)].append((piece, result))
    return [[pair for pair in by_ring[id(arc.ring)] if arc.start <= pair[0].start < arc.stop] for arc in arcs]


def _count_ahead(arc: Arc, pieces: Sequence[tuple[Arc, ArcResult]]) -> int:
    """Count the positions that the pieces of an arc read beyond its end."""
    return max(max(piece.stop + result.ahead - arc.stop, 0) for piece, result in pieces)


def _join_contents(arc: Arc, ahead: int, pieces: Sequence[tuple[Arc, ArcResult]]) -> bytes:
    """Return the hashes of the samples that the pieces of an arc read; zeros where none looked at one."""
    contents = bytearray(HASH_BYTES * count_read(arc, ahead))
    for piece, result in pieces:
        start = HASH_BYTES * (piece.start - arc.start)
        contents[start : start + len(result.contents)] = result.contents
        for distance, content in result.beyond.items():
            place = (piece.stop + distance - arc.start) % len(arc.ring)
            if place >= len(arc):
                contents[HASH_BYTES * place : HASH_BYTES * (place + 1)] = content
    return bytes(contents)
