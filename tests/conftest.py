"""What many tests share: the sample photos, small made images, and the program itself."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import typer.main
from hypothesis import HealthCheck, settings
from PIL import Image

from augcli.cli import answer, work
from augcli.pipeline import run as run_module
from augcli.pipeline import verify as verify_module
from tests import pages, servers

# A shared machine is slow for a while now and then; no test is about time. The examples are the same each
# time: what one run in a hundred would find is for `make soak`.
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("augcli", SLOW, derandomize=True, database=None)
settings.register_profile("soak", SLOW, derandomize=False, max_examples=2000)
settings.load_profile("augcli")

ROOT = Path(__file__).parent.parent
RUN, VERIFY = run_module.run, verify_module.verify


SLOW_FIXTURES = {"s3", "azure", "run_cli", "hugging_face", "nvrtc", "compile_host"}
"""What starts the program, imports `datasets`, or compiles C++ and CUDA: a second or more each."""


def pytest_collection_modifyitems(items):
    """Leave tests of slow fixtures to `make test`."""
    for item in items:
        if SLOW_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _in_process():
    """Leave out of runs in this process what takes longer than their work and shows nothing here.

    That is: forking pytest where no number of workers is given, waiting for the disk (no test cuts the power;
    what is synced, and what if that fails, `test_faults.py` knows), and making the same command line anew.
    Nor do runs say now and then how far they are, as they do where the machine is slow.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in (run_module, verify_module):
            patch.setattr(module, "count_workers", lambda of_rows=False: 1)
        patch.setattr(os, "fsync", lambda file: None)
        patch.setattr(work, "PLAIN_LINE_S", float("inf"))
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def cloud_credentials():
    """Credentials of the test servers, and no others, for the session."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))):
            patch.delenv(name)
        for name, value in (servers.CREDENTIALS | servers.NO_CLOUD).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def s3(cloud_credentials) -> Iterator[str]:
    """The address of a server of S3."""
    with servers.serve_s3() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azure(cloud_credentials) -> Iterator[str]:
    """The address of an account of Azure."""
    with servers.serve_azure() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def photos() -> Path:
    """24 real photos in 4 class folders."""
    return ROOT / "sample_data" / "photos"


@pytest.fixture(scope="session")
def shards() -> Path:
    """The same photos as one Hugging Face shard."""
    return ROOT / "sample_data" / "shards"


@pytest.fixture(scope="session")
def cli():
    """Call the program in this process; gives what `run_cli` gives."""

    def call(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        given = [str(argument) for argument in arguments]
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2)]
        with redirect_stdout(streams[0]), redirect_stderr(streams[1]), chdir(cwd or "."), time_limit(300):
            code = answer(given)
        said = []
        for stream in streams:
            stream.flush()
            said.append(stream.buffer.getvalue().decode())
        return subprocess.CompletedProcess(given, code, *said)

    return call


@pytest.fixture(scope="module")
def hugging_face():
    """The real package, offline: any connection is an error."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()

    def refuse(*_: object) -> None:
        raise AssertionError("a test opened a network connection")

    patch.setattr(socket.socket, "connect", refuse)
    yield datasets
    patch.undo()


@pytest.fixture
def run_cli():
    """Run the program in a process of its own: for what only a process shows."""

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
    """Make class folders of small noisy PNGs: `make_folder({"cat": 3, "dog": 2})`."""

    def make(counts: dict[str, int], name: str = "src", size: tuple[int, int] = (8, 10)) -> Path:
        return fill_folder(tmp_path / name, counts, size)

    return make


@pytest.fixture(scope="session")
def write_folder():
    """`make_folder` for fixtures of a module, which say where."""
    return fill_folder


def fill_folder(root: Path, counts: dict[str, int], size: tuple[int, int] = (8, 10)) -> Path:
    for label, count in counts.items():
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed = int.from_bytes(hashlib.sha256(f"{label}{number}".encode()).digest()[:4], "big")
            pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Fail what takes longer, even where it waits for a file that never ends."""

    def stop(*_: object) -> None:
        pytest.fail(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def within():
    """`time_limit` as a fixture, for what might hang: a minute at least, since machines are slow at times."""
    return time_limit


@pytest.fixture
def limit(monkeypatch):
    """Let all runs and verifications have other limits: `limit(chunk_outputs=8)`."""
    return partial(set_limits, monkeypatch)


@pytest.fixture(scope="session")
def limit_for():
    """`limit` for fixtures of a module: `limit_for(patch, chunk_outputs=8)`."""
    return set_limits


def set_limits(patch: pytest.MonkeyPatch, **fields: int) -> None:
    def give(settings):
        return replace(settings, limits=replace(settings.limits, **fields))

    patch.setattr(run_module, "run", lambda *given: RUN(*given[:-1], give(given[-1])))
    patch.setattr(verify_module, "verify", lambda *given: VERIFY(*given[:-1], give(given[-1])))


def read_tree(root: Path) -> dict[str, bytes]:
    """Every file below a directory but caches, by path: what two runs must agree on."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".seen")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def tree():
    """`read_tree` as a fixture, since test modules do not import each other."""
    return read_tree


@pytest.fixture(scope="session")
def page_inputs(tmp_path_factory) -> Path:
    """Every input that the README and the guide name, small."""
    return pages.make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def page_bucket(s3, page_inputs, monkeypatch) -> None:
    """The bucket that the page on storage names, where S3 is served as the environment says."""
    from augcli.io.store.objects import ObjectStore
    from augcli.io.store.urls import Access, parse_url

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    servers.make_bucket("s3://my-data", s3)
    for name in ("photos", "shards"):
        files = [path for path in (page_inputs / name).rglob("*") if path.is_file()]
        keys = [path.relative_to(page_inputs).as_posix() for path in files]
        store = ObjectStore(parse_url("s3://my-data"), Access(s3))
        store.stage(keys, [path.read_bytes() for path in files])


@pytest.fixture
def workspace(tmp_path, page_inputs, monkeypatch) -> Path:
    """The current directory of a test that runs what a page shows; one worker, so that it starts at once."""
    monkeypatch.chdir(pages.open_workspace(tmp_path / "workspace", page_inputs))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    return tmp_path / "workspace"
