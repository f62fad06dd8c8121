"""Masks and boxes of images in memory: against pixels that are counted, in all forms, and what is refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import augcli
from augcli import BoxRule, FollowedBoxes
from augcli.errors import PlanError

HEIGHT, WIDTH = 12, 16
LEVELS = (10, 110, 210)
"""What all pixels of an image have, so that each says whose it is."""
HOLE = 255
ALL = BoxRule(min_paste_visibility=0.0)

HOLES = {
    "cutout": partial(augcli.cutout, holes=3, length=5, fill=HOLE),
    "erase": partial(augcli.erase, count=(1, 3), scale=(0.1, 0.6), fill=HOLE),
    "patch_cutout": partial(augcli.patch_cutout, patch_size=(5, 3), fill=HOLE),
}
MIXES = {"cutmix": augcli.cutmix, "mixup": partial(augcli.mixup, alpha=1.0, mask_policy="dominant")}
every_hole = pytest.mark.parametrize("make", HOLES.values(), ids=HOLES)
every_mix = pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
everything = pytest.mark.parametrize("make", [*HOLES.values(), *MIXES.values()], ids=[*HOLES, *MIXES])

seeds = st.integers(0, 2**64 - 1)
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@st.composite
def edges(draw, height=HEIGHT, width=WIDTH):
    """Whole edges of a box inside an image."""
    y0, x0 = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return [y0, x0, draw(st.integers(y0 + 1, height)), draw(st.integers(x0 + 1, width))]


lists_of_edges = st.lists(st.lists(edges(), max_size=3), min_size=3, max_size=3)


def plain(channels=3):
    return np.stack([np.full((HEIGHT, WIDTH, channels), level, np.uint8) for level in LEVELS])


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def inside(image, box):
    y0, x0, y1, x1 = box
    return image[y0:y1, x0:x1]


def assert_lists_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# Masks ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=60)
@given(seeds, sizes, sizes, st.sampled_from([np.uint8, np.uint16]))
def test_a_mask_is_the_partners_exactly_where_the_image_is(seed, size, other, dtype):
    images = [np.zeros((*size, 3), np.uint8), np.full((*other, 3), 255, np.uint8)]
    masks = [noise(*size, seed=1).astype(dtype) // 2, noise(*other, seed=2).astype(dtype) // 2 + 128]
    mixed = augcli.cutmix(images, masks=masks, seed=seed)
    for number, (image, mask) in enumerate(zip(mixed.images, mixed.masks, strict=True)):
        np.testing.assert_array_equal(mask >= 128, image[:, :, 0] == 255)
        is_own = (mask >= 128) == (number == 1)
        np.testing.assert_array_equal(mask[is_own], masks[number][is_own])
        assert set(np.unique(mask[~is_own])) <= set(np.unique(masks[1 - number]))
        assert mask.dtype == dtype


def test_a_partners_mask_of_another_size_is_stretched():
    images = [np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8)]
    masks = [np.zeros((4, 4), np.uint8), np.array([[1, 2], [3, 4]], np.uint8)]
    mixed = augcli.cutmix(images, masks=masks, boxes=[[0, 1, 4, 4], [0, 0, 0, 0]], indices=[1, 0])
    assert mixed.masks[0].tolist() == [[0, 1, 2, 2], [0, 1, 2, 2], [0, 3, 4, 4], [0, 3, 4, 4]]
    np.testing.assert_array_equal(mixed.masks[1], masks[1])


@every_hole
def test_holes_leave_masks_alone(make):
    masks = noise(3, HEIGHT, WIDTH, dtype=np.uint16)
    np.testing.assert_array_equal(make(plain(), masks=masks).masks, masks)


@every_hole
@pytest.mark.parametrize(("dtype", "fill"), [(np.uint8, 255), (np.uint8, 0), (np.uint16, 65535)])
def test_with_a_fill_holes_have_its_index(make, dtype, fill):
    masks = noise(3, HEIGHT, WIDTH, dtype=dtype) // 2 + 1
    holed = make(plain(), masks=masks, mask_fill=fill)
    is_hole = holed.images[..., 0] == HOLE
    assert is_hole.any()
    np.testing.assert_array_equal(holed.masks, np.where(is_hole, fill, masks))
    assert holed.masks.dtype == dtype


@pytest.mark.parametrize(("lam", "index"), [(0.0, 2), (0.49, 2), (0.5, 1), (0.51, 1), (1.0, 1)])
def test_a_blend_has_the_mask_of_the_image_that_weighs_more(lam, index):
    masks = np.stack([np.full((HEIGHT, WIDTH), index, np.uint8) for index in (1, 2)])
    options = {"masks": masks, "mask_policy": "dominant", "indices": [1, 0]}
    for given_lam in (lam, [lam, lam]):
        mixed = augcli.mixup(plain()[:2], lam=given_lam, **options)
        assert np.unique(mixed.masks[0]).tolist() == [index]
        assert np.unique(mixed.masks[1]).tolist() == [3 - index]


@pytest.mark.parametrize("options", [{}, {"p": 0.0}, {"lam": 1.0}], ids=str)
def test_a_blend_of_masks_is_refused_whatever_is_drawn(options):
    with pytest.raises(PlanError, match="cannot be blended; give mask_policy='dominant', or leave out masks"):
        augcli.mixup(plain(), masks=np.zeros((3, HEIGHT, WIDTH), np.uint8), **options)


def test_boxes_alone_can_be_blended_without_a_policy():
    assert augcli.mixup(plain(), bboxes=[[], [], []]).masks is None


# Boxes ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_hole
@settings(max_examples=40)
@given(seed=seeds, bboxes=lists_of_edges)
def test_visibility_is_the_counted_share_of_pixels_outside_holes(make, seed, bboxes):
    holed = make(plain(), bboxes=bboxes, seed=seed)
    for number, found in enumerate(holed.bboxes):
        shares = [(inside(holed.images[number], box)[..., 0] != HOLE).mean() for box in bboxes[number]]
        stay = [place for place, share in enumerate(shares) if share]
        assert found.numbers.tolist() == stay
        assert found.visibility.tolist() == [shares[place] for place in stay]
        assert found.edges.tolist() == [bboxes[number][place] for place in stay]
        assert found.images.tolist() == [number] * len(stay)
        assert found.weight.tolist() == [1.0] * len(stay)


@pytest.mark.slow
@settings(max_examples=60)
@given(seeds, lists_of_edges)
def test_visibility_after_a_paste_is_the_counted_share_of_pixels_of_the_boxs_image(seed, bboxes):
    mixed = augcli.cutmix(plain(), bboxes=bboxes, box_rule=ALL, seed=seed)
    for number, found in enumerate(mixed.bboxes):
        expected = []
        for image in (number, int(mixed.indices[number])):
            for place, box in enumerate(bboxes[image]):
                share = (inside(mixed.images[number], box)[..., 0] == LEVELS[image]).mean()
                expected += [(image, place, share)] if share else []
        triples = (found.images.tolist(), found.numbers.tolist(), found.visibility.tolist())
        assert list(zip(*triples, strict=True)) == expected


def test_a_partners_box_is_clipped_to_what_is_pasted():
    boxes, bboxes = [[2, 2, 8, 8], [0, 0, 0, 0]], [[[0, 0, 4, 4]], [[6, 6, 10, 10], [0, 0, 2, 2]]]
    mixed = augcli.cutmix(plain()[:2], boxes=boxes, bboxes=bboxes, indices=[1, 0])
    own = mixed.bboxes[0]
    assert own.edges.tolist() == [[0, 0, 4, 4], [6, 6, 8, 8]]
    assert (own.images.tolist(), own.numbers.tolist()) == ([0, 1], [0, 0])
    assert own.visibility.tolist() == [0.75, 0.25]
    assert mixed.bboxes[1].edges.tolist() == bboxes[1]


def test_a_partners_boxes_are_stretched_with_it():
    images = [np.zeros((8, 8), np.uint8), np.zeros((4, 2), np.uint8)]
    boxes = [[0, 0, 8, 8], [0, 0, 0, 0]]
    mixed = augcli.cutmix(images, boxes=boxes, bboxes=[[], [[1, 0, 3, 1]]], indices=[1, 0])
    assert mixed.bboxes[0].edges.tolist() == [[2, 0, 6, 4]]


@pytest.mark.parametrize("lam", [0.25, [0.25, 0.25, 0.25]])
def test_a_blend_has_both_images_boxes_each_with_its_weight(lam):
    bboxes = [[[number, 0, 5, 5]] for number in range(3)]
    mixed = augcli.mixup(plain(), lam=lam, bboxes=bboxes, indices=[1, 2, 0])
    for number, found in enumerate(mixed.bboxes):
        partner = (number + 1) % 3
        assert found.images.tolist() == [number, partner]
        assert found.edges.tolist() == [*bboxes[number], *bboxes[partner]]
        assert found.weight.tolist() == [0.25, 0.75]
        assert found.visibility.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (None, [[0, 0, 4, 4]]),
        (BoxRule("shrink"), [[2, 0, 4, 4]]),
        (BoxRule(min_visibility=0.5), [[0, 0, 4, 4]]),
        (BoxRule(min_visibility=0.51), []),
    ],
)
def test_the_rule_says_which_boxes_stay_and_how(rule, expected):
    options = {"boxes": [[[0, 0, 2, 16]]], "bboxes": [[[0, 0, 4, 4]]], "box_rule": rule}
    assert augcli.cutout(plain()[:1], **options).bboxes[0].edges.tolist() == expected


def test_followed_boxes_are_arrays_even_where_there_are_none():
    for found in augcli.cutout(plain(), bboxes=[[], np.zeros((0, 4)), [[0, 0, 1, 1]]], p=0.0).bboxes:
        assert isinstance(found, FollowedBoxes)
        assert found.edges.shape == (len(found.numbers), 4)
        kinds = [np.float64, np.int64, np.int64, np.float64, np.float64]
        assert [array.dtype for array in found] == kinds
    assert augcli.cutout(plain(), p=0.0).bboxes is None


def test_broken_edges_are_taken_as_they_are():
    bboxes = [np.array([[0.5, 0.25, 1.5, 16.0]], np.float32)]
    found = augcli.cutout(plain()[:1], bboxes=bboxes, p=0.0).bboxes[0]
    assert found.edges.tolist() == [[0.5, 0.25, 1.5, 16.0]]


# Forms ------------------------------------------------------------------------------------------------------


def belongings(images):
    masks = [noise(*image.shape[:2], seed=number) for number, image in enumerate(images)]
    return masks, [[[0, 0, *image.shape[:2]], [1, 1, 3, 3]] for image in images]


@everything
@pytest.mark.parametrize(
    "images",
    [noise(4, 12, 9, 3), [noise(9 + 3 * i, 30 - 4 * i, 3, seed=i) for i in range(4)]],
    ids=["batch", "ragged"],
)
def test_images_are_the_same_with_and_without(make, images):
    masks, bboxes = belongings(images)
    with_them, without = make(images, masks=masks, bboxes=bboxes, seed=3), make(images, seed=3)
    assert_lists_equal(with_them.images, without.images)
    assert (without.masks, without.bboxes) == (None, None)


@every_mix
def test_labels_are_the_same_with_and_without(mix):
    images, labels = noise(4, 12, 9, 3), [0, 1, 2, 3]
    masks, bboxes = belongings(images)
    with_them = mix(images, labels, num_classes=4, masks=masks, bboxes=bboxes)
    np.testing.assert_array_equal(with_them.labels, mix(images, labels, num_classes=4).labels)


@everything
def test_nothing_that_is_given_is_written_to_or_handed_back(make):
    images = noise(3, HEIGHT, WIDTH, 3)
    masks, boxes = noise(3, HEIGHT, WIDTH), np.array([[[0, 0, 4, 4]], [[2, 2, 9, 9]], [[1, 1, 2, 2]]])
    before = masks.copy(), boxes.copy()
    for array in (images, masks, boxes):
        array.setflags(write=False)
    for p in (0.0, 1.0):
        for given_masks in (masks, [*masks]):
            made = make(images, masks=given_masks, bboxes=boxes, p=p)
            assert not any(np.shares_memory(mask, masks) for mask in made.masks)
            assert all(mask.flags.writeable for mask in made.masks)
    np.testing.assert_array_equal(masks, before[0])
    np.testing.assert_array_equal(boxes, before[1])


@everything
def test_masks_come_back_in_their_form(make):
    images, masks = noise(3, HEIGHT, WIDTH, 3), noise(3, HEIGHT, WIDTH, dtype=np.uint16)
    stacked = make(images, masks=masks).masks
    assert isinstance(stacked, np.ndarray)
    assert (stacked.shape, stacked.dtype) == (masks.shape, masks.dtype)
    for given_masks in ([*masks], tuple(masks)):
        listed = make([*images], masks=given_masks).masks
        assert isinstance(listed, list)
        assert_lists_equal(listed, stacked)


@every_hole
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_what_belongs_to_a_single_image_comes_back_by_itself(make, shape):
    image, mask = noise(*shape), noise(20, 30)
    holed = make(image, masks=mask, mask_fill=7, bboxes=[[0, 0, 20, 30]])
    listed = make([image], masks=[mask], mask_fill=7, bboxes=[[[0, 0, 20, 30]]])
    np.testing.assert_array_equal(holed.masks, listed.masks[0])
    assert isinstance(holed.bboxes, FollowedBoxes)
    assert_lists_equal(holed.bboxes, listed.bboxes[0])
    assert make(image, bboxes=[]).bboxes.edges.shape == (0, 4)


def test_masks_of_one_image_by_one_pixel_are_taken():
    holed = augcli.cutout(
        np.zeros((1, 1), np.uint8), masks=np.full((1, 1), 9, np.uint8), bboxes=[[0, 0, 1, 1]]
    )
    assert holed.masks.tolist() == [[9]]
    assert holed.bboxes.edges.shape == (0, 4)


def test_strided_masks_are_read_right():
    masks = noise(3, 2 * HEIGHT, WIDTH)[:, ::-2]
    expected = augcli.cutmix(plain(), masks=np.ascontiguousarray(masks)).masks
    np.testing.assert_array_equal(augcli.cutmix(plain(), masks=masks).masks, expected)


def test_indices_of_a_palette_image_are_taken_as_they_are():
    indices = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    mask = Image.fromarray(indices)
    mask.putpalette(bytes(range(255, -1, -1)) * 3)
    assert mask.mode == "P"
    np.testing.assert_array_equal(augcli.cutout(plain()[0], masks=mask).masks, indices)


# Refusals ---------------------------------------------------------------------------------------------------

GOOD = np.zeros((3, HEIGHT, WIDTH), np.uint8)


@everything
@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (GOOD.astype(np.float32), r"^masks\[0\] must be uint8 or uint16 indices, got float32; convert it"),
        (GOOD.astype(np.int64), r"got int64; convert it with \.astype\(numpy\.uint8\)"),
        (GOOD.astype(bool), "got bool; convert it"),
        ([GOOD[0], GOOD[1], GOOD[2].astype(np.int32)], r"^masks\[2\] must be .* got int32"),
        ([GOOD[0], GOOD[1].astype(np.uint16), GOOD[2]], "masks must all have the same dtype"),
        (GOOD[:2], "masks must be given for each of 3 images, got 2"),
        (GOOD[0], "masks must be given for each of 3 images, got 12"),
        (GOOD[:, :-1], r"^masks\[0\] must be of its image's height and width, \(12, 16\), got \(11, 16\)"),
        (GOOD.transpose(0, 2, 1), r"\(12, 16\), got \(16, 12\)"),
        (GOOD[..., None], r"\(12, 16\), got \(12, 16, 1\)"),
        ([GOOD[0], GOOD[1], GOOD[2][:5]], r"^masks\[2\] must be of its image's height"),
        ([GOOD[0], None, GOOD[2]], r"^masks\[1\] must be an array .*, got NoneType"),
        (7, "masks must be given for each of 3 images, got 1"),
        ("mask.png", "^masks must be an array .*, got str"),
    ],
)
def test_masks_that_do_not_fit_are_refused(make, masks, message):
    with pytest.raises(PlanError, match=message):
        make(plain(), masks=masks)


@everything
@pytest.mark.parametrize(
    ("box", "message"),
    [
        (
            [0, 0, 13, 4],
            r"^bboxes\[2\]\[1\] must be .* inside the image of 12x16, got .* = 0, 0, 13, 4; clip it",
        ),
        ([0, 0, 4, 16.5], r"^bboxes\[2\]\[1\]"),
        ([-1, 0, 4, 4], r"^bboxes\[2\]\[1\]"),
        ([0, -0.5, 4, 4], r"^bboxes\[2\]\[1\]"),
        ([4, 0, 4, 4], r"^bboxes\[2\]\[1\] must be y0 < y1, x0 < x1"),
        ([0, 4, 4, 4], r"^bboxes\[2\]\[1\]"),
        ([4, 0, 2, 4], r"^bboxes\[2\]\[1\]"),
        ([0, 4, 4, 2], r"^bboxes\[2\]\[1\]"),
        ([0, 0, np.nan, 4], r"^bboxes\[2\]\[1\] .* nan"),
        ([0, 0, 4, np.inf], r"^bboxes\[2\]\[1\] .* inf"),
        ([-np.inf, 0, 4, 4], r"^bboxes\[2\]\[1\] .* -inf"),
    ],
)
def test_boxes_outside_their_image_or_of_no_area_are_refused(make, box, message):
    with pytest.raises(PlanError, match=message):
        make(plain(), bboxes=[[], [[0, 0, 1, 1]], [[0, 0, 12, 16], box]])


@everything
@pytest.mark.parametrize(
    ("bboxes", "message"),
    [
        ([[], []], "bboxes must be given for each of 3 images, got 2"),
        ([[0, 0, 4, 4]] * 3, r"^bboxes\[0\] must be numbers of shape \(any, 4\), got int64 \(4,\)"),
        ([[], [], [[0, 0, 4]]], r"^bboxes\[2\] must be numbers of shape \(any, 4\), got int64 \(1, 3\)"),
        ([[], [["a"] * 4], []], r"^bboxes\[1\] must be numbers"),
        ([[], [], [[0, 0, 4, 4], [0]]], r"^bboxes\[2\] must be an array of one shape"),
        ([[], None, []], r"^bboxes\[1\] must be an array .*, got NoneType"),
        (3.5, "bboxes must be given for each of 3 images, got 1"),
    ],
)
def test_bboxes_of_another_shape_are_refused(make, bboxes, message):
    with pytest.raises(PlanError, match=message):
        make(plain(), bboxes=bboxes)


@everything
def test_a_rule_that_is_none_is_refused(make):
    with pytest.raises(PlanError, match=r"box_rule must be an augcli\.BoxRule, got dict"):
        make(plain(), bboxes=[[], [], []], box_rule={"policy": "keep"})


@every_hole
@pytest.mark.parametrize(
    ("masks", "fill", "message"),
    [
        (GOOD, 256, r"mask_fill must be a whole number in 0\.\.255, got 256"),
        (GOOD.astype(np.uint16), 65536, r"in 0\.\.65535, got 65536"),
        (GOOD, -1, r"in 0\.\.255, got -1"),
        (GOOD, 1.0, r"in 0\.\.255, got 1\.0"),
        (None, "a", r"in 0\.\.65535, got 'a'"),
    ],
)
def test_a_fill_that_masks_cannot_hold_is_refused(make, masks, fill, message):
    with pytest.raises(PlanError, match=message):
        make(plain(), masks=masks, mask_fill=fill)


@pytest.mark.parametrize("masks", [GOOD, None], ids=["masks", "none"])
def test_an_unknown_policy_is_refused(masks):
    with pytest.raises(PlanError, match="mask_policy must be one of dominant, got 'mean'"):
        augcli.mixup(plain(), masks=masks, mask_policy="mean")
