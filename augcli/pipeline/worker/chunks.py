"""Chunks from their tasks: handed to an engine, gathered piece by piece, and committed."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from augcli.pipeline.worker.commit import commit_chunk, record_chunk
from augcli.pipeline.worker.task import Task, TaskResult, make_tasks, work

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from augcli.io.records.part_files import PartFacts
    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.tasks import Piece
    from augcli.pipeline.worker.values import ArcResult

    RunTasks: TypeAlias = (
        "Callable[[Callable[[Task], TaskResult], Iterable[Task]], Generator[TaskResult, None, None]]"
    )


class MadePiece(NamedTuple):
    """A piece that is made.

    Attributes:
        piece: The piece.
        seconds: Time that it took, by stage.
        facts: What the part file of its chunk says, where the chunk is committed with this piece.
        node: The machine that made it.
    """

    piece: Piece
    seconds: Mapping[str, float]
    facts: PartFacts | None
    node: str


def make_chunks(pieces: Sequence[Piece], run: RunTasks, spare: int, processes: bool) -> Iterator[MadePiece]:
    """Make all pieces, and commit each chunk when its last piece is made.

    A task whose partner lies farther ahead than it knows, since many images do not decode, is sent again.

    Args:
        pieces: All pieces of each chunk that is to be made.
        run: `run` of an engine.
        spare: How many possible partners a task knows beyond those that it needs if all images decode.
        processes: Whether the engine's workers are processes, which share nothing.

    Raises:
        StorageError: If the machine fails, or a worker dies.
    """
    done: defaultdict[int, list[tuple[Arc, ArcResult]]] = defaultdict(list)
    while pieces:
        short = []
        with closing(run(work, make_tasks(pieces, spare, processes))) as results:
            for piece, result in zip(pieces, results, strict=True):
                if result.is_short:
                    short.append(piece)
                    continue
                facts = result.facts
                if facts is None:
                    gathered = done[id(piece.chunk)]
                    gathered += zip(piece.arcs, result.arcs, strict=True)
                    facts = _commit_whole(piece, gathered)
                if facts is not None:
                    done.pop(id(piece.chunk), None)
                yield MadePiece(piece, result.seconds, facts, result.node)
        pieces, spare = short, 2 * spare + 1


def _commit_whole(piece: Piece, gathered: Sequence[tuple[Arc, ArcResult]]) -> PartFacts | None:
    """Commit a piece's chunk if all of it is there."""
    split, chunk = piece.split, piece.chunk
    if sum(len(arc) for arc, _ in gathered) < len(chunk):
        return None
    return commit_chunk(split.job, record_chunk(split, chunk), chunk.arcs, gathered)
