"""Show what the workers' time goes into, by sampling (needs py-spy).

    python tests/benchmarks/shares.py --photos DIR --only mixed,parquet

A sample counts by the innermost function: the codec's calls, the kernels, system calls on files, hashes,
Arrow; what is left is Python between them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from cases import CASES, Case
from photos import SAMPLE_PHOTOS, make_photos

RATE = 250
KINDS = (
    ("decode", "_decode_jpeg (augcli/io/images/codec.py"),
    ("encode", "encode (augcli/io/images/codec.py"),
    ("steps", "(augcli/kernels/cpu"),
    ("files", "(augcli/io/store/local"),
    ("hashes", "(augcli/io/store/hashes.py"),
    ("Arrow", "(pyarrow/"),
)
"""What the innermost frame of a sample holds, as py-spy writes it."""

PYTHON = "Python"
WORKERS = ("(augcli/pipeline/worker/task.py", "(augcli/pipeline/worker/execute.py")
"""Frames that only a worker at work has."""


def sample(command: list[str], record: Path) -> Counter[str]:
    """Run a command under py-spy; return the samples of its workers by kind."""
    options = ["--subprocesses", "--rate", str(RATE), "--format", "raw"]
    subprocess.run(["py-spy", "record", *options, "--output", str(record), "--", *command], check=True,
                   capture_output=True)  # fmt: skip
    found: Counter[str] = Counter()
    for line in record.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        if any(frame in stack for frame in WORKERS):
            innermost = stack.rpartition(";")[2]
            found[next((kind for kind, frame in KINDS if frame in innermost), PYTHON)] += int(count)
    return found


def show(case: Case, arguments: argparse.Namespace) -> str:
    """Sample a case; return its row."""
    source = make_photos(arguments.photos, arguments.work, case.data, case.files or arguments.files)
    target = arguments.work / "out"
    shutil.rmtree(target, ignore_errors=True)
    found = sample([*case.programs()[0].command, str(source), str(target)], arguments.work / "samples.txt")
    shutil.rmtree(target, ignore_errors=True)
    total = sum(found.values())
    shares = [f"{found[kind] / total:.1%}" for kind in (*(kind for kind, _ in KINDS), PYTHON)]
    return f"| {' | '.join([case.name, *shares])} |"


def main() -> None:
    """Print the shares of each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-bench")
    parser.add_argument("--only", default=",".join(case.name for case in CASES), help="cases, by commas")
    arguments = parser.parse_args()
    if not shutil.which("py-spy"):
        print("py-spy is not installed, nothing is sampled; run: pip install py-spy")
        return
    print(f"| case | {' | '.join([kind for kind, _ in KINDS])} | {PYTHON} |")
    print("|---|" + "---:|" * (len(KINDS) + 1), flush=True)
    for case in CASES:
        if case.name in arguments.only.split(","):
            print(show(case, arguments), flush=True)


if __name__ == "__main__":
    main()
