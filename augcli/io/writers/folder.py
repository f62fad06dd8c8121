"""An output as a folder: images in class folders, with `labels.csv` and `metadata.parquet` beside them.

Where images have masks or boxes, the class folders stand below `images/`, and masks and XML below directories
of their own.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from augcli.io.records import label_columns, part_files
from augcli.io.records.annotation_columns import MASK
from augcli.io.store.base import full_name
from augcli.io.store.errors import storage_error
from augcli.io.writers.base import Pair, SplitWriter
from augcli.io.writers.boxes import IMAGES, AnnotationFiles, mask_name
from augcli.io.writers.labels_csv import fill_labels_csv
from augcli.io.writers.metadata import fill_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Part
    from augcli.io.store.base import Sink, Store
    from augcli.io.writers.base import Fill

READ_TOGETHER = 32
"""Images that are read at once to be checked."""


@dataclass(frozen=True, slots=True)
class FolderWriter(SplitWriter):
    """Images in class folders, with `labels.csv` and `metadata.parquet` beside them."""

    def name(self, folder: str, stem: str, rest: str) -> str:
        """Return the name of an image; beside masks or boxes images have a directory of their own."""
        return f"{IMAGES if self.annotated else ''}{folder}{stem}{rest}"

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> Sequence[Any]:
        """Write images and masks under unfinished names, which rows tell."""
        data = [pair.image for pair in pairs]
        if self.annotated.masks:
            data += [pair.mask for pair in pairs]
        self.store.stage(self._keys(names), data)
        return []

    def commit(self, chunk: str, rows: pa.Table, staged: Sequence[Any], facts: PartFacts) -> None:
        """Publish the chunk's images and masks, then write its part file."""
        self.store.publish(self._keys(rows.column("file_name").to_pylist()))
        if self._boxes:
            rows = self._boxes.commit(self.store, rows)
        part_files.write_part_file(self.store, chunk, rows, facts)

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Return the keys of images, masks, and single files of boxes."""
        names = list(file_names)
        keys = set(self._keys(names))
        return keys | self._boxes.files(names) if self._boxes else keys

    def place(self, file_name: str) -> str:
        """Return the key of the image itself."""
        return self._base + file_name

    def stands(self, part: Part, sizes: Mapping[str, int]) -> bool:
        """True if all files stand, each as long as it was written: a power loss may cut them short.

        They are not synced one by one, which would take longer than all else.
        """
        boxed = self._boxes.columns(part.columns) if self._boxes else []
        needed = ["file_name", "bytes", *[MASK] * self.annotated.masks, *boxed]
        rows = part.rows(list(dict.fromkeys(needed)))
        names, lengths = (rows.column(name).to_numpy().tolist() for name in ("file_name", "bytes"))
        if self.annotated.masks:
            lengths += [mask["bytes"] for mask in rows.column(MASK).to_pylist()]
        stand = list(map(sizes.get, self._keys(names))) == lengths
        return stand and (self._boxes is None or self._boxes.stand(rows, sizes))

    def load(self, rows: pa.Table, picked: Sequence[int] | None = None) -> Iterator[Pair]:
        """Read images and masks."""
        rows = rows if picked is None else rows.take(pa.array(picked, pa.int64()))
        names = rows.column("file_name").to_pylist()
        for start in range(0, len(names), READ_TOGETHER):
            together = names[start : start + READ_TOGETHER]
            data = _read_all(self.store, self._keys(together))
            masks = data[len(together) :] or [b""] * len(together)
            yield from map(Pair, data, masks)

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write single files of boxes anew; images and masks hold nothing that rows say."""
        if self._boxes:
            self._boxes.rewrite(rows, sink)

    def tables(self) -> Mapping[str, Fill]:
        """Return both tables, and the one file of all boxes where there is one."""
        classes, options = self.classes or (), self.options
        finish_rows = partial(
            _finish_rows, classes=len(classes), options=options, has_masks=self.annotated.masks
        )
        known: dict[str, Any] = {"classes": classes, "features": self.features, "options": options}
        tables: dict[str, Fill] = {
            f"{self._base}metadata.parquet": partial(fill_metadata, finish_rows=finish_rows, **known),
            f"{self._base}labels.csv": partial(fill_labels_csv, classes=classes, options=options),
        }
        return tables | self._boxes.tables() if self._boxes else tables

    def patterns(self, files: set[str]) -> list[str]:
        """Return the table and every depth and suffix of images and masks that occurs."""
        below = [name[len(self._base) :] for name in files if not name.endswith(".xml")]
        is_annotated = bool(self.annotated)
        images = {f"{_directories(name, is_annotated)}*.{name.rsplit('.', 1)[1]}" for name in below}
        return [self._base + pattern for pattern in ["metadata.parquet", *sorted(images)]]

    @property
    def _base(self) -> str:
        """Directory of the split; names in its tables are relative to it."""
        return f"{self.split}/" if self.split else ""

    @property
    def _boxes(self) -> AnnotationFiles | None:
        header = self.annotated.boxes
        return None if header is None else AnnotationFiles(self._base, header)

    def _keys(self, names: Sequence[str]) -> list[str]:
        """Return the keys of images, and behind them the keys of their masks where they have masks."""
        base = self._base
        masks = [base + mask_name(name) for name in names] if self.annotated.masks else []
        return [*(base + name for name in names), *masks]


def _read_all(store: Store, keys: Sequence[str]) -> list[bytes]:
    """Read files that must exist."""
    data = store.read(keys)
    for key, content in zip(keys, data, strict=True):
        if content is None:
            name = full_name(store, key)
            gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
            raise storage_error(f"cannot read {name!r}", gone) from gone
    return [content for content in data if content is not None]


def _directories(name: str, is_annotated: bool) -> str:
    """Return the pattern of the directories of an image or mask."""
    parts = name.split("/")[:-1]
    fixed = parts[0] + "/" if is_annotated else ""
    return fixed + "*/" * (len(parts) - bool(fixed))


def _finish_rows(rows: pa.Table, classes: int, options: TableOptions, has_masks: bool) -> pa.Table:
    """Return rows as the table has them, with the masks' names where there are some."""
    finished = label_columns.finish_rows(rows, classes, options)
    if not has_masks:
        return finished
    masks = [mask_name(name) for name in finished.column("file_name").to_pylist()]
    return finished.add_column(1, "mask_file_name", pa.array(masks, pa.string()))
