"""Boxes in a column of shards, through whole runs: where they lie is counted in images of ids.

Image number n is flat of level 10 (n + 1), so that each pixel of an output tells which image it is from.
"""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pycocotools import mask as masks

import augcli
from augcli.errors import InputError
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.mixup import Mixup
from augcli.recipe import Recipe, single
from augcli.recipe_files import read_recipe

COUNT = 10
BOXES = [[2.0, 1.0, 6.0, 5.0], [5.0, 4.0, 3.0, 6.0]]
VALUES = {"bbox": BOXES, "category": [1, 0], "area": [30.0, 18.0], "id": [7, 8], "iscrowd": [False, True]}
TYPES = {
    "bbox": pa.list_(pa.float32()),
    "category": pa.int64(),
    "area": pa.float32(),
    "id": pa.int64(),
    "iscrowd": pa.bool_(),
}
FEATURES = {
    "bbox": {"feature": {"dtype": "float32", "_type": "Value"}, "length": -1, "_type": "Sequence"},
    "category": {"names": ["cell", "cup"], "_type": "ClassLabel"},
    "area": {"dtype": "float32", "_type": "Value"},
    "id": {"dtype": "int64", "_type": "Value"},
    "iscrowd": {"dtype": "bool", "_type": "Value"},
}
CHAIN = read_recipe(
    {
        "name": "chain",
        "copies": 3,
        "op": [
            {"kind": "cutmix"},
            {"kind": "patch-cutout", "patch-size": 3, "ratio": 0.3},
            {"kind": "cutmix", "minmax": "0.3:0.7", "p": 0.7},
        ],
    }
)


def encoded(level, size=(13, 14), mode="L"):
    data = io.BytesIO()
    Image.new(mode, (size[1], size[0]), level).save(data, "PNG")
    return data.getvalue()


def write_shard(path, cells=None, form="lists", types=TYPES, features=FEATURES, name="objects", **columns):
    """A shard of COUNT images; `cells` are the values of the boxes of each, as a struct of lists."""
    cells = [VALUES] * COUNT if cells is None else cells
    inner = pa.struct(list(types.items()))
    if form == "lists":
        kind = pa.struct([(field, pa.list_(value)) for field, value in types.items()])
        feature = {"feature": features, "_type": "Sequence"}
    else:
        kind = pa.list_(inner)
        cells = [cell and [dict(zip(cell, row)) for row in zip(*cell.values())] for cell in cells]  # noqa: B905
        feature = [features]
    images = [{"bytes": encoded(10 * (n + 1)), "path": f"{n}.png"} for n in range(len(cells))]
    image_type = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, image_type), name: pa.array(cells, kind)} | columns)
    described = {"image": {"_type": "Image"}, name: feature}
    if features:
        text = json.dumps({"info": {"features": described}})
        table = table.replace_schema_metadata({"huggingface": text})
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path)
    return path.parent


def read_output(dst, split="train"):
    tables = [pq.read_table(path) for path in sorted((dst / "data").glob(f"{split}-*.parquet"))]
    return pa.concat_tables(tables)


def pixels_of(row):
    return np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))


def number_of(source):
    return int(source.rsplit("#", 1)[1])


def listed(cell):
    """The boxes of a cell in either form as dictionaries."""
    if isinstance(cell, list):
        return cell
    return [dict(zip(cell, row, strict=True)) for row in zip(*cell.values(), strict=True)]


def categorise(tmp_path, form, names, others=None, **options):
    """The note on categories, and the names of the first boxes of train and test, whose names differ."""
    features = names and FEATURES | {"category": {"names": names, "_type": "ClassLabel"}}
    write_shard(tmp_path / "s" / "train-0.parquet", form=form, features=others or FEATURES)
    src = write_shard(tmp_path / "s" / "test-0.parquet", form=form, features=features)
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(), **options))
    said = {}
    for split in ("train", "test"):
        table = read_output(tmp_path / "dst", split)
        feature = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["objects"]
        known = (feature[0] if isinstance(feature, list) else feature["feature"])["category"]["names"]
        said[split] = [known[box["category"]] for box in listed(table.column("objects")[0].as_py())]
    return [note for note in summary.notes if "categories" in note], said


@pytest.mark.parametrize("form", ["lists", "structs"])
@pytest.mark.parametrize("names", [["cup", "cell"], ["dish", "cup", "cell"]])
def test_shards_that_list_categories_in_another_order_are_mapped_by_name(tmp_path, form, names):
    notes, said = categorise(tmp_path, form, names)
    assert notes == [
        "the categories of column 'objects' are listed in 2 different ways; boxes are mapped by name"
    ]
    own = [names[1], names[0]]  # the boxes are of categories 1 and 0
    assert said == {"train": ["cup", "cell"], "test": own}


def test_a_shard_without_names_of_categories_takes_those_of_the_others(tmp_path):
    notes, said = categorise(tmp_path, "lists", None)
    assert len(notes) == 1
    assert "1 of 2 files (" in notes[0]
    assert notes[0].endswith("test-0.parquet' first) have no names and take those of the others")
    assert said == {"train": ["cup", "cell"], "test": ["cup", "cell"]}


@pytest.mark.parametrize("bad_boxes", ["stop", "skip"])
def test_a_category_beyond_the_names_of_its_own_shard_is_a_bad_box(tmp_path, bad_boxes):
    if bad_boxes == "stop":
        # The shards stand in the order of their names, so that of test is read first.
        says = "row 0 of column 'objects': category 1 is not one of the 1 of its own file"
        with pytest.raises(InputError, match=says):
            categorise(tmp_path, "lists", ["cell"])
    else:
        _, said = categorise(tmp_path, "lists", ["cell"], bad_boxes="skip")
        assert said == {"train": ["cup", "cell"], "test": ["cell"]}


@pytest.mark.parametrize("form", ["lists", "structs"])
@pytest.mark.parametrize("names", [["cell", "box"], ["cell", "dish", "box"]])
def test_shards_whose_categories_contradict_each_other_are_refused(tmp_path, form, names):
    with pytest.raises(
        InputError, match=r"categories of column 'objects' of .* contradict each other; give them"
    ):
        categorise(tmp_path, form, names)


def write_grades(tmp_path, train, test):
    """Shards of two splits with a carried column, whose feature is given for each."""
    for split, feature in (("train", train), ("test", test)):
        src = write_shard(tmp_path / "s" / f"{split}-0.parquet", grade=[0] * COUNT)
        table = pq.read_table(src / f"{split}-0.parquet")
        text = json.loads(table.schema.metadata[b"huggingface"])
        text["info"]["features"]["grade"] = feature
        pq.write_table(
            table.replace_schema_metadata({"huggingface": json.dumps(text)}), src / f"{split}-0.parquet"
        )
    return src


def test_a_carried_column_whose_class_names_differ_between_shards_is_left_out(tmp_path):
    names = [["fine", "rough"], ["rough", "fine"]]
    src = write_grades(tmp_path, *({"names": own, "_type": "ClassLabel"} for own in names))
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert "left out: grade, whose class names differ between shards" in summary.notes
    assert "grade" not in read_output(tmp_path / "dst").column_names


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "without", [{"dtype": "int64", "_type": "Value"}, {"num_classes": 2, "_type": "ClassLabel"}]
)
def test_a_shard_without_class_names_of_a_carried_column_takes_those_of_the_others(tmp_path, place, without):
    features = [{"names": ["fine", "rough"], "_type": "ClassLabel"}] * 2
    features[place] = without
    summary = augcli.materialize(write_grades(tmp_path, *features), tmp_path / "dst", single(Cutout()))
    note = "the classes of column 'grade' of 1 shard have no names and take those of the others"
    assert note in summary.notes
    for path in (tmp_path / "dst" / "data").iterdir():
        text = json.loads(pq.read_schema(path).metadata[b"huggingface"])
        assert text["info"]["features"]["grade"]["names"] == ["fine", "rough"]


def test_a_carried_column_of_the_same_class_names_is_kept_however_its_feature_is_written(tmp_path):
    new = {"names": ["fine", "rough"], "_type": "ClassLabel"}
    old = {"num_classes": 2, "_type": "ClassLabel", "id": None, "names": ["fine", "rough"]}
    summary = augcli.materialize(write_grades(tmp_path, new, old), tmp_path / "dst", single(Cutout()))
    assert not [note for note in summary.notes if "differ" in note]
    assert read_output(tmp_path / "dst").column("grade").to_pylist() == [0] * COUNT


@pytest.mark.slow
@pytest.mark.parametrize("form", ["lists", "structs"])
def test_boxes_of_a_column_have_the_counted_share_of_their_own_image(tmp_path, form):
    src = write_shard(tmp_path / "s" / "a.parquet", form=form)
    summary = augcli.materialize(src, tmp_path / "dst", CHAIN)
    assert "boxes: 20 of column 'objects'" in summary.notes
    rows = read_output(tmp_path / "dst").to_pylist()
    assert len(rows) == 3 * COUNT
    seen = 0
    for row in rows:
        pixels = pixels_of(row)
        own = [box for box in listed(row["objects"]) if box["source"] == row["source"]]
        expected = {}  # the boxes of the base stay where they were
        for bbox, category, number in zip(BOXES, (1, 0), (7, 8), strict=True):
            x, y, width, height = map(int, bbox)
            share = (pixels[y : y + height, x : x + width] == 10 * (number_of(row["source"]) + 1)).mean()
            if share:
                expected[number] = (bbox, category, pytest.approx(share, abs=1e-12))
        assert {box["id"]: (box["bbox"], box["category"], box["visibility"]) for box in own} == expected
        for box in listed(row["objects"]):
            x, y, width, height = (round(side) for side in box["bbox"])
            assert box["weight"] == 1
            assert box["area"] == pytest.approx(box["bbox"][2] * box["bbox"][3], rel=1e-6)
            assert box["iscrowd"] is (box["id"] == 8)
            if box["source"] != row["source"]:
                below = pixels[y : y + height, x : x + width]
                assert (below == 10 * (number_of(box["source"]) + 1)).any()
                seen += 1
    assert seen
    assert not augcli.verify(tmp_path / "dst", against=src).differences


@pytest.mark.parametrize("form", ["lists", "structs"])
def test_the_column_keeps_its_form_types_and_features(tmp_path, form):
    src = write_shard(tmp_path / "s" / "a.parquet", form=form)
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    schema = read_output(tmp_path / "dst").schema
    ours = {"visibility": pa.float64(), "weight": pa.float64(), "source": pa.string()}
    kind = schema.field("objects").type
    inner = kind if form == "lists" else kind.value_type
    held = {inner.field(i).name: inner.field(i).type for i in range(inner.num_fields)}
    if form == "lists":
        held = {name: value.value_type for name, value in held.items()}
    assert held == TYPES | ours
    feature = json.loads(schema.metadata[b"huggingface"])["info"]["features"]["objects"]
    feature = feature["feature"] if form == "lists" else feature[0]
    assert {name: feature[name] for name in FEATURES} == FEATURES
    assert feature["visibility"] == {"dtype": "float64", "_type": "Value"}


def test_boxes_are_fitted_with_their_images(tmp_path):
    src = write_shard(tmp_path / "s" / "a.parquet")
    augcli.materialize(src, tmp_path / "dst", Recipe(size="26x28", fit="stretch"))
    for row in read_output(tmp_path / "dst").to_pylist():
        assert row["objects"]["bbox"] == [[4, 2, 12, 10], [10, 8, 6, 12]]
        assert row["objects"]["area"] == [120, 72]


def test_blended_boxes_have_the_weights_of_their_images(tmp_path):
    src = write_shard(tmp_path / "s" / "a.parquet")
    augcli.materialize(src, tmp_path / "dst", single(Mixup(lam=0.25)))
    for row in read_output(tmp_path / "dst").to_pylist():
        assert row["objects"]["weight"] == [0.25, 0.25, 0.75, 0.75]
        assert row["objects"]["id"] == [7, 8, 7, 8]


def test_a_folder_of_such_shards_has_its_boxes_as_coco(tmp_path):
    src = write_shard(tmp_path / "s" / "a.parquet")
    augcli.materialize(src, tmp_path / "dst", single(Cutout(length=2), format="folder"))
    held = json.loads((tmp_path / "dst" / "annotations.json").read_text())
    assert held["categories"] == [{"id": 0, "name": "cell"}, {"id": 1, "name": "cup"}]
    assert [box["id"] for box in held["annotations"]] == list(range(1, 2 * COUNT + 1))
    assert [box["bbox"] for box in held["annotations"]] == BOXES * COUNT
    assert [box["category_id"] for box in held["annotations"]] == [1, 0] * COUNT
    assert "column" not in held
    assert not augcli.verify(tmp_path / "dst", against=src).differences


def test_an_output_is_read_again_with_its_boxes(tmp_path):
    src = write_shard(tmp_path / "s" / "a.parquet")
    augcli.materialize(src, tmp_path / "a", single(CutMix()))
    augcli.materialize(tmp_path / "a", tmp_path / "b", Recipe(name="b"))
    augcli.materialize(tmp_path / "b", tmp_path / "c", single(CutMix()))
    first, second = (
        sorted(
            (row["image"]["bytes"], row["objects"]["bbox"], row["objects"]["id"])
            for row in read_output(tmp_path / name).to_pylist()
        )
        for name in ("a", "b")
    )
    assert first == second
    last = read_output(tmp_path / "c").schema.field("objects").type
    assert [last.field(i).name for i in range(last.num_fields)] == [*TYPES, "visibility", "weight", "source"]


def test_splits_that_are_passed_on_keep_their_boxes(tmp_path):
    write_shard(tmp_path / "s" / "train.parquet")
    write_shard(tmp_path / "s" / "test.parquet")
    augcli.materialize(tmp_path / "s", tmp_path / "dst", single(CutMix()))
    for row in read_output(tmp_path / "dst", "test").to_pylist():
        assert row["objects"]["bbox"] == BOXES
        assert row["objects"]["visibility"] == [1, 1]


@pytest.mark.parametrize(
    ("category", "kind", "held"),
    [
        ("category", pa.string(), ["cup", "cell"]),
        ("label", pa.int32(), [4, -1]),
        ("categories", pa.uint8(), [4, 9]),
    ],
)
def test_categories_of_any_kind_come_back(tmp_path, category, kind, held):
    types = {"bbox": pa.list_(pa.float64()), category: kind}
    cells = [{"bbox": BOXES, category: held}] * 3
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(length=1)))
    for row in read_output(tmp_path / "dst").to_pylist():
        assert row["objects"][category] == held
    assert summary.boxes == {str(value): (3, 3) for value in held}


def test_boxes_without_categories_are_all_of_one(tmp_path):
    types = {"bbox": pa.list_(pa.float32(), 4), "blur": pa.uint8()}
    cells = [{"bbox": BOXES, "blur": [0, 2]}, {"bbox": [], "blur": []}, None]
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None, name="faces")
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(length=1)))
    assert summary.boxes == {"faces": (2, 2)}
    table = read_output(tmp_path / "dst")
    assert table.schema.field("faces").type.field("bbox").type == pa.list_(pa.list_(pa.float32(), 4))
    rows = {number_of(row["source"]): row["faces"] for row in table.to_pylist()}
    assert (rows[0]["bbox"], rows[0]["blur"]) == (BOXES, [0, 2])
    assert rows[1]["bbox"] == rows[2]["bbox"] == []


def test_whole_boxes_stay_whole(tmp_path):
    types = {"bbox": pa.list_(pa.int64()), "area": pa.int64()}
    cells = [{"bbox": [[1, 2, 5, 4]], "area": [20]}] * 3
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    augcli.materialize(src, tmp_path / "dst", Recipe(size="7x7", fit="stretch"))
    for row in read_output(tmp_path / "dst").to_pylist():  # 0.5, 1.08, 3, 3.23
        assert (row["objects"]["bbox"], row["objects"]["area"]) == ([[0, 1, 3, 2]], [6])


@pytest.mark.parametrize("name", ["polygon", "segmentation"])
def test_what_cannot_follow_is_left_out_of_the_boxes(tmp_path, name):
    """A segmentation of one list of numbers has no room for a second part."""
    types = TYPES | {name: pa.list_(pa.float32())}
    cells = [VALUES | {name: [[1.0, 2.0], [3.0, 4.0]]}] * 3
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    summary = augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    assert f"left out of column 'objects': {name}, which cannot follow the pixels" in summary.notes
    kind = read_output(tmp_path / "dst").schema.field("objects").type
    assert kind.get_field_index(name) < 0


# --- outlines ---------------------------------------------------------------------------------------------

OUTLINES = {
    "segmentation": [[[2.0, 1.0, 8.0, 1.0, 8.0, 6.0, 2.0, 6.0]], [[5.5, 4.0, 8.0, 10.0, 5.0, 10.0]]],
    "keypoints": [[3.0, 2.0, 2.0, 0.0, 0.0, 0.0], []],
    "num_keypoints": [1, 0],
    "area": [30.0, 9.0],
}
OUTLINE_TYPES = {
    "segmentation": pa.list_(pa.list_(pa.float64())),
    "keypoints": pa.list_(pa.float32()),
    "num_keypoints": pa.int64(),
}


@pytest.mark.parametrize("form", ["lists", "structs"])
def test_outlines_of_a_column_come_out_as_they_came(tmp_path, form):
    src = write_shard(
        tmp_path / "s" / "a.parquet",
        [VALUES | OUTLINES, VALUES | OUTLINES | {"segmentation": [[], []], "area": [30.0, 18.0]}],
        form,
        TYPES | OUTLINE_TYPES,
        None,
    )
    augcli.materialize(src, tmp_path / "dst", single(Cutout(length=1), 0.0))
    before = pq.read_table(src).column("objects").to_pylist()
    rows = read_output(tmp_path / "dst").to_pylist()
    for row in rows:
        came, found = before[int(row["source"].split("#")[1])], row["objects"]
        for name in (*OUTLINES, "bbox"):
            if form == "lists":
                assert found[name] == came[name], name
            else:
                assert [box[name] for box in found] == [box[name] for box in came], name


def test_outlines_of_a_column_are_cut_by_what_lies_over_them(tmp_path):
    """What is written as area is that of the polygons, by the shoelace formula."""
    types = {
        name: kind for name, kind in (TYPES | OUTLINE_TYPES).items() if name in OUTLINES or name == "bbox"
    }
    cells = [{name: (VALUES | OUTLINES)[name] for name in types}] * 2
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    augcli.materialize(src, tmp_path / "dst", single(CutMix(lam=0.5, boundary="inside"), copies=8))
    cut = 0
    for row in read_output(tmp_path / "dst").to_pylist():
        objects = row["objects"]
        for place, parts in enumerate(objects["segmentation"]):
            pieces = [np.reshape(part, (-1, 2)) for part in parts]
            shoelace = sum(
                abs(np.sum(p[:, 0] * np.roll(p[:, 1], 1) - p[:, 1] * np.roll(p[:, 0], 1))) / 2 for p in pieces
            )
            assert objects["area"][place] == pytest.approx(shoelace, rel=1e-5)
            cut += objects["visibility"][place] < 1
    assert cut > 3


def test_outlines_of_whole_numbers_stay_whole(tmp_path):
    types = {
        "bbox": pa.list_(pa.int64()),
        "segmentation": pa.list_(pa.list_(pa.int64())),
        "area": pa.int64(),
    }
    cells = [{"bbox": [[2, 1, 6, 5]], "segmentation": [[[2, 1, 8, 1, 8, 6]]], "area": [15]}] * 3
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), copies=3, originals="copy"))
    rows = read_output(tmp_path / "dst").to_pylist()
    assert [row["objects"]["segmentation"] for row in rows if row["copy"] < 0] == [[[[2, 1, 8, 1, 8, 6]]]] * 3


def run_lengths(pixels):
    """Run lengths of pixels by hand, down the columns, the first of pixels outside."""
    runs, last = [0], False
    for value in np.asarray(pixels).T.ravel().tolist():
        runs += [0] if value != last else []
        runs[-1] += 1
        last = value
    return runs


def fill_runs(segmentation):
    height, width = segmentation["size"]
    values = np.repeat(np.arange(len(segmentation["counts"])) % 2, segmentation["counts"])
    return values.reshape(width, height).T.astype(bool)


@pytest.mark.parametrize("form", ["lists", "structs"])
@pytest.mark.parametrize("order", [("size", "counts"), ("counts", "size")])
def test_run_lengths_of_a_column_cover_the_pixels_of_their_object(tmp_path, form, order):
    """Pixels of the object are 10, or 20 in the other image; a hole makes them 0."""
    pixels = np.zeros((13, 14), bool)
    pixels[2:9, 3:11] = True
    pixels[4, 5] = False
    kinds = {"size": pa.list_(pa.int32()), "counts": pa.list_(pa.int64())}
    types = {"bbox": TYPES["bbox"], "segmentation": pa.struct([(name, kinds[name]) for name in order])}
    runs = {"size": [13, 14], "counts": run_lengths(pixels)}
    cells = [{"bbox": [[3, 2, 8, 7], [0, 0, 2, 2]], "segmentation": [runs, None]}] * 2
    src = write_shard(tmp_path / "s" / "a.parquet", cells, form, types, None)
    came = pq.read_table(src).to_pylist()
    for row in came:
        level = 10 * (number_of("#" + row["image"]["path"][0]) + 1)
        data = io.BytesIO()
        Image.fromarray(np.where(pixels, level, 0).astype(np.uint8)).save(data, "PNG")
        row["image"]["bytes"] = data.getvalue()
    schema = pq.read_schema(src / "a.parquet")
    pq.write_table(pa.Table.from_pylist(came, schema), src / "a.parquet")
    chain = {"copies": 6, "originals": "copy", "op": [{"kind": "cutout", "length": 7}]}
    recipe = read_recipe(chain)
    augcli.materialize(src, tmp_path / "dst", recipe)
    hidden = 0
    for row in read_output(tmp_path / "dst").to_pylist():
        boxes = listed(row["objects"])
        assert [box["segmentation"] for box in boxes if box["bbox"][0] < 1] in ([None], [])
        seen = [fill_runs(box["segmentation"]) for box in boxes if box["segmentation"]]
        expected = pixels_of(row) > 0
        assert len(seen) == expected.any()
        for covered in seen:
            np.testing.assert_array_equal(covered, expected)
            hidden += not np.array_equal(covered, pixels)
    assert hidden > 3


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_run_lengths_as_bytes_stay_bytes(tmp_path, kind):
    runs = {
        "size": [13, 14],
        "counts": masks.encode(np.asfortranarray(np.eye(13, 14, 1, np.uint8)))["counts"],
    }
    types = {
        "bbox": TYPES["bbox"],
        "segmentation": pa.struct([("size", pa.list_(pa.int64())), ("counts", kind)]),
    }
    cells = [{"bbox": [[1, 0, 13, 13]], "segmentation": [runs]}] * 2
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(length=4), originals="copy"))
    assert not any("left out of column" in note for note in summary.notes)
    rows = read_output(tmp_path / "dst").to_pylist()
    kept = [row["objects"]["segmentation"] for row in rows if row["copy"] < 0]
    assert kept == [[runs]] * 2
    cut = [runs for row in rows if row["copy"] >= 0 for runs in row["objects"]["segmentation"]]
    assert cut
    assert all(masks.area(runs) <= 13 for runs in cut)  # pycocotools reads it


def test_run_lengths_under_another_name_are_left_out(tmp_path):
    kind = pa.struct([("size", pa.list_(pa.int64())), ("counts", pa.string())])
    cells = [VALUES | {"coarse": [{"size": [13, 14], "counts": "0"}] * 2}] * 2
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=TYPES | {"coarse": kind}, features=None)
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert "left out of column 'objects': coarse, which cannot follow the pixels" in summary.notes


def test_run_lengths_of_another_size_are_a_bad_box(tmp_path):
    whole = pa.list_(pa.int64())
    types = {"bbox": TYPES["bbox"], "segmentation": pa.struct([("size", whole), ("counts", whole)])}
    cells = [{"bbox": [[1, 1, 3, 3]], "segmentation": [{"size": [13, 14], "counts": [1, 2]}]}] * 2
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    with pytest.raises(InputError, match="row 0 of column 'objects': counts of segmentation: its runs"):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(), bad_boxes="skip"))
    assert summary.outputs == 2


def test_a_polygon_of_two_points_is_a_bad_box(tmp_path):
    types = TYPES | {"segmentation": pa.list_(pa.list_(pa.float32()))}
    cells = [VALUES | {"segmentation": [[[1.0, 2.0, 3.0, 4.0]], [[5, 4, 8, 4, 8, 10]]]}] * 2
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    words = (
        r"row 0 of column 'objects': a polygon of segmentation must be x, y of at least three points, got "
    )
    with pytest.raises(InputError, match=words):
        augcli.materialize(src, tmp_path / "dst", single(Cutout(length=1), 0.0))
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(length=1), 0.0, bad_boxes="skip"))
    assert summary.counts == {"bad boxes left out (polygon of fewer than three points)": 2}
    assert [row["objects"]["id"] for row in read_output(tmp_path / "dst").to_pylist()] == [[8], [8]]


# --- the order of the numbers -----------------------------------------------------------------------------


def only_boxes(path, boxes):
    types = {"bbox": pa.list_(pa.float64())}
    return write_shard(path, [{"bbox": [box]} for box in boxes], types=types, features=None)


def test_corners_are_not_taken_for_sides(tmp_path):
    src = only_boxes(tmp_path / "s" / "a.parquet", [[1, 2, 5, 9], [8, 3, 12, 7], [2, 2, 4, 4]])
    words = (
        r"column 'objects': bbox may be x, y, width, height in pixels, as COCO has them, or x0, y0, x1, y1"
        r" .as widths and heights, 8, 3, 12, 7 on 14x13 pixels would leave its image.; the first is 1, 2, 5,"
        r" 9; give box_order='xywh' or box_order='xyxy', or leave the column out with box_order='skip'"
    )
    with pytest.raises(InputError, match=words):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert not (tmp_path / "dst").exists()


def test_corners_that_are_named_come_out_as_sides(tmp_path):
    src = only_boxes(tmp_path / "s" / "a.parquet", [[1, 2, 5, 9], [8, 3, 12, 7]])
    recipe = single(Cutout(length=1), box_order="xyxy")
    summary = augcli.materialize(src, tmp_path / "dst", recipe)
    assert "column 'objects': outputs have bbox as x, y, width, height" in summary.notes
    rows = read_output(tmp_path / "dst").to_pylist()
    held = {number_of(row["source"]): row["objects"]["bbox"] for row in rows}
    assert held == {0: [[1, 2, 4, 7]], 1: [[8, 3, 4, 4]]}
    assert not augcli.verify(tmp_path / "dst", against=src).differences
    assert json.loads((tmp_path / "dst" / "augcli.json").read_text())["recipe"]["box-order"] == "xyxy"


def test_shares_of_the_sides_are_not_taken_for_pixels(tmp_path):
    src = only_boxes(tmp_path / "s" / "a.parquet", [[0.1, 0.2, 0.5, 0.5], [0.5, 0.5, 0.2, 0.2]])
    words = (
        r"or shares of the image's sides .all values lie in 0..1.*give box_order='xywh', or leave the column"
    )
    with pytest.raises(InputError, match=words):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))


def test_a_negative_side_is_refused(tmp_path):
    src = only_boxes(tmp_path / "s" / "a.parquet", [[5, 5, -2, 4], [5, 5, 1, 1]])
    with pytest.raises(
        InputError,
        match=r"bbox must be of a width and height >= 0, got \[5.*, 5.*, -2.*, 4.*\]; correct it, say with",
    ):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))


@pytest.mark.parametrize("boxes", [[[1.0, 2, 3]], [[1, 2, 3, float("nan")]], [None]])
def test_what_is_not_four_numbers_is_refused(tmp_path, boxes):
    src = only_boxes(tmp_path / "s" / "a.parquet", boxes)
    with pytest.raises(InputError, match="row 0 of column 'objects': bbox must be four finite numbers, got "):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))


def test_values_that_are_not_one_for_each_box_are_refused(tmp_path):
    types = {"bbox": pa.list_(pa.float64()), "id": pa.int64()}
    cells = [{"bbox": BOXES, "id": [1, 2]}, {"bbox": BOXES, "id": [1]}]
    src = write_shard(tmp_path / "s" / "a.parquet", cells, types=types, features=None)
    with pytest.raises(InputError, match="row 1 has 2 boxes, but 1 values of 'id'"):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))


# --- which column it is -----------------------------------------------------------------------------------


def test_a_skipped_column_is_left_out_once_pixels_change(tmp_path):
    src = write_shard(tmp_path / "s" / "a.parquet")
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(), box_order="skip"))
    assert "left out: column 'objects', which cannot follow the pixels that change" in summary.notes
    assert "objects" not in read_output(tmp_path / "dst").column_names
    augcli.materialize(src, tmp_path / "same", Recipe(box_order="skip"))
    assert [row["objects"] for row in read_output(tmp_path / "same").to_pylist()] == [VALUES] * COUNT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("bbox", [[1.0, 2.0, 3.0, 4.0]] * COUNT),
        ("objects", [{"bboxes": [1.0, 2.0], "n": 3}] * COUNT),
        ("objects", [{"n": 3, "bboxes": [1.0, 2.0]}] * COUNT),
        ("faceLandmarks", [[[1, 2]]] * COUNT),
        ("rle", ["1 2 3"] * COUNT),
    ],
)
def test_columns_of_places_that_are_not_understood_are_left_out(tmp_path, name, cells):
    src = write_other(tmp_path / "s" / "a.parquet", cells, name)
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert f"left out: column {name!r}, which cannot follow the pixels that change" in summary.notes
    assert name not in read_output(tmp_path / "dst").column_names


@pytest.mark.parametrize(
    "sides",
    [
        ["Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2"],
        ["bbox_x", "bbox_y", "bbox_w", "bbox_h"],
        ["x_min", "y_min", "x_max", "y_max"],
    ],
)
def test_columns_of_the_sides_of_a_box_are_left_out(tmp_path, sides):
    images = [{"bytes": encoded(10 * (n + 1)), "path": f"{n}.png"} for n in range(COUNT)]
    columns = {"image": images} | {name: [n + 0.5 for n in range(COUNT)] for name in [*sides, "x"]}
    (tmp_path / "s").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "s" / "a.parquet")
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))
    assert any(note.startswith(f"left out: columns {sides[0]!r} and {sides[1]!r}") for note in summary.notes)
    written = read_output(tmp_path / "dst").column_names
    assert written[-1] == "x", "a column of other numbers is carried along"
    assert not set(sides) & set(written)


def write_other(path, cells, name="objects"):
    images = [{"bytes": encoded(10 * (n + 1)), "path": f"{n}.png"} for n in range(COUNT)]
    path.parent.mkdir()
    pq.write_table(pa.table({"image": images, name: pa.array(cells)}), path)
    return path.parent


@pytest.mark.parametrize(
    "cells", [["a caption"] * COUNT, [["cat", "dog"]] * COUNT, [{"text": "x", "n": 1}] * COUNT, [3] * COUNT]
)
def test_columns_that_place_nothing_are_carried_along(tmp_path, cells):
    src = write_other(tmp_path / "s" / "a.parquet", cells)
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert read_output(tmp_path / "dst").column("objects").to_pylist() == cells


def test_two_columns_of_boxes_stop_until_one_is_named(tmp_path):
    other = pa.array([VALUES] * COUNT, pa.struct([(name, pa.list_(kind)) for name, kind in TYPES.items()]))
    src = write_shard(tmp_path / "s" / "a.parquet", faces=other)
    with pytest.raises(InputError, match="columns 'objects' and 'faces' hold boxes; give boxes='objects' or"):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout()), boxes="faces")
    assert "boxes: 20 of column 'faces'" in summary.notes
    names = read_output(tmp_path / "dst").column_names
    assert "faces" in names
    assert "objects" not in names


def test_an_edited_box_makes_its_chunk_anew(tmp_path):
    src = write_shard(tmp_path / "s" / "a.parquet")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    cells = [VALUES] * (COUNT - 1) + [VALUES | {"category": [0, 0]}]
    write_shard(tmp_path / "s" / "a.parquet", cells)
    assert augcli.verify(tmp_path / "dst", against=src).differences
    assert augcli.materialize(src, tmp_path / "dst", single(Cutout())).chunks_done
    assert not augcli.verify(tmp_path / "dst", against=src).differences
