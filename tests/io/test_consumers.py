"""Every consumer that formats.md names loads what is written, with no code of ours.

torchvision, timm and Keras are not installed where this runs: their listing rules are restated here.
Expected names and counts come from `FILES`, by hand.
"""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pycocotools.coco import COCO

import augcli
from augcli.ops.cutmix import CutMix
from augcli.recipe import Recipe, single

FILES = {
    "1": ["IMG.JPG", "img.png", "c.png"],
    "10": ["a.b.c.png", "v1.2.png", "x.png"],
    "2": ["-dash.png", "-n.jpg", "x.png"],
    "test tube": ["train_0.jpg", "test_1.png", "val.png"],
    "naïve": ["é.png", "x.png", "y z.png"],
    "label": ["label.png", "image.png", "x.png"],
}
CLASSES = ["1", "10", "2", "label", "naïve", "test tube"]
"""By code point, as Python's `sorted` gives them."""

HEIGHT, WIDTH, COPIES, IMAGES = 12, 14, 2, 18


def encode_image(seed: int, form: str = "PNG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def write_images(root: Path, files: dict[str, list[str]]) -> Path:
    for number, (folder, name) in enumerate((f, name) for f, names in files.items() for name in names):
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_image(number, "JPEG" if name.lower().endswith(".jpg") else "PNG"))
    return root


def write_shard(path: Path, rows: int, **columns: pa.Array) -> None:
    """Write images with a ClassLabel column; `columns` stand beside them."""
    images = [{"bytes": encode_image(row), "path": f"{row}.png"} for row in range(rows)]
    labels = pa.array([row % len(CLASSES) for row in range(rows)], pa.int64())
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, kind), "label": labels, **columns})
    features = {"image": {"_type": "Image"}, "label": {"names": CLASSES, "_type": "ClassLabel"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path
    )


def mixing() -> Recipe:
    return single(CutMix(alpha=1.0), copies=COPIES)


def unchanged(**settings: object) -> Recipe:
    """A recipe of which nothing is ever drawn: every image keeps its own class."""
    return single(CutMix(alpha=1.0), p=0.0, **settings)


@pytest.fixture(scope="module")
def folder_output(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("folder")
    augcli.materialize(write_images(root / "src", FILES), root / "dst", mixing())
    return root / "dst"


@pytest.fixture(scope="module")
def unchanged_output(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("unchanged")
    augcli.materialize(write_images(root / "src", FILES), root / "dst", unchanged())
    return root / "dst"


@pytest.fixture(scope="module")
def split_output(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("split")
    write_images(root / "src" / "train", FILES)
    write_images(root / "src" / "val", {name: files[:2] for name, files in FILES.items()})
    augcli.materialize(root / "src", root / "dst", mixing())
    return root / "dst"


@pytest.fixture(scope="module")
def parquet_output(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("parquet")
    write_shard(root / "src" / "part-0.parquet", IMAGES)
    augcli.materialize(root / "src", root / "dst", mixing())
    return root / "dst"


@pytest.fixture
def load(hugging_face, tmp_path):
    return lambda root: hugging_face.load_dataset(str(root), cache_dir=str(tmp_path / "cache"))


def stored_labels(root: Path) -> dict[str, int]:
    """What metadata.parquet says: class index by file."""
    table = pq.read_table(root / "metadata.parquet", columns=["file_name", "label"])
    return dict(zip(table.column("file_name").to_pylist(), table.column("label").to_pylist(), strict=True))


# Hugging Face datasets ------------------------------------------------------------------------------------


def test_datasets_loads_every_image_of_a_folder_as_train(folder_output, load):
    loaded = load(folder_output)
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": COPIES * IMAGES}


def test_datasets_decodes_every_image_of_a_folder(folder_output, load):
    for row in load(folder_output)["train"]:
        assert np.asarray(row["image"]).shape == (HEIGHT, WIDTH, 3)


def test_datasets_knows_the_class_names_of_a_folder(folder_output, load, hugging_face):
    label = load(folder_output)["train"].features["label"]
    assert isinstance(label, hugging_face.ClassLabel)
    assert label.names == CLASSES


def test_datasets_gives_each_image_the_label_of_its_folder(folder_output, load, hugging_face):
    rows = load(folder_output)["train"].cast_column("image", hugging_face.Image(decode=False))
    for row in rows:
        assert Path(row["image"]["path"]).parent.name == CLASSES[row["label"]]


def test_datasets_reads_soft_labels_of_a_folder_that_sum_to_one(folder_output, load):
    for row in load(folder_output)["train"]:
        assert len(row["soft_label"]) == len(CLASSES)
        # Six float32 weights, each within 2**-25 of its double.
        assert sum(row["soft_label"]) == pytest.approx(1, abs=1e-6)


def test_datasets_finds_mixed_rows_with_both_sources(folder_output, load):
    mixed = [row for row in load(folder_output)["train"] if row["op"] == "cutmix"]
    assert mixed
    for row in mixed:
        assert 0 <= row["lam"] < 1
        assert len(row["partners"]) == 1
        assert row["partners"][0] != row["source"]


def test_datasets_loads_both_splits_of_a_folder(split_output, load):
    loaded = load(split_output)
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": COPIES * IMAGES, "val": 12}


def test_datasets_knows_the_same_class_names_in_both_splits(split_output, load):
    loaded = load(split_output)
    assert loaded["train"].features["label"].names == CLASSES
    assert loaded["val"].features["label"].names == CLASSES


def test_datasets_sees_nothing_mixed_in_the_split_that_is_passed_on(split_output, load):
    rows = load(split_output)["val"]
    assert set(rows["op"]) == {"none"}
    assert set(rows["lam"]) == {1.0}


def test_datasets_reads_the_source_pixels_of_the_split_that_is_passed_on(split_output, load):
    src = split_output.parent / "src"
    for row in load(split_output)["val"]:
        with Image.open(src / row["source"]) as image:
            np.testing.assert_array_equal(np.asarray(row["image"]), np.asarray(image))


def test_datasets_reads_soft_labels_of_the_split_that_is_passed_on_as_one_hot(split_output, load):
    for row in load(split_output)["val"]:
        name = row["source"].split("/")[1]
        assert row["soft_label"] == [float(one == name) for one in CLASSES]


def test_datasets_loads_one_split_alone(split_output, hugging_face, tmp_path):
    rows = hugging_face.load_dataset(str(split_output), split="val", cache_dir=str(tmp_path / "cache"))
    assert rows.num_rows == 12


def test_datasets_loads_every_row_of_the_shards_as_train(parquet_output, load):
    loaded = load(parquet_output)
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": COPIES * IMAGES}


def test_datasets_decodes_every_image_of_the_shards(parquet_output, load):
    for row in load(parquet_output)["train"]:
        assert np.asarray(row["image"]).shape == (HEIGHT, WIDTH, 3)


def test_datasets_knows_the_class_names_of_the_shards(parquet_output, load, hugging_face):
    label = load(parquet_output)["train"].features["label"]
    assert isinstance(label, hugging_face.ClassLabel)
    assert label.names == CLASSES


def test_datasets_reads_soft_labels_of_the_shards_that_sum_to_one(parquet_output, load):
    for row in load(parquet_output)["train"]:
        assert len(row["soft_label"]) == len(CLASSES)
        # Six float32 weights, each within 2**-25 of its double.
        assert sum(row["soft_label"]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_datasets_loads_splits_of_other_names_as_the_splits_they_are(make_folder, tmp_path, load, form):
    src = make_folder({"Train/cat": 2, "Train/dog": 2, "val2017/cat": 3, "test_images/dog": 1})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), format=form, smoothing=0.1))
    loaded = load(tmp_path / "dst")
    assert {name: split.num_rows for name, split in loaded.items()} == {
        "train": 4,
        "validation": 3,
        "test": 1,
    }
    assert loaded["test"]["label"] == [1]
    assert loaded["validation"]["soft_label"] == [[1.0, 0.0]] * 3


def test_datasets_loads_both_splits_of_shards(tmp_path, load):
    write_shard(tmp_path / "src" / "train-00000.parquet", 12)
    write_shard(tmp_path / "src" / "validation-00000.parquet", 7)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing())
    loaded = load(tmp_path / "dst")
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 24, "validation": 7}
    assert set(loaded["validation"]["op"]) == {"none"}


def test_datasets_loads_shards_written_as_a_folder(tmp_path, load):
    write_shard(tmp_path / "src" / "part-0.parquet", IMAGES)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(CutMix(alpha=1.0), format="folder"))
    rows = load(tmp_path / "dst")["train"]
    assert rows.num_rows == IMAGES
    assert rows.features["label"].names == CLASSES


def test_datasets_loads_a_folder_written_as_shards(tmp_path, load):
    write_images(tmp_path / "src", FILES)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(CutMix(alpha=1.0), format="parquet"))
    rows = load(tmp_path / "dst")["train"]
    assert rows.num_rows == IMAGES
    assert rows.features["label"].names == CLASSES


def test_datasets_loads_a_flat_folder_without_labels(tmp_path, load):
    write_images(tmp_path / "src", {"": ["a.png", "train_0.jpg", "-b.png"]})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", Recipe())
    rows = load(tmp_path / "dst")["train"]
    assert rows.num_rows == 3
    assert rows["label"] == [None, None, None]


def test_datasets_loads_a_flat_folder_with_a_label_table(tmp_path, load):
    write_images(tmp_path / "src", {"": ["a.png", "train_0.jpg", "-b.png"]})
    (tmp_path / "labels.csv").write_text("file_name,label\na.png,cat\ntrain_0.jpg,dog\n-b.png,cat\n")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged(), labels=tmp_path / "labels.csv")
    rows = load(tmp_path / "dst")["train"]
    assert dict(zip(rows["source"], rows["label"], strict=True)) == {
        "a.png": 0,
        "train_0.jpg": 1,
        "-b.png": 0,
    }
    assert rows.features["label"].names == ["cat", "dog"]


@pytest.mark.parametrize(
    "name", ["__background__", "a::b", "a#b%20?", "[b]", "*", 'say "x"', "it's", "a,b", "..."]
)
def test_datasets_loads_a_class_of_an_awkward_name(tmp_path, load, name):
    # From a shard: no directory of an image folder could bear all of these names.
    write_shard(tmp_path / "src.parquet", 4)
    table = pq.read_table(tmp_path / "src.parquet").replace_schema_metadata(None)
    table = table.set_column(1, "label", pa.array([name, "b", name, "b"]))
    pq.write_table(table, tmp_path / "src.parquet")
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", unchanged(format="folder"))
    rows = load(tmp_path / "dst")["train"]
    names = [rows.features["label"].int2str(label) for label in rows["label"]]
    assert sorted(names) == sorted([name, "b", name, "b"])


def test_datasets_loads_more_classes_than_are_written_densely(tmp_path, load):
    write_shard(tmp_path / "src.parquet", 6)
    table = pq.read_table(tmp_path / "src.parquet").replace_schema_metadata(None)
    table = table.set_column(1, "label", pa.array([0, 1, 2, 300, 1, 0]))
    pq.write_table(table, tmp_path / "src.parquet")
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", mixing())
    features = load(tmp_path / "dst")["train"].features
    assert len(features["label"].names) == 301
    assert "soft_label" not in features


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pa.array([1, 2, 3, 4], pa.int16()), 1, id="int16"),
        pytest.param(pa.array([1, 2, 3, 4], pa.uint8()), 1, id="uint8"),
        pytest.param(pa.array(["a", "b", "c", "d"], pa.large_string()), "a", id="large string"),
        pytest.param(pa.array([b"a", b"b", b"c", b"d"]), b"a", id="binary"),
        pytest.param(pa.nulls(4), None, id="null"),
        pytest.param(pa.array([["a"], [], None, ["d"]]), ["a"], id="list"),
        pytest.param(pa.array([[1.5]] * 4, pa.large_list(pa.float64())), [1.5], id="large list"),
        pytest.param(pa.array([{"a": 1, "b": ["x"]}] * 4), {"a": 1, "b": ["x"]}, id="struct"),
        pytest.param(pa.array([[{"a": 1}]] * 4), [{"a": 1}], id="list of structs"),
        pytest.param(
            pa.array(["u", "v"] * 2).dictionary_encode(),
            "u",
            id="dictionary",
        ),
        pytest.param(
            pa.array([[1, 2]] * 4, pa.list_(pa.int32(), 2)),
            [1, 2],
            id="fixed-size list",
        ),
        pytest.param(
            pa.array(np.full(4, 0.5, np.float16)),
            0.5,
            id="float16",
        ),
    ],
)
def test_datasets_loads_shards_with_a_carried_column(tmp_path, load, column, expected):
    write_shard(tmp_path / "src.parquet", 4, extra=column)
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", unchanged())
    rows = load(tmp_path / "dst")["train"]
    assert {row["source"]: row["extra"] for row in rows}["src.parquet#0"] == expected


def test_datasets_loads_shards_with_a_carried_date(tmp_path, load):
    write_shard(tmp_path / "src.parquet", 4, day=pa.array([0, 1, 2, 3], pa.date32()))
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", unchanged())
    assert str(min(load(tmp_path / "dst")["train"]["day"])) == "1970-01-01"


# pandas, polars, DuckDB -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_pandas_reads_labels_csv(folder_output):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(
        folder_output / "labels.csv", dtype={"label_name": str}, float_precision="round_trip"
    )
    assert len(frame) == COPIES * IMAGES
    assert [CLASSES[label] for label in frame["label"]] == frame["label_name"].tolist()
    weights = frame[[f"p:{name}" for name in CLASSES]].to_numpy()
    # Sums of at most two doubles that were each rounded once.
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_pandas_reads_no_second_class_of_unmixed_rows(unchanged_output):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(unchanged_output / "labels.csv")
    assert len(frame) == IMAGES
    assert frame["label2"].isna().all()
    assert frame["source2"].isna().all()


def test_pandas_reads_metadata_parquet(folder_output):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(folder_output / "metadata.parquet")
    assert len(frame) == COPIES * IMAGES
    assert all((folder_output / name).is_file() for name in frame["file_name"])


def test_pandas_reads_the_same_numbers_from_both_tables(folder_output):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(folder_output / "metadata.parquet").set_index("file_name")
    text = pandas.read_csv(folder_output / "labels.csv", float_precision="round_trip").set_index("file_name")
    assert text["lam"].to_dict() == table["lam"].to_dict()
    assert text["weight"].to_dict() == {name: max(weights) for name, weights in table["weights"].items()}


def test_pandas_reads_images_of_the_shards(parquet_output):
    pandas = pytest.importorskip("pandas")
    frame = pandas.concat(map(pandas.read_parquet, sorted((parquet_output / "data").iterdir())))
    assert len(frame) == COPIES * IMAGES
    for image in frame["image"]:
        assert Image.open(io.BytesIO(image["bytes"])).size == (WIDTH, HEIGHT)


@pytest.mark.slow
def test_polars_reads_labels_csv(folder_output):
    polars = pytest.importorskip("polars")
    frame = polars.read_csv(folder_output / "labels.csv")
    assert frame.height == COPIES * IMAGES
    assert [CLASSES[label] for label in frame["label"]] == frame["label_name"].to_list()
    assert frame["label2"].dtype.is_integer()


@pytest.mark.slow
def test_polars_reads_metadata_parquet(folder_output):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(folder_output / "metadata.parquet")
    assert frame.height == COPIES * IMAGES
    # Six float32 weights, each within 2**-25 of its double.
    assert (frame["soft_label"].list.sum() - 1).abs().max() < 1e-6


def test_polars_reads_the_steps_of_metadata_parquet(folder_output):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(folder_output / "metadata.parquet").filter(polars.col("applied"))
    kept = []
    for steps, width, height in frame.select("steps", "width", "height").iter_rows():
        (step,) = steps
        kept.append(1 - (step["y1"] - step["y0"]) * (step["x1"] - step["x0"]) / (width * height))
    # λ is the share of pixels that the box leaves; this order of arithmetic rounds differently.
    np.testing.assert_allclose(frame["lam"].to_numpy(), kept, rtol=0, atol=1e-12)


def test_polars_reads_images_of_the_shards(parquet_output):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(parquet_output / "data" / "*.parquet")
    assert frame.height == COPIES * IMAGES
    for image in frame["image"]:
        assert Image.open(io.BytesIO(image["bytes"])).size == (WIDTH, HEIGHT)


@pytest.mark.slow
def test_duckdb_reads_labels_csv(folder_output):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select label, label_name, weight + coalesce(weight2, 0) from read_csv(?)",
            [str(folder_output / "labels.csv")],
        ).fetchall()
    assert len(rows) == COPIES * IMAGES
    assert [CLASSES[label] for label, _, _ in rows] == [name for _, name, _ in rows]
    # Sums of two doubles that were each rounded once.
    assert all(total == pytest.approx(1, abs=1e-12) for _, _, total in rows)


def test_duckdb_reads_metadata_parquet(folder_output):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select file_name, list_sum(weights), width, height from read_parquet(?)",
            [str(folder_output / "metadata.parquet")],
        ).fetchall()
    assert {name for name, *_ in rows} == {
        path.relative_to(folder_output).as_posix() for path in folder_output.glob("*/*")
    }
    assert {(width, height) for *_, width, height in rows} == {(WIDTH, HEIGHT)}
    # Sums of two doubles that were each rounded once.
    assert all(total == pytest.approx(1, abs=1e-12) for _, total, _, _ in rows)


def test_duckdb_reads_the_shards(parquet_output):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select octet_length(image.bytes), bytes, image.path from read_parquet(?)",
            [str(parquet_output / "data" / "*.parquet")],
        ).fetchall()
    assert len(rows) == COPIES * IMAGES
    assert all(length == stated for length, stated, _ in rows)
    assert all(path.endswith(".png") for *_, path in rows)


# Readers of class folders ---------------------------------------------------------------------------------

TORCHVISION = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
TIMM = (".png", ".jpg", ".jpeg")
KERAS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def list_as_torchvision(root: Path) -> tuple[list[str], dict[str, int]]:
    """`torchvision.datasets.folder`: `find_classes` and `make_dataset`; classes, and an index by file."""
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {root}.")
    found, available = {}, set()
    for index, name in enumerate(classes):
        for folder, _, files in sorted(os.walk(root / name, followlinks=True)):
            for file in sorted(files):
                if file.lower().endswith(TORCHVISION):
                    found[Path(folder, file).relative_to(root).as_posix()] = index
                    available.add(name)
    empty = set(classes) - available
    if empty:
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(sorted(empty))}.")
    return classes, found


def list_as_timm(root: Path, class_map: Path | None = None) -> dict[str, int]:
    """timm's `reader_image_folder.find_images_and_targets`, and `load_class_map` of a text file."""
    files, labels = [], []
    for folder, _, names in os.walk(root, topdown=False, followlinks=True):
        below = os.path.relpath(folder, root) if folder != str(root) else ""
        for name in names:
            if os.path.splitext(name)[1].lower() in TIMM:
                files.append(f"{below}/{name}" if below else name)
                labels.append(below.replace(os.path.sep, "_"))
    if class_map is None:
        ordered = sorted(
            set(labels), key=lambda s: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", s)]
        )
        indices = {name: index for index, name in enumerate(ordered)}
    else:
        with class_map.open(encoding="utf-8") as lines:
            indices = {line.strip(): index for index, line in enumerate(lines)}
    return {file: indices[label] for file, label in zip(files, labels, strict=True) if label in indices}


def list_as_keras(root: Path) -> tuple[list[str], dict[str, int]]:
    """`keras.utils.image_dataset_from_directory` with inferred labels: `index_directory`."""
    classes = [name for name in sorted(os.listdir(root)) if (root / name).is_dir()]
    found = {}
    for index, name in enumerate(classes):
        for folder, _, files in sorted(os.walk(root / name, followlinks=True)):
            for file in sorted(files):
                if file.lower().endswith(KERAS):
                    found[Path(folder, file).relative_to(root).as_posix()] = index
    return classes, found


def test_only_class_folders_stand_at_the_root(folder_output):
    assert sorted(path.name for path in folder_output.iterdir() if path.is_dir()) == CLASSES


def test_only_class_folders_stand_in_each_split(split_output):
    assert sorted(path.name for path in split_output.iterdir() if path.is_dir()) == ["train", "val"]
    for split in ("train", "val"):
        assert sorted(path.name for path in (split_output / split).iterdir() if path.is_dir()) == CLASSES


def test_only_images_stand_in_class_folders(folder_output):
    # FiftyOne reads whatever file stands there.
    inside = [path for name in CLASSES for path in (folder_output / name).iterdir()]
    assert len(inside) == COPIES * IMAGES
    for path in inside:
        with Image.open(path) as image:
            image.load()


def test_torchvision_finds_every_image_with_the_label_of_the_table(folder_output):
    classes, found = list_as_torchvision(folder_output)
    assert classes == CLASSES
    assert found == stored_labels(folder_output)


def test_torchvision_gives_every_source_its_own_class(unchanged_output):
    _, found = list_as_torchvision(unchanged_output)
    assert sorted(found.values()) == [index for index in range(6) for _ in range(3)]


@pytest.mark.parametrize("split", ["train", "val"])
def test_torchvision_reads_each_split(split_output, split):
    classes, found = list_as_torchvision(split_output / split)
    assert classes == CLASSES
    assert found == stored_labels(split_output / split)


def test_timm_finds_every_image_with_the_label_of_the_table(folder_output):
    assert list_as_timm(folder_output, folder_output / "classes.txt") == stored_labels(folder_output)


def test_classes_txt_holds_one_name_a_line_in_sorted_order(folder_output):
    assert (folder_output / "classes.txt").read_bytes().decode() == "1\n10\n2\nlabel\nnaïve\ntest tube\n"


def test_timm_without_a_class_map_orders_classes_differently(unchanged_output):
    # Why classes.txt must be given: a natural sort puts 2 before 10.
    found = {Path(file).parent.name: index for file, index in list_as_timm(unchanged_output).items()}
    assert (found["1"], found["2"], found["10"]) == (0, 1, 2)


def test_timm_keeps_the_indices_where_a_class_is_dominant_nowhere(tmp_path):
    write_images(tmp_path / "src", {"a": ["1.png", "2.png"], "c": ["1.png", "2.png"]})
    (tmp_path / "classes").write_text("a\nb\nc\n")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged(), classes=tmp_path / "classes")
    found = list_as_timm(tmp_path / "dst", tmp_path / "dst" / "classes.txt")
    assert {Path(file).parent.name: index for file, index in found.items()} == {"a": 0, "c": 2}


def test_a_class_that_is_dominant_nowhere_is_warned_of(tmp_path):
    write_images(tmp_path / "src", {"a": ["1.png", "2.png"], "c": ["1.png", "2.png"]})
    (tmp_path / "classes").write_text("a\nb\nc\n")
    summary = augcli.materialize(
        tmp_path / "src", tmp_path / "dst", unchanged(), classes=tmp_path / "classes"
    )
    assert any("'b'" in note and "classes.txt" in note for note in summary.notes)


@pytest.mark.parametrize("name", ["a/b", "a\\b", ".hidden", "a\tb"])
def test_timm_finds_a_class_whose_name_no_folder_can_bear_by_classes_txt(tmp_path, name):
    write_shard(tmp_path / "src.parquet", 4)
    table = pq.read_table(tmp_path / "src.parquet").replace_schema_metadata(None)
    table = table.set_column(1, "label", pa.array([name, "x", name, "x"]))
    pq.write_table(table, tmp_path / "src.parquet")
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", unchanged(format="folder"))
    found = list_as_timm(tmp_path / "dst", tmp_path / "dst" / "classes.txt")
    assert found == stored_labels(tmp_path / "dst")
    assert len(found) == 4


def test_keras_finds_every_image_with_the_label_of_the_table(folder_output):
    classes, found = list_as_keras(folder_output)
    assert classes == CLASSES
    assert found == stored_labels(folder_output)


# Names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("1", r"IMG__cutmix0-[0-9a-f]{16}\.jpg"),
        ("1", r"img__cutmix0-[0-9a-f]{16}\.png"),
        ("10", r"a\.b\.c__cutmix0-[0-9a-f]{16}\.png"),
        ("10", r"v1\.2__cutmix0-[0-9a-f]{16}\.png"),
        ("2", r"-dash__cutmix0-[0-9a-f]{16}\.png"),
        ("test tube", r"train_0__cutmix0-[0-9a-f]{16}\.jpg"),
        ("naïve", r"é__cutmix0-[0-9a-f]{16}\.png"),
    ],
)
def test_an_output_bears_the_stem_of_its_source(unchanged_output, folder, pattern):
    assert sum(bool(re.fullmatch(pattern, path.name)) for path in (unchanged_output / folder).iterdir()) == 1


def test_two_sources_that_differ_in_the_extension_only_do_not_collide(tmp_path):
    write_images(tmp_path / "src", {"a": ["x.png", "x.PNG", "x.jpg", "x.JPG"]})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    assert len(list((tmp_path / "dst" / "a").iterdir())) == 4


def test_flat_input_gives_flat_output(tmp_path):
    write_images(tmp_path / "src", {"": ["a.png", "b.png"]})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", Recipe())
    assert not [path for path in (tmp_path / "dst").iterdir() if path.is_dir()]
    assert len(list((tmp_path / "dst").glob("*.png"))) == 2


def test_with_splits_no_table_stands_at_the_root(split_output):
    # Hugging Face would give every split the rows of all.
    assert not (split_output / "metadata.parquet").exists()
    assert not (split_output / "labels.csv").exists()


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("table", ["metadata.parquet", "labels.csv"])
def test_with_splits_the_tables_stand_inside_each_split(split_output, split, table):
    assert (split_output / split / table).is_file()


def test_a_class_called_train_among_others_stays_a_class(tmp_path, load):
    write_images(tmp_path / "src", {"train": ["1.png", "2.png"], "ship": ["1.png", "2.png"]})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    rows = load(tmp_path / "dst")["train"]
    assert rows.num_rows == 4
    assert rows.features["label"].names == ["ship", "train"]


# Masks and boxes ------------------------------------------------------------------------------------------


def write_annotations(root: Path) -> dict[str, Path]:
    """Write masks of the images, each of one index, and a box in each as COCO; gives where they lie."""
    src = write_images(root / "src", FILES)
    images, annotations = [], []
    for number, path in enumerate(sorted(path for path in src.rglob("*") if path.is_file()), start=1):
        name = path.relative_to(src)
        mask = (root / "masks" / name).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((HEIGHT, WIDTH), number, np.uint8)).save(mask)
        images.append({"id": number, "file_name": name.as_posix(), "height": HEIGHT, "width": WIDTH})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": [2, 3, 5, 4]})
    held = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    (root / "boxes.json").write_text(json.dumps(held))
    return {"src": src, "masks": root / "masks", "boxes": root / "boxes.json"}


@pytest.fixture(scope="module")
def annotated_output(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("annotated")
    augcli.materialize(dst=root / "dst", recipe=mixing(), **write_annotations(root))
    return root / "dst"


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_datasets_loads_masks_beside_their_images(tmp_path, load, hugging_face, form):
    paths = write_annotations(tmp_path)
    augcli.materialize(dst=tmp_path / "dst", recipe=unchanged(format=form), **paths)
    loaded = load(tmp_path / "dst")["train"]
    assert isinstance(loaded.features["mask"], hugging_face.Image)
    assert loaded.features["label"].names == CLASSES
    assert loaded.num_rows == IMAGES
    sources = {row["source"]: row["mask"] for row in loaded}
    for key, mask in sources.items():
        with Image.open((paths["masks"] / key).with_suffix(".png")) as wanted:
            np.testing.assert_array_equal(np.asarray(mask), np.asarray(wanted))


def test_only_class_folders_stand_below_images(annotated_output):
    roots = {path.name for path in annotated_output.iterdir() if path.is_dir()}
    assert roots == {"images", "masks"}
    _, found = list_as_torchvision(annotated_output / "images")
    assert {f"images/{name}": label for name, label in found.items()} == stored_labels(annotated_output)


def test_coco_readers_find_every_image_below_images(annotated_output):
    # torchvision's CocoDetection opens root / file_name of loadImgs, and takes loadAnns as its target.
    coco = COCO(str(annotated_output / "annotations.json"))
    for number in coco.getImgIds():
        (image,) = coco.loadImgs(number)
        with Image.open(annotated_output / "images" / image["file_name"]) as opened:
            assert opened.size == (image["width"], image["height"])
        for box in coco.loadAnns(coco.getAnnIds(number)):
            x, y, width, height = box["bbox"]
            assert 0 <= x < x + width <= WIDTH
            assert 0 <= y < y + height <= HEIGHT


def test_every_mask_bears_the_name_of_its_image(annotated_output):
    rows = pq.read_table(annotated_output / "metadata.parquet", columns=["file_name", "mask_file_name"])
    for row in rows.to_pylist():
        with Image.open(annotated_output / row["file_name"]) as image:
            size = image.size
        with Image.open(annotated_output / row["mask_file_name"]) as mask:
            assert mask.size == size
        stem = row["file_name"].removeprefix("images/").rsplit(".", 1)[0]
        assert row["mask_file_name"] == f"masks/{stem}.png"
