"""How large the frames of an AV1 stream are, by its own headers (AV1 specification, 5.5 and 5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6
"""Types of units (6.2.2)."""

SELECT = 2
"""What stands for a tool that each frame chooses by itself."""

KEY_FRAME, SWITCH_FRAME = 0, 3


class Sequence(NamedTuple):
    """What a sequence header says, as far as sizes of frames need it.

    Attributes:
        size: Most columns and rows of a frame.
        widest: Columns and rows that a frame may still say itself.
        is_reduced: Whether its one frame says no size.
        presentation_bits: Bits of the time of a frame; 0 where frames have none.
        id_bits: Bits of the number of a frame; 0 where frames have none.
        screen_tools: 0, 1 or `SELECT`.
        integer_motion: 0, 1 or `SELECT`.
    """

    size: tuple[int, int]
    widest: tuple[int, int]
    is_reduced: bool
    presentation_bits: int
    id_bits: int
    screen_tools: int
    integer_motion: int


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
    """Yield columns and rows of what a stream may have decoded, at most, for each of its headers."""
    sequence = None
    for kind, body in _walk(stream):
        if kind == SEQUENCE_HEADER:
            sequence = _read_sequence(_Bits(body))
            yield sequence.size
        elif kind in (FRAME_HEADER, FRAME) and sequence is not None and _has_own_size(_Bits(body), sequence):
            yield sequence.widest


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


def _read_sequence(bits: _Bits) -> Sequence:
    bits.read(4)  # profile, still picture
    is_reduced = bool(bits.read(1))
    presentation_bits = 0
    if is_reduced:
        bits.read(5)
    else:
        presentation_bits = _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    size = bits.read(width_bits) + 1, bits.read(height_bits) + 1
    id_bits, screen_tools, integer_motion = (0, SELECT, SELECT) if is_reduced else _read_tools(bits)
    widest = 1 << width_bits, 1 << height_bits
    return Sequence(size, widest, is_reduced, presentation_bits, id_bits, screen_tools, integer_motion)


def _skip_operating_points(bits: _Bits) -> int:
    """Pass over times and operating points; return the bits of the time of a frame, 0 if it has none."""
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
    return presentation_bits


def _read_tools(bits: _Bits) -> tuple[int, int, int]:
    """Return the bits of the number of a frame, and whether frames choose tools for screens, and motion."""
    id_bits = 0
    if bits.read(1):
        id_bits = bits.read(4) + 2
        id_bits += bits.read(3) + 1
    bits.read(3 + 4)
    if bits.read(1):  # order hints
        bits.read(2)
    screen_tools = SELECT if bits.read(1) else bits.read(1)
    integer_motion = SELECT if not screen_tools or bits.read(1) else bits.read(1)
    return id_bits, screen_tools, integer_motion


def _has_own_size(bits: _Bits, sequence: Sequence) -> bool:
    """True if a frame may say its size itself (5.9.2, up to `frame_size_override_flag`)."""
    if sequence.is_reduced or bits.read(1):  # or an earlier frame is shown once more
        return False
    kind, is_shown = bits.read(2), bits.read(1)
    bits.read(sequence.presentation_bits if is_shown else 1)
    is_safe = kind == SWITCH_FRAME or (kind == KEY_FRAME and is_shown)
    bits.read(0 if is_safe else 1)
    bits.read(1)
    has_screen_tools = bits.read(1) if sequence.screen_tools == SELECT else sequence.screen_tools
    bits.read(1 if has_screen_tools and sequence.integer_motion == SELECT else 0)
    bits.read(sequence.id_bits)
    return kind == SWITCH_FRAME or bool(bits.read(1))
