"""The rows of an output, and the part files that hold them and commit a chunk; `parts` reads these."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.io.records.step_columns import LABEL_TYPE, STEP_TYPE, source_label_column, step_column
from augcli.io.store.names import part_key
from augcli.samples import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.records.step_columns import LabelRow, StepRow
    from augcli.io.store.base import Sink


PART_KEY, CONTENTS_KEY = b"augcli", b"augcli:contents"


ROW_SCHEMA = pa.schema(
    [
        ("file_name", pa.string()),
        ("label", pa.int64()),
        ("classes", pa.list_(pa.int64())),
        ("weights", pa.list_(pa.float64())),
        ("lam", pa.float64()),
        ("source", pa.string()),
        ("partners", pa.list_(pa.string())),
        ("op", pa.string()),
        ("copy", pa.int32()),
        ("applied", pa.bool_()),
        ("reason", pa.string()),
        ("steps", pa.list_(STEP_TYPE)),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("bytes", pa.int64()),
        ("hash", pa.string()),
        ("augcli:visible", pa.int32()),
        ("augcli:sources", pa.list_(LABEL_TYPE)),
    ]
)
PRIVATE = "augcli:"
"""What the names of columns begin with that only part files hold."""

VISIBLE, SOURCES = PART_ONLY = (f"{PRIVATE}visible", f"{PRIVATE}sources")
"""The slot of the first partner that has pixels in the output, for `labels.csv`; and the labels of base and
partners, from which the output's follows."""

MASK_COLUMNS = ("mask", "mask_file_name")
"""Where outputs have masks: the encoded mask in shards, its path in `metadata.parquet`."""

OUR_COLUMNS = frozenset([*ROW_SCHEMA.names, "image", "soft_label"]).difference(PART_ONLY)
"""Columns of every output."""

Row: TypeAlias = "tuple[Any, ...]"
"""The values of an `Output` as a bare tuple, which pickles in a quarter of the time."""


def is_ours(column: str, has_masks: bool) -> bool:
    """True if outputs have a column of this name: the input's is replaced then."""
    return column in OUR_COLUMNS or column.startswith(PRIVATE) or (has_masks and column in MASK_COLUMNS)


LAID_OVER = "transparent images laid over the background"
"""Counted once for each output that needed the background for itself or a partner."""

WRITTEN_ANEW = "written anew: "
"""What the names of counts of unchanged outputs begin with that could not be copied; the reason follows."""


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a part file says of its chunk, beside its rows.

    Attributes:
        fingerprint: Digest of everything that decided the chunk's outputs.
        ahead: Positions read beyond the end of each arc.
        failures: Samples that gave no output.
        warnings: Samples that were decoded for their outputs, though libjpeg complained, and boxes that were
            left out.
        passed_over: Keys of samples that failed as partners, here or in their own chunk.
        counts: How often something worth a line happened (frames left out, depth narrowed).
        labels: What the label columns of the chunk's shards depend on; empty where it has no shards.
        recipe: Digest of the recipe, but for what only concerns tables; empty in files of earlier versions.
        contents: Hash of all that was read of each sample, 16 bytes each: of an arc's samples, then of those
            behind it up to the farthest that was looked at as a partner; zeros for a sample that was not.
    """

    fingerprint: str
    ahead: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()
    warnings: tuple[Failure, ...] = ()
    passed_over: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    labels: str = ""
    recipe: str = ""
    contents: bytes = b""


def rows_to_table(rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table."""
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(ROW_SCHEMA)
    for name, convert in (("steps", step_column), (SOURCES, source_label_column)):
        number = ROW_SCHEMA.get_field_index(name)
        columns[number] = convert(columns[number])
    return pa.table(columns, schema=ROW_SCHEMA)


def pack_beside(carried: pa.Table | None, annotations: Sequence[pa.Table]) -> bytes:
    """Return the columns behind those of every output, packed by `pack_rows`; may be empty.

    Args:
        carried: The carried columns of some rows.
        annotations: Masks and boxes of the first of these rows, of the next ones, and so on.
    """
    tables = [] if carried is None else [carried]
    tables += [pa.concat_tables(annotations)] if annotations else []
    return pack_rows(put_beside(tables[0], tables[1:]).combine_chunks()) if tables else b""


def put_beside(table: pa.Table, others: Sequence[pa.Table]) -> pa.Table:
    """Return a table with the columns of others behind its own."""
    for other in others:
        for kind, column in zip(other.schema, other.columns, strict=True):
            table = table.append_column(kind, column)
    return table


def pack_rows(rows: pa.Table, compression: str | None = None) -> bytes:
    """Return rows as an Arrow stream: between processes a tenth of the time of pickling them."""
    stream = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(stream, rows.schema, options=options) as writer:
        writer.write_table(rows)
    return stream.getvalue().to_pybytes()


def unpack_rows(packed: bytes) -> pa.Table:
    """Return the rows of an Arrow stream."""
    return pa.ipc.open_stream(packed).read_all()


def join_rows(rows: Sequence[Row], packed: Sequence[bytes], beside: pa.Schema) -> tuple[pa.Table, list[int]]:
    """Return the rows of several arcs as a table, in the order of source key and copy.

    Args:
        rows: The rows of all arcs, one arc behind the other.
        packed: The columns behind ours of each arc, by `pack_rows`.
        beside: Schema of these columns, where there are no rows to tell it.

    Returns:
        The table, and for each row its number among the rows that came in.
    """
    places = [(row[SOURCE], row[COPY]) for row in rows]
    order = sorted(range(len(rows)), key=places.__getitem__)
    others = pa.concat_tables(map(unpack_rows, packed)) if packed else beside.empty_table()
    table = rows_to_table([rows[number] for number in order])
    return put_beside(table, [others.take(pa.array(order, pa.int64()))]), order


def write_part_file(sink: Sink, chunk: str, rows: pa.Table, facts: PartFacts) -> None:
    """Write a chunk's part file whole or not at all: this commits the chunk."""
    document = asdict(facts)
    document["ahead"] = list(facts.ahead)
    contents = base64.b64encode(document.pop("contents"))
    text = json.dumps(document, sort_keys=True).encode()
    rows = rows.replace_schema_metadata({PART_KEY: text})
    with sink.writing(part_key(chunk)) as file, pq.ParquetWriter(file, rows.schema, compression="zstd") as to:
        to.write_table(rows)
        # Not in the schema, whose metadata pyarrow writes twice.
        to.add_key_value_metadata({CONTENTS_KEY: contents})


class Output(NamedTuple):
    """One written image and all that the tables say of it: plain values by the columns of `ROW_SCHEMA`.

    Attributes:
        file_name: POSIX path below the table; in parquet form the `path` inside the image column.
        label: Dominant class; None where unlabelled.
        classes: Classes of the label before smoothing; None where unlabelled.
        weights: Their weights; None where unlabelled.
        lam: The base's own share of the pixels.
        source: Key of the base.
        partners: Keys of the partners by slot.
        op: Kinds applied, joined by `+`; `none` or `original` where none was.
        copy: Number of the copy, -1 for an original.
        applied: Whether it has any steps.
        reason: Why an operation that could have been applied was not.
        steps: The program, by `step_rows`.
        width: Columns of the written image.
        height: Rows of the written image.
        bytes: Length of the written file.
        hash: BLAKE3 (128 bits) of the written file, hex.
        visible: Slot of the first partner that has pixels in the output; None where none has.
        sources: Labels of the base and of the partners by slot, by `label_rows`.
    """

    file_name: str
    label: int | None
    classes: tuple[int, ...] | None
    weights: tuple[float, ...] | None
    lam: float
    source: str
    partners: tuple[str, ...]
    op: str
    copy: int
    applied: bool
    reason: str
    steps: tuple[StepRow, ...]
    width: int
    height: int
    bytes: int
    hash: str
    visible: int | None
    sources: tuple[LabelRow, ...]


SOURCE, COPY = Output._fields.index("source"), Output._fields.index("copy")
