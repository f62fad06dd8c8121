"""Cells of Arrow columns as bytes: equal exactly where the cells are, however Arrow lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from augcli.io.store.hashes import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NULL, VALUE = b"\0", b"\1"


def hash_rows(columns: Sequence[pa.Array]) -> list[bytes]:
    """Return the hash of each row of some columns; empty without columns."""
    cells = [cell_bytes(column) for column in columns]
    return [digest_bytes(*row) for row in zip(*cells, strict=True)]


def cell_bytes(column: pa.Array) -> list[bytes]:
    """Return the bytes of each cell of a column: a null differs from every value.

    Numbers are taken as they lie in memory, so that the last bit of a float counts.
    """
    kind, types = column.type, pa.types
    if isinstance(column, pa.ExtensionArray):
        return cell_bytes(column.storage)
    if types.is_dictionary(kind):
        return cell_bytes(column.dictionary_decode())
    if types.is_boolean(kind):
        return cell_bytes(column.cast(pa.uint8()))
    if any(is_kind(kind) for is_kind in (types.is_string, types.is_large_string)):
        return cell_bytes(column.cast(pa.large_binary()))
    if types.is_binary(kind) or types.is_large_binary(kind):
        return _mark_nulls(column, (cell or b"" for cell in column.to_pylist()))
    if types.is_struct(kind):
        fields = [cell_bytes(field) for field in column.flatten()]
        cells = map(_join, zip(*fields, strict=True)) if fields else [b""] * len(column)
        return _mark_nulls(column, cells)
    if any(is_kind(kind) for is_kind in (types.is_list, types.is_large_list, types.is_fixed_size_list)):
        return _mark_nulls(column, _list_cells(column))
    if _width(kind):
        data, width = _fixed_bytes(column), _width(kind)
        return _mark_nulls(column, (data[start : start + width] for start in range(0, len(data), width)))
    return [repr(value).encode("utf-8", "surrogatepass") for value in column.to_pylist()]


def _list_cells(column: pa.Array) -> Iterable[bytes]:
    """Yield the bytes of lists; lists of numbers in one piece, since a list may hold thousands."""
    values = column.flatten()
    stops = np.cumsum(column.value_lengths().fill_null(0).to_numpy()).tolist()
    bounds = zip([0, *stops], stops, strict=False)
    width = _width(values.type)
    if not width:
        items = cell_bytes(values)
        yield from (_join(items[start:stop]) for start, stop in bounds)
        return
    data, valid = _fixed_bytes(values), values.is_valid().to_numpy(zero_copy_only=False)
    for start, stop in bounds:
        numbers, present = data[start * width : stop * width], valid[start:stop]
        yield VALUE + numbers if present.all() else NULL + present.tobytes() + numbers


def _width(kind: pa.DataType) -> int:
    """Return the bytes of each value of a type of fixed width; 0 for other types."""
    types = pa.types
    is_fixed = types.is_primitive(kind) or types.is_decimal(kind) or types.is_fixed_size_binary(kind)
    return kind.bit_width // 8 if is_fixed else 0


def _fixed_bytes(column: pa.Array) -> bytes:
    """Return the bytes of all values of fixed width; nulls are zero bytes."""
    buffer, width = column.buffers()[1], _width(column.type)
    if buffer is None or not len(column):
        return bytes(width * len(column))
    start = column.offset * width
    data = np.frombuffer(buffer, np.uint8)[start : start + width * len(column)]
    if column.null_count:
        data = data.reshape(-1, width) * column.is_valid().to_numpy(zero_copy_only=False)[:, None]
    return data.tobytes()


def _mark_nulls(column: pa.Array, cells: Iterable[bytes]) -> list[bytes]:
    """Return the cells of a column, marked as values or as nulls."""
    if not column.null_count:
        return [VALUE + cell for cell in cells]
    valid = column.is_valid().to_pylist()
    return [VALUE + cell if is_value else NULL for cell, is_value in zip(cells, valid, strict=True)]


def _join(cells: Iterable[bytes]) -> bytes:
    """Return cells as one, such that other cells give other bytes."""
    return b"".join(len(cell).to_bytes(8, "little") + cell for cell in cells)
