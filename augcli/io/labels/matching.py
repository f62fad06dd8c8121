"""Which row of a table belongs to which image: by path, or by less where exactly one image fits."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.split_words import find_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


FILE_NAMES = ("file_name", "filename", "image", "path", "file", "id", "image_id", "img")
"""What columns of file names are called."""


class Places(NamedTuple):
    """The images that a table may name.

    Attributes:
        keys: Their paths below SRC.
        below: Paths of the same images below other directories by which the table may name them: its own,
            or their split.
        root: SRC.
    """

    keys: Sequence[str]
    below: tuple[Sequence[str | None], ...] = ()
    root: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Which rows name which images.

    Attributes:
        images: The image of each row; -1 for a row without an image.
        count: How many rows name an image.
        how: How many rows were matched by something else than their path, by what it was.
        lost: The first row's text that names no image; None if all do.
    """

    images: list[int]
    count: int
    how: dict[str, int]
    lost: str | None


class _Level(NamedTuple):
    """A way to know an image by a text."""

    how: str
    of_key: Callable[[str], str]
    of_image: Callable[[str], Iterable[str]]


def match_rows(texts: Sequence[object], places: Places, name: str) -> Match:
    """Find the image that each row of a table names.

    Texts are paths below SRC, or below another directory in `places`; then the same without regard to case,
    Unicode form and a missing suffix; then the last part alone.

    Args:
        texts: What the rows say; None names nothing.
        places: The images.
        name: The table, for messages.

    Raises:
        InputError: If a path leads outside, or a text fits several images.
    """
    keys = [None if text is None else _clean(str(text), name) for text in texts]
    exact = {key: index for index, key in enumerate(places.keys)}
    images = [-1 if key is None else exact.get(key, -1) for key in keys]
    open_rows = [row for row, image in enumerate(images) if image < 0 and keys[row]]
    how: dict[str, int] = {}
    for level in _LEVELS if open_rows else ():
        known = _index(places, level, {image for image in images if image >= 0})
        unmatched = []
        for row in open_rows:
            fitting = known.get(level.of_key(keys[row] or ""))
            if fitting is None or (level is _LEVELS[-1] and _are_apart(keys[row] or "", fitting, places)):
                unmatched.append(row)
            elif isinstance(fitting, list):
                _refuse_several(name, keys[row] or "", [places.keys[image] for image in fitting])
            else:
                images[row] = fitting
                how[level.how] = how.get(level.how, 0) + 1
        open_rows = unmatched
        if not open_rows:
            break
    how.pop("", None)
    lost = next((keys[row] for row, image in enumerate(images) if image < 0 and keys[row]), None)
    return Match(images, sum(image >= 0 for image in images), how, lost)


def give_rows(match: Match, places: Places, is_same: Callable[[int, int], bool], name: str) -> list[int]:
    """Return the row of each image, -1 for an image without a row.

    Raises:
        InputError: If two rows name one image and do not say the same.
    """
    rows = [-1] * len(places.keys)
    for row, image in enumerate(match.images):
        if image < 0:
            continue
        if rows[image] >= 0 and not is_same(rows[image], row):
            raise InputError(
                f"{name!r} names {places.keys[image]!r} twice, with different labels (rows {rows[image] + 1}"
                f" and {row + 1}); leave one row for each image, with several labels in one cell by ",
                Option("label_sep"),
            )
        if rows[image] < 0:
            rows[image] = row
    return rows


def _index(places: Places, level: _Level, taken: set[int]) -> dict[str, int | list[int]]:
    """Return the images without a row by what a level knows them by; a list where several are the same."""
    known: dict[str, int | list[int]] = {}
    for names in (places.keys, *places.below):
        for image, key in enumerate(names):
            if key is None or image in taken:
                continue
            for text in set(level.of_image(key)):
                before = known.setdefault(text, image)
                if isinstance(before, list):
                    if image not in before:
                        before.append(image)
                elif before != image:
                    known[text] = [before, image]
    return known


def _clean(text: str, name: str) -> str:
    """Return a path as keys are written: slashes, and no `./` in front.

    Raises:
        InputError: If it leads outside of the directory that it is below.
    """
    path = text.strip()
    if "\\" in path:
        path = path.replace("\\", "/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    if path.startswith("/") or path[1:3] == ":/" or (".." in path and ".." in path.split("/")):
        raise InputError(f"{name!r} names {text!r}; paths must be relative, below the table, without '..'")
    return path


def _are_apart(text: str, images: int | list[int], places: Places) -> bool:
    """True if directories say that a row is of another split than the image that bears the same name."""
    image = places.keys[images if isinstance(images, int) else images[0]]
    of_row = find_words(text.rpartition("/")[0])
    of_image = find_words(f"{places.root}/{image}".rpartition("/")[0])
    return bool(of_row and of_image and set(of_row).isdisjoint(of_image))


def _refuse_several(name: str, text: str, images: list[str]) -> None:
    raise InputError(
        f"{name!r} names {text!r}, which fits {len(images)} images: {some(list(map(repr, images)), 3)};"
        " write paths below SRC, with suffixes"
    )


def _fold(text: str) -> str:
    """Return a text without regard to case and Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _forms(path: str) -> tuple[str, ...]:
    """Return an image's path as tables may write it: folded, with and without its suffix."""
    folded = _fold(path)
    parent, slash, last = folded.rpartition("/")
    stem, dot, _ = last.rpartition(".")
    return (folded, f"{parent}{slash}{stem}") if dot and stem else (folded,)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


_LEVELS = (
    _Level("", str, lambda path: (path,)),
    _Level("without regard to suffix or case", _fold, _forms),
    _Level("by the last part of the path", lambda key: _last(_fold(key)), lambda path: _forms(_last(path))),
)
