"""The CPUs and the memory of this machine: how many workers they are for."""

from __future__ import annotations

import os
import re
from pathlib import Path

from augcli.io.store.places import read_text

CONTROL_GROUP = Path("/sys/fs/cgroup")
RAM = Path("/proc/meminfo")

FILES_BYTES, ROWS_BYTES = 200 << 20, 600 << 20
"""What a worker takes with files, and with rows of shards. Measured: 45 MiB with files of 400×533 pixels,
with rows from 110 to 210 MiB (row groups of 5 MiB) and 570 (row groups of 100 MiB)."""


def count_workers(of_rows: bool = False, group: Path = CONTROL_GROUP, ram: Path = RAM) -> int:
    """Count the workers that this process may have: one for each CPU, as far as there is memory for them.

    Args:
        of_rows: Whether they read rows of shards, which takes more memory.
        group: The control group, which bounds CPUs and memory.
        ram: What the system says of its memory.
    """
    quota, memory = read_quota(group), read_memory(group, ram)
    bounds = [count_cpus()]
    bounds += [] if quota is None else [quota]
    bounds += [] if memory is None else [memory // (ROWS_BYTES if of_rows else FILES_BYTES)]
    return max(1, min(bounds))


def count_cpus() -> int:
    """Count the CPUs of this process's affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_quota(root: Path = CONTROL_GROUP) -> int | None:
    """Return the CPU quota of this process's control group (version 2 or 1), rounded up, or None."""
    quota, period = [*(read_text(root / "cpu.max") or "").split(), "", ""][:2]
    if not period:
        quota = (read_text(root / "cpu/cpu.cfs_quota_us") or "-1").strip()
        period = (read_text(root / "cpu/cpu.cfs_period_us") or "").strip()
    if quota in ("max", "-1") or not period:
        return None
    return -(-int(quota) // int(period))


def read_memory(root: Path = CONTROL_GROUP, ram: Path = RAM) -> int | None:
    """Return the bytes that this process may take; None if they are not known.

    That is what the machine has left, and no more than the limit of the control group (version 2 or 1).
    """
    limits = [read_text(root / name) or "" for name in ("memory.max", "memory/memory.limit_in_bytes")]
    known = [int(limit) for limit in limits if limit.strip().isdigit()]
    if available := re.search(r"^MemAvailable: *(\d+) kB$", read_text(ram) or "", re.MULTILINE):
        known.append(1024 * int(available[1]))
    return min(known, default=None)
