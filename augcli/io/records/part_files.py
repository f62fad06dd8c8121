"""The rows of an output, and the part files that hold them and commit a chunk; `parts` reads these."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.io.records.step_columns import LABEL_TYPE, STEP_TYPE, source_label_column, step_column
from augcli.io.store.names import part_key
from augcli.program.steps import Program
from augcli.samples import Failure, SoftLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def is_ours(column: str, has_masks: bool) -> bool:
    """True if outputs have a column of this name: that of the input is replaced then."""
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
        ahead: Positions read beyond the end of each stretch.
        failures: Samples that gave no output.
        warnings: Samples that were decoded for their outputs, though libjpeg complained.
        passed_over: Keys of samples that failed as partners, here or in their own chunk.
        counts: How often something worth a line happened (frames left out, depth narrowed).
        labels: What the label columns of the chunk's shards depend on; empty where it has no shards.
        recipe: Digest of the recipe, but for what only concerns tables; empty in files of earlier versions.
        contents: Hash of all that was read of each sample, 16 bytes each: of those of an arc, then of those
            behind it up to the farthest that was looked at as a partner; zeros where one was not.
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


def rows_to_table(
    outputs: Sequence[Output], carried: pa.Table | None = None, annotations: Sequence[pa.Table] = ()
) -> pa.Table:
    """Return a table of outputs: our columns, the carried ones, then those of masks and boxes."""
    fields = dict(zip(Output._fields, zip(*outputs, strict=True), strict=True)) if outputs else {}
    columns: dict[str, Any] = {name: fields.get(name, ()) for name in ROW_SCHEMA.names}
    exact, steps = fields.get("exact", ()), fields.get("steps", ())
    columns["classes"] = [label and label.classes for label in exact]
    columns["weights"] = [label and label.weights for label in exact]
    columns["applied"] = [bool(program) for program in steps]
    columns["steps"] = step_column(steps)
    columns[VISIBLE] = fields.get("visible", ())
    columns[SOURCES] = source_label_column(fields.get("labels", ()))
    table = pa.table(columns, schema=ROW_SCHEMA)
    beside = [pa.concat_tables(annotations)] if annotations else []
    for other in [carried, *beside] if carried is not None else beside:
        for number, name in enumerate(other.column_names):
            table = table.append_column(other.schema.field(name), other.column(number))
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


def join_rows(packed: Sequence[bytes], beside: pa.Schema) -> tuple[pa.Table, list[int]]:
    """Return the rows of several arcs, joined in the order of source key and copy.

    Args:
        packed: Rows of each arc, by `pack_rows`.
        beside: Schema of the columns behind ours, where there are no rows to tell it.

    Returns:
        The rows, and for each its number among those that were given.
    """
    pieces = [unpack_rows(piece) for piece in packed]
    joined = pa.concat_tables(pieces) if pieces else rows_to_table([], beside.empty_table())
    places = zip(joined.column("source").to_pylist(), joined.column("copy").to_pylist(), strict=True)
    order = [number for *_, number in sorted((*place, number) for number, place in enumerate(places))]
    return joined.take(pa.array(order, pa.int64())), order


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
    """One written image and all that the tables say of it.

    Attributes:
        file_name: POSIX path below the table; in parquet form the `path` inside the image column.
        source: Key of the base.
        partners: Keys of the partners by slot.
        op: Kinds applied, joined by `+`; `none` or `original` where none was.
        copy: Number of the copy, -1 for an original.
        reason: Why an operation that could have been applied was not.
        steps: The program.
        label: Dominant class; None where unlabelled.
        exact: The label before smoothing; None where unlabelled.
        lam: The base's own share of the pixels.
        height: Rows of the written image.
        width: Columns of the written image.
        bytes: Length of the written file.
        hash: BLAKE3 (128 bits) of the written file, hex.
        visible: Slot of the first partner that has pixels in the output; None where none has.
        labels: Labels of the base and of the partners by slot, None for those without.
    """

    file_name: str
    source: str
    partners: tuple[str, ...]
    op: str
    copy: int
    reason: str
    steps: Program
    label: int | None
    exact: SoftLabel | None
    lam: float
    height: int
    width: int
    bytes: int
    hash: str
    visible: int | None
    labels: tuple[SoftLabel | None, ...]
