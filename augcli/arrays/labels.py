"""Labels of images in memory: read as weights, and smoothed."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.arrays.batch import read_array
from augcli.errors import PlanError
from augcli.program.labels import smooth_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_labels(labels: Any, count: int | None, num_classes: int | None) -> NDArray[np.float64]:
    """Read labels as weights.

    Args:
        labels: (N,) class indices, or (N, K) weights.
        count: N that they must have; None accepts any.
        num_classes: K; needed for indices.

    Returns:
        (N, K) float64.

    Raises:
        PlanError: If shape, type or range are not accepted.
    """
    array = read_array(labels, "labels")
    if array.ndim not in (1, 2) or (count is not None and len(array) != count):
        wanted = "" if count is None else f" with N = {count}"
        raise PlanError(f"labels must be (N,) indices or (N, K) weights{wanted}, got shape {array.shape}")
    if array.ndim == 2:
        return _read_weights(array, num_classes)
    if array.dtype.kind not in "iu" and array.size:
        raise PlanError(f"label indices must be integers, got {array.dtype}")
    if not isinstance(num_classes, Integral) or num_classes < 1:
        raise PlanError(f"label indices need num_classes, a whole number >= 1, got {num_classes!r}")
    if array.size and not (array.min() >= 0 and array.max() < num_classes):
        raise PlanError(f"label indices must be in 0..{num_classes - 1}, got {array.min()}..{array.max()}")
    weights = np.zeros((len(array), int(num_classes)))
    weights[np.arange(len(array)), array.astype(np.int64)] = 1.0
    return weights


def _read_weights(array: NDArray[Any], num_classes: int | None) -> NDArray[np.float64]:
    if array.dtype.kind not in "iufb" or array.shape[1] == 0:
        raise PlanError(
            f"label weights must be real numbers, one class at least, got {array.dtype} {array.shape}"
        )
    weights = array.astype(np.float64)
    if num_classes is not None and weights.shape[1] != num_classes:
        raise PlanError(f"labels have {weights.shape[1]} weights each, num_classes is {num_classes}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise PlanError("label weights must be finite and not negative")
    return weights


def smooth_labels(
    labels: Any, epsilon: float = 0.1, *, num_classes: int | None = None, form: str = "uniform"
) -> NDArray[np.float64]:
    """Smooth labels; smoothing and mixing commute.

    Args:
        labels: (N,) indices or (N, K) weights that sum to 1.
        epsilon: ε in 0..1.
        num_classes: K; needed where labels are indices.
        form: `uniform`: (1-ε)·y + ε/K (Szegedy et al. 2016, "Rethinking the Inception Architecture").
            `others`: (1-ε)·y + ε/(K-1) on the other classes.

    Returns:
        (N, K) float64.

    Raises:
        PlanError: If an argument is not accepted, or weights do not sum to 1.

    Example:
        >>> smooth_labels([1], 0.3, num_classes=3, form="others").round(3).tolist()
        [[0.15, 0.7, 0.15]]
    """
    weights = read_labels(labels, None, num_classes)
    classes = weights.shape[1]
    if not isinstance(epsilon, Real) or not 0 <= epsilon <= 1:
        raise PlanError(f"epsilon must be >= 0 and <= 1, got {epsilon}")
    if form not in ("uniform", "others"):
        raise PlanError(f"form must be one of uniform, others, got {form!r}")
    if form == "others" and classes < 2:
        raise PlanError(f"form others needs at least 2 classes, got {classes}; use uniform")
    if np.abs(weights.sum(axis=1) - 1).max(initial=0) > 1e-4:
        raise PlanError("labels that do not sum to 1 (multi-hot) cannot be smoothed")
    return smooth_weight(weights, classes, float(epsilon), form)
