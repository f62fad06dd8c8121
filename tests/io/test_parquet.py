"""Parquet shards as input and as output."""

from __future__ import annotations

import io
import json
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.parquet import ShardOpener
from augcli.io.readers.source import open_source
from augcli.io.store.local import LocalStore
from augcli.ops.cutmix import CutMix
from augcli.ops.mixup import Mixup
from augcli.recipe import Recipe, single
from augcli.samples import SoftLabel

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
LARGE_STRUCT = pa.struct([("path", pa.string()), ("bytes", pa.large_binary())])


def encode_image(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def as_structs(images: list[bytes | None], paths: list[str | None] | None = None, kind=STRUCT) -> pa.Array:
    paths = paths or [None] * len(images)
    return pa.array([{"bytes": b, "path": p} for b, p in zip(images, paths, strict=True)], kind)


def write_shard(
    path, columns: dict[str, object], names: list[str] | None = None, group: int | None = None
) -> None:
    """Write a shard; `names` makes `label` a ClassLabel, `group` cuts row groups."""
    table = pa.table(columns)
    if names:
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)


def read_rows(dst) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted((dst / "data").iterdir())])


def by_source(dst, column: str) -> dict[str, object]:
    rows = read_rows(dst)
    return dict(zip(rows.column("source").to_pylist(), rows.column(column).to_pylist(), strict=True))


def unchanged(**settings: object) -> Recipe:
    """A recipe of which nothing is ever drawn: the files themselves stand in the output."""
    return single(CutMix(alpha=1.0), p=0.0, **settings)


@pytest.fixture
def pass_on(tmp_path):
    """Write one shard and pass it on unchanged; gives the output."""

    def run(columns: dict[str, object], names: list[str] | None = None, **settings: object):
        write_shard(tmp_path / "src" / "a.parquet", columns, names)
        augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged(**settings))
        return tmp_path / "dst"

    return run


IMAGES = [encode_image(seed) for seed in range(4)]
LABELS = [0, 1, 1, 0]

# Image columns --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(as_structs(IMAGES), id="struct"),
        pytest.param(as_structs(IMAGES, kind=LARGE_STRUCT), id="large struct in another order"),
        pytest.param(pa.array(IMAGES, pa.binary()), id="binary"),
        pytest.param(pa.array(IMAGES, pa.large_binary()), id="large binary"),
        pytest.param(pa.array(IMAGES, pa.binary_view()), id="binary view"),
        pytest.param(pa.array(IMAGES).dictionary_encode(), id="dictionary"),
        pytest.param(pa.array([list(data) for data in IMAGES], pa.list_(pa.uint8())), id="list of bytes"),
        pytest.param(pa.array([list(data) for data in IMAGES], pa.large_list(pa.uint8())), id="large list"),
        pytest.param(
            pa.StructArray.from_arrays([pa.array(IMAGES, pa.binary_view())], ["bytes"]), id="struct of views"
        ),
    ],
)
def test_images_are_read_from_a_column_of_type(pass_on, column):
    images = by_source(pass_on({"image": column, "label": LABELS}), "image")
    assert [images[f"a.parquet#{row}"]["bytes"] for row in range(4)] == IMAGES


def test_images_are_read_from_a_column_of_fixed_size(tmp_path):
    bitmaps = []
    for level in range(4):
        data = io.BytesIO()
        Image.new("RGB", (8, 8), (level, 0, 0)).save(data, "BMP")
        bitmaps.append(data.getvalue())
    column = pa.array(bitmaps, pa.binary(len(bitmaps[0])))
    write_shard(tmp_path / "src" / "a.parquet", {"image": column, "label": LABELS})
    assert augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged()).outputs == 4


def test_a_null_in_a_list_of_bytes_is_a_recorded_failure(tmp_path):
    cells = [list(IMAGES[0]), None, list(IMAGES[2]), list(IMAGES[3])]
    column = pa.array(cells, pa.list_(pa.uint8()))
    write_shard(tmp_path / "src" / "a.parquet", {"image": column, "label": LABELS})
    summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    assert [(failure.source, failure.reason) for failure in summary.failures] == [("a.parquet#1", "no image")]
    images = by_source(tmp_path / "dst", "image")
    assert images["a.parquet#2"]["bytes"] == IMAGES[2]


def test_names_of_outputs_follow_paths_of_any_text(pass_on):
    kinds = pa.struct([("bytes", pa.binary()), ("path", pa.large_string())])
    column = pa.array([{"bytes": data, "path": "photo.png"} for data in IMAGES], kinds)
    images = by_source(pass_on({"image": column, "label": LABELS}), "image")
    assert all(image["path"].startswith("photo__") for image in images.values())


@pytest.mark.parametrize("name", ["image", "img", "jpg", "png", "image_bytes", "pixel_values"])
def test_image_column_is_found_by_name(pass_on, name):
    images = by_source(pass_on({name: as_structs(IMAGES), "label": LABELS}), "image")
    assert [images[f"a.parquet#{row}"]["bytes"] for row in range(4)] == IMAGES


def test_image_column_of_any_name_is_read_when_named(pass_on):
    dst = pass_on(
        {"image": as_structs(IMAGES[::-1]), "x": as_structs(IMAGES), "label": LABELS}, image_col="x"
    )
    assert by_source(dst, "image")["a.parquet#0"]["bytes"] == IMAGES[0]


def test_shards_without_an_image_column_are_refused(pass_on):
    with pytest.raises(
        InputError,
        match=r"png or image_bytes or pixel_values; it has pic, label; give image_col='pic'$",
    ):
        pass_on({"pic": as_structs(IMAGES), "label": LABELS})


def test_shards_without_the_named_image_column_are_refused(pass_on):
    with pytest.raises(
        InputError, match="has no image column 'x'; it has image, label; give image_col='image'"
    ):
        pass_on({"image": as_structs(IMAGES), "label": LABELS}, image_col="x")


@pytest.mark.parametrize(
    ("column", "cure"),
    [
        (
            pa.array(["a.png"] * 4),
            "paths or addresses, fetch the files: give their folder as SRC, this table as lab",
        ),
        (pa.array([{"path": "a.png"}] * 4), "where they are paths or addresses, fetch the files"),
        (
            pa.array([[[1, 2], [3, 4]]] * 4),
            "where they are pixels, write them into the column as PNG or JPEG",
        ),
        (pa.array([1] * 4), "give image_col$"),
    ],
)
def test_image_column_that_holds_no_encoded_images_is_refused(pass_on, column, cure):
    with pytest.raises(InputError, match=rf"column 'image' is .*, not encoded images; .*{cure}"):
        pass_on({"image": column, "label": LABELS})


def test_a_column_of_images_is_named_where_another_one_holds_none(pass_on):
    with pytest.raises(InputError, match=r"not encoded images; give image_col='photo'$"):
        pass_on({"image": pa.array(["a.png"] * 4), "photo": as_structs(IMAGES), "label": LABELS})


@pytest.mark.parametrize("row", [{"bytes": None, "path": None}, {"bytes": None, "path": "a.png"}, None])
def test_row_without_an_image_is_a_recorded_failure(tmp_path, row):
    cells = [{"bytes": data, "path": None} for data in IMAGES]
    write_shard(
        tmp_path / "a.parquet",
        {"image": pa.array([*cells[:2], row, *cells[2:]], STRUCT), "label": [0, 1, 0, 1, 0]},
    )
    summary = augcli.materialize(
        tmp_path / "a.parquet", tmp_path / "dst", single(CutMix(alpha=1.0)), max_errors=1
    )
    assert [(f.source, f.stage, f.reason) for f in summary.failures] == [("a.parquet#2", "read", "no image")]
    assert summary.outputs == 4


def test_null_in_a_plain_binary_column_is_a_recorded_failure(tmp_path):
    write_shard(tmp_path / "a.parquet", {"image": [IMAGES[0], None, IMAGES[1]], "label": [0, 1, 0]})
    summary = augcli.materialize(
        tmp_path / "a.parquet", tmp_path / "dst", single(CutMix(alpha=1.0)), max_errors=1
    )
    assert [(f.source, f.reason) for f in summary.failures] == [("a.parquet#1", "no image")]


def test_path_without_bytes_is_never_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(IMAGES[3])
    cells = as_structs([IMAGES[0], IMAGES[1], None], [None, None, str(tmp_path / "secret.png")])
    write_shard(tmp_path / "a.parquet", {"image": cells, "label": [0, 1, 0]})
    summary = augcli.materialize(tmp_path / "a.parquet", tmp_path / "dst", unchanged(), max_errors=1)
    assert (summary.outputs, len(summary.failures)) == (2, 1)


# Names of outputs -----------------------------------------------------------------------------------------

HOSTILE = ["../../etc/x", "/etc/passwd", "..", "a/../../b.png"]
STEMS = ["x", "passwd", "%2E.", "b"]


def test_path_gives_only_the_stem_of_the_output(pass_on):
    dst = pass_on({"image": as_structs(IMAGES, HOSTILE), "label": LABELS})
    images = by_source(dst, "image")
    assert [images[f"a.parquet#{row}"]["path"].split("__")[0] for row in range(4)] == STEMS


def test_path_never_escapes_the_folder_output(pass_on, tmp_path):
    dst = pass_on({"image": as_structs(IMAGES, HOSTILE), "label": LABELS}, format="folder")
    assert {path.name for path in tmp_path.iterdir()} == {"src", "dst"}
    assert sorted(path.name.split("__")[0] for path in dst.glob("*/*")) == sorted(STEMS)


def test_class_name_never_escapes_the_folder_output(pass_on, tmp_path):
    dst = pass_on({"image": IMAGES, "label": ["../x", "..", "/a", "."]}, format="folder")
    assert {path.name for path in tmp_path.iterdir()} == {"src", "dst"}
    assert {path.name for path in dst.iterdir() if path.is_dir()} == {"%2E.%2Fx", "%2E.", "%2Fa", "%2E"}


def test_two_classes_never_share_a_folder(pass_on):
    dst = pass_on({"image": IMAGES, "label": ["a/b", "a%2Fb", "a/b", "a%2Fb"]}, format="folder")
    assert len([path for path in dst.iterdir() if path.is_dir()]) == 2


def test_row_without_a_path_is_called_row(pass_on):
    images = by_source(pass_on({"image": IMAGES, "label": LABELS}), "image")
    assert all(image["path"].startswith("row__cutmix0-") for image in images.values())


def test_rows_of_the_same_path_do_not_collide(pass_on):
    dst = pass_on({"image": as_structs(IMAGES, ["x.png"] * 4), "label": [0] * 4}, format="folder")
    assert len(list(dst.glob("0/x__*.png"))) == 4


# Labels ---------------------------------------------------------------------------------------------------


def classes_of(dst) -> list[str]:
    return (dst / "classes.txt").read_text("utf-8").splitlines()


def test_class_label_keeps_its_order(pass_on):
    dst = pass_on({"image": IMAGES, "label": LABELS}, names=["zebra", "ant"])
    assert classes_of(dst) == ["zebra", "ant"]
    assert [by_source(dst, "label")[f"a.parquet#{row}"] for row in range(4)] == LABELS


def test_string_labels_are_indexed_in_sorted_order(pass_on):
    dst = pass_on({"image": IMAGES, "label": ["zebra", "ant", "ant", "zebra"]})
    assert classes_of(dst) == ["ant", "zebra"]
    assert [by_source(dst, "label")[f"a.parquet#{row}"] for row in range(4)] == [1, 0, 0, 1]


def test_integer_labels_are_named_by_padded_numbers(pass_on):
    dst = pass_on({"image": IMAGES, "label": [10, 2, 0, 2]})
    assert classes_of(dst) == ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10"]
    assert [by_source(dst, "label")[f"a.parquet#{row}"] for row in range(4)] == [10, 2, 0, 2]


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float64(), 2)]
)
def test_lists_of_weights_are_soft_labels(pass_on, kind):
    weights = [[0.25, 0.75], [1, 0], [0, 1], [0.5, 0.5]]
    dst = pass_on({"image": IMAGES, "label": pa.array(weights, kind)})
    assert [by_source(dst, "soft_label")[f"a.parquet#{row}"] for row in range(4)] == weights
    assert [by_source(dst, "label")[f"a.parquet#{row}"] for row in range(4)] == [1, 0, 1, 0]


def test_soft_label_wins_over_label(pass_on):
    weights = [[0.25, 0.75], [1, 0], [0, 1], [0.5, 0.5]]
    dst = pass_on({"image": IMAGES, "label": [0, 0, 0, 0], "soft_label": weights})
    assert [by_source(dst, "soft_label")[f"a.parquet#{row}"] for row in range(4)] == weights


def test_label_column_of_any_name_is_read_when_named(pass_on):
    dst = pass_on({"image": IMAGES, "label": LABELS, "kind": ["b", "a", "a", "b"]}, label_col="kind")
    assert classes_of(dst) == ["a", "b"]


def test_shards_without_the_named_label_column_are_refused(pass_on):
    with pytest.raises(
        InputError,
        match=r"has no column 'kind'; it has image, label; give label_col .such as label_col='label'.",
    ):
        pass_on({"image": IMAGES, "label": LABELS}, label_col="kind")


def test_null_label_leaves_the_row_unlabelled(pass_on):
    dst = pass_on({"image": IMAGES, "label": [0, None, 1, 0]})
    assert by_source(dst, "label")["a.parquet#1"] is None
    assert by_source(dst, "soft_label")["a.parquet#1"] is None


def test_label_of_a_type_without_meaning_is_refused(pass_on):
    with pytest.raises(
        InputError, match=r"column 'label' holds 0.5: a number to predict is not a class; give label_col"
    ):
        pass_on({"image": IMAGES, "label": [0.5] * 4})


def test_shards_whose_labels_have_different_types_are_refused(tmp_path):
    write_shard(tmp_path / "src" / "a.parquet", {"image": IMAGES, "label": LABELS})
    write_shard(tmp_path / "src" / "b.parquet", {"image": IMAGES, "label": ["x", "y", "y", "x"]})
    with pytest.raises(InputError):
        augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())


def test_shards_of_different_columns_are_refused(tmp_path):
    write_shard(tmp_path / "src" / "a.parquet", {"image": IMAGES, "label": LABELS})
    write_shard(tmp_path / "src" / "b.parquet", {"image": IMAGES, "label": LABELS, "more": LABELS})
    with pytest.raises(InputError, match=r"b\.parquet' has other columns than .*a\.parquet'"):
        augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())


# Carried columns ------------------------------------------------------------------------------------------

CARRIED = {
    "small": pa.array([3, 1, 4, 1], pa.int16()),
    "caption": pa.array(["a", "", None, "d"]),
    "tags": pa.array([["x"], [], None, ["y", "z"]]),
    "when": pa.array([0, 1, 2, 3], pa.timestamp("us", "UTC")),
    "place": pa.array(
        [{"lat": 1.5, "names": ["p"]}, None, {"lat": None, "names": []}, {"lat": 0.0, "names": None}]
    ),
    "blob": pa.array([b"\0", b"", None, b"ab"]),
    "price": pa.array([1, 2, 3, 4]).cast(pa.decimal128(21, 2)),
    "kind": pa.array(["u", "v", "u", "v"]).dictionary_encode(),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "folder"])
@pytest.mark.parametrize("name", CARRIED)
def test_carried_column_keeps_its_type_and_its_rows(pass_on, name, form):
    column = CARRIED[name]
    dst = pass_on({"image": IMAGES, "label": LABELS, name: column}, format=form)
    rows = read_rows(dst) if form == "parquet" else pq.read_table(dst / "metadata.parquet")
    assert rows.schema.field(name).type == column.type
    values = dict(zip(rows.column("source").to_pylist(), rows.column(name).to_pylist(), strict=True))
    assert [values[f"a.parquet#{row}"] for row in range(4)] == column.to_pylist()


def test_carried_columns_stay_with_their_rows_where_others_fail(tmp_path):
    images = [IMAGES[0], b"broken", IMAGES[1], None, IMAGES[2]]
    write_shard(tmp_path / "a.parquet", {"image": images, "label": [0, 1, 0, 1, 1], "row": list(range(5))})
    augcli.materialize(tmp_path / "a.parquet", tmp_path / "dst", single(CutMix(alpha=1.0), copies=2))
    rows = read_rows(tmp_path / "dst").select(["source", "row"]).to_pylist()
    assert rows == [{"source": f"a.parquet#{row}", "row": row} for row in (0, 0, 2, 2, 4, 4)]


def test_carried_columns_come_through_from_every_shard(tmp_path):
    for name in ("a", "b"):
        columns = {"image": IMAGES, "label": LABELS, "note": [f"{name}{row}" for row in range(4)]}
        write_shard(tmp_path / "src" / f"{name}.parquet", columns)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    notes = by_source(tmp_path / "dst", "note")
    assert notes == {f"{name}.parquet#{row}": f"{name}{row}" for name in ("a", "b") for row in range(4)}


def test_carried_column_that_is_empty_in_one_shard_is_carried(tmp_path):
    write_shard(tmp_path / "src" / "a.parquet", {"image": IMAGES, "label": LABELS, "note": pa.nulls(4)})
    write_shard(tmp_path / "src" / "b.parquet", {"image": IMAGES, "label": LABELS, "note": ["x"] * 4})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    assert by_source(tmp_path / "dst", "note")["b.parquet#0"] == "x"


def test_carried_column_of_several_widths_takes_the_widest(tmp_path):
    for name, kind in (("a", pa.int16()), ("b", pa.int64())):
        columns = {"image": IMAGES, "label": LABELS, "count": pa.array([1, 2, 3, 4], kind)}
        write_shard(tmp_path / "src" / f"{name}.parquet", columns)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    assert read_rows(tmp_path / "dst").schema.field("count").type == pa.int64()
    assert by_source(tmp_path / "dst", "count")["a.parquet#3"] == 4


def test_carried_dictionaries_of_different_values_keep_their_values(tmp_path):
    for name in ("a", "b"):
        kinds = pa.array([f"{name}{row}" for row in range(4)]).dictionary_encode()
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS, "kind": kinds})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged())
    kinds = by_source(tmp_path / "dst", "kind")
    assert kinds == {f"{name}.parquet#{row}": f"{name}{row}" for name in ("a", "b") for row in range(4)}


@pytest.mark.parametrize("form", ["parquet", "folder"])
@pytest.mark.parametrize("name", ["weight", "visible"])
def test_carried_column_may_bear_any_name_that_is_not_a_documented_one(pass_on, name, form):
    dst = pass_on({"image": IMAGES, "label": LABELS, name: [5, 6, 7, 8]}, format=form)
    rows = read_rows(dst) if form == "parquet" else pq.read_table(dst / "metadata.parquet")
    assert sorted(rows.column(name).to_pylist()) == [5, 6, 7, 8]


def test_input_columns_of_our_names_are_replaced_and_listed(tmp_path):
    columns = {"image": IMAGES, "label": LABELS, "op": ["theirs"] * 4, "hash": [1] * 4, "more": [2] * 4}
    write_shard(tmp_path / "a.parquet", columns)
    summary = augcli.materialize(tmp_path / "a.parquet", tmp_path / "dst", unchanged())
    assert "columns of the input that the output has anew: op, hash" in summary.notes
    assert set(by_source(tmp_path / "dst", "op").values()) == {"none"}
    assert set(by_source(tmp_path / "dst", "more").values()) == {2}


# Shards ---------------------------------------------------------------------------------------------------


def test_glob_reads_the_shards_that_match_only(tmp_path):
    for name in ("part-0", "part-1", "other"):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS})
    augcli.materialize(str(tmp_path / "src" / "part-*.parquet"), tmp_path / "dst", unchanged())
    assert set(by_source(tmp_path / "dst", "op")) == {
        f"part-{n}.parquet#{row}" for n in (0, 1) for row in range(4)
    }


def test_glob_over_folders_keeps_shards_of_the_same_name_apart(tmp_path):
    for folder in ("x", "y"):
        columns = {"image": IMAGES, "label": LABELS, "folder": [folder] * 4}
        write_shard(tmp_path / "src" / folder / "a.parquet", columns)
    augcli.materialize(str(tmp_path / "src" / "*" / "a.parquet"), tmp_path / "dst", unchanged())
    rows = read_rows(tmp_path / "dst")
    assert sorted(rows.column("folder").to_pylist()) == ["x"] * 4 + ["y"] * 4
    assert len(set(rows.column("source").to_pylist())) == 8


def test_glob_of_two_stars_reads_every_depth(tmp_path):
    for name in ("a", "x/b", "x/y/c"):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS})
    summary = augcli.materialize(str(tmp_path / "src" / "**" / "*.parquet"), tmp_path / "dst", unchanged())
    assert summary.outputs == 12


def test_glob_that_matches_nothing_is_refused(tmp_path):
    with pytest.raises(InputError):
        augcli.materialize(str(tmp_path / "part-*.parquet"), tmp_path / "dst", unchanged())


def test_a_file_whose_name_holds_glob_characters_is_read(tmp_path):
    write_shard(tmp_path / "a[1].parquet", {"image": IMAGES, "label": LABELS})
    assert augcli.materialize(tmp_path / "a[1].parquet", tmp_path / "dst", unchanged()).outputs == 4


def test_shards_are_found_below_a_folder_hidden_ones_aside(tmp_path):
    for name in ("b.parquet", "data/a.parquet", ".augcli-01.parquet", ".hidden/c.parquet"):
        write_shard(tmp_path / name, {"image": IMAGES, "label": LABELS})
    (catalogue,) = open_source(str(tmp_path), Selection()).catalogues
    assert {key.split("#")[0] for key in catalogue.keys} == {"b.parquet", "data/a.parquet"}


def test_shards_are_found_behind_a_link_to_a_directory(tmp_path):
    write_shard(tmp_path / "elsewhere" / "a.parquet", {"image": IMAGES, "label": LABELS})
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "data").symlink_to(tmp_path / "elsewhere")
    assert augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged()).outputs == 4


def test_shards_are_read_through_links_to_files(tmp_path):
    write_shard(tmp_path / "blobs" / "0f3c", {"image": IMAGES, "label": LABELS})
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.parquet").symlink_to(tmp_path / "blobs" / "0f3c")
    assert augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged()).outputs == 4


def test_shards_behind_links_are_not_read_with_no_links(tmp_path):
    for name in ("src/a.parquet", "elsewhere/b.parquet"):
        write_shard(tmp_path / name, {"image": IMAGES, "label": LABELS})
    (tmp_path / "src" / "b.parquet").symlink_to(tmp_path / "elsewhere" / "b.parquet")
    assert augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged(links=False)).outputs == 4


def test_folder_with_an_image_is_no_folder_of_shards(tmp_path, make_folder):
    write_shard(tmp_path / "src" / "a.parquet", {"image": IMAGES, "label": LABELS})
    assert open_source(str(tmp_path / "src"), Selection()).layout == "parquet"
    make_folder({"cat": 1})
    assert open_source(str(tmp_path / "src"), Selection()).layout == "folder"


def test_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"a\.parquet' cannot be read as parquet"):
        augcli.materialize(tmp_path / "a.parquet", tmp_path / "dst", unchanged())


def test_shards_without_rows_are_refused(tmp_path):
    write_shard(tmp_path / "a.parquet", {"image": as_structs([]), "label": pa.array([], pa.int64())})
    with pytest.raises(InputError, match="holds no rows"):
        augcli.materialize(tmp_path / "a.parquet", tmp_path / "dst", unchanged())


def test_shard_without_rows_among_others_changes_nothing(tmp_path):
    write_shard(tmp_path / "src" / "a.parquet", {"image": as_structs([]), "label": pa.array([], pa.int64())})
    write_shard(tmp_path / "src" / "b.parquet", {"image": as_structs(IMAGES), "label": LABELS})
    assert augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged()).outputs == 4


def test_splits_are_found_where_every_shard_name_starts_with_one(tmp_path):
    for name in ("train-0", "train-1", "test-0"):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Mixup(alpha=1.0)))
    names = {path.name: pq.read_table(path) for path in (tmp_path / "dst" / "data").iterdir()}
    assert {name.split("-")[0] for name in names} == {"train", "test"}
    assert {name.split("-")[0]: len(rows) for name, rows in names.items()} == {"train": 8, "test": 4}


def test_nothing_is_paired_across_splits(tmp_path):
    for name in ("train-0", "test-0"):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS})
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Mixup(alpha=1.0)))
    partners = by_source(tmp_path / "dst", "partners")
    assert {partner.split("-")[0] for row in range(4) for partner in partners[f"train-0.parquet#{row}"]} == {
        "train"
    }
    assert all(partners[f"test-0.parquet#{row}"] == [] for row in range(4))


def test_splits_are_found_by_the_folders_of_the_shards(tmp_path):
    for split in ("train", "test"):
        write_shard(tmp_path / "src" / "default" / split / "0.parquet", {"image": IMAGES, "label": LABELS})
    source = open_source(str(tmp_path / "src"), Selection())
    assert {c.split: len(c) for c in source.catalogues} == {"train": 4, "test": 4}
    assert source.notes[0] == "splits: train (4), test (4), by the folders of the shards"


def test_one_shard_without_a_split_name_is_refused_with_the_cures(tmp_path):
    for name in ("train-0", "more-0"):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS})
    with pytest.raises(InputError) as caught:
        open_source(str(tmp_path / "src"), Selection())
    assert str(caught.value) == (
        f"some shards in '{tmp_path}/src' name their split ('train-0.parquet'), others do not"
        " ('more-0.parquet'); rename or move these, or give splits=False if all shards are one split"
    )
    (catalogue,) = open_source(str(tmp_path / "src"), Selection(splits=False)).catalogues
    assert (catalogue.split, len(catalogue)) == ("", 8)


def test_a_pattern_of_one_split_is_what_is_augmented(tmp_path):
    for name in ("train-0", "test-0", "test-1"):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": LABELS})
    augcli.materialize(tmp_path / "src" / "test-*.parquet", tmp_path / "dst", single(Mixup(alpha=1.0)))
    assert {path.name.split("-")[0] for path in (tmp_path / "dst" / "data").iterdir()} == {"test"}
    assert any(by_source(tmp_path / "dst", "partners").values())
    assert augcli.verify(tmp_path / "dst").differences == ()


def test_classes_of_names_in_rows_are_those_of_the_augmented_split(tmp_path):
    for name, labels in (("train-0", ["a", "c", "a", "c"]), ("test-0", ["c", "b", "a", None])):
        write_shard(tmp_path / "src" / f"{name}.parquet", {"image": IMAGES, "label": labels})
    source = open_source(str(tmp_path / "src"), Selection())
    assert [c.classes for c in source.catalogues] == [("a", "c")] * 2
    first, second = SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))
    assert {c.split: list(c.labels) for c in source.catalogues} == {
        "test": [second, None, first, None],
        "train": [first, second, first, second],
    }
    assert (
        "classes of split 'test' that 'train' does not have: 'b'; their images are unlabelled" in source.notes
    )


# Output shards --------------------------------------------------------------------------------------------


@pytest.fixture
def own_output(tmp_path):
    """CutMix over eight rows with a ClassLabel of unsorted names."""
    images = [encode_image(seed) for seed in range(8)]
    columns = {
        "image": as_structs(images, [f"{i}.png" for i in range(8)]),
        "label": [0, 1] * 4,
        "more": list(range(8)),
    }
    write_shard(tmp_path / "src" / "a.parquet", columns, names=["zebra", "ant"])
    augcli.materialize(tmp_path / "src", tmp_path / "first", single(CutMix(alpha=1.0)))
    return tmp_path / "first"


def test_output_image_column_stands_first_as_hugging_face_has_it(own_output):
    schema = read_rows(own_output).schema
    assert schema.names[0] == "image"
    assert [(field.name, field.type) for field in schema.field("image").type] == [
        ("bytes", pa.binary()),
        ("path", pa.string()),
    ]
    assert "file_name" not in schema.names


def test_output_images_are_stored_plain_and_the_rest_as_zstd(own_output):
    (shard,) = (own_output / "data").iterdir()
    group = pq.ParquetFile(shard).metadata.row_group(0)
    leaves = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert leaves["image.bytes"].compression == "UNCOMPRESSED"
    assert not any("DICTIONARY" in encoding for encoding in leaves["image.bytes"].encodings)
    assert "PLAIN" in leaves["image.bytes"].encodings
    assert {leaf.compression for path, leaf in leaves.items() if path != "image.bytes"} == {"ZSTD"}
    assert "soft_label.list.element" in leaves


def test_output_has_no_labels_csv_and_stands_below_data(own_output):
    visible = {path.name for path in own_output.iterdir() if not path.name.startswith(".")}
    assert visible == {"data", "classes.txt", "README.md", "augcli.json", "_SUCCESS"}
    assert all(path.name.startswith("train-") for path in (own_output / "data").iterdir())


def test_output_bears_class_label_and_image_features(own_output):
    features = json.loads(read_rows(own_output).schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": ["zebra", "ant"], "_type": "ClassLabel"}


def test_own_output_is_read_again_with_its_soft_labels(own_output, tmp_path):
    augcli.materialize(own_output, tmp_path / "second", unchanged())
    first, second = read_rows(own_output), read_rows(tmp_path / "second")
    weights = dict(
        zip(
            [i["path"] for i in first.column("image").to_pylist()],
            first.column("soft_label").to_pylist(),
            strict=True,
        )
    )
    assert len(second) == 8
    for image, label in zip(
        second.column("image").to_pylist(), second.column("soft_label").to_pylist(), strict=True
    ):
        # `<stem>__cutmix0-<hash>` is the stem of the second output's name.
        assert label == weights[image["path"].rsplit("__", 1)[0] + ".png"]


def test_own_output_is_read_again_with_its_class_names(own_output, tmp_path):
    augcli.materialize(own_output, tmp_path / "second", unchanged())
    assert classes_of(tmp_path / "second") == ["zebra", "ant"]


def test_own_output_is_read_again_with_its_columns_replaced_and_others_carried(own_output, tmp_path):
    summary = augcli.materialize(own_output, tmp_path / "second", unchanged())
    assert read_rows(tmp_path / "second").schema.names == read_rows(own_output).schema.names
    assert any(
        note.startswith("columns of the input that the output has anew: label, ") for note in summary.notes
    )
    assert sorted(by_source(tmp_path / "second", "more").values()) == list(range(8))


def test_chunk_without_outputs_writes_no_shard(tmp_path):
    write_shard(tmp_path / "src" / "train-0.parquet", {"image": IMAGES, "label": LABELS})
    write_shard(tmp_path / "src" / "test-0.parquet", {"image": [b"broken"] * 2, "label": [0, 1]})
    summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", unchanged(), max_errors=2)
    assert {path.name.split("-")[0] for path in (tmp_path / "dst" / "data").iterdir()} == {"train"}
    assert len(summary.failures) == 2
    assert "test" not in (tmp_path / "dst" / "README.md").read_text("utf-8")


# Portions -------------------------------------------------------------------------------------------------

ROWS = {"a": 13, "b": 5, "c": 1}


@pytest.fixture(params=[1000, 3000], ids=["one row each", "several rows each"])
def sliced(request, tmp_path, monkeypatch, limit):
    """Three shards of several row groups in one chunk, read in portions; gives (SRC, their numbers)."""
    seed = 0
    for name, rows in ROWS.items():
        images = [encode_image(seed + row) for row in range(rows)]
        columns = {
            "image": as_structs(images),
            "label": [row % 2 for row in range(rows)],
            "row": list(range(rows)),
        }
        write_shard(tmp_path / "src" / f"{name}.parquet", columns, group=5)
        seed += rows
    # The rows are some 300 bytes each; a chunk keeps 8 row groups, here all five of them.
    limit(chunk_bytes=request.param)
    seen, opened = tmp_path / "seen", ShardOpener.open

    def watch(self, catalogue, groups, portions):
        with seen.open("a") as file:  # by any process
            file.write(f"{portions} ")
        return opened(self, catalogue, groups, portions)

    monkeypatch.setattr(ShardOpener, "open", watch)
    return tmp_path / "src", seen


KEYS = sorted(f"{name}.parquet#{row}" for name, rows in ROWS.items() for row in range(rows))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_sliced_chunk_gives_every_row_once_as_base_and_once_as_partner(sliced, tmp_path, workers):
    src, seen = sliced
    augcli.materialize(src, tmp_path / "dst", single(Mixup(alpha=1.0)), workers=workers)
    portions = seen.read_text().split()
    assert workers > 1 or len(portions) == 1
    assert min(map(int, portions)) >= 2
    rows = read_rows(tmp_path / "dst")
    assert sorted(rows.column("source").to_pylist()) == KEYS
    assert sorted(key for partners in rows.column("partners").to_pylist() for key in partners) == KEYS


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_sliced_chunk_gives_each_row_its_own_image_and_carried_value(sliced, tmp_path, workers):
    src, seen = sliced
    augcli.materialize(src, tmp_path / "dst", unchanged(), workers=workers)
    assert min(map(int, seen.read_text().split())) >= 2
    seed = 0
    images, numbers = by_source(tmp_path / "dst", "image"), by_source(tmp_path / "dst", "row")
    for name, rows in ROWS.items():
        for row in range(rows):
            assert images[f"{name}.parquet#{row}"]["bytes"] == encode_image(seed + row)
            assert numbers[f"{name}.parquet#{row}"] == row
        seed += rows


def test_sliced_chunk_mixes_the_pixels_of_the_partner_that_it_names(sliced, tmp_path):
    src, _ = sliced
    augcli.materialize(src, tmp_path / "dst", single(Mixup(alpha=1.0)), workers=1)
    files = [f"{name}.parquet#{row}" for name, rows in ROWS.items() for row in range(rows)]
    pixels = {
        key: np.asarray(Image.open(io.BytesIO(encode_image(seed)))).astype(np.int64)
        for seed, key in enumerate(files)
    }
    for row in read_rows(tmp_path / "dst").to_pylist():
        (step,), (partner,) = row["steps"], row["partners"]
        weight = step["weight_q16"]
        expected = (pixels[row["source"]] * weight + pixels[partner] * (65536 - weight) + 32768) >> 16
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), expected)


@pytest.mark.slow
def test_sliced_chunk_gives_the_same_bytes_for_any_number_of_workers(sliced, tmp_path, tree):
    src, _ = sliced
    for workers in (1, 4):
        augcli.materialize(src, tmp_path / f"w{workers}", single(Mixup(alpha=1.0), copies=2), workers=workers)
    assert tree(tmp_path / "w1") == tree(tmp_path / "w4")


# The sample data ------------------------------------------------------------------------------------------


def test_sample_shard_and_sample_folder_hold_the_same_classes(shards, photos, tmp_path):
    augcli.materialize(shards, tmp_path / "dst", unchanged(limit=4))
    assert classes_of(tmp_path / "dst") == sorted(path.name for path in photos.iterdir())


def test_a_label_column_of_a_type_that_is_not_read_is_named(tmp_path):
    write_shard(tmp_path / "a.parquet", {"image": as_structs([encode_image(0)]), "label": [b"cat"]})
    notes = open_source(str(tmp_path / "a.parquet"), Selection()).notes
    assert "column 'label' is not read as labels: its type, binary, is not understood" in notes


@pytest.mark.parametrize(
    "names",
    [
        ("left", "top", "right", "bottom"),
        ("box_left", "box_top", "box_width", "box_height"),
    ],
)
def test_four_columns_of_numbers_that_are_boxes_are_left_out_where_pixels_change(tmp_path, names):
    columns = {"image": as_structs([encode_image(0)]), "y_true": [1], "x0": [2]}
    write_shard(tmp_path / "a.parquet", columns | {name: [1.0] for name in names})
    for changes in (True, False):
        source = open_source(str(tmp_path / "a.parquet"), Selection(changes_pixels=changes))
        assert set(names).isdisjoint(source.carried.schema.names) == changes
        assert {"y_true", "x0"} <= set(source.carried.schema.names)
        assert (
            any(note.startswith("left out: column") and names[1] in note for note in source.notes) == changes
        )


def test_a_missing_image_column_names_the_first_of_many_columns(tmp_path):
    write_shard(tmp_path / "a.parquet", {f"pixel{n}": [0] for n in range(784)})
    with pytest.raises(InputError, match=r"it has pixel0, .*, pixel11 and 772 more; give"):
        open_source(str(tmp_path / "a.parquet"), Selection())


def test_shards_that_are_missing_by_their_numbers_are_noted(tmp_path):
    columns = {"image": as_structs([encode_image(0)]), "label": [0]}
    for name in ("train-00000-of-00003", "train-00002-of-00003", "test-00000-of-00001-ab12"):
        write_shard(tmp_path / "src" / f"{name}.parquet", columns)
    notes = open_source(str(tmp_path / "src"), Selection()).notes
    assert "1 of 3 shards train-*-of-00003 is missing" in notes
    assert not any("missing" in note and "test" in note for note in notes)
    one = str(tmp_path / "src" / "train-00000-of-00003.parquet")
    assert not any("missing" in note for note in open_source(one, Selection()).notes)


@pytest.mark.parametrize(
    ("cell", "lost"), [('[{"bbox": [1, 2, 3, 4]}]', True), ('{"caption": "a box"}', False), ("a bbox", False)]
)
def test_places_that_are_written_in_json_are_left_out_where_pixels_change(tmp_path, cell, lost):
    write_shard(tmp_path / "a.parquet", {"image": as_structs([encode_image(0)]), "more": [cell]})
    source = open_source(str(tmp_path / "a.parquet"), Selection())
    assert ("more" not in source.carried.schema.names) == lost


def test_a_shard_is_opened_once_for_its_footer_and_once_for_its_labels(tmp_path, monkeypatch):
    for number in range(3):
        images = as_structs([encode_image(number)] * 2)
        write_shard(tmp_path / f"{number}.parquet", {"image": images, "label": [0, 1]}, ["cat", "dog"])
    opened, real = [], LocalStore.open
    monkeypatch.setattr(
        LocalStore, "open", lambda self, key, *rest: opened.append(key) or real(self, key, *rest)
    )
    open_source(str(tmp_path), Selection())
    assert sorted(opened) == [f"{number}.parquet" for number in range(3) for _ in range(2)]


def test_shards_are_read_many_at_once_and_named_in_order(tmp_path, monkeypatch):
    for number in range(4):
        write_shard(
            tmp_path / f"{number}.parquet", {"image": as_structs([encode_image(number)]), "label": [number]}
        )
    gate, real = threading.Barrier(4), LocalStore.open

    def wait_for_all(self, key, *rest):
        gate.wait(timeout=60)
        return real(self, key, *rest)

    monkeypatch.setattr(LocalStore, "open", wait_for_all)
    source = open_source(str(tmp_path), Selection())
    assert list(source.catalogues[0].keys) == [f"{number}.parquet#0" for number in range(4)]
    assert [label.classes for label in source.catalogues[0].labels] == [(0,), (1,), (2,), (3,)]


@pytest.fixture
def numbers_beside_names(tmp_path):
    for name, labels in {"a": ["cat", "dog"], "b": ["0", "1"]}.items():
        images = as_structs([encode_image(ord(name))] * 2)
        write_shard(tmp_path / "shards" / f"{name}.parquet", {"image": images, "label": labels})
    return tmp_path / "shards"


def test_numbers_in_one_shard_and_names_in_another_are_refused(numbers_beside_names):
    with pytest.raises(InputError) as raised:
        open_source(str(numbers_beside_names), Selection())
    message = str(raised.value)
    assert "b.parquet' holds numbers, such as '0'," in message
    assert "a.parquet' names, such as 'cat'; write the same in all files" in message


def test_numbers_beside_names_are_names_where_a_class_list_says_so(numbers_beside_names, tmp_path):
    (tmp_path / "classes.txt").write_text("0\n1\ncat\ndog\n")
    files = InputFiles(classes=str(tmp_path / "classes.txt"))
    [catalogue] = open_source(str(numbers_beside_names), Selection(files)).catalogues
    assert [label.classes for label in catalogue.labels] == [(2,), (3,), (0,), (1,)]


def test_numbers_and_names_in_one_shard_are_names(tmp_path):
    images = as_structs([encode_image(1)] * 2)
    write_shard(tmp_path / "a.parquet", {"image": images, "label": ["10", "test tube"]})
    assert open_source(str(tmp_path), Selection()).catalogues[0].classes == ("10", "test tube")
