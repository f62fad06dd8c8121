"""What every store does, whatever its kind: local, in memory, S3, Azure."""

from __future__ import annotations

import itertools
import pickle
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.errors import StorageError
from augcli.io.store.base import Version, WorkerKind, write_text
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.objects import ObjectStore
from augcli.io.store.places import clear_scratch
from augcli.io.store.urls import Access, parse_url
from tests import servers
from tests.stores import listed, put

NUMBERS = itertools.count()

ODD_NAMES = [
    "a b.jpg",
    "100%.jpg",
    "a%20b.jpg",
    "a+b=c&d.jpg",
    "naïve/日本語.png",
    "#1?.png",
    "[x]{y}*~`^|'\"<>.png",
    "-dash",
    "..dots..",
    "n" * 196 + ".jpg",
]


@pytest.fixture(
    params=[
        "local",
        "memory",
        pytest.param("s3", marks=pytest.mark.slow),
        pytest.param("az", marks=pytest.mark.slow),
    ]
)
def store(request, tmp_path):
    """An empty store whose root does not exist yet."""
    kind, number = request.param, next(NUMBERS)
    if kind == "local":
        return LocalStore(str(tmp_path / "root"))
    fixture = {"s3": "s3", "az": "azure"}.get(kind)
    endpoint = request.getfixturevalue(fixture) if fixture else None
    url = f"{kind}://suite-{number}/some where/root"
    servers.make_bucket(url, endpoint)
    return ObjectStore(parse_url(url), Access(endpoint))


def test_a_store_whose_root_does_not_exist_is_empty(store):
    assert listed(store) == []
    assert store.read(["a"]) == [None]


def test_another_process_may_publish_what_was_staged(store):
    store.stage(["a"], [b"1"])
    pickle.loads(pickle.dumps(store)).publish(["a"])
    assert store.read(["a"]) == [b"1"]


def test_a_listing_begins_at_a_prefix_and_leaves_out_what_nobody_wants(store):
    put(store, a__b=b"1", a__c__d=b"2", e=b"3")
    assert listed(store, "a/") == [("a/b", 1), ("a/c/d", 1)]
    assert listed(store, "", lambda name: name != "c") == [("a/b", 1), ("e", 1)]
    assert listed(store, "x/") == []


def test_a_listing_begins_with_the_first_letters_of_names(store):
    put(store, aa=b"1", ab=b"2", abc=b"3", abd__e=b"4", b=b"5", x__ab=b"6", x__b=b"7")
    assert listed(store, "ab") == [("ab", 1), ("abc", 1), ("abd/e", 1)]
    assert listed(store, "x/a") == [("x/ab", 1)]
    assert listed(store, "x/c") == []


def test_deleting_removes_the_directories_that_it_empties(store):
    put(store, a__b__c=b"1", a__d=b"2")
    store.delete(["a/b/c", "gone", "x/y"])
    assert listed(store) == [("a/d", 1)]
    store.delete(["a/d"])
    assert listed(store) == []


def test_a_file_that_changed_is_a_fault_of_the_moment(store):
    put(store, a=b"123")
    (page,) = store.list()
    version = Version(page.sizes[0], page.versions[0])
    assert store.read(["a"], [version]) == [b"123"]
    with pytest.raises(StorageError, match="changed since it was listed; run again"):
        store.read(["a"], [version._replace(size=2)])
    with pytest.raises(StorageError, match="changed since it was listed; run again"):
        store.read(["a"], [version._replace(version=5)])
    store.delete(["a"])
    with pytest.raises(StorageError, match="cannot read"):
        store.read(["a"], [version])


def test_a_written_file_appears_whole_or_not_at_all(store):
    with store.writing("a/b") as file:
        file.write(b"1")
        assert store.read(["a/b"]) == [None]
    assert store.read(["a/b"]) == [b"1"]
    with pytest.raises(TypeError), store.writing("a/b") as file:
        file.write("a text")
    assert listed(store) == [("a/b", 1)]
    assert store.read(["a/b"]) == [b"1"]


def write_and_fail(store, error):
    with store.writing("a.csv") as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [{}, {"a.csv": b"old"}])
def test_what_stood_there_stays_where_a_file_is_not_written_to_its_end(store, error, before):
    put(store, **before)
    with pytest.raises(type(error)):
        write_and_fail(store, error)
    assert listed(store) == [(key, len(data)) for key, data in before.items()]


def test_a_text_is_written_as_utf8_with_lf(store):
    write_text(store, "a.txt", "naïve\nb\n")
    assert store.read(["a.txt"]) == [b"na\xc3\xafve\nb\n"]


def test_one_of_many_creates_a_file(store):
    barrier, won = threading.Barrier(32), []

    def create(number):
        barrier.wait(60)
        if store.create("a/lease", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read(["a/lease"]) == [b"%d" % won[0]]
    assert listed(store) == [("a/lease", len(str(won[0])))]


def test_an_open_file_is_read_by_ranges(store):
    put(store, a=b"0123456789")
    with store.open("a") as file:
        file.seek(4)
        assert file.read(3) == b"456"
    with pytest.raises(StorageError, match="cannot read"):
        store.open("nothing")


def test_behind_the_end_of_an_open_file_nothing_is_read(store):
    put(store, a=b"0123456789")
    with store.open("a") as file:
        file.seek(12)
        assert file.read(3) == b""
        assert file.tell() == 12
        file.seek(8)
        assert file.read(3) == b"89"


def test_a_file_that_changed_is_not_opened(store):
    put(store, a=b"123")
    (page,) = store.list()
    version = Version(page.sizes[0], page.versions[0])
    with store.open("a", version) as file:
        assert file.read() == b"123"
    for other in (version._replace(size=2), version._replace(version=5)):
        with pytest.raises(StorageError, match="changed since it was listed; run again"):
            store.open("a", other)
    store.delete(["a"])
    with pytest.raises(StorageError, match="cannot read"):
        store.open("a", version)


def test_the_contents_are_what_one_listing_says(store):
    put(store, a=b"1", b__c=b"22", _git__refs__d=b"333")
    contents = list_contents(store)
    assert contents.sizes == {"a": 1, "b/c": 2, "_git/refs/d": 3}
    store.stage([".git/refs/x", "b/.hidden"], [b"", b""])
    store.publish([".git/refs/x", "b/.hidden"])
    assert sorted(list_contents(store).visible()) == ["_git/refs/d", "a", "b/.hidden", "b/c"]


def versions(store):
    """Version of each file by its key."""
    pages = list(store.list())
    rows = [zip(page.keys, page.sizes, page.versions, strict=True) for page in pages]
    return {key: Version(size, version) for key, size, version in itertools.chain(*rows)}


def test_what_is_published_is_read(store):
    store.stage(["a/b.png", "c"], [b"1", b"22"])
    store.publish(["a/b.png", "c"])
    assert listed(store) == [("a/b.png", 1), ("c", 2)]
    assert store.read(["c", "nothing", "a/b.png"]) == [b"22", None, b"1"]


def test_a_staged_file_is_read_and_removed_by_its_staged_key(store):
    store.stage(["a"], [b"1"])
    assert store.read([store.staged("a")]) == [b"1"]
    store.delete([store.staged("a")])
    assert listed(store) == []


def test_scratch_files_are_no_part_of_the_listing_once_they_are_removed(store):
    scratch, prefix = store.scratch
    key = f"{prefix}data/x"
    scratch.stage([key], [b"1"])
    assert pickle.loads(pickle.dumps(store)).scratch.store.read([scratch.staged(key)]) == [b"1"]
    scratch.delete([scratch.staged(key)])
    assert listed(store) == []
    assert listed(scratch, prefix) == []


def test_what_a_failed_attempt_left_of_scratch_files_is_cleared_elsewhere_alone(store):
    """On a disk the next run removes it, as all unfinished files."""
    scratch, prefix = store.scratch
    scratch.stage([f"{prefix}data/x"], [b"1"])
    clear_scratch(store)
    is_left = scratch.read([scratch.staged(f"{prefix}data/x")]) == [b"1"]
    assert is_left is (store.worker_kind is WorkerKind.FORKED)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_stay_as_they_are(store, name):
    store.stage([f"x y/{name}"], [b"123"])
    store.publish([f"x y/{name}"])
    assert listed(store) == [(f"x y/{name}", 3)]
    assert store.read([f"x y/{name}"], [versions(store)[f"x y/{name}"]]) == [b"123"]
    with store.open(f"x y/{name}") as file:
        assert file.read() == b"123"
    store.delete([f"x y/{name}"])
    assert listed(store) == []


def test_an_empty_file_is_a_file(store):
    put(store, _SUCCESS=b"", a__b=b"")
    assert listed(store) == [("_SUCCESS", 0), ("a/b", 0)]
    assert store.read(["_SUCCESS", "a/b"], [versions(store)[key] for key in ("_SUCCESS", "a/b")]) == [
        b"",
        b"",
    ]
    with store.open("a/b") as file:
        assert file.read() == b""


def test_what_is_missing_may_be_deleted(store):
    store.delete([])
    store.delete(["nothing"])
    put(store, a=b"1", b=b"2")
    store.delete(["a", "nothing", "x/y"])
    assert listed(store) == [("b", 1)]


@pytest.mark.slow
def test_the_listing_goes_on_beyond_a_thousand_keys(store):
    keys = [f"d{number % 3}/{number:04d}" for number in range(1050)]
    store.stage(keys, [b"%d" % (number % 10) for number in range(1050)])
    store.publish(keys)
    assert [key for key, _ in listed(store)] == sorted(keys)
    store.delete(keys)
    assert listed(store) == []


def test_many_files_are_read_in_order(store):
    keys = [f"{number}" for number in range(100)]
    store.stage(keys, [key.encode() for key in keys])
    store.publish(keys)
    assert store.read(keys[::-1]) == [key.encode() for key in keys[::-1]]


def test_a_file_written_anew_is_another_version(store):
    put(store, a=b"123")
    (before,) = versions(store).values()
    put(store, a=b"124")
    with pytest.raises(StorageError, match="changed since it was listed; run again"):
        store.read(["a"], [before])
    assert store.read(["a"], [versions(store)["a"]]) == [b"124"]


@pytest.mark.slow
def test_a_large_file_is_read_in_pieces(store):
    """Larger than what is read of its end, and than what is fetched at once."""
    data = b"".join(number.to_bytes(4, "big") for number in range(700_000))
    store.stage(["a"], [data])
    store.publish(["a"])
    with store.open("a") as file:
        for start, length in [(0, 10), (5, 100), (2_799_990, 10), (1_500_000, 1_200_000), (1_500_010, 7)]:
            file.seek(start)
            assert file.read(length) == data[start : start + length]
        assert file.seek(-8, 2) == len(data) - 8
        assert file.read() == data[-8:]
        assert file.read(5) == b""


@pytest.mark.slow
def test_pyarrow_writes_and_reads_parquet(store):
    table = pa.table({"a": range(200_000), "b": [str(number) for number in range(200_000)]})
    with store.writing("t.parquet") as file:
        pq.write_table(table, file, row_group_size=50_000)
    with store.open("t.parquet") as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
        assert parquet.num_row_groups == 4
        assert parquet.read_row_group(2, ["b"]).column("b")[0].as_py() == "100000"


def test_a_file_that_changes_while_it_is_read_is_a_fault_of_the_moment(store):
    if store.worker_kind is WorkerKind.FORKED:
        pytest.skip("an open file of a disk stays the one that was opened")
    put(store, a=b"1" * 3_000_000)
    with store.open("a") as file:
        file.read(10)
        put(store, a=b"2" * 3_000_000)
        file.seek(2_000_000)
        with pytest.raises(StorageError, match="changed since it was listed; run again"):
            file.read(10)


def test_a_pickle_holds_no_credentials(store):
    store.read(["a"])
    for name in ("AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"):
        assert servers.CREDENTIALS[name].encode() not in pickle.dumps(store)
