"""Outlines, pixels of objects and keypoints of whole runs: against the pixels that they stand on."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO
from scipy.ndimage import maximum_filter, minimum_filter

import augcli
from augcli.ops.cutmix import CutMix
from augcli.recipe import single
from augcli.recipe_files import read_recipe

COUNT = 8
ONE_SIZE = [(36, 48)] * COUNT
MIXED = [(36 + 3 * number, 60 - 4 * number) for number in range(COUNT)]
CHAIN = {
    "op": [
        {"kind": "cutmix", "lam": 0.6},
        {"kind": "patch-cutout", "patch-size": 5, "ratio": 0.2, "fill": "0,0,0"},
        {"kind": "cutmix", "lam": 0.8},
        {"kind": "erase", "fill": "0,0,0"},
    ],
    "copies": 2,
}
HOLES = [
    {"op": [{"kind": "cutout", "fill": "0,0,0"}]},
    {"op": [{"kind": "erase", "fill": "0,0,0"}]},
    {"op": [{"kind": "patch-cutout", "patch-size": 5, "ratio": 0.4, "fill": "0,0,0"}]},
]
CUTMIX = {"op": [{"kind": "cutmix"}]}
BLOCKS, TRIANGLE, PIXELS = range(3)
"""The objects of each image, by their category: polygons of whole pixels, a triangle, run lengths."""


def value_of(number, category):
    """The grey level, and the index in the mask, of an object's pixels."""
    return 20 + 3 * number + category


def make_objects(number, height, width):
    """The segmentation and the pixels of each object; they lie side by side."""
    half, third = height // 2, width // 3
    blocks = [
        [2, 2, third, 2, third, 9, 7, 9, 7, half, 2, half],
        [2, half + 3, third, half + 3, third, half + 8, 2, half + 8],
    ]
    triangle = [[third + 3.3, 3.2, 2 * third - 0.5, half + 1.7, third + 4.4, height - 5.1]]
    ys, xs = np.indices((height, width))
    disc = ((ys - half) / (half - 3)) ** 2 + ((xs - 2.5 * third) / (third / 2 - 2)) ** 2 < 1
    disc &= (ys + 2 * xs + number) % 7 > 0
    runs = masks.encode(np.asfortranarray(disc.astype(np.uint8)))
    pixels = [
        masks.decode(masks.merge(masks.frPyObjects(parts, height, width))) for parts in (blocks, triangle)
    ]
    segmentations = [blocks, triangle, runs | {"counts": runs["counts"].decode()}]
    return list(zip(segmentations, [*(own.astype(bool) for own in pixels), disc], strict=True))


@pytest.fixture
def make(tmp_path):
    """Write images whose pixels tell their object, equal masks, and a COCO file."""

    def write(sizes=ONE_SIZE, orientation=1, is_stored=False):
        images, annotations = [], []
        for root in ("images", "masks"):
            (tmp_path / root).mkdir()
        for number, (height, width) in enumerate(sizes):
            pixels = np.full((height, width), 10, np.uint8)
            for category, (segmentation, inside) in enumerate(make_objects(number, height, width)):
                pixels[inside] = value_of(number, category)
                rows, columns = np.nonzero(inside)
                box = [columns.min() - 1, rows.min() - 1, np.ptp(columns) + 3, np.ptp(rows) + 3]
                points = [
                    value
                    for place in (0, len(rows) // 2, -1)
                    for value in (int(columns[place]), int(rows[place]), 2)
                ]
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "category_id": category, "iscrowd": 0}
                    | {"bbox": list(map(int, box)), "area": int(inside.sum()), "segmentation": segmentation}
                    | {"keypoints": [*points, 0, 0, 0], "num_keypoints": 3}
                )
            images.append({"id": number, "file_name": f"{number}.png", "height": height, "width": width})
            save(tmp_path / "images" / f"{number}.png", pixels, orientation)
            save(tmp_path / "masks" / f"{number}.png", pixels, 1)
        document = {"images": images, "annotations": annotations}
        document["categories"] = [{"id": category, "name": f"c{category}"} for category in range(3)]
        (tmp_path / "coco.json").write_text(json.dumps(document))
        return {"src": tmp_path / "images", "masks": tmp_path / "masks", "boxes": tmp_path / "coco.json"}

    return write


def save(path, pixels, orientation):
    """Write upright pixels as they are stored under an orientation."""
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
    }
    image = Image.fromarray(pixels)
    if turns[orientation] is not None:
        image = image.transpose(turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)


def materialize(tmp_path, paths, recipe, **options):
    """Run, and return what pycocotools reads, with the directory of the images."""
    recipe = read_recipe(
        {"name": "r"} | recipe | {key.replace("_", "-"): value for key, value in options.items()}
    )
    augcli.materialize(dst=tmp_path / "dst", recipe=recipe, **paths)
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(tmp_path / "dst" / "annotations.json"), tmp_path / "dst"


def read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def each_object(coco, dst, below="images"):
    """Yield each annotation, its pixels by pycocotools, those of its output, and its own value."""
    for entry in coco.anns.values():
        image = coco.imgs[entry["image_id"]]
        pixels = read(dst / below / Path(image["file_name"]).with_suffix(".png"))
        number = int(entry["source"].split(".")[0])
        yield entry, coco.annToMask(entry).astype(bool), pixels, value_of(number, entry["category_id"])


def rim_of(pixels):
    """The pixels on either side of the border of an object."""
    return maximum_filter(pixels, 3) != minimum_filter(pixels, 3)


PASTES = [CUTMIX, CUTMIX | {"copies": 2}, CHAIN]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [*PASTES, *HOLES])
def test_every_outline_run_length_and_keypoint_belongs_to_the_pixels_it_stands_on(make, tmp_path, recipe):
    paths = make()
    del paths["masks"]
    coco, dst = materialize(tmp_path, paths, recipe, min_paste_visibility=0.0)
    seen = set()
    for entry, covered, pixels, value in each_object(coco, dst):
        own = pixels == value
        seen.add((entry["image_id"], value))
        if entry["category_id"] == TRIANGLE:
            assert not ((covered != own) & ~rim_of(own) & ~rim_of(covered)).any()
            assert abs(entry["area"] - own.sum()) <= perimeter(entry["segmentation"]) + 1
        else:
            assert (covered == own).all()
            assert entry["area"] == own.sum()
            assert entry["visibility"] == own.sum() / total_of(entry)
        check_keypoints(entry, own)
    for image in coco.imgs.values():  # nothing that is seen is left out
        values = set(np.unique(read(dst / "images" / image["file_name"])).tolist()) - {0, 10}
        missing = {value for value in values if (image["id"], value) not in seen}
        pixels = read(dst / "images" / image["file_name"])
        assert all(
            (value - 20) % 3 == TRIANGLE and not (~rim_of(pixels == value) & (pixels == value)).any()
            for value in missing
        )


def perimeter(parts):
    """The length of all parts of a polygon."""
    rings = [np.array(part).reshape(-1, 2) for part in parts]
    return sum(np.hypot(*(ring - np.roll(ring, 1, 0)).T).sum() for ring in rings)


def total_of(entry):
    number = int(entry["source"].split(".")[0])
    return make_objects(number, *ONE_SIZE[number])[entry["category_id"]][1].sum()


def check_keypoints(entry, own):
    """Seen keypoints stand on their object, hidden ones do not; those that are gone say nothing."""
    points = np.array(entry["keypoints"]).reshape(-1, 3)
    for x, y, visible in points.tolist():
        assert (visible == 2) == bool(visible and own[int(y), int(x)])
        assert visible or (x, y) == (0, 0)
    assert entry["num_keypoints"] == np.count_nonzero(points[:, 2])


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [ONE_SIZE, MIXED])
@pytest.mark.parametrize("recipe", [*PASTES, *HOLES])
@pytest.mark.parametrize("fit", [None, "crop", "pad", "stretch"])
def test_run_lengths_hold_the_pixels_that_masks_have(make, tmp_path, sizes, recipe, fit):
    options = {"min_paste_visibility": 0.0, "mask_fill": 0} | ({} if fit is None else {"fit": fit})
    if fit is not None:
        options["size"] = "40x30"
    coco, dst = materialize(tmp_path, make(sizes), recipe, **options)
    found = set()
    for entry, covered, indices, value in each_object(coco, dst, "masks"):
        if entry["category_id"] == PIXELS:
            assert (covered == (indices == value)).all()
            found.add((entry["image_id"], value))
    for image in coco.imgs.values():
        values = np.unique(read(dst / "masks" / Path(image["file_name"]).with_suffix(".png"))).tolist()
        assert all(
            (image["id"], value) in found for value in values if value >= 20 and (value - 20) % 3 == PIXELS
        )


@pytest.mark.slow
@pytest.mark.parametrize("orientation", [2, 6, 7])
def test_outlines_of_turned_photos_follow(make, tmp_path, orientation):
    coco, dst = materialize(tmp_path, make(orientation=orientation), CUTMIX, min_paste_visibility=0.0)
    for entry, covered, pixels, value in each_object(coco, dst):
        if entry["category_id"] != TRIANGLE:
            assert (covered == (pixels == value)).all()
            check_keypoints(entry, pixels == value)


@pytest.mark.slow
def test_outlines_that_lie_in_the_stored_image_are_turned(make, tmp_path):
    paths = make()
    for number in range(COUNT):  # the same pixels, said to be turned: height and width change places
        with Image.open(paths["src"] / f"{number}.png") as image:
            stored = np.asarray(image).copy()
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(stored).save(paths["src"] / f"{number}.png", exif=exif)
    del paths["masks"]
    coco, dst = materialize(tmp_path, paths, HOLES[0])
    checked = 0
    for entry, covered, pixels, value in each_object(coco, dst):
        if entry["category_id"] != TRIANGLE:
            assert (covered == (pixels == value)).all()
            check_keypoints(entry, pixels == value)
            checked += 1
    assert checked > COUNT


@pytest.mark.slow
def test_mixup_keeps_the_outlines_of_both(make, tmp_path):
    paths = make()
    del paths["masks"]
    coco, _ = materialize(tmp_path, paths, {"op": [{"kind": "mixup", "lam": 0.25}]})
    given = json.loads(paths["boxes"].read_text())["annotations"]
    outlines = {(f"{entry['image_id']}.png", entry["category_id"]): entry for entry in given}
    for entry in coco.anns.values():
        source = outlines[entry["source"], entry["category_id"]]
        base = coco.imgs[entry["image_id"]]["source"]
        assert entry["segmentation"] == source["segmentation"]
        assert entry["keypoints"] == source["keypoints"]
        assert (entry["visibility"], entry["weight"]) == (1.0, 0.25 if entry["source"] == base else 0.75)
    assert len(coco.anns) == 6 * COUNT


@pytest.mark.slow
def test_a_run_that_changes_nothing_gives_what_came_in(make, tmp_path):
    paths = make(MIXED)
    del paths["masks"]
    coco, _ = materialize(tmp_path, paths, {"op": [{"kind": "cutout", "p": 0.0}]})
    given = json.loads(paths["boxes"].read_text())["annotations"]
    assert count_equal(given, coco) == len(given) > 0


def count_equal(given, coco):
    """Return how many annotations came back, each equal by its image and category, ids apart."""
    held = {(entry["image_id"], entry["category_id"]): entry for entry in given}
    for entry in coco.anns.values():
        own = held.pop((int(entry["source"].split(".")[0]), entry["category_id"]))
        assert {key: entry[key] for key in own if key not in ("id", "image_id")} == {
            key: value for key, value in own.items() if key not in ("id", "image_id")
        }
    return len(given) - len(held)


@pytest.mark.slow
def test_image_bytes_are_the_same_without_annotations(make, tmp_path):
    paths = make(MIXED)
    recipe = read_recipe({"name": "r", **CHAIN})
    augcli.materialize(dst=tmp_path / "plain", recipe=recipe, src=paths["src"], masks=paths["masks"])
    augcli.materialize(dst=tmp_path / "whole", recipe=recipe, src=paths["src"], boxes=paths["boxes"])
    plain, whole = (
        sorted((path.name, path.read_bytes()) for path in (tmp_path / name / "images").rglob("*.png"))
        for name in ("plain", "whole")
    )
    assert plain
    assert plain == whole


def test_run_lengths_of_another_size_are_recorded(make, tmp_path):
    paths = make()
    document = json.loads(paths["boxes"].read_text())
    document["annotations"][PIXELS]["segmentation"] = {"size": [5, 5], "counts": [3, 2, 20]}
    paths["boxes"].write_text(json.dumps(document))
    del paths["masks"]
    result = augcli.materialize(dst=tmp_path / "dst", recipe=single(CutMix()), max_errors=1, **paths)
    assert [failure.reason for failure in result.failures] == ["RLE of another size"]


def test_outlines_that_cross_themselves_are_counted_where_they_are_cut(make, tmp_path):
    paths = make()
    document = json.loads(paths["boxes"].read_text())
    for entry in document["annotations"]:
        if entry["category_id"] == TRIANGLE:
            entry["segmentation"] = [[0, 0, 48, 36, 48, 0, 0, 36]]
    paths["boxes"].write_text(json.dumps(document))
    del paths["masks"]
    result = augcli.materialize(dst=tmp_path / "dst", recipe=read_recipe({"name": "r"} | HOLES[0]), **paths)
    assert result.counts["outlines that cross themselves, made valid where they were cut"] == COUNT


@pytest.mark.slow
def test_outlines_stand_in_samples_of_tar_files_and_are_read_again(make, tmp_path):
    paths = make()
    del paths["masks"]
    plain, _ = materialize(tmp_path, paths, CUTMIX)
    recipe = read_recipe({"name": "r"} | CUTMIX | {"format": "webdataset", "image-format": "png"})
    augcli.materialize(dst=tmp_path / "tars", recipe=recipe, **paths)
    again = read_recipe({"name": "r", "op": [{"kind": "cutout", "p": 0.0}], "format": "folder"})
    augcli.materialize(tmp_path / "tars", tmp_path / "again", again)
    (path,) = (tmp_path / "again").rglob("annotations.json")
    entries = json.loads(path.read_text())["annotations"]
    keys = ("category_id", "bbox", "area", "segmentation", "keypoints", "num_keypoints")
    written, read_again = (
        sorted(json.dumps({key: entry[key] for key in keys}) for entry in entries_of)
        for entries_of in (plain.anns.values(), entries)
    )
    assert written == read_again


@pytest.mark.slow
def test_outlines_that_change_within_their_boxes_are_made_anew(make, tmp_path):
    paths = make()
    del paths["masks"]
    recipe = read_recipe({"name": "r", "op": [{"kind": "cutout", "p": 0.0}]})
    for expected, corner in ((COUNT, 7), (0, 7), (COUNT, 8)):
        document = json.loads(paths["boxes"].read_text())
        for entry in document["annotations"]:
            if entry["category_id"] == BLOCKS:
                entry["segmentation"][0][6] = corner  # an inner one: the bbox and the area stay
        paths["boxes"].write_text(json.dumps(document))
        made = augcli.materialize(dst=tmp_path / "dst", recipe=recipe, **paths).outputs_made
        assert made == expected
