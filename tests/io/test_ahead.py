"""Files that are read before they are wanted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from augcli.errors import StorageError
from augcli.io.readers import ahead
from augcli.io.readers.ahead import FilesAhead
from augcli.io.store.local import LocalStore
from augcli.io.store.object_clients import load_obstore
from augcli.io.store.objects import ObjectStore
from augcli.io.store.urls import parse_url
from tests.stores import await_requests

NUMBERS = itertools.count()


def fill(store, count=6):
    keys = [f"{number}.png" for number in range(count)]
    store.stage(keys, [b"%d" % number * 10 for number in range(count)])
    store.publish(keys)
    (page,) = [page for page in store.list() if page.keys]
    rows = sorted(zip(page.keys, page.sizes, page.versions, strict=True))
    return [row[0] for row in rows], np.array([row[1] for row in rows]), np.array([row[2] for row in rows])


@pytest.fixture
def store():
    return ObjectStore(parse_url(f"memory://ahead-{next(NUMBERS)}"))


@pytest.fixture
def gets(monkeypatch):
    await_requests()  # of the tests before
    found, real = [], load_obstore().get
    monkeypatch.setattr(load_obstore(), "get", lambda client, path: found.append(path) or real(client, path))
    return found


def test_what_was_begun_is_read_once(store, gets):
    files = FilesAhead(store, *fill(store))
    assert files.begin([0, 1, 2]) == 3
    assert files.begin([1, 2, 3]) == 3
    assert [files.read(number) for number in (2, 0, 1, 3, 5)] == [
        b"2" * 10,
        b"0" * 10,
        b"1" * 10,
        b"3" * 10,
        b"5" * 10,
    ]
    assert sorted(gets) == ["0.png", "1.png", "2.png", "3.png", "5.png"]


def test_what_is_wanted_again_is_read_again(store, gets):
    files = FilesAhead(store, *fill(store))
    files.begin([0])
    assert [files.read(0), files.read(0)] == [b"0" * 10] * 2
    assert gets == ["0.png"] * 2


def test_no_more_is_begun_than_there_is_room_for(store, monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 25)
    files = FilesAhead(store, *fill(store))
    assert files.begin([0, 1, 2, 3]) == 2
    files.read(0)
    assert files.begin([2, 3]) == 1


def test_a_file_without_room_is_begun_alone(store, monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 1)
    assert FilesAhead(store, *fill(store)).begin([0, 1]) == 1


def test_files_that_are_missing_by_nature_are_passed_over(store):
    keys, sizes, versions = fill(store)
    files = FilesAhead(store, [None, *keys[1:]], sizes, versions)
    assert files.begin([0, 1]) == 2
    assert files.read(1) == b"1" * 10


def test_a_file_that_changed_is_a_fault_where_it_is_wanted(store):
    files = FilesAhead(store, *fill(store))
    store.stage(["1.png"], [b"other bytes"])
    files.begin([0, 1])
    assert files.read(0) == b"0" * 10
    with pytest.raises(StorageError, match="changed since it was listed; run again"):
        files.read(1)


def test_files_of_a_disk_are_read_when_they_are_wanted(tmp_path):
    store = LocalStore(str(tmp_path))
    files = FilesAhead(store, *fill(store))
    assert files.begin([0, 1]) == 2
    store.stage(["0.png"], [b"other bytes"])
    store.publish(["0.png"])
    with pytest.raises(StorageError, match="changed since it was listed; run again"):
        files.read(0)
