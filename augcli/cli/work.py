"""What every materializing command does with its recipe: run it, show progress, report."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeVar

from augcli.api import materialize
from augcli.cli.options import take_files
from augcli.cli.preview import show_before
from augcli.errors import UsageError, quantity
from augcli.io.store.names import FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from augcli.pipeline.results import Summary
    from augcli.recipe import Recipe

Result = TypeVar("Result")

TOO_MANY_FAILED = 3
DIFFERENCES = 6
"""Exit codes of what ends without an error."""

COLUMNS = 80
"""How wide a terminal is taken to be that does not say it."""

PLAIN_LINE_S = 15.0
"""Seconds between progress lines where there is no terminal."""


def do_command(src: str, dst: str | None, recipe: Recipe | str, **settings: Any) -> int:
    """Run a recipe or show what it would make, and return the exit code.

    Raises:
        UsageError: If DST is missing where it is needed.
    """
    if dst is not None and dst.startswith("memory://"):
        raise UsageError(f"DST {dst!r} is gone when this process ends; give a directory, or a bucket")
    settings = take_files(settings)
    sheet, count = settings.pop("preview"), settings.pop("preview_count")
    if sheet is not None:
        return show_before(src, dst, recipe, sheet, count, settings)
    if dst is None:
        raise UsageError("Missing argument 'DST'.")
    return materialize_and_report(src, dst, recipe, **settings)


def materialize_and_report(
    src: str,
    dst: str,
    recipe: Recipe | str,
    *,
    quiet: bool,
    json: bool,
    max_errors: int,
    **settings: Any,
) -> int:
    """Run a recipe, print its summary, and return the exit code."""
    # Ray prints what happens to its workers on stdout, which is for results alone.
    to_stderr = redirect_stdout(sys.stderr) if settings["engine"] == "ray" else nullcontext()
    with Progress(quiet) as progress, to_stderr:
        summary = materialize(src, dst, recipe, max_errors=max_errors, advance=progress.advance, **settings)
    return report(summary, max_errors, quiet, json)


def report(summary: Summary, max_errors: int, quiet: bool, json: bool) -> int:
    """Print the summary of an output, and return the exit code."""
    from augcli.report.summary import describe, document

    show(summary, partial(describe, columns=count_columns(sys.stdout)), document, quiet, json)
    if len(summary.failures) <= max_errors:
        return 0
    failed = quantity(len(summary.failures), "image")
    where = f"augcli merge lists them in {FAILURES}" if summary.partition else f"see {summary.dst}/{FAILURES}"
    print(f"augcli: {failed} failed, --max-errors allows {max_errors}; {where}", file=sys.stderr)
    return TOO_MANY_FAILED


def count_columns(stream: TextIO) -> int:
    """Return how wide a terminal is that shows blocks; 0 of any other stream, as programs read it.

    A locale that asks for ASCII alone is obeyed, though Python writes UTF-8 there.
    """
    is_utf8 = (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    is_plain = locale in ("C", "POSIX") or os.environ.get("TERM", "") in ("", "dumb")
    if not is_utf8 or is_plain or not stream.isatty():
        return 0
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except OSError:  # it does not say
        return COLUMNS


def show(
    result: Result,
    describe: Callable[[Result], str],
    document: Callable[[Result], dict[str, Any]],
    quiet: bool,
    json: bool,
) -> None:
    """Print a result on stdout: in words, as a JSON document, or not at all."""
    if json:
        import json as json_format

        print(json_format.dumps(document(result), indent=2, ensure_ascii=False))
    elif not quiet:
        print(describe(result))


class Progress:
    """A bar on a terminal, a plain line now and then elsewhere; always on stderr. It ends with its block."""

    def __init__(self, quiet: bool, unit: str = "images") -> None:
        self._quiet, self._unit = quiet, unit
        self._bar: Any = None
        self._done = self._total = 0
        self._last = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        """Show that `done` more of `total` images are made."""
        if self._quiet:
            return
        if self._done >= self._total:  # first sources are compared, then images are made
            from tqdm import tqdm

            self.close()
            self._done, self._total = 0, total
            self._bar = tqdm(total=total, unit=f" {self._unit}", disable=None, leave=False)
        self._bar.update(done)
        self._done += done
        # Not after the last ones: the summary comes at once, and a fast run stays silent on a slow machine.
        if self._bar.disable and self._done < total and time.monotonic() - self._last >= PLAIN_LINE_S:
            self._last = time.monotonic()
            print(f"augcli: {self._done} of {total} {self._unit}", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
