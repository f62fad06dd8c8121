"""What every materializing command does with its recipe: run it, show progress, report."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from augcli.api import materialize

if TYPE_CHECKING:
    from pathlib import Path

    from augcli.recipe import Recipe

TOO_MANY_FAILED = 3
PLAIN_LINE_S = 15.0
"""Seconds between progress lines where there is no terminal."""


def materialize_and_report(
    src: str,
    dst: str | Path,
    recipe: Recipe,
    *,
    quiet: bool,
    json: bool,
    max_errors: int,
    **settings: Any,
) -> int:
    """Run a recipe and print its summary; gives the exit code."""
    from augcli.report.summary import describe, document

    progress = Progress(quiet)
    try:
        summary = materialize(src, dst, recipe, max_errors=max_errors, advance=progress.advance, **settings)
    finally:
        progress.close()
    if json:
        import json as json_format

        print(json_format.dumps(document(summary), indent=2, ensure_ascii=False))
    elif not quiet:
        print(describe(summary))
    if len(summary.failures) > max_errors:
        failed = len(summary.failures)
        print(
            f"augcli: {failed} images failed, --max-errors allows {max_errors}; see {dst}/failures.jsonl",
            file=sys.stderr,
        )
        return TOO_MANY_FAILED
    return 0


class Progress:
    """A bar on a terminal, a plain line now and then elsewhere; always on stderr."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._done = 0
        self._last = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        """Show that `done` more of `total` images are made."""
        if self._quiet:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="img", disable=None, leave=False)
        self._bar.update(done)
        self._done += done
        # Not after the last ones: the summary comes at once, and a fast run stays silent on a slow machine.
        if self._bar.disable and self._done < total and time.monotonic() - self._last >= PLAIN_LINE_S:
            self._last = time.monotonic()
            print(f"augcli: {self._done} of {total} images", file=sys.stderr)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
