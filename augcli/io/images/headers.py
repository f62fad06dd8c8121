"""Headers: what is known of an encoded image before its pixels are decoded."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, NamedTuple

import simplejpeg
from PIL import Image, UnidentifiedImageError

from augcli.errors import DecodeError, Option, StorageError
from augcli.io.images.avif_pictures import find_picture_sizes
from augcli.io.images.jpeg_header import (
    MOST_SCANS,
    ends_jpeg,
    estimate_quality,
    has_too_many_scans,
    scan_jpeg,
)
from augcli.io.images.png_chunks import SIGNATURE, has_refused_texts, without_metadata
from augcli.io.store.pointers import LFS_CURE, is_lfs_pointer

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIENTATION_TAG = 0x0112
PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "PPM")
"""What Pillow may take a file for: others would, say, hand a PostScript file to another program."""

PNG_END = b"IEND\xaeB`\x82"
BITS_TAG = 258
TILE_TAGS = (322, 323)
"""Width and height of a TIFF's tiles, which may be larger than the image."""

MOST_PICTURES = 4
"""How many pictures of the largest size an AVIF may have: opacity, parts that stand over, a thumbnail."""

WIDEST = 2**31 // 32 - 9
"""Wider rows have more bits than Pillow's C code counts: it says then that memory ran out."""

NO_MEMORY = ("not enough memory to decode an image; use fewer ", Option("workers"))


class Header(NamedTuple):
    """What is known of an encoded image before its pixels are decoded.

    Attributes:
        format: Pillow's name of the format; phone JPEGs that hold more than one image (MPO) are `JPEG`.
        height: Rows as stored, before the orientation is applied.
        width: Columns as stored.
        orientation: EXIF orientation, 1..8; 1 where it is missing or invalid.
        frames: True if there is more than one frame; the first is read.
        narrowed: Bits of a colour, 10, 12 or 16, that are read as 8; 0 where none are lost.
        space: JPEG colour space (`YCbCr`, `Gray`, `RGB`, `CMYK`, `YCCK`), None where libjpeg reads none.
        luminance: JPEG luminance quantization table as stored (zigzag), else None.
        subsampling: JPEG chroma subsampling (`444`, `422`, `420`, `440`, `411`, `Gray`), else None.
        lossless: True if the stored pixels are exact, so that JPEG would be a loss.
        complete: True if the end marker of a JPEG or PNG stands where it should.
        channels: What decoding will give, 1, 3 or 4; a few formats know better only then.
        depth: 8 or 16 bits, once decoded.
        profile: ICC profile as stored; may be empty.
        has_refused_metadata: True if Pillow refuses a PNG for what stands in it beside its pixels.
    """

    format: str
    height: int
    width: int
    orientation: int
    frames: bool
    narrowed: int
    space: str | None
    luminance: tuple[int, ...] | None
    subsampling: str | None
    lossless: bool
    complete: bool
    channels: int
    depth: int
    profile: bytes = b""
    has_refused_metadata: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width once the orientation is applied."""
        turned = self.orientation >= 5
        return (self.width, self.height) if turned else (self.height, self.width)

    @property
    def quality(self) -> int | None:
        """JPEG quality estimated from the quantization table; None without such a table."""
        return estimate_quality(self.luminance) if self.luminance else None


def read_header(data: bytes, max_pixels: int) -> Header:
    """Read the header of an encoded image.

    Args:
        data: The whole file.
        max_pixels: Images that claim more are refused before anything is decoded.

    Raises:
        DecodeError: If it is empty, not an image that we know, damaged, too large, or of too many scans.
        StorageError: If memory runs out, which says nothing about the image.
    """
    if not data:
        raise DecodeError("empty file")
    try:
        header = _read_jpeg_header(data) or _read_png_header(data, max_pixels)
        header = header or _read_by_pillow(data, max_pixels)
    except DecodeError:
        raise
    except MemoryError as error:
        raise StorageError(*NO_MEMORY) from error
    except UnidentifiedImageError as error:
        if is_lfs_pointer(data):
            raise DecodeError(f"not an image: {LFS_CURE}") from error
        raise DecodeError("not an image", "no known image format") from error
    except Exception as error:  # Pillow raises eight kinds on real files
        raise DecodeError("damaged header", words_of(error)) from error
    _check_pixels(header.width, header.height, max_pixels)
    if header.format == "JPEG" and has_too_many_scans(data):
        raise DecodeError("too many scans", f"it goes over its pixels more than {MOST_SCANS} times")
    return header


def words_of(error: Exception) -> str:
    """Return what a library says of a failure, as one short line."""
    return f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")[:300]


def is_16_bit(image: Image.Image) -> bool:
    """True if an image is grey of 16 bits, or of 32 that may hold 16."""
    return image.mode == "I" or image.mode.startswith("I;16")


def read_upright_size(data: bytes | None) -> tuple[int, int] | None:
    """Return height and width of an encoded image, upright; None if it cannot be read."""
    try:
        return read_header(data, sys.maxsize).upright_size if data else None
    except DecodeError:
        return None


def read_mode(image: Image.Image) -> str:
    """Return the mode that an image is read in: grey, RGB or RGBA."""
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") or is_16_bit(image) else "RGB"


def _check_pixels(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise DecodeError("too many pixels", f"{width}x{height} is over the bound of {most} (max-pixels)")
    if width > WIDEST:
        raise DecodeError("too many pixels", f"{width} in a row are more than {WIDEST}")


def _check_pictures(sizes: Mapping[tuple[int, int], int], most: int) -> None:
    """Refuse an AVIF whose pictures, counted by their size, are too large, one by one or together."""
    if not sizes:
        raise DecodeError("damaged header", "none of its pictures says how large it is")
    for width, height in sizes:
        _check_pixels(width, height, most)
    if sum(width * height * count for (width, height), count in sizes.items()) > MOST_PICTURES * most:
        count = sum(sizes.values())
        raise DecodeError("too many pixels", f"{count} pictures are over {MOST_PICTURES} times {most}")


def _read_jpeg_header(data: bytes) -> Header | None:
    """Read a plain JPEG's header without Pillow, which takes several times as long; None for other files."""
    segments = scan_jpeg(data)
    if segments is None or segments.has_metadata:
        return None
    try:
        height, width, space, subsampling = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return Header(
        format="JPEG",
        height=height,
        width=width,
        orientation=1,
        frames=False,
        narrowed=0,
        space=space,
        luminance=segments.luminance,
        subsampling=subsampling,
        lossless=False,
        complete=ends_jpeg(data),
        channels=1 if space == "Gray" else 3,
        depth=8,
        profile=segments.profile,
    )


def _read_png_header(data: bytes, max_pixels: int) -> Header | None:
    """Read a PNG's header; without its metadata where Pillow refuses it for these; None for other files."""
    if not data.startswith(SIGNATURE):
        return None
    if not has_refused_texts(data):
        try:
            return _read_by_pillow(data, max_pixels)
        except (
            UnidentifiedImageError,
            ValueError,
        ):  # a broken checksum, which only Pillow minds, is one reason
            pass
    return _read_by_pillow(without_metadata(data), max_pixels)._replace(has_refused_metadata=True)


def _read_by_pillow(data: bytes, max_pixels: int) -> Header:
    with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
        _check_pixels(image.width, image.height, max_pixels)  # finding EXIF may decode a PNG
        if image.format == "TIFF":
            tile_width, tile_height = (int(image.tag_v2.get(tag, 0)) for tag in TILE_TAGS)  # type: ignore[attr-defined]
            _check_pixels(tile_width, tile_height, max_pixels)
        if image.format == "AVIF":
            _check_pictures(find_picture_sizes(data), max_pixels)
        return _describe(image, data)


def _describe(image: Image.Image, data: bytes) -> Header:
    is_jpeg = image.format in ("JPEG", "MPO")
    segments = scan_jpeg(data) if is_jpeg else None
    space, subsampling = _chroma(data) if is_jpeg else (None, None)
    return Header(
        format="JPEG" if is_jpeg else str(image.format),
        height=image.height,
        width=image.width,
        orientation=_orientation(image, data),
        frames=not is_jpeg and getattr(image, "is_animated", False),
        narrowed=_narrowed_bits(image, data),
        space=space,
        luminance=segments.luminance if segments else None,
        subsampling=subsampling,
        lossless=not is_jpeg and not _is_lossy(image, data),
        complete=ends_jpeg(data) if is_jpeg else data.endswith(PNG_END) and b"IDAT" in data,
        channels={"L": 1, "RGBA": 4}.get(read_mode(image), 3),
        depth=16 if is_16_bit(image) else 8,
        profile=segments.profile if segments else image.info.get("icc_profile") or b"",
    )


def _narrowed_bits(image: Image.Image, data: bytes) -> int:
    """Return how many bits each value has, where these are more than are read; else 0."""
    if is_16_bit(image) or image.mode == "F":
        return 0
    if image.format == "PNG":
        return 16 if data[24] == 16 else 0
    if image.format == "TIFF":
        return 16 if max(image.tag_v2.get(BITS_TAG, (8,))) > 8 else 0  # type: ignore[attr-defined]
    if image.format == "PPM":
        arguments = image.tile[0].args  # type: ignore[attr-defined]  # of its decoder: the highest value stands behind the mode
        return 16 if isinstance(arguments, tuple) and arguments[1] > 255 else 0
    place = data.find(b"av1C") if image.format == "AVIF" else -1
    if place < 0 or not data[place + 6 : place + 7]:
        return 0
    flags = data[place + 6]  # AV1 in ISOBMFF, 2.3.3: the tier, high_bitdepth, twelve_bit
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 0


def _is_lossy(image: Image.Image, data: bytes) -> bool:
    return image.format == "AVIF" or (image.format == "WEBP" and b"VP8L" not in _riff_chunks(data))


def _riff_chunks(data: bytes) -> set[bytes]:
    """Return the names of the chunks of a RIFF file (WebP), those inside animation frames too."""
    names, offset = set(), 12
    while offset + 8 <= len(data):
        name, size = data[offset : offset + 4], int.from_bytes(data[offset + 4 : offset + 8], "little")
        names.add(name)
        offset += 8 + (16 if name == b"ANMF" else size + size % 2)  # a frame's own chunks follow its 16 bytes
    return names


def _orientation(image: Image.Image, data: bytes) -> int:
    if image.format == "TIFF":  # Pillow turns these itself when it loads them
        return 1
    late = image.format == "PNG" and b"eXIf" in data  # a PNG's EXIF may stand behind its pixels
    if not late and not {"exif", "xmp", "Raw profile type exif"} & image.info.keys():
        return 1
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - a broken tag says nothing about the pixels; consumers ignore it too
        return 1
    return value if value in range(1, 9) else 1


def _chroma(data: bytes) -> tuple[str | None, str | None]:
    try:
        *_, space, subsampling = simplejpeg.decode_jpeg_header(data, strict=False)
    except ValueError:
        return None, None
    return space, subsampling
