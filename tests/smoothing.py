"""Smoothed labels over all classes, for tests."""

from __future__ import annotations

from augcli.program.labels import smooth_weight
from augcli.samples import SoftLabel


def smooth(label: SoftLabel, classes: int, epsilon: float, form: str) -> list[float]:
    """Return the weight of each class; an epsilon of 0 only spreads them."""
    weights = dict(zip(label.classes, label.weights, strict=True))
    dense = [weights.get(index, 0.0) for index in range(classes)]
    return [smooth_weight(weight, classes, epsilon, form) for weight in dense] if epsilon else dense
