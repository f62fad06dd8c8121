"""Lines of YOLO labels: what they say, what is refused, and what is written of boxes in pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.io.boxes.base import BadBoxError
from augcli.io.boxes.yolo import write_labels
from augcli.io.boxes.yolo_lines import (
    Shape,
    find_task,
    join_parts,
    keep_text,
    parse_line,
    read_shape,
    write_numbers,
)
from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox
from augcli.program.shares import scale_outline
from augcli.samples import Corners, Outline, Polygons, RunLengths

POSE = (2, 3)
LINES = {
    "detect": "1 0.5 0.25 0.2 0.1",
    "segment": "0 0.1 0.2 0.4 0.2 0.4 0.5 0.15 0.6",
    "obb": "2 0.3 0.1 0.6 0.4 0.5 0.5 0.2 0.2",
    "pose": "0 0.5 0.5 0.4 0.6 0.4 0.3 2 0.6 0.7 1",
}


def read(text, task="detect", keypoints=None, classes=3):
    return read_shape(parse_line(text, 1, classes), task, keypoints)


def test_a_box_is_read_around_its_centre():
    shape = read("1 0.5 0.25 0.2 0.1")
    np.testing.assert_allclose(shape.edges, (0.2, 0.4, 0.3, 0.6), rtol=1e-15)
    assert shape.outline is None


def test_an_edge_outside_goes_to_the_border_only_where_decimals_have_put_it_there():
    assert read("0 0.099999 0.5 0.2 0.2").edges[1] == 0.0
    np.testing.assert_allclose(read("0 0.095 0.5 0.2 0.2").edges[1], -0.005, rtol=1e-9)


def test_a_keypoint_of_two_numbers_is_not_there_if_either_is_negative():
    shape = read("0 0.5 0.5 0.4 0.6 -0.001 0.3 0.6 -0.001 0.6 0.7", "pose", (3, 2))
    assert shape.outline.keypoints[:, 2].tolist() == [0, 0, 2]


def test_pixels_of_which_none_is_covered_are_written_as_their_box():
    shape = Shape((2, 2, 4, 6), Outline(RunLengths(8, 8, np.array([64]), False)))
    assert write_numbers(shape, (8, 8), "segment", None) == "0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5"


def test_corners_beyond_the_border_are_written_on_it():
    corners = Polygons(np.array([[-1.0, 0], [0, 10], [4, 4]]), (3,))
    shape = Shape((-1.0, 0.0, 4.0, 10.0), Outline(corners))
    assert write_numbers(shape, (8, 8), "segment", None) == "0.0 0.0 1.0 0.0 0.5 0.5"


def test_an_outline_is_read_as_rows_and_columns_with_its_bounds():
    shape = read(LINES["segment"], "segment")
    assert shape.edges == (0.2, 0.1, 0.6, 0.4)
    assert shape.outline.form.points.tolist() == [[0.2, 0.1], [0.2, 0.4], [0.5, 0.4], [0.6, 0.15]]
    assert shape.outline.form.parts == (4,)


def test_an_oriented_box_keeps_the_order_of_its_corners():
    form = read(LINES["obb"], "obb").outline.form
    assert isinstance(form, Corners)
    assert form.points.tolist() == [[0.1, 0.3], [0.4, 0.6], [0.5, 0.5], [0.2, 0.2]]


def test_keypoints_of_three_numbers_have_a_visibility():
    shape = read(LINES["pose"], "pose", POSE)
    assert shape.outline.keypoints.tolist() == [[0.3, 0.4, 2], [0.7, 0.6, 1]]
    assert shape.outline.form is None


@pytest.mark.parametrize("seen", ["3", "-1", "1.5", "0.4"])
def test_a_visibility_of_none_of_the_three_kinds_is_refused(seen):
    with pytest.raises(
        BadBoxError, match=f"line 1 must have 0, 1 or 2 as visibility .*, got {seen}"
    ) as caught:
        read(f"0 0.5 0.5 0.4 0.6 0.4 0.3 2.0 0.6 0.7 {seen}", "pose", POSE)
    assert caught.value.reason == "visibility that is not 0, 1 or 2"


def test_keypoints_of_two_numbers_are_there_unless_one_is_negative():
    shape = read("0 0.5 0.5 0.4 0.6 0 0 -0.001 -0.001", "pose", (2, 2))
    assert shape.outline.keypoints[:, 2].tolist() == [2, 0]


@pytest.mark.parametrize("text", ["1\t0.5  0.25\t0.2 0.1 ", "1.0 0.5 0.25 0.2 0.1", " 1 5e-1 .25 0.2 0.1"])
def test_blanks_and_forms_of_numbers_do_not_matter(text):
    line = parse_line(text, 1, 3)
    assert (line.category, line.numbers) == (1, [0.5, 0.25, 0.2, 0.1])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 0.5 0.5 0.1", "another number of values"),
        ("0 0.5 0.5 0.1 0.1 0.9", "another number of values"),
        ("0 0.5 0.5 nan 0.1", "not numbers"),
        ("0 0.5 0.5 inf 0.1", "not numbers"),
        ("0 0.5 0.5 0_1 0.1", "not numbers"),
        ("0,0.5,0.5,0.1,0.1", "not numbers"),
        ("car 0.5 0.5 0.1 0.1", "not numbers"),
        ("3 0.5 0.5 0.1 0.1", "unknown class"),
        ("-1 0.5 0.5 0.1 0.1", "unknown class"),
        ("0.5 0.5 0.5 0.1 0.1", "unknown class"),
        ("0 0.5 0.5 -0.1 0.1", "outside its image"),
        ("0 0.5 0.5 -0.005 0.1", "negative size"),
        ("0 320 240 64 48", "outside its image"),
        ("0 1.011 0.5 0.1 0.1", "outside its image"),
        ("0 0.5 -0.011 0.1 0.1", "outside its image"),
    ],
)
def test_a_line_that_is_not_right_says_why(text, reason):
    with pytest.raises(BadBoxError) as caught:
        read(text)
    assert caught.value.reason == reason
    assert caught.value.detail.startswith("line 1 must ") or "negative size" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "task", "wanted"),
    [
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "segment", "x and y of three points at least"),
        ("0 0.1 0.1", "segment", "x and y of three points at least"),
        ("0 0.5 0.5 0.1 0.1", "obb", "8 values behind its class"),
        ("0 0.5 0.5 0.1 0.1", "pose", "10 values behind its class, as `kpt_shape` says"),
    ],
)
def test_a_line_of_another_task_is_refused(text, task, wanted):
    with pytest.raises(BadBoxError, match=wanted):
        read(text, task, POSE if task == "pose" else None)


def test_coordinates_as_far_outside_as_ultralytics_takes_them_are_read():
    assert read("0 1.01 -0.01 0.1 0.1") is not None


@pytest.mark.parametrize("text", ["0 0.5 0.5 0 0.1", "0 0.5 0.5 0.1 0"])
def test_a_box_without_area_gives_nothing(text):
    assert read(text) is None


def test_an_outline_without_area_gives_nothing():
    assert read("0 0.1 0.2 0.5 0.2 0.9 0.2", "segment") is None


def test_an_edge_that_decimals_put_just_outside_lies_on_the_border():
    assert read("0 0.916667 0.5 0.166667 1").edges[3] == 1.0  # 1.0000005


@pytest.mark.parametrize(
    ("counts", "keypoints", "asked", "task"),
    [
        ([4], None, None, "detect"),
        ([], None, None, "detect"),
        ([4, 5], None, None, "detect"),
        ([8], None, None, "obb"),
        ([8], None, "segment", "segment"),
        ([8, 10], None, None, "segment"),
        ([4, 8], None, None, "segment"),
        ([6], None, None, "segment"),
        ([10], POSE, None, "pose"),
    ],
)
def test_all_lines_together_tell_what_labels_are_of(counts, keypoints, asked, task):
    assert find_task(counts, keypoints, asked) == task


# --- writing -------------------------------------------------------------------------------------------


def write(task, text, size=(37, 53), **changes):
    """Write the object of a line, in pixels of an image, clipped to it."""
    keypoints = POSE if task == "pose" else None
    line = parse_line(text, 1, 3)
    shape = read_shape(line, task, keypoints)
    edges = tuple(min(max(e, 0), 1) * side for e, side in zip(shape.edges, (*size, *size), strict=True))
    outline = shape.outline and scale_outline(shape.outline, *size)
    box = WrittenBox(edges, line.category, 1.0, 1.0, "a.jpg", keep_text(line.text), outline, not changes)
    header = BoxHeader("yolo", ("a", "b", "c"), {"task": task} | ({"kpt_shape": [2, 3]} if keypoints else {}))
    image = BoxedImage("a.jpg", *size, "a.jpg", "{}", (box._replace(**changes),))
    return write_labels(image, header).decode()


@pytest.mark.parametrize("task", LINES)
def test_an_untouched_object_has_the_numbers_that_came_in(task):
    assert write(task, LINES[task]) == LINES[task] + "\n"


@pytest.mark.parametrize("task", LINES)
def test_without_numbers_that_came_in_the_same_place_is_written(task):
    values = [float(number) for number in write(task, LINES[task], extra="{}").split()]
    np.testing.assert_allclose(values, [float(number) for number in LINES[task].split()], atol=1e-12)


@given(
    st.lists(st.floats(0.001, 0.999), min_size=4, max_size=4), st.integers(1, 50_000), st.integers(1, 50_000)
)
def test_any_float_comes_back_as_it_was(values, height, width):
    text = "0 " + " ".join(map(repr, values))
    assert write("detect", text, (height, width)) == text + "\n"


def test_a_box_that_changed_is_written_anew():
    assert (
        write("detect", LINES["detect"], (40, 50), edges=(10.0, 20.0, 20.0, 30.0)) == "1 0.5 0.375 0.2 0.25\n"
    )


def test_a_box_of_a_thousandth_of_a_pixel_is_kept_at_50000_columns():
    edges = (7.001, 49_998.001, 9.003, 49_999.002)
    x, y, width, height = (
        float(v) for v in write_numbers(Shape(edges, None), (50_000,) * 2, "detect", None).split()
    )
    found = [50_000 * v for v in (y - height / 2, x - width / 2, y + height / 2, x + width / 2)]
    np.testing.assert_allclose(found, edges, atol=1e-6)


def test_numbers_have_no_exponent():
    text = write_numbers(Shape((0.0, 0.0, 1e-4, 1e-4), None), (10, 10), "detect", None)
    assert text == "0.000005 0.000005 0.00001 0.00001"


def test_among_outlines_a_box_is_written_as_its_corners():
    assert (
        write_numbers(Shape((1, 2, 3, 6), None), (10, 10), "segment", None)
        == "0.2 0.1 0.6 0.1 0.6 0.3 0.2 0.3"
    )


def test_an_object_without_keypoints_has_none_that_is_seen():
    assert (
        write_numbers(Shape((1, 2, 3, 6), None), (10, 10), "pose", POSE)
        == "0.4 0.2 0.4 0.2 0.0 0.0 0 0.0 0.0 0"
    )


def test_a_keypoint_that_is_cut_off_is_negative_where_it_has_no_visibility():
    outline = Outline(keypoints=np.array([[0.0, 0.0, 0.0], [5.0, 2.0, 2.0]]))
    text = write_numbers(Shape((1, 2, 3, 6), outline), (10, 10), "pose", (2, 2))
    assert text == "0.4 0.2 0.4 0.2 -0.001 -0.001 0.2 0.5"


def test_a_crowd_has_no_line():
    assert write("detect", LINES["detect"], extra='{"iscrowd": 1}') == ""


def area(ring):
    y, x = ring.T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


def test_parts_are_joined_without_area_between_them():
    square = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0]])
    others = [np.add(square, [0, 5]), np.add(square, [6, 6])[::-1]]
    form = Polygons(np.concatenate([square, *others]), (4, 4, 4))
    ring = join_parts(form)
    assert area(ring) == 12.0
    assert {tuple(point) for point in form.points.tolist()} == {tuple(point) for point in ring.tolist()}
    assert len(ring) == 4 + 6 + 6


def test_a_single_part_is_written_as_it_is():
    form = Polygons(np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0]]), (3,))
    np.testing.assert_array_equal(join_parts(form), form.points)


def test_a_keypoint_just_beyond_the_border_is_moved_there():
    given = Outline(keypoints=np.array([[1.005, -0.005, 2], [0.5, 0.25, 1]]))
    assert scale_outline(given, 10, 20).keypoints.tolist() == [[10, 0, 2], [5, 5, 1]]
