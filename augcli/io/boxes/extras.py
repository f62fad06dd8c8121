"""What a file says of images and boxes beside their places: carried along as JSON text."""

from __future__ import annotations

import json
from typing import Any

from augcli.errors import InputError
from augcli.options import is_text

MOST_LEVELS = 50
"""Deeper values are refused: they are carried by functions that call themselves for each level."""

encode_sorted = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True).encode


def read_extra(entry: dict[str, Any], known: frozenset[str], where: str, texts: dict[str, str]) -> str:
    """Return the keys of an entry that are not known ones, as JSON.

    Files are big, and most of their entries say the same: `texts` holds what was written before.

    Raises:
        InputError: If a value cannot be carried along; `where` says which entry it is of.
    """
    rest = {key: value for key, value in entry.items() if key not in known}
    if not rest:
        return "{}"
    shown = repr(rest)
    if shown not in texts:
        texts[shown] = to_text(rest, where)
    return texts[shown]


def to_text(value: dict[str, Any], where: str) -> str:
    """Return a value that is carried along as JSON.

    Raises:
        InputError: If it is nested too deep, or holds what JSON or UTF-8 cannot.
    """
    if _is_deeper(value, MOST_LEVELS):
        raise InputError(f"{where} is nested more than {MOST_LEVELS} levels deep; take out what is")
    try:
        text = encode_sorted(value)
    except ValueError as error:
        raise InputError(f"{where} holds a number beyond 64-bit floating point; correct it") from error
    if not is_text(text):
        raise InputError(f"{where} holds a text that is not Unicode (half of a surrogate pair); correct it")
    return text


def _is_deeper(value: object, levels: int) -> bool:
    """True if a value is nested deeper than so many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(item, levels - 1) for item in inner)
