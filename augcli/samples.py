"""Plain frozen values that pass between all layers: images, labels, and the samples of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from operator import lt
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from augcli.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[Any]  # (H, W, C) uint8 or uint16; NumPy's types cannot say the union well


Q16 = 65536
"""One, in the fixed-point weights of `Blend`."""


LUMA_Q16 = (19595, 38470, 7471)
"""Weights of red, green and blue in grey: ITU-R BT.601, as Pillow's "L"."""


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
        return _luma(self.red, self.green, self.blue)

    def __str__(self) -> str:
        return f"{self.red},{self.green},{self.blue}"


@dataclass(frozen=True, slots=True)
class Colour16:
    """A colour of 16-bit values, on a 16-bit image; on grey it becomes its luma."""

    red: int
    green: int
    blue: int

    def __post_init__(self) -> None:
        if not all(0 <= value <= 65535 for value in (self.red, self.green, self.blue)):
            raise PlanError(f"a colour's 16-bit values must be in 0..65535, got {self}")

    @property
    def luma(self) -> int:
        """The colour on a grey image, 0..65535, rounded."""
        return _luma(self.red, self.green, self.blue)


def _luma(*values: int) -> int:
    """Return the luma of red, green and blue, rounded."""
    return (sum(weight * value for weight, value in zip(LUMA_Q16, values, strict=True)) + Q16 // 2) >> 16


class Shape(NamedTuple):
    """Size of an image as the planner sees it: rows, columns, channels (1, 3, 4), bits (8, 16)."""

    height: int
    width: int
    channels: int = 3
    depth: int = 8

    @classmethod
    def of(cls, pixels: Pixels) -> Shape:
        """Return the size of an image."""
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
        classes = self.classes
        if len(classes) != len(self.weights) or not classes:
            raise PlanError(f"a label needs as many weights as classes, and one at least, got {self}")
        if len(classes) > 1 and not all(map(lt, classes, classes[1:])):
            raise PlanError(f"a label's classes must be ascending, got {classes}")

    @property
    def sums_to_one(self) -> bool:
        """True if the weights are shares of one whole (float32 input is allowed its rounding)."""
        return abs(sum(self.weights) - 1.0) <= 1e-4


class MaskFiles(NamedTuple):
    """The masks of a folder's samples, as parallel columns; the key of a sample without a mask is None."""

    keys: Sequence[str | None]
    sizes: NDArray[np.int64]
    versions: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Samples of one split, by key, as parallel columns (a million of them must stay small).

    `key` is the POSIX path below SRC, for parquet `shard#row`. `sizes` are bytes and `versions`
    nanoseconds of the modification time, int64; a sample whose size or version changes is another sample.
    `boxes` holds the boxes of each sample, None if it has none; it is None for a split without boxes. `masks`
    are the files of a folder's masks. Samples whose `left_out` is True have no outputs, and are nobody's
    partners; None leaves out none.
    """

    split: str
    keys: Sequence[str]
    sizes: NDArray[np.int64]
    versions: NDArray[np.int64]
    labels: Sequence[SoftLabel | None]
    classes: tuple[str, ...] | None
    boxes: Sequence[ImageBoxes | None] | None = None
    masks: MaskFiles | None = None
    left_out: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def leave_out(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return samples, in the order in which they are given, without those that are left out."""
        return samples if self.left_out is None else samples[~self.left_out[samples]]


@dataclass(frozen=True, slots=True)
class Failure:
    """A sample that gave no output, or a warning: its key, the stage, why, and the words of who found it."""

    source: str
    stage: str
    reason: str
    detail: str


class RowGroup(NamedTuple):
    """A row group of a parquet shard: its rows are samples `first..first + rows - 1` of the catalogue.

    Where only some of its rows are needed, `wanted` are these, ascending; only they are samples then, the
    first of them `first`.
    """

    shard: str
    number: int
    first: int
    rows: int
    bytes: int
    wanted: tuple[int, ...] | None = None

    def portion_rows(self, number: int, portions: int) -> range:
        """Return the samples of portion `number` of `portions`; the last may be short or empty."""
        length = -(-self.rows // portions)
        stop = self.first + self.rows
        return range(min(self.first + number * length, stop), min(self.first + (number + 1) * length, stop))


Edges: TypeAlias = tuple[float, float, float, float]
"""y0, x0, y1, x1 in pixels, half-open, not always whole."""


class Polygons(NamedTuple):
    """The form of an object as outlines of one or more parts, in pixels of its image.

    Attributes:
        points: (n, 2) float64: y, x of the corners of all parts, one part behind the other.
        parts: How many of these corners each part has.
    """

    points: NDArray[np.float64]
    parts: tuple[int, ...]


class Corners(NamedTuple):
    """The form of an object as an oriented box.

    Attributes:
        points: (4, 2) float64: y, x of its corners in the order of the input, in pixels of its image.
    """

    points: NDArray[np.float64]


class RunLengths(NamedTuple):
    """The form of an object as the pixels that it covers: run lengths, as COCO's RLE has them.

    Attributes:
        height: Rows of the image.
        width: Columns of the image.
        runs: int64: lengths of runs, down the columns, the first of them of pixels outside.
        is_text: Whether the input writes them as COCO's compressed text.
    """

    height: int
    width: int
    runs: NDArray[np.int64]
    is_text: bool = False


Form: TypeAlias = Polygons | Corners | RunLengths


class Outline(NamedTuple):
    """What the input says of the place of an object beside its box.

    Attributes:
        form: Which part of the image it covers; None if nothing says so.
        keypoints: (k, 3) float64: y and x from the image's corner, as edges are, so that a point stands on
            the pixel floor(y), floor(x); and 0 for a point that is not there, 1 for a hidden point, 2 for a
            visible point; None if it has no keypoints.
        area: Pixels that it covers, as the input counts them; None where it does not.
    """

    form: Form | None = None
    keypoints: NDArray[np.float64] | None = None
    area: float | None = None

    @property
    def facts(self) -> bytes:
        """All that it says, as bytes: equal only if it is equal."""
        form, keypoints = self.form, self.keypoints
        texts: list[object] = [type(form).__name__, self.area, None if keypoints is None else keypoints.shape]
        arrays: list[NDArray[Any]] = [] if keypoints is None else [keypoints]
        if isinstance(form, RunLengths):
            texts += [form.height, form.width, form.is_text]
            arrays.append(form.runs)
        elif form is not None:
            texts += [form.points.shape, getattr(form, "parts", ())]
            arrays.append(form.points)
        return repr(texts).encode() + b"".join(array.tobytes() for array in arrays)


class SkippedBox(NamedTuple):
    """A box of the input that is not right, and was left out.

    Attributes:
        reason: What is wrong with it, in few words, by which such boxes are counted.
        detail: Where it stands, and what stands there.
    """

    reason: str
    detail: str


class ImageBoxes(NamedTuple):
    """The boxes of an image that is read.

    Attributes:
        height: Rows of the image as the input says them; 0 where it does not.
        width: Columns of the image; 0 where the input does not say them.
        edges: (n, 4) float64: y0, x0, y1, x1 in pixels, half-open, y0 < y1 and x0 < x1.
        categories: For each box, an index into `BoxHeader.names`.
        extras: For each box what else the input says of it, as JSON text of an object.
        extra: What else the input says of the image, as JSON text of an object.
        outlines: For each box what the input says of the place of its object beside it; empty where it says
            nothing of any. The box of an object that has only an outline is the bounds of that.
        skipped: The boxes that were left out, since they are not right.
        are_shares: Whether edges and outlines are shares of the upright image's sides, 0..1, in place of
            pixels: its size is known when it is read.
    """

    height: int
    width: int
    edges: NDArray[np.float64]
    categories: tuple[int, ...]
    extras: tuple[str, ...]
    extra: str
    outlines: tuple[Outline | None, ...] = ()
    skipped: tuple[SkippedBox, ...] = ()
    are_shares: bool = False

    def keep(self, numbers: Sequence[int], skipped: Sequence[SkippedBox]) -> ImageBoxes:
        """Return some of the boxes, by their numbers; those that are left out are `skipped` from now on."""
        return self._replace(
            edges=self.edges[list(numbers)],
            categories=tuple(self.categories[number] for number in numbers),
            extras=tuple(self.extras[number] for number in numbers),
            outlines=tuple(self.outlines[number] for number in numbers) if self.outlines else (),
            skipped=(*self.skipped, *skipped),
        )
