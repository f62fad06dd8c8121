"""Workers: order, failures, and how many there are."""

from __future__ import annotations

import errno
import gc
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection

import pytest

import augcli
from augcli.errors import StorageError
from augcli.io.store.base import WorkerKind
from augcli.ops.cutout import Cutout
from augcli.pipeline import run as run_module
from augcli.pipeline.engines.connections import pack_error
from augcli.pipeline.engines.cpus import count_workers, read_memory, read_quota
from augcli.pipeline.engines.forked import ForkedWorkers
from augcli.pipeline.engines.local import LocalEngine
from augcli.pipeline.engines.processes import holding_signals
from augcli.recipe import single

both = pytest.mark.parametrize("worker_kind", [WorkerKind.THREADS, WorkerKind.FORKED])


@pytest.mark.slow
@both
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(workers, worker_kind):
    def work(task):
        time.sleep(0.01 if task % 3 == 0 else 0)
        return task * task

    assert list(LocalEngine(workers, worker_kind).run(work, range(40))) == [task * task for task in range(40)]


@both
def test_nothing_to_do_gives_nothing(worker_kind):
    assert list(LocalEngine(2, worker_kind).run(lambda task: task, [])) == []


@both
def test_an_error_of_a_task_is_raised_and_the_rest_is_dropped(worker_kind):
    def work(task):
        if task == 5:
            raise StorageError("disk full")
        return task

    seen = []
    with pytest.raises(StorageError, match="disk full"):
        seen.extend(LocalEngine(2, worker_kind).run(work, range(1000)))
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_processes_are_other_processes_and_threads_are_not():
    pids = set(LocalEngine(2, WorkerKind.FORKED).run(lambda task: os.getpid(), range(20)))
    assert os.getpid() not in pids
    assert set(LocalEngine(2, WorkerKind.THREADS).run(lambda task: os.getpid(), range(20))) == {os.getpid()}


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_worker_that_dies_is_a_fault_of_the_machine():
    def work(task):
        if task == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    with pytest.raises(StorageError, match="a worker process died"):
        list(LocalEngine(2, WorkerKind.FORKED).run(work, range(20)))


@both
def test_tasks_are_taken_as_they_are_needed(worker_kind):
    taken = []

    def tasks():
        for task in range(1000):
            taken.append(task)
            yield task

    results = LocalEngine(2, worker_kind).run(lambda task: task, tasks())
    next(results)
    assert len(taken) < 10
    results.close()


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_long_tasks_of_processes_do_not_hold_up_an_error(within):
    def work(task):
        time.sleep(0 if task == 0 else 600)
        raise StorageError("disk full")

    with within(120), pytest.raises(StorageError, match="disk full"):
        list(LocalEngine(2, WorkerKind.FORKED).run(work, range(20)))


@pytest.fixture
def half_sent(monkeypatch):
    """Let workers that are forked send half of a result, say so with a file, and come no further."""
    real, tests = Connection._send, os.getpid()

    def call(file, then=signal.pause):
        def send(connection, data, *given):
            if os.getpid() == tests or len(data) < 100_000:
                return real(connection, data, *given)
            real(connection, data[: len(data) // 2], *given)
            file.touch()
            return then()

        monkeypatch.setattr(Connection, "_send", send)

    return call


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_result_that_is_half_sent_does_not_hold_up_an_error(tmp_path, within, half_sent):
    def work(task):
        if task:
            return bytes(1 << 20)
        while not (tmp_path / "sent").exists():
            time.sleep(0.001)
        raise StorageError("disk full")

    half_sent(tmp_path / "sent")
    with within(120), pytest.raises(StorageError, match="disk full"):
        list(LocalEngine(2, WorkerKind.FORKED).run(work, range(20)))


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_worker_that_dies_as_it_sends_is_a_fault_of_the_machine(tmp_path, within, half_sent):
    half_sent(tmp_path / "sent", lambda: os.kill(os.getpid(), signal.SIGKILL))
    with within(120), pytest.raises(StorageError, match="a worker process died"):
        list(LocalEngine(2, WorkerKind.FORKED).run(lambda task: bytes(task << 20), range(2)))


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_workers_that_cannot_all_be_forked_are_a_fault_of_the_machine_and_none_stays(monkeypatch):
    real, forked = os.fork, []

    def fork():
        if len(forked) == 2:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        forked.append(real())
        return forked[-1]

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(StorageError, match=r"^cannot begin worker processes: .*temporarily unavailable"):
        list(LocalEngine(3, WorkerKind.FORKED).run(abs, range(3)))
    for process in forked:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_worker_that_dies_is_noticed_though_a_run_in_another_thread_forks_meanwhile(monkeypatch, within):
    real, is_open, has_forked, others = socket.socketpair, threading.Event(), threading.Event(), []

    def socketpair():
        pair = real()
        if threading.current_thread() is threading.main_thread():
            is_open.set()
            has_forked.wait(0.1)  # until the other one could have forked
        return pair

    def fork():
        is_open.wait()
        others.append(ForkedWorkers(1, abs))
        has_forked.set()

    monkeypatch.setattr(socket, "socketpair", socketpair)
    other = threading.Thread(target=fork)
    other.start()
    workers = ForkedWorkers(1, os._exit)
    other.join()
    try:
        with within(60), pytest.raises(StorageError, match="a worker process died"):
            workers.call(1)
    finally:
        others[0].close()
        workers.close()


@pytest.fixture
def noticed():
    """What can be read once any thread took a signal."""
    near, far = os.pipe()
    os.set_blocking(far, False)
    before = signal.set_wakeup_fd(far)
    yield near
    signal.set_wakeup_fd(before)
    os.close(near)
    os.close(far)


@pytest.mark.parametrize("taken_by_another_thread", [False, True])
def test_a_signal_waits_until_all_workers_are_forked(taken_by_another_thread, noticed):
    """A signal that the main thread blocks may be given to another one; the handler runs in the main one."""
    went_on, other_ends = [], threading.Event()
    other = threading.Thread(target=other_ends.wait)
    other.start()

    def stop(*_):
        raise KeyboardInterrupt

    def fork():
        with holding_signals():
            taker = other if taken_by_another_thread else threading.current_thread()
            signal.pthread_kill(taker.ident, signal.SIGTERM)
            if taken_by_another_thread:
                assert select.select([noticed], [], [], 60)[0]
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
    assert count_workers(group=tmp_path, ram=tmp_path / "none") == workers


MEMINFO = "MemTotal:       16384000 kB\nMemFree:          100000 kB\nMemAvailable:    {} kB\nBuffers: 1 kB\n"
MIB = 1 << 20


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, None),
        ({"memory.max": "max"}, None),
        ({"memory.max": "1073741824"}, 1 << 30),
        ({"memory/memory.limit_in_bytes": "536870912"}, 1 << 29),
        ({"memory/memory.limit_in_bytes": "9223372036854771712", "meminfo": MEMINFO.format(2048)}, 2 * MIB),
        ({"memory.max": "max", "meminfo": MEMINFO.format(1048576)}, 1 << 30),
        ({"memory.max": "1048576", "meminfo": MEMINFO.format(2048)}, MIB),
        ({"meminfo": "MemTotal: 1 kB\n"}, None),
    ],
)
def test_the_memory_is_what_is_left_within_the_limit_of_the_control_group(tmp_path, files, memory):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text if name == "meminfo" else text + "\n")
    assert read_memory(tmp_path, tmp_path / "meminfo") == memory


@pytest.mark.parametrize(
    ("mib", "of_files", "of_rows"), [(1, 1, 1), (599, 2, 1), (1199, 5, 1), (1200, 6, 2), (10**5, 8, 8)]
)
def test_workers_are_no_more_than_memory_allows(tmp_path, monkeypatch, mib, of_files, of_rows):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "memory.max").write_text(f"{mib * MIB}\n")
    counts = [count_workers(is_rows, tmp_path, tmp_path / "none") for is_rows in (False, True)]
    assert counts == [of_files, of_rows]


def test_a_run_of_shards_asks_for_workers_of_rows(photos, shards, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(run_module, "count_workers", lambda of_rows: asked.append(of_rows) or 1)
    for src in (photos, shards):
        augcli.materialize(src, tmp_path / "dst", single(Cutout()), dry_run=True)
    assert asked == [False, True]


def test_the_garbage_collector_is_as_it_was_after_two_runs_at_once():
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 11, 12)
        runs = [LocalEngine(1, WorkerKind.THREADS).run(lambda _: 0, range(9)) for _ in range(2)]
        for run in runs:
            next(run)
        for run in runs:
            run.close()
        assert gc.get_threshold() == (700, 11, 12)
    finally:
        gc.set_threshold(*before)


@pytest.mark.parametrize("first", [0, 700, 10**6])
def test_the_garbage_collector_rests_while_tasks_run_and_is_then_as_it_was(first):
    before = gc.get_threshold()
    try:
        gc.set_threshold(first, 11, 12)
        seen = LocalEngine(1, WorkerKind.THREADS).run(lambda _: gc.get_threshold()[0], range(3))
        assert set(seen) == {first if first in (0, 10**6) else 50_000}  # one that is off stays off
        assert gc.get_threshold() == (first, 11, 12)
    finally:
        gc.set_threshold(*before)


class OddError(Exception):
    """An error that is pickled, and cannot be made again."""

    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


def test_an_error_that_cannot_be_made_again_is_told_by_its_name():
    is_done, error, _ = pickle.loads(pack_error(OddError("a", "b")))
    assert (is_done, type(error), str(error)) == (False, RuntimeError, "OddError: a b")
