"""Signals and second runs, as the program meets them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli import cli
from augcli.io.store import lease
from augcli.ops.cutmix import CutMix
from augcli.recipe import single

pytestmark = pytest.mark.slow


COPIES = ("--copies", "3")


HELD = """
import os, sys, time
from pathlib import Path
from augcli import cli
from augcli.cli import work
from augcli.io.store.local import LocalStore

place, stage = Path(sys.argv.pop(1)), LocalStore.stage

def stage_and_wait(store, keys, data):
    stage(store, keys, data)
    (place / str(os.getpid())).touch()
    while (place / "held").exists():
        time.sleep(0.01)

LocalStore.stage = stage_and_wait
work.PLAIN_LINE_S = float("inf")
cli.main()
"""
"""The program, but each of its processes stands still where it has staged images, while `held` is there."""


class Held:
    """A run that stands still in the middle, however slow or fast the machine is, until it is released."""

    def __init__(self, place: Path, *arguments: object, workers: int = 1, **settings: object) -> None:
        place.mkdir()
        (place / "held").touch()
        command = [sys.executable, "-c", HELD, place, "cutmix", *map(str, arguments), *COPIES]
        # Whoever runs the tests in the background lets them, and what they start, ignore Ctrl-C.
        settings = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)} | settings
        self.process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, **settings)
        self.pid = self.process.pid
        self._place = place
        deadline = time.monotonic() + 300
        while self.process.poll() is None and len(list(place.iterdir())) <= workers:
            assert time.monotonic() < deadline, "a worker has no images"
            time.sleep(0.01)
        assert self.process.poll() is None, self.process.communicate()

    def end(self) -> tuple[int, str, str]:
        """Let it go on; gives its exit code and what it said."""
        (self._place / "held").unlink()
        out, err = self.process.communicate()
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """60 images, and the directory of a run over them that nothing disturbed."""
    root = tmp_path_factory.mktemp("job")
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 48, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        path = root / "src" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    recipe = single(CutMix(), copies=3)
    augcli.materialize(root / "src", root / "whole", recipe)
    return root


@pytest.fixture
def start(job, tmp_path):
    """Start a run and wait until each of so many workers has staged images."""
    begun = []

    def begin(*options, **settings):
        begun.append(Held(tmp_path / "place", job / "src", tmp_path / "my dst", *options, **settings))
        return begun[-1]

    yield begin
    for run in begun:
        run.process.kill()
        run.process.communicate()


@pytest.fixture
def patient(monkeypatch):
    """Let a run wait for the workers of one that was killed, which end when the machine comes to it."""
    monkeypatch.setattr(lease, "PATIENCE_S", 100.0)


@pytest.fixture
def resumes(cli, job, tmp_path, tree, patient):
    """Check that the same command completes what was interrupted to the same bytes."""

    def check():
        done = cli("cutmix", job / "src", tmp_path / "my dst", *COPIES)
        assert (done.returncode, done.stderr) == (0, "")
        assert tree(tmp_path / "my dst") == tree(job / "whole")

    return check


@pytest.mark.parametrize(("number", "code", "workers"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 2)])
def test_a_signal_ends_the_run_with_the_command_that_resumes_it(
    start, job, tmp_path, number, code, workers, resumes
):
    run = start("--workers", workers)
    os.kill(run.pid, number)
    words = ("augcli", "cutmix", f"{job}/src", f"{tmp_path}/my dst", "--workers", str(workers), *COPIES)
    resume = shlex.join(words)
    assert run.end() == (code, "", f"augcli: interrupted; to go on where it was: {resume}\n")
    assert not (tmp_path / "my dst" / "_SUCCESS").exists()
    assert not (tmp_path / "my dst" / ".augcli.lock").exists()
    resumes()


def test_ctrl_c_of_a_terminal_reaches_the_workers_too_and_ends_in_one_line(start):
    run = start("--workers", 2, workers=2, start_new_session=True)
    os.killpg(run.pid, signal.SIGINT)
    code, _, err = run.end()
    assert code == 130
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_signal_to_a_worker_alone_changes_nothing(start):
    run = start("--workers", 2, workers=2)
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    for child, number in zip(children, (signal.SIGINT, signal.SIGTERM), strict=True):
        os.kill(int(child), number)
    code, _, err = run.end()
    assert (code, err) == (0, "")


def test_sigterm_of_a_whole_group_is_an_interruption_and_no_dead_worker(start):
    run = start("--workers", 2, workers=2, start_new_session=True)
    os.killpg(run.pid, signal.SIGTERM)
    code, _, err = run.end()
    assert code == 143
    assert err.startswith("augcli: interrupted")


@pytest.mark.usefixtures("patient")
def test_a_killed_partition_is_ended_by_the_same_command(start, cli, job, tmp_path, tree):
    partition = ("--workers", "2", "--partition", "0/2")
    run = start(*partition)
    run.process.kill()
    assert run.process.wait() == -signal.SIGKILL
    dst = tmp_path / "my dst"
    assert cli("merge", dst).returncode == 7
    assert cli("cutmix", job / "src", dst, *partition, *COPIES).returncode == 0
    assert cli("cutmix", job / "src", dst, "--partition", "1/2", *COPIES).returncode == 0
    assert cli("merge", dst).returncode == 0
    assert tree(dst) == tree(job / "whole")


def is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_second_ctrl_c_stops_at_once_and_leaves_no_worker(start, resumes):
    run = start("--workers", 2, workers=2, start_new_session=True)
    os.killpg(run.pid, signal.SIGSTOP)  # both arrive while it stands still, so none is in time for a message
    for _ in range(2):
        os.kill(run.pid, signal.SIGINT)
        os.kill(run.pid, signal.SIGTERM)
    os.killpg(run.pid, signal.SIGCONT)
    code, _, err = run.end()
    assert code in (130, 143)
    assert err == ""
    deadline = time.monotonic() + 60
    while is_there(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_there(run.pid)
    resumes()


def test_a_run_in_the_background_that_shall_ignore_ctrl_c_does(start):
    run = start(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    os.kill(run.pid, signal.SIGINT)
    assert run.end()[0] == 0


def test_a_second_run_on_the_same_destination_is_refused_and_says_who_holds_it(
    cli, start, job, tmp_path, monkeypatch
):
    monkeypatch.setattr(lease, "PATIENCE_S", 0.0)
    run = start()
    second = cli("cutmix", job / "src", tmp_path / "my dst", *COPIES)
    assert (second.returncode, second.stdout) == (5, "")
    assert re.fullmatch(rf"augcli: DST '.*my dst' is in use by process {run.pid} on .*\n", second.stderr)
    code, _, err = run.end()
    assert (code, err) == (0, "")


def test_a_dry_run_beside_a_run_is_not_refused(cli, start, job, tmp_path):
    start()
    assert cli("cutmix", job / "src", tmp_path / "my dst", *COPIES, "--dry-run").returncode == 0


def test_a_run_that_was_killed_does_not_hold_its_destination(start, tmp_path, resumes):
    run = start()
    run.process.kill()
    run.process.communicate()
    assert (tmp_path / "my dst" / ".augcli.lock").exists()
    resumes()


@pytest.mark.parametrize(
    ("command", "goes_on"),
    [
        (["cutmix", "src", "dst"], True),
        (["run", "a.toml", "src", "dst"], True),
        (["cutmix", "verify", "preview"], True),
        (["cutmix", "src", "--preview", "a.png"], False),
        (["verify", "dst"], False),
        (["preview", "cutmix", "src", "a.html"], False),
        (["doctor"], False),
        (["guide"], False),
    ],
)
def test_only_what_goes_on_where_it_was_is_said_to(command, goes_on, monkeypatch, capsys):
    def stop(*_, **__):
        raise cli._Stopped(signal.SIGINT)

    monkeypatch.setattr(cli, "app", stop)
    assert cli.answer(command) == 130
    way = f"; to go on where it was: augcli {' '.join(command)}" * goes_on
    assert capsys.readouterr().err == f"augcli: interrupted{way}\n"
