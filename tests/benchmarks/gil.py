"""Measure how much of a run the interpreter's lock is held, by sampling (needs py-spy).

    python tests/benchmarks/gil.py --photos DIR

On folders each worker is a process with a lock of its own, so the share is per worker; on shards workers
are threads of one process and share one.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import CUTMIX, WORKERS
from photos import SAMPLE_PHOTOS, make_photos

RATE = 250
START_UP_S = 1.5


def sample(command: list[str], record: Path) -> int:
    """Run a command under py-spy and count the samples in which a thread held a lock, start-up left out."""
    options = ["--gil", "--subprocesses", "--nonblocking", "--rate", str(RATE), "--format", "raw"]
    subprocess.run(["py-spy", "record", *options, "--output", str(record), "--", *command], check=True,
                   capture_output=True)  # fmt: skip
    lines = record.read_text().splitlines()
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines if "(augcli/pipeline/worker/execute.py" in line)


def main() -> None:
    """Print the share for both forms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-bench")
    arguments = parser.parse_args()
    if not shutil.which("py-spy"):
        print("py-spy is not installed, the lock is not measured; run: pip install py-spy")
        return
    command = [sys.executable, "-m", "augcli", *CUTMIX, "--workers", str(WORKERS), "--quiet"]
    target = arguments.work / "out"
    print("| photos | lock held by workers, of the time and per worker |\n|---|---:|")
    for variant in ("mixed", "shards"):
        source = make_photos(arguments.photos, arguments.work, variant, 10_000)
        shutil.rmtree(target, ignore_errors=True)
        started = time.perf_counter()
        held = sample([*command, str(source), str(target)], arguments.work / "gil.txt")
        seconds = time.perf_counter() - started - START_UP_S
        print(f"| {variant} | {held / RATE / seconds / WORKERS:.1%} |", flush=True)
    shutil.rmtree(target)


if __name__ == "__main__":
    main()
