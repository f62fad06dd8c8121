"""What names of outputs depend on: all that decides the bytes of an image, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.options import option_fields
from augcli.pipeline.plan.digest import seed_of_names
from augcli.recipe import Recipe, single
from augcli.recipe_files import read_recipe
from augcli.recipe_keys import IMAGE_KEYS, NAMELESS_KEYS

CUTMIX = single(CutMix())
DECIDING = {
    "seed": 9,
    "size": 8,
    "fit": "pad",
    "background": "black",
    "image-format": "png",
    "quality": 80,
    "subsampling": "444",
    "mask-fill": 1,
}
"""For each key that decides the bytes of an image or mask another value than the default."""

IRRELEVANT = {
    "copies": 2,
    "target-per-class": 3,
    "limit": 4,
    "originals": "copy",
    "format": "parquet",
    "smoothing": 0.1,
    "soft-labels": "pair",
    "min-visibility": 0.5,
}


def with_key(key, value):
    return read_recipe({"op": [{"kind": "cutmix"}], "name": "cutmix", key: value})


@pytest.mark.parametrize(("key", "value"), DECIDING.items())
def test_names_depend_on_what_decides_the_bytes_of_images(key, value):
    assert seed_of_names(with_key(key, value)) != seed_of_names(CUTMIX)


@pytest.mark.parametrize(("key", "value"), IRRELEVANT.items())
def test_names_do_not_depend_on_which_outputs_there_are_and_what_is_said_of_them(key, value):
    assert seed_of_names(with_key(key, value)) == seed_of_names(CUTMIX)


@pytest.mark.parametrize("other", [single(CutMix(alpha=0.5)), single(CutMix(), 0.5), single(Cutout())])
def test_names_depend_on_the_operations(other):
    assert seed_of_names(other) != seed_of_names(CUTMIX)


def test_names_of_originals_depend_on_neither_seed_nor_operations():
    original = seed_of_names(CUTMIX, is_original=True)
    assert original == seed_of_names(single(Cutout(), seed=3), is_original=True)
    assert original == seed_of_names(replace(CUTMIX, entries=(), seed=5))  # a split that is passed on
    assert original != seed_of_names(single(CutMix(), quality=80), is_original=True)


def test_every_key_of_a_recipe_is_known_to_decide_names_or_not():
    """A new key belongs to one of the two; see what they say in `recipe.py`."""
    keys = [field.name for field in option_fields(Recipe)]
    assert sorted(keys) == sorted(["seed", *IMAGE_KEYS, *NAMELESS_KEYS])


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_outputs_of_two_seeds_share_no_name_but_those_of_what_is_passed_on(tmp_path, layout):
    for place in range(12):
        path = tmp_path / "src" / ("train" if place < 8 else "test") / "ab"[place % 2] / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * place, 0, 0)).save(path)
    names = {}
    for seed in (0, 9):
        recipe = single(CutMix(), seed=seed, originals="copy", format=layout)
        dst = tmp_path / f"{layout}{seed}"
        augcli.materialize(tmp_path / "src", dst, recipe)
        names[seed] = find_names(dst)
    shared = names[0] & names[9]
    assert len(shared) == 8 + 4  # originals, and the other split
    assert len(names[0]) == len(names[9]) == 2 * 8 + 4


def find_names(dst):
    if (dst / "data").exists():
        tables = [pq.read_table(path) for path in (dst / "data").glob("*.parquet")]
        return {image["path"] for table in tables for image in table.column("image").to_pylist()}
    return {path.name for path in dst.rglob("*.png")}
