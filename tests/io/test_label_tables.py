"""Label tables: what of a CSV, parquet or JSON lines file labels which image, and what is refused."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.errors import InputError, Spelling
from augcli.io.labels.matching import Places
from augcli.io.labels.table_rows import label_by_table
from augcli.io.labels.tables import Named
from augcli.io.store.locations import locate
from augcli.samples import SoftLabel

CAT, DOG = SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))
BOTH = SoftLabel((0, 1), (1.0, 1.0))


def label(path, names=("a.png", "b.png"), must_label=True, **options):
    """Label images by a table as --labels does; gives all that is known."""
    named = Named(options.get("label_col"), options.get("file_col"))
    rules = (options.get("classes"), options.get("label_sep"))
    return label_by_table(
        locate(path), Places(list(names), **options.get("places", {})), named, rules, must_label
    )


def read_labels(path, names, label_col=None, classes=None, must_label=True):
    found = label(path, names, must_label, label_col=label_col, classes=classes).labellings
    return found and found[0]


# Label tables ---------------------------------------------------------------------------------------------


@pytest.fixture
def read_csv(tmp_path):
    """Write a label table and read it for some images, as --labels does."""

    def read(text, names=("a.png", "b.png"), label_col=None, classes=None, must_label=True):
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_labels(path, names, label_col, classes, must_label)

    return read


@pytest.fixture
def read_table(tmp_path):
    """The same with a parquet table."""

    def read(columns, names=("a.png", "b.png"), label_col=None, classes=None, features=None):
        path = tmp_path / "labels.parquet"
        table = pa.table(columns)
        if features:
            table = table.replace_schema_metadata(
                {"huggingface": json.dumps({"info": {"features": features}})}
            )
        pq.write_table(table, path)
        return read_labels(path, names, label_col, classes, True)

    return read


def test_table_of_names_labels_the_images_in_their_order(read_csv):
    labelling = read_csv("file_name,label\nb.png,dog\na.png,cat\n")
    assert labelling.classes == ("cat", "dog")
    assert labelling.labels == [CAT, DOG]


@pytest.mark.parametrize(
    "column", ["file_name", "path", "filename", "image", "file", "id", "File_Name", "IMAGE"]
)
def test_table_may_call_the_file_column_by_other_names(read_csv, column):
    assert read_csv(f"{column},label\na.png,cat\nb.png,dog\n").labels == [CAT, DOG]


def test_table_of_indices_labels_by_index(read_csv):
    labelling = read_csv("file_name,label\na.png,1\nb.png,0\n")
    assert labelling.labels == [DOG, CAT]
    assert labelling.classes == ("0", "1")


def test_table_of_indices_takes_the_names_of_the_class_list(read_csv):
    labelling = read_csv("file_name,label\na.png,1\nb.png,0\n", classes=("dog", "cat"))
    assert labelling.labels == [DOG, CAT]
    assert labelling.classes == ("dog", "cat")


def test_table_of_numbers_that_are_names_labels_by_name(read_csv):
    labelling = read_csv("file_name,label\na.png,10\nb.png,7\n", classes=("7", "10"))
    assert labelling.labels == [DOG, CAT]


def test_table_of_names_follows_the_order_of_the_class_list(read_csv):
    labelling = read_csv("file_name,label\na.png,cat\nb.png,dog\n", classes=("dog", "cat"))
    assert labelling.labels == [DOG, CAT]


def test_table_with_an_empty_label_leaves_the_image_unlabelled(read_csv):
    assert read_csv("file_name,label\na.png,\nb.png,cat\n").labels == [None, CAT]


def test_table_reads_names_like_null_and_nan_as_names(read_csv):
    assert read_csv("file_name,label\na.png,null\nb.png,nan\n").classes == ("nan", "null")


def test_table_of_weight_columns_labels_by_weights(read_csv):
    labelling = read_csv("file_name,dog,cat\na.png,0.25,0.75\nb.png,1,0\n")
    assert labelling.classes == ("cat", "dog")
    assert labelling.labels == [SoftLabel((0, 1), (0.75, 0.25)), DOG]


def test_table_of_weight_columns_follows_the_order_of_the_class_list(read_csv):
    labelling = read_csv("file_name,dog,cat\na.png,0.25,0.75\nb.png,1,0\n", classes=("dog", "cat"))
    assert labelling.classes == ("dog", "cat")
    assert labelling.labels == [SoftLabel((0, 1), (0.25, 0.75)), CAT]


def test_table_of_weight_columns_that_are_not_the_class_list_is_refused(read_csv):
    with pytest.raises(InputError, match="dog, cat are not the classes of classes"):
        read_csv("file_name,dog,cat\na.png,0.25,0.75\nb.png,1,0\n", classes=("dog", "emu"))


def test_table_prefers_marked_weight_columns_to_the_label(read_csv):
    labelling = read_csv("file_name,label,p:cat,p:dog\na.png,0,0.5,0.5\nb.png,1,0,1\n")
    assert labelling.classes == ("cat", "dog")
    assert labelling.labels == [SoftLabel((0, 1), (0.5, 0.5)), DOG]


def test_table_with_a_named_label_column(read_csv):
    assert read_csv("file_name,label,kind\na.png,x,cat\nb.png,x,dog\n", label_col="kind").classes == (
        "cat",
        "dog",
    )


def test_table_without_the_named_label_column_is_refused(read_csv):
    with pytest.raises(InputError, match="no column 'kind'; it has file_name, label"):
        read_csv("file_name,label\na.png,x\nb.png,x\n", label_col="kind")


def test_table_reads_a_byte_order_mark_and_crlf(read_csv):
    labelling = read_csv(b"\xef\xbb\xbffile_name,label\r\na.png,cat\r\nb.png,dog\r\n")
    assert labelling.classes == ("cat", "dog")


def test_parquet_table_of_indices_takes_the_names_of_its_class_label(read_table):
    features = {"label": {"names": ["zebra", "ant"], "_type": "ClassLabel"}}
    labelling = read_table({"file_name": ["a.png", "b.png"], "label": [1, 0]}, features=features)
    assert labelling.classes == ("zebra", "ant")
    assert labelling.labels == [DOG, CAT]


def test_parquet_table_prefers_soft_label_to_label(read_table):
    labelling = read_table(
        {"file_name": ["a.png", "b.png"], "label": [0, 1], "soft_label": [[0.5, 0.5], [0.0, 1.0]]}
    )
    assert labelling.labels == [SoftLabel((0, 1), (0.5, 0.5)), DOG]


@pytest.mark.parametrize("key", ["../a.png", "x/../../a.png", "/a.png", "..", "C:\\a.png"])
def test_table_that_names_a_file_outside_is_refused(read_csv, key):
    with pytest.raises(InputError, match="paths must be relative, below the table, without"):
        read_csv(f"file_name,label\n{key},cat\nb.png,dog\n", names=(key, "b.png"))


def test_table_with_a_class_outside_the_class_list_is_refused(read_csv):
    with pytest.raises(InputError, match=r"unknown class 'emu' \(1 such\); the class list has cat, dog"):
        read_csv("file_name,label\na.png,cat\nb.png,emu\n", classes=("cat", "dog"))


def test_table_with_an_index_beyond_the_class_list_is_refused(read_csv):
    with pytest.raises(InputError, match="label 2 is beyond the 2 classes"):
        read_csv("file_name,label\na.png,0\nb.png,2\n", classes=("cat", "dog"))


def test_table_without_labels_is_refused_where_it_must_label(read_csv):
    with pytest.raises(InputError, match=r"no column label and no column of weights .* give label_col"):
        read_csv("file_name,text\na.png,hello\nb.png,world\n")


def test_table_without_labels_gives_none_where_it_need_not_label(read_csv):
    assert read_csv("file_name,text\na.png,hello\nb.png,world\n", must_label=False) is None


@pytest.mark.parametrize("text", ["", "file_name,label\na.png,cat,extra\n"])
def test_table_that_is_no_csv_is_refused(read_csv, text):
    with pytest.raises(InputError, match=r"labels\.csv' cannot be read"):
        read_csv(text)


def test_column_of_fractions_is_not_proposed_as_labels(table):
    said = says(table, "l.csv", "file_name,price,stars\na.png,1.5,2\nb.png,2.0,3\n")
    assert said.endswith("give --label-col (such as --label-col stars)")


def test_missing_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv' does not exist"):
        read_labels(tmp_path / "none.csv", ["a.png"])


def test_table_with_a_negative_weight_is_refused(read_csv):
    with pytest.raises(InputError, match="no column label and no column of weights"):
        read_csv("file_name,cat,dog\na.png,-0.5,1.5\nb.png,0,1\n")


@pytest.fixture
def table(tmp_path):
    """Write a table of any kind and label images by it: `table("labels.csv", text)`."""

    def write(name, content, *arguments, **options):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return label(tmp_path / name, *arguments, **options)

    return write


@pytest.fixture
def labels(table):
    """The same, labels and classes alone."""

    def read(*arguments, **options):
        labelling = table(*arguments, **options).labellings[0]
        return labelling.labels, labelling.classes

    return read


def says(call, *arguments, **options) -> str:
    """Return the words of a refusal, as the command line spells them."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return caught.value.spell(Spelling.FLAG)


# How tables are written -----------------------------------------------------------------------------------

CATS_AND_DOGS = ([CAT, DOG], ("cat", "dog"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_may_be_written_in_any_of_the_usual_ways(labels, delimiter, end, mark):
    lines = [["file_name", "label"], ["a.png", "cat"], ["b.png", "dog"]]
    text = mark + "".join(delimiter.join(line) + end for line in lines)
    assert labels("labels.csv", text) == CATS_AND_DOGS


def test_a_quoted_cell_may_hold_more_lines_than_are_read_at_once(labels):
    text = 'file_name,caption,label\na.png,"{}",cat\nb.png,x,dog\n'.format("a line,\n" * 200_000)
    assert labels("l.csv", text) == CATS_AND_DOGS


def test_another_delimiter_than_a_comma_is_said(table):
    found = table("labels.csv", "file_name;label\na.png;cat\nb.png;dog\n")
    assert any("columns between semicolons" in note for note in found.notes)


def test_a_quoted_name_of_a_column_does_not_decide_the_delimiter(labels):
    text = 'file_name,label,"seen; by; whom; when"\na.png,cat,x\nb.png,dog,y\n'
    assert labels("l.csv", text) == CATS_AND_DOGS


def test_commas_in_cells_of_a_table_of_semicolons_stay(labels):
    text = "file_name;label\na.png;cat, tabby\nb.png;dog\n"
    assert labels("labels.csv", text)[1] == ("cat, tabby", "dog")


@pytest.mark.parametrize(
    "text",
    [
        "file_name, label\na.png, cat\nb.png, dog\n",
        " file_name ,\tlabel\n a.png,cat \n\tb.png , dog\n",
        'file_name, "label"\na.png, "cat"\nb.png, "dog"\n',
    ],
)
def test_blanks_around_names_and_cells_are_dropped(labels, text):
    assert labels("labels.csv", text) == CATS_AND_DOGS


@pytest.mark.parametrize(
    ("encoding", "cure"),
    [("utf-16", "iconv -f UTF-16 -t UTF-8"), ("latin-1", "iconv -f WINDOWS-1252 -t UTF-8")],
)
def test_another_encoding_is_named_with_the_cure(table, encoding, cure):
    text = "file_name,label\na.png,café\nb.png,dog\n"
    assert cure in says(table, "labels.csv", text.encode(encoding))


@pytest.mark.parametrize("begin", [b"PK\x03\x04", b"\x1f\x8b\x08"])
def test_spreadsheets_and_packed_tables_are_named(table, begin):
    assert "save it as CSV (UTF-8), or unpack it" in says(table, "labels.csv", begin + bytes(50))


def test_table_without_a_header_is_refused(table):
    said = says(table, "l.csv", "a.png,cat\nb.png,dog\n")
    assert said.endswith(
        "has no header: its first line names an image; write the names of the columns above it, such as"
        " file_name,label"
    )


def test_numbers_of_rows_that_pandas_wrote_are_no_weights(labels):
    text = "Unnamed: 0,file_name,cat,dog\n0,a.png,1,0\n1,b.png,0,1\n"
    assert labels("l.csv", text) == CATS_AND_DOGS


def test_a_quotation_mark_that_is_not_closed_is_refused(table):
    said = says(table, "l.csv", 'file_name,label\na.png,"cat\nb.png,dog\n')
    assert "holds a text of several lines, 'cat\\nb.png,dog'; close the quotation mark before it" in said


def test_classes_that_differ_in_case_alone_are_noted(table):
    text = "file_name,label\na.png,Cat\nb.png,cat\n"
    assert table("l.csv", text).notes[-1] == (
        "classes whose names differ in case alone: 'Cat', 'cat'; write them alike if they are one"
    )


def test_a_label_column_of_another_type_is_named(table, tmp_path):
    text = '{"file_name": "a.png", "label": {"cat": 0.5}}\n'
    found = table("l.jsonl", text, must_label=False)
    assert found.labellings is None
    assert found.notes == [
        "column 'label' is not read as labels: its type, struct<cat: double>, is not understood"
    ]


def test_a_class_called_like_nothing_is_noted(table):
    found = table("l.csv", "file_name,label\na.png,nan\nb.png,dog\n")
    assert "'nan' is read as a class; leave the cell empty where there is no label" in found.notes


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.ndjson", "metadata.JSONL"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_lines_are_a_table(labels, name, mark):
    text = mark + '{"file_name": "a.png", "label": "cat"}\r\n\n{"label": "dog", "file_name": "b.png"}\n'
    assert labels(name, text) == CATS_AND_DOGS


def test_texts_of_json_that_look_like_dates_stay_texts(labels):
    names = ("2020-01-01", "2020-01-02")
    lines = [json.dumps({"file_name": f"{name}.png", "label": name}) for name in names]
    assert labels("l.jsonl", "\n".join(lines), [f"{name}.png" for name in names]) == ([CAT, DOG], names)


def test_lists_of_json_that_look_like_dates_are_lists_of_texts(labels):
    lines = [json.dumps({"file_name": f"{name}.png", "labels": [f"2020-01-{name}"]}) for name in ("01", "02")]
    found = labels("l.jsonl", "\n".join(lines), ["01.png", "02.png"])
    assert found == ([CAT, DOG], ("2020-01-01", "2020-01-02"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"file_name": "a.png", "label": 1}]', "one JSON list"),
        ('{"file_name": "a.png", "label": 1\n', "line 1"),
        ("3\n", "line 1 is not an object"),
        ('{"file_name": "a.png", "label": 1}\n{"file_name": "b.png", "label": "dog"}\n', "cannot be read"),
    ],
)
def test_json_that_is_not_lines_of_objects_is_refused(table, text, words):
    assert words in says(table, "l.jsonl", text)


def test_columns_of_one_name_are_refused(table):
    assert "two columns 'label'" in says(
        table, "l.csv", "file_name,label,label \na.png,cat,dog\nb.png,dog,cat\n"
    )


# Which image a row names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "image"),
    [
        ("./a.png", "a.png"),
        ("x\\a.png", "x/a.png"),
        ("a", "a.png"),
        ("x/a", "x/a.jpeg"),
        ("A.PNG", "a.png"),
        ("a.png", "A.PNG"),
        ("a.png", "x/y/a.png"),
        ("images/a.png", "a.png"),
        ("a.b", "a.b.png"),
        (unicodedata.normalize("NFD", "é.png"), unicodedata.normalize("NFC", "é.png")),
        (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é.png")),
    ],
)
def test_row_names_the_one_image_that_fits(labels, key, image):
    text = f"file_name,label\n{key},cat\nother.png,dog\n"
    assert labels("l.csv", text, [image, "other.png"]) == CATS_AND_DOGS


def test_what_was_forgiven_is_said(table):
    found = table("l.csv", "file_name,label\na,cat\nq/b.png,dog\n")
    assert any("1 row of" in note and "without regard to suffix" in note for note in found.notes)
    assert any("1 row of" in note and "last part" in note for note in found.notes)


@pytest.mark.parametrize(
    ("key", "images"),
    [("a", ("a.png", "a.jpg")), ("a.png", ("x/a.png", "y/a.png")), ("a.png", ("A.png", "a.PNG"))],
)
def test_row_that_fits_two_images_is_refused(table, key, images):
    said = says(table, "l.csv", f"file_name,label\n{key},cat\n", images)
    assert f"names {key!r}, which fits 2 images: {images[0]!r}, {images[1]!r}" in said


def test_exact_path_goes_before_what_is_forgiven(labels):
    text = "file_name,label\na.png,cat\nA.png,dog\n"
    assert labels("l.csv", text, ["A.png", "a.png"]) == ([DOG, CAT], ("cat", "dog"))


def test_row_of_a_lost_image_does_not_take_another_of_its_name(table):
    found = table("l.csv", "file_name,label\nx/a.png,cat\ny/a.png,dog\n", ["x/a.png"])
    assert found.labellings[0].labels == [CAT]
    assert any("1 row of" in note and "names no image here ('y/a.png')" in note for note in found.notes)


def test_row_of_another_split_does_not_take_an_image_of_its_name(table):
    text = "file_name,label\ntrain/a.png,cat\nval/b.png,dog\n"
    found = table("l.csv", text, ["a.png", "b.png"], places={"root": "/data/val"})
    assert found.labellings[0] == ([None, SoftLabel((0,), (1.0,))], ("dog",))


def test_rows_without_image_and_images_without_row_are_counted(table):
    found = table("l.csv", "file_name,label\na.png,cat\nlost.png,dog\n,dog\n", ["a.png", "b.png", "c.png"])
    assert found.labellings[0].labels == [CAT, None, None]
    path = (
        next(note for note in found.notes if "name no image" in note).split(" rows of ")[1].split(" name ")[0]
    )
    assert f"2 rows of {path} name no image here ('lost.png' first)" in found.notes
    assert f"unlabelled, without a row in {path}: 2 images ('b.png' first)" in found.notes


def test_two_rows_of_an_image_that_agree_are_one(labels):
    assert labels("l.csv", "file_name,label\na.png,cat\nb.png,dog\na.png,cat\n") == CATS_AND_DOGS


def test_two_rows_of_an_image_that_differ_are_refused(table):
    said = says(table, "l.csv", "file_name,label\na.png,cat\nb.png,dog\na.png,dog\n")
    assert "names 'a.png' twice, with different labels (rows 1 and 3)" in said
    assert "--label-sep" in said


def test_file_column_is_the_one_that_matches_images(labels):
    text = "id,image,label\n1,a.png,cat\n2,b.png,dog\n"
    assert labels("l.csv", text) == CATS_AND_DOGS


def test_file_column_that_matches_more_images_goes_before_one_that_is_named_first(labels):
    text = "image,id,label\na.png,a,cat\nold.png,b,dog\n"
    assert labels("l.csv", text) == CATS_AND_DOGS


def test_file_column_of_numbers_names_images_by_them(labels, tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "label": ["cat", "dog"]}), tmp_path / "l.parquet")
    assert label(tmp_path / "l.parquet", ["1.png", "2.png"]).labellings[0].labels == [CAT, DOG]


def test_numbers_of_rows_do_not_name_images_where_a_column_names_files(labels, tmp_path):
    text = "id,image,label\n2,1.png,cat\n1,2.png,dog\n"
    assert labels("l.csv", text, ["1.png", "2.png", "3.png"])[0] == [CAT, DOG, None]
    text = "id,image,label\n1,2.png,cat\n2,lost.png,dog\n"  # the numbers fit more
    assert labels("l.csv", text, ["1.png", "2.png"])[0] == [None, CAT]


def test_numbers_of_rows_are_refused_where_files_are_written_otherwise(table):
    text = (
        "image,id,label\n/data/upload/0.png,1,cat\n/data/upload/1.png,2,dog\n"  # as Label Studio exports them
    )
    said = says(table, "l.csv", text, ["0.png", "1.png", "2.png"])
    assert "paths must be relative" in said
    assert "the numbers of column 'id' fit 2 images, perhaps by chance" in said
    assert said.endswith("give --file-col id")
    text = "image,id,label\nab12-0.png,1,cat\nff00-1.png,2,dog\n"
    said = says(table, "l.csv", text, ["0.png", "1.png"])
    assert "column 'image' names no image here; the numbers of column 'id' fit 1 images" in said


def test_numbers_of_rows_are_taken_where_all_fit_and_nothing_else_does(labels):
    text = "id,image,label\n1,http://a/x.png,cat\n2,http://a/y.png,dog\n"
    assert labels("l.csv", text, ["1.png", "2.png"])[0] == [CAT, DOG]


def test_file_column_of_another_name_is_given(labels):
    text = "picture,label\na.png,cat\nb.png,dog\n"
    assert labels("l.csv", text, file_col="picture") == CATS_AND_DOGS


def test_file_column_is_named_where_one_would_match(table):
    text = "picture,label\na.png,cat\nb.png,dog\n"
    said = says(table, "l.csv", text)
    assert said.endswith(
        "has no column file_name; it has picture, label; an image here is 'a.png'; give --file-col picture"
    )


def test_file_column_that_matches_nothing_is_refused(table):
    said = says(table, "l.csv", "file_name,label\nx.png,cat\n")
    assert (
        "column 'file_name' names none of the 2 images (its first is 'x.png'); an image here is 'a.png'"
        in said
    )


def test_given_file_column_that_is_not_there_is_refused(table):
    said = says(table, "l.csv", "file_name,label\na.png,cat\n", file_col="x")
    assert said.endswith("has no column 'x'; it has file_name, label; give --file-col")


# Which column labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["label", "labels", "class", "target", "category", "Label", "CLASS"])
def test_label_column_is_found_by_its_name(labels, column):
    assert labels("l.csv", f"file_name,{column},note\na.png,cat,x\nb.png,dog,y\n") == CATS_AND_DOGS


def test_label_goes_before_the_other_names(labels):
    assert labels("l.csv", "file_name,class,label\na.png,x,cat\nb.png,y,dog\n") == CATS_AND_DOGS


def test_two_columns_that_could_be_labels_are_refused(table):
    said = says(table, "l.csv", "file_name,class,category\na.png,cat,x\nb.png,dog,y\n")
    assert "give --label-col (such as --label-col class or --label-col category)" in said


def test_one_column_of_numbers_under_another_name_is_not_weights(table):
    said = says(table, "l.csv", "file_name,diagnosis\na.png,0\nb.png,1\n")
    assert "--label-col diagnosis" in said


def test_columns_of_normalised_boxes_are_not_weights(table):
    said = says(table, "l.csv", "file_name,x,y,w,h\na.png,0.5,0.5,0.2,0.1\nb.png,0.4,0.2,0.1,0.1\n")
    assert "--label-col" in said
    assert "weights where all are 0 or 1, or each row sums to 1" in said


def test_columns_of_zeros_and_ones_are_multi_hot(labels):
    assert labels("l.csv", "file_name,cat,dog\na.png,1,1\nb.png,0,1\n") == ([BOTH, DOG], ("cat", "dog"))


def test_columns_of_numbers_are_not_weights_of_a_table_that_need_not_label(table):
    assert table("l.csv", "file_name,cat,dog\na.png,1,1\nb.png,0,1\n", must_label=False).labellings is None


def test_rows_without_weights_are_unlabelled_and_do_not_speak_against_weights(labels):
    assert labels("l.csv", "file_name,cat,dog\na.png,1,0\nb.png,,\n") == ([CAT, None], ("cat", "dog"))


def test_columns_whose_rows_sum_to_hardly_another_number_than_one_are_not_weights(table):
    assert "no column of weights" in says(
        table, "l.csv", "file_name,cat,dog\na.png,0.5,0.5\nb.png,0.5,0.495\n"
    )


def test_columns_beyond_one_are_not_weights(table):
    assert "--label-col" in says(table, "l.csv", "file_name,width,height\na.png,640,480\nb.png,320,200\n")


def test_marked_columns_that_lack_a_weight_are_refused(table):
    said = says(table, "l.csv", "file_name,p:cat,p:dog\na.png,1,\nb.png,0,1\n")
    assert "lacks a weight" in said


def test_marked_columns_of_an_unlabelled_row_are_empty(labels):
    assert labels("l.csv", "file_name,p:cat,p:dog\na.png,,\nb.png,0,1\n")[0] == [None, DOG]


def test_candidates_are_kept_where_a_table_need_not_label(table):
    found = table("l.csv", "file_name,fine_label,text\na.png,x,t\nb.png,y,u\n", must_label=False)
    assert (found.labellings, found.facts.candidates) == (None, ("fine_label",))


def test_our_own_pairs_without_all_weights_are_refused(table):
    header = "file_name,label,label_name,weight,label2,label2_name,weight2"
    said = says(table, "labels.csv", f"{header}\na.png,0,cat,0.5,1,dog,0.5\nb.png,1,dog,1.0,,,\n")
    assert "give metadata.parquet beside it" in said


def test_the_larger_label_of_our_own_pairs_is_read_where_it_is_named(labels):
    header = "file_name,label,label_name,weight,label2,label2_name,weight2"
    text = f"{header}\na.png,0,cat,0.5,1,dog,0.5\nb.png,1,dog,1.0,,,\n"
    assert labels("labels.csv", text, label_col="label_name") == CATS_AND_DOGS


# What a label says ----------------------------------------------------------------------------------------


def test_whole_numbers_written_as_floats_are_indices(labels):
    names = [f"{i}.png" for i in range(12)]
    rows = "".join(f"{i}.png,{float(i)}\n" for i in range(12))
    found, classes = labels("l.csv", f"file_name,label\n{rows}", names)
    assert [one.classes for one in found] == [(i,) for i in range(12)]
    assert classes == tuple(f"{i:02d}" for i in range(12))


def test_a_missing_number_is_unlabelled_as_pandas_writes_it(labels):
    assert labels("l.csv", "file_name,label\na.png,nan\nb.png,1.0\n")[0] == [None, DOG]


def test_numbers_with_leading_zeros_are_names_in_a_column_that_is_named_too(labels):
    text = "file_name,code\na.png,007\nb.png,010\n"
    assert labels("l.csv", text, label_col="code") == ([CAT, DOG], ("007", "010"))


def test_numbers_with_leading_zeros_are_names(labels):
    assert labels("l.csv", "file_name,label\na.png,007\nb.png,010\n")[1] == ("007", "010")


def test_numbers_that_are_not_whole_are_no_labels(table):
    said = says(table, "l.csv", "file_name,label\na.png,0.5\nb.png,1.25\n")
    assert "holds 0.5: a number to predict is not a class; give --label-col" in said


@pytest.mark.parametrize("separator", ["|", ";", " "])
def test_several_names_of_one_text_are_multi_hot(labels, separator):
    text = f"file_name,label\na.png,cat{separator}dog\nb.png,dog\n"
    assert labels("l.csv", text, label_sep=separator) == ([BOTH, DOG], ("cat", "dog"))


def test_several_indices_of_one_text_are_multi_hot(labels):
    text = "file_name,label\na.png,0 | 2\nb.png,1\n"
    found = ([SoftLabel((0, 2), (1.0, 1.0)), DOG], ("0", "1", "2"))
    assert labels("l.csv", text, label_sep="|") == found


def test_texts_that_are_probably_several_names_are_refused(table):
    said = says(table, "l.csv", "file_name,label\na.png,cat|dog\nb.png,dog\n")
    assert "'cat|dog': several names, or one? Give --label-sep '|'" in said
    assert "--classes FILE" in said


@pytest.mark.parametrize(
    ("cells", "cure"),
    [
        (("cat,dog", "dog", "cat"), "--label-sep ,"),
        (("cat; dog", "dog; cat", "bird"), "--label-sep ';'"),
        (("cat dog", "dog", "cat"), "--label-sep ' '"),
        (("0 16", "7 1 2", "25"), "--label-sep ' '"),
        (("0;16", "7;1", "25"), "--label-sep ';'"),
    ],
)
def test_texts_that_repeat_between_separators_are_refused(table, cells, cure):
    rows = "".join(f'{name}.png,"{cell}"\n' for name, cell in zip("abc", cells, strict=True))
    said = says(table, "l.csv", f"file_name,label\n{rows}", ["a.png", "b.png", "c.png"])
    assert f"several names, or one? Give {cure} where" in said


@pytest.mark.parametrize(
    "cells",
    [
        ("red apple", "green apple", "red grape"),
        ("maillot, tank suit", "maillot", "crane"),
        ("red;", "blue", "green"),
    ],
)
def test_texts_with_blanks_and_commas_are_names(labels, cells):
    rows = "".join(f'{name}.png,"{cell}"\n' for name, cell in zip("abc", cells, strict=True))
    found = labels("l.csv", f"file_name,label\n{rows}", ["a.png", "b.png", "c.png"])
    assert found[1] == tuple(sorted(cells))


@pytest.mark.parametrize(
    "cell", ['{""choices"": [""cat"", ""dog""]}', '[""cat"", ""dog""]', "['cat', 'dog']"]
)
def test_lists_written_as_text_beside_names_are_refused(table, cell):
    said = says(table, "l.csv", f'file_name,label\na.png,"{cell}"\nb.png,dog\n')
    assert "which is not the name of a class; write plain names in all cells, or lists such as" in said


def test_texts_with_a_bar_that_the_class_list_names_are_names(labels):
    text = "file_name,label\na.png,cat|dog\nb.png,dog\n"
    assert labels("l.csv", text, classes=("cat|dog", "dog")) == ([CAT, DOG], ("cat|dog", "dog"))


def test_soft_labels_written_as_text_are_read(labels):
    text = 'file_name,soft_label\na.png,"[0.25, 0.75]"\nb.png,"[1.0, 0.0]"\n'
    assert labels("l.csv", text)[0] == [SoftLabel((0, 1), (0.25, 0.75)), CAT]


@pytest.mark.parametrize("cell", ["[0.25 0.75]", "(0.25, 0.75)", "0.25;0.75"])
def test_soft_labels_written_as_other_text_are_refused(table, cell):
    said = says(table, "l.csv", f'file_name,soft_label\na.png,"{cell}"\nb.png,"{cell}"\n')
    assert "p:<class>" in said


def test_lists_of_json_lines_are_read(labels):
    lines = ['{"file_name": "a.png", "label": ["cat", "dog"]}', '{"file_name": "b.png", "label": ["dog"]}']
    assert labels("l.jsonl", "\n".join(lines)) == ([BOTH, DOG], ("cat", "dog"))


# Splits ---------------------------------------------------------------------------------------------------


def test_classes_of_texts_are_those_of_the_augmented_split(tmp_path):
    (tmp_path / "l.csv").write_text("file_name,label\nt/0.png,dog\nv/1.png,cat\nv/2.png,dog\n")
    places = Places(["t/0.png", "v/1.png", "v/2.png"])
    parts = [(1, True), (2, False)]
    found = label_by_table(locate(tmp_path / "l.csv"), places, Named(), (None, None), True, parts).labellings
    assert found[0] == ([SoftLabel((0,), (1.0,))], ("dog",))


def test_numbers_of_the_augmented_split_keep_their_places_where_one_does_not_occur(tmp_path):
    (tmp_path / "l.csv").write_text("file_name,label\nt/0.png,0\nt/1.png,2\nv/2.png,1\nv/3.png,3\n")
    places = Places(["t/0.png", "t/1.png", "v/2.png", "v/3.png"])
    parts = [(2, True), (2, False)]
    found = label_by_table(locate(tmp_path / "l.csv"), places, Named(), (None, None), True, parts).labellings
    assert found[0] == ([SoftLabel((0,), (1.0,)), SoftLabel((2,), (1.0,))], ("0", "1", "2"))


def test_smoothed_weights_are_known_by_having_no_zero(table):
    smoothed = table("l.csv", "file_name,p:cat,p:dog\na.png,0.95,0.05\nb.png,0.05,0.95\n")
    plain = table("m.csv", "file_name,p:cat,p:dog\na.png,0.95,0.05\nb.png,0,1\n")
    assert (smoothed.facts.is_smoothed, plain.facts.is_smoothed) == (True, False)


def test_weights_of_a_single_class_are_not_taken_for_smoothed(table):
    assert not table("l.csv", "file_name,p:cat\na.png,1\nb.png,1\n").facts.is_smoothed


def test_rows_are_taken_in_the_order_of_the_images_however_many(tmp_path):
    keys = [f"{i:04d}.png" for i in range(500)]
    order = np.random.default_rng(1).permutation(500)
    rows = "".join(f"{keys[i]},{i % 7}\n" for i in order)
    (tmp_path / "l.csv").write_text(f"file_name,label\n{rows}")
    found = label(tmp_path / "l.csv", keys).labellings[0].labels
    assert [one.classes[0] for one in found] == [i % 7 for i in range(500)]
