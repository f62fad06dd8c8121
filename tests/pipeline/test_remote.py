"""What another machine does with tasks: it looks before it works, and says how far it came."""

from __future__ import annotations

import os
import platform
import warnings

import pytest
from PIL import Image

from augcli.errors import StorageError, VersionError
from augcli.io.store.local import LocalStore
from augcli.pipeline import environment
from augcli.pipeline.engines.remote import Greeting, Probe, carry_out, pack


@pytest.fixture(autouse=True)
def stay(monkeypatch):
    monkeypatch.chdir(os.getcwd())


def fail_at_two(task):
    if task == 2:
        raise StorageError("disk full")
    return task


def say_how(task):
    warnings.warn("of a library", stacklevel=1)
    return Image.MAX_IMAGE_PIXELS, os.getcwd()


def send(work, tasks, *probes, directory="/"):
    return carry_out(environment.digest(), pack(Greeting(directory, probes), work, tasks))


def test_tasks_up_to_the_first_that_fails_are_done_and_the_machine_is_named():
    outcome = send(fail_at_two, [0, 1, 2, 3])
    assert (outcome.node, outcome.results, str(outcome.error)) == (platform.node(), (0, 1), "disk full")
    assert send(fail_at_two, [0, 1])[1:3] == ((0, 1), None)


def test_a_process_that_would_write_other_bytes_unpacks_nothing():
    outcome = carry_out("0" * 32, b"not a pickle")
    assert isinstance(outcome.error, VersionError)
    assert str(outcome.error).startswith(f"{platform.node()!r} would write other bytes")


def test_a_bug_is_raised():
    with pytest.raises(TypeError):
        send(len, [3])


def test_tasks_are_done_silently_with_no_bound_of_pillow_where_the_driver_stands(tmp_path):
    bound = Image.MAX_IMAGE_PIXELS
    outcome = send(say_how, [0], directory=str(tmp_path))
    assert outcome.results == ((None, str(tmp_path)),)
    assert bound == Image.MAX_IMAGE_PIXELS


def test_a_process_that_served_another_directory_meanwhile_comes_back(tmp_path):
    directories = [str(tmp_path / name) for name in "aba"]
    for directory in directories:
        os.makedirs(directory, exist_ok=True)
    outcomes = [send(say_how, [0], directory=directory) for directory in directories]
    assert [outcome.results[0][1] for outcome in outcomes] == directories


def test_a_machine_that_does_not_see_a_directory_says_so(tmp_path):
    (tmp_path / "probe").touch()
    seen = Probe("DST", LocalStore(str(tmp_path)), "probe")
    missing = Probe("SRC", LocalStore("/data/elsewhere"), "cat/1.png")
    assert send(fail_at_two, [0], seen).error is None
    outcome = send(fail_at_two, [0], seen, missing)
    assert isinstance(outcome.error, StorageError)
    assert str(outcome.error) == (
        "SRC '/data/elsewhere' is not seen here; give a directory that all machines share, or a bucket"
    )
    assert outcome.results == ()
