"""Whether a file or sample bears a wanted name; and which names are near to one that none bears."""

from __future__ import annotations

import difflib
import unicodedata
from bisect import bisect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NEAREST, COMPARED = 3, 250
"""Names that are told, and how many on either side of the wanted name are compared with it, by order."""


def is_called(name: str, key: str, split: str) -> bool:
    """True if a name is the wanted name: whole, below its split, or by its last part."""
    return name == key or name.endswith(f"/{key}") or f"{split}/{name}" == key


def is_nearly_called(name: str, key: str, split: str) -> bool:
    """True if a name is the wanted name but for case, NFC, slashes, `./` or a missing suffix."""
    plain, wanted, split = (_simplify(text) for text in (name, key, split))
    stem = plain[: plain.rindex(".")] if "." in plain.rpartition("/")[2][1:] else plain
    return is_called(plain, wanted, split) or is_called(stem, wanted, split)


class Nearest:
    """The names that are nearest to a name that no output bears: by their beginnings, and by their ends."""

    def __init__(self, key: str) -> None:
        self._key = _last(key)
        self._by_start: list[str] = []
        self._by_end: list[str] = []

    def add(self, names: Iterable[str]) -> None:
        """Take in names, of which those next to the wanted name are kept."""
        new = set(map(_last, names))
        self._by_start = _keep(new.union(self._by_start), self._key)
        self._by_end = _keep({name[::-1] for name in new}.union(self._by_end), self._key[::-1])

    def tell(self) -> str:
        """Return the nearest names as the end of a message."""
        known = sorted({*self._by_start, *(name[::-1] for name in self._by_end)})
        near = difflib.get_close_matches(self._key, known, NEAREST, cutoff=0.4)
        return f"; the nearest are {', '.join(map(repr, near))}" if near else "; none is like it"


def _keep(names: set[str], key: str) -> list[str]:
    """Return the names that stand next to a name in order."""
    ordered = sorted(names)
    place = bisect(ordered, key)
    return ordered[max(place - COMPARED, 0) : place + COMPARED]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _simplify(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\\", "/").removeprefix("./")).casefold()
