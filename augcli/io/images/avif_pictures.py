"""The pictures in an AVIF's container, which a decoder makes whole before it fits them to what that says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.io.images.av1_header import find_frame_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

TO_SAMPLES = (b"mdia", b"minf", b"stbl")
"""Boxes that lead from a track to where its pictures lie (ISO/IEC 14496-12)."""


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


def find_picture_sizes(data: bytes) -> list[tuple[int, int]]:
    """Return columns and rows of all pictures that decoding the first frame of an AVIF may make, at most.

    The frames' own headers say them: a container may say less. Pictures are the parts of a grid, the
    channel of opacity and thumbnails, too.

    Raises:
        ValueError: If the container puts several pictures into the same bytes.
    """
    sizes: list[tuple[int, int]] = []
    left = 2 * len(data)  # an animation's first picture is an item, and that of a track
    for stream in _find_streams(data):
        left -= len(stream)
        if left < 0:
            raise ValueError("pictures of an AVIF take more bytes than its file")
        sizes += find_frame_sizes(stream)
    return sizes


def _find_streams(data: bytes) -> Iterator[bytes]:
    """Yield the coded pictures of a file: all of its image items, and the first of each track."""
    for box in _walk(data, 0, len(data)):
        if box.kind == b"meta":
            yield from _find_items(data, box)
        elif box.kind == b"moov":
            for track in _walk(data, box.start, box.stop):
                if track.kind == b"trak":
                    yield from _find_first_sample(data, track)


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
    """Yield the content of the image items that a `meta` box describes."""
    inside = (data, meta.start + 4, meta.stop)
    pictures = {item for box in _find(*inside, b"iinf") for item in _list_pictures(data, box)}
    beside = next((box.start for box in _find(*inside, b"idat")), 0)
    for box in _find(*inside, b"iloc"):
        for item, pieces in _locate_items(data, box, beside):
            if item not in pictures:
                continue
            if sum(stop - start for start, stop in pieces) > len(data):
                raise ValueError("a picture of an AVIF takes more bytes than its file")
            yield b"".join(data[start:stop] for start, stop in pieces)


def _list_pictures(data: bytes, box: _Box) -> Iterator[int]:
    """Yield the numbers of the items that are AV1 images."""
    count = 2 if data[box.start] == 0 else 4
    for entry in _find(data, box.start + 4 + count, box.stop, b"infe"):
        length = 2 if data[entry.start] == 2 else 4
        numbers = _Numbers(data, entry.start + 4)
        item, _, kind = numbers.read(length), numbers.read(2), numbers.read(4)
        if kind.to_bytes(4, "big") == b"av01":
            yield item


def _locate_items(data: bytes, box: _Box, beside: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield the items of an `iloc` box, and where the pieces of each lie in the file.

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
        size, pieces = index_size + offset_size + length_size, []
        for _ in range(min(numbers.read(2), (box.stop - numbers.place) // size) if length_size else 0):
            numbers.read(index_size)
            start = base + numbers.read(offset_size)
            pieces.append((start, start + numbers.read(length_size)))
        yield item, pieces


def _find_first_sample(data: bytes, track: _Box) -> Iterator[bytes]:
    """Yield the first picture of a track."""
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
        yield data[start : start + (each or first)]
