"""An output as a folder: images in class folders, with `labels.csv` and `metadata.parquet` beside them.

Where images have masks or boxes, the class folders stand below `images/`, and masks and XML below directories
of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from augcli.errors import StorageError
from augcli.io import hugging_face
from augcli.io.records import label_columns, part_files
from augcli.io.records.annotation_columns import MASK
from augcli.io.records.part_files import part_path
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import make_directory, publish, stage, writing
from augcli.io.store.names import TABLES
from augcli.io.writers.base import Pair
from augcli.io.writers.boxes import IMAGES, AnnotationFiles, mask_name
from augcli.io.writers.labels_csv import write_labels_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.local import Sink
    from augcli.program.annotated import Annotated


@dataclass(frozen=True, slots=True)
class FolderWriter:
    """Images in class folders, with `labels.csv` and `metadata.parquet` beside them.

    Attributes:
        dst: Directory of the output.
        base: Directory of the split below it, "" or "train/"; names in tables are relative to it.
        options: What the tables depend on.
        features: Hugging Face's features of carried columns.
        annotated: What belongs to the images beside their labels.
    """

    dst: Path
    base: str
    options: TableOptions
    features: dict[str, Any]
    annotated: Annotated

    @property
    def images(self) -> str:
        """The directory of its own that images have beside those of masks or boxes."""
        return IMAGES if self.annotated else ""

    def store(self, names: Sequence[str], pairs: Sequence[Pair]) -> list[Pair]:
        """Write images and masks under their unfinished names, folder by folder."""
        root = f"{self.dst}/{self.base}"
        for name, pair in sorted(zip(names, pairs, strict=True)):
            _write(root + name, pair.image)
            if self.annotated.masks:
                _write(root + mask_name(name), pair.mask)
        return []

    def commit(self, chunk: str, rows: pa.Table, pairs: Sequence[Pair], facts: PartFacts) -> None:
        """Rename the chunk's images and masks to their own names, then write its part file."""
        for name in rows.column("file_name").to_pylist():
            publish(f"{self.dst}/{self.base}{name}")
            if self.annotated.masks:
                publish(f"{self.dst}/{self.base}{mask_name(name)}")
        if self._boxes:
            self._boxes.commit(rows)
        part_files.write_part_file(part_path(self.dst, chunk), rows, facts)

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give images, masks, and single files of boxes."""
        names = list(file_names)
        held = {self.base + name for name in names}
        if self.annotated.masks:
            held |= {self.base + mask_name(name) for name in names}
        return held | self._boxes.files(names) if self._boxes else held

    def place(self, file_name: str) -> str:
        """Give the image itself."""
        return self.base + file_name

    def stands(self, part: Path, sizes: Mapping[str, int]) -> bool:
        """Whether all files stand, each as long as it was written: a power loss may cut them short.

        They are not synced one by one, which would take longer than all else.
        """
        needed = ["file_name", "bytes", *[MASK] * self.annotated.masks]
        rows = part_files.read_part_rows(part, None if self._boxes and self._boxes.file_per_image else needed)
        names = rows.column("file_name").to_pylist()
        places = zip(names, rows.column("bytes").to_pylist(), strict=True)
        stand = all(sizes.get(self.base + name) == length for name, length in places)
        if stand and self.annotated.masks:
            masks = zip(names, rows.column(MASK).to_pylist(), strict=True)
            stand = all(sizes.get(self.base + mask_name(name)) == mask["bytes"] for name, mask in masks)
        return stand and (self._boxes is None or self._boxes.stand(rows, sizes))

    def tables(self) -> list[str]:
        """Give both tables, and the one file of all boxes where there is one."""
        held = [self.base + name for name in TABLES]
        return held + self._boxes.documents() if self._boxes else held

    def patterns(self, files: set[str]) -> list[str]:
        """Give the table and every depth and suffix of images and masks that occurs."""
        below = [name[len(self.base) :] for name in files if not name.endswith(".xml")]
        images = {f"{self._above(name)}*.{name.rsplit('.', 1)[1]}" for name in below}
        return [self.base + pattern for pattern in ["metadata.parquet", *sorted(images)]]

    def finish(self, parts: Sequence[Path], classes: tuple[str, ...] | None, sink: Sink = writing) -> None:
        """Write `metadata.parquet`, `labels.csv`, and the one file of all boxes where there is one."""
        root, names = self.dst / self.base, classes or ()
        none = self._finish_rows(part_files.read_part_rows(parts[0]).slice(0, 0), len(names))
        schema = hugging_face.describe(none.schema, names, self.features, self.options.describe())
        rows = (part_files.read_part_rows(path) for path in parts)
        finished = (self._finish_rows(part, len(names)) for part in rows)
        part_files.write_metadata(root / "metadata.parquet", finished, schema, sink)
        rows = (part_files.read_part_rows(path) for path in parts)
        write_labels_csv(root / "labels.csv", rows, names, self.options, sink)
        if self._boxes:
            self._boxes.finish(parts, sink)

    @property
    def labels(self) -> str:
        """Nothing: there are no shards."""
        return ""

    def relabel(self, chunk: str, facts: PartFacts) -> PartFacts:
        """Do nothing: there are no shards."""
        return facts

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write single files of boxes anew; there are no shards."""
        if self._boxes:
            self._boxes.rewrite(rows, sink)

    def load(self, rows: pa.Table) -> Iterator[Pair]:
        """Read images and masks."""
        for name in rows.column("file_name").to_pylist():
            yield Pair(self._read(name), self._read(mask_name(name)) if self.annotated.masks else b"")

    @property
    def _boxes(self) -> AnnotationFiles | None:
        header = self.annotated.boxes
        return None if header is None else AnnotationFiles(self.dst, self.base, header)

    def _read(self, name: str) -> bytes:
        path = self.dst / f"{self.base}{name}"
        with storage_errors(f"cannot read {str(path)!r}"):
            return path.read_bytes()

    def _above(self, name: str) -> str:
        """Give the pattern of the directories above an image or mask."""
        parts = name.split("/")[:-1]
        fixed = parts[0] + "/" if self.annotated else ""
        return fixed + "*/" * (len(parts) - bool(fixed))

    def _finish_rows(self, rows: pa.Table, classes: int) -> pa.Table:
        """Give rows as the table has them, with the masks' names where there are some."""
        finished = label_columns.finish_rows(rows, classes, self.options)
        if not self.annotated.masks:
            return finished
        masks = [mask_name(name) for name in finished.column("file_name").to_pylist()]
        return finished.add_column(1, "mask_file_name", pa.array(masks, pa.string()))


def _write(path: str, data: bytes) -> None:
    """Write a file under its unfinished name, and make its directory where there is none."""
    try:
        stage(path, data)
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        make_directory(Path(path).parent)
        stage(path, data)
