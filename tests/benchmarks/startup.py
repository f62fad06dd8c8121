"""Measure what comes before the first pixel and behind the last, and runs that have nothing to do.

    python tests/benchmarks/startup.py [--work DIR] [--only idle]

That is `--help`, the first run ever and the second, idle runs, the share of a run in which no worker works,
and a million names. Programs alternate; figures are medians of whole processes, with their range. Idle runs
are compared with a Python that only imports NumPy and pyarrow, in the same alternation.
"""

from __future__ import annotations

import argparse
import io
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

import numpy as np
from photos import SAMPLE_PHOTOS, make_photos
from PIL import Image

from augcli.io.store.base import Page
from augcli.io.store.local import LocalStore

ROUNDS = 5
NAMES, CLASSES = 1_000_000, 1000
COMMANDS = 10
IDLE = {4_000: 3, 100_000: 10}
"""Files of idle runs, and how many times as long as `BASE` they may take."""

SHARED = 10_000
"""Files of the run of which the share of one core is measured."""

BASE = "import numpy, pyarrow.parquet"
EMPTY = f"""
import typer
app = typer.Typer()
for number in range({COMMANDS}):
    app.command(str(number))(lambda: None)
app()
"""


SHARE = """
import sys, time
import augcli
from augcli.kernels import cpu
from augcli.pipeline import completion, run
cpu.load()
make_chunks, worked = completion.make_chunks, []
def drain(*given):
    begun = time.perf_counter()
    yield from make_chunks(*given)
    worked.append(time.perf_counter() - begun)
completion.make_chunks = drain
begun = time.perf_counter()
augcli.materialize(sys.argv[1], sys.argv[2], {"op": [{"kind": "cutmix"}]}, workers=2)
whole = time.perf_counter() - begun
print(1 - sum(worked) / whole)
"""
"""Prints the share of a run, all modules and kernels being loaded, in which no worker works."""


def measure(command: list[str], **environment: str) -> float:
    """Run a command and give its wall seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    return time.perf_counter() - started


def warm_up(work: Path) -> None:
    """Compile all modules, as they are where the package is installed, and read them once from the disk.

    Where no bytecode is written, each process compiles a checkout anew: as long as all that a start imports.
    """
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(work / "bytecode")}
    measure(augment(SAMPLE_PHOTOS, work / "warm"), NUMBA_CACHE_DIR=str(work / "warm-cache"))
    measure([sys.executable, "-c", BASE])
    measure([sys.executable, "-m", "augcli", "--help"])


def spread(values: list[float], form: str = ".2f") -> str:
    """The median of some values, and their range."""
    return f"{median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def augment(source: Path, target: Path) -> list[str]:
    """The command that runs CutMix."""
    return [sys.executable, "-m", "augcli", "cutmix", "--workers", "2", str(source), str(target)]


def measure_help() -> None:
    """Print the help's time against that of an empty Typer program with as many commands."""
    ratios = []
    for _ in range(ROUNDS):
        ours = measure([sys.executable, "-m", "augcli", "--help"])
        ratios.append(ours / measure([sys.executable, "-c", EMPTY, "--help"]))
    print(f"| `augcli --help`, over an empty Typer program | {spread(ratios)} | 1.3 |", flush=True)


def measure_first_runs(work: Path) -> None:
    """Print the time of CutMix on 24 photos: with an empty cache of kernels, and with a full one."""
    first, second, bases = [], [], []
    for number in range(ROUNDS):
        cache = {"NUMBA_CACHE_DIR": str(work / f"cache{number}")}
        first.append(measure(augment(SAMPLE_PHOTOS, work / f"first{number}"), **cache))
        second.append(measure(augment(SAMPLE_PHOTOS, work / f"second{number}"), **cache))
        bases.append(measure([sys.executable, "-c", BASE]))
    print(f"| first run ever on 24 photos | {spread(first, '.1f')} s | 6 s |")
    print(f"| second run | {spread(second)} s | 1.0 s |")
    print(f"| `{BASE}` beside them | {spread(bases)} s | |", flush=True)


def make_small(folder: Path, count: int) -> None:
    """Make a folder of so many names of one small image, in a hundred class folders."""
    picture = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(noise).save(picture, "JPEG")
    folder.mkdir()
    (folder.parent / "small.jpg").write_bytes(picture.getvalue())
    for number in range(100):
        (folder / f"class{number:02}").mkdir()
    for number in range(count):
        os.link(folder.parent / "small.jpg", folder / f"class{number % 100:02}" / f"photo-{number:07}.jpg")


def measure_idle_runs(work: Path) -> None:
    """Print how many times as long as `BASE` a run takes that has nothing to do."""
    for count in IDLE:
        make_small(work / f"small{count}", count)
        measure(augment(work / f"small{count}", work / f"made{count}"))
    ratios: dict[int, list[float]] = {count: [] for count in IDLE}
    bases = []
    for _ in range(ROUNDS):
        bases.append(measure([sys.executable, "-c", BASE]))
        for count, own in ratios.items():
            own.append(measure(augment(work / f"small{count}", work / f"made{count}")) / bases[-1])
    for count, most in IDLE.items():
        print(f"| nothing to do, {count:,} files, over `{BASE}` | {spread(ratios[count], '.1f')} | {most} |")
    print(f"| `{BASE}` beside them | {spread(bases)} s | |", flush=True)


def measure_ends(work: Path) -> None:
    """Print the share of a run in which no worker works: the start before them, and the end behind them."""
    photos = make_photos(SAMPLE_PHOTOS, work, "mixed", SHARED)
    shares = []
    for number in range(ROUNDS):
        target = work / f"shared{number}"
        call = [sys.executable, "-c", SHARE, str(photos), str(target)]
        shares.append(float(subprocess.run(call, check=True, capture_output=True, text=True).stdout))
        shutil.rmtree(target)
    print(f"| start and end of a run, {SHARED:,} files | {spread(shares, '.1%')} | 3 % |", flush=True)


def list_names(
    store: LocalStore, prefix: str = "", wanted: Callable[[str], bool] | None = None
) -> Iterator[Page]:
    """Yield a page of made-up names for each class, in the place of `LocalStore.list`; of DST none."""
    for first in range(CLASSES if store.root.endswith("/src") else 0):
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


MEASURED = {"first": measure_first_runs, "idle": measure_idle_runs, "ends": measure_ends}
"""What needs a directory, by the words of `--only`."""


def main() -> None:
    """Measure everything; the names in a process of its own, whose memory is counted."""
    if sys.argv[1:] == ["names"]:
        plan_names()
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, help="where files are made; best on a tmpfs")
    parser.add_argument("--only", choices=["help", *MEASURED, "names"], help="measure this alone")
    options = parser.parse_args()
    wanted = [options.only] if options.only else ["help", *MEASURED, "names"]
    print("| what | measured | target |\n|---|---:|---:|", flush=True)
    work = Path(tempfile.mkdtemp(dir=options.work))
    try:
        warm_up(work)
        if "help" in wanted:
            measure_help()
        for name, measure_in in MEASURED.items():
            if name in wanted:
                measure_in(work)
    finally:
        shutil.rmtree(work)
    if "names" in wanted:
        os.environ.pop("PYTHONPYCACHEPREFIX")
        subprocess.run([sys.executable, __file__, "names"], check=True)


if __name__ == "__main__":
    main()
