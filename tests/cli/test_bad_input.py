"""Bad input to the program: one clear line, the right exit code, and nothing half-written."""

from __future__ import annotations

import io
import json
import re
import resource
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

USAGE, TOO_MANY_FAILED, INPUT, OUTPUT, STORAGE = 2, 3, 4, 5, 7


def look(root):
    """Everything below a directory: content and modification time of files, names of directories."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        if path.is_file()
        else None
        for path in root.rglob("*")
    }


@pytest.fixture
def refusal(cli, tmp_path):
    """Run the program where it must refuse: checks the code, that one line came and that nothing changed."""

    def run(*arguments, code, **options):
        before = look(tmp_path)
        done = cli(*arguments, **options)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        assert re.fullmatch(r"augcli: [^\n]+\n", done.stderr)
        assert look(tmp_path) == before
        return done.stderr.removeprefix("augcli: ").removesuffix("\n")

    return run


def write_images(root, *names, size=(10, 8)):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, "teal").save(path)


def write_shard(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


# --- values of options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--alpha", "0", "cutmix: --alpha must be > 0 and <= 1000, got 0.0"),
        ("--alpha", "-1", "cutmix: --alpha must be > 0 and <= 1000, got -1.0"),
        ("--alpha", "nan", "cutmix: --alpha must be > 0 and <= 1000, got nan"),
        ("--alpha", "1001", "cutmix: --alpha must be > 0 and <= 1000, got 1001.0"),
        ("--alpha", "inf", "cutmix: --alpha must be > 0 and <= 1000, got inf"),
        ("--p", "1.5", "--p must be >= 0 and <= 1, got 1.5"),
        ("--p", "-0.1", "--p must be >= 0 and <= 1, got -0.1"),
        ("--p", "nan", "--p must be >= 0 and <= 1, got nan"),
        ("--copies", "0", "cutmix: --copies must be >= 1 and <= 1048576, got 0"),
        ("--seed", "-1", "cutmix: --seed must be >= 0 and <= 18446744073709551615, got -1"),
        ("--limit", "0", "cutmix: --limit must be >= 1 and <= 4611686018427387904, got 0"),
        ("--max-pixels", "0", "cutmix: --max-pixels must be >= 1 and <= 1099511627776, got 0"),
        ("--quality", "0", "cutmix: --quality must be keep or 1..100, got '0'"),
        ("--quality", "101", "cutmix: --quality must be keep or 1..100, got '101'"),
        ("--quality", "high", "cutmix: --quality must be keep or 1..100, got 'high'"),
        ("--fit", "other", "cutmix: --fit must be one of crop, pad, stretch, got 'other'"),
        ("--subsampling", "1", "cutmix: --subsampling must be one of keep, 444, 422, 420, got '1'"),
        ("--image-format", "gif", "cutmix: --image-format must be one of keep, jpg, png, got 'gif'"),
        ("--originals", "yes", "cutmix: --originals must be one of none, copy, got 'yes'"),
        ("--format", "zip", "cutmix: --format must be one of folder, parquet, webdataset, yolo, got 'zip'"),
        ("--smoothing", "1.5", "cutmix: --smoothing must be >= 0 and <= 0.999999, got 1.5"),
        ("--smoothing", "nan", "cutmix: --smoothing must be >= 0 and <= 0.999999, got nan"),
        ("--workers", "0", "--workers must be >= 1, got 0"),
        ("--max-errors", "-1", "--max-errors must be >= 0, got -1"),
    ],
)
def test_a_value_outside_its_range_is_refused(refusal, photos, tmp_path, option, value, says):
    assert refusal("cutmix", photos, tmp_path / "dst", option, value, code=USAGE) == says


LENGTHS = (
    "must be pixels (a whole number >= 1) or a share of the shorter side (> 0.0 and <= 1.0, with a decimal"
    " point), or LO:HI of one of the two"
)
FILLS = (
    "must be black, white, gray, one number or r,g,b in 0..255,"
    " or mean, image-mean, random, random-color, normal, normal-color"
)
SPAN, WHOLE = "must be a number or LO:HI with LO <= HI", "must be a whole number or LO:HI with LO <= HI"


@pytest.mark.parametrize(
    ("command", "options", "says"),
    [
        ("cutout", ["--holes", "3:1"], f"cutout: --holes {WHOLE}, got '3:1'"),
        ("cutout", ["--holes", "0"], "cutout: --holes must be >= 1 and <= 1000, got '0'"),
        ("cutout", ["--length", "8:0.5"], f"cutout: --length {LENGTHS}, got '8:0.5'"),
        ("cutout", ["--length", "1.5"], f"cutout: --length {LENGTHS}, got '1.5'"),
        ("cutout", ["--fill", "1,2"], f"cutout: --fill {FILLS}, got '1,2'"),
        ("cutout", ["--fill", "1,2,300"], f"cutout: --fill {FILLS}, got '1,2,300'"),
        ("cutout", ["--fill", "noise"], f"cutout: --fill {FILLS}, got 'noise'"),
        ("patch-cutout", ["--ratio", "1.5"], "patch-cutout: --ratio must be >= 0 and <= 1, got '1.5'"),
        ("patch-cutout", ["--ratio", "0.5:0.1"], f"patch-cutout: --ratio {SPAN}, got '0.5:0.1'"),
        ("erase", ["--scale", "0.5:0.2"], f"erase: --scale {SPAN}, got '0.5:0.2'"),
        ("erase", ["--ratio", "0:1"], "erase: --ratio must be >= 0.001 and <= 1000, got '0:1'"),
        ("erase", ["--clean-split", "2"], "erase: --clean-split must be >= 0 and <= 1, got 2.0"),
        ("cutmix", ["--minmax", "0.8:0.2"], f"cutmix: --minmax {SPAN}, got '0.8:0.2'"),
        ("cutmix", ["--lam", "2"], "cutmix: --lam must be >= 0 and <= 1, got 2.0"),
        (
            "cutmix",
            ["--lam", "0.5", "--minmax", "0.1:0.2"],
            "cutmix: --lam and --minmax both decide the box; give one of them",
        ),
        (
            "mixup",
            ["--partner", "same"],
            "mixup: --partner must be one of any, other-class, same-class, got 'same'",
        ),
        (
            "cutout",
            ["--target-per-class", "most"],
            "cutout: --target-per-class must be a whole number in 1..999999999, or max, got 'most'",
        ),
        (
            "cutout",
            ["--target-per-class", "5", "--copies", "2"],
            "cutout: --copies and --target-per-class both decide how many; give one of them",
        ),
    ],
)
def test_an_operations_own_options_are_checked(refusal, photos, tmp_path, command, options, says):
    assert refusal(command, photos, tmp_path / "dst", *options, code=USAGE) == says


def test_a_rule_on_classes_that_nobody_meets_is_refused(refusal, make_folder, tmp_path):
    src, options = make_folder({"cat": 3}), ("--partner", "other-class")
    assert refusal("cutmix", src, tmp_path / "dst", *options, code=INPUT) == (
        "--partner other-class: no two images of other class are there;"
        " add images to SRC or leave out --partner"
    )


def test_a_target_without_labels_is_refused(refusal, make_folder, tmp_path):
    src, options = make_folder({"": 3}), ("--target-per-class", "max")
    assert refusal("cutout", src, tmp_path / "dst", *options, code=INPUT) == (
        "--target-per-class needs labels; give class folders or --labels FILE"
    )


@pytest.mark.parametrize("value", ["0", "axb", "0x5", "5x", "100000"])
def test_a_size_that_is_none_is_refused(refusal, photos, tmp_path, value):
    assert refusal("cutmix", photos, tmp_path / "dst", f"--size={value}", code=USAGE) == (
        "cutmix: --size must be 1..99999 pixels such as 224, or height and width such as 240x320,"
        f" got {value!r}"
    )


@pytest.mark.parametrize("option", ["--label-sep", "--label-col", "--file-col", "--image-col", "--split"])
def test_an_empty_text_is_refused(refusal, photos, tmp_path, option):
    assert refusal("cutmix", photos, tmp_path / "dst", option, "", code=USAGE) == (
        f"cutmix: {option} must be a text, or be left out, got ''"
    )


@pytest.mark.parametrize("value", ["nope", "256,0,0", "1,2", "-1"])
def test_a_colour_that_is_none_is_refused(refusal, photos, tmp_path, value):
    says = refusal("cutmix", photos, tmp_path / "dst", f"--background={value}", code=USAGE)
    assert "--background" in says
    assert "black, white, gray, one number or r,g,b in 0..255" in says
    assert repr(value) in says


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [("--alpha", "abc", "number"), ("--copies", "1.5", "integer"), ("--workers", "two", "integer")],
)
def test_what_is_no_number_is_refused(refusal, photos, tmp_path, option, value, accepted):
    says = refusal("cutmix", photos, tmp_path / "dst", option, value, code=USAGE)
    assert option in says
    assert accepted in says
    assert repr(value) in says


def test_each_operation_checks_its_own_options(refusal, photos, tmp_path):
    says = refusal("mixup", photos, tmp_path / "dst", "--alpha", "0", code=USAGE)
    assert says == "mixup: --alpha must be > 0 and <= 1000, got 0.0"


def test_an_unknown_option_is_refused_with_the_nearest(refusal, photos, tmp_path):
    says = refusal("cutmix", photos, tmp_path / "dst", "--alpah", "1", code=USAGE)
    assert "--alpah" in says
    assert "--alpha" in says.replace("--alpah", "")


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--copies", "; write it into RECIPE: copies = ..."),
        ("--target-per-class", "; write it into RECIPE: target-per-class = ..."),
        ("--alpha", "; write it into RECIPE, below [[op]]: alpha = ..."),
        ("--patch-size", "; write it into RECIPE, below [[op]]: patch-size = ..."),
    ],
)
def test_run_says_where_what_its_recipe_holds_is_written(option, says, refusal, photos, tmp_path):
    assert refusal("run", "r.toml", photos, tmp_path / "dst", option, "3", code=USAGE).endswith(says)


def test_run_knows_no_place_for_a_word_that_is_no_key(refusal, photos, tmp_path):
    says = refusal("run", "r.toml", photos, tmp_path / "dst", "--colour", "3", code=USAGE)
    assert "RECIPE" not in says


def test_an_option_without_its_value_is_refused(refusal, photos, tmp_path):
    assert "--size" in refusal("cutmix", photos, tmp_path / "dst", "--size", code=USAGE)


def test_an_unknown_command_is_refused_with_the_nearest(refusal, photos, tmp_path):
    says = refusal("cutmx", photos, tmp_path / "dst", code=USAGE)
    assert "'cutmx'" in says
    assert "'cutmix'" in says


@pytest.mark.parametrize("given", [(), ("src",)])
def test_a_missing_argument_is_named(refusal, given):
    assert ["SRC", "DST"][len(given)] in refusal("cutmix", *given, code=USAGE)


def test_an_argument_too_many_is_refused(refusal, photos, tmp_path):
    assert "more" in refusal("cutmix", photos, tmp_path / "dst", "more", code=USAGE)


def test_others_smoothing_needs_two_classes(refusal, make_folder, tmp_path):
    options = ("--smoothing", "0.1", "--smoothing-form", "others")
    says = refusal("cutmix", make_folder({"cat": 2}), tmp_path / "dst", *options, code=USAGE)
    assert "--smoothing-form" in says
    assert "uniform" in says


# --- recipes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sed = 1", "recipe: unknown key 'sed'; did you mean 'seed'?"),
        ('[[op]]\nkind = "cutmix"\nalpha = 0', "cutmix: alpha must be > 0 and <= 1000, got 0"),
        ('[[op]]\nkind = "cutout"\nlength = "8:0.5"', f"cutout: length {LENGTHS}, got '8:0.5'"),
        ('[[op]]\nkind = "cutout"\nlength = [8, 0.5]', f"cutout: length {LENGTHS}, got [8, 0.5]"),
        ('[[op]]\nkind = "patch-cutout"\npatch_size = 4', "did you mean 'patch-size'?"),
        ('[[op]]\nkind = "erase"\nscale = [0.5, 0.2]', f"erase: scale {SPAN}, got [0.5, 0.2]"),
        (
            '[[op]]\nkind = "cutmix"\n[[op]]\nkind = "mixup"\npartner = "same-class"',
            "bad: partner must be the same for all operations, got any, same-class",
        ),
        (
            "[labels]\nop = 1",
            "[labels]: unknown key 'op'; known keys: smoothing, smoothing-form, soft-labels",
        ),
        ("[labels]\nsmothing = 0.1", "[labels]: unknown key 'smothing'; did you mean 'smoothing'?"),
        (
            "target-per-class = 1000000000000",
            "must be a whole number in 1..999999999, or max, got 1000000000000",
        ),
        ('name = "a\\u0000b"', "must be a word that a file name can hold"),
        (f'name = "{"é" * 33}"', "must be a word that a file name can hold"),
    ],
)
def test_a_recipe_is_checked_like_the_command_line(refusal, photos, tmp_path, text, says):
    (tmp_path / "bad.toml").write_text(text)
    assert says in refusal("run", tmp_path / "bad.toml", photos, tmp_path / "dst", code=USAGE)


@pytest.mark.parametrize(("name", "text"), [("bad.toml", "[[op"), ("bad.json", "{"), ("bad.json", "[1]")])
def test_a_file_that_is_no_recipe_is_refused(refusal, photos, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    says = refusal("run", tmp_path / name, photos, tmp_path / "dst", code=USAGE)
    assert says.startswith(f"recipe '{tmp_path / name}' is not a TOML recipe or an augcli.json: ")


def test_a_missing_recipe_is_refused(refusal, photos, tmp_path):
    says = refusal("run", tmp_path / "none.toml", photos, tmp_path / "dst", code=INPUT)
    assert str(tmp_path / "none.toml") in says


# --- SRC -----------------------------------------------------------------------------------------------


def test_a_missing_source_is_refused(refusal, tmp_path):
    says = refusal("cutmix", tmp_path / "none", tmp_path / "dst", code=INPUT)
    known = (
        "an image folder or parquet shards or a Pascal VOC tree or tar files of samples or a YOLO data set"
    )
    assert says == f"'{tmp_path / 'none'}' does not exist; give {known} as SRC"


def test_a_glob_that_matches_nothing_is_refused(refusal, tmp_path):
    says = refusal("cutmix", tmp_path / "none*.parquet", tmp_path / "dst", code=INPUT)
    assert says == f"no parquet files match '{tmp_path / 'none*.parquet'}'; correct the pattern, and quote it"


def test_an_empty_source_is_refused(refusal, tmp_path):
    (tmp_path / "src").mkdir()
    says = refusal("cutmix", tmp_path / "src", tmp_path / "dst", code=INPUT)
    assert says.startswith(f"no images in '{tmp_path / 'src'}'; accepted: ")
    assert ".jpg" in says


def test_a_source_without_images_is_refused(refusal, tmp_path):
    (tmp_path / "src" / "cat").mkdir(parents=True)
    (tmp_path / "src" / "cat" / "notes.txt").write_text("no image")
    says = refusal("cutmix", tmp_path / "src", tmp_path / "dst", code=INPUT)
    assert says.startswith(f"no images in '{tmp_path / 'src'}'; accepted: ")


def test_a_source_that_is_a_file_is_refused(refusal, tmp_path):
    (tmp_path / "src.txt").write_text("no data set")
    says = refusal("cutmix", tmp_path / "src.txt", tmp_path / "dst", code=INPUT)
    assert (
        says
        == f"'{tmp_path / 'src.txt'}' is neither an image folder nor a parquet file nor a Pascal VOC tree nor"
        " a tar file nor a YOLO data set; give one of these"
    )


def test_an_empty_class_folder_is_counted(cli, make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 0, "emu": 2})
    shown = cli("cutmix", src, tmp_path / "dst")
    assert shown.returncode == 0
    assert "  note       passed over 1 empty directory\n" in shown.stdout
    assert (tmp_path / "dst" / "classes.txt").read_text("utf-8") == "cat\nemu\n"


def test_loose_images_beside_class_folders_are_refused(refusal, make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 2})
    write_images(src, "loose.png")
    says = refusal("cutmix", src, tmp_path / "dst", code=INPUT)
    assert says == (
        f"'loose.png' stands beside class folders in '{src}'; move it into one, or give --labels FILE"
    )


@pytest.mark.parametrize("operation", ["cutmix", "mixup"])
def test_mixing_needs_two_images(refusal, make_folder, tmp_path, operation):
    says = refusal(operation, make_folder({"cat": 1}), tmp_path / "dst", code=INPUT)
    assert says == "mixing needs at least 2 images to choose a partner from, got 1; add images to SRC"


@pytest.mark.parametrize("operation", ["cutmix", "mixup"])
def test_mixing_needs_labels(refusal, tmp_path, operation):
    write_images(tmp_path / "src", "a.png", "b.png")
    says = refusal(operation, tmp_path / "src", tmp_path / "dst", code=INPUT)
    assert says == (
        f"{operation} mixes labels, but no image has one; give class folders, --labels FILE, --masks or"
        " --boxes"
    )


def test_a_split_that_is_not_there_is_refused(refusal, tmp_path):
    write_images(tmp_path / "src", "train/cat/a.png", "train/cat/b.png", "val/cat/c.png")
    says = refusal("cutmix", tmp_path / "src", tmp_path / "dst", "--split", "test", code=INPUT)
    assert says == "the input has no split 'test'; it has train, val; give --split"


def test_a_split_of_an_input_without_splits_is_refused(refusal, make_folder, tmp_path):
    src = make_folder({"cat": 2})
    assert "'dev'" in refusal("cutmix", src, tmp_path / "dst", "--split", "dev", code=INPUT)


def test_parquet_without_an_image_column_is_refused(refusal, tmp_path):
    shard = tmp_path / "src" / "a.parquet"
    write_shard(shard, label=[0, 1], text=["a", "b"])
    says = refusal("cutmix", tmp_path / "src", tmp_path / "dst", code=INPUT)
    assert says == (
        f"'{shard}' has no image column image or img or jpg or png or image_bytes or pixel_values;"
        " it has label, text; give --image-col"
    )


def test_an_image_column_that_is_not_there_is_refused(refusal, shards, tmp_path):
    says = refusal("cutmix", shards, tmp_path / "dst", "--image-col", "photo", code=INPUT)
    assert "'photo'" in says
    assert "give --image-col" in says


def test_an_image_column_of_another_type_is_refused(refusal, tmp_path):
    write_shard(tmp_path / "src.parquet", image=["a.png", "b.png"], label=[0, 1])
    says = refusal("cutmix", tmp_path / "src.parquet", tmp_path / "dst", code=INPUT)
    assert says.endswith(
        "column 'image' is string, not encoded images; where they are paths or addresses, fetch the files:"
        " give their folder as SRC, this table as --labels"
    )


def test_a_label_column_that_is_not_there_is_refused(refusal, shards, tmp_path):
    says = refusal("cutmix", shards, tmp_path / "dst", "--label-col", "kind", code=INPUT)
    assert "'kind'" in says
    assert "give --label-col" in says


def test_a_file_that_is_no_parquet_is_refused(refusal, tmp_path):
    (tmp_path / "src.parquet").write_text("no shard")
    says = refusal("cutmix", tmp_path / "src.parquet", tmp_path / "dst", code=INPUT)
    assert says.startswith(f"'{tmp_path / 'src.parquet'}' cannot be read as parquet: ")


def test_parquet_without_rows_is_refused(refusal, tmp_path):
    write_shard(tmp_path / "src.parquet", image=pa.array([], pa.binary()), label=pa.array([], pa.int64()))
    says = refusal("cutmix", tmp_path / "src.parquet", tmp_path / "dst", code=INPUT)
    assert says == f"'{tmp_path / 'src.parquet'}' holds no rows; give shards that hold some"


def test_a_label_table_for_parquet_is_refused(refusal, shards, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\na.png,cat\n")
    says = refusal("cutmix", shards, tmp_path / "dst", "--labels", tmp_path / "labels.csv", code=INPUT)
    assert says.endswith("give --label-col")


# --- labels --------------------------------------------------------------------------------------------


@pytest.fixture
def flat(tmp_path):
    """A flat folder of two images, `a.png` and `b.png`, with no labels of its own."""
    write_images(tmp_path / "src", "a.png", "b.png")
    return tmp_path / "src"


@pytest.fixture
def refuse_table(refusal, flat, tmp_path):
    """Give the program a label table that it must refuse; gives its words."""

    def run(text, *options):
        (tmp_path / "labels.csv").write_text(text)
        return refusal(
            "cutmix", flat, tmp_path / "dst", "--labels", tmp_path / "labels.csv", *options, code=INPUT
        )

    return run


def test_a_class_beyond_the_class_list_is_refused(refuse_table, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    says = refuse_table("file_name,label\na.png,cat\nb.png,bird\n", "--classes", tmp_path / "classes.txt")
    assert "'bird'" in says
    assert "cat, dog" in says


def test_a_class_folder_beyond_the_class_list_is_refused(refusal, make_folder, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\n")
    options = ("--classes", tmp_path / "classes.txt")
    says = refusal("cutmix", make_folder({"cat": 2, "dog": 2}), tmp_path / "dst", *options, code=INPUT)
    assert "'dog'" in says
    assert "cat" in says


def test_an_index_beyond_the_class_list_is_refused(refuse_table, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    says = refuse_table("file_name,label\na.png,0\nb.png,2\n", "--classes", tmp_path / "classes.txt")
    assert says == "label 2 is beyond the 2 classes; give --classes FILE with all names"


def test_a_table_that_names_no_image_is_refused(refuse_table, tmp_path):
    says = refuse_table("file_name,label\nlost.png,cat\ngone.png,dog\n")
    assert says == (
        f"'{tmp_path / 'labels.csv'}': column 'file_name' names none of the 2 images (its first is"
        " 'lost.png'); an image here is 'a.png'; give --file-col"
    )


def test_a_table_that_names_an_image_twice_is_refused(refuse_table, tmp_path):
    says = refuse_table("file_name,label\na.png,cat\nb.png,dog\na.png,dog\n")
    assert says == (
        f"'{tmp_path / 'labels.csv'}' names 'a.png' twice, with different labels (rows 1 and 3); leave one"
        " row for each image, with several labels in one cell by --label-sep"
    )


def test_a_table_that_fits_two_images_is_refused(refuse_table, flat, tmp_path):
    (flat / "a.bmp").write_bytes((flat / "b.png").read_bytes())
    says = refuse_table("file_name,label\na,cat\nb.png,dog\n")
    assert says == (
        f"'{tmp_path / 'labels.csv'}' names 'a', which fits 2 images: 'a.bmp', 'a.png'; write paths below"
        " SRC, with suffixes"
    )


def test_a_table_that_contradicts_class_folders_is_refused(refusal, make_folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\ncat/0.png,cat\ndog/0.png,cat\ncat/1.png,dog\n")
    src, options = make_folder({"cat": 2, "dog": 1}), ("--labels", tmp_path / "labels.csv")
    says = refusal("cutmix", src, tmp_path / "dst", *options, code=INPUT)
    assert says == (
        f"'{tmp_path / 'labels.csv'}' says that 'cat/1.png' is 'dog', but it lies in the class folder 'cat';"
        " correct the table or move the file, or give --label-col with the right column"
    )


@pytest.mark.parametrize(
    ("table", "cure"),
    [
        ("file_name,x,y,w,h\na.png,0.5,0.5,0.2,0.1\nb.png,0.4,0.2,0.1,0.1\n", "--label-col"),
        ("file_name,label\na.png,36.6\nb.png,37.2\n", "--label-col"),
        ("file_name,diagnosis\na.png,0\nb.png,1\n", "--label-col diagnosis"),
        ("file_name,label\na.png,cat|dog\nb.png,cat\n", "--label-sep '|'"),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_refused(refuse_table, tmp_path, table, cure):
    assert cure in refuse_table(table)
    assert not (tmp_path / "dst").exists()


def test_multi_hot_labels_cannot_be_put_in_class_folders(refusal, make_folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,cat,dog\ncat/0.png,1,1\ndog/0.png,0,1\n")
    src, options = make_folder({"cat": 1, "dog": 1}), ("--labels", tmp_path / "labels.csv")
    says = refusal("cutmix", src, tmp_path / "dst", *options, code=INPUT)
    assert says.startswith("labels that do not sum to 1 (multi-hot) cannot be put in class folders; give")


@pytest.mark.parametrize("name", ["../src/b.png", "/etc/b.png"])
def test_a_table_that_leads_out_of_its_folder_is_refused(refuse_table, tmp_path, name):
    says = refuse_table(f"file_name,label\na.png,cat\n{name},dog\n")
    assert says == (
        f"'{tmp_path / 'labels.csv'}' names '{name}'; paths must be relative, below the table, without '..'"
    )


def test_a_table_without_file_names_is_refused(refuse_table, tmp_path):
    says = refuse_table("picture,label\na.png,cat\n")
    assert says == (
        f"'{tmp_path / 'labels.csv'}' has no column file_name; it has picture, label; an image here is"
        " 'a.png'; give --file-col picture"
    )


def test_a_message_stays_one_line_whatever_names_a_table_holds(refuse_table):
    assert refuse_table('"file\nname",label\na.png,cat\n').endswith("--file-col 'file name'")


def test_a_table_without_labels_is_refused(refuse_table, tmp_path):
    says = refuse_table("file_name,size\na.png,big\nb.png,small\n")
    assert "has no column label and no column of weights" in says
    assert says.endswith("it has file_name, size; give --label-col (such as --label-col size)")


@pytest.mark.parametrize("text", ["", 'file_name,label\n"a.png,cat\n'])
def test_a_table_that_cannot_be_read_is_refused(refuse_table, tmp_path, text):
    assert str(tmp_path / "labels.csv") in refuse_table(text)


def test_a_missing_table_is_refused(refusal, flat, tmp_path):
    options = ("--labels", tmp_path / "none.csv")
    says = refusal("cutmix", flat, tmp_path / "dst", *options, code=INPUT)
    assert says == f"label table '{tmp_path / 'none.csv'}' does not exist; give CSV, parquet or JSON lines"


@pytest.mark.parametrize("text", [None, "", "cat\ndog\ncat\n"])
def test_a_class_list_that_is_none_is_refused(refusal, flat, tmp_path, text):
    if text is not None:
        (tmp_path / "classes.txt").write_text(text)
    options = ("--classes", tmp_path / "classes.txt")
    says = refusal("cutmix", flat, tmp_path / "dst", *options, code=INPUT)
    assert says.startswith(f"--classes '{tmp_path / 'classes.txt'}' ")


@pytest.mark.parametrize("weight", ["-0.5", "nan"])
def test_a_weight_that_is_none_is_refused(refuse_table, weight):
    says = refuse_table(f"file_name,p:cat,p:dog\na.png,1.0,0.0\nb.png,{weight},1.0\n")
    assert "holds -0.5: neither weights" in says or "lacks a weight, or holds NaN" in says


def test_multi_hot_labels_cannot_be_smoothed(refuse_table):
    says = refuse_table("file_name,p:cat,p:dog\na.png,1.0,1.0\nb.png,0.0,1.0\n", "--smoothing", "0.1")
    assert says.endswith("cannot be smoothed; leave out --smoothing")


# --- masks and boxes -----------------------------------------------------------------------------------

SIX = ("cat/0.png", "cat/1.png", "dog/2.png")
"""The images of 10 x 8 pixels to which masks and boxes belong."""


def boxes_document(**changes):
    """Give a COCO document of a box in each image, with other values for some of its keys."""
    images = [{"id": at, "file_name": name, "width": 10, "height": 8} for at, name in enumerate(SIX)]
    boxes = [{"id": at, "image_id": at, "category_id": 1, "bbox": [1, 1, 4, 3]} for at in range(3)]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cell"}]} | changes


def box(**changes):
    return {"annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 4, 3]} | changes]}


@pytest.fixture
def annotated(tmp_path):
    """`src` of three images beside their `masks` and `boxes.json`."""
    write_images(tmp_path / "src", *SIX)
    for number, name in enumerate(SIX):
        path = tmp_path / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (10, 8), number + 1).save(path)
    (tmp_path / "boxes.json").write_text(json.dumps(boxes_document()))
    return tmp_path


SKIP = ", or leave such boxes out with --bad-boxes skip"
SKIPPED = f"; correct or remove it{SKIP}"
FORMS = "give a COCO JSON file or a folder of VOC XML"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]},
            "two images have the id 1; give each its own id",
        ),
        (
            {"images": [{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "./a"}]},
            "two images are called 'a'; give both one image_id, or each its own file_name",
        ),
        (
            {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
            "two categories have the id 1; give each its own id",
        ),
        (
            {
                "categories": [{"id": 1, "name": "a\n"}, {"id": 2, "name": "a\n"}],
                "annotations": box()["annotations"] + box(category_id=2)["annotations"],
            },
            "two categories are called 'a\\n'; give each its own name",
        ),
        (
            box(image_id=9),
            f"annotations[0]: image_id 9 is not in the file{SKIPPED}",
        ),
        (
            box(category_id=9),
            f"annotations[0]: category_id 9 is not in the file{SKIPPED}",
        ),
        *(
            (
                box(bbox=bbox),
                "annotations[0]: bbox must be four finite numbers x, y, width >= 0, height >= 0, got"
                f" {got}{SKIPPED}",
            )
            for bbox, got in [
                ([1, 1, -4, 3], "[1, 1, -4, 3]"),
                ([1, 1, 4], "[1, 1, 4]"),
                ("1\n1", "'1\\n1'"),
                (None, "None"),
            ]
        ),
        (
            {"images": None},
            "has no list of images; give a COCO file of instances: images, annotations, categories",
        ),
        (
            {"annotations": [1]},
            "annotations[0] must be an object, got 1; correct or remove it",
        ),
    ],
)
def test_a_coco_file_that_contradicts_itself_is_refused(refusal, annotated, changes, says):
    path = annotated / "boxes.json"
    path.write_text(json.dumps(boxes_document(**changes)))
    got = refusal("cutmix", annotated / "src", annotated / "dst", "--boxes", path, code=INPUT)
    assert got == f"boxes {str(path)!r}: {says}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", f"cannot be parsed: Expecting value: line 1 column 1 (char 0); {FORMS}"),
        ('{"images": [\n', f"cannot be parsed: Expecting value: line 2 column 1 (char 13); {FORMS}"),
        ('{"a": NaN}', f"cannot be parsed: NaN is not a number in JSON; {FORMS}"),
    ],
)
def test_boxes_that_cannot_be_parsed_are_refused(refusal, annotated, text, says):
    path = annotated / "boxes.json"
    path.write_text(text)
    got = refusal("cutmix", annotated / "src", annotated / "dst", "--boxes", path, code=INPUT)
    assert got == f"boxes {str(path)!r} {says}"


def test_boxes_of_none_of_the_images_are_refused(refusal, annotated):
    images = [{"id": 0, "file_name": "oth\ner.png"}]
    path = annotated / "boxes.json"
    path.write_text(json.dumps(boxes_document(images=images, annotations=[])))
    says = refusal("cutmix", annotated / "src", annotated / "dst", "--boxes", path, code=INPUT)
    assert says == (
        "the boxes belong to other images: their first image is 'oth\\ner.png', the first of the input is"
        " 'cat/0.png'; give the file that belongs to these, or name its images by their paths below SRC"
    )


def object_of(inner, name="cell"):
    return f"<annotation><object><name>{name}</name><bndbox>{inner}</bndbox></object></annotation>"


DOCTYPE = "names entities or a document type, which are never resolved; remove the <!DOCTYPE ...> line"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "<annotation><obj",
            f"cannot be parsed: unclosed token: line 1, column 12; give Pascal VOC XML{SKIP}",
        ),
        ("", f"cannot be parsed: no element found: line 1, column 0; give Pascal VOC XML{SKIP}"),
        ("<html/>", "its root must be <annotation>, got <html>; give Pascal VOC XML"),
        (
            f'<!DOCTYPE annotation [<!ENTITY x SYSTEM "secret">]>{object_of("", "&x;")}',
            DOCTYPE,
        ),
        ('<!DOCTYPE annotation SYSTEM "secret"><annotation/>', DOCTYPE),
        (object_of(""), f"object 1 must have a finite number as xmin, got ''{SKIPPED}"),
        ("<annotation><object/></annotation>", f"object 1 has no name{SKIPPED}"),
    ],
    ids=["torn", "empty", "html", "external entity", "external dtd", "no edges", "no name"],
)
def test_xml_that_is_no_voc_is_refused(refusal, annotated, text, says):
    (annotated / "xml" / "cat").mkdir(parents=True)
    for name, content in {"0.xml": text, "secret": "SECRET"}.items():
        (annotated / "xml" / "cat" / name).write_text(content)
    call = ("cutmix", annotated / "src", annotated / "dst", "--boxes", annotated / "xml")
    got = refusal(*call, code=INPUT, cwd=annotated / "xml" / "cat")
    assert got == f"boxes {str(annotated / 'xml' / 'cat' / '0.xml')!r}: {says}"
    assert "SECRET" not in got


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "options", "code", "says"),
    [
        ("cutmix", ["--boxes", "none.json"], INPUT, f"boxes 'none.json' do not exist; {FORMS}"),
        ("cutmix", ["--boxes", "empty"], INPUT, f"no VOC XML in 'empty'; {FORMS}"),
        (
            "cutmix",
            ["--masks", "nothing"],
            INPUT,
            "--masks 'nothing' does not exist; give the folder of the masks",
        ),
        (
            "cutmix",
            ["--masks", "boxes.json"],
            INPUT,
            "--masks 'boxes.json' is not a directory; give the folder of the masks",
        ),
        *(
            (
                "cutmix",
                ["--masks", inside],
                INPUT,
                f"--masks {inside!r} lies in SRC 'src', where masks are taken for images;"
                " give as SRC the directory of the images alone",
            )
            for inside in ("src", "src/cat")
        ),
        (
            "cutmix",
            ["--masks", "empty"],
            INPUT,
            "--masks 'empty' has no mask of any image ('cat/0.png' is wanted, it holds no PNG);"
            " give masks the names of their images",
        ),
        (
            "mixup",
            ["--masks", "masks"],
            USAGE,
            "mixup blends images, but a mean of two indices of masks means nothing;"
            " give --mask-policy dominant, or an input without masks",
        ),
        (
            "cutmix",
            ["--masks", "masks", "--size", "8", "--fit", "pad"],
            USAGE,
            "--fit pad frames masks too; say with --mask-fill which index the frame has",
        ),
        (
            "cutmix",
            ["--box-policy", "nonsense"],
            USAGE,
            "cutmix: --box-policy must be one of keep, shrink, got 'nonsense'",
        ),
        (
            "cutmix",
            ["--mask-policy", "mean"],
            USAGE,
            "cutmix: --mask-policy must be one of dominant, got 'mean'",
        ),
        *(
            ("cutmix", [option, value], USAGE, f"cutmix: {option} must be >= 0 and <= {most}, got {got}")
            for option, value, most, got in [
                ("--min-visibility", "2", 1, "2.0"),
                ("--min-visibility", "nan", 1, "nan"),
                ("--min-paste-visibility", "-1", 1, "-1.0"),
                ("--mask-fill", "-1", 65535, "-1"),
                ("--mask-fill", "65536", 65535, "65536"),
            ]
        ),
    ],
)
def test_masks_and_boxes_that_make_no_sense_are_refused(refusal, annotated, command, options, code, says):
    (annotated / "empty").mkdir()
    assert refusal(command, "src", "dst", *options, code=code, cwd=annotated) == says


@pytest.mark.parametrize(
    ("dst", "options", "says"),
    [
        pytest.param(
            "above",
            ["--boxes", "above/boxes.json"],
            "--boxes 'above/boxes.json' and DST 'above' overlap; give DST a place of its own",
        ),
        pytest.param(
            "boxes.json",
            ["--boxes", "boxes.json"],
            "--boxes 'boxes.json' and DST 'boxes.json' overlap; give DST a place of its own",
        ),
        pytest.param(
            "masks/dst",
            ["--masks", "masks"],
            "--masks 'masks' and DST 'masks/dst' overlap; give DST a place of its own",
        ),
    ],
)
def test_a_destination_that_overlaps_masks_or_boxes_is_refused(refusal, annotated, dst, options, says):
    (annotated / "above").mkdir()
    shutil.copy(annotated / "boxes.json", annotated / "above")
    assert refusal("cutmix", "src", dst, *options, code=OUTPUT, cwd=annotated) == says


@pytest.mark.parametrize(
    ("options", "key"), [(["--boxes", "boxes.json"], "boxes"), (["--masks", "masks"], "masks")]
)
def test_an_output_without_masks_or_boxes_is_none_with_them(refusal, cli, annotated, options, key):
    assert cli("cutmix", "src", "dst", "--quiet", cwd=annotated).returncode == 0
    says = refusal("cutmix", "src", "dst", *options, code=OUTPUT, cwd=annotated)
    assert says == (
        f"DST '{annotated / 'dst'}' holds another recipe's output; differing: {key};"
        " give another DST, or replace it with --force"
    )


@pytest.mark.parametrize("option", ["--boxes", "--masks"])
def test_verify_takes_masks_and_boxes_only_with_their_source(refusal, annotated, option):
    (annotated / "dst").mkdir()
    says = refusal("verify", "dst", option, "boxes.json", code=USAGE, cwd=annotated)
    assert says == (
        "--sample, --labels, --classes, --masks and --boxes go with --against SRC; give it, or leave them out"
    )


def test_masks_of_shards_must_be_a_column(refusal, shards, tmp_path):
    says = refusal("cutmix", shards, tmp_path / "dst", "--masks", "masks", code=INPUT)
    assert says == (
        f"'{shards / 'train-00000-of-00001.parquet'}' has no column 'masks' of encoded masks;"
        " it has image, label; give --masks COLUMN"
    )


def test_boxes_of_shards_need_names(refusal, annotated):
    encoded = (annotated / "src" / SIX[0]).read_bytes()
    write_shard(annotated / "s.parquet", image=[encoded] * 2, label=[0, 1])
    says = refusal("cutmix", "s.parquet", "dst", "--boxes", "boxes.json", code=INPUT, cwd=annotated)
    assert says == (
        "--boxes finds images by name, but column 'image' of 's.parquet' holds none;"
        " give shards whose images are structs of bytes and path"
    )


def write_mask(path, kind):
    """Put a bad mask in the place of a good one."""
    path.unlink()
    if kind != "missing":
        mode, size = {"RGB": ("RGB", (10, 8)), "other size": ("L", (8, 10))}.get(kind, ("L", (10, 8)))
        Image.new(mode, size).save(path)
    if kind == "torn":
        data = path.read_bytes()
        path.write_bytes(data[: data.index(b"IDAT") + 6])
    if kind == "text":
        path.write_text("I am no mask")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "reason", "detail"),
    [
        ("missing", "no mask", "the masks hold no dog/2.png; put it there"),
        ("other size", "mask of another size", "it is 10x8, the image 8x10"),
        (
            "RGB",
            "not an index mask",
            "its pixels are RGB; give index masks: grey or palette PNG, 8 or 16 bit",
        ),
        ("torn", "mask cannot be decoded", None),
        ("text", "not a mask", None),
    ],
)
def test_a_bad_mask_of_one_image_is_recorded_with_the_reason(cli, annotated, kind, reason, detail):
    write_mask(annotated / "masks" / "dog" / "2.png", kind)
    done = cli("cutmix", "src", "dst", "--masks", "masks", "--max-errors", 0, cwd=annotated)
    assert done.returncode == TOO_MANY_FAILED
    assert done.stderr == ("augcli: 1 image failed, --max-errors allows 0; see dst/failures.jsonl\n")
    (failure,) = failures_in(annotated / "dst")
    assert (failure["source"], failure["reason"]) == ("dog/2.png", reason)
    assert detail is None or failure["detail"] == detail
    assert not (annotated / "dst" / "_SUCCESS").exists()
    names = [path.name.split("__")[0] for path in (annotated / "dst" / "images").rglob("*.png")]
    assert sorted(names) == ["0", "1"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (box(bbox=[20, 1, 3, 3]), "box outside its image"),
        (
            {"images": [{"id": 0, "file_name": SIX[0], "width": 11, "height": 8}], **box()},
            "boxes of another size",
        ),
    ],
)
def test_boxes_that_do_not_fit_one_image_are_recorded_with_the_reason(cli, annotated, changes, reason):
    (annotated / "boxes.json").write_text(json.dumps(boxes_document(**changes)))
    done = cli("cutmix", "src", "dst", "--boxes", "boxes.json", cwd=annotated)
    assert done.returncode == TOO_MANY_FAILED
    assert re.fullmatch(r"augcli: 1 image failed, [^\n]+\n", done.stderr)
    (failure,) = failures_in(annotated / "dst")
    assert (failure["source"], failure["reason"]) == (SIX[0], reason)


@pytest.mark.parametrize(
    "options",
    [
        [],
        pytest.param(
            ["--size", 8, "--fit", "pad"],
        ),
    ],
)
def test_an_index_that_a_mask_cannot_hold_is_recorded(cli, annotated, options):
    done = cli("cutout", "src", "dst", "--masks", "masks", "--mask-fill", 300, *options, cwd=annotated)
    assert done.returncode == TOO_MANY_FAILED
    assert re.fullmatch(r"augcli: 3 images failed, [^\n]+\n", done.stderr)
    assert {failure["reason"] for failure in failures_in(annotated / "dst")} == {
        "index does not fit its mask"
    }


# --- DST -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("src", "dst"),
    [
        ("src", "src/cat/out"),
        ("src", "src"),
        ("outer/src", "outer"),
        ("src", "src/../src"),
        ("src", "link/out"),
    ],
    ids=["inside", "same", "around", "same by another name", "inside by a link"],
)
def test_a_destination_that_overlaps_the_source_is_refused(refusal, make_folder, tmp_path, src, dst):
    make_folder({"cat": 2, "dog": 2}, src)
    (tmp_path / "link").symlink_to(tmp_path / "src")
    says = refusal("cutmix", tmp_path / src, f"{tmp_path}/{dst}", code=OUTPUT)
    assert says.endswith("overlap; give DST a place of its own")


def test_a_destination_around_a_shard_is_refused(refusal, shards, tmp_path):
    shutil.copytree(shards, tmp_path / "src")
    shard = next((tmp_path / "src").iterdir())
    says = refusal("cutmix", shard, tmp_path / "src", code=OUTPUT)
    assert says.endswith("overlap; give DST a place of its own")


def test_a_destination_that_is_a_file_is_refused(refusal, photos, tmp_path):
    (tmp_path / "dst").write_text("mine")
    says = refusal("cutmix", photos, tmp_path / "dst", code=OUTPUT)
    assert says == f"DST '{tmp_path / 'dst'}' is a file; give a directory"


def test_a_destination_below_a_file_is_a_fault_of_the_machine(refusal, photos, tmp_path):
    (tmp_path / "file").write_text("mine")
    says = refusal("cutmix", photos, tmp_path / "file" / "dst", code=STORAGE)
    assert says.startswith(f"cannot make '{tmp_path / 'file' / 'dst'}': Not a directory")


@pytest.mark.parametrize(
    ("name", "force"),
    [
        ("mine.txt", ()),
        ("mine.txt", ("--force",)),
        ("cat/photo.jpg", ("--force",)),
        ("data/train-all.parquet", ("--force",)),
        ("_SUCCESS", ("--force",)),
        (".git/HEAD", ("--force",)),
    ],
)
def test_a_destination_that_holds_something_else_is_refused_even_with_force(
    refusal, photos, tmp_path, name, force
):
    path = tmp_path / "dst" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    says = refusal("cutmix", photos, tmp_path / "dst", *force, code=OUTPUT)
    top = name.split("/")[0]
    assert (
        says
        == f"DST '{tmp_path / 'dst'}' holds something else ('{top}'); give a new directory, or an empty one"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"output_version": 1}',
        '{"output_version": 1, "recipe": []}',
    ],
)
def test_a_foreign_augcli_json_does_not_make_a_destination_ours(refusal, photos, tmp_path, text):
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "augcli.json").write_text(text)
    (tmp_path / "dst" / "mine.txt").write_text("mine")
    says = refusal("cutmix", photos, tmp_path / "dst", "--force", code=OUTPUT)
    assert says == f"'{tmp_path / 'dst' / 'augcli.json'}' is damaged; give another DST"


@pytest.fixture(scope="module")
def made(cli, tmp_path_factory):
    """`src` of four images and `dst`, its output of CutMix that is never applied; made once."""
    root = tmp_path_factory.mktemp("made")
    write_images(root / "src", "cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png")
    cli("cutmix", root / "src", root / "dst", "--p", 0).check_returncode()
    return root


@pytest.fixture
def standing(made, tmp_path):
    """A copy of `made`, modification times included: (src, dst)."""
    for name in ("src", "dst"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path / "src", tmp_path / "dst"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (("--p", 0, "--seed", 1), "seed"),
        (("--p", 0.5), "op (p)"),
        (("--p", 0, "--copies", 2, "--quality", 50), "copies, quality"),
        (("--p", 0, "--format", "parquet"), "format"),
    ],
)
def test_another_recipes_output_is_refused_naming_the_keys(refusal, standing, options, key):
    src, dst = standing
    says = refusal("cutmix", src, dst, *options, code=OUTPUT)
    assert says == (
        f"DST '{dst}' holds another recipe's output; differing: {key};"
        " give another DST, or replace it with --force"
    )


def test_force_to_parquet_leaves_nothing_of_the_folder_form(cli, standing):
    src, dst = standing
    done = cli("cutmix", src, dst, "--p", 0, "--quiet", "--format", "parquet", "--force")
    assert done.returncode == 0
    assert {path.name for path in dst.iterdir() if not path.name.startswith(".")} == {
        *("data", "classes.txt", "README.md", "augcli.json", "_SUCCESS")
    }


def test_force_to_folder_leaves_nothing_of_the_parquet_form(cli, make_folder, tmp_path):
    src, dst = make_folder({"cat": 2}), tmp_path / "dst"
    assert cli("cutmix", src, dst, "--p", 0, "--quiet", "--format", "parquet").returncode == 0
    assert (dst / "data").is_dir()
    assert cli("cutmix", src, dst, "--p", 0, "--quiet", "--force").returncode == 0
    assert not (dst / "data").exists()


def test_a_full_disk_is_a_fault_of_the_machine_and_the_run_can_go_on(run_cli, cli, made, tree, tmp_path):
    src, dst = made / "src", tmp_path / "dst"

    def fill_disk():  # the images are smaller than this, the part file that commits them is larger
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = run_cli("cutmix", src, dst, "--p", 0, preexec_fn=fill_disk)
    assert (done.returncode, done.stdout) == (STORAGE, "")
    assert re.fullmatch(rf"augcli: cannot write '{re.escape(str(dst))}/[^\n]+\n", done.stderr)
    assert not (dst / "_SUCCESS").exists()
    assert cli("cutmix", src, dst, "--p", 0).returncode == 0
    assert tree(dst) == tree(made / "dst")


def test_a_refused_value_leaves_a_standing_output_as_it_is(refusal, standing):
    src, dst = standing
    before = look(dst)
    refusal("cutmix", src, dst, "--p", 2, "--force", code=USAGE)
    assert look(dst) == before


def test_a_source_that_became_empty_leaves_a_standing_output_as_it_is(refusal, standing):
    src, dst = standing
    for path in src.iterdir():
        shutil.rmtree(path)
        path.mkdir()
    before = look(dst)
    refusal("cutmix", src, dst, "--p", 0, code=INPUT)
    assert look(dst) == before


# --- images that fail ----------------------------------------------------------------------------------


def encode(image, form):
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def make_bad(kind):
    """Give the name and bytes of an image that fails."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8))
    jpeg = encode(noise.resize((20, 20)), "JPEG")
    return {
        "text": ("bad.jpg", b"I am no photo"),
        "truncated": ("bad.jpg", jpeg[:-40]),
        "empty": ("bad.png", b""),
        "large": ("bad.png", encode(noise, "PNG")),
    }[kind]


BAD = {
    "text": ("read", "not an image"),
    "truncated": ("decode", "cannot be decoded"),
    "empty": ("read", "empty file"),
    "large": ("read", "too many pixels"),
}
"""Kind of damage to the stage and the reason that must be recorded."""

BOUND = ("--max-pixels", 400)
"""A 20x20 image just passes, the large one of 24x24 does not."""


def failures_in(dst):
    return [json.loads(line) for line in (dst / "failures.jsonl").read_text().splitlines()]


def images_in(dst):
    return sorted(path.name for path in dst.rglob("*") if path.suffix in (".png", ".jpg"))


def add_bad(src, *kinds):
    for kind in kinds:
        name, data = make_bad(kind)
        (src / "dog" / f"{kind}-{name}").write_bytes(data)


@pytest.fixture(scope="module")
def damaged(cli, tmp_path_factory):
    """`src` of three good images and one of each bad kind, `dst` made from it, and how that ended."""
    root = tmp_path_factory.mktemp("damaged")
    write_images(root / "src", "cat/0.png", "cat/1.png", "dog/0.png")
    add_bad(root / "src", *BAD)
    return root, cli("cutmix", root / "src", root / "dst", *BOUND)


def test_too_many_failures_have_their_exit_code_and_one_line(damaged):
    _, done = damaged
    assert done.returncode == TOO_MANY_FAILED
    assert re.fullmatch(r"augcli: 4 [^\n]+--max-errors allows 0; see [^\n]+/failures.jsonl\n", done.stderr)


def test_with_too_many_failures_the_others_are_made_but_the_output_is_not_complete(damaged):
    root, _ = damaged
    assert len(images_in(root / "dst")) == 3
    assert not (root / "dst" / "_SUCCESS").exists()


@pytest.mark.parametrize("kind", BAD)
def test_an_image_that_fails_is_recorded_once_with_stage_and_reason(damaged, kind):
    root, _ = damaged
    (failure,) = [one for one in failures_in(root / "dst") if one["source"].startswith(f"dog/{kind}-bad.")]
    assert (failure["stage"], failure["reason"]) == BAD[kind]
    assert failure.keys() == {"source", "stage", "reason", "detail"}


def test_a_truncated_image_fails_too_where_nothing_is_applied(cli, make_folder, tmp_path):
    src, dst = make_folder({"cat": 1, "dog": 1}), tmp_path / "dst"
    add_bad(src, "truncated")
    assert cli("cutmix", src, dst, "--p", 0).returncode == TOO_MANY_FAILED
    assert [failure["source"] for failure in failures_in(dst)] == ["dog/truncated-bad.jpg"]
    assert len(images_in(dst)) == 2


def test_max_errors_decides_in_every_run_whether_the_output_is_complete(cli, damaged, tmp_path):
    for name in ("src", "dst"):
        shutil.copytree(damaged[0] / name, tmp_path / name)
    dst = tmp_path / "dst"
    for allowed, code in [(4, 0), (3, TOO_MANY_FAILED)]:
        done = cli("cutmix", tmp_path / "src", dst, *BOUND, "--max-errors", allowed)
        assert done.returncode == code
        assert (done.stderr == "") is (code == 0)
        assert (dst / "_SUCCESS").exists() is (code == 0)
        assert len(failures_in(dst)) == 4


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_an_input_of_which_nothing_decodes_gives_no_image(cli, tmp_path, form):
    src, dst = tmp_path / "src", tmp_path / "dst"
    (src / "cat").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (src / "cat" / name).write_text("I am no photo")
    done = cli("cutmix", src, dst, "--format", form)
    assert done.returncode == TOO_MANY_FAILED
    assert "Traceback" not in done.stderr
    assert [failure["source"] for failure in failures_in(dst)] == ["cat/a.jpg", "cat/b.jpg"]
    assert images_in(dst) == []
    assert not (dst / "_SUCCESS").exists()


def test_parquet_rows_that_fail_are_recorded_by_shard_and_row(cli, tmp_path):
    good = encode(Image.new("RGB", (8, 8), "teal"), "PNG")
    write_shard(tmp_path / "src" / "a.parquet", image=[good, b"junk", None, good], label=[0, 1, 0, 1])
    done = cli("cutmix", tmp_path / "src", tmp_path / "dst")
    assert done.returncode == TOO_MANY_FAILED
    assert [(failure["source"], failure["reason"]) for failure in failures_in(tmp_path / "dst")] == [
        ("a.parquet#1", "not an image"),
        ("a.parquet#2", "no image"),
    ]
    shards = (tmp_path / "dst" / "data").glob("*.parquet")
    assert sum(pq.read_metadata(shard).num_rows for shard in shards) == 2


def test_an_image_too_wide_for_jpeg_is_recorded(cli, make_folder, tmp_path):
    src, dst = make_folder({"cat": 2}), tmp_path / "dst"
    Image.new("L", (65536, 1)).save(src / "cat" / "wide.png")
    done = cli("cutmix", src, dst, "--image-format", "jpg")
    assert done.returncode == TOO_MANY_FAILED
    (failure,) = failures_in(dst)
    assert (failure["source"], failure["stage"]) == ("cat/wide.png", "encode")
    assert len(images_in(dst)) == 2
