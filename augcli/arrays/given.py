"""Boxes, patches and λ of each image: given instead of drawn, and what was drawn as it can be given again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.arrays.interchange import read_array, read_integers
from augcli.errors import PlanError
from augcli.ops.patch_cutout import MOST_PATCHES, PatchCutout
from augcli.program.steps import Box, Fill, Paste, Patches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from augcli.arrays.batch import Batch
    from augcli.arrays.streams import Streams
    from augcli.ops.base import HoleOperation
    from augcli.options import Size
    from augcli.program.steps import Program
    from augcli.samples import Shape


def read_lam(lam: ArrayLike | None, count: int) -> tuple[Any, list[float] | None]:
    """Read λ: one for all images, which its operation checks, or one for each of `count`.

    Returns:
        (λ of all, None), or (None, λ of each).

    Raises:
        PlanError: If there are more or fewer, or one lies outside 0..1.
    """
    if lam is None:
        return None, None
    array = read_array(lam, "lam")
    if array.ndim == 0:
        return array.item(), None
    if array.shape != (count,) or array.dtype.kind not in "iuf":
        got = f"{array.dtype} of shape {array.shape}"
        raise PlanError(f"lam must be one number or ({count},) numbers in 0..1, got {got}")
    each = array.astype(np.float64)  # before any computing: float16 and int8 have no room for it
    outside = ~((each >= 0) & (each <= 1))
    if outside.any():
        first = int(outside.argmax())
        raise PlanError(f"lam must be numbers in 0..1, got {each[first]:g} at lam[{first}]")
    return None, each.tolist()


def paste_boxes(batch: Batch, boxes: ArrayLike) -> list[Program]:
    """Return programs that paste the box of each image, (N, 4); an empty one pastes nothing."""
    edges = read_integers(_unpack(boxes), (len(batch), 4), "boxes").tolist()
    pairs = enumerate(zip(edges, batch.shapes, strict=True))
    read = [_read_box(edges, shape, f"boxes[{number}]") for number, (edges, shape) in pairs]
    return [(Paste(box, 0),) if box.area else () for box in read]


def fill_boxes(batch: Batch, operation: HoleOperation, boxes: Any, streams: Streams) -> list[Program]:
    """Return programs that fill the boxes of each image, (B, 4) each, as an operation fills its own."""
    numbers = enumerate(
        zip(_read_many(boxes, len(batch)), batch.shapes, streams.draw(operation.streams), strict=True)
    )
    programs: list[Program] = []
    for number, (edges, shape, draws) in numbers:
        read = [_read_box(each, shape, f"boxes[{number}][{hole}]") for hole, each in enumerate(edges)]
        holes = [box for box in read if box.area]
        fills = (Fill(box, operation.paint(draws, shape, hole)) for hole, box in enumerate(holes))
        programs.append(tuple(fills))
    return programs


def _read_many(boxes: Any, count: int) -> list[list[list[int]]]:
    """Read the boxes of each of `count` images: (N, B, 4), or a list of as many as each has."""
    if not isinstance(boxes, list | tuple):
        return read_integers(boxes, (count, -1, 4), "boxes").tolist()
    if len(boxes) != count:
        raise PlanError(f"boxes must be given for each of {count} images, got {len(boxes)}")
    read: list[list[list[int]]] = []
    for number, of_image in enumerate(map(_unpack, boxes)):
        is_empty = isinstance(of_image, list) and not of_image  # and so has no second axis
        read.append([] if is_empty else read_integers(of_image, (-1, 4), f"boxes[{number}]").tolist())
    return read


def _unpack(boxes: Any) -> Any:
    """Return the edges of every `Box`, such as `rand_box` gives, in lists of them."""
    if isinstance(boxes, Box):
        return [boxes.y0, boxes.x0, boxes.y1, boxes.x1]
    return [_unpack(each) for each in boxes] if isinstance(boxes, list | tuple) else boxes


def _read_box(edges: Sequence[int], shape: Shape, what: str) -> Box:
    """Return a box that lies inside its image."""
    y0, x0, y1, x1 = edges
    if not (0 <= y0 <= y1 <= shape.height and 0 <= x0 <= x1 <= shape.width):
        rule = f"a box needs 0 <= y0 <= y1 <= {shape.height} and 0 <= x0 <= x1 <= {shape.width}"
        got = f"got y0, x0, y1, x1 = {y0}, {x0}, {y1}, {x1}"
        raise PlanError(f"{what} leaves the image of {shape.height}x{shape.width}: {rule}, {got}")
    return Box(y0, x0, y1, x1)


def find_pasted(batch: Batch, programs: Sequence[Program]) -> NDArray[np.int64]:
    """Return the box that each program pastes, (N, 4); an empty one where it pastes nothing."""
    holes = find_holes(batch, programs)
    return holes[:, 0] if holes.shape[1] else np.zeros((len(batch), 4), np.int64)


def find_holes(batch: Batch, programs: Sequence[Program]) -> NDArray[np.int64]:
    """Return the boxes that programs change, (N, B, 4); where there are fewer, empty ones at the end."""
    holes = np.zeros((len(programs), max(map(len, programs), default=0), 4), np.int64)
    for number, (program, shape) in enumerate(zip(programs, batch.shapes, strict=True)):
        for place, step in enumerate(program):
            holes[number, place] = step.area.bounds(shape.height, shape.width)
    return holes


def check_patches(batch: Batch, size: Size) -> None:
    """Refuse images that have more patches than an operation hides.

    Raises:
        PlanError: If one has.
    """
    for number, shape in enumerate(batch.shapes):
        if math.prod(_grid(shape, size)) > MOST_PATCHES:
            most = f"more than {MOST_PATCHES} patches; give a larger patch_size"
            raise PlanError(f"an image has {most}: images[{number}] is {shape.height}x{shape.width}")


def fill_patches(batch: Batch, operation: PatchCutout, patches: Any, streams: Streams) -> list[Program]:
    """Return programs that fill the patches of each image, 0 or 1 in (rows, columns), as drawn ones."""
    grids = list(patches) if isinstance(patches, Iterable) else []
    if len(grids) != len(batch):
        raise PlanError(f"patches must be given for each of {len(batch)} images, got {len(grids)}")
    size = operation.patch_size
    numbers = enumerate(zip(grids, batch.shapes, streams.draw(operation.streams), strict=True))
    return [
        (Fill(_read_patches(grid, shape, size, f"patches[{number}]"), operation.paint(draws, shape)),)
        for number, (grid, shape, draws) in numbers
    ]


def find_patches(batch: Batch, programs: Sequence[Program], size: Size) -> list[NDArray[np.bool_]]:
    """Return for each image which of its (rows, columns) of patches a program fills."""
    patches = []
    for program, shape in zip(programs, batch.shapes, strict=True):
        hidden = np.zeros(_grid(shape, size), np.bool_)
        for step in program:
            if isinstance(step.area, Patches):
                hidden |= np.frombuffer(step.area.bitmap, np.bool_).reshape(hidden.shape)
        patches.append(hidden)
    return patches


def _grid(shape: Shape, size: Size) -> tuple[int, int]:
    """Return rows and columns of patches that cover an image."""
    return -(-shape.height // size.height), -(-shape.width // size.width)


def _read_patches(grid: ArrayLike, shape: Shape, size: Size, what: str) -> Patches:
    hidden = read_array(grid, what)
    if hidden.shape != _grid(shape, size):
        raise PlanError(f"{what} must be 0 or 1, of shape {_grid(shape, size)}, got {hidden.shape}")
    if hidden.dtype.kind not in "biuf" or not ((hidden == 0) | (hidden == 1)).all():
        raise PlanError(f"{what} must be 0 or 1 for each patch, got {hidden.dtype} of other values")
    return Patches(size.height, size.width, hidden.astype(np.uint8).tobytes())
