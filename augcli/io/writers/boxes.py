"""Boxes of outputs in the format that came in: one file for a split, or a file for each image."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augcli.errors import OutputError
from augcli.io.boxes.base import BOX_FORMATS, BoxFormat
from augcli.io.records import part_files
from augcli.io.records.annotation_columns import boxed_images
from augcli.io.store.local import make_directory, publish, stage, writing
from augcli.io.store.names import RECIPE
from augcli.program.annotated import Annotated, BoxHeader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from augcli.io.store.local import Sink
    from augcli.program.annotated import BoxedImage

IMAGES, MASKS, FOLDER = "images/", "masks/", "annotations/"
"""Directories of images, masks and files of boxes of a folder whose images have masks or boxes: the same
names in each."""

STEM = "annotations"
"""Name of the one file of all boxes, before the suffix of its format."""


@dataclass(frozen=True, slots=True)
class AnnotationFiles:
    """The files that hold the boxes of a split's outputs.

    Attributes:
        dst: Directory of the output.
        base: Directory of the split below it, "" or "train/".
        header: What is true of all boxes.
    """

    dst: Path
    base: str
    header: BoxHeader

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give the files below DST that hold the boxes of single outputs."""
        return {self.base + self._place(name) for name in file_names} if self.file_per_image else set()

    def documents(self) -> list[str]:
        """Give the files below DST that hold the boxes of all outputs."""
        return [] if self.file_per_image else [self.base + self._document]

    def commit(self, rows: pa.Table) -> None:
        """Write the files of a chunk's outputs: whole, though not synced one by one, as images are not."""
        for name, text in self._texts(rows):
            path = f"{self.dst}/{name}"
            make_directory(Path(path).parent)
            stage(path, text)
            publish(path)

    def stand(self, rows: pa.Table, sizes: Mapping[str, int]) -> bool:
        """Whether the files of these outputs stand, each as long as it was written."""
        return all(sizes.get(name) == len(text) for name, text in self._texts(rows))

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write the files of these outputs anew, wherever the sink leads."""
        for name, text in self._texts(rows):
            with sink(self.dst / name) as file:
                file.write(text)

    def finish(self, parts: Sequence[Path], sink: Sink = writing) -> None:
        """Write the boxes of all outputs from the part files of their chunks."""
        if self.file_per_image:
            return

        def images() -> Iterator[BoxedImage]:
            for part in parts:
                yield from map(_shorten, boxed_images(part_files.read_part_rows(part)))

        with sink(self.dst / self.base / self._document) as file:
            self._format.write(file, self.header, images)

    @property
    def file_per_image(self) -> bool:
        """True if each output has a file of its own."""
        return self._format.file_per_image

    @property
    def _format(self) -> BoxFormat:
        return BOX_FORMATS[self.header.box_format]

    @property
    def _document(self) -> str:
        """Name of the file that holds the boxes of all outputs."""
        return f"{STEM}{self._format.suffix}"

    def _texts(self, rows: pa.Table) -> Iterator[tuple[str, bytes]]:
        """Yield each output's own file below DST and what it holds."""
        for image in boxed_images(rows) if self.file_per_image else ():
            text = io.BytesIO()
            self._format.write(text, self.header, partial(iter, [_shorten(image)]))
            yield self.base + self._place(image.file_name), text.getvalue()

    def _place(self, file_name: str) -> str:
        """Give an output's own file below the split."""
        return f"{FOLDER}{below_images(file_name).rsplit('.', 1)[0]}{self._format.suffix}"


def describe_annotated(annotated: Annotated) -> dict[str, Any]:
    """Give what belongs to the images of an output as plain data, as `augcli.json` holds it."""
    header = annotated.boxes
    boxes = header and {"form": header.box_format, "names": list(header.names), "keys": header.keys}
    return {"boxes": boxes, "masks": annotated.masks}


def read_annotated(dst: Path) -> Annotated:
    """Read from an output's `augcli.json` what belongs to its images.

    Raises:
        OutputError: If it is damaged.
    """
    try:
        held = json.loads((dst / RECIPE).read_text("utf-8")).get("annotations", {})
        boxes = held.get("boxes")
        header = BoxHeader(boxes["form"], tuple(boxes["names"]), dict(boxes["keys"])) if boxes else None
        if header and (
            header.box_format not in BOX_FORMATS or not all(isinstance(one, str) for one in header.names)
        ):
            raise ValueError("it names no boxes that we know")
        return Annotated(header, held.get("masks") is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OutputError(f"{str(dst / RECIPE)!r} is damaged; run the command again") from error


def below_images(file_name: str) -> str:
    """Give a name of a part file as files of boxes have it: without `images/`, without a shard's name."""
    return file_name.split("/", 1)[1]


def mask_name(file_name: str) -> str:
    """Give the name of the mask beside an image: the same below `masks/`, as PNG."""
    return f"{MASKS}{below_images(file_name).rsplit('.', 1)[0]}.png"


def _shorten(image: BoxedImage) -> BoxedImage:
    return image._replace(file_name=below_images(image.file_name))
