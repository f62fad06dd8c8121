"""The guide's table of data sets is true: what each command takes, and what one is told where it stops.

That every command of the page runs, `test_guide` sees; here stands what it makes of each layout.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests import data_sets
from tests.pages import call_augcli, find_spans, read_page

COMMANDS = {command.words[-2]: command.words for command in find_spans(read_page("data-sets"))}
"""The words of each command of the page by its SRC."""


class Taken(NamedTuple):
    """What a command of the page is to take its SRC for.

    Attributes:
        splits: Outputs of each split; the name is empty where there are no splits.
        classes: The class list.
        labels: Labels of some source keys, before mixing; None is unlabelled.
        said: What the summary says, in lower case.
    """

    splits: dict[str, int]
    classes: tuple[str, ...]
    labels: dict[str, tuple[str, ...] | None]
    said: tuple[str, ...] = ()


TAKEN = {
    "flowers": Taken({"": 6}, ("rose", "tulip"), {"rose/0.jpg": ("rose",), "tulip/2.jpg": ("tulip",)}),
    "pets": Taken(
        {"train": 6, "val": 4, "test": 2},
        ("cat", "dog"),
        {"train/dog/2.jpg": ("dog",), "test/cat/0.jpg": ("cat",)},
        ("train", "val", "test"),
    ),
    "gtsrb/Train": Taken({"": 6}, ("0", "1", "2"), {"2/00002_1.png": ("2",)}),
    "stl10/train": Taken({"": 4}, ("bird", "ship"), {"ship/1.png": ("ship",)}),
    "tiny-imagenet": Taken(
        {"train": 4, "val": 1, "test": 1},
        ("n01443537", "n01629819"),
        {
            "train/n01629819/images/n01629819_1.JPEG": ("n01629819",),
            "val/images/val_0.JPEG": None,
            "test/images/test_0.JPEG": None,
        },
        ("images",),
    ),
    "mvtec/bottle": Taken(
        {"train": 2, "test": 1},
        ("good",),
        {"train/good/0.png": ("good",), "test/broken/0.png": None},
        ("broken",),
    ),
    "scans": Taken({"": 4}, ("a", "b"), {"0.png": ("a",), "3.png": ("b",)}),
    "breeds/train": Taken(
        {"": 4}, ("beagle", "collie"), {"00000000.jpg": ("beagle",), "00000003.jpg": ("collie",)}
    ),
    "imagefolder-csv": Taken({"": 4}, ("a", "b"), {"0.png": ("a",), "3.png": ("b",)}),
    "imagefolder-jsonl": Taken({"": 4}, ("a", "b"), {"0.png": ("a",), "3.png": ("b",)}),
    "imagefolder-parquet": Taken({"": 4}, ("a", "b"), {"0.png": ("a",), "3.png": ("b",)}),
    "imagefolder-splits": Taken(
        {"train": 4, "test": 2}, ("a", "b"), {"train/3.png": ("b",), "test/0.png": ("a",)}
    ),
    "beans": Taken(
        {"train": 8, "test": 2},
        ("healthy", "rust"),
        {
            "data/train-00000-of-00001.parquet#3": ("rust",),
            "data/test-00000-of-00001.parquet#0": ("healthy",),
        },
    ),
    "imagenet-wds": Taken(
        {"train": 8, "validation": 2},
        ("0", "1"),
        {"train-000000.tar#003": ("1",), "validation-000000.tar#000": ("0",)},
        ("train (8), validation (2), by the names of the shards", "labels: by member 'cls'"),
    ),
    "captions": Taken(
        {"": 6},
        ("cat", "dog"),
        {"00000.tar#001": ("dog",), "00001.tar#001": ("cat",)},
        ("members that are not read: txt (6)",),
    ),
    "convert": Taken(
        {"train": 8, "test": 2},
        ("healthy", "rust"),
        {"default/train/0000.parquet#3": ("rust",), "default/test/0000.parquet#0": ("healthy",)},
        ("train", "test"),
    ),
    "cifar100": Taken(
        {"train": 4}, ("bee", "cod"), {"train-00000-of-00001.parquet#1": ("cod",)}, ("coarse_label",)
    ),
    "tags": Taken(
        {"train": 4},
        ("red", "round", "sweet"),
        {
            "train-00000-of-00001.parquet#0": ("red", "sweet"),
            "train-00000-of-00001.parquet#2": ("red", "round", "sweet"),
        },
    ),
    "nuclei": Taken({"": 4}, (), {"0.png": None}, ("masks",)),
    "scenes": Taken({"train": 4}, (), {"train-00000-of-00001.parquet#0": None}),
    "cppe": Taken({"train": 4}, (), {"train-00000-of-00001.parquet#0": None}),
    "street/images": Taken({"": 4}, (), {"0.jpg": None}),
    "voc2012": Taken(
        {"train": 2, "val": 1},
        (),
        {"0.jpg": None},
        ("left out: 1 image of no split", "segmentationclass/ holds masks of 1 image,"),
    ),
    "yolo": Taken({"train": 2, "val": 2}, (), {"images/train/0.jpg": None}, ("yolo, detect, of 4 of 4",)),
    "roboflow-yolo": Taken(
        {"train": 3, "val": 1, "test": 1},
        (),
        {"train/images/0_jpg.rf.0a1b.jpg": None},
        ("'../train/images' is taken for 'train/images'", "not carried along: roboflow"),
    ),
    "darknet": Taken(
        {"train": 3},
        (),
        {"obj_train_data/0.jpg": None},
        ("'data/train.txt' does not exist and is taken for 'train.txt'", "obj.names", "3 of 3 images"),
    ),
    "roboflow": Taken(
        {"train": 3, "valid": 3}, (), {"train/0_jpg.rf.0a1b.jpg": None}, ("train/_annotations.coco.json",)
    ),
}

STOPS = {
    "cutmix gtsrb": ("Meta", "gtsrb/Train", "--no-splits"),
    "cutmix stl10": ("unlabeled", "stl10/train", "--no-splits"),
    "cutout mvtec": ("'bottle', 'cable'", "'mvtec/bottle' as SRC"),
    "cutmix breeds": ("--label",),
    "cutmix --labels breeds/labels.csv breeds/train": ("--label-col", "breed"),
    "cutmix cifar100": ("--label-col", "fine_label", "coarse_label"),
    "cutmix street": ("--boxes", "1 .json", "'street/images' is not a class"),
    "erase mixed/hat": ("an output of augcli", "give 'mixed' as SRC"),
}
"""What one would type first, and what the message names; nothing is written."""


def read_outputs(dst: Path) -> list[dict]:
    """Return the rows of an output, the split and the classes of each beside its columns."""
    found = []
    for path in sorted([*dst.rglob("metadata.parquet"), *dst.glob("data/*.parquet")]):
        is_shard = path.parent.name == "data"
        split = path.name.split("-")[0] if is_shard else "" if path.parent == dst else path.parent.name
        features = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]
        names = (features.get("label") or {}).get("names") or []
        rows = pq.read_table(path).to_pylist()
        found += [row | {"split": split, "names": names, "below": path.parent} for row in rows]
    for path in sorted(dst.glob(".augcli-*.parquet")) if (dst / "_info.json").exists() else ():  # tar files
        names, split = (
            (dst / "classes.txt").read_text().splitlines(),
            path.name.removesuffix("all.parquet").split("-")[1],
        )
        found += [row | {"split": split, "names": names} for row in pq.read_table(path).to_pylist()]
    return found


def read_pixels(row: dict) -> np.ndarray:
    data = row["image"]["bytes"] if "image" in row else (row["below"] / row["file_name"]).read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def name_classes(row: dict) -> tuple[str, ...] | None:
    return None if row["classes"] is None else tuple(row["names"][index] for index in row["classes"])


@pytest.fixture
def unmixed(workspace, capsys):
    """Run a command of the page with nothing drawn; return the rows of its output and what it said."""

    def run(src: str) -> tuple[list[dict], str]:
        assert call_augcli([*COMMANDS[src], "--p", "0"]) == 0
        said = capsys.readouterr()
        return read_outputs(Path("out")), (said.out + said.err).lower()

    return run


def test_every_row_of_the_page_has_its_facts_here():
    assert COMMANDS.keys() - {"mixed", "seg/images"} == TAKEN.keys()
    assert len(COMMANDS) > 20
    assert len(data_sets.BUILDERS) > 20


@pytest.mark.parametrize("src", TAKEN)
def test_a_data_set_is_taken_for_what_it_is(src, unmixed):
    rows, said = unmixed(src)
    wanted = TAKEN[src]
    splits = Counter(row["split"] for row in rows)
    if set(splits) == {"train"} and set(wanted.splits) == {""}:  # shards without splits are called train
        splits = Counter({"": splits["train"]})
    assert splits == wanted.splits
    assert {tuple(row["names"]) for row in rows} == {wanted.classes}
    labels = {row["source"]: name_classes(row) for row in rows}
    assert {key: labels[key] for key in wanted.labels} == wanted.labels
    for words in wanted.said:
        assert words in said


@pytest.mark.parametrize("line", STOPS)
def test_what_one_would_type_first_stops_and_names_the_cure(line, workspace, capsys):
    assert call_augcli([*line.split(), "out"]) == 4
    said = capsys.readouterr().err
    assert not Path("out").exists()
    assert all(words in said for words in STOPS[line]), said


@pytest.mark.slow
@pytest.mark.parametrize("src", [src for src in TAKEN if len(TAKEN[src].classes) > 1])
def test_nothing_is_mixed_across_splits(src, workspace):
    assert call_augcli(COMMANDS[src]) == 0
    rows = read_outputs(Path("out"))
    split_of = {row["source"]: row["split"] for row in rows}
    for row in rows:
        assert {split_of[key] for key in row["partners"] or []} <= {row["split"]}
        assert row["split"] in ("", "train") or not row["steps"]


def test_an_output_keeps_its_soft_labels(workspace):
    assert call_augcli(COMMANDS["mixed"]) == 0
    once = {Path(row["file_name"]).as_posix(): row for row in read_outputs(Path("mixed"))}
    for row in read_outputs(Path("out")):
        before = once[row["source"]]
        assert (row["classes"], row["weights"]) == (before["classes"], before["weights"])
    assert any(len(row["classes"]) > 1 for row in once.values())


# --- masks and boxes -----------------------------------------------------------------------------------


def test_masks_of_a_folder_follow(workspace):
    assert call_augcli(COMMANDS["nuclei"]) == 0
    for row in read_outputs(Path("out")):
        with Image.open(row["below"] / row["mask_file_name"]) as image:
            check_mask(row, np.asarray(image))


def test_masks_of_shards_follow(workspace):
    assert call_augcli(COMMANDS["scenes"]) == 0
    rows = read_outputs(Path("out"))
    (column,) = {"annotation", "mask"} & set(rows[0])
    for row in rows:
        with Image.open(io.BytesIO(row[column]["bytes"])) as image:
            check_mask(row, np.asarray(image))


def check_mask(row: dict, mask: np.ndarray) -> None:
    """Compare a mask with what the pixels tell: image i has red 40 i, and in its middle the index i + 1."""
    source = np.rint(read_pixels(row)[..., 0] / 40).astype(int)
    middle = np.zeros(source.shape, bool)
    middle[8:24, 10:30] = True
    np.testing.assert_array_equal(mask, np.where(middle, source + 1, 0))


@pytest.mark.parametrize("src", ["street/images", "roboflow", "cppe"])
def test_boxes_follow(src, workspace):
    """Every box is `[10, 8, 20, 16]`, so a paste from the same place cuts and brings parts of just that."""
    assert call_augcli(COMMANDS[src]) == 0
    if src == "cppe":
        boxes = [box for row in read_outputs(Path("out")) for box in row["objects"]["bbox"]]
    else:
        written = sorted(Path("out").rglob("annotations.json"))
        boxes = [box["bbox"] for path in written for box in json.loads(path.read_text())["annotations"]]
    assert len(boxes) >= 3
    for x, y, width, height in boxes:
        assert x >= 10
        assert y >= 8
        assert x + width <= 30
        assert y + height <= 24
