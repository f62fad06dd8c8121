"""Processes of this machine, known such that another one can tell whether they are gone."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")
"""Containers of a machine count their processes by themselves, each in its own namespace."""

START_FIELD = 19
"""Which of the words behind its name says when a process began (proc_pid_stat(5)); the first is its state."""

ENDED = ("Z", "X", "x")
"""States of a process that has ended, though its parent may not know yet."""


def identify_process() -> str:
    """Return what tells this process from all others, on all machines; empty where that is not known."""
    machine, words = _identify_machine(), _read_words(os.getpid())
    return f"{machine} {os.getpid()} {words[START_FIELD]}" if machine and words else ""


def is_gone(identity: str) -> bool:
    """True if a process of this machine, as `identify_process` names it, is known to be gone."""
    machine, number, started = ["", "", *identity.rsplit(" ", 2)][-3:]
    if not number.isdecimal() or machine != _identify_machine():
        return False
    words = _read_words(int(number))
    if not words:
        return not _is_hidden(int(number))
    return words[0] in ENDED or words[START_FIELD] != started


def _identify_machine() -> str:
    """Return what tells this machine since it was started, and this container; empty where it is not known.

    The name is among it for systems that give all of their containers the same two numbers.
    """
    with suppress(OSError):
        return f"{BOOT.read_text().strip()} {NAMESPACE.readlink()} {socket.gethostname()}"
    return ""


def _read_words(process: int) -> list[str]:
    """Return what the system says of a process behind its name; nothing if it is gone, or is not shown."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return []


def _is_hidden(process: int) -> bool:
    """True if a process runs, even if nothing more is known: /proc may hide other users' processes."""
    try:
        os.kill(process, 0)  # no signal is sent: only whether there is such a process
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
