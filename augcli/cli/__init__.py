"""The command line: the app, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import gc
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from augcli import __version__
from augcli.cli.diff import diff
from augcli.cli.doctor import doctor
from augcli.cli.guide import guide
from augcli.cli.merge import merge
from augcli.cli.operations import add_operations
from augcli.cli.plain_values import PlainCommand, PlainGroup
from augcli.cli.preview import preview
from augcli.cli.report import report
from augcli.cli.run import run
from augcli.cli.show import show
from augcli.cli.verify import verify
from augcli.errors import AugcliError, Reminder, Spelling
from augcli.io.store.streams import finish_stdout, prepare_streams
from augcli.left_out import leave_out
from augcli.ops import OPERATIONS
from augcli.options import flag, option_fields
from augcli.recipe import Recipe

USAGE = 2

LOOKING = frozenset("verify preview report show diff doctor guide".split())
"""Commands that only look: interrupted, they do not go on where they were."""

CALM_GC = 50_000
"""Objects after which the garbage collector looks for cycles; Python's own is 700. What a start makes stays:
with 700, a run that had nothing to do spent a tenth of its time looking through it."""

app = typer.Typer(
    name="augcli",
    cls=PlainGroup,
    no_args_is_help=True,
    help="Turn an image data set into a bigger, harder one on disk, with exact soft labels.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
add_operations(app)
app.command(cls=PlainCommand)(run)
app.command(cls=PlainCommand)(merge)
app.command(cls=PlainCommand)(verify)
app.command(cls=PlainCommand)(preview)
app.command(cls=PlainCommand)(report)
app.command(cls=PlainCommand)(show)
app.command(cls=PlainCommand)(diff)
app.command(cls=PlainCommand)(doctor)
app.command(cls=PlainCommand)(guide)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"augcli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program: set this process up for it, answer, and exit with the code."""
    gc.set_threshold(CALM_GC)
    _catch_signals()
    leave_out()
    prepare_streams()
    code = answer(sys.argv[1:])
    if fault := finish_stdout():
        code = _complain(str(fault), fault.exit_code)
    gc.freeze()  # at its end Python would look for cycles once more, in what goes with the process
    sys.exit(code)


def answer(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code; the process stays as it was.

    Every error that is not a bug of ours ends in one line on stderr.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries warn about single files; a run counts those itself
        warnings.filterwarnings("once", category=UserWarning, module=r"augcli\.")
        warnings.showwarning = lambda message, *_: print(f"augcli: {_words(message)}", file=sys.stderr)
        try:
            return app(list(arguments), prog_name="augcli", standalone_mode=False)
        except AugcliError as error:
            return _complain(error.spell(Spelling.FLAG), error.exit_code)
        except _Stopped as stopped:
            again = shlex.join(["augcli", *arguments])
            goes_on = LOOKING.isdisjoint(arguments[:1])
            is_preview = any(text.partition("=")[0] == "--preview" for text in arguments)
            way = f"; to go on where it was: {again}" if goes_on and not is_preview else ""
            return _complain(f"interrupted{way}", stopped.exit_code)
        except Exception as error:
            # typer's own usage errors know their words and their code; anything else is a bug, shown whole.
            if not hasattr(error, "format_message"):
                raise
            return _complain(error.format_message() + _given(error) + _place(error, arguments), USAGE)


class _Stopped(BaseException):
    """The program was asked to stop. No `KeyboardInterrupt`, which typer would make its own."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number


def _catch_signals() -> None:
    """Let Ctrl-C and SIGTERM end the program in good order, and a second one at once."""

    def stop_at_once(number: int, _: object) -> None:
        os._exit(128 + number)

    def stop(number: int, _: object) -> None:
        for other in stopping:
            signal.signal(other, stop_at_once)
        raise _Stopped(number)

    # A shell lets programs in the background ignore Ctrl-C; then so do we.
    both = (signal.SIGINT, signal.SIGTERM)
    stopping = [number for number in both if signal.getsignal(number) is not signal.SIG_IGN]
    for number in stopping:
        signal.signal(number, stop)


def _words(warning: Warning | str) -> str:
    return warning.spell(Spelling.FLAG) if isinstance(warning, Reminder) else str(warning)


def _given(error: Exception) -> str:
    """Return what was given, where typer says only what it accepts."""
    details: Any = getattr(error.__cause__ or error.__context__, "errors", list)()
    return f", got {details[0]['input']!r}" if details else ""


def _place(error: Exception, arguments: Sequence[str]) -> str:
    """Return where an option is to be written that `run` does not take, since its recipe holds it."""
    name = getattr(error, "option_name", "").removeprefix("--")
    if arguments[:1] != ["run"]:
        return ""
    if name in (flag(field.name) for field in option_fields(Recipe)):
        return f"; write it into RECIPE: {name} = ..."
    if name == "p" or any(
        name == flag(field.name) for kind in OPERATIONS.values() for field in option_fields(kind)
    ):
        return f"; write it into RECIPE, below [[op]]: {name} = ..."
    return ""


def _complain(message: str, code: int) -> int:
    if message:  # without arguments typer has shown the help and has nothing to add
        # Names from files may hold line ends and terminal codes; a message is one plain line.
        plain = "".join(char if char.isprintable() else " " for char in message)
        print(f"augcli: {plain}", file=sys.stderr)
    return code
