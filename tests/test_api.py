"""The Python function."""

from __future__ import annotations

import json

import pytest

import augcli
from augcli.errors import InputError, OutputError, UsageError

RECIPE = {"op": [{"kind": "cutmix", "alpha": 1.0}]}


def test_a_mapping_a_recipe_and_a_file_are_the_same(make_folder, tmp_path, tree):
    src = make_folder({"cat": 3, "dog": 3})
    (tmp_path / "recipe.toml").write_text('[[op]]\nkind = "cutmix"\nalpha = 1.0\n')
    augcli.materialize(src, tmp_path / "a", RECIPE)
    augcli.materialize(str(src), str(tmp_path / "b"), str(tmp_path / "recipe.toml"))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_summary_comes_back(make_folder, tmp_path):
    summary = augcli.materialize(make_folder({"cat": 3, "dog": 3}), tmp_path / "dst", RECIPE)
    assert (summary.outputs, summary.images, summary.failures) == (6, 6, ())


def test_progress_counts_every_image(make_folder, tmp_path):
    seen = []
    src = make_folder({"cat": 30, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", RECIPE, advance=lambda done, total: seen.append((done, total)))
    assert sum(done for done, _ in seen) == 33
    assert {total for _, total in seen} == {33}


@pytest.mark.parametrize("options", [{"workers": 0}, {"max_errors": -1}])
def test_arguments_outside_their_range_are_refused(make_folder, tmp_path, options):
    with pytest.raises(UsageError):
        augcli.materialize(make_folder({"cat": 3}), tmp_path / "dst", RECIPE, **options)
    assert not (tmp_path / "dst").exists()


def test_a_recipe_that_is_missing_or_none_is_refused(make_folder, tmp_path):
    src = make_folder({"cat": 3})
    with pytest.raises(InputError, match="does not exist; give a TOML file"):
        augcli.materialize(src, tmp_path / "dst", tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("seed = = 1")
    with pytest.raises(UsageError, match="not a TOML recipe"):
        augcli.materialize(src, tmp_path / "dst", tmp_path / "broken.toml")


def test_an_empty_source_is_not_this_directory(tmp_path):
    with pytest.raises(UsageError, match="SRC is empty"):
        augcli.materialize("", tmp_path / "dst", RECIPE)


@pytest.mark.slow
@pytest.mark.parametrize("operations", [["x"], None, 5, {}, [["kind"]]], ids=str)
def test_an_output_whose_recipe_holds_no_operations_is_damaged(make_folder, tmp_path, operations):
    src, stored = make_folder({"cat": 3, "dog": 3}), tmp_path / "dst" / "augcli.json"
    augcli.materialize(src, tmp_path / "dst", RECIPE)
    document = json.loads(stored.read_text())
    document["recipe"]["op"] = operations
    stored.write_text(json.dumps(document))
    with pytest.raises(OutputError, match=r"augcli\.json' is damaged; give another DST"):
        augcli.materialize(src, tmp_path / "dst", RECIPE)


def test_the_machine_is_diagnosed():
    found = augcli.diagnose()
    assert isinstance(found, augcli.Diagnosis)
    assert found.versions["augcli"] == augcli.__version__
