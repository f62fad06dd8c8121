"""Measure what a preview costs: `--preview` over `--dry-run` of the same command, which lists the same.

    python tests/benchmarks/preview.py [--work DIR] [--photos DIR] [--files 100000] [--rounds 5]

Ratios are of the CPU time and of the wall time of whole processes; the two alternate, and figures are
medians of the rounds' own ratios.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from photos import make_parser, make_photos

OPERATIONS = ("cutmix", "mixup", "cutout", "patch-cutout", "erase")
VARIANTS = (("mixed", "photos 400 wide"), ("large", "photos of 9 megapixels"))


def measure(command: list[str]) -> tuple[float, float]:
    """Return the CPU time of a command and its processes, and its wall time, in seconds."""
    before, begin = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after, wall = os.times(), time.perf_counter() - begin
    return after.children_user + after.children_system - before.children_user - before.children_system, wall


def compare(images: Path, work: Path, operation: str, rounds: int) -> tuple[float, float]:
    """Return the ratios of CPU time and of wall time."""
    command = [sys.executable, "-m", "augcli", operation, str(images)]
    planned = [*command, str(work / "never-written"), "--dry-run"]
    drawn = [*command, "--preview", str(work / "sheet.png")]
    measure(planned), measure(drawn)  # fills caches
    ratios = []
    for _ in range(rounds):
        plan, sheet = measure(planned), measure(drawn)
        ratios.append((sheet[0] / plan[0], sheet[1] / plan[1]))
    cpu, wall = zip(*ratios, strict=True)
    return median(cpu), median(wall)


def main() -> None:
    """Print a table: CPU time, and wall time in brackets."""
    parser = make_parser(__doc__, files=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    print(f"Six outputs of {given.files} images, CPU time over that of `--dry-run` (wall time):\n")
    print(f"| images | {' | '.join(OPERATIONS)} |\n|---|{'---:|' * len(OPERATIONS)}")
    for variant, name in VARIANTS:
        images = make_photos(given.photos, given.work, variant, given.files)
        figures = (compare(images, given.work, operation, given.rounds) for operation in OPERATIONS)
        print(f"| {name} | {' | '.join(f'{cpu:.2f} ({wall:.2f})' for cpu, wall in figures)} |", flush=True)


if __name__ == "__main__":
    main()
