"""What the paths that users give lead to."""

from __future__ import annotations

import errno
import glob
import os
from pathlib import Path

import pytest

from augcli.errors import InputError, StorageError
from augcli.io.store.local import LocalStore
from augcli.io.store.locations import (
    Kind,
    Location,
    find_above,
    find_kind,
    full_name,
    is_pattern,
    lies_in,
    locate,
    locate_files,
    path_below,
)
from augcli.io.store.object_locations import matches
from augcli.io.store.objects import ObjectStore
from augcli.io.store.urls import parse_url


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


# --- addresses -----------------------------------------------------------------------------------------


def fill(bucket, *keys):
    """Put objects of one byte into a bucket of this process's memory; gives its address."""
    ObjectStore(parse_url(f"memory://{bucket}")).stage(keys, [b"1"] * len(keys))
    return f"memory://{bucket}"


def test_an_address_leads_to_an_object_or_to_what_lies_below_it():
    url = fill("lead", "a/b/x.png", "a/t.csv")
    location = locate(f"{url}/a/t.csv")
    assert (location.kind, location.key, location.store.name) == (Kind.FILE, "t.csv", f"{url}/a")
    assert (location.name, location.read()) == (f"{url}/a/t.csv", b"1")
    for text in (f"{url}/a", f"{url}/a/", url):
        location = locate(text)
        assert (location.kind, location.key, location.name) == (Kind.DIRECTORY, "", text.rstrip("/"))
    assert locate(f"{url}/none").kind is Kind.NOTHING
    with pytest.raises(StorageError, match=r"cannot read 'memory://lead/none'") as raised:
        locate(f"{url}/none").read()
    assert isinstance(raised.value.__cause__, FileNotFoundError)


def test_an_address_of_a_kind_that_is_not_read_is_refused():
    with pytest.raises(InputError, match="'https://x/y' is an address of a kind that is not read"):
        locate("https://x/y")


def test_a_pattern_finds_objects_as_it_finds_files():
    url = fill("glob", "a/1/x.parquet", "a/2/y.parquet", "a/2/y.csv", "a/2/.z.parquet", "b/x.parquet")
    store, files = locate_files(f"{url}/a/*/*.parquet")
    assert (store.name, files.keys, list(files.sizes)) == (f"{url}/a", ["1/x.parquet", "2/y.parquet"], [1, 1])
    store, files = locate_files(f"{url}/**/*.parquet")
    assert (store.name, files.keys) == (url, ["a/1/x.parquet", "a/2/y.parquet", "b/x.parquet"])
    store, files = locate_files(f"{url}/b/x.parquet")
    assert (store.name, files.keys) == (f"{url}/b", ["x.parquet"])
    assert len(locate_files(f"{url}/*.png")[1]) == 0


def test_a_pattern_finds_no_objects_of_a_directory_whose_name_begins_like_its_own():
    url = fill("beside", "a/1.parquet", "a2/2.parquet", "a.d/3.parquet")
    store, files = locate_files(f"{url}/a/*.parquet")
    assert (store.name, files.keys) == (f"{url}/a", ["1.parquet"])


def test_an_object_whose_name_looks_like_a_pattern_is_that_object():
    url = fill("odd", "a[1].parquet", "a1.parquet")
    assert locate_files(f"{url}/a[1].parquet")[1].keys == ["a[1].parquet"]


@pytest.mark.parametrize(
    "pattern", ["*", "a*", "?[bc]", "**", "**/c", "a/**/c", "a/*/c", "*/.h", ".*", "**/*", "a/**"]
)
def test_patterns_match_keys_as_glob_matches_paths(tmp_path, pattern):
    keys = ["ab", "c", "a/c", "a/x/c", "a/x/y/c", "a/.h", ".h", ".d/c", "b/c"]
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(b"")
    expected = {path for path in glob.glob(pattern, root_dir=tmp_path, recursive=True) if path in keys}
    assert {key for key in keys if matches(key.split("/"), pattern.split("/"))} == expected


def test_what_lies_above_an_address_is_found():
    url = fill("above", "out/augcli.json", "out/train/cat/x.png")
    assert find_above(f"{url}/out/train/cat", "augcli.json", 3) == f"{url}/out"
    assert find_above(f"{url}/out/train/cat", "augcli.json", 1) is None
    assert find_above(f"{url}/out", "augcli.json", 3) is None
    assert find_above(url, "augcli.json", 3) is None


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("s3://b/a/c", "s3://b/a", "c/"),
        ("s3://b/a", "s3://b/a", ""),
        ("s3://b/a", "s3://b", "a/"),
        ("s3://b/ab", "s3://b/a", None),
        ("s3://b", "/a", None),
        ("/a", "s3://b", None),
    ],
)
def test_the_path_below_an_address(inner, outer, expected):
    assert path_below(inner, outer) == expected
