"""The report of a million outputs: how large it is, how much memory and time it takes, and that it is right.

The rows are those of a small run, over and over under other names; their images are those of that run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import augcli
from augcli.io.records.part_files import PartFacts, write_part_file
from augcli.io.records.parts import Parts
from augcli.io.records.row_statistics import COUNTED
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_key, part_names

PHOTOS = Path(__file__).parents[2] / "sample_data" / "photos"
CHUNK_ROWS, COPIES = 2000, 84
"""So many copies of 24 photos are 2,016 rows, no two of them the same."""

ROUNDS = 3
"""Of reading and reporting in alternation, by processor time: the machine may have other work, too."""

MOST_PAGE, MOST_MEMORY, MOST_TIMES = 6_000_000, 600 << 20, 5

MANY_ROWS = 1_000_000
"""From so many rows on the time of reading is all that counts. Fewer take beside it what one chunk takes: to
load libraries, and to draw samples."""


def fill(dst: Path, rows: int) -> None:
    """Make an output of so many rows."""
    augcli.materialize(PHOTOS, dst, {"seed": 1, "copies": COPIES, "op": [{"kind": "cutmix"}]})
    store = LocalStore(str(dst))
    parts = list(Parts(store).read(sorted(part_names(list_contents(store).sizes))))
    chunk = pa.concat_tables([part.rows() for part in parts]).slice(0, CHUNK_ROWS).combine_chunks()
    store.delete([part_key(part.chunk) for part in parts])
    place = chunk.column_names.index("source")
    for number in range(rows // CHUNK_ROWS):
        names = [f"{name}/{number}/{row}" for row, name in enumerate(chunk.column("source").to_pylist())]
        own = chunk.set_column(place, "source", pa.array(names))
        write_part_file(store, f"{number:020b}", own, PartFacts("made up"))


def read_columns(dst: Path) -> float:
    """Return the processor time that pyarrow takes to read the columns that are counted."""
    start = time.process_time()
    for path in sorted(dst.glob(".augcli-*.parquet")):
        pq.ParquetFile(path).read(list(COUNTED), use_threads=False)
    return time.process_time() - start


def run(dst: Path, page: Path) -> tuple[float, int]:
    """Write the report by the command; return its processor time, and the bytes of its memory at the peak."""
    process = subprocess.Popen([sys.executable, "-m", "augcli", "report", "--quiet", str(dst), str(page)])
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10


def main() -> None:
    """Make the output, report it, and compare with the bounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        dst, chunk, page = (Path(directory, name) for name in ("dst", "chunk", "report.html"))
        fill(chunk, CHUNK_ROWS)
        fill(dst, given.rows)
        starts, reads, runs = zip(
            *((run(chunk, page), read_columns(dst), run(dst, page)) for _ in range(ROUNDS)), strict=True
        )
        bound, seconds, memory = MOST_TIMES * min(reads), min(runs)[0], max(run[1] for run in runs)
        bound += min(starts)[0] if given.rows < MANY_ROWS else 0
        text = page.read_text("utf-8")
        print(
            f"{given.rows} rows: {seconds:.1f} s of a processor (of {bound:.1f}), {memory / 2**20:.0f} MiB,"
            f" a page of {len(text.encode()) / 1e6:.2f} MB"
        )
        assert f'data-value="{given.rows}"' in text
        assert len(text.encode()) < MOST_PAGE
        assert memory < MOST_MEMORY
        assert seconds < bound


if __name__ == "__main__":
    main()
