"""Plain frozen values that pass between the layers: areas, steps, labels, samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from augcli.errors import PlanError
from augcli.samples import Q16, Colour


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open rectangle of pixels, rows first: `y0 <= y < y1`, `x0 <= x < x1`. May be empty."""

    y0: int
    x0: int
    y1: int
    x1: int

    def __post_init__(self) -> None:
        if not (0 <= self.y0 <= self.y1 and 0 <= self.x0 <= self.x1):
            raise PlanError(f"a box needs 0 <= y0 <= y1 and 0 <= x0 <= x1, got {self}")

    @property
    def height(self) -> int:
        """Rows covered."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Columns covered."""
        return self.x1 - self.x0

    @property
    def area(self) -> int:
        """Pixels covered."""
        return self.height * self.width


@dataclass(frozen=True, slots=True)
class Patches:
    """Cells of a grid of patches laid from the top left; cells at the right and bottom may be smaller.

    `bitmap` has one byte per cell, row by row, 1 where the cell belongs to the area. The grid of an
    image of H×W pixels has ceil(H / height) rows and ceil(W / width) columns.
    """

    height: int
    width: int
    bitmap: bytes

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise PlanError(f"a patch needs at least 1x1 pixels, got {self.height}x{self.width}")

    def check_grid(self, image_height: int, image_width: int) -> tuple[int, int]:
        """Give rows and columns of an image's grid.

        Raises:
            PlanError: If the bitmap does not have one byte per cell.
        """
        rows, columns = -(-image_height // self.height), -(-image_width // self.width)
        if len(self.bitmap) != rows * columns:
            raise PlanError(f"the bitmap has {len(self.bitmap)} cells, the grid {rows}x{columns}")
        return rows, columns

    def cells(self, image_height: int, image_width: int) -> list[Box]:
        """List the boxes of the cells that belong to the area, row by row.

        Raises:
            PlanError: If the bitmap does not have one byte per cell of this image's grid.
        """
        _, columns = self.check_grid(image_height, image_width)
        boxes = []
        for cell, inside in enumerate(self.bitmap):
            if inside:
                y0, x0 = cell // columns * self.height, cell % columns * self.width
                y1, x1 = min(y0 + self.height, image_height), min(x0 + self.width, image_width)
                boxes.append(Box(y0, x0, y1, x1))
        return boxes


Area: TypeAlias = Box | Patches


@dataclass(frozen=True, slots=True)
class Uniform:
    """Noise: every value uniform over the full range, a hash of its place in the image and of `key`."""

    key: int


@dataclass(frozen=True, slots=True)
class Normal:
    """Noise: every value normal, clipped to the range; a hash of its place in the image and of `key`.

    `mean` and `std` are shares of the full range, for red, green and blue.
    """

    key: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ImageMean:
    """The base's own mean as it was loaded; it becomes a colour before the steps run."""


Paint: TypeAlias = Colour | Uniform | Normal | ImageMean


@dataclass(frozen=True, slots=True)
class Fill:
    """Paint an area with a colour or noise, opaque. The label stays: a hole leaves it to what it covers."""

    area: Area
    fill: Paint


@dataclass(frozen=True, slots=True)
class Paste:
    """Replace an area by pixels of partner `slot`.

    `source` is the part of the partner that is stretched over the area; None reads the same place, as
    if the partner had been stretched to the base's size.
    """

    area: Area
    slot: int
    source: Box | None = None


@dataclass(frozen=True, slots=True)
class Blend:
    """Mix an area: base·w + partner·(65536 - w), w = `weight_q16` in 0..65536."""

    area: Area
    weight_q16: int
    slot: int

    def __post_init__(self) -> None:
        if not 0 <= self.weight_q16 <= Q16:
            raise PlanError(f"a blend's weight must be in 0..65536, got {self.weight_q16}")


Step: TypeAlias = Fill | Paste | Blend
Program: TypeAlias = tuple[Step, ...]
