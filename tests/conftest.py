"""What many tests share: the sample photos, small made images, and the program itself."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# A shared machine is slow for a while now and then; no test is about time.
settings.register_profile("augcli", deadline=None)
settings.load_profile("augcli")

ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(items):
    """Leave tests that start the program, a second or so each, to `make test`."""
    for item in items:
        if "run_cli" in item.fixturenames:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def photos() -> Path:
    """24 real photos in 4 class folders."""
    return ROOT / "sample_data" / "photos"


@pytest.fixture(scope="session")
def shards() -> Path:
    """The same photos as one Hugging Face shard."""
    return ROOT / "sample_data" / "shards"


@pytest.fixture
def run_cli():
    """Run the real program in a process of its own; gives (exit code, stdout, stderr)."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "augcli", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            **options,
        )

    return run


@pytest.fixture
def make_folder(tmp_path):
    """Make class folders of small flat or noisy PNGs: `make_folder({"cat": 3, "dog": 2})`."""

    def make(counts: dict[str, int], name: str = "src", size: tuple[int, int] = (8, 10)) -> Path:
        root = tmp_path / name
        for label, count in counts.items():
            (root / label).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                seed = int.from_bytes(hashlib.sha256(f"{label}{number}".encode()).digest()[:4], "big")
                pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / label / f"{number}.png")
        return root

    return make


@pytest.fixture
def limit(monkeypatch):
    """Let all runs and verifications have other limits: `limit(chunk_outputs=8)`."""
    from augcli.pipeline import run, verify

    make, check = run.run, verify.verify

    def change(**fields: int) -> None:
        monkeypatch.setattr(run, "run", lambda *given: make(*given[:-1], give(given[-1], fields)))
        monkeypatch.setattr(verify, "verify", lambda *given: check(*given[:-1], give(given[-1], fields)))

    def give(settings, fields):
        return replace(settings, limits=replace(settings.limits, **fields))

    return change


def read_tree(root: Path) -> dict[str, bytes]:
    """Every file below a directory, by path: what two runs must agree on."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture
def tree():
    """`read_tree` as a fixture, since test modules do not import each other."""
    return read_tree
