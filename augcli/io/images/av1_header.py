"""How large the frames of an AV1 stream are, by its own headers (AV1 specification, 5.5 and 5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE_HEADER, FRAME_HEADERS = 1, (3, 6, 7)
"""Types of units (6.2.2): those of frames are a header, a whole frame, and a header that is repeated."""

SELECT = 2
"""What stands for a tool that each frame chooses by itself."""

KEY_FRAME, INTRA_FRAME, SWITCH_FRAME = 0, 2, 3
"""Types of frames (6.8.2)."""

KEPT, REFERENCES = 8, 7
"""Frames that a decoder keeps, and those of them that a frame refers to."""


class Sequence(NamedTuple):
    """What a sequence header says, as far as sizes of frames need it.

    Attributes:
        side_bits: Bits of the columns and of the rows that a frame says itself.
        has_model: Whether frames may say when a decoder lets go of them.
        presentation_bits: Bits of the time of a frame; 0 where frames have none.
        id_bits: Bits of the number of a frame, and of how far back a reference is; 0 where frames have none.
        screen_tools: 0, 1 or `SELECT`.
        integer_motion: 0, 1 or `SELECT`.
        order_bits: Bits of the place of a frame in the order of showing; 0 where frames have none.
    """

    side_bits: tuple[int, int]
    has_model: bool
    presentation_bits: int
    id_bits: tuple[int, int]
    screen_tools: int
    integer_motion: int
    order_bits: int


class _Bits:
    """Bits of a unit, the highest first; behind its end they are 0."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def read(self, count: int) -> int:
        """Read so many bits as a number."""
        start, stop = self._place >> 3, (self._place + count + 7) >> 3
        value = int.from_bytes(self._data[start:stop].ljust(stop - start, b"\0"), "big")
        self._place += count
        return (value >> (stop * 8 - self._place)) & ((1 << count) - 1)

    def skip_variable(self) -> None:
        """Pass over a number of variable length (4.10.3)."""
        zeros = 0
        while zeros < 32 and not self.read(1):
            zeros += 1
        self.read(zeros if zeros < 32 else 0)


def find_frame_sizes(stream: bytes) -> Iterator[tuple[int, int]]:
    """Yield columns and rows of what a stream may have decoded, at most, for each of its headers.

    A frame that is as large as an earlier one, or as the sequence says, adds nothing.
    """
    sequence = None
    for kind, body in _walk(stream):
        if kind == SEQUENCE_HEADER:
            size, sequence = _read_sequence(_Bits(body))
            yield size
        elif kind in FRAME_HEADERS and sequence is not None:
            own_size = _read_own_size(_Bits(body), sequence)
            if own_size is not None:
                yield own_size


def _walk(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the units of a stream with their types (5.3); the last may be cut off."""
    place = 0
    while place < len(stream):
        head = stream[place]
        place += 2 if head & 4 else 1
        size = len(stream) - place
        if head & 2:
            size, place = _read_length(stream, place)
        yield (head >> 3) & 15, stream[place : place + size]
        place += size


def _read_length(stream: bytes, place: int) -> tuple[int, int]:
    """Read a length of seven bits a byte (4.10.5), and where it ends."""
    value = 0
    for count in range(8):
        byte = stream[place] if place < len(stream) else 0
        place += 1
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            break
    return value, place


def _read_sequence(bits: _Bits) -> tuple[tuple[int, int], Sequence | None]:
    """Return the size that a sequence header says, and what frames need of it; None if they say no size."""
    bits.read(4)  # profile, still picture
    is_reduced, (has_model, presentation_bits) = bool(bits.read(1)), (False, 0)
    if is_reduced:
        bits.read(5)
    else:
        has_model, presentation_bits = _skip_operating_points(bits)
    side_bits = bits.read(4) + 1, bits.read(4) + 1
    size = _read_size(bits, side_bits)
    if is_reduced:
        return size, None
    return size, Sequence(side_bits, has_model, presentation_bits, *_read_tools(bits))


def _read_size(bits: _Bits, side_bits: tuple[int, int]) -> tuple[int, int]:
    """Read columns and rows."""
    columns, rows = side_bits
    return bits.read(columns) + 1, bits.read(rows) + 1


def _skip_operating_points(bits: _Bits) -> tuple[bool, int]:
    """Pass over times and operating points.

    Return whether there is a model of the decoder, and the bits of the time of a frame, 0 if it has none.
    """
    delay_bits = presentation_bits = 0
    if bits.read(1):  # times
        bits.read(64)
        is_even = bits.read(1)
        if is_even:
            bits.skip_variable()
        if bits.read(1):  # a model of the decoder
            delay_bits = bits.read(5) + 1
            bits.read(32 + 5)
            presentation_bits = bits.read(5) + 1
            presentation_bits = 0 if is_even else presentation_bits
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        bits.read(1 if bits.read(5) > 7 else 0)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)
    return bool(delay_bits), presentation_bits


def _read_tools(bits: _Bits) -> tuple[tuple[int, int], int, int, int]:
    """Return the bits of numbers of frames, what chooses tools for screens and motion, and bits of order."""
    id_bits = 0, 0
    if bits.read(1):
        back = bits.read(4) + 2
        id_bits = back + bits.read(3) + 1, back
    bits.read(3 + 4)
    has_order = bits.read(1)
    bits.read(2 if has_order else 0)
    screen_tools = SELECT if bits.read(1) else bits.read(1)
    integer_motion = SELECT if not screen_tools or bits.read(1) else bits.read(1)
    return id_bits, screen_tools, integer_motion, bits.read(3) + 1 if has_order else 0


def _read_own_size(bits: _Bits, sequence: Sequence) -> tuple[int, int] | None:
    """Return the size that a frame says itself (5.9.2, 5.9.5, 5.9.7); None if it says none."""
    if bits.read(1):  # an earlier frame is shown once more
        return None
    kind, is_shown = bits.read(2), bits.read(1)
    bits.read(sequence.presentation_bits if is_shown else 1)
    is_first = kind == KEY_FRAME and bool(is_shown)
    is_safe = kind == SWITCH_FRAME or is_first or bool(bits.read(1))
    bits.read(1)
    has_screen_tools = bits.read(1) if sequence.screen_tools == SELECT else sequence.screen_tools
    bits.read(1 if has_screen_tools and sequence.integer_motion == SELECT else 0)
    bits.read(sequence.id_bits[0])
    if kind != SWITCH_FRAME and not bits.read(1):
        return None
    is_whole = kind in (KEY_FRAME, INTRA_FRAME)
    bits.read(sequence.order_bits)
    bits.read(0 if is_whole or is_safe else 3)
    if sequence.has_model and bits.read(1):  # times, of which each layer may have its own
        columns, rows = sequence.side_bits
        return 1 << columns, 1 << rows
    is_all = kind == SWITCH_FRAME or is_first or bits.read(KEPT) == (1 << KEPT) - 1
    if is_safe and not (is_whole and is_all):
        bits.read(KEPT * sequence.order_bits)
    if not is_whole and _takes_size(bits, sequence, is_safe):
        return None
    return _read_size(bits, sequence.side_bits)


def _takes_size(bits: _Bits, sequence: Sequence, is_safe: bool) -> bool:
    """Pass over what a frame refers to; True if it takes the size of one of these."""
    is_short = bool(sequence.order_bits and bits.read(1))
    bits.read(6 if is_short else 0)
    for _ in range(REFERENCES):
        bits.read(0 if is_short else 3)
        bits.read(sequence.id_bits[1])
    return not is_safe and any(bits.read(1) for _ in range(REFERENCES))
