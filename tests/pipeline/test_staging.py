"""Batches are staged in order; where requests take their time, while others are made."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from augcli.errors import StorageError
from augcli.io.store.local import LocalStore
from augcli.io.store.objects import ObjectStore
from augcli.io.store.urls import parse_url
from augcli.io.writers.base import Pair
from augcli.pipeline.worker.staging import BATCHES, Staging


class SlowWriter:
    """Stages when it is let; a batch that is called `bad` fails."""

    def __init__(self, store):
        self.store, self.begun, self.done, self.let = store, [], [], threading.Event()

    def stage(self, names, pairs):
        self.begun.append(names[0])
        assert self.let.wait(60)
        if names == ["bad"]:
            raise StorageError("no room")
        self.done.append(names[0])
        return [f"staged {name}" for name in names]


def find_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("augcli-staging")]


@pytest.fixture
def elsewhere():
    return SlowWriter(ObjectStore(parse_url("memory://staging/dst")))


def test_on_a_local_disk_a_batch_is_staged_at_once(tmp_path):
    writer = SlowWriter(LocalStore(str(tmp_path)))
    writer.let.set()
    with Staging(writer) as staging:
        staging.stage(["a"], [Pair(b"")])
        assert (writer.done, find_threads()) == (["a"], [])
        assert staging.finish() == ["staged a"]


def test_elsewhere_others_are_made_while_a_batch_is_staged(elsewhere):
    with Staging(elsewhere) as staging:
        for name in "ab"[:BATCHES]:
            staging.stage([name], [Pair(b"")])
        assert elsewhere.done == []
        elsewhere.let.set()
        assert staging.finish() == ["staged a", "staged b"]


def test_no_more_batches_wait_than_may(elsewhere):
    with Staging(elsewhere) as staging:
        staging.stage(["a"], [Pair(b"")])
        staging.stage(["b"], [Pair(b"")])
        threading.Timer(0.05, elsewhere.let.set).start()
        staging.stage(["c"], [Pair(b"")])
        assert "a" in elsewhere.done
        assert staging.finish() == ["staged a", "staged b", "staged c"]


def test_what_fails_is_raised_before_the_commit(elsewhere):
    elsewhere.let.set()
    with Staging(elsewhere) as staging:
        staging.stage(["a"], [Pair(b"")])
        staging.stage(["bad"], [Pair(b"")])
        with pytest.raises(StorageError, match="no room"):
            staging.finish()


def test_after_its_end_nothing_is_written_any_more(elsewhere, monkeypatch):
    real = ThreadPoolExecutor.shutdown

    def shutdown(pool, **options):
        real(pool, wait=False, cancel_futures=options["cancel_futures"])
        elsewhere.let.set()  # by now what is not begun is cancelled
        real(pool, **options)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)

    def fail():
        with Staging(elsewhere) as staging:
            staging.stage(["a"], [Pair(b"")])
            staging.stage(["b"], [Pair(b"")])
            while not elsewhere.begun:
                time.sleep(0.001)
            raise ValueError("an attempt fails")

    with pytest.raises(ValueError, match="an attempt fails"):
        fail()
    done = list(elsewhere.done)
    assert done == ["a"]  # what was sent is sent to its end, and the next one is not begun
    assert find_threads() == []
