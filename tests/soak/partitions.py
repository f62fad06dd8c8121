"""Partitions that begin at the same moment, one of them killed and begun again: equal bytes after the merge.

    python tests/soak/partitions.py --rounds 20 --images 4000 --partitions 4

Each round begins all partitions of a new output at once, and one of them twice; kills one by SIGKILL at a
random moment; runs that again with the same command; merges; and compares with one undisturbed run. Exits 1
where anything differs, or any other partition fails.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from soak import digest, make_images


def call(*words: object) -> subprocess.Popen[str]:
    """Start the program in a process group of its own."""
    command = [sys.executable, "-m", "augcli", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def end(process: subprocess.Popen[str], expected: tuple[int, ...] = (0,)) -> bool:
    """Wait for a process; gives whether it ended as expected, and prints what it said if not."""
    _, said = process.communicate()
    if process.returncode not in expected:
        print(f"{' '.join(process.args[3:])}: exit {process.returncode}: {said}")
    return process.returncode in expected


def run_round(
    src: Path, dst: Path, count: int, longest: float, options: list[str], chance: random.Random
) -> bool:
    """Begin all partitions, kill one, run it again, and merge; gives whether all went well."""

    def begin(index: int) -> subprocess.Popen[str]:
        return call("cutmix", "--quiet", *options, "--partition", f"{index}/{count}", src, dst)

    victim, twin = chance.randrange(count), chance.randrange(count)
    processes = [begin(index) for index in range(count)]
    second = begin(twin)
    time.sleep(chance.uniform(0.1, longest))
    processes[victim].send_signal(signal.SIGKILL)
    was_killed = processes[victim].wait() == -signal.SIGKILL
    again = begin(victim)
    fine = [end(process, (0, -signal.SIGKILL)) for process in [*processes, second, again]]
    print(f"partition {victim} {'killed' if was_killed else 'had ended'}, {twin} twice", flush=True)
    return all(fine) and end(call("merge", "--quiet", dst))


def main() -> int:
    """Make the images, run, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--format", choices=("folder", "parquet", "webdataset"), default="folder")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--work", type=Path, help="where to write; a temporary directory by default")
    given = parser.parse_args()
    print(
        f"{given.rounds} rounds of {given.partitions} partitions, {given.images} images, --seed {given.seed}"
    )
    options, chance = ["--workers", "1", "--copies", "3", "--format", given.format], random.Random(given.seed)
    unequal = []
    with tempfile.TemporaryDirectory(dir=given.work) as directory:
        src, whole, dst = (Path(directory) / name for name in ("src", "whole", "dst"))
        make_images(src, given.images)
        begun = time.monotonic()
        if not end(call("cutmix", "--quiet", *options, src, whole)):
            return 1
        longest, expected = time.monotonic() - begun, digest(whole)
        for number in range(given.rounds):
            if not run_round(src, dst, given.partitions, longest, options, chance) or digest(dst) != expected:
                unequal.append(number)
            shutil.rmtree(dst, ignore_errors=True)
    print(f"{given.rounds} rounds, {len(unequal)} differ {unequal[:5]}")
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
