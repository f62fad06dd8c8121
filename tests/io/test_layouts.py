"""Folders that would be misread are refused by name, with the command that works."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.ops.cutmix import CutMix
from augcli.recipe import single

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def write_label(root, *keys: str) -> None:
    for key in keys:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text("0 0.5 0.5 0.1 0.1\n")


def refused(src, **files: object) -> str:
    with pytest.raises(InputError) as caught:
        open_source(str(src), Selection(InputFiles.of(**files)))
    return caught.value.spell(Spelling.FLAG)


# YOLO -----------------------------------------------------------------------------------------------------


def test_the_images_of_yolo_alone_can_be_augmented(make_folder, tmp_path):
    root = make_folder({"images/train": 2, "images/val": 1})
    write_label(root, "labels/train/0.txt")
    summary = augcli.materialize(root / "images", tmp_path / "dst", {"op": [{"kind": "cutout"}]})
    assert summary.outputs == 3
    (note,) = (note for note in summary.notes if "YOLO" in note)
    assert f"'{root}/labels' seems to hold YOLO labels" in note
    assert f"give '{root}' as SRC" in note


def test_labels_of_a_split_that_is_given_alone_are_noted_and_those_of_other_images_not(make_folder):
    root = make_folder({"images/train": 2, "photos/train": 1})
    write_label(root, "labels/train/0.txt")
    (note,) = open_source(str(root / "images/train"), Selection()).notes
    assert note.startswith(f"'{root}/labels/train' seems to hold YOLO labels")
    assert open_source(str(root / "photos/train"), Selection()).notes == ()


@pytest.mark.parametrize("other", ["labels/0.md", "notes/0.txt"])
def test_other_folders_beside_images_are_not_yolo(make_folder, other):
    root = make_folder({"images": 2})
    write_label(root, other)
    assert len(open_source(str(root), Selection()).catalogues[0]) == 2


def test_a_class_called_labels_that_holds_images_is_not_yolo(make_folder):
    root = make_folder({"images": 2})
    write_label(root, "labels/tag.txt")
    (root / "images" / "1.png").rename(root / "labels" / "tag.png")
    assert open_source(str(root), Selection()).catalogues[0].classes == ("images", "labels")


def test_a_table_that_labels_the_images_of_yolo_is_followed(make_folder, tmp_path):
    root = make_folder({"images": 2})
    write_label(root, "labels/0.txt")
    (root / "metadata.csv").write_text("file_name,label\nimages/0.png,a\nimages/1.png,b\n")
    assert open_source(str(root), Selection()).catalogues[0].classes == ("a", "b")


# Parts of outputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "part"), [({"cat": 3, "dog": 3}, "cat"), ({"train/cat": 3, "train/dog": 3}, "train/cat")]
)
def test_a_class_folder_of_an_output_is_refused_naming_the_output(make_folder, tmp_path, classes, part):
    augcli.materialize(make_folder(classes), tmp_path / "dst", single(CutMix()))
    assert refused(tmp_path / "dst" / part) == (
        f"'{tmp_path}/dst/{part}' lies in '{tmp_path}/dst', an output of augcli, whose tables hold its"
        f" labels; give '{tmp_path}/dst' as SRC, or --labels"
    )


def test_a_class_folder_of_an_output_is_read_with_a_table_of_labels(make_folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\n0.png,sphinx\n1.png,manx\n")
    root = make_folder({"cat": 2})
    (root / "augcli.json").write_text("{}")
    source = open_source(str(root / "cat"), Selection(InputFiles.of(labels=str(tmp_path / "labels.csv"))))
    assert source.catalogues[0].classes == ("manx", "sphinx")


def test_a_class_folder_of_an_output_with_splits_and_masks_is_refused(make_folder):
    root = make_folder({"train/images/cat": 2})
    (root / "augcli.json").write_text("{}")
    assert f"'{root}/train/images/cat' lies in '{root}', an output" in refused(root / "train/images/cat")


@pytest.mark.parametrize("classes", [{"cat": 3, "dog": 3}, {"train/cat": 3, "train/dog": 3}])
def test_outputs_in_one_folder_are_refused_naming_the_first(make_folder, tmp_path, classes):
    for name in ("one", "two"):
        augcli.materialize(make_folder(classes), tmp_path / "all" / name, single(CutMix()))
    said = refused(tmp_path / "all")
    if "cat" in classes:
        assert said == (
            f"'{tmp_path}/all' holds an output of augcli, '{tmp_path}/all/one', whose tables hold its labels;"
            f" give '{tmp_path}/all/one' as SRC, and so each other one; to take several together, write them"
            " with --format parquet"
        )
    assert f"give '{tmp_path}/all/one' as SRC" in said


def test_an_output_is_named_as_src_is_written(make_folder, tmp_path, monkeypatch):
    augcli.materialize(make_folder({"cat": 3, "dog": 3}), tmp_path / "dst", single(CutMix()))
    monkeypatch.chdir(tmp_path)
    assert "give 'dst' as SRC" in refused("dst/cat")
    monkeypatch.chdir(tmp_path / "dst" / "cat")
    assert "give '..' as SRC" in refused(".")


def test_outputs_and_their_splits_are_read(make_folder, tmp_path):
    augcli.materialize(make_folder({"train/cat": 3, "val/dog": 1}), tmp_path / "dst", single(CutMix()))
    assert [len(c) for c in open_source(str(tmp_path / "dst"), Selection()).catalogues] == [3, 1]
    assert [len(c) for c in open_source(str(tmp_path / "dst" / "train"), Selection()).catalogues] == [3]


# Git LFS --------------------------------------------------------------------------------------------------


def test_a_pointer_in_the_place_of_an_image_says_how_to_fetch_it(make_folder, tmp_path):
    src = make_folder({"cat": 2})
    (src / "cat" / "9.png").write_bytes(POINTER)
    summary = augcli.materialize(src, tmp_path / "dst", single(CutMix()), max_errors=1)
    (failure,) = summary.failures
    assert failure.reason == "not an image: a Git LFS pointer stands in its place; run `git lfs pull`"


def test_a_pointer_in_the_place_of_a_mask_says_how_to_fetch_it(make_folder, tmp_path):
    src = make_folder({"cat": 2})
    (tmp_path / "masks" / "cat").mkdir(parents=True)
    buffer = io.BytesIO()
    Image.fromarray(np.ones((8, 10), np.uint8)).save(buffer, "PNG")
    for name, data in (("0", buffer.getvalue()), ("1", POINTER)):
        (tmp_path / "masks" / "cat" / f"{name}.png").write_bytes(data)
    recipe = {"op": [{"kind": "cutout"}]}
    summary = augcli.materialize(src, tmp_path / "dst", recipe, masks=tmp_path / "masks", max_errors=1)
    (failure,) = summary.failures
    assert failure.reason == "not a mask: a Git LFS pointer stands in its place; run `git lfs pull`"


def test_a_pointer_in_the_place_of_a_shard_says_how_to_fetch_it(tmp_path):
    pq.write_table(pa.table({"image": [b"x"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(POINTER)
    assert refused(tmp_path) == (
        f"'{tmp_path}/b.parquet' is not a parquet file: a Git LFS pointer stands in its place;"
        " run `git lfs pull`"
    )


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("labels", "a.csv"),
        ("labels", "a.parquet"),
        ("labels", "a.jsonl"),
        ("classes", "a.txt"),
        ("boxes", "a.json"),
    ],
)
def test_a_pointer_in_the_place_of_any_other_file_says_how_to_fetch_it(make_folder, tmp_path, option, name):
    (tmp_path / name).write_bytes(POINTER)
    assert refused(make_folder({"cat": 2}), **{option: tmp_path / name}) == (
        f"'{tmp_path}/{name}' is not there: a Git LFS pointer stands in its place; run `git lfs pull`"
    )


# Classes one level down -----------------------------------------------------------------------------------


def test_class_folders_that_all_hold_the_same_folders_are_noted(make_folder):
    root = make_folder({f"{fold}/{name}": 1 for fold in ("fold0", "fold1") for name in ("cat", "dog")})
    source = open_source(str(root), Selection())
    assert source.catalogues[0].classes == ("fold0", "fold1")
    assert source.notes == (
        "classes are 'fold0', 'fold1' and so on, each of which holds the same folders 'cat', 'dog' and so on;"
        " if these are the classes, give one of the former as SRC",
    )


def test_a_lone_class_folder_that_holds_folders_is_noted(make_folder):
    source = open_source(str(make_folder({"objects/cat": 1, "objects/dog": 1})), Selection())
    assert source.notes == (
        "the only class is 'objects', which holds folders 'cat', 'dog' and so on; if these are the classes,"
        " give it as SRC",
    )


@pytest.mark.parametrize(
    "folders", [("a/x", "a/y", "b/x"), ("a/x", "b/x"), ("a", "a/x", "b", "b/x"), ("a", "a/x", "a/y")]
)
def test_class_folders_that_hold_other_folders_are_not_noted(make_folder, folders):
    assert open_source(str(make_folder(dict.fromkeys(folders, 1))), Selection()).notes == ()
