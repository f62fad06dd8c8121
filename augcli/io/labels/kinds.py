"""Which kinds of values a column holds, in every layout that Arrow has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plain_values(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the same values without dictionaries, views and fixed points."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain_values(values.cast(kind.value_type))
    if pa.types.is_string_view(kind):
        return values.cast(pa.large_string())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return values.cast(pa.float64())
    return values


def plain_kind(kind: pa.DataType) -> pa.DataType:
    """Return the type that `plain_values` gives."""
    return plain_values(pa.chunked_array([], kind)).type


def holds_texts(kind: pa.DataType) -> bool:
    """True if a column holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def holds_lists(kind: pa.DataType) -> bool:
    """True if a column holds lists."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def holds_numbers(kind: pa.DataType) -> bool:
    """True if a column holds numbers, or nothing at all."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    return any(is_kind(kind) for is_kind in kinds) or bool(pa.types.is_decimal(kind))


def holds_names(kind: pa.DataType) -> bool:
    """True if a column holds texts or whole numbers: one name or index in each cell."""
    kind = plain_kind(kind)
    return holds_texts(kind) or bool(pa.types.is_integer(kind))


def could_label(kind: pa.DataType) -> bool:
    """True if a column of this type could hold labels: texts, numbers, or lists of them."""
    if pa.types.is_dictionary(kind) or holds_lists(kind):
        return could_label(kind.value_type) and not holds_lists(kind.value_type)
    return holds_texts(kind) or holds_numbers(kind)


def flatten_lists(values: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the numbers of all lists of a column, one behind the other; a null is zero."""
    pieces = [chunk.flatten() for chunk in values.chunks if len(chunk)]
    flat = pa.chunked_array(pieces, values.type.value_type)
    return plain_values(flat).cast(pa.float64()).fill_null(0).to_numpy()
