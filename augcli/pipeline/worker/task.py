"""A task: a value that pickles, and the function that a worker of any engine calls with it."""

from __future__ import annotations

import itertools
import platform
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.io.store.arrow_files import load_functions
from augcli.io.store.places import clear_scratch
from augcli.kernels.backends import choose_backend
from augcli.pipeline.plan.rings import SectionTooShortError
from augcli.pipeline.plan.tasks import slice_job
from augcli.pipeline.worker.commit import Record, commit_chunk, record_chunk
from augcli.pipeline.worker.execute import execute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from augcli.io.readers.base import Opener, Samples
    from augcli.io.records.part_files import PartFacts
    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.plan.tasks import Piece
    from augcli.pipeline.worker.values import ArcResult
    from augcli.samples import Catalogue, RowGroup


class ChunkSamples:
    """The samples of a chunk, opened when the first task asks.

    Tasks in threads share opened samples, since the rows of shards are kept in memory; it pickles closed.
    """

    def __init__(
        self, opener: Opener, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int
    ) -> None:
        """Keep what opens the samples of this chunk alone."""
        self._opener = opener.for_groups(groups)
        self._catalogue, self._groups, self._portions = catalogue, groups, portions
        self._opened: Samples | None = None
        self._lock = threading.Lock()

    def open(self) -> Samples:
        """Open the samples, once."""
        with self._lock:
            if self._opened is None:
                self._opened = self._opener.open(self._catalogue, self._groups, self._portions)
            return self._opened

    def __reduce__(self) -> Any:
        return ChunkSamples, (self._opener, self._catalogue, self._groups, self._portions)


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker does in one go.

    Attributes:
        job: The slice of a job that its arcs need.
        arcs: Arcs of one chunk.
        samples: What opens their samples.
        record: What commits the chunk, where the arcs are all of it; None where they are a piece.
    """

    job: Job
    arcs: tuple[Arc, ...]
    samples: ChunkSamples
    record: Record | None = None

    def __str__(self) -> str:
        """Return what messages call it."""
        return f"a piece of {len(self.arcs)} arcs" if self.record is None else f"chunk {self.record.part!r}"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What comes back from a worker.

    Attributes:
        arcs: What was made of each arc of a piece.
        facts: What the part file of a whole chunk says, which is committed; without the hashes in it.
        seconds: Time per stage.
        is_short: Whether nothing is made, since a partner lies farther ahead than the task knows.
        node: The machine that did it.
    """

    arcs: tuple[ArcResult, ...] = ()
    facts: PartFacts | None = None
    seconds: Counter[str] = field(default_factory=Counter)
    is_short: bool = False
    node: str = field(default_factory=platform.node)


def prepare(backend: str, has_steps: bool) -> None:
    """Load what tasks need, before processes fork, which then share it.

    Args:
        backend: One of `BACKENDS`.
        has_steps: Whether any step is to be applied.
    """
    choose_backend(backend, has_steps).load()
    load_functions()


def work(task: Task) -> TaskResult:
    """Do a task.

    Raises:
        StorageError: If the machine fails.
    """
    if task.record is None:
        return _do(task, task.job)
    job = _begin_anew(task.job)
    try:
        return _do(task, job)
    finally:
        clear_scratch(job.writer.store)


def _do(task: Task, job: Job) -> TaskResult:
    samples, backend = task.samples.open(), choose_backend(job.backend, bool(job.recipe.entries))
    try:
        results = tuple([execute(job, arc, samples, backend) for arc in task.arcs])
    except SectionTooShortError:
        return TaskResult(is_short=True)
    seconds: Counter[str] = Counter()
    for result in results:
        seconds.update(result.seconds)
    if task.record is None:
        return TaskResult(results, seconds=seconds)
    done = list(zip(task.arcs, results, strict=True))
    facts = commit_chunk(job, task.record, task.arcs, done)
    return TaskResult(facts=replace(facts, contents=b""), seconds=seconds)


def _begin_anew(job: Job) -> Job:
    """Return a job whose unfinished names no other attempt at the same task uses: an engine may repeat it."""
    writer: Any = job.writer
    return replace(job, writer=replace(writer, store=writer.store.anew()))


def make_tasks(pieces: Iterable[Piece], spare: int, processes: bool) -> Iterator[Task]:
    """Yield the task of each piece, in order.

    Args:
        pieces: Pieces of chunks.
        spare: How many possible partners a task knows beyond those that it needs if all images decode.
        processes: Whether each task opens what it reads by itself; else the tasks of a chunk share it.
    """
    for _, together in itertools.groupby(pieces, lambda piece: id(piece if processes else piece.chunk)):
        yield from _open_together(list(together), spare)


def _open_together(pieces: Sequence[Piece], spare: int) -> Iterator[Task]:
    """Yield the tasks of some pieces of a chunk that share what is read for them."""
    split, chunk = pieces[0].split, pieces[0].chunk
    arcs = [arc for piece in pieces for arc in piece.arcs]
    members = np.concatenate([arc.members for arc in arcs])
    part = slice_job(split.job, arcs, split.job.count_partners(members) + spare, chunk.groups)
    samples = ChunkSamples(split.source.opener, part.job.catalogue, part.groups, chunk.portions)
    remaining = iter(part.arcs)
    for piece in pieces:
        record = record_chunk(split, chunk) if piece.is_whole else None
        yield Task(part.job, tuple(itertools.islice(remaining, len(piece.arcs))), samples, record)
