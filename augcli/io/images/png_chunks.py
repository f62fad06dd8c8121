"""Chunks of a PNG that decide no pixel, where Pillow refuses an image for them: it is read without these."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from PIL import PngImagePlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
DESCRIPTIONS = (*TEXTS, b"iCCP")
"""Chunks that may be compressed, whose length Pillow bounds."""

NEEDED = frozenset([b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"])
"""Chunks beside the critical ones that decide what is seen: transparency, orientation and frames."""

ORIENTING = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
"""What a text begins with that may say how an image is turned."""


class Chunk(NamedTuple):
    """A chunk of a PNG: its kind, its data, and all of its bytes."""

    kind: bytes
    body: bytes
    whole: bytes

    @property
    def is_critical(self) -> bool:
        """True if no reader may pass it over."""
        return self.kind[:1].isupper()

    @property
    def is_sound(self) -> bool:
        """True if its checksum is right."""
        return zlib.crc32(self.kind + self.body) == int.from_bytes(self.whole[-4:], "big")


def has_refused_texts(data: bytes) -> bool:
    """True if a PNG has texts or a profile that Pillow refuses: too long, or packed in an unknown way."""
    if not any(kind in data for kind in DESCRIPTIONS):
        return False
    total = 0
    for chunk in _walk(data):
        if chunk.kind in DESCRIPTIONS:
            total += _text_length(chunk)
            if total > PngImagePlugin.MAX_TEXT_MEMORY:
                return True
    return False


def without_metadata(data: bytes) -> bytes:
    """Return a PNG without damaged chunks, and without chunks that do not decide what is seen."""
    kept = [SIGNATURE]
    for chunk in _walk(data):
        is_needed = chunk.kind in NEEDED or (chunk.kind in TEXTS and chunk.body.startswith(ORIENTING))
        fits = chunk.kind not in TEXTS or _text_length(chunk) <= PngImagePlugin.MAX_TEXT_MEMORY
        if chunk.is_critical or (is_needed and fits and chunk.is_sound):
            kept.append(chunk.whole)
    return b"".join(kept)


def _walk(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a PNG; the last may be cut off."""
    start = len(SIGNATURE)
    while start + 8 <= len(data):
        length, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        end = start + 12 + length
        yield Chunk(kind, data[start + 8 : start + 8 + length], data[start:end])
        start = end


def _text_length(chunk: Chunk) -> int:
    """Return how long a text is once unpacked; beyond all bounds where Pillow refuses to unpack it."""
    beyond = PngImagePlugin.MAX_TEXT_MEMORY + 1
    if chunk.kind == b"tEXt":
        return len(chunk.body)
    packed = chunk.body.partition(b"\0")[2]
    if chunk.kind == b"iTXt":
        is_packed, method, packed = packed[:1] == b"\1", packed[1:2], packed[2:]
        packed = packed.partition(b"\0")[2].partition(b"\0")[2]  # behind language and translated keyword
        if not is_packed or method != b"\0":
            return len(packed)
    elif packed[:1] not in (b"\0", b""):
        return beyond
    else:
        packed = packed[1:]
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, PngImagePlugin.MAX_TEXT_CHUNK)
    except zlib.error:  # Pillow leaves such a text out
        return 0
    return beyond if unpacker.unconsumed_tail else len(text)
