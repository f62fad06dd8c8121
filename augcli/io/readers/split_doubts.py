"""Names of folders and shards that may tell splits, but not as they are read; and shards that are missing."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from augcli.errors import InputError, Option
from augcli.io.split_words import SPLIT_WORDS, WORD, find_twins, find_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

IMAGE_WORDS = frozenset("image images img imgs photo photos picture pictures data set dataset".split())
"""Words beside a split word that leave a directory a split: `test_images`, but not `test tube`."""

NUMBERED = re.compile(r"(.*?)([0-9]{5})(-of-([0-9]{5}))(?![0-9])")
"""A shard's name as Hugging Face numbers them: `train-00000-of-00002.parquet`."""

MOST_NAMED = 5


def refuse_words_below(holders: Iterable[str], root: str) -> None:
    """Refuse split words further down: each directory above them is a data set of its own."""
    above: dict[str, set[str]] = defaultdict(set)
    for holder in holders:
        parents = holder.split("/")
        for depth in range(1, len(parents)):
            name = parents[depth]
            if (words := find_words(name)) and is_bare(name):
                above["/".join(parents[:depth])].update(words)
    if len(set().union(*above.values())) < 2:
        return
    places = sorted(above)
    each = " (and so each of the others)" if len(places) > 1 else ""
    raise InputError(
        f"split folders stand below {listed(places)} in {root!r}, not at its root; give"
        f" {below_root(root, places[0])!r} as SRC{each}, or ",
        Option("splits", False),
        " if they are not splits",
    )


def refuse_words_again(names: Sequence[str], holders: Collection[str], root: str) -> None:
    """Refuse splits that hold nothing but a folder of their word, as archives unpack (`train/train`)."""
    for name in sorted(names, key=lambda name: list(SPLIT_WORDS).index(find_words(name)[0])):
        below = {holder.split("/")[1] if "/" in holder else "" for holder in holders if _is_in(holder, name)}
        again = below.pop() if len(below) == 1 else ""
        if again and find_words(again) == find_words(name):
            inner = below_root(root, f"{name}/{again}")
            raise InputError(
                f"{below_root(root, name)!r} holds nothing but {again!r}, which names the same split again"
                f" and would be its only class; give {inner!r} as SRC, or move what is in it one level up"
            )


def _is_in(directory: str, outer: str) -> bool:
    return directory == outer or directory.startswith(f"{outer}/")


def refuse_twins(names: Iterable[str], root: str) -> None:
    """Refuse names that tell splits, but not by whole words."""
    if twins := find_twins(names):
        raise InputError(
            f"{twins[0]!r} and {twins[1]!r} in {root!r} differ in the name of a split alone; if they"
            f" are splits, give {below_root(root, twins[0])!r} as SRC, or write the word apart, as in"
            " 'train_a'; else give ",
            Option("splits", False),
        )


def is_bare(name: str) -> bool:
    """True if a name says nothing but its split: `test`, `Test2017`, `test_images`."""
    rest = re.split(r"[-._ /0-9]+", WORD.sub(" ", name).lower())
    return all(word in IMAGE_WORDS or word == "" for word in rest)


def note_missing_shards(keys: Iterable[str]) -> list[str]:
    """Return a note for each series of numbered shards of which some are not there."""
    series: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for key in keys:
        if match := NUMBERED.match(key):
            series[match[1], match[3], int(match[4])].add(match[2])
    notes = []
    for (begin, end, total), numbers in sorted(series.items()):
        lost = total - len(numbers)
        if lost > 0:
            notes.append(f"{lost} of {total} shards {begin}*{end} {'is' if lost == 1 else 'are'} missing")
    return notes


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first few of many."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(repr(name) for name in names[:MOST_NAMED]) + more


def below_root(root: str, name: str) -> str:
    """Return the path of what stands in a directory, as users write it."""
    return name if root == "." or not root else f"{root.rstrip('/')}/{name}"
