"""Tasks on their way through a cluster: order, bounds, failures, stragglers; the cluster here is a list."""

from __future__ import annotations

import itertools
import pickle
import time

import pytest

from augcli.errors import MissingPartError, StorageError, VersionError
from augcli.pipeline.engines import dispatch as dispatch_module
from augcli.pipeline.engines.dispatch import Dispatch, LostError, Times
from augcli.pipeline.engines.remote import Greeting, Outcome

GREETING = Greeting("/", ())


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    for name, seconds in {"BACK_OFF_S": 0.01, "WAIT_S": 0.001, "STRAGGLER_S": 0.05}.items():
        monkeypatch.setattr(dispatch_module, name, seconds)


def double(task):
    return 2 * task


def done(tasks, seconds=1.0):
    return Outcome("n", tuple(map(double, tasks)), None, seconds)


class Fake:
    """A cluster that does the newest first; `behave(number of the sending, tasks)` says what comes of it."""

    def __init__(self, behave=lambda number, tasks: done(tasks), slots=2):
        self.behave, self.slots, self.step = behave, slots, -1
        self.sent, self.running, self.cancelled, self.most = [], [], [], 0

    def submit(self, packed):
        _, work, tasks = pickle.loads(packed)
        assert work is double
        self.sent.append(list(tasks))
        self.running.append(len(self.sent) - 1)
        self.most = max(self.most, len(self.running))
        return self.running[-1]

    def wait(self, handles, timeout_s):
        assert sorted(handles) == sorted(self.running)
        for handle in self.running[:: self.step]:
            if self.behave(handle, self.sent[handle]) is not None:
                self.running.remove(handle)
                return [handle]
        time.sleep(timeout_s)
        return []

    def fetch(self, handle):
        outcome = self.behave(handle, self.sent[handle])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def cancel(self, handle):
        self.running.remove(handle)
        self.cancelled.append(handle)

    def count_slots(self):
        return self.slots


def run(cluster, tasks):
    dispatch = Dispatch(cluster, GREETING, double)
    return list(dispatch.run(iter(tasks), len(tasks))), dispatch


def test_results_come_in_the_order_of_the_tasks_whichever_ends_first():
    cluster = Fake(slots=3)
    assert run(cluster, range(50))[0] == [2 * task for task in range(50)]
    assert len(cluster.sent[0]) == 1  # before anything is known of their time


def test_no_more_are_in_flight_than_twice_what_runs_at_once():
    cluster = Fake(slots=3)
    run(cluster, range(100))
    assert cluster.most == 6


def test_machines_that_come_later_get_tasks(monkeypatch):
    monkeypatch.setattr(dispatch_module, "COUNT_S", 0.0)
    cluster = Fake(lambda number, tasks: done(tasks, 40.0), slots=0)  # all machines are yet to come
    cluster.step = 1
    results = Dispatch(cluster, GREETING, double).run(iter(range(100)), 100)
    next(results)
    assert cluster.most == 2
    cluster.slots = 5
    list(results)
    assert cluster.most == 10


@pytest.mark.parametrize(
    ("seconds", "left", "slots", "size"),
    [
        ([], 1000, 2, 1),  # nothing is known yet
        ([4.0, 5.0, 6.0], 1000, 2, 6),  # half a minute
        ([4.0, 5.0, 6.0], 12, 2, 3),  # all are to have work until the end
        ([90.0], 1000, 2, 1),
        ([0.001], 10**6, 2, 64),
        ([5.0], 0, 2, 1),
    ],
)
def test_tasks_are_sent_together_that_take_half_a_minute(seconds, left, slots, size):
    times = Times()
    for spent in seconds:
        times.note(Outcome("n", (1, 2), None, 2 * spent))
    assert times.bundle_size(left, slots) == size


def test_a_failing_store_is_tried_three_times_more_each_time_later_then_named_with_the_machine():
    cluster = Fake(lambda number, tasks: Outcome("node-7", (), StorageError("disk full"), 0.0), slots=1)
    begun, submit = [], cluster.submit
    cluster.submit = lambda packed: begun.append(time.monotonic()) or submit(packed)
    with pytest.raises(StorageError, match=r"^0 failed 4 times, at last on node 'node-7': disk full$"):
        run(cluster, [0])
    waits = [after - before for before, after in itertools.pairwise(begun)]
    assert len(waits) == 3
    assert all(wait >= least for wait, least in zip(waits, (0.01, 0.02, 0.04), strict=True))


def test_only_what_was_not_done_is_sent_again_and_its_failures_are_counted_anew():
    def behave(number, tasks):
        if len(tasks) < 3:
            return done(tasks)
        return Outcome("n", tuple(map(double, tasks[:1])), StorageError("full"), 1.0)

    cluster = Fake(behave, slots=1)
    dispatch = Dispatch(cluster, GREETING, double)
    dispatch._times.tasks.append(6.0)  # five together
    assert list(dispatch.run(iter(range(100)), 100)) == [2 * task for task in range(100)]
    assert cluster.sent[0] == [0, 1, 2, 3, 4]
    assert [1, 2, 3, 4] in cluster.sent


def test_what_a_dead_worker_was_at_is_sent_again():
    cluster = Fake(lambda number, tasks: LostError("NodeDied") if number in (0, 2) else done(tasks))
    results, dispatch = run(cluster, range(10))
    assert results == [2 * task for task in range(10)]
    assert dispatch.is_littered


def test_a_task_whose_workers_die_again_and_again_is_named():
    with pytest.raises(StorageError, match=r"^5 failed 4 times, at last since its worker died \(NodeDied\)$"):
        run(Fake(lambda number, tasks: LostError("NodeDied") if tasks == [5] else done(tasks), 8), range(9))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (VersionError("'b' would write other bytes"), "^'b' would write other bytes$"),
        (MissingPartError("CuPy is not installed"), "^node 'b': CuPy is not installed$"),
        (ZeroDivisionError("bug"), "^bug$"),
    ],
)
def test_what_no_other_attempt_would_better_ends_all_at_once(error, says):
    def behave(number, tasks):
        if number:
            return None
        return Outcome("b", (), error, 0.0) if isinstance(error, MissingPartError) else error

    cluster = Fake(behave)
    with pytest.raises(type(error), match=says):
        run(cluster, range(100))
    assert len(cluster.sent) == 4
    assert sorted(cluster.cancelled) == [1, 2, 3]


def test_a_straggler_is_sent_again_and_whichever_ends_first_counts():
    def behave(number, tasks):
        return None if number == 1 else done(tasks, seconds=0.001)

    cluster = Fake(behave)
    results, dispatch = run(cluster, range(5))
    assert results == [0, 2, 4, 6, 8]
    assert cluster.sent[-1] == cluster.sent[1]
    assert cluster.cancelled == [1]
    assert dispatch.is_littered


def test_a_straggler_whose_twin_fails_is_waited_for():
    failed = []

    def behave(number, tasks):
        if number == 1 and len(failed) < 3:
            return None
        if number > 4:
            failed.append(number)
            return Outcome("n", (), StorageError("full"), 0.0)
        return done(tasks, seconds=0.001)

    assert run(Fake(behave), range(5))[0] == [0, 2, 4, 6, 8]
    assert len(failed) >= 3


def test_nothing_is_littered_where_all_goes_well(monkeypatch):
    monkeypatch.setattr(dispatch_module, "STRAGGLER_S", 3600.0)  # this process may stand still for a while
    assert not run(Fake(), range(10))[1].is_littered


def test_who_wants_no_more_results_ends_what_runs():
    cluster = Fake(lambda number, tasks: None if number else done(tasks))
    results = Dispatch(cluster, GREETING, double).run(iter(range(100)), 100)
    next(results)
    results.close()
    assert cluster.running == []
    assert sorted(cluster.cancelled) == [1, 2, 3]
