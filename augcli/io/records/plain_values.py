"""Values of augcli as bytes, for files that another of its processes reads.

They are pickled, as tasks are. But who may write such a file must not be able to run code where it is read:
so nothing is unpickled but plain values that we define, arrays, schemas, and what Python itself has.
"""

from __future__ import annotations

import io
import pickle
import zlib
from dataclasses import is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS = ("augcli.io.", "augcli.pipeline.plan.", "augcli.program.", "augcli.samples")
"""Where values are defined that may be read."""

PLAIN = {("builtins", "range"), ("collections", "Counter")}


def pack_values(value: Any) -> bytes:
    """Return a value as bytes."""
    file = io.BytesIO()
    _Packer(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return zlib.compress(file.getbuffer(), 1)


def unpack_values(data: bytes) -> Any:
    """Return what `pack_values` made bytes of.

    Raises:
        ValueError: If they are damaged, or hold other than plain values of augcli.
    """
    try:
        return _Unpacker(io.BytesIO(zlib.decompress(data))).load()
    except Exception as error:  # whatever damaged pickles come to
        raise ValueError(f"these are not plain values: {error}") from error


class _Packer(pickle.Pickler):
    """Pickles arrays and schemas by functions of this module."""

    def reducer_override(self, value: Any) -> Any:
        """Return how a value is made again; see `pickle.Pickler`."""
        if isinstance(value, np.ndarray):
            return _load_array, (value.tobytes(), value.dtype.str, value.shape)
        if isinstance(value, pa.Schema):
            return _load_schema, (value.serialize().to_pybytes(),)
        return NotImplemented


class _Unpacker(pickle.Unpickler):
    """Unpickles plain values, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what values are made by; see `pickle.Unpickler`.

        Raises:
            UnpicklingError: If that is not a plain value of augcli.
        """
        if module == __name__ and name in LOADERS:
            return LOADERS[name]
        if (module, name) in PLAIN:
            return super().find_class(module, name)
        if module.startswith(OURS) and "." not in name:
            attribute = super().find_class(module, name)
            if isinstance(attribute, type) and _is_plain(attribute):
                return attribute
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def _is_plain(kind: type) -> bool:
    """True if the values of a class are data alone: what makes one runs nothing."""
    return (
        is_dataclass(kind) or issubclass(kind, Enum) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


def _load_array(data: bytes, kind: str, shape: Sequence[int]) -> Any:
    return np.frombuffer(data, np.dtype(kind)).reshape(shape)


def _load_schema(data: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(data))


LOADERS: dict[str, Callable[..., Any]] = {"_load_array": _load_array, "_load_schema": _load_schema}
