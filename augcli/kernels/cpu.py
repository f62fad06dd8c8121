"""The steps on a CPU, by the compiled loops of `cpu_loops`; equal to `reference` bit for bit."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numba
import numpy as np

from augcli.kernels import cpu_loops
from augcli.kernels.table import Table, tabulate
from augcli.program.steps import Box, Paste
from augcli.samples import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from augcli.samples import Pixels


def apply(table: Table, partners: Sequence[Pixels], image: Pixels) -> None:
    """Apply a program to an image in place; arguments as for `reference.apply`, C-contiguous."""
    steps, bitmaps, quantiles = table
    noise, partner = steps["noise"].tolist(), partners[0] if partners else image
    if len(partners) < 2 and not any(noise):
        cpu_loops.apply_steps(steps, bitmaps, 0, len(steps), partner, image)
        return
    for index, slot in enumerate(steps["slot"].tolist()):
        if noise[index]:
            cpu_loops.fill_noise(steps, bitmaps, quantiles, index, image)
        else:
            partner = partners[slot] if partners else image
            cpu_loops.apply_steps(steps, bitmaps, index, index + 1, partner, image)


def load() -> None:
    """Load the kernels for 8-bit images, or compile them on the first run ever: before processes fork."""
    image = np.zeros((1, 1, 3), np.uint8)
    apply(tabulate((Paste(Box(0, 0, 1, 1), 0),), Shape.of(image), [(1, 1)]), [image.copy()], image)


def cache_path() -> str | None:
    """Return the directory in which compiled kernels stay; None if none can be written."""
    return getattr(getattr(cpu_loops.apply_steps, "stats", None), "cache_path", None)


def count_threads() -> int:
    """Count the threads of kernels for batches."""
    return int(numba.get_num_threads())


def apply_batch(
    table: Table,
    first: NDArray[np.int64],
    partners: NDArray[np.int64],
    shapes: NDArray[np.int64],
    sources: Pixels,
    out: Pixels,
) -> None:
    """Apply a program to each image of a batch, on all cores.

    Args:
        table: Steps of all images, made by `tabulate_batch`.
        first: (N + 1,): the steps of image n are `first[n]..first[n + 1] - 1`.
        partners: (N, slots): which images are the partners of image n.
        shapes: (N, 3): height, width and channels, the last the same for all.
        sources: (values,) uint8 or uint16: all images one after the other; not changed.
        out: As `sources`; written.
    """
    offsets = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))])
    with _parallel.entered:
        kernel = cpu_loops.apply_images if _parallel.is_child else cpu_loops.apply_images_in_parallel
        kernel(*table, first, partners, offsets, shapes, sources, out)


class _Parallel:
    """A gate to parallel kernels, which one thread of this process may pass at a time.

    Numba's pool of threads takes no more than one; and it does not survive a fork, after which some of its
    implementations end the process and others hang. So a child that was forked works alone.
    """

    def __init__(self) -> None:
        self.entered, self.is_child = threading.Lock(), False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.leave)

    def leave(self) -> None:
        """Stay out of parallel kernels; the lock may have been copied while it was held."""
        self.entered, self.is_child = threading.Lock(), True


_parallel = _Parallel()
