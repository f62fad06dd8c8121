"""Partitions and their merge give the bytes of one run, and each leaves alone what is not its own."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.errors import OutputError, Spelling, StorageError, UsageError, VersionError, spell_note
from augcli.io.store.lease import locked
from augcli.io.store.local import LocalStore
from augcli.pipeline import environment
from augcli.pipeline import run as run_module
from augcli.pipeline.output import plan_files
from augcli.pipeline.output.look import look
from augcli.pipeline.plan.partitions import Partition, read_partition

CUTMIX = {"op": [{"kind": "cutmix"}]}
THREE = CUTMIX | {"copies": 3}
CHAIN = {"op": [{"kind": "cutmix", "p": 0.7}, {"kind": "erase", "p": 0.6}, {"kind": "cutout"}]}
RECIPE = "augcli.json"


def spoil(path):
    """Cut an image short."""
    path.write_bytes(path.read_bytes()[:60])


def plans(dst):
    return sorted(path.name for path in dst.glob(".augcli-plan-*"))


# --- equal trees ---------------------------------------------------------------------------------------


@pytest.fixture
def check_equal(tmp_path, tree, make):
    """One run, and partitions in another order, planned or not, give one tree and one summary."""

    def check(src, recipe, order=(2, 0, 3, 1), name="", **given):
        whole = augcli.materialize(src, tmp_path / f"{name}whole", recipe, **given)
        planned = tmp_path / f"{name}planned"
        augcli.materialize(src, planned, recipe, plan=len(order), **given)
        for dst in (planned, tmp_path / f"{name}parts"):
            compare(whole, make(src, dst, recipe, order, **given), dst, tmp_path / f"{name}whole")
            assert not list(dst.glob(".augcli-slice*"))
        return whole

    def compare(whole, merged, dst, other):
        assert tree(dst) == tree(other)
        for field in ("images", "outputs", "applied", "per_class", "boxes", "unmixed", "failures", "chunks"):
            assert getattr(merged, field) == getattr(whole, field), field
        assert merged.counts == whole.counts
        spelled = [{spell_note(note, Spelling.FLAG) for note in summary.notes} for summary in (whole, merged)]
        assert spelled[0] == spelled[1]
        assert merged.merged > 0

    return check


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
@pytest.mark.parametrize("rule", ["any", "same-class", "other-class"])
def test_partitions_of_a_folder_give_the_tree_of_one_run(src, check_equal, layout, rule):
    recipe = {"op": [{"kind": "cutmix", "partner": rule}], "copies": 3, "format": layout}
    whole = check_equal(src, recipe)
    assert whole.chunks > 7


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("order", [[0], [1, 0], [4, 2, 0, 1, 3]])
def test_any_number_of_partitions_gives_the_tree_of_one_run(src, check_equal, order):
    check_equal(src, THREE, order)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
@pytest.mark.parametrize("rule", ["any", "other-class"])
def test_partitions_of_shards_give_the_tree_of_one_run(small_shards, check_equal, layout, rule):
    recipe = {"op": [{"kind": "cutmix", "partner": rule}], "copies": 2, "format": layout}
    assert check_equal(small_shards, recipe).chunks > 3


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_masks_and_boxes_of_a_chain_are_those_of_one_run(page_inputs, check_equal):
    coco, seg = page_inputs / "coco", page_inputs / "seg"
    boxes = coco / "annotations.json"
    recipe = CHAIN | {"copies": 3}
    whole = check_equal(coco / "images", recipe, boxes=boxes)
    assert whole.boxes
    check_equal(seg / "images", recipe, name="masks-", masks=seg / "masks")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_splits_that_are_passed_on_are_those_of_one_run(make_folder, tmp_path, check_equal, layout):
    for split, count in (("train", 20), ("val", 12), ("test", 9)):
        make_folder({f"{split}/cat": count, f"{split}/dog": count - 3})
    recipe = THREE | {"format": layout, "smoothing": 0.1}
    check_equal(tmp_path / "src", recipe)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "extra",
    [
        {"target-per-class": "max"},
        {"limit": 11},
        {"originals": "copy", "size": 6},
        {"smoothing": 0.1, "soft-labels": "pair", "format": "parquet"},
    ],
)
def test_options_that_count_samples_give_the_tree_of_one_run(src, check_equal, extra):
    check_equal(src, CUTMIX | extra)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_images_that_cannot_be_decoded_are_those_of_one_run(src, check_equal, layout):
    for name in ("cat/3.png", "cat/4.png", "dog/0.png", "owl/7.png"):
        spoil(src / name)
    whole = check_equal(src, THREE | {"format": layout}, max_errors=4)
    assert len(whole.failures) == 4


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_labels_of_a_table_are_those_of_one_run(src, tmp_path, check_equal):
    flat = tmp_path / "flat"
    flat.mkdir()
    rows = ["file_name,label"]
    for path in sorted(src.rglob("*.png")):
        shutil.copy(path, flat / f"{path.parent.name}-{path.name}")
        rows.append(f"{path.parent.name}-{path.name},{path.parent.name}")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows))
    check_equal(flat, THREE, labels=table)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_unlabelled_images_are_those_of_one_run(src, tmp_path, check_equal):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in sorted(src.rglob("*.png")):
        shutil.copy(path, flat / f"{path.parent.name}-{path.name}")
    check_equal(flat, {"op": [{"kind": "erase"}]})


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_one_partition_that_runs_twice_at_once_changes_no_byte(src, tmp_path, tree, layout):
    recipe = THREE | {"format": layout}
    augcli.materialize(src, tmp_path / "whole", recipe)
    dst = tmp_path / "dst"
    with ThreadPoolExecutor(5) as pool:
        runs = [
            pool.submit(augcli.materialize, src, dst, recipe, partition=f"{index}/4", workers=1)
            for index in (2, 1, 2, 0, 3)
        ]
        for run in runs:
            run.result()
    augcli.merge(dst)
    assert tree(dst) == tree(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_more_partitions_than_chunks_give_the_tree_of_one_run(make_folder, tmp_path, tree):
    src = make_folder({"cat": 5, "dog": 4})
    augcli.materialize(src, tmp_path / "whole", CUTMIX)
    summaries = [
        augcli.materialize(src, tmp_path / "dst", CUTMIX, partition=f"{index}/7") for index in range(7)
    ]
    assert {summary.chunks for summary in summaries} == {0, 1}
    augcli.merge(tmp_path / "dst")
    assert tree(tmp_path / "dst") == tree(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_merged_output_is_verified_and_a_run_on_it_finds_nothing_to_do(src, tmp_path, make, times):
    dst = tmp_path / "dst"
    make(src, dst, CUTMIX)
    before = times(dst)
    assert augcli.verify(dst, against=src).differences == ()
    assert augcli.materialize(src, dst, CUTMIX).chunks_done == ()
    assert times(dst) == before


# --- what a partition does and leaves alone -----------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_partitions_share_the_chunks_of_one_run_out_among_them(src, tmp_path):
    whole = augcli.materialize(src, tmp_path / "whole", CUTMIX)
    shares = [augcli.materialize(src, tmp_path / "dst", CUTMIX, partition=f"{i}/3") for i in range(3)]
    assert [chunk for share in shares for chunk in share.chunks_done] == list(whole.chunks_done)
    assert [share.partition for share in shares] == ["0/3", "1/3", "2/3"]
    assert sum(share.outputs for share in shares) == whole.outputs
    assert sum(share.images for share in shares) == whole.images


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_chunk_is_of_the_partition_in_whose_range_of_hashes_its_prefix_begins(src, tmp_path, count):
    for index in range(count):
        share = augcli.materialize(
            src, tmp_path / "dst", CUTMIX, partition=f"{index}/{count}", dry_run=True
        ).chunks_done
        begins = [Fraction(int(name, 2), 2 ** len(name)) for name in share]
        assert share
        assert all(Fraction(index, count) <= begin < Fraction(index + 1, count) for begin in begins)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("rule", ["same-class", "other-class"])
def test_where_a_rule_orders_the_rings_partitions_get_even_shares(src, tmp_path, rule):
    recipe, dst = {"op": [{"kind": "cutmix", "partner": rule}]}, tmp_path / "dst"
    every = augcli.materialize(src, dst, recipe, dry_run=True).chunks_done
    shares = [
        augcli.materialize(src, dst, recipe, partition=f"{index}/3", dry_run=True).chunks_done
        for index in range(3)
    ]
    assert [name for share in shares for name in share] == list(every)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.usefixtures("small")
def test_a_partition_writes_neither_tables_nor_the_mark(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="1/3")
    names = {path.name for path in dst.iterdir() if path.is_file() and ".augcli-" not in path.name}
    assert names == {RECIPE}
    assert plans(dst) == [".augcli-plan-1-of-3"]


@pytest.mark.usefixtures("small")
def test_a_partition_touches_no_chunk_of_another_one(src, tmp_path):
    dst = tmp_path / "dst"
    [first, *_] = augcli.materialize(src, dst, CUTMIX, partition="0/2").chunks_done
    (dst / f".augcli-{first}.parquet").write_bytes(b"damaged")
    unfinished = dst / "cat" / f"0__cutmix0-{'0' * 16}.png.01234567.part"
    unfinished.write_bytes(b"of another one at work")
    before = {path: path.read_bytes() for path in dst.rglob("*") if path.is_file()}
    augcli.materialize(src, dst, CUTMIX, partition="1/2")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.usefixtures("small")
def test_a_partition_begins_with_its_plan(src, tmp_path, monkeypatch):
    dst = tmp_path / "dst"

    def die(*_):
        raise StorageError("no space left")

    monkeypatch.setattr("augcli.pipeline.completion._make", die)
    with pytest.raises(StorageError):
        augcli.materialize(src, dst, CUTMIX, partition="0/2")
    plan = json.loads((dst / ".augcli-plan-0-of-2").read_text())
    assert plan["samples"] == 45
    assert plan["environment"] == environment.digest()
    assert all(name.startswith("0") for name, _ in plan["splits"][0]["chunks"])


@pytest.mark.usefixtures("small")
def test_an_idle_partition_writes_nothing_before_the_merge_and_after_it(src, tmp_path, make, times):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="1/4")
    before = times(dst)
    assert augcli.materialize(src, dst, CUTMIX, partition="1/4").chunks_done == ()
    assert times(dst) == before
    make(src, dst, CUTMIX)
    before = times(dst)
    assert augcli.materialize(src, dst, CUTMIX, partition="1/4").chunks_done == ()
    assert times(dst) == before


@pytest.mark.usefixtures("small")
def test_a_dry_partition_says_what_it_would_do_and_writes_nothing(src, tmp_path):
    foreseen = augcli.materialize(src, tmp_path / "dst", CUTMIX, partition="1/4", dry_run=True)
    assert not (tmp_path / "dst").exists()
    done = augcli.materialize(src, tmp_path / "dst", CUTMIX, partition="1/4")
    assert foreseen.chunks_done == done.chunks_done
    assert foreseen.partition == "1/4"
    assert foreseen.is_dry


@pytest.mark.usefixtures("small")
def test_a_partition_with_a_lost_chunk_makes_that_one_again(src, tmp_path, tree):
    dst = tmp_path / "dst"
    done = augcli.materialize(src, dst, CUTMIX, partition="1/4").chunks_done
    before = tree(dst)
    (dst / f".augcli-{done[-1]}.parquet").unlink()
    assert augcli.materialize(src, dst, CUTMIX, partition="1/4").chunks_done == done[-1:]
    [plan] = plans(dst)
    after = tree(dst)
    assert before.pop(plan) != after.pop(plan)  # by that others see that it was begun
    assert after == before


def test_a_partition_of_an_output_in_which_samples_failed_has_nothing_to_do(src, tmp_path, times):
    spoil(src / "cat" / "0.png")
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    before = times(dst)
    assert len(augcli.materialize(src, dst, CUTMIX, partition="0/2").failures) == 1
    assert times(dst) == before


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_after_a_change_of_the_input_partitions_and_a_merge_bring_the_output_up_to_date(
    make_folder, tmp_path, tree, make
):
    src, dst = make_folder({"cat": 20, "dog": 16}), tmp_path / "dst"
    make(src, dst, CUTMIX)
    for number in range(3):
        shutil.copy(src / "cat" / "0.png", src / "dog" / f"new{number}.png")
    (src / "cat" / "5.png").unlink()
    make(src, dst, CUTMIX, order=[3, 1, 0, 2])
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_change_in_one_partition_wants_the_plans_of_all(make_folder, tmp_path, tree, make):
    src, dst = make_folder({"cat": 20, "dog": 16}), tmp_path / "dst"
    make(src, dst, CUTMIX)
    Image.fromarray(np.zeros((8, 10, 3), np.uint8)).save(src / "cat" / "0.png")
    made = [augcli.materialize(src, dst, CUTMIX, partition=f"{i}/4").chunks_done for i in range(4)]
    assert sum(map(bool, made)) in (1, 2)  # the partition of the image, and one that reads it as a partner
    assert len(plans(dst)) == 4
    augcli.merge(dst)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_other_smoothing_makes_no_image_again(small_shards, tmp_path, tree, make):
    dst = tmp_path / "dst"
    make(small_shards, dst, CUTMIX)
    made = [
        augcli.materialize(small_shards, dst, CUTMIX | {"smoothing": 0.1}, partition=f"{i}/4").chunks_done
        for i in range(4)
    ]
    assert made == [()] * 4
    augcli.merge(dst)
    augcli.materialize(small_shards, tmp_path / "fresh", CUTMIX | {"smoothing": 0.1})
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.usefixtures("small")
def test_a_run_takes_over_what_partitions_left(src, tmp_path, tree):
    dst = tmp_path / "dst"
    done = augcli.materialize(src, dst, CUTMIX, partition="1/4").chunks_done
    rest = augcli.materialize(src, dst, CUTMIX).chunks_done
    assert set(done).isdisjoint(rest)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_part_of_another_cut_that_shares_samples_goes_before_the_first_chunk_is_made(
    make_folder, tmp_path, monkeypatch
):
    src, dst = make_folder({"cat": 12, "dog": 8}), tmp_path / "dst"
    whole = augcli.materialize(src, dst, CUTMIX).chunks_done
    make_folder({"cat": 60, "dog": 40})  # its chunks are cut finer

    def die(*_):
        raise StorageError("no space left")

    monkeypatch.setattr("augcli.pipeline.completion._make", die)
    with pytest.raises(StorageError):
        augcli.materialize(src, dst, CUTMIX, partition="0/2")
    left = {path.name for path in dst.glob(".augcli-*.parquet")}
    assert left == {f".augcli-{name}.parquet" for name in whole if name.startswith("1")}
    assert not (dst / "_SUCCESS").exists()


def after_looking(monkeypatch, act):
    """Let something else happen between a run's look at DST and its lock, once."""
    real, acts = run_module.locked, [act]

    def lock(*given):
        while acts:
            acts.pop()()
        return real(*given)

    monkeypatch.setattr(run_module, "locked", lock)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_run_that_waited_for_a_partition_sees_what_that_made(src, tmp_path, monkeypatch, tree):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    made = []

    def make_the_other():
        made.extend(augcli.materialize(src, dst, CUTMIX, partition="1/2").chunks_done)

    after_looking(monkeypatch, make_the_other)
    assert augcli.materialize(src, dst, CUTMIX).chunks_done == ()
    assert made
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_a_partition_that_waited_for_a_run_or_a_merge_sees_that_all_is_done(src, tmp_path, monkeypatch):
    dst = tmp_path / "dst"
    with monkeypatch.context() as patch:
        after_looking(patch, lambda: augcli.materialize(src, dst, CUTMIX))
        assert augcli.materialize(src, dst, CUTMIX, partition="0/1").chunks_done == ()
    assert (dst / "_SUCCESS").exists()
    assert plans(dst) == []
    (dst / "_SUCCESS").unlink()
    augcli.materialize(src, dst, CUTMIX, partition="0/1")
    (dst / ".augcli-all.parquet").unlink(missing_ok=True)
    lost = sorted(dst.glob(".augcli-*.parquet"))[0]
    data = lost.read_bytes()
    lost.unlink()

    def mend_and_merge():
        lost.write_bytes(data)
        augcli.merge(dst)

    after_looking(monkeypatch, mend_and_merge)
    assert augcli.materialize(src, dst, CUTMIX, partition="0/1").chunks_done == ()
    assert (dst / "_SUCCESS").exists()
    assert plans(dst) == []


def test_a_partition_that_begins_while_another_one_looks_is_no_stranger(src, tmp_path, monkeypatch):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    real_read, real_list, missing, unlisted = LocalStore.read, LocalStore.list, [RECIPE], [RECIPE]

    def read(store, keys, expect=None):
        if store.root == str(dst) and list(keys) == missing:
            missing.clear()
            return [None]
        return real_read(store, keys, expect)

    def list_all(store, prefix="", wanted=None):
        for page in real_list(store, prefix, wanted):
            if RECIPE in page.keys and unlisted:
                place = page.keys.index(unlisted.pop())
                for column in (page.keys, page.sizes, page.versions):
                    del column[place]
            yield page

    monkeypatch.setattr(LocalStore, "read", read)
    monkeypatch.setattr(LocalStore, "list", list_all)
    assert look(LocalStore(str(dst))).text is not None
    assert (missing, unlisted) == ([], [])


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["4/4", "0/0", "x", "1", "-1/4", "1/", "/4", "0/4/2", "", "1.0/4", "٠/٤"])
def test_what_is_no_partition_is_refused(text):
    with pytest.raises(UsageError, match="partition must be i/N with i from 0 to N-1"):
        read_partition(text)


def test_a_partition_is_read_from_its_number_and_how_many_there_are():
    assert read_partition("3/12") == Partition(3, 12)
    assert str(Partition(3, 12)) == "3/12"


def test_a_partition_replaces_nothing(src, tmp_path):
    with pytest.raises(UsageError, match=r"force and partition='0/4' do not go together.* remove DST before"):
        augcli.materialize(src, tmp_path / "dst", CUTMIX, partition="0/4", force=True)
    assert not (tmp_path / "dst").exists()


def test_a_partition_of_another_recipe_is_refused(src, tmp_path):
    augcli.materialize(src, tmp_path / "dst", CUTMIX, partition="0/4")
    with pytest.raises(OutputError, match="another recipe's output; differing: seed"):
        augcli.materialize(src, tmp_path / "dst", CUTMIX | {"seed": 1}, partition="1/4")


def test_of_two_recipes_that_begin_at_the_same_moment_the_second_is_refused(src, tmp_path, monkeypatch):
    dst, real, others = tmp_path / "dst", LocalStore.create, [CUTMIX | {"seed": 1}]

    def create(store, key, data):
        while others:
            augcli.materialize(src, dst, others.pop(), partition="1/2")
        return real(store, key, data)

    monkeypatch.setattr(LocalStore, "create", create)
    with pytest.raises(OutputError, match="another recipe's output; differing: seed"):
        augcli.materialize(src, dst, CUTMIX, partition="0/2")
    assert plans(dst) == [".augcli-plan-1-of-2"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_partitions_of_another_number_are_refused(src, tmp_path, dry_run):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/4")
    with pytest.raises(OutputError, match=r"made in 4 partitions.* partition='0/8' .*give one of 0/4 to 3/4"):
        augcli.materialize(src, dst, CUTMIX, partition="0/8", dry_run=dry_run)
    assert plans(dst) == [".augcli-plan-0-of-4"]


def test_a_partition_that_finds_another_number_after_its_plan_takes_it_back(src, tmp_path, monkeypatch):
    dst, real = tmp_path / "dst", plan_files.write_plan

    def write_beside(store, plan):
        (dst / ".augcli-plan-0-of-8").write_text("{}")
        real(store, plan)

    monkeypatch.setattr(plan_files, "write_plan", write_beside)
    with pytest.raises(OutputError, match="made in 8 partitions"):
        augcli.materialize(src, dst, CUTMIX, partition="0/4")
    assert plans(dst) == [".augcli-plan-0-of-8"]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("augcli.io.store.lease.PATIENCE_S", 0.0)


@pytest.mark.usefixtures("impatient")
def test_a_run_and_a_merge_are_refused_beside_partitions_at_work(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    with locked(LocalStore(str(dst)), shared=True):
        with pytest.raises(OutputError, match="in use by partitions, one of them process"):
            augcli.materialize(src, dst, CUTMIX)
        with pytest.raises(OutputError, match="in use by partitions, one of them process"):
            augcli.merge(dst)
        augcli.materialize(src, dst, CUTMIX, partition="1/2")


@pytest.mark.usefixtures("impatient")
def test_a_partition_is_refused_beside_a_run(src, tmp_path):
    dst = tmp_path / "dst"
    with locked(LocalStore(str(dst))), pytest.raises(OutputError, match="in use by process"):
        augcli.materialize(src, dst, CUTMIX, partition="0/2")


def test_a_machine_that_would_write_other_bytes_is_refused(src, tmp_path, monkeypatch, tree):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX, partition="0/2")
    (src / "cat" / "0.png").unlink()
    before = tree(dst)
    monkeypatch.setattr(environment, "digest", lambda: "another")
    for partition in ("0/2", "1/2"):
        with pytest.raises(VersionError, match="would write other bytes"):
            augcli.materialize(src, dst, CUTMIX, partition=partition)
    assert tree(dst) == before
