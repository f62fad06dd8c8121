"""What the functions on arrays refuse: by argument, by element, and with the cure."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.errors import PlanError, UsageError

GOOD = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
MASKS = np.zeros((4, 8, 8), np.uint8)
LABELS = [0, 1, 2, 0]
WHOLE = [[0, 0, 8, 8]]


class Unreadable:
    """An array that cannot be copied to memory, as PyTorch's with gradients."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach() first")


# Which element ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augcli.cutmix([*GOOD[:2], "x"]), r"^images\[2\] must be an array .*, got str 'x'"),
        (lambda: augcli.cutout([GOOD[0], None]), r"^images\[1\] must be an array .*, got NoneType"),
        (lambda: augcli.erase([GOOD[0], GOOD[1][:, :, :2]]), r"^images\[1\] must .*shape \(8, 8, 2\)"),
        (
            lambda: augcli.mixup([GOOD[0], GOOD[1] / 255]),
            r"^images\[1\] must be uint8 .*, got float64; of 0\.\.1",
        ),
        (
            lambda: augcli.cutmix([GOOD[0], GOOD[1], GOOD[2][..., :1]]),
            r"images\[0\] has 3 .*images\[2\] 1 of uint8",
        ),
        (lambda: augcli.cutmix([GOOD[0], Image.new("P", (8, 8))]), r"^images\[1\]: Pillow images must be"),
        (lambda: augcli.cutmix("x"), "^images must be an array .*, got str 'x'"),
        (lambda: augcli.cutmix(GOOD, {"a": 1}), "^labels must be an array .*, got dict"),
        (
            lambda: augcli.cutmix(GOOD, Unreadable()),
            r"^labels: Unreadable cannot be read .*: call detach\(\)",
        ),
        (lambda: augcli.cutmix(GOOD, [0, 1, 5, 0], num_classes=3), r"got 5 at labels\[2\]"),
        (lambda: augcli.cutmix(GOOD, [[1, 0], [1, 0], [1, -2], [1, 0]]), r"got -2 at labels\[2\]\[1\]"),
        (lambda: augcli.cutmix(GOOD, boxes="x"), "^boxes must be an array .*, got str"),
        (
            lambda: augcli.cutmix(GOOD, boxes=WHOLE * 3 + [[0, 0, 9, 9]]),
            r"^boxes\[3\] leaves the image of 8x8",
        ),
        (
            lambda: augcli.cutout(GOOD, boxes=[WHOLE] * 3 + [[[-1, 0, 2, 2]]]),
            r"^boxes\[3\]\[0\] leaves the image",
        ),
        (
            lambda: augcli.erase(GOOD, boxes=[WHOLE] * 3 + [[[5, 0, 2, 2]]]),
            r"^boxes\[3\]\[0\] leaves .* got y0",
        ),
        (lambda: augcli.cutmix(GOOD, indices=[0, 1, 2, -1]), r"got -1 at indices\[3\]"),
        (lambda: augcli.cutmix(GOOD, lam=[0.5, 0.5, 1.5, 0.5]), r"got 1\.5 at lam\[2\]"),
        (lambda: augcli.mixup(GOOD, lam=[0.5, np.nan, 0.5, 0.5]), r"got nan at lam\[1\]"),
        (
            lambda: augcli.patch_cutout(GOOD, patch_size=8, patches=[[[1]], [[1]], [[2]], [[0]]]),
            r"^patches\[2\] must be 0 or 1",
        ),
        (lambda: augcli.patch_cutout(GOOD, patches=[[["a"]]] * 4), r"^patches\[0\] must be 0 or 1"),
        (lambda: augcli.cutmix(GOOD, masks=[*MASKS[:3], "x"]), r"^masks\[3\] must be an array"),
        (
            lambda: augcli.cutmix(GOOD, bboxes=[WHOLE] * 3 + [[[0, 0, 9, 9]]]),
            r"^bboxes\[3\]\[0\] must be y0 < y1",
        ),
        (lambda: augcli.cutout(GOOD[0], bboxes=[[0, 0, 9, 9]]), r"^bboxes\[0\] must be y0 < y1"),
        (lambda: augcli.cutout(GOOD[0], masks=MASKS), r"^masks must be of its image's height"),
        (lambda: augcli.cutout(GOOD, boxes=[WHOLE] * 3), r"^boxes must be given for each of 4 images, got 3"),
        (
            lambda: augcli.erase(GOOD, boxes=[WHOLE] * 3 + [[[0, 1]]]),
            r"^boxes\[3\] must be integers of shape",
        ),
        (lambda: augcli.erase(GOOD, boxes=[WHOLE] * 3 + [7]), r"^boxes\[3\] must be integers of shape"),
        (lambda: augcli.smooth_labels([[0.5, 0.5], [1, 1]]), r"multi-hot.*labels\[1\] sum to 2"),
    ],
)
def test_a_message_names_the_argument_and_which_of_its_elements(call, message):
    with pytest.raises(PlanError, match=message):
        call()


@pytest.mark.parametrize(
    ("images", "cure"),
    [
        (GOOD / 255, r"of 0\.\.1 make \(255 \* images\)\.round\(\)\.astype\(numpy\.uint8\)"),
        (GOOD.astype(np.float32), r"make images\.round\(\)\.astype\(numpy\.uint8\)"),
        (GOOD.astype(np.float32) * 200, r"make images\.round\(\)\.astype\(numpy\.uint16\)"),
        ((GOOD - 127.5) / 127.5, "undo what they were scaled or normalised by"),
        (GOOD.astype(np.int64), r"make images\.astype\(numpy\.uint8\)"),
        (GOOD.astype(np.int32) * 256, r"make images\.astype\(numpy\.uint16\)"),
        (GOOD > 0, r"make them 255 \* images\.astype\(numpy\.uint8\)"),
        (np.moveaxis(GOOD, -1, 1), r"move the channels last, with numpy\.moveaxis\(images, -3, -1\)"),
        ([np.moveaxis(image, -1, 0) for image in GOOD], r"images\[0\].*move the channels last"),
        (np.array([GOOD[0], GOOD[1, :4], None], object), "give images of different sizes as a list"),
    ],
)
def test_images_of_other_trades_get_a_cure(images, cure):
    for function in (augcli.cutout, augcli.mixup):
        with pytest.raises(PlanError, match=cure):
            function(images)


# Values that are none ---------------------------------------------------------------------------------------

HUGE = 10**400
LONGER = 10**5000
"""More digits than Python prints."""


@pytest.mark.parametrize("huge", [HUGE, -HUGE, LONGER, -LONGER], ids="huge -huge longer -longer".split())
@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("cutmix", "alpha"),
        ("cutmix", "lam"),
        ("cutmix", "minmax"),
        ("cutmix", "p"),
        ("mixup", "alpha"),
        ("mixup", "lam"),
        ("cutout", "holes"),
        ("cutout", "length"),
        ("cutout", "fill"),
        ("cutout", "mean"),
        ("cutout", "mask_fill"),
        ("erase", "scale"),
        ("erase", "ratio"),
        ("erase", "count"),
        ("erase", "clean_split"),
        ("erase", "p"),
        ("patch_cutout", "patch_size"),
        ("patch_cutout", "ratio"),
    ],
)
def test_a_number_without_end_is_refused_by_name(function, name, huge):
    with pytest.raises(UsageError, match=rf"{name} must .*got an integer of \d+ bits"):
        getattr(augcli, function)(GOOD, **{name: huge})


@pytest.mark.parametrize("value", ["x", True, 3.0, 0, -1, HUGE, LONGER, [3]], ids=type)
def test_a_number_of_classes_is_a_whole_number(value):
    for labels in (LABELS, np.eye(3)[LABELS]):
        for call in (
            lambda labels: augcli.cutmix(GOOD, labels, num_classes=value),
            lambda labels: augcli.mixup(GOOD, labels, num_classes=value),
            lambda labels: augcli.apply({}, GOOD, labels, num_classes=value),
            lambda labels: augcli.smooth_labels(labels, num_classes=value),
        ):
            with pytest.raises(PlanError, match=r"^num_classes must be a whole number in 1"):
                call(labels)


@pytest.mark.parametrize("name", ["min_visibility", "min_paste_visibility", "min_area", "min_size"])
@pytest.mark.parametrize("value", ["a", -0.1, True, np.nan, [0.5], None, -LONGER], ids=type)
def test_a_box_rule_takes_numbers(name, value):
    with pytest.raises(PlanError, match=f"^BoxRule: {name} must be >= 0"):
        augcli.BoxRule(**{name: value})


def test_a_box_rule_takes_a_policy_it_knows():
    for policy in ("crop", None, np.array(["keep", "shrink"])):
        with pytest.raises(PlanError, match=r"^BoxRule: policy must be one of keep, shrink, got"):
            augcli.BoxRule(policy=policy)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augcli.mixup(GOOD, keep_base="no"), "^mixup: keep_base must be of type bool, got 'no'"),
        (lambda: augcli.cutmix(GOOD, partner="other"), "^cutmix: partner must be one of any, other-class"),
        (lambda: augcli.cutmix(GOOD, boundary=["clip"]), "^cutmix: boundary must be of type str"),
        (lambda: augcli.smooth_labels([0], True, num_classes=2), "^epsilon must be .*, got True"),
        (lambda: augcli.smooth_labels([0], HUGE, num_classes=2), "^epsilon must be .*, got an integer"),
        (lambda: augcli.rand_box(8, True, 0.5), "width to be a whole number"),
        (lambda: augcli.rand_box(HUGE, 8, 0.5), "height to be a whole number"),
        (lambda: augcli.rand_box(8, 8, HUGE), r"lam in 0\.\.1, got an integer"),
        (lambda: augcli.rand_box(8, 8, 0.5, boundary=np.array([1, 2])), "boundary clip or inside"),
        (lambda: augcli.rand_box(8, 8, 0.5, cy=True, cx=1), "a centre needs"),
        (lambda: augcli.cutout(GOOD, masks=MASKS, mask_fill=True), "mask_fill must be a whole number"),
    ],
)
def test_values_of_another_type_are_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


# Labels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("classes", [3, 100, 1000])
def test_soft_labels_of_any_precision_are_no_multi_hot_ones(dtype, classes):
    weights = np.random.default_rng(classes).dirichlet(np.ones(classes), 200).astype(dtype)
    assert augcli.smooth_labels(weights, 0.1).shape == (200, classes)


def test_sums_beyond_their_precision_are_refused():
    for dtype, off in ((np.float16, 0.01), (np.float32, 0.001)):
        with pytest.raises(PlanError, match="multi-hot"):
            augcli.smooth_labels(np.array([[0.5, 0.5 + off]], dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("function", [augcli.mixup, augcli.cutmix])
def test_lam_for_each_is_computed_in_double_precision(dtype, function):
    lam = np.array([0, 1, 1, 0] if np.issubdtype(dtype, np.integer) else [0.3, 0.5, 0.7, 0.9], dtype)
    plain = function(GOOD, LABELS, num_classes=3, lam=lam.astype(float).tolist())
    assert function(GOOD, LABELS, num_classes=3, lam=lam) == plain
    assert function(GOOD, lam=lam[1]) == function(GOOD, lam=float(lam[1]))


@pytest.mark.parametrize("kind", [int, np.uint8])
def test_a_column_of_indices_is_not_taken_for_weights(kind):
    column = np.array(LABELS, kind)[:, None]
    for options in ({}, {"num_classes": 3}):
        with pytest.raises(PlanError, match=r"shape \(4, 1\) may be indices or weights; .*labels\.ravel\(\)"):
            augcli.cutmix(GOOD, column, **options)
    one = np.array([[1], [0], [1], [0]], kind)
    assert augcli.cutmix(GOOD, one, num_classes=1) == augcli.cutmix(GOOD, one.astype(float))


@pytest.mark.parametrize("weights", [[[3, 17]] * 4, [[0.5, 1.5]] * 4, [[50.0, 50.0]] * 4])
def test_lists_of_indices_and_percents_are_not_taken_for_weights(weights):
    for call in (lambda: augcli.mixup(GOOD, weights), lambda: augcli.smooth_labels(weights)):
        with pytest.raises(PlanError, match=r"label weights must be in 0\.\.1, got .* at labels\[0\]"):
            call()
    half = np.nextafter(np.float16(1), np.float16(2))  # what rounding may leave
    assert augcli.mixup(GOOD, np.array([[half, 0]] * 4, np.float16)).labels.shape == (4, 2)
