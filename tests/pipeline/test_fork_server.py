"""Workers of stores that may not be forked: they come from a fresh process, which knows no `__main__`."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import augcli
from augcli.errors import DecodeError, StorageError
from augcli.io.store.base import WorkerKind
from augcli.io.store.local import LocalStore
from augcli.ops.cutmix import CutMix
from augcli.pipeline import workplace
from augcli.pipeline.engines import local
from augcli.pipeline.engines.fork_server import ForkServer
from augcli.pipeline.engines.local import LocalEngine, do_nothing, find_worker_kind
from augcli.recipe import single

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes are used on Linux only")

HANGS_S = 120
"""Seconds after which a process hangs: a failure, not a wait. Alone it takes two."""


def run_fresh(tasks, workers=2):
    """What Python texts give in workers of a fork server."""
    return list(LocalEngine(workers, WorkerKind.FRESH).run(eval, tasks))


class Unforkable(LocalStore):
    """A local store that says it may not be used by processes that are forked."""

    __slots__ = ()
    worker_kind = WorkerKind.FRESH


@pytest.mark.parametrize(
    ("stores", "forks", "worker_kind"),
    [
        ([LocalStore("a"), LocalStore("b")], True, WorkerKind.FORKED),
        ([LocalStore("a"), Unforkable("b")], True, WorkerKind.FRESH),
        ([Unforkable("a"), LocalStore("b")], True, WorkerKind.FRESH),
        ([LocalStore("a")], False, WorkerKind.THREADS),
        ([Unforkable("a")], False, WorkerKind.THREADS),
    ],
)
def test_one_store_that_may_not_be_forked_decides(stores, forks, worker_kind):
    assert find_worker_kind(stores, forks) is worker_kind


@pytest.mark.slow
def test_what_fails_as_a_fresh_process_prepares_is_raised_with_its_own_words():
    engine = LocalEngine(2, WorkerKind.FRESH, partial(int, "no number"))
    with pytest.raises(ValueError, match=r"invalid literal for int.* 'no number'"):
        list(engine.run(eval, ["1", "2", "3"]))


def test_elsewhere_than_on_linux_workers_are_threads(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert find_worker_kind([LocalStore("a")]) is WorkerKind.THREADS


@pytest.mark.slow
def test_workers_are_processes_of_a_fresh_one_and_results_come_in_order():
    me = os.getpid()
    tasks = [
        f"({number}, __import__('os').getpid(), __import__('time').sleep({number % 3} / 100))"
        for number in range(20)
    ]
    found = run_fresh(tasks)
    assert [number for number, _, _ in found] == list(range(20))
    assert len({pid for _, pid, _ in found} | {me}) == 3
    parents = set(run_fresh(["__import__('os').getppid()"] * 20))
    assert len(parents) == 1
    assert me not in parents


@pytest.mark.slow
def test_an_error_of_a_task_comes_whole_with_where_it_was_raised():
    code = "(_ for _ in ()).throw(__import__('augcli.errors', fromlist=['x']).DecodeError('bad', 'pixels'))"
    with pytest.raises(DecodeError, match=r"^bad: pixels$") as raised:
        run_fresh([code] * 2)
    assert 'File "<string>"' in str(raised.value.__cause__)


@pytest.mark.slow
def test_an_error_that_cannot_be_pickled_is_told_in_words():
    code = "(_ for _ in ()).throw(type('Odd', (Exception,), {})('words'))"
    with pytest.raises(RuntimeError, match=r"^Odd: words$"):
        run_fresh([code] * 2)


@pytest.mark.slow
def test_a_worker_that_dies_is_a_fault_of_the_machine_and_nobody_waits_for_the_others(within):
    tasks = ["__import__('os').kill(__import__('os').getpid(), 9)", *["__import__('time').sleep(600)"] * 9]
    with within(HANGS_S), pytest.raises(StorageError, match="a worker process died"):
        run_fresh(tasks)


@pytest.mark.slow
def test_workers_ignore_what_stops_their_parent():
    ends = "[__import__('os').kill(__import__('os').getpid(), number) for number in (2, 15)]"
    assert run_fresh([ends] * 4) == [[None, None]] * 4


ENDLESS = """
from augcli.io.store.base import WorkerKind
from augcli.pipeline.engines.local import LocalEngine
code = "[__import__('os').write(1, b'%7d' % __import__('os').getpid()), __import__('time').sleep(600)]"
list(LocalEngine(2, WorkerKind.FRESH).run(eval, [code] * 2))
"""


def is_alive(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or read
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_workers_die_with_their_parent():
    parent = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True)
    workers = [int(parent.stdout.read(7)) for _ in range(2)]
    assert all(map(is_alive, workers))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + HANGS_S
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_alive, workers))


# --- whole runs ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_a_run_gives_the_tree_of_one_whose_workers_are_forked(photos, tmp_path, tree, monkeypatch, layout):
    photos = shutil.copytree(photos, tmp_path / "photos")
    recipe = single(CutMix(alpha=1.0), copies=2, format=layout)
    augcli.materialize(photos, tmp_path / "forked", recipe, workers=2)
    begun = []

    class Seen(ForkServer):
        def __init__(self, workers, prepare):
            begun.append(workers)
            super().__init__(workers, prepare)

    monkeypatch.setattr(workplace, "find_worker_kind", lambda *_: WorkerKind.FRESH)
    monkeypatch.setattr(local, "ForkServer", Seen)
    augcli.materialize(photos, tmp_path / "fresh", recipe, workers=2)
    assert begun == [2]
    assert tree(tmp_path / "fresh") == tree(tmp_path / "forked")
    for path in photos.rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    assert augcli.materialize(photos, tmp_path / "fresh", recipe, workers=2).chunks_compared == 1
    assert augcli.verify(tmp_path / "fresh", against=photos).differences == ()


SCRIPT = """
import sys
import augcli
from augcli.io.store.base import WorkerKind
from augcli.pipeline import workplace
print("begun")
workplace.find_worker_kind = lambda *_: WorkerKind.FRESH
augcli.materialize({src!r}, {dst!r}, {{"op": [{{"kind": "cutmix"}}]}}, workers=2)
assert "multiprocessing.forkserver" not in sys.modules
print("ended")
"""
CELL = """
import asyncio
async def run_cell():
    exec(compile({code!r}, "<cell>", "exec"), {{"__name__": "__main__"}})
asyncio.run(run_cell())
"""
WAYS = ["script", "-", "-c", "notebook"]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_no_guard_is_needed(make_folder, tmp_path, tree, way):
    src, script = make_folder({"cat": 30, "dog": 30}), tmp_path / "script.py"
    code = SCRIPT.format(src=str(src), dst=str(tmp_path / "fresh"))
    if way == "notebook":  # where `__main__` has no file, and a loop runs
        code = CELL.format(code=code)
    script.write_text(code)
    arguments = {"script": [script], "-": ["-"], "-c": ["-c", code], "notebook": ["-c", code]}[way]
    done = subprocess.run(
        [sys.executable, *arguments],
        input=code if way == "-" else "",
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\nended\n", "")
    augcli.materialize(src, tmp_path / "plain", {"op": [{"kind": "cutmix"}]}, workers=1)
    assert tree(tmp_path / "fresh") == tree(tmp_path / "plain")


@pytest.mark.slow
def test_a_server_that_cannot_begin_is_a_fault_of_the_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="cannot begin worker processes"):
        ForkServer(2, do_nothing)


def test_connections_that_cannot_be_opened_are_a_fault_of_the_machine(monkeypatch):
    real, opened = socket.socketpair, []

    def socketpair():
        if len(opened) == 4:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        pair = real()
        opened.extend(end.fileno() for end in pair)
        return pair

    monkeypatch.setattr(socket, "socketpair", socketpair)
    with pytest.raises(StorageError, match=r"cannot begin worker processes: .*Too many open files"):
        ForkServer(3, do_nothing)
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


UNFORKABLE = """
import os
real, forked = os.fork, []
def fork():
    if forked:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    forked.append(real())
    return forked[0]
os.fork = fork
"""


@pytest.mark.slow
def test_workers_that_cannot_all_be_forked_are_a_fault_of_the_machine(within, capfd):
    engine = LocalEngine(3, WorkerKind.FRESH, partial(exec, UNFORKABLE, {}))
    words = r"^cannot begin worker processes: .*unavailable; free memory or give fewer workers$"
    with within(HANGS_S), pytest.raises(StorageError, match=words):
        list(engine.run(eval, ["1"] * 9))
    assert capfd.readouterr().err == ""
