"""Measure augcli against the codec floor and against what a user would write instead (`make bench`).

    python tests/benchmarks/run.py --photos DIR --files 4000 --rounds 5

Every program runs as a whole process, in turn, in one go: on a shared machine a time alone says little, a
ratio of neighbouring runs says more. Start-up is measured on a set of a few files and reported apart. Ratios
are medians of each round's own ratio.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq
from cases import CASES, WORKERS, Case, Program
from photos import SAMPLE_PHOTOS, list_photos, make_photos

TINY_FILES, TINY_CLASSES = 8, 2
COLUMNS = (
    "case",
    "against",
    "its images/s",
    "augcli's",
    "ratio",
    "range of it",
    "with start-up",
    "target",
    "augcli's start-up",
)
LIBRARIES = ("augcli", "numpy", "numba", "simplejpeg", "pillow", "opencv-python-headless", "torchvision")


@dataclass(slots=True)
class Times:
    """Wall seconds of one program, one of each per round: on the whole set and on the tiny set."""

    whole: list[float] = field(default_factory=list)
    tiny: list[float] = field(default_factory=list)

    def rates(self, files: int) -> list[float]:
        """Files per second of each round, start-up included."""
        return [files / seconds for seconds in self.whole]

    def warm_rates(self, files: int) -> list[float]:
        """Files per second of each round, less the median start-up, and less the files made in it."""
        return [(files - TINY_FILES) / (seconds - median(self.tiny)) for seconds in self.whole]


@dataclass(frozen=True, slots=True)
class Data:
    """What the programs of a case read: the whole set and a tiny one, by program; and how much is made."""

    whole: dict[str, Path]
    tiny: dict[str, Path]
    outputs: int
    tiny_outputs: int


def prepare(case: Case, arguments: argparse.Namespace) -> Data:
    """Make a case's data."""
    photos, work = arguments.photos, arguments.work
    files = case.files or arguments.files
    names = [program.name for program in case.programs()]
    kinds = {name: case.data if name == "augcli" else case.source or case.data for name in names}
    whole = {name: make_photos(photos, work, kind, files) for name, kind in kinds.items()}
    tiny = {name: make_photos(photos, work, kind, TINY_FILES, TINY_CLASSES) for name, kind in kinds.items()}
    return Data(whole, tiny, files * case.outputs, TINY_FILES * case.outputs)


def measure(program: Program, source: Path, work: Path, outputs: int) -> float:
    """Run a program into a fresh target and give the wall seconds of the whole process.

    Targets stay until the case is over: new files beside ones just removed cost a file system more.

    Raises:
        SystemExit: If it fails or has not made all outputs: a time of half the work is no time.
    """
    target = work / "out" / f"{len(list((work / 'out').iterdir()))}"
    os.sync()  # the write-back of one program's output must not slow the next
    command = [*program.command, str(source), str(target)]
    started = time.perf_counter()
    code = subprocess.call(command, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    if code != 0:
        raise SystemExit(f"{program.name}: exit code {code} from {' '.join(command)}")
    made = count_outputs(target)
    if made != (0 if "--no-files" in command else outputs):
        raise SystemExit(f"{program.name}: {made} images made, expected {outputs}, in {target}")
    return seconds


def count_outputs(target: Path) -> int:
    """Count the images of an output: files, or rows of its shards."""
    shards = [path for path in (target / "data").glob("*.parquet") if not path.name.startswith(".")]
    rows = sum(pq.read_metadata(path).num_rows for path in shards)
    return rows or sum(1 for _ in target.rglob("*.jpg"))


def warm_up(programs: list[Program], data: Data, work: Path) -> None:
    """Bring the input into the page cache, and let every program load and compile what it keeps."""
    for source in set(data.whole.values()):
        for path in source.rglob("*.*"):
            path.read_bytes()
    for program in programs:
        measure(program, data.tiny[program.name], work, data.tiny_outputs)


def time_rounds(programs: list[Program], data: Data, work: Path, rounds: int) -> dict[str, Times]:
    """Time every program once a round, each round beginning with another one."""
    times = {program.name: Times() for program in programs}
    for number in range(rounds):
        first = number % len(programs)
        for program in programs[first:] + programs[:first]:
            mine = times[program.name]
            mine.tiny.append(measure(program, data.tiny[program.name], work, data.tiny_outputs))
            mine.whole.append(measure(program, data.whole[program.name], work, data.outputs))
            rate = data.outputs / mine.whole[-1]
            say(f"round {number + 1} of {rounds}: {program.name}: {rate:.0f} images/s")
    return times


def time_programs(programs: list[Program], data: Data, work: Path, rounds: int) -> dict[str, Times]:
    """Warm up, time the rounds, and remove what was written."""
    (work / "out").mkdir(parents=True, exist_ok=True)
    try:
        warm_up(programs, data, work)
        return time_rounds(programs, data, work, rounds)
    finally:
        shutil.rmtree(work / "out", ignore_errors=True)


def format_rows(case: Case, times: dict[str, Times], outputs: int) -> Iterator[str]:
    """Write one row for each program that augcli is measured against, as markdown."""
    ours = times.pop("augcli")
    for name, theirs in times.items():
        whole = [a / b for a, b in zip(ours.rates(outputs), theirs.rates(outputs), strict=True)]
        ratios = [a / b for a, b in zip(ours.warm_rates(outputs), theirs.warm_rates(outputs), strict=True)]
        cells = [case.name, name, f"{median(theirs.warm_rates(outputs)):.0f}"]
        cells += [f"{median(ours.warm_rates(outputs)):.0f}", f"{median(ratios):.2f}"]
        cells += [f"{min(ratios):.2f}–{max(ratios):.2f}", f"{median(whole):.2f}"]
        cells += [f"{case.target:.2f}" if name == "codec floor" else "", f"{median(ours.tiny):.2f} s"]
        yield f"| {' | '.join(cells)} |"


def describe_machine() -> str:
    """Name the machine and what ran on it, in one line."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {name: _find_version(name) for name in LIBRARIES}
    libraries = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    load = os.getloadavg()[0]
    return (
        f"{_cpu_model()}, {cpus} CPUs usable, load {load:.1f} at the start, {platform.system()}, "
        f"Python {platform.python_version()}, {libraries}"
    )


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _find_version(library: str) -> str | None:
    """Return the version of what is installed; None if it is not, or augcli runs from its directory."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def bench(case: Case, arguments: argparse.Namespace) -> Iterator[str]:
    """Measure one case; gives its rows."""
    say(case.name)
    data = prepare(case, arguments)
    times = time_programs(case.programs(), data, arguments.work, arguments.rounds)
    return format_rows(case, times, data.outputs)


def say(line: str) -> None:
    """Report progress apart from the tables."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure the cases asked for and print one table."""
    known = {case.name: case for case in CASES}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-bench")
    parser.add_argument("--only", default=",".join(known), help="cases, by commas")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(known):
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    print(describe_machine())
    print(f"{arguments.files:,} files of {len(list_photos(arguments.photos))} photos, {WORKERS} workers,")
    print(f"medians of {arguments.rounds} alternating rounds; images/s less start-up\n")
    print(f"| {' | '.join(COLUMNS)} |\n|---|---|" + "---:|" * (len(COLUMNS) - 2), flush=True)
    for name in chosen:
        for row in bench(known[name], arguments):
            print(row, flush=True)


if __name__ == "__main__":
    main()
