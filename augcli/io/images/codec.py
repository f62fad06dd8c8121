"""Encoded images to pixels and back: JPEG by simplejpeg, everything else by Pillow.

simplejpeg and Pillow decode JPEG to the same pixels; simplejpeg does it faster and without the GIL.
JPEGs that are neither YCbCr nor grey go to Pillow, and so do those that libjpeg has a complaint about:
Pillow then decides, as in every consumer, whether the file can be used.
"""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image, features

from augcli.errors import DecodeError, StorageError
from augcli.io.images.facts import COPY_OBSTACLES
from augcli.io.images.geometry import Geometry, fit_size, to_image, turn_upright
from augcli.io.images.headers import NO_MEMORY, PILLOW_FORMATS, is_16_bit, read_mode, words_of
from augcli.io.images.headers import Header as Header
from augcli.io.images.headers import read_header as read_header
from augcli.io.images.png_chunks import without_metadata
from augcli.io.images.profiles import add_to_jpeg
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.samples import Colour, Pixels

FileFormat = Literal["jpg", "png"]
DEFAULT_QUALITY = 95
DEFAULT_SUBSAMPLING = "420"
SUBSAMPLINGS = ("444", "422", "420", "440", "411")
"""JPEG chroma subsamplings that can be written."""


COMPLAINTS = (
    "Corrupt JPEG data",
    "Premature end of JPEG file",
    "Inconsistent progression sequence",
    "Invalid SOS parameters",
    "Unknown Adobe color transform",
    "Warning: unknown JFIF revision",
)
"""What libjpeg's complaints begin with (its `jerror.h`, JWRN): it decodes all the same, as Pillow does."""

BAND = 64
"""Rows that are converted at once: of a whole image that takes several times its memory."""


_lifted: list[int | None] = []
"""Pillow's bound as each thread found it that lifted it and is not yet done."""

_lifting = threading.Lock()


@contextmanager
def own_pixel_bound() -> Iterator[None]:
    """Lift Pillow's process-wide pixel bound while `read_header` applies the caller's own.

    Several threads may lift it at once; the last one that is done brings it back.
    """
    with _lifting:
        _lifted.append(Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _lifting:
            before = _lifted.pop()
            if not _lifted:
                Image.MAX_IMAGE_PIXELS = before


def libraries() -> dict[str, str | None]:
    """Return the versions of the image libraries, None for those that Pillow was built without."""
    versions: dict[str, str | None] = {"JPEG (simplejpeg)": simplejpeg.__version__}
    named = {"PNG": "zlib", "WebP": "webp", "AVIF": "avif", "TIFF": "libtiff"}
    return versions | {name: features.version(feature) for name, feature in named.items()}


class Decoded(NamedTuple):
    """What a decoder gives.

    Attributes:
        pixels: Upright pixels.
        complaint: What libjpeg complained of while it made them; empty where it did not.
        is_in_buffer: Whether they lie in the buffer that was given.
    """

    pixels: Pixels
    complaint: str = ""
    is_in_buffer: bool = False


def decode(
    data: bytes, header: Header, geometry: Geometry | None = None, buffer: Pixels | None = None
) -> Pixels:
    """Return the pixels alone of `decode_noting`."""
    return decode_noting(data, header, geometry, buffer).pixels


def decode_noting(
    data: bytes, header: Header, geometry: Geometry | None = None, buffer: Pixels | None = None
) -> Decoded:
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
    fits = buffer is not None and buffer.size >= 3 * header.height * header.width
    try:
        pixels, complaint = None, ""
        if header.format == "JPEG":
            pixels, complaint = _decode_jpeg(data, header, geometry, buffer if fits else None)
            if pixels is not None and header.orientation == 1 and geometry is None:
                return Decoded(pixels, complaint, fits)
        if pixels is None:
            read = without_metadata(data) if header.has_refused_metadata else data
            with Image.open(io.BytesIO(read), formats=PILLOW_FORMATS) as image:
                pixels = _to_array(image)
        pixels = turn_upright(pixels, header.orientation)
        return Decoded(pixels if geometry is None else fit_size(pixels, geometry), complaint)
    except MemoryError as error:
        raise StorageError(*NO_MEMORY) from error
    except Exception as error:  # a decoder's choice of exception says nothing about the cause
        raise DecodeError("cannot be decoded", words_of(error)) from error


def decoded_shape(header: Header, geometry: Geometry | None) -> Shape:
    """Return the shape that decoding will most likely give."""
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
        header: The header of its source.
        channels: Of the pixels that are written.
        image_format: `jpg`, `png`, or `keep`: lossy sources as JPEG, others as PNG.
        quality: 1..100, or `keep`: the source's own, or 95 if that is not known.
        subsampling: `444`, `422`, `420`, or `keep`: the source's own, or `420`.
    """
    if quality == "keep":
        quality = header.quality or DEFAULT_QUALITY
    if subsampling == "keep":
        source = header.subsampling
        subsampling = source if source in SUBSAMPLINGS else DEFAULT_SUBSAMPLING
    return Encoding(choose_file_format(header, channels, image_format), int(quality), subsampling)


def choose_file_format(header: Header, channels: int, image_format: str) -> FileFormat:
    """Return `jpg` or `png`: as asked, or with `keep` by the source."""
    if image_format in ("jpg", "png"):
        return "jpg" if image_format == "jpg" else "png"
    return "jpg" if header.format == "JPEG" or (not header.lossless and channels < 4) else "png"


def find_copy_obstacle(header: Header, image_format: str, geometry: Geometry | None) -> str | None:
    """Return the first of `COPY_OBSTACLES` that a file has; None if it may stand in the output itself."""
    file_format = {"JPEG": "jpg", "PNG": "png"}.get(header.format)
    fits = geometry is None or header.upright_size == (geometry.height, geometry.width)
    has_format = file_format is not None and image_format in ("keep", file_format)
    is_fine = (
        header.orientation == 1,
        has_format,
        fits,
        not header.frames,
        header.complete,
        not header.has_refused_metadata,
    )
    obstacles = (name for name, fine in zip(COPY_OBSTACLES, is_fine, strict=True) if not fine)
    return next(obstacles, None)


def encode(
    pixels: Pixels,
    file_format: FileFormat,
    quality: int,
    subsampling: str,
    background: Colour,
    profile: bytes = b"",
) -> bytes:
    """Encode upright pixels.

    Args:
        pixels: (H, W, C) uint8 or uint16, C-contiguous.
        file_format: `jpg` narrows 16 bit to 8 and flattens alpha on the background; `png` keeps all.
        quality: JPEG quality, 1..100.
        subsampling: JPEG chroma subsampling; without effect on grey images.
        background: Colour behind transparent pixels.
        profile: ICC profile that is written with them; may be empty.

    Raises:
        DecodeError: If the image cannot have this file format (JPEG sides end at 65500 pixels).
    """
    if file_format == "png":
        buffer = io.BytesIO()
        to_image(pixels).save(buffer, "PNG", icc_profile=profile or None)
        return buffer.getvalue()
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if pixels.shape[2] == 4:
        pixels = flatten(pixels, background)
    grey = pixels.shape[2] == 1
    try:
        data = simplejpeg.encode_jpeg(
            pixels,
            quality=quality,
            colorspace="GRAY" if grey else "RGB",
            colorsubsampling="Gray" if grey else subsampling,
            fastdct=False,
        )
    except ValueError as error:
        raise DecodeError("cannot be encoded", words_of(error)) from error
    return add_to_jpeg(data, profile) if profile else data


def flatten(pixels: Pixels, background: Colour, channels: int = 3) -> Pixels:
    """Lay RGBA uint8 pixels over a background, rounded to nearest: (H, W, 3), or 4 with all of it opaque."""
    behind = np.array([background.red, background.green, background.blue], np.uint32)
    flat = np.empty((*pixels.shape[:2], channels), np.uint8)
    flat[..., 3:] = 255
    for start in range(0, len(pixels), BAND):
        band = pixels[start : start + BAND]
        alpha = band[..., 3:].astype(np.uint32)
        flat[start : start + BAND, :, :3] = (band[..., :3] * alpha + behind * (255 - alpha) + 127) // 255
    return flat


def _decode_jpeg(
    data: bytes, header: Header, geometry: Geometry | None, buffer: Pixels | None
) -> tuple[Pixels | None, str]:
    """Decode by simplejpeg; gives no pixels where Pillow must look at it, and what libjpeg complained of."""
    if header.space not in ("YCbCr", "Gray"):
        return None, _find_complaint(data, header.space)
    try:
        least = (0, 0) if geometry is None else geometry.least_size(*header.upright_size)
        least = least[::-1] if header.orientation >= 5 else least
        pixels = simplejpeg.decode_jpeg(
            data,
            "RGB" if header.space == "YCbCr" else "GRAY",
            fastdct=False,
            min_height=least[0],
            min_width=least[1],
            buffer=buffer,
            strict=True,
        )
    except ValueError as error:
        return None, _complaint_of(error)
    return pixels, ""


def _find_complaint(data: bytes, space: str | None) -> str:
    """Return what libjpeg complains of in a JPEG that Pillow decodes, which says nothing of it."""
    try:
        simplejpeg.decode_jpeg(data, "CMYK" if space in ("CMYK", "YCCK") else "RGB", strict=True)
    except ValueError as error:
        return _complaint_of(error)
    return ""


def _complaint_of(error: ValueError) -> str:
    """Return what libjpeg complains of; empty where simplejpeg could not even try."""
    text = str(error)
    return text if text.startswith(COMPLAINTS) else ""


def _to_array(image: Image.Image) -> Pixels:
    """Read a Pillow image's first frame as grey, RGB or RGBA, 8 bit, or 16-bit grey."""
    if is_16_bit(image):
        values = np.asarray(image)
        if values.dtype.itemsize > 2 and (values.min() < 0 or values.max() > 65535):
            raise ValueError("32-bit integers beyond 16 bits have no 8- or 16-bit form")
        return values.astype(np.uint16)[..., None]
    if image.mode == "F":
        raise ValueError("floating-point pixels have no 8- or 16-bit form")
    mode = read_mode(image)
    array = np.empty((image.height, image.width, len(mode)), np.uint8)
    for start in range(0, image.height, BAND):
        band = image.crop((0, start, image.width, min(start + BAND, image.height)))
        read = np.asarray(band if band.mode == mode else band.convert(mode))
        array[start : start + BAND] = read.reshape(*read.shape[:2], -1)
    return array
