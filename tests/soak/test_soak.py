"""The soak, with fewer images and kills: `make soak` does the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="open files and memory are read from /proc")
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(tmp_path, form):
    script = Path(__file__).with_name("soak.py")
    few = ["--images", "2500", "--kills", "4", "--workers", "4", "--format", form, "--work", str(tmp_path)]
    done = subprocess.run([sys.executable, script, *few], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differ" in done.stdout
