"""Images of sources and outputs as people look at them: upright, in 8 bits, their boxes and masks drawn."""

from __future__ import annotations

import io
from collections import Counter
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from augcli.errors import DecodeError, InputError, StorageError
from augcli.io.images import codec
from augcli.io.images.geometry import Geometry, upright_edges
from augcli.io.images.index_masks import bring_to_image, decode_mask
from augcli.io.images.outline_geometry import place_outlines
from augcli.io.records.annotation_columns import BOXES, EDGES
from augcli.io.records.outline_columns import read_outline
from augcli.io.store.names import printable_key
from augcli.kernels.match import match_pixels
from augcli.program.shares import scale_boxes
from augcli.report.colours import colour_of
from augcli.report.objects import CELL, DrawnObject, draw_objects
from augcli.report.wording import name_class
from augcli.samples import Colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.io.images.codec import Header
    from augcli.io.readers.base import Source
    from augcli.io.writers.base import Pair, Writer
    from augcli.program.annotated import Annotated
    from augcli.samples import ImageBoxes, Pixels, SoftLabel

THUMBNAIL, THUMBNAIL_QUALITY = 160, 78
"""The longer side of an image in a report, and its JPEG quality: some 5 kB."""

LARGE = 4 * CELL
"""The longer side from which on images are decoded to a cell's size: of a JPEG no more than that needs."""

SQUARES, BOARD = 24, ((204, 204, 204), (255, 255, 255))
"""The checkerboard behind transparent pixels: squares along the longer side, and their two colours."""


class DrawnSource(NamedTuple):
    """A sample drawn.

    Attributes:
        image: How it looks; None if that is not known.
        label: Its label.
        fault: Why it is not known, in words; empty if it is.
    """

    image: Image.Image | None
    label: SoftLabel | None = None
    fault: str = ""


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

    def count_boxes(self, split: str) -> Counter[str]:
        """Count the boxes of all samples of a split, by the name of their category."""
        header, counted = self._source.annotated.boxes, Counter[int]()
        for catalogue in self._source.catalogues:
            for boxes in (catalogue.boxes or ()) if catalogue.split == split else ():
                counted.update(boxes.categories if boxes else ())
        names = header.names if header else ()
        return Counter({name_class(number, names): count for number, count in counted.items()})

    def draw(self, key: str) -> DrawnSource:
        """Draw a sample, its boxes and mask where the data set has them; one that is gone has a fault.

        Raises:
            StorageError: If the machine fails.
        """
        if key not in self._places:
            return DrawnSource(None, fault="missing in SRC")
        try:
            return self._draw(key)
        except DecodeError:
            return DrawnSource(None, fault="not readable")

    def check_own(self, keys: Iterable[str]) -> None:
        """Refuse to show an output without all its sources: they are of another one.

        Args:
            keys: Sources of the outputs that are shown.

        Raises:
            InputError: If the data set has none of them.
        """
        wanted = list(keys)
        if wanted and not any(key in self._places for key in wanted):
            raise InputError(f"SRC has no {wanted[0]!r}; give the SRC that the output was made from")

    def _draw(self, key: str) -> DrawnSource:
        catalogue, sample = self._places[key]
        groups = self._source.groups.get(catalogue.split, [])
        groups = [group for group in groups if group.first <= sample < group.first + group.rows]
        samples = self._source.samples(catalogue, groups, 1)
        data, _ = samples.read(sample)
        header = codec.read_header(data, self.max_pixels)
        annotated, boxes = self._source.annotated, catalogue.boxes and catalogue.boxes[sample]
        image = _draw_decoded(data, header, is_alone=not annotated.masks and not boxes)
        if annotated.masks:
            mask, size = decode_mask(samples.read_mask(sample)), (image.height, image.width)
            image = tint(image, bring_to_image(mask, size, header.orientation, None, None).indices)
        if boxes:
            image = draw_objects(image, _list_objects(boxes, header))
        return DrawnSource(image, catalogue.labels[sample])


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
    boxes, header = row.get(BOXES) or (), codec.read_header(pair.image, max_pixels)
    image = _draw_decoded(pair.image, header, is_alone=not annotated.masks and not boxes)
    if annotated.masks:
        image = tint(image, decode_mask(pair.mask).indices)
    return draw_objects(
        image,
        (
            DrawnObject([box[edge] for edge in EDGES], box["category"], read_outline(box["outline"]))
            for box in boxes
        ),
    )


def _draw_decoded(data: bytes, header: Header, is_alone: bool) -> Image.Image:
    """Return an encoded image as RGB; a large one may be smaller where nothing is drawn into it."""
    sides, geometry = header.upright_size, None
    if is_alone and max(sides) > LARGE:
        height, width = (max(1, round(side * CELL / max(sides))) for side in sides)
        geometry = Geometry(height, width, "stretch", Colour(255, 255, 255))
    return draw_plain(codec.decode(data, header, geometry))


def _list_objects(boxes: ImageBoxes, header: Header) -> Iterator[DrawnObject]:
    """Yield the objects of a source as they lie in its upright image; none if they are not of this image."""
    boxes = scale_boxes(boxes, *header.upright_size)
    stored = header.height, header.width
    edges = upright_edges(boxes, stored, header.orientation)
    if edges is None:
        return
    sizes = stored, header.upright_size
    outlines = place_outlines(boxes, sizes, header.orientation, None).outlines or repeat(None)
    for bounds, category, outline in zip(edges.tolist(), boxes.categories, outlines, strict=False):
        yield DrawnObject(bounds, category, outline)


def encode_thumbnail(image: Image.Image) -> bytes:
    """Return an image as a small JPEG."""
    small, file = image.convert("RGB"), io.BytesIO()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small.save(file, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return file.getvalue()


def draw_plain(pixels: Pixels) -> Image.Image:
    """Return upright pixels as an 8-bit RGB image; transparent pixels show a checkerboard."""
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
