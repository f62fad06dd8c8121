"""The command that compares two outputs, or two recipes."""

from __future__ import annotations

from typing import Annotated

import typer

from augcli import views
from augcli.arguments import check_paths
from augcli.cli import options
from augcli.cli.work import DIFFERENCES, show


def diff(
    first: Annotated[
        str, typer.Argument(metavar="A", help="An output, a recipe, or an augcli.json.", show_default=False)
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    *,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
    quiet: options.ExitCodeOnly = False,
    json: options.Json = False,
) -> int:
    """Compare two outputs or recipes; exit code 6 where they differ in keys, bytes, labels or partners."""
    from augcli.report.differences import describe_differences, document_differences

    check_paths(a=first, b=second)  # by the names that they have here
    differences = views.diff(first, second, endpoint_url=endpoint_url, anonymous=anonymous)
    show(differences, describe_differences, document_differences, quiet, json)
    return DIFFERENCES if differences else 0
