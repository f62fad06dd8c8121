"""Plain values: outlines."""

from __future__ import annotations

import numpy as np
import pytest

from augcli.samples import Corners, Outline, Polygons, RunLengths

SQUARE = np.array([[0, 0], [0, 9], [9, 9], [9, 0]], np.float64)
MOVED = np.array([[0, 0], [0, 9], [9, 9], [9, 1]], np.float64)


@pytest.mark.parametrize(
    "other",
    [
        Outline(),
        Outline(Polygons(SQUARE, (4,)), area=80.5),
        Outline(Polygons(MOVED, (4,))),
        Outline(Polygons(SQUARE, (2, 2))),
        Outline(Corners(SQUARE)),
        Outline(RunLengths(9, 9, np.array([0, 81]))),
        Outline(Polygons(SQUARE, (4,)), keypoints=np.array([[1.0, 2.0, 2.0]])),
    ],
)
def test_facts_of_another_outline_are_other_facts(other):
    assert Outline(Polygons(SQUARE.copy(), (4,))).facts == Outline(Polygons(SQUARE, (4,))).facts
    assert other.facts != Outline(Polygons(SQUARE, (4,))).facts
