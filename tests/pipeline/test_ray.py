"""Runs on a Ray cluster of this machine: the trees of local runs, whatever dies meanwhile."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import augcli
from augcli.errors import MissingPartError, UsageError, VersionError
from augcli.io.store.objects import ObjectStore
from augcli.io.store.urls import Access, parse_url
from augcli.ops.cutmix import CutMix
from augcli.pipeline import environment
from augcli.pipeline.engines import ray as ray_engine
from augcli.recipe import single
from tests import servers

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
CUTMIX = single(CutMix(alpha=1.0), copies=3)


@pytest.fixture(scope="module")
def cluster(cloud_credentials):
    """Two workers, begun once for all tests of this module."""
    patch = pytest.MonkeyPatch()
    for name, value in ray_engine.QUIET.items():
        patch.setenv(name, value)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield
    ray.shutdown()
    for number, handler in before.items():
        signal.signal(number, handler)
    patch.undo()


def find_workers():
    """The processes that are at some task of ours, in the cluster of this process: there may be others."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if process.read_bytes().startswith(b"ray::carry_out") and is_ours(int(process.parent.name)):
                yield int(process.parent.name)


def is_ours(process):
    """True if this process began it, or what began it."""
    while process not in (0, os.getpid()):
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process != 0


def has_staged(dst):
    """Whether a worker has staged images, which takes the time of a chunk."""
    return any(dst.glob("*/*.part"))


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_a_cluster_makes_the_tree_of_one_machine(cluster, make_folder, tmp_path, tree, limit, layout):
    src = make_folder({"cat": 50, "dog": 40})
    recipe = single(CutMix(alpha=1.0), copies=3, format=layout)
    limit(chunk_outputs=24)
    augcli.materialize(src, tmp_path / "local", recipe, workers=2)
    summary = augcli.materialize(src, tmp_path / "ray", recipe, engine="ray")
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
    assert sum(summary.nodes.values()) == summary.chunks > 8
    assert list(summary.nodes) == [os.uname().nodename]
    assert summary.workers == 2
    assert "made by Ray, 2 CPUs, 1 node" in summary.notes
    for path in src.rglob("*.*"):  # so the cluster compares them
        os.utime(path, (1e9, 1e9))
    again = augcli.materialize(src, tmp_path / "ray", recipe, engine="ray")
    assert (again.chunks_compared, again.chunks_done, again.nodes) == (summary.chunks, (), {})


@needs_ray
@pytest.mark.slow
def test_workers_that_are_killed_are_made_up_for_and_leave_nothing(cluster, photos, tmp_path, tree, limit):
    limit(chunk_outputs=200)
    recipe = single(CutMix(alpha=1.0), copies=40)
    augcli.materialize(photos, tmp_path / "local", recipe, workers=2)
    killed = []

    def kill_one(dst, ended):
        while not (killed or ended.wait(0.005)):
            if has_staged(dst):
                for worker in find_workers():
                    with suppress(ProcessLookupError):
                        os.kill(worker, signal.SIGKILL)
                        killed.append(worker)

    for attempt in range(5):  # where this process stands still meanwhile, nobody is killed
        dst, ended = tmp_path / f"ray-{attempt}", threading.Event()
        killer = threading.Thread(target=kill_one, args=(dst, ended))
        killer.start()
        try:
            augcli.materialize(photos, dst, recipe, engine="ray")
        finally:
            ended.set()
            killer.join()
        assert tree(dst) == tree(tmp_path / "local")
        if killed:
            break
    assert killed


@needs_ray
@pytest.mark.slow
def test_ctrl_c_ends_the_command_and_its_workers(photos, tmp_path):
    words = ["cutmix", "--engine", "ray", "--copies", "2000", photos, tmp_path / "dst"]
    command = subprocess.Popen(
        [sys.executable, "-m", "augcli", *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while command.poll() is None and not has_staged(tmp_path / "dst"):
        time.sleep(0.01)
    time.sleep(0.5)
    os.killpg(command.pid, signal.SIGINT)
    said = command.communicate(timeout=300)[1]
    assert command.returncode == 130
    assert said.startswith("augcli: interrupted; to go on where it was: augcli cutmix --engine ray")
    assert said.count("\n") == 1
    assert not list((tmp_path / "dst").glob(".augcli-probe-*"))


@needs_ray
@pytest.mark.slow
def test_a_machine_that_would_write_other_bytes_is_refused_by_name(cluster, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "digest", lambda: "0" * 32)
    with pytest.raises(VersionError, match=f"^'{os.uname().nodename}' would write other bytes") as refused:
        augcli.materialize(photos, tmp_path / "ray", CUTMIX, engine="ray")
    assert refused.value.exit_code == 8
    assert not list((tmp_path / "ray").rglob("*.jpg"))
    assert not list((tmp_path / "ray").glob(".augcli-probe-*"))


@needs_ray
@pytest.mark.slow
def test_a_bug_in_a_task_stops_all_at_once(cluster, within):
    engine = ray_engine.RayEngine(ray_engine.Greeting("/", ()), 100 << 20, expected=1000)
    with within(120), pytest.raises(ZeroDivisionError):
        list(engine.run(eval, ["1 / 0", *["__import__('time').sleep(600)"] * 1000]))


@needs_ray
@pytest.mark.slow
def test_a_machine_without_augcli_or_with_another_one_is_named(cluster):
    engine = ray_engine.RayEngine(ray_engine.Greeting("/", ()), 100 << 20)
    with pytest.raises(
        MissingPartError, match=r"^node [\d.]+ has no augcli, or another one; install version"
    ):
        list(engine.run(eval, ["__import__('augcli.of_tomorrow')"]))


@needs_ray
@pytest.mark.slow
def test_without_a_gpu_in_the_cluster_its_backend_is_refused(cluster, photos, tmp_path):
    with pytest.raises(MissingPartError, match="no node of the Ray cluster has a GPU; add one, or give"):
        augcli.materialize(photos, tmp_path / "ray", CUTMIX, engine="ray", backend="gpu")


@needs_ray
@pytest.mark.slow
def test_a_cluster_reads_and_writes_buckets(cluster, s3, page_inputs, tmp_path, tree):
    recipe = single(CutMix(alpha=1.0), copies=3, format="parquet")
    servers.make_bucket("s3://of-ray", s3)
    store = ObjectStore(parse_url("s3://of-ray"), Access(s3))
    photos = sorted(file for file in (page_inputs / "photos").rglob("*") if file.is_file())
    keys = [file.relative_to(page_inputs).as_posix() for file in photos]
    store.stage(keys, [file.read_bytes() for file in photos])
    augcli.materialize(page_inputs / "photos", tmp_path / "local", recipe, workers=1)
    options = {"engine": "ray", "endpoint_url": s3}
    augcli.materialize("s3://of-ray/photos", "s3://of-ray/out", recipe, **options)
    there = [key for page in store.list("out/") for key in page.keys if not key.endswith(".seen")]
    names = [key.removeprefix("out/") for key in there]
    assert dict(zip(names, store.read(there), strict=True)) == tree(tmp_path / "local")


def test_what_lies_in_the_memory_of_this_process_is_refused(photos):
    words = r"^engine='ray': what lies in the memory of this process is not seen by others; "
    with pytest.raises(UsageError, match=words):
        augcli.materialize(photos, "memory://of-ray/out", CUTMIX, engine="ray")


# --- what is refused without a cluster ----------------------------------------------------------------------


def test_without_ray_the_cure_is_named(photos, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else find(name))
    with pytest.raises(MissingPartError, match=r"^Ray is not installed; run: pip install 'augcli\[ray\]'$"):
        augcli.materialize(photos, tmp_path / "dst", CUTMIX, engine="ray")
    assert not (tmp_path / "dst").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "dask"}, r"^engine must be one of local, ray, got 'dask'$"),
        ({"ray_address": "auto"}, r"^ray_address goes with engine='ray'; give it, too$"),
    ],
)
def test_engines_are_checked(photos, tmp_path, options, says):
    with pytest.raises(UsageError, match=says):
        augcli.materialize(photos, tmp_path / "dst", CUTMIX, **options)


@needs_ray
@pytest.mark.parametrize(
    ("address", "why"),
    [("127.0.0.1:1", "Connection refused"), ("ray://127.0.0.1:1", "Connection refused")],
)
def test_a_cluster_that_does_not_answer_is_named_before_anything_is_written(
    cli, photos, tmp_path, address, why
):
    done = cli("cutmix", "--engine", "ray", "--ray-address", address, photos, tmp_path / "dst")
    assert done.returncode == 8
    start = f"augcli: no Ray cluster answers at {address!r} ([Errno 111] {why}); "
    assert done.stderr == f"{start}begin one there, or give another --ray-address\n"
    assert not (tmp_path / "dst").exists()


def test_a_cluster_that_cannot_be_connected_leaves_no_recipe_behind(photos, tmp_path, monkeypatch):
    """Something listens there, but it is no Ray."""

    @contextmanager
    def connect(address, workers):
        raise MissingPartError("no Ray cluster answers")
        yield

    monkeypatch.setattr(ray_engine, "check_usable", lambda address: None)
    monkeypatch.setattr(ray_engine, "connect", connect)
    with pytest.raises(MissingPartError, match="no Ray cluster answers"):
        augcli.materialize(photos, tmp_path / "dst", CUTMIX, engine="ray", ray_address="host:1")
    assert list((tmp_path / "dst").iterdir()) == []


@needs_ray
@pytest.mark.slow
def test_an_address_is_refused_where_the_caller_is_connected_already(cluster, photos, tmp_path):
    with pytest.raises(UsageError, match="connected to a Ray cluster already; leave out ray_address"):
        augcli.materialize(photos, tmp_path / "dst", CUTMIX, engine="ray", ray_address="auto")
