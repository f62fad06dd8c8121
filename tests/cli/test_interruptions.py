"""Signals and second runs, as the program meets them."""

from __future__ import annotations

import os
import re
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
from augcli.ops.cutmix import CutMix
from augcli.recipe import single

pytestmark = pytest.mark.slow


COPIES = ("--copies", "3")


def run(*arguments, **settings):
    command = [sys.executable, "-m", "augcli", "cutmix", *map(str, arguments), *COPIES]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, **settings)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """300 images, and the directory of a run over them that nothing disturbed."""
    root = tmp_path_factory.mktemp("job")
    noise = np.random.default_rng(0).integers(0, 256, (300, 48, 48, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        path = root / "src" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    recipe = single(CutMix(), copies=3)
    augcli.materialize(root / "src", root / "whole", recipe)
    return root


@pytest.fixture
def start(job, tmp_path):
    """Start a run of a second or so and wait until it has written an image."""

    def begin(*options, **settings):
        process = run(job / "src", tmp_path / "my dst", *options, **settings)
        while process.poll() is None and not list((tmp_path / "my dst").rglob("*.png.*.part")):
            time.sleep(0.01)
        assert process.poll() is None, process.communicate()
        return process

    return begin


@pytest.fixture
def resumes(cli, job, tmp_path, tree):
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
    process = start("--workers", workers)
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    resume = f"augcli cutmix {job}/src '{tmp_path}/my dst' --workers {workers} --copies 3"
    assert err == f"augcli: interrupted; to go on where it was: {resume}\n"
    assert not (tmp_path / "my dst" / "_SUCCESS").exists()
    assert not (tmp_path / "my dst" / ".augcli.lock").exists()
    resumes()


def test_ctrl_c_of_a_terminal_reaches_the_workers_too_and_ends_in_one_line(start):
    process = start(start_new_session=True)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")
def test_a_signal_to_a_worker_alone_changes_nothing(start):
    process = start("--workers", "2")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child, number in zip(children, (signal.SIGINT, signal.SIGTERM), strict=True):
        os.kill(int(child), number)
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")


def test_sigterm_of_a_whole_group_is_an_interruption_and_no_dead_worker(start):
    process = start(start_new_session=True)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 143
    assert err.startswith("augcli: interrupted")


def test_a_killed_partition_is_ended_by_the_same_command(start, cli, job, tmp_path, tree):
    partition = ("--workers", "2", "--partition", "0/2")
    process = start(*partition)
    process.kill()
    assert process.wait() == -signal.SIGKILL
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
    process = start(start_new_session=True)
    os.killpg(
        process.pid, signal.SIGSTOP
    )  # both arrive while it stands still, so none is in time for a message
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
    os.killpg(process.pid, signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, 143)
    assert err == ""
    deadline = time.monotonic() + 60
    while is_there(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_there(process.pid)
    resumes()


def test_a_run_in_the_background_that_shall_ignore_ctrl_c_does(start):
    process = start(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.communicate()


def test_a_second_run_on_the_same_destination_is_refused_and_says_who_holds_it(cli, start, job, tmp_path):
    process = start()
    process.send_signal(signal.SIGSTOP)
    second = cli("cutmix", job / "src", tmp_path / "my dst", *COPIES)
    process.send_signal(signal.SIGCONT)
    assert (second.returncode, second.stdout) == (5, "")
    assert re.fullmatch(rf"augcli: DST '.*my dst' is in use by process {process.pid} on .*\n", second.stderr)
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")


def test_a_dry_run_beside_a_run_is_not_refused(cli, start, job, tmp_path):
    process = start()
    assert cli("cutmix", job / "src", tmp_path / "my dst", *COPIES, "--dry-run").returncode == 0
    process.kill()
    process.communicate()


def test_a_run_that_was_killed_does_not_hold_its_destination(start, tmp_path, resumes):
    process = start()
    process.kill()
    process.wait()
    process.communicate()
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
