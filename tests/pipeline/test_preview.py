"""Previews: outputs made in memory, which are those that a run then writes."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, UsageError
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.records.parts import Parts
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_names
from augcli.ops import OPERATIONS
from augcli.ops.cutmix import CutMix
from augcli.ops.erase import Erase
from augcli.pipeline import preview as preview_module
from augcli.pipeline.preview import preview_outputs
from augcli.recipe import Recipe, single
from augcli.recipe_files import read_recipe
from tests import data_sets

CHAIN = read_recipe(
    {
        "copies": 3,
        "originals": "copy",
        "op": [
            {"one_of": [{"kind": "cutmix", "weight": 0.5}, {"kind": "mixup", "weight": 0.4}], "p": 0.9},
            {"kind": "erase", "p": 0.5},
        ],
    }
)


def look(src, recipe, count=5, **files):
    selection = Selection(InputFiles.of(**files), image_col=recipe.image_col, label_col=recipe.label_col)
    with ThreadPoolExecutor(1) as pool:
        return preview_outputs(open_source(str(src), selection), recipe, count, pool)


def recorded_rows(dst):
    """What the part files of an output say, by source and copy; `file_name` without the shard before it."""
    store, rows = LocalStore(str(dst)), {}
    for part in Parts(store).read(sorted(part_names(list_contents(store).sizes))):
        for row in part.rows().to_pylist():
            row["file_name"] = row["file_name"].rpartition("/")[2]
            rows[row["source"], row["copy"]] = row
    return rows


def written_images(dst):
    """The bytes of every image and mask of an output, whatever its layout."""
    found = [path.read_bytes() for suffix in ("jpg", "png") for path in dst.rglob(f"*.{suffix}")]
    for path in (dst / "data").glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            found += [row["image"]["bytes"], *([row["mask"]["bytes"]] if row.get("mask") else [])]
    for path in dst.glob("*.tar"):
        with tarfile.open(path) as tar:
            found += [tar.extractfile(member).read() for member in tar]
    return set(found)


def check_equal(outputs, dst):
    """The outputs are those that a run wrote: what is recorded of them, and the bytes of image and mask."""
    rows, images = recorded_rows(dst), written_images(dst)
    for output in outputs:
        row = output.row | {"file_name": output.row["file_name"].rpartition("/")[2]}
        assert repr(row) == repr(rows[row["source"], row["copy"]])
        assert output.pair.image in images
        assert not output.pair.mask or output.pair.mask in images


@pytest.fixture
def src(make_folder):
    return make_folder({"cat": 14, "dog": 11}, size=(32, 24))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("probability", [1.0, 0.4])
def test_each_operation_gives_what_a_run_writes(operation, probability, src, tmp_path):
    recipe = single(operation(), probability)
    augcli.materialize(src, tmp_path / "dst", recipe)
    outputs = look(src, recipe)
    assert len(outputs) == 5
    assert all(output.row["applied"] for output in outputs)
    check_equal(outputs, tmp_path / "dst")


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
@pytest.mark.parametrize("given", ["folder", "parquet", "webdataset"])
def test_a_chain_gives_what_a_run_writes_in_every_layout(given, layout, src, tmp_path, limit):
    limit(chunk_outputs=30)
    augcli.materialize(src, tmp_path / "given", Recipe(format=given))
    source = tmp_path / "given" if given != "folder" else src
    recipe = read_recipe({"format": layout, "seed": 3, "smoothing": 0.1, **_written(CHAIN)})
    augcli.materialize(source, tmp_path / "dst", recipe)
    outputs = look(source, recipe, 8)
    assert {output.row["copy"] for output in outputs} == {0, 1, 2}
    check_equal(outputs, tmp_path / "dst")


def _written(recipe):
    from augcli.recipe_files import write_recipe

    kept = ("copies", "originals", "op")
    return {key: value for key, value in write_recipe(recipe).items() if key in kept}


@pytest.mark.slow
def test_photos_give_what_a_run_writes(photos, tmp_path):
    """They are large enough for the compiled kernels."""
    recipe = single(CutMix(), size="300x200", quality=80)
    augcli.materialize(photos, tmp_path / "dst", recipe)
    check_equal(look(photos, recipe, 4), tmp_path / "dst")


def test_originals_beside_copies_are_not_shown_in_their_place(write_folder, tmp_path):
    src = write_folder(tmp_path / "src", {"cat": 4})
    outputs = look(src, single(Erase(), originals="copy"), 4)
    assert [output.row["copy"] for output in outputs] == [0] * 4


@pytest.mark.slow
def test_only_the_augmented_split_is_shown(write_folder, tmp_path):
    for split, count in (("train", 9), ("val", 5)):
        write_folder(tmp_path / "src" / split, {"cat": count, "dog": count})
    recipe = single(CutMix())
    augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe)
    outputs = look(tmp_path / "src", recipe, 30)
    assert {output.row["source"].split("/")[0] for output in outputs} == {"train"}
    assert len(outputs) == 18
    check_equal(outputs, tmp_path / "dst")


@pytest.fixture
def annotated(tmp_path):
    """Images with masks and boxes, flat; gives their places as keywords."""
    images, boxes = [], []
    for name in ("src", "masks"):
        (tmp_path / name).mkdir()
    for number in range(9):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "src" / f"{number}.png")
        Image.fromarray(pixels // 50).save(tmp_path / "masks" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "height": 20, "width": 30})
        box = {"id": number, "image_id": number, "category_id": 1, "bbox": [number, 2, 9, 8]}
        boxes.append(box)
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    return {name: tmp_path / name for name in ("src", "masks")} | {"boxes": tmp_path / "boxes.json"}


@pytest.mark.parametrize(
    "recipe", [single(CutMix(), mask_fill=7), single(Erase(inside="boxes"), mask_fill=7, size="18")]
)
def test_masks_and_boxes_are_those_that_a_run_writes(recipe, annotated, tmp_path):
    augcli.materialize(dst=tmp_path / "dst", recipe=recipe, **annotated)
    outputs = look(recipe=recipe, **annotated)
    assert all(output.pair.mask and output.row["augcli:boxes"] for output in outputs)
    check_equal(outputs, tmp_path / "dst")


# --- which, and what is read -----------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch):
    """How often each key is read from a store."""
    counted, read = Counter(), LocalStore.read

    def count(self, keys, expect=None):
        counted.update(keys)
        return read(self, keys, expect)

    monkeypatch.setattr(LocalStore, "read", count)
    return counted


@pytest.mark.parametrize("copies", [1, 3])
def test_no_image_is_read_but_those_that_are_shown_and_passed_over(src, reads, copies):
    outputs = look(src, single(CutMix(), 0.5, copies=copies), 4)
    assert len(outputs) == 4
    wanted = Counter()
    for output in outputs:
        # Up to the partner of the shown copy those of the copies before it are looked at.
        (catalogue,) = output.source.catalogues
        wanted.update({output.row["source"], *output.row["partners"]})
        assert len(catalogue) <= copies + 1
    images = {key: number for key, number in reads.items() if key.endswith(".png")}
    assert wanted.keys() <= images.keys()
    assert sum(images.values()) <= sum(wanted.values()) + 4 * (copies - 1)


def test_drawing_reads_no_image_again(src, reads, tmp_path):
    augcli.preview(src, single(CutMix()), tmp_path / "sheet.png", count=3)
    images = [key for key in reads if key.endswith(".png")]
    assert sum(reads[key] for key in images) == 6  # three and their partners


def test_they_lie_evenly_over_the_ring(src):
    everything = [output.row["source"] for output in look(src, single(CutMix()), 25)]
    assert len(set(everything)) == 25
    assert [output.row["source"] for output in look(src, single(CutMix()), 5)] == everything[::5]


def test_changed_ones_come_first(src):
    outputs = look(src, single(CutMix(), 0.3), 25)
    applied = [output.row["applied"] for output in outputs]
    assert applied == sorted(applied, reverse=True)
    assert len(set(applied)) == 2
    assert all(output.row["applied"] for output in look(src, single(CutMix(), 0.3), 2))


def test_an_output_that_turns_out_unchanged_is_passed_over(annotated):
    recipe, everything = single(Erase(inside="boxes")), annotated | {"recipe": single(Erase(), seed=0)}
    (first,) = [output.row["source"] for output in look(count=1, **everything)]
    document = json.loads(annotated["boxes"].read_text())
    number = int(first.removesuffix(".png"))
    document["annotations"] = [box for box in document["annotations"] if box["image_id"] != number]
    annotated["boxes"].write_text(json.dumps(document))
    (output,) = look(recipe=recipe, count=1, **annotated)
    assert output.row["applied"]
    assert output.row["source"] != first


def test_where_nothing_is_changed_that_is_shown(src):
    outputs = look(src, single(CutMix(), 0.0), 3)
    assert [output.row["reason"] for output in outputs] == ["not drawn"] * 3


def test_images_that_cannot_be_used_are_passed_over(src):
    first, *_ = [output.row["source"] for output in look(src, single(CutMix()), 1)]
    (src / first).write_bytes(b"torn")
    (output,) = look(src, single(CutMix()), 1)
    assert output.row["source"] != first


def test_where_no_image_can_be_used_the_cure_is_named(src):
    for path in src.rglob("*.png"):
        path.write_bytes(b"torn")
    with pytest.raises(InputError, match="run the command to see why"):
        look(src, single(CutMix()), 2)


def test_partners_that_do_not_decode_are_passed_over_as_in_a_run(src, tmp_path):
    rows = [output.row for output in look(src, single(CutMix()), 25)]
    torn = {rows[3]["partners"][0], rows[7]["partners"][0]}
    for key in torn:
        (src / key).write_bytes(b"torn")
    augcli.materialize(src, tmp_path / "dst", single(CutMix()), max_errors=9)
    outputs = look(src, single(CutMix()), 25)
    assert len(outputs) == 23
    check_equal(outputs, tmp_path / "dst")


def test_of_many_copies_the_first_ones_are_made(src, monkeypatch):
    monkeypatch.setattr(preview_module, "FIRST_COPIES", 2)
    outputs = look(src, single(CutMix(), copies=1000), 4)
    assert [output.row["copy"] for output in outputs] == [0, 1, 0, 1]


def test_a_recipe_without_operations_shows_what_is_copied(src):
    outputs = look(src, Recipe(), 2)
    sources = [(src / output.row["source"]).read_bytes() for output in outputs]
    assert [output.pair.image for output in outputs] == sources


def test_what_a_run_would_refuse_is_refused(annotated):
    from augcli.ops.mixup import Mixup

    with pytest.raises(UsageError, match="mixup blends images"):
        look(recipe=single(Mixup()), **annotated)
    with pytest.raises(UsageError, match="format='yolo' needs boxes"):
        look(annotated["src"], single(CutMix(), format="yolo"))


@pytest.mark.slow
def test_compiled_kernels_are_loaded_only_once_they_are_faster(src, monkeypatch):
    chosen = []
    choose = preview_module.choose_backend
    monkeypatch.setattr(preview_module, "choose_backend", lambda name: chosen.append(name) or choose(name))
    recipe = single(Erase(scale="0.3"))
    few = look(src, recipe, 4)
    assert chosen == ["reference"] * 4
    monkeypatch.setattr(preview_module, "FEW_VALUES", 32 * 24 * 3)  # three holes of a third
    chosen.clear()
    assert [output.pair for output in look(src, recipe, 4)] == [output.pair for output in few]
    assert chosen == ["reference"] * 3 + ["cpu"]


def test_pillows_own_bound_does_not_hold(src, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # it warns beyond, and refuses beyond twice as many
    assert augcli.preview(src, single(CutMix()), count=1).size
    assert Image.MAX_IMAGE_PIXELS == 100


# --- in Python -------------------------------------------------------------------------------------------


def test_a_picture_comes_back_and_nothing_is_written(src, tmp_path, tree, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = tree(src)
    sheet = augcli.preview(src, {"op": [{"kind": "cutmix"}]}, count=2, dst=tmp_path / "dst")
    assert isinstance(sheet, Image.Image)
    assert tree(src) == before
    assert not (tmp_path / "dst").exists()
    assert not list((tmp_path / "here").iterdir())


def test_a_written_picture_is_the_one_that_comes_back(src, tmp_path):
    sheet = augcli.preview(src, single(CutMix()), tmp_path / "sheet.png", count=2)
    with Image.open(tmp_path / "sheet.png") as written:
        np.testing.assert_array_equal(np.asarray(written), np.asarray(sheet))


def test_the_pixels_on_the_sheet_are_those_of_the_run(make_folder, tmp_path):
    from augcli.report.objects import CELL
    from augcli.report.preview import GAP

    src = make_folder({"cat": 5, "dog": 5}, size=(CELL, CELL))  # shown as large as they are
    sheet = np.asarray(augcli.preview(src, single(CutMix(minmax="0.3:0.7")), count=1))
    augcli.materialize(src, tmp_path / "dst", single(CutMix(minmax="0.3:0.7")))
    shown = sheet[GAP : GAP + CELL, GAP + 2 * (CELL + GAP) : GAP + 2 * (CELL + GAP) + CELL]
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in written_images(tmp_path / "dst")]
    assert any(np.array_equal(np.asarray(image), shown) for image in images)


def test_another_seed_shows_other_outputs(src):
    one, other = (augcli.preview(src, single(CutMix(), seed=seed), count=2) for seed in (1, 2))
    assert np.asarray(one).tobytes() != np.asarray(other).tobytes()


@pytest.mark.slow
def test_the_recipe_of_an_output_is_taken_and_its_directory_is_the_output(src, tmp_path):
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    foreseen = augcli.preview(src, tmp_path / "dst" / "augcli.json", count=25)
    standing = augcli.preview(src, tmp_path / "dst", count=25)
    assert foreseen.size == standing.size


@pytest.mark.slow
def test_every_layout_of_the_guide_gives_what_a_run_writes_or_refuses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for build in data_sets.BUILDERS:
        build()
    checked = 0
    for src in sorted(path.name for path in tmp_path.iterdir() if path.is_dir()):
        recipe, dst = single(CutMix()), tmp_path / f"{src}-out"
        try:
            outputs = look(src, recipe, 3)
        except InputError as error:
            with pytest.raises(InputError, match=re.escape(str(error))):
                augcli.materialize(src, dst, recipe)
            continue
        augcli.materialize(src, dst, recipe)
        rows = recorded_rows(dst)
        for output in outputs:
            assert rows[output.row["source"], output.row["copy"]]["hash"] == output.row["hash"]
        checked += 1
    assert checked > 12
