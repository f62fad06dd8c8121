"""Boxes of a data set: where they are read from, and which sample gets which."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from augcli.errors import InputError
from augcli.io.boxes import matching
from augcli.io.boxes.base import EMPTY, BoxFile
from augcli.io.boxes.matching import match_boxes
from augcli.io.store.locations import locate
from augcli.program.annotated import BoxHeader
from augcli.samples import ImageBoxes


def read_boxes(path, links=True):
    return matching.read_boxes(locate(path, links))


def make_held(*names, form="coco"):
    """Make boxes of images, each of a height of its own: 1, 2, ..."""
    images = {name: EMPTY._replace(height=height) for height, name in enumerate(names, start=1)}
    return BoxFile(BoxHeader(form, (), {}), images, {})


def match(held, *names, unboxed=None):
    """Give the height of each sample's boxes, None where it has none, and the notes."""
    found, notes = match_boxes(held, names, unboxed)
    return [one and one.height for one in found], notes


# Reading --------------------------------------------------------------------------------------------------


def test_file_is_read_as_coco(tmp_path):
    image = {"id": 1, "file_name": "a.jpg"}
    (tmp_path / "b.json").write_text(json.dumps({"images": [image], "annotations": [], "categories": []}))
    held = read_boxes(tmp_path / "b.json", True)
    assert (held.header.box_format, list(held.images)) == ("coco", ["a.jpg"])


def test_shares_of_the_sides_are_no_pixels(tmp_path):
    def write(*boxes):
        image = {"id": 1, "file_name": "a.jpg"}
        entries = [{"id": n, "image_id": 1, "category_id": 1, "bbox": box} for n, box in enumerate(boxes)]
        file = {"images": [image], "annotations": entries, "categories": [{"id": 1, "name": "cat"}]}
        (tmp_path / "b.json").write_text(json.dumps(file))
        return tmp_path / "b.json"

    with pytest.raises(InputError, match=r"all coordinates lie in 0\.\.1 and seem to be shares of .* sides"):
        read_boxes(write([0.1, 0.2, 0.5, 0.25], [0, 0, 1, 1]))
    assert read_boxes(write([0.1, 0.2, 0.5, 0.25], [0, 0, 3, 1])).images["a.jpg"].edges.shape == (2, 4)
    assert read_boxes(write([0, 0, 1, 1])).images["a.jpg"].edges.tolist() == [[0, 0, 1, 1]]  # one pixel


@pytest.mark.parametrize(("side", "refused"), [("0.5", True), ("1", False)])
def test_shares_in_voc_are_no_pixels(tmp_path, side, refused):
    sides = "".join(f"<{name}>{side}</{name}>" for name in ("xmin", "ymin", "xmax", "ymax"))
    (tmp_path / "a.xml").write_text(
        f"<annotation><object><name>cat</name><bndbox>{sides}</bndbox></object></annotation>"
    )
    if refused:
        with pytest.raises(InputError, match="shares"):
            read_boxes(tmp_path)
    else:
        assert read_boxes(tmp_path).images["a"].edges.tolist() == [[0, 0, 1, 1]]


def test_directory_is_read_as_voc(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    held = read_boxes(tmp_path, True)
    assert (held.header.box_format, list(held.images)) == ("voc", ["a"])


def test_links_are_not_followed_where_they_may_not_be(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation/>")
    (tmp_path / "b.xml").symlink_to("a.xml")
    assert [list(read_boxes(tmp_path, links).images) for links in (False, True)] == [["a"], ["a", "b"]]


def test_directory_without_xml_is_refused(tmp_path):
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(InputError) as caught:
        read_boxes(tmp_path, True)
    assert str(caught.value) == (f"no VOC XML in '{tmp_path}'; give a COCO JSON file or a folder of VOC XML")


def test_a_directory_of_yolo_labels_is_refused_with_what_to_give(tmp_path):
    (tmp_path / "0.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(InputError, match="YOLO labels are read with their images"):
        read_boxes(tmp_path, True)


def test_boxes_that_are_missing_are_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        read_boxes(tmp_path / "none", True)
    assert str(caught.value) == (
        f"boxes '{tmp_path}/none' do not exist; give a COCO JSON file or a folder of VOC XML"
    )


def test_path_that_is_not_utf8_is_read(tmp_path):
    root = tmp_path / os.fsdecode(b"\xff")
    root.mkdir()
    (root / os.fsdecode(b"\xfe.xml")).write_text("<annotation/>")
    assert list(read_boxes(root, True).images) == ["\udcfe"]


# Matching -------------------------------------------------------------------------------------------------


def test_sample_gets_the_boxes_of_its_name():
    assert match(make_held("x/a.jpg", "y/a.jpg"), ["y/a.jpg"], ["x/a.jpg"]) == ([2, 1], [])


def test_coco_knows_images_with_their_suffix():
    assert match(make_held("a.png", "a.jpg"), ["a.jpg"], ["a.png"]) == ([2, 1], [])


@pytest.mark.parametrize("name", ["x/b.c.jpg", "x/b.c.PNG", "x/b.c.tiff"])
def test_voc_knows_images_without_their_suffix(name):
    assert match(make_held("a", "x/b.c", form="voc"), [name], ["a.jpg"]) == ([2, 1], [])


def test_dots_of_folders_and_leading_dots_are_no_suffix():
    assert match(make_held("x.y/a", ".b", form="voc"), ["x.y/a"], [".b"]) == ([1, 2], [])


def test_likelier_name_comes_first():
    assert match(make_held("a.jpg", "train/a.jpg"), ["train/a.jpg", "a.jpg"]) == (
        [2],
        ["1 image of the boxes not in the input"],
    )


def test_less_likely_name_is_taken_where_the_file_has_no_other():
    assert match(make_held("a.jpg"), ["train/a.jpg", "a.jpg"]) == ([1], [])


def test_image_goes_to_the_sample_to_which_its_name_is_likelier():
    assert match(make_held("a.jpg"), ["train/a.jpg", "a.jpg"], ["a.jpg"]) == (
        [None, 1],
        ["1 image not in the boxes, kept without any"],
    )


def test_image_that_may_be_either_of_two_samples_is_refused():
    with pytest.raises(InputError) as caught:
        match(make_held("a.jpg"), ["train/a.jpg", "a.jpg"], ["val/a.jpg", "a.jpg"])
    assert str(caught.value) == (
        "the boxes of 'a.jpg' may be those of 'train/a.jpg' and 'val/a.jpg'; name images in the boxes by"
        " their paths below SRC, and give images of one folder names of their own"
    )


def test_voc_that_may_be_of_either_of_two_suffixes_is_refused():
    with pytest.raises(InputError, match=r"the boxes of 'a' may be those of 'a\.jpg' and 'a\.png'; "):
        match(make_held("a", form="voc"), ["a.jpg"], ["a.png"])


def test_last_part_of_a_name_is_enough_where_nothing_else_has_it():
    assert match(make_held("images/a.jpg", "b.jpg"), ["cat/a.jpg"], ["dog/b.jpg"]) == ([1, 2], [])


def test_last_part_is_compared_without_suffix_for_voc():
    assert match(make_held("Annotations/a", form="voc"), ["images/a.jpg"]) == ([1], [])


def test_last_part_that_two_images_of_the_boxes_have_is_not_enough():
    assert match(make_held("x/a.jpg", "y/a.jpg", "b.jpg"), ["z/a.jpg"], ["b.jpg"], unboxed="keep")[0] == [
        None,
        3,
    ]


def test_last_part_that_two_samples_have_is_not_enough():
    assert match(make_held("x/a.jpg", "b.jpg"), ["y/a.jpg"], ["z/a.jpg"], ["b.jpg"], unboxed="keep")[0] == [
        None,
        None,
        2,
    ]


@pytest.mark.parametrize("owner", [["x/a.jpg"], ["0.jpg", "x/a.jpg"]])
def test_last_part_of_an_image_that_has_its_sample_is_not_enough(owner):
    assert match(make_held("x/a.jpg"), owner, ["y/a.jpg"])[0] == [1, None]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a.JPG", "A.jpg"),
        ("cat/a.jpg", "CAT/A.jpg"),
        ("straße.jpg", "STRASSE.jpg"),
        ("nai\u0308ve.jpg", "na\u00efve.jpg"),
        ("a b.jpg", "a%20b.jpg"),
        ("a.jpg", "a"),
        ("a.png", "a.jpg"),
        ("000001.jpg", "000001"),
        ("v1.25.jpg", "v1.25"),
        ("x/a.png", "images/A.jpg"),
    ],
)
def test_name_is_enough_without_regard_to_case_form_and_suffix(ours, theirs):
    note = "1 image found in the boxes but for case, suffix or Unicode form"
    assert match(make_held(theirs, "b.jpg"), [ours], ["b.jpg"]) == ([1, 2], [note])


def test_name_that_differs_in_case_is_not_enough_where_two_fit():
    assert match(make_held("A.jpg"), ["a.jpg"], ["a.png"], ["A.jpg"])[0] == [None, None, 1]
    with pytest.raises(InputError, match="the boxes belong to other images"):
        match(make_held("A.JPG", "a.jpeg"), ["a.jpg"])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("7.jpg", "000007.jpg"),
        ("img-1.jpg", "img_1.jpg"),
        ("img_1_jpg.rf.0aB9c.jpg", "img_1.jpg"),
        ("x/a.jpg", "y/a.jpg"),
    ],
)
def test_images_whose_names_nearly_match_stop_the_run(ours, theirs):
    others = ["z/a.jpg"] if ours == "x/a.jpg" else ["z.jpg"]
    held = make_held(theirs, "b.jpg")
    with pytest.raises(InputError) as caught:
        match(held, [ours], others, ["b.jpg"])
    number = "2 images" if ours == "x/a.jpg" else "1 image"
    more = f", 'z/a.jpg' (boxes: {theirs!r})" if ours == "x/a.jpg" else ""
    assert str(caught.value) == (
        f"{number} not in the boxes, which know others by nearly the same names: {ours!r} (boxes: {theirs!r})"
        f"{more}; marks or zeros differ, or several are alike; give both the same names, or give"
        " unboxed='keep' to have them without boxes, or unboxed='skip' to leave them out"
    )
    notes = ["2 images not in the boxes, kept without any", "1 image of the boxes not in the input"]
    assert match(held, [ours], others, ["b.jpg"], unboxed="keep") == ([None, None, 2], notes)


def test_images_that_the_boxes_do_not_name_stop_the_run_where_that_is_asked_for():
    with pytest.raises(InputError) as caught:
        match(make_held("a.jpg"), ["x.jpg"], ["a.jpg"], ["y.jpg"], ["z.jpg"], unboxed="stop")
    assert str(caught.value) == (
        "3 images not in the boxes: 'x.jpg', 'y.jpg'; add them, or give unboxed='keep' to have them without"
        " boxes, or unboxed='skip' to leave them out"
    )
    assert match(make_held("a.jpg"), ["a.jpg"], unboxed="stop") == ([1], [])


def test_images_that_are_left_out_are_noted():
    assert match(make_held("a.jpg"), ["x.jpg"], ["a.jpg"], unboxed="skip") == (
        [None, 1],
        ["1 image not in the boxes, left out"],
    )


def test_what_is_without_the_other_is_noted():
    assert match(make_held("a", "b", "c", "d"), ["a"], ["x"], ["y"], ["z"]) == (
        [1, None, None, None],
        ["3 images not in the boxes, kept without any", "3 images of the boxes not in the input"],
    )


def test_sample_without_any_name_has_no_boxes():
    assert match(make_held("a"), [], ["a"])[0] == [None, 1]


def test_boxes_of_none_of_the_images_are_refused():
    with pytest.raises(InputError) as caught:
        match(make_held("x/a.jpg", "b.jpg"), ["c.jpg", "d.jpg"], ["e.jpg"])
    assert str(caught.value) == (
        "the boxes belong to other images: their first image is 'x/a.jpg', the first of the input is 'c.jpg';"
        " give the file that belongs to these, or name its images by their paths below SRC"
    )


def test_boxes_of_no_images_are_refused():
    with pytest.raises(InputError, match="the boxes name no images; give the file that belongs to these"):
        match(make_held(), ["a.jpg"])


def test_no_samples_have_no_boxes():
    assert match(make_held("a")) == ([], ["1 image of the boxes not in the input"])


def test_empty_boxes_are_none():
    assert isinstance(EMPTY, ImageBoxes)
    np.testing.assert_array_equal(EMPTY.edges, np.zeros((0, 4)))
    assert not EMPTY.edges.flags.writeable
