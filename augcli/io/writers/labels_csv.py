"""`labels.csv`: what people and scripts look at first, one line for each image."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from augcli.io.records.label_columns import weight_blocks
from augcli.io.records.part_files import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from augcli.io.records.label_columns import TableOptions

COLUMNS = (
    "file_name,label,label_name,weight,label2,label2_name,weight2,"
    "lam,op,copy,applied,source,source2,x0,y0,x1,y1"
).split(",")

READ = ("file_name", "lam", "op", "copy", "applied", "source", "partners", VISIBLE)


@contextmanager
def fill_labels_csv(
    file: BinaryIO, classes: tuple[str, ...], options: TableOptions
) -> Iterator[Callable[[pa.Table], None]]:
    """Write the two largest weights, the first box, and where they are dense the weights of all classes.

    Args:
        file: Where it goes: UTF-8, LF, RFC 4180.
        classes: Class names; empty where nothing is labelled.
        options: Smoothing, and whether weights are dense.

    Yields:
        What takes the part rows of the next chunk.
    """
    dense = bool(classes) and options.is_dense(len(classes))
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        writer = csv.writer(_UnixEnds(text), lineterminator="\r\n")
        writer.writerow([*COLUMNS, *(f"p:{name}" for name in classes if dense)])
        yield lambda rows: writer.writerows(_lines(rows, classes, options, dense))
    finally:
        text.detach()  # flushed, and the file left to whoever opened it


class _UnixEnds:
    """A text file whose lines end in LF. If `csv` ends them so itself, it leaves a CR in a cell unquoted."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        """Write one line."""
        return self._file.write(line.removesuffix("\r\n") + "\n")


def _lines(
    rows: pa.Table, classes: tuple[str, ...], options: TableOptions, dense: bool
) -> Iterator[list[Any]]:
    # Columns, not rows of dicts: with all their steps these take five times as long.
    columns = zip(*(rows.column(name).to_pylist() for name in READ), strict=True)
    ranked = _rank(rows, classes, options, dense)
    for values, (first_two, weights), box in zip(columns, ranked, _first_boxes(rows), strict=True):
        file_name, lam, op, copy, applied, source, partners, visible = values
        partner = "" if visible is None else partners[visible]
        line = [file_name, *first_two, repr(lam), op, copy]
        yield [*line, "true" if applied else "false", source, partner, *box, *weights]


def _rank(
    rows: pa.Table, classes: tuple[str, ...], options: TableOptions, dense: bool
) -> Iterator[tuple[list[Any], list[str]]]:
    """Yield each row's dominant and largest other class, each as index, name, weight; and all weights."""
    labels = iter(rows.column("label").to_pylist())
    nothing = [""] * len(classes) if dense else []
    for weights, _ in weight_blocks(rows, len(classes), options):
        for row in weights.tolist():
            label = next(labels)
            if label is None:
                yield [""] * 6, nothing
                continue
            own, row[label] = row[label], -1.0
            largest = max(row)
            second = row.index(largest) if largest > 0 else None
            row[label] = own
            other = ["", "", ""] if second is None else [second, classes[second], repr(largest)]
            yield [label, classes[label], repr(own), *other], [*map(repr, row)] if dense else []


def _first_boxes(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield each row's first pasted box as x0, y0, x1, y1; empty texts where there is none."""
    steps = rows.column("steps").combine_chunks()
    flat = steps.flatten()
    boxes = list(zip(*(flat.field(edge).to_pylist() for edge in ("x0", "y0", "x1", "y1")), strict=True))
    pasted = [kind == "paste" for kind in flat.field("kind").to_pylist()]
    start = 0
    for count in steps.value_lengths().to_pylist():
        own = (boxes[i] for i in range(start, start + count) if pasted[i] and boxes[i][0] is not None)
        yield next(own, ("",) * 4)
        start += count
