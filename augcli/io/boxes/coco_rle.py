"""COCO's compressed text of run lengths.

Each number is the difference to the run two before it (from the fourth run on), in groups of five bits, the
lowest first; a sixth bit says that another group follows, and 48 makes it a character. The highest bit of the
last group is the sign.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST, GROUP_BITS, MORE, SIGN, LOW = 48, 5, 32, 16, 31
MOST_GROUPS = 12
"""More would not fit into 64 bits."""


def decode_runs(text: str) -> NDArray[np.int64]:
    """Return the runs of a compressed text.

    Raises:
        ValueError: If it is not one.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - FIRST
    if not len(codes):
        return codes
    ends = np.flatnonzero(codes & MORE == 0)
    if codes.min() < 0 or codes.max() > MORE + LOW or not len(ends) or ends[-1] != len(codes) - 1:
        raise ValueError("it is not COCO's compressed text")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > MOST_GROUPS:
        raise ValueError("it holds a number beyond 64 bits")
    places = np.arange(len(codes)) - starts.repeat(lengths)
    runs: NDArray[np.int64] = np.add.reduceat((codes & LOW) << (GROUP_BITS * places), starts)
    runs -= np.where(codes[ends] & SIGN, np.int64(1) << (GROUP_BITS * lengths), 0)
    for first in (1, 2):
        runs[first::2] = runs[first::2].cumsum()
    return runs


def encode_runs(runs: NDArray[np.int64]) -> str:
    """Return runs as compressed text."""
    rest = runs.copy()
    rest[3:] -= runs[1:-2]
    return "".join(map(_encode_number, rest.tolist()))


@lru_cache(maxsize=1 << 16)  # most differences are small, and occur in every object
def _encode_number(number: int) -> str:
    """Return a whole number as its groups."""
    text, goes_on = "", True
    while goes_on:
        low, number = number & LOW, number >> GROUP_BITS
        goes_on = number != (-1 if low & SIGN else 0)
        text += chr(low + MORE * goes_on + FIRST)
    return text
