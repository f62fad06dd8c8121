"""What fuzzing found stays fixed, and the fuzzer itself finds what is wrong."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from augcli.errors import DecodeError
from augcli.io.images import codec

if sys.platform != "linux":
    pytest.skip("the fuzzer forks, and measures by /proc", allow_module_level=True)

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # as for the script itself: test modules are not imported by name
fuzz = importlib.import_module("fuzz")
targets = importlib.import_module("targets")
TARGETS = fuzz.TARGETS

SECONDS = 600
"""Far more than any of these tests takes: what decides is the number of examples."""

FOUND = sorted(path for path in fuzz.FOUND.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.relative_to(fuzz.FOUND).as_posix())
def test_what_was_found_stays_fixed(path):
    assert fuzz.replay(TARGETS[path.parent.name], path.read_bytes()).words == {}


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_damaged_files_of_every_kind_do_no_harm(name):
    examples = 10 if name in ("run", "boxed-run") else 60
    report = fuzz.fuzz(TARGETS[name], None, SECONDS, examples)
    assert report.examples >= examples // 2
    assert report.words == {}


@pytest.mark.parametrize("name", TARGETS)
def test_most_whole_files_are_taken(name):
    """Damage to what is refused at the door anyway would show nothing."""
    target = TARGETS[name]
    wholes = target.wholes()[: 3 if "run" in name else 8]
    taken = sum(fuzz.replay(target, data).taken for data in wholes)
    assert 2 * taken > len(wholes)


# --- the fuzzer ----------------------------------------------------------------------------------------


def fuzz_planted(monkeypatch, harm, name="image", examples=200):
    """Fuzz with a fault planted into `decode`: `harm(data)` is done before it decodes."""
    decode = codec.decode

    def decode_or_fail(data, *rest):
        harm(data)
        return decode(data, *rest)

    monkeypatch.setattr(codec, "decode", decode_or_fail)
    return fuzz.fuzz(TARGETS[name], None, SECONDS, examples)


def test_a_planted_exception_is_found_and_shrunk(monkeypatch):
    def harm(data):
        if data[:2] == b"BM":
            1 / 0  # noqa: B018

    report = fuzz_planted(monkeypatch, harm)
    (fault,) = report.finds
    assert fault.startswith("ZeroDivisionError")
    assert report.finds[fault] in TARGETS["image"].wholes()  # no damage is needed to show it


def test_wrong_pixels_are_found(monkeypatch):
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda *given: decode(*given).astype(np.float32))
    report = fuzz.fuzz(TARGETS["image"], None, SECONDS, 20)
    assert set(report.finds) == {"pixels-of-a-strange-kind"}


def test_a_killed_process_leaves_its_bytes(monkeypatch):
    def harm(data):
        if data[:2] == b"BM":
            os.kill(os.getpid(), signal.SIGSEGV)

    report = fuzz_planted(monkeypatch, harm)
    ((fault, data),) = report.finds.items()
    assert fault.startswith("SIGSEGV")
    assert data[:2] == b"BM"


def test_what_takes_too_long_is_found(monkeypatch):
    def harm(data):
        while True:
            pass

    monkeypatch.setattr(fuzz, "CPU_SECONDS", 0.5)
    report = fuzz_planted(monkeypatch, harm)
    assert [fault.split("-codec")[0] for fault in report.finds] == ["too-slow"]


def test_what_never_ends_is_found(monkeypatch):
    monkeypatch.setattr(fuzz, "WALL_SECONDS", 0.5)
    report = fuzz_planted(monkeypatch, lambda data: time.sleep(600))
    assert list(report.finds) == ["stuck"]


def test_what_takes_too_much_memory_is_found(monkeypatch):
    report = fuzz_planted(monkeypatch, lambda data: np.ones(300 << 20, np.uint8), examples=1)
    assert list(report.finds) == ["too-much-memory"]


def test_an_error_of_a_kind_of_ours_is_no_find(monkeypatch):
    def harm(data):
        raise DecodeError("planted")

    report = fuzz_planted(monkeypatch, harm, examples=20)
    assert report.finds == {}
    assert report.examples > 0


def test_a_known_fault_is_passed_over(monkeypatch):
    monkeypatch.setattr(codec, "decode", lambda *given: 1 / 0)
    (fault,) = fuzz.fuzz(TARGETS["image"], None, SECONDS, 20).finds
    assert fuzz.fuzz(TARGETS["image"], None, SECONDS, 20, frozenset({fault})).finds == {}


def test_a_find_is_kept_once(monkeypatch, tmp_path):
    monkeypatch.setattr(fuzz, "FOUND", tmp_path)
    monkeypatch.setattr(codec, "decode", lambda *given: 1 / 0)
    report = fuzz.fuzz(TARGETS["image"], None, SECONDS, 20)
    (path,) = fuzz.keep("image", report)
    assert fuzz.replay(TARGETS["image"], path.read_bytes()).finds.keys() == report.finds.keys()
    for fault in report.finds:
        report.finds[fault] += b"\0"
    assert fuzz.keep("image", report) == [path]
    assert list(tmp_path.rglob("*.bin")) == [path]


class Clock:
    """A clock that goes on by a hundredth of a second where it is read, for parent and children together."""

    def __init__(self):
        self._now = multiprocessing.Value("d", 0.0)

    def monotonic(self):
        with self._now.get_lock():
            self._now.value += 0.01
            return self._now.value

    @staticmethod
    def time():
        return 0.0


@pytest.mark.parametrize(("is_planted", "code"), [(False, 0), (True, 1)])
def test_the_program_says_what_it_did_and_fails_on_a_find(monkeypatch, tmp_path, capsys, is_planted, code):
    monkeypatch.setattr(fuzz, "FOUND", tmp_path / "found")
    if is_planted:
        monkeypatch.setattr(targets, "read_class_list", lambda file: 1 / 0)
    monkeypatch.setattr(fuzz, "time", Clock())  # a busy machine would try nothing in a second
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--seconds", "1", "--seed", "3", "--target", "class-list"])
    assert fuzz.main() == code
    said = capsys.readouterr().out
    assert said.startswith("seed 3\nclass-list: ")
    assert ("ZeroDivisionError" in said) is is_planted
    assert len(list(tmp_path.rglob("ZeroDivisionError-*.txt"))) == code
