"""What a JPEG's segments say before its pixels: read by hand, since nearly every image passes here."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from augcli.io.images.profiles import MARKER, join_pieces

MOST_SCANS = 500
"""Each scan of a progressive JPEG is a walk over all of its image, and takes ten bytes of its file: 40,000 of
them kept a core busy for a minute per megapixel. Encoders write ten; libjpeg-turbo tests 500."""

SEGMENT = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
"""A marker, between pixels too, where 0 and restarts stand behind this byte."""


class Segments(NamedTuple):
    """What the segments before a JPEG's pixels say.

    Attributes:
        has_metadata: Whether EXIF or XMP is there.
        luminance: The luminance table.
        profile: The ICC profile, as far as it is there; may be empty.
    """

    has_metadata: bool
    luminance: tuple[int, ...] | None
    profile: bytes


def scan_jpeg(data: bytes) -> Segments | None:
    """Walk the segments of a JPEG up to its pixels (ITU-T T.81, B.1.1); None if it is not a sound JPEG."""
    if data[:2] != b"\xff\xd8":
        return None
    has_metadata, luminance, start = False, None, 2
    pieces: dict[int, bytes] = {}
    while data[start : start + 1] == b"\xff" and start + 5 <= len(data):
        marker, length = data[start + 1], data[start + 2] << 8 | data[start + 3]
        if marker == 0xDA:  # start of scan
            return Segments(has_metadata, luminance, join_pieces(pieces))
        if marker == 0xDB and luminance is None:  # the first quantization table is the luminance's
            wide = data[start + 4] >> 4
            stored = data[start + 5 : start + 5 + (128 if wide else 64)]
            pairs = zip(stored[::2], stored[1::2], strict=False)
            luminance = tuple(high << 8 | low for high, low in pairs) if wide else tuple(stored)
        elif marker == 0xE1:  # EXIF or XMP, either of which may say how to turn the image
            has_metadata = True
        elif marker == 0xE2 and data.startswith(MARKER, start + 4):
            body = data[start + 4 + len(MARKER) : start + 2 + length]
            pieces[body[0] if body else 0] = body[2:]
        start += 1 if marker == 0xFF else 2 + length
    return None


def has_too_many_scans(data: bytes) -> bool:
    """True if a JPEG has more scans than `MOST_SCANS` up to its end marker."""
    if data.count(b"\xff\xda") <= MOST_SCANS:  # nearly always; what stands behind its end may look like scans
        return False
    place = scans = 0
    while scans <= MOST_SCANS and (found := SEGMENT.search(data, place)):
        place, marker = found.end(), found[1][0]
        if marker == 0xD9:
            break
        scans += marker == 0xDA
        place += 0 if marker == 0xD8 else int.from_bytes(data[place : place + 2], "big")
    return scans > MOST_SCANS


def ends_jpeg(data: bytes) -> bool:
    """True if the end marker stands at the end; zeros behind it are padding."""
    return data.rstrip(b"\0").endswith(b"\xff\xd9")


@lru_cache(maxsize=256)
def estimate_quality(luminance: tuple[int, ...]) -> int:
    """Estimate the quality (1..100) that made a luminance table of 64 steps in zigzag order.

    Exact for files that libjpeg or libjpeg-turbo wrote, whose scaling of Annex K.1 is followed here.
    """
    base = np.array(_ANNEX_K_LUMINANCE, np.int64)
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables = np.clip((base[None] * scale[:, None] + 50) // 100, 1, 255)
    distance = np.abs(tables - np.array(luminance)[None]).sum(axis=1)
    return int(quality[100 - 1 - distance[::-1].argmin()])


_ANNEX_K_LUMINANCE = (
    16, 11, 12, 14, 12, 10, 16, 14,
    13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68,
    87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip
"""Luminance table of ITU-T T.81, Annex K.1, in the zigzag order in which files store it."""
