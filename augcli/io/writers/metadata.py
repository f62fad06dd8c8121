"""`metadata.parquet`: one row for each image of a folder, with everything that is known of it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from augcli.io import hugging_face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    import pyarrow as pa

    from augcli.io.records.label_columns import TableOptions


@contextmanager
def fill_metadata(
    file: BinaryIO,
    finish_rows: Callable[[pa.Table], pa.Table],
    classes: tuple[str, ...],
    features: dict[str, Any],
    options: TableOptions,
) -> Iterator[Callable[[pa.Table], None]]:
    """Write the table chunk by chunk; the first chunk decides its schema.

    Args:
        file: Where it goes.
        finish_rows: Turns part rows into rows of the table.
        classes: Class names; empty where nothing is labelled.
        features: Hugging Face's features of carried columns.
        options: What was done to the labels.

    Yields:
        What takes the part rows of the next chunk.
    """
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None

        def add(rows: pa.Table) -> None:
            nonlocal writer
            finished = finish_rows(rows)
            if writer is None:
                schema = hugging_face.describe(finished.schema, classes, features, options.describe())
                writer = stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
            writer.write_table(finished.cast(writer.schema))

        yield add
