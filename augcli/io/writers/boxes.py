"""Boxes of outputs in the format that came in: one file for a split, or a file for each image."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from augcli.io.boxes.base import BOX_FILES, BoxFormat, box_formats
from augcli.io.records import part_files
from augcli.io.records.annotation_columns import BOX_BYTES, BOXED, boxed_images
from augcli.program.annotated import BoxHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from augcli.io.store.base import Sink, Store
    from augcli.io.writers.base import Fill
    from augcli.program.annotated import BoxedImage

IMAGES, MASKS, FOLDER = "images/", "masks/", f"{BOX_FILES}/"
"""Directories of images, masks and files of boxes of a folder whose images have masks or boxes: the same
names in each."""


@dataclass(frozen=True, slots=True)
class AnnotationFiles:
    """The files that hold the boxes of a split's outputs.

    Attributes:
        base: Directory of the split, "" or "train/".
        header: What is true of all boxes.
    """

    base: str
    header: BoxHeader

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Return the keys of the files that hold the boxes of single outputs."""
        return set(map(self._key, file_names)) if self.file_per_image else set()

    def tables(self) -> dict[str, Fill]:
        """Return the key of the file that holds the boxes of all outputs, and what fills it."""
        return {} if self.file_per_image else {self.base + self._document: self._fill}

    def commit(self, store: Store, rows: pa.Table) -> pa.Table:
        """Write the files of a chunk's outputs: whole, though not synced one by one, as images are not.

        Returns:
            The rows, with the lengths of these files.
        """
        if not self.file_per_image:
            return rows
        texts = dict(self._texts(rows))
        store.stage(list(texts), list(texts.values()))
        store.publish(list(texts))
        return rows.append_column(BOX_BYTES, pa.array(map(len, texts.values()), pa.int64()))

    def columns(self, known: Collection[str]) -> list[str]:
        """Return which of the known columns of a part file say whether the files of its outputs stand."""
        if not self.file_per_image:
            return []
        return ["file_name", BOX_BYTES] if BOX_BYTES in known else list(BOXED)

    def stand(self, rows: pa.Table, sizes: Mapping[str, int]) -> bool:
        """True if the files of these outputs stand, each as long as it was written."""
        if BOX_BYTES not in rows.column_names:
            return all(sizes.get(key) == len(text) for key, text in self._texts(rows))
        names, lengths = (rows.column(name).to_pylist() for name in ("file_name", BOX_BYTES))
        return [sizes.get(self._key(name), -1) for name in names] == lengths

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write the files of these outputs anew, wherever the sink leads."""
        for key, text in self._texts(rows):
            with sink.writing(key) as file:
                file.write(text)

    @property
    def file_per_image(self) -> bool:
        """True if each output has a file of its own."""
        return self._format.file_per_image

    @property
    def _format(self) -> BoxFormat:
        return box_formats()[self.header.box_format]

    @property
    def _document(self) -> str:
        """Name of the file that holds the boxes of all outputs."""
        return f"{BOX_FILES}{self._format.suffix}"

    @contextmanager
    def _fill(self, file: BinaryIO) -> Iterator[Callable[[pa.Table], None]]:
        """Write the boxes of all outputs; they are kept till then, since a COCO file lists images first."""
        packed: list[bytes] = []
        yield lambda rows: packed.append(part_files.pack_rows(rows.select(BOXED), "zstd"))

        pieces = map(boxed_images, map(part_files.unpack_rows, packed))
        self._format.write(file, self.header, map(_shorten, chain.from_iterable(pieces)))

    def _texts(self, rows: pa.Table) -> Iterator[tuple[str, bytes]]:
        """Yield each output's own file below DST and what it holds."""
        for image in boxed_images(rows) if self.file_per_image else ():
            text = io.BytesIO()
            self._format.write(text, self.header, [_shorten(image)])
            yield self._key(image.file_name), text.getvalue()

    def _key(self, file_name: str) -> str:
        """Return where an output's own file lies."""
        return f"{self.base}{FOLDER}{below_images(file_name).rsplit('.', 1)[0]}{self._format.suffix}"


def below_images(file_name: str) -> str:
    """Return a name of a part file as files of boxes have it: without `images/`, without a shard's name."""
    return file_name.split("/", 1)[1]


def mask_name(file_name: str) -> str:
    """Return the name of the mask beside an image: the same below `masks/`, as PNG."""
    return f"{MASKS}{below_images(file_name).rsplit('.', 1)[0]}.png"


def _shorten(image: BoxedImage) -> BoxedImage:
    return image._replace(file_name=below_images(image.file_name))
