"""Images of odd kinds, decoded in a process of their own: it ends, in little time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import MAX_PIXELS
from tests.hostile_images import KINDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="what a process may take is measured as on Linux"),
]

LEAST = {"renamed": 20}
"""How many files there are of a kind at least, where they are less than 40."""

MEMORY_MIB = 4 * 3 * MAX_PIXELS / (1 << 20) + 40
"""Four images of the largest size, and what Pillow keeps of a file's texts, frames or tags."""


@pytest.mark.parametrize("kind", KINDS)
def test_odd_images_decode_or_are_refused_in_bounded_time_and_memory(kind):
    call = [sys.executable, "-W", "ignore", "-m", "tests.hostile_images", kind]
    done = subprocess.run(call, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert len(said["ended"]) >= LEAST.get(kind, 40)
    assert said["grown_mib"] < MEMORY_MIB
    assert all(len(text) < 500 and text.isprintable() for text in said["ended"].values())
    if kind == "renamed":
        assert all(text.startswith("refused") for text in said["ended"].values())
