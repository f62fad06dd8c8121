"""What the cells of a column of boxes say: their order, their categories, and what travels with them."""

import numpy as np
import pyarrow as pa
import pytest

from augcli.errors import InputError
from augcli.io.boxes.column_cells import read_cells
from augcli.io.boxes.column_outlines import write_outline
from augcli.io.boxes.columns import find_column
from augcli.samples import Outline, Polygons

NUMBERS = pa.list_(pa.float64())


def read(rows, order=None, sizes=(), names=None, bad_boxes="stop", **fields):
    """Read rows of boxes; `fields` are Arrow's types of what each box has beside its numbers."""
    kind = pa.list_(pa.struct([("bbox", NUMBERS), *fields.items()]))
    column = find_column(pa.field("objects", kind))
    return read_cells(
        pa.chunked_array([pa.array(rows, kind)]), column, names, order, lambda: sizes, bad_boxes
    )


def boxed(*boxes):
    return [{"bbox": box} for box in boxes]


def test_a_box_that_leaves_its_image_in_either_reading_is_a_side_as_coco_has_it():
    """On 10x8 pixels, 1, 1, 5, 20 is too high as sides and as corners: the order is not in doubt."""
    (image,) = read([boxed([1, 1, 5, 20])], sizes=[(8, 10)]).images
    assert image.edges.tolist() == [[1, 1, 21, 6]]


def test_a_box_that_would_leave_its_image_at_the_bottom_alone_may_be_corners():
    with pytest.raises(InputError, match="as widths and heights, 1, 4, 2, 6 on 10x8 pixels would leave"):
        read([boxed([1, 4, 2, 6])], sizes=[(8, 10)])


def test_a_box_that_ends_before_it_begins_as_corners_is_of_sides_though_it_leaves_its_image():
    (image,) = read([boxed([9, 1, 5, 4])], sizes=[(8, 10)]).images
    assert image.edges.tolist() == [[1, 9, 5, 14]]


def test_boxes_of_images_of_unknown_size_are_passed_over():
    (first, second) = read([boxed([1, 4, 2, 60]), boxed([1, 2, 3, 4])], sizes=[None, (8, 10)]).images
    assert first.edges.tolist() == [[4, 1, 64, 3]]
    assert second.edges.tolist() == [[2, 1, 6, 4]]


def test_a_share_that_is_the_whole_image_is_in_doubt():
    with pytest.raises(InputError, match="or shares of the image's sides"):
        read([boxed([0, 0, 1, 1])])


@pytest.mark.parametrize("category", [2, -1])
def test_a_category_that_its_class_names_lack_is_refused(category):
    with pytest.raises(
        InputError, match=rf"row 0 of column 'objects': category {category} is not one of its "
    ):
        read([[{"bbox": [1, 2, 3, 4], "category": category}]], names=("cell", "cup"), category=pa.int64())


def test_an_area_is_none_of_the_values_that_travel_since_outputs_have_their_own():
    rows = [[{"bbox": [1, 2, 3, 4], "area": 12.0, "score": 0.5}]]
    cells = read(rows, area=pa.float64(), score=pa.float64())
    assert cells.images[0].extras == ('{"score": 0.5}',)
    assert cells.notes == []


@pytest.mark.parametrize(
    ("order", "area", "notes"),
    [("xywh", 12.0, []), ("xyxy", 4.0, ["column 'objects': outputs have bbox as x, y, width, height"])],
)
def test_an_area_is_compared_in_the_order_of_the_boxes(order, area, notes):
    """1, 2, 3, 4 are sides of 3 by 4, or corners of a box of 2 by 2."""
    assert read([[{"bbox": [1, 2, 3, 4], "area": area}]], order, area=pa.float64()).notes == notes


def test_values_that_cannot_follow_pixels_are_left_out_in_any_case():
    rows = [[{"bbox": [1, 2, 3, 4], "Segmentation": [1.0, 2.0]}]]
    cells = read(rows, Segmentation=NUMBERS)
    assert cells.images[0].extras == ("{}",)
    assert cells.notes == ["left out of column 'objects': Segmentation, which cannot follow the pixels"]


@pytest.mark.parametrize("order", [None, "xywh"])
def test_bad_boxes_are_skipped_where_that_is_asked_for(order):
    rows = [
        [{"bbox": [1, 2, 3, 4], "category": 0}, {"bbox": [1, 2, -3, 4], "category": 0}],
        [],
        None,
        [
            {"bbox": None, "category": 1},
            {"bbox": [1, 2, 3], "category": 1},
            {"bbox": [5, 6, 7, 8], "category": 1},
            {"bbox": [1, 2, None, 4], "category": 1},
            {"bbox": [1, 2, 3, 4], "category": 2},
            {"bbox": [1, 2, 3, 0], "category": 1},
        ],
    ]
    found = read(rows, order, names=("cell", "cup"), bad_boxes="skip", category=pa.int64())
    assert [image.edges.tolist() for image in found.images] == [[[2, 1, 6, 4]], [], [], [[6, 5, 14, 12]]]
    assert [image.categories for image in found.images] == [(0,), (), (), (1,)]
    assert [[box.reason for box in image.skipped] for image in found.images] == [
        ["negative size"],
        [],
        [],
        ["not four finite numbers"] * 3 + ["unknown category"],
    ]
    assert found.images[0].skipped[0].detail == (
        "row 0 of column 'objects': bbox must be of a width and height >= 0, got [1.0, 2.0, -3.0, 4.0]"
    )
    assert found.dropped == {"boxes of no area": 1}


def test_box_without_a_category_is_bad():
    rows = [[{"bbox": [1, 2, 3, 4], "category": None}, {"bbox": [1, 2, 3, 4], "category": "cup"}]]
    with pytest.raises(
        InputError, match=r"^row 0 of column 'objects': category None is not one of its classes"
    ):
        read(rows, category=pa.string())
    found = read(rows, bad_boxes="skip", category=pa.string())
    assert found.header.names == ("cup",)
    assert found.images[0].categories == (0,)


def test_outlines_in_fields_of_whole_numbers_are_rounded():
    points = np.array([[1.4, 2.6], [3.5, 0.2], [5.0, 5.0]])
    outline = Outline(Polygons(points, (3,)), None, 7.6)
    fields = {"segmentation": "list list int64", "area": "int64", "num_keypoints": "int64"}
    assert write_outline(outline, 9.0, fields) == {
        "segmentation": [[3, 1, 0, 4, 5, 5]],
        "area": 8,
        "num_keypoints": 0,
    }
    assert write_outline(None, 9.0, fields) == {"segmentation": [], "area": 9, "num_keypoints": 0}
