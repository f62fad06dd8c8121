"""What a hole is filled with, in an image's own channels and depth."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import PlanError
from augcli.program.steps import Fill, ImageMean
from augcli.samples import LUMA_Q16, Q16, Colour, Colour16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.program.steps import Normal, Program
    from augcli.samples import Pixels, Shape

QUANTILES = 65536


def resolve_image_mean(program: Program, image: Pixels) -> Program:
    """Replace every fill by the image's mean with that colour.

    Args:
        program: Steps, in order.
        image: (H, W, C) uint8 or uint16: the base as it was loaded.
    """
    if not any(isinstance(step, Fill) and isinstance(step.fill, ImageMean) for step in program):
        return program
    mean = mean_colour(image)
    return tuple(
        replace(step, fill=mean) if isinstance(step, Fill) and isinstance(step.fill, ImageMean) else step
        for step in program
    )


def mean_colour(image: Pixels) -> Colour | Colour16:
    """Return the rounded mean of each channel, alpha left aside, in the image's own depth."""
    count = image.shape[0] * image.shape[1]
    sums = image.sum(axis=(0, 1), dtype=np.uint64)[:3].tolist()
    means = [(total + count // 2) // count for total in sums]
    red, green, blue = means if len(means) == 3 else means * 3
    return (Colour16 if image.dtype == np.uint16 else Colour)(red, green, blue)


def channel_values(colour: Colour | Colour16, shape: Shape) -> tuple[int, int, int, int]:
    """Return a colour in an image's own channels and depth; alpha is opaque, unused channels are 0.

    Raises:
        PlanError: If a colour of 16-bit values is for an 8-bit image.
    """
    if isinstance(colour, Colour16) and shape.depth != 16:
        raise PlanError(f"a colour of 16-bit values needs a 16-bit image, got {colour}")
    scale = 257 if shape.depth == 16 and isinstance(colour, Colour) else 1
    if shape.channels == 1:
        return colour.luma * scale, 0, 0, 0
    alpha = (1 << shape.depth) - 1 if shape.channels == 4 else 0
    return colour.red * scale, colour.green * scale, colour.blue * scale, alpha


@lru_cache(maxsize=8)
def normal_quantiles(
    mean: tuple[float, float, float], std: tuple[float, float, float], is_grey: bool, depth: int
) -> NDArray[np.uint16]:
    """Return the values of normal noise by their rank: clip(rint(full·(mean + std·z))).

    Grey takes the luma of the three means and of the three deviations.

    Args:
        mean: Mean of each channel, as a share of the full range.
        std: Standard deviation of each channel.
        is_grey: Whether one channel stands for the three.
        depth: Bits, 8 or 16; the full range is 255 or 65535.

    Returns:
        (channels, 65536) uint16, ascending; the k-th is the quantile (k + 1/2) / 65536.
    """
    full = (1 << depth) - 1
    means, deviations = np.array(mean), np.array(std)
    if is_grey:
        weights = np.array(LUMA_Q16) / Q16
        means, deviations = np.array([means @ weights]), np.array([deviations @ weights])
    values = full * (means[:, None] + deviations[:, None] * _standard_quantiles())
    return np.clip(np.rint(values), 0, full).astype(np.uint16)


def quantiles_of(noise: Normal, shape: Shape) -> NDArray[np.uint16]:
    """Return a noise's `normal_quantiles` for an image."""
    return normal_quantiles(noise.mean, noise.std, shape.channels == 1, shape.depth)


@lru_cache(maxsize=1)
def _standard_quantiles() -> NDArray[np.float64]:
    """Return the quantiles of the standard normal law; antisymmetric, so half of them are computed."""
    inverse = NormalDist().inv_cdf
    lower = np.array([inverse((rank + 0.5) / QUANTILES) for rank in range(QUANTILES // 2)])
    return np.concatenate([lower, -lower[::-1]])
