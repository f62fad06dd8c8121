"""Rules on partners, and how many outputs each sample has."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest
from PIL import Image

from augcli.errors import InputError, UsageError
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.mixup import Mixup
from augcli.recipe import single
from augcli.recipe_files import read_recipe


def cutmix(partner, **settings):
    return single(CutMix(lam=0.5, boundary="inside", partner=partner), **settings)


def class_of(key):
    return key.split("/")[0]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
@pytest.mark.parametrize("rule", ["same-class", "other-class"])
def test_partners_keep_their_rule_in_every_copy(make_folder, materialize, tmp_path, rule, form):
    src = make_folder({"cat": 30, "dog": 25, "fox": 9})
    materialize(src, "first", single(Cutout(), 0.0, format=form))  # as folder or shards
    summary = materialize(tmp_path / "first", recipe=cutmix(rule, copies=2, format="folder"))
    assert summary.unmixed == {}
    rows = pq.read_table(next((tmp_path / "dst").rglob("metadata.parquet"))).to_pylist()
    for copy in range(2):
        mine = [row for row in rows if row["copy"] == copy]
        assert len(mine) == 64
        assert Counter(row["partners"][0] for row in mine) == Counter(row["source"] for row in mine)
        for row in mine:
            assert (len(row["classes"]) == 1) == (rule == "same-class")


def test_a_surplus_is_counted_not_hidden(make_folder, materialize, tmp_path, read_rows):
    summary = materialize(make_folder({"cat": 10, "dog": 3}), recipe=cutmix("other-class"))
    assert summary.unmixed == {"cutmix: no partner of other-class": 7}
    unmixed = [row for row in read_rows(tmp_path / "dst") if not row["applied"]]
    assert {class_of(row["source"]) for row in unmixed} == {"cat"}
    assert len(unmixed) == 7


def test_a_class_of_one_is_counted_not_hidden(make_folder, materialize):
    summary = materialize(make_folder({"cat": 4, "dog": 1}), recipe=cutmix("same-class"))
    assert summary.unmixed == {"cutmix: no partner of same-class": 1}


@pytest.mark.slow
@pytest.mark.parametrize("counts", [{"cat": 30, "dog": 31, "fox": 12}, {"cat": 20, "dog": 20}])
@pytest.mark.parametrize("rule", ["same-class", "other-class"])
def test_workers_change_nothing_under_a_rule(make_folder, materialize, tmp_path, tree, counts, rule):
    src = make_folder(counts)
    for workers in (1, 3):
        materialize(src, f"workers{workers}", cutmix(rule, copies=2), workers=workers)
    assert tree(tmp_path / "workers1") == tree(tmp_path / "workers3")


def test_an_undecodable_image_is_passed_over_within_the_rule(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"cat": 9, "dog": 9, "fox": 9})
    for name in ("cat/1.png", "dog/2.png", "dog/3.png"):
        (src / name).write_bytes(b"no image")
    materialize(src, recipe=cutmix("other-class"), max_errors=3)
    rows = read_rows(tmp_path / "dst")
    assert len(rows) == 24
    assert all(class_of(row["source"]) != class_of(row["partners"][0]) for row in rows)


@pytest.mark.slow
def test_adding_a_file_under_a_rule_gives_what_a_fresh_run_gives(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 20, "dog": 15, "fox": 10})
    for rule in ("same-class", "other-class"):
        materialize(src, rule, cutmix(rule))
    Image.new("RGB", (8, 10), "teal").save(src / "cat" / "new.png")
    for rule in ("same-class", "other-class"):
        materialize(src, rule, cutmix(rule))
        materialize(src, f"{rule} fresh", cutmix(rule))
        assert tree(tmp_path / rule) == tree(tmp_path / f"{rule} fresh")
        (tmp_path / rule / "cat").rename(tmp_path / rule / "gone")


@pytest.mark.parametrize(
    ("counts", "rule", "message"),
    [
        ({"cat": 5}, "other-class", "partner other-class: no two images"),
        ({"cat": 1, "dog": 1}, "same-class", "partner same-class: no two images"),
    ],
)
def test_a_rule_that_nobody_meets_is_refused(make_folder, materialize, tmp_path, counts, rule, message):
    with pytest.raises(InputError, match=message):
        materialize(make_folder(counts), recipe=cutmix(rule))
    assert not (tmp_path / "dst").exists()


@pytest.mark.slow
def test_a_limit_does_not_make_a_rule_impossible(make_folder, materialize):
    src = make_folder({"cat": 1, "dog": 3, "fox": 1, "emu": 1})
    for seed in range(6):
        summary = materialize(src, f"seed{seed}", cutmix("same-class", limit=1, seed=seed))
        assert summary.outputs == 1


def test_one_rule_for_all_operations_of_a_recipe():
    chain = {"op": [{"kind": "cutmix", "partner": "same-class"}, {"kind": "mixup"}]}
    with pytest.raises(UsageError, match="must be the same for all operations, got any, same-class"):
        read_recipe(chain)
    chain["op"][1]["partner"] = "same-class"
    assert read_recipe(chain).partner_rule == "same-class"


# How many ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_target_max_gives_every_class_as_many_outputs_as_the_largest(make_folder, materialize, form):
    src = make_folder({"cat": 17, "dog": 5, "fox": 1})
    summary = materialize(src, recipe=single(Cutout(), target_per_class="max", format=form))
    assert summary.per_class == {"cat": 17, "dog": 17, "fox": 17}
    assert (summary.images, summary.outputs) == (23, 51)


def test_a_target_counts_by_the_class_of_the_base(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"cat": 17, "dog": 5})
    materialize(src, recipe=single(Mixup(alpha=1.0), target_per_class=8))
    rows = read_rows(tmp_path / "dst")
    assert Counter(class_of(row["source"]) for row in rows) == {"cat": 8, "dog": 8}
    assert Counter(Counter(row["source"] for row in rows).values()) == {1: 8 + 2, 2: 3}
    assert len({(row["source"], row["copy"]) for row in rows}) == 16


def test_samples_without_outputs_are_still_partners(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"cat": 30, "dog": 30})
    summary = materialize(src, recipe=single(CutMix(lam=0.5), target_per_class=2))
    rows = read_rows(tmp_path / "dst")
    bases = {row["source"] for row in rows}
    assert (summary.images, len(bases)) == (4, 4)
    assert not bases >= {row["partners"][0] for row in rows}


def test_samples_without_outputs_are_no_failures(make_folder, materialize, tmp_path):
    src = make_folder({"cat": 9, "dog": 9})
    recipe = single(Cutout(), target_per_class=3)
    materialize(src, "first", recipe)
    made = {name.name.split("__")[0] for name in (tmp_path / "first" / "cat").iterdir()}
    idle = next(path for path in sorted((src / "cat").iterdir()) if path.stem not in made)
    idle.write_bytes(b"no image")
    assert materialize(src, recipe=recipe).failures == ()


@pytest.mark.slow
def test_a_target_is_the_same_for_any_worker_count_and_dry_run(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 41, "dog": 13})
    recipe = single(CutMix(), target_per_class="max", originals="copy")
    dry = materialize(src, "dry", recipe, dry_run=True)
    done = [materialize(src, f"workers{workers}", recipe, workers=workers) for workers in (1, 3)]
    assert tree(tmp_path / "workers1") == tree(tmp_path / "workers3")
    assert dry.outputs == done[0].outputs == 41 * 2 + 41 + 13
    assert dry.per_class == {"cat": 82, "dog": 54}


def test_one_more_image_changes_the_target_of_its_class(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 6, "dog": 3})
    recipe = single(Cutout(), target_per_class="max")
    materialize(src, "dst", recipe)
    Image.new("RGB", (8, 10), "teal").save(src / "cat" / "new.png")
    assert materialize(src, "dst", recipe).per_class == {"cat": 7, "dog": 7}
    materialize(src, "fresh", recipe)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_a_target_needs_labels(make_folder, materialize, tmp_path):
    with pytest.raises(InputError, match=r"^target_per_class needs labels"):
        materialize(make_folder({"": 3}), recipe=single(Cutout(), target_per_class=2))
    assert not (tmp_path / "dst").exists()


def test_copies_and_a_target_exclude_each_other():
    with pytest.raises(UsageError, match="copies and target_per_class both decide how many"):
        single(Cutout(), copies=2, target_per_class="max")
    with pytest.raises(
        UsageError, match=r"target_per_class must be a whole number in 1\.\.999999999, or max, got 'most'"
    ):
        single(Cutout(), target_per_class="most")
