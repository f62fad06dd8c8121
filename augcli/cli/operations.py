"""One command for each registered operation, made from its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augcli.cli import options
from augcli.cli.plain_values import PlainCommand
from augcli.cli.work import do_command
from augcli.ops import OPERATIONS
from augcli.options import option_fields
from augcli.recipe import P_HELP, Recipe, single

if TYPE_CHECKING:
    from augcli.ops import Operation


def add_operations(app: typer.Typer) -> None:
    """Add a command for every operation."""
    for operation in OPERATIONS.values():
        made = make_command(operation)
        app.command(operation.name, cls=PlainCommand, help=inspect.getdoc(operation))(made)


def make_command(operation: type[Operation]) -> Callable[..., int]:
    """Make the command of an operation: its own options, `--p`, and the options of every run."""

    def command(src: str, dst: str | None, p: float, **values: Any) -> int:
        fields = {field.name: values.pop(field.name) for field in option_fields(operation)}
        settings = {name: values.pop(name) for name in options.RUN_OPTIONS}
        return do_command(src, dst, single(operation(**fields), p, **values), **settings)

    probability = Annotated[
        float,
        typer.Option(help=P_HELP, rich_help_panel="Operation"),
    ]
    options.set_signature(
        command,
        [
            inspect.Parameter("src", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=options.SRC),
            options.destination(),
            *options.option_parameters(operation, "Operation"),
            options.keyword("p", probability, 1.0),
            *options.option_parameters(Recipe, "Output"),
            *options.run_parameters(),
        ],
    )
    return command
