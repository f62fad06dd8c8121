"""Arrays in and out of the Python functions: batches, ragged lists and single images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.arrays.interchange import is_on_device, module_of, read_pixels
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


@dataclass(frozen=True)  # without slots, so that shapes are kept
class Batch:
    """Images as the kernels take them.

    Attributes:
        images: (H, W, C) uint8 or uint16 each; all of the same C and dtype; of NumPy, or all of CuPy.
        flat: (values,): all images one after the other.
        nesting: `batch`, `list` or `single`: how images came in, and so how they are returned.
        lacks_channels: Which images were given without an axis of channels, and so are returned without.
    """

    images: list[Pixels]
    flat: Pixels
    nesting: str
    lacks_channels: list[bool]

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def shapes(self) -> list[Shape]:
        """Size of each image as planners see it."""
        return [Shape.of(image) for image in self.images]

    def apply(self, programs: Sequence[Program], partners: NDArray[np.int64] | None = None) -> Any:
        """Apply a program to each image.

        Args:
            programs: One for each image.
            partners: (N, slots): the partners of each image by slot, where programs mix.

        Returns:
            New images, nested as those that were given; CuPy arrays stay on their device.
        """
        if partners is None or partners.shape[1] == 0:
            partners = np.arange(len(self))[:, None]
        sizes = [image.shape[:2] for image in self.images]
        resolved = [
            resolve_image_mean(program, image) for program, image in zip(programs, self.images, strict=True)
        ]
        others = [[sizes[partner] for partner in row] for row in partners.tolist()]
        table, first = tabulate_batch(resolved, self.shapes, others)
        shapes = np.array([image.shape for image in self.images], np.int64).reshape(-1, 3)
        kernels: Any
        if is_on_device(self.flat):
            from augcli.kernels import gpu as kernels
        else:
            from augcli.kernels import cpu as kernels
        out = module_of(self.flat).empty_like(self.flat)
        kernels.apply_batch(table, first, np.ascontiguousarray(partners), shapes, self.flat, out)
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
        images: (N, H, W, C), a list or tuple of (H, W, C) or (H, W), or one such image; uint8 or uint16, of
            either byte order; anything with `__array_interface__`, `__dlpack__`, `__array__` or
            `__cuda_array_interface__`. Nothing of it is written to.

    Raises:
        PlanError: If shape or dtype are not accepted, naming the image.
        MissingPartError: If they lie on a GPU, and CuPy or the device is missing.
    """
    if isinstance(images, list | tuple):
        nesting, names = "list", [f"images[{number}]" for number in range(len(images))]
        arrays = [read_pixels(image, name) for image, name in zip(images, names, strict=True)]
    else:
        whole = read_pixels(images, "images")
        arrays, nesting = ([*whole], "batch") if whole.ndim == 4 else ([whole], "single")
        names = ["images"] * len(arrays)
    if not arrays:
        raise PlanError(f"{IMAGES}; got none")
    lacks_channels = [array.ndim == 2 for array in arrays]
    pixels = [array[..., None] if array.ndim == 2 else array for array in arrays]
    unlike = pixels[:1] if nesting == "batch" else pixels
    for array, name in zip(unlike, names, strict=False):
        _check_pixels(array, name)
    _check_alike(unlike)
    module = module_of(pixels[0])
    if nesting == "batch":
        # Kernels are compiled for arrays that can be written; for others they would be compiled once more.
        can_be_written = is_on_device(whole) or whole.flags.writeable
        whole = module.ascontiguousarray(whole) if can_be_written else np.array(whole, order="C")
        return Batch([*whole], whole.reshape(-1), nesting, lacks_channels)
    flat = module.concatenate([array.reshape(-1) for array in pixels])
    return Batch(pixels, flat, nesting, lacks_channels)


def _check_pixels(array: Pixels, name: str) -> None:
    """Refuse values that are not images, with the cure."""
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind not in "OUSV":
        kinds = "uint8 or uint16 (0..255 or 0..65535)"
        raise PlanError(f"{name} must be {kinds}, got {array.dtype}{_suggest_dtype(array)}")
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape or array.dtype.kind in "OUSV":
        accepted = IMAGES if name == "images" else f"{name} must be (H, W, C) or (H, W), with C = 1, 3 or 4"
        got = f"got an image of shape {array.shape}" if array.dtype.kind in "ui" else f"got {array.dtype}"
        raise PlanError(f"{accepted}; {got}{_suggest_shape(array)}")


def _check_alike(pixels: Sequence[Pixels]) -> None:
    """Refuse images of several kinds in one call."""
    first = pixels[0]
    for number, array in enumerate(pixels):
        if array.shape[2] != first.shape[2] or array.dtype != first.dtype:
            raise PlanError(
                "images must all have the same channels and dtype; convert them first:"
                f" images[0] has {first.shape[2]} of {first.dtype}, images[{number}] {array.shape[2]} of"
                f" {array.dtype}"
            )
        if is_on_device(array) != is_on_device(first):
            raise PlanError(
                "images must all lie on the GPU, or none of them; copy them first: images[0] and"
                f" images[{number}] do not"
            )


def _suggest_dtype(array: Pixels) -> str:
    """Return how values of another type become pixels, by the values themselves."""
    if array.dtype.kind == "b":
        return "; make them 255 * images.astype(numpy.uint8)"
    if array.dtype.kind not in "iuf" or array.size == 0:
        return ""
    low, high = float(array.min()), float(array.max())
    if low < 0 or not high <= 65535:
        return (
            f"; values are in {low:g}..{high:g}: undo what they were scaled or normalised by, then round them"
        )
    if array.dtype.kind == "f" and high <= 1:
        return "; of 0..1 make (255 * images).round().astype(numpy.uint8)"
    rounded = "images.round()" if array.dtype.kind == "f" else "images"
    return f"; of {low:g}..{high:g} make {rounded}.astype(numpy.{'uint8' if high <= 255 else 'uint16'})"


def _suggest_shape(array: Pixels) -> str:
    """Return what a shape that is not accepted was probably meant to be."""
    shape = array.shape
    if array.dtype.kind == "O":
        return "; give images of different sizes as a list"
    if len(shape) == 3 and shape[0] in (1, 3, 4) and 0 not in shape and shape[2] > 4:
        grey = ", or give grey images as (N, H, W, 1)" if shape[0] > 1 else ""
        return f"; move the channels last, with numpy.moveaxis(images, -3, -1){grey}"
    if len(shape) == 3 and shape[2] > 4:
        return "; give grey images as (N, H, W, 1)"
    return ""
