"""The command that draws a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from augcli.cli import options
from augcli.samples import InputFiles


def preview(
    src: options.SRC,
    dst: options.DST,
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="PNG to write.")] = Path("preview.png"),
    *,
    count: Annotated[int, typer.Option(min=1, max=100, help="Outputs to show.")] = 6,
    labels: options.Labels = None,
    classes: options.Classes = None,
    masks: options.Masks = None,
    boxes: options.Boxes = None,
) -> int:
    """Draw sources, results and labels of an output as one picture, masks and boxes with them."""
    from augcli.io.readers.base import Selection
    from augcli.report.preview import draw_preview

    draw_preview(src, dst, sheet, count, Selection(InputFiles.of(labels, classes, masks, boxes)))
    print(sheet)
    return 0
