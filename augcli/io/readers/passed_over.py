"""What was found in an input and is not used, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from augcli.errors import Note, Option
from augcli.io.store.walk import UNFOLLOWED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from augcli.io.store.listing import Tree

SHARD_SUFFIXES = frozenset([".parquet", ".pq"])

UNREADABLE_SUFFIXES = frozenset(".heic .heif .jxl .raw .cr2 .cr3 .nef .arw .dng .orf .rw2 .psd .svg".split())
"""Images that nothing here reads; they are named with the cure instead of silently left out."""


CONVERT = "convert them to PNG or JPEG first"

SHARDS_BESIDE = "shards beside images; give them alone as SRC to read them"


def count_others(tree: Tree, used: Collection[str]) -> Counter[str]:
    """Count what a reader does not use, by suffix or by what it is (see `Tree.others`).

    Args:
        tree: What stands in SRC.
        used: Suffixes of what is read.
    """
    listed = {suffix: len(files) for suffix, files in tree.by_suffix.items() if suffix not in used}
    return tree.others + Counter(listed)


def describe_others(others: Mapping[str, int]) -> list[str]:
    """Return lines on what was passed over, and for images that we cannot read, the cure."""
    lines: list[str] = []
    for what, count in sorted(others.items()):
        cure = f"; {CONVERT}" if what in UNREADABLE_SUFFIXES else ""
        cure = f" ({SHARDS_BESIDE})" if what in SHARD_SUFFIXES else cure
        words = f"passed over {count} {what or 'files without an extension'}"
        why = (" (", Option("links", False), ")") if what == UNFOLLOWED else ()
        lines.append(Note(words, *why, cure))
    return lines


def describe_lost(split: str, lost: Sequence[str], main: str) -> str:
    """Return a note on classes of a split that are none of those of the augmented one."""
    names = ", ".join(map(repr, lost[:5])) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return f"classes of split {split!r} that are none of {main!r}: {names}; their images are unlabelled"
