"""The writers of outputs by the name of their layout, as `--format` has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli.io.store.names import DATA_YAML, INDEX

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
        has_class_folders: Whether images get a folder for each class, where the input has such folders.
        rows: What holds a row for each image, in words.
        is_sharded: Whether part files put the shard that holds an output before its name.
        is_numbered: Whether shards are numbered by the names of their chunks, all as long as each other.
        has_one_suffix: Whether all images of an output must be JPEG, or all PNG.
        needs_boxes: Whether it holds images with boxes alone, without masks.
        loses_weights: Whether its files of boxes have no place for weights.
        index: Name of the file that tells where the images or shards of all splits are; empty where there is
            none.
        describe_index: Returns its text, given of each split the rows of each chunk by the chunk's name, and
            what belongs to the images.
    """

    make: Callable[..., Writer]
    has_class_folders: bool
    rows: str
    is_sharded: bool = False
    is_numbered: bool = False
    has_one_suffix: bool = False
    needs_boxes: bool = False
    loses_weights: bool = False
    index: str = ""
    describe_index: Callable[[Mapping[str, Mapping[str, int]], Annotated | None], str] = (
        lambda splits, annotated: ""
    )


def _folder(*arguments: Any) -> Writer:
    from augcli.io.writers.folder import FolderWriter

    return FolderWriter(*arguments)


def _parquet(*arguments: Any) -> Writer:
    from augcli.io.writers.parquet import ParquetWriter

    return ParquetWriter(*arguments)


def _webdataset(*arguments: Any) -> Writer:
    from augcli.io.writers.webdataset import WebdatasetWriter

    return WebdatasetWriter(*arguments)


def _webdataset_index(splits: Mapping[str, Mapping[str, int]], annotated: Annotated | None) -> str:
    from augcli.io.writers.webdataset import describe_index

    return describe_index(splits)


def _yolo(*arguments: Any) -> Writer:
    from augcli.io.writers.yolo import YoloWriter

    return YoloWriter(*arguments)


def _yolo_index(splits: Mapping[str, Mapping[str, int]], annotated: Annotated | None) -> str:
    from augcli.io.writers.yolo import describe_data

    return describe_data(splits, annotated)


WRITERS = {
    "folder": Layout(_folder, has_class_folders=True, rows="labels.csv and metadata.parquet"),
    "parquet": Layout(_parquet, has_class_folders=False, rows="the parquet shards", is_sharded=True),
    "webdataset": Layout(
        _webdataset,
        has_class_folders=False,
        rows="the hidden part files, `.augcli-*.parquet`",
        is_sharded=True,
        is_numbered=True,
        has_one_suffix=True,
        index=INDEX,
        describe_index=_webdataset_index,
    ),
    "yolo": Layout(
        _yolo,
        has_class_folders=False,
        rows="labels.csv and metadata.parquet beside the images",
        needs_boxes=True,
        loses_weights=True,
        index=DATA_YAML,
        describe_index=_yolo_index,
    ),
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
