"""Recipes in words and as commands, labels in words."""

from __future__ import annotations

import shlex

import pytest

import augcli
from augcli.ops.cutmix import CutMix
from augcli.ops.erase import Erase
from augcli.recipe import single
from augcli.recipe_files import read_recipe
from augcli.report.wording import describe_label, describe_recipe, write_command, write_share


def test_a_label_begins_with_its_largest_weight():
    assert describe_label([0, 2], [0.21, 0.79], ["shoes", "hat", "dress"]) == "dress 0.79, shoes 0.21"
    assert describe_label([0, 1], [0.5, 0.5], ["a", "b"]) == "a 0.50, b 0.50"
    assert describe_label([7], [1.0], ["a"]) == "class 7 1.00"
    assert describe_label(None, None, ["a"]) == ""


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.00"),
        (1e-9, "<0.01"),
        (0.00499, "<0.01"),
        (0.006, "0.01"),
        (0.994, "0.99"),
        (0.995, ">0.99"),
        (1 - 1e-9, ">0.99"),
        (1.0, "1.00"),
        (2.0, "2.00"),  # multi-hot labels of the same class added up
    ],
)
def test_a_share_that_is_not_all_or_nothing_does_not_read_so(share, text):
    assert write_share(share) == text


def test_a_share_has_the_decimals_that_are_asked_for():
    assert [write_share(share, 3) for share in (0.0001, 0.4567, 0.9999)] == ["<0.001", "0.457", ">0.999"]


def test_a_recipe_in_words_names_what_is_not_as_by_default():
    recipe = read_recipe(
        {
            "seed": 7,
            "op": [
                {"kind": "cutmix", "alpha": 0.5, "p": 0.25},
                {"one_of": [{"kind": "cutout", "weight": 0.5}, {"kind": "mixup", "weight": 0.25}]},
            ],
        }
    )
    assert describe_recipe(recipe) == [
        "cutmix (alpha 0.5), with probability 0.25",
        "one of: cutout (weight 0.5); mixup (weight 0.25)",
        "with seed 7",
    ]
    assert describe_recipe(read_recipe({})) == ["nothing is changed"]


def test_a_chain_is_run_from_its_own_document():
    recipe = read_recipe({"op": [{"kind": "cutmix"}, {"kind": "cutout"}]})
    assert write_command(recipe, "/a b") == "augcli run '/a b/augcli.json' SRC NEW_DST"


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        single(CutMix(alpha=0.3), 0.5, seed=9, copies=2, quality=80, image_format="jpg"),
        single(Erase(fill="10,20,30"), originals="copy", links=False, size="16x12", smoothing=0.1),
        {"op": [{"kind": "cutmix"}, {"kind": "cutout"}], "seed": 2, "name": "two"},
    ],
)
def test_the_command_makes_the_same_output(make_folder, tmp_path, cli, recipe):
    src = make_folder({"cat": 3, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", recipe)
    stored = augcli.arguments.load_stored(str(tmp_path / "dst"), augcli.io.store.urls.HERE)
    words = shlex.split(write_command(stored, str(tmp_path / "dst")))
    assert words[0] == "augcli"
    places = {"SRC": src, "NEW_DST": tmp_path / "again"}
    assert cli(*(places.get(word, word) for word in words[1:])).returncode == 0
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "dst", tmp_path / "again")
    )
    assert {key: value for key, value in first.items() if key.suffix != ".seen"} == {
        key: value for key, value in second.items() if key.suffix != ".seen"
    }
