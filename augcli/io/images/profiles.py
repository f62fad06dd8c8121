"""ICC profiles: what an image carries, whether that fits the written image, and where it lies in a JPEG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = b"ICC_PROFILE\0"
"""What an APP2 segment of a JPEG begins with that holds a piece of a profile (ICC.1:2022, B.4)."""

PIECE, MOST_PIECES = 65_519, 255
"""Bytes of a profile that one segment holds, and segments at most."""

HEADER = 128
"""Bytes of a profile's own header: its size stands at 0, its colour space at 16, `acsp` at 36."""

SRGB = (b"sRGB", "sRGB".encode("utf-16-be"))
"""What profiles of sRGB call themselves, in old and new descriptions."""


def join_pieces(pieces: Mapping[int, bytes]) -> bytes:
    """Return the profile whose pieces stand in a JPEG, by their number; missing pieces are left out."""
    return b"".join(pieces[number] for number in sorted(pieces))


def fits(profile: bytes, channels: int) -> bool:
    """True if a profile is whole and describes grey (1 channel) or RGB (3 channels, or 4 with alpha)."""
    space = b"GRAY" if channels == 1 else b"RGB "
    size = int.from_bytes(profile[:4], "big")
    is_whole = HEADER <= size <= len(profile) and profile[36:40] == b"acsp"
    return is_whole and profile[16:20] == space and len(profile) <= PIECE * MOST_PIECES


def are_alike(profile: bytes, other: bytes) -> bool:
    """True if two images mean the same by their numbers; one without a profile is taken for sRGB."""
    return profile == other or (_is_srgb(profile) and _is_srgb(other))


def add_to_jpeg(data: bytes, profile: bytes) -> bytes:
    """Return a JPEG with a profile behind its first segments (SOI and JFIF, as every reader looks for it)."""
    start = 2
    if data[2:4] == b"\xff\xe0":
        start += 2 + int.from_bytes(data[4:6], "big")
    pieces = [profile[place : place + PIECE] for place in range(0, len(profile), PIECE)]
    segments = []
    for number, piece in enumerate(pieces, start=1):
        body = MARKER + bytes([number, len(pieces)]) + piece
        segments.append(b"\xff\xe2" + (len(body) + 2).to_bytes(2, "big") + body)
    return b"".join([data[:start], *segments, data[start:]])


def _is_srgb(profile: bytes) -> bool:
    return not profile or any(name in profile for name in SRGB)
