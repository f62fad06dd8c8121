"""The command that verifies an output."""

from __future__ import annotations

from typing import Annotated

import typer

from augcli import api
from augcli.cli import options
from augcli.cli.work import DIFFERENCES, Progress, show

Against = Annotated[
    str | None,
    typer.Option(metavar="SRC", help="Make outputs again from their sources, and compare."),
]
Sample = Annotated[
    int | None,
    typer.Option(metavar="N", help="Only those of N sources, evenly spread (default: of all)."),
]


def verify(
    dst: options.Made,
    *,
    against: Against = None,
    sample: Sample = None,
    labels: options.Labels = None,
    classes: options.Classes = None,
    masks: options.Masks = None,
    boxes: options.Boxes = None,
    workers: options.Workers = None,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
    quiet: options.ExitCodeOnly = False,
    json: options.Json = False,
) -> int:
    """Check every file, byte and label of an output; exit code 6 where anything differs."""
    from augcli.report.summary import describe_verification, document_verification

    files = options.take_files({"labels": labels, "classes": classes, "masks": masks, "boxes": boxes})
    with Progress(quiet, "pieces") as progress:
        verification = api.verify(
            dst,
            against=against,
            sample=sample,
            workers=workers,
            endpoint_url=endpoint_url,
            anonymous=anonymous,
            advance=progress.advance,
            **files,
        )
    show(verification, describe_verification, document_verification, quiet, json)
    return DIFFERENCES if verification.differences else 0
