"""Tasks: values that pickle, and bytes that never depend on how they are cut."""

from __future__ import annotations

import pickle
import pickletools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.store.base import WorkerKind
from augcli.io.store.local import LocalStore
from augcli.io.store.places import open_destination
from augcli.ops.cutmix import CutMix
from augcli.pipeline.engines import local
from augcli.pipeline.plan import tasks
from augcli.pipeline.plan.chunks import Arc, Chunk
from augcli.pipeline.plan.job import Job
from augcli.pipeline.plan.limits import Limits
from augcli.pipeline.plan.rings import Ring
from augcli.pipeline.plan.splits import plan_splits
from augcli.pipeline.plan.tasks import Piece, cut_todo, slice_job
from augcli.pipeline.run import run
from augcli.pipeline.settings import Settings
from augcli.pipeline.worker.task import make_tasks, work
from augcli.recipe import single
from augcli.samples import Catalogue, RowGroup

CUTMIX = single(CutMix(alpha=1.0))
ELSEWHERE = """
import pickle, sys
from augcli.pipeline.worker.task import work
with open(sys.argv[1], "rb") as file:
    results = [work(task) for task in pickle.load(file)]
with open(sys.argv[1], "wb") as file:
    pickle.dump(results, file)
"""


def run_elsewhere(made, path):
    """Do tasks in a fresh process, which inherits nothing."""
    path.write_bytes(pickle.dumps(made))
    subprocess.run([sys.executable, "-c", ELSEWHERE, path], check=True)
    return pickle.loads(path.read_bytes())


def plan(src, dst, layout, limits, recipe=CUTMIX):
    source = open_source(str(src), Selection())
    recipe = single(CutMix(alpha=1.0), copies=recipe.copies, format=layout)
    return plan_splits(source, open_destination(dst), recipe, "auto", limits)


def staged(dst, tree):
    """What lies below DST, by path and bytes, whatever the suffix of unfinished names."""
    return {re.sub(r"\.[0-9a-f]{8}\.part$", "", path): data for path, data in tree(dst).items()}


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
@pytest.mark.parametrize("source", ["folder", "parquet"])
def test_a_task_in_a_fresh_process_gives_the_rows_and_files_of_one_that_is_forked(
    photos, shards, tmp_path, tree, source, layout
):
    src = photos if source == "folder" else shards
    results = {}
    for name in ("fork", "fresh"):
        (split,) = plan(src, tmp_path / name, layout, Limits())
        (chunk,) = split.chunks
        pieces = list(cut_todo([(split, chunk)], 2, True, Limits(longest_piece=9)))
        made = list(make_tasks(pieces, 16, True))
        assert len(made) > 1
        if name == "fork":
            results[name] = list(local.LocalEngine(2, WorkerKind.FORKED).run(work, made))
        else:
            results[name] = run_elsewhere(made, tmp_path / "tasks")
    for forked, fresh in zip(results["fork"], results["fresh"], strict=True):
        assert [arc.rows for arc in forked.arcs] == [arc.rows for arc in fresh.arcs]
        assert [arc.staged for arc in forked.arcs] == [arc.staged for arc in fresh.arcs]
        assert [arc.ahead for arc in forked.arcs] == [arc.ahead for arc in fresh.arcs]
    files = staged(tmp_path / "fresh", tree)
    assert files
    assert files == staged(tmp_path / "fork", tree)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_a_whole_chunk_in_a_fresh_process_is_committed_as_a_run_commits_it(photos, tmp_path, tree, layout):
    limits = Limits(chunk_outputs=12)
    (split,) = plan(photos, tmp_path / "dst", layout, limits)
    todo = [(split, chunk) for chunk in split.chunks]
    whole = [Piece(split, chunk, chunk.arcs, True) for split, chunk in todo]
    made = list(make_tasks(whole, 16, True))
    facts = [result.facts for result in run_elsewhere(made, tmp_path / "tasks")]
    run(
        str(photos),
        tmp_path / "run",
        single(CutMix(alpha=1.0), format=layout),
        Selection(),
        Settings(limits=limits),
    )
    assert len(facts) > 1
    files = tree(tmp_path / "dst")
    assert files.items() <= tree(tmp_path / "run").items()
    assert {f".augcli-{split.part_name(chunk)}.parquet" for chunk in split.chunks} <= files.keys()


@pytest.mark.slow
@pytest.mark.parametrize("source", ["folder", "parquet"])
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_bytes_do_not_depend_on_how_tasks_are_cut(
    make_folder, tmp_path, tree, limit, monkeypatch, source, layout
):
    src = make_folder({"cat": 50, "dog": 40})
    if source == "parquet":
        augcli.materialize(src, tmp_path / "shards", single(CutMix(), 0.0, format="parquet"))
        table = pq.read_table(tmp_path / "shards" / "data")
        src = tmp_path / "shards.parquet"
        pq.write_table(table, src, row_group_size=2)
    recipe = single(CutMix(alpha=1.0), copies=2, format=layout)
    limit(chunk_outputs=24, chunk_groups=2, spare_partners=0)
    summary = augcli.materialize(src, tmp_path / "whole", recipe, workers=2)
    assert summary.chunks >= 8  # so many are whole for two workers
    monkeypatch.setattr(tasks, "PER_WORKER", 1000)
    for workers in (1, 2):
        augcli.materialize(src, tmp_path / f"pieces{workers}", recipe, workers=workers)
        assert tree(tmp_path / f"pieces{workers}") == tree(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_one_chunk_on_two_workers_is_one_on_one(make_folder, tmp_path, tree, layout):
    src = make_folder({"cat": 50, "dog": 40})
    recipe = single(CutMix(alpha=1.0), format=layout)
    for workers in (1, 2):
        summary = augcli.materialize(src, tmp_path / str(workers), recipe, workers=workers)
        assert summary.chunks == 1
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_no_two_attempts_at_a_chunk_share_unfinished_names(photos, tmp_path, monkeypatch):
    """An engine may repeat a task while the first attempt is still at it."""
    (split,) = plan(photos, tmp_path / "dst", "folder", Limits())
    (task,) = make_tasks([Piece(split, chunk, chunk.arcs, True) for chunk in split.chunks], 16, True)
    attempts, stage = [], LocalStore.stage
    monkeypatch.setattr(
        LocalStore, "stage", lambda store, *args: (attempts.append(store.attempt), stage(store, *args))[1]
    )
    work(task)
    (first,) = set(attempts)
    work(pickle.loads(pickle.dumps(task)))
    (second,) = set(attempts) - {first}
    assert split.job.writer.store.attempt not in (first, second)


def spoil(src, names):
    for name in names:
        (src / name).write_bytes(b"\x89PNG\r\n\x1a\nnothing of use")


@pytest.mark.slow
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("rule", ["any", "other-class", "same-class"])
def test_a_task_that_knows_too_few_partners_is_sent_again(make_folder, tmp_path, tree, limit, whole, rule):
    src = make_folder({"cat": 60, "dog": 60})
    bad = [f"{name}/{number}.png" for name in ("cat", "dog") for number in range(60) if number % 3]
    spoil(src, bad)
    recipe = single(CutMix(alpha=1.0, partner=rule), copies=2)
    limit(chunk_outputs=24 if whole else 2000)
    augcli.materialize(src, tmp_path / "known", recipe, workers=1, max_errors=80)
    limit(chunk_outputs=24 if whole else 2000, spare_partners=0)
    summary = augcli.materialize(src, tmp_path / "short", recipe, workers=2, max_errors=80)
    assert len(summary.failures) == 80
    assert tree(tmp_path / "short") == tree(tmp_path / "known")


@pytest.mark.slow
def test_a_task_that_knows_too_few_partners_says_so(make_folder, tmp_path):
    src = make_folder({"cat": 60, "dog": 60})
    spoil(src, [f"cat/{number}.png" for number in range(60)])
    (split,) = plan(src, tmp_path / "dst", "folder", Limits())
    pieces = list(cut_todo([(split, split.chunks[0])], 2, True, Limits()))
    short = [work(task).is_short for task in make_tasks(pieces, 0, True)]
    assert any(short)
    assert not any(work(task).is_short for task in make_tasks(pieces, 120, True))


def test_a_slice_holds_what_its_arcs_need_and_no_more(make_folder, tmp_path):
    (split,) = plan(make_folder({"cat": 60, "dog": 60}), tmp_path / "dst", "folder", Limits())
    arcs = next(cut_todo([(split, split.chunks[0])], 2, True, Limits())).arcs
    part = slice_job(split.job, arcs, 3)
    (arc,), (own,) = arcs, part.arcs
    assert (len(own), len(part.job.catalogue)) == (len(arc), len(arc) + 3)
    keys = [split.job.catalogue.keys[sample] for sample in arc.members]
    assert [part.job.catalogue.keys[sample] for sample in own.members] == keys
    assert [part.job.hashes[sample] for sample in own.members] == [split.job.hashes[s] for s in arc.members]
    assert own.ring.partners == arc.ring.partners == 119


@pytest.mark.slow
def test_a_task_of_64_samples_is_small_and_quick_to_pickle(tmp_path):
    (tmp_path / "src").mkdir()
    data = Path(augcli.__file__).parent.parent / "sample_data" / "photos"
    image = next(data.rglob("*.jpg")).read_bytes()
    for number in range(2):
        (tmp_path / "src" / f"c{number}").mkdir()
        for place in range(400):
            (tmp_path / "src" / f"c{number}" / f"{place}.jpg").write_bytes(image)
    (split,) = plan(tmp_path / "src", tmp_path / "dst", "folder", Limits())
    pieces = list(cut_todo([(split, split.chunks[0])], 2, True, Limits(longest_piece=64)))
    task = next(make_tasks(pieces, 16, True))
    assert sum(map(len, task.arcs)) == 64
    packed = pickle.dumps(task)
    assert len(packed) < 20_000
    assert sum(1 for _ in pickletools.genops(packed)) < 2000  # 865 were counted; time is spent on each


def make_todo(*sizes, groups=()):
    """Chunks of some sizes, each one arc; with row groups where they are rows."""
    ring = Ring(np.arange(sum(sizes)), np.zeros(0, np.uint64), range(1, 2))
    stops = np.cumsum(sizes).tolist()
    arcs = [Arc(ring, stop - size, stop) for size, stop in zip(sizes, stops, strict=True)]
    return [(None, Chunk(str(number), (arc,), groups)) for number, arc in enumerate(arcs)]


def cut(todo, workers, processes):
    """The sizes of the pieces of each chunk; that of a whole chunk with a star."""
    sizes = [[] for _ in todo]
    for piece in cut_todo(todo, workers, processes, Limits()):
        sizes[int(piece.chunk.name)].append(f"{sum(map(len, piece.arcs))}{'*' * piece.is_whole}")
    return [" ".join(own) for own in sizes]


def test_chunks_are_whole_while_each_worker_has_two_of_them_to_do():
    assert [own == "1000*" for own in cut(make_todo(*[1000] * 6), 2, True)] == [True] * 3 + [False] * 3


def test_pieces_of_a_folder_have_256_samples_and_fewer_towards_the_end():
    wanted = "256 256 256 256 244 183 137 103 77 58 43 32 24 18 14 10 8 8 8 8 1"
    assert cut(make_todo(2000), 2, True) == [wanted]


def test_pieces_for_threads_have_64_samples_since_an_interruption_waits_for_them():
    assert cut(make_todo(400), 2, False) == ["64 64 64 52 39 29 22 16 12 9 8 8 8 5"]


def test_pieces_of_rows_are_a_share_of_what_is_left_and_a_sixteenth_of_their_chunk_at_least():
    rows = make_todo(1600, 1600, groups=(RowGroup("a", 0, 0, 3200, 1),))
    assert cut(rows, 2, True) == ["800 600 200", "400 300 225 168 126 100 100 100 81"]


def test_a_chunk_of_one_piece_is_whole():
    assert cut(make_todo(7), 2, True) == ["7*"]


@pytest.mark.parametrize("groups", [(), (RowGroup("a", 0, 0, 1200, 1),)])
def test_threads_do_short_pieces_and_commit_nothing(groups):
    assert cut(make_todo(70, 7, groups=groups), 1, False) == ["38 19 10 3", "7"]


def test_pieces_cover_all_chunks_in_order(make_folder, tmp_path):
    limits = Limits(chunk_outputs=12)
    (split,) = plan(make_folder({"cat": 50, "dog": 40}), tmp_path / "dst", "folder", limits)
    pieces = list(cut_todo([(split, chunk) for chunk in split.chunks], 2, True, limits))
    covered = [sample for piece in pieces for arc in piece.arcs for sample in arc.members.tolist()]
    np.testing.assert_array_equal(covered, np.concatenate([chunk.members for chunk in split.chunks]))


def test_a_slice_of_rows_holds_the_groups_and_rows_that_its_arcs_need():
    ring = Ring(np.array([5, 0, 9, 4, 2, 7]), np.zeros(6, np.uint64), range(1, 6))
    groups = (RowGroup("a", 0, 0, 4, 1), RowGroup("a", 1, 4, 4, 1), RowGroup("b", 0, 8, 4, 1))
    numbers = np.arange(12)
    catalogue = Catalogue("", [f"key {n}" for n in numbers], numbers, numbers, [None] * 12, None)
    job = Job(catalogue, numbers, numbers, None, None, None, (0, 0), None, "cpu")
    part = slice_job(job, [Arc(ring, 2, 4)], 1, groups)
    assert part.job.catalogue.keys == ["key 2", "key 4", "key 9"]
    assert part.groups == (
        groups[0]._replace(first=0, wanted=(2,)),
        groups[1]._replace(first=1, wanted=(0,)),
        groups[2]._replace(first=2, wanted=(1,)),
    )


@pytest.mark.slow
def test_images_with_masks_are_followed_in_slices(make_folder, tmp_path, tree, limit):
    src = make_folder({"images": 40}, size=(12, 10))
    (tmp_path / "masks").mkdir()
    for number in range(40):
        mask = Image.fromarray(np.full((12, 10), number, np.uint8))
        mask.save(tmp_path / "masks" / f"{number}.png")
    (src / "images").rename(tmp_path / "flat")
    for name, outputs in (("one", 2000), ("many", 4)):
        limit(chunk_outputs=outputs)
        augcli.materialize(tmp_path / "flat", tmp_path / name, CUTMIX, masks=tmp_path / "masks", workers=2)
    assert {k: v for k, v in tree(tmp_path / "one").items() if k.endswith(".png")} == {
        k: v for k, v in tree(tmp_path / "many").items() if k.endswith(".png")
    }
