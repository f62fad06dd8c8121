"""Boxes, areas and numbers of keypoints that contradict the outlines of their objects."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import InputError, Spelling
from augcli.io.boxes.coco import read_coco
from augcli.io.boxes.column_cells import read_cells
from augcli.io.boxes.columns import find_column
from augcli.io.boxes.contradictions import describe_contradictions
from augcli.io.store.locations import locate
from augcli.program.run_lengths import Block, bound_runs, find_bounds, pack
from augcli.samples import ImageBoxes, Outline, Polygons, RunLengths

SQUARE = [10, 20, 30, 20, 30, 50, 10, 50]  # x 10..30, y 20..50: 600 pixels


@pytest.fixture
def notes(tmp_path):
    def read(*entries, size=(100, 100)):
        """The notes on a file with these annotations of one image."""
        common = {"image_id": 1, "category_id": 1}
        file = {
            "images": [{"id": 1, "file_name": "a.jpg", "height": size[0], "width": size[1]}],
            "annotations": [common | {"id": number} | entry for number, entry in enumerate(entries)],
            "categories": [{"id": 1, "name": "cell"}],
        }
        (tmp_path / "boxes.json").write_text(json.dumps(file))
        return "\n".join(read_coco(locate(tmp_path / "boxes.json")).notes)

    return read


def squares(area=600, bbox=(10, 20, 20, 30), **more):
    return {"segmentation": [SQUARE], "area": area, "bbox": list(bbox), **more}


def test_a_box_that_is_the_bounds_of_its_outline_is_not_noted(notes):
    assert notes(squares()) == ""


@pytest.mark.parametrize(("bbox", "is_noted"), [((8, 20, 22, 30), False), ((7, 20, 23, 30), True)])
def test_a_box_may_lie_two_pixels_off_its_outline(notes, bbox, is_noted):
    assert ("boxes that are not the bounds of their outlines (1" in notes(squares(bbox=bbox))) == is_noted


def test_boxes_unlike_their_outlines_are_counted_and_the_first_is_named(notes):
    said = notes(squares(), squares(bbox=(10, 20, 40, 30)), squares(bbox=(10, 20, 20, 40)))
    assert "not the bounds of their outlines (2, first in 'a.jpg') stay as they are" in said


def test_what_lies_outside_of_the_image_makes_no_difference(notes):
    for width in (15, 20):  # up to the border, and as far as the outline
        assert notes(squares(bbox=(10, 20, width, 30)), size=(100, 25)) == ""


def test_a_box_unlike_its_run_lengths_is_noted(notes):
    runs = {"size": [10, 10], "counts": [22, 6, 4, 6, 62]}  # columns 2 and 3, rows 2..8
    entry = {"segmentation": runs, "area": 12, "bbox": [2, 2, 2, 6]}
    assert notes(entry, size=(10, 10)) == ""
    assert "not the bounds" in notes(entry | {"bbox": [2, 2, 6, 6]}, size=(10, 10))


@pytest.mark.parametrize(
    ("area", "is_noted"), [(600, False), (705, False), (715, True), (495, False), (485, True)]
)
def test_an_area_may_differ_by_a_tenth_and_the_edge(notes, area, is_noted):
    # 600 + 60 + 20 + 30 = 710, and 600 - 60 - 50 = 490
    assert ("areas that are not those of their outlines (1" in notes(squares(area=area))) == is_noted


def test_the_area_of_a_box_is_not_that_of_its_outline(notes):
    triangle = {"segmentation": [[0, 0, 90, 0, 0, 90]], "bbox": [0, 0, 90, 90]}
    assert "areas that are not those" in notes(triangle | {"area": 8100})
    assert notes(triangle | {"area": 4050}) == ""


def test_parts_that_lie_over_each_other_may_be_counted_once_or_twice(notes):
    twice = {"segmentation": [SQUARE, SQUARE], "bbox": [10, 20, 20, 30]}
    assert notes(twice | {"area": 600}, twice | {"area": 1200}) == ""


def test_a_number_of_keypoints_that_is_not_theirs_is_counted(notes):
    points = {"bbox": [0, 0, 9, 9], "keypoints": [1, 1, 2, 0, 0, 0, 3, 3, 1]}
    assert notes(points | {"num_keypoints": 2}) == ""
    assert "num_keypoints that are not the number" in notes(points | {"num_keypoints": 3})


def test_outlines_of_other_pixels_stop(notes):
    far = squares(bbox=(60, 60, 20, 30))
    assert "not the bounds" in notes(*[squares()] * 5, *[far] * 5)  # half of them decide nothing
    with pytest.raises(
        InputError, match=r"6 of 10 outlines lie elsewhere than their boxes, first in 'a\.jpg'"
    ):
        notes(*[squares()] * 4, *[far] * 6)


def test_more_objects_than_are_measured_at_once_are_all_seen(monkeypatch):
    monkeypatch.setattr("augcli.io.boxes.contradictions.AT_ONCE", 3)
    outline = Outline(Polygons(np.array([[0.0, 0], [0, 9], [9, 9]]), (3,)))
    edges = np.array([[0, 0, 9, 9.0]] * 7 + [[0, 0, 9, 20.0]])
    image = ImageBoxes(0, 0, edges, (0,) * 8, ("{}",) * 8, "{}", (outline,) * 8)
    [note] = describe_contradictions([("a", image)])
    assert "(1, first in 'a')" in note


def read_column(bbox, **fields):
    kind = pa.list_(pa.struct([("bbox", pa.list_(pa.float64())), *((n, k) for n, (k, _) in fields.items())]))
    rows = [[{"bbox": bbox} | {name: value for name, (_, value) in fields.items()}]]
    column = find_column(pa.field("objects", kind))
    return read_cells(pa.chunked_array([pa.array(rows, kind)]), column, None, "xywh", lambda: [])


def test_boxes_of_a_column_unlike_their_outlines_are_noted():
    outline = (pa.list_(pa.list_(pa.float64())), [SQUARE])
    assert read_column([10, 20, 20, 30], segmentation=outline).notes == []
    [note] = read_column([10, 20, 50, 30], segmentation=outline).notes
    assert note.startswith(
        "column 'objects': boxes that are not the bounds of their outlines (1, first in 'row 0')"
    )


def test_a_number_of_keypoints_in_a_column_that_is_not_theirs_is_counted():
    points = (pa.list_(pa.float64()), [1, 1, 2])
    [note] = read_column([0, 0, 9, 9], keypoints=points, num_keypoints=(pa.int64(), 2)).notes
    assert "num_keypoints that are not the number" in note


def test_the_cure_for_a_column_of_other_pixels_is_to_leave_it_out():
    outline = (pa.list_(pa.list_(pa.float64())), [SQUARE])
    kind = pa.list_(pa.struct([("bbox", pa.list_(pa.float64())), ("segmentation", outline[0])]))
    rows = [[{"bbox": [60, 60, 9, 9], "segmentation": outline[1]}] * 10]
    column = find_column(pa.field("objects", kind))
    with pytest.raises(InputError) as caught:
        read_cells(pa.chunked_array([pa.array(rows, kind)]), column, None, "xywh", lambda: [])
    assert "leave the column out with --box-order skip" in caught.value.spell(Spelling.FLAG)


@pytest.mark.slow
@given(
    st.lists(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=6), min_size=1)
)
def test_bounds_of_many_run_lengths_are_those_of_each(pixels):
    forms = [pack(Block(0, 0, np.array(rows)), (len(rows), 5), is_text=False) for rows in pixels]
    np.testing.assert_array_equal(bound_runs(forms), [find_bounds(form) for form in forms])


def test_empty_runs_have_no_bounds():
    form = RunLengths(5, 4, np.array([7, 0, 3, 2, 8]))  # pixels 10 and 11: column 2, rows 0 and 1
    np.testing.assert_array_equal(bound_runs([form]), [[0, 2, 2, 3]])
    np.testing.assert_array_equal(bound_runs([RunLengths(5, 4, np.array([20]))]), [[0, 0, 0, 0]])
