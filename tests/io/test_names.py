"""Names of files that every file system and every reader takes, and how ours are known."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.io.store.names import (
    folder_names,
    is_output,
    is_unfinished,
    part_key,
    part_names,
    printable_key,
    safe_folder,
    safe_stem,
)

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


@pytest.mark.slow
@given(st.binary(max_size=40))
def test_any_key_prints_as_valid_utf8(raw):
    text = printable_key(os.fsdecode(raw))
    assert text == text.encode("utf-8", "replace").decode("utf-8")


@pytest.mark.parametrize(
    ("key", "printed"),
    [
        ("%FF.png", "%25FF.png"),  # as \xff.png is printed
        ("%25FF.png", "%2525FF.png"),  # as %FF.png is printed
        ("50%25%FF", "50%2525%25FF"),
        ("é%E9", "é%25E9"),
    ],
)
def test_a_key_that_reads_like_another_one_is_encoded_once_more(key, printed):
    assert printable_key(key) == printed


@pytest.mark.parametrize(
    "key", ["%C3%A9.png", "%ff.png", "50%%FF", "%25.png", "%25C3%25A9", "%41%FF", "%25%46F"]
)
def test_a_key_that_no_other_one_is_printed_as_stays(key):
    assert printable_key(key) == key


# Of few letters, so that names meet.
NAMES = st.lists(st.sampled_from([b"%", b"25", b"FF", b"C3", b"A9", b"\xff", b"\xc3", b"\xa9"]), max_size=6)


@given(NAMES, NAMES)
def test_no_two_keys_print_alike(first, second):
    keys = [os.fsdecode(b"".join(parts)) for parts in (first, second)]
    assert (printable_key(keys[0]) == printable_key(keys[1])) == (keys[0] == keys[1])


# Stems and folders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("cat/IMG.JPG", "IMG"),
        ("a.b.c.png", "a.b.c"),
        ("-dash.png", "-dash"),
        ("%FF.png", "%FF"),
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


def test_a_class_name_that_no_file_system_holds_is_cut_and_stays_unique():
    first, second = safe_folder("é" * 200 + "a"), safe_folder("é" * 200 + "b")
    assert first != second
    assert max(len(first.encode()), len(second.encode())) <= 255


# Files of ours --------------------------------------------------------------------------------------------


def test_chunks_are_known_by_their_part_files():
    keys = [part_key("01"), part_key("train-all"), "a/.augcli-x.parquet", ".augcli-00.parquet.part", "b.png"]
    assert part_names(keys) == {"01", "train-all"}


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("cat/x__cutmix0-0123456789abcdef.png", True),
        ("train/images/cat/x__cutmix0-0123456789abcdef.jpg", True),
        ("annotations/x__cutmix0-0123456789abcdef.xml", True),
        ("data/train-01.parquet", True),
        ("data/test-all-2.parquet", True),
        ("cat/x.png", False),
        ("cat/x__cutmix0-0123456789abcdef.gif", False),
        ("cat/x__cutmix0-0123456789ABCDEF.png", False),
        ("other/train-01.parquet", False),
        ("data/mine.parquet", False),
    ],
)
def test_outputs_are_known_by_their_names(key, ours):
    assert is_output(key) == ours


@pytest.mark.parametrize("attempt", ["", ".0a1b2c3d"])
@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("cat/x__cutmix0-0123456789abcdef.png", True),
        ("data/train-01.parquet", True),
        (".augcli-01.parquet", True),
        ("train/metadata.parquet", True),
        ("augcli.json", True),
        ("mine.txt", False),
        ("other/train-01.parquet", False),
    ],
)
def test_unfinished_files_of_ours_are_known_by_their_names(key, ours, attempt):
    assert is_unfinished(f"{key}{attempt}.part") == ours
    assert not is_unfinished(f"{key}{attempt}")
    assert not is_unfinished(f"{key}.0A1b.part")
