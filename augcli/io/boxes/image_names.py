"""Names of images in files of boxes and in the input: which are the same, and which nearly are."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SUFFIX = re.compile(r"(?<=[^/])\.[a-z][a-z0-9]{1,4}$")
"""The suffix of a folded name; what begins with a digit is part of the name."""

ROBOFLOW = re.compile(r"_(jpe?g|png|bmp|webp|tiff?)\.rf\.[0-9a-z]+$")
"""What Roboflow adds to the name of an image, behind which the new suffix stands."""


def last_part(name: str) -> str:
    """Return the last part of a path."""
    return name.rsplit("/", 1)[-1]


def without_suffix(name: str) -> str:
    """Return a path without its suffix; a leading dot begins none."""
    last = last_part(name)
    return name[: len(name) - len(last) + last.rindex(".")] if "." in last.lstrip(".") else name


def fold(name: str) -> str:
    """Return a path without regard to case, Unicode form, percent signs of addresses, and its suffix."""
    plain = unquote(name.replace("\\", "/"), errors="surrogateescape")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    folded = unicodedata.normalize("NFC", "/".join(parts)).casefold()
    return SUFFIX.sub("", unicodedata.normalize("NFC", folded))


def loosen(name: str) -> str:
    """Return the last part of a path without marks, leading zeros, and what Roboflow adds."""
    plain = ROBOFLOW.sub("", fold(last_part(name)))
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]+", " ", plain)).replace(" ", "")


def find_near(ours: Iterable[str], theirs: Sequence[str]) -> list[tuple[str, str]]:
    """Return the names of images of the input that are nearly called as images of the boxes, with these."""
    near: Mapping[str, str] = {loosen(name): name for name in reversed(theirs)}
    return [(name, near[loose]) for name in ours if (loose := loosen(name)) in near]
