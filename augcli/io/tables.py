"""Tables: label tables that are read, part files that commit a chunk, and the tables of an output."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from augcli.datatypes import Blend, Box, Failure, Fill, Output, Patches, SoftLabel
from augcli.errors import InputError, OutputError
from augcli.io import label_columns
from augcli.io.dataset_card import class_names
from augcli.io.storage import writing
from augcli.labels import smooth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from augcli.datatypes import Step
    from augcli.io.label_columns import Labelling

DENSE_CLASSES = 256
"""Up to this many classes a row holds one weight for each."""

FILE_COLUMNS = ("file_name", "path", "filename")
PART_KEY = b"augcli"
CSV_COLUMNS = (
    "file_name,label,label_name,weight,label2,label2_name,weight2,"
    "lam,op,copy,applied,source,source2,x0,y0,x1,y1"
)

_SMALL = ("y0", "x0", "y1", "x1", "patch_height", "patch_width")
_SAMPLED = ("slot", "weight_q16", "source_y0", "source_x0", "source_y1", "source_x1", "red", "green", "blue")
STEP_TYPE = pa.struct(
    [("kind", pa.string()), *((name, pa.int32()) for name in _SMALL), ("bitmap", pa.binary())]
    + [(name, pa.int32()) for name in _SAMPLED]
)

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
    ]
)
OUR_COLUMNS = frozenset([*ROW_SCHEMA.names, "image", "soft_label"])
"""Columns of an output; input columns of these names are replaced."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What only the tables depend on: smoothing ε, its form, and `dense`, `pair` or None for by size."""

    smoothing: float = 0.0
    smoothing_form: str = "uniform"
    soft_labels: str | None = None

    def is_dense(self, classes: int) -> bool:
        """Whether rows hold one weight for each class."""
        return self.soft_labels == "dense" or (self.soft_labels is None and classes <= DENSE_CLASSES)


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a part file says of its chunk, beside its rows.

    Attributes:
        fingerprint: Digest of everything that decided the chunk's outputs.
        ahead: Positions read beyond the end of each stretch.
        failures: Samples that gave no output.
        passed_over: Keys of samples that failed as partners, here or in their own chunk.
        counts: How often something worth a line happened (frames left out, depth narrowed).
    """

    fingerprint: str
    ahead: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()
    passed_over: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


def read_label_table(
    path: Path, names: Sequence[str], label_col: str | None, classes: tuple[str, ...] | None, must_label: bool
) -> Labelling | None:
    """Label images by a CSV or parquet table.

    Args:
        path: Table with `file_name` (also `path`, `filename`), and `soft_label`, `label`, columns
            `p:<class>`, or nothing but one weight column for each class.
        names: The images to label, below the table.
        label_col: Column of the labels.
        classes: The class list; None takes the table's.
        must_label: Whether a table without labels is an error; else it gives None.

    Raises:
        InputError: If table and images do not match one to one, or a label is not accepted.
    """
    table = _read_table(path, label_col)
    key_column = next((name for name in FILE_COLUMNS if name in table.column_names), None)
    if key_column is None:
        raise InputError(f"{str(path)!r} has no column file_name; it has {', '.join(table.column_names)}")
    keys = [str(key) for key in table.column(key_column).to_pylist()]
    labelling = _label_table(table, path, key_column, label_col, classes)
    if labelling is None:
        if must_label:
            raise InputError(f"{str(path)!r} has no column label and no column of weights; give --label-col")
        return None
    rows = {key: row for row, key in enumerate(keys)}
    _match_names(path, keys, rows, names)
    return label_columns.Labelling([labelling.labels[rows[name]] for name in names], labelling.classes)


def rows_to_table(outputs: Sequence[Output], carried: pa.Table | None) -> pa.Table:
    """Make a table of outputs, the carried columns behind ours."""
    columns: dict[str, list[Any]] = {
        name: [getattr(output, name) for output in outputs]
        for name in ROW_SCHEMA.names
        if name not in ("classes", "weights", "applied", "steps")
    }
    columns["classes"] = [output.exact and output.exact.classes for output in outputs]
    columns["weights"] = [output.exact and output.exact.weights for output in outputs]
    columns["applied"] = [bool(output.steps) for output in outputs]
    columns["steps"] = [[step_to_row(step) for step in output.steps] for output in outputs]
    table = pa.table(columns, schema=ROW_SCHEMA)
    if carried is not None:
        for at, name in enumerate(carried.column_names):
            table = table.append_column(carried.schema.field(name), carried.column(at))
    return table


def write_part(path: Path, rows: pa.Table, facts: PartFacts) -> None:
    """Write a chunk's part file whole or not at all: this commits the chunk."""
    document = asdict(facts)
    document["ahead"] = list(facts.ahead)
    text = json.dumps(document, sort_keys=True).encode()
    with writing(path) as part:
        pq.write_table(rows.replace_schema_metadata({PART_KEY: text}), part, compression="zstd")


def read_part_facts(path: Path) -> PartFacts | None:
    """Read what a part file says of its chunk; None where it is no whole part file."""
    try:
        document = json.loads((pq.read_schema(path).metadata or {})[PART_KEY])
        document["failures"] = tuple(Failure(**failure) for failure in document["failures"])
        document["ahead"], document["passed_over"] = tuple(document["ahead"]), tuple(document["passed_over"])
        return PartFacts(**document)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def read_part_rows(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a part file's rows."""
    try:
        return pq.read_table(path, columns=columns, use_threads=False, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise OutputError(f"{str(path)!r} is damaged; remove it and run again") from error


def read_file_names(path: Path) -> list[str]:
    """Read the names of a part file's outputs."""
    return read_part_rows(path, ["file_name"]).column("file_name").to_pylist()


def finish_rows(rows: pa.Table, classes: int, options: TableOptions) -> pa.Table:
    """Give the rows of an output's table: part rows with `soft_label` behind `label` where it is dense."""
    if not classes or not options.is_dense(classes):
        return rows.replace_schema_metadata(None)
    weights = [
        None if label is None else smooth(label, classes, options.smoothing, options.smoothing_form)
        for label in exact_labels(rows)
    ]
    column = pa.array(weights, pa.list_(pa.float32()))
    return rows.add_column(
        rows.column_names.index("label") + 1, "soft_label", column
    ).replace_schema_metadata(None)


def exact_labels(rows: pa.Table) -> Iterator[SoftLabel | None]:
    """Read the labels before smoothing from part rows."""
    pairs = zip(rows.column("classes").to_pylist(), rows.column("weights").to_pylist(), strict=True)
    return (
        None if classes is None else SoftLabel(tuple(classes), tuple(weights)) for classes, weights in pairs
    )


def write_metadata(path: Path, parts: Iterable[pa.Table], features: bytes, schema: pa.Schema) -> None:
    """Write `metadata.parquet` from finished rows, part by part."""
    with writing(path) as unfinished:
        described = schema.with_metadata({b"huggingface": features})
        with pq.ParquetWriter(unfinished, described, compression="zstd") as writer:
            for rows in parts:
                writer.write_table(rows.cast(schema).replace_schema_metadata(described.metadata))


def write_labels_csv(
    path: Path, parts: Iterable[pa.Table], classes: tuple[str, ...], options: TableOptions
) -> None:
    """Write `labels.csv` from part rows: the two largest weights, the first box, and weights per class."""
    dense = bool(classes) and options.is_dense(len(classes))
    with writing(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*CSV_COLUMNS.split(","), *(f"p:{name}" for name in classes if dense)])
        for rows in parts:
            for row, label in zip(rows.to_pylist(), exact_labels(rows), strict=True):
                writer.writerow(_csv_row(row, label, classes, options, dense))


def step_to_row(step: Step) -> dict[str, Any]:
    """Give every field of a step as one row of `STEP_TYPE`; what a kind does not have is null."""
    row: dict[str, Any] = {"kind": type(step).__name__.lower()}
    row |= asdict(step.area) if isinstance(step.area, Box) else _patches_row(step.area)
    if isinstance(step, Fill):
        return row | asdict(step.colour)
    row["slot"] = step.slot
    if isinstance(step, Blend):
        return row | {"weight_q16": step.weight_q16}
    return row | (
        {f"source_{edge}": value for edge, value in asdict(step.source).items()} if step.source else {}
    )


def _patches_row(area: Patches) -> dict[str, Any]:
    return {"patch_height": area.height, "patch_width": area.width, "bitmap": area.bitmap}


def _csv_row(
    row: dict[str, Any], label: SoftLabel | None, classes: tuple[str, ...], options: TableOptions, dense: bool
) -> list[Any]:
    weights = smooth(label, len(classes), options.smoothing, options.smoothing_form) if label else []
    ranked: list[Any] = ["", "", ""] * 2
    if label is not None:
        first = row["label"]
        others = [(-weight, i) for i, weight in enumerate(weights) if i != first and weight > 0]
        ranked = [first, classes[first], repr(weights[first])]
        ranked += [min(others)[1], classes[min(others)[1]], repr(-min(others)[0])] if others else ["", "", ""]
    box: dict[str, Any] = next(
        (step for step in row["steps"] if step["kind"] == "paste" and step["y0"] is not None), {}
    )
    held = [step["slot"] for step in row["steps"] if step["kind"] != "fill"]
    partner = row["partners"][held[0]] if held and row["lam"] < 1 else ""
    facts = [repr(row["lam"]), row["op"], row["copy"], str(row["applied"]).lower(), row["source"], partner]
    shown = [row["file_name"], *ranked, *facts, *(box.get(edge, "") for edge in ("x0", "y0", "x1", "y1"))]
    return shown + ([repr(weight) for weight in weights] or [""] * len(classes) if dense else [])


def _read_table(path: Path, label_col: str | None) -> pa.Table:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path)
        texts = dict.fromkeys([*FILE_COLUMNS, "label", *([label_col] if label_col else [])], pa.string())
        options = pa_csv.ConvertOptions(column_types=texts, strings_can_be_null=True, null_values=[""])
        return pa_csv.read_csv(path, convert_options=options)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"label table {str(path)!r} cannot be read: {str(error).splitlines()[0]}") from error


def _label_table(
    table: pa.Table, path: Path, key_column: str, label_col: str | None, classes: tuple[str, ...] | None
) -> Labelling | None:
    names = table.column_names
    if label_col is not None and label_col not in names:
        raise InputError(f"{str(path)!r} has no column {label_col!r}; it has {', '.join(names)}")
    column = label_col or next((name for name in ("soft_label", "label") if name in names), None)
    shares = [name for name in names if name.startswith("p:")]
    if label_col is None and shares:
        return _label_by_columns(table, shares, tuple(name[2:] for name in shares), classes)
    if column is not None:
        return _label_by_column(table, path, column, classes)
    others = [name for name in names if name != key_column]
    numbers = [name for name in others if pa.types.is_floating(table.schema.field(name).type)]
    numbers += [name for name in others if pa.types.is_integer(table.schema.field(name).type)]
    if others and len(numbers) == len(others):
        return _label_by_columns(table, others, tuple(others), classes)
    return None


def _label_by_column(table: pa.Table, path: Path, column: str, classes: tuple[str, ...] | None) -> Labelling:
    values = table.column(column)
    if path.suffix.lower() not in (".parquet", ".pq"):
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return label_columns.label_texts(texts, classes)
    return label_columns.label_column(values, class_names(table.schema, column), classes)


def _label_by_columns(
    table: pa.Table, columns: list[str], names: tuple[str, ...], classes: tuple[str, ...] | None
) -> Labelling:
    if classes is not None and set(classes) != set(names):
        raise InputError(f"the weight columns {', '.join(names[:5])} are not the classes of --classes")
    order = classes or tuple(sorted(names))
    by_name = dict(zip(names, columns, strict=True))
    weights = [table.column(by_name[name]).to_pylist() for name in order]
    return label_columns.label_by_weights(zip(*weights, strict=True), order)


def _match_names(path: Path, keys: list[str], rows: dict[str, int], names: Sequence[str]) -> None:
    """Require one row for each image and one image for each row."""
    outside = [key for key in keys if key.startswith("/") or ".." in key.split("/")]
    if outside:
        raise InputError(
            f"{str(path)!r} names {outside[0]!r}; paths must be relative, below the table, without '..'"
        )
    if len(rows) < len(keys):
        raise InputError(f"{str(path)!r} names an image twice; leave one row for each")
    lost = sorted(set(keys).difference(names))
    if lost:
        raise InputError(
            f"{str(path)!r} names {lost[0]!r} ({len(lost)} such), which is not among the images; remove it"
        )
    unnamed = [name for name in names if name not in rows]
    if unnamed:
        raise InputError(
            f"{str(path)!r} has no row for {unnamed[0]!r} ({len(unnamed)} such); add it or move it away"
        )


def collect_failures(facts: Iterable[PartFacts]) -> list[Failure]:
    """Collect the failures of all parts, by key."""
    return sorted(
        (failure for fact in facts for failure in fact.failures), key=lambda failure: failure.source
    )


def write_failures(path: Path, failures: Sequence[Failure]) -> None:
    """Write `failures.jsonl`, one line for each sample that gave no output."""
    with writing(path) as part:
        part.write_bytes("".join(json.dumps(asdict(one), sort_keys=True) + "\n" for one in failures).encode())


def join_carried(pieces: Sequence[pa.Table | None], order: Sequence[int]) -> pa.Table | None:
    """Join carried columns of several runs and put their rows into an order."""
    held = [piece for piece in pieces if piece is not None]
    return pa.concat_tables(held).take(pa.array(order, pa.int64())) if held else None
