"""Bars of blocks for terminals: lengths in eighths of a letter. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EIGHTHS = " ▏▎▍▌▋▊▉"
FULL = "█"

LETTERS, NAME_LETTERS = 20, 24
"""Of the longest bar, and of a name, which is cut beyond."""


def draw_bars(counts: Mapping[str, int], total: int) -> list[str]:
    """Return a line for each name: its count, its share of all in percent, and a bar.

    Args:
        counts: How many each name has.
        total: How many there are in all.
    """
    names = [_fit(name) for name in counts]
    width = max(map(_width, names), default=0)
    digits = max((len(str(count)) for count in counts.values()), default=0)
    most = max(counts.values(), default=0)
    return [
        f"{name}{' ' * (width - _width(name))} {count:{digits}} {100 * count / max(total, 1):3.0f} %"
        f" {draw_bar(count, most)}".rstrip()
        for name, count in zip(names, counts.values(), strict=True)
    ]


def draw_bar(count: int, most: int) -> str:
    """Return a bar, the longest for `most`; what counts anything has an eighth of a letter at least."""
    eighths = max(round(8 * LETTERS * count / most), 1) if count else 0
    return FULL * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: marks none, wide letters two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _fit(name: str) -> str:
    """Return a name cut to the columns that names have."""
    if _width(name) <= NAME_LETTERS:
        return name
    cut = name
    while _width(cut) > NAME_LETTERS - 1:
        cut = cut[:-1]
    return f"{cut}…"
