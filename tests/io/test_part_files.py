"""Part files: what commits a chunk, read once and given back as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.errors import OutputError
from augcli.io.records import parts
from augcli.io.records.counts import RowCounts, counted_columns
from augcli.io.records.part_files import (
    Output,
    PartFacts,
    join_rows,
    pack_beside,
    pack_rows,
    put_beside,
    rows_to_table,
    unpack_rows,
    write_part_file,
)
from augcli.io.records.parts import Parts
from augcli.io.records.step_columns import label_rows, step_rows
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_key
from augcli.io.writers.failures import collect_failures, collect_warnings, write_failures
from augcli.program.steps import Box, Paste
from augcli.samples import Failure, SoftLabel

CAT, DOG = SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))
PASTED, MIXED = (Paste(Box(1, 2, 5, 5), 0),), SoftLabel((0, 1), (0.7, 0.3))
FACTS = PartFacts(
    fingerprint="abc",
    ahead=(3, 0),
    failures=(Failure("naïve/é.png", "decode", "cannot be decoded", 'OSError: "x"'),),
    warnings=(Failure("c.jpg", "decode", "decoded with warnings", "Corrupt JPEG data"),),
    passed_over=("a.png", "b%FF.png"),
    counts={"first frame of several": 2},
)


def make_output(steps=PASTED, exact=MIXED, labels=(CAT, DOG), **changes) -> Output:
    """A CutMix of a cat and a dog: a box of 4 rows and 3 columns in 5x8 pixels, 28 of 40 kept."""
    values = {
        "file_name": "cat/a.png",
        "source": "cat/a.png",
        "partners": ("dog/b.png",),
        "op": "cutmix",
        "copy": 0,
        "reason": "",
        "label": 0,
        "lam": 0.7,
        "height": 5,
        "width": 8,
        "bytes": 99,
        "hash": "00ff",
        "visible": 0,
        "applied": bool(steps),
        "steps": step_rows(steps),
        "classes": exact and exact.classes,
        "weights": exact and exact.weights,
        "sources": label_rows(labels),
    }
    return Output(**(values | changes))


def make_unmixed(**changes) -> Output:
    values = {"partners": (), "op": "none", "reason": "not drawn", "steps": (), "visible": None}
    values |= {"labels": (CAT,), "exact": CAT, "lam": 1.0}
    return make_output(**(values | changes))


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path))


@pytest.fixture
def path(store, tmp_path):
    """A part file of two rows."""
    carried = pa.table({"extra": pa.array([5, 6], pa.int16())})
    rows = put_beside(rows_to_table([make_output(), make_unmixed(file_name="cat/b.png")]), [carried])
    write_part_file(store, "01", rows, FACTS)
    return tmp_path / ".augcli-01.parquet"


@pytest.fixture
def read(store):
    return lambda chunk="01": Parts(store).read_one(chunk)


def test_a_part_file_gives_its_facts_back(path, read):
    assert read().facts == FACTS


def test_a_part_file_gives_its_rows_back(path, read):
    rows = read().rows()
    assert rows.column("weights").to_pylist() == [[0.7, 0.3], [1.0]]
    assert rows.column("applied").to_pylist() == [True, False]
    assert rows.column("extra").to_pylist() == [5, 6]
    assert rows.schema.field("extra").type == pa.int16()


def test_a_part_file_names_its_outputs(path, read):
    assert read().file_names() == ["cat/a.png", "cat/b.png"]


def test_a_part_file_without_rows_gives_its_facts_back(store, read):
    write_part_file(store, "01", rows_to_table([]), FACTS)
    assert read().facts == FACTS
    assert read().file_names() == []


@pytest.mark.parametrize("kept", [0, 1, 4, 100, -1])
def test_a_truncated_part_file_has_no_facts(path, read, kept):
    path.write_bytes(path.read_bytes()[:kept])
    assert read().facts is None


def test_a_missing_part_file_has_no_facts(read):
    assert read().facts is None


@pytest.mark.parametrize(
    "document",
    [None, b"", b"not json", b"[]", b"null", b"{}", b'{"fingerprint": "x"}',
     b'{"failures": [], "ahead": [], "passed_over": []}'],
)  # fmt: skip
@pytest.mark.parametrize("table", [pa.table({"a": [1]}), rows_to_table([])])
def test_another_parquet_file_has_no_facts(tmp_path, read, table, document):
    metadata = None if document is None else {b"augcli": document}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / part_key("01"))
    assert read().facts is None


def test_rows_of_a_damaged_part_file_name_the_cure(path, read):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(OutputError, match=r"\.augcli-01\.parquet' is damaged; remove it and run again"):
        read().rows()


def test_a_part_file_without_a_column_that_is_needed_is_damaged(path, read):
    with pytest.raises(OutputError, match="damaged"):
        read().rows(["file_name", "augcli:boxes"])


@pytest.mark.slow
def test_part_files_are_read_without_threads_that_outlive_the_read(path):
    """With `pyarrow.dataset` the process was aborted as it exited, in about half of some runs."""
    code = (
        "import sys; from augcli.io.records.parts import Parts; from augcli.io.store.local import LocalStore;"
        " print(len(Parts(LocalStore(sys.argv[1])).read_one('01').rows()), 'pyarrow.dataset' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path.parent], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == "2 False\n"


class Counting:
    """A store that counts the files that are read."""

    def __init__(self, store):
        self.store, self.read_keys = store, Counter()
        self.name = store.name

    def read(self, keys, expect=None):
        self.read_keys.update(keys)
        return self.store.read(keys, expect)


def write_parts(store, count):
    names = [f"{number:02d}" for number in range(count)]
    for name in names:
        write_part_file(store, name, rows_to_table([make_output(file_name=f"{name}.png")]), FACTS)
    return names


def test_part_files_come_in_order_and_those_that_are_kept_are_read_once(store):
    names, counting = write_parts(store, 2 * parts.READ_TOGETHER + 3), Counting(store)
    reader = Parts(counting)
    for _ in range(2):
        for name, part in zip(names, reader.read(names), strict=True):
            assert part.file_names() == [f"{name}.png"]
            reader.keep(part)
    assert set(counting.read_keys.values()) == {1}
    assert len(counting.read_keys) == len(names)


def test_no_more_bytes_are_kept_than_there_is_room_for(store):
    names, counting = write_parts(store, 5), Counting(store)
    size = len(store.read([part_key(names[0])])[0])
    reader = Parts(counting, kept_bytes=2 * size)
    for _ in range(2):
        for part in reader.read(names):
            reader.keep(part)
    assert [counting.read_keys[part_key(name)] for name in names] == [1, 1, 2, 2, 2]


def test_rows_are_counted(store, read):
    outputs = [make_output(), make_unmixed(), make_unmixed(label=None, exact=None), make_output(label=1)]
    write_part_file(store, "01", rows_to_table(outputs), FACTS)
    part, counts = read(), RowCounts()
    for chunk in ("00", "01"):
        counts.add(chunk, part.rows(counted_columns(part)))
    assert (counts.rows, counts.chunks, counts.applied) == (8, {"00": 4, "01": 4}, 4)
    assert counts.labels == {0: 4, 1: 2, None: 2}
    assert counts.reasons == {"not drawn": 4}
    assert counts.categories == {}


def test_failures_of_all_parts_are_sorted_by_key():
    one, two, three = (Failure(key, "read", "empty file", "") for key in ("a", "b", "c"))
    facts = [PartFacts("x", failures=(three, one)), PartFacts("y", failures=(two,))]
    assert collect_failures(facts) == [one, two, three]


def test_warnings_of_all_parts_are_sorted_by_key():
    one, two = (Failure(key, "decode", "decoded with warnings", "") for key in "ab")
    assert collect_warnings([PartFacts("x", warnings=(two,)), PartFacts("y", warnings=(one,))]) == [one, two]


def test_failures_are_written_one_json_object_a_line(store, tmp_path):
    write_failures(store, [Failure("a\nb.png", "read", "empty file", ""), Failure("c", "decode", "r", "d")])
    lines = (tmp_path / "failures.jsonl").read_text("utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [
        {"source": "a\nb.png", "stage": "read", "reason": "empty file", "detail": ""},
        {"source": "c", "stage": "decode", "reason": "r", "detail": "d"},
    ]


def test_rows_of_arcs_are_joined_by_source_and_copy_with_what_they_carry():
    places = [("b", 1), ("é", 0), ("a", 2), ("b", 0), ("a", 10)]
    outputs = [make_output(source=source, copy=copy) for source, copy in places]
    carried = pa.table({"x": [10, 11, 12, 13, 14]})
    cuts = [(0, 2), (2, 5)]
    packed = [pack_rows(carried.slice(i, j - i)) for i, j in cuts]
    rows, order = join_rows(outputs, packed, carried.schema)
    assert order == [2, 4, 3, 0, 1]
    assert rows.column("x").to_pylist() == [12, 14, 13, 10, 11]
    assert rows.column("copy").to_pylist() == [2, 10, 0, 1, 0]


def test_masks_and_boxes_stand_behind_the_carried_columns():
    carried, notes = pa.table({"x": [1, 2, 3]}), [pa.table({"y": [4, 5]}), pa.table({"y": [6]})]
    packed = pack_beside(carried, notes)
    assert unpack_rows(packed) == pa.table({"x": [1, 2, 3], "y": [4, 5, 6]})
    assert unpack_rows(pack_beside(None, notes)) == pa.table({"y": [4, 5, 6]})
    assert pack_beside(None, []) == b""


def test_no_rows_have_all_columns():
    rows, order = join_rows([], [], pa.schema([("x", pa.int8())]))
    assert (len(rows), order, rows.schema.names[-1]) == (0, [], "x")


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_rows_are_the_same_once_they_were_packed(compression):
    rows = rows_to_table([make_output(), make_unmixed()])
    assert unpack_rows(pack_rows(rows, compression)) == rows
