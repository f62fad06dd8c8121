"""A long run and one that is killed again and again: equal bytes, flat memory, flat file handles.

    python tests/soak/soak.py --images 100000 --kills 50 --workers 8

Makes small images, turns them into one output undisturbed and into another that is stopped at random
moments by SIGKILL, SIGTERM and SIGINT and started again. Exits 1 where the two differ, where anything is
left that no run writes, or where memory or open files grow while the first one runs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

import numpy as np
import simplejpeg

CLASSES = 10
SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
SETTLED_S, LONGEST_S = 10.0, 3.0
"""How long a run takes before its memory says anything, and how long one is left alone at most."""

GROWTH, SLACK_MIB, SLACK_FILES = 1.15, 20, 8
"""What the last third of a run may hold over the second: a share, and MiB; and files beside."""


def make_images(root: Path, count: int) -> None:
    """Write small JPEGs of noise in class folders."""
    noise = np.random.default_rng(0)
    for number in range(CLASSES):
        (root / f"class{number}").mkdir(parents=True)
    for number in range(count):
        height, width = 24 + number % 17, 24 + number % 23
        pixels = noise.integers(0, 256, (height, width, 3), np.uint8)
        path = root / f"class{number % CLASSES}" / f"{number}.jpg"
        path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=80))


def start(src: Path, dst: Path, options: list[str]) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    command = [sys.executable, "-m", "augcli", "cutmix", "--quiet", *options, str(src), str(dst)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def look(group: int) -> tuple[float, int]:
    """Give the proportional memory in MiB and the open files of all processes of a group."""
    memory, files = 0.0, 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getpgid(int(entry.name)) != group:
                continue
            lines = (entry / "smaps_rollup").read_text().splitlines()
            memory += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
            files += len(list((entry / "fd").iterdir()))
        except OSError:  # it has just ended
            continue
    return memory, files


def run_undisturbed(src: Path, dst: Path, options: list[str]) -> tuple[float, bool]:
    """Run once, watching; gives its seconds, and whether it succeeded and held no more and more."""
    process, seen, begun = start(src, dst, options), [], time.monotonic()
    while process.poll() is None:
        seen.append(look(process.pid))
        time.sleep(0.25)
    seconds = time.monotonic() - begun
    if process.returncode:
        print(f"the undisturbed run failed: {process.communicate()[1]}")
        return seconds, False
    if seconds < SETTLED_S:
        print(f"undisturbed: {seconds:.0f} s, too short to say anything of memory")
        return seconds, True
    third = len(seen) // 3
    parts = seen[third : 2 * third], seen[2 * third :]
    (memory, files), (memory_then, files_then) = (map(median, zip(*part, strict=True)) for part in parts)
    then = f"{memory_then:.0f} MiB and {files_then:.0f} open files"
    most = max(one for one, _ in seen)
    print(f"undisturbed: {seconds:.0f} s, at most {most:.0f} MiB; in the second third {memory:.0f} MiB and")
    print(f"{files:.0f} open files, in the last {then}")
    return seconds, memory_then <= memory * GROWTH + SLACK_MIB and files_then <= files + SLACK_FILES


def run_with_kills(
    src: Path, dst: Path, options: list[str], kills: int, longest: float, chance: random.Random
) -> bool:
    """Stop so many runs at random moments, then let one end; gives whether all went well."""
    stopped: Counter[str] = Counter()
    completed = 0
    while stopped.total() < kills:
        process = start(src, dst, options)
        time.sleep(chance.uniform(0.1, longest))
        number = chance.choice(list(SIGNALS))
        if process.poll() is None:
            process.send_signal(number)
        _, said = process.communicate()
        if process.returncode == 0:
            completed += 1
            shutil.rmtree(dst)  # begun anew
        elif process.returncode == SIGNALS[number]:
            stopped[number.name] += 1
        elif process.returncode != -number:  # else it had not begun to listen
            print(f"{number.name} ended in {process.returncode}: {said}")
            return False
    process = start(src, dst, options)
    _, said = process.communicate()
    print(f"stopped by {dict(stopped)}, {completed} times complete before; exit {process.returncode} {said}")
    return process.returncode == 0


def digest(root: Path) -> dict[str, str]:
    """Give the digest of every file below a directory but caches, by its path."""
    files = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".seen")
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> int:
    """Make the images, run, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--format", choices=("folder", "parquet"), default="folder")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--work", type=Path, help="where to write; a temporary directory by default")
    given = parser.parse_args()
    print(f"{given.images} images, {given.kills} kills, {given.workers} workers, --seed {given.seed}")
    options = ["--workers", str(given.workers), "--format", given.format]
    with tempfile.TemporaryDirectory(dir=given.work) as directory:
        src, whole, cut = (Path(directory) / name for name in ("src", "whole", "cut"))
        make_images(src, given.images)
        seconds, is_flat = run_undisturbed(src, whole, options)
        longest, chance = min(seconds, LONGEST_S), random.Random(given.seed)
        is_complete = run_with_kills(src, cut, options, given.kills, longest, chance)
        one, other = digest(whole), digest(cut)
        differing = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        print(f"{len(one)} files, {len(differing)} differ {differing[:5]}")
    verdict = is_flat and is_complete and not differing
    print("all is well" if verdict else "NOT WELL")
    return 0 if verdict else 1


if __name__ == "__main__":
    sys.exit(main())
