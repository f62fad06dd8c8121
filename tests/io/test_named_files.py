"""Masks, boxes and other files that the tables of a folder name, as Hugging Face's imagefolder has them."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.recipe import Recipe, single

COUNT = 6


def write_images(root, folder="", masks="masks"):
    for number in range(COUNT):
        for kind, level in ((folder, 10 * (number + 1)), (masks, number + 1)):
            path = root / kind / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (12, 9), level).save(path)


def write_table(root, rows, form):
    if form == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        (root / "metadata.csv").write_text("\n".join(lines) + "\n")
    elif form == "jsonl":
        (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), root / "metadata.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("column", ["mask_file_name", "segmentation_file_name"])
@pytest.mark.parametrize("split", ["", "train"])
def test_masks_that_a_table_names_are_followed(tmp_path, form, column, split):
    root = tmp_path / "s" / split
    write_images(root)
    rows = [{"file_name": f"{n}.png", column: f"./masks/{n}.png", "label": "ab"[n % 2]} for n in range(COUNT)]
    write_table(root, rows, form)
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(CutMix(lam=0.5)))
    assert (summary.outputs, summary.per_class.keys()) == (COUNT, {"a", "b"})
    table = tmp_path / "dst" / split / "metadata.parquet"
    for row in pq.read_table(table).to_pylist():
        image, mask = (
            np.asarray(Image.open(table.parent / row[name])) for name in ("file_name", "mask_file_name")
        )
        np.testing.assert_array_equal(image, 10 * mask)


def test_other_files_that_a_table_names_are_no_samples(tmp_path):
    write_images(tmp_path / "s", masks="depth")
    rows = [
        {"file_name": f"{n}.png", "depth_file_name": f"depth/{n}.png", "label": "a"} for n in range(COUNT)
    ]
    write_table(tmp_path / "s", rows, "csv")
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))
    assert summary.outputs == COUNT
    sources = pq.read_table(tmp_path / "dst" / "metadata.parquet").column("source").to_pylist()
    assert sorted(sources) == [f"{n}.png" for n in range(COUNT)]
    note = f"left out: {COUNT} images that column 'depth_file_name' names beside their own"
    assert note in map(str, summary.notes)


def test_tables_name_files_by_backslashes_and_each_split_its_own(tmp_path):
    for split in ("train", "test"):
        root = tmp_path / "s" / split
        write_images(root, masks="depth")
        rows = [
            {"file_name": f"{n}.png", "depth_file_name": f"depth\\{n}.png", "label": "a"}
            for n in range(COUNT)
        ]
        write_table(root, rows, "csv")
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))
    note = f"left out: {2 * COUNT} images that column 'depth_file_name' names beside their own"
    assert note in map(str, summary.notes)


def test_two_columns_of_masks_stop(tmp_path):
    write_images(tmp_path / "s")
    row = {"file_name": "0.png", "mask_file_name": "masks/0.png", "label_file_name": "masks/1.png"}
    write_table(tmp_path / "s", [row], "csv")
    with pytest.raises(
        InputError, match="names masks in columns 'mask_file_name' and 'label_file_name'; rename"
    ):
        augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))


def boxed_rows(split=""):
    cell = {"bbox": [[1, 2, 4, 5], [6, 1, 5, 6]], "categories": [3, 7], "id": [1, 2]}
    return [{"file_name": f"{n}.png", "objects": cell} for n in range(COUNT)]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("split", ["", "train"])
def test_boxes_in_a_table_are_followed(tmp_path, form, split):
    root = tmp_path / "s" / split
    root.mkdir(parents=True)
    write_images(root)
    for path in (root / "masks").iterdir():
        path.unlink()
    (root / "masks").rmdir()
    write_table(root, boxed_rows(), form)
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", Recipe(size="18x24", fit="stretch"))
    assert "boxes: 12 of column 'objects'" in summary.notes
    held = json.loads((tmp_path / "dst" / split / "annotations.json").read_text())
    assert [box["bbox"] for box in held["annotations"]] == [[2, 4, 8, 10], [12, 2, 10, 12]] * COUNT
    assert held["categories"] == [{"id": 3, "name": "3"}, {"id": 7, "name": "7"}]
    assert not augcli.verify(tmp_path / "dst", against=tmp_path / "s").differences
    augcli.materialize(tmp_path / "s", tmp_path / "shards", Recipe(format="parquet"))
    for path in (tmp_path / "shards" / "data").iterdir():
        for row in pq.read_table(path).to_pylist():
            assert row["objects"]["bbox"] == [[1, 2, 4, 5], [6, 1, 5, 6]]
            assert row["objects"]["categories"] == [3, 7]


def test_boxes_of_a_table_may_be_left_out(tmp_path):
    write_images(tmp_path / "s", masks="")
    write_table(tmp_path / "s", boxed_rows(), "jsonl")
    augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout(), box_order="skip"))
    assert not (tmp_path / "dst" / "annotations.json").exists()


def test_tables_of_splits_that_list_categories_in_another_order_are_mapped_by_name(tmp_path):
    for split, names in (("train", ["cell", "cup"]), ("test", ["cup", "cell"])):
        write_images(tmp_path / split)
        shutil.rmtree(tmp_path / split / "masks")
        boxes = {"bbox": [[1.0, 1.0, 4.0, 4.0]], "category": [0]}
        rows = [{"file_name": f"{n}.png", "objects": boxes} for n in range(COUNT)]
        category = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
        text = json.dumps({"info": {"features": {"objects": {"category": category}}}})
        table = pa.Table.from_pylist(rows).replace_schema_metadata({"huggingface": text})
        pq.write_table(table, tmp_path / split / "metadata.parquet")
    source = open_source(str(tmp_path), Selection())
    assert source.annotated.boxes.names in (("cell", "cup"), ("cup", "cell"))
    names = source.annotated.boxes.names
    first = {split.split: names[split.boxes[0].categories[0]] for split in source.catalogues}
    assert first == {"train": "cell", "test": "cup"}
    assert any("mapped by name" in note for note in source.notes)
