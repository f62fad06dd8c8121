"""Labels from columns: names, indices and weights, as they stand in tables and shards."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import InputError
from augcli.io.labels.choice import Kind, LabelChoice, choose_labels
from augcli.io.labels.class_list import read_class_list
from augcli.io.labels.columns import LabelColumn
from augcli.io.labels.columns import label_by_column as label_column
from augcli.io.labels.facts import LabelFacts
from augcli.io.labels.labelling import (
    Labelling,
    label_by_index,
    label_by_name,
    label_by_parts,
    list_parts,
    rename_classes,
)
from augcli.io.labels.pieces import Piece, Rules, label_pieces
from augcli.io.store.locations import locate
from augcli.samples import SoftLabel

FIRST, SECOND, THIRD = (SoftLabel((index,), (1.0,)) for index in range(3))


def read(path) -> tuple[str, ...]:
    return read_class_list(locate(path))


# Class files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["b\na\n", "b\na", "b\r\na\r\n", "b\n\na\n\n"])
def test_class_file_gives_names_in_its_own_order(tmp_path, text):
    (tmp_path / "classes.txt").write_bytes(text.encode())
    assert read(tmp_path / "classes.txt") == ("b", "a")


def test_class_file_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\n")
    assert read(tmp_path / "classes.txt") == ("cat", "dog")


def test_identifiers_are_no_class_indices():
    with pytest.raises(InputError, match="looks like a number of something else"):
        label_by_index([20261122, 3], None)


def test_class_file_keeps_spaces_and_accents_of_names(tmp_path):
    (tmp_path / "classes.txt").write_bytes("test tube\nnaïve\n".encode())
    assert read(tmp_path / "classes.txt") == ("test tube", "naïve")


@pytest.mark.parametrize("text", ["", "\n\n", "a\nb\na\n"])
def test_class_file_that_is_empty_or_names_a_class_twice_is_refused(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(InputError, match=r"classes\.txt' must name each class once, one a line"):
        read(tmp_path / "classes.txt")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.yaml", "names:\n  0: cat\n  1: dog\n"),
        ("classes.json", "x"),
        ("classes.txt", '["cat", "dog"]'),
    ],
)
def test_class_list_that_is_not_lines_of_names_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"is not a list of names; write the names alone, one a line$"):
        read_class_list(locate(tmp_path / name))


def test_class_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path / "none.txt")
    path = f"'{tmp_path}/none.txt'"
    assert str(caught.value) == f"classes {path} does not exist; give a file of class names"


def test_class_file_that_is_a_directory_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    path = f"'{tmp_path}'"
    assert str(caught.value) == f"classes {path} cannot be read: [Errno 21] Is a directory: {path}"


def test_class_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match=r"classes\.txt' cannot be read"):
        read(tmp_path / "classes.txt")


# Names ----------------------------------------------------------------------------------------------------


def test_names_are_indexed_by_code_point_not_by_number():
    assert label_by_name(["10", "2", "1"], None).classes == ("1", "10", "2")


def test_names_are_labelled_by_their_place_in_the_class_list():
    assert label_by_name(["a", "b", "a"], ("b", "a")).labels == [SECOND, FIRST, SECOND]


@pytest.mark.parametrize("missing", [None, ""])
def test_rows_without_a_name_are_unlabelled(missing):
    assert label_by_name([missing, "a"], None) == ([None, FIRST], ("a",))


def test_no_names_at_all_give_no_classes():
    assert label_by_name([None, None], None) == ([None, None], None)


def test_class_list_may_name_classes_that_do_not_occur():
    assert label_by_name(["c"], ("a", "b", "c")) == ([THIRD], ("a", "b", "c"))


def test_unknown_names_are_refused_with_their_number_and_the_class_list():
    with pytest.raises(
        InputError, match=r"unknown class 'x' \(2 such\); the class list has a, b, c, d, e and 1 more"
    ):
        label_by_name(["y", "x", "a", "x"], tuple("abcdef"))


# Indices --------------------------------------------------------------------------------------------------


def test_indices_are_labelled_as_they_are():
    assert label_by_index([1, 0, 1], ("b", "a")).labels == [SECOND, FIRST, SECOND]


@pytest.mark.parametrize(
    ("largest", "first", "last"), [(0, "0", "0"), (9, "0", "9"), (10, "00", "10"), (100, "000", "100")]
)
def test_classes_of_bare_indices_are_padded_so_that_sorting_keeps_their_order(largest, first, last):
    classes = label_by_index([largest], None).classes
    assert len(classes) == largest + 1
    assert (classes[0], classes[-1]) == (first, last)
    assert list(classes) == sorted(classes)


@pytest.mark.parametrize("missing", [None, -1])
def test_rows_without_an_index_are_unlabelled(missing):
    assert label_by_index([missing, 0], None).labels == [None, FIRST]


def test_no_index_at_all_gives_no_classes():
    assert label_by_index([None, -1], None) == ([None, None], None)


def test_index_beyond_the_class_list_is_refused():
    with pytest.raises(
        InputError, match=r"label 2 is beyond the 2 classes; give classes=.FILE. with all names"
    ):
        label_by_index([0, 2], ("a", "b"))


# Weights --------------------------------------------------------------------------------------------------


def label_by_weights(rows, classes: tuple[str, ...] | None) -> Labelling:
    """Label by a matrix with a weight for each class."""
    return label_by_parts(*list_parts(np.array(rows, np.float64)), classes)


def test_weights_of_zero_are_left_out_of_the_label():
    labels = label_by_weights([[0.25, 0, 0.75], [0, 1, 0]], ("a", "b", "c")).labels
    assert labels == [SoftLabel((0, 2), (0.25, 0.75)), SECOND]


def test_rows_without_any_weight_are_unlabelled():
    assert label_by_weights([[0.0, 0.0], [1.0, 0.0]], ("a", "b")).labels == [None, FIRST]


def test_multi_hot_weights_are_kept_as_they_are():
    assert label_by_weights([[1, 1]], ("a", "b")).labels == [SoftLabel((0, 1), (1.0, 1.0))]


def test_classes_of_bare_weights_are_named_by_padded_numbers():
    classes = label_by_weights([[0.0] * 10 + [1.0]], None).classes
    assert classes == ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10")


@pytest.mark.parametrize("weight", [-0.5, float("nan"), float("inf")])
def test_weights_that_are_no_shares_are_refused(weight):
    with pytest.raises(InputError, match="row 1 has a weight that is negative or not finite"):
        label_by_weights([[1.0, 0.0], [weight, 0.5]], None)


# Arrow columns --------------------------------------------------------------------------------------------


def chunked(values, kind=None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


def label_by_column(values, names=None, classes=None, **known) -> Labelling:
    """Label by a column as it stands in a file that knows types."""
    return label_column(LabelColumn(values, names=names, **known), classes)


def label_texts(texts, classes) -> Labelling:
    """Label by a column of a CSV file."""
    return label_column(LabelColumn(chunked(texts, pa.string()), is_text=True), classes)


@pytest.mark.parametrize(
    "column",
    [
        chunked(["b", "a", None]),
        chunked(["b", "a", None], pa.large_string()),
        pa.chunked_array([pa.array(["b", "a", None]).dictionary_encode()]),
    ],
)
def test_column_of_texts_is_labelled_by_name(column):
    assert label_by_column(column, None, None) == ([SECOND, FIRST, None], ("a", "b"))


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64()])
def test_column_of_integers_is_labelled_by_index(kind):
    assert label_by_column(chunked([1, 0, None], kind), None, None) == ([SECOND, FIRST, None], ("0", "1"))


def test_column_of_booleans_is_labelled_by_index():
    assert label_by_column(chunked([True, False]), None, ("no", "yes")) == ([SECOND, FIRST], ("no", "yes"))


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.int64(), 2)]
)
def test_column_of_lists_is_labelled_by_weights(kind):
    assert label_by_column(chunked([[0, 1], [1, 0], None], kind), None, ("a", "b")).labels == [
        SECOND,
        FIRST,
        None,
    ]


def test_column_of_nulls_leaves_all_rows_unlabelled():
    assert label_by_column(pa.chunked_array([pa.nulls(2)]), None, None) == ([None, None], None)


@pytest.mark.parametrize("column", [chunked([b"a"]), chunked([{"a": 1}]), chunked([1], pa.date32())])
def test_column_of_another_type_is_refused(column):
    with pytest.raises(InputError, match="is not understood; accepted: texts, whole numbers, lists"):
        label_by_column(column, None, None)


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.float16(), pa.decimal128(9, 2)])
def test_whole_numbers_of_any_type_are_indices(kind):
    values = pa.chunked_array([pa.array([1.0, 0.0, None], pa.float64()).cast(kind)])
    assert label_by_column(values) == ([SECOND, FIRST, None], ("0", "1"))


def test_not_a_number_is_unlabelled():
    assert label_by_column(chunked([1.0, float("nan")])).labels == [SECOND, None]


@pytest.mark.parametrize("value", [0.5, -1.5, float("inf"), 1e300])
def test_numbers_that_are_not_whole_are_no_labels(value):
    with pytest.raises(InputError, match=r"a number to predict is not a class|not the index of a class"):
        label_by_column(chunked([0.0, value]))


MANY = SoftLabel((1, 3), (1.0, 1.0))


def test_lists_that_the_file_calls_indices_are_multi_hot():
    assert label_by_column(chunked([[0], [1, 0], []]), ("x", "y"), holds_indices=True) == (
        [FIRST, SoftLabel((0, 1), (1.0, 1.0)), None],
        ("x", "y"),
    )


def test_lists_of_whole_numbers_beyond_one_are_indices():
    assert label_by_column(chunked([[3, 1], [2], None])).labels == [MANY, THIRD, None]


def test_lists_of_indices_follow_their_names_into_the_class_list_of_the_user():
    column = chunked([[0, 1], [2]])
    found = label_by_column(column, ("a", "b", "c"), ("c", "b", "a", "z"), holds_indices=True)
    assert found.labels == [SoftLabel((1, 2), (1.0, 1.0)), FIRST]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_what_is_missing_in_a_list_of_indices_is_left_out(missing):
    column = chunked([[2, missing], [missing], [0.0]], pa.list_(pa.float64()))
    found = label_by_column(column, ("a", "b", "c"), holds_indices=True)
    assert found.labels == [THIRD, None, FIRST]


@pytest.mark.parametrize("number", [0.5, float("inf")])
def test_lists_of_indices_that_are_not_whole_are_refused(number):
    column = chunked([[0.0], [number]], pa.list_(pa.float64()))
    with pytest.raises(InputError, match=f"holds {number} among indices of classes, which are whole numbers"):
        label_by_column(column, ("a", "b", "c"), holds_indices=True)


def test_a_negative_index_is_not_counted_from_the_end_of_the_names():
    with pytest.raises(InputError, match=r"the list in row 0, \[-1\], holds a negative number"):
        label_by_column(chunked([[-1]]), ("a", "b"), ("b", "a"), holds_indices=True)


@pytest.mark.parametrize("rows", [[[3, 3]], [[2, -1]], [[12, 3, 0, 3], [0, 1, 1, 13]]])
def test_lists_that_are_counts_rather_than_indices_are_refused(rows):
    with pytest.raises(InputError, match="neither indices of classes nor weights"):
        label_by_column(chunked(rows))


@pytest.mark.parametrize("rows", [[[0], [1], [0, 1]], [[1], [0]], [[0.5], [0.25]], [[0.5, 0.5], [1.0]]])
def test_lists_that_may_be_indices_or_weights_are_refused(rows):
    with pytest.raises(InputError, match="neither one weight for each of all classes nor indices of classes"):
        label_by_column(chunked(rows))


@pytest.mark.parametrize("rows", [[[3.0, 17.0]], [[0.5, 1.5]], [[-0.1, 1.1]], [[0.5, float("nan")]]])
def test_lists_of_other_numbers_are_no_weights(rows):
    with pytest.raises(InputError, match=r"neither weights in 0..1|lacks a weight"):
        label_by_column(chunked(rows))


def test_weights_of_half_precision_are_read():
    column = chunked([[0.25, 0.75]]).cast(pa.list_(pa.float16()))
    assert label_by_column(column).labels == [SoftLabel((0, 1), (0.25, 0.75))]


def test_lists_of_names_are_multi_hot():
    assert label_by_column(chunked([["b", "a"], ["b"], None])) == (
        [SoftLabel((0, 1), (1.0, 1.0)), SECOND, None],
        ("a", "b"),
    )


def test_a_text_of_several_lines_is_a_name_where_the_file_knows_types():
    assert label_by_column(chunked(["cat", "new\nline"])) == ([FIRST, SECOND], ("cat", "new\nline"))


def test_a_text_of_blanks_is_not_several_names():
    assert label_by_column(chunked([" ", "cat"])) == ([FIRST, SECOND], (" ", "cat"))


def test_texts_of_numbers_are_names_where_the_file_knows_types():
    assert label_by_column(chunked(["10", "2"])).classes == ("10", "2")


# Which columns label ---------------------------------------------------------------------------------------

INT, TEXT, SHARE = pa.int64(), pa.string(), pa.list_(pa.float64())


def schema(features=None, smoothing=None, **kinds) -> pa.Schema:
    """A schema of some columns, with what its metadata may say."""
    metadata = {}
    if features:
        metadata["huggingface"] = json.dumps({"info": {"features": features}})
    if smoothing is not None:
        metadata["augcli"] = json.dumps({"smoothing": smoothing})
    return pa.schema(kinds.items(), metadata)


def class_label(*names):
    return {"names": list(names), "_type": "ClassLabel"}


@pytest.mark.parametrize(
    ("kinds", "columns"),
    [
        ({"label": INT, "class": TEXT}, ("label",)),
        ({"labels": INT}, ("labels",)),
        ({"target": INT, "id": INT}, ("target",)),
        ({"Label": INT}, ("Label",)),
        ({"Label": INT, "label": INT}, ("label",)),
        ({"soft_label": SHARE, "label": INT}, ("soft_label",)),
        ({"p:a": pa.float64(), "p:b": pa.float64(), "label": INT}, ("p:a", "p:b")),
        ({"class": TEXT, "category": TEXT}, ()),
        ({"label": pa.struct([("bytes", pa.binary())])}, ()),
        ({"label": pa.binary(), "class": INT}, ("class",)),
        ({"fine_label": INT, "coarse_label": INT}, ()),
    ],
)
def test_label_columns_are_found_by_name_and_type(kinds, columns):
    assert choose_labels(schema(**kinds), None, "x").columns == columns


def test_columns_that_could_be_labels_are_named_where_none_is_read():
    found = choose_labels(schema({"kind": class_label("a")}, kind=INT, fine_label=INT, size=INT), None, "x")
    assert (found.kind, found.candidates) == (Kind.NOT, ("kind", "fine_label"))


def test_exact_labels_of_our_own_outputs_go_before_all_others():
    kinds = {"label": INT, "soft_label": SHARE, "classes": pa.list_(INT), "weights": SHARE}
    found = choose_labels(schema(smoothing=0.1, **kinds), None, "x")
    assert (found.kind, found.columns, found.smoothing) == (Kind.EXACT, ("classes", "weights"), 0.1)
    assert found.is_smoothed is False
    foreign = choose_labels(schema(**kinds), None, "x")
    assert foreign.columns == ("soft_label",)
    saved_again = choose_labels(schema(**kinds, lam=pa.float64(), op=TEXT, source=TEXT), None, "x")
    assert saved_again.kind is Kind.EXACT


def test_a_hard_label_beside_smoothed_ones_is_not_smoothed():
    assert not choose_labels(schema(smoothing=0.1, label=INT, soft_label=SHARE), "label", "x").is_smoothed


def test_two_parts_of_a_data_set_are_smoothed_where_one_is():
    plain, smoothed = LabelFacts(("kind",)), LabelFacts(("kind", "tag"), 0.1, True)
    assert plain.join(smoothed) == smoothed.join(plain)._replace(candidates=("kind", "tag"))
    assert plain.join(smoothed) == (("kind", "tag"), 0.1, True)


@pytest.mark.parametrize("named", [None, "soft_label"])
def test_smoothed_labels_of_our_own_are_known_where_nothing_else_is_left(named):
    found = choose_labels(schema(smoothing=0.1, soft_label=SHARE), named, "x")
    assert (found.columns, found.is_smoothed) == (("soft_label",), True)


# Several files ----------------------------------------------------------------------------------------------

COLUMN = LabelChoice(Kind.COLUMN, ("label",))


def piece(values, *names, name="a.parquet", column="label", kind=None) -> Piece:
    """The label column of a shard, with the names of its classes."""
    array = pa.array(values, kind)
    features = {column: class_label(*names)} if names else None
    if names and pa.types.is_list(array.type) and column == "label":
        features = {column: {"feature": class_label(*names), "_type": "Sequence"}}
    if column == "soft_label" and names:
        features = {"label": class_label(*names)}
    own = schema(features, **{column: array.type})
    return Piece(pa.table({column: array}), own, name)


def by_names(found: tuple[Labelling, list[str]]) -> list[dict[str, float] | None]:
    labelling = found[0]
    return [
        None
        if label is None
        else {labelling.classes[i]: weight for i, weight in zip(label.classes, label.weights, strict=True)}
        for label in labelling.labels
    ]


def test_class_names_in_another_order_are_mapped_by_name():
    found = label_pieces(
        [piece([0, 1, None, -1], "cat", "dog"), piece([0, 1], "dog", "cat")], COLUMN, Rules()
    )
    assert by_names(found) == [{"cat": 1}, {"dog": 1}, None, None, {"dog": 1}, {"cat": 1}]
    assert found[1] == ["class names are in 2 different orders; labels are mapped by name"]


def test_lists_of_class_labels_are_mapped_by_name():
    pieces = [piece([[0], [0, 1], None], "cat", "dog"), piece([[0], []], "dog", "cat")]
    found = by_names(label_pieces(pieces, COLUMN, Rules()))
    assert found == [{"cat": 1}, {"cat": 1, "dog": 1}, None, {"dog": 1}, None]


def test_labels_that_pandas_wrote_with_missing_ones_are_mapped_by_name():
    pieces = [piece([0.0], "cat", "dog"), piece([0.0, float("nan"), 1.0], "dog", "cat")]
    assert by_names(label_pieces(pieces, COLUMN, Rules())) == [{"cat": 1}, {"dog": 1}, None, {"cat": 1}]


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.list_(pa.float64())])
def test_lists_of_class_labels_are_mapped_by_name_whatever_their_type(kind):
    pieces = [piece([[0]], "cat", "dog", kind=kind), piece([[0], [1], [0, None]], "dog", "cat", kind=kind)]
    found = by_names(label_pieces(pieces, COLUMN, Rules()))
    assert found == [{"cat": 1}, {"dog": 1}, {"cat": 1}, {"dog": 1}]


def test_lists_of_weights_under_names_of_classes_are_mapped_by_name():
    weights = pa.table({"label": [[0.25, 0.75]]})

    def own(*names) -> Piece:
        return Piece(weights, schema({"label": class_label(*names)}, label=SHARE), "a.parquet")

    found = by_names(label_pieces([own("cat", "dog"), own("dog", "cat")], COLUMN, Rules()))
    assert found == [{"cat": 0.25, "dog": 0.75}, {"dog": 0.25, "cat": 0.75}]


def test_soft_labels_are_mapped_by_name():
    choice = LabelChoice(Kind.COLUMN, ("soft_label",))
    pieces = [
        piece([[0.25, 0.75]], "cat", "dog", column="soft_label"),
        piece([[0.25, 0.75], None], "dog", "cat", column="soft_label", kind=pa.list_(pa.float32())),
    ]
    found = by_names(label_pieces(pieces, choice, Rules()))
    assert found == [{"cat": 0.25, "dog": 0.75}, {"dog": 0.25, "cat": 0.75}, None]


def test_soft_labels_of_fewer_classes_have_no_weight_of_the_others():
    choice = LabelChoice(Kind.COLUMN, ("soft_label",))
    pieces = [
        piece([[0.25, 0.75], [1.0, 0.0]], "cat", "emu", column="soft_label"),
        piece([[0.5, 0.25, 0.25]], "cat", "dog", "emu", column="soft_label"),
    ]
    found = by_names(label_pieces(pieces, choice, Rules()))
    assert found == [{"cat": 0.25, "emu": 0.75}, {"cat": 1}, {"cat": 0.5, "dog": 0.25, "emu": 0.25}]


def test_exact_labels_are_mapped_by_name():
    choice = LabelChoice(Kind.EXACT, ("classes", "weights"))

    def own(names) -> Piece:
        table = pa.table({"classes": [[0, 1], None], "weights": [[0.25, 0.75], None]})
        kinds = {"classes": pa.list_(INT), "weights": SHARE}
        return Piece(table, schema({"label": class_label(*names)}, 0.0, **kinds), "a.parquet")

    found = label_pieces([own(["cat", "dog"]), own(["dog", "cat"])], choice, Rules())
    assert by_names(found) == [{"cat": 0.25, "dog": 0.75}, None, {"dog": 0.25, "cat": 0.75}, None]


def test_exact_labels_follow_their_names_into_the_class_list_of_the_user():
    choice = LabelChoice(Kind.EXACT, ("classes", "weights"))
    table = pa.table({"classes": [[0, 1]], "weights": [[0.25, 0.75]]})
    kinds = {"classes": pa.list_(INT), "weights": SHARE}
    own = Piece(table, schema({"label": class_label("cat", "dog")}, 0.0, **kinds), "a.parquet")
    labelling, _ = label_pieces([own], choice, Rules(("dog", "emu", "cat")))
    assert labelling == ([SoftLabel((0, 2), (0.75, 0.25))], ("dog", "emu", "cat"))


def test_index_beyond_the_names_of_a_file_whose_names_are_mapped_is_refused():
    pieces = [piece([0, 1], "cat", "dog"), piece([0, 2], "dog", "cat")]
    with pytest.raises(InputError, match="label 2 is beyond the file's own 2 class names"):
        label_pieces(pieces, COLUMN, Rules())


def test_names_that_are_among_those_of_another_file_are_mapped():
    pieces = [piece([0, 1], "cat", "emu"), piece([0, 1, 2], "cat", "dog", "emu")]
    assert by_names(label_pieces(pieces, COLUMN, Rules())) == [
        {"cat": 1}, {"emu": 1}, {"cat": 1}, {"dog": 1}, {"emu": 1},
    ]  # fmt: skip


def test_names_that_contradict_each_other_are_refused():
    pieces = [piece([0, 1], "cat", "dog"), piece([0, 1], "cat", "emu", name="b.parquet")]
    with pytest.raises(InputError, match=r"'a.parquet' \(cat, dog\) and 'b.parquet' \(cat, emu\) contradict"):
        label_pieces(pieces, COLUMN, Rules())


def test_names_that_contradict_each_other_are_mapped_into_the_class_list_of_the_user():
    pieces = [piece([0, 1], "cat", "dog"), piece([0, 1], "cat", "emu")]
    found = label_pieces(pieces, COLUMN, Rules(("emu", "dog", "cat")))
    assert by_names(found) == [{"cat": 1}, {"dog": 1}, {"cat": 1}, {"emu": 1}]


def test_file_without_names_takes_those_of_the_others():
    found = label_pieces([piece([0, 1], "cat", "dog"), piece([1], name="b.parquet")], COLUMN, Rules())
    assert by_names(found) == [{"cat": 1}, {"dog": 1}, {"dog": 1}]
    said = "1 of 2 files have no class names ('b.parquet' first) and take those of the others"
    assert found[1] == [said]


def test_file_without_names_beside_names_in_two_orders_is_refused():
    pieces = [piece([0], "cat", "dog"), piece([0], "dog", "cat"), piece([1], name="c.parquet")]
    with pytest.raises(InputError, match=r"'c.parquet' has no class names"):
        label_pieces(pieces, COLUMN, Rules())


def test_exact_labels_of_two_lengths_are_refused():
    choice = LabelChoice(Kind.EXACT, ("classes", "weights"))
    table = pa.table({"classes": [[0, 1]], "weights": [[1.0]]})
    with pytest.raises(InputError, match="differ in length"):
        label_pieces([Piece(table, table.schema, "a")], choice, Rules())


def test_names_of_the_file_are_taken_in_their_own_order():
    assert label_by_column(chunked([0, 1]), ("zebra", "ant"), None) == ([FIRST, SECOND], ("zebra", "ant"))


def test_indices_follow_their_names_into_the_class_list_of_the_user():
    # 0 is zebra in the file, and zebra stands second in the list.
    assert label_by_column(chunked([0, 1]), ("zebra", "ant"), ("ant", "zebra")).labels == [SECOND, FIRST]


def test_weights_follow_their_names_into_the_class_list_of_the_user():
    column = chunked([[1.0, 0.0], [0.25, 0.75]])
    labels = label_by_column(column, ("zebra", "ant"), ("ant", "zebra")).labels
    assert labels == [SECOND, SoftLabel((0, 1), (0.75, 0.25))]


def test_weights_of_a_class_that_the_list_of_the_user_lacks_are_refused():
    with pytest.raises(InputError, match=r"class 'zebra' \(1 such\) is not in the class list ant, emu"):
        label_by_column(chunked([[0.5, 0.5]]), ("zebra", "ant"), ("ant", "emu"))


def test_renaming_classes_keeps_each_weight_with_its_name():
    labels = [SoftLabel((0, 2), (0.25, 0.75)), None, SECOND]
    moved = rename_classes(Labelling(labels, ("a", "b", "c")), ("c", "x", "b", "a"))
    assert moved == ([SoftLabel((0, 3), (0.75, 0.25)), None, THIRD], ("c", "x", "b", "a"))


def test_index_beyond_the_names_of_the_file_is_refused():
    with pytest.raises(InputError, match="label 2 is beyond the file's own 2 class names"):
        label_by_column(chunked([2]), ("zebra", "ant"), ("ant", "zebra"))


# Texts ----------------------------------------------------------------------------------------------------


def test_texts_that_are_all_whole_numbers_are_indices():
    assert label_texts(["2", "0", "-1", None, ""], None) == (
        [THIRD, FIRST, None, None, None],
        ("0", "1", "2"),
    )


@pytest.mark.parametrize("other", ["x", "1.0.0", "٣", "1 ", "007"])
def test_texts_that_are_not_all_whole_numbers_are_names(other):
    assert label_texts(["2", other], None).classes == tuple(sorted(["2", other]))


@pytest.mark.parametrize("other", ["1,0", "1 0", "1;0"])
def test_numbers_between_separators_are_refused(other):
    with pytest.raises(InputError, match="several names, or one"):
        label_texts(["2", other], None)


def test_numbers_that_the_class_list_holds_are_names():
    assert label_texts(["10", "2"], ("10", "2")) == ([FIRST, SECOND], ("10", "2"))


def test_numbers_that_the_class_list_does_not_hold_are_indices():
    assert label_texts(["1", "0"], ("a", "b")) == ([SECOND, FIRST], ("a", "b"))


@pytest.mark.parametrize("text", ["--1", "---2"])
def test_text_of_several_minus_signs_is_a_name(text):
    assert label_texts([text, "2"], None).classes == (text, "2")


@pytest.mark.slow
@given(st.lists(st.sampled_from(["a", "b", "10", "2", "ü"]), min_size=1))
def test_every_row_gets_the_class_of_its_name(names):
    labels, classes = label_by_name(names, None)
    assert [classes[label.classes[0]] for label in labels] == names


@pytest.mark.parametrize("number", [-2, -100])
@pytest.mark.parametrize("names", [None, ("a", "b")])
def test_a_number_below_minus_one_is_no_label_in_silence(names, number):
    values = pa.chunked_array([pa.array([0, -1, number])])
    with pytest.raises(InputError, match=rf"the label column holds {number}, .* write -1 for no label"):
        label_by_column(values, names)
