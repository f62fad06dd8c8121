"""What the pictures in an AVIF say of their size, wherever they lie, and containers that count them often."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.av1_header import find_frame_sizes
from augcli.io.images.avif_pictures import find_picture_sizes
from tests.hostile import make_lying_avif, save


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, version: int, *content: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24), *content)


def make_meta(entries: bytes, version: int = 0, count: int = 1, sizes: int = 0x4400, *more: bytes) -> bytes:
    """Make a `meta` box of `count` AV1 items, numbered from 1, and the entries that locate them."""
    infos = [
        full_box(b"infe", 2, struct.pack(">HH", item, 0), b"av01", b"\0") for item in range(1, count + 1)
    ]
    located = full_box(b"iloc", version, struct.pack(">HH", sizes, count), entries)
    return full_box(b"meta", 0, full_box(b"iinf", 0, struct.pack(">H", count), *infos), located, *more)


def pack(bits: str) -> bytes:
    """Make bytes of bits, filled up with zeros."""
    bits = bits.replace(" ", "")
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def unit(kind: int, body: bytes) -> bytes:
    """Make a unit of a stream: its type, and its length of one byte."""
    return bytes([kind << 3 | 2, len(body)]) + body


# Profile 0, a still picture, reduced, level 0; sides of 7 and 6 bits: 100 columns and 60 rows.
REDUCED = unit(1, pack("000 1 1 00000 0110 0101 1100011 111011"))

# Not reduced, no times, no delay, one operating point of level 9 and tier 0; the same sides; no numbers of
# frames; four tools, no order hints; tools for screens and motion as each frame says.
PLAIN = "000 0 0 0 0 00000 000000000000 01001 0 0110 0101 1100011 111011 0 000 0000 0 1 1"

# A shown key frame: its tables adapt, no tools for screens; then whether it says its size.
KEY_FRAME = "0 00 1 0 0"


def test_a_reduced_header_says_the_size():
    assert list(find_frame_sizes(REDUCED)) == [(100, 60)]


def test_a_unit_without_a_length_ends_with_the_stream():
    assert list(find_frame_sizes(bytes([18, 0, 1 << 3]) + REDUCED[2:])) == [(100, 60)]


def test_a_unit_of_a_layer_has_one_byte_more():
    assert list(find_frame_sizes(bytes([1 << 3 | 6, 0]) + REDUCED[1:])) == [(100, 60)]


OWN_SIZE = "0101000 010011"  # 41 columns and 20 rows, in the bits of these sides


@pytest.mark.parametrize(("says", "sizes"), [("0", [(100, 60)]), ("1" + OWN_SIZE, [(100, 60), (41, 20)])])
@pytest.mark.parametrize("kind", [3, 6, 7])
def test_a_frame_may_say_its_size(kind, says, sizes):
    stream = unit(1, pack(PLAIN)) + unit(kind, pack(KEY_FRAME + says))
    assert list(find_frame_sizes(stream)) == sizes


# Frames of `PLAIN` that say their size: what comes before the size by kind of frame.
KINDS_OF_FRAMES = {
    # Not shown, may not be shown later, safe, no tools; keeps all of eight places.
    "key, all": "0 00 0 0 1 0 0 1 11111111",
    # A whole frame that is not a key, shown, not safe.
    "whole": "0 10 1 0 0 0 1 00000001",
    # Refers to others, shown, safe: seven references, none asked for its size.
    "safe": "0 01 1 1 0 0 1 00000001" + 7 * "000",
    # Not safe: three bits of tables, and seven references asked in vain.
    "refers": "0 01 1 0 0 0 1 000 00000001" + 7 * "000" + 7 * "0",
    # Switches to another size: it says so always, is safe, and keeps all.
    "switch": "0 11 1 0 0" + 7 * "000",
}


@pytest.mark.parametrize("frame", KINDS_OF_FRAMES.values(), ids=KINDS_OF_FRAMES)
def test_each_kind_of_frame_may_say_its_size(frame):
    stream = unit(1, pack(PLAIN)) + unit(6, pack(frame + OWN_SIZE))
    assert list(find_frame_sizes(stream)) == [(100, 60), (41, 20)]


# Ticks that are not even, a model of the decoder with delays of 4 bits and times of 6, two operating points;
# numbers of 4 + 2 bits, references that say how far back in 4; tools; orders of 3 bits.
TIMED = (
    f"010 0 0 1 {64 * '0'} 0 1 00011 {32 * '0'} 00100 00101"
    + "1 00001"
    + 2 * ("000000000000 00101 1" + "0101 0101 1" + "1 0011")
    + "0110 0101 1100011 111011 1 0010 001 000 1111 1 11 0 1 0 1 010"
)

# A shown frame that refers to others: its time, not safe, tables, number.
TIMED_FRAME = "0 01 1 110011 0 0 101010"


@pytest.mark.parametrize(
    ("says", "sizes"),
    [
        ("0", []),
        # Order, tables, no times to let go, places kept; each reference with how far back it is.
        ("1 101 010 0 11110000 0" + 7 * "011 1010" + 7 * "0" + OWN_SIZE, [(41, 20)]),
        # References are told by two of them: three bits each.
        ("1 101 010 0 11110000 1 010 011" + 7 * "1010" + 7 * "0" + OWN_SIZE, [(41, 20)]),
        # The third reference has its size.
        ("1 101 010 0 11110000 0" + 7 * "011 1010" + "001", []),
        # Times to let go of it: what stands behind these is not looked for.
        ("1 101 010 1", [(128, 64)]),
    ],
)
def test_times_models_numbers_and_orders_are_passed_over(says, sizes):
    stream = unit(1, pack(TIMED)) + unit(3, pack(TIMED_FRAME + says))
    assert list(find_frame_sizes(stream)) == [(100, 60), *sizes]


@pytest.mark.parametrize(
    "frame",
    [
        # Whole, shown with its time, safe, tables, number, its size, order, no times; places, orders.
        "0 10 1 110011 1 0 101010 1 101 0 00000001" + 8 * "110",
        # A key that is not shown: it is kept in all places, so that none holds an earlier frame.
        "0 00 0 0 1 0 101010 1 101 0 11111111",
    ],
)
def test_a_safe_frame_says_the_orders_of_frames_that_are_kept(frame):
    frame += OWN_SIZE
    assert list(find_frame_sizes(unit(1, pack(TIMED)) + unit(3, pack(frame)))) == [(100, 60), (41, 20)]


@pytest.mark.parametrize("level", ["00111", "01000 0"], ids=["7", "8"])
def test_from_level_8_on_a_tier_stands_behind_the_level(level):
    stream = unit(1, pack(PLAIN.replace("01001 0", level))) + unit(3, pack(KEY_FRAME + "1" + OWN_SIZE))
    assert list(find_frame_sizes(stream)) == [(100, 60), (41, 20)]


def test_frames_have_no_time_where_pictures_are_even():
    ticks = 64 * "0"  # and how many of them each picture takes, as a number of variable length
    sequence = TIMED.replace(f"{ticks} 0", f"{ticks} 1 00110", 1)
    frame = "0 10 1 1 0 101010 1 101 0 00000001" + 8 * "110" + OWN_SIZE
    assert list(find_frame_sizes(unit(1, pack(sequence)) + unit(3, pack(frame)))) == [(100, 60), (41, 20)]


def test_an_earlier_frame_that_is_shown_again_says_no_size():
    assert list(find_frame_sizes(unit(1, pack(PLAIN)) + unit(3, b"\xff"))) == [(100, 60)]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (65, 30), (300, 4100)])
def test_pictures_of_pillow_are_as_large_as_their_image(mode, size):
    assert set(find_picture_sizes(save(Image.new(mode, size), "AVIF", speed=10))) == {size}


def test_of_an_animation_the_first_of_each_track_counts():
    frames = [Image.new("RGBA", (65, 30), colour) for colour in ("red", "teal", "navy")]
    data = save(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10)
    # The image with its opacity, and two tracks.
    assert find_picture_sizes(data) == {(65, 30): 4}
    assert find_picture_sizes(data.replace(b"meta", b"free")) == {(65, 30): 2}


def test_a_picture_may_lie_in_pieces():
    cut = len(REDUCED) // 2
    head = make_meta(struct.pack(">HHH", 1, 0, 2) + bytes(16))
    pieces = struct.pack(">4I", len(head), cut, len(head) + cut + 3, len(REDUCED) - cut)
    head = make_meta(struct.pack(">HHH", 1, 0, 2) + pieces)
    assert find_picture_sizes(head + REDUCED[:cut] + b"xxx" + REDUCED[cut:]) == {(100, 60): 1}


def test_items_may_have_numbers_of_four_bytes():
    info = full_box(b"infe", 3, struct.pack(">IH", 70_000, 0), b"av01", b"\0")
    place = struct.pack(">HIIHHHII", 0x4400, 1, 70_000, 0, 0, 1, 8, len(REDUCED))
    inside = full_box(b"iinf", 1, struct.pack(">I", 1), info), full_box(b"iloc", 2, place)
    assert find_picture_sizes(box(b"free", REDUCED) + full_box(b"meta", 0, *inside)) == {(100, 60): 1}


@pytest.mark.parametrize(("kind", "form"), [(b"stco", ">II"), (b"co64", ">IQ")])
@pytest.mark.parametrize(
    "sizes", [(0, 1, len(REDUCED)), (len(REDUCED), 1)], ids=["each its own", "all alike"]
)
def test_a_track_says_where_its_first_picture_lies_and_how_long_it_is(kind, form, sizes):
    table = (
        full_box(kind, 0, struct.pack(form, 1, 8)),
        full_box(b"stsz", 0, struct.pack(f">{len(sizes)}I", *sizes)),
    )
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", *table))))
    assert find_picture_sizes(box(b"free", REDUCED, bytes(9)) + box(b"moov", track)) == {(100, 60): 1}


def test_a_picture_may_lie_beside_its_description():
    entry = struct.pack(">HHHHII", 1, 1, 0, 1, 2, len(REDUCED))
    assert find_picture_sizes(make_meta(entry, 1, 1, 0x4400, box(b"idat", b"xx", REDUCED))) == {(100, 60): 1}


def test_a_box_may_have_a_long_length_or_end_with_the_file():
    meta = make_meta(struct.pack(">HHHII", 1, 0, 1, 0, len(REDUCED)))
    for first in (struct.pack(">I4sQ", 1, b"free", 16), b""):
        last = bytes(4) + meta[4:]
        at = len(first) + len(meta) - 8
        entry = struct.pack(">HHHII", 1, 0, 1, at + 8, len(REDUCED))
        last = bytes(4) + make_meta(entry)[4:]
        assert find_picture_sizes(first + last + REDUCED) == {(100, 60): 1}


def test_the_box_of_descriptions_may_have_a_long_length():
    entry = struct.pack(">HHHII", 1, 0, 1, 8, len(REDUCED))
    meta = make_meta(entry)
    long = struct.pack(">I4sQ", 1, b"meta", len(meta) + 8) + meta[8:]
    assert find_picture_sizes(box(b"free", REDUCED) + long) == {(100, 60): 1}


@pytest.mark.parametrize(
    "meta",
    [
        make_meta(struct.pack(">HHH", 1, 0, 300) + 300 * struct.pack(">II", 0, 200)),
        make_meta(b"".join(struct.pack(">HHHII", item, 0, 1, item, 900) for item in range(1, 51)), 0, 50),
    ],
    ids=["pieces", "pictures"],
)
def test_many_pictures_in_the_same_bytes_are_refused(meta):
    with pytest.raises(ValueError, match="take more bytes than its file"):
        find_picture_sizes(meta)


def test_parts_of_a_grid_that_are_alike_may_lie_in_the_same_bytes():
    stream = REDUCED + unit(5, bytes(120)) * 30
    head = make_meta(bytes(14 * 16), 0, 16)
    entries = (struct.pack(">HHHII", item, 0, 1, len(head), len(stream)) for item in range(1, 17))
    assert find_picture_sizes(make_meta(b"".join(entries), 0, 16) + stream) == {(100, 60): 16}


def test_pictures_in_very_many_pieces_are_refused(monkeypatch):
    monkeypatch.setattr("augcli.io.images.avif_pictures.MOST_PIECES", 5)
    # Two items of three pieces each; the second is a picture only where there are two.
    entries = b"".join(struct.pack(">HHH", item, 0, 3) + bytes(24) for item in (1, 2))
    with pytest.raises(ValueError, match="lie in more than 5 pieces"):
        find_picture_sizes(make_meta(entries, 0, 2))
    located = full_box(b"iloc", 0, struct.pack(">HH", 0x4400, 2), entries)
    info = full_box(b"infe", 2, struct.pack(">HH", 1, 0), b"av01", b"\0")
    meta = full_box(b"meta", 0, full_box(b"iinf", 0, struct.pack(">H", 1), info), located)
    assert not find_picture_sizes(meta)


def test_what_stands_behind_an_item_that_is_no_picture_is_found():
    entries = struct.pack(">HHHIIII", 7, 0, 2, 0, 9, 0, 9)
    head = make_meta(bytes(len(entries) + 14), 0, 2)
    entries += struct.pack(">HHHII", 1, 0, 1, len(head), len(REDUCED))
    assert find_picture_sizes(make_meta(entries, 0, 2) + REDUCED) == {(100, 60): 1}


def test_pieces_without_bytes_end():
    entries = b"".join(struct.pack(">HHH", 1, 0, 65535) for _ in range(20_000))
    assert not find_picture_sizes(make_meta(entries, 0, 20_000, 0))


def test_an_avif_whose_picture_is_larger_than_its_container_says_is_refused():
    with pytest.raises(DecodeError, match="too many pixels: 200x200 is over the bound of 39999"):
        codec.read_header(make_lying_avif(200), 39_999)
    assert codec.read_header(make_lying_avif(200), 40_000).upright_size == (64, 64)


def test_an_avif_of_more_pictures_than_an_image_has_is_refused(monkeypatch):
    monkeypatch.setattr("augcli.io.images.headers.find_picture_sizes", lambda _: {(10, 10): 5})
    with pytest.raises(DecodeError, match="5 pictures are over 4 times 100"):
        codec.read_header(save(Image.new("RGB", (10, 10)), "AVIF"), 100)


def test_an_avif_of_which_no_picture_is_found_is_refused(monkeypatch):
    monkeypatch.setattr("augcli.io.images.headers.find_picture_sizes", lambda _: {})
    with pytest.raises(DecodeError, match="none of its pictures says how large it is"):
        codec.read_header(save(Image.new("RGB", (10, 10)), "AVIF"), 100)
