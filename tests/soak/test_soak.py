"""The soak with few images and one kill: `make soak` does the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="open files and memory are read from /proc")
def test_a_run_that_is_stopped_ends_in_the_same_bytes(tmp_path):
    script = Path(__file__).with_name("soak.py")
    few = ["--images", "1200", "--kills", "1", "--workers", "2", "--work", str(tmp_path)]
    done = subprocess.run([sys.executable, script, *few], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differ" in done.stdout


@pytest.mark.slow
def test_partitions_of_which_one_is_killed_end_in_the_same_bytes(tmp_path):
    script = Path(__file__).with_name("partitions.py")
    few = ["--rounds", "1", "--images", "800", "--partitions", "2", "--work", str(tmp_path)]
    done = subprocess.run([sys.executable, script, *few], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differ" in done.stdout
