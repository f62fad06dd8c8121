"""Whether a process is gone is known of those of this machine alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from augcli.io.store import machine
from augcli.io.store.machine import identify_process, is_gone

pytestmark = pytest.mark.skipif(
    not machine.BOOT.exists(), reason="the system does not say when processes began"
)

SAY = "from augcli.io.store.machine import identify_process; print(identify_process(), flush=True); input()"


def test_a_process_that_lives_is_not_gone():
    assert not is_gone(identify_process())


def test_a_process_that_was_killed_is_gone_even_before_its_parent_knows():
    with subprocess.Popen(
        [sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        identity = process.stdout.readline().decode().strip()
        assert not is_gone(identity)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays, as one that has ended
        assert is_gone(identity)
    assert is_gone(identity)


def test_a_process_that_the_system_hides_is_not_gone(monkeypatch):
    identity = identify_process()
    monkeypatch.setattr(machine, "_read_words", lambda process: [])  # as with hidepid, of another user
    assert not is_gone(identity)
    monkeypatch.setattr(os, "kill", refuse)
    assert not is_gone(identity)


def refuse(process, signal):
    raise PermissionError


def test_the_name_of_a_process_may_hold_anything(tmp_path):
    shutil.copy(shutil.which("sleep"), tmp_path / "a) Z 1")
    with subprocess.Popen([tmp_path / "a) Z 1", "60"]) as process:
        try:
            words = machine._read_words(process.pid)
            assert words[0] in ("R", "S", "D")
            assert words[1] == str(os.getpid())  # its parent
        finally:
            process.kill()


def test_another_process_of_the_same_number_is_another_process():
    name, number, started = identify_process().rsplit(" ", 2)
    assert is_gone(f"{name} {number} {int(started) + 1}")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_of_another_machine_or_container_nothing_is_known(place):
    words = identify_process().split(" ")
    words[place], words[4] = "another", "1"
    assert not is_gone(" ".join(words))


@pytest.mark.parametrize("text", ["", "x", "process 7 on elsewhere", "a b c d e"])
def test_what_is_no_identity_is_not_gone(text):
    assert not is_gone(text)


def test_where_the_system_does_not_say_nothing_is_known(monkeypatch, tmp_path):
    identity = identify_process()
    monkeypatch.setattr(machine, "BOOT", tmp_path / "nothing")
    assert identify_process() == ""
    assert not is_gone(identity.rsplit(" ", 1)[0] + " 1")
