"""Packages that others look for and augcli never uses: left out, a start takes a third less."""

from __future__ import annotations

import sys

PACKAGES = ("pandas", "scipy")


class _LeaveOut:
    """Finds these packages as if they were not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse them, and leave every other name to the finders behind this one."""
        if name in PACKAGES:
            raise ModuleNotFoundError(f"augcli does without {name}", name=name)


def leave_out() -> None:
    """Keep pyarrow and numba from loading pandas and SciPy, in a process that is ours alone."""
    sys.meta_path.insert(0, _LeaveOut())


def let_in() -> None:
    """Let them be loaded again: before something is imported that needs them, such as Ray or fsspec."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _LeaveOut)]
