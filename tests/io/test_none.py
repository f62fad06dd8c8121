"""`--masks none` and `--boxes none`: what is found by itself is not read, in each layout."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.recipe import single


def read(src, masks=None, boxes=None):
    return open_source(str(src), Selection(InputFiles(masks=masks, boxes=boxes)))


def put(path, text=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        Image.fromarray(np.zeros((32, 40), np.uint8)).save(path)
    else:
        path.write_text(text)


def coco(*names):
    images = [{"id": n, "file_name": name, "width": 40, "height": 32} for n, name in enumerate(names)]
    boxes = [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 9, 9]}]
    return json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]})


def keys(source):
    return {split.split: list(split.keys) for split in source.catalogues}


def test_masks_beside_images_are_neither_masks_nor_images(tmp_path):
    for name in ("images/0.png", "images/1.png", "masks/0.png"):
        put(tmp_path / name)
    source = read(tmp_path, masks="none")
    assert (keys(source), source.annotated.masks) == ({"": ["0.png", "1.png"]}, False)
    assert "left out: the masks in masks/, beside the images in images/" in source.notes


def test_masks_and_boxes_of_a_table_are_left_out(tmp_path):
    for name in ("0.png", "m/0.png"):
        put(tmp_path / name)
    boxes = {"bbox": [[1, 1, 9, 9]], "category": [0]}
    row = {"file_name": "0.png", "mask_file_name": "m/0.png", "objects": boxes}
    put(tmp_path / "metadata.jsonl", json.dumps(row) + "\n")
    assert read(tmp_path).annotated.masks
    source = read(tmp_path, masks="none", boxes="none")
    assert (keys(source), bool(source.annotated)) == ({"": ["0.png"]}, False)


def test_a_file_of_boxes_in_a_split_is_left_out(tmp_path):
    put(tmp_path / "train" / "0.png")
    put(tmp_path / "train" / "_annotations.coco.json", coco("0.png"))
    assert read(tmp_path).annotated.boxes
    assert read(tmp_path, boxes="none").annotated.boxes is None


def test_yolo_labels_are_left_out_and_splits_stay(tmp_path):
    for split in ("train", "val"):
        put(tmp_path / "images" / split / "0.png")
        put(tmp_path / "labels" / split / "0.txt", "0 0.5 0.5 0.5 0.5\n")
    source = read(tmp_path, boxes="none")
    assert keys(source) == {"train": ["images/train/0.png"], "val": ["images/val/0.png"]}
    assert (source.layout, source.annotated.boxes) == ("folder", None)
    assert [split.boxes for split in source.catalogues] == [None, None]


@pytest.mark.slow
def test_images_of_yolo_alone_are_written_as_a_folder(tmp_path):
    for split in ("train", "val"):
        put(tmp_path / "s" / "images" / split / "0.png")
        put(tmp_path / "s" / "labels" / split / "0.txt", "0 0.5 0.5 0.5 0.5\n")
    augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()), boxes="none")
    assert sorted(path.parent.name for path in (tmp_path / "dst").rglob("*.png")) == ["train", "val"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "webdataset", "folder"])
def test_masks_and_boxes_of_an_output_are_left_out(tmp_path, form):
    for number in range(3):
        for kind in ("images", "masks"):
            put(tmp_path / "s" / kind / f"{number}.png")
    put(tmp_path / "b.json", coco("0.png", "1.png", "2.png"))
    given = {"masks": tmp_path / "s" / "masks", "boxes": tmp_path / "b.json"}
    augcli.materialize(tmp_path / "s" / "images", tmp_path / "dst", single(CutMix(), format=form), **given)
    annotated = read(tmp_path / "dst").annotated
    assert annotated.masks
    assert annotated.boxes
    source = read(tmp_path / "dst", masks="none", boxes="none")
    assert (len(source.catalogues[0]), bool(source.annotated)) == (3, False)
    none = {"masks": "none", "boxes": "none"}
    again = augcli.materialize(tmp_path / "dst", tmp_path / "again", single(Cutout()), **none)
    assert again.outputs == 3
    if form == "parquet":
        [shard] = (tmp_path / "again" / "data").iterdir()
        assert not {"mask", "objects"} & set(pq.read_schema(shard).names)


def test_a_directory_called_none_is_named_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "s" / "0.png")
    put(tmp_path / "none" / "0.png")
    assert read("s", masks="./none").annotated.masks
    with pytest.raises(InputError, match="'nothing' does not exist"):
        read("s", masks="nothing")


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{split}/images/0.png", "{split}/masks/0.png"),
        ("{split}/images/0.png", "{split}/annotations/0.png"),
        ("{split}/0.png", "{split}_masks/0.png"),
        ("{split}_images/0.png", "{split}_masks/0.png"),
        ("{split}/0.png", "{split}/masks/0.png"),
        ("{split}/0.png", "masks/{split}/0.png"),
        ("{split}/0.png", "{split}/0_mask.png"),
    ],
)
def test_masks_in_each_split_are_neither_masks_nor_images(image, mask, tmp_path):
    for split in ("train", "val"):
        put(tmp_path / image.format(split=split))
        put(tmp_path / mask.format(split=split))
    with pytest.raises(InputError):
        read(tmp_path)
    source = read(tmp_path, masks="none")
    assert sorted(key for split in source.catalogues for key in split.keys) == [
        image.format(split=split) for split in ("train", "val")
    ]
    assert (len(source.catalogues), source.annotated.masks) == (2, False)
    assert source.notes[0].startswith("left out: 2 masks beside images (")


def test_masks_beside_images_in_each_class_folder_are_left_out(tmp_path):
    for name in ("cat", "dog"):
        put(tmp_path / name / "images" / "0.png")
        put(tmp_path / name / "masks" / "0.png")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "or --masks none to leave them out" in caught.value.spell(Spelling.FLAG)
    [split] = read(tmp_path, masks="none").catalogues
    assert (split.keys, split.classes) == (["cat/images/0.png", "dog/images/0.png"], ("cat", "dog"))


def test_masks_beside_yolo_labels_in_each_split_are_left_out(tmp_path):
    for split in ("train", "val"):
        put(tmp_path / split / "images" / "0.png")
        put(tmp_path / split / "masks" / "0.png")
        put(tmp_path / split / "labels" / "0.txt", "0 0.5 0.5 0.5 0.5\n")
    source = read(tmp_path, masks="none")
    assert keys(source) == {"train": ["train/images/0.png"], "val": ["val/images/0.png"]}
    assert source.layout == "yolo"


def test_a_file_named_as_a_mask_of_an_image_that_is_not_there_is_an_image(tmp_path):
    for name in ("A.png", "A_mask.png", "wears_mask.png"):
        put(tmp_path / name)
    assert keys(read(tmp_path, masks="none")) == {"": ["A.png", "wears_mask.png"]}


@pytest.mark.parametrize("classes", [("mask", "nomask"), ("face_masks", "gloves")])
def test_a_class_called_mask_stays_a_class(tmp_path, classes):
    for number, name in enumerate(classes):
        put(tmp_path / name / f"{number}.png")
    [split] = read(tmp_path, masks="none").catalogues
    assert split.classes == classes
