"""Plain frozen values that pass between the layers: areas, steps, labels, samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from augcli.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from augcli.boxes import ImageBoxes

    Pixels: TypeAlias = NDArray[Any]  # (H, W, C) uint8 or uint16; NumPy's types cannot say the union well

Q16 = 65536
"""One, in the fixed-point weights of `Blend`."""

LUMA_Q16 = (19595, 38470, 7471)
"""Weights of red, green and blue in grey: ITU-R BT.601, as Pillow's "L"."""


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
class Colour:
    """An 8-bit RGB colour; on grey it becomes its luma, on 16 bit it is multiplied by 257."""

    red: int
    green: int
    blue: int

    def __post_init__(self) -> None:
        if not all(0 <= value <= 255 for value in (self.red, self.green, self.blue)):
            raise PlanError(f"a colour's values must be in 0..255, got {self}")

    @property
    def luma(self) -> int:
        """The colour on a grey image, 0..255, rounded."""
        red, green, blue = LUMA_Q16
        return (red * self.red + green * self.green + blue * self.blue + Q16 // 2) >> 16

    def __str__(self) -> str:
        return f"{self.red},{self.green},{self.blue}"


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


class Shape(NamedTuple):
    """Size of an image as the planner sees it: rows, columns, channels (1, 3, 4), bits (8, 16)."""

    height: int
    width: int
    channels: int = 3
    depth: int = 8

    @classmethod
    def of(cls, pixels: Pixels) -> Shape:
        """Give the size of an image."""
        height, width, channels = pixels.shape
        return cls(height, width, channels, 8 * pixels.dtype.itemsize)


@dataclass(frozen=True, slots=True)
class SoftLabel:
    """Weights over classes: indices ascending, weights of the same length.

    An index label has one class of weight 1.0; weights that do not sum to 1 are multi-hot.
    """

    classes: tuple[int, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.weights) or not self.classes:
            raise PlanError(f"a label needs as many weights as classes, and one at least, got {self}")
        if any(a >= b for a, b in zip(self.classes, self.classes[1:], strict=False)):
            raise PlanError(f"a label's classes must be ascending, got {self.classes}")

    @property
    def sums_to_one(self) -> bool:
        """Whether the weights are shares of one whole (float32 input is allowed its rounding)."""
        return abs(sum(self.weights) - 1.0) <= 1e-4


class MaskFiles(NamedTuple):
    """The masks of a folder's samples, as parallel columns: path, None where there is none, size, version."""

    paths: Sequence[str | None]
    sizes: NDArray[np.int64]
    versions: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Samples of one split, by key, as parallel columns (a million of them must stay small).

    `key` is the POSIX path below SRC, for parquet `shard#row`. `sizes` are bytes and `versions`
    nanoseconds of the modification time, int64; a sample whose size or version changes is another one.
    `boxes` are each sample's, None where it has none, or None for a split without boxes; `masks` the files of
    a folder's masks.
    """

    split: str
    keys: Sequence[str]
    sizes: NDArray[np.int64]
    versions: NDArray[np.int64]
    labels: Sequence[SoftLabel | None]
    classes: tuple[str, ...] | None
    boxes: Sequence[ImageBoxes | None] | None = None
    masks: MaskFiles | None = None

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Failure:
    """A sample that gave no output: its key, the stage that failed, why, and the decoder's words."""

    source: str
    stage: str
    reason: str
    detail: str


class RowGroup(NamedTuple):
    """A row group of a parquet shard: its rows are samples `first..first + rows - 1` of the catalogue."""

    shard: str
    number: int
    first: int
    rows: int
    bytes: int

    def slice_rows(self, number: int, slices: int) -> range:
        """Give the samples of one of `slices` slices; the last may be short or empty."""
        length = -(-self.rows // slices)
        stop = self.first + self.rows
        return range(min(self.first + number * length, stop), min(self.first + (number + 1) * length, stop))


class Output(NamedTuple):
    """One written image and all that the tables say of it.

    Attributes:
        file_name: POSIX path below the table; in parquet form the `path` inside the image column.
        source: Key of the base.
        partners: Keys of the partners by slot.
        op: Kinds applied, joined by `+`; `none` or `original` where none was.
        copy: Number of the copy, -1 for an original.
        reason: Why an operation that could have been applied was not.
        steps: The program.
        label: Dominant class; None where unlabelled.
        exact: The label before smoothing; None where unlabelled.
        lam: The base's own share of the pixels.
        height: Rows of the written image.
        width: Columns of the written image.
        bytes: Length of the written file.
        hash: BLAKE2b-128 of the written file, hex.
        visible: Slot of the first partner that has pixels in the output; None where none has.
        labels: Labels of the base and of the partners by slot, None for those without.
    """

    file_name: str
    source: str
    partners: tuple[str, ...]
    op: str
    copy: int
    reason: str
    steps: Program
    label: int | None
    exact: SoftLabel | None
    lam: float
    height: int
    width: int
    bytes: int
    hash: str
    visible: int | None
    labels: tuple[SoftLabel | None, ...]
