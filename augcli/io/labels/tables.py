"""Tables that label the images of a folder: CSV or parquet, ours, Hugging Face's or the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from augcli.errors import InputError, StorageError
from augcli.io.hugging_face import read_class_names
from augcli.io.labels.columns import Labelling, check_weights, label_by_column, label_by_weights, label_texts
from augcli.io.store.arrow_files import DAMAGE, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.locations import Location


FILE_COLUMNS = ("file_name", "path", "filename")
PARQUET_SUFFIXES = (".parquet", ".pq")


def read_label_table(
    file: Location,
    names: Sequence[str],
    label_col: str | None,
    classes: tuple[str, ...] | None,
    must_label: bool,
) -> Labelling | None:
    """Label images by a CSV or parquet table.

    Args:
        file: Table with `file_name` (also `path`, `filename`), and `soft_label`, `label`, columns
            `p:<class>`, or nothing but one weight column for each class.
        names: The images to label, below the table.
        label_col: Column of the labels.
        classes: The class list; None takes the table's.
        must_label: Whether the table is there to label: then plain numbers are weights, and a table
            without labels is an error.

    Returns:
        The images' labels; None where the table has none and need not.

    Raises:
        InputError: If table and images do not match one to one, or a label is not accepted.
    """
    table = _read_table(file, label_col)
    key_column = next((name for name in FILE_COLUMNS if name in table.column_names), None)
    if key_column is None:
        raise InputError(f"{file.name!r} has no column file_name; it has {', '.join(table.column_names)}")
    keys = [str(key) for key in table.column(key_column).to_pylist()]
    labelling = _label_table(table, file, label_col, classes)
    if labelling is None and must_label:
        labelling = _label_by_numbers(table, file, key_column, classes)
    if labelling is None:
        return None
    rows = {key: row for row, key in enumerate(keys)}
    _match_names(file, keys, rows, names)
    return Labelling([labelling.labels[rows[name]] for name in names], labelling.classes)


def read_mask_names(file: Location) -> dict[str, str]:
    """Read which file is the mask of which image from a table of ours; empty where it names none.

    Raises:
        InputError: If the table cannot be read.
    """
    table = _read_table(file, None)
    if not {"file_name", "mask_file_name"} <= set(table.column_names):
        return {}
    images, masks = (table.column(name).to_pylist() for name in ("file_name", "mask_file_name"))
    return {str(image): str(mask) for image, mask in zip(images, masks, strict=True) if mask}


def _read_table(file: Location, label_col: str | None) -> pa.Table:
    """Read the whole table, texts checked; refuse columns that bear one name."""
    try:
        table = _parse(file, label_col)
        table.validate(full=True)
        names = table.column_names
    except DAMAGE as error:
        raise InputError(f"label table {file.name!r} cannot be read: {first_line(error)}") from error
    except StorageError as error:  # it cannot be opened
        reason = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise InputError(f"label table {file.name!r} cannot be read: {first_line(reason)}") from error
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{file.name!r} has two columns {twice!r}; leave one")
    return table


def _parse(file: Location, label_col: str | None) -> pa.Table:
    with file.store.open(file.key) as opened:
        if _is_parquet(file):
            with pq.ParquetFile(opened, pre_buffer=False) as parquet:
                return parquet.read(use_threads=False)
        texts = dict.fromkeys([*FILE_COLUMNS, "label", *([label_col] if label_col else [])], pa.string())
        options = pa_csv.ConvertOptions(column_types=texts, strings_can_be_null=True, null_values=[""])
        return pa_csv.read_csv(opened, convert_options=options)


def _is_parquet(file: Location) -> bool:
    return file.name.lower().endswith(PARQUET_SUFFIXES)


def _label_table(
    table: pa.Table, file: Location, label_col: str | None, classes: tuple[str, ...] | None
) -> Labelling | None:
    names = table.column_names
    if label_col is not None and label_col not in names:
        raise InputError(f"{file.name!r} has no column {label_col!r}; it has {', '.join(names)}")
    column = label_col or next((name for name in ("soft_label", "label") if name in names), None)
    shares = [name for name in names if name.startswith("p:")]
    if label_col is None and shares:
        return _label_by_columns(table, shares, tuple(name[2:] for name in shares), classes)
    if column is not None:
        return _label_by_column(table, file, column, classes)
    return None


def _label_by_numbers(
    table: pa.Table, file: Location, key_column: str, classes: tuple[str, ...] | None
) -> Labelling:
    """Read a table of nothing but numbers beside the names as one weight column for each class."""
    others = [name for name in table.column_names if name != key_column]
    kinds = [table.schema.field(name).type for name in others]
    if not others or not all(pa.types.is_floating(kind) or pa.types.is_integer(kind) for kind in kinds):
        raise InputError(f"{file.name!r} has no column label and no column of weights; give --label-col")
    return _label_by_columns(table, others, tuple(others), classes)


def _label_by_column(
    table: pa.Table, file: Location, column: str, classes: tuple[str, ...] | None
) -> Labelling:
    values = table.column(column)
    if not _is_parquet(file):
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return label_texts(texts, classes)
    return label_by_column(values, read_class_names(table.schema, column), classes)


def _label_by_columns(
    table: pa.Table, columns: list[str], names: tuple[str, ...], classes: tuple[str, ...] | None
) -> Labelling:
    if classes is not None and set(classes) != set(names):
        raise InputError(f"the weight columns {', '.join(names[:5])} are not the classes of --classes")
    for column in columns:
        check_weights(table.schema.field(column).type, f"column {column!r}")
    if not all(names):
        raise InputError("a column of weights names no class; write p:<class>")
    order = classes or tuple(sorted(names))
    by_name = dict(zip(names, columns, strict=True))
    weights = [table.column(by_name[name]).to_pylist() for name in order]
    return label_by_weights(zip(*weights, strict=True), order)


def _match_names(file: Location, keys: list[str], rows: dict[str, int], names: Sequence[str]) -> None:
    """Require one row for each image and one image for each row."""
    outside = [key for key in keys if key.startswith("/") or ".." in key.split("/")]
    if outside:
        raise InputError(
            f"{file.name!r} names {outside[0]!r}; paths must be relative, below the table, without '..'"
        )
    if len(rows) < len(keys):
        raise InputError(f"{file.name!r} names an image twice; leave one row for each")
    lost = sorted(set(keys).difference(names))
    if lost:
        raise InputError(
            f"{file.name!r} names {lost[0]!r} ({len(lost)} such), which is not among the images; remove it"
        )
    unnamed = [name for name in names if name not in rows]
    if unnamed:
        raise InputError(
            f"{file.name!r} has no row for {unnamed[0]!r} ({len(unnamed)} such); add it or move it away"
        )
