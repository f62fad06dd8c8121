"""Encoded images in columns of shards: which columns hold them, and their bytes, in every layout of Arrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from augcli.io.labels.kinds import holds_texts


def holds_images(kind: pa.DataType) -> bool:
    """True if a column's cells are encoded images: bytes in any layout, or structs with bytes."""
    index = kind.get_field_index("bytes") if pa.types.is_struct(kind) else -1
    return _is_bytes(kind.field(index).type if index >= 0 else kind)


def copy_images(images: pa.Array) -> tuple[list[Any], list[str | None]]:
    """Return the encoded images of a column, None where a row has no image, and their paths."""
    paths: list[str | None] = [None] * len(images)
    if pa.types.is_struct(images.type):
        fields = dict(zip((field.name for field in images.type), images.flatten(), strict=True))
        images = fields["bytes"]
        if "path" in fields and holds_texts(fields["path"].type):
            paths = fields["path"].to_pylist()
    return _copy_bytes(images), paths


def _copy_bytes(cells: pa.Array) -> list[Any]:
    """Return the bytes of each cell, None if it is null."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return _copy_bytes(cells.dictionary_decode())
    if not _is_bytes_list(kind):
        return list(cells.to_pylist())
    present = iter(cells.value_lengths().drop_null().to_pylist())
    data, place = memoryview(cells.flatten().to_numpy(zero_copy_only=False)), 0
    copied: list[bytes | None] = []
    for is_there in cells.is_valid().to_pylist():
        length = next(present) if is_there else 0
        copied.append(bytes(data[place : place + length]) if is_there else None)
        place += length
    return copied


def _is_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_bytes(kind.value_type)
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
        or _is_bytes_list(kind)
    )


def _is_bytes_list(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(is_list and pa.types.is_uint8(kind.value_type))
