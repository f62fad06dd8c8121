"""The command that shows one output in words, or what all of them are."""

from __future__ import annotations

from typing import Annotated

import typer

from augcli import views
from augcli.cli import options
from augcli.cli.work import Progress
from augcli.cli.work import show as show_result
from augcli.errors import Option, UsageError

Key = Annotated[
    str | None,
    typer.Argument(
        metavar="KEY",
        help="File of an output, or key of a source (default: an overview).",
        show_default=False,
    ),
]
Sheet = Annotated[str | None, typer.Option(metavar="SHEET", help="Draw the outputs of KEY to this PNG, too.")]


def show(
    dst: options.Made,
    key: Key = None,
    *,
    sheet: Sheet = None,
    src: Annotated[
        str | None, typer.Option(metavar="SRC", help="What it was made from, to draw sources, too.")
    ] = None,
    labels: options.Labels = None,
    classes: options.Classes = None,
    masks: options.Masks = None,
    boxes: options.Boxes = None,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
    json: options.Json = False,
) -> int:
    """Show in words how an output was made: its sources, steps, label and boxes."""
    from augcli.report.shown_words import (
        describe_overview,
        describe_shown,
        document_overview,
        document_shown,
    )

    files = options.take_files({"labels": labels, "classes": classes, "masks": masks, "boxes": boxes})
    if sheet is None and (src is not None or any(files.values())):
        raise UsageError(Option("src"), " is drawn on a sheet; give ", Option("sheet", "SHEET"))
    if key is None:
        if sheet is not None:
            raise UsageError(Option("sheet"), " shows the outputs of KEY; give it, or leave out the sheet")
        with Progress(json, "chunks") as progress:
            seen = views.look(dst, endpoint_url=endpoint_url, anonymous=anonymous, advance=progress.advance)
        show_result(seen, describe_overview, document_overview, False, json)
        return 0
    shown = views.show(dst, key, sheet, src=src, endpoint_url=endpoint_url, anonymous=anonymous, **files)
    show_result(shown, describe_shown, document_shown, False, json)
    return 0
