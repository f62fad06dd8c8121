"""Each exit code once as a process gives it: `cli` tests call the program in their own process.

Code 7 is in `test_bad_input.py`, 8 in `test_habits.py`, 130 in `test_interruptions.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
BUG = (
    "import sys, augcli.cli; augcli.cli.app = lambda *_, **__: 1 / 0;"
    "sys.argv = ['augcli', 'doctor']; augcli.cli.main()"
)


def test_a_run_that_is_done_is_0(run_cli, make_folder, tmp_path):
    src, dst = make_folder({"cat": 3, "dog": 2}), tmp_path / "dst"
    done = run_cli("cutmix", src, dst)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{dst} holds 5 images (folder) from 5 inputs")
    assert len(list(dst.glob("*/*.png"))) == 5
    assert (dst / "_SUCCESS").exists()


def test_a_bug_of_ours_is_1_and_shown_whole():
    done = subprocess.run([sys.executable, "-c", BUG], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--p", "2"], 2, "--p must be >= 0 and <= 1, got 2.0"),
        (["--split", "dev"], 4, "the input has no split 'dev'; it has none; leave out --split"),
        (["--masks", "."], 5, r"--masks '\.' and DST 'dst' overlap; give DST a place of its own"),
    ],
)
def test_what_is_refused_has_its_code_and_one_line(run_cli, make_folder, tmp_path, arguments, code, says):
    make_folder({"cat": 3, "dog": 2})
    done = run_cli("cutmix", "src", "dst", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(f"augcli: {says}\n", done.stderr)
    assert not (tmp_path / "dst").exists()


def test_failed_images_are_3(run_cli, make_folder, tmp_path):
    src, dst = make_folder({"cat": 3, "dog": 2}), tmp_path / "dst"
    (src / "cat" / "bad.png").write_text("I am no image")
    done = run_cli("cutmix", src, dst, "--quiet")
    says = f"augcli: 1 image failed, --max-errors allows 0; see {dst}/failures.jsonl\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", says)


def test_a_difference_is_6(run_cli, cli, make_folder, tmp_path):
    src, dst = make_folder({"cat": 3, "dog": 2}), tmp_path / "dst"
    assert cli("cutmix", src, dst).returncode == 0
    (dst / "labels.csv").unlink()
    done = run_cli("verify", dst)
    assert (done.returncode, done.stderr) == (6, "")
    assert done.stdout == f"labels.csv: it is missing\n{dst}: 5 images (folder): 1 difference\n"
