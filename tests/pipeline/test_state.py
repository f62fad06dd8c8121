"""The look at DST: what is refused, and how little is looked at for that."""

from __future__ import annotations

import json
import os

import pytest

import augcli
from augcli.errors import OutputError
from augcli.io.store import walk
from augcli.ops.cutmix import CutMix
from augcli.recipe import OUTPUT_VERSION, single

CUTMIX = single(CutMix())


@pytest.fixture
def src(make_folder):
    return make_folder({"cat": 3, "dog": 3})


@pytest.fixture
def dst(tmp_path):
    (tmp_path / "dst").mkdir()
    return tmp_path / "dst"


def test_a_directory_of_something_else_is_not_listed_to_its_end(src, dst, monkeypatch):
    for number in range(20):
        (dst / f"folder{number}" / "deeper").mkdir(parents=True)
    (dst / "mine.txt").write_text("mine")
    listed = []

    class Os:
        def __getattr__(self, name):
            return getattr(os, name)

        def scandir(self, path):
            listed.extend([path] if str(path).startswith(str(dst)) else [])
            return os.scandir(path)

    monkeypatch.setattr(walk, "os", Os())
    with pytest.raises(OutputError, match=r"holds something else \('mine.txt'\)"):
        augcli.materialize(src, dst, CUTMIX)
    assert listed == [str(dst)]


@pytest.mark.parametrize("name", ["link", "pipe", "empty"])
def test_what_is_not_a_file_is_something_else_too(src, dst, name):
    if name == "link":
        (dst / name).symlink_to("nowhere")
    elif name == "pipe":
        os.mkfifo(dst / name)
    else:
        (dst / name).mkdir()
    with pytest.raises(OutputError, match=rf"holds something else \('{name}'\)"):
        augcli.materialize(src, dst, CUTMIX)


@pytest.mark.slow
def test_a_link_in_the_place_of_the_recipe_is_damage(src, tmp_path, dst):
    augcli.materialize(src, tmp_path / "other", CUTMIX)
    (dst / "augcli.json").symlink_to(tmp_path / "other" / "augcli.json")
    with pytest.raises(OutputError, match=r"augcli\.json' is damaged; give another DST"):
        augcli.materialize(src, dst, CUTMIX)


def test_a_probe_of_a_run_that_was_killed_before_its_recipe_is_no_stranger(src, dst):
    (dst / ".augcli-probe-0123abcd").touch()
    augcli.materialize(src, dst, CUTMIX)
    assert not (dst / ".augcli-probe-0123abcd").exists()


def test_a_directory_in_the_place_of_the_recipe_is_something_else(src, dst):
    (dst / "augcli.json").mkdir()
    with pytest.raises(OutputError, match=r"holds something else \('augcli\.json'\)"):
        augcli.materialize(src, dst, CUTMIX)


@pytest.mark.slow
@pytest.mark.parametrize("name", [".augcli.lock", "augcli.json.0a1b2c3d.part", "augcli.json.part"])
def test_what_a_run_left_that_was_killed_at_once_is_not_something_else(src, dst, tmp_path, tree, name):
    (dst / name).write_bytes(b"half")
    augcli.materialize(src, dst, CUTMIX)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


def test_an_output_below_a_hidden_directory_is_written_and_resumed(src, tmp_path):
    hidden = tmp_path / ".cache" / "dst"
    assert augcli.materialize(src, hidden, CUTMIX).outputs_made == 6
    assert augcli.materialize(src, hidden, CUTMIX).outputs_made == 0


def test_the_output_of_a_newer_version_is_not_to_be_replaced(make_folder, tmp_path):
    src, dst = make_folder({"cat": 2, "dog": 2}), tmp_path / "dst"
    augcli.materialize(src, dst, {})
    stored = dst / "augcli.json"
    newer = json.loads(stored.read_text()) | {"output_version": OUTPUT_VERSION + 1}
    stored.write_text(json.dumps(newer))
    says = (
        f"is of output version {OUTPUT_VERSION + 1}, and this augcli writes {OUTPUT_VERSION}; upgrade augcli"
    )
    with pytest.raises(OutputError, match=says):
        augcli.materialize(src, dst, {})
    assert augcli.materialize(src, dst, {}, force=True).outputs == 4  # who says so knows
