"""What a seed gives, for ever: plans, partners, names and pixels that no change may move unseen.

A change of any value here is another output version (design, "Output version"): say in its commit which
values changed and why. `python tests/test_golden.py` writes the values anew.

Pixels are compared decoded, from lossless PNG, so that a new encoder changes nothing here. The draws behind
them are held to published vectors by `test_rng.py`, what is made of them to the papers by the tests of `ops`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.pipeline.plan.chunks import chunk_folder, chunk_groups, count_outputs
from augcli.pipeline.plan.rings import form_rings, hash_samples
from augcli.samples import Catalogue, RowGroup, SoftLabel

ROOT = Path(__file__).parent.parent
VALUES = Path(__file__).parent / "golden" / "values.json"

CHAIN = {
    "name": "chain",
    "seed": 1,
    "copies": 2,
    "image-format": "png",
    "smoothing": 0.1,
    "op": [
        {"kind": "patch-cutout", "ratio": "0.1:0.4", "p": 0.5},
        {
            "one_of": [
                {"kind": "cutmix", "weight": 0.5},
                {"kind": "mixup", "alpha": 0.4, "weight": 0.4},
            ],
            "p": 0.8,
        },
        {"kind": "erase", "count": "1:2", "p": 0.5},
        {"kind": "cutout", "length": "0.2:0.4", "holes": "1:2", "fill": "random-color", "p": 0.3},
    ],
}
"""Every operation, drawn and not drawn, twice of each photo, with two places for a partner in one."""

RULES = ("any", "other-class", "same-class")


def digest(*parts: object) -> str:
    """Hash values by what is printed of them."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()[:16]


def hash_pixels(pixels: np.ndarray) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()[
        :16
    ]


# --- real runs -------------------------------------------------------------------------------------------


def read_rows(dst: Path) -> pa.Table:
    """Read an output's rows, whichever form it has; images of shards lie in their own column."""
    if (dst / "metadata.parquet").exists():
        return pq.read_table(dst / "metadata.parquet")
    return pa.concat_tables(pq.read_table(path) for path in sorted((dst / "data").glob("*.parquet")))


def read_pixels(dst: Path, row: dict) -> np.ndarray:
    if "image" in row:
        return np.asarray(Image.open(pa.BufferReader(row["image"]["bytes"])))
    return np.asarray(Image.open(dst / row["file_name"]))


SOURCE, PARTNERS, STEPS, PIXELS = 1, 2, 5, 7
"""Places in what is said of an output."""


def describe_run(src: Path, dst: Path, recipe: dict) -> list[list[object]]:
    """Say of each output, in the order of the rows: name, sources, what was done, label, and pixels."""
    augcli.materialize(src, dst, recipe, workers=1)
    told = []
    for row in read_rows(dst).to_pylist():
        told.append(
            [
                row["file_name"] if "file_name" in row else row["image"]["path"],
                row["source"],
                row["partners"],
                row["op"],
                row["reason"],
                digest(row["steps"]),
                digest(row["label"], row["classes"], row["weights"], row["lam"], row["soft_label"]),
                hash_pixels(read_pixels(dst, row)),
            ]
        )
    return told


def with_rule(rule: str) -> dict:
    """Give the chain with a rule on partners."""
    mixed = [choice | {"partner": rule} for choice in CHAIN["op"][1]["one_of"]]
    return CHAIN | {"op": [CHAIN["op"][0], CHAIN["op"][1] | {"one_of": mixed}, *CHAIN["op"][2:]]}


RUNS = {
    "folder, any": ("photos", CHAIN),
    "folder, other-class": ("photos", with_rule("other-class") | {"limit": 9}),
    "folder, same-class": ("photos", with_rule("same-class") | {"limit": 9}),
    "parquet, any": ("shards", CHAIN | {"limit": 9}),
    "parquet, other-class": ("shards", with_rule("other-class") | {"limit": 9}),
}


# --- plans that need no image ----------------------------------------------------------------------------


def make_catalogue(count: int) -> Catalogue:
    """Make a catalogue of 7 classes of unequal size, every 50th sample unlabelled."""
    keys = [f"class_{i % 7 if i % 3 else 0}/{i:05d}.jpg" for i in range(count)]
    labels = [None if i % 50 == 7 else SoftLabel((int(key[6]),), (1.0,)) for i, key in enumerate(keys)]
    sizes = np.array([1000 + 37 * i % 90_000 for i in range(count)], np.int64)
    return Catalogue(
        "", keys, sizes, np.zeros(count, np.int64), labels, tuple(f"class_{i}" for i in range(7))
    )


def describe_chunks(catalogue: Catalogue, chunks: list) -> dict[str, object]:
    """Say how chunks are named and cut, who meets whom, and in which order rows stand."""
    arcs = [arc for chunk in chunks for arc in chunk.arcs]
    rings = list({id(arc.ring): arc.ring for arc in arcs}.values())
    partners = [
        [int(ring.shifts[ring.place_partner(copy, slot, 2)]) if len(ring.shifts) else None for ring in rings]
        for copy in range(3)
        for slot in range(2)
    ]
    rows = [sorted(catalogue.keys[sample] for sample in chunk.members) for chunk in chunks]
    return {
        "chunks": [chunk.name for chunk in chunks],
        "cuts": digest([[(s.start, s.stop, len(s.ring)) for s in chunk.arcs] for chunk in chunks]),
        "first members": [catalogue.keys[sample] for sample in rings[0].members[:8]],
        "rings": digest([[catalogue.keys[sample] for sample in ring.members] for ring in rings]),
        "steps": digest([list(map(int, ring.shifts)) for ring in rings]),
        "partners": digest(partners),
        "rows": digest(rows),
        "groups": [[group.number for group in chunk.groups] for chunk in chunks],
        "slices": [chunk.portions for chunk in chunks],
    }


def plan_folder(rule: str, seed: int, target: int | str | None = None) -> dict[str, object]:
    """Plan 20,000 made-up keys."""
    catalogue = make_catalogue(20_000)
    hashes = hash_samples(catalogue, seed)
    outputs = count_outputs(catalogue, hashes, 2, target, False)
    order = np.argsort(hashes, kind="stable")
    chunks = chunk_folder(form_rings(order, hashes, catalogue, rule), catalogue.sizes, outputs)
    return describe_chunks(catalogue, chunks) | {"outputs": digest(outputs.tolist())}


def plan_groups(rule: str, seed: int) -> dict[str, object]:
    """Plan 60 made-up row groups, some of which are too large to be read at once."""
    groups, first = [], 0
    for number in range(60):
        rows = 30 + number % 11
        groups.append(RowGroup(f"train-{number // 20:05d}.parquet", number % 20, first, rows, rows << 20))
        first += rows
    catalogue = make_catalogue(first)
    hashes = hash_samples(catalogue, seed)
    outputs = count_outputs(catalogue, hashes, 3, None, True)
    return describe_chunks(catalogue, chunk_groups(catalogue, hashes, groups, outputs, rule, seed))


PLANS = {
    **{f"20,000 keys, {rule}": (plan_folder, (rule, 7)) for rule in RULES},
    "20,000 keys, 100 of each class": (plan_folder, ("any", 7, 100)),
    **{f"60 row groups, {rule}": (plan_groups, (rule, 7)) for rule in RULES},
}


# --- arrays ----------------------------------------------------------------------------------------------


def make_batch() -> np.ndarray:
    """Make six images in which every value differs from its neighbours'."""
    place = np.arange(6 * 20 * 24 * 3, dtype=np.int64)
    return (place * 2654435761 >> 13).astype(np.uint8).reshape(6, 20, 24, 3)


def describe_arrays(seed: int) -> dict[str, object]:
    """Say what each function on arrays gives of one batch."""
    images, labels = make_batch(), [0, 1, 2, 0, 1, 2]
    cutmix = augcli.cutmix(images, labels, num_classes=3, p=0.7, seed=seed)
    mixup = augcli.mixup(images, labels, num_classes=3, p=0.7, seed=seed)
    cutout = augcli.cutout(images, holes=(1, 3), p=0.7, fill="random-color", seed=seed)
    erase = augcli.erase(images, count=2, p=0.7, seed=seed)
    patches = augcli.patch_cutout(images, patch_size=(5, 7), fill="normal", p=0.7, seed=seed)
    box = augcli.rand_box(100, 200, 0.6, seed=seed)
    plain_chain = {key: CHAIN[key] for key in ("op", "smoothing")}
    chain = augcli.apply(plain_chain, images, labels, num_classes=3, seed=seed)
    return {
        "cutmix": [
            cutmix.boxes.tolist(),
            cutmix.indices.tolist(),
            digest(cutmix.labels.tolist()),
            hash_pixels(cutmix.images),
        ],
        "mixup": [
            mixup.lam.tolist(),
            mixup.indices.tolist(),
            digest(mixup.labels.tolist()),
            hash_pixels(mixup.images),
        ],
        "cutout": [cutout.boxes.tolist(), hash_pixels(cutout.images)],
        "erase": [erase.boxes.tolist(), hash_pixels(erase.images)],
        "patch_cutout": [digest([grid.tolist() for grid in patches.patches]), hash_pixels(patches.images)],
        "rand_box": [box.y0, box.x0, box.y1, box.x1],
        "apply": [
            chain.operations,
            chain.indices.tolist(),
            digest(chain.labels.tolist()),
            hash_pixels(chain.images),
        ],
    }


# --- the values ------------------------------------------------------------------------------------------


def golden() -> dict:
    return json.loads(VALUES.read_text("utf-8"))


def plain(value: object) -> object:
    """Give a value as JSON would give it back."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "name", [name if name == "folder, any" else pytest.param(name, marks=pytest.mark.slow) for name in RUNS]
)
def test_a_run_gives_what_it_always_gave(name, tmp_path):
    source, recipe = RUNS[name]
    assert (
        plain(describe_run(ROOT / "sample_data" / source, tmp_path / "dst", recipe)) == golden()["runs"][name]
    )


@pytest.mark.slow
def test_another_seed_gives_another_output(tmp_path):
    """A run that ignored its seed would give the known rows again."""
    other = plain(describe_run(ROOT / "sample_data" / "photos", tmp_path / "dst", CHAIN | {"seed": 2}))
    known = golden()["runs"]["folder, any"]
    assert [row[SOURCE] for row in other] == [row[SOURCE] for row in known]
    for column in (PARTNERS, STEPS, PIXELS):
        same = sum(ours[column] == theirs[column] for ours, theirs in zip(other, known, strict=True))
        assert same < len(known) / 3  # nobody drawn, and so nothing changed, may happen under both


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_what_it_always_was(name):
    plan, arguments = PLANS[name]
    assert plain(plan(*arguments)) == golden()["plans"][name]


def test_another_seed_gives_another_plan():
    plan, known = plan_folder("any", 8), golden()["plans"]["20,000 keys, any"]
    assert plain(plan)["rings"] != known["rings"]
    assert plain(plan)["rows"] != known["rows"]


@pytest.mark.parametrize("seed", [0, 3])
def test_arrays_are_what_they_always_were(seed):
    assert plain(describe_arrays(seed)) == golden()["arrays"][str(seed)]


def test_another_seed_gives_other_arrays():
    values = golden()["arrays"]
    assert all(values["0"][name] != values["3"][name] for name in values["0"])


def main() -> None:
    """Write the values anew."""
    runs = {}
    for name, (source, recipe) in RUNS.items():
        with tempfile.TemporaryDirectory() as directory:
            runs[name] = describe_run(ROOT / "sample_data" / source, Path(directory) / "dst", recipe)
    plans = {name: plan(*arguments) for name, (plan, arguments) in PLANS.items()}
    arrays = {str(seed): describe_arrays(seed) for seed in (0, 3)}
    text = json.dumps({"runs": runs, "plans": plans, "arrays": arrays}, indent=1, ensure_ascii=False)
    VALUES.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
