"""The command that runs a recipe file."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from augcli.cli import options
from augcli.cli.work import do_command

RECIPE = Annotated[
    str, typer.Argument(metavar="RECIPE", help="TOML recipe, or the augcli.json of an output.")
]


def run(recipe: str, src: str, dst: str | None = None, **settings: Any) -> int:
    """Run the operations of a recipe file, one after the other."""
    return do_command(src, dst, recipe, **settings)


options.set_signature(
    run,
    [
        inspect.Parameter("recipe", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=RECIPE),
        inspect.Parameter("src", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=options.SRC),
        options.destination(),
        *options.run_parameters(),
    ],
)
