"""A plan for partitions: each reads its slice, and lists neither SRC nor DST."""

from __future__ import annotations

import json
import os

import pytest

import augcli
from augcli.errors import OutputError, Spelling, StorageError, UsageError, VersionError
from augcli.io.store.local import LocalStore
from augcli.io.store.names import find_passing
from augcli.pipeline import environment
from augcli.pipeline import run as run_module
from augcli.pipeline.output import slice_files
from augcli.pipeline.plan import slices
from augcli.pipeline.plan.partitions import Partition
from augcli.pipeline.planned import open_planned
from augcli.recipe_files import read_recipe

THREE = {"op": [{"kind": "cutmix"}], "copies": 3}

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def planned(src, tmp_path):
    """An output that is planned for four partitions."""
    augcli.materialize(src, tmp_path / "out", THREE, plan=4)
    return tmp_path / "out"


@pytest.fixture
def listed(monkeypatch):
    """The prefixes by which stores were listed since it was cleared."""
    found, real = [], LocalStore.list

    def record(store, prefix="", wanted=None):
        found.append(prefix)
        return real(store, prefix, wanted)

    monkeypatch.setattr(LocalStore, "list", record)
    return found


def make_part(src, dst, number, recipe=THREE, **given):
    return augcli.materialize(src, dst, recipe, partition=f"{number}/4", workers=1, **given)


def own_slices(dst):
    return sorted(path.name for path in dst.glob(".augcli-slice*"))


def test_a_plan_makes_nothing_and_writes_a_slice_for_each_partition(src, tmp_path):
    summary = augcli.materialize(src, tmp_path / "out", THREE, plan=2)
    assert own_slices(tmp_path / "out") == [
        ".augcli-slice-0-of-2",
        ".augcli-slice-1-of-2",
        ".augcli-slices.json",
    ]
    assert (summary.planned, summary.is_dry, summary.outputs_made) == (2, False, 0)
    assert not list((tmp_path / "out").rglob("*.png"))


def test_a_planned_partition_lists_neither_the_input_nor_the_output(src, planned, listed, monkeypatch):
    monkeypatch.setattr(run_module, "open_source", None)
    assert make_part(src, planned, 1).outputs_made > 0
    assert listed == []


@pytest.mark.slow
def test_a_planned_partition_holds_its_share_of_the_samples(make_folder, tmp_path, monkeypatch):
    src = make_folder({"cat": 400})
    monkeypatch.setattr(slices, "SPARE_PARTNERS", 16)
    augcli.materialize(src, tmp_path / "out", THREE, plan=8)
    store, recipe = LocalStore(str(tmp_path / "out")), read_recipe(THREE)
    for number in range(8):
        part = slice_files.read_slice(store, Partition(number, 8), recipe, "auto")
        assert 20 < len(part.splits[0].catalogue) < 100  # 50, as many as lie in its range, and some partners


def test_a_planned_partition_that_goes_on_makes_only_what_is_lost(src, planned, listed):
    before = make_part(src, planned, 1)
    lost = next(path for path in planned.rglob("*.png"))
    lost.unlink()
    listed.clear()
    after = make_part(src, planned, 1)
    assert before.chunks > len(after.chunks_done) == 1
    assert listed.count("") == 1
    assert lost.exists()
    assert make_part(src, planned, 1).chunks_done == ()


def test_a_source_that_changed_since_the_plan_is_named_with_the_cure(src, planned):
    for path in src.rglob("*.png"):
        os.utime(path, ns=(1, 1))
    with pytest.raises(StorageError, match="changed since it was listed; run again") as caught:
        make_part(src, planned, 0)
    assert caught.value.spell(Spelling.FLAG).endswith(
        "; if SRC changed since it was planned, plan again with --plan 4"
    )


@pytest.mark.parametrize(
    ("recipe", "given", "said"),
    [
        (THREE | {"seed": 9}, {}, "seed"),
        (THREE | {"smoothing": 0.1}, {}, "smoothing"),
        (THREE, {"labels": "other.csv"}, "labels None, but this is 'other.csv'"),
        (THREE, {"anonymous": True}, "anonymous False, but this is True"),
    ],
)
def test_a_partition_of_another_plan_is_refused(src, planned, recipe, given, said):
    with pytest.raises(OutputError, match=rf"was planned for .*{said}.*plan again with plan='4'"):
        make_part(src, planned, 0, recipe, **given)


def test_a_machine_that_would_write_other_bytes_than_the_one_that_planned_is_refused(
    src, planned, monkeypatch
):
    monkeypatch.setattr(environment, "digest", lambda: "another")
    with pytest.raises(VersionError, match="would write other bytes than the machine that planned"):
        make_part(src, planned, 0)
    assert not list(planned.rglob("*.png"))


def test_a_plan_that_was_made_anew_meanwhile_ends_a_partition(src, planned):
    store = LocalStore(str(planned))
    given = slice_files.read_index(store).given
    share = open_planned(store, Partition(0, 4), read_recipe(THREE), given, "auto")
    augcli.materialize(src, planned, THREE, plan=4)
    with pytest.raises(OutputError, match="was closed or planned anew by another run; run again"):
        share.look()


@pytest.mark.slow
def test_boxes_of_each_split_are_those_of_the_plan(write_folder, tmp_path, make, tree):
    given = []
    for split in ("train", "val"):
        write_folder(tmp_path / "src" / split, {"": 9})
        images = [{"id": number, "file_name": f"{number}.png"} for number in range(9)]
        boxes = [{"image_id": number, "category_id": 1, "bbox": [1, 1, 5, 5]} for number in range(9)]
        document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
        (tmp_path / f"{split}.json").write_text(json.dumps(document))
        given.append(f"{split}={tmp_path / split}.json")
    for dst, plan in (("whole", None), ("out", 4)):
        augcli.materialize(tmp_path / "src", tmp_path / dst, THREE, plan=plan, boxes=given)
    make(tmp_path / "src", tmp_path / "out", THREE, boxes=given)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_partition_of_another_input_is_refused(make_folder, planned, tmp_path):
    with pytest.raises(OutputError, match=r"planned for SRC '.*src', but this is '.*elsewhere'"):
        make_part(tmp_path / "elsewhere", planned, 0)


def test_a_partition_of_another_number_is_refused(src, planned):
    with pytest.raises(
        OutputError, match="was planned for 4 partitions, which is not what partition='0/2' says"
    ):
        augcli.materialize(src, planned, THREE, partition="0/2")


@pytest.mark.parametrize("name", [".augcli-slice-0-of-4", ".augcli-slices.json"])
@pytest.mark.parametrize("data", [b"", b"{}", b"half"])
def test_a_damaged_slice_is_refused(src, planned, name, data):
    (planned / name).write_bytes(data)
    with pytest.raises(OutputError, match=rf"{name} of DST .* is missing or damaged.*plan again"):
        make_part(src, planned, 0)


@pytest.mark.slow
def test_where_more_images_fail_than_a_slice_knows_the_input_is_listed(
    src, tmp_path, monkeypatch, make, tree
):
    monkeypatch.setattr(slices, "SPARE_PARTNERS", 1)
    for path in sorted((src / "cat").iterdir()):
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    augcli.materialize(src, tmp_path / "whole", THREE, max_errors=99)
    augcli.materialize(src, tmp_path / "out", THREE, plan=4)
    opened, real = [], run_module.open_source
    monkeypatch.setattr(run_module, "open_source", lambda *given: opened.append(1) or real(*given))
    make(src, tmp_path / "out", THREE, max_errors=99)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert opened


@pytest.mark.slow
def test_a_plan_of_an_output_that_is_complete_writes_nothing(src, tmp_path, times):
    augcli.materialize(src, tmp_path / "out", THREE)
    before = times(tmp_path / "out")
    assert augcli.materialize(src, tmp_path / "out", THREE, plan=4).planned == 0
    assert times(tmp_path / "out") == before


@pytest.mark.slow
def test_a_plan_with_force_clears_another_recipe(src, tmp_path, make, tree):
    augcli.materialize(src, tmp_path / "whole", THREE)
    augcli.materialize(src, tmp_path / "out", THREE | {"seed": 9})
    augcli.materialize(src, tmp_path / "out", THREE, plan=4, force=True)
    make(src, tmp_path / "out", THREE)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_new_plan_takes_the_place_of_the_one_before(src, planned):
    make_part(src, planned, 0)
    augcli.materialize(src, planned, THREE, plan=2)
    assert [name for name in own_slices(planned) if "of" in name] == [
        ".augcli-slice-0-of-2",
        ".augcli-slice-1-of-2",
    ]
    assert list(planned.glob(".augcli-plan-*")) == []


@pytest.mark.slow
def test_a_run_of_all_closes_what_was_planned(src, planned, tree, tmp_path):
    make_part(src, planned, 2)
    augcli.materialize(src, planned, THREE)
    augcli.materialize(src, tmp_path / "whole", THREE)
    assert tree(planned) == tree(tmp_path / "whole")
    assert own_slices(planned) == []


def test_the_index_goes_before_the_slices_and_these_before_the_plans():
    keys = [".augcli-plan-0-of-2", ".augcli-slice-1-of-2", ".augcli-slices.json", "cat/a.png"]
    assert find_passing(keys) == [".augcli-slices.json", ".augcli-slice-1-of-2", ".augcli-plan-0-of-2"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"plan": 0}, "plan must be in 1..100000, got 0"),
        ({"plan": 2, "partition": "0/2"}, "do not go together"),
        ({"plan": 2, "engine": "ray"}, "is for partitions"),
    ],
)
def test_what_cannot_be_planned_is_refused(src, tmp_path, given, said):
    with pytest.raises(UsageError, match=said):
        augcli.materialize(src, tmp_path / "out", THREE, **given)


def test_the_command_line_says_what_comes_next(src, tmp_path, cli):
    result = cli("cutmix", "--plan", "4", str(src), str(tmp_path / "out"))
    assert result.returncode == 0
    assert "planned 4 partitions: the same command with --partition 0/4 to 3/4, then merge" in result.stdout
