"""The operations on arrays: batches, ragged lists and single images, drawn and injected."""

from __future__ import annotations

import doctest
import inspect
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import augcli
from augcli.arrays import boxes as boxes_of_arrays
from augcli.arrays import chains, holes, mixing
from augcli.arrays import labels as labels_of_arrays
from augcli.errors import MissingPartError, PlanError, UsageError
from augcli.kernels import reference
from augcli.kernels.fills import resolve_image_mean
from augcli.kernels.table import tabulate
from augcli.ops import OPERATIONS
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.options import option_fields
from augcli.program.steps import Blend, Box, Fill, Paste, Patches
from augcli.rng import Draws, hash_key
from augcli.samples import Shape

MIXES = {"cutmix": partial(augcli.cutmix, alpha=1.0), "mixup": partial(augcli.mixup, alpha=1.0)}
HOLES = {
    "cutout": augcli.cutout,
    "erase": partial(augcli.erase, count=(1, 3)),
    "erase normal": partial(augcli.erase, fill="normal"),
    "cutout image-mean": partial(augcli.cutout, fill="image-mean", holes=2),
    "patch_cutout": partial(augcli.patch_cutout, patch_size=(5, 7)),
}
every_mix = pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
every_hole = pytest.mark.parametrize("make", HOLES.values(), ids=HOLES)


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def ragged(count=6, channels=3, dtype=np.uint8):
    return [noise(9 + 3 * i, 30 - 4 * i, channels, dtype=dtype, seed=i) for i in range(count)]


def apply_reference(program, image, *partners):
    out = image.copy()
    program = resolve_image_mean(program, image)
    table = tabulate(program, Shape.of(image), [partner.shape[:2] for partner in partners])
    reference.apply(table, partners, out)
    return out


def test_the_examples_in_the_docstrings_are_true():
    results = [
        doctest.testmod(module) for module in (mixing, holes, chains, labels_of_arrays, boxes_of_arrays)
    ]
    assert min(result.attempted for result in results) > 0
    assert sum(result.attempted for result in results) > 12
    assert sum(result.failed for result in results) == 0


# Pixels and labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (4, np.uint8), (3, np.uint16)])
@pytest.mark.parametrize("form", ["batch", "ragged"])
def test_pixels_are_those_of_the_reference(channels, dtype, form):
    images = ragged(6, channels, dtype) if form == "ragged" else noise(6, 20, 30, channels, dtype=dtype)
    mixed = augcli.cutmix(images, lam=0.4)
    blended = augcli.mixup(images, alpha=1.0)
    erased = augcli.erase(images, fill="gray", count=2)
    for i, image in enumerate(images):
        partner = images[mixed.indices[i]]
        step = Paste(Box(*mixed.boxes[i].tolist()), 0)
        np.testing.assert_array_equal(mixed.images[i], apply_reference((step,), image, partner))
        whole = Box(0, 0, *image.shape[:2])
        step = Blend(whole, round(float(blended.lam[i]) * 65536), 0)
        partner = images[blended.indices[i]]
        np.testing.assert_array_equal(blended.images[i], apply_reference((step,), image, partner))
        steps = tuple(Fill(Box(*box), augcli.options.read_colour("gray")) for box in erased.boxes[i].tolist())
        np.testing.assert_array_equal(erased.images[i], apply_reference(steps, image))


@pytest.mark.parametrize("fill", ["random", "normal", "normal-color", "random-color", "image-mean"])
def test_fills_are_those_of_the_planner(fill):
    images = ragged()
    erased = augcli.erase(images, fill=fill, count=2, seed=5)
    for i, image in enumerate(images):
        key = hash_key("erase", 5)  # the function's own streams, and of these the image's
        draws = Draws(key, 0, 0, hash_key(str(i), key))
        steps = Erase(fill=fill, count=2).plan(draws, Shape.of(image), 0).steps
        np.testing.assert_array_equal(erased.images[i], apply_reference(steps, image))
        assert [tuple(box) for box in erased.boxes[i].tolist() if any(box)] == [
            (s.area.y0, s.area.x0, s.area.y1, s.area.x1) for s in steps
        ]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(0, 2**64 - 1), st.sampled_from(["clip", "inside"]), st.booleans())
def test_census_labels_are_the_counted_shares(seed, boundary, is_ragged):
    sizes = [(7, 9), (12, 5), (8, 8), (3, 11)] if is_ragged else [(8, 9)] * 4
    images = [np.full((*size, 1), 255 * (i % 2), np.uint8) for i, size in enumerate(sizes)]
    mixed = augcli.cutmix(images, [0, 1, 0, 1], num_classes=2, boundary=boundary, seed=seed)
    for image, label in zip(mixed.images, mixed.labels, strict=True):
        white = np.count_nonzero(image) / image.size
        assert label.tolist() == [np.count_nonzero(image == 0) / image.size, white]


def test_labels_may_be_indices_soft_or_multi_hot():
    images = noise(2, 8, 8, 3)
    boxes = [[0, 0, 4, 4], [0, 0, 8, 8]]
    for labels, expected in (
        ([0, 2], [[0.75, 0, 0.25], [1, 0, 0]]),
        (np.array([[0.5, 0.5, 0], [0, 0, 1]], np.float32), [[0.375, 0.375, 0.25], [0.5, 0.5, 0]]),
        ([[1, 1, 0], [0, 1, 1]], [[0.75, 1, 0.25], [1, 1, 0]]),
    ):
        mixed = augcli.cutmix(images, labels, num_classes=3, boxes=boxes, indices=[1, 0])
        assert mixed.labels.tolist() == expected
        assert mixed.lam.tolist() == [0.75, 0.0]
    assert augcli.cutmix(images, boxes=boxes).labels is None


@every_mix
def test_drawn_partners_are_a_derangement(mix):
    for count in (2, 3, 17):
        indices = mix(noise(count, 6, 6, 1)).indices
        assert sorted(indices.tolist()) == list(range(count))
        assert (indices != np.arange(count)).all()


@every_mix
def test_a_probability_of_zero_leaves_images_and_labels(mix):
    images = noise(5, 8, 8, 3)
    mixed = mix(images, [0, 1, 2, 0, 1], num_classes=3, p=0.0)
    np.testing.assert_array_equal(mixed.images, images)
    np.testing.assert_array_equal(mixed.labels, np.eye(3)[[0, 1, 2, 0, 1]])
    assert (mixed.lam == 1).all()


def test_patches_are_exactly_as_many_as_asked_and_distinct():
    images = ragged()
    masked = augcli.patch_cutout(images, patch_size=4, ratio=0.3)
    for image, before, hidden in zip(masked.images, images, masked.patches, strict=True):
        assert hidden.shape == (-(-before.shape[0] // 4), -(-before.shape[1] // 4))
        assert hidden.sum() == int(0.3 * hidden.size + 0.5)
        program = (Fill(Patches(4, 4, hidden.astype(np.uint8).tobytes()), augcli.options.read_colour(0)),)
        np.testing.assert_array_equal(image, apply_reference(program, before))


# What was drawn can be given --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("images", [noise(5, 12, 9, 3), ragged()], ids=["batch", "ragged"])
def test_what_was_drawn_gives_the_same_again(images):
    labels = np.arange(len(images))
    first = augcli.cutmix(images, labels, num_classes=9, seed=3, p=0.7)
    again = augcli.cutmix(images, labels, num_classes=9, boxes=first.boxes, indices=first.indices)
    assert_same(first, again)
    first = augcli.mixup(images, labels, alpha=1.0, num_classes=9, seed=3, p=0.7)
    again = augcli.mixup(images, labels, num_classes=9, lam=first.lam, indices=first.indices)
    assert_same(first, again)
    for make in (augcli.cutout, augcli.erase):
        holed = make(images, fill="random", seed=4)
        again = make(images, fill="random", seed=4, boxes=holed.boxes)
        assert_equal_images(holed.images, again.images)
        np.testing.assert_array_equal(holed.boxes, again.boxes)
    masked = augcli.patch_cutout(images, fill="random", seed=4)
    again = augcli.patch_cutout(images, fill="random", seed=4, patches=masked.patches)
    assert_equal_images(masked.images, again.images)


def assert_same(one, other):
    assert_equal_images(one.images, other.images)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.lam, other.lam)
    np.testing.assert_array_equal(one.indices, other.indices)


def assert_equal_images(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@every_hole
def test_the_seed_decides(make):
    images = noise(4, 30, 30, 3)
    assert (make(images, seed=1).images == make(images, seed=1).images).all()
    assert (make(images, seed=1).images != make(images, seed=2).images).any()


def test_a_ragged_list_of_one_size_gives_what_a_batch_gives():
    images = noise(5, 16, 12, 3)
    for function in (augcli.cutmix, augcli.mixup, augcli.cutout, augcli.erase, augcli.patch_cutout):
        np.testing.assert_array_equal(np.stack(function([*images]).images), function(images).images)


# Forms ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_hole
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3), (2, 20, 30, 3), (1, 1, 1, 1), (1, 1)])
def test_images_come_back_in_their_form(make, shape):
    images = noise(*shape)
    out = make(images).images
    assert (out.shape, out.dtype) == (shape, images.dtype)


def test_lists_come_back_as_lists_each_in_its_form():
    images = [noise(5, 6), noise(7, 8, 1), noise(9, 4)]
    for out in (augcli.cutout(images).images, augcli.mixup(tuple(images), alpha=1.0).images):
        assert isinstance(out, list)
        assert [image.shape for image in out] == [(5, 6), (7, 8, 1), (9, 4)]


@every_hole
def test_inputs_are_not_written_to(make):
    for images in (noise(3, 20, 20, 3), ragged(), noise(20, 20)):
        before = [image.copy() for image in images]
        make(images)
        assert_equal_images(before, images)


@every_mix
def test_mixed_inputs_are_not_written_to(mix):
    images, labels = noise(4, 12, 12, 3), np.eye(4)
    before = images.copy()
    images.setflags(write=False)
    labels.setflags(write=False)
    mix(images, labels)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(labels, np.eye(4))


def test_outputs_do_not_share_memory_with_inputs():
    images = noise(3, 9, 9, 3)
    assert not np.shares_memory(augcli.cutout(images, p=0.0).images, images)


def test_strided_and_reversed_arrays_are_read_right():
    images = noise(4, 20, 24, 3)
    views = [images[:, ::2, ::-1], images[::-1], images.transpose(0, 2, 1, 3)]
    for view in views:
        expected = augcli.cutmix(np.ascontiguousarray(view), lam=0.5).images
        np.testing.assert_array_equal(augcli.cutmix(view, lam=0.5).images, expected)


class OnlyDlpack:
    """An array of another library that speaks DLPack and nothing else."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_arrays_of_other_libraries_come_in():
    images = noise(3, 10, 10, 3)
    expected = augcli.cutmix(images, [0, 1, 2], num_classes=3).images
    given = augcli.cutmix(OnlyDlpack(images), OnlyDlpack(np.arange(3)), num_classes=3).images
    np.testing.assert_array_equal(given, expected)
    pillow = [Image.fromarray(image) for image in images]  # these have __array_interface__
    np.testing.assert_array_equal(np.stack(augcli.cutmix(pillow).images), expected)


def test_torch_tensors_come_in():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    images = noise(3, 10, 10, 3)
    tensor, labels = torch.from_numpy(images.copy()), torch.tensor([0, 1, 2])
    mixed = augcli.cutmix(tensor, labels, num_classes=3)
    np.testing.assert_array_equal(mixed.images, augcli.cutmix(images).images)
    assert torch.equal(tensor, torch.from_numpy(images))
    assert torch.from_numpy(mixed.labels).sum(dim=1).tolist() == pytest.approx([1, 1, 1])


def test_numbers_of_numpy_are_numbers():
    images = noise(3, 10, 10, 3)
    one, other = augcli.cutmix(images, seed=np.int64(3)), augcli.cutmix(images, seed=3)
    np.testing.assert_array_equal(one.images, other.images)
    box = augcli.rand_box(np.int64(100), np.int32(100), np.float32(0.5), seed=np.uint64(5))
    assert box == augcli.rand_box(100, 100, 0.5, seed=5)
    assert all(type(edge) is int for edge in (box.y0, box.x0, box.y1, box.x1))


def test_many_classes_take_no_square_of_memory():
    assert augcli.smooth_labels([99_999], num_classes=100_000).shape == (1, 100_000)


def test_missing_boxes_give_the_same_colours_again():
    images = [noise(20, 20, 3, seed=i) for i in range(40)]
    options = {"fill": "random-color", "count": 4, "scale": "0.5:1.0", "ratio": "0.005:200", "seed": 4}
    erased = augcli.erase(images, **options)
    assert {int((boxes[:, 2] > 0).sum()) for boxes in erased.boxes} == {3, 4}  # some did not fit
    assert_equal_images(erased.images, augcli.erase(images, **options, boxes=erased.boxes).images)


def test_a_lam_for_each_is_rounded_and_kept_as_the_operation_does():
    images = noise(40, 2, 2, 1)
    lam = np.random.default_rng(3).random(40)
    for keep_base in (False, True):
        expected = []
        for value in lam.tolist():
            (step,) = Mixup(lam=value, keep_base=keep_base).plan(Draws(0, 0, 0, 0), Shape(2, 2), 0).steps
            expected.append(step.weight_q16 / 65536)
        assert augcli.mixup(images, lam=lam, keep_base=keep_base).lam.tolist() == expected


def test_keep_base_holds_for_every_form_of_lam():
    images = noise(3, 4, 4, 1)
    for lam in (0.25, [0.25] * 3, np.full(3, 0.25)):
        assert augcli.mixup(images, lam=lam, keep_base=True).lam.tolist() == [0.75] * 3
        assert augcli.mixup(images, lam=lam).lam.tolist() == [0.25] * 3


def _cutmix_in_child(seed):
    return augcli.cutmix(noise(4, 30, 30, 3), seed=seed).images


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_that_was_forked_after_use_works(tmp_path):
    """Data loaders fork; the pool of numba's threads does not survive that."""
    program = (
        "import multiprocessing, sys; sys.path.insert(0, sys.argv[1]); import test_arrays as t\n"
        "expected = [t._cutmix_in_child(seed) for seed in range(8)]\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    found = pool.map(t._cutmix_in_child, range(8))\n"
        "assert all((one == other).all() for one, other in zip(expected, found))\n"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    assert subprocess.run(command, timeout=300, check=False).returncode == 0


def test_threads_may_call_at_once():
    images = noise(8, 40, 40, 3)
    expected = [augcli.erase(images, seed=seed).images for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: augcli.erase(images, seed=seed).images, range(8)))
    assert_equal_images(found, expected)


# Labels and boxes by themselves -----------------------------------------------------------------------------


def test_both_forms_of_smoothing_have_their_published_values():
    # Szegedy et al. 2016: (1 - ε)·y + ε/K; the other form leaves 1 - ε to the class itself.
    assert augcli.smooth_labels([1], 0.2, num_classes=4).tolist() == pytest.approx(
        np.array([[0.05, 0.85, 0.05, 0.05]])
    )
    others = augcli.smooth_labels([1], 0.3, num_classes=4, form="others")
    assert others.tolist() == pytest.approx(np.array([[0.1, 0.7, 0.1, 0.1]]))


@pytest.mark.parametrize("form", ["uniform", "others"])
def test_smoothing_and_mixing_commute(form):
    images, labels = noise(6, 20, 20, 1), np.arange(6) % 4
    mixed_first = augcli.smooth_labels(augcli.cutmix(images, labels, num_classes=4).labels, form=form)
    smoothed = augcli.smooth_labels(labels, num_classes=4, form=form)
    np.testing.assert_allclose(augcli.cutmix(images, smoothed).labels, mixed_first, atol=1e-15)


def test_rand_box_draws_a_box_of_the_paper():
    box = augcli.rand_box(100, 50, 0.75, boundary="inside", seed=3)
    assert (box.height, box.width) == (50, 25)
    assert augcli.rand_box(100, 50, 0.75, seed=3) != augcli.rand_box(100, 50, 0.75, seed=4)
    assert augcli.rand_box(10, 10, 0.0, cy=9, cx=0) == Box(4, 0, 10, 5)
    assert augcli.rand_box(10, 10, 1.0, cy=5, cx=5).area == 0


# Refusals ---------------------------------------------------------------------------------------------------

GOOD = noise(3, 8, 8, 3)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 8, 8, 3), np.float32), "images must be uint8 or uint16 .*, got float32"),
        (np.zeros((3, 3, 8, 8), np.uint8), r"got an image of shape \(3, 8, 8\); move the channels last"),
        (np.zeros((3, 8, 8, 2), np.uint8), r"with C = 1, 3 or 4; got an image of shape \(8, 8, 2\)"),
        (np.zeros(8, np.uint8), "images must be"),
        (np.zeros((2, 0, 8, 3), np.uint8), "images must be"),
        ([], "got none"),
        (np.zeros((0, 8, 8, 3), np.uint8), "got none"),
        ([GOOD[0], GOOD[0][..., :1]], "same channels and dtype"),
        ([GOOD[0], GOOD[0].astype(np.uint16)], "same channels and dtype"),
        ("photo.jpg", "^images must be an array .*, got str 'photo.jpg'"),
        (None, "^images must be an array .*, got NoneType"),
        ([[1, 2], [3, 4]], r"^images\[0\] must be an array .*, got list"),
        (np.zeros((8, 28, 28), np.uint8), r"give grey images as \(N, H, W, 1\)"),
        ([Image.new("P", (4, 4))], "Pillow images must be of mode L, RGB, RGBA, I;16, got P"),
        ([Image.new("CMYK", (4, 4))], "got CMYK; convert them"),
    ],
)
def test_images_that_are_none_are_refused(images, message):
    for function in (augcli.cutout, augcli.cutmix):
        with pytest.raises(PlanError, match=message):
            function(images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [0, 1, 2]}, "label indices need num_classes"),
        ({"labels": [0, 1], "num_classes": 3}, r"with N = 3, got shape \(2,\)"),
        ({"labels": [0, 1, 3], "num_classes": 3}, r"label indices must be in 0\.\.2, got 3 at labels\[2\]"),
        ({"labels": [0, 1, -1], "num_classes": 3}, "label indices must be in"),
        ({"labels": [0.0, 1.0, 2.0], "num_classes": 3}, "label indices must be integers, got float64"),
        (
            {"labels": ["a", "b", "a"], "num_classes": 2},
            "must be integers, got texts; number the classes from 0",
        ),
        ({"labels": np.eye(3), "num_classes": 4}, "labels have 3 weights each, num_classes is 4"),
        ({"labels": -np.eye(3)}, "finite and not negative"),
        ({"labels": np.full((3, 2), np.nan)}, "finite and not negative"),
        ({"labels": np.zeros((3, 1, 1))}, "labels must be"),
        ({"boxes": [[0, 0, 4, 4]]}, r"boxes must be integers of shape \(3, 4\), got int64 \(1, 4\)"),
        ({"boxes": np.zeros((3, 4))}, "boxes must be integers"),
        ({"boxes": [[0, 0, 8, 8], [0, 0, 9, 4]] * 2}, r"boxes must be integers of shape \(3, 4\)"),
        ({"boxes": [[0, 0, 8, 8], [0, 0, 9, 4], [0] * 4]}, r"^boxes\[1\] leaves the image of 8x8"),
        ({"boxes": [[0] * 4, [0] * 4, [4, 0, 2, 4]]}, r"^boxes\[2\] .*: a box needs 0 <= y0 <= y1"),
        ({"indices": [0, 1, 3]}, r"indices must be in 0\.\.2, got 3 at indices\[2\]"),
        ({"indices": [0, 1]}, "indices must be integers of shape"),
        ({"seed": -1}, "seed must be a whole number in"),
        ({"seed": 1.5}, "seed must be a whole number in"),
        ({"labels": [[1, 0], [1]]}, "labels must be an array of one shape"),
        ({"labels": [["a", "b"]] * 3}, "label weights must be real numbers"),
        ({"labels": np.ones((3, 2), complex)}, "label weights must be real numbers"),
        ({"labels": np.ones((3, 0))}, "label weights must be real numbers"),
        ({"labels": [0, 1, 2], "num_classes": 3.0}, "num_classes must be a whole number in 1.*, got 3.0"),
        ({"labels": [0, 1, 2], "num_classes": 0}, "num_classes must be a whole number in 1.*, got 0"),
        ({"boxes": [[0, 0, 4, 4], [0]]}, "boxes must be an array of one shape"),
        ({"indices": np.array([0, 1, 2**63], np.uint64)}, r"below 2\*\*63, got 9223372036854775808"),
    ],
)
def test_labels_boxes_and_indices_that_do_not_fit_are_refused(options, message):
    with pytest.raises(PlanError, match=message):
        augcli.cutmix(GOOD, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augcli.cutmix(GOOD, alpha=0), "^cutmix: alpha must be > 0"),
        (lambda: augcli.cutmix(GOOD, minmax=(0.5, 0.2)), "^cutmix: minmax must be"),
        (lambda: augcli.cutmix(GOOD, p=2.0), "^p must be >= 0 and <= 1"),
        (lambda: augcli.cutmix(GOOD[:1]), "mixing needs at least 2 images, got 1"),
        (lambda: augcli.mixup(GOOD, lam=1.5), "^mixup: lam must be"),
        (lambda: augcli.mixup(GOOD, lam=[0.5, 0.5]), r"lam must be one number or \(3,\) numbers in 0\.\.1"),
        (lambda: augcli.mixup(GOOD, lam=[0.5, 0.5, 2]), r"lam must be numbers in 0..1, got 2 at lam\[2\]"),
        (lambda: augcli.cutout(GOOD, holes=(3, 1)), "^cutout: holes must be"),
        (lambda: augcli.cutout(GOOD, boxes=np.zeros((3, 4), int)), r"shape \(3, any, 4\)"),
        (lambda: augcli.cutout(GOOD, boxes=[[0, 0, 4, 4]] * 3), r"^boxes\[0\] .* shape \(any, 4\)"),
        (lambda: augcli.erase(GOOD, fill=(1, 2)), "^erase: fill must be"),
        (lambda: augcli.patch_cutout(GOOD, ratio=1.5), "^patch-cutout: ratio must be"),
        (lambda: augcli.patch_cutout(GOOD, patches=[]), "patches must be given for each of 3 images, got 0"),
        (
            lambda: augcli.patch_cutout(GOOD, patch_size=4, patches=[np.ones((3, 3))] * 3),
            r"patches\[0\] must be 0 or 1, of shape \(2, 2\), got \(3, 3\)",
        ),
        (lambda: augcli.patch_cutout(GOOD, patch_size=4, patches=[[[0.5, 1], [0, 0]]] * 3), "0 or 1"),
        (lambda: augcli.patch_cutout(GOOD, patches=3), "patches must be given for each of 3 images"),
        (
            lambda: augcli.patch_cutout(np.zeros((3000, 3000), np.uint8), patch_size=1),
            "more than 4194304 patches; give a larger patch_size",
        ),
        (lambda: augcli.mixup(GOOD, lam="a"), "^lam must be an array"),
        (lambda: augcli.mixup(GOOD, lam=["a"] * 3), "lam must be"),
        (lambda: augcli.smooth_labels([0], "a", num_classes=2), "epsilon must be"),
        (lambda: augcli.smooth_labels(np.zeros((0, 0))), "label weights must be"),
        (lambda: augcli.rand_box(8.5, 8, 0.5), "a box needs"),
        (lambda: augcli.rand_box(8, 8, "a"), "a box needs"),
        (lambda: augcli.rand_box(8, 8, 0.5, seed=-1), "seed must be a whole number"),
        (lambda: augcli.rand_box(8, 8, 0.5, cy=1.5, cx=1), "a centre needs"),
        (lambda: augcli.smooth_labels([0], 1.5, num_classes=2), "epsilon must be"),
        (lambda: augcli.smooth_labels([0], num_classes=1, form="others"), "at least 2 classes, got 1"),
        (lambda: augcli.smooth_labels([[1, 1]]), "multi-hot"),
        (lambda: augcli.smooth_labels([0], num_classes=2, form="other"), "form must be one of"),
        (lambda: augcli.rand_box(0, 8, 0.5), "a box needs"),
        (lambda: augcli.rand_box(8, 8, 1.5), "a box needs"),
        (lambda: augcli.rand_box(8, 8, 0.5, cy=8, cx=0), "a centre needs cy in 0..7"),
        (lambda: augcli.rand_box(8, 8, 0.5, cy=1), "a centre needs"),
    ],
)
def test_options_outside_their_range_are_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augcli.cutmix(GOOD, boxes=[[0, 0, 1, 1]] * 3, alpha=-1.0), "^cutmix: alpha must be > 0"),
        (lambda: augcli.cutmix(GOOD, boxes=[[0, 0, 1, 1]] * 3, p=7), "^p must be"),
        (lambda: augcli.cutmix(GOOD, boxes=[[0, 0, 1, 1]] * 3, indices=[1, 2, 0], seed=-1), "^seed must be"),
        (
            lambda: augcli.cutmix(GOOD, lam=0.5, minmax=(0.1, 0.2)),
            "^cutmix: lam and minmax both decide the box",
        ),
        (lambda: augcli.mixup(GOOD, lam=[0.5] * 3, alpha=0), "^mixup: alpha must be > 0"),
        (lambda: augcli.mixup(GOOD, lam=[0.5] * 3, p=-1), "^p must be"),
        (lambda: augcli.cutmix(GOOD, lam=[0.5] * 3, alpha=-1), "^cutmix: alpha must be > 0"),
        (lambda: augcli.cutmix(GOOD, lam=[0.5] * 3, p=7), "^p must be"),
        (lambda: augcli.mixup(GOOD, lam=[0.5] * 3, keep_base="no"), "^mixup: keep_base must be"),
        (lambda: augcli.cutout(GOOD, boxes=np.zeros((3, 1, 4), int), p=2), "^p must be"),
        (lambda: augcli.cutout(GOOD, boxes=np.zeros((3, 1, 4), int), length=-1), "^cutout: length must be"),
        (lambda: augcli.erase(GOOD, boxes=np.zeros((3, 1, 4), int), p=2), "^p must be"),
        (lambda: augcli.erase(GOOD, boxes=np.zeros((3, 1, 4), int), scale=-1), "^erase: scale must be"),
        (lambda: augcli.erase(GOOD, boxes=np.zeros((3, 1, 4), int), seed=-1), "^seed must be"),
        (lambda: augcli.patch_cutout(GOOD[0], patches=[[[1]]], ratio=2), "^patch-cutout: ratio must be"),
        (lambda: augcli.patch_cutout(GOOD[0], patches=[[[1]]], p=2), "^p must be"),
    ],
)
def test_options_are_checked_where_draws_are_given_too(call, message):
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize("name", ["cutmix", "mixup", "cutout", "erase", "patch_cutout"])
def test_defaults_are_those_of_the_operation_and_can_be_read(name):
    parameters = inspect.signature(getattr(augcli, name)).parameters
    fields = option_fields(OPERATIONS[name.replace("_", "-")])
    for field in fields:
        assert parameters[field.name].default == field.default
        assert isinstance(field.default, str | float | bool | None)
    assert (parameters["p"].default, parameters["seed"].default) == (1.0, 0)


def test_arrays_on_a_gpu_need_cupy(monkeypatch):
    class OnGpu:
        __cuda_array_interface__ = None

    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(MissingPartError, match=r"CuPy is not installed; run: pip install 'augcli\[gpu\]'"):
        augcli.cutout(OnGpu())
