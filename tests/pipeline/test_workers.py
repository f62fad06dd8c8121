"""Workers: order, failures, and how many there are."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time

import pytest

from augcli.errors import StorageError
from augcli.pipeline.engines.local import _holding_signals, count_workers, read_quota, run_in_order

both = pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])


@both
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(workers, processes):
    def work(task):
        time.sleep(0.01 if task % 3 == 0 else 0)
        return task * task

    assert list(run_in_order(work, 40, workers, processes)) == [(task, task * task) for task in range(40)]


@both
def test_nothing_to_do_gives_nothing(processes):
    assert list(run_in_order(lambda task: task, 0, 2, processes)) == []


@both
def test_an_error_of_a_task_is_raised_and_the_rest_is_dropped(processes):
    def work(task):
        if task == 5:
            raise StorageError("disk full")
        return task

    seen = []
    with pytest.raises(StorageError, match="disk full"):
        seen.extend(task for task, _ in run_in_order(work, 1000, 2, processes))
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_processes_are_other_processes_and_threads_are_not():
    pids = {pid for _, pid in run_in_order(lambda task: os.getpid(), 20, 2, True)}
    assert os.getpid() not in pids
    assert {pid for _, pid in run_in_order(lambda task: os.getpid(), 20, 2, False)} == {os.getpid()}


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_worker_that_dies_is_a_fault_of_the_machine():
    def work(task):
        if task == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    with pytest.raises(StorageError, match="a worker process died"):
        list(run_in_order(work, 20, 2, True))


@pytest.mark.parametrize("taken_by_another_thread", [False, True])
def test_a_signal_waits_until_all_workers_are_forked(taken_by_another_thread):
    """A signal that the main thread blocks may be given to another one; the handler runs in the main one."""
    went_on, other_ends = [], threading.Event()
    other = threading.Thread(target=other_ends.wait)
    other.start()

    def stop(*_):
        raise KeyboardInterrupt

    def fork():
        with _holding_signals():
            taker = other if taken_by_another_thread else threading.current_thread()
            signal.pthread_kill(taker.ident, signal.SIGTERM)
            time.sleep(0.05)
            went_on.append(True)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            fork()
    finally:
        other_ends.set()
        signal.signal(signal.SIGTERM, before)
    assert went_on
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGTERM}


def test_workers_follow_the_affinity():
    assert 1 <= count_workers() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000"}, 2),  # one and a half CPUs are two workers
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({}, None),
    ],
)
def test_the_quota_of_the_control_group_is_read(tmp_path, files, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert read_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "workers"), [("200000", 2), ("900000", 4), ("max", 4), ("1000", 1)])
def test_workers_are_no_more_than_the_affinity_and_the_quota(tmp_path, monkeypatch, quota, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
    assert count_workers(tmp_path) == workers


@pytest.mark.parametrize("first", [0, 700, 10**6])
def test_the_garbage_collector_rests_while_tasks_run_and_is_then_as_it_was(first):
    before = gc.get_threshold()
    try:
        gc.set_threshold(first, 11, 12)
        seen = [result for _, result in run_in_order(lambda _: gc.get_threshold()[0], 3, 1, False)]
        assert set(seen) == {first if first in (0, 10**6) else 50_000}  # one that is off stays off
        assert gc.get_threshold() == (first, 11, 12)
    finally:
        gc.set_threshold(*before)
