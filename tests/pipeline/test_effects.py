"""Options without effect on an input are named, and no others."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import Note, Option, Spelling
from augcli.io.records.part_files import LAID_OVER
from augcli.ops import OPERATIONS
from augcli.options import option_fields
from augcli.recipe import Recipe

SHARD = ["--image-col", "picture", "--label-col", "kind"]
PASTED = "--min-paste-visibility"
IDLE = " has no effect: "


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, write_folder):
    """Five images in two classes as `png` and `jpg`; `one` of one class; `flat` without labels; `splits`."""
    root = tmp_path_factory.mktemp("inputs")
    for name in ("png", "splits/train", "splits/val"):
        write_folder(root / name, {"cat": 3, "dog": 2})
    write_folder(root / "one", {"cat": 3})
    write_folder(root / "flat", {"": 3})
    (root / "labels.csv").write_text("name,label\n0.png,cat\n1.png,dog\n2.png,cat\n")
    write_folder(root / "masks", {"cat": 0, "dog": 0})
    for path in (root / "png").rglob("*.png"):
        photo = root / "jpg" / path.relative_to(root / "png").with_suffix(".jpg")
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).save(photo)
        logo = root / "logos" / path.relative_to(root / "png")
        logo.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (10, 8), (200, 0, 0, 100)).save(logo)
        mask = root / "masks" / path.relative_to(root / "png")
        Image.new("L", Image.open(path).size, 1).save(mask)
    sizes = {"width": 10, "height": 8}
    names = sorted(path.relative_to(root / "png").as_posix() for path in (root / "png").rglob("*.png"))
    (root / "boxes.json").write_text(
        json.dumps(
            {
                "images": [{"id": number, "file_name": name, **sizes} for number, name in enumerate(names)],
                "annotations": [
                    {"id": number, "image_id": number, "category_id": 1, "bbox": [1, 1, 4, 4]}
                    for number in range(len(names))
                ],
                "categories": [{"id": 1, "name": "thing"}],
            }
        )
    )
    data = [(root / "png" / name).read_bytes() for name in names]
    labels = [name.split("/")[0] for name in names]
    pq.write_table(pa.table({"picture": data, "kind": labels}), root / "shard.parquet")
    return root


@pytest.fixture
def idle(cli, inputs, tmp_path):
    """Run the program on an input; gives the names of the options that it says have no effect."""

    def run(command, src, *options, dst="dst"):
        given = [inputs / option[1:] if str(option).startswith("@") else option for option in options]
        done = cli(command, *given, "--json", inputs / src, tmp_path / dst)
        assert done.returncode == 0, done.stderr
        notes = json.loads(done.stdout)["notes"]
        return [note.partition(IDLE)[0] for note in notes if IDLE in note]

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "src", "options", "named"),
    [
        # What is read and kept.
        ("cutmix", "png", ["--label-col", "kind"], "--label-col"),
        ("cutmix", "png", ["--image-col", "picture"], "--image-col"),
        ("cutmix", "shard.parquet", ["--label-col", "kind", "--image-col", "picture"], None),
        ("cutmix", "png", ["--other-splits", "skip"], "--other-splits"),
        ("cutmix", "splits", ["--other-splits", "skip"], None),
        ("cutmix", "png", ["--file-col", "name"], "--file-col"),
        ("cutmix", "shard.parquet", ["--file-col", "name", *SHARD], "--file-col"),
        ("cutmix", "flat", ["--file-col", "name", "--labels", "@labels.csv"], None),
        ("cutmix", "png", ["--label-sep", "|"], "--label-sep"),
        ("cutmix", "flat", ["--label-sep", "|", "--file-col", "name", "--labels", "@labels.csv"], None),
        ("cutout", "png", ["--box-order", "xyxy"], "--box-order"),
        # Images.
        ("cutmix", "png", ["--fit", "pad"], "--fit"),
        ("cutmix", "png", ["--fit", "pad", "--size", "6"], None),
        ("cutmix", "png", ["--quality", "80"], "--quality"),
        ("cutmix", "jpg", ["--quality", "80"], None),
        ("cutmix", "png", ["--quality", "80", "--image-format", "jpg"], None),
        ("cutmix", "jpg", ["--quality", "80", "--image-format", "png"], "--quality"),
        ("cutmix", "png", ["--quality", "80", "--format", "parquet"], "--quality"),
        ("cutmix", "jpg", ["--quality", "80", "--format", "parquet"], None),
        ("cutmix", "png", ["--background", "black"], "--background"),
        ("cutmix", "logos", ["--background", "black"], None),
        ("cutout", "logos", ["--background", "black"], "--background"),
        ("cutout", "logos", ["--background", "black", "--image-format", "jpg"], None),
        ("cutout", "png", ["--background", "black", "--size", "6"], "--background"),
        ("cutout", "png", ["--background", "black", "--size", "6", "--fit", "pad"], None),
        ("cutmix", "png", ["--subsampling", "420"], "--subsampling"),
        ("cutmix", "jpg", ["--subsampling", "420"], None),
        # Labels.
        ("cutmix", "png", ["--smoothing-form", "others"], "--smoothing-form"),
        ("cutmix", "png", ["--smoothing-form", "others", "--smoothing", "0.1"], None),
        ("cutout", "flat", ["--smoothing", "0.1"], "--smoothing"),
        ("cutout", "flat", ["--soft-labels", "pair"], "--soft-labels"),
        ("cutout", "png", ["--soft-labels", "pair"], None),
        # Operations.
        ("cutmix", "png", ["--alpha", "2", "--lam", "0.5"], "cutmix: --alpha"),
        ("cutmix", "png", ["--alpha", "2", "--minmax", "0.2:0.5"], "cutmix: --alpha"),
        ("cutmix", "png", ["--alpha", "2"], None),
        ("cutmix", "png", ["--boundary", "inside", "--minmax", "0.2:0.5"], "cutmix: --boundary"),
        ("cutmix", "png", ["--boundary", "inside", "--lam", "0.5"], None),
        ("mixup", "png", ["--alpha", "2", "--lam", "0.5"], "mixup: --alpha"),
        ("mixup", "png", ["--alpha", "2"], None),
        ("cutmix", "one", ["--partner", "same-class"], "cutmix: --partner"),
        ("mixup", "png", ["--partner", "same-class"], None),
        *(
            (command, "png", ["--mean", "0.5", "--fill", fill], named and f"{command}: {named}")
            for command in ("cutout", "patch-cutout", "erase")
            for fill, named in (("white", "--mean"), ("random", "--mean"), ("mean", None), ("normal", None))
        ),
        ("erase", "png", ["--std", "0.5", "--fill", "mean"], "erase: --std"),
        ("erase", "png", ["--std", "0.5", "--fill", "normal-color"], None),
        # Masks and boxes.
        ("cutout", "png", ["--mask-fill", "3"], "--mask-fill"),
        ("cutout", "png", ["--mask-fill", "3", "--masks", "@masks"], None),
        ("cutmix", "png", ["--mask-fill", "3", "--masks", "@masks"], "--mask-fill"),
        ("cutmix", "png", ["--mask-policy", "dominant", "--masks", "@masks"], "--mask-policy"),
        ("mixup", "png", ["--mask-policy", "dominant", "--masks", "@masks"], None),
        ("mixup", "png", ["--mask-policy", "dominant"], "--mask-policy"),
        ("cutout", "png", ["--box-policy", "shrink"], "--box-policy"),
        ("cutout", "png", ["--bad-boxes", "skip"], "--bad-boxes"),
        ("cutout", "png", ["--bad-boxes", "skip", "--boxes", "@boxes.json"], None),
        ("cutout", "png", ["--unboxed", "skip"], "--unboxed"),
        ("cutout", "png", ["--unboxed", "skip", "--boxes", "@boxes.json"], None),
        ("cutout", "png", ["--min-area", "2"], "--min-area"),
        ("mixup", "png", ["--min-size", "2", "--boxes", "@boxes.json"], None),
        ("cutout", "png", ["--box-policy", "shrink", "--boxes", "@boxes.json"], None),
        ("mixup", "png", ["--box-policy", "shrink", "--boxes", "@boxes.json"], "--box-policy"),
        ("mixup", "png", ["--min-visibility", "0.5", "--boxes", "@boxes.json"], "--min-visibility"),
        ("cutmix", "png", ["--min-visibility", "0.5", "--boxes", "@boxes.json"], None),
        ("cutout", "png", [PASTED, "0.5", "--boxes", "@boxes.json"], PASTED),
        ("cutmix", "png", [PASTED, "0.5", "--boxes", "@boxes.json"], None),
        ("mixup", "png", ["--min-visibility", "0.5", "--size", "6", "--boxes", "@boxes.json"], None),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_named(idle, command, src, options, named):
    assert idle(command, src, *options) == ([named] if named else [])


def test_every_option_was_thought_of():
    """Options that always decide something, or are bounds that an input may keep by itself, need nothing."""
    free = {
        "recipe": "seed copies target_per_class originals limit format size image_format max_pixels"
        " split splits links strict",
        "cutmix": "lam minmax",
        "mixup": "lam keep_base",
        "cutout": "holes length boundary fill",
        "erase": "scale ratio count inside clean_split fill",
        "patch-cutout": "patch_size ratio fill",
    }
    owners = {"recipe": Recipe, **OPERATIONS}
    for name, known in free.items():
        needless = [field.name for field in option_fields(owners[name]) if not field.metadata.get("needs")]
        assert sorted(needless) == sorted(known.split()), name


def test_a_note_says_why_in_the_words_of_its_reader(inputs, cli, tmp_path):
    src = inputs / "png"
    summary = augcli.materialize(src, tmp_path / "a", {"op": [{"kind": "cutmix", "alpha": 2, "lam": 0.5}]})
    assert "cutmix: alpha has no effect: lam decides in its place" in summary.notes
    done = cli("cutmix", "--alpha", 2, "--lam", 0.5, src, tmp_path / "b")
    assert "  note       cutmix: --alpha has no effect: --lam decides in its place\n" in done.stdout


def test_a_recipe_that_an_output_holds_is_not_reminded_of_its_options(inputs, tmp_path):
    first = augcli.materialize(inputs / "png", tmp_path / "a", {"fit": "pad", "label-col": "x"})
    assert [note for note in first.notes if IDLE in note]
    again = augcli.materialize(inputs / "png", tmp_path / "b", tmp_path / "a" / "augcli.json")
    assert not [note for note in again.notes if IDLE in note]


def test_a_background_that_one_split_alone_shows_has_an_effect(inputs, tmp_path):
    shutil.copytree(inputs / "logos", tmp_path / "src" / "train")
    shutil.copytree(inputs / "png", tmp_path / "src" / "test")
    recipe = {"background": "black", "op": [{"kind": "cutmix"}]}
    summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe)
    assert not [note for note in summary.notes if IDLE in note]


def test_an_output_that_is_laid_over_and_its_partner_too_counts_once(inputs, tmp_path):
    recipe = {"image-format": "jpg", "op": [{"kind": "cutmix"}]}
    summary = augcli.materialize(inputs / "logos", tmp_path / "dst", recipe)
    assert [count for what, count in summary.counts.items() if what == LAID_OVER] == [5]


def test_labels_that_are_not_there_are_not_called_smoothed(inputs, tmp_path):
    summary = augcli.materialize(inputs / "flat", tmp_path / "dst", {"smoothing": 0.1})
    assert summary.notes == ("smoothing has no effect: no image has a label",)
    assert "smooth" not in (tmp_path / "dst" / "README.md").read_text()
    assert not augcli.verify(tmp_path / "dst").differences


def test_an_idle_run_and_a_dry_run_name_them_too(idle, inputs, cli, tmp_path):
    options = ["--fit", "pad", "--quality", "80"]
    assert idle("cutmix", "png", *options, "--dry-run") == ["--fit"]  # what is written is not known yet
    assert idle("cutmix", "png", *options) == ["--fit", "--quality"]
    assert idle("cutmix", "png", *options) == ["--fit", "--quality"]


def test_entries_of_a_chain_are_asked_one_by_one(inputs, tmp_path):
    entries = [{"kind": "cutout", "mean": 0.5}, {"kind": "erase", "mean": 0.5, "fill": "mean"}]
    summary = augcli.materialize(inputs / "png", tmp_path / "dst", {"op": entries})
    idle = [note for note in summary.notes if IDLE in note]
    assert idle == ["cutout: mean has no effect: fill is 0,0,0"]


def test_classes_without_labels_are_named(idle, inputs, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    assert idle("cutout", "flat", "--classes", tmp_path / "names.txt") == ["--classes"]


def test_classes_that_name_boxes_have_an_effect(idle, tmp_path):
    (tmp_path / "yolo/images").mkdir(parents=True)
    (tmp_path / "yolo/labels").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "yolo/images/0.png")
    (tmp_path / "yolo/labels/0.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "names.txt").write_text("a\nb\n")
    assert idle("cutout", tmp_path / "yolo", "--classes", tmp_path / "names.txt") == []


def test_a_note_is_a_text_that_can_be_spelled_and_copied():
    import copy
    import pickle

    note = Note("give ", Option("max_pixels"), ", more")
    assert note == "give max_pixels, more"
    for twin in (note, copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert twin == note
        assert twin.spell(Spelling.FLAG) == "give --max-pixels, more"
