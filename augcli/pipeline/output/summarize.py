"""Counting: the rows of an output, the work of a run, and what is worth a warning."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from augcli.io.images import facts as image_facts
from augcli.io.records.part_files import WRITTEN_ANEW
from augcli.io.store.names import CLASSES
from augcli.io.writers.failures import collect_failures, collect_warnings
from augcli.pipeline.results import Summary
from augcli.program.labels import dominant
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.records.counts import RowCounts
    from augcli.io.store.base import Store
    from augcli.pipeline.output.documents import SplitOutput
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split

UNLABELLED = "unlabelled"


class Before(NamedTuple):
    """What there was before: samples that have outputs, and their boxes by category, which has a name."""

    images: int
    boxes: Counter[int]
    names: tuple[str, ...]


class Work(NamedTuple):
    """What a run did.

    Attributes:
        done: Names of the chunks that it made.
        compared: How many chunks' sources it compared.
        workers: How many workers it began.
        backend: What applied steps.
        seconds: Wall time, and the time of each stage.
        partition: Which partition it was; "" for all.
        merged: How many partitions it merged.
    """

    done: Sequence[str]
    compared: int
    workers: int
    backend: str
    seconds: Mapping[str, float]
    partition: str = ""
    merged: int = 0


class _Totals(NamedTuple):
    """The rows of all splits, counted.

    Attributes:
        per_class: Outputs by the name of their dominant class.
        unmixed: Outputs by the reason why an operation was not applied.
        boxes: Boxes by category.
        chunks: Outputs of each chunk.
    """

    per_class: Counter[str]
    unmixed: Counter[str]
    boxes: Counter[int]
    chunks: dict[str, int]


def count_before(splits: Sequence[Split]) -> Before:
    """Count what there was before a run over some splits."""
    header = splits[0].job.annotated.boxes
    boxes = sum((split.count_boxes() for split in splits if header), Counter[int]())
    return Before(sum(split.count_images() for split in splits), boxes, header.names if header else ())


def summarize(
    store: Store,
    recipe: Recipe,
    splits: Sequence[SplitOutput],
    counts: Sequence[RowCounts],
    before: Before,
    work: Work,
    notes: Sequence[str],
) -> Summary:
    """Return the summary of an output whose rows are counted, and of what was just done for it."""
    totals = _add_up(splits, counts)
    facts = [fact for split in splits for fact in split.facts]
    failures = collect_failures(facts)
    passed_over = {key for fact in facts for key in fact.passed_over}
    counted = sum((Counter(fact.counts) for fact in facts), Counter())
    surprises = {what: number for what, number in counted.items() if not what.startswith(WRITTEN_ANEW)}
    absent = [] if work.partition else _absent(splits, totals.per_class)
    return Summary(
        dst=store.name,
        layout=str(recipe.format),
        images=before.images,
        outputs=sum(totals.chunks.values()),
        applied=sum(of_split.applied for of_split in counts),
        per_class=dict(sorted(totals.per_class.items())),
        boxes=_boxes_by_name(before, totals.boxes),
        unmixed=dict(sorted(totals.unmixed.items())),
        failures=tuple(failures),
        warnings=tuple(collect_warnings(facts)),
        copied_undecodable=len(passed_over - {failure.source for failure in failures}),
        chunks=sum(len(split.chunks) for split in splits),
        chunks_done=tuple(work.done),
        outputs_made=sum(totals.chunks[chunk] for chunk in work.done),
        seconds={stage: round(spent, 3) for stage, spent in work.seconds.items()},
        free_bytes=store.free_bytes(),
        estimated_bytes=0,
        workers=work.workers,
        libraries=libraries(work.backend),
        counts=dict(sorted(surprises.items())),
        notes=(*notes, *absent),
        written_anew=_count_written_anew(counted),
        chunks_compared=work.compared,
        partition=work.partition,
        merged=work.merged,
    )


def foresee(
    store: Store,
    recipe: Recipe,
    splits: Sequence[Split],
    standing: Standing,
    workers: int,
    backend: str,
    notes: Sequence[str],
) -> Summary:
    """Return what a run would do; outputs count by the class of their base."""
    before = count_before(splits)
    per_class: Counter[str] = Counter()
    for split in splits:
        names = split.catalogue.classes or ()
        for chunk in split.chunks:
            for sample in split.bases(chunk):
                label, count = split.catalogue.labels[sample], int(split.job.outputs[sample])
                per_class[UNLABELLED if label is None else names[dominant(label)]] += count
    return Summary(
        dst=store.name,
        layout=str(recipe.format),
        images=before.images,
        outputs=per_class.total(),
        applied=0,
        per_class=dict(sorted(per_class.items())),
        boxes=_boxes_by_name(before, Counter()),
        unmixed={},
        failures=(),
        copied_undecodable=0,
        chunks=sum(len(split.chunks) for split in splits),
        chunks_done=tuple(standing.todo_names),
        outputs_made=0,
        seconds={},
        free_bytes=store.free_bytes(),
        estimated_bytes=sum(_estimate_bytes(split, chunk) for split, chunk in standing.todo),
        workers=workers,
        libraries=libraries(backend),
        counts=dict(sorted(sum((split.count_skipped() for split in splits), Counter[str]()).items())),
        notes=tuple(notes),
        is_dry=True,
        only_tables=standing.lacks_only_tables and not standing.doubts,
        chunks_compared=len(standing.doubts),
    )


def _add_up(splits: Sequence[SplitOutput], counts: Sequence[RowCounts]) -> _Totals:
    """Return what was counted in the rows of each split, as one."""
    totals = _Totals(Counter(), Counter(), Counter(), {})
    for split, of_split in zip(splits, counts, strict=True):
        names = split.classes or ()
        for label, rows in of_split.labels.items():
            totals.per_class[UNLABELLED if label is None else names[label]] += rows
        totals.unmixed.update(of_split.reasons)
        totals.boxes.update(of_split.categories)
        totals.chunks.update(of_split.chunks)
    return totals


def _boxes_by_name(before: Before, after: Counter[int]) -> dict[str, tuple[int, int]]:
    """Return the number of boxes of each category, before and after; those of one name added up."""
    numbers: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(before.names):
        known = numbers.get(name, (0, 0))
        numbers[name] = (known[0] + before.boxes[number], known[1] + after[number])
    return numbers


def libraries(backend: str) -> dict[str, str]:
    """Return the codecs, which decide the bytes beside the recipe, and the backend, which does not."""
    return {"backend": backend, **image_facts.versions()}


def _count_written_anew(counted: Mapping[str, int]) -> dict[str, int]:
    """Return the unchanged outputs that could not be copied, by the reason."""
    numbers = {reason: counted.get(f"{WRITTEN_ANEW}{reason}", 0) for reason in image_facts.COPY_OBSTACLES}
    return {reason: number for reason, number in numbers.items() if number}


def _absent(splits: Sequence[SplitOutput], per_class: Counter[str]) -> list[str]:
    """Return a note if classes have no folder since they are dominant nowhere."""
    absent = [name for name in splits[0].classes or () if not per_class[name]]
    if not absent or not splits[0].class_folders or not per_class.total():
        return []
    what = f"{len(absent)} classes are dominant nowhere ({absent[0]!r} first) and have"
    what = what if len(absent) > 1 else f"class {absent[0]!r} is dominant nowhere and has"
    return [f"{what} no folder: readers that number folders give other indices; take those of {CLASSES}"]


def _estimate_bytes(split: Split, chunk: Chunk) -> int:
    """Return an estimate of the bytes of a chunk's outputs: as many as its inputs take, for each."""
    bases = split.bases(chunk)
    base = split.job.outputs[bases]
    if chunk.groups:  # a row's size is its shard's
        rows = sum(group.rows for group in chunk.groups)
        return int(base.sum()) * sum(group.bytes for group in chunk.groups) // rows
    return int((split.catalogue.sizes[bases] * base).sum())
