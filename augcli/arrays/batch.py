"""Arrays in and out of the Python functions: batches, ragged lists and single images."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.errors import PlanError
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.table import tabulate_batch
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.program.steps import Program
    from augcli.samples import Pixels

IMAGES = "images must be (N, H, W, C), a list of (H, W, C) or (H, W), or one of these, with C = 1, 3 or 4"


@dataclass(frozen=True, slots=True)
class Batch:
    """Images as the kernels take them.

    Attributes:
        images: (H, W, C) uint8 or uint16 each; all of the same C and dtype; of NumPy, or all of CuPy.
        flat: (values,): all images one after the other.
        nesting: `batch`, `list` or `single`: what was given, and so what is returned.
        lacks_channels: Which images were given without an axis of channels, and so are returned without.
    """

    images: list[Pixels]
    flat: Pixels
    nesting: str
    lacks_channels: list[bool]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shapes(self) -> list[Shape]:
        """Size of each image as planners see it."""
        return [Shape.of(image) for image in self.images]

    def apply(self, programs: Sequence[Program], partners: NDArray[np.int64] | None = None) -> Any:
        """Apply a program to each image.

        Args:
            programs: One for each image.
            partners: (N,): the partner of each image, where programs mix.

        Returns:
            New images, nested as those that were given; CuPy arrays stay on their device.
        """
        partners = np.arange(len(self)) if partners is None else partners
        sizes = [image.shape[:2] for image in self.images]
        resolved = [
            resolve_image_mean(program, image) for program, image in zip(programs, self.images, strict=True)
        ]
        table, first = tabulate_batch(resolved, self.shapes, [[sizes[partner]] for partner in partners])
        shapes = np.array([image.shape for image in self.images], np.int64).reshape(-1, 3)
        kernels: Any
        if is_on_device(self.flat):
            from augcli.kernels import gpu as kernels
        else:
            from augcli.kernels import cpu as kernels
        out = module_of(self.flat).empty_like(self.flat)
        kernels.apply_batch(table, first, partners[:, None], shapes, self.flat, out)
        return self._restore(out, shapes)

    def _restore(self, out: Pixels, shapes: NDArray[np.int64]) -> Any:
        if self.nesting == "batch":
            return out.reshape(len(self), *self.images[0].shape)
        stops = np.cumsum(shapes.prod(axis=1)).tolist()
        starts, sizes = [0, *stops[:-1]], shapes.tolist()
        places = zip(starts, stops, sizes, self.lacks_channels, strict=True)
        images = [
            out[start:stop].reshape(size[:2] if is_flat else size) for start, stop, size, is_flat in places
        ]
        return images[0] if self.nesting == "single" else images


def read_images(images: Any) -> Batch:
    """Read images of any accepted kind.

    Args:
        images: (N, H, W, C), a list or tuple of (H, W, C) or (H, W), or one such image; uint8 or uint16;
            anything with `__array_interface__`, `__dlpack__` or `__cuda_array_interface__`. Nothing of it is
            written to.

    Raises:
        PlanError: If shape or dtype are not accepted.
        MissingPartError: If they lie on a GPU, and CuPy or the device is missing.
    """
    if isinstance(images, list | tuple):
        arrays, nesting = [_as_pixels(image) for image in images], "list"
    else:
        whole = _as_pixels(images)
        arrays, nesting = ([*whole], "batch") if whole.ndim == 4 else ([whole], "single")
    if not arrays:
        raise PlanError(f"{IMAGES}; got none")
    lacks_channels = [array.ndim == 2 for array in arrays]
    pixels = [array[..., None] if array.ndim == 2 else array for array in arrays]
    for array in pixels:
        if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
            raise PlanError(f"{IMAGES}; got an image of shape {array.shape}{_cure(array.shape)}")
        if array.dtype not in (np.uint8, np.uint16):
            kinds = "uint8 or uint16 (0..255 or 0..65535)"
            raise PlanError(f"images must be {kinds}, got {array.dtype}{_convert(array.dtype)}")
        if array.shape[2] != pixels[0].shape[2] or array.dtype != pixels[0].dtype:
            raise PlanError("images must all have the same channels and dtype; convert them first")
    if len({is_on_device(array) for array in pixels}) > 1:
        raise PlanError("images must all lie on the GPU, or none of them; copy them first")
    module = module_of(pixels[0])
    if nesting == "batch":
        # Kernels are compiled for arrays that can be written; for others they would be compiled once more.
        can_be_written = is_on_device(whole) or whole.flags.writeable
        whole = module.ascontiguousarray(whole) if can_be_written else np.array(whole, order="C")
        return Batch([*whole], whole.reshape(-1), nesting, lacks_channels)
    flat = module.concatenate([array.reshape(-1) for array in pixels])
    return Batch(pixels, flat, nesting, lacks_channels)


def _convert(dtype: np.dtype[Any]) -> str:
    return "; of 0..1 make (255 * images).round().astype(numpy.uint8)" if dtype.kind == "f" else ""


def _cure(shape: tuple[int, ...]) -> str:
    """Return what a shape that is not accepted was probably meant to be."""
    if len(shape) == 3 and shape[0] in (1, 3, 4) and 0 not in shape and shape[2] > 4:
        return "; move the channels last"
    if len(shape) == 3 and shape[2] > 4:
        return "; give grey images as (N, H, W, 1)"
    return ""


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


def read_array(values: Any, what: str) -> NDArray[Any]:
    """Read numbers as an array: nested lists, a number, or an array of any accepted kind.

    Raises:
        PlanError: If they do not make an array of one shape.
    """
    if not isinstance(values, list | tuple | Real):
        return _as_array(values)
    try:
        return np.asarray(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise PlanError(f"{what} must be an array of one shape: {error}") from error


def is_on_device(value: Any) -> bool:
    """True if an array lies on a GPU."""
    return hasattr(value, "__cuda_array_interface__")


def module_of(array: Any) -> Any:
    """Return the package whose functions take an array: NumPy or CuPy."""
    if not is_on_device(array):
        return np
    from augcli.kernels import devices

    return devices.usable_cupy()


def _as_pixels(value: Any) -> Any:
    """Return an image as an array on its own device, without copying if that is possible."""
    return module_of(value).asarray(value) if is_on_device(value) else _as_array(value)


PILLOW_MODES = ("L", "RGB", "RGBA", "I;16")


def _as_array(value: Any) -> NDArray[Any]:
    """Return an object as an array in memory; it is copied from a GPU, else only where it must be."""
    if is_on_device(value):
        return module_of(value).asarray(value).get()
    kind, mode = type(value).__name__, getattr(value, "mode", "")
    if type(value).__module__.startswith("PIL.") and mode not in PILLOW_MODES:
        raise PlanError(f"Pillow images must be of mode {', '.join(PILLOW_MODES)}, got {mode}; convert them")
    try:
        if hasattr(value, "__array_interface__"):
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
    except Exception as error:
        raise PlanError(f"{kind} cannot be read as an array: {error}") from error
    raise PlanError(f"an array is needed (NumPy, __array_interface__ or __dlpack__), got {kind}")
