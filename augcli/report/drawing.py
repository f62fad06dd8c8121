"""Images of sources and outputs as people look at them: upright, in 8 bits, their boxes and masks drawn."""

from __future__ import annotations

import colorsys
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from augcli.errors import InputError, StorageError
from augcli.io.images import codec
from augcli.io.images.geometry import upright_edges
from augcli.io.images.index_masks import bring_to_image, decode_mask
from augcli.io.records.annotation_columns import BOXES, EDGES
from augcli.io.store.names import printable_key
from augcli.kernels.match import match_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.io.readers.base import Source
    from augcli.io.writers.base import Pair, Writer
    from augcli.program.annotated import Annotated
    from augcli.samples import Pixels, SoftLabel

CELL = 190
"""Pixels of the longer side of an image on a sheet."""

THUMBNAIL, THUMBNAIL_QUALITY = 160, 78
"""The longer side of an image in a report, and its JPEG quality: some 5 kB."""

GOLDEN = 0.6180339887498949
"""Steps of this length on a circle never come near each other soon."""

SQUARES, BOARD = 24, ((204, 204, 204), (255, 255, 255))
"""The checkerboard behind what is transparent: squares along the longer side, and their two colours."""


class SourceImages:
    """The images of a data set by their keys, as part rows name them."""

    def __init__(self, source: Source, max_pixels: int) -> None:
        """Prepare to draw the samples of a data set, none of more than `max_pixels`."""
        self._source, self.max_pixels = source, max_pixels
        self._places = {
            printable_key(key): (catalogue, sample)
            for catalogue in source.catalogues
            for sample, key in enumerate(catalogue.keys)
        }

    def draw(self, key: str) -> tuple[Image.Image, SoftLabel | None]:
        """Draw a sample, its boxes and mask where the data set has them; return its label, too.

        Raises:
            DecodeError: If it cannot be decoded.
            InputError: If the data set has no such sample.
            StorageError: If the machine fails.
        """
        if key not in self._places:
            raise InputError(f"SRC has no {key!r}; give the SRC that the output was made from")
        catalogue, sample = self._places[key]
        groups = self._source.groups.get(catalogue.split, [])
        groups = [group for group in groups if group.first <= sample < group.first + group.rows]
        samples = self._source.samples(catalogue, groups, 1)
        data, _ = samples.read(sample)
        header = codec.read_header(data, self.max_pixels)
        image = draw_plain(codec.decode(data, header))
        if self._source.annotated.masks:
            mask, size = decode_mask(samples.read_mask(sample)), (image.height, image.width)
            image = tint(image, bring_to_image(mask, size, header.orientation, None, None).indices)
        boxes = catalogue.boxes[sample] if catalogue.boxes else None
        if boxes:
            edges = upright_edges(boxes, (header.height, header.width), header.orientation)
            listed = [] if edges is None else edges.tolist()
            image = outline(image, zip(listed, boxes.categories, strict=False))
        return image, catalogue.labels[sample]


def load_results(writer: Writer, rows: Any, picked: Sequence[int]) -> Iterator[Pair]:
    """Yield the encoded images and masks of some rows of a chunk.

    Raises:
        InputError: If they are missing.
        OutputError: If a shard is damaged.
        StorageError: If the machine fails.
    """
    try:
        yield from writer.load(rows, picked)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        lost = error.__cause__.filename
        raise InputError(f"{str(lost)!r} is missing; run augcli again to restore it") from error


def draw_result(pair: Pair, row: dict[str, Any], annotated: Annotated, max_pixels: int) -> Image.Image:
    """Draw an output, with its boxes and mask."""
    image = draw_plain(codec.decode(pair.image, codec.read_header(pair.image, max_pixels)))
    if annotated.masks:
        image = tint(image, decode_mask(pair.mask).indices)
    boxes = row.get(BOXES) or ()
    return outline(image, (([box[edge] for edge in EDGES], box["category"]) for box in boxes))


def encode_thumbnail(image: Image.Image) -> bytes:
    """Return an image as a small JPEG."""
    small, file = image.convert("RGB"), io.BytesIO()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small.save(file, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return file.getvalue()


def draw_plain(pixels: Pixels) -> Image.Image:
    """Return upright pixels as an 8-bit RGB image; what is transparent shows a checkerboard."""
    if pixels.shape[2] < 4:
        return Image.fromarray(match_pixels(pixels, 3, np.dtype(np.uint8)))
    height, width = pixels.shape[:2]
    square = max(1, max(height, width) // SQUARES)
    is_second = (np.arange(height)[:, None] // square + np.arange(width) // square) % 2
    opaque = Image.fromarray(np.array(BOARD, np.uint8)[is_second]).convert("RGBA")
    return Image.alpha_composite(opaque, Image.fromarray(pixels)).convert("RGB")


def tint(image: Image.Image, mask: NDArray[Any]) -> Image.Image:
    """Lay the colours of a mask's indices half over an image; index 0 leaves it as it is."""
    plain = image.convert("RGB")
    colours = np.array([colour_of(index) for index in range(int(mask.max(initial=0)) + 1)], np.uint8)
    laid = Image.blend(plain, Image.fromarray(colours[mask]), 0.5)
    return Image.composite(laid, plain, Image.fromarray(mask > 0))


def outline(image: Image.Image, boxes: Iterable[tuple[Sequence[float], int]]) -> Image.Image:
    """Draw the edges of boxes (y0, x0, y1, x1), each category in its colour."""
    drawn = image.convert("RGB")
    draw = ImageDraw.Draw(drawn)
    width = max(1, round(max(drawn.size) / CELL))  # what remains one pixel on the sheet
    for (y0, x0, y1, x1), category in boxes:
        draw.rectangle((x0, y0, max(x1 - 1, x0), max(y1 - 1, y0)), None, colour_of(category + 1), width)
    return drawn


def colour_of(index: int) -> tuple[int, int, int]:
    """Return a colour for an index that is far from those of its neighbours."""
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.9, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
