"""The label of a step program, exact to the pixel.

No operation writes a label. The steps cut the image into rectangles inside which every pixel has the
same mix of sources; following the steps over those rectangles gives the share of each source, in whole
numbers, and the label is the mean of the sources' labels by these shares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from augcli.errors import PlanError
from augcli.program.steps import Blend, Box, Fill, Paste
from augcli.samples import Q16, SoftLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.steps import Area, Program

    Weight = TypeVar("Weight", float, NDArray[Any])


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the image each source holds: `counts[0] / total` the base, then partners by slot.

    Without blends the counts are pixels; each blend multiplies them by 65536. They sum to `total`.
    """

    counts: tuple[int, ...]
    total: int

    @property
    def lam(self) -> float:
        """The base's own share, in 0..1."""
        return self.counts[0] / self.total

    @property
    def first_partner(self) -> int | None:
        """The slot of the first partner that holds any pixels; None where none does."""
        return next((slot for slot, count in enumerate(self.counts[1:]) if count), None)


def count_shares(program: Program, height: int, width: int, partners: int) -> Shares:
    """Count the share of every source after a program, holes left to what they cover.

    Args:
        program: Steps, in order; boxes must lie inside the image.
        height: Rows of the image.
        width: Columns of the image.
        partners: Number of partner slots.

    Returns:
        Shares with `partners + 1` counts, reduced by their common divisor.
    """
    mixing = [step for step in program if not isinstance(step, Fill)]
    areas = [_boxes(step.area, height, width) for step in mixing]
    if len(mixing) == 1:  # the cells of one area are disjoint: no grid is needed
        return _reduce(_count_single(mixing[0], areas[0], height * width, partners))
    ys = _edges(height, [edge for boxes in areas for box in boxes for edge in (box.y0, box.y1)])
    xs = _edges(width, [edge for boxes in areas for box in boxes for edge in (box.x0, box.x1)])
    y_index = {y: i for i, y in enumerate(ys)}
    x_index = {x: i for i, x in enumerate(xs)}
    unit = Q16 ** sum(isinstance(step, Blend) for step in mixing)
    untouched = (unit, *(0,) * partners)
    cells = [[untouched] * (len(xs) - 1) for _ in range(len(ys) - 1)]
    for step, boxes in zip(mixing, areas, strict=True):
        for box in boxes:
            columns = range(x_index[box.x0], x_index[box.x1])
            for row in cells[y_index[box.y0] : y_index[box.y1]]:
                for column in columns:
                    row[column] = _mix_cell(row[column], step, unit)
    counts = [0] * (partners + 1)
    for row, y0, y1 in zip(cells, ys, ys[1:], strict=False):
        for weights, x0, x1 in zip(row, xs, xs[1:], strict=False):
            area = (y1 - y0) * (x1 - x0)
            for source, weight in enumerate(weights):
                counts[source] += area * weight
    return _reduce(counts)


def label_of(
    program: Program, height: int, width: int, base: SoftLabel, partners: Sequence[SoftLabel]
) -> SoftLabel:
    """Give the label of a program's output.

    Args:
        program: Steps, in order.
        height: Rows of the base.
        width: Columns of the base.
        base: Label of the image being changed.
        partners: Labels of the partners, by slot.

    Returns:
        The mean of the sources' labels by the share of pixels that each holds.
    """
    return mix_labels([base, *partners], count_shares(program, height, width, len(partners)))


def mix_labels(labels: Sequence[SoftLabel], shares: Shares) -> SoftLabel:
    """Average labels by shares; mixing is linear, so multi-hot labels mix too.

    Args:
        labels: Labels of the base and of the partners by slot, as many as there are counts.
        shares: What each of them holds.

    Returns:
        Classes in ascending order, shared classes added up, sources without pixels left out.

    Raises:
        PlanError: If there are more or fewer labels than counts.
    """
    if len(labels) != len(shares.counts):
        raise PlanError(f"{len(shares.counts)} sources need as many labels, got {len(labels)}")
    held: dict[int, list[float]] = {}
    for label, count in zip(labels, shares.counts, strict=True):
        if count:
            for name, weight in zip(label.classes, label.weights, strict=True):
                # A whole weight leaves the count an integer: the share is then rounded only once.
                held.setdefault(name, []).append(count if weight == 1.0 else count * weight)
    classes = tuple(sorted(held))
    return SoftLabel(classes, tuple(sum(held[name]) / shares.total for name in classes))


def mix_known(labels: Sequence[SoftLabel | None], shares: Shares) -> tuple[int | None, SoftLabel | None]:
    """Give an output's dominant class, of equals the base's, and its label; None where a source has none."""
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        return None, None
    exact = mix_labels(known, shares)
    return dominant(exact, dominant(known[0])), exact


def smooth(label: SoftLabel, classes: int, epsilon: float, form: str) -> list[float]:
    """Smooth a label and spread it over all classes.

    Args:
        label: Weights that sum to 1 where `epsilon` is not 0.
        classes: K, the number of classes.
        epsilon: ε in [0, 1); 0 only spreads.
        form: `uniform`: (1-ε)·y + ε/K (Szegedy et al. 2016); `others`: (1-ε)·y + ε/(K-1) on the other
            classes, each class counting as "other" by the share it does not hold, so that smoothing and
            mixing commute.

    Returns:
        K weights.
    """
    dense = [0.0] * classes
    for name, weight in zip(label.classes, label.weights, strict=True):
        dense[name] = weight
    return [smooth_weight(weight, classes, epsilon, form) for weight in dense] if epsilon else dense


def smooth_weight(weight: Weight, classes: int, epsilon: float, form: str) -> Weight:
    """Smooth one weight, or an array of weights, of a label over `classes` classes; see `smooth`."""
    if form == "uniform":
        return (1 - epsilon) * weight + epsilon / classes
    return (1 - epsilon) * weight + epsilon * (1 - weight) / (classes - 1)


def dominant(label: SoftLabel, preferred: int | None = None) -> int:
    """Give the class of the largest weight; ties go to the preferred class, then to the lowest index."""
    largest = max(label.weights)
    strongest = [name for name, weight in zip(label.classes, label.weights, strict=True) if weight == largest]
    return preferred if preferred is not None and preferred in strongest else strongest[0]


def _count_single(step: Paste | Blend, boxes: list[Box], pixels: int, partners: int) -> list[int]:
    """Count the shares of a program that has one mixing step."""
    area = sum(box.area for box in boxes)
    given, unit = (area, 1) if isinstance(step, Paste) else (area * (Q16 - step.weight_q16), Q16)
    counts = [pixels * unit - given] + [0] * partners
    counts[step.slot + 1] = given
    return counts


def _reduce(counts: list[int]) -> Shares:
    divisor = math.gcd(*counts)
    return Shares(tuple(count // divisor for count in counts), sum(counts) // divisor)


def _mix_cell(weights: tuple[int, ...], step: Paste | Blend, unit: int) -> tuple[int, ...]:
    """Give a cell's weights after a step; they sum to `unit`, which every blend divides exactly."""
    partner = step.slot + 1
    if isinstance(step, Paste):
        return tuple(unit if source == partner else 0 for source in range(len(weights)))
    kept = [weight * step.weight_q16 // Q16 for weight in weights]
    kept[partner] += unit * (Q16 - step.weight_q16) // Q16
    return tuple(kept)


def _boxes(area: Area, height: int, width: int) -> list[Box]:
    return [area] if isinstance(area, Box) else area.cells(height, width)


def _edges(end: int, inner: list[int]) -> list[int]:
    return sorted({0, end, *inner})
