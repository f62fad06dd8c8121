"""The CPUs of this machine: how many this process may use, and whether it can fork."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from augcli.io.store.places import read_text

CONTROL_GROUP = Path("/sys/fs/cgroup")


def count_workers(group: Path = CONTROL_GROUP) -> int:
    """Count the CPUs that this process may use: its affinity, and the quota of its control group."""
    allowed, quota = count_cpus(), read_quota(group)
    return max(1, min(allowed, quota) if quota else allowed)


def count_cpus() -> int:
    """Count the CPUs of this process's affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_fork() -> bool:
    """Return whether workers can be processes that are forked, which only Linux does well."""
    return sys.platform == "linux"


def read_quota(root: Path = CONTROL_GROUP) -> int | None:
    """Return the CPU quota of this process's control group (version 2 or 1), rounded up; None for none."""
    quota, period = [*(read_text(root / "cpu.max") or "").split(), "", ""][:2]
    if not period:
        quota = (read_text(root / "cpu/cpu.cfs_quota_us") or "-1").strip()
        period = (read_text(root / "cpu/cpu.cfs_period_us") or "").strip()
    if quota in ("max", "-1") or not period:
        return None
    return -(-int(quota) // int(period))
