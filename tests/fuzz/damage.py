"""Ways to damage a file, as hypothesis strategies: each shrinks towards the whole file."""

from __future__ import annotations

import copy
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Numbers at which a length or a count goes over."""

MOST_BYTES = 1 << 16
"""No damage makes a file larger than this, so that what is found stays small."""

WORDS = tuple(
    word.encode()
    for word in (
        '"', "'", "\n", ",", ";", "#", "[", "]", "{", "}", "=", ":", ".", "-", " ", "\\", "\0", "\r",
        "0", "1", "-1", "1.5", "1e400", "nan", "inf", "NaN", "-Infinity", "null", "true", "false", "[]", "{}",
        '""', '"x"', "[[]]", '[{"a": 1}]', '"\\ud800"', '"\\u0000"', '"-"', '".."', '"/x"', "..", "/x",
        "2024-01-01", "99999999999999999999", "1" + "0" * 400, "9" * 5000, "0x" + "f" * 5000, "[" * 3000,
        '{"a":' * 3000, "é", "\u2028", "\ufeff", "١", "label", "p:", "file_name", "soft_label", "op", "name",
        '"id":', '"bbox":', "[0,0,1e-9,1]", "[1e308,1,1e308,1]", "&#10;", "&#x85;", "&#x9b;", "&x;", "<", ">",
        "</", "<a>", "<![CDATA[x]]>", "<!DOCTYPE annotation [<!ENTITY x 'y'>]>", " xmlns='u&#10;v'", "1e999",
        '"a":', '"max"', '"none"', '"0.5:0.1"', '"1:2"', '"1,2,3"',
    )
)  # fmt: skip
"""What texts are damaged with: values of other types, numbers beyond every range, quotes out of place."""

TOKEN_ENDS = b' ,:=[]{}"\n'


VALUES = (
    None, True, 0, 1, -1, 2, 1.5, 0.0, -0.5, 1e-9, 1e308, float("nan"), float("inf"), 10**20, 10**400,
    16**5000 - 1, "", "x", "-", "..", "a/b", "\0", "\n", "\ud800", "é", "x" * 300, "max", "keep", "none",
    "nan", "1e999", "0.5:0.1", "1:2", "1,2,3", "1" * 5000, "²", [], [1], ["x"], [None], [[]], [{}], {},
    {"a": 1}, {"kind": "cutmix"},
)  # fmt: skip
"""What a value of a document is replaced by: other types, and what lies beyond every range."""

NAMES = (
    "",
    "x",
    "op",
    "kind",
    "labels",
    "p",
    "weight",
    "one_of",
    "name",
    "\ud800",
    "copies",
    "label",
    "names",
)
"""What a key of a document is replaced by."""

KINDS = ("truncate", "flip", "insert", "delete", "duplicate", "splice", "extreme", "varint")
TEXT_KINDS = (*KINDS, "word", "word", "word", "token", "token", "token")

FOOTER_KINDS = ("flip", "varint", "extreme", "insert", "delete")

PLACES = st.one_of(st.integers(0, 255), st.integers(-256, -1), st.integers(0, 1 << 13))
"""Places, from the end where they are negative: more often near the ends, where headers and footers stand."""


def damaged(wholes: Sequence[bytes], is_text: bool = False) -> st.SearchStrategy[bytes]:
    """Damage one of some files up to six times."""
    kinds = TEXT_KINDS if is_text else KINDS
    # Few plain draws: hypothesis takes longer for an example than most checks do.
    edit = st.tuples(st.integers(0, len(kinds) - 1), PLACES, st.integers(0, 0xFFFF))

    def damage(which: int, edits: list[tuple[int, int, int]], mended: bool) -> bytes:
        data = wholes[which]
        for kind, place, number in edits:
            at = max(len(data) + place, 0) if place < 0 else place % (len(data) + 1)
            data = _damage(data, kinds[kind], at, number, wholes)[:MOST_BYTES]
        return mend_png(data) if mended and data.startswith(b"\x89PNG") else data

    return st.builds(damage, st.integers(0, len(wholes) - 1), st.lists(edit, max_size=6), st.booleans())


def changed(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Change a document of tables, lists and values up to three times: set, remove or rename something."""
    change = st.tuples(st.integers(0, 5), st.integers(0, 255), st.integers(0, len(VALUES) - 1))

    def apply(changes: list[tuple[int, int, int]]) -> dict[str, Any]:
        made = copy.deepcopy(document)
        for kind, place, value in changes:
            places = list(_places(made))
            if not places:
                break
            holder, key = places[place % len(places)]
            if kind < 4:
                holder[key] = copy.deepcopy(VALUES[value])
            elif kind == 4 or isinstance(holder, list):
                del holder[key]
            else:
                holder[NAMES[value % len(NAMES)]] = holder.pop(key)
        return made

    return st.builds(apply, st.lists(change, max_size=3))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place of a document as its holder and key."""
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def _damage(data: bytes, kind: str, at: int, number: int, wholes: Sequence[bytes]) -> bytes:
    """Damage a file at a place; `number` says how."""
    length = number % 300 + 1
    if kind == "truncate":
        return data[:at]
    if kind == "flip":
        return data[:at] + bytes([number & 0xFF]) + data[at + 1 :]
    if kind == "insert":
        return data[:at] + number.to_bytes(2, "big") + data[at:]
    if kind == "delete":
        return data[:at] + data[at + length :]
    if kind == "duplicate":
        return data[: at + length] + data[at : at + length] * (number % 7) + data[at + length :]
    if kind == "splice":
        other = wholes[number % len(wholes)]
        return data[:at] + other[min(at, len(other)) if number & 0x8000 else number % (len(other) + 1) :]
    if kind == "extreme":
        value, form = EXTREMES[number % len(EXTREMES)], ("<I", ">I", "<H", ">H")[number >> 8 & 3]
        width = struct.calcsize(form)
        return data[:at] + struct.pack(form, value & (256**width - 1)) + data[at + width :]
    if kind == "varint":
        return data[:at] + _zigzag(EXTREMES[number % len(EXTREMES)]) + data[at + 1 :]
    word = WORDS[number % len(WORDS)]
    if kind == "word":
        return data[:at] + word + data[at:]
    start, stop = _token(data, at)
    return data[:start] + word + data[stop:]


def _token(data: bytes, at: int) -> tuple[int, int]:
    """Give the number, name or text that a place lies in."""
    start = max(data.rfind(end, 0, at) for end in map(bytes, zip(TOKEN_ENDS, strict=True))) + 1
    ends = [data.find(end, at) for end in map(bytes, zip(TOKEN_ENDS, strict=True))]
    stop = min((end for end in ends if end >= 0), default=len(data))
    if data[start - 1 : start] == b'"' and data[stop : stop + 1] == b'"':  # with its quotes
        return start - 1, stop + 1
    return start, stop


def _zigzag(value: int) -> bytes:
    """Write a number as the footers of parquet files hold theirs (Thrift's compact protocol)."""
    value, held = value << 1, bytearray()
    while value > 0x7F:
        held.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*held, value])


def damaged_parquet(wholes: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Damage parquet files, some of them in their footers alone: these say what lies where."""
    sizes = [int.from_bytes(data[-8:-4], "little") + 8 for data in wholes]
    footers = [data[-size:-8] for data, size in zip(wholes, sizes, strict=True)]

    def join(which: int, edits: list[tuple[int, int, int]]) -> bytes:
        footer = footers[which]
        for kind, place, number in edits:
            footer = _damage(footer, FOOTER_KINDS[kind], place % (len(footer) + 1), number, footers)
        return wholes[which][: -sizes[which]] + footer + struct.pack("<I", len(footer)) + wholes[which][-4:]

    edit = st.tuples(st.integers(0, len(FOOTER_KINDS) - 1), st.integers(0, 1 << 13), st.integers(0, 0xFFFF))
    joined = st.builds(join, st.integers(0, len(wholes) - 1), st.lists(edit, min_size=1, max_size=3))
    return st.one_of(damaged(wholes), joined)


def mend_png(data: bytes) -> bytes:
    """Write the checksums of a PNG's chunks anew: otherwise damage rarely comes farther than to these."""
    at, mended = 8, [data[:8]]
    while at + 12 <= len(data):
        stop = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if stop + 4 > len(data):
            break
        mended.append(data[at:stop] + struct.pack(">I", zlib.crc32(data[at + 4 : stop])))
        at = stop + 4
    return b"".join(mended) + data[at:]
