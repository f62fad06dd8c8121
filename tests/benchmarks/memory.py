"""Measure peak memory of augcli, its worker processes included (Linux).

    python tests/benchmarks/memory.py --photos DIR

The resident size of one process says nothing where several share pages; the proportional set size (PSS),
which counts a shared page once over all, adds up.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cases import CUTMIX, WORKERS
from photos import SAMPLE_PHOTOS, make_photos

INTERVAL_S = 0.05
CASES = (("mixed", 1000), ("mixed", 50_000), ("shards", 10_000))


def measure_peak(command: list[str]) -> float:
    """Run a command and give the largest PSS in MiB that it and its children had together, by sampling."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        family = [str(process.pid), *_read(f"/proc/{process.pid}/task/{process.pid}/children").split()]
        peak = max(peak, sum(_pss_kib(pid) for pid in family))
        time.sleep(INTERVAL_S)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode} from {' '.join(command)}")
    return peak / 1024


def _pss_kib(pid: str) -> int:
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # the process has just ended
        return ""


def main() -> None:
    """Print the peaks of both forms, by the number of photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-bench")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "augcli", *CUTMIX, "--workers", str(WORKERS), "--quiet"]
    target = arguments.work / "out"
    print("| photos | peak memory (PSS), median |\n|---|---:|")
    for variant, files in CASES:
        source, peaks = make_photos(arguments.photos, arguments.work, variant, files), []
        for _ in range(arguments.rounds):
            shutil.rmtree(target, ignore_errors=True)
            peaks.append(measure_peak([*command, str(source), str(target)]))
        print(f"| {variant}, {files:,} | {median(peaks):.0f} MiB |", flush=True)
    shutil.rmtree(target)


if __name__ == "__main__":
    main()
