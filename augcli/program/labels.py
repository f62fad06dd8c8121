"""The label of a program of steps, exact to the pixel.

No operation writes a label. The cells of the program give the share of each source, in whole numbers, and the
label is the mean of the sources' labels by these shares.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from augcli.errors import PlanError
from augcli.program.cells import follow_program
from augcli.program.steps import Blend, Fill, Paste
from augcli.samples import Q16, SoftLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.steps import Program

    Weight = TypeVar("Weight", float, NDArray[Any])


class Shares(NamedTuple):
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
        """The slot of the first partner that holds any pixels; None if no partner does."""
        for slot, count in enumerate(self.counts[1:]):
            if count:
                return slot
        return None


def count_shares(program: Program, height: int, width: int, partners: int) -> Shares:
    """Count the share of every source after a program, holes left to what they cover.

    Args:
        program: Steps, in order; their areas lie inside the image.
        height: Rows of the image.
        width: Columns of the image.
        partners: Number of partner slots.

    Returns:
        Shares with `partners + 1` counts, reduced by their common divisor.
    """
    mixing = tuple([step for step in program if not isinstance(step, Fill)])
    if len(mixing) <= 1:  # nearly all outputs: without cells it takes a tenth of the time
        return _reduce(_count_single(mixing, height, width, partners))
    slots = [0, *(step.slot + 1 for step in mixing)]
    counts = [0] * (partners + 1)
    for source, count in zip(slots, follow_program(mixing, height, width).count(), strict=True):
        counts[source] += count
    return _reduce(counts)


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
    sums: dict[int, float] = {}
    for label, count in zip(labels, shares.counts, strict=True):
        if count:
            for name, weight in zip(label.classes, label.weights, strict=True):
                # A whole weight leaves the count an integer: the share is then rounded only once.
                part = count if weight == 1.0 else count * weight
                sums[name] = sums[name] + part if name in sums else part
    classes = tuple(sorted(sums))
    return SoftLabel(classes, tuple([sums[name] / shares.total for name in classes]))


def mix_known(labels: Sequence[SoftLabel | None], shares: Shares) -> tuple[int | None, SoftLabel | None]:
    """Return an output's dominant class (of equals the base's) and its label; None if one is unlabelled."""
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        return None, None
    exact = mix_labels(known, shares)
    return dominant(exact, dominant(known[0])), exact


def smooth_weight(weight: Weight, classes: int, epsilon: float, form: str) -> Weight:
    """Smooth one weight, or an array of weights, of a label over `classes` classes.

    Args:
        weight: A weight of a label whose weights sum to 1.
        classes: K, the number of classes; at least 2 where `form` is `others`.
        epsilon: ε in [0, 1).
        form: `uniform`: (1-ε)·y + ε/K (Szegedy et al. 2016); `others`: (1-ε)·y + ε/(K-1) on the other
            classes, each class counting as "other" by the share it does not hold, so that smoothing and
            mixing commute.
    """
    if form == "uniform":
        return (1 - epsilon) * weight + epsilon / classes
    return (1 - epsilon) * weight + epsilon * (1 - weight) / (classes - 1)


def dominant(label: SoftLabel, preferred: int | None = None) -> int:
    """Return the class of the largest weight; ties go to the preferred class, then to the lowest index."""
    classes, weights = label.classes, label.weights
    largest = max(weights)
    if preferred is not None and preferred in classes and weights[classes.index(preferred)] == largest:
        return preferred
    return classes[weights.index(largest)]


def _count_single(mixing: Sequence[Paste | Blend], height: int, width: int, partners: int) -> list[int]:
    """Count the shares of a program that has one mixing step or none."""
    counts = [height * width] + [0] * partners
    for step in mixing:
        area = sum([box.area for box in step.area.boxes(height, width)])
        unit = Q16 if isinstance(step, Blend) else 1
        pixels = area * (Q16 - step.weight_q16) if isinstance(step, Blend) else area
        counts[0] = height * width * unit - pixels
        counts[step.slot + 1] = pixels
    return counts


def _reduce(counts: list[int]) -> Shares:
    divisor = math.gcd(*counts)
    return Shares(tuple([count // divisor for count in counts]), sum(counts) // divisor)
