"""Stores on a local disk: what they have beyond all stores, and how they meet the system."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading

import pytest

from augcli.errors import StorageError
from augcli.io.store.base import write_text
from augcli.io.store.contents import list_contents
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import LocalStore
from augcli.io.store.local_files import read_if_there, read_unchanged
from tests.stores import listed, put


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path / "root"))


def test_the_free_space_is_known_where_the_root_does_not_exist(store):
    assert store.free_bytes() > 0


def test_what_is_staged_is_not_there_under_its_name_before_it_is_published(store):
    store.stage(["a/b.png", "c"], [b"1", b"22"])
    assert store.read(["a/b.png", "c"]) == [None, None]
    store.publish(["a/b.png", "c"])
    assert listed(store) == [("a/b.png", 1), ("c", 2)]
    assert store.read(["c", "nothing", "a/b.png"]) == [b"22", None, b"1"]


def test_two_attempts_at_one_file_never_meet(tmp_path):
    """Both have written before either publishes; at no moment is the file cut short."""
    barrier, seen = threading.Barrier(2), []

    def attempt(store):
        store.stage(["a"], [b"x" * 100_000])
        barrier.wait(60)
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


def test_an_empty_directory_is_listed_with_a_slash(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert listed(LocalStore(str(tmp_path))) == [("a/b/", 0)]


def test_an_empty_directory_is_deleted_by_its_key(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    LocalStore(str(tmp_path)).delete(["a/b/"])
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_read_in_pieces_is_whole(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"0123456789")
    status, read = (tmp_path / "a").stat(), os.read
    monkeypatch.setattr(os, "read", lambda file, size: read(file, min(size, 3)))
    assert read_unchanged(str(tmp_path / "a"), 10, status.st_mtime_ns) == b"0123456789"
    assert read_if_there(str(tmp_path / "a")) == b"0123456789"


def test_what_was_never_staged_cannot_be_published(store):
    with pytest.raises(StorageError, match=r"cannot write '.*a\.jpg'"):
        store.publish(["a.jpg"])


def test_a_directory_of_nothing_that_is_wanted_is_listed_with_a_slash(store):
    put(store, a__b=b"1", a__c__d=b"2", e__f=b"3")
    assert listed(store, "", lambda name: name not in ("b", "d", "f")) == [("a/c/", 0), ("e/", 0)]


def test_an_error_of_the_machine_says_what_was_done_and_the_cure():
    message = "cannot write 'x': No space left on device; free or repair it and run again"
    with pytest.raises(StorageError, match=message), storage_errors("cannot write 'x'"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(KeyError), storage_errors("doing"):
        raise KeyError("x")


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

    def test_links_and_what_they_lead_to_are_not_files(self, tmp_path):
        (tmp_path / "a").write_bytes(b"1")
        (tmp_path / "link").symlink_to("a")
        os.mkfifo(tmp_path / "pipe")
        contents = list_contents(LocalStore(str(tmp_path)))
        assert (contents.sizes, contents.links) == ({"a": 1}, ["link"])

    def test_what_goes_while_a_directory_is_listed_is_left_out(self, tmp_path, monkeypatch):
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "x").write_bytes(b"1")
        real = os.scandir

        def scan(path):
            entries = list(real(path))  # as a listing that was read whole before
            if str(path) == str(tmp_path):
                (tmp_path / "a" / "x").unlink()
                (tmp_path / "a").rmdir()
            elif (tmp_path / "b" / "x").exists():
                (tmp_path / "b" / "x").unlink()
            return contextlib.nullcontext(entries)

        monkeypatch.setattr(os, "scandir", scan)
        pages = list(LocalStore(str(tmp_path)).list())
        assert [(page.keys, page.others) for page in pages] == [([], []), (["b/"], [])]  # empty by now

    def test_a_file_is_whole_where_the_system_takes_only_some_bytes_at_a_time(self, tmp_path, monkeypatch):
        real = os.write
        monkeypatch.setattr(os, "write", lambda file, data: real(file, bytes(data[:3])))
        store = LocalStore(str(tmp_path))
        put(store, a=b"0123456789")
        assert store.read(["a"]) == [b"0123456789"]

    def test_a_file_is_read_whole_where_the_system_gives_only_some_bytes_at_a_time(
        self, tmp_path, monkeypatch
    ):
        real = os.read
        monkeypatch.setattr(os, "read", lambda file, size: real(file, min(size, 3)))
        (tmp_path / "a").write_bytes(b"0123456789")
        assert LocalStore(str(tmp_path)).read(["a"]) == [b"0123456789"]

    def test_a_file_is_synced_before_its_rename_and_its_directory_after(self, tmp_path, monkeypatch):
        seen, fsync, replace = [], os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", lambda *arguments: seen.append("fsync") or fsync(*arguments))
        monkeypatch.setattr(os, "replace", lambda *arguments: seen.append("replace") or replace(*arguments))
        write_text(LocalStore(str(tmp_path)), "a.txt", "text")
        assert seen == ["fsync", "replace", "fsync"]

    def test_a_file_in_the_place_of_a_directory_is_a_fault_of_the_machine(self, tmp_path):
        (tmp_path / "a").write_bytes(b"")
        store = LocalStore(str(tmp_path))
        for write in (lambda: store.stage(["a/b"], [b""]), lambda: write_text(store, "a/b", "")):
            with pytest.raises(StorageError, match=r"cannot (make|write) '.*a"):
                write()

    def test_a_directory_is_not_a_file(self, tmp_path):
        (tmp_path / "a").mkdir()
        assert LocalStore(str(tmp_path)).read(["a"]) == [None]

    @pytest.mark.slow
    @pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
    def test_one_of_many_creates_a_file_where_there_are_no_hard_links(self, tmp_path, monkeypatch, code):
        def refuse(*_):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "link", refuse)
        store, barrier = LocalStore(str(tmp_path / "root")), threading.Barrier(32)
        won: list[bool] = []

        def create(number):
            barrier.wait(60)
            won.append(store.create("a/lease", b"%d" % number))

        threads = [threading.Thread(target=create, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == [False] * 31 + [True]
        assert [key for key, _ in listed(store)] == ["a/lease"]

    def test_a_file_that_cannot_be_created_leaves_nothing(self, tmp_path, monkeypatch):
        def refuse(*_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(StorageError, match=r"cannot write '.*/a': Input/output error"):
            LocalStore(str(tmp_path)).create("a", b"1")
        assert os.listdir(tmp_path) == []

    def test_a_file_that_is_created_without_hard_links_is_gone_if_the_disk_is_full(
        self, tmp_path, monkeypatch
    ):
        def refuse(*_):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        real, calls = os.write, []

        def fill(file, data):
            calls.append(file)
            if len(calls) == 2:  # under its own name
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(file, data)

        monkeypatch.setattr(os, "link", refuse)
        monkeypatch.setattr(os, "write", fill)
        with pytest.raises(StorageError, match="No space left"):
            LocalStore(str(tmp_path)).create("a", b"1")
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("gone", ["d", "d/e"])
def test_a_directory_that_others_remove_as_empty_is_made_again(tmp_path, monkeypatch, gone):
    store, real, left = LocalStore(str(tmp_path)), os.makedirs, [gone] * 3

    def make(path, **options):
        real(path, **options)
        if left and (tmp_path / gone).exists():
            shutil.rmtree(tmp_path / left.pop())

    monkeypatch.setattr(os, "makedirs", make)
    store.stage(["d/e/f"], [b"x"])
    store.publish(["d/e/f"])
    assert store.read(["d/e/f"]) == [b"x"]
    assert not left
