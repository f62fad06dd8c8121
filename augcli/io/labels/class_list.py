"""The class list that the user gives, and lists of names in messages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from augcli.errors import InputError, Option, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.locations import Location


MISSING = frozenset("nan NaN NAN NA N/A null NULL None none <NA>".split())
"""What stands for no number among numbers; among names it is a name."""


STRUCTURED = (".json", ".jsonl", ".yaml", ".yml", ".xml", ".pbtxt")
"""What files end in that name classes otherwise than one a line."""


def read_class_list(file: Location) -> tuple[str, ...]:
    """Read a class list: one name a line, in index order.

    Raises:
        InputError: If it cannot be read, is empty, or names a class twice.
    """
    flag = Option("classes")
    try:
        text = io.TextIOWrapper(io.BytesIO(file.read()), "utf-8-sig").read()  # any line ends
    except (StorageError, UnicodeDecodeError) as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputError(flag, f" {file.name!r} does not exist; give a file of class names") from error
        reason = explain(error, file.name)
        raise InputError(flag, f" {file.name!r} cannot be read: {reason}") from error
    if file.name.lower().endswith(STRUCTURED) or text.lstrip()[:1] in ("{", "["):
        raise InputError(flag, f" {file.name!r} is not a list of names; write the names alone, one a line")
    names = tuple(line for line in text.split("\n") if line)
    if not names or len(set(names)) < len(names):
        raise InputError(flag, f" {file.name!r} must name each class once, one a line")
    return names


def explain(error: Exception, name: str) -> str:
    """Return the words of what kept a file from being read: the system's own where it did."""
    cause = error.__cause__
    return str(OSError(cause.errno, cause.strerror, name) if isinstance(cause, OSError) else error)


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first names of a list, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def describe_missing(classes: tuple[str, ...] | None) -> list[str]:
    """Return notes on classes whose names usually stand for no label, or differ in case alone."""
    suspicious = [name for name in classes or () if name in MISSING]
    notes = [
        f"{name!r} is read as a class; leave the cell empty where there is no label" for name in suspicious
    ]
    return notes + describe_alike(classes)


def describe_alike(classes: tuple[str, ...] | None) -> list[str]:
    """Return a note on classes whose names differ in case or in blanks around them alone."""
    alike: dict[str, list[str]] = {}
    for name in classes or ():
        alike.setdefault(name.strip().casefold(), []).append(name)
    several = next((names for names in alike.values() if len(names) > 1), None)
    if several is None:
        return []
    listed = ", ".join(map(repr, several[:5]))
    what = "case" if len(set(map(str.strip, several))) > 1 else "blanks"
    return [f"classes whose names differ in {what} alone: {listed}; write them alike if they are one"]
