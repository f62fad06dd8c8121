"""Boxes, patches and λ of each image: given instead of drawn, and what was drawn as it can be given again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.arrays.batch import read_array, read_integers
from augcli.arrays.planning import draw
from augcli.errors import PlanError
from augcli.ops.patch_cutout import MOST_PATCHES, PatchCutout
from augcli.program.steps import Box, Fill, Paste, Patches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from augcli.arrays.batch import Batch
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
    given = read_array(lam, "lam")
    if given.ndim == 0:
        return given.item(), None
    is_real = given.shape == (count,) and given.dtype.kind in "iuf"
    if not is_real or not ((given >= 0) & (given <= 1)).all():
        raise PlanError(f"lam must be one number or ({count},) numbers in 0..1")
    return None, given.astype(np.float64).tolist()


def paste_boxes(batch: Batch, boxes: ArrayLike) -> list[Program]:
    """Return programs that paste the box of each image, (N, 4); an empty one pastes nothing."""
    given = [Box(*edges) for edges in read_integers(boxes, (len(batch), 4), "boxes").tolist()]
    return [(Paste(box, 0),) if box.area else () for box in given]


def fill_boxes(batch: Batch, operation: HoleOperation, boxes: Any, seed: int) -> list[Program]:
    """Return programs that fill the boxes of each image, (N, B, 4), as an operation fills its own."""
    given = read_integers(boxes, (len(batch), -1, 4), "boxes").tolist()
    numbers = zip(given, batch.shapes, draw(batch, operation.streams, seed), strict=True)
    programs: list[Program] = []
    for edges, shape, draws in numbers:
        holes = [box for box in (Box(*each) for each in edges) if box.area]
        fills = (Fill(box, operation.paint(draws, shape, hole)) for hole, box in enumerate(holes))
        programs.append(tuple(fills))
    return programs


def find_pasted(batch: Batch, programs: Sequence[Program]) -> NDArray[np.int64]:
    """Return the box that each program pastes, (N, 4); an empty one where it pastes nothing."""
    found = find_holes(batch, programs)
    return found[:, 0] if found.shape[1] else np.zeros((len(batch), 4), np.int64)


def find_holes(batch: Batch, programs: Sequence[Program]) -> NDArray[np.int64]:
    """Return the boxes that programs change, (N, B, 4); where there are fewer, empty ones at the end."""
    found = np.zeros((len(programs), max(map(len, programs), default=0), 4), np.int64)
    for number, (program, shape) in enumerate(zip(programs, batch.shapes, strict=True)):
        for place, step in enumerate(program):
            found[number, place] = step.area.bounds(shape.height, shape.width)
    return found


def check_patches(batch: Batch, size: Size) -> None:
    """Refuse images that have more patches than an operation hides.

    Raises:
        PlanError: If one has.
    """
    if any(math.prod(_grid(shape, size)) > MOST_PATCHES for shape in batch.shapes):
        raise PlanError(f"an image has more than {MOST_PATCHES} patches; give a larger patch_size")


def fill_patches(batch: Batch, operation: PatchCutout, patches: Any, seed: int) -> list[Program]:
    """Return programs that fill the patches of each image, 0 or 1 in (rows, columns), as drawn ones."""
    grids = list(patches) if isinstance(patches, Iterable) else []
    if len(grids) != len(batch):
        raise PlanError(f"patches must be given for each of {len(batch)} images, got {len(grids)}")
    numbers = zip(grids, batch.shapes, draw(batch, operation.streams, seed), strict=True)
    return [
        (Fill(_read_patches(grid, shape, operation.patch_size), operation.paint(draws, shape)),)
        for grid, shape, draws in numbers
    ]


def find_patches(batch: Batch, programs: Sequence[Program], size: Size) -> list[NDArray[np.bool_]]:
    """Return for each image which of its (rows, columns) of patches a program fills."""
    found = []
    for program, shape in zip(programs, batch.shapes, strict=True):
        hidden = np.zeros(_grid(shape, size), np.bool_)
        for step in program:
            if isinstance(step.area, Patches):
                hidden |= np.frombuffer(step.area.bitmap, np.bool_).reshape(hidden.shape)
        found.append(hidden)
    return found


def _grid(shape: Shape, size: Size) -> tuple[int, int]:
    """Return rows and columns of patches that cover an image."""
    return -(-shape.height // size.height), -(-shape.width // size.width)


def _read_patches(grid: ArrayLike, shape: Shape, size: Size) -> Patches:
    hidden = read_array(grid, "patches")
    if hidden.shape != _grid(shape, size) or not ((hidden == 0) | (hidden == 1)).all():
        raise PlanError(f"patches must be 0 or 1, of shape {_grid(shape, size)}, got {hidden.shape}")
    return Patches(size.height, size.width, hidden.astype(np.uint8).tobytes())
