"""The command line: the app, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, Any

import typer

from augcli import __version__
from augcli.cli.operations import add_operations
from augcli.cli.preview import preview
from augcli.cli.run import run
from augcli.errors import AugcliError

INTERRUPTED = 130
USAGE = 2

app = typer.Typer(
    name="augcli",
    no_args_is_help=True,
    help="Turn an image data set into a bigger, harder one on disk, with exact soft labels.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
add_operations(app)
app.command()(run)
app.command()(preview)


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
    """Run the program; every error that is not a bug of ours ends in one line on stderr."""
    sys.meta_path.insert(0, _LeaveOut())
    warnings.simplefilter("ignore")  # libraries warn about single files; a run counts those itself
    warnings.filterwarnings("once", category=UserWarning, module=r"augcli\.")
    warnings.showwarning = lambda message, *_: print(f"augcli: {message}", file=sys.stderr)
    try:
        code = app(standalone_mode=False)
    except AugcliError as error:
        code = _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = _complain("interrupted; run the same command again to go on", INTERRUPTED)
    except Exception as error:
        # typer's own usage errors know their words and their code; anything else is a bug, shown whole.
        if not hasattr(error, "format_message"):
            raise
        code = _complain(error.format_message() + _given(error), USAGE)
    sys.exit(code)


class _LeaveOut:
    """Keeps pyarrow and numba from loading what they look for and we never use: a third of the start-up."""

    def find_spec(self, name: str, *_: object) -> None:
        """Say that there is no pandas and no SciPy."""
        if name in ("pandas", "scipy"):
            raise ModuleNotFoundError(f"augcli does without {name}", name=name)


def _given(error: Exception) -> str:
    """Say what was given where typer says only what it accepts."""
    details: Any = getattr(error.__cause__ or error.__context__, "errors", list)()
    return f", got {details[0]['input']!r}" if details else ""


def _complain(message: str, code: int) -> int:
    if message:  # without arguments typer has shown the help and has nothing to add
        # Names from files may hold line ends and terminal codes; a message is one plain line.
        plain = "".join(char if char.isprintable() else " " for char in message)
        print(f"augcli: {plain}", file=sys.stderr)
    return code
