"""Runs on a Ray cluster in which workers, nodes or the command itself are killed: equal bytes in the end.

    python tests/soak/ray_kills.py --kills 20 --images 8000

The cluster has a head and two nodes of one CPU each, all on this machine. Each round begins a run on it and
kills one thing by SIGKILL at a random moment: a worker, a node (another one comes in its place), or the
command, which is then begun again. Then the output is compared with that of one machine. Exits 1 where
anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ray.cluster_utils import Cluster
from soak import digest, make_images

KINDS = ("worker", "node", "command")


def begin(*words: object) -> subprocess.Popen[str]:
    """Start the program."""
    command = [sys.executable, "-m", "augcli", "cutmix", "--quiet", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def end(process: subprocess.Popen[str]) -> bool:
    """Wait for a process; gives whether it ended well, and prints what it said if not."""
    _, said = process.communicate()
    if process.returncode:
        print(f"exit {process.returncode}: {said}")
    return process.returncode == 0


def find_workers() -> list[int]:
    """Processes that are at some task of ours."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes().startswith(b"ray::carry_out"):
                found.append(int(process.parent.name))
        except OSError:  # it has ended
            continue
    return found


def kill(kind: str, cluster: Cluster, nodes: list[object], run: subprocess.Popen[str]) -> str:
    """Kill one thing, and say what."""
    if kind == "worker":
        workers = find_workers()
        if not workers:
            return "no worker is at work"
        os.kill(workers[0], signal.SIGKILL)
        return f"worker {workers[0]} killed"
    if kind == "node":
        cluster.remove_node(nodes.pop(0), allow_graceful=False)
        nodes.append(cluster.add_node(num_cpus=1))
        return "node killed"
    run.send_signal(signal.SIGKILL)
    return "command killed" if run.wait() == -signal.SIGKILL else "command had ended"


def run_round(
    kind: str, cluster: Cluster, nodes: list[object], words: list[object], dst: Path, delay_s: float
) -> bool:
    """Begin a run, kill one thing once it is at work, and let it end; gives whether all went well."""
    run = begin(*words)
    while run.poll() is None and not list(dst.rglob("*.part")):
        time.sleep(0.01)
    time.sleep(delay_s)
    what = kill(kind, cluster, nodes, run)
    fine = end(begin(*words)) if kind == "command" else end(run)
    print(f"{what} after {delay_s:.1f} s", flush=True)
    return fine


def main() -> int:
    """Make the images, run, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--format", choices=("folder", "parquet", "webdataset"), default="folder")
    parser.add_argument(
        "--longest", type=float, default=4.0, help="latest kill, in seconds after the first file"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--work", type=Path, help="where to write; a temporary directory by default")
    given = parser.parse_args()
    print(f"{given.kills} kills of each {' '.join(given.kinds)}, {given.images} images, --seed {given.seed}")
    chance, unequal = random.Random(given.seed), []
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        with tempfile.TemporaryDirectory(dir=given.work) as directory:
            src, whole, dst = (Path(directory) / name for name in ("src", "whole", "dst"))
            make_images(src, given.images)
            options = ["--copies", 3, "--format", given.format]
            if not end(begin(*options, src, whole)):
                return 1
            expected = digest(whole)
            words = [*options, "--engine", "ray", "--ray-address", cluster.address, src, dst]
            for number in range(given.kills * len(given.kinds)):
                kind = given.kinds[number % len(given.kinds)]
                fine = run_round(kind, cluster, nodes, words, dst, chance.uniform(0, given.longest))
                if not fine or digest(dst) != expected:
                    unequal.append((number, kind))
                shutil.rmtree(dst, ignore_errors=True)
    finally:
        cluster.shutdown()
    print(f"{given.kills} kills of each, {len(unequal)} rounds differ {unequal[:5]}")
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
