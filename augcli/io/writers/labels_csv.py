"""`labels.csv`: what people and scripts look at first, one line for each image."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from augcli.io.records.label_columns import weight_blocks
from augcli.io.records.part_files import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from augcli.io.records.label_columns import TableOptions

COLUMNS = (
    "file_name,label,label_name,weight,label2,label2_name,weight2,"
    "lam,op,copy,applied,source,source2,x0,y0,x1,y1"
).split(",")

QUOTED = re.compile(r'[",\r\n]')
"""What makes quotes necessary around a cell."""

NO_WEIGHT = -1.0
"""Stands for the weights of rows without a label."""


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
    names = _quote(classes)

    def add(rows: pa.Table) -> None:
        start = 0
        for weights, _ in weight_blocks(rows, len(classes), options):
            file.write(_format(rows.slice(start, len(weights)), weights, names, dense))
            start += len(weights)

    header = [*COLUMNS, *(f"p:{name}" for name in classes if dense)]
    file.write(_join_cells([[cell] for cell in _quote(header)]))
    yield add


def _format(rows: pa.Table, weights: NDArray[np.float64], names: list[str], dense: bool) -> bytes:
    """Return the lines of some part rows, made column by column: row by row they take three times as long.

    Args:
        rows: The rows.
        weights: Their final weights, a column for each class.
        names: Class names as cells.
        dense: Whether the weights of all classes are wanted.
    """
    labels, weights_of_all = _label_columns(rows, weights, names)
    cells = [
        _quote(rows.column("file_name").to_pylist()),
        *labels,
        [repr(lam) for lam in rows.column("lam").to_pylist()],
        _quote(rows.column("op").to_pylist()),
        *(rows.column(name).cast(pa.string()).to_pylist() for name in ("copy", "applied")),
        _quote(rows.column("source").to_pylist()),
        _quote(_visible_partners(rows)),
        *_first_boxes(rows),
    ]
    return _join_cells([*cells, *weights_of_all] if dense else cells)


def _label_columns(
    rows: pa.Table, weights: NDArray[np.float64], names: list[str]
) -> tuple[list[list[str]], list[list[str]]]:
    """Return the dominant and the largest other class, each as index, name, weight; and all weights."""
    label = rows.column("label").fill_null(-1).to_numpy()
    every, texts = np.arange(len(rows)), _Numbers({NO_WEIGHT: ""})
    # A column more stands for no class: place -1 leads there, too.
    known = np.concatenate([weights, np.full((len(rows), 1), NO_WEIGHT)], axis=1)
    known[label < 0] = NO_WEIGHT
    others = known.copy()
    others[every, label] = NO_WEIGHT
    second = others.argmax(axis=1)
    second[others[every, second] <= 0] = -1
    columns = []
    for places in (label, second):
        numbers = places.tolist()
        columns += [
            ["" if number < 0 else str(number) for number in numbers],
            ["" if number < 0 else names[number] for number in numbers],
            [texts[weight] for weight in known[every, places].tolist()],
        ]
    return columns, [[texts[weight] for weight in column] for column in known[:, :-1].T.tolist()]


class _Numbers(dict[float, str]):
    """Numbers as texts, each formatted once: most weights are 0 or 1, or one of few others."""

    def __missing__(self, number: float) -> str:
        text = self[number] = repr(number)
        return text


def _visible_partners(rows: pa.Table) -> list[str]:
    """Return the key of each row's first partner that has pixels in it; "" where none has."""
    import pyarrow.compute as pc  # here, and below: a run with nothing to do does not load Arrow's functions

    partners = rows.column("partners").combine_chunks()
    counts = partners.value_lengths().to_numpy()
    places = pc.add(rows.column(VISIBLE).combine_chunks(), pa.array(np.cumsum(counts) - counts))
    return _texts(partners.flatten(), places)


def _first_boxes(rows: pa.Table) -> list[list[str]]:
    """Return the edges x0, y0, x1, y1 of each row's first pasted box; "" where nothing was pasted."""
    import pyarrow.compute as pc

    steps = rows.column("steps").combine_chunks()
    flat = steps.flatten()
    is_box = pc.and_(pc.equal(flat.field("kind"), "paste"), flat.field("x0").is_valid())
    boxes = np.flatnonzero(is_box.to_numpy(zero_copy_only=False))
    owners = np.repeat(np.arange(len(rows)), steps.value_lengths().to_numpy())[boxes]
    places = np.full(len(rows), -1)
    places[owners[::-1]] = boxes[::-1]  # the first of each row comes last, and stays
    taken = pa.array(places, mask=places < 0)
    return [_texts(flat.field(edge), taken) for edge in ("x0", "y0", "x1", "y1")]


def _texts(values: pa.Array, places: pa.Array) -> list[str]:
    """Return the values at some places as texts; "" where the place is null."""
    texts: list[str] = values.take(places).cast(pa.string()).fill_null("").to_pylist()
    return texts


def _quote(texts: Iterable[str]) -> list[str]:
    """Return texts as cells: in quotes, and their own quotes doubled, where it must be (RFC 4180)."""
    texts = list(texts)
    if not QUOTED.search("".join(texts)):
        return texts
    return ['"' + text.replace('"', '""') + '"' if QUOTED.search(text) else text for text in texts]


def _join_cells(columns: list[list[Any]]) -> bytes:
    """Return columns of cells as lines."""
    return "".join([line + "\n" for line in map(",".join, zip(*columns, strict=True))]).encode()
