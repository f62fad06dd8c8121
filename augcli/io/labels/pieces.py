"""Labels of several files of one data set, whose class names may be listed in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.hugging_face import is_class_list, read_class_names
from augcli.io.labels.choice import SHARES, SOFT, Kind, LabelChoice
from augcli.io.labels.class_list import some
from augcli.io.labels.columns import LabelColumn, label_by_column, read_index_lists, whole_numbers
from augcli.io.labels.kinds import holds_lists, holds_numbers, holds_texts, plain_values
from augcli.io.labels.labelling import Labelling, check_unlabelled, label_by_parts, rename_classes
from augcli.io.labels.weights import label_by_weight_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    ClassList: TypeAlias = "tuple[str, ...] | None"


class Piece(NamedTuple):
    """The label columns of one file: their rows, with the file's own schema, and the file's name.

    `is_text` says that the file knows no types, so that numbers are written as texts (CSV).
    """

    table: pa.Table
    schema: pa.Schema
    name: str
    is_text: bool = False


class Rules(NamedTuple):
    """How labels are read: the class list that the user gives, and what separates labels in one text."""

    classes: ClassList = None
    separator: str | None = None


def label_pieces(pieces: Sequence[Piece], choice: LabelChoice, rules: Rules) -> tuple[Labelling, list[str]]:
    """Label the rows of all files, one behind the other.

    Returns:
        The labels, and in words what was done where class names differ.

    Raises:
        InputError: If class names contradict each other, or a value is not accepted.
    """
    what = f"{pieces[0].name!r}, {choice}" if len(pieces) == 1 else str(choice)
    if choice.kind is Kind.SHARES:
        table = pa.concat_tables([piece.table for piece in pieces], promote_options="permissive")
        names = tuple(name.removeprefix(SHARES) for name in table.column_names)
        return label_by_weight_columns(table, names, rules.classes, what), []
    column = choice.columns[0]
    listed = [read_class_names(piece.schema, column) for piece in pieces]
    united, notes = _unite_names(listed, pieces, rules)
    columns = []
    for piece, former in zip(pieces, listed, strict=True):
        values = plain_values(piece.table.column(column))
        is_moved = former is not None and united is not None and former != united
        if is_moved:
            are_indices = is_class_list(piece.schema, column)
            are_weights = column == SOFT or (not are_indices and _holds_fractions(values.type))
            values = _move(values, former or (), united or (), are_weights, what)
        columns.append(values)
    if rules.classes is None:
        _refuse_numbers_beside_names(columns, pieces, what)
    joined = _join(columns)
    if choice.kind is Kind.EXACT:
        weights = _join([piece.table.column(choice.columns[1]) for piece in pieces])
        return _label_exactly(joined, weights, united, rules.classes, what), notes
    holds_indices = any(is_class_list(piece.schema, column) for piece in pieces)
    typed = LabelColumn(joined, what, united, holds_indices, pieces[0].is_text)
    if column == SOFT:
        _check_soft(typed)
    return label_by_column(typed, rules.classes, rules.separator), notes


def _refuse_numbers_beside_names(
    columns: Sequence[pa.ChunkedArray], pieces: Sequence[Piece], what: str
) -> None:
    """Refuse texts that are numbers in one file and names in another: most likely the same classes twice."""
    seen: dict[bool, tuple[str, str]] = {}
    for values, piece in zip(columns, pieces, strict=True):
        texts = [text for text in values.unique().to_pylist() if text] if holds_texts(values.type) else []
        are_numbers = {text.strip().isdecimal() for text in texts}
        if len(are_numbers) == 1:
            seen.setdefault(are_numbers.pop(), (piece.name, texts[0]))
    if len(seen) == 2:
        (numbers, number), (names, name) = seen[True], seen[False]
        raise InputError(
            f"{what}: {numbers!r} holds numbers, such as {number!r}, {names!r} names, such as {name[:60]!r};"
            " write the same in all files, or list all classes in a file and give it as ",
            Option("classes"),
        )


def _join(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    kinds = {column.type for column in columns}
    kind = (
        columns[0].type
        if len(kinds) == 1
        else pa.unify_schemas(
            [pa.schema([("values", column.type)]) for column in columns], promote_options="permissive"
        )
        .field(0)
        .type
    )
    return pa.chunked_array([chunk for column in columns for chunk in column.cast(kind).chunks], kind)


def _check_soft(column: LabelColumn) -> None:
    """Refuse a column of soft labels that holds anything but lists of numbers."""
    kind = column.values.type
    texts = [text for text in column.values.unique().to_pylist() if text] if holds_texts(kind) else []
    is_list = holds_lists(kind) or (holds_texts(kind) and all(text.startswith("[") for text in texts))
    if not is_list and not pa.types.is_null(kind):
        shown = f", such as {texts[0][:60]!r}" if texts else ""
        raise InputError(
            f"{column.what} is of type {kind}{shown}; accepted: lists of weights; write one column p:<class>"
            " for each class, or give ",
            Option("label_col", "label"),
        )


# --- names of classes ----------------------------------------------------------------------------------


def _unite_names(
    listed: Sequence[ClassList], pieces: Sequence[Piece], rules: Rules
) -> tuple[ClassList, list[str]]:
    """Return the class names of all files in one order, and notes on that.

    Raises:
        InputError: If the names contradict each other.
    """
    lists = list(dict.fromkeys(names for names in listed if names is not None))
    without = [piece.name for piece, names in zip(pieces, listed, strict=True) if names is None]
    if not lists:
        return None, []
    longest = max(lists, key=len)
    names = longest if len(lists) == 1 or not rules.classes else rules.classes
    lost = {name for listed_names in lists for name in listed_names if name not in set(names)}
    if lost:
        pairs = list(zip(pieces, listed, strict=True))
        places = [
            next(piece.name for piece, listed_names in pairs if listed_names == names) for names in lists[:2]
        ]
        raise InputError(
            f"the class names of {places[0]!r} ({some(lists[0])}) and {places[1]!r} ({some(lists[1])})"
            " contradict each other; give ",
            Option("classes", "FILE"),
            " with all names, which maps them by name, or files of one data set",
        )
    if without and len(lists) > 1:
        raise InputError(
            f"{without[0]!r} has no class names, and those of the others are in different orders; give it"
            " names (ClassLabel), or leave it out"
        )
    notes = []
    if len(lists) > 1:
        notes.append(f"class names are in {len(lists)} different orders; labels are mapped by name")
    if without:
        notes.append(
            f"{len(without)} of {len(pieces)} files have no class names ({without[0]!r} first) and take those"
            " of the others"
        )
    return names, notes


def _move(
    values: pa.ChunkedArray, former: tuple[str, ...], names: tuple[str, ...], are_weights: bool, what: str
) -> pa.ChunkedArray:
    """Return indices, lists of them, or lists of weights with the classes in another order.

    Raises:
        InputError: If an index is not whole, or beyond the file's own names.
    """
    place = {name: index for index, name in enumerate(names)}
    to = np.array([place[name] for name in former], np.int64)
    kind = values.type
    if holds_numbers(kind):
        values = whole_numbers(values, what) if pa.types.is_floating(kind) else values
        indices = values.cast(pa.int64()).fill_null(-1).to_numpy()
        check_unlabelled(indices, "the label column")
        return pa.chunked_array([pa.array(_take(to, indices), mask=indices < 0)])
    if not holds_lists(kind):
        return values  # names, or values that are refused later
    lists = pa.concat_arrays([chunk.cast(pa.large_list(kind.value_type)) for chunk in values.chunks])
    if are_weights:
        flat = lists.flatten().to_numpy(zero_copy_only=False)
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        if len(set(lengths[lengths > 0].tolist())) > 1 or lengths.max(initial=0) not in (0, len(former)):
            return values  # refused later
        moved = np.zeros((len(flat) // len(former), len(names)))
        moved[:, to] = flat.reshape(-1, len(former))
        flat, lengths = moved.ravel(), np.where(lengths, len(names), 0)
    else:
        rows = read_index_lists(values, what)
        flat = _take(to, np.array([index for row in rows if row for index in row], np.int64))
        lengths = np.array([len(row or ()) for row in rows], np.int64)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    return pa.chunked_array([pa.LargeListArray.from_arrays(offsets, pa.array(flat), mask=lists.is_null())])


def _holds_fractions(kind: pa.DataType) -> bool:
    """True if a column holds lists of numbers that need not be whole."""
    return holds_lists(kind) and pa.types.is_floating(kind.value_type)


def _take(to: NDArray[np.int64], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what indices become; negative ones stay."""
    if len(indices) and indices.max() >= len(to):
        raise InputError(
            f"label {indices.max()} is beyond the file's own {len(to)} class names; correct the label, or the"
            " names in the schema's metadata"
        )
    return np.where(indices < 0, indices, to[np.maximum(indices, 0)])


# --- labels of our own outputs -------------------------------------------------------------------------


def _label_exactly(
    classes: pa.ChunkedArray, weights: pa.ChunkedArray, names: ClassList, wanted: ClassList, what: str
) -> Labelling:
    """Label rows by the classes and weights of an output of ours."""
    lengths = [pc.fill_null(pc.list_value_length(column), 0).to_numpy() for column in (classes, weights)]
    counts = lengths[0].astype(np.int64)
    if not np.array_equal(*lengths):
        raise InputError(f"{what}: they differ in length; write the file anew")
    flat = [
        pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
        for column in (classes, weights)
    ]
    indices = flat[0].cast(pa.int64()).fill_null(-1).to_numpy()
    shares = flat[1].cast(pa.float64()).fill_null(np.nan).to_numpy()
    rows = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((indices, rows))
    labelling = label_by_parts(indices[order], shares[order], counts, names or wanted)
    if wanted and names and wanted != names:
        return rename_classes(labelling, wanted)
    return labelling
