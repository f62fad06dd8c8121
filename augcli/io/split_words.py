"""The words that name splits, as Hugging Face reads them.

A word counts where it is a whole word between `-._ /` and digits, in any case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""The splits, and the words that mean them (Hugging Face datasets, `data_files.py`)."""

SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}

ANY_WORD = "|".join(SPLIT_OF)
WORD = re.compile(rf"(?<![^-._ /0-9])(?:{ANY_WORD})(?![^-._ /0-9])", re.IGNORECASE | re.ASCII)

SHORT_WORDS = {"Tr": "train", "Ts": "test"}
"""What medical data sets end directories in (`imagesTr`)."""

GLUED = re.compile(rf"(?i:{ANY_WORD})|(?:Tr|Ts)$")


def find_words(name: str) -> tuple[str, ...]:
    """Return the splits that a name's words mean, each once, in the order train, validation, test."""
    splits = {SPLIT_OF[match.lower()] for match in WORD.findall(name)}
    return tuple(split for split in SPLIT_WORDS if split in splits)


def find_twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that differ in a split word alone, which letters follow or precede; None without such.

    `trainA` and `testA`, `imagesTr` and `imagesTs`: no whole words, but hardly two classes.
    """
    by_rest: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(names):
        for match in GLUED.finditer(name):
            rest = name[: match.start()].lower(), name[match.end() :].lower()
            split = SPLIT_OF.get(match[0].lower()) or SHORT_WORDS[match[0]]
            twins = by_rest.setdefault(rest, {})
            twins.setdefault(split, name)
            if any(rest) and len(twins) > 1:
                first, second = sorted(twins, key=list(SPLIT_WORDS).index)
                return twins[first], twins[second]
    return None


def split_order(path: str) -> int:
    """Return a number by which the cures of messages sort paths: training images come first."""
    words = find_words(path)
    return list(SPLIT_WORDS).index(words[0]) if words else len(SPLIT_WORDS)


def plain_name(split: str) -> str:
    """Return what shards of a split are called: train, validation or test, or what it is called itself."""
    words = find_words(split)
    return words[0] if words else split or "train"


def hugging_face_name(split: str) -> str:
    """Return a split's name for Hugging Face: its own name if that is a split word."""
    return split if split in SPLIT_OF else plain_name(split)
