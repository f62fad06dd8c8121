"""Splits from end to end: one is augmented, the others are passed on with their labels."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import augcli
from augcli.ops.cutmix import CutMix
from augcli.recipe import Recipe, single


def recipe(**settings: object) -> Recipe:
    return single(CutMix(alpha=1.0), **settings)


def read_rows(dst) -> dict[str, list[dict]]:
    """Return the rows of an output by the directory of their split, or by the first word of their shard."""
    tables = {path.parent.name: path for path in dst.glob("*/metadata.parquet")}
    tables |= {path.name.split("-")[0]: path for path in dst.glob("data/*.parquet")}
    return {split: pq.read_table(path).to_pylist() for split, path in sorted(tables.items())}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_other_splits_keep_their_labels_when_the_augmented_one_is_smoothed(make_folder, tmp_path, form):
    src = make_folder({"train/cat": 3, "train/dog": 3, "val/cat": 2, "val/dog": 1})
    augcli.materialize(src, tmp_path / "dst", recipe(smoothing=0.1, format=form))
    rows = read_rows(tmp_path / "dst")
    names = {"folder": ["train", "val"], "parquet": ["train", "validation"]}[form]
    assert list(rows) == names
    assert {max(row["soft_label"]) for row in rows[names[1]]} == {1.0}
    assert max(max(row["soft_label"]) for row in rows["train"]) < 0.96
    assert augcli.verify(tmp_path / "dst").differences == ()
    assert augcli.verify(tmp_path / "dst", against=src).differences == ()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_another_smoothing_changes_the_labels_of_the_augmented_split_alone(make_folder, tmp_path, tree, form):
    src = make_folder({"train/cat": 3, "train/dog": 3, "val/cat": 2, "val/dog": 1})
    augcli.materialize(src, tmp_path / "dst", recipe(smoothing=0.1, format=form))
    before = tree(tmp_path / "dst")
    summary = augcli.materialize(src, tmp_path / "dst", recipe(smoothing=0.2, format=form), force=True)
    assert summary.only_tables or summary.chunks_done
    after = tree(tmp_path / "dst")
    changed = {name for name in before if before[name] != after[name]}
    assert not {name for name in changed if name.startswith(("val/", "data/validation-"))}
    assert {name for name in changed if name.startswith(("train/", "data/train-"))}
    augcli.materialize(src, tmp_path / "fresh", recipe(smoothing=0.2, format=form))
    assert tree(tmp_path / "fresh") == after


def test_the_card_says_of_which_split_the_labels_are_smoothed(make_folder, tmp_path):
    src = make_folder({"train2017/cat": 3, "train2017/dog": 3, "val2017/cat": 2})
    augcli.materialize(src, tmp_path / "dst", recipe(smoothing=0.1))
    card = (tmp_path / "dst" / "README.md").read_text("utf-8")
    assert "soft labels of train2017 are smoothed, ε = 0.1" in card
    assert "split: train\n" in card
    assert "split: validation\n" in card


@pytest.mark.slow
def test_folders_of_splits_keep_their_names_and_shards_have_plain_ones(make_folder, tmp_path):
    src = make_folder({"Train/cat": 2, "Train/dog": 2, "test_images/cat": 2})
    augcli.materialize(src, tmp_path / "a", recipe())
    assert {path.name for path in (tmp_path / "a").iterdir() if path.is_dir()} == {"Train", "test_images"}
    augcli.materialize(src, tmp_path / "b", recipe(format="parquet"))
    assert {path.name.split("-")[0] for path in (tmp_path / "b" / "data").iterdir()} == {"train", "test"}
    augcli.materialize(tmp_path / "b", tmp_path / "c", recipe(format="folder"))
    assert {path.name for path in (tmp_path / "c").iterdir() if path.is_dir()} == {"train", "test"}
    for dst in "abc":
        assert augcli.verify(tmp_path / dst).differences == ()


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["val", "validation", "val2017"])
def test_the_split_that_is_augmented_may_be_named_either_way(make_folder, tmp_path, wanted):
    src = make_folder({"train2017/cat": 2, "val2017/cat": 2, "val2017/dog": 2})
    augcli.materialize(src, tmp_path / "dst", recipe(split=wanted))
    rows = read_rows(tmp_path / "dst")
    assert {row["op"] for row in rows["val2017"]} == {"cutmix"}
    assert {row["op"] for row in rows["train2017"]} == {"none"}


def test_joined_directories_are_one_split_of_the_output(make_folder, tmp_path):
    src = make_folder({"train_1/a": 2, "train_1/b": 2, "train_2/a": 2, "train_2/b": 2, "val/a": 1})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), 0.0))
    rows = read_rows(tmp_path / "dst")
    assert {split: len(rows) for split, rows in rows.items()} == {"train": 8, "val": 1}
    for row in rows["train"]:
        assert row["label"] == "ab".index(row["source"].split("/")[1])
    assert augcli.verify(tmp_path / "dst", against=src).differences == ()


def test_no_splits_makes_shards_of_any_name_one_split(tmp_path, photos):
    image = next(photos.rglob("*.jpg")).read_bytes()
    for name in ("train-0", "test-0", "more-0"):
        (tmp_path / "src").mkdir(exist_ok=True)
        pq.write_table(
            pa.table({"image": [image] * 2, "label": [0, 1]}), tmp_path / "src" / f"{name}.parquet"
        )
    summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe(splits=False))
    assert summary.outputs == 6
    assert not any(note.startswith("splits:") for note in summary.notes)
    stored = json.loads((tmp_path / "dst" / "augcli.json").read_text("utf-8"))
    assert stored["recipe"]["splits"] is False


def test_the_command_line_has_no_splits_and_says_what_was_taken(cli, make_folder, tmp_path):
    src = make_folder({"train": 2, "test": 2})
    shown = cli("cutmix", "--no-splits", src, tmp_path / "dst")
    assert shown.returncode == 0
    assert "splits:" not in shown.stdout
    assert (tmp_path / "dst" / "classes.txt").read_text("utf-8") == "test\ntrain\n"
    shown = cli("cutout", src, tmp_path / "split")
    assert "  note       splits: train (2), test (2), by the folders of SRC\n" in shown.stdout
    shown = cli("cutout", "--json", src, tmp_path / "split")
    assert "splits: train (2), test (2), by the folders of SRC" in json.loads(shown.stdout)["notes"]
