"""ICC profiles: read from every format, kept where they describe what is written."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from augcli.io.images import codec, profiles
from augcli.samples import Colour

WHITE = Colour(255, 255, 255)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def make_profile(space=b"RGB ", size=300, filling=b"x"):
    """Make what is a profile by its header, and otherwise filling."""
    header = size.to_bytes(4, "big") + bytes(12) + space + bytes(16) + b"acsp"
    return (header + bytes(128 - len(header))).ljust(size, filling)


def save(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def profile_of(data):
    return Image.open(io.BytesIO(data)).info.get("icc_profile")


@pytest.mark.parametrize("size", [300, 65_519, 65_520, 200_000])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_read_from_every_format(form, size):
    profile = make_profile(size=size)
    data = save(Image.new("RGB", (8, 8)), form, icc_profile=profile)
    assert codec.read_header(data, 100).profile == profile


def test_a_profile_beside_exif_is_read():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(Image.new("RGB", (8, 8)), "JPEG", exif=exif, icc_profile=SRGB)
    assert codec.read_header(data, 100).profile == SRGB


def test_pieces_of_a_profile_are_joined_by_their_number():
    assert profiles.join_pieces({2: b"b", 1: b"a", 3: b"c"}) == b"abc"


def test_a_profile_of_which_a_piece_is_missing_does_not_fit():
    profile = make_profile(size=150_000)
    data = save(Image.new("RGB", (8, 8)), "JPEG", icc_profile=profile)
    at = data.index(b"\xff\xe2")
    lost = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    found = codec.read_header(lost, 100).profile
    assert found
    assert not profiles.fits(found, 3)


@pytest.mark.parametrize("size", [300, 65_519, 65_520, 200_000])
@pytest.mark.parametrize("file_format", ["jpg", "png"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_written_profile_is_read_by_pillow_and_changes_no_pixel(channels, file_format, size):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 7, channels), dtype=np.uint8)
    profile = make_profile(b"GRAY" if channels == 1 else b"RGB ", size)
    plain = codec.encode(pixels, file_format, 90, "444", WHITE)
    data = codec.encode(pixels, file_format, 90, "444", WHITE, profile)
    assert profile_of(data) == profile
    assert profile_of(plain) is None
    images = [np.asarray(Image.open(io.BytesIO(each))) for each in (plain, data)]
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize(
    ("profile", "channels", "expected"),
    [
        (make_profile(), 3, True),
        (make_profile(), 4, True),
        (make_profile(), 1, False),
        (make_profile(b"GRAY"), 1, True),
        (make_profile(b"GRAY"), 3, False),
        (make_profile(b"CMYK"), 3, False),
        (make_profile(b"LAB "), 3, False),
        (make_profile()[:-1], 3, False),
        (make_profile() + b"\0", 3, True),
        (b"no profile", 3, False),
        (make_profile().replace(b"acsp", b"????"), 3, False),
        (make_profile(size=65_519 * 255 + 1), 3, False),
        (SRGB, 3, True),
    ],
)
def test_a_profile_fits_what_has_its_colour_space(profile, channels, expected):
    assert profiles.fits(profile, channels) is expected


def test_images_are_alike_by_their_profiles():
    wide, other = make_profile(filling=b"w"), make_profile(filling=b"o")
    assert profiles.are_alike(wide, wide)
    assert not profiles.are_alike(wide, other)
    assert not profiles.are_alike(wide, b"")
    assert profiles.are_alike(SRGB, b"")  # an image without a profile is taken for sRGB
    assert not profiles.are_alike(SRGB, wide)
