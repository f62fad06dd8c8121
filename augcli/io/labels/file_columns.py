"""Which column of a table names images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from augcli.errors import InputError, Option
from augcli.io.labels.class_list import some
from augcli.io.labels.kinds import holds_texts
from augcli.io.labels.matching import FILE_NAMES, Match, Places, match_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.labels.tables import Table


def find_file_column(
    table: Table, file_col: str | None, places: Places, must: bool
) -> tuple[str, Match] | None:
    """Return the column that names images, and which; None if no column does and none is needed.

    Raises:
        InputError: If no column names an image, or a text fits several images.
    """
    names = table.schema.names
    if file_col is not None and file_col not in names:
        raise InputError(
            f"{table.name!r} has no column {file_col!r}; it has {some(names, 12)}; give ", Option("file_col")
        )
    wanted = [file_col] if file_col is not None else _file_columns(table)
    best: tuple[str, Match] | None = None
    refusal: InputError | None = None
    for column in wanted:
        texts = table.read([column]).column(0).to_pylist()
        try:
            match = match_rows(texts, places, table.name)
        except InputError as error:
            refusal = refusal or error
            continue
        if file_col is None and _are_numbers(texts) and column != wanted[0]:
            if best is not None and best[1].count:
                break
            _check_numbers(table.name, (wanted[0], column), match, refusal)
        if best is None or match.count > best[1].count:
            best = column, match
    if best is not None and best[1].count:
        return best
    if refusal is not None:
        raise refusal
    if not must and file_col is None:
        return None
    raise _refuse_files(table, wanted, best, places)


def _are_numbers(texts: Sequence[object]) -> bool:
    """True if a column holds whole numbers and nothing else."""
    return all(text is None or str(text).strip().isdecimal() for text in texts)


def _check_numbers(table: str, columns: tuple[str, str], match: Match, refusal: InputError | None) -> None:
    """Refuse numbers of rows that fit some images by chance, where another column names files.

    Args:
        table: The table.
        columns: The column that is called like files, and the column of numbers.
        match: Which images the numbers name.
        refusal: Why the other column cannot be read, if it cannot.
    """
    files, numbers = columns
    if match.count and (refusal is not None or match.count < len(match.images)):
        raise InputError(
            *(refusal.args if refusal is not None else (f"{table!r}: column {files!r} names no image here",)),
            f"; the numbers of column {numbers!r} fit {match.count} images, perhaps by chance: correct"
            f" {files!r}, or give ",
            Option("file_col", numbers),
        )


def _file_columns(table: Table) -> list[str]:
    """Return the columns that are called like files, in the order in which the names are tried.

    Columns of numbers come last, since numbers of rows fit images that are called by numbers.
    """
    plain = [f.name for f in table.schema if holds_texts(f.type) or pa.types.is_integer(f.type)]
    by_name: dict[str, str] = {}
    for column in plain:
        by_name.setdefault(column.lower(), column)
    columns = [by_name[name] for name in FILE_NAMES if name in by_name]
    return sorted(columns, key=lambda column: _are_numbers(table.read([column]).column(0).to_pylist()))


def _refuse_files(
    table: Table, wanted: Sequence[str], best: tuple[str, Match] | None, places: Places
) -> InputError:
    """Return the error that says why no column names images, and which could."""
    names = table.schema.names
    example = f"; an image here is {places.keys[0]!r}" if places.keys else ""
    fitting = []
    for f in table.schema:
        if f.name not in wanted and holds_texts(f.type) and len(names) <= 64:
            try:
                match = match_rows(table.read([f.name]).column(0).to_pylist(), places, table.name)
            except InputError:
                continue
            fitting += [f.name] if match.count else []
    cure = [Option("file_col", fitting[0])] if fitting else [Option("file_col")]
    if best is None and _names_images(names, places, table.name):
        where = f"{table.name!r} has no header: its first line names an image"
        return InputError(f"{where}; write the names of the columns above it, such as file_name,label")
    if best is None:
        return InputError(
            f"{table.name!r} has no column file_name; it has {some(names, 12)}{example}; give ", *cure
        )
    lost = best[1].lost
    return InputError(
        f"{table.name!r}: column {best[0]!r} names none of the {len(places.keys)} images (its first is"
        f" {lost!r}){example}; give ",
        *cure,
    )


def _names_images(texts: Sequence[str], places: Places, name: str) -> bool:
    """True if some of these texts name images."""
    try:
        return match_rows(texts, places, name).count > 0
    except InputError:
        return False
