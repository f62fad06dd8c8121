"""What the program does where nobody reads what it says, or nothing takes it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

AUGCLI = f"{shlex.quote(sys.executable)} -m augcli"


@pytest.fixture
def shell(tmp_path, make_folder):
    """Run a line of bash beside `src`, five images in two classes; `augcli` is the program."""
    make_folder({"cat": 3, "dog": 2})

    def run(line):
        script = f'augcli() {{ {AUGCLI} "$@"; }}; {line}'
        return subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300
        )

    return run


@pytest.mark.parametrize("option", ["", "--json"])
def test_a_reader_that_goes_away_ends_the_printing_and_not_the_work(shell, tmp_path, option):
    done = shell(f"augcli cutmix {option} src dst | true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert (tmp_path / "dst" / "_SUCCESS").exists()


@pytest.mark.parametrize("line", ["--help", "cutmix --help", "guide training", "doctor --json", "--version"])
def test_what_is_only_printed_may_be_cut_short(shell, line):
    done = shell(f"augcli {line} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_verification_whose_reader_goes_away_still_has_its_code(shell, tmp_path):
    assert shell("augcli cutmix src dst").returncode == 0
    (tmp_path / "dst" / "labels.csv").unlink()
    done = shell("augcli verify dst | true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("6\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("option", ["", "--json"])
def test_stdout_that_is_full_is_7_in_one_line(shell, tmp_path, option):
    done = shell(f"augcli cutmix {option} src dst >/dev/full")
    says = "augcli: cannot write to stdout: No space left on device; free or repair it and run again\n"
    assert (done.returncode, done.stderr) == (7, says)
    assert (tmp_path / "dst" / "_SUCCESS").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_stderr_that_is_full_is_no_reason_to_stop(shell, tmp_path):
    done = shell("augcli cutmix src dst 2>/dev/full")
    assert done.returncode == 0
    assert done.stdout.startswith("dst holds 5 images")
    assert shell("augcli cutmix missing other 2>/dev/full").returncode == 4  # a line is lost, not its code


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "<&- 2>&-"])
def test_closed_streams_are_no_reason_to_stop(shell, tmp_path, closed):
    done = shell(f"augcli cutmix --json --workers 2 src dst {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["outputs"] == 5
    verified = shell("augcli verify dst")  # nothing that was said stands in a file of the output
    assert verified.returncode == 0, verified.stdout


def test_closed_stdout_is_no_reason_to_stop(shell, tmp_path):
    done = shell("augcli cutmix src dst >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert shell("augcli verify dst").returncode == 0


def test_messages_do_not_go_to_stdout_where_stderr_is_closed(shell):
    done = shell("augcli cutmix missing dst 2>&-")
    assert (done.returncode, done.stdout) == (4, "")
