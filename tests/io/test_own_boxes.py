"""The boxes of an output that is read as an input: those of all its splits, or a stop."""

import json

import pytest

from augcli.errors import InputError, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source


@pytest.fixture
def make_output(make_folder):
    """Write images of two splits as an output has them; each split with boxes of some categories, or none."""

    def make(**categories):
        root = make_folder(dict.fromkeys(categories, 1))
        (root / "augcli.json").write_text("{}")
        for split, names in categories.items():
            if names is not None:
                boxes = {
                    "images": [{"id": 1, "file_name": "0.png", "width": 10, "height": 8}],
                    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
                    "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
                }
                (root / split / "annotations.json").write_text(json.dumps(boxes))
        return root

    return make


def test_each_split_of_an_output_has_its_own_boxes(make_output):
    root = make_output(train=["cell", "cup"], val=["cell", "cup"])
    source = open_source(str(root), Selection())
    assert [split.boxes[0].edges.tolist() for split in source.catalogues] == [[[2, 1, 6, 4]]] * 2
    assert source.annotated.boxes.names == ("cell", "cup")


@pytest.mark.parametrize(("others", "category"), [(["cup", "cell"], 1), (["cell"], 0)])
def test_categories_of_another_order_are_mapped_by_name(make_output, others, category):
    source = open_source(str(make_output(train=["cell", "cup"], val=others)), Selection())
    assert source.annotated.boxes.names == ("cell", "cup")
    assert [split.boxes[0].categories for split in source.catalogues] == [(0,), (category,)]
    assert any("are listed in 2 different ways; boxes are mapped by name" in note for note in source.notes)


def test_splits_whose_categories_contradict_each_other_are_refused(make_output):
    root = make_output(train=["cell", "cup"], val=["cell", "dish"])
    with pytest.raises(InputError) as caught:
        open_source(str(root), Selection())
    assert str(caught.value) == (
        f"the boxes of '{root}': the categories of 'train' (cell, cup) and 'val' (cell, dish) contradict each"
        " other; give both the same ones, or one split alone as SRC"
    )


def test_splits_of_which_some_have_no_boxes_are_refused(make_output):
    root = make_output(train=["cell", "cup"], val=None)
    with pytest.raises(InputError) as caught:
        open_source(str(root), Selection())
    assert caught.value.spell(Spelling.FLAG) == (
        f"some splits of '{root}' have no boxes; give --boxes with those of all splits, or one split alone as"
        " SRC"
    )


def test_an_output_that_lost_its_boxes_is_refused(make_output):
    root = make_output(train=None)
    (root / "augcli.json").write_text(
        json.dumps(
            {"annotations": {"boxes": {"form": "coco", "names": ["cell"], "keys": {}}, "masks": False}}
        )
    )
    with pytest.raises(
        InputError, match=r"has boxes, and what holds them is missing .*; run its command again"
    ):
        open_source(str(root), Selection())
    assert open_source(str(root), Selection(InputFiles(boxes="none"))).annotated.boxes is None
