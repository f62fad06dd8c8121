"""The merge of partitions: what it wants, what it names where something is missing, and what it removes."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import OutputError, StorageError, VersionError
from augcli.pipeline import environment

CUTMIX = {"op": [{"kind": "cutmix"}]}
SUCCESS = "_SUCCESS"


def plans(dst):
    return sorted(path.name for path in dst.glob(".augcli-plan-*"))


def spoil(path):
    """Cut an image short."""
    path.write_bytes(path.read_bytes()[:60])


def test_a_merge_names_partitions_that_left_no_plan(src, tmp_path, tree):
    dst = tmp_path / "dst"
    for index in (1, 4):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/5")
    before = tree(dst)
    words = (
        r"no plan stands of partitions 0,2-3; run its command again with partition='i/5' for i = 0,2-3, then"
    )
    with pytest.raises(StorageError, match=words):
        augcli.merge(dst)
    assert tree(dst) == before


@pytest.mark.usefixtures("small")
def test_a_merge_names_parts_that_are_missing_and_their_partition(src, tmp_path, tree):
    dst = tmp_path / "dst"
    for index in range(4):
        done = augcli.materialize(src, dst, CUTMIX, partition=f"{index}/4").chunks_done
    (dst / f".augcli-{done[0]}.parquet").unlink()
    before = tree(dst)
    words = rf"\.augcli-{done[0]}\.parquet of partition 3 is missing.* again with partition='3/4' then merge"
    with pytest.raises(StorageError, match=words):
        augcli.merge(dst)
    assert tree(dst) == before
    augcli.materialize(src, dst, CUTMIX, partition="3/4")
    augcli.merge(dst)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_merge_misses_an_image_that_a_part_names(src, tmp_path):
    dst = tmp_path / "dst"
    for index in range(4):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/4")
    next(dst.glob("*/*.png")).unlink()
    with pytest.raises(StorageError, match="is missing, or not what was planned"):
        augcli.merge(dst)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_merge_refuses_partitions_that_listed_other_samples(src, tmp_path, tree, make):
    dst = tmp_path / "dst"
    for index in (0, 1):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/4")
    shutil.copy(src / "cat" / "0.png", src / "cat" / "new.png")
    for index in (2, 3):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/4")
    words = r"SRC changed meanwhile: not all partitions listed the same \(45 or 46 samples\); .* i = 0-3"
    with pytest.raises(StorageError, match=words):
        augcli.merge(dst)
    make(src, dst, CUTMIX)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


def test_a_merge_refuses_partitions_that_listed_a_sample_under_another_name(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    (src / "cat" / "0.png").rename(src / "cat" / "new.png")
    augcli.materialize(src, dst, CUTMIX, partition="1/2")
    with pytest.raises(StorageError, match=r"not all partitions listed the same; .* for i = 0-1, then"):
        augcli.merge(dst)


def test_a_merge_refuses_partitions_that_read_other_labels(src, tmp_path):
    flat, dst = tmp_path / "flat", tmp_path / "dst"
    shutil.copytree(src / "cat", flat)
    table = tmp_path / "labels.csv"
    for index in range(2):
        rows = [f"{number}.png,{'ab'[number % 2 if index else number % 3 % 2]}" for number in range(20)]
        table.write_text("\n".join(["file_name,label", *rows]))
        augcli.materialize(flat, dst, CUTMIX, labels=table, partition=f"{index}/2")
    with pytest.raises(StorageError, match=r"not all partitions listed the same; .* for i = 0-1, then"):
        augcli.merge(dst)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("rule", ["any", "other-class"])
def test_a_merge_refuses_partitions_that_read_other_bytes_of_a_sample(src, tmp_path, tree, rule):
    recipe, dst = {"op": [{"kind": "cutmix", "partner": rule}]}, tmp_path / "dst"
    augcli.materialize(src, dst, recipe, partition="0/4")
    rows = pa.concat_tables(pq.read_table(path) for path in dst.glob(".augcli-*.parquet")).to_pylist()
    bases = {row["source"] for row in rows}
    partner = next(name for row in rows for name in row["partners"] if name not in bases)
    Image.fromarray(np.zeros((8, 10, 3), np.uint8)).save(src / partner)
    for index in (1, 2, 3):
        augcli.materialize(src, dst, recipe, partition=f"{index}/4")
    words = "SRC changed meanwhile: partitions 0(,|-)[123] read other bytes of the same samples"
    with pytest.raises(StorageError, match=words):
        augcli.merge(dst)
    augcli.materialize(src, dst, recipe, partition="0/4")
    augcli.merge(dst)
    augcli.materialize(src, tmp_path / "fresh", recipe)
    assert tree(dst) == tree(tmp_path / "fresh")


def test_a_merge_refuses_partitions_with_other_smoothing(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    augcli.materialize(src, dst, CUTMIX | {"smoothing": 0.1}, partition="1/2")
    with pytest.raises(StorageError, match="partition 0 had other options than the last one"):
        augcli.merge(dst)


def test_a_merge_refuses_machines_that_write_other_bytes(src, tmp_path):
    dst = tmp_path / "dst"
    for index in range(3):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/3")
    plan = dst / ".augcli-plan-1-of-3"
    plan.write_text(plan.read_text().replace(environment.digest(), "0" * 32))
    with pytest.raises(VersionError, match=r"partition 1 of DST .* would write other bytes than partition 0"):
        augcli.merge(dst)


def test_a_merge_refuses_plans_of_two_numbers(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    (dst / ".augcli-plan-0-of-3").write_text("{}")
    with pytest.raises(OutputError, match="made in 2 partitions and in 3"):
        augcli.merge(dst)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"version": 1}', "\x00", '{"splits": 3}'])
def test_a_damaged_plan_counts_as_none(src, tmp_path, text):
    dst = tmp_path / "dst"
    for index in range(2):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/2")
    (dst / ".augcli-plan-1-of-2").write_text(text)
    with pytest.raises(StorageError, match=r"no plan stands of partition 1; .* partition='1/2' then"):
        augcli.merge(dst)
    augcli.materialize(src, dst, CUTMIX, partition="1/2")
    augcli.merge(dst)


def test_a_merge_of_a_complete_output_does_nothing(src, tmp_path, times):
    dst = tmp_path / "dst"
    whole = augcli.materialize(src, dst, CUTMIX)
    before = times(dst)
    merged = augcli.merge(dst)
    assert times(dst) == before
    assert (merged.merged, merged.images, merged.outputs) == (0, whole.images, whole.outputs)


@pytest.mark.usefixtures("small")
def test_a_second_merge_does_nothing(src, tmp_path, make, times):
    dst = tmp_path / "dst"
    make(src, dst, CUTMIX)
    before = times(dst)
    assert augcli.merge(dst).merged == 0
    assert times(dst) == before


def test_a_merge_where_no_partition_was_says_so(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    (dst / SUCCESS).unlink()
    with pytest.raises(
        StorageError, match="is not complete, and no partition left a plan there; make it with"
    ):
        augcli.merge(dst)


def test_a_merge_with_too_many_failures_leaves_what_a_run_does_and_another_may_allow_more(
    src, tmp_path, tree, make
):
    spoil(src / "cat" / "0.png")
    dst = tmp_path / "dst"
    merged = make(src, dst, CUTMIX)
    assert len(merged.failures) == 1
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")
    assert len(augcli.merge(dst).failures) == 1
    assert not (dst / SUCCESS).exists()
    augcli.merge(dst, max_errors=1)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX, max_errors=1)
    assert tree(dst) == tree(tmp_path / "fresh")


def test_a_merge_allows_no_failures_where_a_run_has_begun_to_change_the_output(src, tmp_path, monkeypatch):
    spoil(src / "cat" / "0.png")
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    (src / "cat" / "1.png").unlink()

    def die(*_):
        raise StorageError("no space left")

    monkeypatch.setattr("augcli.pipeline.completion._make", die)
    with pytest.raises(StorageError, match="no space left"):
        augcli.materialize(src, dst, CUTMIX)
    with pytest.raises(StorageError, match="is not complete, and no partition left a plan there"):
        augcli.merge(dst, max_errors=1)


def test_a_merge_that_was_stopped_at_its_end_is_ended_by_the_next(src, tmp_path, times):
    dst = tmp_path / "dst"
    for index in range(2):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/2")
    plan = (dst / ".augcli-plan-1-of-2").read_bytes()
    augcli.merge(dst)
    (dst / ".augcli-plan-1-of-2").write_bytes(plan)
    before = times(dst / "cat")
    assert augcli.merge(dst).merged == 0
    assert plans(dst) == []
    assert times(dst / "cat") == before


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_merge_removes_what_no_plan_names(src, tmp_path, tree):
    dst = tmp_path / "dst"
    for index in range(4):
        augcli.materialize(src, dst, CUTMIX, partition=f"{index}/4")
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    image = next((dst / "cat").iterdir())
    shutil.copy(image, dst / "cat" / f"old__cutmix0-{'0' * 16}.png")
    shutil.copy(image, dst / "cat" / f"{image.name}.01234567.part")
    shutil.copy(next(dst.glob(".augcli-*.parquet")), dst / ".augcli-00000000.parquet")
    (dst / ".augcli-00000000.seen").write_bytes(b"x")
    (dst / ".augcli-plan-0-of-4.01234567.part").write_bytes(b"x")
    augcli.merge(dst)
    assert tree(dst) == tree(tmp_path / "fresh")
    assert not (dst / ".augcli-00000000.seen").exists()


def test_verify_knows_plans_before_the_merge(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/1")
    found = {difference.file for difference in augcli.verify(dst).differences}
    assert found == {SUCCESS, "README.md", "classes.txt", "labels.csv", "metadata.parquet"}


def test_a_part_of_another_recipe_is_not_what_was_planned(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/1")
    augcli.materialize(src, tmp_path / "other", CUTMIX | {"seed": 1})
    shutil.copytree(tmp_path / "other", dst, dirs_exist_ok=True, ignore=lambda *_: ["augcli.json", SUCCESS])
    with pytest.raises(StorageError, match="of partition 0 is missing, or not what was planned"):
        augcli.merge(dst)


def test_shards_with_other_label_columns_are_not_what_was_planned(src, tmp_path):
    recipe, dst = CUTMIX | {"format": "parquet"}, tmp_path / "dst"
    augcli.materialize(src, dst, recipe, partition="0/1")
    augcli.materialize(src, tmp_path / "other", recipe | {"smoothing": 0.1})
    shutil.copytree(tmp_path / "other", dst, dirs_exist_ok=True, ignore=lambda *_: ["augcli.json", SUCCESS])
    with pytest.raises(StorageError, match="of partition 0 is missing, or not what was planned"):
        augcli.merge(dst)
