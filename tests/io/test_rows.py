"""Rows of shards as samples: what is kept of them, what is let go, and what is read again."""

from __future__ import annotations

import io
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import DecodeError, InputError, StorageError
from augcli.io.readers.base import Selection
from augcli.io.readers.portions import RELEASED, Portions
from augcli.io.readers.rows import Rows
from augcli.io.readers.source import open_source
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.recipe import single

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def encode_image(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_shard(path, images: list[bytes | None], group: int | None = None) -> None:
    """Write a shard of images with two classes by turns; `group` cuts row groups."""
    cells = pa.array([{"bytes": data, "path": None} for data in images], STRUCT)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"image": cells, "label": [row % 2 for row in range(len(images))]})
    pq.write_table(table, path, row_group_size=group)


def open_rows(root, portions: int) -> Rows:
    source = open_source(str(root), Selection())
    (catalogue,) = source.catalogues
    return source.samples(catalogue, source.groups[""], portions)


@pytest.mark.parametrize("portions", [1, 2, 3])
def test_a_released_image_is_no_longer_held_and_can_be_read_again(tmp_path, portions):
    images = [encode_image(seed) for seed in range(10)]
    write_shard(tmp_path / "a.parquet", images, group=5)
    rows = open_rows(tmp_path, portions)
    for sample in (9, 0, 4, 5):
        assert rows.read(sample)[0] == images[sample]
        part, row = rows._find(sample)
        rows.release(sample)
        assert part.images[row] is RELEASED
        assert rows.read(sample)[0] == images[sample]


def test_to_release_an_image_of_a_slice_that_is_gone_reads_nothing(tmp_path):
    write_shard(tmp_path / "a.parquet", [encode_image(seed) for seed in range(9)])
    rows = open_rows(tmp_path, 3)
    for sample in (0, 3, 6):
        rows.read(sample)
    loaded = list(rows._loaded)
    rows.release(0)
    assert list(rows._loaded) == loaded == [1, 2]


KINDS = {
    "text": pa.array([f"t{n}" if n % 3 else None for n in range(12)], pa.string()),
    "view": pa.array([f"a text of some length {n}" for n in range(12)], pa.string_view()),
    "dictionary": pa.array(["a", "b", "c"] * 4).dictionary_encode(),
    "list": pa.array([[n, None] * (n % 3) for n in range(12)], pa.list_(pa.int16())),
    "fixed": pa.array([[n, n + 1] for n in range(12)], pa.list_(pa.float32(), 2)),
    "nested": pa.array([{"x": n, "y": {"z": [str(n)]}} for n in range(12)]),
    "map": pa.array([[("k", n)] for n in range(12)], pa.map_(pa.string(), pa.int32())),
    "bool": pa.array([n % 2 == 0 for n in range(12)]),
    "decimal": pa.array(list(range(12)), pa.decimal128(9, 2)),
    "nothing": pa.nulls(12),
}
IMAGE_KINDS = {
    "struct": STRUCT,
    "bytes": pa.binary(),
    "large": pa.large_binary(),
    "view": pa.binary_view(),
    "list": pa.list_(pa.uint8()),
}


@pytest.mark.parametrize("portions", [1, 2, 3])
@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_rows_that_are_wanted_are_what_they_are_among_all(tmp_path, kind, portions):
    images = [encode_image(seed) if seed != 6 else None for seed in range(12)]
    cells = {
        "struct": [{"bytes": data, "path": f"{row}.png"} for row, data in enumerate(images)],
        "list": [data and list(data) for data in images],
    }
    image = pa.array(cells.get(kind, images), IMAGE_KINDS[kind])
    pq.write_table(pa.table({"image": image} | KINDS), tmp_path / "a.parquet", row_group_size=5)
    source = open_source(str(tmp_path), Selection())
    (catalogue,), groups = source.catalogues, source.groups[""]
    known = source.samples(catalogue, groups, portions)
    some = (groups[2]._replace(first=3, wanted=(1,)), groups[0]._replace(first=0, wanted=(0, 1, 4)))
    rows = source.opener.for_groups(some).open(catalogue, some, portions)
    for sample, row in ((3, 11), (0, 0), (2, 4), (1, 1)):
        assert rows.read(sample) == known.read(row)
        assert rows.hash_columns(sample) == known.hash_columns(row)
        assert rows.carry([sample]).equals(known.carry([row]))
        rows.release(sample)
        assert rows.read(sample) == (images[row], f"{row}.png" if kind == "struct" else "")


def test_row_groups_of_which_nothing_is_wanted_are_not_read(tmp_path, monkeypatch):
    write_shard(tmp_path / "a.parquet", [encode_image(seed) for seed in range(12)], group=4)
    source = open_source(str(tmp_path), Selection())
    groups = (source.groups[""][1]._replace(first=0, wanted=(3,)),)
    read = []
    stream = Portions._stream
    monkeypatch.setattr(Portions, "_stream", lambda of, group: read.append(group.number) or stream(of, group))
    rows = source.opener.for_groups(groups).open(source.catalogues[0], groups, 2)
    assert rows.read(0)[0] == encode_image(7)
    assert read == [1]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [single(CutMix()), single(CutMix(), copies=3), single(Cutout())])
def test_a_run_reads_no_image_again(tmp_path, monkeypatch, recipe):
    def read_again(*_):
        raise AssertionError("an image was released too early")

    monkeypatch.setattr(Portions, "read_again", read_again)
    write_shard(tmp_path / "src" / "a.parquet", [encode_image(seed) for seed in range(200)], group=20)
    summary = augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe, workers=2)
    assert summary.outputs == 200 * recipe.copies


def test_row_without_bytes_is_a_decode_error(tmp_path):
    write_shard(tmp_path / "a.parquet", [encode_image(0), None])
    with pytest.raises(DecodeError, match="no image: the row holds no image bytes"):
        open_rows(tmp_path, 1).read(1)


@pytest.mark.parametrize("change", ["size", "time", "gone"])
def test_shard_that_changed_since_it_was_listed_is_a_storage_error(tmp_path, change):
    shard = tmp_path / "a.parquet"
    write_shard(shard, [encode_image(seed) for seed in range(4)])
    rows = open_rows(tmp_path, 1)
    if change == "size":
        shard.write_bytes(shard.read_bytes() + b"x")
    elif change == "time":
        os.utime(shard, ns=(1, 1))
    else:
        shard.unlink()
    words = "cannot read" if change == "gone" else "changed since it was listed; run again"
    with pytest.raises(StorageError, match=words):
        rows.read(0)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("portions", [1, 2, 3])
def test_rows_are_the_same_however_few_are_unpacked_at_once(tmp_path, monkeypatch, portions, batch):
    images = [encode_image(seed) if seed != 6 else None for seed in range(12)]
    pq.write_table(pa.table({"image": images} | KINDS), tmp_path / "a.parquet", row_group_size=7)
    known = open_rows(tmp_path, 1)
    expected = [(known.hash_columns(row), known.carry([row])) for row in range(12)]
    monkeypatch.setattr("augcli.io.readers.portions.BATCH_ROWS", batch)
    rows = open_rows(tmp_path, portions)
    for row, (hashed, cells) in enumerate(expected):
        assert rows.hash_columns(row) == hashed
        assert rows.carry([row]).equals(cells)
        if images[row]:
            assert rows.read(row)[0] == images[row]


def test_images_beyond_what_is_held_are_read_one_by_one(tmp_path, monkeypatch):
    images = [encode_image(seed) for seed in range(20)]
    write_shard(tmp_path / "a.parquet", images, group=10)
    monkeypatch.setattr("augcli.io.readers.portions.HELD_BYTES", sum(map(len, images[:12])))
    rows = open_rows(tmp_path, 1)
    assert [rows.read(row)[0] for row in range(20)] == images
    assert [part.images.count(RELEASED) for part in rows._loaded[0]] == [0, 8]


def test_what_is_read_again_is_one_row(tmp_path):
    write_shard(tmp_path / "a.parquet", [encode_image(seed) for seed in range(20)], group=10)
    rows = open_rows(tmp_path, 2)
    assert rows._portions.read_again(13).images == [encode_image(13)]


@pytest.mark.parametrize("encoding", [None, "DELTA_BYTE_ARRAY"])
def test_of_values_that_a_footer_counts_once_few_are_unpacked_at_once(tmp_path, encoding):
    encodings = {"use_dictionary": False, "column_encoding": {"image": encoding}} if encoding else {}
    table = pa.table({"image": [encode_image(0) + bytes(100_000)] * 100, "label": [0, 1] * 50})
    pq.write_table(table, tmp_path / "a.parquet", **encodings)
    rows = open_rows(tmp_path, 1)
    (group,) = rows._portions._groups
    assert group.bytes < 110_000
    assert max(batch.nbytes for batch in rows._portions._stream(group)) < 33 * 101_000


def test_of_large_images_no_more_are_unpacked_at_once_than_a_megabyte_holds(tmp_path):
    images = [np.random.default_rng(seed).bytes(300_000) for seed in range(8)]
    write_shard(tmp_path / "a.parquet", images)
    rows = open_rows(tmp_path, 1)
    assert [len(batch) for batch in rows._portions._stream(rows._portions._groups[0])] == [3, 3, 2]


def test_a_row_group_of_fewer_rows_than_it_says_is_damaged(tmp_path, monkeypatch):
    write_shard(tmp_path / "s.parquet", [encode_image(seed) for seed in range(4)])
    rows, read = open_rows(tmp_path / "s.parquet", 1), Portions._stream
    monkeypatch.setattr(Portions, "_stream", lambda self, group: (part[:3] for part in read(self, group)))
    with pytest.raises(InputError, match="row group 0 holds fewer rows than it says"):
        rows.read(0)
