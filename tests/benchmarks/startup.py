"""Measure what comes before the first pixel: `--help`, the first run ever and the second, a million names.

    python tests/benchmarks/startup.py

Programs alternate; times are medians of whole processes.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from photos import SAMPLE_PHOTOS

from augcli.io.store.base import Page
from augcli.io.store.local import LocalStore

ROUNDS = 5
NAMES, CLASSES = 1_000_000, 1000
COMMANDS = 10
EMPTY = f"""
import typer
app = typer.Typer()
for number in range({COMMANDS}):
    app.command(str(number))(lambda: None)
app()
"""


def measure(command: list[str], **environment: str) -> float:
    """Run a command and give its wall seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    return time.perf_counter() - started


def measure_help() -> None:
    """Print the help's time against that of an empty Typer program with as many commands."""
    ours, empty = [], []
    for _ in range(ROUNDS):
        ours.append(measure([sys.executable, "-m", "augcli", "--help"]))
        empty.append(measure([sys.executable, "-c", EMPTY, "--help"]))
    ratio = median(a / b for a, b in zip(ours, empty, strict=True))
    print(f"| `augcli --help`, over an empty Typer program | {ratio:.2f} | 1.3 |")


def measure_first_runs(work: Path) -> None:
    """Print the time of CutMix on 24 photos: with an empty cache of kernels, and with a full one."""
    first, second = [], []
    for number in range(ROUNDS):
        cache = {"NUMBA_CACHE_DIR": str(work / f"cache{number}")}
        command = [sys.executable, "-m", "augcli", "cutmix", "--workers", "2", str(SAMPLE_PHOTOS)]
        first.append(measure([*command, str(work / f"first{number}")], **cache))
        second.append(measure([*command, str(work / f"second{number}")], **cache))
    print(f"| first run ever on 24 photos | {median(first):.1f} s | 6 s |")
    print(f"| second run | {median(second):.2f} s | 1.5 s |")


def list_names(
    store: LocalStore, prefix: str = "", wanted: Callable[[str], bool] | None = None
) -> Iterator[Page]:
    """Yield a page of made-up names for each class, in the place of `LocalStore.list`."""
    for first in range(CLASSES):
        numbers = range(first, NAMES, CLASSES)
        keys = [f"class{first:03}/photo-{number:07}.jpg" for number in numbers]
        yield Page(keys, [60_000 + number % 999 for number in numbers], list(numbers))


def plan_names() -> None:
    """Plan a run over a million made-up names, as `--dry-run` does, and print its time and peak memory."""
    import augcli

    LocalStore.list = list_names
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "src").mkdir()
        summary = augcli.materialize(f"{work}/src", f"{work}/dst", {"op": [{"kind": "cutmix"}]}, dry_run=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert summary.images == NAMES
    print(f"| a plan for {NAMES:,} names | {seconds:.1f} s, {peak:.0f} MiB | 15 s, 400 MiB |")


def main() -> None:
    """Measure everything; the names in a process of its own, whose memory is counted."""
    if sys.argv[1:] == ["names"]:
        plan_names()
        return
    print("| what | measured | target |\n|---|---:|---:|", flush=True)
    measure_help()
    work = Path(tempfile.mkdtemp())
    try:
        measure_first_runs(work)
    finally:
        shutil.rmtree(work)
    subprocess.run([sys.executable, __file__, "names"], check=True)


if __name__ == "__main__":
    main()
