"""Options of the functions on arrays that are about single images: λ for each, clean splits, small boxes."""

from __future__ import annotations

import numpy as np
import pytest

import augcli
from augcli.errors import UsageError
from augcli.ops.cutmix import box_sides
from augcli.samples import Shape

IMAGES = np.random.default_rng(2).integers(0, 256, (6, 40, 30, 3), np.uint8)
LAM = [0.0, 0.1, 0.36, 0.5, 0.99, 1.0]


def test_cutmix_takes_a_lam_for_each_image():
    mixed = augcli.cutmix(IMAGES, lam=LAM, boundary="inside", seed=5)
    sides = (mixed.boxes[:, 2:] - mixed.boxes[:, :2]).tolist()
    # floor(40·√(1-λ)) and floor(30·√(1-λ)), by hand; one side of 0 leaves nothing to paste.
    assert sides[:4] == [[40, 30], [37, 28], [32, 24], [28, 21]]
    assert sides[4:] == [[4, 3], [0, 0]]
    assert mixed.lam.tolist() == [(1200 - height * width) / 1200 for height, width in sides]


def test_a_lam_for_each_draws_the_same_places_as_one_for_all():
    for boundary in ("clip", "inside"):
        one = augcli.cutmix(IMAGES, lam=0.3, boundary=boundary, seed=5)
        assert augcli.cutmix(IMAGES, lam=[0.3] * 6, boundary=boundary, seed=5) == one
        assert augcli.cutmix(IMAGES, lam=0.3, boundary=boundary, seed=6) != one


def test_a_lam_for_each_and_minmax_contradict_each_other():
    with pytest.raises(UsageError, match=r"^cutmix: lam and minmax both decide the box"):
        augcli.cutmix(IMAGES, lam=LAM, minmax=(0.1, 0.2))


def test_sides_are_those_of_rand_box():
    for lam in LAM:
        box = augcli.rand_box(40, 30, lam, boundary="inside")
        assert (box.height, box.width) == box_sides(1 - lam, Shape(40, 30))


def test_a_clean_split_leaves_that_share_of_the_images():
    images = np.zeros((400, 8, 8, 1), np.uint8)
    erased = augcli.erase(images, scale=0.5, ratio=1, clean_split=0.25)
    clean = ~erased.boxes.any(axis=(1, 2))
    assert 70 < clean.sum() < 130  # 100, with a deviation of 9
    assert not augcli.erase(images, scale=0.5, ratio=1, clean_split=1.0).boxes.any()
    again = augcli.erase(images, scale=0.3, ratio=1, clean_split=0.25)
    assert (clean == ~again.boxes.any(axis=(1, 2))).all()


def test_a_clean_split_is_checked():
    for value in (-0.1, 1.1, "x", True):
        with pytest.raises(UsageError, match=r"^erase: clean_split must be"):
            augcli.erase(IMAGES, clean_split=value)


@pytest.mark.parametrize(("least", "stays"), [(0, [0, 1]), (24, [0, 1]), (24.5, [1]), (60, [1]), (61, [])])
def test_boxes_of_less_than_a_min_area_are_dropped(least, stays):
    """Of a box of 6x6 a hole of 6x2 leaves 24 pixels, of one of 6x10 it hides none."""
    boxes = [[0, 0, 6, 6], [10, 10, 16, 20]]
    rule = augcli.BoxRule(min_area=least)
    found = augcli.cutout(np.zeros((20, 30), np.uint8), boxes=[[[0, 0, 6, 2]]], bboxes=boxes, box_rule=rule)
    assert found.bboxes.numbers.tolist() == stays


def test_a_min_area_holds_for_pasted_boxes_too():
    images, boxes = np.zeros((2, 20, 20, 1), np.uint8), [[[0, 0, 10, 10]]] * 2
    for least, owners in ((25, [0, 1]), (26, [0])):
        rule = augcli.BoxRule(min_area=least)
        pasted = [[5, 5, 20, 20], [0, 0, 0, 0]]
        mixed = augcli.cutmix(images, boxes=pasted, indices=[1, 0], bboxes=boxes, box_rule=rule)
        assert mixed.bboxes[0].images.tolist() == owners


def test_boxes_of_rand_box_can_be_given():
    boxes = [augcli.rand_box(40, 30, 0.5, seed=number) for number in range(6)]
    edges = [[box.y0, box.x0, box.y1, box.x1] for box in boxes]
    assert augcli.cutmix(IMAGES, boxes=boxes) == augcli.cutmix(IMAGES, boxes=edges)
    assert augcli.cutmix(IMAGES, boxes=boxes).boxes.tolist() == edges
    holes = [[box] for box in boxes]
    assert augcli.cutout(IMAGES, boxes=holes) == augcli.cutout(IMAGES, boxes=[[each] for each in edges])


def test_images_may_have_boxes_of_their_own_number():
    boxes = [[[0, 0, 9, 9], [1, 1, 5, 5]], [], [[2, 2, 4, 4]], [], [], []]
    holed = augcli.cutout(IMAGES, boxes=boxes, fill="random-color", seed=2)
    assert [[box for box in each if any(box)] for each in holed.boxes.tolist()] == boxes
    assert augcli.cutout(IMAGES, boxes=holed.boxes, fill="random-color", seed=2) == holed
