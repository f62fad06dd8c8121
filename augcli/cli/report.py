"""The command that writes a page on an output."""

from __future__ import annotations

from typing import Annotated

import typer

from augcli import views
from augcli.cli import options
from augcli.cli.work import Progress

STDOUT = "-"


def report(
    dst: options.Made,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="HTML page to write; - for stdout.")
    ] = "report.html",
    *,
    src: Annotated[
        str | None,
        typer.Option(metavar="SRC", help="What it was made from, to show samples beside their sources."),
    ] = None,
    count: Annotated[int, typer.Option(min=0, max=200, help="Samples to show, drawn by the seed.")] = 48,
    labels: options.Labels = None,
    classes: options.Classes = None,
    masks: options.Masks = None,
    boxes: options.Boxes = None,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress and no path.", rich_help_panel="Run")
    ] = False,
) -> int:
    """Write one page on an output, to open in a browser: counts, classes, shares, failures, samples."""
    files = options.take_files({"labels": labels, "classes": classes, "masks": masks, "boxes": boxes})
    with Progress(quiet, "chunks") as progress:
        page = views.write_report(
            dst,
            None if file == STDOUT else file,
            src=src,
            count=count,
            endpoint_url=endpoint_url,
            anonymous=anonymous,
            advance=progress.advance,
            **files,
        )
    if file == STDOUT:
        print(page)
    elif not quiet:
        print(file)
    return 0
