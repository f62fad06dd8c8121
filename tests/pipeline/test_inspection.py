"""An output that is looked at: its counts, and what is missing of it."""

from __future__ import annotations

import pytest
from PIL import Image

import augcli
from augcli.arguments import load_stored
from augcli.io.store.local import LocalStore
from augcli.io.store.urls import HERE
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.pipeline.inspection import inspect
from augcli.recipe import OUTPUT_VERSION, single


def look(dst):
    return inspect(LocalStore(str(dst)), load_stored(str(dst), HERE))


@pytest.fixture
def dst(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 3, "dog": 2}), tmp_path / "dst", single(CutMix(), copies=2))
    return tmp_path / "dst"


def test_a_complete_output_lacks_nothing(dst):
    found = look(dst)
    assert found.troubles == ()
    assert found.rows == 10
    (split,) = found.splits
    assert split.output.classes == ("cat", "dog")
    assert dict(split.statistics.classes.before) == {0: 3, 1: 2}
    assert found.version == str(OUTPUT_VERSION)
    assert next(iter(found.incidents.written_by)).startswith("parquet-cpp-arrow")


def test_its_own_report_is_no_trouble(dst):
    (dst / "report.html").write_text("x")
    assert look(dst).troubles == ()


@pytest.mark.parametrize("name", ["labels.csv", "README.md", "classes.txt"])
def test_a_missing_document_is_named(dst, name):
    (dst / name).unlink()
    assert look(dst).troubles == (f"{name} is missing; run the command again",)


def test_a_document_of_another_size_is_named(dst):
    (dst / "labels.csv").write_text("")
    assert look(dst).troubles == ("labels.csv has another size than was written; run the command again",)


def test_missing_images_are_counted_and_the_first_is_named(dst):
    images = sorted(path for path in dst.rglob("*.png"))
    for path in images[:2]:
        path.unlink()
    first = images[0].relative_to(dst).as_posix()
    assert look(dst).troubles == (f"2 files are missing ({first!r} first); run the command again",)


def test_an_image_of_another_size_was_changed_since(dst):
    next(dst.rglob("*.png")).write_bytes(b"x")
    assert look(dst).troubles == (
        "1 chunk has files of other sizes than were written ('all' first): changed since",
    )


def test_an_output_without_its_mark_is_not_complete(dst):
    (dst / "_SUCCESS").unlink()
    assert look(dst).troubles == ("_SUCCESS is missing: the output is not complete",)


def test_a_damaged_part_file_is_named_and_the_rest_counted(dst):
    (dst / ".augcli-all.parquet").write_bytes(b"x")
    found = look(dst)
    assert found.rows == 0
    assert found.troubles[0] == "no part file stands: nothing was finished yet; run the command again"
    assert "1 part file is damaged ('all' first); run the command again" in found.troubles


def test_chunks_that_a_partition_planned_and_nobody_made_are_counted(make_folder, tmp_path, limit):
    limit(chunk_outputs=2)
    src = make_folder({"cat": 9, "dog": 9})
    for index in range(2):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()), partition=f"{index}/2")
    parts = sorted((tmp_path / "dst").glob(".augcli-[01]*.parquet"))
    parts[0].unlink()
    found = look(tmp_path / "dst")
    expected = f"1 chunk of {len(parts)} that partitions planned are missing; run these partitions again"
    assert found.troubles[0] == expected


def test_partitions_that_have_not_begun_are_named_and_what_a_merge_writes_is_no_loss(make_folder, tmp_path):
    src = make_folder({"cat": 9, "dog": 9})
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), partition="1/4")
    assert look(tmp_path / "dst").troubles == (
        "partitions 0,2-3 of 4 have not begun; run what is missing, then merge",
        "partitions are not merged yet, so tables and documents are missing; run augcli merge",
        "no part file stands: nothing was finished yet; run the command again",
    )


def test_partitions_that_are_done_want_a_merge(make_folder, tmp_path):
    src = make_folder({"cat": 2})
    for index in range(2):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()), partition=f"{index}/2")
    assert look(tmp_path / "dst").troubles == (
        "partitions are not merged yet, so tables and documents are missing; run augcli merge",
    )
    augcli.merge(tmp_path / "dst")
    assert look(tmp_path / "dst").troubles == ()


def test_an_output_that_is_being_written_says_so(dst):
    (dst / ".augcli.lock").write_text("")
    assert look(dst).troubles == ("a run is at work there, or was killed: what is missing may follow",)


def test_an_output_of_which_too_much_failed_says_how_much(make_folder, tmp_path):
    src = make_folder({"cat": 3})
    (src / "cat" / "broken.png").write_bytes(b"x")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert look(tmp_path / "dst").troubles == (
        "_SUCCESS is missing: the output is not complete, or too much failed (1 sample)",
    )


def test_failures_are_counted_by_reason_and_the_first_are_kept(make_folder, tmp_path):
    src = make_folder({"cat": 3})
    for number in range(2):
        (src / "cat" / f"broken{number}.png").write_bytes(b"x")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), max_errors=2)
    found = look(tmp_path / "dst").incidents
    assert sum(found.reasons.values()) == 2
    assert {failure.source for failure in found.failures} == {"cat/broken0.png", "cat/broken1.png"}


@pytest.mark.parametrize("form", ["folder", "parquet", "webdataset"])
def test_every_layout_and_every_split_is_counted(make_folder, tmp_path, form):
    for split, images in (("train", 3), ("val", 2)):
        make_folder({"cat": images}, f"src/{split}")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout(), format=form))
    found = look(tmp_path / "dst")
    assert found.troubles == ()
    assert [(split.output.name, split.statistics.counts.rows) for split in found.splits] == [
        ("train", 3),
        ("val", 2),
    ]


def test_a_shard_that_is_gone_is_missing(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 3}), tmp_path / "dst", single(Cutout(), format="parquet"))
    (shard,) = (tmp_path / "dst" / "data").iterdir()
    shard.unlink()
    assert look(tmp_path / "dst").troubles[0].startswith("1 file is missing ('data/train-all.parquet' first)")


def test_an_output_without_labels_has_no_classes(tmp_path):
    (tmp_path / "src").mkdir()
    for number in range(2):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "src" / f"{number}.png")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout()))
    (split,) = look(tmp_path / "dst").splits
    assert not split.output.classes
    assert dict(split.statistics.classes.after) == {-1: 2}
