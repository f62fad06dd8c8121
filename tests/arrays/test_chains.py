"""A whole recipe on arrays: pixels and labels that are recounted, and the plans of a data set."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import augcli
from augcli.arrays.batch import read_images
from augcli.arrays.chains import plan_chains
from augcli.arrays.labels import read_labels
from augcli.arrays.partners import find_partners
from augcli.arrays.streams import Streams
from augcli.errors import InputError, PlanError, Reminder, UsageError
from augcli.recipe_files import load_recipe
from augcli.rng import hash_key
from augcli.samples import Shape

CUTMIX, MIXUP = {"kind": "cutmix"}, {"kind": "mixup", "alpha": 1.0}
HOLES = [{"kind": "cutout", "holes": 2, "length": 5}, {"kind": "patch-cutout", "patch-size": 3, "ratio": 0.2}]
ONE_OF = {"one_of": [CUTMIX | {"weight": 0.4}, MIXUP | {"weight": 0.4}], "p": 0.9}
COUNT, SIZE = 5, (12, 17)

mixing = st.lists(st.sampled_from([CUTMIX, MIXUP, ONE_OF, CUTMIX | {"p": 0.5}]), min_size=1, max_size=4)
seeds = st.integers(0, 2**64 - 1)


def levels(*, of=None, dtype=np.uint8, count=COUNT):
    """Images of one level each: of their number, or all 0 but one."""
    values = range(count) if of is None else [65535 * (number == of) for number in range(count)]
    return np.array([np.full((*SIZE, 1), value, dtype) for value in values])


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(mixing, seeds)
def test_the_label_of_a_chain_is_what_its_pixels_hold(operations, seed):
    """Of images that are white where one of them is seen, the mean is its share."""
    recipe = {"op": operations}
    applied = augcli.apply(recipe, levels(), range(COUNT), num_classes=COUNT, seed=seed)
    for number in range(COUNT):
        shown = augcli.apply(recipe, levels(of=number, dtype=np.uint16), seed=seed).images
        # Each blend rounds to a whole level, half of one at most.
        share = shown.astype(float).mean(axis=(1, 2, 3)) / 65535
        np.testing.assert_allclose(share, applied.labels[:, number], rtol=0, atol=3 / 65535)
    np.testing.assert_allclose(applied.labels.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(applied.lam, applied.labels[range(COUNT), range(COUNT)])


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), seeds)
def test_labels_masks_and_boxes_of_pasted_chains_are_counted_pixels(pastes, seed):
    images = levels()
    whole = [[[0, 0, *SIZE]]] * COUNT
    applied = augcli.apply(
        {"op": [CUTMIX] * pastes},
        images,
        range(COUNT),
        num_classes=COUNT,
        seed=seed,
        masks=images[..., 0],
        bboxes=whole,
        box_rule=augcli.BoxRule(min_paste_visibility=0),
    )
    pixels = SIZE[0] * SIZE[1]
    for number, image in enumerate(applied.images):
        counted = np.bincount(image.ravel(), minlength=COUNT)
        assert applied.labels[number].tolist() == (counted / pixels).tolist()
        np.testing.assert_array_equal(applied.masks[number], image[..., 0])
        boxes, seen = applied.bboxes[number], np.zeros(COUNT)
        np.add.at(seen, boxes.images, boxes.visibility * pixels)
        np.testing.assert_allclose(seen, counted, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_holes_leave_the_label_to_what_they_cover():
    chain = {"op": [CUTMIX, *HOLES, MIXUP, {"kind": "erase"}]}
    bare = {"op": [CUTMIX, *[each | {"p": 0.0} for each in HOLES], MIXUP]}
    holed = augcli.apply(chain, levels(), np.eye(COUNT), seed=4)
    assert (holed.images != augcli.apply(bare, levels(), np.eye(COUNT), seed=4).images).any()
    np.testing.assert_array_equal(holed.labels, augcli.apply(bare, levels(), np.eye(COUNT), seed=4).labels)
    assert holed.operations == [("cutmix", "cutout", "patch-cutout", "mixup", "erase")] * COUNT


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["any", "other-class", "same-class"])
def test_plans_are_those_of_a_data_set_with_the_same_keys(rule, tmp_path):
    keys = [f"{name}/{number:02d}.png" for name in "abc" for number in range(4)]
    images = np.random.default_rng(7).integers(0, 256, (len(keys), 20, 26, 3), np.uint8)
    for key, image in zip(keys, images, strict=True):
        (tmp_path / "src" / key).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "src" / key)
    rules = [each | {"partner": rule} for each in (CUTMIX, MIXUP)]
    recipe = {
        "seed": 11,
        "image-format": "png",
        "op": [rules[0] | {"p": 0.7}, HOLES[0] | {"p": 0.5}, {"one_of": [rules[1] | {"weight": 0.8}]}],
    }
    augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe)
    rows = {row["source"]: row for row in pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()}

    loaded, batch = load_recipe(recipe), read_images(images)
    streams = Streams(11, 11, [hash_key(key, 11) for key in keys], False)
    weights = read_labels([ord(key[0]) - ord("a") for key in keys], len(keys), 3).values
    partners = find_partners(streams, weights, rule, 2)
    chains = plan_chains(batch, loaded, streams, partners)
    programs = [chain.steps for chain in chains]
    others = np.array([[*chain.partners, 0, 0][:2] for chain in chains])
    pixels = batch.apply(programs, others)
    assert {chain.operations for chain in chains} > {("cutmix", "cutout", "mixup"), ("mixup",)}
    for key, chain, image in zip(keys, chains, pixels, strict=True):
        row = rows[key]
        assert [keys[partner] for partner in chain.partners] == row["partners"]
        assert "+".join(chain.operations) == row["op"]
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "dst" / row["file_name"])), image)


# Who meets whom ---------------------------------------------------------------------------------------------

LABELS = [0, 0, 0, 1, 1, 2, 2, 2]
EIGHT = levels(count=8)


@pytest.mark.parametrize("labels", [LABELS, np.eye(3)[LABELS] * 0.8 + 0.05], ids=["indices", "soft"])
@pytest.mark.parametrize("kind", ["cutmix", "mixup", "apply"])
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_on_classes_holds_for_every_pair(labels, kind, seed):
    classes = np.array(LABELS)
    for rule in ("other-class", "same-class"):
        if kind == "apply":
            recipe = {"op": [{"kind": "cutmix", "partner": rule}, {"kind": "mixup", "partner": rule}]}
            result = augcli.apply(recipe, EIGHT, labels, num_classes=3, seed=seed)
        else:
            result = getattr(augcli, kind)(EIGHT, labels, num_classes=3, seed=seed, partner=rule)
        partners = result.indices.reshape(8, -1)
        alike = classes[partners] == classes[:, None]
        assert (alike == (rule == "same-class")).all()
        assert (partners != np.arange(8)[:, None]).all()
        for column in partners.T:
            assert sorted(column.tolist()) == list(range(8))  # everybody is partner once


def test_an_image_without_a_partner_is_left_alone():
    labels = [0, 0, 0, 1]
    images = levels(count=4)
    for function in (augcli.cutmix, augcli.mixup):
        mixed = function(images, labels, num_classes=2, lam=0.5, partner="same-class")
        assert mixed.indices[3] == 3
        assert (mixed.lam < 1).tolist() == [True, True, True, False]
        assert (mixed.images[3] == 3).all()
        assert mixed.labels[3].tolist() == [0, 1]
    applied = augcli.apply(
        {"op": [{"kind": "mixup", "lam": 0.5, "partner": "same-class"}]}, images, labels, num_classes=2
    )
    assert applied.indices[:, 0].tolist()[3] == 3
    assert applied.reasons == [(), (), (), ("mixup: no partner of same-class",)]
    assert applied.operations[3] == ()


def test_a_batch_of_one_class_has_no_partner_of_another():
    mixed = augcli.cutmix(levels(count=4), [1] * 4, num_classes=2, partner="other-class")
    assert (mixed.indices.tolist(), mixed.lam.tolist()) == ([0, 1, 2, 3], [1.0] * 4)


def test_weights_that_are_all_0_are_no_class():
    weights = np.array([[1, 0], [1, 0], [0, 0], [0, 0]])
    assert augcli.cutmix(levels(count=4), weights, partner="same-class").indices.tolist() == [1, 0, 2, 3]


@pytest.mark.parametrize("function", [augcli.cutmix, augcli.mixup])
def test_a_rule_on_classes_needs_labels_and_no_given_partners(function):
    with pytest.raises(PlanError, match=r"^partner other-class needs labels, got None"):
        function(EIGHT, partner="other-class")
    with pytest.raises(UsageError, match=r": indices and partner both decide who meets whom"):
        function(EIGHT, LABELS, num_classes=3, partner="other-class", indices=range(8))
    with pytest.raises(PlanError, match=r"^partner same-class needs labels"):
        augcli.apply({"op": [{"kind": "cutmix", "partner": "same-class"}]}, EIGHT)


# Forms and options ------------------------------------------------------------------------------------------


def test_the_recipe_decides_the_seed_unless_another_is_given():
    def apply(**options):
        return augcli.apply({"seed": 3, "op": [CUTMIX]}, levels(), **options)

    assert (apply().seed, apply()) == (3, apply(seed=3))
    assert apply(seed=0) != apply()
    assert apply(seed=0) == augcli.apply({"op": [CUTMIX]}, levels())


def test_a_recipe_comes_from_a_file_a_mapping_or_an_output(tmp_path):
    path = tmp_path / "chain.toml"
    path.write_text('seed = 2\n[[op]]\nkind = "mixup"\nlam = 0.5\n[labels]\nsmoothing = 0.1\n')
    data = {"seed": 2, "smoothing": 0.1, "op": [{"kind": "mixup", "lam": 0.5}]}
    expected = augcli.apply(data, levels(), np.eye(COUNT))
    assert augcli.apply(path, levels(), np.eye(COUNT)) == expected
    assert augcli.apply(str(path), levels(), np.eye(COUNT)) == expected
    assert augcli.apply(load_recipe(data), levels(), np.eye(COUNT)) == expected
    with pytest.raises(InputError):
        augcli.apply(tmp_path / "none.toml", levels())
    for wrong in (None, levels(), 7):
        with pytest.raises(PlanError, match=r"^recipe must be a mapping, a Recipe or a path, got"):
            augcli.apply(wrong, levels())
    with pytest.raises(UsageError, match="did you mean 'cutmix'"):
        augcli.apply({"op": [{"kind": "cutmx"}]}, levels())


@pytest.mark.parametrize("form", ["uniform", "others"])
def test_labels_are_smoothed_once_after_mixing(form):
    op = [{"kind": "mixup", "lam": 0.5}]
    exact = augcli.apply({"op": op}, levels(), np.eye(COUNT)).labels
    recipe = {"op": op, "labels": {"smoothing": 0.2, "smoothing-form": form}}
    smoothed = augcli.apply(recipe, levels(), np.eye(COUNT)).labels
    low = 0.2 / COUNT if form == "uniform" else 0.2 * 0.5 / (COUNT - 1)
    wrong = 0.2 / COUNT if form == "uniform" else 0.2 / (COUNT - 1)
    high = 0.4 + low
    expected = np.where(exact == 0.5, high, wrong)
    np.testing.assert_allclose(smoothed, expected, rtol=0, atol=1e-15)
    with pytest.raises(PlanError, match="multi-hot"):
        augcli.apply(recipe, levels(), np.ones((COUNT, 2)))


def test_what_has_no_effect_on_arrays_is_named():
    recipe = {"copies": 3, "size": 8, "quality": 90, "op": [HOLES[0]]}
    with pytest.warns(
        Reminder, match=r"^apply: copies, size, quality of the recipe have no effect on arrays"
    ):
        augcli.apply(recipe, levels())


def test_a_stored_recipe_is_taken_as_it_is(tmp_path):
    stored = {"recipe": {"copies": 3, "op": [{"kind": "cutout", "length": 3}]}}
    (tmp_path / "augcli.json").write_text(json.dumps(stored))
    expected = augcli.apply({"op": [{"kind": "cutout", "length": 3}]}, levels())
    assert augcli.apply(tmp_path / "augcli.json", levels()) == expected


def test_a_recipe_without_mixing_takes_one_image():
    image = np.full((9, 9), 7, np.uint8)
    applied = augcli.apply({"op": HOLES}, image, [1], num_classes=2, masks=image, bboxes=[[0, 0, 9, 9]])
    assert applied.images.shape == applied.masks.shape == (9, 9)
    assert (applied.labels.tolist(), applied.indices.shape) == ([[0, 1]], (1, 0))
    assert 0 < applied.bboxes.visibility[0] < 1
    with pytest.raises(PlanError, match="mixing needs at least 2 images, got 1"):
        augcli.apply({"op": [CUTMIX]}, image)


def test_nothing_drawn_leaves_all_as_it_is():
    for recipe, reasons in (({}, ()), ({"op": [MIXUP | {"p": 0.0}]}, ("not drawn",))):
        applied = augcli.apply(recipe, levels(), range(COUNT), num_classes=COUNT)
        np.testing.assert_array_equal(applied.images, levels())
        np.testing.assert_array_equal(applied.labels, np.eye(COUNT))
        assert (applied.operations, applied.reasons) == ([()] * COUNT, [reasons] * COUNT)
        assert (applied.indices == np.arange(COUNT)[:, None]).all()


def test_masks_in_a_chain_that_blends_need_a_policy():
    masks = levels()[..., 0]
    with pytest.raises(PlanError, match="mask_policy='dominant'"):
        augcli.apply({"op": [MIXUP]}, levels(), masks=masks)
    chain = {"op": [{"kind": "mixup", "lam": 0.25}, HOLES[0] | {"length": 3}]}
    recipe = chain | {"mask-policy": "dominant", "mask-fill": 99}
    applied = augcli.apply(recipe, levels(), masks=masks)
    for mask, partner in zip(applied.masks, applied.indices[:, 0], strict=True):
        assert set(np.unique(mask).tolist()) == {partner, 99}


def test_boxes_follow_the_rule_of_the_recipe_or_the_given_one():
    recipe = {
        "min-visibility": 1.0,
        "op": [{"kind": "cutout", "holes": 1, "length": 3, "boundary": "inside"}],
    }
    boxes = [[[0, 0, *SIZE]]] * COUNT
    assert all(len(found.edges) == 0 for found in augcli.apply(recipe, levels(), bboxes=boxes).bboxes)
    given = augcli.apply(recipe, levels(), bboxes=boxes, box_rule=augcli.BoxRule())
    pixels = SIZE[0] * SIZE[1]
    assert [found.visibility.tolist() for found in given.bboxes] == [[(pixels - 9) / pixels]] * COUNT


def test_long_chains_of_blends_keep_exact_labels():
    """Each multiplies the whole by 65536: far beyond what a float holds."""
    chain = {"op": [{"kind": "mixup", "lam": 0.999}] * 90}
    applied = augcli.apply(chain, levels(count=3), np.eye(3))
    kept = (round(0.999 * 65536) / 65536) ** 90
    np.testing.assert_allclose(applied.lam, kept, rtol=1e-12)
    np.testing.assert_allclose(applied.labels.sum(axis=1), 1, rtol=0, atol=1e-12)


# --- operations inside boxes -----------------------------------------------------------------------------


def test_holes_lie_inside_the_boxes_that_are_given():
    images = [np.full((20, 30), 9, np.uint8), np.full((12, 12), 9, np.uint8)]
    bboxes = [[[2, 3, 12, 13], [10.5, 20, 19, 29.5]], []]
    erased = augcli.erase(images, inside="boxes", fill=0, scale=0.25, ratio=1, bboxes=bboxes)
    first, second = erased.boxes[0].tolist()
    assert min(first[0] - 2, first[1] - 3, 12 - first[2], 13 - first[3]) >= 0
    assert (first[2] - first[0], first[3] - first[1]) == (5, 5)  # √(10·10·0.25)
    assert min(second[0] - 11, second[1] - 20, 19 - second[2], 29 - second[3]) >= 0
    assert (erased.images[1] == 9).all()
    assert erased.bboxes[0].visibility.tolist() == pytest.approx([0.75, 1 - 16 / (8.5 * 9.5)])


def test_holes_inside_boxes_of_a_recipe_are_those_of_a_data_set(tmp_path):
    images = np.random.default_rng(0).integers(1, 256, (4, 20, 30), np.uint8)
    recipe = {"op": [{"kind": "erase", "inside": "boxes", "p": 0.7}]}
    bboxes = [[[2, 3, 12, 13], [10, 20, 19, 29]]] * 4
    applied = augcli.apply(recipe, list(images), bboxes=bboxes)
    operation = load_recipe(recipe).entries[0].choices[0].operation
    streams = Streams.of_recipe(4, 0)
    for number, draws in enumerate(streams.draw(operation.streams)):
        steps = operation.plan(draws, Shape(20, 30, 1), 0, bboxes[number]).steps
        wanted = steps if applied.operations[number] else ()
        is_hole = np.zeros((20, 30), bool)
        for step in wanted:
            is_hole |= step.area.covers(np.arange(20), np.arange(30), 20, 30)
        np.testing.assert_array_equal(applied.images[number][~is_hole], images[number][~is_hole])
        assert bool(len(wanted)) == bool((applied.images[number] != images[number]).any())
    assert set(applied.operations) == {("erase",), ()}


@pytest.mark.parametrize(
    "call",
    [
        lambda image: augcli.erase(image, inside="boxes"),
        lambda image: augcli.apply({"op": [{"kind": "erase", "inside": "boxes"}]}, image),
    ],
)
def test_holes_inside_boxes_need_boxes(call):
    with pytest.raises(PlanError, match=r"^erase needs the boxes of the images, got None; give bboxes$"):
        call(np.zeros((9, 9), np.uint8))
