"""The lock on DST: one run, or partitions together, and none that a dead process leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from augcli.errors import OutputError, StorageError
from augcli.io.store import lease
from augcli.io.store.lease import LOCK
from augcli.io.store.local import LocalStore

pytestmark = pytest.mark.skipif(lease.fcntl is None, reason="this system has no flock")

HOLD = """
import sys, time
from augcli.io.store.lease import locked
from augcli.io.store.local import LocalStore
with locked(LocalStore(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def locked(directory, shared=False):
    return lease.locked(LocalStore(str(directory)), shared)


def has_lock(directory):
    return (directory / LOCK).exists()


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(lease, "PATIENCE_S", 0.0)


@pytest.fixture
def patient(monkeypatch):
    """Who waits here waits for threads or processes that may stand still for a while."""
    monkeypatch.setattr(lease, "PATIENCE_S", 120.0)


def test_a_lock_leaves_nothing_behind(tmp_path):
    with locked(tmp_path / "new"):
        assert has_lock(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_lock_is_let_go_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="x"), locked(tmp_path):
        raise ValueError("x")
    with locked(tmp_path):
        pass
    assert not has_lock(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_directory_that_another_process_holds_is_refused_and_named(tmp_path, holder):
    with (
        pytest.raises(OutputError, match=rf"in use by process {holder.pid} on [^ ]+; wait"),
        locked(tmp_path),
    ):
        pytest.fail("two hold it")
    assert has_lock(tmp_path)


@pytest.mark.usefixtures("impatient")
def test_a_directory_is_held_against_the_same_process_too(tmp_path):
    with locked(tmp_path), pytest.raises(OutputError, match=f"process {os.getpid()} "), locked(tmp_path):
        pytest.fail("two hold it")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_does_not_hold(tmp_path, holder, number):
    holder.send_signal(number)
    holder.wait()
    assert has_lock(tmp_path)
    with locked(tmp_path):
        assert re.match(rf"process {os.getpid()} on ", (tmp_path / LOCK).read_text())
    assert not has_lock(tmp_path)


def test_a_file_that_says_it_is_held_does_not_hold(tmp_path):
    (tmp_path / LOCK).write_text("process 1 on elsewhere")
    with locked(tmp_path):
        pass
    assert not has_lock(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_a_lock_that_is_let_go_soon_is_waited_for(tmp_path, holder):
    threading.Timer(0.3, holder.kill).start()
    with locked(tmp_path):
        assert holder.wait() == -signal.SIGKILL


def test_who_stands_still_while_it_waits_for_a_lock_looks_again(tmp_path, monkeypatch):
    real, looked = lease._lock, []

    def lock(file, shared):
        if looked:
            return real(file, shared)
        looked.append(file)
        time.sleep(0.15)
        return False

    monkeypatch.setattr(lease, "PATIENCE_S", 0.1)
    monkeypatch.setattr(lease, "_lock", lock)
    with locked(tmp_path):
        assert has_lock(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_of_many_at_once_only_one_holds_it(tmp_path):
    inside, most = [], []

    def hold():
        with locked(tmp_path):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6
    assert not has_lock(tmp_path)


def test_where_the_system_has_no_locks_a_warning_says_so(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lease.fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="no lock on DST"), locked(tmp_path):
        pass
    assert not has_lock(tmp_path)


def test_a_file_that_was_removed_while_it_was_being_locked_does_not_count(tmp_path, monkeypatch):
    real, taken = lease._lock, []

    def lock_late(file, shared):
        if not taken:
            (tmp_path / LOCK).unlink()  # as the run that held it until now does at its end
        taken.append(file)
        return real(file, shared)

    monkeypatch.setattr(lease, "_lock", lock_late)
    with locked(tmp_path):
        assert has_lock(tmp_path)
        assert len(taken) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.usefixtures("impatient")
def test_a_process_that_was_forked_meanwhile_does_not_keep_the_lock(tmp_path):
    with locked(tmp_path):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        child.start()
    try:
        with locked(tmp_path):
            assert has_lock(tmp_path)
            assert child.is_alive()
    finally:
        child.kill()
        child.join()


def test_the_file_says_who_holds_it_and_nothing_of_who_did(tmp_path):
    (tmp_path / LOCK).write_text("process 1 on " + "x" * 300)
    with locked(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"process {os.getpid()} on {socket.gethostname()}"


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "dst").mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "dst" / LOCK).symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError), locked(tmp_path / "dst"):
        pytest.fail("it was followed")
    assert (tmp_path / "victim").read_text() == "mine"


# --- shared ---------------------------------------------------------------------------------------------


def test_those_who_share_it_hold_it_together_and_the_last_one_removes_it(tmp_path):
    with locked(tmp_path, shared=True):
        with locked(tmp_path, shared=True):
            assert has_lock(tmp_path)
        assert has_lock(tmp_path)
    assert not has_lock(tmp_path)


def test_the_first_of_two_may_be_the_last_to_let_go(tmp_path):
    first, second = locked(tmp_path, shared=True), locked(tmp_path, shared=True)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert has_lock(tmp_path)
    second.__exit__(None, None, None)
    assert not has_lock(tmp_path)


def count_open(path):
    """How many open files of this process lead to a path or below, removed ones too; others come and go."""
    count = 0
    for entry in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # of the listing itself, or of another thread
            count += os.readlink(f"/proc/self/fd/{entry}").startswith(str(path))
    return count


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed by /proc")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("shared", [False, True])
def test_a_lock_leaves_no_file_open_nor_does_one_that_is_refused(tmp_path, shared):
    with locked(tmp_path, shared):
        assert count_open(tmp_path / LOCK) == 1
        with pytest.raises(OutputError, match="in use"), locked(tmp_path):
            pytest.fail("it is held twice")
        assert count_open(tmp_path / LOCK) == 1
    assert count_open(tmp_path) == 0


@pytest.mark.usefixtures("impatient")
def test_who_wants_it_alone_is_refused_while_others_share_it(tmp_path):
    words = f"in use by partitions, one of them process {os.getpid()} on "
    with locked(tmp_path, shared=True), pytest.raises(OutputError, match=words), locked(tmp_path):
        pytest.fail("it is held alone and shared")
    with locked(tmp_path):
        pass


@pytest.mark.usefixtures("impatient")
def test_nobody_shares_what_is_held_alone(tmp_path):
    with locked(tmp_path), pytest.raises(OutputError, match="in use"), locked(tmp_path, shared=True):
        pytest.fail("it is held alone and shared")


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_of_many_who_come_and_go_each_is_alone_or_among_sharers(tmp_path):
    inside, wrong = [], []

    def hold(number):
        shared = number % 3 > 0
        for _ in range(4):
            with locked(tmp_path, shared):
                inside.append(shared)
                if not all(inside) and len(inside) > 1:
                    wrong.append(list(inside))
                time.sleep(0.002)
                inside.remove(shared)

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not has_lock(tmp_path)
