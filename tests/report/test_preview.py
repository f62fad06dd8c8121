"""The contact sheet."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError
from augcli.io.source import Selection
from augcli.ops.cutmix import CutMix
from augcli.recipe import single
from augcli.report.preview import CELL, GAP, LABEL, Example, draw_preview, draw_sheet


def plain(colour):
    return Image.new("RGB", (40, 20), colour)


def test_a_row_shows_sources_then_the_result():
    sheet = draw_sheet([Example(((plain("red"), "a"), (plain("lime"), "b")), plain("blue"), "a 0.5, b 0.5")])
    assert sheet.size == (3 * (CELL + GAP) + GAP, CELL + LABEL + GAP)
    middle = GAP + CELL // 2
    seen = [sheet.getpixel((middle + column * (CELL + GAP), middle)) for column in range(3)]
    assert seen == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_captions_are_drawn_below_the_images():
    def ink(caption):
        sheet = np.asarray(draw_sheet([Example(((plain("red"), ""),), plain("blue"), caption)]))
        return int((sheet[GAP + CELL :] < 128).sum())

    assert ink("") == 0
    assert ink("cat 0.75, dog 0.25") > ink("cat") > 0


@pytest.mark.parametrize(
    ("source", "form"), [("photos", "folder"), ("photos", "parquet"), ("shards", "folder")]
)
def test_an_output_of_any_form_is_drawn(source, form, request, tmp_path):
    src = request.getfixturevalue(source)
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), format=form))
    draw_preview(str(src), tmp_path / "dst", tmp_path / "sheet.png", 4, Selection())
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * (CELL + GAP) + GAP, 4 * (CELL + LABEL) + GAP)


def test_an_output_without_changes_has_nothing_to_show(photos, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix(), 0.0))
    with pytest.raises(InputError, match="no output with changed images"):
        draw_preview(str(photos), tmp_path / "dst", tmp_path / "sheet.png", 4, Selection())
    assert not (tmp_path / "sheet.png").exists()


def test_another_source_is_refused(photos, make_folder, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix()))
    other = make_folder({"cat": 2})
    with pytest.raises(InputError, match="give the SRC that the output was made from"):
        draw_preview(str(other), tmp_path / "dst", tmp_path / "sheet.png", 4, Selection())


def test_the_command_prints_the_path_of_the_sheet(cli, photos, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix()))
    done = cli("preview", photos, tmp_path / "dst", tmp_path / "sheet.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/sheet.png\n", "")


def test_a_sheet_in_a_directory_that_is_missing_makes_it(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    sheet = tmp_path / "new" / "below" / "sheet.png"
    draw_preview(str(src), tmp_path / "dst", sheet, 2, Selection())
    assert Image.open(sheet).format == "PNG"


def test_an_output_that_does_not_exist_is_told_apart_from_an_empty_one(make_folder, tmp_path):
    with pytest.raises(InputError, match=r"none' does not exist; give the DST"):
        draw_preview(str(make_folder({"cat": 3})), tmp_path / "none", tmp_path / "sheet.png", 2, Selection())


def make_annotated(tmp_path):
    """Two grey images of 40x20, one half of their masks 1, each with a box."""
    for name in ("src", "masks"):
        (tmp_path / name).mkdir()
    for number in range(2):
        Image.new("L", (40, 20), 100).save(tmp_path / "src" / f"{number}.png")
        mask = np.zeros((20, 40), np.uint8)
        mask[:, 20:] = 1
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    held = {
        "images": [{"id": number, "file_name": f"{number}.png"} for number in range(2)],
        "annotations": [
            {"image_id": number, "category_id": 1, "bbox": [2, 4, 16, 12]} for number in range(2)
        ],
        "categories": [{"id": 1, "name": "cell"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(held))
    return {name: tmp_path / name for name in ("src", "masks")} | {"boxes": tmp_path / "boxes.json"}


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_boxes_are_outlined_and_masks_tinted(tmp_path, form):
    paths = make_annotated(tmp_path)
    augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix(lam=0.9), format=form), **paths)
    selection = Selection(masks=str(paths["masks"]), boxes=str(paths["boxes"]))
    draw_preview(str(paths["src"]), tmp_path / "dst", tmp_path / "sheet.png", 1, selection)
    with Image.open(tmp_path / "sheet.png") as opened:
        sheet = np.asarray(opened.convert("RGB")).astype(int)
    for column in range(3):  # base, partner, result
        left = GAP + column * (CELL + GAP)
        cell = sheet[GAP : GAP + CELL, left : left + CELL]
        tinted = cell[CELL // 2, CELL * 7 // 8]
        assert tinted.max() - tinted.min() > 30  # colour over grey
        assert (cell.max(2) - cell.min(2))[:, : CELL // 2].max() > 100  # the outline of the box


def test_without_the_sources_annotations_the_results_are_drawn_alone(tmp_path):
    paths = make_annotated(tmp_path)
    augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix(lam=0.9)), **paths)
    draw_preview(str(paths["src"]), tmp_path / "dst", tmp_path / "sheet.png", 1, Selection())
    with Image.open(tmp_path / "sheet.png") as opened:
        sheet = np.asarray(opened.convert("RGB")).astype(int)
    colour = sheet.max(2) - sheet.min(2)
    last = GAP + 2 * (CELL + GAP)
    assert colour[:, :last].max() == 0
    assert colour[:, last:].max() > 30
