"""Steps as one structured array: what every backend takes, and the only place where bounds are checked.

A backend trusts the table. It says, for each step, what to do (`kind`), where (`y0 x0 y1 x1`, or the
cells of a grid of patches), from which partner, which rectangle of the partner (`source_*`) is stretched
over which rectangle of the image (`frame_*`), and the weight, or the colour or noise.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from augcli.errors import PlanError
from augcli.kernels.fills import QUANTILES, channel_values, quantiles_of
from augcli.program.steps import Blend, Box, Fill, ImageMean, Paste, Patches, Uniform
from augcli.rng import PHILOX_MULTIPLIERS, PHILOX_ROUNDS, PHILOX_WEYL, split_key
from augcli.samples import Q16, Colour, Colour16

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.steps import Area, Paint, Program
    from augcli.samples import Pixels, Shape

FILL, PASTE, BLEND = range(3)
FLAT, UNIFORM, NORMAL = range(3)
"""The kind of a fill: one colour, or noise of one of two laws."""

STEP = np.dtype(
    [
        ("kind", np.int32),
        ("slot", np.int32),
        ("weight_q16", np.int32),
        # Area: a box, or where patch_height > 0 the cells set in `bitmaps[bitmap:]`, row by row.
        ("y0", np.int32),
        ("x0", np.int32),
        ("y1", np.int32),
        ("x1", np.int32),
        ("patch_height", np.int32),
        ("patch_width", np.int32),
        ("bitmap", np.int32),
        # Partner sampling: source is stretched over frame.
        ("frame_y0", np.int32),
        ("frame_x0", np.int32),
        ("frame_y1", np.int32),
        ("frame_x1", np.int32),
        ("source_y0", np.int32),
        ("source_x0", np.int32),
        ("source_y1", np.int32),
        ("source_x1", np.int32),
        # Fill: a colour, or noise by its law and key; `quantiles` is the first row of a normal law's table.
        ("value", np.int32, (4,)),
        ("noise", np.int32),
        ("key_low", np.uint32),
        ("key_high", np.uint32),
        ("quantiles", np.int32),
    ]
)

ROW = struct.Struct("=23i2Ii")
"""The numbers of a STEP as its bytes; of tuples NumPy makes an array in three times the time."""

IMAGE = np.dtype(
    [("offset", np.int64), ("height", np.int32), ("width", np.int32), ("channels", np.int32)], align=True
)
"""An image in a buffer of many: the place of its first value there."""

OUTPUT = np.dtype([(name, np.int64) for name in ("base", "offset", "pixel", "first", "last")])
"""An output of a launch: the image that it is made from, the place of its first value, how many pixels come
before it, and its steps, `first..last - 1`."""

FRACTION_BITS = 8
"""Bits of the weight with which two taps of a partner are mixed along an axis."""

C_TYPES = {"int32": "int", "uint32": "unsigned int", "int64": "long long"}

NO_STEPS = np.empty(0, STEP)
NONE_SET = np.empty(0, np.uint8)
NO_QUANTILES = np.empty((0, QUANTILES), np.uint16)


class Table(NamedTuple):
    """A program for one image: `steps` of dtype STEP, the bytes of all bitmaps, and rows of quantiles."""

    steps: NDArray[np.void]
    bitmaps: NDArray[np.uint8]
    quantiles: NDArray[np.uint16]


Work: TypeAlias = "tuple[Table, Sequence[Pixels], Pixels]"
"""A program, its partners' pixels, and the pixels that it changes: the arguments of `reference.apply`."""


def tabulate(program: Program, shape: Shape, partners: Sequence[tuple[int, int]]) -> Table:
    """Turn a program into the table that backends take.

    Args:
        program: Steps, in order.
        shape: Size of the image they apply to.
        partners: Height and width of each partner, by slot.

    Raises:
        PlanError: If an area or a source leaves its image, a bitmap has the wrong length, or a slot
            has no partner, or a fill by the image's mean was not resolved.
    """
    bitmaps = bytearray()
    quantiles: list[NDArray[np.uint16]] = []
    return _join(_rows(program, shape, partners, bitmaps, quantiles), bitmaps, quantiles)


def tabulate_batch(
    programs: Sequence[Program], shapes: Sequence[Shape], partners: Sequence[Sequence[tuple[int, int]]]
) -> tuple[Table, NDArray[np.int64]]:
    """Turn one program for each image into one table.

    Args:
        programs: The programs.
        shapes: Size of the image that each applies to.
        partners: Height and width of each image's partners, by slot.

    Returns:
        The table, and (N + 1,) int64: the steps of image n are `first[n]..first[n + 1] - 1`.

    Raises:
        PlanError: As `tabulate`.
    """
    rows, bitmaps, first = bytearray(), bytearray(), [0]
    quantiles: list[NDArray[np.uint16]] = []
    for program, shape, sizes in zip(programs, shapes, partners, strict=True):
        rows += _rows(program, shape, sizes, bitmaps, quantiles)
        first.append(len(rows) // STEP.itemsize)
    return _join(rows, bitmaps, quantiles), np.array(first, np.int64)


def join_tables(tables: Sequence[Table]) -> tuple[Table, NDArray[np.int64]]:
    """Join the tables of several images to one, as `tabulate_batch` would have made it.

    Returns:
        The table, and (N + 1,) int64: the steps of image n are `first[n]..first[n + 1] - 1`.
    """
    steps = np.concatenate([table.steps for table in tables])
    first = np.cumsum([0, *(len(table.steps) for table in tables)])
    owner = np.repeat(np.arange(len(tables)), np.diff(first))
    for name, places, used in (
        ("bitmap", [len(table.bitmaps) for table in tables], steps["patch_height"] > 0),
        ("quantiles", [len(table.quantiles) for table in tables], steps["noise"] == NORMAL),
    ):
        before = np.cumsum([0, *places])[:-1]
        steps[name][used] += before[owner[used]].astype(np.int32)
    bitmaps = np.concatenate([table.bitmaps for table in tables])
    return Table(steps, bitmaps, np.concatenate([table.quantiles for table in tables])), first.astype(
        np.int64
    )


def declare_c() -> str:
    """Declare for C++ what `steps.cu` shares with Python: structs, held to their size, and constants."""
    structs = "".join(
        _declare_struct(name, kind) for name, kind in (("Step", STEP), ("Image", IMAGE), ("Output", OUTPUT))
    )
    enums = {"FILL": FILL, "PASTE": PASTE, "BLEND": BLEND, "FLAT": FLAT, "UNIFORM": UNIFORM, "NORMAL": NORMAL}
    counts = {"FRACTION_BITS": FRACTION_BITS, "QUANTILES": QUANTILES, "PHILOX_ROUNDS": PHILOX_ROUNDS}
    words = {"Q16": Q16}
    words |= {f"PHILOX_M{at}": word for at, word in enumerate(PHILOX_MULTIPLIERS)}
    words |= {f"PHILOX_W{at}": word for at, word in enumerate(PHILOX_WEYL)}
    lines = [f"enum {{ {', '.join(f'{name} = {value}' for name, value in (enums | counts).items())} }};"]
    lines += [f"const unsigned int {name} = {value}u;" for name, value in words.items()]
    return structs + "\n".join(lines) + "\n"


def _declare_struct(name: str, kind: np.dtype[np.void]) -> str:
    fields = []
    for field, (base, *_) in (kind.fields or {}).items():
        item, shape = base.subdtype or (base, ())
        fields.append(f"    {C_TYPES[item.name]} {field}{''.join(f'[{length}]' for length in shape)};")
    check = f'static_assert(sizeof({name}) == {kind.itemsize}, "size of {name}");'
    return "\n".join([f"struct {name} {{", *fields, "};", check, ""])


def _rows(
    program: Program,
    shape: Shape,
    partners: Sequence[tuple[int, int]],
    bitmaps: bytearray,
    quantiles: list[NDArray[np.uint16]],
) -> bytearray:
    """Return a program's rows; append its bitmaps and quantiles."""
    rows = bytearray()
    for step in program:
        area = _locate(step.area, shape, bitmaps)
        if isinstance(step, Fill):
            rows += ROW.pack(FILL, 0, 0, *area, *NO_SOURCE, *_describe(step.fill, shape, quantiles))
            continue
        kind, weight = (BLEND, step.weight_q16) if isinstance(step, Blend) else (PASTE, 0)
        rows += ROW.pack(kind, step.slot, weight, *area, *_stretch(step, shape, partners), *NO_FILL)
    return rows


def _join(rows: bytearray, bitmaps: bytearray, quantiles: list[NDArray[np.uint16]]) -> Table:
    """Return rows with their bitmaps and quantiles as a table.

    Every array can be written to: kernels would be compiled anew for those that cannot. Mostly there is one
    table of quantiles, which is not copied.
    """
    if len(quantiles) == 1:
        all_quantiles = quantiles[0]
    else:
        all_quantiles = np.concatenate(quantiles) if quantiles else NO_QUANTILES
    return Table(
        np.frombuffer(rows, STEP) if rows else NO_STEPS,
        np.frombuffer(bitmaps, np.uint8) if bitmaps else NONE_SET,
        all_quantiles,
    )


NO_SOURCE = (0,) * 8
NO_FILL = (0, 0, 0, 0, FLAT, 0, 0, 0)


def _describe(fill: Paint, shape: Shape, quantiles: list[NDArray[np.uint16]]) -> tuple[int, ...]:
    """Return a fill's values, noise, key_low, key_high and quantiles; append its rows of quantiles."""
    if isinstance(fill, Colour | Colour16):
        return *channel_values(fill, shape), *NO_FILL[4:]
    if isinstance(fill, ImageMean):
        raise PlanError("a fill by the image's mean must become a colour first")
    if isinstance(fill, Uniform):
        return 0, 0, 0, 0, UNIFORM, *split_key(fill.key), 0
    rows = quantiles_of(fill, shape)
    if not any(rows is known for known in quantiles):
        quantiles.append(rows)
    first = next(at for at, known in enumerate(quantiles) if known is rows) * len(rows)
    return 0, 0, 0, 0, NORMAL, *split_key(fill.key), first


def _locate(area: Area, shape: Shape, bitmaps: bytearray) -> tuple[int, ...]:
    """Return an area's y0, x0, y1, x1, patch_height, patch_width and bitmap; append its bitmap."""
    if isinstance(area, Patches):
        area.check_grid(shape.height, shape.width)
        cells = (area.height, area.width, len(bitmaps))
        bitmaps += area.bitmap
        return 0, 0, shape.height, shape.width, *cells
    if area.y1 > shape.height or area.x1 > shape.width:
        raise PlanError(f"{area} leaves the image of {shape.height}x{shape.width}")
    return area.y0, area.x0, area.y1, area.x1, 0, 0, 0


def _stretch(step: Paste | Blend, shape: Shape, partners: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return which rectangle of the image a step stretches a partner over, and which of the partner."""
    if not 0 <= step.slot < len(partners):
        raise PlanError(f"the step reads partner {step.slot}, but there are {len(partners)}")
    height, width = partners[step.slot]
    if isinstance(step, Blend) or step.source is None:
        return 0, 0, shape.height, shape.width, 0, 0, height, width
    frame = step.area if isinstance(step.area, Box) else Box(0, 0, shape.height, shape.width)
    if frame.area == 0:
        raise PlanError(f"a part of a partner cannot be stretched over {frame}, which is empty")
    source = step.source
    if source.area == 0 or source.y1 > height or source.x1 > width:
        raise PlanError(f"{source} is empty or leaves the partner of {height}x{width}")
    return *_edges(frame), *_edges(source)


def _edges(box: Box) -> tuple[int, int, int, int]:
    return box.y0, box.x0, box.y1, box.x1
