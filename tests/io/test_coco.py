"""COCO files of boxes: what is read, what is refused, and what is written."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from augcli.errors import InputError, StorageError
from augcli.io.boxes import coco
from augcli.io.boxes.coco import write_coco
from augcli.io.store.locations import locate
from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]
CURE = "; correct or remove it, or leave such boxes out with bad_boxes='skip'"
HEADER = BoxHeader("coco", ("dog", "cat"), {"categories": CATEGORIES})


def read_coco(path, bad_boxes="stop"):
    return coco.read_coco(locate(path), bad_boxes)


def make_file():
    """Make a file of two images; the second one has no boxes."""
    return {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48},
            {"id": 2, "file_name": "b.jpg", "width": 32, "height": 24},
        ],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [10, 20, 30, 5], "area": 150}],
        "categories": copy.deepcopy(CATEGORIES),
    }


@pytest.fixture
def read(tmp_path):
    """Read a value as a COCO file."""

    def read_value(value, bad_boxes="stop"):
        (tmp_path / "boxes.json").write_text(value if isinstance(value, str) else json.dumps(value))
        return read_coco(tmp_path / "boxes.json", bad_boxes)

    return read_value


@pytest.fixture
def read_box(read):
    """Read the first image of a file whose only box has these keys too."""

    def read_keys(**keys):
        file = make_file()
        file["annotations"][0] |= keys
        return read(file).images["a.jpg"]

    return read_keys


def write(images, header=HEADER) -> bytes:
    file = io.BytesIO()
    write_coco(file, header, iter(images))
    return file.getvalue()


def one_box(edges=(20.0, 10.0, 25.0, 40.0), category=1, extra="{}", visibility=1.0, weight=1.0):
    return WrittenBox(edges, category, visibility, weight, "cats/a.jpg", extra)


def one_image(*boxes, extra="{}", source="cats/a.jpg"):
    return BoxedImage("a.jpg", 48, 64, source, extra, boxes)


# Reading --------------------------------------------------------------------------------------------------


def test_box_is_read_as_edges_rows_first(read_box):
    np.testing.assert_array_equal(read_box().edges, [[20.0, 10.0, 25.0, 40.0]])


def test_category_is_the_place_of_its_id_in_the_list(read):
    held = read(make_file())
    assert (held.header.names, held.images["a.jpg"].categories) == (("dog", "cat"), (1,))


def test_size_of_an_image_is_read(read):
    held = read(make_file()).images["b.jpg"]
    assert (held.height, held.width) == (24, 32)


@pytest.mark.parametrize("side", [0, -3, 24.0, "24", None, True])
def test_height_that_is_no_positive_whole_number_is_not_said(read, side):
    file = make_file()
    file["images"][1]["height"] = side
    assert (read(file).images["b.jpg"].height, read(file).images["b.jpg"].width) == (0, 32)


def test_image_without_boxes_is_held(read):
    held = read(make_file()).images["b.jpg"]
    assert (held.edges.shape, held.edges.dtype, held.categories, held.extras) == ((0, 4), np.float64, (), ())


def test_boxes_of_an_image_keep_their_order(read):
    file = make_file()
    file["annotations"] = [{"image_id": 1, "category_id": 7, "bbox": [x, 0, 1, 1]} for x in (3, 1, 2)]
    assert read(file).images["a.jpg"].edges[:, 1].tolist() == [3, 1, 2]


def test_keys_beside_images_and_annotations_are_kept_as_they_are(read):
    file = make_file() | {"info": {"year": 2014, "url": None}, "licenses": []}
    kept = {"categories": CATEGORIES, "info": {"year": 2014, "url": None}, "licenses": []}
    assert read(file).header == BoxHeader("coco", ("dog", "cat"), kept)


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("x\\y.jpg", "x/y.jpg"),
        ("./x/y.jpg", "x/y.jpg"),
        (".\\y.jpg", "y.jpg"),
        ("naïve 1.jpg", "naïve 1.jpg"),
    ],
)
def test_name_of_an_image_has_slashes_and_no_leading_dot(read, given_name, name):
    file = make_file()
    file["images"][0]["file_name"] = given_name
    assert list(read(file).images) == [name, "b.jpg"]


def test_what_else_is_said_of_an_image_is_kept_in_the_order_of_its_keys(read):
    file = make_file()
    file["images"][0] |= {"license": 4, "date": "naïve"}
    assert read(file).images["a.jpg"].extra == '{"date": "naïve", "license": 4}'


def test_what_else_is_said_of_a_box_is_kept_in_the_order_of_its_keys(read_box):
    extras = read_box(score=0.5, iscrowd=0, attributes={"z": [1], "a": None}).extras
    assert extras == ('{"attributes": {"a": null, "z": [1]}, "iscrowd": 0, "score": 0.5}',)


def test_our_own_words_are_not_taken_for_those_of_the_input(read_box):
    assert read_box(visibility=0.5, weight=0.25, source="x.jpg", iscrowd=1).extras == ('{"iscrowd": 1}',)


def test_our_own_word_on_an_image_is_not_taken_for_one_of_the_input(read):
    file = make_file()
    file["images"][0]["source"] = "x.jpg"
    assert read(file).images["a.jpg"].extra == "{}"


def test_equal_words_on_boxes_are_one_text(read):
    file = make_file()
    file["annotations"] = [
        {"image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1], "iscrowd": 0} for _ in range(2)
    ]
    first, second = read(file).images["a.jpg"].extras
    assert first is second


def test_empty_outlines_are_not_counted(read):
    file = make_file()
    file["annotations"][0] |= {"segmentation": [], "keypoints": [], "num_keypoints": 0}
    assert read(file).dropped == {}


@pytest.mark.parametrize("bbox", [[1, 2, 0, 5], [1, 2, 5, 0], [1, 2, 0, 0], [1e17, 2, 1, 1]])
def test_boxes_of_no_area_are_left_out_and_counted(read, bbox):
    file = make_file()
    file["annotations"].append({"id": 2, "image_id": 1, "category_id": 7, "bbox": bbox})
    held = read(file)
    assert (held.dropped, held.images["a.jpg"].categories) == ({"boxes of no area": 1}, (1,))


def test_ids_may_be_texts(read):
    file = make_file()
    file["images"][0]["id"] = file["annotations"][0]["image_id"] = "one"
    file["annotations"][0]["id"] = "x"
    assert len(read(file).images["a.jpg"].edges) == 1


def test_annotations_need_no_ids(read):
    file = make_file()
    del file["annotations"][0]["id"]
    file["annotations"] *= 2
    assert len(read(file).images["a.jpg"].edges) == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_may_begin_with_a_byte_order_mark(tmp_path, encoding):
    (tmp_path / "b.json").write_bytes(json.dumps(make_file()).encode(encoding))
    assert list(read_coco(tmp_path / "b.json").images) == ["a.jpg", "b.jpg"]


def test_file_without_images_is_fine(read):
    assert read(make_file() | {"images": [], "annotations": []}).images == {}


# Where a file is not as it should be, and one reading is right ---------------------------------------------


@pytest.mark.parametrize("value", [4.0, "4"])
@pytest.mark.parametrize("where", ["image", "box"])
def test_ids_that_are_whole_numbers_are_read_as_such(read, where, value):
    file = make_file()
    file["images"][0]["id"] = file["annotations"][0]["image_id"] = 4
    (file["images"][0] if where == "image" else file["annotations"][0])[
        "id" if where == "image" else "image_id"
    ] = value
    held = read(file)
    assert len(held.images["a.jpg"].edges) == 1
    assert held.notes == ("ids written as texts or as 4.0 are taken for whole numbers (1)",)


@pytest.mark.parametrize("value", [3.0, "3"])
def test_ids_of_categories_are_written_as_whole_numbers(read, value):
    file = make_file()
    file["categories"][1]["id"] = value
    held = read(file)
    assert held.images["a.jpg"].categories == (1,)
    assert repr(held.header.keys["categories"]) == repr([{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}])


def test_annotations_may_repeat_their_ids(read):
    file = make_file()
    file["annotations"] *= 3
    held = read(file)
    assert len(held.images["a.jpg"].edges) == 3
    assert held.notes == (
        "annotations with the id of another one are boxes of their own, and outputs number them anew (2)",
    )


@pytest.mark.parametrize("used", ["root", "class", "none"])
def test_of_two_categories_of_one_name_the_one_that_no_box_has_is_left_out(read, used):
    file = make_file()
    file["categories"] = [
        {"id": 0, "name": "cells", "supercategory": "none"},
        {"id": 1, "name": "cells", "supercategory": "cells"},
        {"id": 2, "name": "cups", "supercategory": "cells"},
    ]
    file["annotations"][0]["category_id"] = {"root": 0, "class": 1, "none": 2}[used]
    held = read(file)
    assert held.header.names == ("cells", "cups")
    kept = [0, 2] if used == "root" else [1, 2]
    assert [category["id"] for category in held.header.keys["categories"]] == kept
    assert held.images["a.jpg"].categories == ((1,) if used == "none" else (0,))
    assert held.notes == (
        "categories that no box has are left out, since another one has their name: 'cells' (1)",
    )


def test_image_without_a_name_is_called_by_its_address(read):
    file = make_file()
    del file["images"][0]["file_name"]
    file["images"][0]["coco_url"] = "http://images.cocodataset.org/train2017/000000391895.jpg"
    held = read(file)
    assert list(held.images) == ["000000391895.jpg", "b.jpg"]
    assert "coco_url" in held.images["000000391895.jpg"].extra
    assert held.notes == ("images without a file_name are called by the last part of their coco_url (1)",)


# Refusals -------------------------------------------------------------------------------------------------


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        read_coco(tmp_path / "none.json")
    wanted = f"boxes '{tmp_path}/none.json' do not exist; give a COCO JSON file or a folder of VOC XML"
    assert str(caught.value) == wanted


def test_file_below_a_file_is_missing(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(InputError, match=r"a/b\.json' do not exist"):
        read_coco(tmp_path / "a" / "b.json")


def test_file_that_the_machine_cannot_read_is_a_storage_error(tmp_path):
    (tmp_path / "loop.json").symlink_to("loop.json")
    with pytest.raises(StorageError, match=r"cannot read '.*loop\.json'"):
        read_coco(tmp_path / "loop.json")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", r"Expecting value: line 1 column 1 \(char 0\)"),
        (b"<annotation/>", r"Expecting value: line 1 column 1 \(char 0\)"),
        (b'{"images": [],\n "annotations": [}', r"Expecting value: line 2 column 18 \(char 32\)"),
        (b'{\0"\0x', "'utf-16-le' codec can't decode byte 0x78 in position 4: truncated data"),
        (b"[" * 100_000, "maximum recursion depth exceeded.*"),
        (b'{"x": NaN}', "NaN is not a number in JSON"),
        (b'{"x": -Infinity}', "-Infinity is not a number in JSON"),
        (b'{"x": %s}' % (b"9" * 5000), "Exceeds the limit .4300 digits. .*"),
    ],
    ids=["empty", "XML", "torn", "torn UTF-16", "deep", "NaN", "infinite", "digits"],
)
def test_file_that_cannot_be_parsed_is_refused(tmp_path, data, why):
    (tmp_path / "b.json").write_bytes(data)
    cure = "give a COCO JSON file or a folder of VOC XML"
    with pytest.raises(InputError, match=rf"^boxes '.*b\.json' cannot be parsed: {why}; {cure}$"):
        read_coco(tmp_path / "b.json")


def test_file_in_another_encoding_is_refused_with_the_command_that_turns_it(tmp_path):
    (tmp_path / "b.json").write_bytes('{"images": [],\n "x": "café"}'.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read_coco(tmp_path / "b.json", "skip")
    assert str(caught.value).endswith(
        "b.json': it is not written in UTF-8 (byte 0xe9 in line 2), but probably in Windows-1252; save it as"
        " UTF-8, as with `iconv -f WINDOWS-1252 -t UTF-8`"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_file_in_an_encoding_of_json_is_read(tmp_path, encoding):
    text = '{"images": [{"id": 1, "file_name": "é.png"}], "annotations": [], "categories": []}'
    (tmp_path / "b.json").write_bytes(text.encode(encoding))
    assert list(read_coco(tmp_path / "b.json").images) == ["é.png"]


@pytest.mark.parametrize("value", [[], "x", 3, None])
def test_file_that_is_no_object_is_refused(read, value):
    with pytest.raises(InputError) as caught:
        read(json.dumps(value))
    assert f"boxes.json': must be a JSON object, got {value!r}; give a COCO JSON file" in str(caught.value)


@pytest.mark.parametrize("name", ["images", "annotations", "categories"])
@pytest.mark.parametrize("value", [None, {}, "x"])
def test_file_that_lacks_a_list_is_refused(read, name, value):
    with pytest.raises(
        InputError, match=f"has no list of {name}; give a COCO file of instances: images, annotations, categ"
    ):
        read(make_file() | {name: value})


@pytest.mark.parametrize("name", ["images", "annotations", "categories"])
def test_entry_that_is_no_object_is_refused(read, name):
    file = make_file()
    file[name].append(["x"])
    at = len(file[name]) - 1
    with pytest.raises(InputError) as caught:
        read(file)
    assert str(caught.value).endswith(
        f"boxes.json': {name}[{at}] must be an object, got ['x']; correct or remove it"
    )


@pytest.mark.parametrize(
    ("name", "entry", "number"),
    [
        ("images", {"id": 1, "file_name": "c.jpg"}, 1),
        ("images", {"id": "1", "file_name": "c.jpg"}, 1),
        ("categories", {"id": 3, "name": "emu"}, 3),
    ],
)
def test_id_that_is_given_twice_is_refused(read, name, entry, number):
    file = make_file()
    file[name].append(entry)
    with pytest.raises(InputError, match=f"': two {name} have the id {number}; give each its own id$"):
        read(file)


@pytest.mark.parametrize("value", [None, True, 1.5, [1], float("inf")])
@pytest.mark.parametrize(
    ("name", "key", "cure"),
    [
        ("images", "id", "; correct it"),
        ("categories", "id", "; correct it"),
        ("annotations", "image_id", CURE),
        ("annotations", "category_id", CURE),
    ],
)
def test_id_that_is_no_whole_number_and_no_text_is_refused(read, name, key, cure, value):
    file = make_file()
    file[name][0][key] = 1e400 if value == float("inf") else value
    with pytest.raises(InputError) as caught:
        read(json.dumps(file).replace("Infinity", "1e400"))
    wanted = f"': {name}[0]: {key} must be a whole number or a text, got {value!r}{cure}"
    assert str(caught.value).endswith(wanted)


def test_id_of_a_category_that_is_a_text_is_refused(read):
    file = make_file()
    file["categories"][0]["id"] = "dog"
    with pytest.raises(
        InputError, match=r"': categories\[0\]: id must be a whole number, got 'dog'; correct it$"
    ):
        read(file)


@pytest.mark.parametrize(("key", "value"), [("image_id", 9), ("image_id", "01"), ("category_id", 1)])
def test_box_of_an_unknown_image_or_category_is_refused(read_box, key, value):
    with pytest.raises(InputError) as caught:
        read_box(**{key: value})
    wanted = f"annotations[0]: {key} {value!r} is not in the file{CURE}"
    assert str(caught.value).endswith(wanted)


@pytest.mark.parametrize("second", ["a.jpg", "./a.jpg", ".\\a.jpg"])
def test_name_of_an_image_that_is_given_twice_is_refused(read, second):
    file = make_file()
    file["images"][1]["file_name"] = second
    with pytest.raises(
        InputError,
        match=r"two images are called 'a\.jpg'; give both one image_id, or each its own file_name$",
    ):
        read(file)


@pytest.mark.parametrize("value", [None, "", "./", 3, "\ud800.jpg"])
def test_image_without_a_name_is_refused(read, value):
    file = make_file()
    file["images"][1]["file_name"] = value
    with pytest.raises(InputError) as caught:
        read(file)
    wanted = f"': images[1]: file_name must be a text, got {value!r}; give it the image's name"
    assert str(caught.value).endswith(wanted)


@pytest.mark.parametrize("value", [None, "", 3])
def test_category_without_a_name_is_refused(read, value):
    file = make_file()
    file["categories"][1]["name"] = value
    with pytest.raises(InputError) as caught:
        read(file)
    wanted = f"': categories[1] must have a name as text, got {value!r}; give it one"
    assert str(caught.value).endswith(wanted)


def test_name_of_a_category_that_is_given_twice_is_refused(read):
    file = make_file()
    file["categories"][1]["name"] = "dog"
    file["annotations"].append({"image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1]})
    with pytest.raises(InputError, match=r"': two categories are called 'dog'; give each its own name$"):
        read(file)


@pytest.mark.parametrize(
    "bbox",
    [
        None,
        [],
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        [1, 2, 3, "4"],
        [1, 2, True, 4],
        [1, 2, None, 4],
        {"x": 1},
        "1234",
        [1, 2, -3, 4],
        [1, 2, 3, -0.5],
        [10**400, 2, 3, 4],
        [1e308, 2, 1e308, 4],
    ],
)
def test_box_that_is_not_four_finite_numbers_is_refused(read_box, bbox):
    with pytest.raises(
        InputError,
        match=r"': annotations\[0\]: bbox must be four finite numbers x, y, width >= 0, height >= 0, got .*"
        + re.escape(CURE),
    ):
        read_box(bbox=bbox)


@pytest.mark.parametrize(
    ("keys", "reason", "detail"),
    [
        (
            {"bbox": [1, 2, -3, 4]},
            "negative size",
            "bbox must be four finite numbers x, y, width >= 0, height >= 0, got [1, 2, -3, 4]",
        ),
        (
            {"bbox": [1, 2]},
            "not four finite numbers",
            "bbox must be four finite numbers x, y, width >= 0, height >= 0, got [1, 2]",
        ),
        ({"category_id": 9}, "unknown category", "category_id 9 is not in the file"),
    ],
)
def test_bad_box_is_skipped_where_that_is_asked_for(read, keys, reason, detail):
    file = make_file()
    file["annotations"].append(file["annotations"][0] | {"id": 2} | keys)
    held = read(file, "skip").images["a.jpg"]
    assert held.skipped == ((reason, f"annotations[1]: {detail}"),)
    assert held.categories == (1,)


def test_box_of_no_known_image_is_counted_where_bad_boxes_are_skipped(read):
    file = make_file()
    file["annotations"] += [{"id": number or 8, "image_id": number} for number in (9, None)]
    held = read(file, "skip")
    assert held.dropped == {"boxes of unknown images": 2}
    assert [len(image.edges) for image in held.images.values()] == [1, 0]


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_box_with_a_number_beyond_floating_point_is_refused(read, number):
    with pytest.raises(InputError, match="bbox must be four finite numbers"):
        read(json.dumps(make_file()).replace("[10,", f"[{number},"))


def test_number_beyond_floating_point_elsewhere_is_refused(read):
    text = json.dumps(make_file()).replace('"area": 150', '"score": 1e999')
    with pytest.raises(
        InputError, match=r"annotations\[0\] holds a number beyond 64-bit floating point; correct it"
    ):
        read(text)


@pytest.mark.parametrize(
    ("name", "where"), [("images", r"images\[0\]"), ("annotations", r"annotations\[0\]")]
)
def test_half_of_a_surrogate_pair_is_refused(read, name, where):
    file = make_file()
    file[name][0]["note"] = "\ud800"
    with pytest.raises(InputError, match=rf"{where} holds a text that is not Unicode .*; correct it$"):
        read(file)


def test_half_of_a_surrogate_pair_in_the_name_of_a_category_is_refused(read):
    file = make_file()
    file["categories"][0]["name"] = "\udfff"
    with pytest.raises(InputError, match="the file holds a text that is not Unicode"):
        read(file)


def test_values_nested_too_deep_are_refused(read_box):
    value: list[object] = []
    for _ in range(49):
        value = [value]
    assert read_box(note=value).extras == ('{"note": ' + "[" * 50 + "]" * 50 + "}",)
    with pytest.raises(InputError, match=r"annotations\[0\] is nested more than 50 levels deep; take out"):
        read_box(note=[value])


@pytest.mark.slow
def test_refusal_is_one_line_however_long_the_value(read):
    file = make_file()
    file["images"][0]["file_name"] = ["x\n" * 10_000] * 1000
    with pytest.raises(InputError) as caught:
        read(file)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


# Writing --------------------------------------------------------------------------------------------------


def test_written_file_has_an_entry_a_line():
    header = BoxHeader("coco", ("naïve",), {"info": {"year": 1}, "categories": [{"id": 7, "name": "naïve"}]})
    image = one_image(one_box(category=0, extra='{"iscrowd": 1, "score": 0.5}'), extra='{"license": 2}')
    assert write([image], header).decode() == (
        "{\n"
        '"info": {"year": 1},\n'
        '"categories": [\n'
        '{"id": 7, "name": "naïve"}\n'
        "],\n"
        '"images": [\n'
        '{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48, "license": 2, "source": "cats/a.jpg"}\n'
        "],\n"
        '"annotations": [\n'
        '{"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 30, 5], "area": 150, "iscrowd": 1,'
        ' "score": 0.5, "visibility": 1.0, "weight": 1.0, "source": "cats/a.jpg"}\n'
        "]\n"
        "}\n"
    )


def test_each_of_several_boxes_stands_on_a_line_of_its_own():
    lines = write([one_image(one_box(), one_box()), one_image(one_box())]).decode().splitlines()
    assert [line[:24] for line in lines[lines.index('"annotations": [') + 1 : -2]] == [
        '{"id": 1, "image_id": 1,',
        '{"id": 2, "image_id": 1,',
        '{"id": 3, "image_id": 2,',
    ]


def test_ids_count_from_one_over_all_images():
    images = [one_image(one_box(), one_box()), one_image(), one_image(one_box())]
    file = json.loads(write(images))
    assert [image["id"] for image in file["images"]] == [1, 2, 3]
    assert [(box["id"], box["image_id"]) for box in file["annotations"]] == [(1, 1), (2, 1), (3, 3)]


def test_category_keeps_the_id_of_the_input():
    file = json.loads(write([one_image(one_box(category=0), one_box(category=1))]))
    assert [box["category_id"] for box in file["annotations"]] == [7, 3]


def test_box_is_no_crowd_where_nothing_says_so():
    assert json.loads(write([one_image(one_box())]))["annotations"][0]["iscrowd"] == 0


def test_sides_are_rounded_to_a_millionth_of_a_pixel():
    # 78.3 + 106.1 - 78.3 is 106.1 less 1.4e-14 in floating point.
    box = json.loads(write([one_image(one_box((0.0, 78.3, 0.5, 78.3 + 106.1)))]))["annotations"][0]
    assert (box["bbox"], box["area"]) == ([78.3, 0, 106.1, 0.5], 53.05)


def test_whole_numbers_are_written_as_integers():
    assert b'"bbox": [10, 0, 30, 5], "area": 150,' in write([one_image(one_box((-1e-9, 10.0, 5.0, 40.0)))])


def test_visibility_and_weight_are_not_rounded():
    written = write([one_image(one_box(visibility=1 / 3, weight=0.1))])
    assert b'"visibility": 0.3333333333333333, "weight": 0.1,' in written


def test_our_own_words_stand_in_place_of_those_of_the_input():
    image = one_image(one_box(extra='{"weight": 9}'), extra='{"source": "web"}')
    file = json.loads(write([image]))
    assert (file["images"][0]["source"], file["annotations"][0]["weight"]) == ("cats/a.jpg", 1.0)


def test_braces_and_percent_signs_of_the_input_stay_as_they_are():
    extra = {"{0}": "{", "note": {"a": "}} %s {weight}"}}
    (entry,) = json.loads(write([one_image(one_box(extra=json.dumps(extra)))]))["annotations"]
    assert {key: entry[key] for key in extra} == extra


@pytest.mark.parametrize("source", ["%FF.png", "%25FF.png"])
def test_sources_are_written_as_part_files_have_them(source):
    written = json.loads(write([one_image(one_box()._replace(source=source), source=source)]))
    assert [written[key][0]["source"] for key in ("images", "annotations")] == [source, source]


def test_no_images_give_empty_lists():
    assert json.loads(write([])) == {"categories": CATEGORIES, "images": [], "annotations": []}


def test_images_are_written_as_they_come():
    file = io.BytesIO()

    def give():
        yield one_image()
        assert b"a.jpg" in file.getvalue()
        yield one_image()

    write_coco(file, HEADER, give())


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(*[st.integers(0, 5 * 10**9).map(lambda n: n / 1e6)] * 2, *[st.floats(0.001, 5000)] * 2),
        max_size=4,
    )
)
def test_boxes_survive_writing_and_reading(tmp_path_factory, places):
    edges = [(y, x, y + height, x + width) for y, x, height, width in places]
    path = tmp_path_factory.mktemp("coco") / "b.json"
    path.write_bytes(write([one_image(*map(one_box, edges), extra='{"license": 1}')]))
    held = read_coco(path)
    image = held.images["a.jpg"]
    # Half a millionth of a pixel for each of the two numbers that an edge is the sum of.
    np.testing.assert_allclose(image.edges, np.reshape(edges, (-1, 4)), rtol=0, atol=1.001e-6)
    assert (held.header, image.categories, image.extra) == (HEADER, (1,) * len(edges), '{"license": 1}')


def test_file_that_is_read_and_written_again_is_the_same_to_the_byte(tmp_path):
    once = write([one_image(one_box((20.25, 78.3, 31.0, 78.3 + 106.1), extra='{"iscrowd": 0}'))])
    (tmp_path / "b.json").write_bytes(once)
    held = read_coco(tmp_path / "b.json")
    boxes = [
        one_box(edges, 1, held.images["a.jpg"].extras[0]) for edges in held.images["a.jpg"].edges.tolist()
    ]
    assert write([one_image(*boxes)], held.header) == once


def test_pycocotools_loads_what_is_written(tmp_path):
    (tmp_path / "b.json").write_bytes(write([one_image(one_box(category=0), one_box()), one_image()]))
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        coco = COCO(str(tmp_path / "b.json"))
    assert (coco.getCatIds(), coco.getImgIds()) == ([7, 3], [1, 2])
    found = coco.loadAnns(coco.getAnnIds(imgIds=[1], catIds=[3], iscrowd=False))
    assert [box["bbox"] for box in found] == [[10, 20, 30, 5]]


def make_boxes(count, bbox):
    """Make a file of so many equal boxes on an image of 64 x 48 pixels."""
    entries = [{"id": number, "image_id": 1, "category_id": 3, "bbox": bbox} for number in range(count)]
    return make_file() | {"annotations": entries}


def test_boxes_written_as_corners_stop(read):
    with pytest.raises(InputError) as caught:
        read(make_boxes(10, [30, 20, 60, 40]))
    assert str(caught.value).endswith(
        "boxes seem to be x0, y0, x1, y1: as x, y, width, height 10 of 10 would leave their images,"
        " first 30, 20, 60, 40 on 64x48 pixels; write x, y, width, height, as COCO has them"
    )


@pytest.mark.parametrize(
    ("count", "bbox"),
    [
        (9, [30, 20, 60, 40]),  # too few to tell
        (10, [30, 20, 25, 40]),  # no corners: x1 would lie before x0
        (10, [30, 20, 70, 40]),  # as corners it would leave the image, too
        (10, [4, 7, 60, 41]),  # stays in the image
    ],
)
def test_boxes_that_can_be_widths_and_heights_are_read(count, bbox, read):
    x, y, width, height = bbox
    edges = read(make_boxes(count, bbox)).images["a.jpg"].edges
    np.testing.assert_array_equal(edges, [[y, x, y + height, x + width]] * count)


def test_a_few_boxes_that_leave_their_image_are_read(read):
    file = make_boxes(10, [4, 7, 60, 41])
    for entry in file["annotations"][:5]:
        entry["bbox"] = [30, 20, 60, 40]
    assert len(read(file).images["a.jpg"].edges) == 10
