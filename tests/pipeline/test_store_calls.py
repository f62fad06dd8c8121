"""How often a run asks its store: one listing of DST, and each part file read once."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

import augcli
from augcli.io.store.local import LocalStore
from augcli.io.store.names import PART_NAME
from augcli.ops.cutmix import CutMix
from augcli.recipe import single

VERBS = ("list", "read", "open", "stage", "publish", "writing", "create", "delete", "free_bytes")


class Calls:
    """Every call of every verb on DST since the last run began.

    Attributes:
        verbs: How often each was called.
        parts: How often each part file was read or opened.
    """

    def __init__(self, root):
        self.root = str(root)
        self.clear()

    def clear(self):
        self.verbs, self.parts = Counter(), Counter()

    def take(self, verb, store, arguments):
        if store.root != self.root:
            return
        self.verbs[verb] += 1
        keys = arguments[0] if verb == "read" else arguments[:1] if verb == "open" else ()
        self.parts.update(key for key in keys if PART_NAME.fullmatch(key))


@pytest.fixture
def calls(tmp_path, monkeypatch):
    counted = Calls(tmp_path / "dst")

    def count(verb, real):
        def call(self, *arguments, **options):
            # The plans of partitions are looked for by name, once there is something to write: that enters no
            # directory of a disk, and is one request in a bucket.
            looks = verb == "list" and any(arguments)
            counted.take("look for names" if looks else verb, self, arguments)
            return real(self, *arguments, **options)

        return call

    for verb in VERBS:
        monkeypatch.setattr(LocalStore, verb, count(verb, getattr(LocalStore, verb)))
    return counted


@pytest.fixture
def src(make_folder, limit):
    limit(chunk_outputs=4)
    return make_folder({"cat": 20, "dog": 20})


@pytest.fixture(params=["folder", "parquet"])
def recipe(request):
    return single(CutMix(), format=request.param)


@pytest.fixture
def materialize(src, tmp_path, recipe, calls):
    """Run in one process, so that every call is counted; gives the summary."""

    def call(recipe=recipe, **options):
        calls.clear()
        return augcli.materialize(src, tmp_path / "dst", recipe, workers=1, **options)

    return call


def is_read_once(calls, dst):
    return calls.parts == {path.name: 1 for path in dst.glob(".augcli-*.parquet")}


@pytest.mark.slow
def test_a_fresh_run_lists_once_and_reads_each_part_once(materialize, calls, tmp_path):
    summary = materialize()
    assert summary.chunks > 8
    assert calls.verbs["list"] == 1
    assert is_read_once(calls, tmp_path / "dst")


@pytest.mark.slow
def test_a_run_with_nothing_to_do_lists_once_and_reads_each_part_once_and_writes_nothing(
    materialize, calls, tmp_path
):
    materialize()
    summary = materialize()
    assert summary.chunks_done == ()
    assert calls.verbs["list"] == 1
    assert is_read_once(calls, tmp_path / "dst")
    assert not calls.verbs.keys() & {"stage", "publish", "writing", "create", "delete"}


@pytest.mark.slow
def test_a_resumed_run_lists_once_and_reads_each_part_once(materialize, calls, tmp_path):
    materialize()
    (tmp_path / "dst" / "_SUCCESS").unlink()
    parts = sorted((tmp_path / "dst").glob(".augcli-*.parquet"))
    for part in parts[::2]:
        part.unlink()
    summary = materialize()
    assert len(summary.chunks_done) == len(parts[::2])
    assert calls.verbs["list"] == 1
    assert is_read_once(calls, tmp_path / "dst")


@pytest.mark.slow
def test_a_run_over_another_input_reads_outdated_parts_once_more(materialize, calls, src, tmp_path):
    """What an outdated part file names is read before it goes, and the new one once it stands."""
    materialize()
    shutil.copy(src / "cat" / "0.png", src / "dog" / "added.png")
    done = materialize().chunks_done
    assert len(done) > 0
    assert calls.verbs["list"] == 1
    assert set(calls.parts.values()) == {1, 2}
    assert {name for name, number in calls.parts.items() if number == 2} <= {
        f".augcli-{name}.parquet" for name in done
    }


@pytest.mark.slow
def test_new_label_columns_are_written_with_one_listing(materialize, calls, recipe):
    materialize()
    smoothed = single(CutMix(), format=recipe.format, smoothing=0.2)
    assert materialize(smoothed).only_tables
    assert calls.verbs["list"] == 1
    assert set(calls.parts.values()) == {1}


def test_a_dry_run_lists_once_and_writes_nothing(materialize, calls, tmp_path):
    for _ in range(2):
        assert materialize(dry_run=True).is_dry
        assert calls.verbs["list"] == 1
        assert not (tmp_path / "dst").exists()
    assert not calls.verbs.keys() & {"stage", "publish", "writing", "create", "delete"}
