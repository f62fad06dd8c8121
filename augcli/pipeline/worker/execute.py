"""The walk along an arc of a ring: its samples become outputs.

read → plan → decode → apply → encode → label → store. The work of Python, planning and labelling, is
done for many samples in a row: between the codec's work, whose data fill the caches, it would take several
times as long. A decoded image stays only until the positions behind it no longer need it as a partner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.images.geometry import Geometry
from augcli.io.store.names import printable_key
from augcli.pipeline.worker.annotations import AnnotationFollower
from augcli.pipeline.worker.collector import Collector
from augcli.pipeline.worker.loader import Loader
from augcli.pipeline.worker.maker import Maker
from augcli.pipeline.worker.neighbours import Neighbours
from augcli.pipeline.worker.planner import Planner
from augcli.pipeline.worker.preparer import Preparer
from augcli.pipeline.worker.staging import Staging
from augcli.pipeline.worker.values import Stopwatch
from augcli.pipeline.worker.window import Window

if TYPE_CHECKING:
    from augcli.io.readers.base import Samples
    from augcli.kernels.backends import Backend
    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.values import ArcResult


def execute(job: Job, arc: Arc, samples: Samples, backend: Backend) -> ArcResult:
    """Turn the samples of an arc into outputs.

    Args:
        job: The job, or the slice of it that the arc needs.
        arc: Positions of a ring.
        samples: Their files or rows.
        backend: The backend that applies steps.

    Raises:
        StorageError: If the machine fails; nothing about a sample may be concluded from that.
        SectionTooShortError: If a partner lies behind what is known of the ring.
    """
    with Staging(job.writer) as staging:
        return _walk(job, arc, samples, backend, staging)


def _walk(job: Job, arc: Arc, samples: Samples, backend: Backend, staging: Staging) -> ArcResult:
    recipe, limits, size, watch = job.recipe, job.limits, job.recipe.size, Stopwatch()
    geometry = Geometry(size.height, size.width, recipe.fit, recipe.background) if size else None
    annotations = None
    if job.annotated:
        annotations = AnnotationFollower(job.catalogue, recipe, geometry, job.annotated.masks)
    # Where outputs wait to be made together, so do the images that they are made from.
    loader = Loader(samples, recipe, geometry, annotations, not backend.apply_many, watch)
    window = Window(arc, loader, job.count_partners(arc.members), limits)
    neighbours = Neighbours(window, arc)
    planner = Planner(job, arc, neighbours)
    preparer = Preparer(window, neighbours, planner, annotations, geometry, recipe)
    maker = Maker(recipe, backend, limits.made_together, watch)
    collector = Collector(job, limits.gathered_bytes, watch, staging, annotations)
    start = arc.start
    while start < arc.stop:
        stop = window.read_ahead(start)
        watch.lap("read")
        expected = preparer.expect_all(planner.plan_ahead(start, stop, limits.planned_ahead))
        watch.lap("plan")
        for position in range(start, stop):
            copies = planner.copies(position)
            for copy in copies:
                made = preparer.prepare(position, copy, expected)
                made.is_last = copy == copies[-1]
                maker.add(made)
                if made.failure:
                    break
            if maker.finished > limits.made_together:
                collector.take(maker.take())
            window.release(position)
        maker.finish()
        collector.take(maker.take())
        collector.flush()
        start = stop
    collector.pack(samples)
    collector.result.seconds = dict(watch.seconds)
    return _conclude(collector.result, job, arc, neighbours, window)


def _conclude(result: ArcResult, job: Job, arc: Arc, neighbours: Neighbours, window: Window) -> ArcResult:
    """Return the result of an arc with what is known of all samples that were read for it."""
    failed = (job.catalogue.keys[sample] for sample in neighbours.failed)
    result.passed_over = sorted(map(printable_key, failed))
    result.contents = b"".join(map(window.content, range(arc.start, arc.stop)))
    result.beyond = {position - arc.stop: window.content(position) for position in neighbours.looked_at}
    return result
