"""Pascal VOC as it is published: its lists of splits, its boxes, and masks that few of its images have."""

import shutil

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.ops.cutout import Cutout
from augcli.recipe import single

XML = (
    "<annotation><filename>{0}.jpg</filename><size><width>40</width><height>32</height></size><object><name>{1}"
    "</name><bndbox><xmin>6</xmin><ymin>6</ymin><xmax>15</xmax><ymax>15</ymax></bndbox></object></annotation>"
)
MAIN = {"train": "0 \n1\n", "val": "2\n3\n", "trainval": "0\n1\n2\n3\n", "cat_train": "0  1\n1 -1\n"}
SEGMENTATION = {"train": "0\n", "val": "3\n", "trainval": "0\n3\n"}


@pytest.fixture
def put(tmp_path):
    """Write a tree of six images, two of which have masks."""

    def write(name="VOC2012", main=MAIN, segmentation=SEGMENTATION, boxes=True):
        root = tmp_path / name
        for number in range(6):
            image, xml = root / "JPEGImages" / f"{number}.jpg", root / "Annotations" / f"{number}.xml"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 32), (40 * number, 0, 0)).save(image)
            if boxes:
                xml.parent.mkdir(exist_ok=True)
                xml.write_text(XML.format(number, ("cat", "dog")[number % 2]))
        for number in (0, 3):
            for kind in ("SegmentationClass", "SegmentationObject"):
                (root / kind).mkdir(exist_ok=True)
                Image.fromarray(np.full((32, 40), number, np.uint8)).save(root / kind / f"{number}.png")
        for kind, lists in (("Main", main), ("Segmentation", segmentation)):
            (root / "ImageSets" / kind).mkdir(parents=True, exist_ok=True)
            for split, text in lists.items():
                (root / "ImageSets" / kind / f"{split}.txt").write_text(text)
        return root

    return write


def read(root, masks=None, boxes=None, **changes):
    return open_source(str(root), Selection(InputFiles(masks=masks and str(masks), boxes=boxes), **changes))


def keys(source):
    return {split.split: list(split.keys) for split in source.catalogues}


def count(source):
    """The boxes and the masks of each split; None where there are none at all."""
    return {
        split.split: (
            split.boxes and sum(len(boxes.edges) for boxes in split.boxes),
            split.masks and sum(key is not None for key in split.masks.keys),
        )
        for split in source.catalogues
    }


def said(source):
    return "\n".join(str(note) for note in source.notes)


def test_splits_are_the_lists_and_boxes_are_read_and_masks_are_not(put):
    source = read(put())
    assert keys(source) == {"train": ["0.jpg", "1.jpg"], "val": ["2.jpg", "3.jpg"]}
    assert count(source) == {"train": (2, None), "val": (2, None)}
    assert source.annotated.boxes.names == ("cat", "dog")
    assert "splits: train (2), val (2), by ImageSets/Main/" in said(source)
    assert "left out: 2 images of no split of ImageSets/Main/" in said(source)
    assert "SegmentationClass/ holds masks of 2 images, which are not read; give masks=" in said(source)


def test_with_masks_splits_are_the_lists_of_images_that_have_some(put):
    root = put()
    source = read(root, masks=root / "SegmentationClass")
    assert keys(source) == {"train": ["0.jpg"], "val": ["3.jpg"]}
    assert count(source) == {"train": (1, 1), "val": (1, 1)}


def test_none_leaves_out_boxes_and_says_no_word_of_masks(put):
    source = read(put(), masks="none", boxes="none")
    assert count(source) == {"train": (None, None), "val": (None, None)}
    assert "SegmentationClass" not in said(source)


def test_given_boxes_are_read_in_the_place_of_those_of_the_tree(put, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "0.xml").write_text(XML.format(0, "bird"))
    source = read(put(), boxes=str(other))
    assert source.annotated.boxes.names == ("bird",)


def test_xml_and_lists_are_not_said_to_be_passed_over(put):
    assert ".xml" not in said(read(put()))
    assert ".txt" not in said(read(put()))


def test_masks_without_lists_of_their_own_have_the_splits_of_all_images(put):
    root = put()
    shutil.rmtree(root / "ImageSets" / "Segmentation")
    assert keys(read(root, masks=root / "SegmentationClass")) == keys(read(root, masks="none"))


def test_without_a_list_of_train_that_of_both_is_train(put):
    source = read(put(main={"trainval": "0\n1\n", "test": "5\n9\n"}))
    assert keys(source) == {"train": ["0.jpg", "1.jpg"], "test": ["5.jpg"]}
    assert "split 'train' is ImageSets/Main/trainval.txt" in said(source)
    assert "split 'test': 1 image of ImageSets/Main/ left out: no such file" in said(source)


@pytest.mark.parametrize("others", [{}, {"val": "2\n"}])
def test_an_image_in_the_lists_of_two_splits_stops(put, others):
    root = put(main={"train": "0\n1\n", "test": "1\n"} | others)
    with pytest.raises(InputError, match=r"1 image .*'1' first.* of 'train' and of 'test'; leave"):
        read(root)


def test_without_lists_all_images_are_one(put):
    source = read(put(main={"default": "0\n1\n"}, segmentation={}))
    assert keys(source) == {"": [f"{number}.jpg" for number in range(6)]}
    assert count(source) == {"": (6, None)}
    assert "ImageSets/ holds no list of a split (train.txt, val.txt, ...): all images are one" in said(source)


def test_no_splits_takes_all_images(put):
    assert keys(read(put(), splits=False)) == {"": [f"{number}.jpg" for number in range(6)]}


def test_where_there_is_no_xml_masks_are_read(put):
    source = read(put(boxes=False))
    assert keys(source) == {"train": ["0.jpg"], "val": ["3.jpg"]}
    assert count(source) == {"train": (None, 1), "val": (None, 1)}


def test_several_trees_are_not_classes(put):
    root = put("VOC2007").parent
    put("VOC2012")
    with pytest.raises(InputError, match=r"VOC in 'VOC2007' and 'VOC2012'.* '.*/VOC2007' as SRC, and"):
        read(root)


def test_a_tree_further_down_is_no_class(put):
    root = put("download/VOCdevkit/VOC2007").parents[1]
    with pytest.raises(
        InputError, match=r"holds Pascal VOC in 'VOCdevkit/VOC2007'.* '.*/VOCdevkit/VOC2007' as SRC"
    ):
        read(root)


def test_a_tree_without_boxes_one_directory_further_down_is_named(put):
    root = put("VOC2007", boxes=False).parent
    with pytest.raises(InputError, match=r"VOC in 'VOC2007', which would .*/VOC2007' as SRC$"):
        read(root)


def test_keys_are_those_of_the_directory_of_images_given_alone(put):
    root = put()
    alone = read(root / "JPEGImages", boxes=str(root / "Annotations"))
    assert set(keys(read(root))["train"]) <= set(keys(alone)[""])


FORMS = {
    "suffixes": (["0.jpg", "1.jpg"], ["4.jpg"]),
    "first words": (["0 1", "1 -1"], ["4 1"]),
    "Windows": (["\ufeff0\r", "1\r", "\r"], ["4\r"]),
}


@pytest.mark.parametrize(("train", "test"), FORMS.values(), ids=FORMS)
def test_lines_of_lists_may_have_suffixes_further_words_and_any_line_end(put, train, test):
    source = read(put(main={"train": "\n".join(train), "test": "\n".join(test)}))
    assert keys(source) == {"train": ["0.jpg", "1.jpg"], "test": ["4.jpg"]}


def test_names_may_have_blanks(put):
    root = put(main={"train": "my cat 0\n", "test": "1\n"})
    for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "xml")):
        (root / kind / f"0.{suffix}").rename(root / kind / f"my cat 0.{suffix}")
    assert keys(read(root)) == {"train": ["my cat 0.jpg"], "test": ["1.jpg"]}


def test_lists_that_name_no_image_stop_since_test_images_would_be_in_train(put):
    root = put(main={"train": "x0\n", "test": "x1\n"})
    with pytest.raises(InputError) as caught:
        read(root)
    assert caught.value.spell(Spelling.FLAG) == (
        "the lists of ImageSets/Main/ name no image of JPEGImages/ ('x0', an image is '0'); write a name"
        " without its suffix in each line, or give --no-splits to take all images as one split"
    )
    assert len(read(root, splits=False).catalogues[0]) == 6


def test_without_lists_in_main_those_of_segmentation_or_of_the_directory_itself_count(put):
    root = put(main={})
    assert keys(read(root)) == {"train": ["0.jpg"], "val": ["3.jpg"]}
    for path in (root / "ImageSets").glob("*/*.txt"):
        path.unlink()
    (root / "ImageSets" / "train.txt").write_text("0\n1\n")
    (root / "ImageSets" / "valid.txt").write_text("2\n")
    assert keys(read(root)) == {"train": ["0.jpg", "1.jpg"], "valid": ["2.jpg"]}


def test_two_images_of_one_name_stop(put):
    root = put()
    Image.new("RGB", (40, 32)).save(root / "JPEGImages" / "0.png")
    with pytest.raises(InputError, match=r"'0.jpg' and '0.png' of JPEGImages/ differ in their suffix alone"):
        read(root)


def test_a_table_of_labels_keeps_the_splits(put, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\n0.jpg,cat\n1.jpg,dog\n2.jpg,dog\n3.jpg,cat\n")
    files = InputFiles(labels=str(tmp_path / "labels.csv"))
    source = open_source(str(put()), Selection(files))
    assert keys(source) == {"train": ["0.jpg", "1.jpg"], "val": ["2.jpg", "3.jpg"]}
    labels = [[label.classes for label in split.labels] for split in source.catalogues]
    assert (labels, source.catalogues[0].classes) == ([[(0,), (1,)], [(1,), (0,)]], ("cat", "dog"))
    assert count(source) == {"train": (2, None), "val": (2, None)}


def test_images_outside_of_their_directory_are_noted(put):
    root = put()
    Image.new("RGB", (40, 32)).save(root / "8.jpg")
    note = "left out: 3 images outside of JPEGImages/ ('8.jpg' first)"  # and two of SegmentationObject
    assert note in said(read(root))
    assert "left out: 3 images of" not in said(read(root, masks=root / "SegmentationObject"))


def test_a_directory_of_boxes_without_xml_has_none(put):
    root = put()
    for path in (root / "Annotations").iterdir():
        path.unlink()
    assert count(read(root)) == {"train": (None, 1), "val": (None, 1)}


@pytest.mark.parametrize("below", ["", "480p/bear/"])
def test_masks_in_the_place_of_xml_are_masks(tmp_path, below):
    for number in range(2):
        for kind, suffix, mode in (("JPEGImages", "jpg", "RGB"), ("Annotations", "png", "L")):
            path = tmp_path / "DAVIS" / kind / f"{below}{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new(mode, (8, 8)).save(path)
    (tmp_path / "DAVIS" / "ImageSets").mkdir()
    (tmp_path / "DAVIS" / "ImageSets" / "train.txt").write_text("/JPEGImages/0.jpg /Annotations/0.png\n")
    [catalogue] = read(tmp_path / "DAVIS").catalogues
    assert (len(catalogue), catalogue.boxes) == (2, None)
    assert catalogue.masks.keys == [f"{below}0.png", f"{below}1.png"]
    with pytest.raises(InputError, match=r"holds masks .'DAVIS/Annotations'. beside images"):
        read(tmp_path)


@pytest.mark.slow
def test_a_tree_is_augmented_and_its_output_is_an_input(put, tmp_path):
    root = put()
    summary = augcli.materialize(root, tmp_path / "dst", single(Cutout()))
    assert (summary.outputs, summary.boxes) == (4, {"cat": (2, 2), "dog": (2, 2)})
    found = sorted(path.name[0] for path in (tmp_path / "dst").glob("*/annotations/*.xml"))
    assert found == ["0", "1", "2", "3"]
    assert augcli.materialize(tmp_path / "dst", tmp_path / "again", single(Cutout())).boxes == summary.boxes
    masked = augcli.materialize(root, tmp_path / "m", single(Cutout()), masks=root / "SegmentationClass")
    assert masked.outputs == 2
    assert len(list((tmp_path / "m").rglob("masks/*.png"))) == 2


@pytest.mark.slow
def test_an_output_of_a_tree_is_as_its_part_files_tell(put, tmp_path):
    """So are its splits in their order: a run, merge and verify each list them."""
    root = put(main=MAIN | {"test": "4\n"})
    augcli.materialize(root, tmp_path / "dst", single(Cutout()))
    assert not augcli.verify(tmp_path / "dst").differences
