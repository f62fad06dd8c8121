"""Tables beside images as they lie on disk: CSV, parquet and JSON lines, with the types that they know."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from augcli.errors import InputError, StorageError
from augcli.io.encodings import explain_encoding
from augcli.io.labels.choice import LABEL_NAMES, SOFT
from augcli.io.labels.kinds import holds_texts
from augcli.io.labels.matching import FILE_NAMES
from augcli.io.store.arrow_files import ANEW, DAMAGE, READABLE, first_line, plain_field
from augcli.io.store.base import is_local
from augcli.io.store.pointers import LFS_BEGIN, LFS_CURE, is_lfs_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from augcli.io.store.locations import Location


PARQUET_SUFFIXES = (".parquet", ".pq")
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}

PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")
"""What spreadsheets, ZIP and gzip files begin with."""

FIRST_LINES = 100
"""Lines of JSON by which the types of their fields are known."""

JSON_BLOCK = 64 << 20
"""A line of JSON must not be longer than this."""


class Named(NamedTuple):
    """Columns that a user names."""

    label: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of which columns are read as they are wanted.

    Attributes:
        name: Its path, for messages.
        schema: All columns.
        read: Reads some columns.
        is_text: Whether its numbers are written as texts (CSV).
        notes: What was taken as what.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str]], pa.Table]
    is_text: bool = False
    notes: tuple[str, ...] = ()


def open_table(file: Location, named: Named | None = None) -> Table:
    """Open a table: parquet, JSON lines, or CSV by commas, semicolons or tabs.

    Raises:
        InputError: If it cannot be read, or two of its columns bear one name.
    """
    name, lower = file.name, file.name.lower()
    with _reading(file):
        if lower.endswith(PARQUET_SUFFIXES):
            with file.store.open(file.key) as opened:
                if is_lfs_pointer(opened.read(len(LFS_BEGIN))):
                    raise InputError(f"{name!r} is not there: {LFS_CURE}")
                opened.seek(0)
                table = Table(name, pq.read_schema(opened), partial(_read_parquet, file))
        else:
            data = file.read()
            _check_encoding(data, name)
            if lower.endswith(JSON_SUFFIXES):
                table = _hold(name, _parse_json(data, name))
            else:
                table = _open_csv(data, name, named or Named())
    twice = next((column for column in table.schema.names if table.schema.names.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{name!r} has two columns {twice!r}; leave one")
    return table


@contextmanager
def _reading(file: Location) -> Iterator[None]:
    """Turn errors of parsers while a table is read into an error that names the table.

    Raises:
        InputError: If it is damaged or missing, or the system does not open it.
        StorageError: If a bucket fails.
    """
    try:
        yield
    except DAMAGE as error:
        raise InputError(f"label table {file.name!r} cannot be read: {first_line(error)}; {ANEW}") from error
    except StorageError as error:  # it cannot be opened
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputError(
                f"label table {file.name!r} does not exist; give CSV, parquet or JSON lines"
            ) from error
        if not is_local(file.store):
            raise
        reason = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise InputError(
            f"label table {file.name!r} cannot be read: {first_line(reason)}; {READABLE}"
        ) from error


def _read_parquet(file: Location, columns: Sequence[str]) -> pa.Table:
    with (
        _reading(file),
        file.store.open(file.key) as opened,
        pq.ParquetFile(opened, pre_buffer=False) as parquet,
    ):
        table = parquet.read(list(columns), use_threads=False).select(list(columns))
        table.validate(full=True)
        if len(table) != parquet.metadata.num_rows:
            raise InputError(
                f"label table {file.name!r} is damaged: it holds other rows than it says; write it anew"
            )
        return table.cast(pa.schema([plain_field(field) for field in table.schema]))


def _hold(name: str, table: pa.Table, is_text: bool = False, notes: tuple[str, ...] = ()) -> Table:
    """Return a table that was read whole."""
    table.validate(full=True)
    return Table(name, table.schema, lambda columns: table.select(list(columns)), is_text, notes)


def _check_encoding(data: bytes, name: str) -> None:
    """Refuse text that is not UTF-8, naming its probable encoding.

    Raises:
        InputError: With the cure.
    """
    if data.startswith(PACKED):
        raise InputError(f"{name!r} is a spreadsheet or packed; save it as CSV (UTF-8), or unpack it")
    what, cure = explain_encoding(data)
    if what:
        raise InputError(f"{name!r} {what}; {cure}")


# --- CSV -----------------------------------------------------------------------------------------------


def _open_csv(data: bytes, name: str, named: Named) -> Table:
    """Read a CSV file; columns of names and labels stay texts, others get the types that they look like."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    lines = text[: 1 << 20].decode("utf-8", "replace").splitlines(keepends=True)
    delimiter = _find_delimiter(lines[0] if lines else "")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    names = [column.strip() for column in next(reader, [])]
    texts = {column.lower() for column in (*FILE_NAMES, *LABEL_NAMES, SOFT)}
    kinds = {
        column: pa.string()
        for column in names
        if column.lower() in texts or column in (named.label, named.file)
    }
    table = pa_csv.read_csv(
        pa.BufferReader(text),
        pa_csv.ReadOptions(use_threads=False, column_names=names or None, skip_rows=reader.line_num),
        pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in text),
        pa_csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, null_values=[""]),
    )
    notes = () if delimiter == "," else (f"{name!r} is read as columns between {DELIMITERS[delimiter]}",)
    return _hold(name, _strip_blanks(table), True, notes)


def _find_delimiter(header: str) -> str:
    """Return what stands between the columns: what the header has most of, quoted parts aside."""
    plain = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=plain.count)


def _strip_blanks(table: pa.Table) -> pa.Table:
    """Drop the blanks around cells, and quotes behind such blanks; a cell that is empty then is null."""
    for index, field in enumerate(table.schema):
        if holds_texts(field.type):
            column = pc.utf8_trim_whitespace(table.column(index))
            is_quoted = pc.fill_null(pc.match_substring_regex(table.column(index), r'^\s+".*"\s*$'), False)
            column = pc.if_else(is_quoted, pc.utf8_trim(column, '"'), column)
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, field.type), column)
            table = table.set_column(index, field, column)
    return table


# --- JSON lines ----------------------------------------------------------------------------------------


def _parse_json(data: bytes, name: str) -> pa.Table:
    """Read JSON lines; texts stay texts, whatever dates they look like."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    if text.lstrip().startswith(b"["):
        raise InputError(
            f"{name!r} is one JSON list; write JSON lines: an object a line, as `jq -c '.[]'` does"
        )
    schema = _guess_texts(text, name)
    return pa_json.read_json(
        pa.BufferReader(text),
        pa_json.ReadOptions(use_threads=False, block_size=JSON_BLOCK),
        pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer"),
    )


def _guess_texts(text: bytes, name: str) -> pa.Schema:
    """Return the fields that are texts in the first lines."""
    kinds: dict[str, pa.DataType] = {}
    for number, line in enumerate(text.split(b"\n", FIRST_LINES)[:FIRST_LINES]):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name!r} is not JSON lines: line {number + 1}: {error}; correct it") from error
        if not isinstance(row, dict):
            raise InputError(
                f"{name!r} is not JSON lines: line {number + 1} is not an object; write one a line"
            )
        for key, value in row.items():
            if isinstance(value, str):
                kinds.setdefault(key, pa.string())
            elif isinstance(value, list) and value and all(isinstance(part, str) for part in value):
                kinds.setdefault(key, pa.list_(pa.string()))
    return pa.schema(kinds.items())
