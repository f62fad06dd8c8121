"""The command that draws a contact sheet."""

from __future__ import annotations

from typing import Annotated

import typer

from augcli import api
from augcli.cli import options


def preview(
    src: options.SRC,
    dst: options.DST,
    sheet: Annotated[str, typer.Argument(metavar="SHEET", help="PNG to write.")] = "preview.png",
    *,
    count: Annotated[int, typer.Option(min=1, max=100, help="Outputs to show.")] = 6,
    labels: options.Labels = None,
    classes: options.Classes = None,
    masks: options.Masks = None,
    boxes: options.Boxes = None,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
) -> int:
    """Draw sources, results and labels of an output as one picture, masks and boxes with them."""
    files = options.take_files({"labels": labels, "classes": classes, "masks": masks, "boxes": boxes})
    api.preview(src, dst, sheet, count=count, endpoint_url=endpoint_url, anonymous=anonymous, **files)
    print(sheet)
    return 0
