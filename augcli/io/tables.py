"""The rows of an output: as part files that commit a chunk, and as `metadata.parquet`."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augcli.datatypes import Failure, Output
from augcli.errors import OutputError
from augcli.io.arrow_files import DAMAGE, open_file
from augcli.io.step_columns import LABEL_TYPE, STEP_TYPE, label_column, step_column
from augcli.io.storage import write_text, writing
from augcli.labels import smooth_weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from augcli.io.storage import Sink

DENSE_CLASSES = 256
"""Up to this many classes a row holds one weight for each."""

BLOCK_WEIGHTS = 1 << 20
"""Weights that are held at once while tables are written."""

PART_KEY = b"augcli"


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
    """Whether outputs have a column of this name: one of the input's is replaced."""
    return column in OUR_COLUMNS or column.startswith(PRIVATE) or (has_masks and column in MASK_COLUMNS)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What only the tables depend on: smoothing ε, its form, and `dense`, `pair` or None for by size."""

    smoothing: float = 0.0
    smoothing_form: str = "uniform"
    soft_labels: str | None = None

    def is_dense(self, classes: int) -> bool:
        """Whether rows hold one weight for each class."""
        return self.soft_labels == "dense" or (self.soft_labels is None and classes <= DENSE_CLASSES)

    def describe(self) -> bytes:
        """Give what was done to the labels, as the value of the schema's metadata key `augcli`."""
        return json.dumps({"smoothing": self.smoothing, "smoothing-form": self.smoothing_form}).encode()


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a part file says of its chunk, beside its rows.

    Attributes:
        fingerprint: Digest of everything that decided the chunk's outputs.
        ahead: Positions read beyond the end of each stretch.
        failures: Samples that gave no output.
        passed_over: Keys of samples that failed as partners, here or in their own chunk.
        counts: How often something worth a line happened (frames left out, depth narrowed).
        labels: What the label columns of the chunk's shards depend on; empty where it has no shards.
        recipe: Digest of the recipe, but for what only concerns tables; empty in files of earlier versions.
    """

    fingerprint: str
    ahead: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()
    passed_over: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    labels: str = ""
    recipe: str = ""


def rows_to_table(
    outputs: Sequence[Output], carried: pa.Table | None = None, annotations: Sequence[pa.Table] = ()
) -> pa.Table:
    """Make a table of outputs, the carried columns behind ours, then those of masks and boxes."""
    held = dict(zip(Output._fields, zip(*outputs, strict=True), strict=True)) if outputs else {}
    columns: dict[str, Any] = {name: held.get(name, ()) for name in ROW_SCHEMA.names}
    exact, steps = held.get("exact", ()), held.get("steps", ())
    columns["classes"] = [label and label.classes for label in exact]
    columns["weights"] = [label and label.weights for label in exact]
    columns["applied"] = [bool(program) for program in steps]
    columns["steps"] = step_column(steps)
    columns[VISIBLE], columns[SOURCES] = held.get("visible", ()), label_column(held.get("labels", ()))
    table = pa.table(columns, schema=ROW_SCHEMA)
    beside = [pa.concat_tables(annotations)] if annotations else []
    for other in [carried, *beside] if carried is not None else beside:
        for at, name in enumerate(other.column_names):
            table = table.append_column(other.schema.field(name), other.column(at))
    return table


def pack_rows(rows: pa.Table) -> bytes:
    """Write rows as an Arrow stream: between processes a tenth of the time of pickling them."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, rows.schema) as writer:
        writer.write_table(rows)
    return stream.getvalue().to_pybytes()


def join_rows(packed: Sequence[bytes], beside: pa.Schema) -> tuple[pa.Table, list[int]]:
    """Join the rows of several runs in the order of source key and copy.

    Args:
        packed: Rows of each run, by `pack_rows`.
        beside: Schema of the columns behind ours, where there are no rows to tell it.

    Returns:
        The rows, and which of the joined ones each was.
    """
    pieces = [pa.ipc.open_stream(piece).read_all() for piece in packed]
    held = pa.concat_tables(pieces) if pieces else rows_to_table([], beside.empty_table())
    places = zip(held.column("source").to_pylist(), held.column("copy").to_pylist(), strict=True)
    order = [at for *_, at in sorted((*place, at) for at, place in enumerate(places))]
    return held.take(pa.array(order, pa.int64())), order


def write_part(path: Path, rows: pa.Table, facts: PartFacts, sink: Sink = writing) -> None:
    """Write a chunk's part file whole or not at all: this commits the chunk."""
    document = asdict(facts)
    document["ahead"] = list(facts.ahead)
    text = json.dumps(document, sort_keys=True).encode()
    with sink(path) as file:
        pq.write_table(rows.replace_schema_metadata({PART_KEY: text}), file, compression="zstd")


def read_part_facts(path: Path) -> PartFacts | None:
    """Read what a part file says of its chunk; None where it is no whole part file."""
    try:
        schema = pq.read_schema(open_file(path))
        if not set(ROW_SCHEMA.names).issubset(schema.names):  # another version of ours wrote it
            return None
        document = json.loads((schema.metadata or {})[PART_KEY])
        document["failures"] = tuple(Failure(**failure) for failure in document["failures"])
        document["ahead"], document["passed_over"] = tuple(document["ahead"]), tuple(document["passed_over"])
        facts = PartFacts(**document)
        told = (text for failure in facts.failures for text in astuple(failure))
        texts = (facts.fingerprint, facts.labels, facts.recipe, *facts.passed_over, *facts.counts, *told)
        numbers = (*facts.ahead, *facts.counts.values())
    except (*DAMAGE, AttributeError, KeyError, TypeError, ValueError):
        return None
    is_ours = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    return facts if is_ours else None


def read_part_rows(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a part file's rows, as they were before they were written."""
    try:
        rows = pq.read_table(open_file(path), columns=columns, use_threads=False, pre_buffer=False)
        rows.validate(full=True)
        return rows.cast(pa.schema([plain_field(field) for field in rows.schema], rows.schema.metadata))
    except DAMAGE as error:
        raise OutputError(f"{str(path)!r} is damaged; remove it and run again") from error


def plain_field(field: pa.Field) -> pa.Field:
    """Give a field without what reading parquet leaves in it: numbers of fields, names of list items.

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


def read_file_names(path: Path) -> list[str]:
    """Read the names of a part file's outputs."""
    return read_part_rows(path, ["file_name"]).column("file_name").to_pylist()


def finish_rows(rows: pa.Table, classes: int, options: TableOptions) -> pa.Table:
    """Give the rows of an output's table: part rows with `soft_label` behind `label` where it is dense."""
    private = [name for name in rows.column_names if name.startswith(PRIVATE)]
    rows = rows.drop_columns(private).replace_schema_metadata(None)
    if not classes or not options.is_dense(classes):
        return rows
    blocks = []
    for weights, is_labelled in weight_blocks(rows, classes, options):
        held = pa.array(weights[is_labelled].astype(np.float32).ravel())
        ends = np.cumsum(is_labelled, dtype=np.int32) * np.int32(classes)
        offsets = pa.array(np.concatenate([np.zeros(1, np.int32), ends]))
        blocks.append(pa.ListArray.from_arrays(offsets, held, mask=pa.array(~is_labelled)))
    column = pa.chunked_array(blocks, pa.list_(pa.float32()))
    return rows.add_column(rows.column_names.index("label") + 1, "soft_label", column)


def weight_blocks(
    rows: pa.Table, classes: int, options: TableOptions
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Give the final weights of part rows, some rows at a time, as many as take little memory.

    Yields:
        (rows, classes) weights, smoothed, and (rows,) whether each is labelled.
    """
    length = max(1, BLOCK_WEIGHTS // max(classes, 1))
    for start in range(0, len(rows), length):
        block = rows.slice(start, length)
        held = block.column("classes").combine_chunks()
        counts = held.value_lengths().fill_null(0).to_numpy()
        weights = np.zeros((len(block), classes))
        values = block.column("weights").combine_chunks().flatten()
        weights[np.repeat(np.arange(len(block)), counts), held.flatten().to_numpy()] = values.to_numpy()
        if options.smoothing:
            weights = smooth_weight(weights, classes, options.smoothing, options.smoothing_form)
        yield weights, held.is_valid().to_numpy(zero_copy_only=False)


def write_metadata(path: Path, parts: Iterable[pa.Table], schema: pa.Schema, sink: Sink = writing) -> None:
    """Write `metadata.parquet` from finished rows, part by part, with the schema's metadata."""
    with sink(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in parts:
            writer.write_table(rows.cast(schema))


def collect_failures(facts: Iterable[PartFacts]) -> list[Failure]:
    """Collect the failures of all parts, by key."""
    return sorted(
        (failure for fact in facts for failure in fact.failures), key=lambda failure: failure.source
    )


def write_failures(path: Path, failures: Sequence[Failure], sink: Sink = writing) -> None:
    """Write `failures.jsonl`, one line for each sample that gave no output."""
    lines = (json.dumps(asdict(one), sort_keys=True) + "\n" for one in failures)
    write_text(path, "".join(lines), sink)
