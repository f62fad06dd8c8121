"""The disk: guarded reads, writes that are whole or absent, and names that fit everywhere."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import OutputError, StorageError
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import (
    check_apart,
    list_sizes,
    make_directory,
    publish,
    read_unchanged,
    remove_file,
    stage,
    write_text,
    writing,
)
from augcli.io.store.names import folder_names, printable_key, safe_folder, safe_stem


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


# Errors of the machine ------------------------------------------------------------------------------------


def test_os_error_becomes_a_storage_error_that_says_what_was_done():
    message = "cannot write 'x': No space left on device; free or repair it and run again"
    with pytest.raises(StorageError, match=message), storage_errors("cannot write 'x'"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_other_errors_pass_unchanged():
    with pytest.raises(KeyError), storage_errors("doing"):
        raise KeyError("x")


# Reading --------------------------------------------------------------------------------------------------


@pytest.fixture
def listed(tmp_path):
    """A file with what a listing says of it: path, size, modification time in nanoseconds."""
    path = tmp_path / "a.png"
    path.write_bytes(b"hello")
    os.utime(path, ns=(1_000, 1_000))
    return path, 5, path.stat().st_mtime_ns


def test_unchanged_file_is_read_whole(listed):
    path, size, version = listed
    assert read_unchanged(str(path), size, version) == b"hello"


def test_file_of_another_size_is_a_storage_error(listed):
    path, size, version = listed
    path.write_bytes(b"hello, world")
    os.utime(path, ns=(version, version))
    with pytest.raises(StorageError, match=r"a\.png' changed since it was listed; run again"):
        read_unchanged(str(path), size, version)


def test_file_of_another_time_is_a_storage_error(listed):
    path, size, version = listed
    os.utime(path, ns=(version, version + 1))
    with pytest.raises(StorageError, match=r"a\.png' changed since it was listed; run again"):
        read_unchanged(str(path), size, version)


def test_file_that_is_gone_is_a_storage_error(listed):
    path, size, version = listed
    path.unlink()
    with pytest.raises(StorageError, match=r"cannot read '.*a\.png': No such file or directory"):
        read_unchanged(str(path), size, version)


# Writing --------------------------------------------------------------------------------------------------


def test_part_bears_its_own_name_only_once_it_is_finished(tmp_path):
    path = str(tmp_path / "a.jpg")
    stage(path, b"data")
    assert names(tmp_path) == ["a.jpg.part"]
    publish(path)
    assert names(tmp_path) == ["a.jpg"]
    assert Path(path).read_bytes() == b"data"


def test_a_part_is_whole_where_the_system_takes_only_some_bytes_at_a_time(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:3])))
    stage(str(tmp_path / "a.jpg"), b"0123456789")
    assert (tmp_path / "a.jpg.part").read_bytes() == b"0123456789"


@pytest.mark.parametrize("write", [stage, lambda path, data: write_text(Path(path), data.decode())])
def test_an_unfinished_file_is_not_written_through_a_link(tmp_path, write):
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "a.jpg.part").symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError):
        write(str(tmp_path / "a.jpg"), b"other")
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_part_in_a_directory_that_is_missing_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="cannot write") as caught:
        stage(str(tmp_path / "none" / "a.jpg"), b"data")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_finishing_a_part_that_is_missing_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="cannot write"):
        publish(str(tmp_path / "a.jpg"))


def test_writing_gives_the_file_its_name_at_the_end(tmp_path):
    with writing(tmp_path / "a.csv") as part:
        part.write(b"new")
        assert not (tmp_path / "a.csv").exists()
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"new"


def test_writing_replaces_what_stood_there(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"old")
    with writing(tmp_path / "a.csv") as part:
        part.write(b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"new"


def interrupt(path: Path, error: BaseException) -> None:
    with writing(path) as part:
        part.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_writing_keeps_what_stood_there_on_an_exception(tmp_path, error):
    (tmp_path / "a.csv").write_bytes(b"old")
    with pytest.raises(type(error)):
        interrupt(tmp_path / "a.csv", error)
    assert (tmp_path / "a.csv").read_bytes() == b"old"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_writing_leaves_nothing_on_an_exception(tmp_path, error):
    with pytest.raises(type(error)):
        interrupt(tmp_path / "a.csv", error)
    assert names(tmp_path) == []


def test_writing_turns_a_full_disk_into_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"cannot write '.*a\.csv': No space left on device"):
        interrupt(tmp_path / "a.csv", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def test_a_file_is_synced_before_its_rename_and_its_directory_after(tmp_path, monkeypatch):
    seen, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *arguments: seen.append("fsync") or fsync(*arguments))
    monkeypatch.setattr(os, "replace", lambda *arguments: seen.append("replace") or replace(*arguments))
    write_text(tmp_path / "a.txt", "text")
    assert seen == ["fsync", "replace", "fsync"]


def test_text_is_written_as_utf8_with_lf(tmp_path):
    write_text(tmp_path / "a.txt", "naïve\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"na\xc3\xafve\nb\n"


def test_directory_is_made_with_its_parents(tmp_path):
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_sizes_of_all_files_are_listed_by_path_and_links_are_not_followed(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / ".hidden").write_bytes(b"123")
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path)
    sizes = list_sizes(tmp_path)
    assert sizes.pop("loop") == len(str(tmp_path))
    assert sizes == {"a.csv": 0, "cat/.hidden": 3}


def test_what_goes_while_sizes_are_listed_is_left_out(tmp_path, monkeypatch):
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
    assert list_sizes(tmp_path) == {}


def test_directory_in_the_place_of_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cannot make '.*b'"):
        make_directory(tmp_path / "a" / "b")


def test_file_is_removed_and_may_already_be_gone(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    remove_file(tmp_path / "a")
    remove_file(tmp_path / "a")
    assert names(tmp_path) == []


# SRC and DST ----------------------------------------------------------------------------------------------


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


def test_a_class_name_that_no_file_system_holds_is_cut_and_stays_unique():
    first, second = safe_folder("é" * 200 + "a"), safe_folder("é" * 200 + "b")
    assert first != second
    assert max(len(first.encode()), len(second.encode())) <= 255


# Keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["a/b.png", "naïve/é.png", "50%.png", "a\nb.png", ""])
def test_valid_key_is_printed_as_it_is(key):
    assert printable_key(key) == key


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        (b"caf\xe9.png", "caf%E9.png"),
        (b"50%\xff", "50%25%FF"),
        (b"\xc3\xa9\xe9", "é%E9"),
        (b"\x80/\x81", "%80/%81"),
    ],
)
def test_bytes_that_are_not_utf8_are_percent_encoded(raw, printed):
    assert printable_key(os.fsdecode(raw)) == printed


@given(st.binary(max_size=40))
def test_any_key_prints_as_valid_utf8(raw):
    printable_key(os.fsdecode(raw)).encode("utf-8")


@given(st.binary(max_size=10), st.binary(max_size=10))
def test_keys_that_are_not_utf8_print_differently(first, second):
    texts = [os.fsdecode(raw + b"\xff") for raw in (first, second)]
    assert (printable_key(texts[0]) == printable_key(texts[1])) == (first == second)


# Stems and folders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("cat/IMG.JPG", "IMG"),
        ("a.b.c.png", "a.b.c"),
        ("-dash.png", "-dash"),
        ("train_0.jpg", "train_0"),
        ("test tube.png", "test tube"),
        ("naïve.png", "naïve"),
        ("no extension", "no extension"),
        (".hidden", "%2Ehidden"),
        (".hidden.png", "%2Ehidden"),
        ("../../etc/x", "x"),
        ("..", "%2E."),
        ("a\\b.png", "a%5Cb"),
        ("a\nb.png", "a%0Ab"),
        ("a\0b.png", "a%00b"),
        (os.fsdecode(b"caf\xe9.png"), "caf%E9"),
        ("", "row"),
        ("a/", "row"),
    ],
)
def test_stem_is_the_name_without_directories_and_extension(name, stem):
    assert safe_stem(name) == stem


def test_stem_is_cut_at_120_bytes():
    assert safe_stem("x" * 200 + ".png") == "x" * 120


def test_stem_is_cut_between_characters():
    # 'é' has two bytes, so that byte 120 falls inside the sixtieth of them.
    assert safe_stem("x" + "é" * 100 + ".png") == "x" + "é" * 59


@given(st.text(max_size=200))
def test_any_stem_is_a_visible_file_name_of_at_most_120_bytes(name):
    stem = safe_stem(name)
    assert 0 < len(stem.encode("utf-8")) <= 120
    assert not stem.startswith(".")
    assert not set(stem) & set("/\\\0\n\r\t")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("test tube", "test tube"),
        ("naïve", "naïve"),
        ("10", "10"),
        ("label", "label"),
        ("-dash", "-dash"),
        ("a.b", "a.b"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        (".", "%2E"),
        ("..", "%2E."),
        (".git", "%2Egit"),
        ("a\tb", "a%09b"),
    ],
)
def test_folder_of_a_class_is_its_name_where_a_path_can_hold_it(name, folder):
    assert safe_folder(name) == folder


def test_folders_of_classes_are_their_own_names():
    assert folder_names(["cat", "test tube", "a/b"]) == ("cat", "test tube", "a%2Fb")


def test_classes_that_would_share_a_folder_get_one_each():
    first, second, third = folder_names(["a/b", "a%2Fb", "cat"])
    assert len({first, second}) == 2
    # The class whose name a folder can bear keeps it.
    assert (second, third) == ("a%2Fb", "cat")
    assert first.startswith("a%2Fb~")
