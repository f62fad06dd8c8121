"""Codecs: what files say of themselves, what their pixels are, and how they are written again."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import (
    ExifTags,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
)

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.io.images.geometry import Geometry
from augcli.samples import Colour
from tests.hostile import make_scan_bomb

WHITE, BLACK = Colour(255, 255, 255), Colour(0, 0, 0)
MANY = 10**6
"""A bound of pixels that no image here comes near."""

TRANSPOSE = Image.Transpose
STORED_AS = {
    1: None,
    2: TRANSPOSE.FLIP_LEFT_RIGHT,
    3: TRANSPOSE.ROTATE_180,
    4: TRANSPOSE.FLIP_TOP_BOTTOM,
    5: TRANSPOSE.TRANSPOSE,
    6: TRANSPOSE.ROTATE_90,
    7: TRANSPOSE.TRANSVERSE,
    8: TRANSPOSE.ROTATE_270,
}
"""How a camera that writes an orientation stores an upright scene (EXIF 2.3: 6 is shown turned clockwise)."""


def draw(height, width, channels=3, seed=0, block=1):
    """Make noisy pixels; larger blocks survive JPEG better."""
    shape = (-(-height // block), -(-width // block), channels)
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return values.repeat(block, 0).repeat(block, 1)[:height, :width]


def to_image(pixels):
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def save(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def open_image(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def read(data):
    return codec.read_header(data, MANY)


def load(data, geometry=None):
    return codec.decode(data, read(data), geometry)


def exif_of(orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def xmp_of(orientation):
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/>'
        b"</rdf:RDF></x:xmpmeta>" % orientation
    )


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def make_png(width, height, depth, colour_type, rows=b""):
    """Make a PNG by hand, for what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# --- orientation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_all_orientations_of_a_scene_look_alike_when_upright(form, orientation):
    scene = draw(5, 7)
    turn = STORED_AS[orientation]
    stored = to_image(scene) if turn is None else to_image(scene).transpose(turn)
    lossless = {"lossless": True} if form == "WEBP" else {}
    data = save(stored, form, exif=exif_of(orientation), **lossless)
    np.testing.assert_array_equal(load(data), scene)


@pytest.mark.parametrize("orientation", range(9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_pixels_are_turned_as_pillow_turns_them(form, orientation):
    data = save(to_image(draw(16, 24, block=4)), form, exif=exif_of(orientation))
    expected = ImageOps.exif_transpose(open_image(data)).convert("RGB")
    np.testing.assert_array_equal(load(data), np.asarray(expected))


@pytest.mark.parametrize("orientation", range(9))
def test_grey_jpegs_are_turned_too(orientation):
    data = save(to_image(draw(16, 24, 1, block=4)), "JPEG", exif=exif_of(orientation))
    np.testing.assert_array_equal(load(data)[..., 0], np.asarray(ImageOps.exif_transpose(open_image(data))))


@pytest.mark.parametrize("has_xmp", [False, True])
@pytest.mark.parametrize("orientation", range(9))
def test_a_tiff_is_turned_once(orientation, has_xmp):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ExifTags.Base.Orientation] = orientation
    if has_xmp:  # as Photoshop writes it
        tags[700] = xmp_of(orientation)
    data = save(to_image(draw(5, 7)), "TIFF", tiffinfo=tags)
    expected = ImageOps.exif_transpose(open_image(data))
    np.testing.assert_array_equal(load(data), np.asarray(expected))


@pytest.mark.parametrize("orientation", range(9))
def test_upright_size_is_the_size_of_the_turned_image(orientation):
    data = save(to_image(draw(5, 7)), "JPEG", exif=exif_of(orientation))
    assert read(data).upright_size == ((7, 5) if orientation >= 5 else (5, 7))


@pytest.mark.parametrize("value", [0, 9, 255])
def test_an_orientation_that_does_not_exist_counts_as_none(value):
    assert read(save(to_image(draw(5, 7)), "JPEG", exif=exif_of(value))).orientation == 1


def test_an_orientation_in_xmp_alone_counts():
    data = save(to_image(draw(16, 24, block=4)), "JPEG", xmp=xmp_of(6))
    assert ImageOps.exif_transpose(open_image(data)).size == (16, 24)
    assert load(data).shape == (24, 16, 3)


def test_an_orientation_behind_the_pixels_of_a_png_counts():
    whole = save(to_image(draw(5, 7)), "PNG")
    end = len(png_chunk(b"IEND", b""))
    tag = png_chunk(b"eXIf", exif_of(6).tobytes().removeprefix(b"Exif\0\0"))
    data = whole[:-end] + tag + whole[-end:]
    assert ImageOps.exif_transpose(open_image(data)).size == (5, 7)
    assert load(data).shape == (7, 5, 3)


def test_a_damaged_exif_block_does_not_fail_the_image():
    pixels = draw(5, 7)
    data = save(to_image(pixels), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    assert read(data).orientation == 1
    np.testing.assert_array_equal(load(data), pixels)


@pytest.mark.parametrize("form", ["jpg", "png"])
def test_written_images_carry_no_orientation(form):
    pixels = load(save(to_image(draw(5, 7)), "JPEG", exif=exif_of(6)))
    assert not open_image(codec.encode(pixels, form, 90, "444", WHITE)).getexif()


# --- JPEG ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("name", ["dress", "hat", "shoes", "t-shirt"])
def test_photos_decode_to_pillows_pixels(photos, name, number):
    data = (photos / name / f"{name}_{number:02d}.jpg").read_bytes()
    np.testing.assert_array_equal(load(data), np.asarray(open_image(data).convert("RGB")))


@pytest.mark.parametrize("size", [(1, 1), (1, 17), (16, 16), (19, 33)])
@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
def test_every_subsampling_decodes_to_pillows_pixels(subsampling, size):
    data = simplejpeg.encode_jpeg(draw(*size), quality=80, colorsubsampling=subsampling)
    np.testing.assert_array_equal(load(data), np.asarray(open_image(data)))


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"keep_rgb": True}, {"restart_marker_blocks": 1}, {"optimize": True}],
    ids=lambda options: next(iter(options)),
)
def test_every_kind_of_jpeg_decodes_to_pillows_pixels(options):
    data = save(to_image(draw(19, 33, block=3)), "JPEG", **options)
    np.testing.assert_array_equal(load(data), np.asarray(open_image(data)))


def test_a_grey_jpeg_has_one_channel():
    data = save(to_image(draw(19, 33, 1)), "JPEG")
    np.testing.assert_array_equal(load(data)[..., 0], np.asarray(open_image(data)))


def test_a_cmyk_jpeg_becomes_rgb_as_by_pillow():
    data = save(to_image(draw(19, 33, block=3)).convert("CMYK"), "JPEG", quality=90)
    pixels = load(data)
    assert pixels.shape == (19, 33, 3)
    np.testing.assert_array_equal(pixels, np.asarray(open_image(data).convert("RGB")))


@pytest.mark.parametrize("options", [{}, {"exif": exif_of(1)}], ids=["bare", "exif"])
def test_a_phone_jpeg_that_pillow_calls_mpo_is_a_jpeg(options):
    image = to_image(draw(16, 16, block=4))
    data = save(image, "MPO", save_all=True, append_images=[ImageOps.invert(image)], **options)
    first = open_image(data)
    assert (first.format, first.n_frames) == ("MPO", 2)
    header = read(data)
    assert (header.format, header.frames, header.complete) == ("JPEG", False, True)
    np.testing.assert_array_equal(load(data), np.asarray(first))


@pytest.mark.parametrize("quality", range(1, 101))
def test_quality_is_read_from_the_tables(quality):
    assert read(save(to_image(draw(8, 8)), "JPEG", quality=quality)).quality == quality


@pytest.mark.parametrize("quality", [1, 49, 50, 51, 100])
@pytest.mark.parametrize(
    ("channels", "options"),
    [(1, {}), (3, {"exif": exif_of(6)}), (3, {"progressive": True}), (3, {"keep_rgb": True})],
    ids=["grey", "exif", "progressive", "rgb"],
)
def test_quality_of_every_kind_of_jpeg_is_read_from_its_table(channels, options, quality):
    data = save(to_image(draw(8, 8, channels)), "JPEG", quality=quality, **options)
    assert read(data).quality == quality


def test_quality_is_read_from_tables_of_16_bit_steps():
    data = save(to_image(draw(8, 8, 1)), "JPEG", quality=30)
    at = data.index(b"\xff\xdb\x00\x43\x00")
    steps = struct.pack(">64H", *data[at + 5 : at + 69])
    wide = b"\xff\xdb" + struct.pack(">HB", 131, 0x10) + steps
    assert read(data[:at] + wide + data[at + 69 :]).quality == 30


def test_fill_bytes_between_segments_are_passed_over():
    data = save(to_image(draw(8, 8)), "JPEG", quality=30)
    at = data.index(b"\xff\xdb")
    filled = data[:at] + b"\xff\xff" + data[at:]
    assert read(filled).quality == 30
    np.testing.assert_array_equal(load(filled), load(data))


def test_quality_of_foreign_tables_is_the_nearest():
    ones = save(to_image(draw(8, 8)), "JPEG", qtables=[[1] * 64, [1] * 64])
    coarsest = save(to_image(draw(8, 8)), "JPEG", qtables=[[255] * 64, [255] * 64])
    assert (read(ones).quality, read(coarsest).quality) == (100, 1)


def test_a_png_has_no_quality():
    header = read(save(to_image(draw(8, 8)), "PNG"))
    assert (header.quality, header.subsampling) == (None, None)


@pytest.mark.parametrize("quality", [1, 30, 75, 96, 100])
def test_written_jpegs_have_the_tables_of_that_quality(quality):
    pixels = draw(8, 8)
    written = open_image(codec.encode(pixels, "jpg", quality, "444", WHITE))
    assert written.quantization == open_image(save(to_image(pixels), "JPEG", quality=quality)).quantization


@pytest.mark.parametrize(("name", "number"), [("444", 0), ("422", 1), ("420", 2)])
def test_subsampling_is_kept_when_written_again(name, number):
    header = read(save(to_image(draw(16, 16)), "JPEG", subsampling=number))
    assert header.subsampling == name
    written = open_image(codec.encode(draw(16, 16), "jpg", 90, header.subsampling, WHITE))
    assert JpegImagePlugin.get_sampling(written) == number


def test_a_grey_jpeg_is_written_as_grey():
    pixels = draw(9, 5, 1)
    written = open_image(codec.encode(pixels, "jpg", 100, "420", WHITE))
    assert (written.mode, written.size) == ("L", (5, 9))


@pytest.mark.parametrize("size", [(1, 65536), (65536, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_side_that_jpeg_cannot_hold_is_refused(size, channels):
    with pytest.raises(DecodeError, match="cannot be encoded"):
        codec.encode(np.zeros((*size, channels), np.uint8), "jpg", 90, "444", WHITE)


def test_a_side_that_jpeg_cannot_hold_fits_a_png():
    written = codec.encode(np.zeros((1, 65536, 1), np.uint8), "png", 90, "444", WHITE)
    assert open_image(written).size == (65536, 1)


# --- other forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 9)])
def test_16_bit_grey_png_survives_a_round_trip(size):
    values = np.random.default_rng(1).integers(0, 65536, size, dtype=np.uint16)
    pixels = load(save(Image.fromarray(values), "PNG"))
    assert (pixels.dtype, pixels.shape) == (np.uint16, (*size, 1))
    again = open_image(codec.encode(pixels, "png", 95, "420", WHITE))
    np.testing.assert_array_equal(np.asarray(again), values)
    assert again.mode == "I;16"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_8_bit_png_survives_a_round_trip(channels):
    pixels = draw(5, 7, channels)
    np.testing.assert_array_equal(load(codec.encode(pixels, "png", 95, "420", WHITE)), pixels)


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"big_endian": True}],
    ids=["plain", "lzw", "deflate", "big-endian"],
)
def test_16_bit_grey_tiff_keeps_its_values(options):
    values = np.array([[0, 1, 255], [256, 40000, 65535]], np.uint16)
    image = Image.fromarray(values)
    if options.pop("big_endian", False):
        image = Image.frombytes("I;16B", (3, 2), values.astype(">u2").tobytes())
    pixels = load(save(image, "TIFF", **options))
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], values)


@pytest.mark.parametrize(
    ("value", "level"), [(0, 0), (128, 0), (129, 1), (257 * 100, 100), (257 * 100 + 129, 101), (65535, 255)]
)
def test_16_bit_is_narrowed_to_the_nearest_level_for_jpeg(value, level):
    written = codec.encode(np.full((8, 8, 1), value, np.uint16), "jpg", 100, "444", WHITE)
    # A flat block at quality 100 is exact: only its mean is stored, in steps of 1/8.
    np.testing.assert_array_equal(np.asarray(open_image(written)), np.full((8, 8), level, np.uint8))


@pytest.mark.parametrize("value", [-1, 65536])
def test_32_bit_values_beyond_16_bits_are_refused(value):
    data = save(Image.fromarray(np.array([[0, value]], np.int32)), "TIFF")
    with pytest.raises(DecodeError, match="cannot be decoded"):
        load(data)


def test_floating_point_pixels_are_refused():
    with pytest.raises(DecodeError, match="floating-point"):
        load(save(Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF"))


def test_16_bit_colour_gives_the_high_bytes_and_is_marked():
    row = b"\0" + struct.pack(">6H", 0x0102, 0xFFFE, 0x8000, 0x1234, 0x00FF, 0xAB00)
    data = make_png(2, 1, 16, 2, row)
    assert read(data).narrowed == 16
    np.testing.assert_array_equal(load(data), [[[0x01, 0xFF, 0x80], [0x12, 0x00, 0xAB]]])


def make_tiff(channels, photometric):
    """Make a TIFF of one pixel of 16-bit values by hand."""
    bits = struct.pack(f"<{channels}H", *[16] * channels)
    entries = [
        (256, 3, 1, 1), (257, 3, 1, 1), (258, 3, channels, 200), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, 1, 220), (277, 3, 1, channels), (278, 3, 1, 1), (279, 4, 1, 2 * channels),
    ]  # fmt: skip
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", 8) + table + bytes(4)
    return head.ljust(200, b"\0") + bits.ljust(20, b"\0") + struct.pack(f"<{channels}H", *[0x1234] * channels)


@pytest.mark.parametrize(
    "data",
    [
        make_tiff(3, 2),
        make_tiff(4, 5),
        b"P6 1 1 65535\n" + struct.pack(">3H", 0x1234, 0x1234, 0x1234),
        b"P3 1 1 1023\n72 72 72\n",
        make_png(1, 1, 16, 4, b"\0" + struct.pack(">2H", 0x1234, 0xFFFF)),
        make_png(1, 1, 16, 6, b"\0" + struct.pack(">4H", 0x1234, 0x1234, 0x1234, 0xFFFF)),
    ],
    ids=["TIFF", "TIFF CMYK", "PPM", "PPM text", "PNG grey and alpha", "PNG alpha"],
)
def test_16_bit_colour_is_marked_in_every_format(data):
    assert read(data).narrowed == 16
    assert load(data).dtype == np.uint8


@pytest.mark.parametrize(
    "data",
    [
        save(Image.fromarray(np.full((3, 2), 999, np.uint16)), "TIFF"),
        b"P5 1 1 65535\n\x12\x34",
        b"P6 1 1 255\n\x12\x34\x56",
        b"P6 1 1 15\n\x01\x02\x03",
        save(Image.new("RGB", (3, 2)), "TIFF"),
        save(Image.new("1", (3, 2)), "TIFF"),
        save(Image.new("RGB", (16, 16)), "AVIF"),
        save(Image.new("RGB", (3, 2)), "GIF"),
    ],
    ids=["TIFF grey", "PGM", "PPM", "PPM of 4 bits", "TIFF", "TIFF of 1 bit", "AVIF", "GIF"],
)
def test_no_other_format_is_marked_as_narrowed_where_nothing_is_lost(data):
    assert not read(data).narrowed


@pytest.mark.parametrize(("flags", "bits"), [(0x40, 10), (0x60, 12)])
def test_an_avif_says_in_its_configuration_that_it_is_deeper(flags, bits):
    data = bytearray(save(Image.new("RGB", (16, 16)), "AVIF"))
    data[data.index(b"av1C") + 6] |= flags
    data = data.replace(b"pixi\0\0\0\0\3\x08\x08\x08", b"pixi\0\0\0\0\3" + bytes([bits] * 3))
    assert read(bytes(data)).narrowed == bits


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_what_keeps_its_depth_is_not_marked_as_narrowed(mode):
    assert not read(save(Image.new(mode, (3, 2)), "PNG")).narrowed


def make_palette():
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "L").convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2, 0])
    return image


def test_a_palette_without_transparency_becomes_rgb():
    expected = [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [10, 20, 30]]]
    np.testing.assert_array_equal(load(save(make_palette(), "PNG")), expected)


def test_a_palette_with_transparency_becomes_rgba():
    data = save(make_palette(), "PNG", transparency=1)
    expected = [[[10, 20, 30, 255], [40, 50, 60, 0]], [[70, 80, 90, 255], [10, 20, 30, 255]]]
    np.testing.assert_array_equal(load(data), expected)


def test_grey_with_alpha_becomes_rgba():
    image = Image.fromarray(np.array([[[100, 50], [7, 255]]], np.uint8), "LA")
    expected = [[[100, 100, 100, 50], [7, 7, 7, 255]]]
    np.testing.assert_array_equal(load(save(image, "PNG")), expected)


def test_a_transparent_grey_level_becomes_alpha():
    data = save(Image.fromarray(np.array([[5, 6]], np.uint8)), "PNG", transparency=5)
    np.testing.assert_array_equal(load(data), [[[5, 5, 5, 0], [6, 6, 6, 255]]])


def test_a_transparent_colour_becomes_alpha():
    data = save(Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)), "PNG", transparency=(1, 2, 3))
    np.testing.assert_array_equal(load(data), [[[1, 2, 3, 0], [4, 5, 6, 255]]])


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP"])
def test_one_bit_becomes_grey(form):
    image = Image.fromarray(np.array([[0, 255, 255], [255, 0, 0]], np.uint8)).convert("1")
    np.testing.assert_array_equal(load(save(image, form)), [[[0], [255], [255]], [[255], [0], [0]]])


@pytest.mark.parametrize("form", ["BMP", "PPM", "TIFF", "PNG"])
def test_lossless_forms_give_their_exact_pixels(form):
    pixels = draw(5, 7)
    np.testing.assert_array_equal(load(save(to_image(pixels), form)), pixels)


def make_animation(form, **options):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue", "lime")]
    return save(frames[0], form, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize(
    ("form", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_the_first_of_several_frames_is_read(form, options):
    data = make_animation(form, **options)
    assert read(data).frames
    np.testing.assert_array_equal(load(data), np.broadcast_to(np.uint8([255, 0, 0]), (4, 6, 3)))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "JPEG"])
def test_a_single_frame_is_not_marked_as_several(form):
    assert not read(save(to_image(draw(4, 6)), form)).frames


@pytest.mark.parametrize(
    ("form", "options", "channels", "written"),
    [
        ("JPEG", {}, 3, "jpg"),
        ("WEBP", {"quality": 80}, 3, "jpg"),
        ("WEBP", {"quality": 80}, 4, "png"),
        ("WEBP", {"lossless": True}, 3, "png"),
        ("WEBP", {"lossless": True}, 4, "png"),
        ("AVIF", {}, 3, "jpg"),
        ("AVIF", {}, 4, "png"),
        ("PNG", {}, 3, "png"),
        ("PNG", {}, 1, "png"),
        ("BMP", {}, 3, "png"),
        ("GIF", {}, 3, "png"),
        ("TIFF", {}, 3, "png"),
        ("PPM", {}, 3, "png"),
    ],
)
def test_lossy_sources_without_alpha_are_written_as_jpeg_others_as_png(form, options, channels, written):
    pixels = draw(16, 16, channels)
    if channels == 4:
        pixels[0, 0, 3] = 7
    data = save(to_image(pixels), form, **options)
    assert codec.choose_file_format(read(data), load(data).shape[2], "keep") == written


@pytest.mark.parametrize(
    "options",
    [
        {"exif": exif_of(1)},
        {"icc_profile": b"p" * 128},
        {"icc_profile": b"p" * 129},
        {"save_all": True, "append_images": [Image.new("RGB", (16, 16))]},
    ],
    ids=["exif", "profile", "odd profile", "animated"],
)
def test_a_lossless_webp_with_metadata_or_frames_is_written_as_png(options):
    data = save(to_image(draw(16, 16)), "WEBP", lossless=True, **options)
    assert codec.choose_file_format(read(data), 3, "keep") == "png"


def test_a_lossy_webp_with_metadata_is_written_as_jpeg():
    data = save(to_image(draw(16, 16)), "WEBP", quality=80, exif=exif_of(1))
    assert codec.choose_file_format(read(data), 3, "keep") == "jpg"


@pytest.mark.parametrize("wanted", ["jpg", "png"])
@pytest.mark.parametrize(("form", "channels"), [("JPEG", 3), ("PNG", 3), ("PNG", 4), ("GIF", 3)])
def test_the_form_that_is_asked_for_goes_before_the_sources_own(form, channels, wanted):
    header = read(save(to_image(draw(4, 4, channels)), form))
    assert codec.choose_file_format(header, channels, wanted) == wanted


@pytest.mark.parametrize("subsampling", codec.SUBSAMPLINGS)
def test_what_is_kept_of_a_jpeg_is_its_quality_and_subsampling(subsampling):
    header = read(simplejpeg.encode_jpeg(draw(16, 16), quality=71, colorsubsampling=subsampling))
    assert codec.choose_encoding(header, 3, "keep", "keep", "keep") == ("jpg", 71, subsampling)


def test_a_source_without_quality_and_subsampling_gets_the_defaults():
    png = read(save(to_image(draw(4, 4)), "PNG"))
    assert codec.choose_encoding(png, 3, "jpg", "keep", "keep") == ("jpg", 95, "420")
    grey = read(save(to_image(draw(4, 4, 1)), "JPEG", quality=60))  # which has no chroma
    assert codec.choose_encoding(grey, 3, "keep", "keep", "keep") == ("jpg", 60, "420")


@pytest.mark.parametrize("quality", [50, "50"])
def test_quality_and_subsampling_that_are_asked_for_go_before_the_sources_own(quality):
    header = read(simplejpeg.encode_jpeg(draw(16, 16), quality=71, colorsubsampling="420"))
    assert codec.choose_encoding(header, 3, "keep", quality, "444") == ("jpg", 50, "444")


@pytest.mark.parametrize(
    ("background", "expected"),
    [
        # (200·128 + 255·127) / 255 = 227.4, (100·128 + 255·127) / 255 = 177.2, 255·127 / 255 = 127
        (WHITE, [227, 177, 127]),
        # 200·128 / 255 = 100.4, 100·128 / 255 = 50.2, 0
        (BLACK, [100, 50, 0]),
        # (25600 + 10·127) / 255 = 105.4, (12800 + 20·127) / 255 = 60.2, 30·127 / 255 = 14.9
        (Colour(10, 20, 30), [105, 60, 15]),
    ],
)
def test_alpha_is_flattened_on_the_background(background, expected):
    pixels = np.array([[[200, 100, 0, 128]]], np.uint8)
    np.testing.assert_array_equal(codec.flatten(pixels, background), [[expected]])


def test_alpha_is_flattened_to_an_image_with_alpha_that_is_opaque():
    pixels = np.array([[[200, 100, 0, 128]]], np.uint8)
    np.testing.assert_array_equal(codec.flatten(pixels, WHITE, 4), [[[227, 177, 127, 255]]])


@pytest.mark.parametrize(("alpha", "expected"), [(0, [10, 20, 30]), (255, [200, 100, 0])])
def test_full_and_no_alpha_give_the_colours_themselves(alpha, expected):
    pixels = np.array([[[200, 100, 0, alpha]]], np.uint8)
    np.testing.assert_array_equal(codec.flatten(pixels, Colour(10, 20, 30)), [[expected]])


@pytest.mark.parametrize(("background", "level"), [(WHITE, 255), (BLACK, 0), (Colour(90, 90, 90), 90)])
def test_what_is_transparent_shows_the_background_in_a_jpeg(background, level):
    written = codec.encode(np.zeros((8, 8, 4), np.uint8), "jpg", 100, "444", background)
    np.testing.assert_array_equal(np.asarray(open_image(written)), np.full((8, 8, 3), level, np.uint8))


# --- byte copies ---------------------------------------------------------------------------------------


def is_copyable(data, image_format="keep", geometry=None):
    return codec.find_copy_obstacle(read(data), image_format, geometry) is None


def make_size(height, width, fit="crop", background=WHITE):
    return Geometry(height, width, fit, background)


@pytest.mark.parametrize(("form", "name"), [("JPEG", "jpg"), ("PNG", "png")])
@pytest.mark.parametrize("asked", ["keep", "same"])
def test_a_whole_upright_file_of_the_wanted_form_is_copied(form, name, asked):
    data = save(to_image(draw(8, 8)), form)
    assert is_copyable(data, name if asked == "same" else asked)


@pytest.mark.parametrize(("form", "wanted"), [("JPEG", "png"), ("PNG", "jpg")])
def test_a_file_of_another_form_is_not_copied(form, wanted):
    assert not is_copyable(save(to_image(draw(8, 8)), form), wanted)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF"])
def test_a_form_that_is_never_written_is_not_copied(form):
    assert not is_copyable(save(to_image(draw(8, 8)), form))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_file_is_not_copied(form, orientation):
    assert not is_copyable(save(to_image(draw(8, 8)), form, exif=exif_of(orientation)))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_file_that_says_it_is_upright_is_copied(form):
    assert is_copyable(save(to_image(draw(8, 8)), form, exif=exif_of(1)))


def test_a_jpeg_without_its_end_marker_is_not_copied():
    data = save(to_image(draw(8, 8)), "JPEG")
    assert data.endswith(b"\xff\xd9")
    assert not is_copyable(data[:-2])


def test_a_jpeg_with_something_behind_its_end_is_not_copied():
    assert not is_copyable(save(to_image(draw(8, 8)), "JPEG") + b"more")


def test_a_jpeg_padded_with_zeros_is_copied():
    assert is_copyable(save(to_image(draw(8, 8)), "JPEG") + b"\0\0\0")


@pytest.mark.parametrize("cut", [4, 8, 12])
def test_a_png_without_a_whole_end_chunk_is_not_copied(cut):
    assert not is_copyable(save(to_image(draw(8, 8)), "PNG")[:-cut])


@pytest.mark.parametrize("default_image", [False, True])
def test_an_animated_png_is_not_copied(default_image):
    assert not is_copyable(make_animation("PNG", default_image=default_image))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize(("size", "expected"), [((8, 12), True), ((12, 8), False), ((8, 8), False)])
def test_with_a_size_only_a_file_of_that_size_is_copied(form, size, expected):
    assert is_copyable(save(to_image(draw(8, 12)), form), "keep", make_size(*size)) is expected


def test_it_is_said_why_a_file_cannot_be_copied():
    image = to_image(draw(8, 8))

    def obstacle(data, geometry=None):
        return codec.find_copy_obstacle(read(data), "keep", geometry)

    assert obstacle(save(image, "JPEG", exif=exif_of(6))) == "orientation"
    assert obstacle(save(image, "BMP")) == "format"
    assert obstacle(save(image, "PNG"), make_size(4, 4)) == "size"
    assert obstacle(make_animation("PNG", default_image=False)) == "frames"
    assert obstacle(save(image, "JPEG")[:-2]) == "no end marker"
    assert obstacle(save(image, "PNG")) is None


# --- damage --------------------------------------------------------------------------------------------


def test_an_empty_file_is_refused():
    with pytest.raises(DecodeError) as caught:
        read(b"")
    assert caught.value.reason == "empty file"


@pytest.mark.parametrize("data", [b"hello, I am a text", b"\0" * 64, b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(DecodeError) as caught:
        read(data)
    assert caught.value.reason == "not an image"


def test_a_header_that_claims_too_many_pixels_is_refused():
    with codec.own_pixel_bound(), pytest.raises(DecodeError) as caught:
        codec.read_header(make_png(60000, 60000, 8, 2), 178_956_970)
    assert caught.value.reason == "too many pixels"
    assert caught.value.detail == "60000x60000 is over the bound of 178956970 (max-pixels)"


def test_a_jpeg_header_that_claims_too_many_pixels_is_refused():
    data = save(to_image(draw(8, 8)), "JPEG")
    frame = data.index(b"\xff\xc0")
    data = data[: frame + 5] + struct.pack(">HH", 65500, 65500) + data[frame + 9 :]
    with codec.own_pixel_bound(), pytest.raises(DecodeError, match="too many pixels"):
        codec.read_header(data, 178_956_970)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_the_bound_on_pixels_is_inclusive(form):
    data = save(to_image(draw(8, 10)), form)
    assert codec.read_header(data, 80).height == 8
    with pytest.raises(DecodeError, match="too many pixels"):
        codec.read_header(data, 79)


def test_a_bound_above_pillows_own_is_obeyed():
    data = make_png(20000, 10000, 1, 0)  # 200 million pixels: Pillow alone refuses more than 179 million
    with codec.own_pixel_bound():
        assert codec.read_header(data, 200_000_000).width == 20000


def test_pillows_bound_is_lifted_inside_and_restored_after_an_error():
    before, inside = Image.MAX_IMAGE_PIXELS, []

    def fail():
        with codec.own_pixel_bound():
            inside.append(Image.MAX_IMAGE_PIXELS)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [None]
    assert before is not None
    assert before == Image.MAX_IMAGE_PIXELS


def test_pillows_bound_stays_lifted_until_the_last_of_several_threads_is_done():
    before, first, second = Image.MAX_IMAGE_PIXELS, codec.own_pixel_bound(), codec.own_pixel_bound()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert Image.MAX_IMAGE_PIXELS is None
    second.__exit__(None, None, None)
    assert before == Image.MAX_IMAGE_PIXELS


WHOLE = {
    form: save(to_image(draw(32, 32)), form) for form in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM")
}


@pytest.mark.parametrize("form", WHOLE)
def test_a_file_cut_in_half_is_refused(form):
    data = WHOLE[form]
    with pytest.raises(DecodeError):
        load(data[: len(data) // 2])


@pytest.mark.parametrize("offset", [4, 5, 12, 40])
def test_a_corrupted_png_stream_is_refused(offset):
    at = WHOLE["PNG"].index(b"IDAT") + offset
    data = WHOLE["PNG"][:at] + bytes([WHOLE["PNG"][at] ^ 0xFF]) + WHOLE["PNG"][at + 1 :]
    with pytest.raises(DecodeError, match="cannot be decoded"):
        load(data)


LONG = zlib.compress(b"\0" * (2 * PngImagePlugin.MAX_TEXT_CHUNK))
REFUSED = {
    "zTXt": png_chunk(b"zTXt", b"comment\0\0" + LONG),
    "iTXt": png_chunk(b"iTXt", b"comment\0\1\0en\0comment\0" + LONG),
    "iCCP": png_chunk(b"iCCP", b"profile\0\0" + LONG),
    "unknown method": png_chunk(b"zTXt", b"comment\0\7" + LONG),
    "many": png_chunk(b"tEXt", b"comment\0" + b"x" * PngImagePlugin.MAX_TEXT_CHUNK) * 65,
}
"""Chunks for which Pillow refuses a PNG that libpng reads."""


def insert(data, chunk, place):
    """Put a chunk before the pixels of a PNG or behind them."""
    at = 33 if place == "before" else len(data) - 12
    return data[:at] + chunk + data[at:]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize("chunk", REFUSED)
def test_a_png_is_read_without_the_texts_that_pillow_refuses(chunk, place):
    data = insert(WHOLE["PNG"], REFUSED[chunk], place)
    if place == "before" or chunk != "unknown method":  # behind the pixels Pillow leaves it out
        with pytest.raises((ValueError, UnidentifiedImageError)):
            open_image(data)
    np.testing.assert_array_equal(load(data), load(WHOLE["PNG"]))
    # It would be refused where it is read next: the file itself is no output.
    assert codec.find_copy_obstacle(read(data), "keep", None) == "metadata"


@pytest.mark.parametrize("kind", [b"tEXt", b"pHYs", b"iCCP", b"tRNS", b"eXIf"])
def test_a_png_with_a_broken_checksum_beside_its_pixels_is_read(kind):
    broken = png_chunk(kind, b"a\0\0" + b"x" * 6)[:-1] + b"?"
    data = insert(WHOLE["PNG"], broken, "before")
    with pytest.raises(UnidentifiedImageError):
        open_image(data)
    np.testing.assert_array_equal(load(data), load(WHOLE["PNG"]))


@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_png_that_is_read_without_its_texts_is_turned_all_the_same(place):
    turned = save(to_image(draw(5, 7)), "PNG", exif=exif_of(6))
    assert load(insert(turned, REFUSED["zTXt"], place)).shape == (7, 5, 3)
    hexed = exif_of(6).tobytes().hex().encode()
    text = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n%s\n" % (len(hexed) // 2, hexed))
    plain = insert(save(to_image(draw(5, 7)), "PNG"), png_chunk(b"zTXt", text), "before")
    assert load(plain).shape == (7, 5, 3)
    assert load(insert(plain, REFUSED["zTXt"], place)).shape == (7, 5, 3)


def test_a_text_about_the_orientation_that_pillow_refuses_is_left_out_too():
    xmp = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG)
    np.testing.assert_array_equal(load(insert(WHOLE["PNG"], xmp, "before")), load(WHOLE["PNG"]))


def test_texts_that_pillow_takes_are_no_obstacle():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Software", "x" * 5000)
    texts.add_text("Comment", "y" * 5000, zip=True)
    texts.add_itxt("Title", "z" * 5000, zip=True)
    header = read(save(to_image(draw(5, 7)), "PNG", pnginfo=texts, icc_profile=b"p" * 5000))
    assert not header.has_refused_metadata
    assert codec.find_copy_obstacle(header, "keep", None) is None


def test_a_png_whose_pixels_are_broken_stays_refused():
    at = WHOLE["PNG"].index(b"IDAT") + 12
    data = insert(WHOLE["PNG"][:at] + b"????" + WHOLE["PNG"][at + 4 :], REFUSED["zTXt"], "before")
    with pytest.raises(DecodeError, match="cannot be decoded"):
        load(data)


@pytest.mark.parametrize("percent", range(10, 100, 10))
def test_of_a_corrupted_jpeg_pillow_decides_whether_it_can_be_used(percent):
    at = len(WHOLE["JPEG"]) * percent // 100
    data = WHOLE["JPEG"][:at] + b"\xff\xff\x00\x12" + WHOLE["JPEG"][at + 4 :]
    try:
        expected = np.asarray(open_image(data).convert("RGB"))
    except Exception:  # noqa: BLE001 - Pillow's verdict is what is compared
        with pytest.raises(DecodeError):
            load(data)
    else:
        np.testing.assert_array_equal(load(data), expected)


def test_a_jpeg_cut_anywhere_before_its_last_byte_is_refused():
    whole = save(to_image(draw(8, 8)), "JPEG")
    for length in range(1, len(whole) - 1):
        with pytest.raises(DecodeError):
            load(whole[:length])


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    decoded = []
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: decoded.append(self.size))
    data = make_png(60000, 60000, 8, 2)
    tagged = data[:-12] + png_chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0\0\0\0\0") + data[-12:]
    with codec.own_pixel_bound(), pytest.raises(DecodeError, match="too many pixels"):
        codec.read_header(tagged, 178_956_970)
    assert decoded == []


KINDS = [OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, OverflowError]
KINDS += [struct.error, zlib.error, AttributeError, RuntimeError, NotImplementedError, AssertionError]


@pytest.mark.parametrize("kind", KINDS)
def test_any_exception_of_a_decoder_becomes_a_decode_error(monkeypatch, kind):
    header = read(WHOLE["PNG"])

    def fail(*_, **__):
        raise kind("what went wrong\non two lines")

    monkeypatch.setattr(Image, "open", fail)
    for call in (lambda: read(WHOLE["PNG"]), lambda: codec.decode(WHOLE["PNG"], header)):
        with pytest.raises(DecodeError) as caught:
            call()
        assert caught.value.reason in ("damaged header", "cannot be decoded")
        assert "what went wrong" in caught.value.detail
        assert "\n" not in str(caught.value)


@pytest.mark.slow
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_no_damage_raises_anything_but_a_decode_error(form, data):
    damaged = bytearray(WHOLE[form])
    near = st.one_of(st.integers(0, min(200, len(damaged) - 1)), st.integers(0, len(damaged) - 1))
    for at in data.draw(st.lists(near, min_size=1, max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        pixels = load(damaged)
    except DecodeError:
        return
    assert pixels.ndim == 3
    assert pixels.shape[2] in (1, 3, 4)
    assert pixels.dtype in (np.uint8, np.uint16)
    assert read(damaged).quality in (None, *range(1, 101))


# --- one size ------------------------------------------------------------------------------------------

ODD_SIZES = [(1, 1), (1, 50), (50, 1), (7, 13), (12, 10), (31, 200), (300, 5)]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_any_image_comes_to_the_wanted_size(form, size, fit):
    data = save(to_image(draw(*size)), form)
    assert load(data, make_size(12, 10, fit)).shape == (12, 10, 3)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", ODD_SIZES)
def test_any_16_bit_image_comes_to_the_wanted_size(size, fit):
    data = save(Image.fromarray(np.full(size, 40000, np.uint16)), "PNG")
    pixels = load(data, make_size(12, 10, fit))
    assert (pixels.shape, pixels.dtype) == ((12, 10, 1), np.uint16)


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("size", ODD_SIZES)
def test_a_flat_16_bit_image_stays_flat(size, fit):
    data = save(Image.fromarray(np.full(size, 40000, np.uint16)), "PNG")
    np.testing.assert_array_equal(load(data, make_size(12, 10, fit)), np.full((12, 10, 1), 40000))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 50), (50, 1), (300, 5)])
def test_pad_keeps_a_line_of_a_very_long_image(size, dtype):
    data = save(Image.fromarray(np.full(size, 99, dtype)), "PNG")
    assert 99 in load(data, make_size(12, 10, "pad"))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_16_bit_is_resized_like_8_bit(fit):
    levels = draw(31, 47, 1, block=5)
    small = load(save(to_image(levels), "PNG"), make_size(20, 20, fit))
    wide = load(save(Image.fromarray(levels[..., 0].astype(np.uint16) * 257), "PNG"), make_size(20, 20, fit))
    # Pillow rounds 8 bit twice (rows, then columns), each time by half a level.
    assert np.abs(wide / 257 - small).max() <= 1.1


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(9, 30), (30, 9), (7, 7)])
def test_pixels_are_fitted_by_pillows_bicubic(size, channels):
    image = to_image(draw(*size, channels))
    bicubic = Image.Resampling.BICUBIC
    ink = {1: 255, 3: (255, 255, 255), 4: (255, 255, 255, 255)}[channels]
    expected = {
        "crop": ImageOps.fit(image, (10, 12), bicubic),
        "pad": ImageOps.pad(image, (10, 12), bicubic, ink),
        "stretch": image.resize((10, 12), bicubic),
    }
    data = save(image, "PNG")
    for fit, fitted in expected.items():
        np.testing.assert_array_equal(
            load(data, make_size(12, 10, fit)).squeeze(), np.asarray(fitted), err_msg=fit
        )


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_an_image_of_the_wanted_size_stays_as_it_is(fit):
    pixels = draw(12, 10)
    np.testing.assert_array_equal(load(save(to_image(pixels), "PNG"), make_size(12, 10, fit)), pixels)


def test_crop_keeps_the_centre():
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 200
    fitted = load(save(to_image(pixels), "PNG"), make_size(4, 4))
    np.testing.assert_array_equal(fitted, np.full((4, 4, 3), 200))


@pytest.mark.parametrize(
    ("value", "bar"),
    [
        (np.full((2, 4, 1), 9, np.uint8), [76]),  # 0.299 · 255 = 76.2
        (np.full((2, 4, 3), 9, np.uint8), [255, 0, 0]),
        (np.full((2, 4, 4), 9, np.uint8), [255, 0, 0, 255]),
        (np.full((2, 4, 1), 9, np.uint16), [76 * 257]),
    ],
    ids=["grey", "rgb", "rgba", "16-bit"],
)
def test_pad_frames_with_the_background(value, bar):
    data = save(to_image(value), "PNG")
    fitted = load(data, make_size(4, 4, "pad", Colour(255, 0, 0)))
    np.testing.assert_array_equal(fitted[[0, 3]], np.broadcast_to(bar, (2, 4, len(bar))))
    np.testing.assert_array_equal(fitted[1:3], value)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_turned_image_is_fitted_upright(form, orientation):
    data = save(to_image(draw(20, 36, block=4)), form, exif=exif_of(orientation))
    upright = ImageOps.exif_transpose(open_image(data))
    expected = upright.resize((24, 30), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(load(data, make_size(30, 24, "stretch")), np.asarray(expected))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(16, 16), (30, 18), (64, 48)])
def test_a_jpeg_shrunk_by_its_decoder_looks_like_one_shrunk_by_pillow(photos, size, fit):
    data = (photos / "hat" / "hat_01.jpg").read_bytes()
    whole = open_image(data)
    shrunk = {
        "crop": lambda: ImageOps.fit(whole, size[::-1], Image.Resampling.BICUBIC),
        "pad": lambda: ImageOps.pad(whole, size[::-1], Image.Resampling.BICUBIC, "white"),
        "stretch": lambda: whole.resize(size[::-1], Image.Resampling.BICUBIC),
    }[fit]()
    difference = load(data, make_size(*size, fit)).astype(int) - np.asarray(shrunk).astype(int)
    # The decoder's own scaling is another filter: it may move edges by a few levels, not the picture.
    assert np.abs(difference).mean() < 3
    assert abs(difference.mean()) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(32, 4), (4, 32)])
def test_a_turned_jpeg_is_shrunk_along_the_right_sides(orientation, size):
    data = save(to_image(draw(64, 640, block=4)), "JPEG", quality=95, exif=exif_of(orientation))
    whole = ImageOps.exif_transpose(open_image(data))
    expected = np.asarray(whole.resize(size[::-1], Image.Resampling.BICUBIC)).astype(int)
    # Shrunk too far along one side, the stripes of this image would run together.
    assert np.abs(load(data, make_size(*size, "stretch")) - expected).mean() < 4


# --- memory that is used again -------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(("form", "channels"), [("JPEG", 3), ("JPEG", 1), ("PNG", 3), ("PNG", 4)])
@pytest.mark.parametrize("size", [0, 1, 3 * 20 * 36, 10**5])
def test_a_buffer_of_any_size_changes_no_pixel(form, channels, orientation, size):
    data = save(to_image(draw(20, 36, channels)), form, exif=exif_of(orientation))
    buffer = np.full(size, 77, np.uint8)
    np.testing.assert_array_equal(codec.decode(data, read(data), None, buffer), load(data))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_buffer_changes_no_pixel_of_a_fitted_image(fit):
    data = save(to_image(draw(90, 130, block=5)), "JPEG")
    geometry = make_size(12, 16, fit)
    buffer = np.full(10**5, 77, np.uint8)
    np.testing.assert_array_equal(codec.decode(data, read(data), geometry, buffer), load(data, geometry))


def test_a_jpeg_of_too_many_scans_is_refused():
    with pytest.raises(DecodeError, match="too many scans: it goes over its pixels more than 500 times"):
        codec.read_header(make_scan_bomb(8, 500), MANY)


@pytest.mark.parametrize(
    "data",
    [make_scan_bomb(8, 480), save(Image.new("RGB", (8, 8)), "JPEG") + b"\0\0" + b"\xff\xda\0\2" * 600],
    ids=["as many as may be", "behind the end"],
)
def test_a_jpeg_of_many_scans_or_of_bytes_like_scans_behind_its_end_is_read(data):
    assert codec.decode(data, codec.read_header(data, MANY)).shape == (8, 8, 3)
