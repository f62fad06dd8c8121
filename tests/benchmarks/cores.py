"""Measure how augcli grows with the number of workers, against the codec floor (`make bench-cores`).

    python tests/benchmarks/cores.py --workers 1,2,4,8,16 --rounds 3 --work /dev/shm/augcli-cores

For each number of workers augcli and the floor run in alternation, as whole processes, from folder to
folder and from shards to shards. Start-up is measured on a few files and taken off. The floor's workers are
processes here: threads of one interpreter would hold each other up. Numbers beyond the CPUs are left out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cases import CUTMIX, HERE, Program
from photos import SAMPLE_PHOTOS, make_photos
from run import TINY_FILES, Data, describe_machine, say, time_programs


@dataclass(frozen=True, slots=True)
class Layout:
    """What is read and written: a variant of the photos, and the floor's option for it."""

    name: str
    variant: str
    floor: tuple[str, ...] = ()


LAYOUTS = (Layout("folder", "mixed"), Layout("parquet", "shards", ("--no-files",)))


def measure_share(layout: Layout, workers: int, arguments: argparse.Namespace) -> tuple[list[float], str]:
    """Measure a layout with some workers; return augcli's share of the floor in each round, and a row."""
    photos, work, files = arguments.photos, arguments.work, arguments.files * workers
    ours = (sys.executable, "-m", "augcli", *CUTMIX, "--workers", str(workers), "--quiet")
    floor = (sys.executable, str(HERE / "floor.py"), "--workers", str(workers), "--processes", *layout.floor)
    programs = [Program("augcli", ours), Program("floor", floor)]
    variants = {"augcli": layout.variant, "floor": "mixed"}
    whole = {name: make_photos(photos, work, kind, files) for name, kind in variants.items()}
    tiny = {name: make_photos(photos, work, kind, TINY_FILES, 2) for name, kind in variants.items()}
    data = Data(whole, tiny, files, TINY_FILES)
    times = time_programs(programs, data, work, arguments.rounds)
    rates = {name: mine.warm_rates(files) for name, mine in times.items()}
    shares = [a / b for a, b in zip(rates["augcli"], rates["floor"], strict=True)]
    cells = [layout.name, str(workers), f"{median(rates['floor']):.0f}", f"{median(rates['augcli']):.0f}"]
    cells += [f"{median(shares):.2f}", f"{min(shares):.2f}–{max(shares):.2f}"]
    return shares, " | ".join(cells)


def list_rows(layout: Layout, counts: list[int], arguments: argparse.Namespace) -> Iterator[str]:
    """Yield a row for each number of workers, its share beside that of two workers."""
    at_two: float | None = None
    for workers in counts:
        say(f"{layout.name}, {workers} workers")
        shares, row = measure_share(layout, workers, arguments)
        at_two = median(shares) if workers == 2 else at_two
        beside = "" if at_two is None else f"{median(shares) / at_two:.2f}"
        yield f"| {row} | {beside} |"


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--workers", default="1,2,4,8,16", help="numbers of workers, by commas")
    parser.add_argument("--files", type=int, default=1500, help="files for each worker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-cores")
    arguments = parser.parse_args()
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts = [count for count in map(int, arguments.workers.split(",")) if count <= cpus]
    print(describe_machine())
    print(f"{arguments.files:,} files for each worker, medians of {arguments.rounds} alternating rounds\n")
    print("| layout | workers | floor, images/s | augcli | share | range | over that of 2 workers |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for layout in LAYOUTS:
        for row in list_rows(layout, counts, arguments):
            print(row, flush=True)


if __name__ == "__main__":
    main()
