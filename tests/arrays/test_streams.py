"""Seeds of the functions on arrays: each draws numbers of its own, or once for a batch if asked to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import augcli
from augcli.errors import PlanError, UsageError

SMALL = np.zeros((400, 4, 4, 1), np.uint8)
WHOLE = np.tile([0, 0, 24, 24], (6, 1, 1))
PATCHED = [np.ones((2, 2), bool)] * 6


def was_applied(result):
    """Which images were changed, by what was drawn for them."""
    if hasattr(result, "patches"):
        return np.array([hidden.any() for hidden in result.patches])
    boxes = result.boxes if result.boxes is not None else (result.lam < 1)[:, None] * np.ones(4, int)
    return boxes.reshape(len(boxes), -1).any(axis=1)


APPLIED = {
    "cutmix": lambda **options: augcli.cutmix(SMALL, lam=0.2, boundary="inside", **options),
    "mixup": lambda **options: augcli.mixup(SMALL, lam=0.5, **options),
    "cutout": lambda **options: augcli.cutout(SMALL, length=2, boundary="inside", **options),
    "erase": lambda **options: augcli.erase(SMALL, scale=0.5, ratio=1, **options),
    "patch_cutout": lambda **options: augcli.patch_cutout(SMALL, patch_size=2, **options),
}


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), itertools.combinations(APPLIED, 2))
def test_two_functions_at_one_seed_hit_other_images(one, other):
    """Of 400 images half are hit by both or by neither: 200, with a deviation of 10."""
    first, second = was_applied(APPLIED[one](p=0.5)), was_applied(APPLIED[other](p=0.5))
    assert 160 < first.sum() < 240
    assert 160 < (first == second).sum() < 240


@pytest.mark.slow
def test_the_weights_of_cutmix_and_mixup_are_independent():
    images = np.zeros((400, 64, 64, 1), np.uint8)
    lam = augcli.cutmix(images, alpha=1.0, boundary="inside").lam
    assert abs(np.corrcoef(lam, augcli.mixup(images, alpha=1.0).lam)[0, 1]) < 0.2


def test_cutmix_and_mixup_pair_images_in_another_way():
    agree = augcli.cutmix(SMALL).indices == augcli.mixup(SMALL).indices
    assert agree.sum() < 20  # two derangements agree in one of 400 places


@pytest.mark.parametrize("fill", ["random", "normal", "random-color"])
def test_two_functions_at_one_seed_paint_other_noise(fill):
    images = np.zeros((6, 24, 24, 3), np.uint8)
    painted = [
        augcli.cutout(images, fill=fill, boxes=WHOLE).images,
        augcli.erase(images, fill=fill, boxes=WHOLE).images,
        augcli.patch_cutout(images, fill=fill, patch_size=12, patches=PATCHED).images,
    ]
    for one, other in itertools.combinations(painted, 2):
        assert (one == other).mean() < 0.2


# Seeds ------------------------------------------------------------------------------------------------------

IMAGES = np.random.default_rng(3).integers(0, 256, (5, 24, 24, 3), np.uint8)
CALLS = {
    "cutmix": lambda **options: augcli.cutmix(IMAGES, np.eye(5), **options),
    "mixup": lambda **options: augcli.mixup(IMAGES, np.eye(5), alpha=1.0, **options),
    "cutout": lambda **options: augcli.cutout(IMAGES, fill="random", **options),
    "erase": lambda **options: augcli.erase(IMAGES, **options),
    "patch_cutout": lambda **options: augcli.patch_cutout(IMAGES, patch_size=3, **options),
    "apply": lambda **options: augcli.apply(
        {"op": [{"kind": "cutmix"}, {"kind": "erase"}]}, IMAGES, np.eye(5), **options
    ),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_no_seed_draws_a_fresh_one_and_gives_it_back(call):
    one, other = call(seed=None), call(seed=None)
    assert one != other
    assert one.seed != other.seed
    assert call(seed=one.seed) == one


@every_call
def test_a_seed_of_several_numbers_is_one_of_its_own(call):
    results = [call(seed=seed) for seed in ((0, 1), (1, 0), (0, 1, 0), (1,), 1, 0)]
    assert all(one != other for one, other in itertools.combinations(results, 2))
    assert call(seed=[np.int64(0), np.uint8(1)]) == results[0]
    assert call(seed=results[0].seed) == results[0]
    assert [result.seed for result in results[-2:]] == [1, 0]


def test_digits_of_a_seed_of_several_numbers_do_not_run_together():
    assert CALLS["cutmix"](seed=(1, 12)).seed != CALLS["cutmix"](seed=(11, 2)).seed


def test_a_box_takes_the_same_seeds():
    boxes = {augcli.rand_box(1000, 1000, 0.5, seed=seed) for seed in (None, None, 0, (0,), (0, 1))}
    assert len(boxes) == 5


@pytest.mark.parametrize(
    "seed", [True, 1.5, -1, 1 << 64, "1", (), (1, -1), (1, 2.0), (1, True), 10**5000], ids=type
)
def test_what_is_not_a_seed_is_refused(seed):
    for call in (*CALLS.values(), lambda seed: augcli.rand_box(8, 8, 0.5, seed=seed)):
        with pytest.raises(PlanError, match=r"^seed must "):
            call(seed=seed)


# One draw for a batch ---------------------------------------------------------------------------------------


def test_same_on_batch_draws_one_box_for_all():
    apart, same = augcli.cutmix(IMAGES), augcli.cutmix(IMAGES, same_on_batch=True)
    assert len(np.unique(apart.boxes, axis=0)) > 1
    assert len(np.unique(same.boxes, axis=0)) == 1
    assert (same.indices == apart.indices).all()  # partners stay a derangement
    for make in (augcli.cutout, augcli.erase):
        assert len(np.unique(make(IMAGES).boxes, axis=0)) > 1
        assert len(np.unique(make(IMAGES, same_on_batch=True).boxes, axis=0)) == 1


def test_same_on_batch_draws_what_the_first_image_has_without_it():
    for make in (augcli.cutmix, augcli.cutout, augcli.erase):
        assert (make(IMAGES, same_on_batch=True).boxes[0] == make(IMAGES).boxes[0]).all()
    assert augcli.cutout(IMAGES[:1], same_on_batch=True) == augcli.cutout(IMAGES[:1])


def test_same_on_batch_draws_one_weight_for_all():
    assert len(set(augcli.mixup(IMAGES, alpha=1.0).lam.tolist())) > 1
    assert len(set(augcli.mixup(IMAGES, alpha=1.0, same_on_batch=True).lam.tolist())) == 1


def test_same_on_batch_hides_the_same_patches_and_paints_the_same_noise():
    masked = augcli.patch_cutout(IMAGES, patch_size=3, fill="random", same_on_batch=True)
    assert all((hidden == masked.patches[0]).all() for hidden in masked.patches)
    where = masked.patches[0].repeat(3, axis=0).repeat(3, axis=1)
    assert all((image[where] == masked.images[0][where]).all() for image in masked.images)
    given = augcli.cutout(IMAGES, fill="random", boxes=np.tile([0, 0, 24, 24], (5, 1, 1)), same_on_batch=True)
    assert all((image == given.images[0]).all() for image in given.images)


def test_same_on_batch_decides_once_whether_anything_is_done():
    counts = {
        int(was_applied(augcli.cutout(IMAGES, p=0.5, seed=seed, same_on_batch=True)).sum())
        for seed in range(20)
    }
    assert counts == {0, 5}


def test_same_on_batch_holds_for_recipes():
    chain = {"op": [{"kind": "mixup", "alpha": 1.0, "p": 0.5}, {"kind": "erase", "p": 0.5}]}
    seen = set()
    for seed in range(12):
        applied = augcli.apply(chain, IMAGES, seed=seed, same_on_batch=True)
        assert len(set(applied.lam.tolist())) == len(set(applied.operations)) == 1
        seen.add(applied.operations[0])
    assert len(seen) == 4


@every_call
def test_same_on_batch_is_true_or_false(call):
    with pytest.raises(PlanError, match=r"^same_on_batch must be True or False, got 'no'"):
        call(same_on_batch="no")


def test_same_on_batch_and_a_clean_split_contradict_each_other():
    message = "^erase: clean_split and same_on_batch both decide"
    with pytest.raises(UsageError, match=message):
        augcli.erase(IMAGES, clean_split=0.5, same_on_batch=True)
    recipe = {"op": [{"kind": "erase", "clean-split": 0.5}]}
    with pytest.raises(UsageError, match=message):
        augcli.apply(recipe, IMAGES, same_on_batch=True)
