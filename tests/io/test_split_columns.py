"""Columns of tables and shards that say of which split an image is."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.errors import InputError, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source


@pytest.fixture
def make(tmp_path):
    """Make images in a folder, and a table beside it; gives the folder, and how it is read."""

    def make_files(table: str, *images: str, name: str = "labels.csv", **options) -> tuple[str, Selection]:
        for image in images or ("a.png", "b.png"):
            (tmp_path / "src" / image).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "src" / image).write_bytes(b"xy")
        (tmp_path / name).write_text(table)
        given = InputFiles(labels=str(tmp_path / name)) if "/" not in name else InputFiles()
        return str(tmp_path / "src"), Selection(files=given, **options)

    return make_files


def refuse(src: str, selection: Selection) -> str:
    with pytest.raises(InputError) as caught:
        open_source(src, selection)
    return caught.value.spell(Spelling.FLAG)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "cells", "what"),
    [
        ("split", ("train", "test"), "column 'split' names splits (train, test)"),
        ("Usage", ("Training", "PublicTest"), "column 'Usage' names splits (train, test)"),
        ("set", ("dev", "eval"), "column 'set' names splits (validation, test)"),
        ("dataset", ("train", "val"), "column 'dataset' names splits (train, validation)"),
        ("partition", ("0", "2"), "column 'partition' names splits (train, test)"),
        ("is_valid", ("False", "True"), "column 'is_valid' is true for some and false for others"),
        ("is_train", ("1", "0"), "column 'is_train' is true for some and false for others"),
    ],
)
@pytest.mark.parametrize("name", ["labels.csv", "src/metadata.csv"])
def test_a_table_that_divides_images_of_one_folder_is_refused(make, column, cells, what, name):
    table = f"file_name,label,{column}\na.png,cat,{cells[0]}\nb.png,dog,{cells[1]}\n"
    said = refuse(*make(table, name=name))
    assert what in said
    assert "--no-splits" in said
    assert len(open_source(*make(table, name=name, splits=False)).catalogues[0].keys) == 2


def test_a_table_without_labels_may_divide_class_folders(make):
    table = "file_name,split\ncat/a.png,train\ndog/b.png,test\n"
    said = refuse(*make(table, "cat/a.png", "dog/b.png", name="src/metadata.csv"))
    assert "column 'split' names splits" in said


@pytest.mark.parametrize(
    ("column", "cells"),
    [("split", ("train", "train")), ("set", ("red", "blue")), ("type", ("0", "1")), ("is_valid", ("0", "0"))],
)
def test_a_table_of_one_split_is_read(make, column, cells):
    table = f"file_name,label,{column}\na.png,cat,{cells[0]}\nb.png,dog,{cells[1]}\n"
    assert open_source(*make(table)).catalogues[0].classes == ("cat", "dog")


def test_rows_of_other_splits_without_images_do_not_matter(make):
    table = "file_name,label,split\na.png,cat,train\nb.png,dog,train\nc.png,dog,test\n"
    assert open_source(*make(table)).catalogues[0].classes == ("cat", "dog")


def test_a_table_beside_split_folders_may_name_them(make):
    table = "file_name,label,split\ntrain/a.png,cat,train\ntest/b.png,cat,test\n"
    found = open_source(*make(table, "train/a.png", "test/b.png"))
    assert {catalogue.split for catalogue in found.catalogues} == {"train", "test"}


def test_the_label_column_that_is_given_names_no_splits(make):
    table = "file_name,set\na.png,train\nb.png,test\n"
    assert open_source(*make(table, label_col="set")).catalogues[0].classes == ("test", "train")


def test_shards_that_divide_their_rows_are_refused(tmp_path):
    table = pa.table({"image": [b"x", b"y"], "label": [0, 1], "split": ["train", "test"]})
    pq.write_table(table, tmp_path / "data.parquet")
    said = refuse(str(tmp_path / "data.parquet"), Selection())
    assert "column 'split' names splits (train, test)" in said
    assert "--no-splits" in said
    assert len(open_source(str(tmp_path / "data.parquet"), Selection(splits=False)).catalogues[0].keys) == 2
    (tmp_path / "data.parquet").rename(tmp_path / "train.parquet")  # its name decides
    assert open_source(str(tmp_path / "train.parquet"), Selection()).main == "train"
