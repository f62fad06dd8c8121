"""Values as bytes: they come back as they were, and nothing else is read, or run."""

from __future__ import annotations

import os
import pickle
import zlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from augcli.io.labels.choice import Kind
from augcli.io.records import plain_values
from augcli.io.records.plain_values import pack_values, unpack_values
from augcli.io.store.base import write_text
from augcli.io.store.local import LocalStore
from augcli.samples import RowGroup, SoftLabel


@pytest.mark.parametrize(
    "value",
    [
        SoftLabel((1, 4), (0.25, 0.75)),
        RowGroup("a.parquet", 1, 2, 3, 4, (1, 2)),
        Kind.NOT,
        LocalStore("somewhere", attempt="01234567"),
        {"names": ["a", None], "of": {1, 2}, "range": range(1, 9), "counts": Counter("aab")},
        pa.schema([pa.field("a", pa.list_(pa.float32()), metadata={"k": "v"})], {"m": "n"}),
    ],
)
def test_values_come_back_as_they_were(value):
    assert unpack_values(pack_values(value)) == value


@pytest.mark.parametrize("kind", ["u1", "<i8", "<u8", "<f8", "?"])
def test_arrays_come_back_as_they_were(kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    found = unpack_values(pack_values(array))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


class Evil:
    """What runs a command where it is unpickled."""

    def __init__(self, target, *arguments):
        self.call = target, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("target", "given"),
    [
        (os.mkdir, ("made",)),
        (write_text, (LocalStore("."), "made", "")),
        (LocalStore.stage, (LocalStore("."), ["made"], [b""])),
        (getattr, ("made", "upper")),
        (plain_values.unpack_values, (b"",)),
        (np.dtype, ("u1",)),
    ],
)
def test_nothing_runs_that_somebody_else_wrote(tmp_path, monkeypatch, target, given):
    monkeypatch.chdir(tmp_path)
    data = zlib.compress(pickle.dumps(("{}", Evil(target, *given))))
    with pytest.raises(ValueError, match="is not allowed"):
        unpack_values(data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"half", zlib.compress(b""), pack_values([1, 2])[:-3]])
def test_damaged_bytes_are_refused(data):
    with pytest.raises(ValueError, match="these are not plain values"):
        unpack_values(data)
