"""Boxes of splits: a file for each, given or found among the images."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, UsageError
from augcli.input_files import InputFiles
from augcli.ops.cutout import Cutout
from augcli.recipe import single
from augcli.recipe_files import read_recipe

SPLITS = ("train", "valid", "test")


def write_boxes(path, name, categories=("cell",)):
    document = {
        "info": {"description": str(path)},
        "images": [{"id": 0, "file_name": name, "height": 8, "width": 8}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 3, 3]}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(categories, start=1)],
    }
    path.write_text(json.dumps(document))


@pytest.fixture
def src(tmp_path):
    for split in SPLITS:
        (tmp_path / "src" / split).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "src" / split / f"{split}.png")
        write_boxes(tmp_path / f"{split}.json", f"{split}.png")
    return tmp_path / "src"


def run(src, boxes=None, **options):
    return augcli.materialize(src, src.parent / "dst", single(Cutout(), **options), boxes=boxes)


def count_boxes(src):
    documents = {split: src.parent / "dst" / split / "annotations.json" for split in SPLITS}
    return {split: len(json.loads(path.read_text())["annotations"]) for split, path in documents.items()}


def test_each_split_has_the_boxes_of_its_own_file(src):
    run(src, [f"{split}={src.parent / split}.json" for split in SPLITS])
    assert count_boxes(src) == dict.fromkeys(SPLITS, 1)


def test_a_split_may_be_called_by_what_its_directory_means_and_another_has_none(src):
    summary = run(src, [f"train={src.parent}/train.json", f"val={src.parent}/valid.json"])
    assert count_boxes(src) == {"train": 1, "valid": 1, "test": 0}
    assert "split 'test' has no boxes" in summary.notes


def test_a_recipe_names_the_files_of_splits(src):
    given = [f"{split}={src.parent / split}.json" for split in SPLITS]
    augcli.materialize(src, src.parent / "dst", read_recipe({"op": [{"kind": "cutout"}], "boxes": given}))
    assert count_boxes(src) == dict.fromkeys(SPLITS, 1)


def test_files_that_lie_in_the_splits_are_found(src):
    for split in SPLITS:
        write_boxes(src / split / "_annotations.coco.json", f"{split}.png")
    summary = run(src)
    assert count_boxes(src) == dict.fromkeys(SPLITS, 1)
    assert any(note.startswith("boxes: those of ") and "test/_annotations" in note for note in summary.notes)
    assert not any("passed over" in note for note in summary.notes)


def test_of_images_that_a_file_found_does_not_name_unboxed_decides(src):
    write_boxes(src / "train" / "_annotations.coco.json", "train.png")
    summary = augcli.materialize(src, src.parent / "dst", single(Cutout(), unboxed="keep"))
    assert not any("no effect" in note for note in summary.notes)


def test_the_file_of_the_one_split_that_is_given_is_found(src):
    write_boxes(src / "train" / "_annotations.coco.json", "train.png")
    summary = augcli.materialize(src / "train", src.parent / "dst", single(Cutout()))
    assert summary.boxes == {"cell": (1, 1)}


def test_a_file_of_no_split_is_refused(src):
    with pytest.raises(
        InputError, match=r"names split 'extra' for .*splits of the input are 'test', 'train'"
    ):
        run(src, [f"train={src.parent}/train.json", f"extra={src.parent}/test.json"])


def test_two_files_of_one_split_are_refused_whatever_it_is_called(src):
    with pytest.raises(InputError, match=r"gives split 'valid' two files: .*valid\.json', '.*test\.json'"):
        run(src, [f"valid={src.parent}/valid.json", f"val={src.parent}/test.json"])


def test_files_of_different_categories_are_refused(src):
    write_boxes(src.parent / "test.json", "test.png", ("cup",))
    with pytest.raises(InputError, match=r"the categories of 'test' \(cup\) and 'train' \(cell\) contradict"):
        run(src, [f"{split}={src.parent / split}.json" for split in SPLITS])


def test_categories_of_other_ids_and_order_are_mapped_by_name(src):
    write_boxes(src.parent / "train.json", "train.png", ("cup", "cell"))
    write_boxes(src.parent / "valid.json", "valid.png", ("cell", "cup"))
    summary = run(src, [f"{split}={src.parent / split}.json" for split in ("train", "valid")])
    held = {}
    for split in ("train", "valid"):
        document = json.loads((src.parent / "dst" / split / "annotations.json").read_text())
        names = {entry["id"]: entry["name"] for entry in document["categories"]}
        held[split] = [names[box["category_id"]] for box in document["annotations"]]
    assert held == {"train": ["cup"], "valid": ["cell"]}
    assert any("mapped by name" in note for note in summary.notes)


def test_a_split_may_name_fewer_categories(src):
    write_boxes(src.parent / "train.json", "train.png", ("dish", "cell"))
    run(src, [f"train={src.parent}/train.json", f"valid={src.parent}/valid.json"])
    document = json.loads((src.parent / "dst" / "valid" / "annotations.json").read_text())
    assert [entry["name"] for entry in document["categories"]] == ["dish", "cell"]
    assert [box["category_id"] for box in document["annotations"]] == [2]


def test_a_split_without_categories_and_boxes_contradicts_no_other(src):
    write_boxes(src.parent / "train.json", "train.png", ("cup", "cell"))
    write_boxes(src.parent / "valid.json", "valid.png", ("cell", "cup"))
    images = [{"id": 0, "file_name": "test.png", "width": 8, "height": 8}]
    empty = {"images": images, "annotations": [], "categories": []}
    (src.parent / "test.json").write_text(json.dumps(empty))
    summary = run(src, [f"{split}={src.parent / split}.json" for split in ("train", "valid", "test")])
    assert summary.boxes == {"cup": (1, 1), "cell": (1, 1)}


def test_categories_of_one_name_and_other_keypoints_are_refused(src):
    for split, points in (("train", ["head", "tail"]), ("valid", ["tail", "head"])):
        path = src.parent / f"{split}.json"
        document = json.loads(path.read_text())
        document["categories"][0]["keypoints"] = points
        path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="category 'cell' of split 'valid' has other keypoints"):
        run(src, [f"{split}={src.parent / split}.json" for split in ("train", "valid")])


def test_splits_of_voc_have_the_names_of_all(src):
    for split, name in (("train", "cup"), ("valid", "bowl")):
        folder = src.parent / f"{split}-xml"
        folder.mkdir()
        bounds = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
        (folder / f"{split}.xml").write_text(
            f"<annotation><object><name>{name}</name>{bounds}</object></annotation>"
        )
    run(src, [f"{split}={src.parent / split}-xml" for split in ("train", "valid")])
    for split, name in (("train", "cup"), ("valid", "bowl")):
        [path] = (src.parent / "dst" / split / "annotations").iterdir()
        assert f"<name>{name}</name>" in path.read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["a.json", "b.json"], "must be SPLIT=FILE each"),
        (["train=a.json", "b.json"], "must be SPLIT=FILE each"),
        (["train="], "must be SPLIT=FILE each"),
        ([], "must be SPLIT=FILE each"),
        (["train=a.json", "train=b.json"], "names a split twice"),
    ],
)
def test_lists_that_are_not_of_splits_and_files_are_refused(given, says):
    with pytest.raises(UsageError, match=says):
        InputFiles.of(boxes=given)


def test_panoptic_files_are_named_as_not_read(src):
    document = json.loads((src.parent / "train.json").read_text())
    document["annotations"] = [{"image_id": 0, "file_name": "0.png", "segments_info": [{"id": 1}]}]
    (src.parent / "train.json").write_text(json.dumps(document))
    with pytest.raises(
        InputError, match="panoptic segments, which are not read; give a COCO file of instances"
    ):
        run(src, [f"train={src.parent}/train.json"])
