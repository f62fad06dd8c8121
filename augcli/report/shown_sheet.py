"""Outputs that were asked for, drawn as a contact sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.report.drawing import draw_result, load_results
from augcli.report.preview import Example, Sheet, draw_cell, draw_sheet
from augcli.report.wording import write_label

if TYPE_CHECKING:
    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.report.drawing import SourceImages
    from augcli.report.shown import Shown, ShownOutput

MOST = 12
"""Outputs on a sheet."""


def draw_shown(output: StoredOutput, shown: Shown, sources: SourceImages | None) -> Sheet:
    """Draw outputs as a contact sheet, their sources before them where these are given.

    Raises:
        InputError: If an image is missing, or the sources belong to another output.
        OutputError: If a shard is damaged.
        StorageError: If the machine fails.
    """
    outputs = shown.outputs[:MOST]
    if sources is not None:
        sources.check_own(key for drawn in outputs for key in (drawn.source, *drawn.partners))
    return draw_sheet([_draw(output, drawn, sources) for drawn in outputs])


def _draw(output: StoredOutput, shown: ShownOutput, sources: SourceImages | None) -> Example:
    """Draw one output."""
    split, chunk, number = shown.place
    rows = output.parts.read_one(chunk).rows()
    writer = output.describe(split, [], [], rows.column("file_name").to_pylist()).output.writer
    (pair,) = load_results(writer, rows, [number])
    (row,) = rows.take([number]).to_pylist()
    result = draw_result(pair, row, output.annotated, output.recipe.max_pixels)
    keys = dict.fromkeys((shown.source, *shown.partners)) if sources is not None else ()
    drawn = tuple(draw_cell(sources.draw(key), key.rpartition("/")[2]) for key in keys) if sources else ()
    return Example(drawn, result, f"{shown.work.operations}\n{write_label(shown.label or ())}")
