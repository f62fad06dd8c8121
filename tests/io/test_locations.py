"""What the paths that users give lead to."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from augcli.errors import StorageError
from augcli.io.store.local import LocalStore
from augcli.io.store.locations import (
    Kind,
    Location,
    find_kind,
    full_name,
    is_pattern,
    lies_in,
    locate,
    locate_files,
)


def test_directory_is_a_store_of_its_own(tmp_path):
    location = locate(tmp_path, follow_links=True, skip="/dst")
    assert (location.kind, location.key, location.name) == (Kind.DIRECTORY, "", str(tmp_path))
    store = location.store
    assert (store.root, store.follow_links, store.skip) == (str(tmp_path), True, "/dst")


def test_file_is_a_key_of_the_directory_that_holds_it(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"1")
    location = locate(tmp_path / "a.csv")
    assert (location.kind, location.key, location.store.name) == (Kind.FILE, "a.csv", str(tmp_path))
    assert location.name == str(tmp_path / "a.csv")
    assert location.read() == b"1"


@pytest.mark.parametrize(
    ("path", "name"), [("a.csv", "a.csv"), ("./x//a.csv", "x/a.csv"), (".", "."), ("none/", "none")]
)
def test_path_is_shown_as_it_was_given(tmp_path, monkeypatch, path, name):
    monkeypatch.chdir(tmp_path)
    assert locate(path).name == name


@pytest.mark.parametrize(
    ("root", "key", "name"), [("/a", "b/c", "/a/b/c"), ("/", "b", "/b"), (".", "b", "b"), ("a", "", "a")]
)
def test_name_of_a_key_is_its_path(root, key, name):
    assert full_name(LocalStore(root), key) == name


@pytest.mark.parametrize("path", ["none", "a/b", "loop", "x\0y", "x" * 300])
def test_where_nothing_stands_there_is_nothing(tmp_path, path):
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    assert find_kind(f"{tmp_path}/{path}") is Kind.NOTHING


def test_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert locate(tmp_path / "pipe").kind is Kind.SPECIAL


def test_link_leads_to_what_it_points_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert find_kind(tmp_path / "link") is Kind.DIRECTORY


def test_path_that_the_machine_cannot_look_at_is_a_storage_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StorageError, match=rf"cannot read '{tmp_path}/a': Permission denied; free or repair"):
        find_kind(tmp_path / "a")


def test_missing_file_cannot_be_read(tmp_path):
    with pytest.raises(
        StorageError, match=rf"cannot read '{tmp_path}/none': No such file or directory"
    ) as caught:
        Location(LocalStore(str(tmp_path)), "none").read()
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_pattern_gives_files_of_their_deepest_common_directory(tmp_path):
    for name in ("a/x/1.parquet", "a/y/2.parquet", "b/3.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    store, files = locate_files(f"{tmp_path}/a/*/*.parquet")
    assert (store.name, files.keys) == (str(tmp_path / "a"), ["x/1.parquet", "y/2.parquet"])
    assert list(files.sizes) == [13, 13]
    assert files.versions[0] == (tmp_path / "a/x/1.parquet").stat().st_mtime_ns
    store, files = locate_files(f"{tmp_path}/**/*.parquet")
    assert (store.name, files.keys) == (str(tmp_path), ["a/x/1.parquet", "a/y/2.parquet", "b/3.parquet"])


def test_file_whose_name_is_a_pattern_is_that_file_alone(tmp_path):
    for name in ("a[1]", "a1"):
        (tmp_path / name).write_bytes(b"")
    assert is_pattern(f"{tmp_path}/a[1]")
    store, files = locate_files(f"{tmp_path}/a[1]")
    assert (store.name, files.keys) == (str(tmp_path), ["a[1]"])


def test_pattern_that_matches_nothing_gives_no_files(tmp_path):
    assert len(locate_files(f"{tmp_path}/*.parquet")[1]) == 0


@pytest.mark.parametrize(
    ("inner", "is_in"), [("src", True), ("src/masks", True), ("link", True), ("srcs", False), (".", False)]
)
def test_directory_lies_in_another_whatever_links_lead_there(tmp_path, inner, is_in):
    (tmp_path / "src").mkdir()
    (tmp_path / "link").symlink_to("src")
    assert lies_in(locate(tmp_path / inner), LocalStore(str(tmp_path / "src"))) is is_in
