"""Single outputs in words, and the command that shows them."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, OutputError
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.mixup import Mixup
from augcli.ops.patch_cutout import PatchCutout
from augcli.program.steps import Blend, Box, Fill, ImageMean, Normal, Paste, Patches, Uniform
from augcli.recipe import single
from augcli.report import shown as shown_outputs
from augcli.report.name_match import Nearest, is_called, is_nearly_called
from augcli.report.preview import CELL, GAP, LABEL
from augcli.report.wording import describe_place, describe_step, percent
from augcli.samples import Colour

BOX = Box(1, 2, 5, 8)  # 4 rows and 6 columns of 8 x 10: 30 %


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Paste(BOX, 1), "got 30 % of b.png at rows 1 to 4, columns 2 to 7"),
        (Blend(BOX, 49152, 0), "was blended with a.png, 25 % of it at rows 1 to 4, columns 2 to 7"),
        (
            Fill(BOX, Colour(1, 2, 3)),
            "lost 30 % at rows 1 to 4, columns 2 to 7, filled with the colour 1,2,3",
        ),
        (Fill(BOX, Uniform(7)), "lost 30 % at rows 1 to 4, columns 2 to 7, filled with noise"),
        (Fill(Box(0, 0, 0, 0), ImageMean()), "lost 0 % nowhere, filled with the image's mean"),
        (
            Fill(Patches(4, 5, bytes([1, 0, 0, 1])), Normal(1, (0, 0, 0), (1, 1, 1))),
            "lost 50 % in 2 patches of 5 × 4, filled with noise",
        ),
    ],
)
def test_a_step_is_told_in_words(step, words):
    assert describe_step(step, 8, 10, ("a.png", "b.png")) == words


def test_a_box_between_pixels_is_told_by_those_that_it_touches():
    assert describe_place((1.5, 2.0, 4.25, 8.0)) == "at rows 1 to 4, columns 2 to 7"


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "0 %"), (0.0012, "0.12 %"), (0.21, "21 %"), (0.999, "100 %"), (1.0, "100 %")]
)
def test_a_small_share_is_not_nothing(share, words):
    assert percent(share) == words


@pytest.fixture(scope="module")
def output(tmp_path_factory, write_folder):
    """Two images of 8 x 10, mixed such that each keeps just what its label says."""
    root = tmp_path_factory.mktemp("shown")
    src = write_folder(root / "src", {"cat": 1, "dog": 1})
    augcli.materialize(src, root / "dst", single(CutMix(lam=0.75), copies=2), workers=1)
    return src, root / "dst"


def test_an_output_is_found_by_its_source_and_by_its_file(output):
    shown = augcli.show(output[1], "cat/0.png")
    assert [(one.source, one.work.copy) for one in shown.outputs] == [("cat/0.png", 0), ("cat/0.png", 1)]
    assert shown.found == 2
    file = shown.outputs[0].file.file
    for name in (file, file.split("/")[1]):
        (own,) = augcli.show(output[1], name).outputs
        assert own == shown.outputs[0]


def test_names_that_print_nearly_alike_are_each_found_as_printed_and_as_called(tmp_path):
    src = tmp_path / "src"
    (src / "cat").mkdir(parents=True)
    for name in (b"%E9.png", b"\xe8.png"):
        path = os.fsdecode(os.fsencode(src / "cat") + b"/" + name)
        Image.new("RGB", (10, 8), "teal").save(path)
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), workers=1)
    for key, source in (("%25E9.png", "%25E9.png"), ("%E9.png", "%25E9.png"), ("%E8.png", "%E8.png")):
        (shown,) = augcli.show(tmp_path / "dst", key).outputs
        assert shown.source == f"cat/{source}"


def test_of_two_splits_a_file_is_found_by_its_path_below_the_output(make_folder, tmp_path):
    src = make_folder({"train/cat": 1, "val/cat": 1})
    augcli.materialize(src, tmp_path / "dst", {"op": [{"kind": "cutout", "p": 0}]})
    for split in ("train", "val"):
        (path,) = (tmp_path / "dst").rglob(f"{split}/cat/*.png")
        (own,) = augcli.show(tmp_path / "dst", f"{split}/cat/{path.name}").outputs
        assert own.source == f"{split}/cat/0.png"


def test_of_many_outputs_the_first_are_shown_and_all_are_counted(make_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shown_outputs, "MOST", 3)
    src = make_folder({"train/cat": 1, "train/dog": 1, "val/cat": 1, "val/dog": 1})
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    found = augcli.show(tmp_path / "dst", "0.png")
    assert (len(found.outputs), found.found) == (3, 4)


@pytest.mark.parametrize("name", ["SRC", "DST"])
def test_a_sheet_inside_of_the_sources_or_the_output_is_refused_and_not_written(output, name):
    src, dst = output
    sheet = (src if name == "SRC" else dst) / "sheet.png"
    with pytest.raises(OutputError, match=rf"SHEET .*sheet.png' lies in {name} .*give it another place"):
        augcli.show(dst, "cat/0.png", sheet, src=src)
    assert not sheet.exists()


def test_an_output_is_called_as_it_was_given(output, monkeypatch):
    monkeypatch.chdir(output[1].parent)
    assert augcli.show("dst", "0.png").dst == "dst"
    with pytest.raises(InputError, match="'dst' has no output and no source 'none'"):
        augcli.show("dst", "none")
    page = augcli.write_report("dst")
    assert "<title>Report of dst</title>" in page
    assert str(output[1].parent) not in page


def test_the_last_part_of_a_key_finds_all_that_bear_it(output):
    assert {one.source for one in augcli.show(output[1], "0.png").outputs} == {"cat/0.png", "dog/0.png"}


@pytest.mark.parametrize("key", ["CAT/0.PNG", "cat\\0.png", "./cat/0.png", "cat/0"])
def test_a_name_that_differs_in_case_or_slashes_or_lacks_its_suffix_is_found(output, key):
    shown = augcli.show(output[1], key)
    assert {one.source for one in shown.outputs} == {"cat/0.png"}


def test_a_name_that_only_ends_in_the_wanted_name_is_another_one():
    assert not is_called("cat/10.png", "0.png", "")
    assert not is_nearly_called("cat/10.png", "0", "")


def test_a_name_in_another_form_of_letters_is_found():
    assert is_nearly_called("cat/cafe\u0301.png", "caf\u00e9.png", "")


def test_a_whole_name_goes_before_one_that_differs_in_case(make_folder, tmp_path):
    src = make_folder({"cat": 1})
    (src / "cat" / "0.png").rename(src / "cat" / "A.png")
    shutil.copy(src / "cat" / "A.png", src / "cat" / "a.png")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    for name in ("A.png", "a.png"):
        assert [one.source for one in augcli.show(tmp_path / "dst", name).outputs] == [f"cat/{name}"]


@pytest.mark.parametrize("key", ["xress_01.jpg", "dress_0l.jpg", "dress_01.jpgg"])
def test_a_typo_anywhere_is_told_the_name(key):
    near = Nearest(key)
    near.add([f"a/b{number:05d}.jpg" for number in range(5000)])
    near.add(["dress/dress_01.jpg"])
    near.add([f"m/m{number:05d}.jpg" for number in range(5000)])
    near.add([f"z/z{number:05d}.jpg" for number in range(5000)])
    assert near.tell().startswith("; the nearest are 'dress_01.jpg'")


def test_what_is_shown_is_what_was_written(output):
    for shown in augcli.show(output[1], "0.png").outputs:
        with Image.open(output[1] / shown.file.file) as image:
            assert image.size == (shown.file.width, shown.file.height)
            pixels = np.asarray(image).astype(int)
        with Image.open(output[0] / shown.source) as image:
            kept = (np.asarray(image) == pixels).all(2).mean()
        name = shown.source.split("/")[0]
        assert dict(shown.label)[name] == pytest.approx(kept, abs=0.02)  # noise that is equal by chance


def test_a_name_that_nobody_bears_is_told_its_nearest(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 12}), tmp_path / "dst", single(Cutout()))
    with pytest.raises(InputError, match=r"no output and no source '11\.pgn'; the nearest are '11\.png'"):
        augcli.show(tmp_path / "dst", "11.pgn")
    with pytest.raises(InputError, match="none is like it"):
        augcli.show(tmp_path / "dst", "ÄÖÜ")


def test_the_command_says_it_in_words(cli, output):
    done = cli("show", output[1], "cat/0.png")
    (first, got, label, *_) = done.stdout.splitlines()
    shown = augcli.show(output[1], "cat/0.png").outputs[0]
    assert first == f"{shown.file.file} (10 × 8, {shown.file.bytes} bytes, copy 0)"
    assert got == f"  cat/0.png {shown.work.steps[0]}"
    assert label == f"  label {', '.join(f'{name} {weight:.2f}' for name, weight in shown.label)}"
    assert (done.returncode, done.stderr) == (0, "")


def test_the_document_holds_the_exact_label(cli, output):
    document = json.loads(cli("show", output[1], "cat/0.png", "--json").stdout)
    assert document["found"] == 2
    first = document["outputs"][0]
    assert first["label"] == dict(augcli.show(output[1], "cat/0.png").outputs[0].label)
    assert first["partners"] == ["dog/0.png"]


def test_without_a_name_there_is_an_overview(cli, output):
    done = cli("show", output[1])
    assert done.stdout.startswith(f"{output[1]} holds 4 images (folder) from 2 samples\n")
    assert "  classes    cat 2, dog 2\n" in done.stdout
    document = json.loads(cli("show", output[1], "--json").stdout)
    assert document["splits"][""]["classes"] == {"cat": 2, "dog": 2}
    assert document["splits"][""]["boxes"] == {}
    assert document["missing"] == []


def test_a_sample_that_failed_is_shown_with_its_reason(cli, make_folder, tmp_path):
    src = make_folder({"cat": 2})
    (src / "cat" / "broken.png").write_bytes(b"x")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), max_errors=1)
    done = cli("show", tmp_path / "dst", "broken.png")
    assert done.returncode == 0
    assert done.stdout.startswith("cat/broken.png\n  read: ")
    assert "  failed     1: " in cli("show", tmp_path / "dst").stdout


def test_a_sample_that_was_decoded_with_warnings_is_shown_with_them(make_folder, tmp_path):
    src = make_folder({"cat": 1})
    whole = src / "cat" / "torn.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).save(whole)
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) * 3 // 4] + data[-2:])
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    shown = augcli.show(tmp_path / "dst", "torn.jpg")
    assert (shown.found, [failure.source for failure in shown.failures]) == (1, ["cat/torn.jpg"])


def test_an_unchanged_output_says_why(cli, make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 2}), tmp_path / "dst", single(Cutout(), 0.0))
    assert "  cat/0.png unchanged: not drawn\n" in cli("show", tmp_path / "dst", "cat/0.png").stdout


def test_an_output_of_which_one_operation_was_skipped_says_so(cli, make_folder, tmp_path):
    recipe = {"op": [{"kind": "cutout"}, {"kind": "cutmix", "partner": "same-class"}]}
    augcli.materialize(make_folder({"cat": 2, "dog": 1}), tmp_path / "dst", recipe)
    _, lost, skipped, _ = cli("show", tmp_path / "dst", "dog/0.png").stdout.splitlines()
    assert lost.startswith("  dog/0.png lost ")
    assert skipped == "  skipped cutmix: no partner of same-class"


def test_what_is_missing_stands_in_the_overview(cli, make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 2}), tmp_path / "dst", single(Cutout()))
    (tmp_path / "dst" / "_SUCCESS").unlink()
    assert "  missing    _SUCCESS is missing" in cli("show", tmp_path / "dst").stdout


@pytest.mark.parametrize("form", ["folder", "parquet", "webdataset"])
def test_a_sheet_shows_the_outputs_and_their_sources(cli, make_folder, tmp_path, form):
    src = make_folder({"cat": 3, "dog": 3})
    recipe = {"format": form, "copies": 2, "op": [{"kind": "mixup"}, {"kind": "patch-cutout"}]}
    augcli.materialize(src, tmp_path / "dst", recipe)
    for sources, columns in ((("--src", src), 3), ((), 1)):
        done = cli("show", tmp_path / "dst", "cat/1.png", "--sheet", tmp_path / "sheet.png", *sources)
        assert done.returncode == 0
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.size == (columns * (CELL + GAP) + GAP, 2 * (CELL + LABEL) + GAP)


def test_the_boxes_on_a_sheet_are_those_of_its_output(cli, tmp_path):
    (tmp_path / "src").mkdir()
    for number in range(2):
        Image.new("RGB", (20, 20), "white").save(tmp_path / "src" / f"{number}.png")
    boxes = {
        "images": [{"id": 1, "file_name": "1.png"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 8, 8]}],
        "categories": [{"id": 1, "name": "cell"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    recipe = single(Cutout(), 0.0)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe, boxes=tmp_path / "boxes.json")
    is_plain = []
    for number in range(2):
        cli("show", tmp_path / "dst", f"{number}.png", "--sheet", tmp_path / "sheet.png")
        with Image.open(tmp_path / "sheet.png") as sheet:
            cell = sheet.crop((GAP, GAP, GAP + CELL, GAP + CELL))
            is_plain.append(cell.getextrema() == ((255, 255),) * 3)
    assert is_plain == [True, False]


def test_a_sheet_has_an_empty_frame_for_a_source_that_is_gone(cli, make_folder, tmp_path):
    src = make_folder({"cat": 3})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    (src / "cat" / "1.png").unlink()
    sheet = tmp_path / "sheet.png"
    assert cli("show", tmp_path / "dst", "cat/1.png", "--sheet", sheet, "--src", src).returncode == 0
    with Image.open(sheet) as image:
        frame = image.crop((GAP + 1, GAP + 1, GAP + CELL - 1, GAP + CELL - 1))
        assert frame.getextrema() == ((255, 255),) * 3  # white: nothing is drawn
        beside = image.crop((2 * GAP + CELL, GAP, 2 * GAP + 2 * CELL, GAP + CELL))
        assert beside.getextrema() != ((255, 255),) * 3
    (src / "cat" / "0.png").unlink()
    (src / "cat" / "2.png").rename(src / "cat" / "9.png")
    done = cli("show", tmp_path / "dst", "cat/1.png", "--sheet", sheet, "--src", src)
    assert done.returncode == 4
    assert "SRC has no 'cat/1.png'; give the SRC that the output was made from" in done.stderr


def test_boxes_are_shown_with_the_share_that_is_seen(cli, make_folder, tmp_path):
    src = make_folder({"": 1}, size=(20, 20))
    boxes = {
        "images": [{"id": 1, "file_name": "0.png", "height": 20, "width": 20}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 4, 10, 12]}],
        "categories": [{"id": 1, "name": "cell"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    recipe = single(Cutout(length="6"), 0.0)
    augcli.materialize(src, tmp_path / "dst", recipe, boxes=tmp_path / "boxes.json")
    said = cli("show", tmp_path / "dst", "0.png").stdout
    assert "  box cell at rows 4 to 15, columns 2 to 11, 100 % of it seen, from 0.png\n" in said
    assert "  classes    unlabelled\n  boxes      cell 1\n" in cli("show", tmp_path / "dst").stdout
    document = json.loads(cli("show", tmp_path / "dst", "--json").stdout)
    assert document["splits"][""]["boxes"] == {"cell": 1}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--sheet", "s.png"], 2, "--sheet shows the outputs of KEY"),
        (["0.png", "--src", "src"], 2, "--src is drawn on a sheet; give --sheet"),
        (["x"], 4, "has no output and no source 'x'"),
        ([""], 2, "KEY is empty"),
    ],
)
def test_what_is_not_accepted_ends_with_its_exit_code(cli, output, words, code, said):
    done = cli("show", output[1], *words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_operations_of_every_kind_have_words(cli, make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 2})
    for operation in (CutMix(), Mixup(), Cutout(), PatchCutout(patch_size=2)):
        augcli.materialize(src, tmp_path / operation.name, single(operation))
        assert cli("show", tmp_path / operation.name, "cat/0.png").returncode == 0
