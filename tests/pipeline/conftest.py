"""What the tests of whole runs share."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
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


# --- partitions ----------------------------------------------------------------------------------------


@pytest.fixture
def make():
    """Run partitions in an order, and merge: `make(src, dst, recipe)`."""

    def call(src, dst, recipe, order=range(4), **given):
        for index in order:
            augcli.materialize(src, dst, recipe, partition=f"{index}/{len(order)}", **given)
        return augcli.merge(dst, max_errors=given.get("max_errors", 0))

    return call


@pytest.fixture
def times():
    """When each file and directory below a directory was last written."""
    return lambda root: {path: path.stat().st_mtime_ns for path in root.rglob("*")}


@pytest.fixture
def small(limit):
    """Chunks of few outputs, so that there are many."""
    limit(chunk_outputs=8, chunk_groups=2)


@pytest.fixture
def src(make_folder):
    """45 images in three classes."""
    return make_folder({"cat": 20, "dog": 16, "owl": 9})


@pytest.fixture
def small_shards(tmp_path, src):
    """The images of `src` as three shards of small row groups, with a column of classes beside the label."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    paths = sorted(src.rglob("*.png"))
    classes = sorted({path.parent.name for path in paths})
    rows = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    labels = [classes.index(path.parent.name) for path in paths]
    features = {"label": {"names": classes, "_type": "ClassLabel"}}
    features["weather"] = {"names": ["rain", "sun"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "shards").mkdir()
    for number in range(3):
        own_labels = labels[number::3]
        weather = [label % 2 for label in own_labels]
        columns = {"image": pa.array(rows[number::3], kind), "label": own_labels, "weather": weather}
        own = pa.table(columns, metadata=metadata)
        pq.write_table(own, tmp_path / "shards" / f"train-{number}.parquet", row_group_size=2)
    return tmp_path / "shards"
