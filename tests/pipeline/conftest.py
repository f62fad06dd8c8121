"""What the tests of whole runs share."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.ops.cutmix import CutMix
from augcli.recipe import single

CUTMIX = single(CutMix(alpha=1.0))


@pytest.fixture
def materialize(tmp_path):
    def call(src, name="dst", recipe=CUTMIX, **options):
        return augcli.materialize(src, tmp_path / name, recipe, **options)

    return call


@pytest.fixture
def read_rows():
    """Read an output's rows."""
    return lambda dst: pq.read_table(dst / "metadata.parquet").to_pylist()


@pytest.fixture
def flat_images(tmp_path):
    """Class `black` is 0 and `white` 255 throughout, at odd and mixed sizes: pixels tell their source."""

    def make(
        size_of=lambda number: (5 + 3 * (number % 7), 4 + 5 * (number % 5)), count=30, depth=8, mode="L"
    ):
        for level, label in ((0, "black"), (255, "white")):
            (tmp_path / "src" / label).mkdir(parents=True)
            for number in range(count):
                height, width = size_of(number + level)
                if depth == 16:
                    image = Image.fromarray(np.full((height, width), level * 257, np.uint16))
                else:
                    image = Image.new(mode, (width, height), (level,) * len(mode) if mode != "L" else level)
                image.save(tmp_path / "src" / label / f"{number}.png")
        return tmp_path / "src"

    return make
