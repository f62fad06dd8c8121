"""What was found in an input and is not used, in words."""

from __future__ import annotations

import re
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from augcli.errors import Note, Option
from augcli.io.store.listing import find_suffix
from augcli.io.store.locations import Kind, lies_in
from augcli.io.store.walk import UNFOLLOWED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from augcli.io.readers.base import Input, Selection
    from augcli.io.store.listing import Tree
    from augcli.io.store.locations import Location

BOXES_SUFFIX = ".xml"
"""Suffix of the files in a directory of boxes."""

SHARD_SUFFIXES = frozenset([".parquet", ".pq"])

TAR_SUFFIXES, PACKED_SUFFIXES = frozenset([".tar"]), frozenset([".tgz", ".gz"])
"""What the names of tar files end in, and those of compressed ones: `.tar.gz`, too."""

DESCRIBING_SUFFIXES = frozenset(".csv .tsv .json .jsonl .xml .yaml .yml".split())
"""Files that may describe images: one of them is named, since it may be what a user has to give."""

UNREADABLE_SUFFIXES = frozenset(".heic .heif .jxl .raw .cr2 .cr3 .nef .arw .dng .orf .rw2 .psd .svg".split())
"""Images that nothing here reads; they are named with the cure instead of silently left out."""


CONVERT = "convert them to PNG or JPEG first"

SHARDS_BESIDE = "shards beside images; give them alone as SRC to read them"


def is_tar(name: str) -> bool:
    """True if a file bears the name of a tar file, compressed or not."""
    return name.lower().endswith((".tar", ".tar.gz", ".tgz"))


def describe_passed_over(src: Input, used: Collection[str], selection: Selection) -> list[str]:
    """Return lines on what a reader does not use.

    Args:
        src: What SRC leads to.
        used: Suffixes of files that are read.
        selection: Says which files are read beside SRC; they may lie in it.
    """
    if src.tree is None:
        return []
    input_files = selection.files
    beside = [
        path for path in (input_files.labels, input_files.classes, *input_files.box_paths) if path is not None
    ]
    places = [place for place in map(selection.locate, beside) if lies_in(place, src.store)]
    keys = {place.key for place in places}
    shown = {
        suffix: key
        for suffix, key in src.tree.first.items()
        if suffix in DESCRIBING_SUFFIXES and key not in keys
    }
    return describe_others(_count_others(src.tree, used, places), shown)


def _count_others(tree: Tree, used: Collection[str], places: Sequence[Location]) -> Counter[str]:
    """Count what a reader does not use, by suffix or what it is (see `Tree.others`); `places` are used."""
    listed = {suffix: len(files) for suffix, files in tree.by_suffix.items() if suffix not in used}
    counts = tree.others + Counter(listed)
    for place in places:
        if place.kind is Kind.DIRECTORY:
            del counts[BOXES_SUFFIX]
        elif place.kind is not Kind.NOTHING:
            counts[find_suffix(place.key)] -= 1
    return +counts


def describe_others(others: Mapping[str, int], shown: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return lines on what was passed over, and for images that we cannot read, the cure.

    Args:
        others: How much there is, by suffix or by what it is.
        shown: The file to name, by suffix.
    """
    lines: list[str] = []
    for what, count in sorted(others.items()):
        cure = f"; {CONVERT}" if what in UNREADABLE_SUFFIXES else ""
        cure = f" ({SHARDS_BESIDE})" if what in SHARD_SUFFIXES | TAR_SUFFIXES else cure
        words = f"passed over {_several(count, what or 'files without an extension')}"
        if what in shown:
            words += f" ({shown[what]!r}{' first' if count > 1 else ''})"
        why = (" (", Option("links", False), ")") if what == UNFOLLOWED else ()
        lines.append(Note(words, *why, cure))
    return lines


def _several(count: int, what: str) -> str:
    """Return how many files of a suffix, or entries of a kind, there are."""
    if count > 1 or what.startswith("."):
        return f"{count} {what}"
    return f"{count} " + re.sub(
        "directories|(name|link|file)s", lambda match: match[1] or "directory", what, count=1
    )


def describe_lost(split: str, lost: Sequence[str], main: str) -> str:
    """Return a note on classes of a split that the augmented split does not have."""
    names = ", ".join(map(repr, lost[:5])) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return f"classes of split {split!r} that {main!r} does not have: {names}; their images are unlabelled"
