"""The rows of an output: as part files that commit a chunk, and as `metadata.parquet`."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import OutputError
from augcli.io.records.step_columns import LABEL_TYPE, STEP_TYPE, source_label_column, step_column
from augcli.io.store.arrow_files import DAMAGE, open_file
from augcli.io.store.local import write_text, writing
from augcli.io.store.names import PART_NAME
from augcli.program.steps import Program
from augcli.samples import Failure, SoftLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from augcli.io.store.local import Sink

    Pixels: TypeAlias = NDArray[Any]  # (H, W, C) uint8 or uint16; NumPy's types cannot say the union well


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
    columns[VISIBLE], columns[SOURCES] = held.get("visible", ()), source_label_column(held.get("labels", ()))
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


def write_part_file(path: Path, rows: pa.Table, facts: PartFacts, sink: Sink = writing) -> None:
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
        hash: BLAKE2b-128 of the written file, hex.
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


def part_path(dst: Path, chunk: str) -> Path:
    """Give the path of a chunk's part file."""
    return dst / f".augcli-{chunk}.parquet"


def part_names(dst: Path) -> set[str]:
    """Give the names of all chunks that have a part file."""
    return {match[1] for path in dst.iterdir() if (match := PART_NAME.fullmatch(path.name))}
