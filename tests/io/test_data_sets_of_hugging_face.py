"""Data sets that the package `datasets` itself writes, augmented, and loaded by it again.

Image number n is flat of level 10 (n + 1): each pixel tells which image it is from, and so which labels,
boxes and masks belong to it.
"""

import socket

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.recipe import single

COUNT = 8
NAMES = ["ant", "bee", "cat"]
BOXES = [[1.0, 2.0, 4.0, 5.0], [6.0, 1.0, 5.0, 6.0]]


@pytest.fixture(scope="module")
def datasets():
    """The real package, offline: any connection is an error."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("HF_DATASETS_OFFLINE", "1")
    module = pytest.importorskip("datasets")
    module.disable_progress_bars()

    def refuse(*_: object) -> None:
        raise AssertionError("a test opened a network connection")

    patch.setattr(socket.socket, "connect", refuse)
    yield module
    patch.undo()


@pytest.fixture
def augment(datasets, tmp_path):
    """Write a data set as shards, augment these, and load the output; gives both, and the notes."""

    def run(columns, features, **settings):
        images = [Image.new("L", (12, 9), 10 * (n + 1)) for n in range(COUNT)]
        features = datasets.Features({"image": datasets.Image(), **features})
        data = datasets.Dataset.from_dict({"image": images, **columns}, features)
        (tmp_path / "src").mkdir()
        data.to_parquet(str(tmp_path / "src" / "train-00000-of-00001.parquet"))
        recipe = single(CutMix(lam=0.6), copies=2, **settings)
        summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe)
        loaded = datasets.load_dataset(str(tmp_path / "dst"), cache_dir=str(tmp_path / "cache"))
        assert list(loaded) == ["train"]
        assert len(loaded["train"]) == 2 * COUNT
        return loaded["train"], list(map(str, summary.notes))

    return run


def levels(row):
    """Which image each pixel is from."""
    pixels = np.asarray(row["image"])
    assert not (pixels % 10).any()
    return pixels // 10 - 1


def number_of(source):
    return int(source.rsplit("#", 1)[1])


@pytest.mark.slow
def test_labels_of_several_classes_belong_to_the_pixels(augment, datasets):
    held = [[n % 3] if n % 2 else [n % 3, (n + 1) % 3] for n in range(COUNT)]
    several = getattr(datasets, "List", datasets.Sequence)
    loaded, _ = augment(
        {"labels": held}, {"labels": several(datasets.ClassLabel(names=NAMES))}, label_col="labels"
    )
    for row in loaded:
        wanted = np.zeros(3)
        for number, count in zip(*np.unique(levels(row), return_counts=True), strict=True):
            wanted[held[number]] += count / (9 * 12)
        got = np.zeros(3)
        got[row["classes"]] = row["weights"]
        np.testing.assert_allclose(got, wanted, atol=1e-12)
        np.testing.assert_allclose(row["soft_label"], wanted, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["lists", "structs"])
def test_boxes_belong_to_the_pixels(augment, datasets, form):
    several = getattr(datasets, "List", datasets.Sequence)
    box = {
        "id": datasets.Value("int64"),
        "bbox": several(datasets.Value("float32"), length=4),
        "category": datasets.ClassLabel(names=NAMES),
        "area": datasets.Value("float32"),
    }
    cell = {"id": [5, 6], "bbox": BOXES, "category": [2, 0], "area": [20.0, 30.0]}
    feature = datasets.Sequence(box) if form == "lists" else [box]
    cell = (
        cell
        if form == "lists"
        else [dict(zip(cell, row, strict=True)) for row in zip(*cell.values(), strict=True)]
    )
    loaded, notes = augment({"objects": [cell] * COUNT}, {"objects": feature})
    assert "boxes: 16 of column 'objects'" in notes
    inner = loaded.features["objects"]
    if form == "lists":
        names = getattr(inner, "feature", inner)["category"]
        assert getattr(names, "feature", names).names == NAMES
    else:
        assert (inner[0] if isinstance(inner, list) else inner.feature)["category"].names == NAMES
    for row in loaded:
        image, boxes = levels(row), row["objects"]
        if form == "lists":
            boxes = [dict(zip(boxes, values, strict=True)) for values in zip(*boxes.values(), strict=True)]
        assert {number_of(box["source"]) for box in boxes} <= set(np.unique(image))
        own = {box["id"]: box for box in boxes if box["source"] == row["source"]}
        for number, category, bbox in ((5, 2, BOXES[0]), (6, 0, BOXES[1])):
            x, y, width, height = map(int, bbox)
            share = (image[y : y + height, x : x + width] == number_of(row["source"])).mean()
            assert (number in own) == (share > 0)
            if share:
                assert own[number]["visibility"] == pytest.approx(share, abs=1e-12)
                assert (own[number]["category"], own[number]["bbox"]) == (category, bbox)


@pytest.mark.parametrize("name", ["annotation", "label"])
def test_masks_belong_to_the_pixels(augment, datasets, name):
    masks = [Image.new("L", (12, 9), n + 1) for n in range(COUNT)]
    texts = [f"image {n}" for n in range(COUNT)]
    loaded, notes = augment(
        {name: masks, "caption": texts, "depth": masks[::-1]},
        {name: datasets.Image(), "caption": datasets.Value("string"), "depth": datasets.Image()},
    )
    assert f"masks: those of column {name!r}" in notes
    assert "left out: column 'depth', which cannot follow the pixels that change" in notes
    assert "depth" not in loaded.column_names
    for row in loaded:
        np.testing.assert_array_equal(np.asarray(row["mask"]), levels(row) + 1)
        assert row["caption"] == f"image {number_of(row['source'])}"


def test_classes_that_are_carried_beside_mixed_pixels_are_noted(augment, datasets):
    loaded, notes = augment(
        {"label": [n % 3 for n in range(COUNT)], "coarse": [n % 2 for n in range(COUNT)]},
        {"label": datasets.ClassLabel(names=NAMES), "coarse": datasets.ClassLabel(names=["x", "y"])},
    )
    assert any("column 'coarse' holds classes of the base alone" in note for note in notes)
    assert loaded.features["coarse"].names == ["x", "y"]


@pytest.mark.slow
def test_a_detection_set_as_transformers_examples_read_it_comes_back_as_it_was(datasets, tmp_path):
    """The features of cppe-5, which the object detection examples of transformers train on."""
    boxes = {
        "id": datasets.Sequence(datasets.Value("int64")),
        "area": datasets.Sequence(datasets.Value("int64")),
        "bbox": datasets.Sequence(datasets.Sequence(datasets.Value("float32"), length=4)),
        "category": datasets.Sequence(datasets.ClassLabel(names=["Coverall", "Mask"])),
    }
    features = datasets.Features(
        {
            "image_id": datasets.Value("int64"),
            "image": datasets.Image(),
            "width": datasets.Value("int32"),
            "height": datasets.Value("int32"),
            "objects": boxes,
        }
    )
    rows = {
        "image_id": [15, 16, 17],
        "image": [Image.new("RGB", (40, 30), (10 * n, 0, 0)) for n in range(3)],
        "width": [40] * 3,
        "height": [30] * 3,
        "objects": [
            {
                "id": [114, 115],
                "area": [90, 37],  # of the second an area that is not that of its box
                "bbox": [[2.0, 4.0, 9.0, 10.0], [11.5, 3.0, 7.0, 8.0]],
                "category": [1, 0],
            },
            {"id": [], "area": [], "bbox": [], "category": []},
            {"id": [116], "area": [1200], "bbox": [[0.0, 0.0, 40.0, 30.0]], "category": [0]},
        ],
    }
    (tmp_path / "src").mkdir()
    data = datasets.Dataset.from_dict(rows, features)
    data.to_parquet(str(tmp_path / "src" / "train-00000-of-00001.parquet"))
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout(length=1), 0.0))
    loaded = datasets.load_dataset(str(tmp_path / "dst"), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features["image_id"] == features["image_id"]
    assert {name: loaded.features["objects"][name] for name in boxes} == boxes
    by_source = {number_of(row["source"]): row for row in loaded}
    for number in range(3):
        row = by_source[number]
        kept = {name: row["objects"][name] for name in boxes}
        assert kept == rows["objects"][number]
        assert (row["image_id"], row["width"], row["height"]) == (15 + number, 40, 30)
        assert row["image"].getpixel((0, 0)) == (10 * number, 0, 0)
