"""Programs for the images of a batch, planned as those of a data set, and what mixing makes of labels."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from augcli.arrays.batch import read_images, read_integers
from augcli.arrays.labels import read_labels
from augcli.errors import PlanError
from augcli.ops import Operation
from augcli.program.labels import count_shares
from augcli.recipe import Choice, Entry
from augcli.rng import Draws, draw_many, hash_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from augcli.arrays.batch import Batch
    from augcli.program.steps import Program

AnOperation = TypeVar("AnOperation", bound=Operation)


def set_up(kind: type[AnOperation], p: float, **options: Any) -> tuple[AnOperation, Entry]:
    """Make an operation from options as users write them, and the entry of a recipe that has it alone.

    Raises:
        UsageError: If an option or the probability is not accepted.
    """
    operation = kind(**options)
    return operation, Entry((Choice(operation),), p)


def plan(batch: Batch, entry: Entry, seed: int) -> list[Program]:
    """Plan a program for each image."""
    streams = max(choice.operation.streams for choice in entry.choices)
    programs: list[Program] = []
    for draws, shape in zip(draw(batch, streams, seed), batch.shapes, strict=True):
        operation = entry.draw(draws)
        programs.append(operation.plan(draws, shape, 0).steps if operation else ())
    return programs


def draw(batch: Batch, streams: int, seed: int) -> list[Draws]:
    """Draw the random numbers of each image, for an operation of so many streams of its own."""
    return draw_many(check_seed(seed), 0, 0, _hash_samples(batch, seed), streams + 1)


def pair(images: Any, indices: ArrayLike | None, seed: int) -> tuple[Batch, NDArray[np.int64]]:
    """Read a batch and find each image's partner: given, or the next one in the order of a keyed hash.

    Raises:
        PlanError: If there are fewer than two images, or a partner that is given is not one of them.
    """
    batch, seed = read_images(images), check_seed(seed)
    if len(batch) < 2:
        raise PlanError(f"mixing needs at least 2 images, got {len(batch)}")
    if indices is not None:
        partners = read_integers(indices, (len(batch),), "indices")
        if partners.min() < 0 or partners.max() >= len(batch):
            raise PlanError(f"indices must be in 0..{len(batch) - 1}, got {partners.min()}..{partners.max()}")
        return batch, partners
    order = np.argsort(np.array(_hash_samples(batch, seed), np.uint64), kind="stable")
    partners = np.empty(len(batch), np.int64)
    partners[order] = np.roll(order, -1)
    return batch, partners


def mix(
    batch: Batch,
    programs: Sequence[Program],
    partners: NDArray[np.int64],
    labels: Any,
    num_classes: int | None,
) -> tuple[Any, NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return mixed images, labels (None if there are none), and each image's own share of its pixels."""
    weights = None if labels is None else read_labels(labels, len(batch), num_classes)
    shares = [
        count_shares(program, shape.height, shape.width, 1)
        for program, shape in zip(programs, batch.shapes, strict=True)
    ]
    lam = np.array([share.lam for share in shares])
    if weights is not None:
        kept = np.array([share.counts[0] for share in shares], np.float64)[:, None]
        total = np.array([share.total for share in shares], np.float64)[:, None]
        weights = (kept * weights + (total - kept) * weights[partners]) / total
    return batch.apply(programs, partners), weights, lam


def check_seed(seed: int) -> int:
    """Return a seed as a Python integer.

    Raises:
        PlanError: If it is not a whole number of 64 bits.
    """
    if not isinstance(seed, Integral) or not 0 <= int(seed) < 1 << 64:
        raise PlanError(f"seed must be a whole number in 0..2**64 - 1, got {seed!r}")
    return int(seed)


def _hash_samples(batch: Batch, seed: int) -> list[int]:
    return [hash_key(str(number), int(seed)) for number in range(len(batch))]
