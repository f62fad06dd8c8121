"""The writers of outputs by the name of their layout, as `--format` has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augcli.io.records.label_columns import TableOptions
    from augcli.io.store.base import Store
    from augcli.io.writers.base import Writer
    from augcli.program.annotated import Annotated


@dataclass(frozen=True, slots=True)
class Layout:
    """A way in which outputs lie on disk.

    Attributes:
        make: Makes the writer of a split from what `choose_writer` is given. Packages that take long to load
            are imported in there: the command line reads the names of all layouts.
        has_class_folders: Whether images get a folder for each class, where those of the input have.
        rows: What holds a row for each image, in words.
    """

    make: Callable[..., Writer]
    has_class_folders: bool
    rows: str


def _folder(*arguments: Any) -> Writer:
    from augcli.io.writers.folder import FolderWriter

    return FolderWriter(*arguments)


def _parquet(*arguments: Any) -> Writer:
    from augcli.io.writers.parquet import ParquetWriter

    return ParquetWriter(*arguments)


WRITERS = {
    "folder": Layout(_folder, has_class_folders=True, rows="labels.csv and metadata.parquet"),
    "parquet": Layout(_parquet, has_class_folders=False, rows="the parquet shards"),
}


def choose_writer(
    layout: str,
    store: Store,
    split: str,
    classes: tuple[str, ...] | None,
    options: TableOptions,
    features: dict[str, Any],
    annotated: Annotated,
) -> Writer:
    """Return the writer of a split's outputs; `features` are Hugging Face's, of carried columns."""
    return WRITERS[layout].make(store, split, classes, options, features, annotated)
