"""YOLO data sets as people have them: what tells one, where images and labels are, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augcli.errors import InputError, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.readers.yolo_places import label_key

LINE = "0 0.5 0.5 0.25 0.5\n"


@pytest.fixture
def put(tmp_path):
    """Write files below SRC: images where names end in .jpg, else texts; gives SRC."""
    root = tmp_path / "src"

    def write(*names: str, **texts: str) -> Path:
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".jpg":
                Image.new("RGB", (40, 32)).save(path)
            else:
                path.write_text(LINE)
        for name, text in texts.items():
            (root / name.replace("__", "/").replace("_yaml", ".yaml").replace("_txt", ".txt")).write_text(
                text
            )
        return root

    return write


def read(src, **changes):
    return open_source(str(src), Selection(**changes))


def refused(src, **changes) -> str:
    with pytest.raises(InputError) as caught:
        read(src, **changes)
    return caught.value.spell(Spelling.FLAG)


def keys(source):
    return {catalogue.split: list(catalogue.keys) for catalogue in source.catalogues}


def count_boxes(source):
    return {c.split: [len(boxes.edges) for boxes in c.boxes] for c in source.catalogues}


def said(source):
    return "\n".join(source.notes)


YAML = "train: images/train\nval: images/val\nnames: [car, bus]\n"
BOTH = ("images/train/0.jpg", "images/val/1.jpg", "labels/train/0.txt", "labels/val/1.txt")


# --- Ultralytics' own rules, restated -------------------------------------------------------------------


def img2label_paths(path: str) -> str:
    """Ultralytics 8.3, data/utils.py: the last /images/ becomes /labels/, the suffix .txt."""
    sa, sb = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
    return sb.join(path.rsplit(sa, 1)).rsplit(".", 1)[0] + ".txt"


@pytest.mark.parametrize(
    "key",
    [
        "images/train/0.jpg",
        "train/images/0.jpg",
        "images/images/a.b.JPG",
        "a/images/b/images/c/0.jpeg",
        "images.d/0.jpg",
        "flat/0.png",
    ],
)
def test_a_label_lies_where_ultralytics_looks_for_it(key):
    assert f"/{label_key(key)}" == img2label_paths(f"/{key}")


# --- what tells a data set ------------------------------------------------------------------------------


def test_a_folder_with_a_data_yaml_is_read_by_its_splits(put):
    source = read(put(*BOTH, data_yaml=YAML))
    assert keys(source) == {"train": ["images/train/0.jpg"], "val": ["images/val/1.jpg"]}
    assert (source.layout, source.main, source.annotated.boxes.names) == ("yolo", "train", ("car", "bus"))
    assert source.annotated.boxes.keys == {"task": "detect"}
    assert source.catalogues[0].labels == [None]


def test_the_data_yaml_itself_may_be_given_under_any_name(put):
    root = put(*BOTH, mine_yaml=YAML)
    assert keys(read(root / "mine.yaml")) == keys(read(root))


@pytest.mark.parametrize("order", ["{kind}/{split}", "{split}/{kind}"])
def test_without_a_data_yaml_the_folders_tell_the_splits(put, order):
    names = [
        f"{order.format(kind=kind, split=split)}/0.{suffix}"
        for split in ("train", "val")
        for kind, suffix in (("images", "jpg"), ("labels", "txt"))
    ]
    source = read(put(*names))
    assert keys(source) == {
        split: [f"{order.format(kind='images', split=split)}/0.jpg"] for split in ("train", "val")
    }
    assert "numbered" in said(source)


def test_a_data_set_one_directory_below_is_read_by_its_description(put):
    root = put(*(f"set/{name}" for name in BOTH), "set/spare/8.jpg", "other/9.jpg", set__data_yaml=YAML)
    source = read(root)
    assert source.annotated.boxes.names == ("car", "bus")
    assert keys(source) == {"train": ["images/train/0.jpg"], "val": ["images/val/1.jpg"]}
    assert f"left out: 1 image outside of '{root}/set' ('other/9.jpg' first)" in said(source)
    assert f"left out: 1 image of no split of '{root}/set/data.yaml' ('spare/8.jpg' first)" in said(source)


def test_two_data_sets_below_one_directory_are_not_read_as_one(put):
    names = [f"{place}/images/train/0.{suffix}" for place in "ab" for suffix in ("jpg", "txt")]
    root = put(*names, a__data_yaml=YAML, b__data_yaml=YAML)
    assert f"'{root}/a/data.yaml' and '{root}/b/data.yaml'" in refused(root)


def test_darknet_is_read_from_the_directory_above_its_data(put):
    texts = {"data__train_txt": "data/obj/0.jpg\n", "data__test_txt": "data/obj/1.jpg\n"}
    root = put("data/obj/0.jpg", "data/obj/0.txt", "data/obj/1.jpg", "data/obj/1.txt", **texts)
    (root / "data/obj.data").write_text(
        "classes = 1\ntrain = data/train.txt\nvalid = data/test.txt\nnames = data/obj.names\n"
    )
    (root / "data/obj.names").write_text("car\n")
    source = read(root)
    assert count_boxes(source) == {"train": [1], "val": [1]}
    assert source.annotated.boxes.names == ("car",)
    assert "passed over" not in said(source)


def test_a_data_yaml_that_describes_nothing_is_named(put):
    root = put(*BOTH, data_yaml="just text\n")
    assert f"'{root}/data.yaml' is not read" in said(read(root))


def test_images_of_no_split_are_counted(put):
    root = put(*BOTH, "images/extra/2.jpg", data_yaml=YAML)
    assert "left out: 1 image of no split" in said(read(root))
    assert "left out" not in said(
        read(put(*BOTH, "images/extra/2.jpg", data_yaml=YAML + "test: images/extra\n"))
    )


def test_a_file_of_names_that_was_read_is_not_passed_over(put):
    assert "passed over" not in said(read(put("images/0.jpg", "labels/0.txt", classes_txt="car\n")))


def test_where_labels_were_looked_for_is_said_if_there_are_none(put):
    said_of = said(
        read(put("images/train/0.jpg", "annotations/0.txt", data_yaml="train: images/train\nnames: [a]\n"))
    )
    assert "those of 'images/train/0.jpg' were looked for in 'labels/train/0.txt'" in said_of


def test_images_beside_labels_without_splits_are_one(put):
    assert keys(read(put("images/0.jpg", "labels/0.txt"))) == {"": ["images/0.jpg"]}


def test_labels_beside_images_are_read_where_they_are_such(put):
    source = read(put("0.jpg", "1.jpg", "0.txt", classes_txt="car\nbus\n"))
    assert count_boxes(source) == {"": [1, 0]}
    assert source.annotated.boxes.names == ("car", "bus")
    assert "classes: the 2 names" in said(source)


def test_captions_beside_images_are_not_labels(put):
    root = put("0.jpg", "1.jpg", "0.txt")
    (root / "0.txt").write_text("a photo of 1 cat\n")
    assert read(root).layout == "folder"


def test_a_darknet_export_of_roboflow_is_read_by_its_folders(put):
    names = [f"{split}/0.{suffix}" for split in ("train", "valid") for suffix in ("jpg", "txt")]
    root = put(*names)
    (root / "train/_darknet.labels").write_text("car\nbus\n")
    source = read(root)
    assert keys(source) == {"train": ["train/0.jpg"], "valid": ["valid/0.jpg"]}
    assert source.annotated.boxes.names == ("car", "bus")


def test_darknet_lists_name_images_by_paths_of_another_place(put):
    root = put("obj_train_data/0.jpg", "obj_train_data/0.txt", train_txt="data/obj_train_data/0.jpg\n")
    (root / "obj.data").write_text("classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n")
    (root / "obj.names").write_text("car\n")
    source = read(root)
    assert keys(source) == {"train": ["obj_train_data/0.jpg"]}
    assert source.annotated.boxes.names == ("car",)


def test_a_yaml_of_a_training_beside_class_folders_is_not_a_data_set(put):
    root = put("cat/0.jpg", "dog/0.jpg", config_yaml="train:\n  epochs: 3\n")
    assert read(root).catalogues[0].classes == ("cat", "dog")


def test_two_descriptions_stop(put):
    root = put(*BOTH, a_yaml=YAML, b_yaml=YAML)
    assert f"'{root}' holds '{root}/a.yaml' and '{root}/b.yaml'" in refused(root)


def test_of_several_descriptions_data_yaml_counts(put):
    assert read(put(*BOTH, a_yaml="train: x\nnames: [z]\n", data_yaml=YAML)).annotated.boxes.names[0] == "car"


def test_boxes_that_are_given_go_before_labels(put, tmp_path):
    (tmp_path / "coco.json").write_text(
        '{"images": [{"id": 1, "file_name": "0.jpg"}], "annotations": [], "categories": []}'
    )
    source = read(put("images/0.jpg", "labels/0.txt"), files=InputFiles(boxes=str(tmp_path / "coco.json")))
    assert source.annotated.boxes.box_format == "coco"


# --- where paths lead -----------------------------------------------------------------------------------


def test_roboflows_paths_lead_one_directory_too_high(put):
    root = put("train/images/0.jpg", "train/labels/0.txt", data_yaml="train: ../train/images\nnames: [a]\n")
    source = read(root)
    assert keys(source) == {"train": ["train/images/0.jpg"]}
    assert "'../train/images' is taken for 'train/images'" in said(source)


def test_two_places_for_one_path_stop(put, tmp_path):
    root = put("train/images/0.jpg", data_yaml="train: ../train/images\nnames: [a]\n")
    (tmp_path / "train/images").mkdir(parents=True)
    assert "since both exist" in refused(root)


def test_images_outside_of_src_are_read_with_their_labels_and_noted(put, tmp_path):
    root = put(
        "notes/0.txt",
        "images/val/1.jpg",
        data_yaml=f"train: {tmp_path}/else/images\nval: images/val\nnames: [a]\n",
    )
    for name in ("images", "labels"):
        (tmp_path / "else" / name).mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "else/images/0.jpg")
    (tmp_path / "else/labels/0.txt").write_text(LINE)
    source = read(root)
    assert keys(source) == {"train": ["else/images/0.jpg"], "val": ["src/images/val/1.jpg"]}
    assert count_boxes(source) == {"train": [1], "val": [0]}
    assert "its images lie outside of" in said(source)
    assert source.samples(source.catalogues[0], [], 1).read(0)[0][:2] == b"\xff\xd8"


def test_a_relative_path_outside_is_read(put, tmp_path):
    root = put("notes/0.txt", "images/9.jpg", data_yaml="train: ../else\nnames: [a]\n")
    (tmp_path / "else").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "else/0.jpg")
    source = read(root)
    assert keys(source) == {"train": ["0.jpg"]}
    assert f"left out: 1 image of no split of '{root}/data.yaml' ('images/9.jpg' first)" in said(source)


def test_images_in_src_beside_a_list_of_images_elsewhere_are_named(put, tmp_path):
    root = put("images/0.jpg", "images/9.jpg")
    (tmp_path / "else").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "else/0.jpg")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/else/0.jpg\n")
    (root / "data.yaml").write_text("train: [../list.txt, few.txt]\nnames: [a]\n")
    (root / "few.txt").write_text("images/0.jpg\n")
    source = read(root)
    assert keys(source) == {"train": ["else/0.jpg", "src/images/0.jpg"]}
    assert f"left out: 1 image of no split of '{root}/data.yaml' ('images/9.jpg' first)" in said(source)


def test_an_image_below_its_list_goes_before_one_below_the_root(put):
    root = put(
        "lists/images/0.jpg", "images/0.jpg", "images/1.jpg", data_yaml="train: lists/few.txt\nnames: [a]\n"
    )
    (root / "lists" / "few.txt").write_text("images/0.jpg\nimages/1.jpg\n")
    assert keys(read(root)) == {"train": ["images/1.jpg", "lists/images/0.jpg"]}


def test_images_in_src_are_named_where_a_path_leads_elsewhere(put, tmp_path):
    root = put("images/9.jpg", data_yaml=f"path: {tmp_path}/else\ntrain: images\nnames: [a]\n")
    for name in ("images/0.jpg", "images/1.jpg", "more/2.jpg"):
        path = tmp_path / "else" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    notes = said(read(root))
    assert f"left out: 1 image of no split of '{root}/data.yaml' ('more/2.jpg' first)" in notes
    assert f"left out: 1 image outside of '{tmp_path}/else' ('images/9.jpg' first)" in notes


def test_images_of_no_split_are_named_beside_masks_that_are_given(put):
    names = ("images/train/0.jpg", "other/9.jpg", "labels/train/0.txt")
    root = put(*names, data_yaml="train: images/train\nnames: [a]\n")
    (root / "../masks/images/train").mkdir(parents=True)
    Image.new("L", (40, 32)).save(root / "../masks/images/train/0.png")
    source = read(root, files=InputFiles(masks=str(root / "../masks")))
    assert "left out: 1 image of no split" in said(source)


def test_a_path_of_another_machine_leads_to_the_own_directory(put):
    source = read(put(*BOTH, data_yaml="path: /content/data\n" + YAML))
    assert len(source.catalogues) == 2
    assert "'/content/data', the `path` of" in said(source)


def test_the_last_name_alone_of_a_path_of_another_machine_is_not_enough(put):
    root = put("train/0.jpg", "train/0.txt", data_yaml="train: /content/data/train\nnames: [a]\n")
    assert "does not exist ('/content/data/train')" in refused(root)
    root = put(data_yaml="train: /content/data/list.txt\nnames: [a]\n", list_txt="train/0.jpg\n")
    assert keys(read(root)) == {"train": ["train/0.jpg"]}  # but for a list of images


def test_a_path_that_exists_is_followed(put, tmp_path):
    root = put(*BOTH)
    (tmp_path / "set.yaml").write_text("path: src\n" + YAML)
    source = read(tmp_path / "set.yaml")
    assert keys(source)["train"] == ["images/train/0.jpg"]
    assert f"leads to '{root}'" in said(source)


def test_whole_paths_of_another_machine_are_found_by_their_end(put):
    source = read(put(*BOTH, data_yaml="train: C:\\data\\images\\train\nval: /x/images/val\nnames: [a]\n"))
    assert keys(source) == {"train": ["images/train/0.jpg"], "val": ["images/val/1.jpg"]}


def test_the_augmented_split_must_be_there_and_others_are_left_out(put):
    root = put(*BOTH, data_yaml="train: images/train\nval: images/none\ntest: images/val\nnames: [a]\n")
    source = read(root)
    assert sorted(keys(source)) == ["test", "train"]
    assert "split 'val' of" in said(source)
    assert "does not exist ('images/none')" in refused(root, split="val")


def test_a_split_may_be_several_folders_and_lists(put):
    root = put(
        *("a/images/0.jpg", "b/images/1.jpg", "c/2.jpg", "c/3.jpg"),
        more_txt="./c/3.jpg\n\n",
        data_yaml="train: [a/images, b/images, more.txt]\nnames: [a]\n",
    )
    assert keys(read(root)) == {"train": ["a/images/0.jpg", "b/images/1.jpg", "c/3.jpg"]}


def test_images_named_twice_are_taken_once_and_those_of_two_splits_are_noted(put):
    text = "train: [images, images/train]\nval: images/val\nnames: [a]\n"
    source = read(put(*BOTH, data_yaml=text))
    assert keys(source) == {"train": ["images/train/0.jpg", "images/val/1.jpg"], "val": ["images/val/1.jpg"]}
    assert "1 image named twice" in said(source)
    assert "1 image of split 'val' is of 'train', too" in said(source)


def test_a_list_may_name_its_images_in_any_order_and_more_than_once(put):
    names = ("c/2.jpg", "c/10.jpg", "b/3.jpg")
    listed = "c/2.jpg\nc/10.jpg\nb/3.jpg\n./c/2.jpg\n"
    source = read(put(*names, more_txt=listed, data_yaml="train: more.txt\nnames: [a]\n"))
    assert keys(source) == {"train": ["b/3.jpg", "c/10.jpg", "c/2.jpg"]}
    assert "1 image named twice" in said(source)


def test_without_splits_all_images_that_a_description_names_are_one(put):
    source = read(put(*BOTH, data_yaml=YAML), splits=False)
    assert keys(source) == {"": ["images/train/0.jpg", "images/val/1.jpg"]}
    assert count_boxes(source) == {"": [1, 1]}


def test_two_splits_of_the_same_images_are_both_read_unless_the_data_set_is_an_output(put):
    root = put(*BOTH, data_yaml="train: images/train\nval: images/train\nnames: [car, bus]\n")
    assert keys(read(root)) == {"train": ["images/train/0.jpg"], "val": ["images/train/0.jpg"]}


def test_a_table_labels_an_image_of_two_splits_in_both(put):
    both = "train: images/train\nval: [images/val, images/train]\nnames: [car, bus]\n"
    root = put(*BOTH, data_yaml=both)
    (root / "table.csv").write_text("file_name,label\n0.jpg,day\n1.jpg,day\n")
    source = read(root, files=InputFiles(labels=str(root / "table.csv")))
    labels = {
        c.split: [label and c.classes[label.classes[0]] for label in c.labels] for c in source.catalogues
    }
    assert labels == {"train": ["day"], "val": ["day", "day"]}


def test_the_data_yaml_that_is_given_is_not_said_to_be_passed_over(put):
    root = put(*BOTH, data_yaml=YAML)
    assert "passed over" not in said(read(root / "data.yaml"))


def test_listed_images_that_do_not_exist_are_counted(put):
    root = put(
        "images/0.jpg", data_yaml="train: l.txt\nnames: [a]\n", l_txt="images/0.jpg\nimages/1.jpg\n/x/2.jpg\n"
    )
    source = read(root)
    assert keys(source) == {"train": ["images/0.jpg"]}
    assert "2 images of 'l.txt' left out: no such file" in said(source)


# --- descriptions that are not right ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("train: images/train\nnc: 3\nnames: [a]\n", "says 3 classes as `nc`, but has 1 `names`"),
        ("train: images/train\nnames: {0: a, 2: b}\n", "number them without a gap"),
        ("train: images/train\nnames: 3\n", "a list of names as `names`"),
        ("train: images/train\nnc: many\n", "a whole number as `nc`"),
        ("train: {a: b}\nnames: [a]\n", "a path as `train`"),
        ("train: images/train\nnames: [a]\nkpt_shape: [17]\n", "two numbers as `kpt_shape`"),
        ("train: images/train\nnames: [a]\nkpt_shape: [17, 4]\n", "two numbers as `kpt_shape`"),
        ("train: images/train\nnames: [a]\npath: [.]\n", "a text as `path`"),
        ("train: images/train\nnames: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]\n", "once in `flip_idx`"),
        ("train: images/train\nnames: &a [x]\nval: *a\n", "write it out"),
        ("train: images/train\nnames: !!python/name:os.system\n", "which is not followed"),
    ],
)
def test_a_description_that_is_not_right_is_refused_by_name(put, text, why):
    root = put(*BOTH, data_yaml=text)
    message = refused(root)
    assert message.startswith(f"'{root}/data.yaml' ")
    assert why in message


def test_a_yaml_that_describes_something_else_is_refused(put):
    root = put("0.jpg", other_yaml="a: 1\n")
    assert "says none of them; give a data.yaml" in refused(root / "other.yaml")


def test_names_may_be_a_mapping_and_only_their_number(put):
    assert read(put(*BOTH, data_yaml="train: images\nnames: {1: b, 0: a}\n")).annotated.boxes.names == (
        "a",
        "b",
    )
    assert read(put(data_yaml="train: images\nnc: 2\n")).annotated.boxes.names == ("0", "1")


def test_classes_that_are_given_name_those_that_nothing_names(put, tmp_path):
    (tmp_path / "names").write_text("car\nbus\n")
    source = read(put("images/0.jpg", "labels/0.txt"), files=InputFiles(classes=str(tmp_path / "names")))
    assert source.annotated.boxes.names == ("car", "bus")


def test_classes_that_are_given_do_not_name_those_of_a_data_yaml_and_that_is_said(put, tmp_path):
    (tmp_path / "names").write_text("x\ny\n")
    source = read(put(*BOTH, data_yaml=YAML), files=InputFiles(classes=str(tmp_path / "names")))
    assert source.annotated.boxes.names == ("car", "bus")
    assert "data.yaml' says, not by classes" in said(source)


# --- labels ---------------------------------------------------------------------------------------------


def test_boxes_are_shares_until_images_are_read(put):
    (boxes,) = read(put("images/0.jpg", "labels/0.txt")).catalogues[0].boxes
    assert boxes.are_shares
    np.testing.assert_array_equal(boxes.edges, [[0.25, 0.375, 0.75, 0.625]])


def test_images_without_labels_and_with_empty_ones_are_backgrounds(put):
    root = put("images/0.jpg", "images/1.jpg", "images/2.jpg", "labels/0.txt", "labels/1.txt")
    (root / "labels/1.txt").write_text("\n \n")
    source = read(root)
    assert count_boxes(source) == {"": [1, 0, 0]}
    assert "of 2 of 3 images" in said(source)


def test_byte_order_mark_line_ends_and_tabs_do_not_matter(put):
    root = put("images/0.jpg", "labels/0.txt")
    (root / "labels/0.txt").write_bytes(b"\xef\xbb\xbf0\t0.5 0.5  0.25 0.5\r\n\r\n0.0 0.5 0.5 0.1 0.1")
    assert count_boxes(read(root)) == {"": [2]}


def test_a_line_that_is_not_right_names_file_line_and_cure(put):
    root = put("images/0.jpg", "labels/0.txt", data_yaml="train: images\nnames: [a]\n")
    (root / "labels/0.txt").write_text(LINE + "7 0.5 0.5 0.1 0.1\n")
    assert refused(root) == (
        f"labels '{root}/labels/0.txt': line 2 must begin with one of the classes 0 to 0, got '7'; correct or"
        " remove it, or leave such boxes out with --bad-boxes skip"
    )
    (boxes,) = read(root, bad_boxes="skip").catalogues[0].boxes
    assert len(boxes.edges) == 1
    assert [skipped.reason for skipped in boxes.skipped] == ["unknown class"]


def test_boxes_without_area_and_repeated_lines_are_counted(put):
    root = put("images/0.jpg", "labels/0.txt")
    (root / "labels/0.txt").write_text(LINE + LINE + "0 0.5 0.5 0 0.1\n")
    source = read(root)
    assert count_boxes(source) == {"": [2]}
    assert "boxes of no area (1)" in said(source)
    assert "1 line of labels that stand twice" in said(source)


def test_four_corners_throughout_are_oriented_boxes_and_the_option_is_named(put):
    root = put("images/0.jpg", "labels/0.txt")
    (root / "labels/0.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n")
    source = read(root)
    assert source.annotated.boxes.keys["task"] == "obb"
    assert any("yolo_task='segment'" in note for note in source.notes)
    assert read(root, yolo_task="segment").annotated.boxes.keys["task"] == "segment"


def test_keypoints_come_with_what_describes_them(put):
    text = "train: images\nnames: [a]\nkpt_shape: [1, 3]\nflip_idx: [0]\nchannels: 3\nlicense: x\n"
    root = put("images/0.jpg", "labels/0.txt", data_yaml=text)
    (root / "labels/0.txt").write_text("0 0.5 0.5 0.2 0.2 0.5 0.5 1\n")
    source = read(root)
    keys = {"task": "pose", "kpt_shape": [1, 3], "flip_idx": [0], "channels": 3}
    assert source.annotated.boxes.keys == keys
    assert "not carried along: license" in said(source)


def test_what_is_not_a_file_is_not_a_label(put):
    root = put("images/0.jpg", "images/1.jpg", "labels/2.txt", data_yaml="train: l.txt\nnames: [a]\n")
    os.mkfifo(root / "labels/0.txt")
    (root / "labels/1.txt").mkdir()
    (root / "l.txt").symlink_to("/dev/zero")
    assert "split 'train' of" in refused(root)
    (root / "data.yaml").write_text("train: images\nnames: [a]\n")
    assert count_boxes(read(root)) == {"train": [0, 0]}


def test_texts_that_are_neither_labels_nor_lists_are_passed_over(put):
    source = read(put(*BOTH, "labels/train/old.txt", data_yaml=YAML))
    assert "passed over 1 .txt" in said(source)


def test_images_that_have_no_place_for_labels_are_left_out(put):
    source = read(put("images/0.jpg", "labels/0.txt", "preview.jpg"))
    assert keys(source) == {"": ["images/0.jpg"]}
    assert "left out: 1 image" in said(source)


# --- encodings ------------------------------------------------------------------------------------------


UTF16 = "is written in UTF-16; save it as UTF-8, as with `iconv -f UTF-16 -t UTF-8`"
LATIN = "is not written in UTF-8 (byte 0xe9 in line 2), but probably in"


@pytest.mark.parametrize(
    ("data", "says", "kept", "skipped"),
    [
        (LINE.encode("utf-16"), UTF16, 0, 1),
        (f"{LINE}0 é\n".encode("latin-1"), LATIN, 0, 1),
        (LINE.encode("utf-16-le"), "line 1 must be finite numbers", 0, 2),
        (f"{LINE}0 0.5 0.5 0.2\0 0.5\n".encode(), "line 2 must be finite numbers", 1, 1),
    ],
    ids=["UTF-16", "Latin-1", "UTF-16 without a mark", "NUL"],
)
def test_labels_that_are_not_utf8_stop_with_the_cure_or_are_left_out(put, data, says, kept, skipped):
    root = put(*BOTH, data_yaml=YAML)
    (root / "labels/train/0.txt").write_bytes(data)
    assert f"'{root}/labels/train/0.txt': {says}" in refused(root)
    boxes = read(root, bad_boxes="skip").catalogues[0].boxes[0]
    assert (len(boxes.edges), len(boxes.skipped)) == (kept, skipped)


def test_labels_may_begin_with_a_byte_order_mark(put):
    root = put(*BOTH, data_yaml=YAML)
    (root / "labels/train/0.txt").write_bytes(LINE.encode("utf-8-sig"))
    assert count_boxes(read(root)) == {"train": [1], "val": [1]}


def test_an_empty_line_among_names_of_classes_stops_since_it_may_count_as_one(put):
    root = put(*BOTH, classes_txt="car\n\nbus\n")
    assert "must have a name in each line, and line 2 is empty" in refused(root)


def test_empty_lines_behind_the_last_name_do_not_count(put):
    assert read(put(*BOTH, classes_txt="car\nbus\n\n \n")).annotated.boxes.names == ("car", "bus")


def test_names_beside_a_data_yaml_in_another_order_stop(put):
    root = put(*BOTH, data_yaml=YAML, classes_txt="bus\ncar\n")
    assert f"numbers classes as car, bus, '{root}/classes.txt' as bus, car; remove or correct" in refused(
        root
    )


@pytest.mark.parametrize(
    "data", ["car\nbüs\n".encode("latin-1"), "bus\ncar\n".encode("utf-16"), b"bus\n\ncar\n"]
)
def test_names_that_cannot_be_read_do_not_matter_beside_a_data_yaml(put, data):
    root = put(*BOTH, data_yaml=YAML)
    (root / "classes.txt").write_bytes(data)
    assert read(root).annotated.boxes.names == ("car", "bus")


def test_names_in_another_encoding_stop_with_the_command_that_turns_them(put):
    root = put(*BOTH)
    (root / "classes.txt").write_bytes("car\nbüs\n".encode("latin-1"))
    assert refused(root) == (
        f"'{root}/classes.txt', which names classes, is not written in UTF-8 (byte 0xfc in line 2), but"
        " probably in Windows-1252; save it as UTF-8, as with `iconv -f WINDOWS-1252 -t UTF-8`"
    )


@pytest.mark.parametrize("names", ["car\nbus\n", "person\ndog\n"])
def test_equal_names_and_those_of_something_else_beside_a_data_yaml_do_not(put, names):
    assert read(put(*BOTH, data_yaml=YAML, classes_txt=names)).annotated.boxes.names == ("car", "bus")
