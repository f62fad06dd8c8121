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
from augcli.errors import DecodeError, StorageError
from augcli.io.readers.base import Selection
from augcli.io.readers.rows import RELEASED, Rows
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


def open_rows(root, slices: int) -> Rows:
    source = open_source(str(root), Selection())
    (catalogue,) = source.catalogues
    return source.samples(catalogue, source.groups[""], slices)


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_a_released_image_is_no_longer_held_and_can_be_read_again(tmp_path, slices):
    images = [encode_image(seed) for seed in range(10)]
    write_shard(tmp_path / "a.parquet", images, group=5)
    rows = open_rows(tmp_path, slices)
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


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [single(CutMix()), single(CutMix(), copies=3), single(Cutout())])
def test_a_run_reads_no_image_again(tmp_path, monkeypatch, recipe):
    def read_again(*_):
        raise AssertionError("an image was released too early")

    monkeypatch.setattr(Rows, "_read_again", read_again)
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
