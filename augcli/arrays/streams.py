"""The random numbers of a call: by its seed, by the function's name, and by each image's place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from augcli.errors import PlanError, show_value
from augcli.rng import draw_many, hash_key, hash_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from augcli.rng import Draws

Seed: TypeAlias = int | tuple[int, ...] | None
"""A whole number, some of them, such as (epoch, step), or None for a fresh one."""


@dataclass(frozen=True, slots=True)
class Streams:
    """All random numbers of a call, made from its seed; the images are the samples `0`, `1`, `2`, ...

    Attributes:
        seed: 0..2**64 - 1; given again, it gives the same.
        key: What numbers are drawn from: the seed, or a hash of it and the function's name.
        samples: 64-bit hash of each image's place.
        same_on_batch: True if all images have the numbers of the first.
    """

    seed: int
    key: int
    samples: list[int]
    same_on_batch: bool

    @classmethod
    def of_function(cls, name: str, count: int, seed: Seed, same_on_batch: bool = False) -> Streams:
        """Return the numbers of a function: other functions have others at the same seed."""
        number = read_seed(seed)
        return cls._of(number, hash_key(name, number), count, same_on_batch)

    @classmethod
    def of_recipe(cls, count: int, seed: Seed, same_on_batch: bool = False) -> Streams:
        """Return the numbers of a recipe: the same as for a data set with these keys."""
        number = read_seed(seed)
        return cls._of(number, number, count, same_on_batch)

    @classmethod
    def _of(cls, seed: int, key: int, count: int, same_on_batch: bool) -> Streams:
        if not isinstance(same_on_batch, bool | np.bool_):
            raise PlanError(f"same_on_batch must be True or False, got {show_value(same_on_batch)}")
        return cls(seed, key, hash_keys(map(str, range(count)), key).tolist(), bool(same_on_batch))

    def draw(self, streams: int, place: int = 0) -> list[Draws]:
        """Draw the numbers of each image for the operation at a place, which has so many streams."""
        samples = self.samples[:1] if self.same_on_batch else self.samples
        drawn = draw_many(self.key, [(place, 0, sample) for sample in samples], streams + 1)
        return drawn * len(self.samples) if self.same_on_batch else drawn

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """The hash of each image, by which they are put in their order."""
        return np.array(self.samples, np.uint64)


def read_seed(seed: Seed) -> int:
    """Return a seed as one number.

    Args:
        seed: A whole number in 0..2**64 - 1; a tuple or list of them, which is hashed; None for a fresh one,
            from the system.

    Raises:
        PlanError: If it is something else.
    """
    if seed is None:
        return int.from_bytes(os.urandom(8), "little")
    if not isinstance(seed, tuple | list):
        return _read_number(seed, seed)
    if not seed:
        raise PlanError("seed must hold one whole number at least, got ()")
    return hash_key(",".join(str(_read_number(part, seed)) for part in seed))


def _read_number(value: object, seed: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 1 << 64:
        accepted = "a whole number in 0..2**64 - 1, a tuple of such, or None for a fresh one"
        raise PlanError(f"seed must be {accepted}, got {show_value(seed)}")
    return int(value)
