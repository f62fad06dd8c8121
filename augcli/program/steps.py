"""Steps, and the areas that they change: plain frozen values that pass between the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from augcli.errors import PlanError
from augcli.samples import Q16, Colour, Colour16

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Bounds: TypeAlias = tuple[int, int, int, int]  # y0, x0, y1, x1
    Cuts: TypeAlias = tuple[Sequence[int], Sequence[int]]


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

    # What an area of an image of H×W pixels is asked; `Patches` answers the same.

    def bounds(self, height: int, width: int) -> Bounds:
        """Return the smallest box around the area, as y0, x0, y1, x1."""
        return self.y0, self.x0, self.y1, self.x1

    def boxes(self, height: int, width: int) -> list[Box]:
        """Return the disjoint boxes that make up the area."""
        return [self]

    def cuts(self, height: int, width: int) -> Cuts:
        """Return the rows and the columns at which the area may begin or end."""
        return (self.y0, self.y1), (self.x0, self.x1)

    def covers(
        self, ys: NDArray[np.integer], xs: NDArray[np.integer], height: int, width: int
    ) -> NDArray[np.bool_]:
        """Return for each pixel of rows `ys` and columns `xs` whether it belongs to the area."""
        rows, columns = (ys >= self.y0) & (ys < self.y1), (xs >= self.x0) & (xs < self.x1)
        return rows[:, None] & columns


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

    def check_grid(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the grid of an image of H×W pixels.

        Raises:
            PlanError: If the bitmap does not have one byte per cell.
        """
        rows, columns = -(-height // self.height), -(-width // self.width)
        if len(self.bitmap) != rows * columns:
            raise PlanError(f"the bitmap has {len(self.bitmap)} cells, the grid {rows}x{columns}")
        return rows, columns

    def bounds(self, height: int, width: int) -> Bounds:
        """Return the smallest box around the area, as y0, x0, y1, x1; zeros where the area is empty.

        Raises:
            PlanError: As for `check_grid`.
        """
        boxes = self.boxes(height, width)
        if not boxes:
            return 0, 0, 0, 0
        y0, x0 = min(box.y0 for box in boxes), min(box.x0 for box in boxes)
        return y0, x0, max(box.y1 for box in boxes), max(box.x1 for box in boxes)

    def boxes(self, height: int, width: int) -> list[Box]:
        """Return the boxes of the cells that belong to the area, row by row.

        Raises:
            PlanError: As for `check_grid`.
        """
        _, columns = self.check_grid(height, width)
        boxes = []
        for cell, is_inside in enumerate(self.bitmap):
            if is_inside:
                y0, x0 = cell // columns * self.height, cell % columns * self.width
                y1, x1 = min(y0 + self.height, height), min(x0 + self.width, width)
                boxes.append(Box(y0, x0, y1, x1))
        return boxes

    def cuts(self, height: int, width: int) -> Cuts:
        """Return the rows and the columns at which the area may begin or end: the lines of its grid.

        Raises:
            PlanError: As for `check_grid`.
        """
        self.check_grid(height, width)
        return range(0, height, self.height), range(0, width, self.width)

    def covers(
        self, ys: NDArray[np.integer], xs: NDArray[np.integer], height: int, width: int
    ) -> NDArray[np.bool_]:
        """Return for each pixel of rows `ys` and columns `xs` whether it belongs to the area.

        Raises:
            PlanError: As for `check_grid`.
        """
        import numpy as np  # here, since `augcli --help` loads this module and no NumPy

        cells = np.frombuffer(self.bitmap, np.uint8).reshape(self.check_grid(height, width)) != 0
        return cells[np.ix_(ys // self.height, xs // self.width)]


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


Paint: TypeAlias = Colour | Colour16 | Uniform | Normal | ImageMean


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
