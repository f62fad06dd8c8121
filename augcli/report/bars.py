"""Bars of blocks for terminals: lengths in eighths of a letter. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EIGHTHS = " ▏▎▍▌▋▊▉"
FULL = "█"

LEFT_TO_RIGHT = "\u200e"
"""The mark from which on letters stand from left to right."""

UNSEEN = frozenset({"Mn", "Me", "Cf"})
"""Categories of letters that take no column: marks on others, joiners, signs of direction."""

LETTERS, NAME_LETTERS = 20, 24
"""Of the longest bar, and of a name, which is cut beyond."""

LEAST_LETTERS, LEAST_NAME_LETTERS = 4, 8
"""The same in narrow terminals; where that does not fit there are no bars."""


def draw_bars(counts: Mapping[str, int], total: int, columns: int) -> list[str]:
    """Return a line for each name: its count, its share of all in percent, and a bar.

    Args:
        counts: How many each name has.
        total: How many there are in all.
        columns: How wide lines may be; names and bars become shorter there.
    """
    digits = max((len(str(count)) for count in counts.values()), default=0)
    beside = len(f" {'':{digits}} 100 % ")
    longest = min(NAME_LETTERS, max(LEAST_NAME_LETTERS, columns - beside - LEAST_LETTERS))
    names = [_end_right_to_left(_fit(name, longest)) for name in counts]
    width = max(map(_width, names), default=0)
    letters = min(LETTERS, columns - beside - width)
    most = max(counts.values(), default=0)
    return [
        f"{name}{' ' * (width - _width(name))} {count:{digits}} {_percent(count, total):>3} %"
        f" {draw_bar(count, most, letters)}".rstrip()
        for name, count in zip(names, counts.values(), strict=True)
    ]


def draw_bar(count: int, most: int, letters: int = LETTERS) -> str:
    """Return a bar, the longest for `most`; what counts anything has an eighth of a letter at least."""
    eighths = max(round(8 * letters * count / most), 1) if count and letters >= LEAST_LETTERS else 0
    return FULL * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _percent(count: int, total: int) -> str:
    """Return a share in percent; what counts anything is not nothing."""
    text = f"{100 * count / max(total, 1):.0f}"
    return "<1" if count and text == "0" else text


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: marks none, wide letters two."""
    return sum(map(_letter_width, text))


def _letter_width(char: str) -> int:
    if unicodedata.category(char) in UNSEEN:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _end_right_to_left(name: str) -> str:
    """Return a name such that terminals that write from right to left do not turn the numbers behind it."""
    return name + LEFT_TO_RIGHT if {"R", "AL"}.intersection(map(unicodedata.bidirectional, name)) else name


def _fit(name: str, most: int) -> str:
    """Return a name cut to some columns."""
    if _width(name) <= most:
        return name
    cut = name
    while cut and _width(cut) > most - 1:
        cut = cut[:-1]
    return f"{cut}…"
