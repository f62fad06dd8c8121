"""Values of options that nothing need check: what was not given, texts, lists of them, and plain numbers.

typer 0.29 hands the value of every option to pydantic. To load it and to make its adapters took 0.1 s and
19 MiB of each run, and a fifth of the time of a run that has nothing to do. Other values still go there, and
wrong ones too, since pydantic words the message. A typer without `type_descriptor` is left alone.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable


PLAIN_NUMBERS = {int: re.compile(r"[0-9]+"), float: re.compile(r"[0-9]+([.][0-9]+)?")}
"""How plain numbers are written: every reader takes them for the same."""


class PlainCommand(TyperCommand):
    """A command that takes plain values as they are."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its parameters, `--help` among them."""
        return _spare_checks(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """A group of commands that takes plain values as they are."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its parameters, `--help` among them."""
        return _spare_checks(super().get_params(ctx))


def _spare_checks(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if hasattr(parameter, "type_descriptor") and "process_value" not in vars(parameter):
            parameter.process_value = partial(_take, parameter, parameter.process_value)
    return parameters


def _take(parameter: Any, check: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """Return the value of a parameter: itself if it is plain, else what typer makes of it.

    Args:
        parameter: The parameter.
        check: Its own `process_value`.
        context: What typer knows of the call.
        value: What was given, or the default.
    """
    kind, is_text = parameter.type_descriptor, isinstance(value, str)
    number = PLAIN_NUMBERS.get(kind.annotation) if is_text and not kind.is_ranged else None
    if value is None and not parameter.required:
        plain: Any = () if parameter.multiple else None
    elif number and number.fullmatch(value):
        plain = kind.annotation(value)
    elif type(value) is kind.annotation and kind.annotation in (str, int, float, bool):
        plain = value
    elif kind.annotation == list[str] and value and all(isinstance(text, str) for text in value):
        plain = list(value)
    else:
        return check(context, value)
    return plain if parameter.callback is None else parameter.callback(context, parameter, plain)
