"""Outputs that were asked for, in words and as documents."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from augcli.errors import quantity
from augcli.io.records.row_statistics import UNLABELLED
from augcli.report.wording import (
    describe_place,
    describe_recipe,
    name_class,
    percent,
    plain_line,
    write_label,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from augcli.pipeline.inspection import Inspection
    from augcli.report.shown import Shown, ShownOutput

CLASSES = 12
"""Classes that an overview names."""


def describe_shown(shown: Shown) -> str:
    """Return what was found under a name in words, a few lines for each output."""
    lines = [line for output in shown.outputs for line in _describe_output(output)]
    if shown.found > len(shown.outputs):
        lines.append(f"and {shown.found - len(shown.outputs)} more")
    lines += [
        f"{failure.source}\n  {failure.stage}: {failure.reason}"
        + (f" ({failure.detail})" if failure.detail else "")
        for failure in shown.failures
    ]
    return "\n".join(plain_line(line) for text in lines for line in text.split("\n"))


def document_shown(shown: Shown) -> dict[str, Any]:
    """Return what was found under a name as one JSON document."""
    return {
        "dst": shown.dst,
        "key": shown.key,
        "found": shown.found,
        "outputs": [_document_output(output) for output in shown.outputs],
        "failures": [
            {name: getattr(failure, name) for name in ("source", "stage", "reason", "detail")}
            for failure in shown.failures
        ],
    }


def describe_overview(inspection: Inspection) -> str:
    """Return in words what an output holds, and what of it is missing."""
    output, incidents = inspection.output, inspection.incidents
    layout, boxes = str(output.recipe.format), output.annotated.boxes
    samples = sum(split.statistics.classes.before.total() for split in inspection.splits)
    lines = [
        f"{inspection.name} holds {quantity(inspection.rows, 'image')} ({layout}) from"
        f" {quantity(samples, 'sample')}"
    ]
    lines += [f"  done       {line}" for line in describe_recipe(output.recipe)]
    for split in inspection.splits:
        named = f"{split.output.name}: " if split.output.name else ""
        counts = split.statistics.classes.after
        lines.append(f"  classes    {named}{_list_counts(counts, split.output.classes or ())}")
        if boxes is not None:
            lines.append(f"  boxes      {named}{_list_counts(split.statistics.boxes.all, boxes.names)}")
        lines += [
            f"  skipped    {count}: {reason}" for reason, count in split.statistics.counts.reasons.items()
        ]
    lines += [f"  failed     {count}: {reason}" for reason, count in incidents.reasons.items()]
    lines += [f"  missing    {trouble}" for trouble in inspection.troubles]
    again = shlex.join(["augcli", "show", inspection.name])
    lines.append(f"  {again} NAME shows one output, by its file or its source")
    return "\n".join(plain_line(line) for line in lines)


def _list_counts(counts: Counter[int], names: Sequence[str]) -> str:
    """Return the largest counts of classes or categories in words, those without a label left out."""
    top = [(number, count) for number, count in counts.most_common(CLASSES) if number != UNLABELLED]
    more = len(counts) - (UNLABELLED in counts) - len(top)
    nothing = "unlabelled" if UNLABELLED in counts else "none"
    shown = ", ".join(f"{name_class(number, names)} {count}" for number, count in top) or nothing
    return shown + (f" and {more} more" if more else "")


def document_overview(inspection: Inspection) -> dict[str, Any]:
    """Return what an output holds as one JSON document."""
    output, boxes = inspection.output, inspection.output.annotated.boxes
    splits = {}
    for split in inspection.splits:
        statistics, names = split.statistics, split.output.classes or ()
        splits[split.output.name] = {
            "outputs": statistics.counts.rows,
            "changed": statistics.counts.applied,
            "samples": statistics.classes.before.total(),
            "classes": {
                name_class(number, names) if number != UNLABELLED else "unlabelled": count
                for number, count in sorted(statistics.classes.after.items())
            },
            "boxes": {
                name_class(number, boxes.names): count
                for number, count in sorted(statistics.boxes.all.items())
                if boxes is not None
            },
            "operations": dict(statistics.operations),
            "skipped": dict(statistics.counts.reasons),
        }
    return {
        "dst": inspection.name,
        "layout": str(output.recipe.format),
        "outputs": inspection.rows,
        "recipe": describe_recipe(output.recipe),
        "splits": splits,
        "failures_by_reason": dict(inspection.incidents.reasons),
        "missing": list(inspection.troubles),
    }


def _describe_output(output: ShownOutput) -> Iterator[str]:
    """Yield the lines on an output."""
    file, work = output.file, output.work
    copy = f", copy {work.copy}" if work.copy >= 0 else ""
    yield f"{file.file} ({file.width} × {file.height}, {file.bytes} bytes{copy})"
    if not work.steps:
        yield f"  {output.source} unchanged" + (f": {work.reason}" if work.reason else "")
    for step in work.steps:
        yield f"  {output.source} {step}"
    if work.steps and work.reason:
        yield f"  skipped {work.reason}"
    if output.label is None:
        yield "  no label"
    else:
        yield f"  label {write_label(output.label)}"
    for box in output.boxes or ():
        seen = f"{percent(box.visibility)} of it seen"
        yield f"  box {box.category} {describe_place(box.edges)}, {seen}, from {box.source}"


def _document_output(output: ShownOutput) -> dict[str, Any]:
    """Return an output as a part of a JSON document."""
    boxes = None if output.boxes is None else [box._asdict() for box in output.boxes]
    return {
        **output.file._asdict(),
        "source": output.source,
        "partners": list(output.partners),
        **output.work._asdict(),
        "label": None if output.label is None else dict(output.label),
        "boxes": boxes,
    }
