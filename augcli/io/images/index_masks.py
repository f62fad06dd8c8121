"""Index masks: PNG files whose pixels are numbers of classes, as grey levels or entries of a palette.

Values that are not indices (colour, alpha, floating point, a lossy form) are refused: a mean of two indices
would be a third one that nobody drew.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from augcli.errors import DecodeError, StorageError
from augcli.io.images.geometry import fit_mask, turn_upright
from augcli.io.images.headers import NO_MEMORY
from augcli.io.images.png_chunks import SIGNATURE, has_refused_texts, without_metadata
from augcli.io.store.pointers import LFS_CURE, is_lfs_pointer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.io.images.geometry import Geometry

MODES = ("1", "L", "P", "I;16")
"""Pillow's names of what a mask may be: 1 and 8 bit grey, palette, 16 bit grey."""

CURE = "give index masks: grey or palette PNG, 8 or 16 bit"


class MaskHeader(NamedTuple):
    """Size of a mask as stored, and whether a pixel has one bit, which readers understand differently."""

    height: int
    width: int
    is_one_bit: bool


@dataclass(frozen=True, slots=True)
class Mask:
    """A decoded mask.

    Attributes:
        indices: (H, W) uint8 or uint16.
        palette: RGB of each index, three bytes each; None for grey.
        transparency: Opacity of the palette's entries, or the clear entry; None if all are opaque.
    """

    indices: NDArray[Any]
    palette: bytes | None = None
    transparency: bytes | int | None = None


def read_mask_header(data: bytes) -> MaskHeader:
    """Read the size of an encoded mask.

    Raises:
        DecodeError: If it is not an index mask.
    """
    with _open(data) as image:
        return MaskHeader(image.height, image.width, image.mode == "1")


def decode_mask(data: bytes) -> Mask:
    """Decode a mask; 1-bit masks become 8-bit ones of 0 and 1.

    Raises:
        DecodeError: If it is not an index mask, or damaged.
        StorageError: If memory runs out, which says nothing about the mask.
    """
    with _open(data) as image:
        try:
            values = np.array(image)
        except MemoryError as error:
            raise StorageError(*NO_MEMORY) from error
        except Exception as error:  # a decoder's choice of exception says nothing about the cause
            raise DecodeError("mask cannot be decoded", f"{type(error).__name__}: {error}") from error
        indices = values.astype(np.uint16 if values.itemsize > 1 else np.uint8)
        if image.mode != "P":
            return Mask(indices)
        return Mask(indices, bytes(image.getpalette() or ()), image.info.get("transparency"))


def bring_to_image(
    mask: Mask, upright: tuple[int, int], orientation: int, geometry: Geometry | None, frame: int | None
) -> Mask:
    """Turn and fit a mask as its image was, each pixel to the nearest index.

    Args:
        mask: As stored, either as large as the upright image or, turned, as the stored one.
        upright: Height and width of the upright image.
        orientation: EXIF orientation of the image.
        geometry: The size that the image was brought to.
        frame: Index around a padded mask.

    Raises:
        DecodeError: If the frame's index does not fit the mask.
    """
    indices = mask.indices
    if indices.shape != upright:
        indices = turn_upright(indices, orientation)
    if geometry is not None:
        try:
            indices = fit_mask(indices, geometry, frame)
        except ValueError as error:
            raise DecodeError("index does not fit its mask", str(error)) from error
    return replace(mask, indices=indices)


def encode_mask(mask: Mask) -> bytes:
    """Encode a mask as PNG of its own depth, with its palette."""
    image = Image.fromarray(mask.indices)
    options: dict[str, Any] = {}
    if mask.palette is not None:
        # Eight bits and an entry for every index: Pillow would pack fewer bits for a short palette.
        entries = max(int(mask.indices.max(initial=0)) + 1, len(mask.palette) // 3)
        image.putpalette(mask.palette.ljust(3 * entries, b"\0"))
        options = {"bits": 8}
        if mask.transparency is not None:
            options["transparency"] = mask.transparency
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def _open(data: bytes) -> Image.Image:
    """Open a mask, its pixels not yet decoded."""
    if not data:
        raise DecodeError("empty mask", CURE)
    try:
        is_refused = data.startswith(SIGNATURE) and has_refused_texts(data)
        image = Image.open(io.BytesIO(without_metadata(data) if is_refused else data), formats=("PNG",))
    except MemoryError as error:
        raise StorageError(*NO_MEMORY) from error
    except UnidentifiedImageError as error:  # its words hold an address, another one each time
        if is_lfs_pointer(data):
            raise DecodeError(f"not a mask: {LFS_CURE}") from error
        raise DecodeError("not a mask", f"no PNG; {CURE}") from error
    except Exception as error:  # as in `decode_mask`
        raise DecodeError("not a mask", f"{type(error).__name__}: {error}; {CURE}") from error
    if image.mode not in MODES:
        raise DecodeError("not an index mask", f"its pixels are {image.mode}; {CURE}")
    return image
