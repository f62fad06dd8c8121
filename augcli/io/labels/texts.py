"""What the texts of a label column say: names, numbers, or several of them in one text."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import MISSING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.0*)?")
"""A whole number as people and pandas write it; `007` is a name."""

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")

BAR, BLANK = "|", " "
SEPARATORS = (BAR, ",", ";", BLANK)
"""What may stand between several labels in one cell, the usual first."""

QUOTE = re.compile("[\"',]")
"""What written lists of several names, and written objects, have in them."""


def split_texts(
    values: pa.ChunkedArray,
    separator: str | None,
    classes: tuple[str, ...] | None,
    what: str,
    may_be_torn: bool = False,
) -> pa.ChunkedArray:
    """Return texts as lists where they are written lists, or a separator is given; else as they are.

    Args:
        values: The texts.
        separator: What stands between the names of one text; None takes a text as one name.
        classes: The class list that the user gives: its names are taken as they are.
        what: The column in words, for messages.
        may_be_torn: Whether texts of several lines come from a quotation mark that is not closed (CSV).

    Raises:
        InputError: If they look like lists but cannot be read, or like several labels in one text.
    """
    if separator is not None:
        return _strip_parts(pc.split_pattern(values, separator))
    distinct = [text for text in values.unique().to_pylist() if text]
    if distinct and all(text.startswith("[") and text.endswith("]") for text in distinct):
        return _read_lists(values, distinct, what)
    if not (classes and set(classes).issuperset(distinct)):
        if may_be_torn:
            _check_torn(distinct, what)
        _check_written(distinct, what)
        _check_separators(set(distinct), what)
    return values


def type_texts(values: pa.ChunkedArray, classes: tuple[str, ...] | None) -> pa.ChunkedArray:
    """Return texts, or lists of texts, as the numbers that they all are; else as they are.

    Names of the class list stay names, and so do numbers with leading zeros.
    """
    if not pa.types.is_list(values.type):
        return _type_plain(values, classes)
    if not pa.types.is_string(values.type.value_type) and not pa.types.is_large_string(
        values.type.value_type
    ):
        return values
    lists = values.combine_chunks()
    flat = _type_plain(pa.chunked_array([lists.flatten()], lists.type.value_type), classes).combine_chunks()
    typed = pa.ListArray.from_arrays(_offsets(lists), flat, mask=lists.is_null())
    return pa.chunked_array([typed])


def _type_plain(values: pa.ChunkedArray, classes: tuple[str, ...] | None) -> pa.ChunkedArray:
    distinct = [text for text in values.unique().to_pylist() if text]
    numbers = [text for text in distinct if text not in MISSING]
    if not numbers or (classes and set(classes).issuperset(distinct)):
        return values
    if all(WHOLE.fullmatch(text) for text in numbers):
        by_text: dict[str | None, float | None] = {text: int(text.split(".")[0]) for text in numbers}
        return pa.chunked_array([pa.array([by_text.get(text) for text in values.to_pylist()], pa.int64())])
    if all(NUMBER.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text) for text in numbers):
        by_text = {text: float(text) for text in numbers}
        return pa.chunked_array([pa.array([by_text.get(text) for text in values.to_pylist()], pa.float64())])
    return values


def _strip_parts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return lists of texts without the blanks around each."""
    lists = values.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], values.type)
    stripped = pc.utf8_trim_whitespace(lists.flatten())
    return pa.chunked_array([pa.ListArray.from_arrays(_offsets(lists), stripped, mask=lists.is_null())])


def _offsets(lists: pa.Array) -> pa.Array:
    """Return where each list begins in what `flatten` gives, and where the last ends."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64())
    ends = pc.cumulative_sum(lengths)
    return pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])


def _read_lists(values: pa.ChunkedArray, distinct: Iterable[str], what: str) -> pa.ChunkedArray:
    """Read lists that are written as texts, as JSON has them."""
    try:
        by_text = {text: json.loads(text) for text in distinct}
        return pa.chunked_array([pa.array([by_text.get(text) for text in values.to_pylist()])])
    except (ValueError, TypeError, RecursionError, pa.ArrowException, OverflowError) as error:
        text = next(iter(distinct))
        raise InputError(
            f"{what} holds lists written as text that are not JSON, such as {text[:60]!r}; write them as"
            " [0.25, 0.75], as one column p:<class> for each class, or in a parquet table"
        ) from error


def _check_torn(distinct: Iterable[str], what: str) -> None:
    """Refuse texts of several lines."""
    torn = next((text for text in distinct if "\n" in text), None)
    if torn is not None:
        raise InputError(
            f"{what} holds a text of several lines, {torn[:60]!r}; close the quotation mark before it, or"
            " write it in one line"
        )


def _check_written(distinct: Iterable[str], what: str) -> None:
    """Refuse lists and objects that are written as texts beside plain names."""
    text = next(
        (text for text in distinct if text[0] + text[-1] in ("[]", "{}") and QUOTE.search(text)), None
    )
    if text is not None:
        raise InputError(
            f"{what} holds {text[:60]!r}, which is not the name of a class; write plain names in all cells,"
            ' or lists such as ["cat", "dog"] in all'
        )


def _check_separators(distinct: Collection[str], what: str) -> None:
    """Refuse texts that are probably several names, since these names stand in other texts too.

    After a bar that is so where one part stands in another text, after a comma or semicolon where all do;
    parts between blanks must each be a text of their own, since many names have blanks. Where all parts are
    whole numbers, they are several.
    """
    for separator in SEPARATORS:
        texts = [text for text in distinct if separator in text]
        if not texts:
            continue
        is_numbered = all(part.strip().isdecimal() for text in distinct for part in text.split(separator))
        parts = Counter(
            part for text in distinct for part in {piece.strip() for piece in text.split(separator)}
        )
        for text in texts:
            if separator == BLANK:
                names = text.split()
                are_several = is_numbered or (bool(names) and all(name in distinct for name in names))
            elif is_numbered:
                are_several = True
            else:
                repeated = [parts[part.strip()] > 1 for part in text.split(separator)]
                are_several = any(repeated) if separator == BAR else all(repeated)
            if are_several:
                raise _refuse_several(text, separator, what)


def _refuse_several(text: str, separator: str, what: str) -> InputError:
    return InputError(
        f"{what} holds {text!r}: several names, or one? Give ",
        Option("label_sep", separator),
        " where there are several, or ",
        Option("classes", "FILE"),
        " where each text is one name",
    )
