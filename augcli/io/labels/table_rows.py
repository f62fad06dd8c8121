"""Labels of images by a table: its columns are chosen, its rows matched, its values read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.errors import InputError, Note, Option, quantity
from augcli.io.hugging_face import read_class_names
from augcli.io.labels.choice import (
    Kind,
    LabelChoice,
    choose_labels,
    describe_unlike,
)
from augcli.io.labels.class_list import describe_missing, some
from augcli.io.labels.facts import LabelFacts, as_candidates
from augcli.io.labels.file_columns import find_file_column
from augcli.io.labels.kinds import could_label, holds_lists, holds_numbers
from augcli.io.labels.labelling import Labelling, gives_all, number_classes
from augcli.io.labels.matching import FILE_NAMES, Match, Places, give_rows
from augcli.io.labels.pieces import Piece, Rules, label_pieces
from augcli.io.labels.split_columns import describe_splits_in, list_split_columns
from augcli.io.labels.tables import Named, open_table
from augcli.io.labels.uniting import fit_classes
from augcli.io.labels.weights import are_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.labels.tables import Table
    from augcli.io.store.locations import Location

UNNAMED = re.compile("Unnamed: [0-9]+")
"""What pandas calls the numbers of rows that it wrote without a name."""

PAIR_COLUMNS = {"label", "label2", "weight2", "label2_name"}
"""What a `labels.csv` of ours has; without columns `p:<class>` it does not hold the whole labels."""


class LabelledTable(NamedTuple):
    """What a table says of images.

    Attributes:
        name: The table.
        labellings: The labels of each part of the images; None if the table has no labels.
        notes: What was taken as what, and what was left.
        facts: What the labels are.
        splits: The column that divides the images into several splits, in words; empty if none does.
    """

    name: str
    labellings: list[Labelling] | None
    notes: list[str]
    facts: LabelFacts
    splits: str = ""


def label_by_table(
    file: Location,
    places: Places,
    named: Named,
    rules: tuple[tuple[str, ...] | None, str | None],
    must_label: bool,
    parts: Sequence[tuple[int, bool]] = (),
) -> LabelledTable:
    """Label images by a table.

    Args:
        file: CSV, parquet or JSON lines.
        places: The images.
        named: Columns that the user names.
        rules: The class list that the user gives, and what separates several labels in one text.
        must_label: Whether the table is there to label: then columns of weights need no mark, and a table
            without labels is an error.
        parts: How many images each split has, one behind the other, and whether it is the augmented one.

    Raises:
        InputError: If the table cannot be read, has no labels, names no image, or a label is not accepted.
    """
    parts = parts or [(len(places.keys), True)]
    table = open_table(file, named)
    notes = list(table.notes)
    file_column = find_file_column(table, named.file, places, must_label or named.label is not None)
    if file_column is None:
        why = f"{table.name!r} is not read, since no column of it names images: give "
        notes.append(Note(why, Option("file_col")))
        return LabelledTable(table.name, None, notes, LabelFacts())
    column, match = file_column
    splits = _find_splits(table, match, named.label)
    choice = _choose(table, column, named.label, must_label)
    if not choice:
        notes += describe_unlike(table.schema, table.schema.names)
        return LabelledTable(table.name, None, notes, LabelFacts(choice.candidates), splits)
    cells = table.read(choice.columns)
    rows = np.array(give_rows(match, places, _compare(cells), table.name), np.int64)
    notes += _describe(table, choice, column, match, rows, places)
    aligned = cells.take(pa.array(rows, mask=rows < 0))
    labellings = _label_splits(table, aligned, choice, Rules(*rules), parts)
    notes += describe_missing(labellings[0].classes)
    facts = LabelFacts((), choice.smoothing, choice.is_smoothed)
    if choice.kind is Kind.SHARES and gives_all(*labellings):
        facts = facts._replace(is_smoothed=True)
    return LabelledTable(table.name, labellings, notes, facts, splits)


def _find_splits(table: Table, match: Match, label: str | None) -> str:
    """Return which column divides the rows that name images into splits, in words; empty if none does."""
    columns = list_split_columns(table.schema.names, label)
    if not columns:
        return ""
    return describe_splits_in(table.read(columns).filter(pa.array([image >= 0 for image in match.images])))


def _compare(cells: pa.Table) -> Callable[[int, int], bool]:
    """Return what says whether two rows are the same."""
    return lambda first, second: cells.slice(first, 1).equals(cells.slice(second, 1))


# --- which columns label -------------------------------------------------------------------------------


def _choose(table: Table, file_column: str, label_col: str | None, must_label: bool) -> LabelChoice:
    """Return the columns that label; a table that must label may hold nothing but columns of weights."""
    names = table.schema.names
    choice = choose_labels(table.schema, label_col, table.name, [file_column])
    is_ours = {name.strip() for name in names} >= PAIR_COLUMNS
    if is_ours and choice.kind is Kind.COLUMN and label_col is None:
        raise InputError(
            f"{table.name!r} holds only the two largest weights of each label; give metadata.parquet beside"
            " it, or ",
            Option("label_col", "label"),
            " for the largest alone",
        )
    if choice or not must_label:
        return choice
    others = [name for name in names if name != file_column and name and not UNNAMED.fullmatch(name)]
    are_numbers = len(others) > 1 and all(holds_numbers(table.schema.field(name).type) for name in others)
    if are_numbers and are_weights(table.read(others)):
        return LabelChoice(Kind.SHARES, tuple(others))
    candidates = choice.candidates or tuple(
        name
        for name in others
        if could_label(table.schema.field(name).type) and name.lower() not in FILE_NAMES
        if not _holds_fractions(table, name)
    )
    raise InputError(
        f"{table.name!r} has no column label and no column of weights (several columns of numbers in 0..1 are"
        f" weights where all are 0 or 1, or each row sums to 1); it has {some(names, 12)}; give ",
        Option("label_col"),
        *as_candidates(candidates),
    )


def _holds_fractions(table: Table, name: str) -> bool:
    """True if a column holds numbers that are not whole, which label nothing."""
    if not pa.types.is_floating(table.schema.field(name).type):
        return False
    values = table.read([name]).column(0).drop_null().to_numpy()
    return bool((values != np.floor(values)).any())


# --- what they say -------------------------------------------------------------------------------------


def _label_splits(
    table: Table, cells: pa.Table, choice: LabelChoice, rules: Rules, parts: Sequence[tuple[int, bool]]
) -> list[Labelling]:
    """Label the images of all splits; where the table lists no classes, the augmented split's count."""
    starts = np.cumsum([0, *(count for count, _ in parts)]).tolist()

    def label(start: int, count: int, rules: Rules) -> Labelling:
        piece = Piece(cells.slice(start, count), table.schema, table.name, table.is_text)
        return label_pieces([piece], choice, rules)[0]

    if rules.classes is None:
        whole = label(0, len(cells), rules)
        by_split = [
            Labelling(whole.labels[start : start + count], whole.classes)
            for start, (count, _) in zip(starts, parts, strict=False)
        ]
        is_listed = choice.kind is not Kind.COLUMN or read_class_names(table.schema, choice.columns[0])
        if is_listed or _has_weights(cells, choice):
            return by_split
        return _keep_used(by_split, [is_main for _, is_main in parts])
    by_split = []
    for start, (count, is_main) in zip(starts, parts, strict=False):
        try:
            by_split.append(label(start, count, rules))
        except InputError:
            if is_main:
                raise
            by_split.append(label(start, count, rules._replace(classes=None)))
    return by_split


def _has_weights(cells: pa.Table, choice: LabelChoice) -> bool:
    """True if a label is a list with a weight for each class, whose number is then fixed."""
    kind = cells.schema.field(choice.columns[0]).type
    return holds_lists(kind) and pa.types.is_floating(kind.value_type)


def _keep_used(by_split: list[Labelling], are_main: Sequence[bool]) -> list[Labelling]:
    """Return labels whose class list holds what the augmented split has; other splits keep their own."""
    if all(are_main) or not any(are_main):
        return by_split
    kept = []
    for labelling in by_split:
        different = {id(label): label for label in labelling.labels if label}
        used = sorted({index for label in different.values() for index in label.classes})
        names = labelling.classes or ()
        if labelling.is_numbered:
            target = number_classes(used[-1] + 1) if used else ()
        else:
            target = tuple(names[index] for index in used)
        kept.append(fit_classes(labelling, target)[0] if target else Labelling(labelling.labels, None))
    return kept


def _describe(
    table: Table,
    choice: LabelChoice,
    column: str,
    match: Match,
    rows: np.typing.NDArray[np.int64],
    places: Places,
) -> list[str]:
    """Return notes on what was taken as what, and on rows and images that belong to nothing."""
    files = "" if column == "file_name" else f", files by column {column!r}"
    notes = [f"labels: by {table.name!r}, {choice}{files}"]
    notes += [f"{quantity(count, 'row')} of {table.name!r} matched {how}" for how, count in match.how.items()]
    lost = sum(image < 0 for image in match.images)
    if lost:
        first = f" ({match.lost!r}{' first' * (lost > 1)})" if match.lost else ""
        named = f"{quantity(lost, 'row')} of {table.name!r} {'names' if lost == 1 else 'name'}"
        notes.append(f"{named} no image here{first}")
    unnamed = np.flatnonzero(rows < 0)
    if len(unnamed):
        first = f"{places.keys[int(unnamed[0])]!r}{' first' * (len(unnamed) > 1)}"
        images = f"{quantity(len(unnamed), 'image')} ({first})"
        notes.append(f"unlabelled, without a row in {table.name!r}: {images}")
    return notes
