"""Randomness as a pure function of (seed, operation, copy, sample): a counter, never a state.

Every draw is a block of Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
1, 2, 3") whose counter says what the draw is for, so no draw depends on the order of the work, on the
worker, or on what was drawn before.
"""

from __future__ import annotations

import math
import os
from operator import mul
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Word = TypeVar("Word", int, NDArray[Any])

MASK_32 = 0xFFFFFFFF
PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)
"""The multipliers of Philox4x32, and what its keys grow by from round to round (Salmon et al. 2011)."""

AHEAD = 4
"""Numbers of each stream that `draw_many` computes ahead, an even count: what most decisions need."""


HASHED_TOGETHER = 1 << 14
"""Things whose hashes are computed at once: so many stay in the second cache."""


def philox4x32(counter: tuple[Word, Word, Word, Word], key: tuple[Any, Any]) -> tuple[Word, ...]:
    """Compute one block of four 32-bit words with ten rounds of Philox.

    Args:
        counter: Four words below 2**32: Python ints, or uint64 arrays that broadcast for many blocks.
        key: Two words below 2**32: Python ints, or arrays of them.

    Returns:
        Four words below 2**32, of the counter's type, and of the shape that all of them broadcast to.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(PHILOX_ROUNDS):
        p0, p1 = c0 * PHILOX_MULTIPLIERS[0], c2 * PHILOX_MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK_32, (p0 >> 32) ^ c3 ^ k1, p0 & MASK_32
        k0, k1 = (k0 + PHILOX_WEYL[0]) & MASK_32, (k1 + PHILOX_WEYL[1]) & MASK_32
    return c0, c1, c2, c3


def hash_key(key: str, seed: int = 0) -> int:
    """Hash a sample's key to 64 bits (keyed BLAKE2b); the seed, below 2**64, makes another hash of it."""
    import hashlib  # here, since it loads OpenSSL, which `augcli --help` need not wait for

    digest = hashlib.blake2b(os.fsencode(key), digest_size=8, key=seed.to_bytes(8, "little"))
    return int.from_bytes(digest.digest(), "big")


def hash_keys(keys: Iterable[str], seed: int) -> NDArray[np.uint64]:
    """Hash the keys of many samples: the numbers that `hash_key` gives, in half of its time."""
    import hashlib

    import numpy as np

    start = hashlib.blake2b(digest_size=8, key=seed.to_bytes(8, "little"))
    hashes = []
    for key in keys:
        digest = start.copy()
        digest.update(os.fsencode(key))
        hashes.append(digest.digest())
    return np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64)


class Subset(NamedTuple):
    """Which subset is drawn: `chosen` distinct ones of `total` things, by the numbers of a stream."""

    stream: int
    total: int
    chosen: int


class Draws(NamedTuple):
    """All random numbers of one operation on one output, addressed by stream.

    Each decision has a stream of its own (0..255), so that one never shifts another; stream 0 decides
    whether the operation is applied at all. Asking twice gives the same numbers.

    Attributes:
        seed: Below 2**64.
        operation: Place of the operation in the recipe, below 256.
        copy: Copy of the sample, below 2**24.
        sample: 64-bit hash of the sample's key.
        ready: The first numbers of the first streams, `AHEAD` of each, where they were computed for many
            samples at once.
        subset_ready: A subset that was drawn together with other outputs' subsets, and what it is.
    """

    seed: int
    operation: int
    copy: int
    sample: int
    ready: Sequence[int] = ()
    subset_ready: tuple[Subset, bytes] | None = None

    def uniforms(self, stream: int, count: int, start: int = 0) -> tuple[float, ...]:
        """Draw `count` floats uniform on the open interval (0, 1), 52 bits each.

        A stream is an endless row of numbers; they are those from place `start` on.
        """
        return tuple(map(_to_unit, self._wide(stream, count, start)))

    def integers(self, stream: int, *bounds: int, start: int = 0) -> tuple[int, ...]:
        """Draw one integer for each bound, uniform on 0..bound - 1 (bias below bound / 2**64).

        They are made from the stream's numbers from place `start` on.
        """
        products = map(mul, self._wide(stream, len(bounds), start), bounds)  # half the time of a strict zip
        return tuple([product >> 64 for product in products])

    def normals(self, stream: int, count: int, start: int = 0) -> tuple[float, ...]:
        """Draw `count` floats from the standard normal law, by its inverse distribution function."""
        from statistics import NormalDist

        inverse = NormalDist().inv_cdf
        return tuple(inverse(unit) for unit in self.uniforms(stream, count, start))

    def subset(self, subset: Subset) -> bytes:
        """Draw a subset, every one of its size as likely.

        Returns:
            One byte for each thing, 1 where it was chosen: those of the smallest 64-bit hashes, which are
            Philox blocks of a key from the stream, counted from 0.
        """
        if self.subset_ready is not None and self.subset_ready[0] == subset:
            return self.subset_ready[1]
        return _draw_subsets([self], [subset])[0]

    def beta_log_odds(self, stream: int, alpha: float) -> float:
        """Draw log(λ / (1 - λ)) for λ ~ Beta(α, α), any α in (0, 1000].

        Log-odds keep both λ and 1 - λ to full relative precision however small they are; `shares`
        turns them into the two. Without rejection: B ~ Beta(α+1, α+1) by the polar method for
        symmetric beta variates (Ulrich 1984; Devroye 1986, IX.4), and Beta(α, α) from it by the
        gamma boost G(α) = G(α+1)·U^(1/α), which in log-odds is a sum.
        """
        radius, angle, first, second = self._wide(stream, 4)
        exponent = 2.0 / (2.0 * alpha + 1.0)
        log_t = exponent * math.log(_to_unit(radius))
        inside = -math.expm1(log_t)  # 1 - T
        phi = 0.5 * math.pi * _to_unit(angle)
        # λ(1 - λ) = (T + (1 - T)·sin²φ) / 4: no cancellation where the smaller share is tiny.
        product = 0.25 * (math.exp(log_t) + inside * math.sin(phi) ** 2)
        smaller = 2.0 * product / (1.0 + math.sqrt(inside) * math.cos(phi))
        odds = math.log1p(-smaller) - math.log(smaller)
        if angle & 1:  # a bit that `phi` does not use
            odds = -odds
        return odds + (math.log(_to_unit(first)) - math.log(_to_unit(second))) / alpha

    def _wide(self, stream: int, count: int, start: int = 0) -> Sequence[int]:
        """Draw `count` integers of 64 bits; each block of a stream holds two."""
        first = stream * AHEAD + start
        if start + count <= AHEAD and first + count <= len(self.ready):
            return self.ready[first : first + count]
        values: list[int] = []
        for block in range(start // 2, (start + count + 1) // 2):
            values += self._block(stream, block)
        return values[start % 2 : start % 2 + count]

    def _block(self, stream: int, block: int) -> tuple[int, int]:
        """Compute the two integers of a block."""
        c0, c1 = stream << 24 | block, self.operation << 24 | self.copy
        w0, w1, w2, w3 = philox4x32((c0, c1, self.sample & MASK_32, self.sample >> 32), split_key(self.seed))
        return w1 << 32 | w0, w3 << 32 | w2


def draw_many(seed: int, addresses: Sequence[tuple[int, int, int]], streams: int) -> list[Draws]:
    """Make many `Draws`, the first numbers of each stream computed at once.

    The numbers are those that each of them gives alone, at a tenth of the cost.

    Args:
        seed: As for `Draws`.
        addresses: Operation, copy and sample of each.
        streams: How many streams are drawn from.
    """
    import numpy as np

    operations, copies, samples = np.array(addresses, np.uint64).reshape(-1, 3, 1).swapaxes(0, 1)
    numbers = np.arange(streams * AHEAD // 2, dtype=np.uint64)
    c0 = numbers // (AHEAD // 2) << np.uint64(24) | numbers % (AHEAD // 2)
    counter = c0, operations << np.uint64(24) | copies, samples & MASK_32, samples >> 32
    w0, w1, w2, w3 = philox4x32(counter, split_key(seed))
    ready = np.stack((w1 << 32 | w0, w3 << 32 | w2), axis=-1).reshape(len(addresses), streams * AHEAD)
    return [Draws(seed, *address, words) for address, words in zip(addresses, ready.tolist(), strict=True)]


def draw_subsets(drawn: Sequence[Draws], subsets: Sequence[Subset | None]) -> list[Draws]:
    """Draw a subset for each of many outputs, where it has one, and return their `Draws` with it.

    They are those that `Draws.subset` gives alone, at a fifth of the cost for grids of 200 patches.
    """
    ready = list(drawn)
    places = [place for place, subset in enumerate(subsets) if subset is not None]
    wanted = [(ready[place], subset) for place, subset in enumerate(subsets) if subset is not None]
    together = max(1, HASHED_TOGETHER // max([subset.total for _, subset in wanted], default=1))
    for start in range(0, len(places), together):
        some = wanted[start : start + together]
        bitmaps = _draw_subsets([draws for draws, _ in some], [subset for _, subset in some])
        for place, (draws, subset), bitmap in zip(places[start:], some, bitmaps, strict=False):
            ready[place] = draws._replace(subset_ready=(subset, bitmap))
    return ready


def _draw_subsets(drawn: Sequence[Draws], subsets: Sequence[Subset]) -> list[bytes]:
    """Draw a subset for each of some outputs, from hashes of as many things as the largest has."""
    import numpy as np

    pairs = list(zip(drawn, subsets, strict=True))
    keys = np.array(
        [split_key(*draws.integers(subset.stream, 1 << 64)) for draws, subset in pairs], np.uint64
    )
    blocks = np.arange((max(subset.total for subset in subsets) + 1) // 2, dtype=np.uint64)
    zero = np.zeros(1, np.uint64)
    w0, w1, w2, w3 = philox4x32((blocks, zero, zero, zero), (keys[:, :1], keys[:, 1:]))
    hashes = np.stack((w1 << 32 | w0, w3 << 32 | w2), axis=-1).reshape(len(pairs), -1)
    return [
        _choose_smallest(hashed[: subset.total], subset.chosen).tobytes()
        for hashed, subset in zip(hashes, subsets, strict=True)
    ]


def _choose_smallest(hashes: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """Return which `count` of some hashes are the smallest, of equal ones the first; without sorting all."""
    import numpy as np

    if count == 0:
        return np.zeros(len(hashes), np.bool_)
    largest = np.partition(hashes, count - 1)[count - 1]
    is_chosen: NDArray[np.bool_] = hashes < largest
    ties = np.flatnonzero(hashes == largest)
    is_chosen[ties[: count - np.count_nonzero(is_chosen)]] = True
    return is_chosen


def shares(log_odds: float) -> tuple[float, float]:
    """Turn log(λ / (1 - λ)) into (λ, 1 - λ), each to full relative precision."""
    small = math.exp(-abs(log_odds))
    larger, smaller = 1.0 / (1.0 + small), small / (1.0 + small)
    return (larger, smaller) if log_odds >= 0 else (smaller, larger)


def _to_unit(value: int) -> float:
    """Map 64 bits to (0, 1): the upper 52 of them, at the middle of their interval."""
    return ((value >> 12) + 0.5) * 2.0**-52


def split_key(key: int) -> tuple[int, int]:
    """Return a 64-bit key as two words, the lower one first."""
    return key & MASK_32, key >> 32
