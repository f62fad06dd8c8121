"""Where an image's pixels come to lie: upright by its orientation, and at the size that `--size` asks for.

Pixels, masks and boxes follow the same `Placement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.samples import Colour, Edges, ImageBoxes, Pixels


class Placement(NamedTuple):
    """Which part of an upright image is read, and which part of the wanted size it is stretched over.

    Attributes:
        source: y0, x0, y1, x1 in the image, half-open, not always whole.
        target: y0, x0, y1, x1 in the wanted size, half-open.
    """

    source: Edges
    target: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The one size that every sample is brought to at load, and how (`crop`, `pad` or `stretch`)."""

    height: int
    width: int
    fit: str
    background: Colour

    def place(self, height: int, width: int) -> Placement:
        """Return the place of an upright image: cut (`crop`), framed (`pad`) or stretched."""
        whole = (0, 0, self.height, self.width)
        if self.fit == "crop":
            return Placement(self._crop(height, width), whole)
        if self.fit == "stretch":
            return Placement((0, 0, height, width), whole)
        ratio = min(self.width / width, self.height / height)
        # A very long image keeps a line of pixels.
        inner = (max(1, round(height * ratio)), max(1, round(width * ratio)))
        y0, x0 = (self.height - inner[0]) // 2, (self.width - inner[1]) // 2
        return Placement((0, 0, height, width), (y0, x0, y0 + inner[0], x0 + inner[1]))

    def is_still(self, height: int, width: int) -> bool:
        """True if every pixel of an upright image keeps its place."""
        return (height, width) == (self.height, self.width)

    def least_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the size that decoding must keep: twice the wanted one, so that the filter decides."""
        ratios = (self.height / height, self.width / width)
        if self.fit == "stretch":
            return 2 * self.height, 2 * self.width
        ratio = max(ratios) if self.fit == "crop" else min(ratios)
        return int(2 * height * ratio), int(2 * width * ratio)

    def _crop(self, height: int, width: int) -> Edges:
        """Return the largest part around the centre that has the wanted ratio of sides."""
        ratio = self.width / self.height
        if width / height == ratio:
            cut = (float(width), float(height))
        elif width / height >= ratio:
            cut = (ratio * height, float(height))
        else:
            cut = (float(width), width / ratio)
        left, top = (width - cut[0]) * 0.5, (height - cut[1]) * 0.5
        return top, left, top + cut[1], left + cut[0]


def turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (1..8) of a (H, W, ...) array."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    flip_rows, flip_columns = _flips(orientation)
    return np.ascontiguousarray(pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


def turn_edges(edges: NDArray[np.float64], orientation: int, height: int, width: int) -> NDArray[np.float64]:
    """Undo an EXIF orientation of boxes.

    Args:
        edges: (n, 4): y0, x0, y1, x1 in the stored image.
        orientation: 1..8.
        height: Rows of the stored image.
        width: Columns of the stored image.
    """
    if orientation >= 5:
        edges, height, width = edges[:, [1, 0, 3, 2]], width, height
    turned = edges.copy()
    for axis, (is_flipped, side) in enumerate(zip(_flips(orientation), (height, width), strict=True)):
        if is_flipped:
            turned[:, [axis, axis + 2]] = side - edges[:, [axis + 2, axis]]
    return turned


def turn_points(
    points: NDArray[np.float64], orientation: int, height: int, width: int
) -> NDArray[np.float64]:
    """Undo an EXIF orientation of points (n, 2), y and x, of a stored image of a height and width."""
    return turn_edges(np.tile(points, 2), orientation, height, width)[:, :2]


def upright_edges(boxes: ImageBoxes, stored: tuple[int, int], orientation: int) -> NDArray[np.float64] | None:
    """Return boxes (n, 4) in the upright image; None if they belong to an image of another size.

    They are taken to belong to the upright image, as viewers show it. Only where the size that was noted with
    them is the stored image's alone, they belong to that.

    Args:
        boxes: As the input says them.
        stored: Height and width of the image as stored.
        orientation: Its EXIF orientation, 1..8.
    """
    said, upright = (boxes.height, boxes.width), stored[::-1] if orientation >= 5 else stored
    if 0 in said or said == upright:
        return boxes.edges
    return turn_edges(boxes.edges, orientation, *stored) if said == stored else None


def fit_size(pixels: Pixels, geometry: Geometry) -> Pixels:
    """Bring (H, W, C) pixels to one size, by Pillow's bicubic filter."""
    if pixels.shape[:2] == (geometry.height, geometry.width):
        return pixels
    if pixels.dtype == np.uint16:  # Pillow filters 16 bit only as 32-bit floats
        image = Image.fromarray(pixels[..., 0].astype(np.float32))
    else:
        image = to_image(pixels)
    (top, left, bottom, right), (y0, x0, y1, x1) = geometry.place(image.height, image.width)
    resized = image.resize((x1 - x0, y1 - y0), Image.Resampling.BICUBIC, box=(left, top, right, bottom))
    if resized.size != (geometry.width, geometry.height):
        ink = _ink(image.mode, geometry.background)
        framed = Image.new(image.mode, (geometry.width, geometry.height), ink)
        framed.paste(resized, (x0, y0))
        resized = framed
    fitted = np.array(resized)
    if pixels.dtype == np.uint16:
        return np.clip(np.rint(fitted), 0, 65535).astype(np.uint16)[..., None]
    return fitted.reshape(*fitted.shape[:2], -1)


def fit_mask(mask: NDArray[np.integer], geometry: Geometry, frame: int | None) -> NDArray[np.integer]:
    """Bring (H, W) indices to one size: each pixel has the nearest; `frame` lies around a padded mask.

    Raises:
        ValueError: If there is a frame to fill and no index for it, or an index that does not fit the mask.
    """
    target = geometry.place(*mask.shape).target
    if frame is None and target != (0, 0, geometry.height, geometry.width):
        raise ValueError("a padded mask needs an index for its frame")
    if frame is not None and frame > np.iinfo(mask.dtype).max:
        raise ValueError(f"an index of {frame} does not fit a mask of {mask.dtype}; give a smaller one")
    rows, columns = (
        _nearest_places(geometry, mask.shape, axis, 0, target[axis + 2] - target[axis]).clip(0, length - 1)
        for axis, length in enumerate(mask.shape)
    )
    fitted = np.full((geometry.height, geometry.width), frame or 0, mask.dtype)
    fitted[target[0] : target[2], target[1] : target[3]] = mask[np.ix_(rows, columns)]
    return fitted


def find_nearest(geometry: Geometry, upright: tuple[int, int], axis: int) -> tuple[int, NDArray[np.int64]]:
    """Return which row or column of an image each of the wanted size has, as masks are read.

    Args:
        geometry: The wanted size.
        upright: Height and width of the image.
        axis: 0 for rows, 1 for columns.

    Returns:
        The first row or column, and what each from there on has. All of the image are among them, so that
        some may lie outside of the wanted size, or of the image.
    """
    target = geometry.place(*upright).target
    size, (read, made) = target[axis + 2] - target[axis], _step(geometry, upright, axis)
    margin = max(0, upright[axis] * made // read - size) // 2 + 2
    return target[axis] - margin, _nearest_places(geometry, upright, axis, -margin, size + margin)


def _nearest_places(
    geometry: Geometry, upright: tuple[int, ...], axis: int, start: int, stop: int
) -> NDArray[np.int64]:
    """Return which row or column each of the target has, from start to stop."""
    target = geometry.place(upright[0], upright[1]).target
    size, (read, made) = target[axis + 2] - target[axis], _step(geometry, upright, axis)
    # Around the middle, in whole numbers: no pixel may fall on the other side of an edge by rounding.
    return (upright[axis] * made + (2 * np.arange(start, stop) + 1 - size) * read) // (2 * made)


def _step(geometry: Geometry, upright: tuple[int, ...], axis: int) -> tuple[int, int]:
    """Return how many pixels of an image become how many of the wanted size, along an axis."""
    target = geometry.place(upright[0], upright[1]).target
    steps = [(upright[axis], target[axis + 2] - target[axis]) for axis in (0, 1)]
    return min(steps, key=lambda step: step[0] / step[1]) if geometry.fit == "crop" else steps[axis]


def fit_edges(edges: NDArray[np.float64], geometry: Geometry, height: int, width: int) -> NDArray[np.float64]:
    """Move boxes (n, 4) of an upright image to where they lie at one size; they may then lie outside."""
    return np.hstack([fit_points(corners, geometry, height, width) for corners in np.hsplit(edges, 2)])


def fit_points(
    points: NDArray[np.float64], geometry: Geometry, height: int, width: int
) -> NDArray[np.float64]:
    """Move points (n, 2), y and x, of an upright image to where they lie at one size."""
    source, target = geometry.place(height, width)
    moved = points.copy()
    for axis in (0, 1):
        scale = (target[axis + 2] - target[axis]) / (source[axis + 2] - source[axis])
        moved[:, axis] = target[axis] + (points[:, axis] - source[axis]) * scale
    return moved


def to_image(pixels: Pixels) -> Image.Image:
    """Return (H, W, C) pixels as a Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _flips(orientation: int) -> tuple[bool, bool]:
    """Return whether rows and columns run backwards, once they have been exchanged where they must be.

    The tag says where the stored first row and column belong: 2, 3, 7, 8 etc. name the mirrored sides.
    """
    return orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)


def _ink(mode: str, colour: Colour) -> int | tuple[int, ...]:
    """Return a colour for a Pillow image of a mode that is loaded here; `F` holds 16-bit grey."""
    if mode in ("L", "F"):
        return colour.luma * 257 if mode == "F" else colour.luma
    return (colour.red, colour.green, colour.blue, 255)[: len(mode)]
