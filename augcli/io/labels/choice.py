"""Which columns of a table or of shards are the labels, and which could be."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from augcli.errors import InputError, Option
from augcli.io.hugging_face import is_class_label, read_smoothing
from augcli.io.labels.class_list import some
from augcli.io.labels.facts import as_candidates
from augcli.io.labels.kinds import could_label, holds_lists, holds_names
from augcli.io.labels.matching import FILE_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


SOFT = "soft_label"
EXACT = ("classes", "weights")
"""Columns of an output of ours that hold its labels before smoothing."""

OWN_COLUMNS = frozenset([*EXACT, "label", "lam", "op", "source"])
"""Columns that all outputs of ours have, whatever rewrote them since."""

SHARES = "p:"
"""What the name of a column begins with that holds the weights of one class."""

LABEL_NAMES = ("label", "labels", "class", "target", "category")
"""Names of label columns: the first counts, else the only one of the others."""

HINTS = ("label", "class", "target", "categor", "tag")
"""What the names of columns contain that could be labels."""


SIZES = ("width", "height")
"""What columns of whole numbers are called that are hardly labels."""


class Kind(Enum):
    """How columns label rows."""

    NOT = "no column labels"
    COLUMN = "one column"
    SHARES = "a column of weights for each class"
    EXACT = "classes and weights of an output of ours"


class LabelChoice(NamedTuple):
    """The columns that label rows.

    Attributes:
        kind: How they do.
        columns: Their names.
        candidates: Where none was found, columns that could be labels.
        is_smoothed: Whether nothing but smoothed weights is left.
        smoothing: ε by which the labels were smoothed, where the schema says so.
    """

    kind: Kind
    columns: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    is_smoothed: bool = False
    smoothing: float = 0.0

    def __bool__(self) -> bool:
        return self.kind is not Kind.NOT

    def __str__(self) -> str:
        if self.kind is Kind.EXACT:
            return "columns 'classes' and 'weights' (exact)"
        if self.kind is Kind.SHARES:
            return f"columns {some([repr(name) for name in self.columns], 3)}"
        return " and ".join(
            f"column {name!r}" if not n else repr(name) for n, name in enumerate(self.columns)
        )


def choose_labels(
    schema: pa.Schema, label_col: str | None, name: str, skip: Collection[str | None] = ()
) -> LabelChoice:
    """Choose the columns that label rows.

    An output of ours is read by its exact labels. Else columns `p:<class>` are weights, and a label column
    is `soft_label`, `label`, or the only one of `labels`, `class`, `target` and `category`.

    Args:
        schema: All columns.
        label_col: The column that the user names.
        name: The file, for messages.
        skip: Columns that are something else.

    Raises:
        InputError: If the named column is not there.
    """
    names = [name for name in schema.names if name not in skip]
    if label_col is not None:
        if label_col not in schema.names:
            raise InputError(
                f"{name!r} has no column {label_col!r}; it has {some(schema.names, 12)}; give ",
                Option("label_col"),
                *as_candidates(_find_candidates(schema, names)),
            )
        return LabelChoice(Kind.COLUMN, (label_col,), is_smoothed=label_col == SOFT and _is_smoothed(schema))
    smoothing = read_smoothing(schema)
    if _is_exact(schema, names):
        return LabelChoice(Kind.EXACT, EXACT, smoothing=smoothing or 0.0)
    shares = tuple(column for column in names if column.startswith(SHARES))
    if shares:
        return LabelChoice(Kind.SHARES, shares)
    if SOFT in names:
        return LabelChoice(Kind.COLUMN, (SOFT,), is_smoothed=_is_smoothed(schema), smoothing=smoothing or 0.0)
    column = _find_column(schema, names)
    if column is not None:
        return LabelChoice(Kind.COLUMN, (column,), smoothing=smoothing or 0.0)
    return LabelChoice(Kind.NOT, candidates=_find_candidates(schema, names))


def describe_unlike(schema: pa.Schema, names: Iterable[str]) -> list[str]:
    """Return notes on columns that are called like labels, but are of no type that labels have."""
    return [
        f"column {name!r} is not read as labels: its type, {schema.field(name).type}, is not understood"
        for name in names
        if name.lower() in LABEL_NAMES[:2] and not could_label(schema.field(name).type)
    ]


def _is_exact(schema: pa.Schema, names: Collection[str]) -> bool:
    """True if a schema belongs to an output of augcli, and its exact labels are there."""
    is_ours = read_smoothing(schema) is not None or set(names) >= OWN_COLUMNS
    are_there = set(EXACT) <= set(names)
    return is_ours and are_there and all(holds_lists(schema.field(column).type) for column in EXACT)


def _is_smoothed(schema: pa.Schema) -> bool:
    return bool(read_smoothing(schema))


def _find_column(schema: pa.Schema, names: list[str]) -> str | None:
    """Return the column that is called like labels, in any case; None where none or several are."""
    usable = [column for column in names if could_label(schema.field(column).type)]
    for wanted in (LABEL_NAMES[:1], LABEL_NAMES[1:]):
        matching = [column for column in usable if column in wanted]
        matching = matching or [column for column in usable if column.strip().lower() in wanted]
        if matching:
            return matching[0] if len(matching) == 1 else None
    return None


def _find_candidates(schema: pa.Schema, names: list[str]) -> tuple[str, ...]:
    """Return the columns that could be labels, by what the schema or their names say, else by their types."""
    usable = [column for column in names if could_label(schema.field(column).type)]
    marked = [column for column in usable if is_class_label(schema, column)]
    hinted = [column for column in usable if any(hint in column.lower() for hint in HINTS)]
    likely = tuple(dict.fromkeys([*marked, *hinted]))
    return likely or tuple(
        column
        for column in usable
        if holds_names(schema.field(column).type) and column.strip().lower() not in (*FILE_NAMES, *SIZES)
    )
