"""What every store does, whatever its kind."""

from __future__ import annotations

import os
import pickle
import threading

import pytest

from augcli.errors import StorageError
from augcli.io.store.base import Version
from augcli.io.store.local import LocalStore


@pytest.fixture(params=["local"])
def store(request, tmp_path):
    return LocalStore(str(tmp_path / "root"))


def listed(store, prefix="", wanted=None):
    """Keys and sizes, in order."""
    pages = list(store.list(prefix, wanted))
    return sorted((key, size) for page in pages for key, size in zip(page.keys, page.sizes, strict=True))


def put(store, **files):
    keys = [name.replace("__", "/") for name in files]
    store.stage(keys, list(files.values()))
    store.publish(keys)


def test_a_store_whose_root_does_not_exist_is_empty(store):
    assert listed(store) == []
    assert store.read(["a"]) == [None]
    assert store.free_bytes() > 0


def test_what_is_staged_is_not_there_under_its_name_before_it_is_published(store):
    store.stage(["a/b.png", "c"], [b"1", b"22"])
    assert store.read(["a/b.png", "c"]) == [None, None]
    store.publish(["a/b.png", "c"])
    assert listed(store) == [("a/b.png", 1), ("c", 2)]
    assert store.read(["c", "nothing", "a/b.png"]) == [b"22", None, b"1"]


def test_another_process_may_publish_what_was_staged(store):
    store.stage(["a"], [b"1"])
    pickle.loads(pickle.dumps(store)).publish(["a"])
    assert store.read(["a"]) == [b"1"]


def test_two_attempts_at_one_file_never_meet(tmp_path):
    """Both have written before either publishes; at no moment is the file cut short."""
    barrier, seen = threading.Barrier(2), []

    def attempt(store):
        store.stage(["a"], [b"x" * 100_000])
        barrier.wait(10)
        store.publish(["a"])
        seen.append(len(store.read(["a"])[0]))

    stores = [LocalStore(str(tmp_path)) for _ in range(2)]
    threads = [threading.Thread(target=attempt, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [100_000, 100_000]
    assert os.listdir(tmp_path) == ["a"]


def test_a_listing_begins_at_a_prefix_and_leaves_out_what_nobody_wants(store):
    put(store, a__b=b"1", a__c__d=b"2", e=b"3")
    assert listed(store, "a/") == [("a/b", 1), ("a/c/d", 1)]
    assert listed(store, "", lambda name: name != "c") == [("a/b", 1), ("e", 1)]
    assert listed(store, "x/") == []


def test_an_empty_directory_is_listed_with_a_slash(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert listed(LocalStore(str(tmp_path))) == [("a/b/", 0)]


def test_deleting_removes_the_directories_that_it_empties(store):
    put(store, a__b__c=b"1", a__d=b"2")
    store.delete(["a/b/c", "gone", "x/y"])
    assert listed(store) == [("a/d", 1)]
    store.delete(["a/d"])
    assert listed(store) == []


def test_an_empty_directory_is_deleted_by_its_key(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    LocalStore(str(tmp_path)).delete(["a/b/"])
    assert os.listdir(tmp_path) == []


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


def test_one_of_many_creates_a_file(store):
    barrier, won = threading.Barrier(32), []

    def create(number):
        barrier.wait(10)
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


def test_a_directory_of_nothing_that_is_wanted_is_listed_with_a_slash(store):
    put(store, a__b=b"1", a__c__d=b"2", e__f=b"3")
    assert listed(store, "", lambda name: name not in ("b", "d", "f")) == [("a/c/", 0), ("e/", 0)]


class TestLocal:
    def test_links_are_followed_once_if_asked_for(self, tmp_path):
        (tmp_path / "src" / "b").mkdir(parents=True)
        (tmp_path / "src" / "b" / "x").write_bytes(b"1")
        (tmp_path / "src" / "a").symlink_to("b")
        (tmp_path / "src" / "loop").symlink_to("loop")
        root = str(tmp_path / "src")
        assert listed(LocalStore(root)) == [("b/x", 1)]
        assert listed(LocalStore(root, follow_links=True)) == [("b/x", 1)]
        pages = list(LocalStore(root, follow_links=True).list())
        assert [what for page in pages for what in page.others] == ["broken links"]
        pages = list(LocalStore(root).list())
        assert [what for page in pages for what in page.others] == ["links", "links"]

    def test_a_directory_that_is_to_be_left_out_is_not_entered_through_a_link(self, tmp_path):
        (tmp_path / "src").mkdir()
        (tmp_path / "dst").mkdir()
        (tmp_path / "dst" / "x").write_bytes(b"1")
        (tmp_path / "src" / "out").symlink_to(tmp_path / "dst")
        store = LocalStore(str(tmp_path / "src"), follow_links=True, skip=str(tmp_path / "dst"))
        assert listed(store) == []

    def test_pipes_are_no_files(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        (page,) = LocalStore(str(tmp_path)).list()
        assert (page.keys, page.others) == ([], ["special files"])

    def test_nothing_is_written_through_a_link_in_the_place_of_an_unfinished_file(self, tmp_path):
        store = LocalStore(str(tmp_path / "dst"), attempt="abc")
        (tmp_path / "dst").mkdir()
        (tmp_path / "dst" / "a.abc.part").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StorageError, match="cannot write"):
            store.stage(["a"], [b"1"])
        assert not (tmp_path / "elsewhere").exists()
