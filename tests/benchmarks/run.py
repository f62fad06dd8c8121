"""Measure augcli against the codec floor and against what a user would write instead (`make bench`).

    python tests/benchmarks/run.py --photos DIR --files 10000 --rounds 3

Every program runs as a whole process, in turn, in one go: on a shared machine a time alone says little, a
ratio of neighbouring runs says more. Start-up is measured on a set of a few files and reported apart. Ratios
are medians of each round's own ratio.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

from memory import measure_peak
from photos import SAMPLE_PHOTOS, VARIANTS, list_photos, make_photos

HERE = Path(__file__).resolve().parent
WORKERS = 2
TINY_FILES, TINY_CLASSES = 8, 2
FEWEST_FILES = 1000  # below this start-up is so large a share that taking it off leaves noise
MEMORY_FILES = (600, 6000)
COLUMNS = (
    "program",
    "start-up",
    "files/s",
    "files/s less start-up",
    "range over the rounds",
    "augcli ÷ this, whole",
    "augcli ÷ this, less start-up",
    "range of that",
)
LIBRARIES = ("augcli", "numpy", "numba", "simplejpeg", "pillow", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that turns SRC into DST: its name in the table, and its command up to SRC and DST."""

    name: str
    command: tuple[str, ...]


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


def script(name: str, file: str) -> Program:
    """Name one of the programs beside this file."""
    return Program(name, (sys.executable, str(HERE / file), "--workers", str(WORKERS)))


FLOOR = script("codec floor", "floor.py")
OPENCV = script("OpenCV pool", "opencv_pool.py")
PILLOW = script("Pillow pool", "pillow_pool.py")
OPTIONS = ("--alpha", "1", "--quality", "95", "--subsampling", "420", "--workers", str(WORKERS), "--quiet")
AUGCLI = Program("augcli", (sys.executable, "-m", "augcli", "cutmix", *OPTIONS))


def measure(program: Program, source: Path, target: Path, files: int) -> float:
    """Run a program into a fresh target and give the wall seconds of the whole process.

    Raises:
        SystemExit: If it fails or has not written one image per file: a time of half the work is no time.
    """
    shutil.rmtree(target, ignore_errors=True)
    os.sync()  # the write-back of one program's output must not slow the next
    command = [*program.command, str(source), str(target)]
    started = time.perf_counter()
    code = subprocess.call(command, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    if code != 0:
        raise SystemExit(f"{program.name}: exit code {code} from {' '.join(command)}")
    written = sum(1 for _ in target.rglob("*.jpg"))
    if written != files:
        raise SystemExit(f"{program.name}: {written} images written, expected {files}, in {target}")
    return seconds


def warm_up(programs: list[Program], source: Path, tiny: Path, target: Path) -> None:
    """Bring the input into the page cache, and let every program load and compile what it keeps."""
    for path in source.rglob("*.jpg"):
        path.read_bytes()
    for program in programs:
        measure(program, tiny, target, TINY_FILES)


def time_rounds(
    programs: list[Program], source: Path, tiny: Path, target: Path, files: int, rounds: int
) -> dict[str, Times]:
    """Time every program once a round, each round beginning with another one."""
    times = {program.name: Times() for program in programs}
    for number in range(rounds):
        first = number % len(programs)
        for program in programs[first:] + programs[:first]:
            times[program.name].tiny.append(measure(program, tiny, target, TINY_FILES))
            times[program.name].whole.append(measure(program, source, target, files))
            seconds = times[program.name].whole[-1]
            say(f"round {number + 1} of {rounds}: {program.name}: {files / seconds:.0f} files/s")
    return times


def measure_memory(photos: Path, work: Path, rounds: int) -> dict[int, float]:
    """Give augcli's peak memory in MiB (median), worker processes included, by the number of files."""
    peaks: dict[int, list[float]] = {files: [] for files in MEMORY_FILES}
    for _ in range(rounds):
        for files, found in peaks.items():
            source = make_photos(photos, work, "mixed", files)
            shutil.rmtree(work / "out", ignore_errors=True)
            found.append(measure_peak([*AUGCLI.command, str(source), str(work / "out")]))
    return {files: median(found) for files, found in peaks.items()}


def format_table(times: dict[str, Times], files: int) -> Iterator[str]:
    """Write the medians, and augcli's throughput as a multiple of each other program's, as markdown."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|" + "---:|" * (len(COLUMNS) - 1)
    ours = times[AUGCLI.name]
    for name, theirs in times.items():
        rates, warm = theirs.rates(files), theirs.warm_rates(files)
        ratios = [a / b for a, b in zip(ours.rates(files), rates, strict=True)]
        warm_ratios = [a / b for a, b in zip(ours.warm_rates(files), warm, strict=True)]
        cells = [name, f"{median(theirs.tiny):.2f} s", f"{median(rates):.0f}"]
        cells += [f"{median(warm):.0f}", f"{min(warm):.0f}–{max(warm):.0f}"]
        if theirs is ours:
            cells += ["1"] * 2 + [""]
        else:
            cells += [f"{median(ratios):.2f}", f"{median(warm_ratios):.2f}"]
            cells += [f"{min(warm_ratios):.2f}–{max(warm_ratios):.2f}"]
        yield f"| {' | '.join(cells)} |"


def describe_machine() -> str:
    """Name the machine and what ran on it, in one line."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES if _is_installed(name))
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


def _is_installed(library: str) -> bool:
    module = {"pillow": "PIL", "opencv-python-headless": "cv2"}.get(library, library)
    return importlib.util.find_spec(module) is not None


def choose_programs(variant: str, all_peers: bool) -> list[Program]:
    """Choose what runs: the pools add little on photos of one size, and cost most of the time."""
    if variant != "mixed" and not all_peers:
        return [FLOOR, AUGCLI]
    if not _is_installed("opencv-python-headless"):
        print("OpenCV is not installed, its pool is left out; run: pip install opencv-python-headless")
        return [FLOOR, AUGCLI, PILLOW]
    return [FLOOR, AUGCLI, OPENCV, PILLOW]


def bench_variant(variant: str, arguments: argparse.Namespace) -> None:
    """Measure one variant and print its table."""
    photos, work, files = arguments.photos, arguments.work, arguments.files
    source = make_photos(photos, work, variant, files)
    tiny = make_photos(photos, work, variant, TINY_FILES, TINY_CLASSES)
    programs = choose_programs(variant, arguments.all_peers)
    warm_up(programs, source, tiny, work / "out")
    times = time_rounds(programs, source, tiny, work / "out", files, arguments.rounds)
    print(f"\n{variant}: {files:,} files of {len(list_photos(photos))} photos, medians of", end=" ")
    print(f"{arguments.rounds} rounds, {WORKERS} workers\n")
    print("\n".join(format_table(times, files)), end="\n\n", flush=True)
    if variant == "mixed":
        peaks = measure_memory(photos, work, arguments.rounds)
        shown = ", ".join(f"{files:,} files {peak:.0f} MiB" for files, peak in peaks.items())
        print(f"Peak memory of augcli, mixed: {shown}\n", flush=True)


def say(line: str) -> None:
    """Report progress apart from the tables."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure the variants asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-bench")
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants, by commas")
    parser.add_argument("--all-peers", action="store_true", help="run the pools on one-size too")
    arguments = parser.parse_args()
    if arguments.files < FEWEST_FILES or arguments.rounds < 1:
        parser.error(f"--files must be >= {FEWEST_FILES} and --rounds >= 1")
    variants = arguments.only.split(",")
    if unknown := set(variants) - set(VARIANTS):
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}; known: {', '.join(VARIANTS)}")
    print(describe_machine(), flush=True)
    try:
        for variant in variants:
            bench_variant(variant, arguments)
    finally:
        shutil.rmtree(arguments.work / "out", ignore_errors=True)


if __name__ == "__main__":
    main()
