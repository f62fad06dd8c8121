"""What was found in an input and is not used, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import Note, Option
from augcli.io.store.walk import UNFOLLOWED

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

UNREADABLE_SUFFIXES = frozenset(".heic .heif .jxl .raw .cr2 .cr3 .nef .arw .dng .orf .rw2 .psd .svg".split())
"""Images that no core package reads; they are named with the cure instead of silently left out."""


def describe_others(others: Counter[str]) -> list[str]:
    """Return lines on what was passed over, and for images that we cannot read, the cure."""
    lines: list[str] = []
    for what, count in sorted(others.items()):
        cure = "; convert them to PNG or JPEG first" if what in UNREADABLE_SUFFIXES else ""
        words = f"passed over {count} {what or 'files without an extension'}"
        why = (" (", Option("links", False), ")") if what == UNFOLLOWED else ()
        lines.append(Note(words, *why, cure))
    return lines


def describe_lost(split: str, lost: Sequence[str], main: str) -> str:
    """Return a note on classes of a split that are none of those of the augmented one."""
    names = ", ".join(map(repr, lost[:5])) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return f"classes of split {split!r} that are none of {main!r}: {names}; their images are unlabelled"
