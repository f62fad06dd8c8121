"""Peak memory of a program and its worker processes together (Linux).

The resident size of one process says nothing where several share pages; the proportional set size (PSS),
which counts a shared page once over all, adds up.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

INTERVAL_S = 0.05


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
