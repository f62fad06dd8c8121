"""Whole runs of `erase --inside boxes`: holes of black pixels in white images lie where the boxes are."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, OutputError
from augcli.ops.cutmix import CutMix
from augcli.ops.erase import Erase
from augcli.recipe import single
from augcli.recipe_files import read_recipe

COUNT, HEIGHT, WIDTH = 12, 40, 60
BOXES = [[2.5, 1.25, 20, 12], [30, 20, 25.5, 18], [5, 25, 10, 10]]
"""x, y, width, height, in three corners."""

UNBOXED = 4
"""The number of the image that has no boxes."""

ERASE = single(Erase(inside="boxes", fill="black", scale="0.1:0.3", ratio="0.5:2"))


@pytest.fixture
def boxed(tmp_path):
    """White images, one of them without boxes; gives `src` and `boxes` as keywords of `materialize`."""
    (tmp_path / "src").mkdir()
    images, annotations = [], []
    for number in range(COUNT):
        image = np.full((HEIGHT, WIDTH), 255, np.uint8)
        image[0, number] = 254  # so that no two are the same
        Image.fromarray(image).save(tmp_path / "src" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
        for box in BOXES if number != UNBOXED else []:
            annotations.append({"id": len(annotations), "image_id": number, "category_id": 1, "bbox": box})
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    return {"src": tmp_path / "src", "boxes": tmp_path / "boxes.json"}


def read_rows(dst):
    return pq.read_table(dst / "metadata.parquet").to_pylist()


def is_hole(dst, row):
    return np.asarray(Image.open(dst / "images" / row["file_name"].removeprefix("images/"))) == 0


def test_each_box_gets_a_hole_that_stays_inside(boxed, tmp_path):
    augcli.materialize(dst=tmp_path / "dst", recipe=ERASE, **boxed)
    for row in read_rows(tmp_path / "dst"):
        if row["source"] == f"{UNBOXED}.png":
            continue
        hidden = is_hole(tmp_path / "dst", row)
        assert len(row["steps"]) == len(BOXES)
        for x, y, width, height in BOXES:
            inner = hidden[int(np.ceil(y)) : int(y + height), int(np.ceil(x)) : int(x + width)]
            assert 0.05 < inner.mean() < 0.4
            hidden[int(np.ceil(y)) : int(y + height), int(np.ceil(x)) : int(x + width)] = False
        assert not hidden.any()


def test_an_image_without_boxes_is_the_source_file_and_says_why(boxed, tmp_path):
    summary = augcli.materialize(dst=tmp_path / "dst", recipe=ERASE, **boxed)
    (row,) = [row for row in read_rows(tmp_path / "dst") if row["source"] == f"{UNBOXED}.png"]
    assert (row["applied"], row["reason"]) == (False, "erase: unboxed")
    written = tmp_path / "dst" / "images" / row["file_name"].removeprefix("images/")
    assert written.read_bytes() == (boxed["src"] / row["source"]).read_bytes()
    assert summary.unmixed == {"erase: unboxed": 1}


def test_an_input_without_boxes_is_refused_with_the_cure(boxed, tmp_path):
    with pytest.raises(InputError) as caught:
        augcli.materialize(boxed["src"], tmp_path / "dst", ERASE)
    assert str(caught.value).startswith("erase needs the boxes of the images, but SRC has none; give boxes=")
    assert not (tmp_path / "dst").exists()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
def test_workers_and_chunks_change_nothing_and_it_verifies(boxed, tmp_path, layout, limit, tree):
    limit(chunk_outputs=5)
    recipe = single(Erase(inside="boxes", count="1:2"), 0.8, copies=2, format=layout)
    for workers in (1, 3):
        augcli.materialize(dst=tmp_path / f"{workers}", recipe=recipe, workers=workers, **boxed)
    assert tree(tmp_path / "1") == tree(tmp_path / "3")
    found = augcli.verify(tmp_path / "1", against=boxed["src"], boxes=boxed["boxes"])
    assert (found.differences, found.recomputed) == ((), 2 * COUNT)


@pytest.mark.slow
def test_shards_get_the_holes_of_a_folder(boxed, tmp_path):
    augcli.materialize(dst=tmp_path / "shards", recipe={"format": "parquet"}, **boxed)
    augcli.materialize(tmp_path / "shards", tmp_path / "again", ERASE)
    rows = pq.read_table(next((tmp_path / "again" / "data").iterdir())).to_pylist()
    assert len(rows) == COUNT
    assert sorted({len(row["steps"]) for row in rows}) == [0, len(BOXES)]


@pytest.mark.slow
def test_other_boxes_make_the_chunk_anew(boxed, tmp_path):
    augcli.materialize(dst=tmp_path / "dst", recipe=ERASE, **boxed)
    assert augcli.materialize(dst=tmp_path / "dst", recipe=ERASE, **boxed).outputs_made == 0
    document = json.loads(boxed["boxes"].read_text())
    document["annotations"][0]["bbox"] = [1, 1, 30, 30]
    boxed["boxes"].write_text(json.dumps(document))
    assert augcli.materialize(dst=tmp_path / "dst", recipe=ERASE, **boxed).outputs_made == COUNT


@pytest.mark.slow
def test_behind_a_cutmix_the_boxes_are_those_of_the_base(boxed, tmp_path):
    chain = read_recipe({"op": [{"kind": "cutmix", "minmax": "1"}, {"kind": "erase", "inside": "boxes"}]})
    document = json.loads(boxed["boxes"].read_text())
    for box in document["annotations"]:
        box["bbox"] = [box["image_id"], 0, 9, 9]  # of each image elsewhere
    boxed["boxes"].write_text(json.dumps(document))
    augcli.materialize(dst=tmp_path / "dst", recipe=chain, **boxed)
    for row in read_rows(tmp_path / "dst"):
        left = int(row["source"].removesuffix(".png"))
        for step in row["steps"][1:]:
            assert left <= step["x0"] < step["x1"] <= left + 9


@pytest.mark.slow
def test_boxes_are_those_of_the_image_at_its_size(boxed, tmp_path):
    recipe = single(Erase(inside="boxes", fill="black"), size="20x30", fit="stretch")
    augcli.materialize(dst=tmp_path / "dst", recipe=recipe, **boxed)
    for row in read_rows(tmp_path / "dst"):
        for step in row["steps"]:
            edges = [(y / 2, x / 2, (y + height) / 2, (x + width) / 2) for x, y, width, height in BOXES]
            assert any(
                y0 <= step["y0"] < step["y1"] <= y1 and x0 <= step["x0"] < step["x1"] <= x1
                for y0, x0, y1, x1 in edges
            )


def test_another_place_of_the_holes_is_another_recipe(boxed, tmp_path):
    augcli.materialize(dst=tmp_path / "dst", recipe=ERASE, **boxed)
    plain = single(Erase(fill="black", scale="0.1:0.3", ratio="0.5:2"))
    with pytest.raises(OutputError, match=r"op \(inside\)"):
        augcli.materialize(dst=tmp_path / "dst", recipe=plain, **boxed)


def test_no_boxes_are_asked_for_where_holes_lie_anywhere(boxed, tmp_path, monkeypatch):
    from augcli.pipeline.worker.neighbours import Neighbours

    monkeypatch.setattr(Neighbours, "boxes", None)
    for number, operation in enumerate((CutMix(), Erase())):
        done = augcli.materialize(dst=tmp_path / str(number), recipe=single(operation), **boxed)
        assert done.applied > 0


def test_the_command_line_takes_it(boxed, tmp_path, cli):
    done = cli("erase", "--inside", "boxes", "--boxes", boxed["boxes"], boxed["src"], tmp_path / "dst")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "dst" / "annotations.json").read_text())
    assert {box["visibility"] < 1 for box in document["annotations"]} == {True}
    done = cli("erase", "--inside", "boxes", boxed["src"], tmp_path / "none")
    says = "augcli: erase needs the boxes of the images, but SRC has none; give --boxes FILE"
    assert done.returncode == 4
    assert done.stderr.startswith(says)
    done = cli("erase", "--inside", "masks", boxed["src"], tmp_path / "none")
    assert (done.returncode, done.stderr) == (
        2,
        "augcli: erase: --inside must be one of boxes, got 'masks'\n",
    )
