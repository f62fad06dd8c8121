"""Images beside masks: recognised by the names of their directories, and read with them."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError
from augcli.io.readers.base import Selection
from augcli.io.readers.pairs import Pair, find_pair, refuse_mixed
from augcli.io.readers.source import open_source
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.recipe import single


def pair(*keys, tables=(), names_masks=True):
    return find_pair("s", keys, tables, lambda table: names_masks)


@pytest.mark.parametrize("images", ["images", "Image", "imgs", "JPEGImages"])
@pytest.mark.parametrize("masks", ["masks", "Mask", "SegmentationClass"])
def test_masks_beside_images_are_found_by_name(images, masks):
    assert pair(f"{images}/0.jpg", f"{masks}/0.png") == Pair(images, masks)


@pytest.mark.parametrize("masks", ["labels", "annotations", "gt"])
def test_names_that_may_mean_something_else_need_files_of_the_same_names(masks):
    assert pair("images/0.jpg", f"{masks}/0.png") == Pair("images", masks)
    assert pair("images/0.jpg", f"{masks}/other.png") is None


@pytest.mark.parametrize("classes", [("cat", "dog"), ("mask", "no_mask"), ("images", "cat")])
def test_other_directories_are_classes(classes):
    assert pair(*(f"{name}/0.png" for name in classes)) is None


def test_a_table_beside_the_directories_says_what_is_what():
    assert pair("images/0.png", "masks/0.png", tables=["metadata.parquet"]) is None


def test_a_table_that_names_no_masks_stops_with_the_command_that_works():
    words = "give masks='s/masks' and as SRC 's/images', and labels='s/metadata.csv', or masks='none'"
    with pytest.raises(InputError, match=words):
        pair("images/0.png", "masks/0.png", tables=["metadata.csv"], names_masks=False)


def test_a_third_directory_stops_with_the_command_that_works():
    words = r"give masks='s/masks' and as SRC 's/images', or masks='none'"
    with pytest.raises(InputError, match=words):
        pair("images/0.png", "masks/0.png", "more/0.png")


def test_masks_one_level_down_stop_with_the_command_that_works():
    words = r"give masks='s/annotations/trimaps' and as SRC 's/images', or masks='none'"  # the Oxford pets
    with pytest.raises(InputError, match=words):
        pair("images/beagle_1.jpg", "annotations/trimaps/beagle_1.png")


def test_two_directories_of_masks_stop():
    with pytest.raises(InputError, match="give masks='s/SegmentationClass' and as SRC 's/JPEGImages'"):
        pair("JPEGImages/0.jpg", "SegmentationClass/0.png", "SegmentationObject/0.png")


def test_directories_below_each_split_stop_with_the_command_for_one():
    words = "give masks='s/train/masks' and as SRC 's/train/images' .and so for 1 more"
    with pytest.raises(InputError, match=words):
        pair("train/images/0.png", "train/masks/0.png", "val/images/1.png", "val/masks/1.png")
    with pytest.raises(InputError, match=words):
        pair("train/images/0.png", "train/masks/0.png", "test/images/1.png", "test/masks/1.png")


def test_directories_highest_up_are_named_first():
    words = "give masks='s/masks' and as SRC 's/images' .and so for 1 more"
    with pytest.raises(InputError, match=words):
        pair("train/images/0.png", "train/masks/0.png", "images/1.png", "masks/1.png")


def write(root, names, splits=("",), masks="masks"):
    for split in splits:
        for number, name in enumerate(names):
            for kind, image in (
                ("images", Image.new("RGB", (9, 8), (10 * number + 10, 0, 0))),
                (masks, Image.new("L", (9, 8), number + 1)),
            ):
                path = root / kind / split / name
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)


def rows_of(dst):
    for table in dst.rglob("metadata.parquet"):
        for row in pq.read_table(table).to_pylist():
            image, mask = (
                np.asarray(Image.open(table.parent / row[name])) for name in ("file_name", "mask_file_name")
            )
            yield row, image, mask


def test_what_lies_beside_both_and_is_not_read_is_said_once(tmp_path):
    write(tmp_path / "s", ["0.png", "1.png"])
    (tmp_path / "s/Annotations").mkdir()
    for place in ("Annotations/0.xml", "Annotations/1.xml", "images/notes.txt"):
        (tmp_path / "s" / place).write_text("")
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))
    said = [note for note in summary.notes if note.startswith("passed over")]
    assert said == ["passed over 2 .xml ('Annotations/0.xml' first)", "passed over 1 .txt"]


@pytest.mark.parametrize("masks", ["masks", "labels"])
def test_masks_beside_images_follow_their_pixels(tmp_path, masks):
    write(tmp_path / "s", ["0.png", "1.png", "2.png", "3.png"], masks=masks)
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(CutMix(lam=0.5)))
    assert f"masks: those of {masks}/, beside the images in images/" in summary.notes
    assert summary.per_class == {"unlabelled": 4}
    found = list(rows_of(tmp_path / "dst"))
    assert len(found) == 4
    for _, image, mask in found:
        np.testing.assert_array_equal(image[..., 0], 10 * mask)
    assert not augcli.verify(tmp_path / "dst", against=tmp_path / "s").differences


def test_class_folders_below_images_stay_classes(tmp_path):
    write(tmp_path / "s", ["cat/0.png", "cat/1.png", "dog/2.png", "dog/3.png"])
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))
    assert summary.per_class == {"cat": 2, "dog": 2}
    assert all(row["mask_file_name"] for row, *_ in rows_of(tmp_path / "dst"))


def test_splits_below_images_and_masks_are_kept_apart(tmp_path):
    write(tmp_path / "s", ["0.png", "1.png", "2.png"], splits=("train", "val"))
    augcli.materialize(tmp_path / "s", tmp_path / "dst", single(CutMix(lam=0.5)))
    found = list(rows_of(tmp_path / "dst"))
    assert sorted(row["source"].split("/")[0] for row, *_ in found) == ["train"] * 3 + ["val"] * 3
    for _, image, mask in found:
        np.testing.assert_array_equal(image[..., 0], 10 * mask)


def test_masks_that_are_given_go_before_those_that_are_found(tmp_path):
    write(tmp_path / "s", ["0.png", "1.png"])
    with pytest.raises(InputError, match=r"lies in SRC .* give as SRC the directory of the images alone"):
        augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()), masks=tmp_path / "s" / "masks")


@pytest.mark.parametrize("ending", ["_mask", "_seg", "_GT"])
def test_masks_among_their_images_stop(ending):
    keys = [f"benign/{name}.png" for number in range(3) for name in (number, f"{number}{ending}")]
    words = rf"named as masks of the images beside them \('benign/0{ending}.png' of 'benign/0.png'\)"
    with pytest.raises(InputError, match=words):
        refuse_mixed("s", keys)


@pytest.mark.parametrize(
    "keys",
    [
        ["a_mask.png", "b_mask.png", "c.png"],  # of no image
        ["a.png", "a_mask.png", *(f"{number}.png" for number in range(5))],  # hardly any
        ["a.png", "b.png"],
        ["face/a.png", "face_mask/a.png"],
    ],
)
def test_images_whose_names_only_look_so_are_images(tmp_path, keys):
    for key in keys:
        (tmp_path / key).parent.mkdir(exist_ok=True)
        (tmp_path / key).write_bytes(b"")
    (catalogue,) = open_source(str(tmp_path), Selection()).catalogues
    assert sorted(catalogue.keys) == sorted(keys)


def test_a_table_decides_what_the_images_are(tmp_path):
    for name in ("a.png", "a_mask.png"):
        (tmp_path / "s").mkdir(exist_ok=True)
        Image.new("RGB", (9, 8)).save(tmp_path / "s" / name)
    with pytest.raises(InputError, match="named as masks of the images beside them"):
        augcli.materialize(tmp_path / "s", tmp_path / "dst", single(Cutout()))
    (tmp_path / "l.csv").write_text("file_name,label\na.png,x\na_mask.png,y\n")
    assert (
        augcli.materialize(
            tmp_path / "s", tmp_path / "dst", single(Cutout()), labels=tmp_path / "l.csv"
        ).outputs
        == 2
    )


@pytest.mark.parametrize(("images", "masks"), [("PNGImages", "PedMasks"), ("imagesTr", "labelsTr")])
def test_directories_of_known_data_sets_are_not_two_classes(tmp_path, images, masks):
    for name in (f"{images}/0.png", f"{images}/1.png", f"{masks}/0.png", f"{masks}/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    [catalogue] = open_source(str(tmp_path), Selection()).catalogues
    assert (catalogue.keys, catalogue.masks.keys, catalogue.classes) == (["0.png", "1.png"],) * 2 + (None,)
