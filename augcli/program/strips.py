"""Objects as strips: the stretches of columns that they cover, of all objects of an image at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.cells import Cells
    from augcli.program.steps import Bounds
    from augcli.program.stretching import Stretch
    from augcli.samples import Edges, RunLengths


class Strips(NamedTuple):
    """Runs of pixels in columns that objects cover; the strips of one object share no pixel.

    They stand object by object, then by column, then by row; some may lie outside of the image.

    Attributes:
        owners: The numbers of the objects.
        columns: The columns.
        tops: The first row of each.
        bottoms: The row behind the last of each.
    """

    owners: NDArray[np.int64]
    columns: NDArray[np.int64]
    tops: NDArray[np.int64]
    bottoms: NDArray[np.int64]

    def take(self, where: NDArray[np.bool_] | NDArray[np.int64]) -> Strips:
        """Return some of them."""
        return Strips(*(values[where] for values in self))

    def crop(self, bounds: Bounds) -> Strips:
        """Return what of them lies inside bounds."""
        y0, x0, y1, x1 = bounds
        cut = self._replace(tops=self.tops.clip(y0), bottoms=self.bottoms.clip(None, y1))
        return cut.take((cut.tops < cut.bottoms) & (cut.columns >= x0) & (cut.columns < x1))

    def count_pixels(self, objects: int) -> list[int]:
        """Return how many pixels each of so many objects covers."""
        places = np.searchsorted(self.owners, np.arange(objects + 1))
        sums = np.concatenate([[0], (self.bottoms - self.tops).cumsum()])[places]
        counts: list[int] = np.diff(sums).tolist()
        return counts

    def find_bounds(self) -> dict[int, Edges]:
        """Return y0, x0, y1, x1 of the pixels of each object that covers some."""
        starts = np.flatnonzero(np.diff(self.owners, prepend=-1))
        if not len(starts):
            return {}
        lasts = np.append(starts[1:], len(self.owners)) - 1
        edges = (
            np.minimum.reduceat(self.tops, starts),
            self.columns[starts],
            np.maximum.reduceat(self.bottoms, starts),
            self.columns[lasts] + 1,
        )
        bounds = zip(*(values.tolist() for values in edges), strict=True)
        return dict(zip(self.owners[starts].tolist(), bounds, strict=True))


def cut_into_strips(forms: Sequence[RunLengths]) -> Strips:
    """Return the strips of objects, which are numbered from 0."""
    counts = list(map(len, (form.runs for form in forms)))
    runs, firsts = np.concatenate([form.runs for form in forms]), np.cumsum([0, *counts[:-1]])
    covered = np.flatnonzero((np.arange(len(runs)) - firsts.repeat(counts)) % 2 * runs)
    owners = np.searchsorted(firsts, covered, "right") - 1
    stops = runs.cumsum()
    befores = stops[firsts] - runs[firsts]  # the runs of the objects before
    stops = stops[covered] - befores[owners]
    starts = stops - runs[covered]
    heights = np.array([form.height for form in forms])[owners]
    first_columns = starts // heights
    widths = (stops - 1) // heights - first_columns + 1
    if (widths == 1).all():
        tops = first_columns * heights
        return Strips(owners, first_columns, starts - tops, stops - tops)
    owners, starts, stops, heights = (values.repeat(widths) for values in (owners, starts, stops, heights))
    columns = first_columns.repeat(widths) + _count_up(widths)
    tops = columns * heights
    return Strips(owners, columns, (starts - tops).clip(0), np.minimum(stops - tops, heights))


def stretch_strips(strips: Strips, stretch: Stretch) -> Strips:
    """Return a partner's pixels as an output shows them: read at the nearest, as masks are."""
    if not len(strips.owners):
        return strips
    top, rows = stretch.find_span(0, int(strips.tops.min()), int(strips.bottoms.max()))
    left, columns = stretch.find_span(1, int(strips.columns.min()), int(strips.columns.max()) + 1)
    firsts = np.searchsorted(columns, strips.columns)
    widths = np.searchsorted(columns, strips.columns, "right") - firsts
    wide = Strips(
        strips.owners,
        left + firsts,
        top + np.searchsorted(rows, strips.tops),
        top + np.searchsorted(rows, strips.bottoms),
    )
    wide = Strips(*(values.repeat(widths) for values in wide))
    wide = wide._replace(columns=wide.columns + _count_up(widths)).take(wide.tops < wide.bottoms)
    return wide.take(np.lexsort((wide.tops, wide.columns, wide.owners)))


def cut_at_cells(
    strips: Strips, cells: Cells, shares: NDArray[np.float64]
) -> tuple[Strips, NDArray[np.float64]]:
    """Cut strips that lie inside an image at the rows of its cells; return those seen, and the share of each.

    Args:
        strips: The strips.
        cells: The cells.
        shares: What `Cells.visible` gives of the image.
    """
    ys, places = np.array(cells.ys), np.searchsorted(cells.xs, strips.columns, "right") - 1
    rows = np.searchsorted(ys, strips.tops, "right") - 1
    counts = np.searchsorted(ys, strips.bottoms) - rows
    rows, places = rows.repeat(counts) + _count_up(counts), places.repeat(counts)
    pieces = Strips(*(values.repeat(counts) for values in strips))
    pieces = pieces._replace(
        tops=np.maximum(pieces.tops, ys[rows]), bottoms=np.minimum(pieces.bottoms, ys[rows + 1])
    )
    held = shares[rows, places]
    is_seen = held > 0
    return pieces.take(is_seen), held[is_seen]


def join_runs(strips: Strips, size: tuple[int, int]) -> dict[int, NDArray[np.int64]]:
    """Return the runs of each object that has strips, all of which lie inside an image of this size."""
    if not len(strips.owners):
        return {}
    height, width = size
    starts, stops = strips.columns * height + strips.tops, strips.columns * height + strips.bottoms
    is_first = np.diff(strips.owners, prepend=-1) > 0
    befores = np.where(is_first, 0, np.roll(stops, 1))
    is_run = is_first | (starts > befores)  # others go on where the strip before ends
    lasts = np.append(np.flatnonzero(is_run)[1:], len(starts)) - 1
    runs = np.stack([starts[is_run] - befores[is_run], stops[lasts] - starts[is_run]], 1).ravel()
    objects = np.flatnonzero(is_first[is_run])
    ends = np.append(objects[1:], len(lasts))
    # Last comes a run of pixels outside; COCO leaves it out if it is empty.
    rests = height * width - stops[lasts[ends - 1]]
    is_there = rests > 0
    runs = np.insert(runs, 2 * ends[is_there], rests[is_there])
    places = [0, *(2 * ends + is_there.cumsum()).tolist()]
    owners = strips.owners[is_first].tolist()
    return {owner: runs[places[n] : places[n + 1]] for n, owner in enumerate(owners)}


def _count_up(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, 2 and so on for each of some counts, one behind the other."""
    stops = counts.cumsum()
    return np.arange(stops[-1] if len(stops) else 0) - (stops - counts).repeat(counts)
