"""What is made again: chunks whose sources hold other bytes, whatever the times of their files say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.io.records import seen_files
from augcli.io.store.local import LocalStore
from augcli.io.store.names import DOCUMENTS_SEEN
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.pipeline import run as pipeline
from augcli.pipeline.worker import contents
from augcli.recipe import single

GUIDE = Path(augcli.__file__).parent / "guide" / "outputs.md"

CUTMIX, SHARDS = single(CutMix(), 0.5), single(CutMix(), 0.5, format="parquet")
EARLIER = 1_000_000_000_000_000_000
"""A time in nanoseconds at which no file of a test was written."""


@pytest.fixture
def src(make_folder, limit):
    limit(chunk_outputs=4)
    return make_folder({"cat": 20, "dog": 20})


@pytest.fixture
def reads(monkeypatch):
    """Every sample that is read and hashed, in this process."""
    found = []
    real = contents.read_sample

    def read(samples, sample, has_masks):
        found.append(sample)
        return real(samples, sample, has_masks)

    for module in ("loader", "compare"):
        monkeypatch.setattr(f"augcli.pipeline.worker.{module}.read_sample", read)
    return found


def set_times(root, time=EARLIER):
    for path in root.rglob("*"):
        os.utime(path, ns=(time, time))


def times(root):
    return {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*")) if path.is_file()}


def caches(dst):
    """The caches beside part files; that of documents is another thing."""
    return sorted({*dst.glob(".augcli-*.seen")} - {dst / DOCUMENTS_SEEN})


def drop_caches(dst):
    for path in caches(dst):
        path.unlink()


def replace_bytes(path, data):
    """Give a file other bytes; its size and time stay."""
    status = path.stat()
    assert status.st_size == len(data)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def change_pixel(path):
    """Change an uncompressed image such that its size and time stay."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    replace_bytes(path, bytes(data))


def to_bitmaps(src):
    """Make the photos of a folder uncompressed."""
    for path in sorted(src.rglob("*.png")):
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    return src


# --- folders ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [CUTMIX, SHARDS])
def test_each_part_file_has_a_cache_beside_it(src, tmp_path, recipe):
    summary = augcli.materialize(src, tmp_path / "dst", recipe)
    parts = sorted((tmp_path / "dst").glob(".augcli-*.parquet"))
    assert len(parts) == summary.chunks > 4
    assert caches(tmp_path / "dst") == [part.with_suffix(".seen") for part in parts]


@pytest.mark.slow
def test_a_run_that_finds_the_versions_it_saw_reads_no_image_and_writes_nothing(src, tmp_path, reads):
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    before = times(tmp_path / "dst")
    reads.clear()
    summary = augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert (summary.chunks_done, summary.chunks_compared, reads) == ((), 0, [])
    assert times(tmp_path / "dst") == before


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("recipe", [CUTMIX, SHARDS])
def test_other_times_make_nothing_again_and_leave_all_but_caches_and_mark(
    src, tmp_path, tree, recipe, workers
):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, recipe)
    for root in (src, dst):  # of DST, so that whatever is written has another time, however coarse these are
        set_times(root)
    files, before = tree(dst), times(dst)
    summary = augcli.materialize(src, dst, recipe, workers=workers)
    assert (summary.chunks_done, summary.chunks_compared) == ((), summary.chunks)
    assert tree(dst) == files
    after = times(dst)
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {*caches(dst), dst / "_SUCCESS"}
    assert augcli.materialize(src, dst, recipe).chunks_compared == 0


@pytest.mark.slow
def test_one_touched_file_is_read_alone(src, tmp_path, reads):
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    os.utime(src / "cat" / "3.png", ns=(EARLIER, EARLIER))
    reads.clear()
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    assert (summary.chunks_done, summary.chunks_compared, len(reads)) == ((), 1, 1)


@pytest.mark.slow
def test_a_copied_tree_is_the_same_data_set(src, tmp_path, tree):
    """As after a checkout: SRC and DST have other times, and DST no caches of them."""
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    files = tree(tmp_path / "dst")
    for name in ("src", "dst"):
        shutil.copytree(tmp_path / name, tmp_path / "copy" / name, copy_function=shutil.copyfile)
    summary = augcli.materialize(tmp_path / "copy" / "src", tmp_path / "copy" / "dst", CUTMIX)
    assert summary.chunks_done == ()
    assert tree(tmp_path / "copy" / "dst") == files


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [CUTMIX, SHARDS])
def test_a_file_of_other_bytes_makes_its_chunks_again_and_no_others(src, tmp_path, tree, recipe):
    augcli.materialize(src, tmp_path / "dst", recipe)
    Image.new("RGB", (9, 9)).save(src / "cat" / "3.png")
    set_times(src)
    summary = augcli.materialize(src, tmp_path / "dst", recipe)
    assert 0 < len(summary.chunks_done) < summary.chunks
    augcli.materialize(src, tmp_path / "fresh", recipe)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    assert augcli.materialize(src, tmp_path / "dst", recipe).chunks_compared == 0


@pytest.mark.slow
def test_other_bytes_of_the_same_size_and_time_are_found_once_the_cache_is_gone(src, tmp_path, tree):
    to_bitmaps(src)
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    change_pixel(src / "cat" / "3.bmp")
    assert augcli.materialize(src, tmp_path / "dst", CUTMIX).chunks_done == ()
    drop_caches(tmp_path / "dst")
    summary = augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert 0 < len(summary.chunks_done) < summary.chunks == summary.chunks_compared
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


@pytest.mark.slow
def test_another_image_makes_every_chunk_again_that_has_it_as_a_partner(src, tmp_path, tree):
    recipe = single(CutMix())
    augcli.materialize(src, tmp_path / "dst", recipe)
    before, numbers = tree(tmp_path / "dst"), set()
    for path in sorted((src / "cat").iterdir())[:5]:
        data = path.read_bytes()
        Image.new("RGB", (9, 9)).save(path)
        numbers.add(len(augcli.materialize(src, tmp_path / "dst", recipe).chunks_done))
        path.write_bytes(data)
        numbers.add(len(augcli.materialize(src, tmp_path / "dst", recipe).chunks_done))
        assert tree(tmp_path / "dst") == before
    assert numbers == {1, 2}


def test_what_no_output_looked_at_may_change(src, tmp_path):
    """Samples that `--limit` leaves out are partners of the last ones at most."""
    recipe = single(Cutout(), limit=3)
    augcli.materialize(src, tmp_path / "dst", recipe)
    used = {row["source"] for row in pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()}
    for path in src.rglob("*.png"):
        if path.relative_to(src).as_posix() not in used:
            Image.new("RGB", (9, 9)).save(path)
    assert augcli.materialize(src, tmp_path / "dst", recipe).chunks_done == ()


@pytest.mark.slow
def test_part_files_are_the_same_however_the_work_is_cut(src, tmp_path, tree, limit):
    recipe = single(CutMix(), 0.3, copies=3)
    for name in ("bad", "worse"):
        (src / "cat" / f"{name}.png").write_bytes(b"no image")
    limit(chunk_outputs=40)
    augcli.materialize(src, tmp_path / "a", recipe, workers=1, max_errors=2)
    limit(chunk_outputs=40, longest_piece=8)
    augcli.materialize(src, tmp_path / "b", recipe, workers=2, max_errors=2)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.slow
def test_splits_are_compared_each_for_itself(make_folder, tmp_path, tree):
    for split in ("train", "test"):
        make_folder({"cat": 3, "dog": 3}, f"src/{split}")
    src, dst = tmp_path / "src", tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    set_times(src)
    Image.new("RGB", (9, 9)).save(src / "test" / "cat" / "0.png")
    summary = augcli.materialize(src, dst, CUTMIX)
    assert (summary.chunks_done, summary.chunks_compared) == (("test-all",), 2)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(dst) == tree(tmp_path / "fresh")


@pytest.mark.slow
def test_a_touched_input_and_a_changed_one_are_told_apart_in_one_run(src, tmp_path, tree):
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    set_times(src)
    Image.new("RGB", (9, 9)).save(src / "cat" / "3.png")
    summary = augcli.materialize(src, tmp_path / "dst", CUTMIX, workers=2)
    assert 0 < len(summary.chunks_done) < summary.chunks_compared == summary.chunks
    again = augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert (again.chunks_done, again.chunks_compared) == ((), 0)


# --- masks, boxes, labels --------------------------------------------------------------------------------


@pytest.fixture
def masked(tmp_path):
    for number in range(8):
        pixels = np.full((8, 8), number, np.uint8)
        for name in ("images", "masks"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def run_masked(masked, **options):
    recipe = single(Cutout(), mask_fill=9)
    return augcli.materialize(masked / "images", masked / "dst", recipe, masks=masked / "masks", **options)


def test_masks_are_known_by_their_bytes(masked):
    run_masked(masked)
    set_times(masked / "masks")
    assert (run_masked(masked).chunks_done, run_masked(masked).chunks_compared) == ((), 0)
    path = masked / "masks" / "3.png"
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(path)
    assert run_masked(masked).chunks_done == ("all",)


def test_another_mask_of_the_same_size_and_time_is_found_once_the_cache_is_gone(masked):
    run_masked(masked)
    path, other = masked / "masks" / "3.png", masked / "masks" / "4.png"
    replace_bytes(path, other.read_bytes())
    assert run_masked(masked).chunks_done == ()
    drop_caches(masked / "dst")
    assert run_masked(masked).chunks_done == ("all",)


def test_a_mask_of_a_damaged_image_is_no_reason_to_make_it_again(masked):
    (masked / "images" / "3.png").write_bytes(b"no image")
    run_masked(masked, max_errors=1)
    set_times(masked / "images")
    assert run_masked(masked, max_errors=1).chunks_done == ()


def test_tables_of_labels_and_boxes_are_known_by_what_they_say(make_folder, tmp_path):
    src = make_folder({"": 4})
    table = tmp_path / "labels.csv"
    lines = ["file_name,label", *(f"{number}.png,{'ab'[number % 2]}" for number in range(4))]
    table.write_text("\n".join(lines))
    augcli.materialize(src, tmp_path / "dst", CUTMIX, labels=table)
    os.utime(table, ns=(EARLIER, EARLIER))
    before = times(tmp_path / "dst")
    assert augcli.materialize(src, tmp_path / "dst", CUTMIX, labels=table).chunks_compared == 0
    assert times(tmp_path / "dst") == before
    table.write_text("\n".join(lines[:-1]) + "\n3.png,a")
    assert augcli.materialize(src, tmp_path / "dst", CUTMIX, labels=table).chunks_done == ("all",)


# --- shards ----------------------------------------------------------------------------------------------


def write_rows(path, change=None, rows=40):
    """Write a shard of row groups of 4 rows: uncompressed, so that its size does not depend on its cells."""
    pixels = np.random.default_rng(0).integers(0, 256, (rows, 8, 10, 3), dtype=np.uint8)
    images, masks = [], []
    for number in range(rows):
        buffer = pa.BufferOutputStream()
        Image.fromarray(pixels[number]).save(buffer, "BMP")
        images.append(buffer.getvalue().to_pybytes())
        buffer = pa.BufferOutputStream()
        Image.fromarray(np.full((8, 10), number % 7, np.uint8)).save(buffer, "PNG")
        masks.append(buffer.getvalue().to_pybytes())
    columns = {
        "image": [{"bytes": data, "path": f"{number:02}.bmp"} for number, data in enumerate(images)],
        "label": [number % 2 for number in range(rows)],
        "mask": masks,
        "caption": [f"caption {number:02}" for number in range(rows)],
    }
    if change:
        change(columns)
    table = pa.table(columns)
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    pq.write_table(table, path, row_group_size=4, **options)


def edit_caption(columns):
    columns["caption"][17] = "CAPTION 17"


def edit_path(columns):
    columns["image"][17]["path"] = "xx.bmp"


def edit_image(columns):
    data = columns["image"][17]["bytes"]
    columns["image"][17]["bytes"] = data[:-1] + bytes([data[-1] ^ 1])


def edit_mask(columns):
    columns["mask"][17] = columns["mask"][18]


@pytest.fixture
def shard(tmp_path, limit):
    limit(chunk_outputs=8, chunk_groups=2)
    (tmp_path / "src").mkdir()
    write_rows(tmp_path / "src" / "train.parquet")
    return tmp_path / "src" / "train.parquet"


ROWS = single(Cutout(), 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("edit", [edit_caption, edit_path, edit_image, edit_mask])
def test_an_edited_cell_makes_the_chunk_of_its_row_again_alone(shard, tmp_path, tree, edit, workers):
    """The shard's size and time are kept by hand; the caches are deleted."""
    augcli.materialize(shard, tmp_path / "dst", ROWS)
    status = shard.stat()
    write_rows(shard, edit)
    assert shard.stat().st_size == status.st_size
    os.utime(shard, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert augcli.materialize(shard, tmp_path / "dst", ROWS).chunks_done == ()
    drop_caches(tmp_path / "dst")
    summary = augcli.materialize(shard, tmp_path / "dst", ROWS, workers=workers)
    assert len(summary.chunks_done) == 1 < summary.chunks == summary.chunks_compared
    augcli.materialize(shard, tmp_path / "fresh", ROWS)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


@pytest.mark.slow
def test_a_touched_shard_makes_nothing_again(shard, tmp_path, tree):
    augcli.materialize(shard, tmp_path / "dst", ROWS)
    before = tree(tmp_path / "dst")
    set_times(shard.parent)
    summary = augcli.materialize(shard, tmp_path / "dst", ROWS, workers=2)
    assert (summary.chunks_done, summary.chunks_compared) == ((), summary.chunks)
    assert tree(tmp_path / "dst") == before
    assert augcli.materialize(shard, tmp_path / "dst", ROWS).chunks_compared == 0


@pytest.mark.slow
def test_only_rows_of_a_touched_shard_are_read(shard, tmp_path, reads):
    write_rows(shard.with_name("train-1.parquet"))
    augcli.materialize(shard.parent, tmp_path / "dst", ROWS)
    os.utime(shard, ns=(EARLIER, EARLIER))
    reads.clear()
    summary = augcli.materialize(shard.parent, tmp_path / "dst", ROWS)
    assert (summary.chunks_done, len(reads)) == ((), 40)


@pytest.mark.slow
def test_a_row_without_an_image_is_compared_too(shard, tmp_path):
    def lose(columns):
        columns["image"][17]["bytes"] = None

    write_rows(shard, lose)
    augcli.materialize(shard, tmp_path / "dst", ROWS, max_errors=1)
    set_times(shard.parent)
    assert augcli.materialize(shard, tmp_path / "dst", ROWS, max_errors=1).chunks_done == ()
    write_rows(shard)
    assert len(augcli.materialize(shard, tmp_path / "dst", ROWS).chunks_done) == 1


# --- the caches themselves -------------------------------------------------------------------------------


def damage(path, what):
    data = path.read_bytes()
    if what == "empty":
        path.write_bytes(b"")
    elif what == "garbage":
        path.write_bytes(os.urandom(len(data)))
    elif what == "cut short":
        path.write_bytes(data[:-1])
    elif what == "longer":
        path.write_bytes(data + b"\0")
    elif what == "one bit":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif what == "directory":
        path.unlink()
        path.mkdir()
        (path / "file").write_bytes(b"")
    elif what == "link":
        path.unlink()
        path.symlink_to("nowhere")


KINDS = ["empty", "garbage", "cut short", "longer", "one bit", "directory", "link"]


@pytest.mark.slow
@pytest.mark.parametrize("what", KINDS)
def test_a_damaged_cache_is_no_error_and_nothing_trusts_it(src, tmp_path, tree, what):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    before = tree(dst)
    damage(caches(dst)[0], what)
    summary = augcli.materialize(src, dst, CUTMIX)
    assert (summary.chunks_done, summary.chunks_compared) == ((), 1)
    assert {name: data for name, data in tree(dst).items() if not name.endswith("/file")} == before


@pytest.mark.slow
def test_a_cache_of_another_chunk_or_run_is_not_trusted(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    old = {path: path.read_bytes() for path in caches(dst)}
    first, second = list(old)[:2]
    first.write_bytes(old[second])
    assert augcli.materialize(src, dst, CUTMIX).chunks_compared == 1
    Image.new("RGB", (9, 9)).save(src / "cat" / "3.png")
    done = augcli.materialize(src, dst, CUTMIX).chunks_done
    for path, data in old.items():
        path.write_bytes(data)
    assert augcli.materialize(src, dst, CUTMIX).chunks_compared == len(done)


@pytest.mark.slow
def test_a_cache_is_not_trusted_beside_a_part_file_of_other_sources(src, tmp_path, tree):
    """As where an older output is copied over a newer one, whose caches stay."""
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    shutil.copytree(dst, tmp_path / "older", ignore=shutil.ignore_patterns("*.seen"))
    Image.new("RGB", (9, 9)).save(src / "cat" / "3.png")
    done = augcli.materialize(src, dst, CUTMIX).chunks_done
    newer = tree(dst)
    shutil.copytree(tmp_path / "older", dst, dirs_exist_ok=True)
    summary = augcli.materialize(src, dst, CUTMIX)
    assert (summary.chunks_compared, sorted(summary.chunks_done)) == (len(done), sorted(done))
    assert tree(dst) == newer


@pytest.mark.slow
def test_another_run_that_began_meanwhile_gets_no_mark_and_no_caches(src, tmp_path, monkeypatch):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    set_times(src)
    real = pipeline.locked

    def locked(store, *shared):
        (dst / "_SUCCESS").unlink()  # as the run of another recipe does, which is killed then
        drop_caches(dst)
        (dst / "augcli.json").write_text("{}")
        return real(store, *shared)

    monkeypatch.setattr(pipeline, "locked", locked)
    augcli.materialize(src, dst, CUTMIX)
    assert not (dst / "_SUCCESS").exists()
    assert not caches(dst)


@pytest.mark.slow
def test_a_lock_that_cannot_be_taken_to_renew_caches_is_no_error(src, tmp_path, monkeypatch):
    """As on a DST that nobody may write: it is compared, and complete."""
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    drop_caches(tmp_path / "dst")
    before = times(tmp_path / "dst")

    def refuse(store, *shared):
        raise augcli.errors.StorageError("read-only")

    monkeypatch.setattr("augcli.pipeline.run.locked", refuse)
    summary = augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert (summary.chunks_done, summary.chunks_compared) == ((), summary.chunks)
    assert times(tmp_path / "dst") == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_that_cannot_be_written_is_compared_and_complete(src, tmp_path, cli):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    drop_caches(dst)
    dst.chmod(0o555)
    try:
        assert cli("cutmix", "--p", "0.5", src, dst).returncode == 0
    finally:
        dst.chmod(0o755)


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_no_error(src, tmp_path, monkeypatch, tree):
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    real = LocalStore.writing

    def refuse(store, key):
        if key.endswith(".seen"):
            raise augcli.errors.StorageError("read-only")
        return real(store, key)

    monkeypatch.setattr(LocalStore, "writing", refuse)
    augcli.materialize(src, tmp_path / "dst", CUTMIX)
    summary = augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert (summary.chunks_done, summary.chunks_compared) == ((), summary.chunks)
    assert caches(tmp_path / "dst") == []
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


@pytest.mark.slow
def test_a_kill_while_a_cache_is_written_loses_only_the_cache(src, tmp_path, monkeypatch, tree):
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(seen_files, "_bind", die)
        with pytest.raises(KeyboardInterrupt):
            augcli.materialize(src, tmp_path / "dst", CUTMIX, workers=1)
    parts = list((tmp_path / "dst").glob(".augcli-*.parquet"))
    assert len(parts) > 0
    (tmp_path / "dst" / ".augcli-0000.seen.0a1b2c3d.part").write_bytes(b"half")
    summary = augcli.materialize(src, tmp_path / "dst", CUTMIX)
    assert len(summary.chunks_done) == summary.chunks - len(parts)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


@pytest.mark.slow
def test_a_cache_goes_with_its_part_file(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    shutil.rmtree(src / "dog")
    for path in sorted((src / "cat").iterdir())[4:]:
        path.unlink()
    augcli.materialize(src, dst, CUTMIX)
    assert [path.stem for path in caches(dst)] == [
        path.stem for path in sorted(dst.glob(".augcli-*.parquet"))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [CUTMIX, SHARDS])
def test_force_replaces_caches_too(src, tmp_path, tree, recipe):
    augcli.materialize(src, tmp_path / "dst", recipe)
    other = single(CutMix(), 0.5, seed=5, format=recipe.format)
    (tmp_path / "dst" / ".augcli-orphan.seen").write_bytes(b"old")
    augcli.materialize(src, tmp_path / "dst", other, force=True)
    augcli.materialize(src, tmp_path / "fresh", other)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    names = [[path.name for path in caches(tmp_path / name)] for name in ("dst", "fresh")]
    assert names[0] == names[1]
    assert augcli.materialize(src, tmp_path / "dst", other).chunks_compared == 0


@pytest.mark.slow
def test_a_resumed_run_compares_nothing_that_it_saw(src, tmp_path, reads):
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), workers=1)
    part = sorted((tmp_path / "dst").glob(".augcli-*.parquet"))[0]
    rows = pq.read_metadata(part).num_rows
    part.unlink()
    reads.clear()
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout()), workers=1)
    assert (len(summary.chunks_done), summary.chunks_compared, len(reads)) == (1, 0, rows)


@pytest.mark.slow
def test_verify_knows_caches_and_trusts_nothing_in_them(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    caches(dst)[0].write_bytes(b"garbage")
    (dst / ".augcli-orphan.seen").write_bytes(b"old")
    assert augcli.verify(dst).differences == ()
    (dst / "cat" / ".augcli-01.seen").write_bytes(b"a name that belongs to the root alone")
    assert len(augcli.verify(dst).differences) == 1


@pytest.mark.slow
@pytest.mark.parametrize("what", ["contents", "version"])
def test_a_part_file_of_an_earlier_version_is_outdated_and_no_error(src, tmp_path, tree, what):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    before = tree(dst)
    part = sorted(dst.glob(".augcli-*.parquet"))[0]
    rows = pq.read_table(part)
    pq.write_table(rows.replace_schema_metadata({b"augcli": rows.schema.metadata[b"augcli"]}), part)
    assert len(augcli.materialize(src, dst, CUTMIX).chunks_done) == 1
    assert tree(dst) == before


# --- what is said ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_dry_run_counts_what_is_to_be_compared_and_reads_no_image(src, tmp_path, cli, reads):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, CUTMIX)
    set_times(src)
    before = times(dst)
    reads.clear()
    summary = augcli.materialize(src, dst, CUTMIX, dry_run=True)
    assert (summary.chunks_done, summary.chunks_compared, reads) == ((), summary.chunks, [])
    said = cli("cutmix", "--p", "0.5", "--dry-run", src, dst).stdout
    assert times(dst) == before
    assert "to compare with their sources" in said


@pytest.mark.slow
def test_progress_shows_what_is_compared(src, tmp_path):
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    set_times(src)
    seen = []
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), advance=lambda *given: seen.append(given))
    assert sum(done for done, _ in seen) == 40
    assert {total for _, total in seen} == {40}


@pytest.mark.slow
def test_an_idle_run_and_one_that_compares_load_no_numba(make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 2})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    set_times(src)
    code = "import sys; from augcli.cli import main\ntry: main()\nfinally: print('numba' in sys.modules)"
    command = [sys.executable, "-c", code, "cutmix", src, tmp_path / "dst"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "compared the sources of 1 chunk\n" in said
    assert said.endswith("False\n")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_is_content_once_a_touched_photo_was_compared(make_folder, tmp_path, cli):
    """The rule of the guide: its command runs in this process, make is asked before and after."""
    make_folder({"cat": 3, "dog": 3}, "photos")
    rule = "augmented/_SUCCESS: $(shell find photos)\n\tfalse\n"
    (tmp_path / "Makefile").write_text(rule)
    assert "augmented/_SUCCESS: $(shell find photos)" in GUIDE.read_text("utf-8")

    def is_made():
        return subprocess.run(["make", "-q"], cwd=tmp_path, check=False).returncode == 0

    def run():
        done = cli("cutmix", "--alpha", "1", "photos", "augmented", cwd=tmp_path)
        assert done.returncode == 0
        return done.stdout

    for name in ("photos", "augmented"):  # so a file that is touched is later, however coarse times are
        run()
        set_times(tmp_path / name)
    os.utime(tmp_path / "photos", ns=(EARLIER, EARLIER))
    assert is_made()
    before = times(tmp_path / "augmented")
    (tmp_path / "photos" / "cat" / "0.png").touch()
    assert not is_made()
    assert "nothing to do" in run()
    assert is_made()
    after = times(tmp_path / "augmented")
    assert {path.name for path in before if before[path] != after[path]} == {".augcli-all.seen", "_SUCCESS"}
