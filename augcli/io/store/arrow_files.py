"""What pyarrow reads, and what its errors mean: damage of the data, or a fault of the machine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from augcli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError, RecursionError, OverflowError)
"""What pyarrow raises on files that are damaged, or not of the kind that it reads."""


def load_functions() -> None:
    """Load what Arrow looks up when rows are put in order or cast.

    Once before processes fork, which then share it: 5 MiB, and a twentieth of a second, that each would take.
    """
    import pyarrow.compute  # noqa: F401


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what pyarrow raises on damaged data into an `InputError`; an errno is the machine's and passes."""
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise InputError(f"{name!r} is damaged: {first_line(error)}; {ANEW}") from error


ANEW = "get it again, or write it anew"
"""The cure for a file that is damaged."""

READABLE = "make it readable, or give another file"
"""The cure for a file that the system does not open."""


def first_line(error: Exception) -> str:
    """Return the first line of an error's words: pyarrow's go on with where in its own code it was."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def plain_field(field: pa.Field) -> pa.Field:
    """Return a field without what reading parquet leaves in it: numbers of fields, names of list items.

    Views become plain texts and bytes, since much of pyarrow cannot handle them.
    """
    kind = field.type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        kind = pa.string() if pa.types.is_string_view(kind) else pa.binary()
    elif pa.types.is_struct(kind):
        kind = pa.struct([plain_field(kind.field(i)) for i in range(kind.num_fields)])
    elif pa.types.is_list(kind):
        kind = pa.list_(plain_field(kind.value_field).with_name("item"))
    elif pa.types.is_large_list(kind):
        kind = pa.large_list(plain_field(kind.value_field).with_name("item"))
    return pa.field(field.name, kind, field.nullable)
