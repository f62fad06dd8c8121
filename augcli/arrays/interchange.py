"""Arrays of other libraries, read as NumPy's or left on their device."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from augcli.errors import PlanError, show_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PILLOW_MODES = ("L", "RGB", "RGBA", "I;16")

Read: TypeAlias = "Callable[[Any], NDArray[Any]]"
WAYS: dict[str, Read] = {
    "__array_interface__": np.asarray, "__dlpack__": np.from_dlpack, "__array__": np.asarray
}  # fmt: skip
"""By which attribute an object is read, and how; the first that works is taken."""


def read_array(values: Any, what: str) -> NDArray[Any]:
    """Read numbers as an array in memory: nested lists, a number, or an array of any accepted kind.

    Args:
        values: What was given; it is copied from a GPU, else only where it must be.
        what: Its name in messages.

    Raises:
        PlanError: If it is not an array, or has no single shape.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | Real):
        return _as_array(values, what)
    try:
        return _as_native(np.asarray(values))
    except Exception as error:  # of sequences that hold anything at all
        raise PlanError(f"{what} must be an array of one shape: {error}") from error


def read_integers(values: Any, shape: tuple[int, ...], what: str) -> NDArray[np.int64]:
    """Read an array of integers of a shape, where -1 stands for any length.

    Raises:
        PlanError: If shape or type are not accepted.
    """
    array = read_array(values, what)
    fits = array.ndim == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits or not (array.dtype.kind in "iu" or array.size == 0):
        wanted = ", ".join("any" if side == -1 else str(side) for side in shape)
        raise PlanError(f"{what} must be integers of shape ({wanted}), got {array.dtype} {array.shape}")
    if array.size and array.max() > np.iinfo(np.int64).max:
        raise PlanError(f"{what} must be integers below 2**63, got {array.max()}")
    return array.astype(np.int64)


def read_pixels(value: Any, what: str) -> Any:
    """Return an image or a batch as an array on its own device, without copying where that is possible.

    Raises:
        PlanError: If it is not an array, or a Pillow image whose values are not light.
    """
    mode = getattr(value, "mode", "")
    if type(value).__module__.startswith("PIL.") and mode not in PILLOW_MODES:
        modes = ", ".join(PILLOW_MODES)
        raise PlanError(f"{what}: Pillow images must be of mode {modes}, got {mode}; convert them")
    return module_of(value).asarray(value) if is_on_device(value) else _as_array(value, what)


def is_on_device(value: Any) -> bool:
    """True if an array lies on a GPU."""
    return hasattr(value, "__cuda_array_interface__")


def module_of(array: Any) -> Any:
    """Return the package whose functions take an array: NumPy or CuPy."""
    if not is_on_device(array):
        return np
    from augcli.kernels import devices

    return devices.usable_cupy()


def _as_array(value: Any, what: str) -> NDArray[Any]:
    """Return an object as an array in memory."""
    if is_on_device(value):
        return module_of(value).asarray(value).get()
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise PlanError(f"{what} has masked values; fill them first, with .filled()")
    ways = [read for attribute, read in WAYS.items() if hasattr(value, attribute)]
    reasons: list[Exception] = []
    for read in ways:
        try:
            return _as_native(read(value))
        except Exception as error:  # noqa: BLE001 - of another library, which may raise anything
            reasons.append(error)
    kind = type(value).__name__
    if reasons:
        raise PlanError(f"{what}: {kind} cannot be read as an array: {reasons[-1]}") from reasons[-1]
    accepted = "an array (NumPy, or anything with __array__, __array_interface__ or __dlpack__)"
    got = f"{kind} {show_value(value)}" if isinstance(value, str | bytes) else kind
    raise PlanError(f"{what} must be {accepted}, got {got}")


def _as_native(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in the machine's byte order."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
