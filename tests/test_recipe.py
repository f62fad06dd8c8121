"""Recipes: reading, writing back, refusing, drawing."""

from __future__ import annotations

import json
import math
import re

import pytest

from augcli.cli.options import RUN_OPTIONS
from augcli.errors import InputError, Spelling, UsageError
from augcli.ops.cutmix import CutMix
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.recipe import OUTPUT_VERSION, Choice, Entry, Recipe, single
from augcli.recipe_files import COMMAND_LINE_KEYS, load_recipe, read_recipe, write_recipe
from augcli.rng import Draws, hash_key

SWITCH = {
    "seed": 5,
    "copies": 2,
    "op": [
        {
            "one_of": [{"kind": "cutmix", "weight": 0.25}, {"kind": "mixup", "alpha": 0.3, "weight": 0.5}],
            "p": 0.8,
        },
        {"kind": "cutmix", "alpha": 2.0, "p": 0.5},
    ],
    "labels": {"smoothing": 0.1, "smoothing-form": "others"},
}


def test_a_document_becomes_a_recipe():
    recipe = read_recipe(SWITCH, name="mine")
    assert (recipe.name, recipe.seed, recipe.copies) == ("mine", 5, 2)
    assert (recipe.smoothing, recipe.smoothing_form) == (0.1, "others")
    first, second = recipe.entries
    assert first == Entry((Choice(CutMix(), 0.25), Choice(Mixup(alpha=0.3), 0.5)), 0.8)
    assert second == Entry((Choice(CutMix(alpha=2.0)),), 0.5)
    assert recipe.mixing_entries == (0, 1)


@pytest.mark.parametrize("recipe", [Recipe(), single(Mixup(), 0.5, quality="80"), read_recipe(SWITCH)])
def test_what_is_written_reads_back_as_the_same_recipe(recipe):
    assert read_recipe(json.loads(json.dumps(write_recipe(recipe)))) == recipe


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"sed": 1}, "unknown key 'sed'; did you mean 'seed'"),
        ({"op": [{"kind": "cutmx"}]}, "unknown operation 'cutmx'; did you mean 'cutmix'"),
        ({"op": [{"kind": "cutmix", "alhpa": 1}]}, "unknown key 'alhpa'; did you mean 'alpha'"),
        ({"op": [{"kind": "cutmix", "alpha": "1"}]}, "alpha must be of type float, got '1'"),
        ({"op": [{"kind": "cutmix", "p": 2}]}, "p must be >= 0 and <= 1, got 2"),
        ({"op": [{"kind": "cutmix", "p": "x"}]}, "p and weight must be numbers, got 'x'"),
        ({"op": {"kind": "cutmix"}}, "op must be a list of tables; write [[op]] above each operation"),
        ({"op": ["cutmix"]}, "op must be a list of tables; write [[op]] above each operation"),
        ({"op": [{"alpha": 1}]}, "an operation has no kind; give kind = one of cutmix, cutout, erase"),
        ({"op": [{"one_of": []}]}, "at most 1, got []; give at least one choice"),
        ({"op": [{"one_of": [{"kind": "mixup"}] * 2}]}, "got [1.0, 1.0]; give each choice its weight"),
        ({"workers": 2}, "'workers' is not a key of recipes; give workers beside them"),
        ({"labels": {"classes": "x"}}, "'classes' is not a key of recipes; give classes beside them"),
        ({"smoothing": 0.1, "labels": {"smoothing": 0.1}}, "'smoothing' is given twice"),
        (
            {"op": [{"one_of": [{"kind": "mixup", "weight": 0.7}, {"kind": "cutmix", "weight": 0.7}]}]},
            "at most 1",
        ),
        ({"op": [{"one_of": [{"kind": "mixup", "weight": -1}]}]}, "weights must be >= 0"),
        ({"op": [{"one_of": [{"kind": "mixup", "weight": float("nan")}]}]}, "weights must be >= 0"),
        ({"seed": 1.5}, "seed must be of type int, got 1.5"),
        ({"seed": True}, "seed must be of type int"),
        ({"seed": -1}, "seed must be >= 0"),
        ({"copies": 0}, "copies must be >= 1"),
        ({"fit": "no"}, "fit must be one of crop, pad, stretch, got 'no'"),
        ({"labels": {"smoothing": 1}}, "smoothing must be"),
        ({"labels": 3}, "labels must be a table, [labels], got 3"),
        ({"name": "a/b"}, "must be a word"),
        ({"op": [{"kind": "cutout"}] * 257}, "at most 256 operations, got 257"),
    ],
)
def test_what_is_not_accepted_is_named(document, message):
    with pytest.raises(UsageError) as caught:
        read_recipe(document)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


KEEP = {"kind": "mixup", "keep-base": 1}


@pytest.mark.parametrize(
    ("make", "python", "flag"),
    [
        (lambda: Recipe(max_pixels=0), "recipe: max_pixels must be", "recipe: --max-pixels must be"),
        (lambda: Recipe(size=9, max_pixels=80), "size 9x9 is more than max_pixels 80", "--size 9x9 is more"),
        (lambda: read_recipe({"max-pixels": 0}), "recipe: max-pixels must be", "recipe: max-pixels must be"),
        (lambda: read_recipe({"op": [KEEP]}), "mixup: keep-base must be", "mixup: keep-base must be"),
        (lambda: read_recipe({"op": [{"kind": "mixup", "p": 2}]}), "p must be", "p must be"),
        (lambda: read_recipe({"max-errors": 1}), "give max_errors beside", "give --max-errors beside"),
    ],
)
def test_an_option_is_named_as_it_was_written(make, python, flag):
    with pytest.raises(UsageError) as caught:
        make()
    assert python in str(caught.value)
    assert "--" not in str(caught.value)
    assert flag in caught.value.spell(Spelling.FLAG)


def draw_kinds(entry, count=4000):
    drawn = [entry.draw(Draws(0, 0, 0, hash_key(str(number)))) for number in range(count)]
    return [operation.name if operation else None for operation in drawn]


def test_the_first_draw_decides_whether_and_the_second_which():
    class Given(Draws):
        def uniforms(self, stream, count, start=0):
            assert (stream, count, start) == (0, 2, 0)
            return [0.5, 0.1]

    draws, cutmix, mixup = Given(0, 0, 0, 0), CutMix(), Mixup()
    choices = (Choice(mixup, 0.2), Choice(cutmix, 0.8))
    assert Entry(choices, 0.4).draw(draws) is None
    assert Entry(choices, 0.6).draw(draws) is mixup


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_an_entry_is_applied_with_its_probability(p):
    applied = sum(kind is not None for kind in draw_kinds(Entry((Choice(CutMix()),), p)))
    assert abs(applied / 4000 - p) <= 4 * math.sqrt(p * (1 - p) / 4000)


def test_one_of_draws_by_weight_and_leaves_the_rest():
    kinds = draw_kinds(Entry((Choice(CutMix(), 0.25), Choice(Mixup(), 0.5))))
    for kind, weight in (("cutmix", 0.25), ("mixup", 0.5), (None, 0.25)):
        assert abs(kinds.count(kind) / 4000 - weight) <= 4 * math.sqrt(weight * (1 - weight) / 4000)


@pytest.mark.parametrize("huge", [10**400, -(10**400), 10**5000], ids=["huge", "negative", "longer"])
def test_probabilities_that_no_float_holds_are_refused(huge):
    with pytest.raises(UsageError, match=r"^p must be >= 0 and <= 1, got an integer of \d+ bits$"):
        Entry((Choice(CutMix()),), huge)
    with pytest.raises(UsageError, match=r"sum to at most 1, got \[an integer of \d+ bits, 0\.5\]"):
        Entry((Choice(CutMix(), huge), Choice(CutMix(), 0.5)))


# --- files of recipes ----------------------------------------------------------------------------------

WANTED = single(CutMix(alpha=0.5), p=0.7, copies=2)
TOML = 'name = "cutmix"\ncopies = 2\n\n[[op]]\nkind = "cutmix"\nalpha = 0.5\np = 0.7\n'
KEYS = {"name": "cutmix", "copies": 2, "limit": None, "op": [{"kind": "cutmix", "alpha": 0.5, "p": 0.7}]}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("r.toml", TOML.encode()),
        ("r.toml", b"\xef\xbb\xbf" + TOML.encode()),
        ("r.toml", TOML.replace("\n", "\r\n").encode()),
        ("r.toml", TOML.replace("\n", "\r").encode()),
        ("r.json", json.dumps({"output_version": 1, "recipe": KEYS}).encode()),
        ("r.json", json.dumps({"recipe": KEYS}).encode()),
        ("r.json", json.dumps(KEYS).encode()),
        ("r.json", b"\xef\xbb\xbf" + json.dumps(KEYS, indent=1).replace("\n", "\r\n").encode()),
        ("r.recipe", json.dumps(KEYS).encode()),
    ],
)
def test_a_recipe_file_is_read_however_it_was_saved(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert load_recipe(tmp_path / name) == WANTED


def test_a_recipe_file_without_a_name_takes_the_files_own(tmp_path):
    (tmp_path / "mine.json").write_text('{"copies": 2}')
    assert load_recipe(tmp_path / "mine.json").name == "mine"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.yaml", "seed: 1\nop:\n  - kind: cutmix\n"),
        ("r.yml", "- kind: cutmix\n"),
        ("r.toml", "# mine\n\nseed: 1\n"),
        ("r.toml", "---\nseed: 1\n"),
        ("r.txt", "op:\n- kind: cutmix\n"),
    ],
)
def test_a_recipe_in_yaml_is_told_how_toml_is_written(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    says = f"recipe '{tmp_path / name}' is YAML, but recipes are TOML; write `seed = 1` for `seed: 1`, and"
    with pytest.raises(UsageError, match=re.escape(says)):
        load_recipe(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "data", "error", "says"),
    [
        ("r.parquet", b"PAR1....PAR1", UsageError, "is a parquet file; give RECIPE SRC DST in this order"),
        ("r.toml", "seed = 1".encode("utf-16"), InputError, "is not UTF-8 text .*; save it as UTF-8"),
        ("r.json", b"[1]", UsageError, "it must be a table of keys, got a list"),
        ("r.json", b"{", UsageError, "is not a TOML recipe or an augcli.json: Expecting property name"),
        ("r.json", b'{"recipe": 3}', UsageError, "recipe must be a table of keys, got 3"),
        (
            "r.json",
            b'{"op": {"kind": "cutmix"}}',
            UsageError,
            r"op must be a list of tables; .*\(JSON: a list",
        ),
        ("r.toml", b"seed == 1", UsageError, "is not a TOML recipe or an augcli.json: "),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_reason(tmp_path, name, data, error, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=says):
        load_recipe(tmp_path / name)


def test_a_directory_as_recipe_is_told_what_to_give(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"recipe '.*out' is a directory; give a TOML file$"):
        load_recipe(tmp_path / "out")
    (tmp_path / "out" / "augcli.json").write_text("{}")
    with pytest.raises(InputError, match=r"is a directory; give its recipe, '.*out/augcli\.json'$"):
        load_recipe(tmp_path / "out")


def test_the_recipe_of_a_newer_output_is_refused_before_its_keys_are_read(tmp_path):
    stored = {"output_version": OUTPUT_VERSION + 1, "recipe": {"what-is-new": 1, "op": []}}
    (tmp_path / "augcli.json").write_text(json.dumps(stored))
    says = (
        f"is of output version {OUTPUT_VERSION + 1}, and this augcli writes {OUTPUT_VERSION}; upgrade augcli"
    )
    with pytest.raises(UsageError, match=says):
        load_recipe(tmp_path / "augcli.json")


# Switches -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["splits", "links"])
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_may_be_written_as_the_command_line_turns_it_off(name, value):
    assert getattr(read_recipe({f"no-{name}": value}), name) is not value
    assert read_recipe({f"no-{name}": value}) == read_recipe({name: not value})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"no-splits": True, "splits": False},
            "recipe: 'splits' and 'no-splits' are both given; leave out one",
        ),
        ({"no-splits": 1}, "recipe: no-splits must be of type bool, got 1"),
        ({"no-seed": True}, "recipe: unknown key 'no-seed'"),
    ],
)
def test_a_switch_that_is_not_written_so_is_refused(keys, message):
    with pytest.raises(UsageError, match=message):
        read_recipe(keys)


def test_each_option_of_a_run_is_a_key_of_recipes_or_said_to_stand_beside_them():
    options = {name.replace("_", "-") for name in RUN_OPTIONS}
    assert options - set(COMMAND_LINE_KEYS) == {"masks", "boxes"}


def test_an_option_that_came_later_is_written_only_where_it_is_given():
    """Names of outputs follow from what is written: those of earlier recipes must stay."""
    (plain,) = write_recipe(single(Erase()))["op"]
    assert "inside" not in plain
    boxed = single(Erase(inside="boxes"))
    assert write_recipe(boxed)["op"][0]["inside"] == "boxes"
    assert read_recipe(write_recipe(boxed)) == boxed
