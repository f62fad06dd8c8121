"""What an operation is: a frozen dataclass that plans steps, and the registry of all of them.

An operation is one file in this package. From its dataclass fields, made by `options.option`, follow the
command's options, the recipe's keys, the Python function's defaults, their help and bounds; its docstring is
the command's help.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from augcli.needs import Fact, OneOf
from augcli.options import COLOUR_FORMS, Channels, check_fields, option, read_channels, read_colour
from augcli.program.steps import Box, ImageMean, Normal, Uniform
from augcli.samples import LUMA_Q16, Q16, Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.program.steps import Paint, Program
    from augcli.rng import Draws, Subset
    from augcli.samples import Edges, Shape

PAINT = 1
"""The stream that decides what holes are filled with; an operation's own streams come behind it."""


class Plan(NamedTuple):
    """Steps to apply; where it is empty, `reason` says why."""

    steps: Program
    reason: str = ""


PEERS = ("timm", "torchvision", "Composer", "albumentations")


@dataclass(frozen=True, slots=True)
class Card:
    """What the docs say of an operation beside its options.

    Attributes:
        what: What it does, in a few sentences.
        label: The rule for the label.
        avoid: When not to use it.
        paper: Authors, year, title and address.
        peers: What others call it (key "") and its options (by name, and `p`), in the order of `PEERS`; empty
            where a peer has no such thing.
    """

    what: str
    label: str
    avoid: str
    paper: str
    peers: dict[str, tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class Operation(ABC):
    """Base of all operations: values of its options, checked; `plan` turns draws into steps."""

    name: ClassVar[str]
    mixes: ClassVar[bool]
    """True if its steps read a partner."""
    blends: ClassVar[bool] = False
    """True if its steps mix values of two images, which values of index masks cannot be."""
    streams: ClassVar[int]
    """How many streams of `Draws` it uses, from 1 up; stream 0 is the recipe's, 1 of holes their fill's."""
    card: ClassVar[Card]

    def __post_init__(self) -> None:
        check_fields(self, self.name)
        self.check_together()

    def check_together(self) -> None:  # noqa: B027 - most operations have nothing to check
        """Refuse values that are accepted one by one but not together.

        Raises:
            UsageError: Naming the options.
        """

    def find_subset(self, draws: Draws, shape: Shape) -> Subset | None:
        """Return the subset that `plan` draws, if any: those of many outputs are drawn together before."""
        return None

    @property
    def needs_boxes(self) -> bool:
        """True if `plan` must be given the boxes that belong to the base."""
        return False

    @abstractmethod
    def plan(self, draws: Draws, shape: Shape, slot: int, boxes: Sequence[Edges] = ()) -> Plan:
        """Plan the steps for one output, from draws, the base's size and its boxes alone.

        Args:
            draws: The output's random numbers for this operation.
            shape: Size of the base.
            slot: Slot of the partner that mixing steps must name.
            boxes: The boxes of the base as it is loaded; none where the operation does not need them.

        Returns:
            The steps, or none and the reason.
        """


PARTNERS = ("any", "other-class", "same-class")


@dataclass(frozen=True, slots=True)
class MixOperation(Operation):
    """Base of the operations that read a partner: which one. The label is shared."""

    mixes: ClassVar[bool] = True

    partner: str = option(
        "any", "Which images may be partners, by their class.", choices=PARTNERS, needs=(Fact.CLASSES,)
    )


FILLS = ("mean", "image-mean", "random", "random-color", "normal", "normal-color")
FILL_HELP = f"What holes are filled with: {COLOUR_FORMS}, or {', '.join(FILLS)}."


def read_fill(value: Any) -> Colour | str:
    """Read a colour, or the name of another fill."""
    if isinstance(value, str) and value in FILLS:
        return value
    try:
        return read_colour(value)
    except ValueError as error:
        raise ValueError(f"{error}, or {', '.join(FILLS)}") from None


@dataclass(frozen=True, slots=True)
class HoleOperation(Operation):
    """Base of the operations that only make holes: what these are filled with. The label stays."""

    mixes: ClassVar[bool] = False

    fill: Colour | str = option("black", FILL_HELP, read=read_fill)
    mean: Channels = option(
        "0.485,0.456,0.406",
        "Mean of the fills mean and normal, in 0..1 (ImageNet's).",
        read=read_channels,
        needs=(OneOf("fill", ("mean", "normal", "normal-color")),),
    )
    std: Channels = option(
        "0.229,0.224,0.225",
        "Deviation of the normal fills, in 0..1 (ImageNet's).",
        read=read_channels,
        needs=(OneOf("fill", ("normal", "normal-color")),),
    )

    def paint(self, draws: Draws, shape: Shape, hole: int = 0) -> Paint:
        """Return what a hole is filled with; all holes of an output have the same noise.

        A drawn colour is grey on a grey image, so that its law is the same.
        """
        if isinstance(self.fill, Colour):
            return self.fill
        if self.fill == "image-mean":
            return ImageMean()
        if self.fill == "random":
            return Uniform(*draws.integers(PAINT, 1 << 64))
        if self.fill == "random-color":
            red, green, blue = draws.integers(PAINT, 256, 256, 256, start=3 * hole)
            return Colour(red, red, red) if shape.channels == 1 else Colour(red, green, blue)
        mean = (self.mean.red, self.mean.green, self.mean.blue)
        std = (self.std.red, self.std.green, self.std.blue)
        if self.fill == "normal":
            (key,) = draws.integers(PAINT, 1 << 64)
            return Normal(key, mean, std)
        shifts = draws.normals(PAINT, 3, 3 * hole) if self.fill == "normal-color" else (0.0, 0.0, 0.0)
        if shape.channels == 1:
            mean, std, shifts = (luma(mean),) * 3, (luma(std),) * 3, (shifts[0],) * 3
        values = [round(255 * (m + s * z)) for m, s, z in zip(mean, std, shifts, strict=True)]
        return Colour(*(min(max(value, 0), 255) for value in values))


def luma(channels: tuple[float, float, float]) -> float:
    """Return the luma of three channels."""
    red, green, blue = (weight * value for weight, value in zip(LUMA_Q16, channels, strict=True))
    return (red + green + blue) / Q16  # `sum` rounds floats otherwise since Python 3.12


def box_around(cy: int, cx: int, height: int, width: int, shape: Shape) -> Box:
    """Cut a box around a centre, clipped at the image's borders.

    A side of odd length keeps its odd pixel at the bottom or right, so before clipping it is exactly
    `height` × `width`.

    Args:
        cy: Row of the centre, 0..shape.height - 1.
        cx: Column of the centre, 0..shape.width - 1.
        height: Rows of the box, at least 0.
        width: Columns of the box, at least 0.
        shape: Size of the image.
    """
    y0, x0 = cy - height // 2, cx - width // 2
    return Box(max(y0, 0), max(x0, 0), min(y0 + height, shape.height), min(x0 + width, shape.width))


def place_box(
    draws: Draws, stream: int, height: int, width: int, shape: Shape, boundary: str, start: int = 0
) -> Box:
    """Draw the place of a box: two numbers of a stream.

    Args:
        draws: The output's random numbers.
        stream: The stream that decides.
        height: Rows of the box.
        width: Columns of the box.
        shape: Size of the image.
        boundary: `clip`: the centre is uniform over the pixels and the box clipped at the borders;
            `inside`: uniform over all places where the whole box fits, ends included (a box larger than
            the image becomes the image).
        start: Place of the first number in the stream.
    """
    if boundary == "clip":
        cy, cx = draws.integers(stream, shape.height, shape.width, start=start)
        return box_around(cy, cx, height, width, shape)
    height, width = min(height, shape.height), min(width, shape.width)
    y0, x0 = draws.integers(stream, shape.height - height + 1, shape.width - width + 1, start=start)
    return Box(y0, x0, y0 + height, x0 + width)


BOUNDARY_HELP = "Let boxes hang over the border (the paper's) or keep them inside."
BOUNDARIES = ("clip", "inside")

OPERATIONS: dict[str, type[Operation]] = {}
"""Every known operation by name, in alphabetical order once loaded."""

AnOperation = TypeVar("AnOperation", bound=type[Operation])


def register(operation: AnOperation) -> AnOperation:
    """Make an operation known by its `name`; used as a decorator above the dataclass.

    Raises:
        ValueError: If another operation has this name.
    """
    if operation.name in OPERATIONS:
        raise ValueError(f"operation {operation.name!r} is known already; give the new one another name")
    OPERATIONS[operation.name] = operation
    return operation
