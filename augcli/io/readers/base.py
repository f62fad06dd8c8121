"""What a reader of a data set gives: its splits as catalogues, and access to its samples' bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyarrow as pa

from augcli.io.readers import parquet
from augcli.io.readers.folder import FolderSamples
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue, RowGroup

if TYPE_CHECKING:
    from collections.abc import Sequence


ClassList: TypeAlias = "tuple[str, ...] | None"


class Samples(Protocol):
    """Access to the bytes of a chunk's samples."""

    def read(self, sample: int) -> tuple[bytes, str]:
        """Give a sample's encoded image and the name that its stem is made from."""

    def read_mask(self, sample: int) -> bytes:
        """Give a sample's encoded mask, where the data set has masks."""

    def release(self, sample: int) -> None:
        """Say that a sample is hardly read again, so that its memory can be used for others."""

    def carry(self, samples: Sequence[int]) -> Any:
        """Give the columns that are carried along, one row for each sample, or None."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of SRC is read, and how it is labelled; fields as in `Recipe` and `materialize`.

    `skip` is a directory that is never read, though a link may lead there: DST.
    """

    labels: Path | None = None
    classes: Path | None = None
    image_col: str | None = None
    label_col: str | None = None
    masks: str | None = None
    boxes: str | None = None
    links: bool = True
    skip: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An opened data set.

    Attributes:
        catalogues: One for each split, the name empty where there are no splits.
        layout: `folder` or `parquet`.
        has_class_folders: Whether folder outputs get a folder for each class.
        lies_in_class_folders: Whether the input's own directories bear class names.
        notes: What was passed over, in words.
        root: Directory that the keys of a folder lie below.
        groups: Row groups by split (parquet).
        shards: Shards by name (parquet).
        columns: What the shards hold (parquet).
        carried: Schema of the columns that are carried along (parquet).
        features: Hugging Face's features of the input's columns (parquet).
        annotated: What belongs to the images beside their labels.
    """

    catalogues: tuple[Catalogue, ...]
    layout: str
    has_class_folders: bool
    lies_in_class_folders: bool = False
    notes: tuple[str, ...] = ()
    root: Path = Path()
    groups: dict[str, list[RowGroup]] = field(default_factory=dict)
    shards: dict[str, parquet.Shard] = field(default_factory=dict)
    columns: parquet.Columns | None = None
    carried: pa.Schema = field(default_factory=lambda: pa.schema([]))
    features: dict[str, Any] = field(default_factory=dict)
    annotated: Annotated = field(default_factory=Annotated)

    def samples(self, catalogue: Catalogue, groups: Sequence[RowGroup], slices: int) -> Samples:
        """Open a chunk's samples for reading."""
        if self.columns is None:
            return FolderSamples(str(self.root), catalogue)
        return parquet.Rows(self.shards, groups, slices, self.columns, self.carried)
