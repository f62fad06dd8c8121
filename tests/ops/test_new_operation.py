"""A new operation is one new file: its command, recipe keys, checks and place in the shared tests follow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli

GRID_HOLES = '''
"""Grid holes: hide a regular grid of square holes; the label stays (after GridMask, Chen et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from augcli.ops.base import Card, HoleOperation, Plan, register
from augcli.options import Bounds, WholeSpan, option, read_whole_span
from augcli.program.steps import Box, Fill

SPACING, SHIFT = 2, 3


@register
@dataclass(frozen=True, slots=True)
class GridHoles(HoleOperation):
    """Hide a regular grid of holes; the label stays (after Chen et al. 2020)."""

    name: ClassVar[str] = "grid-holes"
    streams: ClassVar[int] = 3
    card: ClassVar[Card] = Card(
        what="Square holes at regular distances.",
        label="It stays.",
        avoid="Small objects.",
        paper="Chen et al. 2020, GridMask Data Augmentation",
        peers={"": ("", "", "", "`GridDropout`"), "fill": ("", "", "", "`fill`")},
    )

    spacing: WholeSpan = option(
        "8", "Distance of holes in pixels, or LO:HI.", Bounds(2, 999), read=read_whole_span
    )

    def plan(self, draws, shape, slot, boxes=()):
        """Draw distance and place of the grid."""
        side = self.spacing.low + draws.integers(SPACING, self.spacing.count)[0]
        dy, dx = draws.integers(SHIFT, side, side)
        boxes = [
            Box(y, x, min(y + side // 2, shape.height), min(x + side // 2, shape.width))
            for y in range(dy, shape.height, side)
            for x in range(dx, shape.width, side)
        ]
        steps = tuple(Fill(box, self.paint(draws, shape, number)) for number, box in enumerate(boxes))
        return Plan(steps, "" if steps else "no hole inside")
'''


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with one more file in `ops`, and a function that runs Python with it."""
    root = tmp_path_factory.mktemp("extended")
    unfinished = shutil.ignore_patterns("*.tmp.*", "*.pyc*")  # of whoever compiles beside this test
    shutil.copytree(Path(augcli.__file__).parent, root / "augcli", ignore=unfinished)
    (root / "augcli" / "ops" / "grid_holes.py").write_text(GRID_HOLES)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.slow
def test_its_command_runs(extended, photos, tmp_path):
    options = ("--spacing", "32:64", "--fill", "gray", "--quiet")
    done = extended("-m", "augcli", "grid-holes", *options, photos, tmp_path / "dst")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for row in pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist():
        assert row["op"] == "grid-holes"
        pixels = np.asarray(Image.open(tmp_path / "dst" / row["file_name"]).convert("L")).astype(int)
        step = row["steps"][len(row["steps"]) // 2]
        hole = pixels[step["y0"] + 4 : step["y1"] - 4, step["x0"] + 4 : step["x1"] - 4]
        assert np.abs(hole - 128).max(initial=0) <= 12  # JPEG


@pytest.mark.slow
def test_its_values_are_checked_and_its_recipe_is_read(extended, photos, tmp_path):
    done = extended("-m", "augcli", "grid-holes", "--spacing", "9:5", photos, tmp_path / "dst")
    says = "augcli: grid-holes: --spacing must be a whole number or LO:HI with LO <= HI, got '9:5'\n"
    assert (done.returncode, done.stderr) == (2, says)
    (tmp_path / "chain.toml").write_text(
        '[[op]]\nkind = "grid-holes"\nspacing = [16, 24]\n[[op]]\nkind = "mixup"\n'
    )
    done = extended("-m", "augcli", "run", tmp_path / "chain.toml", photos, tmp_path / "dst")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_shared_tests_hold_for_it(extended):
    tests = Path(__file__).parent.parent
    chosen = [tests / "ops" / "test_operations.py", tests / "pipeline" / "test_every_operation.py"]
    done = extended("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "grid-holes", *chosen)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.slow
def test_its_card_is_written(extended):
    done = extended("-c", "from augcli.report.cards import write_cards; print(write_cards('pictures'))")
    assert "### grid-holes" in done.stdout
    assert "| `--spacing` | `8` | Distance of holes in pixels, or LO:HI." in done.stdout
