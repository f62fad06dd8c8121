"""Image folders: what is listed, what is passed over, which directories are splits and which classes."""

from __future__ import annotations

import errno
import os
from collections import Counter
from unittest.mock import Mock

import pytest
from PIL import Image

from augcli.errors import InputError, StorageError
from augcli.io.readers.base import Selection
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.folder_labels import LABEL_TABLES, classes_of_files
from augcli.io.readers.passed_over import describe_others
from augcli.io.readers.source import open_source
from augcli.io.store.listing import File, Files, list_tree
from augcli.io.store.local import LocalStore


@pytest.fixture
def make(tmp_path):
    """Make files of two bytes by their paths; a path that ends in a slash is a directory."""

    def make_files(*paths: str, root: str = "src"):
        base = tmp_path / root
        base.mkdir(exist_ok=True)
        for path in paths:
            if path.endswith("/"):
                (base / path).mkdir(parents=True)
            else:
                (base / path).parent.mkdir(parents=True, exist_ok=True)
                (base / path).write_bytes(b"xy")
        return base

    return make_files


def listed(root, links: bool = True):
    return list_tree(LocalStore(str(root), follow_links=links), IMAGE_SUFFIXES, LABEL_TABLES)


def files(root, links: bool = True) -> Files:
    return listed(root, links).ending_in(IMAGE_SUFFIXES)


def keys(root, links: bool = True) -> list[str]:
    return files(root, links).keys


# Files ----------------------------------------------------------------------------------------------------


def test_files_are_listed_by_posix_path_in_the_order_of_their_keys(make):
    assert keys(make("b/2.png", "a/c/1.png", "a/10.png", "a/2.png")) == [
        "a/10.png",
        "a/2.png",
        "a/c/1.png",
        "b/2.png",
    ]


def test_file_bears_its_size_and_modification_time(make):
    root = make("a.png")
    os.utime(root / "a.png", ns=(1, 12_345_678_901))
    written = (root / "a.png").stat().st_mtime_ns  # some disks keep every other second
    assert list(files(root)) == [File("a.png", 2, written)]
    assert written // (2 * 10**9) == 6


@pytest.mark.parametrize(
    "suffix",
    "jpg jpeg jpe jfif png webp bmp tif tiff gif avif ppm pgm pbm pnm JPG Png TIFF jPeG JFIF".split(),
)
def test_extension_is_accepted_in_any_case(make, suffix):
    assert keys(make(f"a.{suffix}")) == [f"a.{suffix}"]


@pytest.mark.parametrize(
    "name",
    ["IMG.JPG", "-dash.png", "a.b.c.png", "train_0.jpg", "test tube.png", "naïve.png", "a\nb.png", "%41.png"],
)
def test_awkward_names_are_listed_as_they_are(make, name):
    assert keys(make(name)) == [name]


def test_name_that_is_not_utf8_is_listed(tmp_path):
    with open(os.fsencode(tmp_path) + b"/\xff.png", "wb"):
        pass
    assert keys(tmp_path) == ["\udcff.png"]


@pytest.mark.parametrize("path", [".a.png", ".hidden/a.png", "kept/.b/c.png"])
def test_hidden_names_are_skipped_and_counted(make, path):
    root = make(path, "kept/x.png")
    assert keys(root) == ["kept/x.png"]
    assert listed(root).others == Counter({"hidden names": 1})


@pytest.mark.parametrize("name", ["__MACOSX", "__pycache__", "@eaDir", "lost+found"])
@pytest.mark.parametrize("below", ["", "kept/"])
def test_what_systems_leave_is_skipped_and_counted(make, name, below):
    root = make(f"{below}{name}/a.png", "kept/x.png")
    assert keys(root) == ["kept/x.png"]
    (note,) = describe_others(listed(root).others)
    assert note == "passed over 1 name of systems (@eaDir, __MACOSX, __pycache__, lost+found)"


def test_empty_directories_are_counted(make):
    assert listed(make("a/", "b/c/", "d/x.png")).others == Counter({"empty directories": 2})


def test_files_of_an_output_of_ours_are_not_counted(make):
    own = ["labels.csv", "classes.txt", "README.md", "_SUCCESS", "failures.jsonl", ".augcli-0.parquet"]
    shown = ["train/labels.csv", "annotations/a__cutout0-0123456789abcdef.xml", "cat/a.png"]
    assert listed(make(*own, *shown, "augcli.json")).others == Counter()
    assert listed(make("cat/notes.txt")).others == Counter({".txt": 1})


def test_files_called_like_ours_are_counted_in_other_folders(make):
    tree = listed(make("labels.csv", "README.md", "_SUCCESS", "a/x.png"))
    assert tree.others == Counter({".csv": 1, ".md": 1, "": 1})


def test_hidden_directories_are_no_classes_and_no_splits(make):
    assert listed(make(".cache/a.png", "__MACOSX/b.png", "a/c.png")).directories == ["a"]


def test_directories_are_listed_empty_ones_too(make):
    assert listed(make("b/c/1.png", "a/")).directories == ["a", "b", "b/c"]


def test_other_extensions_are_counted(make):
    tree = listed(make("a.txt", "b/c.TXT", "d.heic", "e", "f.png"))
    assert tree.others == Counter({".txt": 2, ".heic": 1, "": 1})


def test_metadata_tables_are_not_counted_as_passed_over(make):
    assert listed(make("metadata.csv", "a/metadata.parquet", "b.png")).others == Counter()


def test_special_files_are_counted(make):
    root = make("a.png")
    os.mkfifo(root / "pipe.png")
    assert (keys(root), listed(root).others) == (["a.png"], Counter({"special files": 1}))


def test_directory_that_cannot_be_listed_is_a_storage_error(make, monkeypatch):
    root = make("a.png")
    monkeypatch.setattr(os, "scandir", Mock(side_effect=OSError(errno.EIO, os.strerror(errno.EIO))))
    with pytest.raises(StorageError, match=f"cannot list '{root}': Input/output error"):
        listed(root)


def test_passed_over_files_are_named_with_their_number():
    assert describe_others(Counter({".txt": 2, "": 1})) == [
        "passed over 1 file without an extension",
        "passed over 2 .txt",
    ]


@pytest.mark.parametrize("suffix", [".heic", ".jxl", ".cr2"])
def test_images_that_cannot_be_read_are_named_with_the_cure(suffix):
    assert describe_others(Counter({suffix: 3})) == [
        f"passed over 3 {suffix}; convert them to PNG or JPEG first"
    ]


# Links ----------------------------------------------------------------------------------------------------


def test_link_to_a_file_is_followed_and_bears_the_size_of_its_target(make, tmp_path):
    root = make("a/x.png")
    (tmp_path / "blob").write_bytes(b"12345")
    (root / "a" / "link.png").symlink_to(tmp_path / "blob")
    assert [(file.key, file.size) for file in files(root)] == [
        ("a/link.png", 5),
        ("a/x.png", 2),
    ]


def test_link_to_a_directory_outside_is_followed(make):
    make("1.png", "deep/2.png", root="outside")
    root = make("a/x.png")
    (root / "b").symlink_to(root.parent / "outside")
    assert keys(root) == ["a/x.png", "b/1.png", "b/deep/2.png"]


def test_linked_directory_counts_as_a_directory(make):
    make("1.png", root="outside")
    root = make("a/x.png")
    (root / "b").symlink_to(root.parent / "outside")
    assert listed(root).directories == ["a", "b"]


@pytest.mark.parametrize("target", ["..", ".", "../.."])
def test_links_in_a_loop_end(make, target):
    root = make("a/x.png")
    (root / "a" / "loop").symlink_to(target)
    assert "a/x.png" in keys(root)
    assert len([key for key in keys(root) if key.endswith("x.png")]) == 1


def test_links_that_point_to_each_other_end(make):
    root = make("a/x.png", "b/y.png")
    (root / "a" / "to_b").symlink_to("../b")
    (root / "b" / "to_a").symlink_to("../a")
    assert keys(root) == ["a/x.png", "b/y.png"]


def test_real_directory_goes_before_a_link_to_it(make):
    root = make("z/x.png")
    (root / "a").symlink_to("z")
    assert keys(root) == ["z/x.png"]


def test_directory_behind_two_links_is_listed_once_by_the_first_name(make):
    make("1.png", root="outside")
    root = make("x/0.png")
    for name in ("c", "b"):
        (root / name).symlink_to(root.parent / "outside")
    assert keys(root) == ["b/1.png", "x/0.png"]


def test_link_inside_a_linked_directory_is_followed(make):
    make("2.png", root="second")
    first = make("1.png", root="first")
    (first / "next").symlink_to(first.parent / "second")
    root = make("a/x.png")
    (root / "b").symlink_to(first)
    assert keys(root) == ["a/x.png", "b/1.png", "b/next/2.png"]


def test_root_may_be_a_link(make, tmp_path):
    (tmp_path / "link").symlink_to(make("a/x.png"))
    assert keys(tmp_path / "link") == ["a/x.png"]


@pytest.mark.parametrize("target", ["gone.png", "broken.png"])
def test_broken_link_is_counted(make, target):
    root = make("a.png")
    (root / "broken.png").symlink_to(target)  # to nothing, or to itself
    assert (keys(root), listed(root).others) == (["a.png"], Counter({"broken links": 1}))


def test_no_links_follows_none_and_counts_them(make):
    make("1.png", root="outside")
    root = make("a/x.png")
    (root / "b").symlink_to(root.parent / "outside")
    (root / "a" / "y.png").symlink_to(root / "a" / "x.png")
    (root / "a" / "z.png").symlink_to("gone")
    tree = listed(root, links=False)
    assert keys(root, links=False) == ["a/x.png"]
    assert tree.directories == ["a"]
    assert tree.others == Counter({"links": 3})
    assert describe_others(tree.others) == ["passed over 3 links (links=False)"]


# Classes --------------------------------------------------------------------------------------------------


def names_of(root) -> list[str | None]:
    return classes_of_files(keys(root), str(root))


def test_folders_that_are_printed_alike_are_two_classes():
    found = classes_of_files(["%FF/0.png", "\udcff/0.png", "%FE/0.png"], "src")
    assert found == ["%25FF", "%FF", "%25FE"]


def test_a_folder_that_no_other_one_is_printed_as_keeps_its_name():
    assert classes_of_files(["%FF/0.png", "\udcfe/0.png"], "src") == ["%FF", "%FE"]


def test_class_is_the_first_directory(make):
    assert names_of(make("a/1.png", "a/b/2.png", "c/3.png")) == ["a", "a", "c"]


def test_flat_folder_has_no_classes(make):
    assert names_of(make("1.png", "2.png")) == [None, None]


@pytest.mark.parametrize("path", ["b/", "b/notes.txt", "b/.hidden.png", "b/__MACOSX/x.png"])
def test_folder_without_images_is_no_class(make, path):
    assert names_of(make("a/1.png", path)) == ["a"]


@pytest.mark.parametrize("target", ["gone", "../a"])
def test_folder_of_a_link_alone_that_leads_to_nothing_new_is_no_class(make, target):
    root = make("a/1.png", "b/")
    (root / "b" / "link").symlink_to(target)
    assert names_of(root) == ["a"]


def test_empty_folder_inside_a_class_folder_is_accepted(make):
    assert names_of(make("a/1.png", "a/empty/")) == ["a"]


def test_image_beside_class_folders_is_refused_with_the_cure(make):
    with pytest.raises(
        InputError,
        match=r"'x\.png' stands beside class folders in .*; move it into one, or give labels='FILE'",
    ):
        names_of(make("a/1.png", "x.png"))


@pytest.mark.parametrize("name", ["images", "JPEGImages", "Photos"])
def test_a_lone_folder_of_images_is_not_a_class(make, name):
    root = make(f"{name}/0.png", f"{name}/1.png")
    source = open_source(str(root), Selection())
    assert list(source.catalogues[0].labels) == [None, None]
    assert source.notes[0].startswith(f"the folder '{root / name}' is not a class")


def test_a_folder_of_images_beside_another_one_is_a_class(make):
    root = make("images/0.png", "drawings/1.png")
    assert open_source(str(root), Selection()).catalogues[0].classes == ("drawings", "images")


def test_class_folders_of_an_output_without_its_table_are_no_labels(make):
    """As an interrupted run leaves it, or partitions before the merge: mixed images have several classes."""
    root = make("cat/0.png", "dog/1.png", "augcli.json")
    with pytest.raises(InputError) as caught:
        open_source(str(root), Selection())
    assert str(caught.value) == (
        f"'{root}' is an output of augcli, and the table that holds its labels, '{root}/metadata.parquet', is"
        " missing; run its command again (or `augcli merge` after partitions), or give labels='FILE'"
    )


def test_class_folders_that_differ_in_case_or_blanks_alone_are_noted(tmp_path):
    for names, what in ((("Cat", "cat"), "case"), ((" cat", "cat"), "blanks")):
        for name in names:
            (tmp_path / what / name).mkdir(parents=True)
            Image.new("RGB", (4, 4)).save(tmp_path / what / name / "0.png")
        note = f"classes whose names differ in {what} alone: {names[0]!r}, {names[1]!r}; write them alike"
        assert any(said.startswith(note) for said in open_source(str(tmp_path / what), Selection()).notes)


@pytest.mark.parametrize("masks", ["gtFine", "gtCoarse"])
def test_the_tree_of_cityscapes_is_no_two_classes(tmp_path, masks):
    for name in ("leftImg8bit/train/x/0_leftImg8bit.png", f"{masks}/train/x/0_{masks}_labelIds.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    with pytest.raises(InputError, match=rf"holds the masks of Cityscapes \('{masks}'\)"):
        open_source(str(tmp_path), Selection())


def test_masks_of_cityscapes_without_its_images_are_images_like_others(tmp_path):
    (tmp_path / "gtFine").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "gtFine" / "0.png")
    assert open_source(str(tmp_path), Selection()).catalogues[0].keys == ["gtFine/0.png"]
