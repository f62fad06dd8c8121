"""Objects as the pixels that they cover: run lengths, as COCO has them, as blocks of pixels and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.samples import RunLengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.steps import Bounds


class Block(NamedTuple):
    """The pixels of an object, and where they lie in an image; some may lie outside of it.

    Attributes:
        top: The first row.
        left: The first column.
        pixels: (rows, columns) bool: whether the object covers a pixel.
    """

    top: int
    left: int
    pixels: NDArray[np.bool_]

    @property
    def bounds(self) -> Bounds:
        """y0, x0, y1, x1 of the block."""
        height, width = self.pixels.shape
        return self.top, self.left, self.top + height, self.left + width

    def find_area(self) -> int:
        """Return how many pixels the object covers."""
        return int(np.count_nonzero(self.pixels))

    def crop(self, bounds: Bounds) -> Block:
        """Return the part that lies inside bounds."""
        y0, x0 = max(self.top, bounds[0]), max(self.left, bounds[1])
        y1, x1 = max(y0, bounds[2]), max(x0, bounds[3])
        return Block(y0, x0, self.pixels[y0 - self.top : y1 - self.top, x0 - self.left : x1 - self.left])

    def tighten(self) -> Block:
        """Return the smallest block that holds the same pixels."""
        rows, columns = (np.flatnonzero(self.pixels.any(axis)) for axis in (1, 0))
        if not len(rows):
            return Block(self.top, self.left, self.pixels[:0, :0])
        y0, x0, y1, x1 = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
        return Block(self.top + int(y0), self.left + int(x0), self.pixels[y0:y1, x0:x1])


def find_bounds(form: RunLengths) -> Bounds:
    """Return y0, x0, y1, x1 of the pixels that are covered; zeros where none are."""
    stops = form.runs.cumsum()
    first, last = _covered_runs(form.runs, stops)
    if not len(first):
        return 0, 0, 0, 0
    x0, x1 = int(first[0]) // form.height, int(last[-1]) // form.height
    tops, bottoms = first % form.height, last % form.height
    if (first // form.height != last // form.height).any():  # a run that goes on in the next column
        return 0, x0, form.height, x1 + 1
    return int(tops.min()), x0, int(bottoms.max()) + 1, x1 + 1


def bound_runs(forms: Sequence[RunLengths]) -> NDArray[np.int64]:
    """Return y0, x0, y1, x1 of the pixels that each of some objects covers, as `find_bounds`: (n, 4)."""
    counts = np.array([len(form.runs) for form in forms])
    numbers = np.repeat(np.arange(len(forms)), counts)
    runs = np.concatenate([form.runs for form in forms])
    heights = np.array([form.height for form in forms])
    starts = np.cumsum(counts) - counts
    is_odd = (np.arange(len(runs)) - starts[numbers]) % 2 == 1
    ends = np.cumsum(runs)
    ends -= (ends[starts] - runs[starts])[numbers]
    there = is_odd & (runs > 0)
    owners, lasts, firsts = numbers[there], ends[there] - 1, (ends - runs)[there]
    height = heights[owners]
    left, right = firsts // height, lasts // height
    is_tall = left != right  # a run that goes on in the next column
    tops, bottoms = np.where(is_tall, 0, firsts % height), np.where(is_tall, height - 1, lasts % height)
    bounds = np.zeros((len(forms), 4), np.int64)
    if len(owners):
        present, begins = np.unique(owners, return_index=True)
        upper = np.minimum.reduceat(np.stack([tops, left], axis=1), begins)
        lower = np.maximum.reduceat(np.stack([bottoms, right], axis=1), begins) + 1
        bounds[present] = np.hstack([upper, lower])
    return bounds


def unpack(form: RunLengths) -> Block:
    """Return the pixels that run lengths cover, as the smallest block."""
    y0, x0, y1, x1 = find_bounds(form)
    starts, start = form.runs.cumsum(), x0 * form.height
    # The runs between two columns: what lies before the first and behind the last is cut off.
    edges = np.clip(np.concatenate([[0], starts]), start, x1 * form.height)
    is_covered = np.arange(len(form.runs)) % 2 == 1
    columns = np.repeat(is_covered, np.diff(edges)).reshape(x1 - x0, form.height)
    return Block(y0, x0, columns.T[y0:y1])


def pack(block: Block, size: tuple[int, int], is_text: bool) -> RunLengths:
    """Return the run lengths of a block that lies inside an image of a height and width."""
    height, width = size
    y0, x0, y1, x1 = block.bounds
    columns = np.zeros((x1 - x0, height), np.int8)
    columns[:, y0:y1] = block.pixels.T
    changes = np.flatnonzero(np.diff(columns.ravel(), prepend=0, append=0)) + x0 * height
    runs = np.diff(changes, prepend=0, append=height * width)
    # The last run is of pixels outside; COCO leaves it out if it is empty.
    return RunLengths(height, width, runs[:-1] if len(runs) > 1 and not runs[-1] else runs, is_text)


def _covered_runs(
    runs: NDArray[np.int64], stops: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last pixel of each run that covers some."""
    covered, behind = runs[1::2], stops[1::2]
    there = covered > 0
    return (behind - covered)[there], behind[there] - 1
