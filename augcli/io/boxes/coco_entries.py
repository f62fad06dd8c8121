"""Ids, names and categories of COCO files.

Where they are not as they should be, but only one reading is right, that is taken and counted.
"""

from __future__ import annotations

from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from augcli.errors import InputError
from augcli.io.boxes.base import BadBoxError
from augcli.options import is_text

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

Id: TypeAlias = int | str
Entry: TypeAlias = dict[str, Any]
Found = TypeVar("Found")

WHOLE = "ids written as texts or as 4.0 are taken for whole numbers"
BY_URL = "images without a file_name are called by the last part of their coco_url"
REPEATED = "annotations with the id of another one are boxes of their own, and outputs number them anew"
UNUSED = "categories that no box has are left out, since another one has their name:"
"""Counted for entries that are not as they should be."""


def read_id(entry: Entry, key: str, where: str, remarks: Counter[str]) -> Id:
    """Return the id of an image or a category; 4.0 and "4" are 4.

    Raises:
        InputError: If it is not an id.
    """
    value = entry.get(key)
    number = _to_id(value)
    if number is None:
        raise InputError(f"{where}: {key} must be a whole number or a text, got {shorten(value)}; correct it")
    remarks[WHOLE] += type(number) is not type(value)
    return number


def find_entry(known: Mapping[Id, Found], entry: Entry, key: str, where: str, remarks: Counter[str]) -> Found:
    """Return the image or the category whose id an annotation has.

    Raises:
        BadBoxError: If it has no id of the kind, or an id that nothing bears.
    """
    value = entry.get(key)
    number = _to_id(value)
    if number is not None and number in known:
        remarks[WHOLE] += type(number) is not type(value)
        return known[number]
    must = "must be a whole number or a text, got " if number is None else ""
    isnt = "" if number is None else " is not in the file"
    what = f"unknown {key.removesuffix('_id')}"
    raise BadBoxError(what, f"{where}: {key} {must}{shorten(value)}{isnt}")


def _to_id(value: object) -> Id | None:
    """Return an id; None if a value is not one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        is_plain = value.isascii() and value.isdecimal() and len(value) < 20 and str(int(value)) == value
        return int(value) if is_plain else value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count_repeated(annotations: Sequence[Entry]) -> int:
    """Count the annotations that have the id of an earlier one."""
    ids = [value for entry in annotations if isinstance(value := entry.get("id"), int | str)]
    return len(ids) - len(set(ids))


def read_name(entry: Entry, where: str, remarks: Counter[str]) -> str:
    """Return the name of an image, with slashes and no leading `./`; LVIS gives its address alone.

    Raises:
        InputError: If it has no name.
    """
    value = entry.get("file_name")
    if value is None and isinstance(url := entry.get("coco_url"), str):
        value = url.rpartition("/")[2]
        remarks[BY_URL] += 1
    name = value.replace("\\", "/").removeprefix("./") if isinstance(value, str) else ""
    if not name or not is_text(name):
        raise InputError(f"{where}: file_name must be a text, got {shorten(value)}; give it the image's name")
    return name


def read_side(value: object) -> int:
    """Return a height or width; 0 if the value is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def read_categories(
    entries: Sequence[Entry], annotations: Sequence[Entry], remarks: Counter[str]
) -> tuple[dict[Id, int], list[Entry]]:
    """Read the categories.

    Args:
        entries: The categories of the file.
        annotations: Its annotations, which say of two categories of one name which is meant.
        remarks: How many entries are not as they should be, by what is wrong.

    Returns:
        The index of each category by its id, and the categories in the order of the indices.

    Raises:
        InputError: If a category has no name or no id, or two have the same.
    """
    read: dict[Id, Entry] = {}
    for index, entry in enumerate(entries):
        name, where = entry.get("name"), f"categories[{index}]"
        if not isinstance(name, str) or not name:
            raise InputError(f"{where} must have a name as text, got {shorten(name)}; give it one")
        number = read_id(entry, "id", where, remarks)
        if isinstance(number, str):
            raise InputError(f"{where}: id must be a whole number, got {shorten(number)}; correct it")
        if number in read:
            raise InputError(f"two categories have the id {shorten(number)}; give each its own id")
        read[number] = entry | {"id": number}
    kept = _leave_out_roots(read, annotations, remarks)
    return {number: index for index, number in enumerate(kept)}, list(kept.values())


def _leave_out_roots(
    read: Mapping[Id, Entry], annotations: Sequence[Entry], remarks: Counter[str]
) -> dict[Id, Entry]:
    """Return categories of different names.

    Roboflow writes a root above the others, which no box has and which may be called as one of them.
    """
    by_name: dict[str, list[Id]] = {}
    for number, entry in read.items():
        by_name.setdefault(entry["name"], []).append(number)
    several = {name: numbers for name, numbers in by_name.items() if len(numbers) > 1}
    used = {_to_id(entry.get("category_id")) for entry in annotations} if several else set()
    lost: set[Id] = set()
    for name, numbers in several.items():
        unused = [number for number in numbers if number not in used]
        if len(unused) < len(numbers) - 1:
            raise InputError(f"two categories are called {name!r}; give each its own name")
        left_out = unused if len(unused) < len(numbers) else unused[:-1]
        remarks[f"{UNUSED} {name!r}"] += len(left_out)
        lost.update(left_out)
    return {number: entry for number, entry in read.items() if number not in lost}
