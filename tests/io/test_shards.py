"""Parquet shards: their columns, schemas and row groups, and what is refused."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.errors import InputError
from augcli.io.readers.shards import Shard, find_columns, list_groups, open_shard, unite_schemas
from augcli.io.store.local import LocalStore
from augcli.samples import RowGroup


def write_shard(path, rows: int, group: int | None = None, **columns) -> Shard:
    """Write a shard; without other columns it holds numbers."""
    pq.write_table(pa.table(columns or {"number": list(range(rows))}), path, row_group_size=group)
    status = path.stat()
    return Shard(LocalStore(str(path.parent)), path.name, status.st_size, status.st_mtime_ns)


def test_find_columns_names_all_others_as_carried():
    schema = pa.schema([("a", pa.int8()), ("img", pa.binary()), ("label", pa.int64()), ("b", pa.string())])
    columns = find_columns(schema, None, None, None, "x.parquet")
    assert (columns.image, columns.labels.columns, columns.others) == ("img", ("label",), ("a", "b"))


def test_row_groups_count_the_rows_of_all_shards_before_them(tmp_path):
    shards = [write_shard(tmp_path / f"{name}.parquet", rows, group=4) for name, rows in (("a", 6), ("b", 3))]
    groups = list_groups(shards)
    places = [("a.parquet", 0, 0, 4), ("a.parquet", 1, 4, 2), ("b.parquet", 0, 6, 3)]
    assert [group[:4] for group in groups] == places
    assert all(isinstance(group, RowGroup) and group.bytes > 0 for group in groups)


def test_shard_is_named_by_its_path_in_messages(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    shard = Shard(LocalStore(str(tmp_path)), "a.parquet", 15, 0)
    with pytest.raises(InputError, match=rf"^'{tmp_path}/a\.parquet' cannot be read as parquet: "):
        open_shard(shard)


def test_shard_that_is_gone_is_refused_with_the_words_of_the_system(tmp_path):
    shard = Shard(LocalStore(str(tmp_path)), "a.parquet", 15, 0)
    words = r"a\.parquet' cannot be read as parquet: .*No such file or directory"
    with pytest.raises(InputError, match=words):
        open_shard(shard)


def test_the_footer_is_read_once_and_does_not_pickle(tmp_path):
    shard = write_shard(tmp_path / "a.parquet", 6, group=4)
    assert [open_shard(shard).read_row_group(number).num_rows for number in (1, 0)] == [2, 4]
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[:-8] + b"no foot.")
    assert open_shard(shard).read_row_group(0).column("number").to_pylist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match="cannot be read as parquet"):
        open_shard(pickle.loads(pickle.dumps(shard)))


def test_columns_of_several_widths_are_united(tmp_path):
    shards = [
        write_shard(tmp_path / f"{kind}.parquet", 1, number=pa.array([1], kind))
        for kind in ("int16", "int64")
    ]
    assert unite_schemas(shards) == pa.schema([("number", pa.int64())])
