"""What a second run finds: leftovers, lost files, changed layouts, and inputs that fail here or there."""

from __future__ import annotations

import shutil
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import StorageError
from augcli.io.readers.parquet import ShardOpener
from augcli.ops.cutmix import CutMix
from augcli.recipe import single

CUTMIX = single(CutMix())


def spoil_pixels(path):
    """Flip a byte of a PNG's compressed pixels: header and end marker stay, so it may still be copied."""
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT") + 10
    data[at] ^= 0xFF
    size = int.from_bytes(data[data.index(b"IDAT") - 4 : data.index(b"IDAT")], "big")
    start = data.index(b"IDAT")
    data[start + 4 + size : start + 8 + size] = zlib.crc32(data[start : start + 4 + size]).to_bytes(4, "big")
    path.write_bytes(data)


def test_what_becomes_of_a_spoilt_image_depends_on_its_own_draw_alone(make_folder, tmp_path, tree, limit):
    src = make_folder({"cat": 20, "dog": 20})
    for number in range(0, 20, 2):
        spoil_pixels(src / "cat" / f"{number}.png")
    recipe = single(CutMix(), 0.5)
    summary = augcli.materialize(src, tmp_path / "a", recipe, workers=1)
    limit(longest_piece=8)
    augcli.materialize(src, tmp_path / "b", recipe)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert 0 < len(summary.failures) < 10  # some were drawn and failed, some were copied
    assert summary.copied_undecodable > 0


@pytest.mark.slow
def test_a_kill_between_new_images_and_their_part_leaves_no_old_part_valid(
    make_folder, tmp_path, tree, monkeypatch
):
    src = make_folder({"cat": 10, "dog": 10})
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    added = tmp_path / "added.png"
    shutil.copy(src / "cat" / "0.png", added)
    for number in range(8):
        shutil.copy(added, src / "dog" / f"added{number}.png")

    def die(*_):
        raise StorageError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("augcli.io.records.part_files.write_part_file", die)
        with pytest.raises(StorageError):
            augcli.materialize(src, tmp_path / "dst", CUTMIX)
    for number in range(8):
        (src / "dog" / f"added{number}.png").unlink()
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "pattern"), [("parquet", "data/*.parquet"), ("webdataset", "*.tar")])
def test_a_shard_that_was_cut_short_is_made_again_and_no_other(
    make_folder, tmp_path, tree, limit, layout, pattern
):
    limit(chunk_outputs=8)
    src, dst = make_folder({"cat": 20, "dog": 20}), tmp_path / "dst"
    augcli.materialize(src, dst, single(CutMix(), format=layout))
    before = tree(dst)
    shard = min(dst.glob(pattern))
    shard.write_bytes(shard.read_bytes()[:-700])
    summary = augcli.materialize(src, dst, single(CutMix(), format=layout))
    assert (len(summary.chunks_done), tree(dst)) == (1, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["labels.csv", "metadata.parquet", "README.md", "classes.txt", "_SUCCESS"])
def test_a_lost_table_is_written_again(make_folder, tmp_path, tree, name):
    src = make_folder({"cat": 3, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    before = tree(tmp_path / "dst")
    (tmp_path / "dst" / name).unlink()
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert tree(tmp_path / "dst") == before


def test_a_relative_destination_is_found_done(make_folder, tmp_path, monkeypatch):
    src = make_folder({"cat": 3, "dog": 3})
    (tmp_path / "dst").mkdir()
    monkeypatch.chdir(tmp_path / "dst")
    augcli.materialize(src, ".", CUTMIX)
    summary = augcli.materialize(src, ".", CUTMIX)
    assert (summary.chunks_done, summary.dst) == ((), ".")


def test_a_split_that_is_gone_leaves_nothing(make_folder, tmp_path):
    for split in ("train", "val"):
        make_folder({"cat": 3, "dog": 3}, f"src/{split}")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
    shutil.rmtree(tmp_path / "src" / "val")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
    assert not (tmp_path / "dst" / "val").exists()


@pytest.mark.slow
def test_an_unlabelled_split_keeps_the_class_list_of_the_others(make_folder, tmp_path):
    make_folder({"cat": 3, "dog": 3}, "src/train")
    (tmp_path / "src" / "test").mkdir()
    for number in range(2):
        Image.new("RGB", (8, 8)).save(tmp_path / "src" / "test" / f"{number}.png")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
    assert (tmp_path / "dst" / "classes.txt").read_text() == "cat\ndog\n"
    schemas = [pq.read_schema(tmp_path / "dst" / name / "metadata.parquet") for name in ("test", "train")]
    assert schemas[0] == schemas[1]


def test_a_folder_that_becomes_nested_is_laid_out_anew(tmp_path, tree):
    (tmp_path / "src").mkdir()
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        Image.new("RGB", (8, 8), (int(name[0]), 0, 0)).save(tmp_path / "src" / name)

    def label(names):
        lines = [f"{name},{'cat' if place % 2 else 'dog'}" for place, name in enumerate(names)]
        (tmp_path / "src" / "metadata.csv").write_text("\n".join(["file_name,label", *lines]) + "\n")

    label(names)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
    (tmp_path / "src" / "more").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "src" / "more" / "6.png")
    label([*names, "more/6.png"])
    augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
    augcli.materialize(tmp_path / "src", tmp_path / "fresh", CUTMIX)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_an_empty_parquet_split_is_left_out(shards, tmp_path):
    (tmp_path / "src").mkdir()
    whole = next(shards.glob("*.parquet"))
    shutil.copy(whole, tmp_path / "src" / "train-0.parquet")
    pq.write_table(pq.read_table(whole).slice(0, 0), tmp_path / "src" / "test-0.parquet")
    assert augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX).outputs == 24


def test_a_chunk_of_nothing_but_failures_keeps_its_columns(tmp_path, limit, photos):
    limit(chunk_outputs=8, chunk_groups=1)
    good = next(photos.rglob("*.jpg")).read_bytes()
    table = pa.table({"image": [b"no image"] * 8 + [good] * 8, "label": [0, 1] * 8, "extra": list(range(16))})
    pq.write_table(table, tmp_path / "src.parquet", row_group_size=8)
    summary = augcli.materialize(
        tmp_path / "src.parquet", tmp_path / "dst", single(CutMix(), format="folder"), max_errors=8
    )
    assert (summary.chunks, summary.outputs, len(summary.failures)) == (2, 8, 8)
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet")
    assert sorted(rows.column("extra").to_pylist()) == list(range(8, 16))


def test_a_shard_that_changes_during_the_run_is_a_fault_of_the_machine(shards, tmp_path, monkeypatch):
    shutil.copytree(shards, tmp_path / "src")
    shard = next((tmp_path / "src").glob("*.parquet"))
    real = ShardOpener.open

    def change(*arguments):
        shard.write_bytes(shard.read_bytes() + b" ")
        return real(*arguments)

    monkeypatch.setattr(ShardOpener, "open", change)
    with pytest.raises(StorageError, match="changed since it was listed"):
        augcli.materialize(tmp_path / "src", tmp_path / "dst", CUTMIX)
    assert not list((tmp_path / "dst").glob(".augcli-*"))


def test_what_is_not_ours_below_dst_stays(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    (tmp_path / "dst" / ".git" / "refs").mkdir(parents=True)
    (tmp_path / "dst" / "cat" / "mine.jpg").write_bytes(b"mine")
    (src / "cat" / "2.png").unlink()
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert (tmp_path / "dst" / ".git" / "refs").is_dir()
    assert (tmp_path / "dst" / "cat" / "mine.jpg").read_bytes() == b"mine"
