"""Masks whose numbers are those of instances are noted."""

import io

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.io.readers.mask_look import describe_masks
from augcli.ops.cutmix import CutMix
from augcli.recipe import single


def encode(values, kind=np.uint8):
    data = io.BytesIO()
    Image.fromarray(np.array([values], kind)).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    "masks",
    [
        [encode([0, 26001, 26002], np.uint16), encode([7, 24000], np.uint16)],
        [encode([0, 256], np.uint16)],  # the first number that no class of 8 bits has
        [encode(range(25)), encode(range(31)), encode(range(3))],
    ],
)
def test_numbers_of_instances_are_noted(masks):
    assert "as those of instances do: after mixing" in describe_masks(masks)[0]


@pytest.mark.parametrize(
    "masks",
    [
        [],
        [None, b"torn"],
        [encode([0, 0])],
        [encode([0, 1, 2, 255]), encode([0, 3])],
        [encode(range(20)), encode(range(5))],  # as few as classes may be
        [encode(range(150)), encode(range(150))],  # the same in each
        [encode([1, 40]), encode([2, 90])],  # not in a row
        [encode([1, 200], np.uint16)],
    ],
)
def test_numbers_of_classes_are_not(masks):
    assert describe_masks(masks) == []


def test_the_note_is_given_by_a_run(tmp_path):
    for number in range(4):
        for kind, image in (
            ("images", Image.new("L", (30, 4), number)),
            ("masks", Image.fromarray(np.full((4, 30), 1000 * number, np.uint16))),
        ):
            (tmp_path / "s" / kind).mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "s" / kind / f"{number}.png")
    summary = augcli.materialize(tmp_path / "s", tmp_path / "dst", single(CutMix()))
    assert any("masks hold numbers up to 3000" in str(note) for note in summary.notes)
