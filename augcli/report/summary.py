"""A run's summary, in words and as a document."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from augcli.errors import Option, Spelling, quantity, spell_note
from augcli.report.bars import draw_bars
from augcli.report.wording import plain_line

if TYPE_CHECKING:
    from augcli.pipeline.results import Summary, Verification

SHOWN_CLASSES, MOST_LETTERS = 12, 200

INDENT = 13
"""Columns before what a line says."""


def describe(summary: Summary, spelling: Spelling = Spelling.FLAG, columns: int = 0) -> str:
    """Return in words what was done and what stands in the output, a few lines for a person.

    Args:
        summary: What a run did.
        spelling: How notes name options.
        columns: Of a terminal that shows bars: classes stand one below the other there. 0: elsewhere.
    """
    is_ahead = summary.is_dry or bool(summary.planned)
    verb = "would hold" if summary.is_dry else "is to hold" if summary.planned else "holds"
    what, sources = quantity(summary.outputs, "image"), quantity(summary.images, "input")
    part = f", partition {summary.partition}," if summary.partition else ""
    lines = [f"{summary.dst}{part} {verb} {what} ({summary.layout}) from {sources}"]
    if not is_ahead:
        lines.append(f"  changed    {summary.applied}")
    if summary.written_anew:
        anew = ", ".join(f"{reason} {count}" for reason, count in summary.written_anew.items())
        lines.append(f"  unchanged, but written anew {sum(summary.written_anew.values())} ({anew})")
    lines += [f"  skipped    {count}: {reason}" for reason, count in summary.unmixed.items()]
    lines += [f"  failed     {count}: {reason}" for reason, count in reasons(summary).items()]
    if summary.failures and not summary.partition:
        lines.append(f"             listed in {summary.dst}/failures.jsonl")
    if number := summary.copied_undecodable:
        what = "copied files do" if number > 1 else "copied file does"
        lines.append(f"  warning    {number} {what} not decode, passed over as partners")
    by_base = " (of the images that they are made from)" if is_ahead else ""
    if summary.per_class:
        lines += (
            _bars(summary, by_base, columns)
            if columns
            else [f"  classes    {_first(summary.per_class)}{by_base}"]
        )
    if summary.boxes:
        lines.append(f"  boxes      {_boxes(summary)}")
    lines += [f"  counted    {_plain(what)}: {count}" for what, count in summary.counts.items()]
    if summary.warnings and not summary.partition:
        lines.append(f"             warnings are listed in {summary.dst}/warnings.jsonl")
    if summary.nodes:
        lines.append(f"  nodes      {_first(summary.nodes)}")
    lines += [f"  note       {_plain(spell_note(note, spelling))}" for note in summary.notes]
    lines.append(f"  {_work(summary, spelling)}")
    return "\n".join(lines)


def document(summary: Summary, spelling: Spelling = Spelling.FLAG) -> dict[str, Any]:
    """Return a summary as one JSON document, with its rate and its failures counted by reason.

    Args:
        summary: What a run did.
        spelling: How notes name options.
    """
    wall = summary.seconds.get("wall", 0.0)
    boxes = {name: {"before": before, "after": after} for name, (before, after) in summary.boxes.items()}
    return asdict(summary) | {
        "boxes": boxes,
        "notes": [spell_note(note, spelling) for note in summary.notes],
        "failures_by_reason": reasons(summary),
        "images_per_second": round(summary.outputs_made / wall, 1) if wall else 0.0,
    }


def describe_verification(verification: Verification, spelling: Spelling = Spelling.FLAG) -> str:
    """Return in words what was checked, each difference on a line of its own, options spelled as is said."""
    again = f", {verification.recomputed} made again from their sources" if verification.recomputed else ""
    count = len(verification.differences)
    verdict = quantity(count, "difference") if count else "all is as it was written"
    images = quantity(verification.outputs, "image")
    lines = [f"{file}: {spell_note(what, spelling)}" for file, what in verification.differences]
    return "\n".join([*lines, f"{verification.dst}: {images} ({verification.layout}){again}: {verdict}"])


def document_verification(verification: Verification, spelling: Spelling = Spelling.FLAG) -> dict[str, Any]:
    """Return what was checked as one JSON document, options spelled as is said."""
    differences = [(file, spell_note(what, spelling)) for file, what in verification.differences]
    return asdict(verification) | {
        "differences": [{"file": file, "what": what} for file, what in differences]
    }


def reasons(summary: Summary) -> dict[str, int]:
    """Count the failures by reason."""
    return dict(sorted(Counter(failure.reason for failure in summary.failures).items()))


def _megabytes(size: int) -> str:
    return f"about {size / 1e6:.0f} MB" if size >= 500_000 else "less than 1 MB"


def _plain(text: str) -> str:
    """Return a text that came from files as one short line, without codes that terminals obey."""
    line = plain_line(text)
    return line if len(line) <= MOST_LETTERS else f"{line[:MOST_LETTERS]}..."


def _quote(name: str) -> str:
    """Return the name of a class; in quotes if it would read as a number."""
    return repr(name) if name.isdecimal() else _plain(name)


def _first(counts: dict[str, int]) -> str:
    """Return the first names of classes or machines, and how many outputs or chunks each has."""
    first = list(counts.items())[:SHOWN_CLASSES]
    shown = [f"{_quote(name)} {count}" for name, count in first]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _bars(summary: Summary, by_base: str, columns: int) -> list[str]:
    """Return the first classes as lines with bars."""
    first = {_quote(name): count for name, count in list(summary.per_class.items())[:SHOWN_CLASSES]}
    lines = draw_bars(first, sum(summary.per_class.values()), columns - INDENT)
    more = len(summary.per_class) - len(first)
    lines += [f"and {more} more"] if more > 0 else []
    lines += [by_base.strip()] if by_base else []
    return [f"{'' if place else '  classes':{INDENT}}{line}" for place, line in enumerate(lines)]


def _boxes(summary: Summary) -> str:
    """Return the boxes of each category before and after."""
    shown = [
        f"{_quote(name)} {before}" + ("" if summary.is_dry or summary.planned else f" -> {after}")
        for name, (before, after) in list(summary.boxes.items())[:SHOWN_CLASSES]
    ]
    more = len(summary.boxes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _name_partitions(count: int, spelling: Spelling) -> str:
    """Return the next commands after partitions were planned."""
    flag = Option("partition", f"0/{count}").spell(spelling)
    more = f" to {count - 1}/{count}" if count > 1 else ""
    return f"planned {quantity(count, 'partition')}: the same command with {flag}{more}, then merge"


def _work(summary: Summary, spelling: Spelling) -> str:
    chunks = f"{len(summary.chunks_done)} of {quantity(summary.chunks, 'chunk')}"
    if summary.is_dry and summary.chunks_compared:
        chunks += f", {summary.chunks_compared} to compare with their sources"
    if summary.planned:
        return f"{_name_partitions(summary.planned, spelling)}; to do: {chunks}"
    if summary.only_tables:
        return f"no image to make; tables and labels {'to be ' * summary.is_dry}written anew"
    if summary.is_dry:
        free = "" if summary.free_bytes is None else f" {summary.free_bytes / 1e6:.0f} MB are free;"
        return f"to do: {chunks}, {_megabytes(summary.estimated_bytes)};{free} nothing was written"
    if summary.merged:
        return f"merged {quantity(summary.merged, 'partition')}: tables and labels written"
    if not summary.chunks_done:
        number = summary.chunks_compared
        compared = f"; compared the sources of {quantity(number, 'chunk')}" if number else ""
        stood = "all of it stood already" if summary.chunks else "no chunk is of this partition"
        return f"nothing to do: {stood}{compared}"
    wall = summary.seconds["wall"]
    rate = summary.outputs_made / wall if wall else 0.0
    backend = summary.libraries["backend"]
    work = [f"{rate:.0f} images/s", quantity(summary.workers, "worker"), backend, chunks]
    return (
        f"made {summary.outputs_made} in {wall:.1f} s ({', '.join(part for part in work if part != 'none')})"
    )
