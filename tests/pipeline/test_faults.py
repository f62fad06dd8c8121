"""Faults of the machine: what was committed stays, and the next run completes it to the same bytes."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import augcli
from augcli.errors import OutputError, StorageError
from augcli.io.store import lease, local, local_files, places, walk
from augcli.io.store.local import LocalStore
from augcli.ops.cutmix import CutMix
from augcli.pipeline import run
from augcli.recipe import single

pytestmark = pytest.mark.slow
IMAGE, PART, TABLE = r"\.jpg|\.png", r"\.augcli-[^/]*\.parquet", "metadata|labels"


CALLS = (
    *("open", "read", "write", "fstat", "fsync", "replace", "link"),
    *("unlink", "rmdir", "makedirs", "scandir", "stat"),
)
STORE = (local, local_files, walk, lease, places)
"""Every call that touches a file or directory stands in one of these modules."""


@dataclass
class Fault:
    """From its `first` matching call on, a call on a path fails, or does something before it goes on.

    Attributes:
        call: Name of the system call.
        path: Regular expression that the path holds.
        code: The errno that is raised; None where `act` is called instead.
        first: Which matching call is the first to fail; they are counted in each process.
        act: Called with the path.
    """

    call: str
    path: str
    code: int | None = None
    first: int = 1
    act: Callable[[str], None] | None = None
    met: int = 0

    def strike(self, call: str, path: str) -> None:
        """Fail if it is time to."""
        if call != self.call or not re.search(self.path, path):
            return
        self.met += 1
        if self.met >= self.first:
            if self.act:
                self.act(path)
            if self.code is not None:
                raise OSError(self.code, os.strerror(self.code), path)


@dataclass
class FaultyOs:
    """Stands in for the module `os`; descriptors are known by the path that they were opened with."""

    fault: Fault
    paths: dict[int, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(first: Any, *rest: Any, **options: Any) -> Any:
            path = self.paths.get(first, "") if isinstance(first, int) else os.fspath(first)
            self.fault.strike(name, path)
            result = real(first, *rest, **options)
            if name == "open":
                self.paths[result] = path
            return result

        return call


@pytest.fixture(scope="module")
def complete(write_folder, limit_for, tmp_path_factory):
    """`src` and `dst`, an output that nothing went wrong with; tests change copies."""
    root = tmp_path_factory.mktemp("complete")
    with pytest.MonkeyPatch.context() as patch:
        limit_for(patch, chunk_outputs=8)
        src = write_folder(root / "src", {"cat": 20, "dog": 20})
        augcli.materialize(src, root / "dst", single(CutMix()))
    return root


@pytest.fixture
def src(complete, tmp_path, limit):
    limit(chunk_outputs=8)
    return shutil.copytree(complete / "src", tmp_path / "src")


@pytest.fixture
def dst(complete, tmp_path):
    """A complete output of `src`."""
    return shutil.copytree(complete / "dst", tmp_path / "dst")


@pytest.fixture
def fail(monkeypatch):
    """Let system calls fail until the test ends or `mend` is called."""

    class Failing:
        def __call__(self, fault):
            faulty = FaultyOs(fault)
            for module in STORE:
                monkeypatch.setattr(module, "os", faulty)

        def mend(self):
            for module in STORE:
                monkeypatch.setattr(module, "os", os)

    return Failing()


def committed(dst, tree):
    """Outputs of all chunks with a part file, and these; not what a killed worker left unfinished."""
    parts = sorted(dst.glob(".augcli-*.parquet"))
    outputs = {name for part in parts for name in pq.read_table(part).column("file_name").to_pylist()}
    kept = outputs.union(part.name for part in parts)
    return {name: data for name, data in tree(dst).items() if name in kept}


WRITES = {
    "no space for an image": Fault("write", IMAGE, errno.ENOSPC, 20),
    "an image cannot be written": Fault("write", IMAGE, errno.EIO, 20),
    "no directory can be written to": Fault("open", r"\.part$", errno.EROFS),
    "an image cannot be opened": Fault("open", rf"dst.*({IMAGE})", errno.EACCES, 20),
    "an image cannot be renamed": Fault("replace", IMAGE, errno.EIO, 20),
    "no space when a part file is synced": Fault("fsync", PART, errno.ENOSPC, 3),
    "a part file cannot be renamed": Fault("replace", PART, errno.EIO, 3),
    "the directory cannot be synced": Fault("fsync", r"dst$", errno.EIO, 3),
    "no space for a table": Fault("replace", TABLE, errno.ENOSPC),
    "no space for the mark": Fault("link", "_SUCCESS", errno.ENOSPC),
    "no space for the recipe": Fault("link", r"augcli\.json", errno.ENOSPC),
    "no directory for a class": Fault("makedirs", "dst/(cat|dog)", errno.EACCES),
    "the lock cannot be taken": Fault("open", r"\.augcli\.lock", errno.EACCES),
}
AT_ONCE = {
    *("no directory can be written to", "no space for the recipe", "no directory for a class"),
    "the lock cannot be taken",
}
"""Those of `WRITES` that strike before a first chunk is committed."""


@pytest.mark.parametrize(
    ("name", "workers"), [*((name, 1) for name in WRITES), ("an image cannot be written", 2)]
)
def test_a_write_that_fails_leaves_committed_chunks_and_is_resumed(
    src, complete, tmp_path, tree, fail, name, workers
):
    dst, fault = tmp_path / "dst", WRITES[name]
    fail(Fault(fault.call, fault.path, fault.code, fault.first))
    with pytest.raises(StorageError, match=rf"cannot (write|make) .*{os.strerror(fault.code)}.*run again"):
        augcli.materialize(src, dst, single(CutMix()), workers=workers)
    before = committed(dst, tree)
    if workers == 1:
        assert bool(before) is (name not in AT_ONCE)
    assert not (dst / "_SUCCESS").exists()
    fail.mend()
    augcli.materialize(src, dst, single(CutMix()), workers=workers)
    after = tree(dst)
    assert after == tree(complete / "dst")
    assert before.items() <= after.items()


def test_the_mark_of_a_complete_output_goes_before_anything_is_changed(src, dst, fail):
    shutil.copy(src / "cat" / "1.png", src / "dog" / "added.png")
    fail(Fault("write", IMAGE, errno.ENOSPC))
    with pytest.raises(StorageError):
        augcli.materialize(src, dst, single(CutMix()))
    assert not (dst / "_SUCCESS").exists()


LOOKS = {
    "DST cannot be listed": (Fault("scandir", "dst$", errno.EIO), "list"),
    "a class folder cannot be listed": (Fault("scandir", "dst/cat", errno.EACCES), "list"),
    "the recipe cannot be read": (Fault("read", r"augcli\.json", errno.EIO), "read"),
    "a part file cannot be opened": (Fault("open", PART, errno.EACCES, 2), "read"),
    "a part file cannot be read": (Fault("read", PART, errno.EIO, 3), "read"),
    "the mark cannot be removed": (Fault("unlink", "_SUCCESS", errno.EROFS), "remove"),
    "an outdated part file cannot be removed": (Fault("unlink", PART, errno.EPERM), "remove"),
    "an outdated image cannot be removed": (Fault("unlink", IMAGE, errno.EPERM), "remove"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_an_output_that_cannot_be_looked_at_or_cleared_is_a_fault_and_resumed(
    src, tmp_path, tree, fail, name
):
    dst, (fault, doing) = tmp_path / "dst", LOOKS[name]
    augcli.materialize(src, dst, single(CutMix()))
    (src / "cat" / "3.png").unlink()
    fail(Fault(fault.call, fault.path, fault.code, fault.first))
    with pytest.raises(StorageError, match=rf"cannot {doing} .*{os.strerror(fault.code)}.*run again"):
        augcli.materialize(src, dst, single(CutMix()), workers=1)
    fail.mend()
    augcli.materialize(src, dst, single(CutMix()))
    augcli.materialize(src, tmp_path / "fresh", single(CutMix()))
    assert tree(dst) == tree(tmp_path / "fresh")


def test_a_failure_that_was_mended_leaves_no_list_of_failures(src, tmp_path, tree):
    (src / "dog" / "bad.png").write_bytes(b"no image")
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    assert (tmp_path / "dst" / "failures.jsonl").exists()
    shutil.copy(src / "cat" / "1.png", src / "dog" / "bad.png")
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    augcli.materialize(src, tmp_path / "fresh", single(CutMix()))
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def test_a_full_disk_stops_parquet_shards_likewise(src, tmp_path, tree, fail):
    recipe = single(CutMix(), format="parquet")
    fail(Fault("fsync", "train-", errno.ENOSPC, 3))
    with pytest.raises(StorageError, match=r"cannot write .*No space left"):
        augcli.materialize(src, tmp_path / "dst", recipe)
    assert len(list((tmp_path / "dst" / "data").glob("*.parquet"))) == 2
    fail.mend()
    augcli.materialize(src, tmp_path / "dst", recipe)
    augcli.materialize(src, tmp_path / "fresh", recipe)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


def lengthen(path):
    with open(path, "ab") as file:
        file.write(b"more")


def touch(path):
    os.utime(path, ns=(1, 1))


def cut(path):
    os.truncate(path, 10)


READS = {
    "it cannot be read": (Fault("read", "src.*cat/7", errno.EIO), "Input/output error"),
    "it cannot be opened": (Fault("open", "src.*cat/7", errno.EACCES), "Permission denied"),
    "it is gone": (Fault("open", "src.*cat/7", act=os.unlink), "No such file"),
    "it is longer than listed": (Fault("open", "src.*cat/7", act=lengthen), "changed since it was listed"),
    "it is shorter than listed": (Fault("open", "src.*cat/7", act=cut), "changed since it was listed"),
    "it grows while it is read": (Fault("read", "src.*cat/7", act=lengthen), "changed since it was listed"),
    "it shrinks while it is read": (Fault("read", "src.*cat/7", act=cut), "changed since it was listed"),
    "it was written again": (Fault("open", "src.*cat/7", act=touch), "changed since it was listed"),
}


@pytest.mark.parametrize("name", READS)
def test_a_source_that_cannot_be_read_as_listed_is_no_failure_of_the_data(src, tmp_path, tree, fail, name):
    fault, says = READS[name]
    fail(Fault(fault.call, fault.path, fault.code, 1, fault.act))
    with pytest.raises(StorageError, match=rf"cat/7.*{says}"):
        augcli.materialize(src, tmp_path / "dst", single(CutMix()), workers=2 if name == "it is gone" else 1)
    assert not (tmp_path / "dst" / "failures.jsonl").exists()
    assert not (tmp_path / "dst" / "_SUCCESS").exists()
    fail.mend()
    summary = augcli.materialize(src, tmp_path / "dst", single(CutMix()), max_errors=1)
    augcli.materialize(src, tmp_path / "fresh", single(CutMix()), max_errors=1)
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    # Only what the file itself now holds counts.
    assert len(summary.failures) == ("shorter" in name or "shrinks" in name)


class FaultyFile(io.RawIOBase):
    """A file that the store opened, whose reads fail from one on."""

    def __init__(self, file, path, fault):
        super().__init__()
        self._file, self._path, self._fault = file, path, fault
        self.seek, self.tell = file.seek, file.tell

    def readable(self):
        return True

    def seekable(self):
        return True

    def read(self, size=-1):
        self._fault.strike("read", self._path)
        return self._file.read(size)


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_a_shard_that_cannot_be_read_is_no_failure_of_the_data(shards, tmp_path, monkeypatch, tree, first):
    """Its footer, or its rows."""
    fault, real = Fault("read", "shards.*parquet", errno.EIO, first), LocalStore.open

    def open_faulty(store, key, *expect):
        return FaultyFile(real(store, key, *expect), store.path(key), fault)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "open", open_faulty)
        with pytest.raises(StorageError, match=r"cannot read '.*parquet': Input/output error"):
            augcli.materialize(shards, tmp_path / "dst", single(CutMix()), workers=1)
    assert fault.met >= first
    assert not (tmp_path / "dst" / "failures.jsonl").exists()
    augcli.materialize(shards, tmp_path / "dst", single(CutMix()))
    augcli.materialize(shards, tmp_path / "fresh", single(CutMix()))
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")


@pytest.mark.parametrize("size", [0, 10])
def test_an_image_that_a_power_loss_cut_short_is_made_again(src, dst, tree, size):
    whole = tree(dst)
    os.truncate(next(dst.glob("cat/*.png")), size)
    summary = augcli.materialize(src, dst, single(CutMix()))
    assert len(summary.chunks_done) == 1
    assert tree(dst) == whole


def test_a_part_file_with_damaged_rows_is_made_again(src, dst, tree):
    whole = tree(dst)
    part = sorted(dst.glob(".augcli-*.parquet"))[0]
    data = bytearray(part.read_bytes())
    data[4:400] = bytes(396)  # the footer, which says what the part commits, stays readable
    part.write_bytes(data)
    augcli.materialize(src, dst, single(CutMix()))
    assert tree(dst) == whole


@pytest.mark.parametrize(
    "name",
    "labels.csv metadata.parquet classes.txt README.md augcli.json failures.jsonl _SUCCESS"
    " .augcli-00.parquet cat/x__cutmix0-0123456789abcdef.png".split(),
)
@pytest.mark.parametrize("attempt", ["", ".0a1b2c3d"])
def test_what_a_killed_run_left_is_removed_by_the_next(src, tmp_path, tree, name, attempt):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, single(CutMix()))
    whole = tree(dst)
    (dst / "_SUCCESS").unlink()
    (dst / f"{name}{attempt}.part").write_bytes(b"half")
    augcli.materialize(src, dst, single(CutMix()))
    assert tree(dst) == whole


def test_a_link_in_the_place_of_a_leftover_is_removed_and_what_it_leads_to_stays(src, tmp_path, tree):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, single(CutMix()))
    whole = tree(dst)
    (dst / "_SUCCESS").unlink()
    (tmp_path / "mine").write_bytes(b"mine")
    for name in ("augcli.json.part", "cat/x__cutmix0-0123456789abcdef.png"):
        (dst / name).symlink_to(tmp_path / "mine")
    augcli.materialize(src, dst, single(CutMix()))
    assert tree(dst) == whole
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_lock_that_a_killed_run_left_over_a_complete_output_is_removed_and_nothing_else(src, tmp_path):
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, single(CutMix()))
    before = {path: path.stat().st_mtime_ns for path in dst.rglob("*") if path.is_file()}
    (dst / ".augcli.lock").touch()
    augcli.materialize(src, dst, single(CutMix()))
    assert {path: path.stat().st_mtime_ns for path in dst.rglob("*") if path.is_file()} == before


def test_what_another_run_did_before_this_one_had_the_lock_is_not_done_again(src, tmp_path, monkeypatch):
    dst, real = tmp_path / "dst", run.locked

    @contextlib.contextmanager
    def wait(path, *shared):
        monkeypatch.setattr(run, "locked", real)
        augcli.materialize(src, dst, single(CutMix()))  # the other one
        with real(path, *shared) as check_held:
            yield check_held

    monkeypatch.setattr(run, "locked", wait)
    summary = augcli.materialize(src, dst, single(CutMix()))
    assert (summary.outputs, summary.outputs_made, summary.chunks_done) == (40, 0, ())


def test_what_another_run_added_before_this_one_had_the_lock_is_not_done_again(src, tmp_path, monkeypatch):
    dst, real = tmp_path / "dst", run.locked
    augcli.materialize(src, dst, single(CutMix()))
    shutil.copy(src / "cat" / "1.png", src / "dog" / "added.png")

    @contextlib.contextmanager
    def wait(store, *shared):
        monkeypatch.setattr(run, "locked", real)
        augcli.materialize(src, dst, single(CutMix()))  # the other one
        with real(store, *shared) as check_held:
            yield check_held

    monkeypatch.setattr(run, "locked", wait)
    summary = augcli.materialize(src, dst, single(CutMix()))
    assert (summary.outputs, summary.outputs_made, summary.chunks_done) == (41, 0, ())


def test_what_another_run_left_before_this_one_had_the_lock_is_taken_up(src, tmp_path, monkeypatch, tree):
    """It was killed: its augcli.json and an unfinished image stand, which the look before it did not see."""
    dst, real = tmp_path / "dst", run.locked
    augcli.materialize(src, dst, single(CutMix()))
    (dst / "_SUCCESS").unlink()

    @contextlib.contextmanager
    def wait(store, *shared):
        monkeypatch.setattr(run, "locked", real)
        text = (dst / "augcli.json").read_bytes()
        (dst / "augcli.json").write_bytes(text)
        (dst / "cat" / "x__cutmix0-0123456789abcdef.png.0a1b2c3d.part").write_bytes(b"half")
        with real(store, *shared) as check_held:
            yield check_held

    monkeypatch.setattr(run, "locked", wait)
    augcli.materialize(src, dst, single(CutMix()))
    augcli.materialize(src, tmp_path / "fresh", single(CutMix()))
    assert tree(dst) == tree(tmp_path / "fresh")


def test_another_recipe_that_came_first_is_not_written_over(src, tmp_path, monkeypatch):
    dst, real = tmp_path / "dst", run.locked

    @contextlib.contextmanager
    def wait(path, *shared):
        monkeypatch.setattr(run, "locked", real)
        augcli.materialize(src, dst, single(CutMix(), seed=7))
        with real(path, *shared) as check_held:
            yield check_held

    monkeypatch.setattr(run, "locked", wait)
    with pytest.raises(OutputError, match="differing: seed"):
        augcli.materialize(src, dst, single(CutMix()))


# --- a real small disk ---------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """Mount a tmpfs of some size: `disk("1m")`; again to change its size or options."""
    where = tmp_path / "disk"
    where.mkdir()
    mounted = []

    def mount(options):
        remount = "remount," if mounted else ""
        command = ["mount", "-t", "tmpfs", "-o", f"{remount}{options}", "tmpfs", str(where)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a tmpfs cannot be mounted here: that takes a privilege")
        mounted.append(where)
        return where

    yield mount
    if mounted:
        subprocess.run(["umount", str(where)], check=True)


def test_a_disk_that_is_really_full_is_resumed_when_there_is_space(cli, photos, tmp_path, disk, tree):
    arguments = ("cutmix", photos, "--copies", 4, "--format", "parquet", "--quiet")  # no line of progress
    done = cli(*arguments[:2], disk("size=1m") / "dst", *arguments[2:])
    assert done.returncode == 7
    assert done.stderr.startswith("augcli: cannot write")
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    dst = disk("size=64m") / "dst"
    assert cli(*arguments[:2], dst, *arguments[2:]).returncode == 0
    assert cli(*arguments[:2], tmp_path / "fresh", *arguments[2:]).returncode == 0
    assert tree(dst) == tree(tmp_path / "fresh")


def test_a_destination_on_a_read_only_disk_is_refused_and_stays(cli, photos, disk, tree):
    dst = disk("size=64m") / "dst"
    assert cli("cutout", photos, dst).returncode == 0
    before = tree(dst)
    next(dst.glob("*/*.jpg")).unlink()
    disk("ro")
    done = cli("cutout", photos, dst)
    assert (done.returncode, done.stdout) == (7, "")
    assert "Read-only file system" in done.stderr
    disk("rw")
    assert cli("cutout", photos, dst).returncode == 0
    assert tree(dst) == before


def test_a_shard_whose_rows_are_unreadable_bytes_is_bad_input(tmp_path):
    """Damage of the data, unlike a fault of the machine, is the same at every look, and so is its error."""
    table = pa.table({"image": [b"x" * 50_000] * 4, "label": [0, 1] * 2})
    pq.write_table(table, tmp_path / "src.parquet", compression="zstd", use_dictionary=False)
    data = bytearray((tmp_path / "src.parquet").read_bytes())
    data[4:40] = bytes(36)
    (tmp_path / "src.parquet").write_bytes(data)
    with pytest.raises(augcli.AugcliError, match=r"src\.parquet"):
        augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", single(CutMix()))


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_directories_is_no_fault(fail, src, complete, tmp_path, tree, code):
    fault = Fault("fsync", r"dst$", code)
    fail(fault)
    augcli.materialize(src, tmp_path / "dst", single(CutMix()), workers=1)
    assert fault.met
    assert tree(tmp_path / "dst") == tree(complete / "dst")
