"""Fuzz everything that reads a file: `python tests/fuzz/fuzz.py --seconds 60 [--target NAME] [--seed N]`.

Hypothesis damages sound files; each must give sane values or an error of augcli's own kinds, in bounded
time and memory. The examples run in a child process, so that one that kills it leaves its bytes behind.
What is found is shrunk and kept below `found/<target>/`, where `test_found.py` replays it for ever.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import itertools
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from targets import TARGETS, Broken, Target

import augcli

FOUND = Path(__file__).parent / "found"
PACKAGE = f"{Path(augcli.__file__).parent}{os.sep}"
EXAMPLES = 2000
"""Of one round; what was found in one is passed over in the next."""

CPU_SECONDS = 10
WALL_SECONDS = 60
"""What one example may take. The machine may be busy with others', so the second is only for deadlocks."""

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where examples lie while they are tried: on a disk that would take as long as the checks."""

HARNESS_FAILED = 99
"""Exit code of a child in which something else than a check raised."""

ADDRESS_BYTES = 3 << 30
"""What a child may have allocated at once, on top of what it starts with; beyond that is a MemoryError."""


class TimeIsUp(KeyboardInterrupt):
    """Ends a round; hypothesis lets a KeyboardInterrupt through."""


@dataclass
class Report:
    """What fuzzing a target gave: examples, how many of them were taken, and faults.

    `finds` holds by the fault's name the smallest bytes that show it, `words` what was said then.
    """

    examples: int = 0
    taken: int = 0
    finds: dict[str, bytes] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, fault: str, data: bytes, words: str) -> None:
        """Keep a find where it is new or smaller."""
        if fault not in self.finds or (len(data), data) < (len(self.finds[fault]), self.finds[fault]):
            self.finds[fault], self.words[fault] = data, words


def try_out(target: Target, data: bytes) -> tuple[str, str] | bool:
    """Check one file; gives a fault's name and the traceback, or where all is well whether it was taken."""
    before = _reset_peak()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as the command line does
            taken = target.check(data)
    except Exception as error:  # noqa: BLE001 - any exception is a find
        return name_fault(error), traceback.format_exc()
    if before is not None and _memory("VmHWM") - before > target.memory:
        return "too-much-memory", f"more than {target.memory >> 20} MiB for {len(data)} bytes"
    return taken


def name_fault(error: Exception) -> str:
    """Name a fault by its kind and the innermost function of augcli, which outlive a change of lines."""
    if isinstance(error, Broken):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(PACKAGE)] or frames
    return f"{type(error).__name__}-{Path(own[-1].filename).stem}-{own[-1].name.strip('<>_')}"


def explore(
    target: Target, seed: int | None, examples: int, until: float, known: frozenset[str], beside: Beside
) -> None:
    """Try damaged files of a target in this process, round by round until the time is over.

    Args:
        target: What is fuzzed.
        seed: Of hypothesis; None takes the same examples every time, and ends where they show nothing new.
        examples: How many a round tries.
        until: `time.monotonic()` at which it ends.
        known: Faults that are passed over; each round passes over those of the ones before as well.
        beside: Where the parent sees what is being tried and what was found.
    """
    passed_over, found = set(known), set[str]()
    for number in itertools.count():

        def test(data: bytes) -> None:
            if time.monotonic() > until:
                raise TimeIsUp
            beside.begin(data)
            outcome = try_out(target, data)
            beside.end(outcome is True)
            if isinstance(outcome, tuple) and outcome[0] not in passed_over:
                beside.tell(*outcome, data)
                found.add(outcome[0])
                raise AssertionError(outcome[0])

        run = _BOUNDS(max_examples=examples, derandomize=seed is None)(given(target.damaged())(test))
        # Whatever hypothesis says of a find, that it shrank it or did not see it again: it has been told.
        with suppress(AssertionError, ExceptionGroup):
            try:
                (run if seed is None else seeded(seed + number)(run))()
            except TimeIsUp:
                return
        if seed is None and found <= passed_over:
            return
        passed_over.update(found)


_BOUNDS = partial(
    settings,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


class Beside:
    """What a child leaves on the disk for its parent: the example being tried, and finds."""

    def __init__(self, directory: str) -> None:
        self._root = Path(directory)
        self.current, self.trace = self._root / "current", self._root / "trace"
        self._examples = multiprocessing.Value("q", 0, lock=False)
        self._taken = multiprocessing.Value("q", 0, lock=False)
        self._begun = multiprocessing.Value("d", 0.0, lock=False)

    def begin(self, data: bytes) -> None:
        """Say that an example is being tried; more of the CPU's time than it may take ends the process."""
        self.current.write_bytes(data)
        self._begun.value = time.monotonic()
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)

    def end(self, is_taken: bool) -> None:
        """Say that it was, and whether it was taken."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._begun.value = 0.0
        self._examples.value += 1
        self._taken.value += is_taken

    def tell(self, fault: str, words: str, data: bytes) -> None:
        """Leave a find."""
        digest = hashlib.blake2b(data, digest_size=8).hexdigest()
        (self._root / f"{digest}.words").write_text(f"{fault}\n{words}", errors="backslashreplace")
        (self._root / f"{digest}.find").write_bytes(data)

    def is_stuck(self) -> bool:
        """Whether an example takes far too long."""
        begun = self._begun.value
        return begun > 0 and time.monotonic() - begun > WALL_SECONDS

    def collect(self, report: Report) -> None:
        """Add what came of the examples to a report."""
        report.examples += self._examples.value
        report.taken += self._taken.value
        for path in self._root.glob("*.find"):
            fault, words = path.with_suffix(".words").read_text().split("\n", 1)
            report.add(fault, path.read_bytes(), words)


def run_in_child(work: Callable[[Beside], None], report: Report) -> None:
    """Run examples in a child process; where it dies, that is a find as well."""
    with tempfile.TemporaryDirectory(prefix="augcli-fuzz-", dir=MEMORY) as directory:
        beside = Beside(directory)
        child = multiprocessing.get_context("fork").Process(target=_be_child, args=(work, beside, directory))
        child.start()
        while child.is_alive() and not beside.is_stuck():
            child.join(0.1)
        stuck = child.is_alive()
        if stuck:
            child.kill()
            child.join()
        beside.collect(report)
        if child.exitcode == HARNESS_FAILED:
            raise RuntimeError(f"the harness itself failed:\n{beside.trace.read_text()}")
        if child.exitcode != 0:
            trace = beside.trace.read_text() if beside.trace.exists() else ""
            end = "stuck" if stuck else _name_exit(child.exitcode)
            data = beside.current.read_bytes() if beside.current.exists() else b""
            place = re.search(rf'"{re.escape(PACKAGE)}.*?(\w+)\.py", line \d+ in (\w+)', trace)
            name = f"{end}-{place[1]}-{place[2].strip('_')}" if place else end
            report.add(name, data, trace)


def _be_child(work: Callable[[Beside], None], beside: Beside, directory: str) -> None:
    tempfile.tempdir = directory
    trace = beside.trace.open("w")
    faulthandler.enable(trace)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    faulthandler.register(signal.SIGPROF, trace, all_threads=False, chain=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = (_memory("VmSize") or 0) + ADDRESS_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)  # libtiff complains of each damaged file
    try:
        work(beside)
    except BaseException:  # noqa: BLE001 - the parent raises it
        traceback.print_exc(file=trace)
        trace.flush()
        os._exit(HARNESS_FAILED)


def _name_exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit-{code}"
    return "too-slow" if -code == signal.SIGPROF else signal.Signals(-code).name


def replay(target: Target, data: bytes) -> Report:
    """Try one file in a child process."""

    def work(beside: Beside) -> None:
        beside.begin(data)
        outcome = try_out(target, data)
        beside.end(outcome is True)
        if isinstance(outcome, tuple):
            beside.tell(*outcome, data)

    report = Report()
    run_in_child(work, report)
    return report


def fuzz(
    target: Target,
    seed: int | None,
    seconds: float,
    examples: int = EXAMPLES,
    known: frozenset[str] = frozenset(),
) -> Report:
    """Fuzz a target until the time is over; without a seed the same examples every time, once."""
    target.prepare()
    report, until, begun = Report(), time.monotonic() + seconds, 0
    while True:
        first = None if seed is None else seed * 1_000_003 + begun * 1009
        met = len(report.finds)
        run_in_child(partial(explore, target, first, examples, until, known | report.finds.keys()), report)
        # A child that lives has used up the time. One that was killed is followed by another, with other
        # examples if there are others.
        if time.monotonic() > until or (seed is None and len(report.finds) == met):
            return report
        begun += 1


def keep(name: str, report: Report) -> list[Path]:
    """Write what was found below `found/`; a fault that a kept file still shows is not kept twice."""
    target, paths = TARGETS[name], []
    for fault, data in sorted(report.finds.items()):
        digest = hashlib.blake2b(data, digest_size=3).hexdigest()
        path = FOUND / name / f"{fault}-{digest}{target.suffix}"
        older = sorted(path.parent.glob(f"{fault}-??????{target.suffix}"))
        still = [old for old in older if fault in replay(target, old.read_bytes()).finds]
        if not still:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        paths.append(still[0] if still else path)
    return paths


def _memory(what: str) -> int | None:
    """Give a line of this process's status in bytes; None where the system tells none."""
    with suppress(OSError):
        found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) << 10 if found else None
    return None


def _reset_peak() -> int | None:
    """Let the peak of memory count from here; gives what is in use, None where it cannot be measured."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return _memory("VmRSS")
    return None


def main() -> int:
    """Fuzz one target or all; gives 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="repeats a run (default: the clock)"
    )
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    print(f"seed {options.seed}", flush=True)
    is_found = False
    for name in names:
        report = fuzz(TARGETS[name], options.seed, options.seconds / len(names))
        print(
            f"{name}: {report.examples} examples, {report.taken} taken, {len(report.finds)} faults",
            flush=True,
        )
        for fault, path in zip(sorted(report.finds), keep(name, report), strict=True):
            last = report.words[fault].strip().splitlines()[-1:]
            print(f"  {fault}: {path.relative_to(FOUND.parent)}: {''.join(last)[:300]}", flush=True)
            is_found = True
    return int(is_found)


if __name__ == "__main__":
    sys.exit(main())
