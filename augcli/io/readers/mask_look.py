"""A look at the first masks of a data set: whether their numbers mean classes or instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import DecodeError
from augcli.io.images.index_masks import decode_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKED_AT = 4
"""Masks that are looked at."""

MOST_CLASSES = 255
"""Numbers beyond this are hardly classes: Cityscapes, for one, writes class * 1000 + instance."""

FEW = 20
"""Up to so many numbers in a row may well be classes that all occur in one image."""


def describe_masks(encoded: Sequence[bytes | None]) -> list[str]:
    """Return a note if the numbers of masks seem to mean instances, which mixing may give twice.

    Args:
        encoded: The first masks of a data set; missing or damaged ones say nothing.
    """
    indices = []
    for data in encoded:
        try:
            values = np.unique(decode_mask(data).indices) if data else np.empty(0, np.uint8)
        except DecodeError:
            continue
        indices.append(values[values > 0])
    most = max((int(values.max()) for values in indices if len(values)), default=0)
    counted = {len(values) for values in indices if len(values) and values[-1] == len(values)}
    if most < MOST_CLASSES + 1 and not (len(counted) > 1 and max(counted) > FEW):
        return []
    return [
        f"masks hold numbers up to {most}, as those of instances do: after mixing, two instances may bear one"
        " number"
    ]
