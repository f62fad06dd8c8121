"""Facts about the labels of a data set beside their values, and words on labels that were not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import Note, Option
from augcli.io.labels.class_list import some

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class LabelFacts(NamedTuple):
    """Facts about the labels of a data set beside their values.

    Attributes:
        candidates: Columns that could be labels, where none was read.
        smoothing: ε by which the input's labels were smoothed.
        is_smoothed: Whether the labels that were read are smoothed, since nothing else is left.
    """

    candidates: tuple[str, ...] = ()
    smoothing: float = 0.0
    is_smoothed: bool = False

    def join(self, other: LabelFacts) -> LabelFacts:
        """Return the facts about the labels of two parts of a data set, as one."""
        candidates = tuple(dict.fromkeys([*self.candidates, *other.candidates]))
        is_smoothed = self.is_smoothed or other.is_smoothed
        return LabelFacts(candidates, max(self.smoothing, other.smoothing), is_smoothed)


def as_candidates(candidates: Iterable[str]) -> tuple[object, ...]:
    """Return the words of a message that name columns which could be labels."""
    named = list(candidates)
    if not named:
        return ()
    listed = [word for column in named[:5] for word in (" or ", Option("label_col", column))]
    return " (such as ", *listed[1:], ")"


def describe_unread(candidates: Sequence[str]) -> list[str]:
    """Return a note that no labels were read, and which columns could be."""
    if not candidates:
        return []
    return [
        Note("no labels were read; columns that could be: ", some(candidates), ": give ", Option("label_col"))
    ]
