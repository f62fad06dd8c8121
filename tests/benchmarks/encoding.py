"""Show how much longer the codec takes for outputs than for their sources: what no program could save.

    python tests/benchmarks/encoding.py --files 240

The codec floor encodes the photos as they are. A box with noise, or a blend of two photos, takes longer to
encode, so even a program that did nothing else would not reach the floor: it would reach the last column.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
import pyarrow.parquet as pq
import simplejpeg
from cases import CASES, Case
from floor import QUALITY
from photos import SAMPLE_PHOTOS, make_photos

Pixels: TypeAlias = np.ndarray[Any, Any]
SHOWN = ("mixed", "mixup", "cutout", "patch-cutout", "erase", "chain")
"""Cases that differ in what they draw."""

ROUNDS = 5


def decode(path: Path) -> Pixels:
    """Decode a photo."""
    return simplejpeg.decode_jpeg(path.read_bytes(), "RGB", fastdct=False)


def encode(pixels: Pixels) -> bytes:
    """Encode as the floor does."""
    return simplejpeg.encode_jpeg(pixels, QUALITY, "RGB", "420", fastdct=False)


def cost(call: Callable[[Any], object], value: Any) -> float:
    """Return the seconds of this thread that a call takes: others may use the machine meanwhile."""
    start = time.thread_time()
    call(value)
    return time.thread_time() - start


def show(case: Case, photos: Path, folder: Path, files: int) -> str:
    """Return a case's row: what its outputs take to encode, over their bases, and the share that is left."""
    source, target = make_photos(photos, folder, case.data, files), folder / case.name
    subprocess.run([*case.programs()[0].command, str(source), str(target)], check=True)
    rows = pq.read_table(target / "metadata.parquet", columns=["file_name", "source"]).to_pylist()
    over_bases, over_all = [], []
    for _ in range(ROUNDS):
        decoding = base = output = 0.0
        for row in rows:
            before, after = source / row["source"], target / row["file_name"]
            decoding += cost(decode, before)
            base += cost(encode, decode(before))
            output += cost(encode, decode(after))
        over_bases.append(output / base)
        over_all.append((decoding + base) / (decoding + output))
    return f"| {case.name} | {median(over_bases):.2f} | {median(over_all):.2f} |"


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS, help="folder <class>/*.jpg")
    parser.add_argument("--files", type=int, default=240)
    arguments = parser.parse_args()
    print(
        "| case | encoding, outputs over bases | share of the floor that is left |\n|---|---:|---:|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        for case in (case for case in CASES if case.name in SHOWN):
            print(show(case, arguments.photos, Path(folder), arguments.files), flush=True)


if __name__ == "__main__":
    main()
