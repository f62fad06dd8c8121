"""Which writer an output has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.io.writers.folder import FolderWriter
from augcli.io.writers.parquet import ParquetWriter

if TYPE_CHECKING:
    from pathlib import Path

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.writers.base import Writer
    from augcli.program.annotated import Annotated


def choose_writer(
    layout: str,
    dst: Path,
    split: str,
    classes: tuple[str, ...] | None,
    options: TableOptions,
    features: dict[str, Any],
    annotated: Annotated,
) -> Writer:
    """Return the writer of a split's outputs in DST; `features` are those of carried columns."""
    if layout == "folder":
        return FolderWriter(dst, f"{split}/" if split else "", options, features, annotated)
    return ParquetWriter(dst, split, classes, options, features, annotated)
