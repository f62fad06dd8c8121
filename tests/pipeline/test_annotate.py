"""Masks and boxes through whole runs: on disk, where each pixel tells which image it is from.

Image number n is flat grey of level 10 (n + 1) and its mask is n + 1 throughout, so that whatever a run does
to pixels can be read from them and compared with masks, and counted below boxes. A hole is black.
"""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pycocotools.coco import COCO

import augcli
from augcli.errors import InputError, OutputError, UsageError
from augcli.io.boxes import coco
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.ops.patch_cutout import PatchCutout
from augcli.pipeline.worker import window
from augcli.recipe import Recipe, single
from augcli.recipe_files import read_recipe

COUNT = 12
BOXES = [[2, 1, 6, 5], [0, 0, 4, 3], [5, 4, 3, 6], [1, 6, 8, 2]]
"""x, y, width, height: inside of every image, all of different areas."""

CHAIN = read_recipe(
    {
        "name": "chain",
        "op": [
            {"kind": "cutmix"},
            {"kind": "patch-cutout", "patch-size": 3, "ratio": 0.3},
            {"kind": "cutmix", "minmax": "0.3:0.7", "p": 0.7},
        ],
        "copies": 3,
    }
)
MIXED_SIZES = [(11 + number % 4, 12 + number % 5) for number in range(COUNT)]


@pytest.fixture
def make(tmp_path):
    """Write images, masks and boxes; gives their places as keywords of `materialize`."""

    def write(sizes=MIXED_SIZES, depth=8, folder="images"):
        src, masks = tmp_path / folder, tmp_path / f"{folder}_masks"
        for root in (src, masks):
            root.mkdir()
        images, annotations = [], []
        for number, (height, width) in enumerate(sizes):
            Image.new("L", (width, height), 10 * (number + 1)).save(src / f"{number}.png")
            kind = np.uint8 if depth == 8 else np.uint16
            scale = 1 if depth == 8 else 1000
            mask = np.full((height, width), scale * (number + 1), kind)
            Image.fromarray(mask).save(masks / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
            annotations += [
                {"id": len(annotations) + at, "image_id": number, "category_id": 7 + at % 2, "bbox": box}
                for at, box in enumerate(BOXES)
            ]
        document = {
            "info": {"year": 2026},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 7, "name": "cell"}, {"id": 8, "name": "cup"}],
        }
        boxes = tmp_path / f"{folder}.json"
        boxes.write_text(json.dumps(document))
        return {"src": src, "masks": masks, "boxes": boxes}

    return write


def read_pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).copy()


def levels(path):
    """Which image each pixel is from, 1 for image 0; 0 where there is a hole."""
    pixels = read_pixels(path)
    assert not (pixels % 10).any()
    return pixels // 10


def outputs(dst):
    images = sorted((dst / "images").rglob("*.png"))
    assert images
    return images


def mask_of(image):
    below = image.parts[::-1].index("images")
    return image.parents[below] / "masks" / Path(*image.parts[-below:])


def document(dst):
    return json.loads((dst / "annotations.json").read_text())


def boxes_of(dst):
    """The boxes of each output by its file name."""
    held = document(dst)
    found = {image["file_name"]: [] for image in held["images"]}
    names = {image["id"]: image["file_name"] for image in held["images"]}
    for box in held["annotations"]:
        found[names[box["image_id"]]].append(box)
    return found


def number_of(box):
    return int(box["source"].split(".")[0]) + 1


def below(pixels, bbox):
    """The pixels below a box of whole edges."""
    x, y, width, height = bbox
    return pixels[y : y + height, x : x + width]


# --- masks ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "scale"), [(8, 1), (16, 1000)])
@pytest.mark.parametrize("recipe", [single(CutMix()), single(CutMix(), 0.5, copies=2), CHAIN])
def test_a_mask_is_the_partners_exactly_where_the_image_is(make, tmp_path, recipe, depth, scale):
    paths = make(depth=depth)
    del paths["boxes"]
    augcli.materialize(dst=tmp_path / "dst", recipe=recipe, **paths)
    mixed = 0
    for image in outputs(tmp_path / "dst"):
        pixels, mask = levels(image), read_pixels(mask_of(image))
        assert mask.dtype == (np.uint8 if depth == 8 else np.uint16)
        is_seen = pixels > 0  # holes leave masks alone
        np.testing.assert_array_equal(mask[is_seen], pixels[is_seen].astype(mask.dtype) * scale)
        assert set(np.unique(mask)) <= {scale * (number + 1) for number in range(COUNT)}
        mixed += len(np.unique(mask)) > 1
    assert mixed > COUNT / 3


def test_each_pixel_of_a_mask_moves_with_its_own_pixel(make, tmp_path):
    paths = make(sizes=[(9, 13)] * COUNT)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(0, 256, (9, 13), dtype=np.uint8)
        for root in (paths["src"], paths["masks"]):
            Image.fromarray(pixels).save(root / f"{number}.png")
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix(), copies=3), masks=paths["masks"])
    for image in outputs(tmp_path / "dst"):
        np.testing.assert_array_equal(read_pixels(image), read_pixels(mask_of(image)))


@pytest.mark.slow
@pytest.mark.parametrize("operation", [Cutout(), Erase(fill="black"), PatchCutout(patch_size=3)])
def test_holes_leave_masks_alone_unless_they_have_an_index(make, tmp_path, operation):
    paths = make()
    for fill, name in ((None, "alone"), (255, "filled")):
        augcli.materialize(
            paths["src"], tmp_path / name, single(operation, mask_fill=fill), masks=paths["masks"]
        )
    holes = 0
    for alone, filled in zip(outputs(tmp_path / "alone"), outputs(tmp_path / "filled"), strict=True):
        number = int(alone.name.split("__")[0]) + 1
        pixels = levels(filled)
        assert (read_pixels(mask_of(alone)) == number).all()
        np.testing.assert_array_equal(read_pixels(mask_of(filled)), np.where(pixels, number, 255))
        holes += np.count_nonzero(pixels == 0)
    assert holes


def test_an_image_that_is_left_alone_keeps_the_file_of_its_mask(make, tmp_path):
    paths = make()
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix(), 0.0), masks=paths["masks"])
    for image in outputs(tmp_path / "dst"):
        source = paths["masks"] / f"{image.name.split('__')[0]}.png"
        assert mask_of(image).read_bytes() == source.read_bytes()


def test_mixup_takes_the_mask_of_the_larger_weight(make, tmp_path):
    paths = make(sizes=[(9, 9)] * COUNT)
    recipe = single(Mixup(alpha=1.0), mask_policy="dominant")
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, masks=paths["masks"])
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    kept = 0
    for row in rows:
        mask = read_pixels(tmp_path / "dst" / row["mask_file_name"])
        weight = row["steps"][0]["weight_q16"]
        wanted = row["source"] if weight >= 32768 else row["partners"][0]
        assert (mask == int(wanted.split(".")[0]) + 1).all()
        kept += weight >= 32768
    assert 0 < kept < len(rows)


def test_mixup_of_masks_without_a_policy_is_refused(make, tmp_path):
    paths = make()
    with pytest.raises(UsageError, match=r"mixup blends images.*give mask_policy='dominant'"):
        augcli.materialize(paths["src"], tmp_path / "dst", single(Mixup()), masks=paths["masks"])
    assert not (tmp_path / "dst").exists()


def test_palettes_stay(make, tmp_path):
    paths = make()
    palette = bytes(range(3 * 14))
    for path in paths["masks"].iterdir():
        image = Image.fromarray(read_pixels(path))
        image.putpalette(palette)
        image.save(path)
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), masks=paths["masks"])
    for image in outputs(tmp_path / "dst"):
        with Image.open(mask_of(image)) as mask:
            assert mask.mode == "P"
            assert bytes(mask.getpalette())[: len(palette)] == palette
            np.testing.assert_array_equal(np.asarray(mask), levels(image))


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_masks_come_to_one_size_with_their_images(make, tmp_path, fit):
    paths = make()
    recipe = single(CutMix(), size="8x10", fit=fit, background="black", mask_fill=0)
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, masks=paths["masks"])
    for image in outputs(tmp_path / "dst"):
        pixels, mask = read_pixels(image), read_pixels(mask_of(image))
        assert pixels.shape == mask.shape == (8, 10)
        sure = pixels % 10 == 0  # a partner with a frame is blended at the frame's edge
        np.testing.assert_array_equal(mask[sure], pixels[sure] // 10)
        assert np.count_nonzero(sure) > 60


def test_padded_masks_need_an_index_for_their_frame(make, tmp_path):
    paths = make()
    recipe = single(CutMix(), size="8", fit="pad")
    with pytest.raises(UsageError, match="say with mask_fill which index the frame has"):
        augcli.materialize(paths["src"], tmp_path / "dst", recipe, masks=paths["masks"])


@pytest.mark.parametrize("is_stored", [False, True])
def test_masks_and_boxes_of_a_turned_photo_follow_either_way(tmp_path, is_stored):
    stored = np.zeros((16, 24), np.uint8)
    stored[:8, :16] = 200  # 8 rows from the top, 16 columns from the left
    src, masks = tmp_path / "src", tmp_path / "masks"
    src.mkdir()
    masks.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # upright is a quarter turn clockwise of the stored image
    Image.fromarray(stored).save(src / "a.png", exif=exif)
    upright = np.rot90(stored, -1)
    Image.fromarray((stored if is_stored else upright) // 200).save(masks / "a.png")
    size = {"width": 24, "height": 16} if is_stored else {"width": 16, "height": 24}
    bbox = [0, 0, 16, 8] if is_stored else [8, 0, 8, 16]
    held = {
        "images": [{"id": 1, "file_name": "a.png", **size}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": bbox}],
        "categories": [{"id": 1, "name": "block"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(held))
    dst = tmp_path / "dst"
    augcli.materialize(
        src, dst, single(Cutout(length=1), mask_fill=9), masks=masks, boxes=tmp_path / "boxes.json"
    )
    (image,) = outputs(dst)
    pixels, mask = read_pixels(image), read_pixels(mask_of(image))
    assert pixels.shape == (24, 16)
    np.testing.assert_array_equal(mask[mask < 9], pixels[mask < 9] // 200)
    (box,) = document(dst)["annotations"]
    assert box["bbox"] == [8, 0, 8, 16]


# --- boxes ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation", [Cutout(holes=3, length=4), Erase(fill="black", count=2), PatchCutout(patch_size=3)]
)
def test_the_visibility_of_a_box_is_its_counted_share_outside_of_holes(make, tmp_path, operation):
    paths = make()
    augcli.materialize(paths["src"], tmp_path / "dst", single(operation), boxes=paths["boxes"])
    found = boxes_of(tmp_path / "dst")
    hidden = 0
    for image in outputs(tmp_path / "dst"):
        pixels = levels(image)
        expected = {
            tuple(bbox): np.count_nonzero(below(pixels, bbox)) / (bbox[2] * bbox[3]) for bbox in BOXES
        }
        assert {tuple(box["bbox"]): box["visibility"] for box in found[image.name]} == {
            bbox: share for bbox, share in expected.items() if share
        }
        assert all(box["weight"] == 1 for box in found[image.name])
        hidden += sum(share < 1 for share in expected.values())
    assert hidden > COUNT


def test_after_cutmix_each_box_has_the_counted_share_of_its_own_image(make, tmp_path):
    paths = make(sizes=[(13, 14)] * COUNT)
    recipe = single(CutMix(), copies=2, min_paste_visibility=0.0)
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    pasted = 0
    for image in outputs(tmp_path / "dst"):
        pixels = levels(image)
        base = int(image.name.split("__")[0]) + 1
        found = boxes_of(tmp_path / "dst")[image.name]
        for number in np.unique(pixels).tolist():
            expected = {}
            for bbox in BOXES:
                count = np.count_nonzero(below(pixels, bbox) == number)
                if count:
                    expected[bbox[2] * bbox[3]] = count / (bbox[2] * bbox[3])
            mine = [box for box in found if number_of(box) == number]
            assert sorted(box["visibility"] for box in mine) == sorted(expected.values())
            if number != base:
                pasted += len(mine)
                for box in mine:  # clipped to what was pasted: all below them is the partner's
                    assert (below(pixels, box["bbox"]) == number).all()
    assert pasted > COUNT


def test_shrink_gives_the_bounds_of_the_pixels_that_are_seen(make, tmp_path):
    paths = make()
    recipe = single(PatchCutout(patch_size=3, ratio=0.6), box_policy="shrink")
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    shrunk = 0
    for image in outputs(tmp_path / "dst"):
        pixels, expected = levels(image), []
        for bbox in BOXES:
            seen = np.argwhere(below(pixels, bbox))
            if len(seen):
                (y0, x0), (y1, x1) = seen.min(0).tolist(), seen.max(0).tolist()
                expected.append([bbox[0] + x0, bbox[1] + y0, x1 - x0 + 1, y1 - y0 + 1])
        found = [box["bbox"] for box in boxes_of(tmp_path / "dst")[image.name]]
        assert found == expected
        shrunk += sum(one not in BOXES for one in found)
    assert shrunk > COUNT


def test_mixup_keeps_the_boxes_of_both_with_the_weights_of_their_images(make, tmp_path):
    paths = make(sizes=[(13, 14)] * COUNT)
    augcli.materialize(paths["src"], tmp_path / "dst", single(Mixup(alpha=1.0)), boxes=paths["boxes"])
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    for row in rows:
        found = boxes_of(tmp_path / "dst")[row["file_name"].removeprefix("images/")]
        weight = row["steps"][0]["weight_q16"] / 65536
        assert Counter((box["source"], box["weight"], box["visibility"]) for box in found) == {
            (row["source"], weight, 1): len(BOXES),
            (row["partners"][0], 1 - weight, 1): len(BOXES),
        }


def test_rules_drop_boxes(make, tmp_path):
    paths = make()
    operation = Cutout(holes=4, length=4)
    plain = augcli.materialize(paths["src"], tmp_path / "a", single(operation), boxes=paths["boxes"])
    strict = augcli.materialize(
        paths["src"], tmp_path / "b", single(operation, min_visibility=0.6), boxes=paths["boxes"]
    )
    kept = [box for box in document(tmp_path / "a")["annotations"] if box["visibility"] >= 0.6]
    assert 0 < len(kept) < len(document(tmp_path / "a")["annotations"])
    assert [box["bbox"] for box in document(tmp_path / "b")["annotations"]] == [box["bbox"] for box in kept]
    before, after = strict.boxes["cell"]
    assert (before, after) == (2 * COUNT, sum(box["category_id"] == 7 for box in kept))
    assert plain.boxes["cell"][0] == before


def test_crop_counts_what_it_cuts_off_as_hidden(make, tmp_path):
    paths = make(sizes=[(10, 20)])
    held = json.loads(paths["boxes"].read_text())
    held["annotations"] = [
        {"id": 1, "image_id": 0, "category_id": 7, "bbox": [0, 0, 10, 10]},  # half of it is cut off
        {"id": 2, "image_id": 0, "category_id": 7, "bbox": [16, 0, 4, 4]},  # all of it
    ]
    paths["boxes"].write_text(json.dumps(held))
    recipe = read_recipe({"size": 20, "fit": "crop"})
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    (box,) = document(tmp_path / "dst")["annotations"]
    assert (box["bbox"], box["visibility"], box["area"]) == ([0, 0, 10, 20], 0.5, 200)


def test_boxes_that_hang_over_the_border_are_clipped_and_counted(make, tmp_path):
    paths = make(sizes=[(10, 10)])
    held = json.loads(paths["boxes"].read_text())
    held["annotations"] = [{"id": 1, "image_id": 0, "category_id": 7, "bbox": [-1, 5, 4, 9.5]}]
    paths["boxes"].write_text(json.dumps(held))
    summary = augcli.materialize(paths["src"], tmp_path / "dst", single(Erase(), 0.0), boxes=paths["boxes"])
    assert document(tmp_path / "dst")["annotations"][0]["bbox"] == [0, 5, 3, 5]
    assert summary.counts == {"boxes clipped at the border of their image": 1}


def test_bad_boxes_are_skipped_counted_and_listed_with_their_image(make, tmp_path):
    paths = make(sizes=[(10, 10)] * 2)
    held = json.loads(paths["boxes"].read_text())
    bad = [[1, 1, -2, 3], [11, 0, 3, 3], [2, 2, 3, 3], [0, 0, 1, -1]]
    held["annotations"] = [
        {"id": at, "image_id": 1, "category_id": 7 + at % 2, "bbox": bbox} for at, bbox in enumerate(bad)
    ]
    paths["boxes"].write_text(json.dumps(held))
    recipe, dst = single(Cutout(length=1), 0.0, bad_boxes="skip"), tmp_path / "dst"
    dry = augcli.materialize(paths["src"], dst, recipe, boxes=paths["boxes"], dry_run=True)
    assert dry.counts == {"bad boxes left out (negative size)": 2}
    summary = augcli.materialize(paths["src"], dst, recipe, boxes=paths["boxes"])
    assert summary.counts == {
        "bad boxes left out (negative size)": 2,
        "bad boxes left out (outside its image)": 1,
    }
    assert [(box["bbox"], box["category_id"]) for box in document(dst)["annotations"]] == [([2, 2, 3, 3], 7)]
    lines = [json.loads(line) for line in (dst / "warnings.jsonl").read_text().splitlines()]
    assert [(line["source"], line["stage"], line["reason"]) for line in lines] == [
        ("1.png", "boxes", "negative size"),
        ("1.png", "boxes", "negative size"),
        ("1.png", "boxes", "outside its image"),
    ]
    assert lines[2]["detail"] == "rows 0 to 3 and columns 11 to 14 of an image of 10x10"
    assert not augcli.verify(dst, against=paths["src"], boxes=paths["boxes"]).differences


def test_run_lengths_of_another_size_fail_their_image_or_are_skipped(make, tmp_path):
    paths = make(sizes=[(10, 10)])
    held = json.loads(paths["boxes"].read_text())
    bad = {"id": 9, "image_id": 0, "category_id": 7, "segmentation": {"size": [5, 5], "counts": [0, 25]}}
    held["annotations"] = [held["annotations"][0] | {"segmentation": [[2, 1, 8, 1, 8, 6]]}, bad]
    paths["boxes"].write_text(json.dumps(held))
    call = (paths["src"], tmp_path / "dst")
    summary = augcli.materialize(*call, single(Cutout(length=1), 0.0), boxes=paths["boxes"])
    assert [failure.reason for failure in summary.failures] == ["RLE of another size"]
    recipe = single(Cutout(length=1), 0.0, bad_boxes="skip")
    summary = augcli.materialize(*call, recipe, boxes=paths["boxes"], force=True)
    assert summary.counts == {"bad boxes left out (RLE of another size)": 1}
    (box,) = document(tmp_path / "dst")["annotations"]
    assert box["segmentation"] == [[2, 1, 8, 1, 8, 6]]


def test_a_bad_box_that_was_removed_is_no_longer_listed(make, tmp_path):
    paths = make(sizes=[(10, 10)])
    whole = paths["boxes"].read_text()
    held = json.loads(whole)
    held["annotations"].append({"id": 9, "image_id": 0, "category_id": 7, "bbox": [1, 1, -2, 3]})
    recipe = single(Cutout(length=1), 0.0, bad_boxes="skip")
    for text, number in ((json.dumps(held), 1), (whole, 0)):
        paths["boxes"].write_text(text)
        summary = augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
        assert len(summary.warnings) == number
        assert (tmp_path / "dst" / "warnings.jsonl").exists() == bool(number)


def test_bad_boxes_of_images_without_outputs_are_not_counted(make, tmp_path):
    paths = make(sizes=[(10, 10)] * 2)
    held = json.loads(paths["boxes"].read_text())
    held["annotations"][0]["bbox"] = [1, 1, -2, 3]
    held["annotations"][4]["bbox"] = [1, 1, -2, 3]
    paths["boxes"].write_text(json.dumps(held))
    recipe = single(Cutout(length=1), 0.0, bad_boxes="skip", limit=1)
    summary = augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    assert summary.counts == {"bad boxes left out (negative size)": 1}
    assert len(summary.warnings) == 1


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"min_area": 16}, [[2, 1, 6, 5], [5, 4, 3, 6], [1, 6, 8, 2]]),
        ({"min_area": 16.5}, [[2, 1, 6, 5], [5, 4, 3, 6]]),
        ({"min_size": 3}, [[2, 1, 6, 5], [0, 0, 4, 3], [5, 4, 3, 6]]),
        ({"min_size": 3, "min_area": 13}, [[2, 1, 6, 5], [5, 4, 3, 6]]),
    ],
)
def test_small_boxes_are_dropped_also_where_nothing_changed(make, tmp_path, rule, kept):
    paths = make(sizes=[(12, 12)])
    recipe = single(Cutout(length=1), 0.0, **rule)
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    assert [box["bbox"] for box in document(tmp_path / "dst")["annotations"]] == kept


def test_boxes_of_which_a_sliver_is_seen_are_counted(make, tmp_path):
    paths = make(sizes=[(40, 40)] * 3)
    held = json.loads(paths["boxes"].read_text())
    held["annotations"] = [
        {"id": number, "image_id": number, "category_id": 7, "bbox": [0, 0, 40, 40]} for number in range(3)
    ]
    paths["boxes"].write_text(json.dumps(held))
    recipe = single(CutMix(lam=0.05, boundary="inside"), copies=4)
    summary = augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    slivers = [box for box in document(tmp_path / "dst")["annotations"] if box["visibility"] < 0.1]
    assert len(slivers) > 3
    assert summary.counts["boxes of which less than a tenth is seen"] == len(slivers)


def test_targets_of_classes_are_noted_to_count_images_where_there_are_boxes(make, tmp_path):
    paths = make()
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,label\n" + "".join(f"{n}.png,a\n" for n in range(COUNT)))
    recipe, note = single(Cutout(), target_per_class=3), "target_per_class counts images by their labels"
    for boxes in (paths["boxes"], None):
        summary = augcli.materialize(
            paths["src"], tmp_path / f"{bool(boxes)}", recipe, boxes=boxes, labels=labels
        )
        assert any(note in found for found in summary.notes) == bool(boxes)


def drop_boxes(paths, names):
    """Take images out of a file of boxes."""
    held = json.loads(paths["boxes"].read_text())
    ids = {image["id"] for image in held["images"] if image["file_name"] in names}
    held["images"] = [image for image in held["images"] if image["id"] not in ids]
    held["annotations"] = [box for box in held["annotations"] if box["image_id"] not in ids]
    paths["boxes"].write_text(json.dumps(held))


def test_images_that_the_boxes_do_not_name_are_left_out_and_are_no_partners(make, tmp_path):
    paths = make()
    lost = {f"{number}.png" for number in range(0, COUNT, 3)}
    drop_boxes(paths, lost)
    recipe = single(CutMix(), copies=2, unboxed="skip")
    summary = augcli.materialize(dst=tmp_path / "dst", recipe=recipe, **paths)
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    assert Counter(row["source"] for row in rows) == {
        f"{number}.png": 2 for number in range(COUNT) if number % 3
    }
    assert not lost & {partner for row in rows for partner in row["partners"]}
    assert "4 images not in the boxes, left out" in summary.notes
    assert summary.images == 8
    for name in lost:  # the output is the one without these images
        (paths["src"] / name).unlink()
    augcli.materialize(dst=tmp_path / "without", recipe=recipe, **paths)
    names = [sorted(path.name for path in outputs(tmp_path / dst)) for dst in ("dst", "without")]
    assert names[0] == names[1]


def test_images_that_the_boxes_do_not_name_do_not_count_for_targets(make, tmp_path):
    paths = make()
    drop_boxes(paths, {"0.png", "1.png"})
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,label\n" + "".join(f"{n}.png,a\n" for n in range(COUNT)))
    recipe = single(Cutout(length=1), unboxed="skip", target_per_class=15, originals="copy")
    augcli.materialize(dst=tmp_path / "dst", recipe=recipe, labels=labels, **paths)
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    counts = Counter(row["source"] for row in rows)
    assert sum(counts.values()) == 15 + 10
    assert not {"0.png", "1.png"} & counts.keys()


@pytest.mark.parametrize("rule", ["any", "same-class"])
def test_rows_that_the_boxes_do_not_name_are_left_out(make, tmp_path, rule):
    paths = make()
    drop_boxes(paths, {f"{number}.png" for number in (*range(6), 7)})
    images = [
        {"bytes": (paths["src"] / f"{number}.png").read_bytes(), "path": f"{number}.png"}
        for number in range(COUNT)
    ]
    table = pa.table({"image": images, "label": ["a", "b"] * (COUNT // 2)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=3)
    recipe = single(CutMix(partner=rule), unboxed="skip", format="folder")
    augcli.materialize(tmp_path / "x.parquet", tmp_path / "dst", recipe, boxes=paths["boxes"])
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    assert [row["source"] for row in rows] == [f"x.parquet#{number}" for number in (10, 11, 6, 8, 9)]
    kept = {f"x.parquet#{number}" for number in (6, 8, 9, 10, 11)}
    assert {partner for row in rows for partner in row["partners"]} <= kept
    assert not augcli.verify(
        tmp_path / "dst", against=tmp_path / "x.parquet", boxes=paths["boxes"]
    ).differences


def test_split_that_the_boxes_do_not_name_is_left_out(make, tmp_path):
    paths = make()
    for number in range(COUNT):
        split = tmp_path / "splits" / ("train" if number < 8 else "val")
        split.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths["src"] / f"{number}.png", split)
    drop_boxes(paths, {f"{number}.png" for number in range(8, COUNT)})
    recipe = single(Cutout(length=1), unboxed="skip")
    summary = augcli.materialize(tmp_path / "splits", tmp_path / "dst", recipe, boxes=paths["boxes"])
    assert "split 'val' is left out: the boxes name none of its images" in summary.notes
    assert summary.outputs == 8
    augcli.materialize(
        tmp_path / "splits", tmp_path / "val", single(Cutout(length=1), split="val"), boxes=paths["boxes"]
    )
    with pytest.raises(InputError, match=r"the boxes name no image of split 'val'; give unboxed='keep'"):
        augcli.materialize(
            tmp_path / "splits",
            tmp_path / "none",
            single(Cutout(length=1), split="val", unboxed="skip"),
            boxes=paths["boxes"],
        )


def test_coco_output_is_whole(make, tmp_path):
    paths = make()
    augcli.materialize(dst=tmp_path / "dst", recipe=CHAIN, **paths)
    held = document(tmp_path / "dst")
    assert held["info"] == {"year": 2026}
    assert held["categories"] == [{"id": 7, "name": "cell"}, {"id": 8, "name": "cup"}]
    assert {image["file_name"] for image in held["images"]} == {p.name for p in outputs(tmp_path / "dst")}
    for kind in ("images", "annotations"):
        ids = [one["id"] for one in held[kind]]
        assert ids == list(range(1, len(ids) + 1))
    sizes = {image["file_name"]: (image["height"], image["width"]) for image in held["images"]}
    for image in outputs(tmp_path / "dst"):
        assert read_pixels(image).shape == sizes[image.name]


@pytest.mark.slow
def test_coco_output_loads_with_pycocotools(make, tmp_path):
    paths = make()
    augcli.materialize(dst=tmp_path / "dst", recipe=CHAIN, **paths)
    loaded = COCO(str(tmp_path / "dst" / "annotations.json"))
    held = document(tmp_path / "dst")
    assert len(loaded.getImgIds()) == len(held["images"]) == 3 * COUNT
    assert len(loaded.getAnnIds(catIds=[7])) == sum(box["category_id"] == 7 for box in held["annotations"])
    image = loaded.loadImgs(loaded.getImgIds())[0]
    assert (tmp_path / "dst" / "images" / image["file_name"]).is_file()
    assert loaded.loadAnns(loaded.getAnnIds(imgIds=[image["id"]], iscrowd=False))


def write_voc(paths, root):
    """Write the boxes of a COCO file as XML files, by hand: 1-based, the last pixel inside."""
    held = json.loads(paths["boxes"].read_text())
    names = {one["id"]: one["name"] for one in held["categories"]}
    root.mkdir()
    for image in held["images"]:
        lines = [
            f"<annotation><size><width>{image['width']}</width><height>{image['height']}</height></size>"
        ]
        for box in held["annotations"]:
            if box["image_id"] == image["id"]:
                x, y, width, height = box["bbox"]
                lines.append(
                    f"<object><name>{names[box['category_id']]}</name><pose>Left</pose><bndbox><xmin>{x + 1}"
                    f"</xmin><ymin>{y + 1}</ymin><xmax>{x + width}</xmax><ymax>{y + height}</ymax></bndbox>"
                    "</object>"
                )
        stem = image["file_name"].rsplit(".", 1)[0]
        (root / f"{stem}.xml").write_text("\n".join([*lines, "</annotation>"]))
    return root


def test_voc_and_coco_give_the_same_boxes(make, tmp_path):
    paths = make(sizes=[(13, 14)] * COUNT)
    voc = write_voc(paths, tmp_path / "voc")
    augcli.materialize(paths["src"], tmp_path / "a", single(CutMix()), boxes=paths["boxes"])
    augcli.materialize(paths["src"], tmp_path / "b", single(CutMix()), boxes=voc)
    files = sorted((tmp_path / "b" / "annotations").iterdir())
    assert [path.stem for path in files] == [path.stem for path in outputs(tmp_path / "b")]
    assert not (tmp_path / "b" / "annotations.json").exists()
    for path in files:
        root = ElementTree.parse(path).getroot()
        found = []
        for one in root.iterfind("object"):
            xmin, ymin, xmax, ymax = (
                int(one.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")
            )
            assert one.findtext("pose") == "Left"
            found.append(
                (
                    one.findtext("name"),
                    [xmin - 1, ymin - 1, xmax - xmin + 1, ymax - ymin + 1],
                    float(one.findtext("visibility")),
                    one.findtext("source"),
                )
            )
        names = {7: "cell", 8: "cup"}
        assert found == [
            (names[box["category_id"]], box["bbox"], box["visibility"], box["source"])
            for box in boxes_of(tmp_path / "a")[f"{path.stem}.png"]
        ]


# --- together, elsewhere, again -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("operation", [CutMix(), Mixup(), Cutout(), Erase(), PatchCutout(patch_size=4)])
def test_images_are_the_same_with_and_without(make, tmp_path, operation):
    paths = make()
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(COUNT)))
    recipe = single(operation, copies=2, mask_policy="dominant")
    augcli.materialize(paths["src"], tmp_path / "plain", recipe, labels=labels)
    augcli.materialize(dst=tmp_path / "dst", recipe=recipe, labels=labels, **paths)
    plain = {p.relative_to(tmp_path / "plain"): p for p in (tmp_path / "plain").rglob("*.png")}
    root = tmp_path / "dst" / "images"
    held = {p.relative_to(root): p for p in root.rglob("*.png")}
    assert {name: p.read_bytes() for name, p in plain.items()} == {n: p.read_bytes() for n, p in held.items()}
    assert len(plain) == 2 * COUNT
    read = (tmp_path / "plain" / "labels.csv").read_text(), (tmp_path / "dst" / "labels.csv").read_text()
    assert read[1].replace("images/", "") == read[0]


@pytest.mark.slow
@pytest.mark.parametrize("boxes", ["coco", "voc"])
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_workers_runs_and_interruptions_change_no_byte(make, tmp_path, tree, limit, boxes, form):
    paths = make()
    if boxes == "voc":
        paths["boxes"] = write_voc(paths, tmp_path / "voc")
    recipe = read_recipe({"op": [{"kind": "cutmix"}], "copies": 2, "format": form})
    augcli.materialize(dst=tmp_path / "a", recipe=recipe, workers=1, **paths)
    limit(longest_piece=8)
    augcli.materialize(dst=tmp_path / "b", recipe=recipe, workers=3, **paths)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")}
    assert not augcli.materialize(dst=tmp_path / "a", recipe=recipe, **paths).chunks_done
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")} == before
    kinds = {}  # one file of each: of a folder, of the hidden ones, or with a name of its own
    for path in sorted(path for path in (tmp_path / "b").rglob("*") if path.is_file()):
        first, *below = path.relative_to(tmp_path / "b").parts
        kinds.setdefault(first if below or first[0] != "." else path.suffix, path)
    del kinds["augcli.json"]  # without it DST is not ours
    for path in kinds.values():
        path.unlink()
        augcli.materialize(dst=tmp_path / "b", recipe=recipe, **paths)
        assert path.exists()
    assert len(kinds) > 4
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["mask", "box", "names"])
def test_a_changed_annotation_is_done_anew_and_nothing_else(make, tmp_path, tree, limit, what):
    limit(chunk_outputs=3)
    paths = make()
    augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix()), **paths)
    if what == "mask":
        path = paths["masks"] / "3.png"
        Image.fromarray(read_pixels(path) + 100).save(path)
    else:
        held = json.loads(paths["boxes"].read_text())
        if what == "box":
            held["annotations"][0]["bbox"] = [0, 0, 2, 2]
        else:
            held["categories"][1]["name"] = "mug"
        paths["boxes"].write_text(json.dumps(held))
    again = augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix()), **paths)
    assert again.chunks > 4
    assert 1 <= len(again.chunks_done) <= (2 if what != "names" else again.chunks)
    augcli.materialize(dst=tmp_path / "fresh", recipe=single(CutMix()), **paths)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    assert not augcli.verify(tmp_path / "dst").differences


@pytest.mark.slow
@pytest.mark.parametrize("left_out", ["masks", "boxes"])
def test_another_output_is_not_made_into_this_one(make, tmp_path, tree, left_out):
    paths = make()
    augcli.materialize(dst=tmp_path / "dst", recipe=single(Cutout()), **paths)
    fewer = {name: path for name, path in paths.items() if name != left_out}
    with pytest.raises(OutputError, match=f"differing: {left_out};"):
        augcli.materialize(dst=tmp_path / "dst", recipe=single(Cutout()), **fewer)
    augcli.materialize(dst=tmp_path / "dst", recipe=single(Cutout()), force=True, **fewer)
    augcli.materialize(dst=tmp_path / "fresh", recipe=single(Cutout()), **fewer)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_parquet_masks_go_in_and_out(make, tmp_path):
    paths = make(sizes=[(13, 14)] * COUNT)
    recipe = read_recipe({"op": [{"kind": "cutmix"}], "format": "parquet"})
    augcli.materialize(dst=tmp_path / "shards", recipe=recipe, **paths)
    (shard,) = (tmp_path / "shards" / "data").iterdir()
    rows = pq.read_table(shard).to_pylist()
    for row in rows:
        pixels, mask = (np.asarray(Image.open(io.BytesIO(row[name]["bytes"]))) for name in ("image", "mask"))
        np.testing.assert_array_equal(mask, pixels // 10)
        assert row["mask"]["path"] == row["image"]["path"]
    boxes = tmp_path / "shards" / "annotations.json"
    names = {image["file_name"] for image in json.loads(boxes.read_text())["images"]}
    assert names == {row["image"]["path"] for row in rows}
    again = read_recipe({"op": [{"kind": "cutmix"}], "copies": 2, "format": "folder"})
    summary = augcli.materialize(tmp_path / "shards", tmp_path / "dst", again, boxes=boxes)
    assert summary.boxes["cup"][0] == sum(
        b["category_id"] == 8 for b in document(tmp_path / "shards")["annotations"]
    )
    dst = tmp_path / "dst" / "train"
    for image in outputs(dst):
        np.testing.assert_array_equal(read_pixels(mask_of(image)), levels(image))
    assert len(document(dst)["images"]) == 2 * COUNT


def test_shards_with_masks_take_them_from_the_column_that_is_named(make, tmp_path):
    paths = make(sizes=[(5, 6)] * 4)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {
        name: pa.array(
            [{"bytes": (paths[key] / f"{n}.png").read_bytes(), "path": None} for n in range(4)], kind
        )
        for name, key in (("image", "src"), ("segmentation", "masks"))
    }
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "in" / "a.parquet")
    recipe = read_recipe({"op": [{"kind": "cutmix"}], "masks": "segmentation"})
    augcli.materialize(tmp_path / "in", tmp_path / "dst", recipe)
    (shard,) = (tmp_path / "dst" / "data").iterdir()
    assert set(pq.read_schema(shard).names) >= {"image", "mask"}
    assert "segmentation" not in pq.read_schema(shard).names
    with pytest.raises(InputError, match="no column 'depth' of encoded masks; it has image, segmentation"):
        augcli.materialize(tmp_path / "in", tmp_path / "other", single(CutMix()), masks="depth")


@pytest.mark.slow
def test_splits_have_masks_and_boxes_of_their_own(make, tmp_path):
    paths = make()
    for number in range(COUNT):
        split = "train" if number < 8 else "val"
        for root in (paths["src"], paths["masks"]):
            (root / split).mkdir(exist_ok=True)
            shutil.move(root / f"{number}.png", root / split / f"{number}.png")
    augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix()), **paths)
    assert len(document(tmp_path / "dst" / "train")["images"]) == 8
    passed_on = document(tmp_path / "dst" / "val")
    assert [box["bbox"] for box in passed_on["annotations"]] == BOXES * 4
    for split in ("train", "val"):
        for image in outputs(tmp_path / "dst" / split):
            np.testing.assert_array_equal(read_pixels(mask_of(image)), levels(image))
    assert not augcli.verify(tmp_path / "dst").differences
    assert not augcli.verify(
        tmp_path / "dst", against=paths["src"], masks=paths["masks"], boxes=paths["boxes"]
    ).differences


def test_rules_without_anything_to_rule_are_named(make, tmp_path):
    summary = augcli.materialize(
        make()["src"], tmp_path / "dst", single(Cutout(), mask_fill=3, min_visibility=0.5)
    )
    assert "mask_fill has no effect: there are no masks" in summary.notes
    assert "min_visibility has no effect: there are no boxes" in summary.notes


# --- what does not fit ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "no mask"),
        (lambda path: path.write_bytes(b""), "empty mask"),
        (lambda path: path.write_bytes(b"no image"), "not a mask"),
        (lambda path: Image.new("RGB", (13, 12)).save(path), "not an index mask"),
        (lambda path: Image.new("F", (13, 12)).save(path, "TIFF"), "not a mask"),
        (lambda path: Image.new("L", (3, 3)).save(path), "mask of another size"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), "cannot be decoded"),
    ],
)
def test_a_sample_whose_mask_is_none_is_recorded_and_no_partner(make, tmp_path, spoil, reason):
    paths = make(sizes=[(12, 13)] * COUNT)
    spoil(paths["masks"] / "4.png")
    summary = augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), masks=paths["masks"])
    assert [(one.source, reason in one.reason) for one in summary.failures] == [("4.png", True)]
    assert summary.outputs == COUNT - 1
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    assert all("4.png" not in row["partners"] for row in rows)


def test_masks_that_do_not_go_together_are_recorded(make, tmp_path):
    paths = make(sizes=[(12, 13)] * 2)
    Image.fromarray(np.full((12, 13), 300, np.uint16)).save(paths["masks"] / "1.png")
    summary = augcli.materialize(
        paths["src"], tmp_path / "dst", single(CutMix(lam=0.5)), masks=paths["masks"]
    )
    (failure,) = summary.failures
    assert (failure.source, failure.reason) == ("0.png", "index does not fit its mask")
    assert "an index of 300 does not fit a mask of uint8; give both masks one depth" in failure.detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bbox": [14, 0, 3, 3]}, "box outside its image"),
        ({"bbox": [0, -5, 3, 5]}, "box outside its image"),
        ({"width": 20}, "boxes of another size"),
    ],
)
def test_a_sample_whose_boxes_do_not_fit_is_recorded(make, tmp_path, change, reason):
    paths = make(sizes=[(12, 13)] * COUNT)
    held = json.loads(paths["boxes"].read_text())
    held["annotations" if "bbox" in change else "images"][0] |= change
    paths["boxes"].write_text(json.dumps(held))
    summary = augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), boxes=paths["boxes"])
    assert [(one.source, one.reason) for one in summary.failures] == [("0.png", reason)]


def test_masks_of_no_image_are_refused(make, tmp_path):
    paths = make()
    (tmp_path / "empty").mkdir()
    other = make(folder="other")
    for path in other["masks"].iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    for masks, words in (
        (tmp_path / "none", "does not exist; give the folder of the masks"),
        (tmp_path / "empty", "has no mask of any image"),
        (other["masks"], "'0.png' is wanted, its first one is 'x0.png'"),
        (paths["src"], "lies in SRC"),
    ):
        with pytest.raises(InputError, match=words):
            augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), masks=masks)
    assert not (tmp_path / "dst").exists()


# --- verify ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
@pytest.mark.parametrize("boxes", ["coco", "voc"])
def test_verify_finds_what_was_done_to_annotations(make, tmp_path, form, boxes):
    paths = make()
    if boxes == "voc":
        paths["boxes"] = write_voc(paths, tmp_path / "voc")
    recipe = read_recipe({"op": [{"kind": "cutmix"}], "format": form})
    dst = tmp_path / "dst"
    augcli.materialize(dst=dst, recipe=recipe, **paths)
    assert not augcli.verify(
        dst, against=paths["src"], masks=paths["masks"], boxes=paths["boxes"]
    ).differences
    wanted = [dst / "annotations.json"] if boxes == "coco" else sorted((dst / "annotations").iterdir())[:1]
    wanted += sorted((dst / "masks").iterdir())[:1] if form == "folder" else []
    for path in wanted:
        whole = path.read_bytes()
        name = path.relative_to(dst).as_posix()
        path.write_bytes(whole.replace(b"1", b"2", 1) if path.suffix != ".png" else whole[:-20] + bytes(20))
        found = {one.file for one in augcli.verify(dst).differences}
        assert found == {name.replace("masks/", "images/")}
        path.unlink()
        assert any(one.file.endswith(path.name) for one in augcli.verify(dst).differences)
        path.write_bytes(whole)
    assert not augcli.verify(dst).differences


def test_verify_finds_masks_and_boxes_that_the_source_no_longer_gives(make, tmp_path):
    paths = make()
    dst = tmp_path / "dst"
    augcli.materialize(dst=dst, recipe=single(CutMix(lam=0.3)), **paths)
    mask = paths["masks"] / "2.png"
    Image.fromarray(read_pixels(mask) + 50).save(mask)
    held = json.loads(paths["boxes"].read_text())
    held["annotations"][-1]["bbox"] = [0, 0, 9, 9]
    paths["boxes"].write_text(json.dumps(held))
    found = augcli.verify(dst, against=paths["src"], masks=paths["masks"], boxes=paths["boxes"]).differences
    told = "\n".join(f"{one.file} {one.what}" for one in found)
    assert "augcli:mask" in told
    assert "augcli:boxes" in told


def test_a_file_of_boxes_is_read_once_for_all(make, tmp_path, monkeypatch):
    calls, read_coco = [], coco.read_coco
    monkeypatch.setattr(
        "augcli.io.boxes.coco.read_coco", lambda *given: calls.append(given) or read_coco(*given)
    )
    paths = make()
    augcli.materialize(dst=tmp_path / "dst", recipe=CHAIN, **paths)
    assert len(calls) == 1


# --- what a review found --------------------------------------------------------------------------------


def test_an_output_with_masks_is_read_again_as_it_stands(make, tmp_path):
    paths = make(sizes=[(13, 14)] * COUNT)
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(COUNT)))
    augcli.materialize(dst=tmp_path / "a", recipe=single(CutMix()), labels=labels, **paths)
    again = augcli.materialize(
        tmp_path / "a", tmp_path / "b", single(CutMix()), boxes=tmp_path / "a" / "annotations.json"
    )
    assert (again.outputs, again.failures) == (COUNT, ())
    for image in outputs(tmp_path / "b"):
        np.testing.assert_array_equal(read_pixels(mask_of(image)), levels(image))
    rows = pq.read_table(tmp_path / "b" / "metadata.parquet").to_pylist()
    assert any(len(row["classes"]) == 2 for row in rows)  # soft labels were read


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("is_voc", [False, True])
def test_an_output_is_read_again_with_its_boxes(make, tmp_path, form, is_split, is_voc):
    paths = make()
    if is_voc:
        paths["boxes"] = write_voc(paths, tmp_path / "voc")
    for number in range(COUNT if is_split else 0):
        for root in (paths["src"], paths["masks"]):
            place = root / ("train" if number < 8 else "val") / f"{number}.png"
            place.parent.mkdir(exist_ok=True)
            shutil.move(root / f"{number}.png", place)
    augcli.materialize(dst=tmp_path / "a", recipe=single(CutMix(), format=form), **paths)
    summary = augcli.materialize(tmp_path / "a", tmp_path / "b", Recipe(name="b", format=form))
    again = augcli.materialize(tmp_path / "b", tmp_path / "c", single(CutMix(), format=form))
    assert (summary.outputs, again.outputs) == (COUNT, COUNT)
    assert any(note.startswith("boxes: those of '") for note in map(str, summary.notes))
    first, second = (all_boxes(tmp_path / name) for name in ("a", "b"))
    assert first == second
    assert first
    if form == "parquet":  # named by their shards alone
        shards = str(tmp_path / "a" / "data" / "*.parquet")
        augcli.materialize(shards, tmp_path / "d", Recipe(name="b", format=form))
        assert all_boxes(tmp_path / "d") == first


def all_boxes(dst):
    """Where all boxes of an output lie, whatever file holds them."""
    found = []
    for path in dst.rglob("annotations.json"):
        found += [box["bbox"] for box in json.loads(path.read_text())["annotations"]]
    for path in dst.rglob("*.xml"):
        for box in ElementTree.parse(path).iter("bndbox"):
            found.append([int(box.find(edge).text) for edge in ("xmin", "ymin", "xmax", "ymax")])
    return sorted(found)


def test_masks_that_lie_in_dst_are_not_written_over(make, tmp_path):
    paths = make()
    augcli.materialize(paths["src"], tmp_path / "dst", single(Cutout()), masks=paths["masks"])
    with pytest.raises(OutputError, match=r"^masks '.*' and DST '.*' overlap"):
        augcli.materialize(
            paths["src"], tmp_path / "dst", single(Cutout()), masks=tmp_path / "dst" / "masks", force=True
        )
    assert len(list((tmp_path / "dst" / "masks").iterdir())) == COUNT


@pytest.mark.slow
@pytest.mark.parametrize("given", [("masks",), ("boxes",), ()])
def test_verify_against_sources_wants_all_that_the_output_has(make, tmp_path, given):
    paths = make()
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(COUNT)))
    augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix()), labels=labels, **paths)
    lacking = next(name for name in ("masks", "boxes") if name not in given)
    with pytest.raises(UsageError, match=rf"cannot be compared .*give {lacking} as it was made"):
        augcli.verify(
            tmp_path / "dst", against=paths["src"], labels=labels, **{name: paths[name] for name in given}
        )


def test_verify_against_sources_sees_another_category_name(make, tmp_path):
    paths = make()
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), boxes=paths["boxes"])
    paths["boxes"].write_text(paths["boxes"].read_text().replace('"cup"', '"mug"'))
    found = augcli.verify(tmp_path / "dst", against=paths["src"], boxes=paths["boxes"]).differences
    assert ("augcli.json", "its categories or other keys of boxes are not those of boxes") in found


def write_shard_of(tmp_path, name, cells):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    image = io.BytesIO()
    Image.new("RGB", (6, 5)).save(image, "PNG")
    columns = {
        "image": pa.array([{"bytes": image.getvalue(), "path": None}] * len(cells), kind),
        name: pa.array([cell and {"bytes": cell, "path": None} for cell in cells], kind),
    }
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "in" / "a.parquet")
    return image.getvalue()


def test_a_column_called_mask_that_holds_no_index_masks_is_left_out_once_pixels_change(tmp_path):
    image = io.BytesIO()
    Image.new("RGB", (6, 5)).save(image, "PNG")
    write_shard_of(tmp_path, "mask", [image.getvalue(), None, image.getvalue()])
    summary = augcli.materialize(tmp_path / "in", tmp_path / "dst", single(Cutout()))
    assert (summary.outputs, summary.failures) == (3, ())
    assert "left out: column 'mask', which cannot follow the pixels that change" in summary.notes
    (shard,) = (tmp_path / "dst" / "data").iterdir()
    assert "mask" not in pq.read_table(shard).column_names
    summary = augcli.materialize(tmp_path / "in", tmp_path / "same", Recipe())
    assert not any("left out" in note for note in summary.notes)
    (shard,) = (tmp_path / "same" / "data").iterdir()
    held = pq.read_table(shard).column("mask").to_pylist()
    assert [cell and cell["bytes"] for cell in held] == [image.getvalue(), None, image.getvalue()]


@pytest.mark.parametrize("name", ["mask", "annotation", "segmentation", "label", "Mask"])
def test_index_masks_are_followed_in_columns_of_these_names(tmp_path, name):
    cells = [encode_level("L", n + 1) for n in range(4)]
    write_shard_of(tmp_path, name, cells)
    summary = augcli.materialize(tmp_path / "in", tmp_path / "dst", single(CutMix(lam=0.5)))
    assert f"masks: those of column {name!r}" in summary.notes
    (shard,) = (tmp_path / "dst" / "data").iterdir()
    table = pq.read_table(shard)
    assert name == "mask" or name not in table.column_names or name == "label"
    for row in table.to_pylist():
        levels = set(np.unique(np.asarray(Image.open(io.BytesIO(row["mask"]["bytes"])))))
        assert levels == {int(key.split("#")[1]) + 1 for key in (row["source"], *row["partners"])}


def encode_level(mode, level):
    data = io.BytesIO()
    Image.new(mode, (6, 5), level).save(data, "PNG")
    return data.getvalue()


def test_two_columns_of_masks_stop_until_one_is_named(tmp_path):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    mask = pa.array([{"bytes": encode_level("L", 3), "path": None}] * 3, kind)
    image = pa.array([{"bytes": encode_level("RGB", (9, 9, 9)), "path": None}] * 3, kind)
    (tmp_path / "in").mkdir()
    table = pa.table({"image": image, "mask": mask, "annotation": mask})
    pq.write_table(table, tmp_path / "in" / "a.parquet")
    words = "has masks in columns 'mask' and 'annotation'; give masks='mask' or masks='annotation': the other"
    with pytest.raises(InputError, match=words):
        augcli.materialize(tmp_path / "in", tmp_path / "dst", single(CutMix()))
    summary = augcli.materialize(tmp_path / "in", tmp_path / "dst", single(CutMix()), masks="annotation")
    assert "left out: column 'mask', which cannot follow the pixels that change" in summary.notes


def test_the_images_themselves_are_no_masks(tmp_path):
    write_shard_of(tmp_path, "more", [b""])
    with pytest.raises(InputError, match="no column 'image' of encoded masks"):
        augcli.materialize(tmp_path / "in", tmp_path / "dst", single(Cutout()), masks="image")


def test_masks_of_one_bit_are_of_eight_in_every_output(make, tmp_path):
    paths = make()
    for path in paths["masks"].iterdir():
        Image.fromarray(read_pixels(path) > 4).save(path)
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix(), 0.5), masks=paths["masks"])
    modes = set()
    for image in outputs(tmp_path / "dst"):
        with Image.open(mask_of(image)) as mask:
            modes.add(mask.mode)
    assert modes == {"L"}


@pytest.mark.parametrize(("orientation", "is_told"), [(1, False), (3, True), (6, False)])
def test_turned_photos_whose_frame_is_guessed_are_counted(make, tmp_path, orientation, is_told):
    paths = make(sizes=[(8, 12)])
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (12, 8)).save(paths["src"] / "0.png", exif=exif)
    summary = augcli.materialize(paths["src"], tmp_path / "dst", single(Cutout()), masks=paths["masks"])
    told = "turned photos whose masks and boxes were taken for those of the upright image"
    assert summary.counts == ({told: 1} if is_told else {})


def test_a_mask_is_fitted_where_the_operation_leaves_it_alone(make, tmp_path):
    paths = make()
    augcli.materialize(paths["src"], tmp_path / "dst", single(Cutout(), size="5x6"), masks=paths["masks"])
    for image in outputs(tmp_path / "dst"):
        assert read_pixels(mask_of(image)).shape == (5, 6)


def test_a_mask_of_the_stored_frame_is_turned_where_the_operation_leaves_it_alone(make, tmp_path):
    paths = make(sizes=[(8, 12)])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (12, 8)).save(paths["src"] / "0.png", exif=exif)
    augcli.materialize(paths["src"], tmp_path / "dst", single(Cutout()), masks=paths["masks"])
    (image,) = outputs(tmp_path / "dst")
    assert read_pixels(mask_of(image)).shape == read_pixels(image).shape == (12, 8)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["coco", "voc"])
def test_what_else_the_input_says_of_images_and_boxes_comes_along(make, tmp_path, form):
    paths = make()
    held = json.loads(paths["boxes"].read_text())
    for image in held["images"]:
        image["license"] = 3
    for box in held["annotations"]:
        box["iscrowd"], box["attributes"] = 1, {"occluded": True}
    paths["boxes"].write_text(json.dumps(held))
    if form == "voc":
        root = write_voc(paths, tmp_path / "voc")
        for path in root.iterdir():
            path.write_text(path.read_text().replace("<annotation>", "<annotation><owner>me</owner>"))
        augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), boxes=root)
        files = list((tmp_path / "dst" / "annotations").iterdir())
        assert all(ElementTree.parse(path).getroot().findtext("owner") == "me" for path in files)
        return
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), boxes=paths["boxes"])
    made = document(tmp_path / "dst")
    assert all(image["license"] == 3 for image in made["images"])
    assert all(box["iscrowd"] == 1 and box["attributes"] == {"occluded": True} for box in made["annotations"])


def test_boxes_are_clipped_to_the_image_before_it_is_padded(make, tmp_path):
    paths = make(sizes=[(10, 20)])
    held = json.loads(paths["boxes"].read_text())
    held["annotations"] = [{"id": 1, "image_id": 0, "category_id": 7, "bbox": [2, 6, 4, 8]}]
    paths["boxes"].write_text(json.dumps(held))
    recipe = read_recipe({"size": 20, "fit": "pad"})
    augcli.materialize(paths["src"], tmp_path / "dst", recipe, boxes=paths["boxes"])
    (box,) = document(tmp_path / "dst")["annotations"]
    assert (box["bbox"], box["visibility"]) == ([2, 11, 4, 4], 1)


@pytest.mark.slow
def test_memory_for_masks_counts_and_is_given_back(make, tmp_path, monkeypatch, limit):
    paths = make()
    seen = []
    original = window.Window.release

    def release(self, position):
        original(self, position)
        held = sum(loaded.decoded_bytes for loaded in self._loaded.values())
        seen.append((self._decoded_bytes, held))

    monkeypatch.setattr(window.Window, "release", release)
    limit(held_bytes=300)  # a few of these images
    augcli.materialize(paths["src"], tmp_path / "dst", CHAIN, masks=paths["masks"], workers=1)
    assert all(counted == held for counted, held in seen)
    monkeypatch.undo()
    augcli.materialize(paths["src"], tmp_path / "fresh", CHAIN, masks=paths["masks"])
    for image in outputs(tmp_path / "dst"):
        assert mask_of(image).read_bytes() == (tmp_path / "fresh" / "masks" / image.name).read_bytes()


@pytest.mark.slow
def test_an_xml_that_a_power_loss_cut_short_is_written_again(make, tmp_path):
    paths = make()
    voc = write_voc(paths, tmp_path / "voc")
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), boxes=voc)
    path = min((tmp_path / "dst" / "annotations").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), boxes=voc).chunks_done
    assert path.read_bytes() == whole


def test_masks_may_lie_without_the_splits_directory(make, tmp_path):
    paths = make()
    (paths["src"] / "train").mkdir()
    for number in range(COUNT):
        shutil.move(paths["src"] / f"{number}.png", paths["src"] / "train" / f"{number}.png")
    augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), masks=paths["masks"])
    for image in outputs(tmp_path / "dst" / "train"):
        np.testing.assert_array_equal(read_pixels(mask_of(image)) > 0, levels(image) > 0)


@pytest.mark.parametrize("other", ["val", "test"])
def test_masks_of_one_split_are_not_those_of_another(make, tmp_path, other):
    paths = make()
    for split in ("train", other):
        (paths["src"] / split).mkdir()
        for number in range(3):
            shutil.copy(paths["src"] / f"{number}.png", paths["src"] / split / f"{number}.png")
    for number in range(COUNT):
        (paths["src"] / f"{number}.png").unlink()
    first, second = sorted(["train", other])
    words = (
        rf"mask '0.png' of masks '.*' may be that of '{first}/0.png' and of '{second}/0.png'; put the masks"
        rf" into directories '{first}' and '{second}' of their own, as the images are, or give 'train' alone"
    )
    with pytest.raises(InputError, match=words):
        augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), masks=paths["masks"])
    assert not (tmp_path / "dst").exists()


def test_masks_below_one_split_are_not_taken_for_another(make, tmp_path):
    paths = make()
    for split in ("train", "val"):
        (paths["src"] / split).mkdir()
        (paths["masks"] / split).mkdir()
        for number in range(3):
            shutil.copy(paths["src"] / f"{number}.png", paths["src"] / split / f"{number}.png")
            mask = np.full(
                (11 + number % 4, 12 + number % 5), number + (50 if split == "val" else 1), np.uint8
            )
            Image.fromarray(mask).save(paths["masks"] / split / f"{number}.png")
    for number in range(COUNT):
        (paths["src"] / f"{number}.png").unlink()
    augcli.materialize(paths["src"], tmp_path / "dst", single(Cutout()), masks=paths["masks"])
    for split, least in (("train", 1), ("val", 50)):
        held = sorted(int(read_pixels(mask_of(image)).min()) for image in outputs(tmp_path / "dst" / split))
        assert held == [least, least + 1, least + 2]


def test_one_mask_is_not_that_of_two_images(make, tmp_path):
    paths = make()
    with Image.open(paths["src"] / "3.png") as image:
        image.save(paths["src"] / "3.jpg")
    words = r"mask '3.png' of masks '.*' may be that of '3.jpg' and of '3.png'; give each image a name"
    with pytest.raises(InputError, match=words):
        augcli.materialize(paths["src"], tmp_path / "dst", single(CutMix()), masks=paths["masks"])


def test_the_card_names_no_xml(make, tmp_path):
    paths = make()
    augcli.materialize(
        paths["src"], tmp_path / "dst", single(CutMix()), boxes=write_voc(paths, tmp_path / "voc")
    )
    assert "xml" not in (tmp_path / "dst" / "README.md").read_text()


def test_a_stored_recipe_reminds_of_the_masks_and_boxes_that_its_output_had(make, tmp_path):
    paths = make()
    augcli.materialize(dst=tmp_path / "dst", recipe=single(Cutout()), **paths)
    stored = tmp_path / "dst" / "augcli.json"
    augcli.materialize(dst=tmp_path / "same", recipe=stored, **paths)  # says nothing
    assert document(tmp_path / "same") == document(tmp_path / "dst")
    with pytest.warns(UserWarning, match="had boxes; give boxes to take them along"):
        augcli.materialize(paths["src"], tmp_path / "other", stored, masks=paths["masks"])
