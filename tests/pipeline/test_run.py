"""Whole runs on small images: labels, partners, reproducibility, resume."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, OutputError, StorageError
from augcli.io.images import codec
from augcli.io.records import part_files
from augcli.io.store.local import LocalStore
from augcli.io.writers import parquet
from augcli.kernels import cpu
from augcli.ops.cutmix import CutMix
from augcli.ops.mixup import Mixup
from augcli.pipeline.worker import task
from augcli.recipe import single
from augcli.recipe_files import read_recipe
from augcli.samples import Shape

CUTMIX = single(CutMix(alpha=1.0))


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "depth"), [("L", 8), ("RGB", 8), ("L", 16)])
def test_census_every_cutmix_label_equals_the_counted_share(
    flat_images, materialize, tmp_path, mode, depth, read_rows
):
    materialize(flat_images(mode=mode, depth=depth))
    for row in read_rows(tmp_path / "dst"):
        pixels = np.asarray(Image.open(tmp_path / "dst" / row["file_name"])).astype(np.int64)
        assert set(np.unique(pixels)) <= {0, 255, 65535}
        white = np.count_nonzero(pixels) / pixels.size
        black = np.count_nonzero(pixels == 0) / pixels.size
        weights = dict(zip(row["classes"], row["weights"], strict=True))
        assert (weights.get(0, 0.0), weights.get(1, 0.0)) == (black, white)
        own = black if row["source"].startswith("black") else white
        same = row["partners"] and row["partners"][0][:5] == row["source"][:5]
        assert same or row["lam"] == own


def test_census_every_mixup_label_matches_the_mean_grey(flat_images, materialize, tmp_path, read_rows):
    materialize(flat_images(), recipe=single(Mixup(alpha=1.0)))
    for row in read_rows(tmp_path / "dst"):
        grey = np.asarray(Image.open(tmp_path / "dst" / row["file_name"])).astype(np.float64)
        weight = dict(zip(row["classes"], row["weights"], strict=True)).get(1, 0.0)
        assert abs(grey.mean() / 255 - weight) <= 0.5 / 255  # half a level


@pytest.mark.slow
def test_census_holds_for_a_chain_of_pastes_and_copies(flat_images, materialize, tmp_path, read_rows):
    chain = read_recipe({"copies": 2, "op": [{"kind": "cutmix"}, {"kind": "cutmix", "p": 0.7}]})
    materialize(flat_images(), recipe=chain)
    rows = read_rows(tmp_path / "dst")
    assert max(len(row["partners"]) for row in rows) == 2
    for row in rows:
        pixels = np.asarray(Image.open(tmp_path / "dst" / row["file_name"]))
        white = np.count_nonzero(pixels) / pixels.size
        weights = dict(zip(row["classes"], row["weights"], strict=True))
        assert weights.get(1, 0.0) == pytest.approx(white, abs=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("copies", [1, 3])
def test_every_sample_is_base_once_and_partner_once_per_copy(
    make_folder, materialize, tmp_path, copies, read_rows
):
    src = make_folder({"cat": 40, "dog": 33}, size=(40, 40))
    materialize(src, recipe=single(CutMix(alpha=1000.0), copies=copies))
    rows = read_rows(tmp_path / "dst")
    keys = {path.relative_to(src).as_posix() for path in src.rglob("*.png")}
    for copy in range(copies):
        mine = [row for row in rows if row["copy"] == copy]
        assert Counter(row["source"] for row in mine) == Counter(keys)
        assert Counter(row["partners"][0] for row in mine) == Counter(keys)
        assert all(row["source"] != row["partners"][0] for row in mine)


def test_copies_of_a_sample_have_different_partners(make_folder, materialize, tmp_path, read_rows):
    materialize(
        make_folder({"cat": 9, "dog": 9}, size=(40, 40)), recipe=single(CutMix(alpha=1000.0), copies=3)
    )
    partners: dict[str, set[str]] = {}
    for row in read_rows(tmp_path / "dst"):
        partners.setdefault(row["source"], set()).update(row["partners"])
    assert {len(names) for names in partners.values()} == {3}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_workers_and_length_of_tasks_change_nothing(make_folder, materialize, tmp_path, tree, limit, form):
    src = make_folder({"cat": 60, "dog": 40})
    recipe = single(CutMix(), 0.7, copies=2, format=form)
    for workers in (1, 2, 3):
        materialize(src, f"workers{workers}", recipe, workers=workers)
    limit(longest_piece=8)
    materialize(src, "short", recipe)
    limit(shortest_piece=1000, longest_piece=1000)
    materialize(src, "long", recipe)
    expected = tree(tmp_path / "workers1")
    assert len(expected) > (200 if form == "folder" else 5)
    for name in ("workers2", "workers3", "short", "long"):
        assert tree(tmp_path / name) == expected


@pytest.mark.slow
def test_chunks_change_no_image(make_folder, materialize, tmp_path, tree, limit):
    src = make_folder({"cat": 60, "dog": 40})
    materialize(src, "whole")
    limit(chunk_outputs=10)
    summary = materialize(src, "cut")
    assert summary.chunks > 8
    images = [
        {k: v for k, v in tree(tmp_path / name).items() if k.endswith(".png")} for name in ("whole", "cut")
    ]
    assert images[0] == images[1]


@pytest.mark.slow
def test_a_small_memory_for_neighbours_changes_nothing(make_folder, materialize, tmp_path, tree, limit):
    src = make_folder({"cat": 30, "dog": 30})
    recipe = single(CutMix(), copies=3)
    materialize(src, "roomy", recipe)
    limit(held_bytes=300)  # one image of 8x10x3
    materialize(src, "tight", recipe)
    assert tree(tmp_path / "roomy") == tree(tmp_path / "tight")


def test_with_fewer_partners_that_decode_than_copies_they_take_turns(
    make_folder, materialize, tmp_path, read_rows
):
    src = make_folder({"cat": 3, "dog": 2})
    for bad in ("cat/0.png", "dog/0.png"):
        (src / bad).write_bytes((src / bad).read_bytes()[:90])  # the header stands, the pixels do not
    materialize(src, recipe=single(CutMix(lam=0.5, boundary="inside"), copies=4))
    rows = sorted(read_rows(tmp_path / "dst"), key=lambda row: (row["source"], row["copy"]))
    assert len(rows) == 3 * 4
    for first in range(0, len(rows), 4):
        nearest, next_, again, then = (row["partners"] for row in rows[first : first + 4])
        assert (again, then) == (nearest, next_)
        assert nearest != next_


def test_kernels_are_loaded_only_where_something_is_to_be_done(make_folder, materialize, monkeypatch):
    calls, load = [], cpu.load
    monkeypatch.setattr(cpu, "load", lambda: calls.append(1) or load())
    src = make_folder({"cat": 2, "dog": 2})
    materialize(src, "dst", CUTMIX, dry_run=True)
    assert not calls
    materialize(src, "dst", CUTMIX)
    assert calls
    calls.clear()
    materialize(src, "dst", CUTMIX)
    assert not calls


def test_how_many_outputs_are_planned_in_a_row_changes_nothing(
    make_folder, materialize, tmp_path, tree, limit
):
    src = make_folder({"cat": 6, "dog": 6})
    recipe = single(CutMix(), copies=3)
    materialize(src, "many", recipe)
    limit(planned_ahead=4)
    materialize(src, "few", recipe)
    assert tree(tmp_path / "many") == tree(tmp_path / "few")


def test_a_header_that_promises_another_shape_changes_nothing(
    make_folder, materialize, tmp_path, tree, monkeypatch
):
    src = make_folder({"cat": 5, "dog": 5})
    recipe = read_recipe({"copies": 2, "op": [{"kind": "cutout", "length": 0.5}, {"kind": "cutmix"}]})
    materialize(src, "true", recipe)
    monkeypatch.setattr(codec, "decoded_shape", lambda header, geometry: Shape(400, 3, 1, 16))
    materialize(src, "false", recipe)
    assert tree(tmp_path / "true") == tree(tmp_path / "false")


def images_of(tree_of):
    return {name: data for name, data in tree_of.items() if name.endswith((".png", ".jpg"))}


@pytest.mark.slow
def test_an_added_file_changes_two_outputs_and_two_chunks_at_most(
    make_folder, materialize, tmp_path, tree, limit
):
    limit(chunk_outputs=16)
    src = make_folder({"cat": 75, "dog": 75})
    chunk_count = materialize(src).chunks
    before = images_of(tree(tmp_path / "dst"))
    for number in range(3):
        shutil.copy(src / "cat" / "0.png", src / "dog" / f"added{number}.png")
        summary = materialize(src)
        after = images_of(tree(tmp_path / "dst"))
        changed = {name for name in before if after.get(name) != before[name]}
        assert len(changed) <= 2
        assert len(after) == len(before) + 1
        grown = summary.chunks - chunk_count  # a chunk that passes its limit becomes two
        assert len(summary.chunks_done) <= 2 + grown
        before, chunk_count = after, summary.chunks


@pytest.mark.slow
def test_a_removed_file_leaves_no_output(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 12, "dog": 12})
    materialize(src)
    (src / "cat" / "3.png").unlink()
    materialize(src)
    fresh = tmp_path / "fresh"
    augcli.materialize(src, fresh, CUTMIX)
    assert tree(tmp_path / "dst") == tree(fresh)


@pytest.mark.slow
def test_a_changed_or_relabelled_file_is_made_again(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 12, "dog": 12})
    materialize(src)
    Image.new("RGB", (9, 9), (1, 2, 3)).save(src / "cat" / "3.png")
    (src / "dog" / "4.png").rename(src / "cat" / "moved.png")
    materialize(src)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_a_lost_output_is_made_again(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 5, "dog": 5})
    materialize(src)
    before = tree(tmp_path / "dst")
    next((tmp_path / "dst" / "cat").iterdir()).unlink()
    materialize(src)
    assert tree(tmp_path / "dst") == before


def stamps(root):
    return {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]}


def test_a_complete_run_again_touches_nothing(make_folder, materialize, tmp_path):
    src = make_folder({"cat": 5, "dog": 5})
    materialize(src)
    before = stamps(tmp_path / "dst")
    summary = materialize(src, workers=3)
    assert stamps(tmp_path / "dst") == before
    assert summary.chunks_done == ()


def test_smoothing_rewrites_tables_and_no_image(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"cat": 5, "dog": 5})
    materialize(src)
    for path in (tmp_path / "dst").rglob("*"):  # what is written has another time, however coarse these are
        os.utime(path, ns=(1, 1))
    before = stamps(tmp_path / "dst")
    materialize(src, recipe=single(CutMix(), smoothing=0.2))
    after = stamps(tmp_path / "dst")
    changed = {path.name for path in before if path.is_file() and before[path] != after[path]}
    assert changed == {
        ".augcli-documents.seen",
        "labels.csv",
        "metadata.parquet",
        "README.md",
        "augcli.json",
        "_SUCCESS",
        "classes.txt",
    }
    rows = read_rows(tmp_path / "dst")
    assert all(abs(sum(row["soft_label"]) - 1) < 1e-6 for row in rows)
    least = [min(row["soft_label"]) for row in rows if len(row["classes"]) == 1]  # pairs of one class
    assert least
    assert least == pytest.approx([0.1] * len(least))


LABELS = [{"smoothing": 0.2}, {"smoothing": 0.1, "smoothing_form": "others"}, {"soft_labels": "pair"}]


@pytest.mark.slow
@pytest.mark.parametrize("change", LABELS, ids=str)
def test_other_label_columns_rewrite_shards_from_their_own_images(
    make_folder, materialize, tmp_path, tree, monkeypatch, change
):
    monkeypatch.setattr(parquet, "SHARD_BYTES", 4000)  # several shards to a chunk
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1500)  # and several row groups to a shard
    src = make_folder({"cat": 15, "dog": 15})
    materialize(src, recipe=single(CutMix(), format="parquet"))
    materialize(src, "fresh", single(CutMix(), format="parquet", **change))
    monkeypatch.setattr(task, "execute", None)  # no image may be made again
    summary = materialize(src, recipe=single(CutMix(), format="parquet", **change))
    assert (summary.outputs, summary.outputs_made) == (30, 0)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    assert len(list((tmp_path / "dst" / "data").iterdir())) > 2


def test_carried_columns_survive_the_rewriting_of_shards(materialize, tmp_path, tree):
    names = [["x", "y"], [], None, ["z"]] * 3
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG")
    table = {
        "image": [data.getvalue()] * 12,
        "label": [0, 1] * 6,
        "tags": names,
        "place": [{"city": "Bern", "at": [1.5, 2.5]}] * 12,
    }
    pq.write_table(pa.table(table), tmp_path / "src.parquet")
    for name, smoothing in (("dst", 0.0), ("dst", 0.2), ("fresh", 0.2)):
        materialize(tmp_path / "src.parquet", name, single(CutMix(), smoothing=smoothing))
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    rows = pq.read_table(tmp_path / "dst" / "data", columns=["tags"]).column("tags").to_pylist()
    assert sorted(map(repr, rows)) == sorted(map(repr, names))


@pytest.mark.slow
def test_shards_that_are_half_rewritten_are_completed(
    make_folder, materialize, tmp_path, tree, monkeypatch, limit
):
    limit(chunk_outputs=20)
    src = make_folder({"cat": 30, "dog": 30})
    materialize(src, recipe=single(CutMix(), format="parquet"))
    materialize(src, "fresh", single(CutMix(), format="parquet", smoothing=0.2))
    real, left = parquet.ParquetWriter.rewrite, [1]

    def fail(*arguments):
        if not left:
            raise StorageError("the disk is full")
        left.pop()
        return real(*arguments)

    monkeypatch.setattr(parquet.ParquetWriter, "rewrite", fail)
    with pytest.raises(StorageError):
        materialize(src, recipe=single(CutMix(), format="parquet", smoothing=0.2))
    assert not (tmp_path / "dst" / "_SUCCESS").exists()
    monkeypatch.setattr(parquet.ParquetWriter, "rewrite", real)
    materialize(src, recipe=single(CutMix(), format="parquet", smoothing=0.2))
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_a_rewriting_that_stops_half_way_and_is_taken_back_leaves_no_wrong_label(
    make_folder, materialize, tmp_path, tree, monkeypatch
):
    src = make_folder({"cat": 9, "dog": 9})
    materialize(src, recipe=single(CutMix(), format="parquet"))
    expected = tree(tmp_path / "dst")
    real, calls = part_files.write_part_file, []

    def stop_at_the_last(*arguments):
        calls.append(arguments)
        if len(calls) == 2:  # the shards are new, their part file is not
            raise StorageError("the disk is full")
        real(*arguments)

    monkeypatch.setattr(part_files, "write_part_file", stop_at_the_last)
    with pytest.raises(StorageError):
        materialize(src, recipe=single(CutMix(), format="parquet", smoothing=0.2))
    monkeypatch.setattr(part_files, "write_part_file", real)
    materialize(src, recipe=single(CutMix(), format="parquet"))
    assert tree(tmp_path / "dst") == expected


def test_a_damaged_shard_is_named_where_it_would_be_rewritten(make_folder, materialize, tmp_path):
    src = make_folder({"cat": 5, "dog": 5})
    materialize(src, recipe=single(CutMix(), format="parquet"))
    (shard,) = (tmp_path / "dst" / "data").iterdir()
    data = bytearray(shard.read_bytes())
    data[-40:-8] = b"x" * 32
    shard.write_bytes(data)
    with pytest.raises(OutputError, match="is damaged; remove it and run again"):
        materialize(src, recipe=single(CutMix(), format="parquet", smoothing=0.2))


def test_one_number_written_in_two_ways_is_one_recipe(make_folder, materialize, tmp_path):
    src = make_folder({"cat": 5, "dog": 5})
    materialize(src, recipe=read_recipe({"op": [{"kind": "cutmix", "alpha": 1, "p": 1}], "smoothing": 0}))
    before = stamps(tmp_path / "dst")
    materialize(
        src, recipe=read_recipe({"op": [{"kind": "cutmix", "alpha": 1.0, "p": 1.0}], "smoothing": 0.0})
    )
    assert stamps(tmp_path / "dst") == before


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_smoothing_is_recorded_in_the_metadata(make_folder, materialize, tmp_path, form):
    materialize(make_folder({"cat": 3, "dog": 3}), recipe=single(CutMix(), format=form, smoothing=0.2))
    table = next(path for path in (tmp_path / "dst").rglob("*.parquet") if path.name[0] != ".")
    said = json.loads(pq.read_schema(table).metadata[b"augcli"])
    assert said == {"smoothing": 0.2, "smoothing-form": "uniform"}
    assert "do not smooth again in the loss" in (tmp_path / "dst" / "README.md").read_text()


ENDLESS = """
import signal
from dataclasses import replace
from augcli.cli import main
from augcli.pipeline import run
from augcli.pipeline.plan.limits import Limits
from augcli.pipeline.worker import task
make, commit, limits, committed = run.run, task.commit_chunk, Limits(chunk_outputs=60), []

def commit_some(*given):
    if len(committed) == 3:
        signal.pause()
    committed.append(given)
    return commit(*given)

run.run = lambda *given: make(*given[:-1], replace(given[-1], limits=limits))
task.commit_chunk = commit_some
main()
"""
"""A run each of whose workers commits three chunks and goes no further: it lasts until somebody looks."""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_killed_run_is_completed_to_the_same_bytes(make_folder, materialize, tmp_path, tree, limit, form):
    limit(chunk_outputs=60)
    src = make_folder({"cat": 150, "dog": 150}, size=(32, 32))
    recipe = single(CutMix(), copies=4, format=form)
    materialize(src, "whole", recipe)
    arguments = ["cutmix", src, tmp_path / "cut", "--copies", "4", "--format", form, "--workers", "2"]
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, *arguments])
    while process.poll() is None and not list((tmp_path / "cut").glob(".augcli-*.parquet")):
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "cut" / "_SUCCESS").exists()
    committed = {path.name for path in (tmp_path / "cut").glob(".augcli-*.parquet")}
    summary = materialize(src, "cut", recipe)
    assert 0 < len(summary.chunks_done) < summary.chunks
    assert not {f".augcli-{name}.parquet" for name in summary.chunks_done} & committed
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


@pytest.mark.slow
def test_a_fault_of_the_machine_leaves_committed_chunks_and_is_resumed(
    make_folder, materialize, tmp_path, tree, monkeypatch, limit
):
    limit(chunk_outputs=16)
    src = make_folder({"cat": 60, "dog": 60})
    materialize(src, "whole")
    real, reads = LocalStore.read, []

    def fail_once(store, keys, expect=None):
        reads.extend(keys)
        if len(reads) == 70:
            raise StorageError("cannot read: Input/output error")
        return real(store, keys, expect)

    monkeypatch.setattr(LocalStore, "read", fail_once)
    with pytest.raises(StorageError):
        materialize(src, workers=1)
    parts = list((tmp_path / "dst").glob(".augcli-*.parquet"))
    assert parts
    assert not (tmp_path / "dst" / "_SUCCESS").exists()
    materialize(src)
    assert tree(tmp_path / "dst") == tree(tmp_path / "whole")


def break_files(src, *names):
    for name in names:
        (src / name).write_bytes(b"\x89PNG\r\n\x1a\nnothing of use")


def test_failures_are_recorded_and_passed_over_as_partners(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"cat": 20, "dog": 20}, size=(40, 40))
    break_files(src, "cat/3.png", "dog/7.png", "dog/8.png")
    summary = materialize(src, recipe=single(CutMix(alpha=1000.0)))
    assert {failure.source for failure in summary.failures} == {"cat/3.png", "dog/7.png", "dog/8.png"}
    assert summary.outputs + len(summary.failures) == summary.images == 40
    rows = read_rows(tmp_path / "dst")
    assert Counter(row["source"] for row in rows) == Counter(row["partners"][0] for row in rows)
    lines = [json.loads(line) for line in (tmp_path / "dst" / "failures.jsonl").read_text().splitlines()]
    assert [line["source"] for line in lines] == ["cat/3.png", "dog/7.png", "dog/8.png"]
    assert all(set(line) == {"source", "stage", "reason", "detail"} for line in lines)
    assert not (tmp_path / "dst" / "_SUCCESS").exists()


def test_max_errors_allows_failures(make_folder, materialize, tmp_path):
    src = make_folder({"cat": 4, "dog": 4})
    break_files(src, "cat/3.png")
    materialize(src, max_errors=1)
    assert (tmp_path / "dst" / "_SUCCESS").exists()
    materialize(src, max_errors=0)
    assert not (tmp_path / "dst" / "_SUCCESS").exists()


def test_a_repaired_file_gets_its_output(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 6, "dog": 6})
    good = (src / "cat" / "3.png").read_bytes()
    break_files(src, "cat/3.png")
    materialize(src)
    (src / "cat" / "3.png").write_bytes(good)
    materialize(src)
    augcli.materialize(src, tmp_path / "fresh", CUTMIX)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_one_decodable_image_has_no_partner_and_says_so(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"cat": 3})
    break_files(src, "cat/0.png", "cat/1.png")
    summary = materialize(src)
    assert summary.unmixed == {"cutmix: no partner that decodes": 1}
    assert read_rows(tmp_path / "dst")[0]["applied"] is False


def test_originals_stand_beside_the_outputs(photos, materialize, tmp_path, read_rows):
    summary = materialize(photos, recipe=single(CutMix(), originals="copy"))
    assert summary.outputs == 48
    originals = [row for row in read_rows(tmp_path / "dst") if row["copy"] == -1]
    assert len(originals) == 24
    for row in originals:
        assert row["op"] == "original"
        assert (tmp_path / "dst" / row["file_name"]).read_bytes() == (photos / row["source"]).read_bytes()


@pytest.mark.slow
def test_limit_gives_the_first_outputs_of_the_whole(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 30, "dog": 30})
    materialize(src, "whole")
    summary = materialize(src, "some", single(CutMix(), limit=7))
    some, whole = images_of(tree(tmp_path / "some")), images_of(tree(tmp_path / "whole"))
    assert len(some) == summary.outputs == 7
    assert some.items() <= whole.items()


@pytest.mark.slow
@pytest.mark.parametrize("source_form", ["folder", "parquet"])
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_all_four_directions(photos, shards, materialize, tmp_path, source_form, form, read_rows):
    src = photos if source_form == "folder" else shards
    summary = materialize(src, recipe=single(CutMix(), format=form))
    assert (summary.outputs, summary.layout) == (24, form)
    if form == "parquet":
        rows = pq.read_table(tmp_path / "dst" / "data").to_pylist()
        images = [row["image"]["bytes"] for row in rows]
    else:
        base = tmp_path / "dst" / ("train" if source_form == "parquet" else "")
        rows = read_rows(base)
        images = [(base / row["file_name"]).read_bytes() for row in rows]
    assert len(rows) == 24
    for row, data in zip(rows, images, strict=True):
        image = Image.open(io.BytesIO(data))
        image.load()
        assert (image.width, image.height, len(data)) == (row["width"], row["height"], row["bytes"])
        assert sum(row["soft_label"]) == pytest.approx(1, abs=1e-6)  # float32


def test_size_brings_every_image_to_one_size(photos, materialize, tmp_path, read_rows):
    materialize(photos, recipe=single(CutMix(), size="60x80"))
    assert {(row["height"], row["width"]) for row in read_rows(tmp_path / "dst")} == {(60, 80)}


def test_splits_have_rings_of_their_own(make_folder, materialize, tmp_path, read_rows):
    for split, count in (("train", 10), ("val", 6)):
        make_folder({"cat": count, "dog": count}, f"src/{split}")
    summary = materialize(tmp_path / "src", recipe=single(CutMix(alpha=1000.0)))
    assert summary.outputs == 32
    train, val = read_rows(tmp_path / "dst" / "train"), read_rows(tmp_path / "dst" / "val")
    assert {name.split("/")[0] for row in train for name in row["partners"]} == {"train"}
    assert {row["op"] for row in val} == {"none"}
    for row in val:
        assert (tmp_path / "dst" / "val" / row["file_name"]).read_bytes() == (
            tmp_path / "src" / row["source"]
        ).read_bytes()


def test_other_splits_can_be_left_out(make_folder, materialize, tmp_path):
    for split in ("train", "test"):
        make_folder({"cat": 3, "dog": 3}, f"src/{split}")
    materialize(tmp_path / "src", recipe=single(CutMix(), other_splits="skip"))
    assert not (tmp_path / "dst" / "test").exists()


def test_a_recipe_without_operations_re_materializes(photos, materialize, tmp_path):
    summary = materialize(photos, recipe={"format": "parquet"})
    assert summary.outputs == 24
    rows = pq.read_table(tmp_path / "dst" / "data").to_pylist()
    originals = {path.relative_to(photos).as_posix(): path.read_bytes() for path in photos.rglob("*.jpg")}
    assert {row["source"]: row["image"]["bytes"] for row in rows} == originals


def test_a_run_that_only_writes_tables_says_so(make_folder, materialize):
    src = make_folder({"cat": 5, "dog": 5})
    for form in ("folder", "parquet"):
        recipe = single(CutMix(), format=form, smoothing=0.2)
        assert not materialize(src, form, single(CutMix(), format=form)).only_tables
        assert materialize(src, form, recipe, dry_run=True).only_tables
        assert materialize(src, form, recipe).only_tables
        assert not materialize(src, form, recipe).only_tables


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "differing"),
    [
        ({"op": [{"kind": "cutmix", "alpha": 2, "p": 0.5}]}, "op (alpha, p)"),
        ({"op": [{"kind": "mixup"}]}, "op"),
        ({"op": [{"kind": "cutmix"}], "seed": 3}, "seed"),
        ({"name": "other", "op": [{"kind": "cutmix"}]}, "name ('recipe', now 'other'; a recipe file's own"),
    ],
)
def test_what_differs_of_another_recipe_is_named(make_folder, materialize, recipe, differing):
    src = make_folder({"cat": 5, "dog": 5})
    materialize(src, recipe={"op": [{"kind": "cutmix"}]})
    with pytest.raises(OutputError) as caught:
        materialize(src, recipe=recipe)
    assert f"differing: {differing}" in str(caught.value)


def test_mixing_within_one_class_is_noted(make_folder, materialize):
    summary = materialize(make_folder({"cells": 5}))
    assert summary.notes == ("all images are of one class, 'cells': mixing leaves labels as they are",)


def test_force_replaces_another_recipe_and_leaves_nothing_of_it(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 6, "dog": 6})
    materialize(src, recipe=single(CutMix(), copies=3))
    materialize(src, recipe=single(Mixup()), force=True)
    augcli.materialize(src, tmp_path / "fresh", single(Mixup()))
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_force_keeps_what_augcli_did_not_make(make_folder, materialize, tmp_path):
    src = make_folder({"cat": 3, "dog": 3})
    materialize(src)
    (tmp_path / "dst" / "notes.txt").write_text("mine")
    materialize(src, recipe=single(CutMix(), seed=1), force=True)
    assert (tmp_path / "dst" / "notes.txt").read_text() == "mine"


def test_mixing_without_labels_is_refused(tmp_path, materialize):
    (tmp_path / "src").mkdir()
    for number in range(3):
        Image.new("L", (4, 4), number).save(tmp_path / "src" / f"{number}.png")
    with pytest.raises(InputError, match="no image has one"):
        materialize(tmp_path / "src")


def test_nothing_of_the_machine_or_of_time_enters_the_output(make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 4, "dog": 4})
    materialize(src)
    shutil.copytree(src, tmp_path / "elsewhere" / "deep")
    for path in (tmp_path / "elsewhere").rglob("*.png"):
        os.utime(path, ns=(1, (src / path.relative_to(tmp_path / "elsewhere" / "deep")).stat().st_mtime_ns))
    augcli.materialize(tmp_path / "elsewhere" / "deep", tmp_path / "other", CUTMIX, workers=1)
    assert tree(tmp_path / "dst") == tree(tmp_path / "other")
    assert not any(str(tmp_path).encode() in data for data in tree(tmp_path / "dst").values())


@pytest.mark.slow
def test_only_class_folders_stand_at_the_root(make_folder, materialize, tmp_path):
    materialize(make_folder({"cat": 20, "dog": 20}))
    assert {path.name for path in Path(tmp_path / "dst").iterdir() if path.is_dir()} == {"cat", "dog"}
