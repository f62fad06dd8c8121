"""Labels of images in memory: read as weights, and smoothed."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.arrays.interchange import read_array
from augcli.errors import PlanError, show_value
from augcli.program.labels import smooth_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_CLASSES = 1 << 24
"""Above, a dense label of one image takes more than 128 MiB."""

SUM_TOLERANCE = 1e-4
"""How far a sum of weights may be from 1: what rounding of float32 weights leaves."""


class LabelWeights(NamedTuple):
    """Labels as weights, (N, K) float64, and how far their sums may be from 1 by the type they came in."""

    values: NDArray[np.float64]
    tolerance: float


def read_labels(labels: Any, count: int | None, num_classes: int | None) -> LabelWeights:
    """Read labels as weights.

    Args:
        labels: (N,) class indices, or (N, K) weights.
        count: N that they must have; None accepts any.
        num_classes: K; needed for indices.

    Raises:
        PlanError: If shape, type or range are not accepted, naming the label.
    """
    array = read_array(labels, "labels")
    if array.ndim not in (1, 2) or (count is not None and len(array) != count):
        wanted = "" if count is None else f" with N = {count}"
        raise PlanError(f"labels must be (N,) indices or (N, K) weights{wanted}, got shape {array.shape}")
    if num_classes is not None:
        is_number = isinstance(num_classes, Integral) and not isinstance(num_classes, bool)
        if not is_number or not 1 <= num_classes <= MOST_CLASSES:
            most = f"a whole number in 1..{MOST_CLASSES}"
            raise PlanError(f"num_classes must be {most}, got {show_value(num_classes)}")
    return _read_weights(array, num_classes) if array.ndim == 2 else _read_indices(array, num_classes)


def _read_indices(array: NDArray[Any], num_classes: int | None) -> LabelWeights:
    if array.dtype.kind not in "iu" and array.size:
        cure = "; whole ones become integers with .astype(int)" if array.dtype.kind == "f" else ""
        cure = "; number the classes from 0" if array.dtype.kind in "OSU" else cure
        got = "texts" if array.dtype.kind in "SU" else array.dtype
        raise PlanError(f"label indices must be integers, got {got}{cure}")
    if num_classes is None:
        raise PlanError("label indices need num_classes, a whole number >= 1, got None")
    outside = (array < 0) | (array >= num_classes)
    if outside.any():
        first = int(outside.argmax())
        raise PlanError(
            f"label indices must be in 0..{num_classes - 1}, got {array[first]} at labels[{first}]"
        )
    weights = np.zeros((len(array), int(num_classes)))
    weights[np.arange(len(array)), array.astype(np.int64)] = 1.0
    return LabelWeights(weights, SUM_TOLERANCE)


def _read_weights(array: NDArray[Any], num_classes: int | None) -> LabelWeights:
    if array.dtype.kind not in "iufb" or array.shape[1] == 0:
        raise PlanError(
            f"label weights must be real numbers, one class at least, got {array.dtype} {array.shape}"
        )
    weights = array.astype(np.float64)
    if weights.shape[1] == 1 and array.dtype.kind in "iu" and num_classes != 1:
        raise PlanError(
            f"labels of shape {array.shape} may be indices or weights; indices go in as labels.ravel() with"
            " num_classes, weights of one class with num_classes=1"
        )
    if num_classes is not None and weights.shape[1] != num_classes:
        raise PlanError(f"labels have {weights.shape[1]} weights each, num_classes is {num_classes}")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        got = f"got {weights[row, column]:g} at labels[{row}][{column}]"
        raise PlanError(f"label weights must be finite and not negative, {got}")
    # Each weight is rounded by half of eps of itself at most, and so is their sum.
    eps = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    tolerance = max(SUM_TOLERANCE, eps)
    if (weights > 1 + tolerance).any():
        row, column = np.unravel_index(weights.argmax(), weights.shape)
        got = f"got {weights[row, column]:g} at labels[{row}][{column}]"
        raise PlanError(
            f"label weights must be in 0..1, {got}; several indices of an image go in as 0 or 1 of each class"
        )
    return LabelWeights(weights, tolerance)


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
    is_number = isinstance(epsilon, Real) and not isinstance(epsilon, bool)
    if not is_number or not 0 <= epsilon <= 1:
        raise PlanError(f"epsilon must be >= 0 and <= 1, got {show_value(epsilon)}")
    if not isinstance(form, str) or form not in ("uniform", "others"):
        raise PlanError(f"form must be one of uniform, others, got {show_value(form)}")
    check_can_smooth(weights, form)
    return smooth_weight(weights.values, weights.values.shape[1], float(epsilon), form)


def check_can_smooth(weights: LabelWeights, form: str) -> None:
    """Refuse labels that cannot be smoothed.

    Raises:
        PlanError: If there is one class and the others shall share ε, or weights do not sum to 1.
    """
    classes = weights.values.shape[1]
    if form == "others" and classes < 2:
        raise PlanError(f"form others needs at least 2 classes, got {classes}; use uniform")
    sums = weights.values.sum(axis=1)
    wrong = np.abs(sums - 1) > weights.tolerance
    if wrong.any():
        first = int(wrong.argmax())
        raise PlanError(
            "labels that do not sum to 1 (multi-hot) cannot be smoothed;"
            f" those of labels[{first}] sum to {sums[first]:g}"
        )
