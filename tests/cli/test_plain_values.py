"""Values of options that need no check are taken as typer itself would give them."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import pytest
import typer
from typer.main import get_command

from augcli.cli import plain_values

GIVEN = {
    "nothing": [],
    "digits": ["--whole", "12", "--real", "3"],
    "digits with a sign": ["--whole", "-12", "--real", "-3.5"],
    "leading zeros": ["--whole", "007"],
    "digits of another script": ["--whole", "٣"],
    "spaces": ["--whole", " 4 ", "--text", " x "],
    "a number with a dot": ["--whole", "2.0"],
    "no number": ["--whole", "two"],
    "an empty text": ["--text", ""],
    "below a bound": ["--bounded", "0"],
    "within a bound": ["--bounded", "7"],
    "lists": ["--several", "a", "--several", "b"],
    "a list of an empty text": ["--several", ""],
    "numbers with a point": ["--real", "0.25"],
    "a point alone": ["--real", ".5"],
    "a point at the end": ["--real", "5."],
    "a power": ["--real", "1e-3"],
    "no finite number": ["--real", "inf"],
    "flags": ["--flag"],
    "an empty argument": [""],
}


def make(group: Any, command: Any) -> typer.Typer:
    """A program that gives back the values of its options; without `src` it lacks an argument."""
    app = typer.Typer(cls=group)

    @app.callback()
    def _root() -> None:
        pass

    @app.command(cls=command)
    def values(
        src: str,
        *,
        whole: Optional[int] = None,  # noqa: UP045 - as in `options`
        real: float = 1.5,
        text: str = "some",
        bounded: Annotated[int, typer.Option(min=1)] = 3,
        several: Optional[list[str]] = None,  # noqa: UP045
        flag: bool = False,
    ) -> tuple[Any, ...]:
        return src, whole, real, text, bounded, several, flag

    return app


def answer(app: typer.Typer, arguments: list[str]) -> tuple[str, Any]:
    """The values, with their types; or the words of the refusal."""
    try:
        given = get_command(app)(["values", *arguments], standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - typer's own, of whatever class
        return type(error).__name__, error.format_message()
    return "values", [(type(value), value) for value in given]


@pytest.mark.parametrize("arguments", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("source", [["photos"], []], ids=["with SRC", "without"])
def test_values_are_those_that_typer_gives(arguments, source):
    plain = make(plain_values.PlainGroup, plain_values.PlainCommand)
    assert answer(plain, [*source, *arguments]) == answer(make(None, None), [*source, *arguments])


def test_only_other_values_are_checked(monkeypatch):
    checked = []
    parameter = typer.core.TyperOption
    real = parameter.process_value
    monkeypatch.setattr(
        parameter, "process_value", lambda self, *given: checked.append(self.name) or real(self, *given)
    )
    app = make(plain_values.PlainGroup, plain_values.PlainCommand)
    plain = ["--whole", "12", "--real", "0.5", "--text", "x", "--several", "a", "--flag"]
    answer(app, ["photos", *plain])
    assert checked == []
    answer(app, ["photos", "--whole", "-12"])
    assert checked == ["whole"]
