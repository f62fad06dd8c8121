"""What every writer does, whatever its layout."""

from __future__ import annotations

import os
import pickle
import threading
from tarfile import RECORDSIZE

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.io.records.annotation_columns import MASK
from augcli.io.records.label_columns import TableOptions
from augcli.io.records.part_files import Output, PartFacts, rows_to_table
from augcli.io.records.parts import Parts
from augcli.io.records.step_columns import label_rows
from augcli.io.store import local, local_files
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.writers import parquet
from augcli.io.writers.base import Pair, Writer
from augcli.io.writers.choose import WRITERS, choose_writer
from augcli.io.writers.shard_bytes import are_long
from augcli.program.annotated import Annotated
from augcli.samples import SoftLabel

NAME = "cat/a__cutout0-0123456789abcdef.png"
DATA = bytes(range(256)) * 40
CAT = SoftLabel((0,), (1.0,))


def make_rows(names=(NAME,)):
    """The rows of images of `DATA`."""
    output = Output(
        file_name="",
        source="cat/a.png",
        partners=(),
        op="cutout",
        copy=0,
        reason="",
        applied=False,
        steps=(),
        label=0,
        classes=(0,),
        weights=(1.0,),
        lam=1.0,
        height=5,
        width=8,
        bytes=len(DATA),
        hash="00ff",
        visible=None,
        sources=label_rows([CAT]),
    )
    return rows_to_table([output._replace(file_name=name) for name in names])


def make_writer(layout, directory):
    return choose_writer(
        layout, LocalStore(str(directory)), "", ("cat",), TableOptions(), {}, Annotated(None, False)
    )


def write(writer):
    """Stage and commit one image, as an attempt does."""
    pairs = writer.stage([NAME], [Pair(DATA)])
    writer.commit("01", make_rows(), pairs, PartFacts("x"))


@pytest.fixture(params=sorted(WRITERS))
def layout(request):
    return request.param


def test_the_protocol_has_few_members():
    members = [name for name in vars(Writer) if not name.startswith("_")]
    assert len(members) <= 10


def test_what_was_committed_stands_and_is_loaded(layout, tmp_path):
    writer = make_writer(layout, tmp_path)
    write(writer)
    contents, part = list_contents(writer.store), Parts(writer.store).read_one("01")
    assert writer.stands(part, contents.sizes)
    assert [pair.image for pair in writer.load(part.rows())] == [DATA]
    (key,) = writer.files(part.file_names())
    assert contents.sizes.keys() == {key, ".augcli-01.parquet"}
    assert not writer.stands(part, {})


@pytest.mark.parametrize("picked", [[], [0], [1, 2], [0, 4], [4]])
def test_rows_that_are_picked_are_loaded_alone(layout, tmp_path, monkeypatch, picked):
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 2 * len(DATA))
    monkeypatch.setattr(parquet, "SHARD_BYTES", 3 * len(DATA))
    writer, names = make_writer(layout, tmp_path), [NAME.replace("a__", f"{letter}__") for letter in "abcde"]
    data = {name: bytes([number]) * len(DATA) for number, name in enumerate(names)}
    pairs = writer.stage(names, [Pair(content) for content in data.values()])
    writer.commit("01", make_rows(names), pairs, PartFacts("x"))
    rows = Parts(writer.store).read_one("01").rows()
    stored = [name[-len(NAME) :] for name in rows.column("file_name").to_pylist()]
    loaded = [pair.image for pair in writer.load(rows, picked)]
    assert loaded == [data[stored[number]] for number in picked]


def test_a_shard_holds_its_images_and_masks_at_least():
    masks = [{"bytes": 5}, {"bytes": 7}]
    rows = pa.table({"file_name": ["a/0.png", "a/1.png"], "bytes": [10, 20], MASK: masks})
    assert are_long(rows, True, {"a": 10 + 20 + 5 + 7})
    assert not are_long(rows, True, {"a": 41})
    assert not are_long(rows, False, {"b": 42})
    assert are_long(rows, False, {"a": 30})


@pytest.mark.parametrize("cut", [1, 100, 600])
def test_a_shard_that_is_cut_short_does_not_stand(layout, tmp_path, cut):
    writer = make_writer(layout, tmp_path)
    pairs = writer.stage([NAME], [Pair(DATA)])
    writer.commit("01", make_rows(), pairs, PartFacts("x"))
    part = Parts(writer.store).read_one("01")
    (key,) = writer.files(part.file_names())
    data = (tmp_path / key).read_bytes()
    (tmp_path / key).write_bytes(data[: max(len(data) - cut, 0)])
    assert not writer.stands(part, list_contents(writer.store).sizes)


def test_a_shard_shorter_than_its_images_does_not_stand(layout, tmp_path):
    writer = make_writer(layout, tmp_path)
    write(writer)
    part, sizes = Parts(writer.store).read_one("01"), dict(list_contents(writer.store).sizes)
    (key,) = writer.files(part.file_names())
    sizes[key] = len(DATA) // RECORDSIZE * RECORDSIZE - (
        layout == "parquet"
    )  # full records, as tar files are
    assert sizes[key] <= len(DATA)
    assert writer.stands(part, sizes) == (layout not in ("parquet", "webdataset"))


def test_another_process_may_commit_what_was_staged(layout, tmp_path):
    writer = make_writer(layout, tmp_path)
    pairs = writer.stage([NAME], [Pair(DATA)])
    pickle.loads(pickle.dumps(writer)).commit("01", make_rows(), pairs, PartFacts("x"))
    assert writer.stands(Parts(writer.store).read_one("01"), list_contents(writer.store).sizes)


class SlowOs:
    """Stands in for the module `os`: one thread has opened each file, and waits before it writes."""

    def __init__(self, opened, published):
        self._opened, self._published = opened, published

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, file, data):
        if threading.current_thread().name == "late":
            self._opened.set()
            assert self._published.wait(60)
        return os.write(file, data)


def test_two_attempts_at_one_chunk_never_show_a_short_image(tmp_path, monkeypatch):
    """The second has begun to write the image when the first gives its own the final name."""
    opened, published = threading.Event(), threading.Event()
    slow = SlowOs(opened, published)
    for module in (local, local_files):
        monkeypatch.setattr(module, "os", slow)
    early = make_writer("folder", tmp_path)
    early.stage([NAME], [Pair(DATA)])
    late = threading.Thread(target=write, args=(make_writer("folder", tmp_path),), name="late")
    late.start()
    assert opened.wait(60)
    early.commit("01", make_rows(), [], PartFacts("x"))
    assert (tmp_path / NAME).read_bytes() == DATA
    published.set()
    late.join()
    assert (tmp_path / NAME).read_bytes() == DATA
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        ".augcli-01.parquet",
        NAME.rpartition("/")[2],
    ]


def test_two_attempts_at_one_chunk_never_show_a_short_shard(tmp_path):
    """Both write at once; whoever looks meanwhile finds no shard or a whole one."""
    barrier, seen = threading.Barrier(9), []

    def attempt():
        writer = make_writer("parquet", tmp_path)
        barrier.wait(60)
        write(writer)
        seen.append(pq.read_table(tmp_path / "data" / "train-01.parquet").num_rows)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    barrier.wait(60)
    for thread in threads:
        thread.join()
    assert seen == [1] * 8
    assert os.listdir(tmp_path / "data") == ["train-01.parquet"]
