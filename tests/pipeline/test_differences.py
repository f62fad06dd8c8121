"""Two outputs or recipes, compared."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.mixup import Mixup
from augcli.pipeline.differences import NAMED, Differences, OutputDifference, compare_recipes
from augcli.recipe import single
from augcli.recipe_files import read_recipe
from augcli.report.differences import describe_differences


def keys(first, second, is_open=(False, False)):
    return [tuple(one) for one in compare_recipes(read_recipe(first), read_recipe(second), is_open)]


def test_recipes_that_say_the_same_do_not_differ():
    assert keys({"op": [{"kind": "cutmix"}]}, {"op": [{"kind": "cutmix", "alpha": 1.0}], "seed": 0}) == []


def test_keys_are_named_with_both_values():
    first, second = {"seed": 1, "op": [{"kind": "cutmix", "alpha": 0.5}]}, {"op": [{"kind": "cutmix"}]}
    assert keys(first, second) == [("seed", 1, 0), ("op 1: alpha", 0.5, 1.0)]


def test_of_another_operation_only_its_name_is_told():
    first = {"op": [{"kind": "cutmix"}, {"kind": "cutout", "length": "3"}]}
    assert keys(first, {"op": [{"kind": "mixup"}]}) == [
        ("op 1: kind", "cutmix", "mixup"),
        ("op 2: kind", "cutout", None),
    ]


def test_choices_are_told_by_their_place():
    choices = [{"kind": "cutmix", "weight": 0.5}, {"kind": "mixup", "weight": 0.5}]
    other = [choices[0], choices[1] | {"alpha": 0.7}]
    assert keys({"op": [{"one_of": choices}]}, {"op": [{"one_of": other}]}) == [
        ("op 1, choice 2: alpha", 0.2, 0.7)
    ]


def test_what_a_recipe_leaves_to_the_input_is_no_difference_to_an_output():
    first, second = {"op": []}, {"op": [], "format": "folder"}
    assert keys(first, second, (True, False)) == []
    assert keys(first, second, (True, True)) == [("format", None, "folder")]


@pytest.fixture
def make(make_folder, tmp_path):
    """Make an output of the same images by a recipe."""
    src = make_folder({"cat": 6, "dog": 4})

    def make(name, recipe=None, **settings):
        augcli.materialize(src, tmp_path / name, recipe or single(CutMix(), **settings))
        return tmp_path / name

    return make


def found(differences):
    return {one.what: one.number for one in differences.outputs}


def test_the_same_output_twice_does_not_differ(make):
    same = augcli.diff(make("a"), make("b"))
    assert not same
    assert (same.keys, same.outputs, same.compared) == ((), (), 10)


def test_another_seed_gives_other_bytes_labels_and_partners(make, tmp_path):
    first, second = make("a", seed=1), make("b", seed=2)
    told = augcli.diff(first, second)
    assert [one.key for one in told.keys] == ["seed"]
    rows = []
    for dst in (first, second):
        with (dst / "labels.csv").open(newline="") as file:
            rows.append({row["source"]: row["source2"] for row in csv.DictReader(file)})
    assert len(rows[0]) == 10
    partners = sum(rows[0][source] != rows[1][source] for source in rows[0])
    assert found(told)["bytes"] == 10
    assert found(told)["partners"] == partners > 0
    assert told.compared == 10


def test_only_the_first_few_are_named(make):
    (bytes_, *_) = augcli.diff(make("a", seed=1), make("b", seed=2)).outputs
    assert len(bytes_.named) == NAMED
    assert all(name.endswith(" copy 0") for name in bytes_.named)


def test_outputs_that_only_one_has_are_counted_apart(make):
    told = augcli.diff(make("a", copies=2), make("b"))
    assert found(told) == {"only in the first": 10}
    assert found(augcli.diff(make("b"), make("a", copies=2))) == {"only in the second": 10}


def test_layouts_may_differ_while_outputs_are_equal(make):
    told = augcli.diff(make("a"), make("b", format="parquet"))
    assert [one.key for one in told.keys] == ["format"]
    assert found(told) == {}


def test_classes_are_compared_by_their_names(make_folder, tmp_path):
    for name, classes in (("a", ["cat", "dog"]), ("b", ["ant", "cat", "dog"])):
        augcli.materialize(
            make_folder(dict.fromkeys(classes, 2), name), tmp_path / f"{name}_dst", single(Cutout())
        )
    assert found(augcli.diff(tmp_path / "a_dst", tmp_path / "b_dst")) == {"only in the second": 2}


def test_the_order_of_a_class_list_is_no_difference_of_labels(make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 2})
    for name, classes in (("a", "cat\ndog\n"), ("b", "dog\ncat\n")):
        (tmp_path / f"{name}.txt").write_text(classes)
        augcli.materialize(src, tmp_path / f"{name}_dst", single(Mixup()), classes=tmp_path / f"{name}.txt")
    told = augcli.diff(tmp_path / "a_dst", tmp_path / "b_dst")
    assert "labels" not in found(told)
    assert told.documents == (("classes", ["cat", "dog"], ["dog", "cat"]),)  # but of the indices in tables


def test_masks_are_compared(make_folder, tmp_path):
    src = make_folder({"": 2})
    for name, index in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        for number in range(2):
            pixels = np.full((8, 10), index if number else 1, np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
        augcli.materialize(src, tmp_path / f"{name}_dst", single(Cutout()), masks=tmp_path / name)
    assert found(augcli.diff(tmp_path / "a_dst", tmp_path / "b_dst")) == {"masks": 1}


def test_the_first_few_of_several_chunks_are_named(make, limit):
    limit(chunk_outputs=3)
    first, second = make("a", seed=1), make("b", seed=2)
    assert len(list(second.glob(".augcli-*.parquet"))) > 1
    (bytes_, *_) = augcli.diff(first, second).outputs
    assert (bytes_.number, len(bytes_.named)) == (10, NAMED)


@pytest.mark.slow
def test_categories_of_boxes_are_compared_by_their_names(make_folder, tmp_path):
    src = make_folder({"": 2}, size=(20, 20))
    for name, category in (("a", "cell"), ("b", "hole")):
        boxes = {
            "images": [{"id": number, "file_name": f"{number}.png"} for number in range(2)],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [4, 4, 5, 5]}],
            "categories": [{"id": 1, "name": category}],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(boxes))
        augcli.materialize(src, tmp_path / f"{name}_dst", single(Cutout()), boxes=tmp_path / f"{name}.json")
    assert found(augcli.diff(tmp_path / "a_dst", tmp_path / "b_dst")) == {"boxes": 1}


def test_outputs_of_a_split_are_named_by_their_sources(write_folder, tmp_path):
    write_folder(tmp_path / "src" / "train", {"cat": 2})
    for seed in (1, 2):
        augcli.materialize(tmp_path / "src", tmp_path / f"{seed}", single(CutMix(), seed=seed))
    (bytes_, *_) = augcli.diff(tmp_path / "1", tmp_path / "2").outputs
    assert sorted(bytes_.named) == ["train/cat/0.png copy 0", "train/cat/1.png copy 0"]


def test_boxes_are_compared(make_folder, tmp_path):
    src = make_folder({"": 2}, size=(20, 20))
    for name, edge in (("a", 2), ("b", 3)):
        boxes = {
            "images": [{"id": 1, "file_name": "0.png"}, {"id": 2, "file_name": "1.png"}],
            "annotations": [
                {"id": 1, "image_id": 1, "category_id": 1, "bbox": [edge, 4, 10, 12]},
                {"id": 2, "image_id": 2, "category_id": 1, "bbox": [4, 4, 5, 5]},
            ],
            "categories": [{"id": 1, "name": "cell"}],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(boxes))
        augcli.materialize(src, tmp_path / f"{name}_dst", single(Cutout()), boxes=tmp_path / f"{name}.json")
    told = augcli.diff(tmp_path / "a_dst", tmp_path / "b_dst")
    assert [tuple(one) for one in told.outputs] == [("boxes", 1, ("0.png copy 0",))]


@pytest.fixture
def make_boxed(make_folder, tmp_path):
    """Make an output of two images with boxes in a COCO file that has more keys."""
    src = make_folder({"": 2}, size=(20, 20))

    def make(name, extra=None, category=None, image=None):
        boxes = (extra or {}) | {
            "images": [{"id": number, "file_name": f"{number}.png"} | (image or {}) for number in range(2)],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [4, 4, 5, 5]}],
            "categories": [{"id": 1, "name": "cell"} | (category or {})],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(boxes))
        augcli.materialize(src, tmp_path / name, single(Cutout()), boxes=tmp_path / f"{name}.json")
        return tmp_path / name

    return make


def test_what_a_file_of_boxes_says_of_all_of_them_is_compared(make_boxed):
    told = augcli.diff(make_boxed("a", {"info": {"year": 1}}), make_boxed("b", {"licenses": []}))
    assert told.documents == (("boxes: info", {"year": 1}, None), ("boxes: licenses", None, []))
    assert (bool(told), told.keys, told.outputs) == (True, (), ())


def test_more_keys_of_a_category_are_compared(make_boxed):
    told = augcli.diff(make_boxed("a"), make_boxed("b", category={"supercategory": "x"}))
    [(key, first, second)] = told.documents
    assert (key, first) == ("boxes: categories", [{"id": 1, "name": "cell"}])
    assert second == [{"id": 1, "name": "cell", "supercategory": "x"}]


def test_what_a_file_of_boxes_says_of_an_image_is_compared(make_boxed):
    assert found(augcli.diff(make_boxed("a"), make_boxed("b", image={"license": 3}))) == {"boxes": 2}


def test_names_of_yolo_classes_are_compared(tmp_path):
    for name in ("cat", "dog"):
        root = tmp_path / name
        for kind in ("images", "labels"):
            (root / kind / "train").mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(root / "images" / "train" / "0.png")
        (root / "labels" / "train" / "0.txt").write_text("0 0.5 0.5 0.5 0.5\n")
        (root / "data.yaml").write_text(f"train: images/train\nnames: [ant, {name}]\n")
        augcli.materialize(root, tmp_path / f"{name}s", single(Cutout()))
    told = augcli.diff(tmp_path / "cats", tmp_path / "dogs")
    assert ("boxes: categories", ["ant", "cat"], ["ant", "dog"]) in told.documents
    assert told


def test_of_outputs_that_are_all_named_no_more_are_told():
    outputs = (OutputDifference("bytes", 2, ("x copy 0", "y copy 0")),)
    assert "  other bytes: 2 (x copy 0, y copy 0)\n" in describe_differences(
        Differences("a", "b", (), outputs, 2)
    )


def test_another_output_version_is_a_difference(cli, make):
    first, second = make("a"), make("b")
    document = json.loads((second / "augcli.json").read_text())
    (second / "augcli.json").write_text(json.dumps(document | {"output_version": 1}))
    done = cli("diff", first, second)
    assert done.returncode == 6
    assert (
        f"  output version: '{document['output_version']}' in the first, '1' in the second\n" in done.stdout
    )
    assert "documents that differ in 1 key: they differ" in done.stdout
    assert json.loads(cli("diff", first, second, "--json").stdout)["same"] is False


def test_another_library_behind_part_files_is_named_and_no_difference(cli, make):
    first, second = make("a"), make("b")
    [part] = second.glob(".augcli-*.parquet")
    part.write_bytes(part.read_bytes().replace(b"parquet-cpp-arrow", b"parquet-cpp-other"))
    done = cli("diff", first, second)
    assert done.returncode == 0
    assert "  part files written by: ['parquet-cpp-arrow version " in done.stdout
    assert "'] in the second, which is no difference" in done.stdout
    assert "compared: they are the same" in done.stdout


def test_the_command_tells_it_in_words_and_by_its_exit_code(cli, make):
    first, second = make("a"), make("b", seed=2)
    done = cli("diff", first, first)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("the same recipe, 10 outputs of both compared: they are the same\n")
    done = cli("diff", first, second)
    assert done.returncode == 6
    assert "  seed: 0 in the first, 2 in the second\n" in done.stdout
    assert "  other bytes: 10 (" in done.stdout
    assert " and 5 more)\n" in done.stdout
    document = json.loads(cli("diff", first, second, "--json").stdout)
    assert document["keys"] == [{"key": "seed", "first": 0, "second": 2}]
    assert (document["same"], document["compared"]) == (False, 10)
    assert cli("diff", first, second, "--quiet").stdout == ""


def test_recipes_are_compared_as_files(cli, make, tmp_path):
    (tmp_path / "one.toml").write_text("name = 'cutmix'\n[[op]]\nkind = 'cutmix'\n")
    dst = make("dst")
    assert cli("diff", tmp_path / "one.toml", dst).returncode == 0
    assert cli("diff", tmp_path / "one.toml", dst / "augcli.json").returncode == 6  # its format is decided
    (tmp_path / "two.toml").write_text("name = 'cutmix'\nseed = 3\n[[op]]\nkind = 'cutmix'\n")
    done = cli("diff", tmp_path / "one.toml", tmp_path / "two.toml")
    assert done.returncode == 6
    assert done.stdout.endswith("recipes that differ in 1 key: they differ\n")


@pytest.mark.parametrize(
    ("second", "code", "said"),
    [
        ("none", 4, "does not exist"),
        ("src", 5, "holds no augcli.json"),
        ("", 2, "augcli: B is empty"),
        ("bad.toml", 2, "unknown key"),
    ],
)
def test_what_is_neither_an_output_nor_a_recipe_is_refused(cli, make, tmp_path, second, code, said):
    (tmp_path / "bad.toml").write_text("nonsense = 1")
    done = cli("diff", make("dst"), second and tmp_path / second)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_damaged_part_file_is_named(cli, make):
    first, second = make("a"), make("b")
    (second / ".augcli-all.parquet").write_bytes(b"x")
    done = cli("diff", first, second)
    assert done.returncode == 5
    assert "is damaged; remove it and run again" in done.stderr
