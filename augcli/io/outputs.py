"""The two forms of an output on disk: a folder of images, or parquet shards; each commits by part file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import OutputError, StorageError
from augcli.io import dataset_card, tables
from augcli.io.arrow_files import DAMAGE, open_file
from augcli.io.labels_csv import write_labels_csv
from augcli.io.storage import (
    PART_SUFFIX,
    ROOT_NAMES,
    TABLES,
    finish_part,
    make_directory,
    remove_file,
    storage_errors,
    write_part,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from augcli.io.storage import Sink
    from augcli.io.tables import PartFacts, TableOptions

SHARD_BYTES = 500 << 20
ROW_GROUP_BYTES = 32 << 20
PART_NAME = re.compile(r"\.augcli-(.+)\.parquet")
IMAGE_NAME = re.compile(r".+__.+-[0-9a-f]{16}\.(jpg|png)(\.part)?")
SHARD_NAME = re.compile(r"[a-z]+-([01]+|all)(-[0-9]+)?\.parquet(\.part)?")
"""How every image and every shard of ours is named; other files are never touched."""

OTHERS = re.compile("|".join([PART_NAME.pattern, *map(re.escape, sorted(ROOT_NAMES))]))
"""How everything else of ours is named."""

RELABELLING = "unfinished"
"""What a part file says of its shards' label columns while these are written anew."""

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class Form(Protocol):
    """How images and a chunk's commit reach the disk."""

    def store(self, names: Sequence[str], images: Sequence[bytes]) -> list[bytes]:
        """Store encoded images; gives those that must be held for the commit: all, or none.

        Threads may call it. It takes many at once since the kernel's own data then stay in the cache:
        one by one between encodes, creating a file takes up to ten times as long.
        """

    def commit(self, chunk: str, rows: pa.Table, images: Sequence[bytes], facts: PartFacts) -> None:
        """Make a chunk's outputs and then its part file final, in the order in which they shall stand."""

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give the files below DST that hold outputs of these names."""

    def place(self, file_name: str) -> str:
        """Say where below DST an output lies: its file, or its shard and its name in there."""

    def stands(self, part: Path, sizes: Mapping[str, int]) -> bool:
        """Whether all outputs of a part file stand, given the sizes of all files below DST."""

    def tables(self) -> list[str]:
        """Give the tables below DST that `finish` writes."""

    def patterns(self, files: set[str]) -> list[str]:
        """Give the patterns by which Hugging Face finds a split's files; each matches something."""

    def finish(self, parts: Sequence[Path], classes: tuple[str, ...] | None, sink: Sink = writing) -> None:
        """Write the tables of a split from the part files of its chunks."""

    @property
    def labels(self) -> str:
        """What the label columns of shards depend on, as `PartFacts.labels` says it."""

    def relabel(self, chunk: str, facts: PartFacts) -> PartFacts:
        """Write a chunk's shards anew with other label columns; gives the facts that then hold."""

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write the shards of part rows anew from their own images, where there are shards.

        Raises:
            OutputError: If a shard is missing or damaged.
        """

    def load(self, rows: pa.Table) -> Iterator[bytes]:
        """Give the encoded images of part rows, one after the other.

        Raises:
            OutputError: If a shard is damaged, or holds fewer images.
            StorageError: If the machine fails.
        """


def make_form(
    kind: str,
    dst: Path,
    split: str,
    classes: tuple[str, ...] | None,
    options: TableOptions,
    features: dict[str, Any],
) -> Form:
    """Give the form of a split's output: `folder` or `parquet`, and what the classes below take."""
    if kind == "folder":
        return FolderForm(dst, f"{split}/" if split else "", options, features)
    return ParquetForm(dst, split, classes, options, features)


def part_path(dst: Path, chunk: str) -> Path:
    """Give the path of a chunk's part file."""
    return dst / f".augcli-{chunk}.parquet"


def part_names(dst: Path) -> set[str]:
    """Give the names of all chunks that have a part file."""
    return {match[1] for path in dst.iterdir() if (match := PART_NAME.fullmatch(path.name))}


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
        schema = _describe(none.schema, names, self.features, self.options)
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


@dataclass(frozen=True, slots=True)
class ParquetForm:
    """Shards below `data/`, one for each chunk (more where it passes 500 MB).

    Attributes:
        dst: Directory of the output.
        split: Split that the shards' names start with.
        classes: Class names.
        options: What the label columns depend on.
        features: Hugging Face's features of carried columns.
    """

    dst: Path
    split: str
    classes: tuple[str, ...] | None
    options: TableOptions
    features: dict[str, Any]

    def store(self, names: Sequence[str], images: Sequence[bytes]) -> list[bytes]:
        """Hold images until their chunk is written."""
        return list(images)

    def commit(self, chunk: str, rows: pa.Table, images: Sequence[bytes], facts: PartFacts) -> None:
        """Write the chunk's shards, then its part file, whose `file_name` says which shard holds a row."""
        make_directory(self.dst / "data")
        names, paths = rows.column("file_name").to_pylist(), []
        for number, (start, stop) in enumerate(_cut(images, SHARD_BYTES)):
            shard = f"{chunk if self.split else f'train-{chunk}'}{f'-{number}' if number else ''}.parquet"
            held, held_names = images[start:stop], names[start:stop]
            groups = (
                _image_column(held[at:end], held_names[at:end]) for at, end in _cut(held, ROW_GROUP_BYTES)
            )
            self._write_shard(self.dst / "data" / shard, rows.slice(start, stop - start), groups)
            paths += [f"{shard}/{name}" for name in held_names]
        rows = rows.set_column(0, "file_name", pa.array(paths, pa.string()))
        tables.write_part(part_path(self.dst, chunk), rows, replace(facts, labels=self.labels))

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give the shards, which names of outputs begin with."""
        return {"data/" + name.split("/", 1)[0] for name in file_names}

    def place(self, file_name: str) -> str:
        """Give shard and name, as part files hold them."""
        return "data/" + file_name

    def stands(self, part: Path, sizes: Mapping[str, int]) -> bool:
        """Whether all shards stand; they were synced before their part file."""
        return self.files(tables.read_file_names(part)) <= sizes.keys()

    def tables(self) -> list[str]:
        """Give none: the shards are the tables."""
        return []

    def patterns(self, files: set[str]) -> list[str]:
        """Give all shards of the split."""
        return [f"data/{self.split or 'train'}-*.parquet"]

    def finish(self, parts: Sequence[Path], classes: tuple[str, ...] | None, sink: Sink = writing) -> None:
        """Write nothing: the shards are the tables."""

    @property
    def labels(self) -> str:
        """Smoothing, its form, and whether weights are dense."""
        return repr(self.options)

    def relabel(self, chunk: str, facts: PartFacts) -> PartFacts:
        """Write a chunk's shards anew from their own images, as a fresh run would have written them."""
        part = part_path(self.dst, chunk)
        rows = tables.read_part_rows(part)
        # From here on neither the old nor the new label columns stand in all shards.
        tables.write_part(part, rows, replace(facts, labels=RELABELLING))
        self.rewrite(rows, writing)
        facts = replace(facts, labels=self.labels)
        tables.write_part(part, rows, facts)
        return facts

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write each shard anew, as a fresh run would have written it."""
        for path, mine in self._by_shard(rows):
            self._write_shard(path, mine, _read_images(path), sink)

    def load(self, rows: pa.Table) -> Iterator[bytes]:
        """Read the image columns."""
        for path, mine in self._by_shard(rows):
            held = 0
            with storage_errors(f"cannot read {str(path)!r}"):
                for column in _read_images(path):
                    held += len(column)
                    yield from (image["bytes"] or b"" for image in column.to_pylist())
            if held != len(mine):
                raise OutputError(f"{str(path)!r} holds {held} images, not {len(mine)}")

    def _by_shard(self, rows: pa.Table) -> Iterator[tuple[Path, pa.Table]]:
        """Give each shard of part rows, and its rows."""
        shards = [name.split("/", 1)[0] for name in rows.column("file_name").to_pylist()]
        for shard in dict.fromkeys(shards):
            yield self.dst / "data" / shard, rows.slice(shards.index(shard), shards.count(shard))

    def _write_shard(self, path: Path, rows: pa.Table, images: Iterable[Any], sink: Sink = writing) -> None:
        """Write a shard: part rows, and their images row group by row group."""
        rows = tables.finish_rows(rows, len(self.classes or ()), self.options).drop_columns(["file_name"])
        schema = pa.schema([pa.field("image", IMAGE_TYPE), *rows.schema])
        schema = _describe(schema, self.classes, self.features, self.options)
        compression = dict.fromkeys(["image.path", *_leaves(rows.schema)], "zstd") | {"image.bytes": "none"}
        start = 0
        with (
            sink(path) as file,
            pq.ParquetWriter(
                file,
                schema,
                compression=compression,
                use_dictionary=False,
                write_statistics=False,
                write_batch_size=16,
            ) as writer,
        ):
            for column in images:
                group = rows.slice(start, len(column))
                held = pa.Table.from_arrays([column, *group.columns], schema=schema)
                writer.write_table(held, row_group_size=len(column))
                start += len(column)


def _read_images(path: Path) -> Iterator[pa.ChunkedArray]:
    """Read the image column of a shard, row group by row group."""
    try:
        with pq.ParquetFile(open_file(path), pre_buffer=False) as shard:
            for number in range(shard.num_row_groups):
                yield shard.read_row_group(number, ["image"]).column(0)
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise OutputError(f"{str(path)!r} is damaged; remove it and run again") from error


def _image_column(images: Sequence[bytes], names: Sequence[str]) -> pa.ChunkedArray:
    # Joined by Python: Arrow would grow its memory step by step, which takes several times as long.
    ends = np.cumsum([0, *map(len, images)], dtype=np.int32)
    blobs = pa.Array.from_buffers(
        pa.binary(), len(images), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(images))]
    )
    columns = [blobs, pa.array(names, pa.string())]
    return pa.chunked_array([pa.StructArray.from_arrays(columns, ["bytes", "path"])])


def _describe(
    schema: pa.Schema, classes: Sequence[str] | None, known: dict[str, Any], options: TableOptions
) -> pa.Schema:
    """Give a schema with what it tells Hugging Face, and what was done to the labels."""
    features = dataset_card.write_features(schema, classes, known)
    return schema.with_metadata({b"huggingface": features, b"augcli": options.describe()})


def remove_strangers(dst: Path, wanted: set[str]) -> None:
    """Remove files of ours that no part holds: images, shards, unfinished files; then empty class folders.

    Args:
        dst: Directory of the output.
        wanted: POSIX paths below it that stay.
    """
    root = str(dst)
    kept: list[str] = []
    for directory, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".")]  # a repository, say, is not ours
        below = "" if directory == root else directory[len(root) + 1 :].replace(os.sep, "/") + "/"
        kept.append(directory)
        for name in names:
            is_shard = below == "data/" and SHARD_NAME.fullmatch(name)
            is_ours = is_shard or IMAGE_NAME.fullmatch(name) or _is_unfinished(name)
            if is_ours and below + name not in wanted:
                remove_file(Path(directory, name))
    for directory in reversed(kept[1:]):  # children before their parents
        if not os.listdir(directory):  # noqa: PTH208 - beside os.walk
            with storage_errors(f"cannot remove {directory!r}"):
                Path(directory).rmdir()


def _is_unfinished(name: str) -> bool:
    """Whether a file is what a run that was killed left of a table or a part file."""
    return name.endswith(PART_SUFFIX) and OTHERS.fullmatch(name[: -len(PART_SUFFIX)]) is not None


def _cut(images: Sequence[bytes], limit: int) -> list[tuple[int, int]]:
    """Cut images into stretches (start, stop) of at most `limit` bytes, one image at least."""
    cuts, start, held = [], 0, 0
    for at, image in enumerate(images):
        if held + len(image) > limit and at > start:
            cuts.append((start, at))
            start, held = at, 0
        held += len(image)
    return [*cuts, (start, len(images))] if images else []


def _leaves(schema: pa.Schema) -> list[str]:
    """Give the paths of all leaf columns, as parquet writers name them."""
    leaves: list[str] = []

    def walk(path: str, kind: pa.DataType) -> None:
        if pa.types.is_struct(kind):
            for i in range(kind.num_fields):
                walk(f"{path}.{kind.field(i).name}", kind.field(i).type)
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            walk(f"{path}.list.element", kind.value_type)
        else:
            leaves.append(path)

    for field in schema:
        walk(field.name, field.type)
    return leaves
