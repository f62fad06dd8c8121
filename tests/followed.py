"""The boxes of one output as values, one by one: what `follow_boxes` gives as columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from augcli.program import boxes_and_masks
from augcli.program.boxes_and_masks import Shown, Source
from augcli.program.steps import Box, Fill, Paste, Patches
from augcli.samples import Colour, Edges, Outline


class Seen(NamedTuple):
    """A box in an output; `slot` is None for the base's."""

    slot: int | None
    number: int
    edges: Edges
    visibility: float
    weight: float
    outline: Outline | None = None
    is_mended: bool = False


BESIDE = (
    Shown((Fill(Patches(2, 3, b"\1\0\0\1"), Colour(0, 0, 0)),), Source(4, 5, [(0, 0, 3, 4), (1, 1, 4, 5)])),
    Shown((Paste(Box(1, 1, 4, 6), 0),), Source(7, 9, [(0, 2, 5, 9)]), [Source(3, 3, [(0, 0, 2, 2)] * 2)]),
)
"""Outputs that are followed together with the one that is looked at, before it and behind it."""


def follow_boxes(program, base, partners, rule) -> list[Seen]:
    shown = Shown(tuple(program), base, list(partners))
    found = boxes_and_masks.follow_boxes([BESIDE[0], shown, BESIDE[1]], rule)
    columns = (found.images, found.numbers, found.edges, found.visibilities, found.weights, found.are_mended)
    own = np.flatnonzero(found.outputs == 1)
    images, numbers, edges, *rest, are_mended = (column[own].tolist() for column in columns)
    slots = [image - 1 if image else None for image in images]
    outlines = [found.outlines[row] for row in own]
    return list(map(Seen, slots, numbers, map(tuple, edges), *rest, outlines, are_mended))
