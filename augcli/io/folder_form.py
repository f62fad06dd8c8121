"""An output as a folder: images in class folders, with `labels.csv` and `metadata.parquet` beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augcli.errors import StorageError
from augcli.io import dataset_card, tables
from augcli.io.labels_csv import write_labels_csv
from augcli.io.outputs import part_path
from augcli.io.storage import TABLES, finish_part, make_directory, storage_errors, write_part, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from augcli.io.storage import Sink
    from augcli.io.tables import PartFacts, TableOptions


@dataclass(frozen=True, slots=True)
class FolderForm:
    """Images in class folders, with `labels.csv` and `metadata.parquet` beside them.

    Attributes:
        dst: Directory of the output.
        base: Directory of the split below it, "" or "train/"; names in tables are relative to it.
        options: What the tables depend on.
        features: Hugging Face's features of carried columns.
    """

    dst: Path
    base: str
    options: TableOptions
    features: dict[str, Any]

    def store(self, names: Sequence[str], images: Sequence[bytes]) -> list[bytes]:
        """Write images under their unfinished names, folder by folder."""
        root = f"{self.dst}/{self.base}"
        for name, data in sorted(zip(names, images, strict=True)):
            path = root + name
            try:
                write_part(path, data)
            except StorageError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                make_directory(Path(path).parent)
                write_part(path, data)
        return []

    def commit(self, chunk: str, rows: pa.Table, images: Sequence[bytes], facts: PartFacts) -> None:
        """Rename the chunk's images to their own names, then write its part file."""
        for name in rows.column("file_name").to_pylist():
            finish_part(f"{self.dst}/{self.base}{name}")
        tables.write_part(part_path(self.dst, chunk), rows, facts)

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give the images themselves."""
        return {self.base + name for name in file_names}

    def place(self, file_name: str) -> str:
        """Give the image itself."""
        return self.base + file_name

    def stands(self, part: Path, sizes: Mapping[str, int]) -> bool:
        """Whether all images stand, each as long as it was written: a power loss may cut them short.

        They are not synced one by one, which would take longer than all else.
        """
        rows = tables.read_part_rows(part, ["file_name", "bytes"]).to_pydict()
        places = zip(rows["file_name"], rows["bytes"], strict=True)
        return all(sizes.get(self.base + name) == length for name, length in places)

    def tables(self) -> list[str]:
        """Give both tables."""
        return [self.base + name for name in TABLES]

    def patterns(self, files: set[str]) -> list[str]:
        """Give the table and every depth and suffix of images that occurs."""
        below = [name[len(self.base) :] for name in files]
        images = {f"{'*/' if '/' in name else ''}*.{name.rsplit('.', 1)[1]}" for name in below}
        return [self.base + pattern for pattern in ["metadata.parquet", *sorted(images)]]

    def finish(self, parts: Sequence[Path], classes: tuple[str, ...] | None, sink: Sink = writing) -> None:
        """Write `metadata.parquet` and `labels.csv`."""
        root, names = self.dst / self.base, classes or ()
        none = tables.finish_rows(tables.read_part_rows(parts[0]).slice(0, 0), len(names), self.options)
        schema = dataset_card.describe(none.schema, names, self.features, self.options.describe())
        rows = (tables.read_part_rows(path) for path in parts)
        finished = (tables.finish_rows(part, len(names), self.options) for part in rows)
        tables.write_metadata(root / "metadata.parquet", finished, schema, sink)
        rows = (tables.read_part_rows(path) for path in parts)
        write_labels_csv(root / "labels.csv", rows, names, self.options, sink)

    @property
    def labels(self) -> str:
        """Nothing: there are no shards."""
        return ""

    def relabel(self, chunk: str, facts: PartFacts) -> PartFacts:
        """Do nothing: there are no shards."""
        return facts

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Do nothing: there are no shards."""

    def load(self, rows: pa.Table) -> Iterator[bytes]:
        """Read the images."""
        for name in rows.column("file_name").to_pylist():
            path = self.dst / f"{self.base}{name}"
            with storage_errors(f"cannot read {str(path)!r}"):
                yield path.read_bytes()
