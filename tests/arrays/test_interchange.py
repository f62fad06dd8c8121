"""What the functions on arrays take: arrays of other libraries, either byte order; and what they return."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

import augcli
from augcli.errors import PlanError

IMAGES = np.random.default_rng(0).integers(0, 65536, (4, 8, 8, 3), np.uint16)
MASKS = np.random.default_rng(1).integers(0, 65536, (4, 8, 8), np.uint16)
LABELS = [0, 1, 2, 0]
BYTES = IMAGES.astype(np.uint8)
WHOLE = [[0, 0, 8, 8]]


class OnlyArray:
    """An array of another library that speaks `__array__` and nothing else."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array


class BrokenDlpack(OnlyArray):
    """An array whose DLPack refuses, as that of some types does."""

    def __dlpack__(self, **options):
        raise BufferError("no such type in DLPack")

    def __dlpack_device__(self):
        return (1, 0)


@pytest.mark.parametrize("order", "<>")
def test_either_byte_order_comes_in(order):
    def turn(array, kind):
        return np.asarray(array).astype(order + kind)

    boxes, indices, lam = [[0, 0, 4, 4]] * 4, [1, 2, 3, 0], [0.25, 0.5, 0.75, 1.0]
    plain = augcli.cutmix(IMAGES, LABELS, num_classes=3, boxes=boxes, indices=indices, masks=MASKS)
    turned = augcli.cutmix(
        turn(IMAGES, "u2"),
        turn(LABELS, "i4"),
        num_classes=3,
        boxes=turn(boxes, "i4"),
        indices=turn(indices, "i8"),
        masks=turn(MASKS, "u2"),
    )
    assert turned == plain
    assert turned.images.dtype == turned.masks.dtype == np.uint16
    blended = augcli.mixup([*turn(IMAGES, "u2")], turn(np.eye(3)[LABELS], "f4"), lam=turn(lam, "f4"))
    assert blended == augcli.mixup([*IMAGES], np.eye(3)[LABELS], lam=lam)


@pytest.mark.parametrize("kind", [OnlyArray, BrokenDlpack])
def test_objects_with_array_come_in(kind):
    plain = augcli.cutmix(BYTES, LABELS, num_classes=3)
    assert augcli.cutmix(kind(BYTES), kind(np.array(LABELS)), num_classes=3) == plain
    assert augcli.cutout([kind(image) for image in BYTES]) == augcli.cutout([*BYTES])
    assert augcli.mixup(BYTES, lam=kind(np.full(4, 0.5))) == augcli.mixup(BYTES, lam=[0.5] * 4)


def test_tables_of_pandas_come_in_as_labels():
    plain = augcli.cutmix(BYTES, LABELS, num_classes=3)
    assert augcli.cutmix(BYTES, pandas.Series(LABELS), num_classes=3) == plain
    assert augcli.cutmix(BYTES, pandas.DataFrame(np.eye(3)[LABELS])) == plain
    assert augcli.smooth_labels(pandas.Series([1]), 0.5, num_classes=2).tolist() == [[0.25, 0.75]]
    with pytest.raises(
        PlanError, match=r"label indices must be integers, got (object|str|texts).*; number the classes"
    ):
        augcli.cutmix(BYTES, pandas.Series(["cat", "dog", "cat", "dog"]), num_classes=2)


def test_masked_values_are_not_taken_for_values():
    hidden = np.ma.masked_equal(np.array([0, 1, 2, 0]), 2)
    with pytest.raises(PlanError, match=r"^labels has masked values; fill them first, with \.filled\(\)"):
        augcli.cutmix(BYTES, hidden, num_classes=3)
    assert augcli.cutmix(np.ma.array(BYTES), LABELS, num_classes=3) == augcli.cutmix(
        BYTES, LABELS, num_classes=3
    )


# Nothing is written to --------------------------------------------------------------------------------------


def make_everything():
    """Every argument that holds numbers, for every function."""
    boxes = np.array([[[0, 0, 4, 4]]] * 4)
    own = {"masks": MASKS.copy(), "bboxes": np.array([WHOLE] * 4, np.float64)}
    patches = {"patch_size": 4, "patches": np.tile([[1, 0], [0, 0]], (4, 1, 1))}
    mixed = {"labels": np.eye(3)[LABELS], "indices": np.array([1, 2, 3, 0])} | own
    chain = {"op": [{"kind": "cutmix"}, {"kind": "cutout", "fill": "random"}], "smoothing": 0.1}
    labels = {"labels": np.eye(3)[LABELS]}
    return [
        (augcli.cutmix, mixed | {"boxes": boxes[:, 0].copy()}),
        (augcli.cutmix, mixed | {"lam": np.full(4, 0.5)}),
        (augcli.mixup, mixed | {"lam": np.full(4, 0.5), "mask_policy": "dominant"}),
        (augcli.cutout, own | {"boxes": boxes, "mask_fill": 7}),
        (augcli.erase, own | {"boxes": boxes, "mask_fill": 7}),
        (
            augcli.patch_cutout,
            own | patches | {"mask_fill": 7},
        ),
        (lambda images, **options: augcli.apply(chain, images, **options), labels | own),
    ]


@pytest.mark.parametrize(("function", "options"), make_everything())
def test_no_argument_is_written_to_nor_kept(function, options):
    images = IMAGES.copy()
    given = {"images": images} | {key: each for key, each in options.items() if isinstance(each, np.ndarray)}
    before = {key: each.copy() for key, each in given.items()}
    for each in given.values():
        each.setflags(write=False)
    result = function(images, **options)
    for key, each in given.items():
        np.testing.assert_array_equal(each, before[key])
    for name in ("images", "labels", "masks", "indices", "boxes", "lam"):
        value = getattr(result, name, None)
        if isinstance(value, np.ndarray):
            assert not any(np.shares_memory(value, each) for each in given.values()), name


# Results ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "options"), make_everything())
def test_results_are_equal_if_all_that_they_hold_is(function, options):
    one, same = function(IMAGES, **options), function(IMAGES, **options)
    assert [one == one, one == same, one != same] == [True, True, False]
    assert one.bboxes[0] == same.bboxes[0]
    other = function(IMAGES[::-1], **options)
    assert one != other
    assert one != one.images.tolist()
    assert one.bboxes[0] != one.bboxes[1]
    assert one != function([*IMAGES], **options)  # images as a list
