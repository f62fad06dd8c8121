"""An output as YOLO has it: images below `images/`, their labels below `labels/`, and a `data.yaml`.

Tables stand beside the images of each split: programs for YOLO take files with suffixes of images alone, and
a table at the root would give every split all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from augcli.io.boxes.yolo import has_line, write_labels
from augcli.io.boxes.yolo_yaml import write_yaml
from augcli.io.records import label_columns
from augcli.io.records.annotation_columns import BOXES, boxed_images
from augcli.io.split_words import find_words
from augcli.io.store.names import YOLO_IMAGES, YOLO_LABELS
from augcli.io.writers.boxes import AnnotationFiles
from augcli.io.writers.folder import FolderWriter
from augcli.io.writers.labels_csv import fill_labels_csv
from augcli.io.writers.metadata import fill_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.writers.base import Fill
    from augcli.program.annotated import Annotated

TRAIN = "train"
"""Directory of the images where there are no splits."""

YAML_SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""Keys of `data.yaml` by the split that a word means."""

BOX_COLUMNS = {
    "box_visibility": pa.float64(),
    "box_weight": pa.float64(),
    "box_source": pa.string(),
}
"""Facts that labels have no place for: lists in `metadata.parquet`, a value for each line of the labels."""


@dataclass(frozen=True, slots=True)
class LabelFiles(AnnotationFiles):
    """The label files of a split's outputs; `base` is the directory of the split below `labels/`."""

    @property
    def file_per_image(self) -> bool:
        """True: each output has a label file, though it be empty."""
        return True

    def _texts(self, rows: pa.Table) -> Iterator[tuple[str, bytes]]:
        """Yield each output's label file and what it holds."""
        for image in boxed_images(rows):
            yield self._key(image.file_name), write_labels(image, self.header)

    def _key(self, file_name: str) -> str:
        """Return where the label file of an output lies."""
        return f"{YOLO_LABELS}{self.base}{file_name.rpartition('.')[0]}.txt"


@dataclass(frozen=True, slots=True)
class YoloWriter(FolderWriter):
    """Images, their labels, and two tables beside the images; fields as a `FolderWriter` has them."""

    def name(self, folder: str, stem: str, rest: str) -> str:
        """Return the name of an image: there are no folders of classes."""
        return f"{stem}{rest}"

    def tables(self) -> Mapping[str, Fill]:
        """Return both tables."""
        classes, options = self.classes or (), self.options
        finish_rows = partial(_finish_rows, classes=len(classes), options=options)
        known: dict[str, Any] = {"classes": classes, "features": self.features, "options": options}
        return {
            f"{self._base}metadata.parquet": partial(fill_metadata, finish_rows=finish_rows, **known),
            f"{self._base}labels.csv": partial(fill_labels_csv, classes=classes, options=options),
        }

    def patterns(self, files: set[str]) -> list[str]:
        """Return the table, and the suffixes of images that occur."""
        suffixes = {name.rpartition(".")[2] for name in files if name.startswith(YOLO_IMAGES)}
        return [f"{self._base}{name}" for name in ["metadata.parquet", *(f"*.{s}" for s in sorted(suffixes))]]

    @property
    def _split(self) -> str:
        return f"{self.split or TRAIN}/"

    @property
    def _base(self) -> str:
        """Directory of the images of the split; names in its tables are relative to it."""
        return f"{YOLO_IMAGES}{self._split}"

    @property
    def _boxes(self) -> AnnotationFiles | None:
        header = self.annotated.boxes
        return None if header is None else LabelFiles(self._split, header)


def _finish_rows(rows: pa.Table, classes: int, options: TableOptions) -> pa.Table:
    """Return rows as the table has them, with the facts that labels have no place for."""
    finished = label_columns.finish_rows(rows, classes, options)
    lists = rows.column(BOXES).combine_chunks()
    boxes = lists.flatten()
    kept = [has_line(extra) for extra in boxes.field("extra").to_pylist()]
    ends = [0, *accumulate(map(int, kept))]
    first = [0, *accumulate(lists.value_lengths().fill_null(0).to_pylist())]
    offsets = pa.array([ends[place] for place in first], pa.int32())
    for (name, kind), value in zip(BOX_COLUMNS.items(), ("visibility", "weight", "source"), strict=True):
        values = boxes.field(value).filter(pa.array(kept, pa.bool_()))
        finished = finished.append_column(name, pa.ListArray.from_arrays(offsets, values.cast(kind)))
    return finished


def describe_data(splits: Mapping[str, Mapping[str, int]], annotated: Annotated | None) -> str:
    """Return the text of `data.yaml`.

    It has no `path`: Ultralytics takes its own directory then, but for `.` the current one.

    Args:
        splits: Of each split the rows of each chunk. Programs for YOLO want images to train with and images
            to validate with: where one of both is missing, those of the first split stand for it.
        annotated: What belongs to the images.
    """
    header = annotated.boxes if annotated else None
    places: dict[str, list[str]] = {}
    for split in (split for split, chunks in splits.items() if any(chunks.values())):
        words = find_words(split) or (TRAIN,)
        places.setdefault(YAML_SPLITS[words[0]], []).append(f"{YOLO_IMAGES}{split or TRAIN}")
    first = next(iter(places.values()), [f"{YOLO_IMAGES}{TRAIN}"])
    values: dict[str, Any] = {}
    for key in ("train", "val", "test"):
        directories = places.get(key, first if key != "test" else [])
        if directories:
            values[key] = directories[0] if len(directories) == 1 else directories
    names = header.names if header else ()
    values |= {"nc": len(names), "names": dict(enumerate(names))}
    keys = header.keys if header else {}
    said = {key: keys[key] for key in ("kpt_shape", "flip_idx", "channels") if key in keys}
    return write_yaml(values | said)
