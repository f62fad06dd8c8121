"""The contact sheet."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, OutputError, UsageError
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.records.annotation_columns import BOXES
from augcli.io.writers.base import Pair
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.program.annotated import Annotated
from augcli.recipe import single
from augcli.report import preview
from augcli.report.drawing import SourceImages, draw_plain, draw_result
from augcli.report.objects import CELL, DrawnObject, draw_objects
from augcli.report.preview import GAP, LABEL, Example, draw_sheet
from augcli.samples import Corners, Outline, Polygons, RunLengths


def plain(colour):
    return Image.new("RGB", (40, 20), colour)


def test_a_row_shows_sources_then_the_result():
    sheet = draw_sheet([Example(((plain("red"), "a"), (plain("lime"), "b")), plain("blue"), "a 0.5, b 0.5")])
    assert sheet.size == (3 * (CELL + GAP) + GAP, CELL + LABEL + GAP)
    middle = GAP + CELL // 2
    seen = [sheet.getpixel((middle + column * (CELL + GAP), middle)) for column in range(3)]
    assert seen == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_a_very_thin_image_keeps_a_line_of_its_pixels():
    cell = np.asarray(preview.fit_cell(Image.new("RGB", (9000, 3), "red")))
    assert cell.shape == (CELL, CELL, 3)
    assert (cell == (255, 0, 0)).all(2).sum() == CELL  # one row


@pytest.mark.parametrize("boxes", [(), [{"y0": 0, "x0": 0, "y1": 2000, "x1": 3000}]])
def test_a_large_image_is_drawn_small_unless_something_is_drawn_into_it(boxes):
    file = io.BytesIO()
    Image.new("RGB", (3000, 2000), "red").save(file, "JPEG", quality=100)
    row = {BOXES: [box | {"category": 0, "outline": None} for box in boxes]}
    drawn = draw_result(Pair(file.getvalue()), row, Annotated(), 10**7)
    assert drawn.size == ((3000, 2000) if boxes else (CELL, round(CELL * 2 / 3)))
    assert np.abs(np.asarray(drawn)[drawn.height // 2, drawn.width // 2].astype(int) - (255, 0, 0)).max() <= 1


def test_captions_are_drawn_below_the_images():
    def ink(caption):
        sheet = np.asarray(draw_sheet([Example(((plain("red"), ""),), plain("blue"), caption)]))
        return int((sheet[GAP + CELL :] < 128).sum())

    assert ink("") == 0
    assert ink("cat 0.75, dog 0.25") > ink("cat") > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "form"), [("photos", "folder"), ("photos", "parquet"), ("shards", "folder")]
)
def test_an_output_of_any_form_is_drawn(source, form, request, tmp_path):
    src = request.getfixturevalue(source)
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), format=form))
    augcli.preview(src, tmp_path / "dst", tmp_path / "sheet.png", count=4)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * (CELL + GAP) + GAP, 4 * (CELL + LABEL) + GAP)


def test_an_output_without_changes_has_nothing_to_show(photos, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix(), 0.0))
    with pytest.raises(InputError, match="no output with changed images"):
        augcli.preview(photos, tmp_path / "dst", tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_a_source_that_is_gone_leaves_an_empty_frame(make_folder, tmp_path):
    src = make_folder({"cat": 2})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    (src / "cat" / "0.png").unlink()
    sheet = augcli.preview(src, tmp_path / "dst", count=2)
    middles = [(GAP + CELL // 2 + column * (CELL + GAP), GAP + CELL // 2) for column in range(2)]
    rows = [
        [sheet.getpixel((x, y + row * (CELL + LABEL))) == (255, 255, 255) for x, y in middles]
        for row in range(2)
    ]
    assert sorted(rows) == [[False, True], [True, False]]  # as partner, and as base


def test_another_source_is_refused(photos, make_folder, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix()))
    other = make_folder({"cat": 2})
    with pytest.raises(InputError, match="give the SRC that the output was made from"):
        augcli.preview(other, tmp_path / "dst", tmp_path / "sheet.png")


@pytest.mark.slow
def test_the_command_prints_the_path_of_the_sheet(cli, photos, tmp_path):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix()))
    done = cli("preview", photos, tmp_path / "dst", tmp_path / "sheet.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/sheet.png\n", "")


def test_a_sheet_in_a_directory_that_is_missing_makes_it(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    sheet = tmp_path / "new" / "below" / "sheet.png"
    augcli.preview(src, tmp_path / "dst", sheet, count=2)
    assert Image.open(sheet).format == "PNG"


def test_what_is_not_an_output_is_refused(make_folder, tmp_path):
    src = make_folder({"cat": 3})
    with pytest.raises(InputError, match=r"none' is not a directory; give the DST of a run"):
        augcli.preview(src, tmp_path / "none", tmp_path / "sheet.png")
    with pytest.raises(OutputError, match=r"holds no augcli\.json"):
        augcli.preview(src, src, tmp_path / "sheet.png")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    (tmp_path / "dst" / "augcli.json").write_text('{"recipe": {"op": ["x"]}}')
    with pytest.raises(
        OutputError,
        match=r"augcli\.json' cannot be used: recipe: op must be a list of tables.*; restore it, or",
    ):
        augcli.preview(src, tmp_path / "dst", tmp_path / "sheet.png")
    with pytest.raises(UsageError, match=r"^count must be >= 1, got 0$"):
        augcli.preview(src, tmp_path / "dst", tmp_path / "sheet.png", count=0)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_an_output_whose_images_are_gone_says_how_to_restore_them(photos, tmp_path, form):
    augcli.materialize(photos, tmp_path / "dst", single(CutMix(), format=form))
    for path in [*(tmp_path / "dst").rglob("*.jpg"), *(tmp_path / "dst").glob("data/*")]:
        path.unlink()
    with pytest.raises(InputError, match="is missing; run augcli again to restore it"):
        augcli.preview(photos, tmp_path / "dst", tmp_path / "sheet.png")


@pytest.fixture
def drawn(monkeypatch):
    """What contact sheets show, instead of drawing them."""
    shown = []

    def draw(examples):
        shown.extend(examples)
        return Image.new("L", (1, 1))

    monkeypatch.setattr(preview, "draw_sheet", draw)
    return shown


def test_results_are_those_of_the_rows_that_are_shown(make_folder, tmp_path, drawn):
    src = make_folder({"cat": 9, "dog": 9}, size=(CELL, CELL))  # drawn as large as they are
    for form in ("folder", "parquet"):
        augcli.materialize(src, tmp_path / form, single(Cutout(fill="white", length="1"), format=form))
        augcli.preview(src, tmp_path / form, tmp_path / "sheet.png", count=5)
        assert len(drawn) == 5
        for example in drawn:
            ((base, _),) = example.sources
            differs = np.asarray(base.convert("RGB")) != np.asarray(example.result.convert("RGB"))
            assert 0 < differs.any(2).sum() <= 1  # the hole alone
        drawn.clear()


def test_outputs_are_taken_evenly(tmp_path, drawn):
    (tmp_path / "src").mkdir()
    for number in range(6):
        Image.new("L", (CELL, CELL), 10 * number).save(tmp_path / "src" / f"{number}.png")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout(fill="white", length="1")))
    augcli.preview(tmp_path / "src", tmp_path / "dst", tmp_path / "sheet.png", count=2)
    assert [example.sources[0][0].getpixel((0, 0)) for example in drawn] == [(0, 0, 0), (30, 30, 30)]


def test_a_source_in_any_row_group_is_drawn(tmp_path):
    cells = []
    for level in (10, 60, 110, 160):
        file = io.BytesIO()
        Image.new("L", (8, 6), level).save(file, "PNG")
        cells.append({"bytes": file.getvalue(), "path": f"{level}.png"})
    pq.write_table(pa.table({"image": cells}), tmp_path / "shard.parquet", row_group_size=2)
    source = open_source(str(tmp_path / "shard.parquet"), Selection())
    images = SourceImages(source, 1000)
    seen = [images.draw(key)[0].getpixel((0, 0))[0] for key in source.catalogues[0].keys]
    assert seen == [10, 60, 110, 160]


def test_the_outputs_own_columns_are_read(shards, tmp_path, drawn):
    (source,) = shards.glob("*.parquet")
    table = pq.read_table(source)
    table = table.rename_columns([f"my {name}" for name in table.column_names])
    table = table.append_column("image", pa.array(["no image"] * len(table)))
    pq.write_table(table, tmp_path / "src.parquet")
    recipe = single(CutMix(), image_col="my image", label_col="my label")
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", recipe)
    augcli.preview(tmp_path / "src.parquet", tmp_path / "dst", tmp_path / "sheet.png", count=3)
    assert len(drawn) == 3
    assert all(label for example in drawn for _, label in example.sources)


def test_the_outputs_own_way_with_links_is_gone(make_folder, tmp_path, drawn):
    src = make_folder({"cat": 3, "dog": 3})
    make_folder({"ant": 3}, "other")
    (src / "ant").symlink_to(tmp_path / "other" / "ant")
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), links=False))
    augcli.preview(src, tmp_path / "dst", tmp_path / "sheet.png")
    labels = [label for example in drawn for _, label in example.sources]
    assert {label.split()[0] for label in labels} == {"cat", "dog"}


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
    augcli.preview(recipe=tmp_path / "dst", sheet=tmp_path / "sheet.png", count=1, **paths)
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
    augcli.preview(paths["src"], tmp_path / "dst", tmp_path / "sheet.png", count=1)
    with Image.open(tmp_path / "sheet.png") as opened:
        sheet = np.asarray(opened.convert("RGB")).astype(int)
    colour = sheet.max(2) - sheet.min(2)
    last = GAP + 2 * (CELL + GAP)
    assert colour[:, :last].max() == 0
    assert colour[:, last:].max() > 30


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_an_output_with_splits_is_drawn(make_folder, tmp_path, drawn, form):
    for split in ("train", "val"):
        make_folder({"cat": 3, "dog": 3}, f"src/{split}")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout(), format=form))
    augcli.preview(tmp_path / "src", tmp_path / "dst", tmp_path / "sheet.png", count=9)
    results = {np.asarray(example.result).tobytes() for example in drawn}
    assert len(drawn) == len(results) == 6  # each once, though more were asked for


# --- images that a screen does not show as they are --------------------------------------------------------


def middles(path, columns):
    """Return the colours in the middle of the cells of the first row."""
    middle = GAP + CELL // 2
    with Image.open(path) as sheet:
        return [sheet.getpixel((middle + column * (CELL + GAP), middle)) for column in range(columns)]


def draw(src, tmp_path, recipe):
    augcli.materialize(src, tmp_path / "dst", recipe, workers=1)
    augcli.preview(src, tmp_path / "dst", tmp_path / "sheet.png", count=1)
    return tmp_path / "sheet.png"


def test_16_bit_images_are_shown_by_their_high_bits(tmp_path):
    (tmp_path / "src" / "a").mkdir(parents=True)
    Image.fromarray(np.full((20, 20), 100 * 257, np.uint16)).save(tmp_path / "src" / "a" / "x.png")
    sheet = draw(tmp_path / "src", tmp_path, single(Cutout(length=2)))
    assert middles(sheet, 1) == [(100, 100, 100)]


def test_transparent_images_lie_over_a_checkerboard(tmp_path):
    (tmp_path / "src" / "a").mkdir(parents=True)
    Image.new("RGBA", (48, 48), (0, 0, 0, 0)).save(tmp_path / "src" / "a" / "x.png")
    sheet = draw(tmp_path / "src", tmp_path, single(Cutout(length=2, fill="white")))
    with Image.open(sheet) as image:
        cell = np.asarray(image)[GAP : GAP + CELL, GAP : GAP + CELL].astype(int)
    # Squares of two pixels, of light grey and white, are as many of one as of the other.
    assert cell.min() < 215
    assert cell.max() > 245
    assert abs(cell.mean() - (204 + 255) / 2) < 3


def test_an_image_half_seen_shows_its_colour_and_the_board(tmp_path):
    pixels = np.full((4, 4, 4), (255, 0, 0, 128), np.uint8)
    shown = np.asarray(draw_plain(pixels)).reshape(-1, 3)
    # (255·128 + 204·127) / 255 = 229.6 over grey, red alone over white; 204·127 / 255 = 101.6, 127.
    assert sorted({tuple(colour) for colour in shown.tolist()}) == [(230, 102, 102), (255, 127, 127)]


def test_a_turned_source_is_shown_upright(tmp_path):
    (tmp_path / "src" / "a").mkdir(parents=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = (0, 255, 0)  # the left half as stored is the upper half as shown
    Image.fromarray(pixels).save(tmp_path / "src" / "a" / "x.png", exif=turned)
    sheet = draw(tmp_path / "src", tmp_path, single(Cutout(length=1)))
    with Image.open(sheet) as image:
        column = [image.getpixel((GAP + CELL // 2, GAP + CELL * part // 4)) for part in (1, 3)]
    assert column == [(0, 255, 0), (0, 0, 0)]


def draw_one(outline, edges=(2, 2, 30, 30)):
    plain = Image.new("RGB", (40, 40), (90, 90, 90))
    return np.asarray(draw_objects(plain, [DrawnObject(edges, 0, outline)])).astype(int)


def is_coloured(pixel):
    return pixel.max() - pixel.min() > 60


def test_an_object_of_a_form_is_drawn_by_it_and_not_by_its_box():
    points = np.array([(5, 5), (5, 25), (25, 5)], float)
    for form in (Polygons(points, (3,)), Corners(points)):
        drawn = draw_one(Outline(form))
        assert is_coloured(drawn[5, 15])
        assert is_coloured(drawn[15, 5])
        assert is_coloured(drawn[15, 15])  # the side across
        assert not is_coloured(drawn[2, 15])  # the box
    assert is_coloured(draw_one(None)[2, 15])


def test_run_lengths_are_tinted_and_keypoints_are_dots():
    runs = RunLengths(40, 40, np.array([10 * 40 + 8, 4, 1600 - 412]))
    drawn = draw_one(Outline(runs, np.array([(30.0, 30.0, 2), (20.0, 20.0, 1), (0, 0, 0)])))
    assert is_coloured(drawn[9, 10])
    assert not is_coloured(drawn[9, 11])
    assert is_coloured(drawn[30, 30])
    assert not is_coloured(drawn[20, 20])  # a ring
    assert is_coloured(drawn[20, 23])
    assert not is_coloured(drawn[0, 0])
