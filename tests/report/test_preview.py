"""The contact sheet."""

from __future__ import annotations

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


def test_the_command_prints_the_path_of_the_sheet(run_cli, photos, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix()))
    done = run_cli("preview", photos, tmp_path / "dst", tmp_path / "sheet.png")
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
