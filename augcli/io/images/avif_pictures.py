"""The pictures in an AVIF's container, which a decoder makes whole before it fits them to what that says."""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from augcli.io.images.av1_header import find_frame_sizes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TO_SAMPLES = (b"mdia", b"minf", b"stbl")
"""Boxes that lead from a track to where its pictures lie (ISO/IEC 14496-12)."""


MOST_PIECES = 200_000
"""In how many pieces pictures may lie: to read a million takes six seconds. A grid has 65,536 parts at most,
as many of opacity, and each is one piece or a few."""

PLACE = struct.Struct("<Q")
"""A place in a file."""


class _Box(NamedTuple):
    """A box: its kind, and where its content begins and ends in the file."""

    kind: bytes
    start: int
    stop: int


class _Numbers:
    """Numbers of a file, one behind the other, the highest byte first; behind its end they are 0."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self.place = data, place

    def read(self, length: int) -> int:
        """Read a number of so many bytes."""
        self.place += length
        return int.from_bytes(self._data[self.place - length : self.place].ljust(length, b"\0"), "big")


def find_picture_sizes(data: bytes) -> Counter[tuple[int, int]]:
    """Count columns and rows of all pictures that decoding the first frame of an AVIF may make, at most.

    The frames' own headers say them: a container may say less. Pictures are the parts of a grid, the
    channel of opacity and thumbnails, too. Encoders write parts that are alike once: these lie in the
    same bytes.

    Raises:
        ValueError: If pictures that are not alike share their bytes, or lie in very many pieces.
    """
    places: Counter[bytes] = Counter()
    room = MOST_PIECES
    for pieces in _find_pictures(data):
        places[pieces] += 1
        room -= len(pieces) // (2 * PLACE.size)
        if room < 0:
            raise ValueError(f"pictures of an AVIF lie in more than {MOST_PIECES} pieces")
    sizes: Counter[tuple[int, int]] = Counter()
    left = 2 * len(data)  # an animation's first picture is an item, and that of a track
    for pieces, times in places.items():
        ends = [value for (value,) in PLACE.iter_unpack(pieces)]
        spans = list(zip(ends[::2], ends[1::2], strict=True))
        left -= sum(stop - start for start, stop in spans)
        if left < 0:
            raise ValueError("pictures of an AVIF take more bytes than its file")
        stream = b"".join(data[start:stop] for start, stop in spans)
        for size in find_frame_sizes(stream):
            sizes[size] += times
    return sizes


def _find_pictures(data: bytes) -> Iterator[bytes]:
    """Yield where the coded pictures of a file lie: all of its image items, and the first of each track.

    The places are packed numbers, where each piece starts and stops: a file may say millions of them.
    """
    for box in _walk(data, 0, len(data)):
        if box.kind == b"meta":
            yield from _find_items(data, box)
        elif box.kind == b"moov":
            for track in _walk(data, box.start, box.stop):
                if track.kind == b"trak":
                    yield from _find_first_sample(data, track)


def _pack(data: bytes, start: int, length: int) -> bytes:
    """Return where a piece starts and stops, as far as the file reaches."""
    return PLACE.pack(min(start, len(data))) + PLACE.pack(min(start + length, len(data)))


def _walk(data: bytes, start: int, stop: int) -> Iterator[_Box]:
    """Yield the boxes in a part of a file, as far as they are sound."""
    while start + 8 <= stop:
        size, head = int.from_bytes(data[start : start + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        end = stop if size == 0 else start + size
        if size and size < head:
            return
        yield _Box(data[start + 4 : start + 8], start + head, min(end, stop))
        start = end


def _find(data: bytes, start: int, stop: int, kind: bytes) -> Iterator[_Box]:
    return (box for box in _walk(data, start, stop) if box.kind == kind)


def _find_items(data: bytes, meta: _Box) -> Iterator[bytes]:
    """Yield where the image items lie that a `meta` box describes."""
    inside = (data, meta.start + 4, meta.stop)
    pictures = {item for box in _find(*inside, b"iinf") for item in _list_pictures(data, box)}
    beside = next((box.start for box in _find(*inside, b"idat")), 0)
    for box in _find(*inside, b"iloc"):
        yield from _locate_items(data, box, beside, pictures)


def _list_pictures(data: bytes, box: _Box) -> Iterator[int]:
    """Yield the numbers of the items that are AV1 images."""
    count = 2 if data[box.start] == 0 else 4
    for entry in _find(data, box.start + 4 + count, box.stop, b"infe"):
        length = 2 if data[entry.start] == 2 else 4
        numbers = _Numbers(data, entry.start + 4)
        item, _, kind = numbers.read(length), numbers.read(2), numbers.read(4)
        if kind.to_bytes(4, "big") == b"av01":
            yield item


def _locate_items(data: bytes, box: _Box, beside: int, wanted: Collection[int]) -> Iterator[bytes]:
    """Yield where the pieces of each wanted item of an `iloc` box lie in the file.

    `beside` is where the content of the `idat` box begins.
    """
    numbers = _Numbers(data, box.start)
    version, _ = numbers.read(1), numbers.read(3)
    sizes = numbers.read(2)
    offset_size, length_size, base_size, index_size = ((sizes >> shift) & 15 for shift in (12, 8, 4, 0))
    wide = 2 if version < 2 else 4
    for _ in range(numbers.read(wide)):
        if numbers.place >= box.stop:
            return
        item = numbers.read(wide)
        is_beside = bool(version) and numbers.read(2) & 15 == 1
        numbers.read(2)
        base = numbers.read(base_size) + (beside if is_beside else 0)
        index_size = index_size if version else 0
        size, pieces = index_size + offset_size + length_size, bytearray()
        count = min(numbers.read(2), (box.stop - numbers.place) // size) if length_size else 0
        if item not in wanted:
            numbers.place += count * size
            continue
        for _ in range(count):
            numbers.read(index_size)
            start = base + numbers.read(offset_size)
            pieces += _pack(data, start, numbers.read(length_size))
        yield bytes(pieces)


def _find_first_sample(data: bytes, track: _Box) -> Iterator[bytes]:
    """Yield where the first picture of a track lies."""
    boxes = [track]
    for kind in TO_SAMPLES:
        boxes = [inner for box in boxes for inner in _find(data, box.start, box.stop, kind)]
    for table in boxes:
        inside = {box.kind: box.start + 4 for box in _walk(data, table.start, table.stop)}
        offset_size, places = (8, inside.get(b"co64")) if b"co64" in inside else (4, inside.get(b"stco"))
        if places is None or b"stsz" not in inside:
            continue
        start = _Numbers(data, places + 4).read(offset_size)
        numbers = _Numbers(data, inside[b"stsz"])
        each, _, first = numbers.read(4), numbers.read(4), numbers.read(4)
        yield _pack(data, start, each or first)
