"""Which splits an input has, by the words of its names, as Hugging Face reads them: names in, splits out.

A split word counts where it is a whole word between `-._ /` and digits, in any case. Folders are split by
the directories at their root, shards by their file names, else by the nearest directory above. Where only
some names have a word, or two names could mean one split, both readings are likely and a wrong one would put
test images into train: that is refused, naming what decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from augcli.errors import InputError, Option, quantity
from augcli.input_files import NONE
from augcli.io.readers.split_doubts import (
    below_root,
    is_bare,
    listed,
    refuse_twins,
    refuse_words_again,
    refuse_words_below,
)
from augcli.io.split_words import ANY_WORD, SPLIT_OF, SPLIT_WORDS, find_words, split_order
from augcli.io.store.names import percent_encoded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

FIRST_WORD = re.compile(rf"(?:{ANY_WORD})(?=[-._ 0-9])", re.IGNORECASE | re.ASCII)

INITIALS = frozenset(letter for word in SPLIT_OF for letter in (word[0], word[0].upper()))
"""What the words begin with: most of a million names are passed by this alone."""

OTHER_WORDS = frozenset(
    "extra unlabeled unlabelled unsupervised mask masks label labels annotation annotations segmentation"
    " segmentations groundtruth ground truth gt meta metadata".split()
)
"""Words of directories that are hardly classes beside a directory of a split word."""

Words: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """The splits of an input.

    Attributes:
        parts: Directories, or keys of shards, by the name of their split; empty where there are no splits.
        sign: What tells the splits, in words.
        notes: What else was seen, in words.
    """

    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sign: str = ""
    notes: tuple[str, ...] = ()


def choose_split(names: Sequence[str], wanted: str) -> str:
    """Return the split that a user means: of this name, or of a word with the same meaning.

    Args:
        names: The splits of the input; [""] without splits, which "train" means then.
        wanted: What `--split` says.

    Raises:
        InputError: If no split is meant.
    """
    if wanted in names:
        return wanted
    meant = find_words(wanted)
    if list(names) == [""]:
        if meant == ("train",):
            return ""
        cure: Words = ("none; leave out ", Option("split"))
    else:
        alike = [name for name in names if len(meant) == 1 and find_words(name) == meant]
        if len(alike) == 1:
            return alike[0]
        cure = (
            f"{', '.join(names)}; give ",
            Option("split", names[0]) if len(names) == 1 else Option("split"),
        )
    raise InputError(f"the input has no split {wanted!r}; it has ", *cure)


def find_augmented(names: Sequence[str], wanted: str) -> str:
    """Return which of the splits of an output was augmented, by its recipe's word.

    That is the only one of an output of one split, whatever its name: files given as SRC are augmented.
    """
    if len(names) == 1:
        return names[0]
    try:
        return choose_split(names, wanted)
    except InputError:  # none of its parts stands
        return ""


def describe_splits(sizes: Mapping[str, int], sign: str) -> str:
    """Return a line on the splits that were taken, `sizes` being the samples of each."""
    names = sorted(sizes, key=split_order)
    return f"splits: {', '.join(f'{name} ({sizes[name]})' for name in names)}, by {sign}"


# --- folders -------------------------------------------------------------------------------------------


def divide_folders(keys: Iterable[str], root: str) -> Division:
    """Return the splits of a folder's images.

    Args:
        keys: The images.
        root: The folder, for messages.

    Raises:
        InputError: If the directories can be read in two ways; the message names both, and what decides.
    """
    keys = list(keys)
    holders = {key.rpartition("/")[0] for key in keys} - {""}
    top = sorted({holder.split("/", 1)[0] for holder in holders})
    words = {name: find_words(name) for name in top}
    worded = [name for name in top if words[name]]
    _refuse_two_words(worded, words, root)
    if not worded:
        refuse_twins(top, root)
        refuse_words_below(holders, root)
        return Division(notes=_note_file_names(keys))
    rest = [name for name in top if not words[name]]
    lone = worded[0] if len(worded) == 1 else None
    if rest and lone is not None and _is_class(lone, rest, holders):
        note = f"the folder {lone!r} is taken for a class like {rest[0]!r}, not for a split"
        return Division(notes=(note, *_note_file_names(keys)))
    if rest:
        _refuse_some(worded, rest, root)
    refuse_words_again(worded, holders, root)
    return Division(_join_folders(words, holders, root), "the folders of SRC", _note_loose(keys))


def _is_class(name: str, rest: Sequence[str], holders: Collection[str]) -> bool:
    """True if a directory of a split word is a class: flat, among others that could be classes.

    `train` is a thing as well as a split; what is called `test` or `val` is hardly a class, but a `test tube`
    is.
    """
    is_flat = not any(holder.startswith(f"{name}/") for holder in holders)
    others = set().union(*map(_split_words, rest))
    is_thing = find_words(name) == ("train",) and others.isdisjoint(OTHER_WORDS)
    return is_flat and (is_thing or not is_bare(name))


def _split_words(name: str) -> set[str]:
    """Return all words of a name."""
    return set(re.split(r"[-._ 0-9]+", name.lower()))


def _refuse_two_words(names: Iterable[str], words: Mapping[str, tuple[str, ...]], root: str) -> None:
    """Refuse a name that means two splits."""
    for name in names:
        if len(words[name]) > 1:
            raise InputError(
                f"{name!r} in {root!r} names {len(words[name])} splits, {' and '.join(words[name])}; rename"
                " it, or give ",
                Option("splits", False),
                " if it names none",
            )


def _refuse_some(worded: Sequence[str], rest: Sequence[str], root: str) -> None:
    lone = len(rest) == 1
    first = min(worded, key=split_order)
    raise InputError(
        f"{root!r} holds {listed(worded)}, which {'name splits' if len(worded) > 1 else 'names a split'},"
        f" beside {listed(rest)}, which {'names' if lone else 'name'} none; give {below_root(root, first)!r}"
        f" as SRC to augment it alone, move {'it' if lone else 'them'} away, or give ",
        Option("splits", False),
        " if all of them are classes",
    )


def _join_folders(
    words: Mapping[str, tuple[str, ...]], holders: Collection[str], root: str
) -> dict[str, tuple[str, ...]]:
    """Return the directories of each split, by the name that it has in an output.

    Several directories are one split only where the same class folders stand below each of them.
    """
    by_word: dict[str, list[str]] = defaultdict(list)
    for name in words:
        by_word[words[name][0]].append(name)
    parts: dict[str, tuple[str, ...]] = {}
    for word, names in by_word.items():
        if len(names) > 1:
            _check_same_classes(word, names, holders, root)
        parts[word if len(names) > 1 else percent_encoded(names[0])] = tuple(names)
    return dict(sorted(parts.items()))


def _check_same_classes(word: str, names: Sequence[str], holders: Collection[str], root: str) -> None:
    classes: dict[str, set[str]] = {name: set() for name in names}
    for holder in holders:
        name, _, below = holder.partition("/")
        if name in classes:
            classes[name].add(below.split("/", 1)[0])
    first = classes[names[0]]
    words = set().union(*map(_split_words, names))
    if (
        "" not in first
        and all(folders == first for folders in classes.values())
        and words.isdisjoint(OTHER_WORDS)
    ):
        return
    masks = [name for name in names if not _split_words(name).isdisjoint(OTHER_WORDS)]
    images = next((name for name in names if name not in masks), names[0])
    cure: Words = (" (with ", Option("masks", below_root(root, masks[0])), " for its masks)") if masks else ()
    leave_out: Words = (", or ", Option("masks", NONE), " to leave masks out") if masks else ()
    raise InputError(
        f"{listed(names)} in {root!r} all name the split {word}, but they do not hold the same class"
        f" folders; give {below_root(root, images)!r} as SRC",
        *cure,
        ", or ",
        Option("splits", False),
        " if they are classes",
        *leave_out,
    )


def _note_file_names(keys: Iterable[str]) -> tuple[str, ...]:
    """Return a note if file names of one folder begin with words of two splits."""
    splits_of: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        start = key.rfind("/") + 1
        if key[start] in INITIALS and (match := FIRST_WORD.match(key, start)):
            splits_of[key[:start]].add(SPLIT_OF[match[0].lower()])
    for folder, splits in sorted(splits_of.items()):
        if len(splits) > 1:
            names = " and ".join(split for split in SPLIT_WORDS if split in splits)
            where = f" in {folder[:-1]!r}" if folder else ""
            return (
                f"file names{where} begin with words of splits ({names}), but all are taken together; if they"
                " are splits, move them into folders of these names",
            )
    return ()


def _note_loose(keys: Iterable[str]) -> tuple[str, ...]:
    """Return a note if images stand beside the split folders."""
    loose = [key for key in keys if "/" not in key]
    return (
        (f"left out: {quantity(len(loose), 'image')} beside the split folders ({loose[0]!r} first)",)
        if loose
        else ()
    )


# --- shards --------------------------------------------------------------------------------------------


def divide_shards(keys: Sequence[str], root: str) -> Division:
    """Return the splits of shards, which are called train, validation and test.

    Args:
        keys: The shards.
        root: What holds them, for messages.

    Raises:
        InputError: If some names have no split, a name has two, or two levels of directories have splits.
    """
    words = {key: _find_word_of_shard(key, root) for key in keys}
    worded = [key for key in keys if words[key]]
    if not worded:
        refuse_twins({part.partition(".")[0] for key in keys for part in key.split("/")}, root)
        return Division()
    rest = [key for key in keys if not words[key]]
    if rest:
        raise InputError(
            f"some shards in {root!r} name their split ({listed(worded)}), others do not ({listed(rest)});"
            " rename or move these, or give ",
            Option("splits", False),
            " if all shards are one split",
        )
    _refuse_several_sets({key: (word[0], word[1]) for key, word in words.items() if word}, root)
    parts = {
        split: tuple(key for key in keys if (word := words[key]) and word[0] == split)
        for split in sorted({word[0] for word in words.values() if word})
    }
    signs = {word[2] for word in words.values() if word}
    return Division(parts, f"the {' and the '.join(sorted(signs, reverse=True))} of the shards")


def _find_word_of_shard(key: str, root: str) -> tuple[str, str, str] | None:
    """Return a shard's split, the directory that holds the splits, and what names it; None without one."""
    names = key.split("/")
    for depth in range(len(names) - 1, -1, -1):
        name = names[depth]
        if words := find_words(name):
            _refuse_two_words([name], {name: words}, root)
            return words[0], "/".join(names[:depth]), "names" if depth == len(names) - 1 else "folders"
    return None


def _refuse_several_sets(words: Mapping[str, tuple[str, str]], root: str) -> None:
    """Refuse several directories that each have splits: the test rows of one may be train rows of another."""
    sets: dict[str, set[str]] = defaultdict(set)
    for split, place in words.values():
        sets[place].add(split)
    several = sorted(place for place, splits in sets.items() if len(splits) > 1)
    if len(several) > 1:
        raise InputError(
            f"{listed(several)} in {root!r} each have splits of their own; give"
            f" {below_root(root, several[0])!r} as SRC, or a pattern of the shards of one split, in quotes"
        )
