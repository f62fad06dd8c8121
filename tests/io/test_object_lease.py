"""The lease on a bucket: one holder, renewed while it is held, taken over when nobody renews it."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading

import pytest

from augcli.errors import OutputError, StorageError
from augcli.io.store import object_lease
from augcli.io.store.lease import LOCK, locked
from augcli.io.store.machine import identify_process
from augcli.io.store.object_clients import load_obstore
from augcli.io.store.object_lease import GONE_S, RENEWED_S, Clock, leased
from augcli.io.store.objects import ObjectStore, find_object, replace_object
from augcli.io.store.urls import Access, parse_url
from tests import servers

NUMBERS = itertools.count()
pytestmark = pytest.mark.filterwarnings("ignore:DST .* is or was in use by process")

DEAD = b"process 7 on elsewhere\n0\n"


@pytest.fixture
def store():
    return ObjectStore(parse_url(f"memory://lease-{next(NUMBERS)}/dst"))


class FakeClock:
    """Time that passes as it is waited for; `meanwhile` is called each time.

    The thread that renews waits for its end in truth, unless it is told to go on.
    """

    def __init__(self, meanwhile=lambda seconds: None):
        self.seconds, self.meanwhile = 0.0, meanwhile
        self.clock = Clock(lambda: self.seconds, self.wait)

    def wait(self, event, seconds):
        if threading.current_thread().name == "augcli-lease":
            return event.wait()
        self.seconds += seconds
        self.meanwhile(self.seconds)
        return False


def find_threads():
    """Those that renew a lease."""
    return [thread for thread in threading.enumerate() if thread.name == "augcli-lease"]


def keys(store):
    return [key for page in store.list() for key in page.keys]


def test_a_lease_stands_while_it_is_held_and_says_whose_it_is(store):
    with leased(store, LOCK):
        [data] = store.read([LOCK])
        assert data.splitlines()[0].decode() == f"process {os.getpid()} on {socket.gethostname()}"
    assert keys(store) == []


def test_a_lease_is_given_back_after_an_error(store):
    with pytest.raises(KeyError), leased(store, LOCK):
        raise KeyError("x")
    assert keys(store) == []


def test_the_lock_of_a_bucket_is_a_lease(store):
    with locked(store):
        assert keys(store) == [LOCK]
    with locked(store, shared=True):
        assert [key.startswith(f"{LOCK}s/") for key in keys(store)] == [True]
    assert keys(store) == []


def test_a_lease_that_is_renewed_is_never_taken(store):
    tag = replace_object(store, LOCK, DEAD, None)

    def renew(seconds):
        nonlocal tag
        if seconds > GONE_S - 10:
            tag = replace_object(store, LOCK, DEAD + b"%d" % seconds, tag)

    clock = FakeClock(renew)
    with (
        pytest.warns(
            UserWarning, match="is or was in use by process 7 on elsewhere; waiting up to 5 minutes"
        ),
        pytest.raises(OutputError) as raised,
        leased(store, LOCK, clock=clock.clock),
    ):
        pass
    assert clock.seconds < GONE_S
    assert str(raised.value) == (
        f"DST {store.name!r} is in use by process 7 on elsewhere; wait until it ends, or give another DST"
    )
    assert find_object(store, LOCK).tag == tag


def test_a_lease_that_nobody_renews_is_taken_after_five_minutes(store):
    replace_object(store, LOCK, DEAD, None)
    clock = FakeClock()
    with leased(store, LOCK, clock=clock.clock):
        assert GONE_S <= clock.seconds < GONE_S + 10
        assert store.read([LOCK])[0].startswith(b"process %d on" % os.getpid())
    assert keys(store) == []


def test_a_lease_that_is_given_back_meanwhile_is_taken_at_once(store):
    replace_object(store, LOCK, DEAD, None)
    clock = FakeClock(lambda seconds: store.delete([LOCK]))
    with leased(store, LOCK, clock=clock.clock):
        assert clock.seconds < 10


def test_of_two_that_wait_for_a_dead_holder_one_gets_the_lease(store):
    replace_object(store, LOCK, DEAD, None)

    def be_faster(seconds):
        if seconds >= GONE_S:
            replace_object(store, LOCK, b"process 8 on elsewhere\n", find_object(store, LOCK).tag)

    clock = FakeClock(be_faster)
    with (
        pytest.raises(OutputError, match="in use by process 8 on elsewhere"),
        leased(store, LOCK, clock=clock.clock),
    ):
        pass


def test_a_lease_is_renewed_while_it_is_held(store, monkeypatch, within):
    monkeypatch.setattr(object_lease, "RENEWED_S", 0.01)
    with leased(store, LOCK), within(60):
        before, seen = find_object(store, LOCK).tag, threading.Event()
        while find_object(store, LOCK).tag == before:
            seen.wait(0.01)
    assert keys(store) == []


def test_a_holder_learns_that_its_lease_was_taken(store, monkeypatch):
    monkeypatch.setattr(object_lease, "RENEWED_S", 0.01)

    def hold_and_lose():
        with leased(store, LOCK):
            [renewing] = find_threads()
            store.stage([LOCK], [DEAD])
            renewing.join(60)
            assert not renewing.is_alive()

    with pytest.raises(StorageError, match="was taken over by another run, since this one was not heard of"):
        hold_and_lose()
    assert store.read([LOCK]) == [DEAD]


def test_a_holder_that_slept_through_the_loss_learns_of_it_when_it_asks(store):
    def hold_and_ask():
        with leased(store, LOCK) as check_held:
            check_held()
            store.stage([LOCK], [DEAD])
            check_held()

    with pytest.raises(StorageError, match="was taken over by another run"):
        hold_and_ask()
    assert store.read([LOCK]) == [DEAD]


def test_those_who_share_hold_it_together(store):
    with leased(store, LOCK, shared=True), leased(store, LOCK, shared=True):
        assert len(keys(store)) == 2
    assert keys(store) == []


@pytest.mark.parametrize("shared", [True, False])
def test_who_wants_it_alone_and_who_shares_refuse_each_other(store, shared, monkeypatch):
    """The other one is alive: it is renewed."""
    clock = FakeClock(lambda seconds: store.stage([other], [DEAD + b"%d" % seconds]))
    with leased(store, LOCK, shared=not shared, clock=clock.clock):
        [other] = keys(store)
        with (
            pytest.raises(OutputError, match="is in use by process"),
            leased(store, LOCK, shared=shared, clock=clock.clock),
        ):
            pass
        assert keys(store) == [other]


def test_a_shared_lease_whose_holder_is_gone_is_removed(store):
    replace_object(store, f"{LOCK}s/x", DEAD, None)
    clock = FakeClock()
    with leased(store, LOCK, clock=clock.clock):
        assert clock.seconds >= GONE_S
        assert keys(store) == [LOCK]


HOLD = """
import sys
from augcli.io.store.object_lease import leased
from augcli.io.store.objects import ObjectStore
from augcli.io.store.urls import Access, parse_url
store = ObjectStore(parse_url(sys.argv[1]), Access(sys.argv[2]))
with leased(store, ".augcli.lock", sys.argv[3] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sort", ["alone", "shared"])
def test_the_lease_of_a_killed_process_of_this_machine_is_taken_at_once(s3, sort):
    url = f"s3://lease-of-the-killed-{sort}/dst"
    servers.make_bucket(url, s3)
    command = [sys.executable, "-c", HOLD, url, s3, sort]
    store = ObjectStore(parse_url(url), Access(s3))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        clock = FakeClock(lambda seconds: pytest.fail("it waits"))
        process.kill()
        process.wait()
        with leased(store, LOCK, clock=clock.clock):
            assert keys(store) == [LOCK]
    assert clock.seconds == 0


def test_the_lease_of_a_process_that_lives_is_not_taken_at_once(store):
    replace_object(store, LOCK, f"process 7\n0\n{identify_process()}\n".encode(), None)
    clock = FakeClock()
    with leased(store, LOCK, clock=clock.clock):
        assert clock.seconds >= GONE_S


def test_a_store_without_conditions_is_warned_about(store, monkeypatch):
    obstore = load_obstore()

    def put(*_, **__):
        raise obstore.exceptions.NotSupportedError("no")

    monkeypatch.setattr(obstore, "put", put)
    words = r"no lock on DST \(.* cannot write on a condition\); see to it"
    with pytest.warns(UserWarning, match=words), leased(store, LOCK):
        pass


def test_a_lease_is_renewed_several_times_before_it_counts_as_gone():
    assert RENEWED_S * 4 < GONE_S


def test_two_runs_on_one_bucket_of_s3(s3):
    servers.make_bucket("s3://lease-of-two", s3)
    store = ObjectStore(parse_url("s3://lease-of-two/dst"), Access(s3))
    with leased(store, LOCK):
        tag = find_object(store, LOCK).tag
        newer = replace_object(store, LOCK, DEAD, tag)
        assert newer not in (None, tag)
        assert replace_object(store, LOCK, DEAD, tag) is None
        assert replace_object(store, LOCK, DEAD, None) is None
