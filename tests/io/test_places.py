"""Directories that users name: opened as stores, and refused where they overlap."""

from __future__ import annotations

import pytest

from augcli.errors import InputError, OutputError
from augcli.io.store.places import check_apart, open_destination


def test_a_destination_need_not_exist(tmp_path):
    assert open_destination(tmp_path / "new").root == str(tmp_path / "new")
    assert open_destination(tmp_path / "new" / "below").root == str(tmp_path / "new" / "below")
    assert list(tmp_path.iterdir()) == []


def test_a_relative_destination_stays_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_destination("dst")
    monkeypatch.chdir("/")
    assert store.root == str(tmp_path / "dst")


def test_a_file_is_not_a_destination(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"DST '.*/file' is a file; give a directory"):
        open_destination(tmp_path / "file")


@pytest.fixture
def places(tmp_path):
    """SRC in a directory of its own, with a link beside it."""
    (tmp_path / "data" / "src" / "cat").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "src")
    return tmp_path


@pytest.mark.parametrize(
    "destination",
    [
        "data/src",
        "data/src/dst",
        "data/src/cat/x/y",
        "data",
        ".",
        "link",
        "link/dst",
        "data/src/../src",
        "data/x/../src",
    ],
)
def test_destination_that_overlaps_the_source_is_refused(places, destination):
    with pytest.raises(OutputError, match="overlap; give DST a place of its own"):
        check_apart(places / "data" / "src", places / destination)


def test_destination_around_the_target_of_a_linked_source_is_refused(places):
    with pytest.raises(OutputError, match="overlap"):
        check_apart(places / "link", places / "data")


@pytest.mark.parametrize("destination", ["data/dst", "dst", "data/src2", "data/sr"])
def test_destination_beside_the_source_is_accepted(places, destination):
    check_apart(places / "data" / "src", places / destination)


@pytest.mark.parametrize(
    ("source", "destination", "overlaps"),
    [
        ("*.parquet", "dst", False),
        ("**/*.parquet", "dst", True),
        ("*.parquet", "", True),
        ("*.parquet", "..", True),
    ],
)
def test_a_glob_overlaps_what_it_may_match(places, source, destination, overlaps):
    if overlaps:
        with pytest.raises(OutputError, match="overlap"):
            check_apart(places / "data" / source, places / "data" / destination)
    else:
        check_apart(places / "data" / source, places / "data" / destination)


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("s3://b/src", "s3://b/src"),
        ("s3://b/src", "s3://b/src/dst"),
        ("s3://b/src/", "s3://b"),
        ("s3://b/src/*.parquet", "s3://b/src"),
        ("s3://b/src/**/x.parquet", "s3://b/src/dst"),
    ],
)
def test_addresses_that_overlap_are_refused(source, destination):
    with pytest.raises(OutputError, match="overlap; give DST a place of its own"):
        check_apart(source, destination)


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("s3://b/src", "s3://b/src2"),
        ("s3://b/src", "s3://c/src"),
        ("s3://b/src", "gs://b/src"),
        ("s3://b/src/*.parquet", "s3://b/src/dst"),
        ("src", "s3://b/src"),
        ("s3://b/src", "src"),
    ],
)
def test_addresses_apart_are_taken(source, destination):
    check_apart(source, destination)


def test_an_address_is_a_destination_unless_an_object_is_there():
    store = open_destination("memory://places/a/")
    assert store.name == "memory://places/a"
    store.stage(["b"], [b""])
    with pytest.raises(OutputError, match="DST 'memory://places/a/b' is a file; give a directory"):
        open_destination("memory://places/a/b")
    with pytest.raises(InputError, match="is an address of a kind that is not read"):
        open_destination("ftp://host/x")
