"""Outputs as YOLO has them: labels that belong to the pixels, what describes them, and what reads them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import augcli
from augcli.errors import InputError, UsageError
from augcli.io.records.annotation_columns import BOX_BYTES
from augcli.io.records.part_files import write_part_file
from augcli.io.records.parts import Parts
from augcli.io.store.local import LocalStore
from augcli.io.writers.yolo import LabelFiles
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.mixup import Mixup
from augcli.recipe import single

CELLS = Path(__file__).parents[2] / "sample_data" / "cells"
UNTOUCHED = single(Cutout(), 0.0)
DETECT = ("0 0.5 0.25 0.25 0.125", "1 0.1234567890123456 0.75 0.2 0.3", "0 0.916667 0.5 0.166667 1")


@pytest.fixture
def make(tmp_path):
    """Write a YOLO data set of two splits; `lines` are those of all images but the last, without a file."""

    def write(lines=DETECT, name="src", count=4, more=""):
        root = tmp_path / name
        for split, number in (("train", count), ("val", 2)):
            for kind in ("images", "labels"):
                (root / kind / split).mkdir(parents=True)
            for i in range(number):
                pixels = np.full((32 + i, 40, 3), 20 * (i + 1), np.uint8)
                Image.fromarray(pixels).save(root / f"images/{split}/{i}.png")
                if i < number - 1:
                    (root / f"labels/{split}/{i}.txt").write_text("".join(f"{line}\n" for line in lines))
        text = f"train: images/train\nval: images/val\nnames: [car, bus]\n{more}"
        (root / "data.yaml").write_text(text)
        return root

    return write


def read_lines(dst: Path, split="train") -> dict[str, list[str]]:
    """The lines of each label file by the stem of its source."""
    files = sorted((dst / "labels" / split).iterdir())
    return {path.name.partition("__")[0]: path.read_text().splitlines() for path in files}


# --- what Ultralytics takes, restated --------------------------------------------------------------------


def check_det_dataset(dst: Path) -> dict:
    """Ultralytics 8.3, data/utils.py: splits and names of a data.yaml, paths below its own directory."""
    data = yaml.safe_load((dst / "data.yaml").read_text())
    assert {"train", "val"} <= data.keys()
    assert "path" not in data  # one that is relative would lead below the current directory
    assert len(data["names"]) == data["nc"]
    assert sorted(data["names"]) == list(range(data["nc"]))
    for key in ("train", "val", "test"):
        if key in data:
            data[key] = (dst / data[key]).resolve()
            assert data[key].is_dir()
    return data


def verify_image_label(image: Path, classes: int, keypoints=None) -> np.ndarray:
    """Ultralytics 8.3, data/utils.py: the rows of an image's label file, which must pass all its checks."""
    label = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
    rows = [line.split() for line in label.read_text().strip().splitlines() if line]
    if any(len(row) > 6 for row in rows) and not keypoints:
        assert all(len(row) > 6 for row in rows)
        points = [np.array(row[1:], np.float32).reshape(-1, 2) for row in rows]
        bounds = [(*(p.min(0) + p.max(0)) / 2, *(p.max(0) - p.min(0))) for p in points]
        rows = [[row[0], *box] for row, box in zip(rows, bounds, strict=True)]
    table = np.array(rows, np.float32)
    if len(table):
        assert table.shape[1] == 5 + (keypoints[0] * keypoints[1] if keypoints else 0)
        places = table[:, 5:].reshape(len(table), *keypoints)[..., :2] if keypoints else table[:, 1:]
        assert places.max() <= 1.01
        assert table.min() >= -0.01
        assert table[:, 0].max() < classes
    return table


def check_whole(dst: Path, keypoints=None) -> int:
    """Check an output as Ultralytics does before it trains; returns the number of its objects."""
    data, count = check_det_dataset(dst), 0
    for key in {"train", "val", "test"} & data.keys():
        images = [path for path in data[key].rglob("*") if path.suffix.lower() in (".jpg", ".png")]
        assert images
        count += sum(len(verify_image_label(path, data["nc"], keypoints)) for path in images)
    return count


# --- detection -------------------------------------------------------------------------------------------


def test_untouched_lines_come_back_as_they_were(make, tmp_path):
    augcli.materialize(make(), tmp_path / "dst", UNTOUCHED)
    assert read_lines(tmp_path / "dst") == {"0": list(DETECT), "1": list(DETECT), "2": list(DETECT), "3": []}
    assert read_lines(tmp_path / "dst", "val") == {"0": list(DETECT), "1": []}


def test_an_output_is_laid_out_as_ultralytics_wants_it(make, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(make(), dst, single(CutMix()))
    assert check_whole(dst) >= 3 * 3 + 3
    assert (dst / "data.yaml").read_text() == (
        "train: images/train\nval: images/val\nnc: 2\nnames:\n  0: car\n  1: bus\n"
    )
    stems = {path.stem for path in (dst / "images/train").iterdir() if path.suffix == ".png"}
    assert stems == {path.stem for path in (dst / "labels/train").iterdir()}
    assert augcli.verify(dst).differences == ()


def test_boxes_of_two_classes_of_one_name_are_counted_together(make, tmp_path):
    root = make()
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [car, car]\n")
    assert augcli.materialize(root, tmp_path / "dst", UNTOUCHED).boxes == {"car": (12, 12)}


def test_the_boxes_are_those_that_the_same_boxes_in_coco_give(tmp_path):
    document = json.loads((CELLS / "boxes.json").read_text())
    ids = {category["id"]: index for index, category in enumerate(document["categories"])}
    root = tmp_path / "src"
    for kind in ("images", "labels"):
        (root / kind).mkdir(parents=True)
    for image in document["images"]:
        width, height = image["width"], image["height"]
        lines = [
            f"{ids[box['category_id']]} {(x + w / 2) / width} {(y + h / 2) / height}"
            f" {w / width} {h / height}\n"
            for box in document["annotations"]
            if box["image_id"] == image["id"]
            for x, y, w, h in [box["bbox"]]
        ]
        name = Path(image["file_name"])
        (root / "images" / name.name).write_bytes((CELLS / "images" / name.name).read_bytes())
        (root / "labels" / f"{name.stem}.txt").write_text("".join(lines))
    names = [category["name"] for category in document["categories"]]
    (root / "data.yaml").write_text(f"train: images\nnames: {json.dumps(names)}\n")
    recipe = {"name": "mix", "op": [{"kind": "cutmix"}, {"kind": "cutout"}], "seed": 3, "copies": 2}
    augcli.materialize(root, tmp_path / "yolo", recipe | {"format": "folder"})
    augcli.materialize(root, tmp_path / "coco", recipe, boxes=CELLS / "boxes.json")
    found, wanted = (read_coco_boxes(path) for path in (tmp_path / "yolo/train", tmp_path / "coco"))
    assert len(found) == len(wanted) > 50
    assert [box[:2] for box in found] == [box[:2] for box in wanted]
    assert sum(np.allclose(a[2], b[2], atol=1e-5) for a, b in zip(found, wanted, strict=True)) == len(found)


def read_coco_boxes(directory: Path) -> list[tuple]:
    """Category, visibility and place of each box, by category and visibility."""
    document = json.loads((directory / "annotations.json").read_text())
    names = {category["id"]: category["name"] for category in document["categories"]}
    boxes = [(names[b["category_id"]], round(b["visibility"], 9), b["bbox"]) for b in document["annotations"]]
    return sorted(boxes)


def test_a_photo_that_is_turned_has_labels_of_the_upright_image(make, tmp_path):
    root = make(("0 0.25 0.25 0.5 0.5",), count=2)
    pixels = np.zeros((30, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(root / "images/train/0.png", exif=exif)
    augcli.materialize(root, tmp_path / "dst", {"op": [{"kind": "cutout", "p": 0.0}], "format": "folder"})
    (box,) = json.loads((tmp_path / "dst/train/annotations.json").read_text())["annotations"]
    assert box["bbox"] == [0, 0, 15, 30]  # of 30 columns and 60 rows


def test_an_output_is_an_input_again(make, tmp_path):
    augcli.materialize(make(), tmp_path / "once", UNTOUCHED)
    augcli.materialize(tmp_path / "once", tmp_path / "twice", UNTOUCHED)
    lines = {path.read_text() for path in (tmp_path / "twice/labels/train").iterdir()}
    assert lines == {"".join(f"{line}\n" for line in DETECT), ""}
    assert (tmp_path / "twice/data.yaml").read_text() == (tmp_path / "once/data.yaml").read_text()


def test_an_output_whose_val_stands_for_another_split_is_read_as_one_split(make, tmp_path):
    """Programs for YOLO want `val`, so an output without one names its training images there."""
    root = make()
    shutil.rmtree(root / "images/val")
    (root / "data.yaml").write_text("train: images/train\nnames: [car, bus]\n")
    augcli.materialize(root, tmp_path / "once", UNTOUCHED)
    assert yaml.safe_load((tmp_path / "once/data.yaml").read_text())["val"] == "images/train"
    summary = augcli.materialize(tmp_path / "once", tmp_path / "twice", UNTOUCHED)
    assert summary.outputs == 4
    assert sorted(path.name for path in (tmp_path / "twice/images").iterdir()) == ["train"]
    assert (tmp_path / "twice/data.yaml").read_text() == (tmp_path / "once/data.yaml").read_text()


def test_an_output_of_a_split_to_validate_with_alone_is_no_split_to_train_with(make, tmp_path):
    recipe = replace(UNTOUCHED, split="val", other_splits="skip")
    augcli.materialize(make(), tmp_path / "once", recipe)
    assert "train: images/val" in (tmp_path / "once/data.yaml").read_text()
    augcli.materialize(tmp_path / "once", tmp_path / "twice", recipe)
    assert [path.name for path in (tmp_path / "twice/images").iterdir()] == ["val"]


def test_outlines_of_four_corners_in_an_output_are_outlines_again(make, tmp_path):
    root = make(["0 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75"])
    augcli.materialize(root, tmp_path / "once", replace(UNTOUCHED, yolo_task="segment"))
    summary = augcli.materialize(tmp_path / "once", tmp_path / "twice", UNTOUCHED)
    assert any(note.startswith("labels: YOLO, segment") for note in summary.notes)


def test_images_have_the_same_bytes_with_and_without_labels(make, tmp_path):
    root = make()
    augcli.materialize(root, tmp_path / "with", single(CutMix()))
    shutil.rmtree(root / "labels")
    augcli.materialize(root, tmp_path / "without", single(CutMix()))
    images = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "images/train").glob("*.png")}
        for name in ("with", "without")
    ]
    assert images[0] == images[1]
    assert len(images[0]) == 4


def test_what_labels_have_no_place_for_stands_in_the_table(make, tmp_path):
    summary = augcli.materialize(make(), tmp_path / "dst", single(Mixup(lam=0.3)))
    rows = pq.read_table(tmp_path / "dst/images/train/metadata.parquet").to_pylist()
    for row in rows:
        path = tmp_path / "dst/labels/train" / f"{Path(row['file_name']).stem}.txt"
        assert len(row["box_weight"]) == len(row["box_visibility"]) == len(path.read_text().splitlines())
        assert set(row["box_source"]) <= {row["source"], *row["partners"]}
    weights = [weight for row in rows for weight in row["box_weight"]]
    assert min(weights) < 0.31
    assert summary.counts[
        "boxes whose weight stands in metadata.parquet alone, since labels have no place for it"
    ] == len(weights)


def test_without_a_split_to_validate_with_the_training_images_are_named_and_that_is_said(make, tmp_path):
    root = make()
    (root / "data.yaml").write_text("train: images/train\nnames: [car, bus]\n")
    summary = augcli.materialize(root, tmp_path / "dst", UNTOUCHED)
    assert check_det_dataset(tmp_path / "dst")["val"].name == "train"
    assert any("no split to validate with" in note for note in summary.notes)


def test_names_of_all_kinds_are_in_the_data_yaml(make, tmp_path):
    root = make()
    names = ["no", "naïve: x"]
    (root / "data.yaml").write_text(f"train: images/train\nnames: {json.dumps(names)}\n")
    augcli.materialize(root, tmp_path / "dst", UNTOUCHED)
    assert list(check_det_dataset(tmp_path / "dst")["names"].values()) == names


def test_bad_lines_are_left_out_counted_and_listed(make, tmp_path):
    root = make((*DETECT, "0 1 2 3"))
    with pytest.raises(InputError, match="line 4 must have 4 values"):
        augcli.materialize(root, tmp_path / "dst", UNTOUCHED)
    summary = augcli.materialize(root, tmp_path / "dst", single(Cutout(), 0.0, bad_boxes="skip"))
    assert summary.counts["bad boxes left out (another number of values)"] == 4
    assert len((tmp_path / "dst/warnings.jsonl").read_text().splitlines()) == 4
    assert read_lines(tmp_path / "dst")["0"] == list(DETECT)


# --- outlines, oriented boxes, poses ----------------------------------------------------------------------

TASKS = {
    "segment": (("0 0.1 0.2 0.4 0.2 0.4 0.5", "1 0.6 0.6 0.9 0.61 0.9 0.9 0.7 0.95 0.6 0.8"), ""),
    "obb": (("0 0.3 0.1 0.6 0.4 0.5 0.5 0.2 0.2", "1 0 0 1 0 1 1 0 1"), ""),
    "pose": (("0 0.5 0.5 0.4 0.6 0.4 0.3 2 0.6 0.7 1", "1 0.5 0.5 1 1 1 1 2 0 0 0"), "kpt_shape: [2, 3]\n"),
    "pose of two": (("0 0.5 0.5 0.4 0.6 0.4 0.3 0.6 0.7", "1 0.5 0.5 1 1 1 1 0 0"), "kpt_shape: [2, 2]\n"),
}


@pytest.mark.parametrize("task", TASKS)
def test_untouched_lines_of_every_task_come_back_as_they_were(make, tmp_path, task):
    lines, more = TASKS[task]
    augcli.materialize(make(lines, more=more), tmp_path / "dst", UNTOUCHED)
    assert read_lines(tmp_path / "dst")["0"] == list(lines)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_mixed_passes_the_checks_of_ultralytics(make, tmp_path, task):
    lines, more = TASKS[task]
    shape = json.loads(more.partition(": ")[2] or "null")
    dst = tmp_path / "dst"
    recipe = {"name": "mix", "op": [{"kind": "cutmix"}, {"kind": "cutout", "length": 9}], "copies": 3}
    augcli.materialize(make(lines, more=more), dst, recipe)
    assert check_whole(dst, shape) > 20
    assert augcli.verify(dst).differences == ()
    again = tmp_path / "again"
    augcli.materialize(dst, again, UNTOUCHED)
    assert sorted(map(tuple, read_lines_of_all(again))) == sorted(map(tuple, read_lines_of_all(dst)))


def read_lines_of_all(dst: Path) -> list[list[str]]:
    return [path.read_text().splitlines() for path in (dst / "labels/train").iterdir()]


def test_of_an_outline_that_holes_cut_is_left_what_is_seen(make, tmp_path):
    root = make(("0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9",), count=9)
    augcli.materialize(root, tmp_path / "dst", single(Cutout(length=12, holes=3), yolo_task="segment"))
    rows = pq.read_table(tmp_path / "dst/images/train/metadata.parquet").to_pylist()
    seen = {Path(row["file_name"]).stem: row["box_visibility"] for row in rows if row["box_visibility"]}
    for stem, (visibility,) in seen.items():
        (line,) = (tmp_path / f"dst/labels/train/{stem}.txt").read_text().splitlines()
        x, y = np.array(line.split()[1:], float).reshape(-1, 2).T
        area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
        assert area == pytest.approx(0.64 * visibility, rel=1e-6)
    assert len(seen) == 8
    assert all(visibility < 1 for (visibility,) in seen.values())


def test_a_hole_hides_a_keypoint(make, tmp_path):
    root = make(("0 0.5 0.5 1 1 0.5 0.5 2 0.02 0.02 2",), more="kpt_shape: [2, 3]\n", count=2)
    augcli.materialize(root, tmp_path / "dst", {"op": [{"kind": "cutout", "length": 20}], "copies": 8})
    all_seen = set()
    rows = pq.read_table(tmp_path / "dst/images/train/metadata.parquet").to_pylist()
    for row in rows:
        path = tmp_path / "dst/labels/train" / f"{Path(row['file_name']).stem}.txt"
        with Image.open(tmp_path / "dst/images/train" / row["file_name"]) as image:
            pixels = np.asarray(image)[..., 0]
        for line in path.read_text().splitlines():
            points = np.array(line.split()[5:], float).reshape(-1, 3)
            for x, y, seen in points:
                place = pixels[min(int(y * pixels.shape[0]), pixels.shape[0] - 1), int(x * pixels.shape[1])]
                assert seen == (2 if place else 1)  # holes are black, images are not
                all_seen.add(seen)
    assert all_seen == {1, 2}


def test_a_line_of_an_image_that_was_cut_to_a_size_is_written_anew(make, tmp_path):
    """Of 32 rows and 40 columns, or 33, the middle 32 or 33 columns stay: x runs 1.25 times as fast."""
    root = make(("0 0.5 0.5 0.25 0.5",), count=2)
    augcli.materialize(
        root, tmp_path / "dst", {"op": [{"kind": "cutout", "p": 0.0}], "size": 32, "fit": "crop"}
    )
    [line] = read_lines(tmp_path / "dst")["0"]
    np.testing.assert_allclose([float(number) for number in line.split()], [0, 0.5, 0.5, 0.3125, 0.5])


def test_boxes_among_outlines_have_the_outline_of_their_box(make, tmp_path):
    root = make(("0 0.1 0.2 0.4 0.2 0.4 0.5", "1 0.5 0.5 0.5 0.5"))
    summary = augcli.materialize(root, tmp_path / "dst", UNTOUCHED)
    assert read_lines(tmp_path / "dst")["0"][1].split()[0] == "1"
    assert len(read_lines(tmp_path / "dst")["0"][1].split()) == 9
    assert check_whole(tmp_path / "dst") == 8
    assert "4 lines are boxes among outlines" in summary.notes


@pytest.mark.parametrize("task", ["segment", "obb", "pose"])
def test_yolo_becomes_coco_and_comes_back(make, tmp_path, task):
    lines, more = TASKS[task]
    augcli.materialize(make(lines, more=more), tmp_path / "coco", single(Cutout(), 0.0, format="folder"))
    train = tmp_path / "coco/train"
    document = json.loads((train / "annotations.json").read_text())
    key = "keypoints" if task == "pose" else "segmentation"
    assert all(key in box for box in document["annotations"])
    recipe = single(Cutout(), 0.0, format="yolo")
    augcli.materialize(tmp_path / "coco", tmp_path / "dst", recipe)
    found = [line.split() for lines in read_lines(tmp_path / "dst").values() for line in lines]
    wanted = [line.split() for line in lines] * 3
    assert len(found) == len(wanted)
    for row in found:
        assert any(
            len(row) == len(w) and np.allclose(np.array(row, float), np.array(w, float), atol=1e-5)
            for w in wanted
        )


# --- other layouts and formats ----------------------------------------------------------------------------


def test_coco_becomes_yolo(tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(CELLS / "images", dst, single(CutMix(), format="yolo"), boxes=CELLS / "boxes.json")
    assert check_whole(dst) > 20
    again = augcli.verify(dst, against=CELLS / "images", boxes=CELLS / "boxes.json")
    assert again.differences == ()


@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
def test_yolo_becomes_other_layouts_without_the_numbers_of_its_lines(make, tmp_path, layout):
    dst = tmp_path / "dst"
    augcli.materialize(make(), dst, single(CutMix(), format=layout))
    assert augcli.verify(dst).differences == ()
    files = [path for path in dst.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert not any(b'"numbers"' in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("names", "why"),
    [("[car, car]", "two classes of boxes are called 'car'"), ("['', bus]", "class 0 of boxes has an empty")],
)
def test_names_that_a_coco_file_cannot_tell_apart_stop_where_one_is_written(make, tmp_path, names, why):
    src = make()
    (src / "data.yaml").write_text(f"train: images/train\nnames: {names}\n")
    for layout in ("folder", "parquet"):
        with pytest.raises(InputError, match=why):
            augcli.materialize(src, tmp_path / layout, single(Cutout(), 0.0, format=layout))
        assert not (tmp_path / layout).exists()
    augcli.materialize(src, tmp_path / "yolo", UNTOUCHED)  # labels have numbers
    assert augcli.verify(tmp_path / "yolo")


def test_a_layout_for_boxes_needs_boxes(make_folder, tmp_path):
    with pytest.raises(UsageError, match="format='yolo' needs boxes; give boxes"):
        augcli.materialize(make_folder({"a": 2}), tmp_path / "dst", single(CutMix(), format="yolo"))


def test_it_has_no_place_for_masks(make, tmp_path):
    root, masks = make(), tmp_path / "masks"
    for path in (root / "images").rglob("*.png"):
        target = masks / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", Image.open(path).size).save(target)
    with pytest.raises(UsageError, match="has no place for masks; give format='folder'"):
        augcli.materialize(root, tmp_path / "dst", UNTOUCHED, masks=masks)
    summary = augcli.materialize(root, tmp_path / "dst", single(Cutout(), 0.0, format="folder"), masks=masks)
    assert summary.outputs == 6


def test_what_labels_have_no_place_for_in_coco_is_counted(make_folder, tmp_path):
    root = make_folder({"images": 1})
    runs = {"size": [8, 10], "counts": [10, 6, 64]}
    outline = [[1, 1, 9, 1, 9, 7]]
    boxes = [
        {"segmentation": runs, "iscrowd": 1},
        {"segmentation": runs},
        {"segmentation": outline, "keypoints": [2, 2, 2]},
    ]
    own = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 8, 6]}
    document = {
        "images": [{"id": 1, "file_name": "images/0.png", "height": 8, "width": 10}],
        "annotations": [own | box | {"id": number} for number, box in enumerate(boxes, 1)],
        "categories": [{"id": 1, "name": "a", "keypoints": ["k"]}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(document))
    said = {}
    for task in ("segment", "pose"):
        recipe = single(Cutout(), 0.0, format="yolo", yolo_task=task)
        summary = augcli.materialize(root, tmp_path / task, recipe, boxes=tmp_path / "coco.json")
        said[task] = summary.notes
        assert len(read_lines(tmp_path / task)["0"]) == 2
    # Rows 2 to 7 of column 1, of 8 rows and 10 columns.
    of_pixels = [*map(float, str(read_lines(tmp_path / "segment")["0"][0]).split()[1:])]
    assert of_pixels == [0.1, 0.25, 0.2, 0.25, 0.2, 1, 0.1, 1]
    assert "labels have no line for 1 box of crowds (iscrowd)" in said["segment"]
    assert "labels have no place for keypoints; give yolo_task='pose'" in said["segment"]
    assert "labels have no place for 2 outlines; give yolo_task='segment'" in said["pose"]


# --- runs -------------------------------------------------------------------------------------------------


def test_a_second_run_has_nothing_to_do_and_a_lost_label_is_made_again(make, tmp_path, tree):
    root, dst = make(), tmp_path / "dst"
    augcli.materialize(root, dst, single(CutMix()))
    before = tree(dst)
    assert augcli.materialize(root, dst, single(CutMix())).outputs_made == 0
    next((dst / "labels/train").iterdir()).unlink()
    assert augcli.verify(dst).differences
    augcli.materialize(root, dst, single(CutMix()))
    assert tree(dst) == before


def test_a_second_run_writes_no_label_to_know_that_all_stand(make, tmp_path, monkeypatch):
    root, dst = make(), tmp_path / "dst"
    augcli.materialize(root, dst, single(CutMix()))
    monkeypatch.delattr(LabelFiles, "_texts")
    assert augcli.materialize(root, dst, single(CutMix())).outputs_made == 0


def test_where_parts_say_no_lengths_of_labels_a_cut_one_is_made_again(make, tmp_path):
    root, dst = make(), tmp_path / "dst"
    augcli.materialize(root, dst, single(CutMix()))
    store = LocalStore(str(dst))
    for path in dst.glob(".augcli-*.parquet"):
        part = Parts(store).read_one(path.stem.removeprefix(".augcli-"))
        write_part_file(store, part.chunk, part.rows().drop_columns([BOX_BYTES]), part.facts)
    assert augcli.materialize(root, dst, single(CutMix())).outputs_made == 0
    cut = next(path for path in (dst / "labels/train").iterdir() if path.stat().st_size)
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-1])
    assert augcli.materialize(root, dst, single(CutMix())).outputs_made > 0
    assert cut.read_bytes() == whole


def test_a_changed_label_makes_its_images_anew(make, tmp_path):
    root, dst = make(), tmp_path / "dst"
    augcli.materialize(root, dst, UNTOUCHED)
    (root / "labels/train/1.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    assert augcli.materialize(root, dst, UNTOUCHED).outputs_made > 0
    assert read_lines(dst)["1"] == ["1 0.5 0.5 0.5 0.5"]


def test_a_changed_label_file_of_an_output_is_found(make, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(make(), dst, UNTOUCHED)
    path = next(path for path in (dst / "labels/train").iterdir() if path.read_text())
    path.write_text(path.read_text().replace("0.25", "0.35"))
    (difference,) = augcli.verify(dst).differences
    assert difference.file == path.relative_to(dst).as_posix()


def test_the_cache_of_ultralytics_is_no_difference(make, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(make(), dst, UNTOUCHED)
    (dst / "labels/train.cache").write_bytes(b"x")
    assert augcli.verify(dst).differences == ()


def test_partitions_and_workers_give_the_same_tree(make, tmp_path, tree):
    root = make(count=9)
    augcli.materialize(root, tmp_path / "one", single(CutMix()), workers=1)
    for number in range(2):
        augcli.materialize(root, tmp_path / "two", single(CutMix()), partition=f"{number}/2")
    augcli.merge(tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_the_order_of_splits_in_a_data_yaml_changes_nothing(make, tmp_path, tree):
    root = make()
    (root / "data.yaml").write_text("val: images/val\ntrain: images/train\nnames: [car, bus]\n")
    shutil.copytree(root / "images/val", root / "images/extra")
    with (root / "data.yaml").open("a") as file:
        file.write("test: images/extra\n")
    augcli.materialize(root, tmp_path / "one", single(CutMix()))
    assert augcli.verify(tmp_path / "one").differences == ()
    augcli.materialize(root, tmp_path / "two", single(CutMix()), partition="0/1")
    augcli.merge(tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_force_leaves_nothing_of_another_recipe(make, tmp_path):
    root, dst = make(), tmp_path / "dst"
    augcli.materialize(root, dst, single(CutMix()))
    augcli.materialize(root, dst, UNTOUCHED, force=True)
    assert augcli.verify(dst).differences == ()
    augcli.materialize(root, dst, single(Cutout(), 0.0, format="folder"), force=True)
    assert augcli.verify(dst).differences == ()
    assert not (dst / "labels").exists()


@pytest.mark.slow
def test_hugging_face_loads_it(make, tmp_path, monkeypatch):
    for name, value in (("HOME", str(tmp_path / "home")), ("HUB_OFFLINE", "1"), ("DATASETS_OFFLINE", "1")):
        monkeypatch.setenv(f"HF_{name}", value)
    datasets = pytest.importorskip("datasets")
    augcli.materialize(make(), tmp_path / "dst", single(CutMix()))
    loaded = datasets.load_dataset(str(tmp_path / "dst"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 4, "validation": 2}
    row = loaded["train"][0]
    assert row["image"].size[0] == 40
    assert len(row["box_visibility"]) >= 0


@pytest.mark.slow
def test_a_bucket_gives_and_takes_the_same(make, tmp_path, tree, s3):
    from augcli.io.store.objects import ObjectStore
    from augcli.io.store.urls import Access, parse_url
    from tests.servers import make_bucket

    root = make()
    make_bucket("s3://yolo", s3)
    store = ObjectStore(parse_url("s3://yolo/src"), Access(s3))
    files = {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    store.stage(list(files), list(files.values()))
    augcli.materialize(root, tmp_path / "local", single(CutMix()))
    augcli.materialize("s3://yolo/src", "s3://yolo/dst", single(CutMix()), endpoint_url=s3)
    out = ObjectStore(parse_url("s3://yolo/dst"), Access(s3))
    names = [key for key in tree(tmp_path / "local") if not key.startswith(".")]
    found = dict(zip(names, out.read(names), strict=True))
    assert found == {name: (tmp_path / "local" / name).read_bytes() for name in names}


def test_the_recipe_of_an_output_asks_for_no_file_of_boxes(make, tmp_path, recwarn):
    src = make()
    augcli.materialize(src, tmp_path / "dst", UNTOUCHED)
    augcli.materialize(src, tmp_path / "again", tmp_path / "dst" / "augcli.json")
    assert read_lines(tmp_path / "again") == read_lines(tmp_path / "dst")
    assert [str(warning.message) for warning in recwarn] == []
