"""Encoded images to pixels and back: JPEG by simplejpeg, everything else by Pillow.

simplejpeg and Pillow decode JPEG to the same pixels; simplejpeg does it faster and without the GIL.
JPEGs that are neither YCbCr nor grey go to Pillow, and so do those that libjpeg has a complaint about:
Pillow then decides, as in every consumer, whether the file can be used.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import PIL
import simplejpeg
from PIL import Image, UnidentifiedImageError, features

from augcli.errors import DecodeError, StorageError
from augcli.io.images.geometry import Geometry, fit_size, to_image, turn_upright
from augcli.io.images.jpeg_header import ends_jpeg, estimate_quality, scan_jpeg
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.samples import Colour, Pixels

FileFormat = Literal["jpg", "png"]
DEFAULT_QUALITY = 95
DEFAULT_SUBSAMPLING = "420"
SUBSAMPLINGS = ("444", "422", "420", "440", "411")
"""JPEG chroma subsamplings that can be written."""

ORIENTATION_TAG = 0x0112
PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "PPM")
"""What Pillow may take a file for: others would, say, hand a PostScript file to another program."""

PNG_END = b"IEND\xaeB`\x82"
TILE_TAGS = (322, 323)
"""Width and height of a TIFF's tiles, which may be larger than the image."""

BAND = 64
"""Rows that are converted at once: of a whole image that takes several times its memory."""

WIDEST = 2**31 // 32 - 9
"""Wider rows have more bits than Pillow's C code counts: it says then that memory ran out."""

NO_MEMORY = "not enough memory to decode an image; use fewer --workers"


@dataclass(frozen=True, slots=True)
class Header:
    """What an encoded image says of itself before it is decoded.

    Attributes:
        format: Pillow's name of the format; phone JPEGs that hold more than one image (MPO) are `JPEG`.
        height: Rows as stored, before the orientation is applied.
        width: Columns as stored.
        orientation: EXIF orientation, 1..8; 1 where there is none or it is invalid.
        frames: Whether there is more than one frame; the first is read.
        narrowed: Whether 16-bit colour is read as 8-bit.
        space: JPEG colour space (`YCbCr`, `Gray`, `RGB`, `CMYK`, `YCCK`), None where libjpeg reads none.
        luminance: JPEG luminance quantization table as stored (zigzag), else None.
        subsampling: JPEG chroma subsampling (`444`, `422`, `420`, `440`, `411`, `Gray`), else None.
        lossless: Whether the stored pixels are exact, so that JPEG would be a loss.
        complete: Whether the end marker of a JPEG or PNG stands where it should.
        channels: What decoding will give, 1, 3 or 4; a few formats know better only then.
        depth: Likewise 8 or 16 bits.
    """

    format: str
    height: int
    width: int
    orientation: int
    frames: bool
    narrowed: bool
    space: str | None
    luminance: tuple[int, ...] | None
    subsampling: str | None
    lossless: bool
    complete: bool
    channels: int
    depth: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width once the orientation is applied."""
        turned = self.orientation >= 5
        return (self.width, self.height) if turned else (self.height, self.width)

    @property
    def quality(self) -> int | None:
        """JPEG quality estimated from the quantization table; None where there is none."""
        return estimate_quality(self.luminance) if self.luminance else None


@contextmanager
def own_pixel_bound() -> Iterator[None]:
    """Lift Pillow's process-wide pixel bound while `read_header` applies the caller's own."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def versions() -> dict[str, str]:
    """Give the versions of the codecs, which decide an output's bytes beside the recipe."""
    return {"simplejpeg": simplejpeg.__version__, "pillow": PIL.__version__}


def libraries() -> dict[str, str | None]:
    """Give the versions of the image libraries, None for those that Pillow was built without."""
    found: dict[str, str | None] = {"JPEG (simplejpeg)": simplejpeg.__version__}
    named = {"PNG": "zlib", "WebP": "webp", "AVIF": "avif", "TIFF": "libtiff"}
    return found | {name: features.version(feature) for name, feature in named.items()}


def read_header(data: bytes, max_pixels: int) -> Header:
    """Read what an encoded image says of itself.

    Args:
        data: The whole file.
        max_pixels: Images that claim more are refused before anything is decoded.

    Raises:
        DecodeError: If it is empty, no image that we know, damaged, or too large.
        StorageError: If memory runs out, which says nothing about the image.
    """
    if not data:
        raise DecodeError("empty file")
    try:
        header = _read_jpeg_header(data)
        if header is None:
            with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
                _check_pixels(image.width, image.height, max_pixels)  # finding EXIF may decode a PNG
                if image.format == "TIFF":
                    tile_width, tile_height = (int(image.tag_v2.get(tag, 0)) for tag in TILE_TAGS)  # type: ignore[attr-defined]
                    _check_pixels(tile_width, tile_height, max_pixels)
                header = _describe(image, data)
    except DecodeError:
        raise
    except MemoryError as error:
        raise StorageError(NO_MEMORY) from error
    except UnidentifiedImageError as error:
        raise DecodeError("not an image", "no known image format") from error
    except Exception as error:  # Pillow raises eight kinds on real files
        raise DecodeError("damaged header", _words(error)) from error
    _check_pixels(header.width, header.height, max_pixels)
    return header


def decode(
    data: bytes, header: Header, geometry: Geometry | None = None, buffer: Pixels | None = None
) -> Pixels:
    """Decode to upright pixels: (H, W, C), C = 1, 3 or 4, uint8, or uint16 for 16-bit grey.

    Args:
        data: The whole file.
        header: What `read_header` said of it.
        geometry: Size to bring it to, by Pillow's bicubic filter; None keeps its own.
        buffer: uint8 memory that the result may lie in, where it is large enough: memory that was used
            just now costs no page faults.

    Raises:
        DecodeError: If the decoder raises anything at all.
        StorageError: If memory runs out, which says nothing about the image.
    """
    try:
        pixels = _decode_jpeg(data, header, geometry, buffer) if header.format == "JPEG" else None
        if pixels is None:
            with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
                pixels = _to_array(image)
        pixels = turn_upright(pixels, header.orientation)
        return pixels if geometry is None else fit_size(pixels, geometry)
    except MemoryError as error:
        raise StorageError(NO_MEMORY) from error
    except Exception as error:  # a decoder's choice of exception says nothing about the cause
        raise DecodeError("cannot be decoded", _words(error)) from error


def decoded_shape(header: Header, geometry: Geometry | None) -> Shape:
    """Give the shape that decoding will most likely give."""
    size = header.upright_size if geometry is None else (geometry.height, geometry.width)
    return Shape(*size, header.channels, header.depth)


class Encoding(NamedTuple):
    """How an image is written: `jpg` or `png`, and for JPEG the quality 1..100 and chroma subsampling."""

    file_format: FileFormat
    quality: int
    subsampling: str


def choose_encoding(
    header: Header, channels: int, image_format: str, quality: int | str, subsampling: str
) -> Encoding:
    """Return how an image is written.

    Args:
        header: What its source says of itself.
        channels: Of the pixels that are written.
        image_format: `jpg`, `png`, or `keep`: lossy sources as JPEG, others as PNG.
        quality: 1..100, or `keep`: the source's own, 95 where it has none.
        subsampling: `444`, `422`, `420`, or `keep`: the source's own, `420` where it has none.
    """
    if quality == "keep":
        quality = header.quality or DEFAULT_QUALITY
    if subsampling == "keep":
        own = header.subsampling
        subsampling = own if own in SUBSAMPLINGS else DEFAULT_SUBSAMPLING
    return Encoding(choose_file_format(header, channels, image_format), int(quality), subsampling)


def choose_file_format(header: Header, channels: int, image_format: str) -> FileFormat:
    """Return `jpg` or `png`: as asked, or with `keep` by the source."""
    if image_format in ("jpg", "png"):
        return "jpg" if image_format == "jpg" else "png"
    return "jpg" if header.format == "JPEG" or (not header.lossless and channels < 4) else "png"


def is_copyable(header: Header, image_format: str, geometry: Geometry | None) -> bool:
    """Whether the file itself may stand in the output: whole, upright, of the wanted file format and size."""
    file_format = {"JPEG": "jpg", "PNG": "png"}.get(header.format)
    fits = geometry is None or header.upright_size == (geometry.height, geometry.width)
    wanted = file_format is not None and image_format in ("keep", file_format)
    return wanted and fits and header.complete and header.orientation == 1 and not header.frames


def encode(
    pixels: Pixels, file_format: FileFormat, quality: int, subsampling: str, background: Colour
) -> bytes:
    """Encode upright pixels.

    Args:
        pixels: (H, W, C) uint8 or uint16, C-contiguous.
        file_format: `jpg` narrows 16 bit to 8 and flattens alpha on the background; `png` keeps all.
        quality: JPEG quality, 1..100.
        subsampling: JPEG chroma subsampling; grey images have none.
        background: Colour behind transparent pixels.

    Raises:
        DecodeError: If the image cannot have this file format (JPEG sides end at 65500 pixels).
    """
    if file_format == "png":
        buffer = io.BytesIO()
        to_image(pixels).save(buffer, "PNG")
        return buffer.getvalue()
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if pixels.shape[2] == 4:
        pixels = flatten(pixels, background)
    grey = pixels.shape[2] == 1
    try:
        return simplejpeg.encode_jpeg(
            pixels,
            quality=quality,
            colorspace="GRAY" if grey else "RGB",
            colorsubsampling="Gray" if grey else subsampling,
            fastdct=False,
        )
    except ValueError as error:
        raise DecodeError("cannot be encoded", _words(error)) from error


def flatten(pixels: Pixels, background: Colour) -> Pixels:
    """Lay RGBA uint8 pixels over a background, rounded to nearest; gives RGB."""
    behind = np.array([background.red, background.green, background.blue], np.uint32)
    flat = np.empty((*pixels.shape[:2], 3), np.uint8)
    for start in range(0, len(pixels), BAND):
        band = pixels[start : start + BAND]
        alpha = band[..., 3:].astype(np.uint32)
        flat[start : start + BAND] = (band[..., :3] * alpha + behind * (255 - alpha) + 127) // 255
    return flat


def _check_pixels(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise DecodeError("too many pixels", f"{width}x{height} is over --max-pixels {most}")
    if width > WIDEST:
        raise DecodeError("too many pixels", f"{width} in a row are more than {WIDEST}")


def _read_jpeg_header(data: bytes) -> Header | None:
    """Read a plain JPEG's header without Pillow, which takes several times as long; None for all others."""
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
        narrowed=False,
        space=space,
        luminance=segments.luminance,
        subsampling=subsampling,
        lossless=False,
        complete=ends_jpeg(data),
        channels=1 if space == "Gray" else 3,
        depth=8,
    )


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
        narrowed=image.format == "PNG" and data[24] == 16 and image.mode in ("RGB", "RGBA"),
        space=space,
        luminance=segments.luminance if segments else None,
        subsampling=subsampling,
        lossless=not is_jpeg and not _is_lossy(image, data),
        complete=ends_jpeg(data) if is_jpeg else data.endswith(PNG_END) and b"IDAT" in data,
        channels={"L": 1, "RGBA": 4}.get(_mode(image), 3),
        depth=16 if _is_16_bit(image) else 8,
    )


def _is_lossy(image: Image.Image, data: bytes) -> bool:
    return image.format == "AVIF" or (image.format == "WEBP" and b"VP8L" not in _riff_chunks(data))


def _riff_chunks(data: bytes) -> set[bytes]:
    """Name the chunks of a RIFF file (WebP), those inside animation frames too."""
    names, at = set(), 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        names.add(name)
        at += 8 + (16 if name == b"ANMF" else size + size % 2)  # a frame's own chunks follow its 16 bytes
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


def _decode_jpeg(
    data: bytes, header: Header, geometry: Geometry | None, buffer: Pixels | None
) -> Pixels | None:
    """Decode by simplejpeg; None where Pillow must look at it."""
    if header.space not in ("YCbCr", "Gray"):
        return None
    try:
        least = (0, 0) if geometry is None else geometry.least_size(*header.upright_size)
        least = least[::-1] if header.orientation >= 5 else least
        return simplejpeg.decode_jpeg(
            data,
            "RGB" if header.space == "YCbCr" else "GRAY",
            fastdct=False,
            min_height=least[0],
            min_width=least[1],
            buffer=buffer if buffer is not None and buffer.size >= 3 * header.height * header.width else None,
            strict=True,
        )
    except ValueError:
        return None


def _is_16_bit(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;16")


def _mode(image: Image.Image) -> str:
    """Give the mode that an image is read in: grey, RGB or RGBA."""
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("1", "L") or _is_16_bit(image) else "RGB"


def _to_array(image: Image.Image) -> Pixels:
    """Read a Pillow image's first frame as grey, RGB or RGBA, 8 bit, or 16-bit grey."""
    if _is_16_bit(image):
        values = np.asarray(image)
        if values.dtype.itemsize > 2 and (values.min() < 0 or values.max() > 65535):
            raise ValueError("32-bit integers beyond 16 bits have no 8- or 16-bit form")
        return values.astype(np.uint16)[..., None]
    if image.mode == "F":
        raise ValueError("floating-point pixels have no 8- or 16-bit form")
    mode = _mode(image)
    array = np.empty((image.height, image.width, len(mode)), np.uint8)
    for start in range(0, image.height, BAND):
        band = image.crop((0, start, image.width, min(start + BAND, image.height)))
        held = np.asarray(band if band.mode == mode else band.convert(mode))
        array[start : start + BAND] = held.reshape(*held.shape[:2], -1)
    return array


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")[:300]
