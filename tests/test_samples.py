"""Plain values: what is given beside SRC, and outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augcli.samples import Corners, InputFiles, Outline, Polygons, RunLengths


def test_paths_of_any_type_are_kept_as_text():
    files = InputFiles.of(labels=Path("a") / "b.csv", masks="masks", boxes=Path("c.json"))
    assert files == InputFiles(labels="a/b.csv", classes=None, masks="masks", boxes="c.json")


def test_what_is_given_goes_before_what_another_value_says():
    given, stored = InputFiles(masks="a", boxes=""), InputFiles(labels="x", masks="b", boxes="c")
    assert given.or_else(stored) == InputFiles(labels="x", masks="a", boxes="")


def test_nothing_is_given_where_all_are_none():
    assert not InputFiles()
    assert InputFiles(boxes="")


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
