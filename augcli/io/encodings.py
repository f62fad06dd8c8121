"""Texts that are not UTF-8: what they probably are, and how they are made readable."""

from __future__ import annotations

UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""The marks with which texts in UTF-16 begin."""


def explain_encoding(data: bytes) -> tuple[str, str]:
    """Return what is wrong with a text that is not UTF-8, as `is ...`, and the cure; empty for UTF-8."""
    save = "save it as UTF-8, as with `iconv -f {} -t UTF-8`"
    if data.startswith(UTF16):
        return "is written in UTF-16", save.format("UTF-16")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        shown = data[error.start : error.start + 1].hex()
        what = f"is not written in UTF-8 (byte 0x{shown} in line {line}), but probably in Windows-1252"
        return what, save.format("WINDOWS-1252")
    return "", ""
