"""The command that closes an output which partitions made."""

from __future__ import annotations

from typing import Annotated

import typer

from augcli import api
from augcli.cli import options
from augcli.cli.work import Progress, report


def merge(
    dst: Annotated[str, typer.Argument(metavar="DST", help="The output of partitions.", show_default=False)],
    *,
    max_errors: options.MaxErrors = 0,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Check what all partitions made, write tables and _SUCCESS; exit code 7 where something is missing."""
    with Progress(quiet, "chunks") as progress:
        summary = api.merge(
            dst,
            max_errors=max_errors,
            endpoint_url=endpoint_url,
            anonymous=anonymous,
            advance=progress.advance,
        )
    return report(summary, max_errors, quiet, json)
