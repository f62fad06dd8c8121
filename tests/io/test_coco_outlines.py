"""Segmentation, keypoints and area of COCO files, in and out, and COCO's compressed text."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as masks

from augcli.errors import InputError
from augcli.io.boxes import coco
from augcli.io.boxes.base import BadBoxError
from augcli.io.boxes.coco_outlines import read_outline
from augcli.io.boxes.coco_rle import decode_runs, encode_runs
from augcli.io.boxes.coco_writing import write_coco
from augcli.io.store.locations import locate
from augcli.program.annotated import BoxedImage, WrittenBox
from augcli.program.run_lengths import Block, pack
from augcli.samples import Outline, RunLengths

HEIGHT, WIDTH = 4, 6


@pytest.fixture
def read(tmp_path):
    def read_annotation(bad_boxes="stop", **fields):
        """The only image of a file with one annotation of these fields."""
        entry = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 3]} | fields
        file = {
            "images": [{"id": 1, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH}],
            "annotations": [{key: value for key, value in entry.items() if value is not ...}],
            "categories": [{"id": 1, "name": "cell"}],
        }
        (tmp_path / "boxes.json").write_text(json.dumps(file))
        box_file = coco.read_coco(locate(tmp_path / "boxes.json"), bad_boxes)
        return box_file.header, box_file.images["a.jpg"]

    return read_annotation


@pytest.fixture
def round_trip(read):
    def write_annotation(**fields):
        """What is written of an annotation that was read."""
        header, image = read(**fields)
        outline = image.outlines[0] if image.outlines else None
        edges = tuple(image.edges[0].tolist())
        box = WrittenBox(edges, 0, 1.0, 1.0, "a.jpg", image.extras[0], outline)
        written = BoxedImage("a.jpg", HEIGHT, WIDTH, "a.jpg", "{}", (box,))
        file = io.BytesIO()
        write_coco(file, header, [written])
        (entry,) = json.loads(file.getvalue())["annotations"]
        return entry

    return write_annotation


@pytest.mark.parametrize(
    "segmentation",
    [
        [[0, 0, 2, 0, 2, 3]],
        [[0.1, 0.25, 2, 0, 1.5, 3, 0, 1], [3, 3, 4, 3, 4, 4]],
        {"size": [4, 6], "counts": [0, 2, 2, 3, 17]},
        {"size": [4, 6], "counts": encode_runs(np.array([0, 2, 2, 3, 17]))},
        [],
    ],
)
def test_a_segmentation_comes_back_as_it_came(round_trip, segmentation):
    assert round_trip(segmentation=segmentation)["segmentation"] == segmentation


def test_keypoints_come_back_and_are_counted_anew(round_trip):
    entry = round_trip(keypoints=[1, 2, 2, 3.5, 1.7, 1, 0, 0, 0], num_keypoints=7)
    assert entry["keypoints"] == [1, 2, 2, 3.5, 1.7, 1, 0, 0, 0]
    assert entry["num_keypoints"] == 2


def test_a_keypoint_is_the_middle_of_its_pixel(read):
    (outline,) = read(keypoints=[1, 2, 2, 0, 0, 0])[1].outlines
    assert outline.keypoints.tolist() == [[2.5, 1.5, 2], [0, 0, 0]]


@pytest.mark.parametrize("area", [6, 5.25, 0])
def test_the_given_area_comes_back(round_trip, area):
    assert round_trip(area=area)["area"] == area


def test_a_box_alone_has_no_outline(read):
    assert read(area=6.0, iscrowd=0)[1].outlines == ()


def test_the_keys_of_an_annotation_stand_in_one_order(round_trip):
    entry = round_trip(segmentation=[[0, 0, 2, 0, 2, 3]], keypoints=[1, 1, 2], area=3, iscrowd=0, score=0.5)
    assert list(entry) == [
        *("id", "image_id", "category_id", "bbox", "area", "segmentation", "keypoints", "num_keypoints"),
        *("iscrowd", "score", "visibility", "weight", "source"),
    ]


@pytest.mark.parametrize("bbox", [None, [], ...])
def test_a_box_that_is_missing_is_the_bounds_of_the_outline(read, bbox):
    _, image = read(bbox=bbox, segmentation=[[1, 1, 4, 1, 4, 3]])
    assert image.edges.tolist() == [[1, 1, 3, 4]]
    _, image = read(bbox=bbox, segmentation={"size": [4, 6], "counts": [5, 2, 2, 1, 14]})
    assert image.edges.tolist() == [[1, 1, 3, 3]]


def test_a_list_of_numbers_is_one_polygon(read):
    (outline,) = read(segmentation=[0, 0, 2, 0, 2, 3])[1].outlines
    assert outline.form.parts == (3,)


BAD = [
    ("polygon of fewer than three points", {"segmentation": [[0, 0, 2, 2]]}),
    ("polygon of fewer than three points", {"segmentation": [[0, 0, 2, 2, 3]]}),
    ("polygon of fewer than three points", {"segmentation": [[0, 0, 2, 2, 3, "4"]]}),
    ("polygon of fewer than three points", {"segmentation": [[]]}),
    ("segmentation not of finite numbers", {"segmentation": [[0, 0, 2, 2, 3, 10**400]]}),
    ("segmentation of no known kind", {"segmentation": "x"}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": [0, 2, 21]}}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": [-2, 26]}}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": [24.0]}}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": [10**30]}}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": "\u00e9"}}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": "P"}}),
    ("run lengths that are not right", {"segmentation": {"size": [4, 6], "counts": "o" * 20 + "0"}}),
    ("run lengths that are not right", {"segmentation": {"size": [4], "counts": [24]}}),
    ("run lengths that are not right", {"segmentation": {"counts": [24]}}),
    ("keypoints that are not right", {"keypoints": [1, 2]}),
    ("keypoints that are not right", {"keypoints": [1, 2, 3]}),
    ("keypoints not of finite numbers", {"keypoints": [10**400, 2, 2]}),
]


@pytest.mark.parametrize(("reason", "fields"), BAD)
def test_an_outline_that_is_not_right_stops_or_is_left_out(read, reason, fields):
    with pytest.raises(
        InputError, match=r"annotations\[0\].*; correct or remove it, or leave such boxes out"
    ):
        read(**fields)
    _, image = read("skip", **fields)
    assert [skipped.reason for skipped in image.skipped] == [reason]


# --- COCO's compressed text ----------------------------------------------------------------------------


@pytest.mark.slow
@given(
    st.integers(1, 9).flatmap(
        lambda height: st.lists(
            st.lists(st.booleans(), min_size=height, max_size=height), min_size=1, max_size=40
        )
    )
)
def test_compressed_text_is_that_of_pycocotools(columns):
    mask = np.array(columns).T
    theirs = masks.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    runs = pack(Block(0, 0, mask), mask.shape, True).runs
    assert encode_runs(runs) == theirs
    assert decode_runs(theirs).tolist() == runs.tolist()


@pytest.mark.parametrize("runs", [[], [0], [5], [1 << 40, 1, 1 << 40, 1 << 20, 3], [1, 2, 3, 1, 1, 1, 900]])
def test_runs_come_back_from_compressed_text(runs):
    assert decode_runs(encode_runs(np.array(runs, np.int64))).tolist() == runs


def test_the_facts_of_an_outline_tell_compressed_from_plain():
    plain, text = (Outline(RunLengths(2, 2, np.array([4]), is_text)) for is_text in (False, True))
    assert plain.facts != text.facts


@pytest.mark.parametrize("text", ["p", "0z", "é"])
def test_letters_beyond_those_of_coco_are_not_run_lengths(text):
    """Six bits from 48 on: the last one is "o"."""
    with pytest.raises(ValueError, match="it is not COCO's compressed text"):
        decode_runs(text)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([4], "its runs do not add up to the 2x3 pixels of its size"),
        ([7, -1], "its runs do not add up to the 2x3 pixels of its size"),
        ([1 << 62] * 4 + [6], "its runs do not add up to the 2x3 pixels of its size"),  # modulo 2^64 they do
        ([1 << 70], "a run is longer than any image"),
    ],
)
def test_counts_that_are_not_the_pixels_of_their_size_are_bad(counts, says):
    entry = {"bbox": [0, 0, 1, 1], "segmentation": {"size": [2, 3], "counts": counts}}
    with pytest.raises(BadBoxError) as caught:
        read_outline(entry, "annotations[0]")
    assert str(caught.value).startswith(f"annotations[0]: counts of segmentation: {says}")
