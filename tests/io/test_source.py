"""Opening a data set: which form it has, its splits, and how its samples are labelled."""

from __future__ import annotations

import io
import os
import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import DecodeError, InputError, StorageError
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.ops.cutmix import CutMix
from augcli.recipe import Recipe, single
from augcli.samples import SoftLabel

FIRST, SECOND, THIRD = (SoftLabel((index,), (1.0,)) for index in range(3))


def open_only(src, **selection):
    """Open a data set without splits; gives (source, its catalogue)."""
    links = selection.pop("links", True)
    source = open_source(str(src), Selection(InputFiles.of(**selection), links=links))
    (catalogue,) = source.catalogues
    return source, catalogue


def labels_of(catalogue) -> dict[str, SoftLabel | None]:
    return dict(zip(catalogue.keys, catalogue.labels, strict=True))


def unchanged(**settings: object) -> Recipe:
    """A recipe of which nothing is ever drawn: every image keeps its own label."""
    return single(CutMix(alpha=1.0), p=0.0, **settings)


def encode_image() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


# What SRC is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["none", "none.parquet", "no*.parquet"])
def test_source_that_is_missing_is_refused(tmp_path, name):
    with pytest.raises(InputError):
        open_source(str(tmp_path / name), Selection())


def test_a_pattern_of_images_names_the_cure(tmp_path):
    for name in ("0.png", "1.JPG"):
        (tmp_path / name).write_bytes(encode_image())
    with pytest.raises(InputError) as refused:
        open_source(str(tmp_path / "*.*"), Selection())
    says = "'*.*' matches images, but a pattern names shards; give the images' folder"
    assert str(refused.value).replace(f"{tmp_path}/", "") == says


def test_source_that_is_another_file_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"a\.zip' is neither an image folder nor a parquet file"):
        open_source(str(tmp_path / "a.zip"), Selection())


def test_source_without_images_is_refused_naming_the_accepted_extensions(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"no images in .*; accepted: \.avif \.bmp \.gif \.jfif \.jpe \.jpeg"
    ):
        open_source(str(tmp_path), Selection())


# Class folders --------------------------------------------------------------------------------------------


def test_class_folders_label_their_images(make_folder):
    source, catalogue = open_only(make_folder({"dog": 1, "cat": 2}))
    assert (source.layout, source.has_class_folders, catalogue.split) == ("folder", True, "")
    assert catalogue.classes == ("cat", "dog")
    assert labels_of(catalogue) == {"cat/0.png": FIRST, "cat/1.png": FIRST, "dog/0.png": SECOND}


def test_deeper_folders_belong_to_the_class_above_them(make_folder):
    _, catalogue = open_only(make_folder({"cat/kitten": 1, "dog": 1}))
    assert labels_of(catalogue) == {"cat/kitten/0.png": FIRST, "dog/0.png": SECOND}


def test_class_list_gives_the_order_and_classes_without_images(make_folder, tmp_path):
    (tmp_path / "classes").write_text("dog\nemu\ncat\n")
    _, catalogue = open_only(make_folder({"cat": 1, "dog": 1}), classes=tmp_path / "classes")
    assert catalogue.classes == ("dog", "emu", "cat")
    assert labels_of(catalogue) == {"cat/0.png": THIRD, "dog/0.png": FIRST}


def test_class_folder_that_the_class_list_lacks_is_refused(make_folder, tmp_path):
    (tmp_path / "classes").write_text("cat\n")
    with pytest.raises(InputError, match=r"unknown class 'dog'"):
        open_only(make_folder({"cat": 1, "dog": 1}), classes=tmp_path / "classes")


def test_catalogue_bears_size_and_time_of_each_file(make_folder):
    root = make_folder({"cat": 2})
    os.utime(root / "cat" / "1.png", ns=(0, 12_345_678_901))
    _, catalogue = open_only(root)
    assert catalogue.sizes.tolist() == [(root / key).stat().st_size for key in ("cat/0.png", "cat/1.png")]
    written = (root / "cat" / "1.png").stat().st_mtime_ns  # some disks keep every other second
    assert catalogue.versions[1] == written
    assert written // (2 * 10**9) == 6


def test_passed_over_files_are_noted(make_folder):
    root = make_folder({"cat": 1})
    (root / "cat" / "a.heic").write_bytes(b"")
    (root / "cat" / "b.txt").write_bytes(b"")
    source, _ = open_only(root)
    assert source.notes == ("passed over 1 .heic; convert them to PNG or JPEG first", "passed over 1 .txt")


def test_links_are_followed_only_where_they_may_be(make_folder):
    root = make_folder({"cat": 1})
    (root / "cat" / "link.png").symlink_to(root / "cat" / "0.png")
    assert open_only(root)[1].keys == ["cat/0.png", "cat/link.png"]
    assert open_only(root, links=False)[1].keys == ["cat/0.png"]


def test_samples_of_a_folder_are_read_by_their_place_in_the_catalogue(make_folder):
    root = make_folder({"cat": 2})
    source, catalogue = open_only(root)
    samples = source.samples(catalogue, [], 1)
    assert samples.read(1) == ((root / "cat" / "1.png").read_bytes(), "cat/1.png")
    assert samples.carry([0, 1]) is None


def test_sample_that_changed_since_it_was_listed_is_a_storage_error(make_folder):
    root = make_folder({"cat": 1})
    source, catalogue = open_only(root)
    (root / "cat" / "0.png").write_bytes(b"other")
    with pytest.raises(StorageError, match="changed since it was listed"):
        source.samples(catalogue, [], 1).read(0)


def test_class_folder_that_is_not_utf8_is_percent_encoded(make_folder, tmp_path):
    root = make_folder({"cat": 2, "x": 2})
    os.rename(os.fsencode(root / "x"), os.fsencode(root) + b"/caf\xe9")
    augcli.materialize(root, tmp_path / "dst", unchanged())
    assert (tmp_path / "dst" / "classes.txt").read_text("utf-8") == "caf%E9\ncat\n"
    assert len(list((tmp_path / "dst" / "caf%E9").iterdir())) == 2


# Flat folders ---------------------------------------------------------------------------------------------


def test_flat_folder_is_unlabelled(make_folder):
    source, catalogue = open_only(make_folder({"": 2}))
    assert (source.layout, source.has_class_folders, catalogue.classes) == ("folder", False, None)
    assert labels_of(catalogue) == {"0.png": None, "1.png": None}


def test_flat_folder_is_labelled_by_a_table_elsewhere(make_folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\n1.png,dog\n0.png,cat\n")
    source, catalogue = open_only(make_folder({"": 2}), labels=tmp_path / "labels.csv")
    assert source.has_class_folders is False
    assert catalogue.classes == ("cat", "dog")
    assert labels_of(catalogue) == {"0.png": FIRST, "1.png": SECOND}


def test_flat_folder_is_labelled_by_its_own_metadata_csv(make_folder):
    root = make_folder({"": 2})
    (root / "metadata.csv").write_text("file_name,label\n1.png,dog\n0.png,cat\n")
    _, catalogue = open_only(root)
    assert labels_of(catalogue) == {"0.png": FIRST, "1.png": SECOND}


def test_flat_folder_is_labelled_by_its_own_metadata_parquet(make_folder):
    root = make_folder({"": 2})
    pq.write_table(pa.table({"file_name": ["0.png", "1.png"], "label": [1, 0]}), root / "metadata.parquet")
    _, catalogue = open_only(root)
    assert catalogue.classes == ("0", "1")
    assert labels_of(catalogue) == {"0.png": SECOND, "1.png": FIRST}


def test_label_table_goes_before_the_metadata_of_the_folder(make_folder, tmp_path):
    root = make_folder({"": 1})
    (root / "metadata.csv").write_text("file_name,label\n0.png,inner\n")
    (tmp_path / "labels.csv").write_text("file_name,label\n0.png,outer\n")
    assert open_only(root, labels=tmp_path / "labels.csv")[1].classes == ("outer",)


def test_metadata_without_labels_leaves_class_folders_in_force(make_folder):
    root = make_folder({"cat": 1, "dog": 1})
    (root / "metadata.csv").write_text("file_name,text\ncat/0.png,a\ndog/0.png,b\n")
    assert open_only(root)[1].classes == ("cat", "dog")


def test_metadata_of_a_number_that_is_no_label_leaves_class_folders_in_force(make_folder):
    root = make_folder({"cat": 1, "dog": 1})
    (root / "metadata.csv").write_text("file_name,age\ncat/0.png,31\ndog/0.png,47\n")
    assert open_only(root)[1].classes == ("cat", "dog")


def test_metadata_with_labels_goes_before_class_folders(make_folder):
    root = make_folder({"cat": 1, "dog": 1})
    (root / "metadata.csv").write_text("file_name,label\ncat/0.png,up\ndog/0.png,down\n")
    source, catalogue = open_only(root)
    assert catalogue.classes == ("down", "up")
    assert labels_of(catalogue) == {"cat/0.png": SECOND, "dog/0.png": FIRST}
    assert source.has_class_folders is True


def test_image_without_a_row_is_unlabelled_and_counted(make_folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\n0.png,cat\n")
    source, catalogue = open_only(make_folder({"": 2}), labels=tmp_path / "labels.csv")
    assert labels_of(catalogue) == {"0.png": FIRST, "1.png": None}
    assert any("without a row in" in note for note in source.notes)


def test_label_table_is_refused_for_shards(tmp_path):
    pq.write_table(pa.table({"image": [encode_image()], "label": [0]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="labels is for image folders"):
        open_only(tmp_path / "a.parquet", labels=tmp_path / "labels.csv")


def test_multi_hot_labels_get_no_class_folders(make_folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,a,b\ncat/0.png,1,1\ndog/0.png,0,1\n")
    source, catalogue = open_only(make_folder({"cat": 1, "dog": 1}), labels=tmp_path / "labels.csv")
    assert source.has_class_folders is False
    assert labels_of(catalogue)["cat/0.png"] == SoftLabel((0, 1), (1.0, 1.0))


# Splits ---------------------------------------------------------------------------------------------------


def test_splits_are_catalogues_of_their_own(make_folder):
    source = open_source(str(make_folder({"train/cat": 2, "train/dog": 1, "val/dog": 1})), Selection())
    assert {c.split: c.keys for c in source.catalogues} == {
        "train": ["train/cat/0.png", "train/cat/1.png", "train/dog/0.png"],
        "val": ["val/dog/0.png"],
    }


def test_splits_share_the_class_list_of_the_augmented_one(make_folder):
    root = make_folder({"train/cat": 1, "train/emu": 1, "val/dog": 1, "val/emu": 1})
    source = open_source(str(root), Selection())
    assert [c.classes for c in source.catalogues] == [("cat", "emu")] * 2
    assert [c.labels for c in source.catalogues] == [[FIRST, SECOND], [None, SECOND]]
    lack = "classes of split 'val' that 'train' does not have: 'dog'; their images are unlabelled"
    assert lack in source.notes


def test_class_list_decides_the_classes_of_all_splits(make_folder, tmp_path):
    (tmp_path / "classes").write_text("dog\ncat\n")
    root = make_folder({"train/cat": 1, "val/dog": 1, "val/emu": 1})
    selection = Selection(InputFiles(classes=str(tmp_path / "classes")))
    assert [c.labels for c in open_source(str(root), selection).catalogues] == [[SECOND], [FIRST, None]]


def test_splits_beside_an_unlabelled_one_that_is_augmented_keep_their_labels(make_folder):
    source = open_source(str(make_folder({"train": 1, "val/dog": 1})), Selection())
    assert [c.labels for c in source.catalogues] == [[None], [FIRST]]


def test_split_words_in_any_case_and_with_years_are_splits(make_folder):
    source = open_source(str(make_folder({"Train/cat": 1, "val2017/cat": 2})), Selection())
    assert [(c.split, len(c)) for c in source.catalogues] == [("Train", 1), ("val2017", 2)]
    assert source.main == "Train"
    assert source.notes == ("splits: Train (1), val2017 (2), by the folders of SRC",)


def test_two_directories_of_the_same_class_folders_are_one_split(make_folder):
    root = make_folder({"train-1/cat": 1, "train/cat": 2, "train/dog": 1, "train-1/dog": 1, "val/cat": 1})
    source = open_source(str(root), Selection())
    assert {c.split: sorted(c.keys) for c in source.catalogues} == {
        "train": [
            "train-1/cat/0.png",
            "train-1/dog/0.png",
            "train/cat/0.png",
            "train/cat/1.png",
            "train/dog/0.png",
        ],
        "val": ["val/cat/0.png"],
    }
    labels = {key: label for c in source.catalogues for key, label in labels_of(c).items()}
    assert sorted(key for key, label in labels.items() if label == SECOND) == [
        "train-1/dog/0.png",
        "train/dog/0.png",
    ]


def test_images_beside_split_folders_are_left_out_and_noted(make_folder):
    source = open_source(str(make_folder({"train/cat": 1, "val/cat": 1, "": 2})), Selection())
    assert [len(c) for c in source.catalogues] == [1, 1]
    assert "left out: 2 images beside the split folders ('0.png' first)" in source.notes


def test_no_splits_makes_all_directories_classes(make_folder):
    source = open_source(str(make_folder({"train": 1, "test": 1})), Selection(splits=False))
    (catalogue,) = source.catalogues
    assert (catalogue.split, catalogue.classes) == ("", ("test", "train"))


def test_a_class_called_train_among_others_is_no_split_and_is_noted(make_folder):
    source, catalogue = open_only(make_folder({"train": 1, "ship": 1}))
    assert catalogue.classes == ("ship", "train")
    assert source.notes == ("the folder 'train' is taken for a class like 'ship', not for a split",)


def test_flat_folder_beside_an_empty_directory_called_train_has_no_splits(make_folder):
    root = make_folder({"": 2})
    (root / "train").mkdir()
    assert open_only(root)[1].keys == ["0.png", "1.png"]


def test_splits_may_be_flat(make_folder):
    source = open_source(str(make_folder({"train": 2, "val": 1})), Selection())
    assert [(c.split, len(c), c.classes) for c in source.catalogues] == [("train", 2, None), ("val", 1, None)]
    assert source.has_class_folders is False


def test_each_split_is_labelled_by_its_own_metadata(make_folder):
    root = make_folder({"train": 2, "val": 1})
    (root / "train" / "metadata.csv").write_text("file_name,label\n0.png,cat\n1.png,emu\n")
    (root / "val" / "metadata.csv").write_text("file_name,label\n0.png,emu\n")
    source = open_source(str(root), Selection())
    assert [c.classes for c in source.catalogues] == [("cat", "emu")] * 2
    assert [c.labels for c in source.catalogues] == [[FIRST, SECOND], [SECOND]]


def test_numbers_of_splits_mean_the_same_whatever_is_their_largest(make_folder):
    root = make_folder({"train": 2, "val": 2})
    (root / "train" / "metadata.csv").write_text("file_name,label\n0.png,1\n1.png,10\n")
    (root / "val" / "metadata.csv").write_text("file_name,label\n0.png,1\n1.png,9\n")
    train, val = open_source(str(root), Selection()).catalogues
    assert train.classes == val.classes == tuple(f"{i:02d}" for i in range(11))
    assert [label.classes for label in val.labels] == [(1,), (9,)]


def test_numbers_of_a_split_beside_names_of_another_are_refused(make_folder):
    root = make_folder({"train": 2, "val": 1})
    (root / "train" / "metadata.csv").write_text("file_name,label\n0.png,0\n1.png,1\n")
    (root / "val" / "metadata.csv").write_text("file_name,label\n0.png,emu\n")
    with pytest.raises(InputError, match=r"names .emu. in one split and numbers up to 1 in another"):
        open_source(str(root), Selection())


@pytest.mark.parametrize("keys", [("train/0.png", "val/0.png"), ("./train/0", "VAL/0.PNG")])
def test_one_table_labels_all_splits(make_folder, tmp_path, keys):
    (tmp_path / "l.csv").write_text(f"file_name,label\n{keys[0]},cat\ntrain/1.png,dog\n{keys[1]},dog\n")
    root = make_folder({"train": 2, "val": 1})
    source = open_source(str(root), Selection(InputFiles.of(labels=tmp_path / "l.csv")))
    assert [c.labels for c in source.catalogues] == [[FIRST, SECOND], [SECOND]]


@pytest.mark.parametrize("key", ["src/cat/0.png", "cat/0.png"])
def test_table_above_the_folder_may_name_images_from_where_it_stands(make_folder, tmp_path, key):
    root = make_folder({"cat": 1, "dog": 1})
    other = key.replace("cat", "dog")
    (tmp_path / "l.csv").write_text(f"file_name,label\n{key},up\n{other},down\n")
    source, catalogue = open_only(root, labels=tmp_path / "l.csv")
    assert labels_of(catalogue) == {"cat/0.png": SECOND, "dog/0.png": FIRST}
    assert not any("matched" in note for note in source.notes)


def test_table_in_a_folder_may_name_images_from_where_it_stands(make_folder):
    root = make_folder({"a/cat": 1, "b/cat": 1})
    (root / "a" / "l.csv").write_text("file_name,label\ncat/0.png,up\n")
    assert labels_of(open_only(root, labels=root / "a" / "l.csv")[1]) == {
        "a/cat/0.png": FIRST, "b/cat/0.png": None,
    }  # fmt: skip


def test_table_above_splits_may_name_images_below_them(make_folder):
    root = make_folder({"train": 1, "val": 1})
    (root / "val" / "0.png").rename(root / "val" / "x.png")
    (root / "metadata.csv").write_text("file_name,label\n0.png,cat\nx.png,cat\n")
    assert [c.labels for c in open_source(str(root), Selection()).catalogues] == [[FIRST], [FIRST]]


def test_table_above_splits_labels_those_without_their_own(make_folder):
    root = make_folder({"train": 1, "val": 1})
    (root / "metadata.jsonl").write_text('{"file_name": "train/0.png", "label": "cat"}\n')
    (root / "val" / "metadata.csv").write_text("file_name,label\n0.png,cat\n")
    assert [c.labels for c in open_source(str(root), Selection()).catalogues] == [[FIRST], [FIRST]]


def test_tables_that_are_not_read_are_named(make_folder):
    root = make_folder({"": 1})
    (root / "metadata.csv").write_text("file_name,label\n0.png,cat\n")
    (root / "metadata.jsonl").write_text('{"file_name": "0.png", "label": "dog"}\n')
    source, catalogue = open_only(root)
    assert catalogue.classes == ("cat",)
    assert f"'{root / 'metadata.jsonl'}' is not read" in source.notes


def test_class_folder_without_images_in_a_split_is_counted(make_folder):
    root = make_folder({"train/cat": 1, "val/cat": 1})
    (root / "val" / "dog").mkdir()
    source = open_source(str(root), Selection())
    assert [c.classes for c in source.catalogues] == [("cat",)] * 2
    assert "passed over 1 empty directory" in source.notes


@pytest.mark.parametrize("split", ["", "val/"])
def test_class_folder_of_nothing_but_images_that_are_not_read_is_refused_with_the_cure(make_folder, split):
    root = make_folder({"train/cat": 1, "val/cat": 1} if split else {"cat": 1})
    (root / split / "dog").mkdir()
    (root / split / "dog" / "a.HEIC").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        open_source(str(root), Selection())
    assert str(caught.value) == (
        f"class folder 'dog' in '{root}{split and '/val'}' holds 1 .heic and no image of a kind that is read;"
        " convert them to PNG or JPEG first"
    )


def test_split_folder_of_nothing_but_images_that_are_not_read_is_refused(make_folder):
    root = make_folder({"train/cat": 1, "val/cat": 1})
    (root / "test").mkdir()
    (root / "test" / "a.jxl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"split folder 'test' in .* holds 1 \.jxl and no image of a kind"):
        open_source(str(root), Selection())


def test_folder_of_nothing_but_images_that_are_not_read_is_refused_with_the_cure(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(InputError, match=r"accepted: .*; passed over 1 \.heic; convert them to PNG"):
        open_source(str(tmp_path), Selection())


def test_flat_folder_beside_a_folder_of_other_images_is_read(make_folder):
    root = make_folder({"": 2})
    (root / "raw").mkdir()
    (root / "raw" / "a.cr2").write_bytes(b"x")
    source, catalogue = open_only(root)
    assert len(catalogue) == 2
    assert source.notes == ("passed over 1 .cr2; convert them to PNG or JPEG first",)


@pytest.mark.parametrize("name", ["labels.csv", "list.txt", "more/list.csv", "table.parquet"])
def test_files_that_are_given_by_name_are_not_passed_over(make_folder, name):
    root = make_folder({"": 2})
    table = root / name
    table.parent.mkdir(exist_ok=True)
    table.write_text("file_name,label\n0.png,a\n1.png,b\n")
    if name.endswith(".parquet"):
        pq.write_table(pa.table({"file_name": ["0.png", "1.png"], "label": ["a", "b"]}), table)
    assert not any("passed over" in note for note in open_only(root, labels=table)[0].notes)
    assert any("passed over 1 " in note for note in open_only(root)[0].notes)
    (root / "more.csv").write_bytes(b"")
    assert any(note.startswith("passed over 1 .csv") for note in open_only(root, labels=table)[0].notes)


def test_a_table_that_is_not_read_is_named(make_folder):
    root = make_folder({"": 1})
    for name in ("z.csv", "b.csv", "a.txt"):
        (root / name).write_bytes(b"")
    notes = open_only(root)[0].notes
    assert notes == ("passed over 2 .csv ('b.csv' first)", "passed over 1 .txt")


def test_a_folder_of_boxes_in_src_is_not_passed_over(make_folder):
    root = make_folder({"": 1})
    (root / "xml").mkdir()
    (root / "xml" / "0.xml").write_text(
        "<annotation><filename>0.png</filename><size><width>10</width><height>8</height></size>"
        "<object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></object>"
        "</annotation>"
    )
    assert not any("passed over" in note for note in open_only(root, boxes=root / "xml")[0].notes)
    assert "passed over 1 .xml ('xml/0.xml')" in open_only(root)[0].notes


def test_shards_beside_images_are_noted(make_folder):
    root = make_folder({"cat": 2})
    pq.write_table(pa.table({"image": [encode_image()], "label": [0]}), root / "a.parquet")
    assert open_only(root)[0].notes == (
        "passed over 1 .parquet (shards beside images; give them alone as SRC to read them)",
    )


def test_what_stands_beside_shards_is_noted(tmp_path):
    pq.write_table(pa.table({"image": [encode_image()], "label": [0]}), tmp_path / "a.parquet")
    (tmp_path / "notes.txt").write_bytes(b"x")
    (tmp_path / "b.heic").write_bytes(b"x")
    assert open_only(tmp_path)[0].notes == (
        "labels: by column 'label'",
        "passed over 1 .heic; convert them to PNG or JPEG first",
        "passed over 1 .txt",
    )


def test_several_directories_of_a_split_with_the_same_classes_are_read(make_folder):
    root = make_folder({"train_a/cat": 1, "train_b/cat": 2, "test/cat": 1})
    assert {split.split: split.keys for split in open_source(str(root), Selection()).catalogues} == {
        "test": ["test/cat/0.png"],
        "train": ["train_a/cat/0.png", "train_b/cat/0.png", "train_b/cat/1.png"],
    }


def test_a_class_named_as_a_split_is_no_split_without_images(make_folder):
    root = make_folder({"train/cat": 1, "train/test tube": 1, "test/cat": 1})
    assert not any("holds no images" in str(note) for note in open_source(str(root), Selection()).notes)


@pytest.mark.parametrize("empty", ["val", "val/cat"])
def test_split_without_images_is_left_out_and_noted(make_folder, tmp_path, empty):
    root = make_folder({"train/cat": 2, "train/dog": 2})
    (root / empty).mkdir(parents=True)
    summary = augcli.materialize(root, tmp_path / "dst", unchanged())
    assert summary.outputs == 4
    assert "split 'val' holds no images and is left out" in summary.notes
    assert not (tmp_path / "dst" / "val").exists()


def test_split_that_is_not_there_is_refused_naming_those_that_are(make_folder, tmp_path):
    src = make_folder({"train/cat": 1, "val/cat": 1})
    with pytest.raises(InputError, match="no split 'test'; it has train, val; give split"):
        augcli.materialize(src, tmp_path / "dst", unchanged(split="test"))


def test_other_splits_are_left_out_when_asked(make_folder, tmp_path):
    src = make_folder({"train/cat": 2, "val/cat": 1})
    augcli.materialize(src, tmp_path / "dst", unchanged(other_splits="skip"))
    assert (tmp_path / "dst" / "train").is_dir()
    assert not (tmp_path / "dst" / "val").exists()


def test_nothing_is_paired_across_splits_of_a_folder(make_folder, tmp_path):
    src = make_folder({"train/cat": 3, "train/dog": 3, "val/cat": 3})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(alpha=1.0), copies=3))
    partners = pq.read_table(tmp_path / "dst" / "train" / "metadata.parquet").column("partners").to_pylist()
    assert sum(map(len, partners)) > 0
    assert all(key.startswith("train/") for keys in partners for key in keys)


# Our own output -------------------------------------------------------------------------------------------


def test_own_folder_output_is_read_with_its_soft_labels(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 4, "dog": 4}), tmp_path / "dst", single(CutMix(alpha=1.0)))
    source, catalogue = open_only(tmp_path / "dst")
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet")
    stored = dict(
        zip(rows.column("file_name").to_pylist(), rows.column("soft_label").to_pylist(), strict=True)
    )
    assert (source.layout, source.has_class_folders, catalogue.classes) == ("folder", True, ("cat", "dog"))
    assert len(catalogue) == 8
    dense = {}
    for key, label in labels_of(catalogue).items():
        dense[key] = [
            dict(zip(label.classes, label.weights, strict=True)).get(index, 0.0) for index in (0, 1)
        ]
    assert dense == {key: pytest.approx(weights, abs=1e-7) for key, weights in stored.items()}  # float32
    assert any(0 < first < 1 for first, _ in dense.values())


def test_own_folder_output_is_read_with_its_class_order(make_folder, tmp_path):
    (tmp_path / "classes").write_text("dog\nemu\ncat\n")
    src = make_folder({"cat": 4, "dog": 4})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(alpha=1.0)), classes=tmp_path / "classes")
    assert open_only(tmp_path / "dst")[1].classes == ("dog", "emu", "cat")


def test_own_pair_output_is_read_with_its_dominant_classes(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 3})
    augcli.materialize(src, tmp_path / "dst", unchanged(soft_labels="pair"))
    _, catalogue = open_only(tmp_path / "dst")
    assert catalogue.classes == ("cat", "dog")
    assert {key.split("/")[0]: label for key, label in labels_of(catalogue).items()} == {
        "cat": FIRST,
        "dog": SECOND,
    }


def test_own_parquet_output_is_read_with_its_classes(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 3, "dog": 3}), tmp_path / "dst", unchanged(format="parquet"))
    source, catalogue = open_only(tmp_path / "dst")
    assert (source.layout, catalogue.split, catalogue.classes) == ("parquet", "train", ("cat", "dog"))
    assert sorted(catalogue.labels, key=lambda label: label.classes) == [FIRST] * 3 + [SECOND] * 3


def test_own_output_of_splits_is_read_as_splits(make_folder, tmp_path):
    src = make_folder({"train/cat": 3, "train/dog": 3, "val/cat": 2})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(alpha=1.0)))
    catalogues = open_source(str(tmp_path / "dst"), Selection()).catalogues
    assert [(c.split, len(c), c.classes) for c in catalogues] == [
        ("train", 6, ("cat", "dog")),
        ("val", 2, ("cat", "dog")),
    ]


def test_own_output_of_splits_is_read_with_one_class_order(make_folder, tmp_path):
    (tmp_path / "classes").write_text("dog\ncat\n")
    src = make_folder({"train/cat": 4, "train/dog": 4, "val/cat": 1, "val/dog": 1})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(alpha=1.0)), classes=tmp_path / "classes")
    catalogues = open_source(str(tmp_path / "dst"), Selection()).catalogues
    assert [c.classes for c in catalogues] == [("dog", "cat")] * 2


def test_weights_over_classes_that_the_augmented_split_lacks_are_no_label(make_folder):
    root = make_folder({"train": 2, "val": 2})
    (root / "train" / "metadata.csv").write_text("file_name,p:a,p:c\n0.png,0.5,0.5\n1.png,0,1\n")
    (root / "val" / "metadata.csv").write_text("file_name,p:b,p:c\n0.png,0.5,0.5\n1.png,0,1\n")
    catalogues = open_source(str(root), Selection()).catalogues
    assert [c.classes for c in catalogues] == [("a", "c")] * 2
    assert [c.labels for c in catalogues] == [[SoftLabel((0, 1), (0.5, 0.5)), SECOND], [None, SECOND]]


def test_splits_of_weights_over_different_classes_share_the_class_list(make_folder):
    root = make_folder({"train": 2, "val": 1})
    (root / "train" / "metadata.csv").write_text("file_name,p:a,p:c\n0.png,0.5,0.5\n1.png,0,1\n")
    (root / "val" / "metadata.csv").write_text("file_name,label\n0.png,c\n")
    catalogues = open_source(str(root), Selection()).catalogues
    assert [c.classes for c in catalogues] == [("a", "c")] * 2
    assert [c.labels for c in catalogues] == [[SoftLabel((0, 1), (0.5, 0.5)), SECOND], [SECOND]]


# Tasks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "shards", "masks"])
def test_source_without_its_catalogues_pickles_and_opens_samples(make_folder, tmp_path, kind):
    root = make_folder({"cat": 2})
    selection = Selection()
    if kind == "masks":
        (tmp_path / "masks").mkdir()
        (tmp_path / "masks" / "cat").symlink_to(root / "cat")
        selection = Selection(InputFiles(masks=str(tmp_path / "masks")))
    if kind == "shards":
        table = pa.table({"image": [encode_image(), b"1"], "label": [0, 1], "more": ["a", "b"]})
        pq.write_table(table, tmp_path / "a.parquet")
        root = tmp_path / "a.parquet"
    source = open_source(str(root), selection)
    (catalogue,) = source.catalogues
    packed = pickle.dumps(replace(source, catalogues=()))
    assert str(catalogue.keys[1]).encode() not in packed
    samples = pickle.loads(packed).samples(catalogue, source.groups.get("", ()), 1)
    own = source.samples(catalogue, source.groups.get("", ()), 1)
    assert samples.read(1) == own.read(1)
    assert samples.carry([0, 1]) == own.carry([0, 1])
    if kind == "masks":
        assert samples.read_mask(0) == own.read_mask(0)


def test_samples_of_a_folder_need_no_more_than_their_slice_of_the_catalogue(make_folder):
    source, catalogue = open_only(make_folder({"cat": 5}))
    some = slice(2, 4)
    part = replace(
        catalogue, keys=catalogue.keys[some], sizes=catalogue.sizes[some], versions=catalogue.versions[some]
    )
    assert source.samples(part, [], 1).read(1) == source.samples(catalogue, [], 1).read(3)


def test_shards_are_cut_into_chunks_by_their_row_groups_and_folders_are_not(shards, photos):
    source = open_source(str(shards), Selection())
    assert (source.rows_are_shared, source.mixes_within_chunks) == (True, True)
    source = open_source(str(photos), Selection())
    assert (source.rows_are_shared, source.mixes_within_chunks) == (False, False)


# What belongs to the images -------------------------------------------------------------------------------


def test_masks_that_are_not_a_directory_are_refused(make_folder, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        open_only(make_folder({"cat": 1}), masks=tmp_path / "file")
    assert str(caught.value) == f"masks '{tmp_path}/file' is not a directory; give the folder of the masks"


@pytest.mark.parametrize("masks", ["nothing", "src/cat/nothing"])
def test_masks_that_do_not_exist_are_refused_also_below_the_images(make_folder, masks):
    root = make_folder({"cat": 1})
    masks = root.parent / masks
    with pytest.raises(InputError) as caught:
        open_only(root, masks=masks)
    assert str(caught.value) == f"masks '{masks}' does not exist; give the folder of the masks"


def test_masks_among_the_images_are_refused(make_folder):
    root = make_folder({"cat": 1})
    with pytest.raises(InputError, match=rf"masks '{root}/cat' lies in SRC '{root}', where masks are"):
        open_only(root, masks=root / "cat")


def test_own_output_whose_masks_are_gone_still_wants_them(make_folder):
    root = make_folder({"": 2})
    names = ["0.png", "1.png"]
    table = pa.table({"file_name": names, "mask_file_name": ["masks/0.png", "masks/1.png"]})
    pq.write_table(table, root / "metadata.parquet")
    source, catalogue = open_only(root)
    assert source.annotated.masks
    with pytest.raises(DecodeError, match=r"no mask: the masks hold no 1\.png; put it there"):
        source.samples(catalogue, [], 1).read_mask(1)
