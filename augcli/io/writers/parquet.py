"""An output as parquet shards below `data/`: images and all columns in one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import OutputError
from augcli.io import hugging_face
from augcli.io.records import label_columns, part_files
from augcli.io.records.part_files import part_path
from augcli.io.store.arrow_files import DAMAGE, open_file
from augcli.io.store.errors import storage_errors
from augcli.io.store.local import make_directory, writing
from augcli.io.writers.base import Pair
from augcli.io.writers.boxes import AnnotationFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.local import Sink
    from augcli.program.annotated import Annotated

SHARD_BYTES = 500 << 20
ROW_GROUP_BYTES = 32 << 20
RELABELLING = "unfinished"
"""What a part file says of its shards' label columns while these are written anew."""

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True, slots=True)
class ParquetWriter:
    """Shards below `data/`, one for each chunk (more where it passes 500 MB).

    Attributes:
        dst: Directory of the output.
        split: Split that the shards' names start with.
        classes: Class names.
        options: What the label columns depend on.
        features: Hugging Face's features of carried columns.
        annotated: What belongs to the images beside their labels.
    """

    dst: Path
    split: str
    classes: tuple[str, ...] | None
    options: TableOptions
    features: dict[str, Any]
    annotated: Annotated

    @property
    def images(self) -> str:
        """Nothing: there are no directories."""
        return ""

    def store(self, names: Sequence[str], pairs: Sequence[Pair]) -> list[Pair]:
        """Hold images and masks until their chunk is written."""
        return list(pairs)

    def commit(self, chunk: str, rows: pa.Table, pairs: Sequence[Pair], facts: PartFacts) -> None:
        """Write the chunk's shards, then its part file, whose `file_name` says which shard holds a row."""
        make_directory(self.dst / "data")
        names, paths = rows.column("file_name").to_pylist(), []
        for number, (start, stop) in enumerate(_cut(pairs, SHARD_BYTES)):
            shard = f"{chunk if self.split else f'train-{chunk}'}{f'-{number}' if number else ''}.parquet"
            held, held_names = pairs[start:stop], names[start:stop]
            groups = (
                self._columns(held[at:end], held_names[at:end]) for at, end in _cut(held, ROW_GROUP_BYTES)
            )
            self._write_shard(self.dst / "data" / shard, rows.slice(start, stop - start), groups)
            paths += [f"{shard}/{name}" for name in held_names]
        rows = rows.set_column(0, "file_name", pa.array(paths, pa.string()))
        if self._boxes:
            self._boxes.commit(rows)
        part_files.write_part_file(part_path(self.dst, chunk), rows, replace(facts, labels=self.labels))

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give the shards, which names of outputs begin with, and single files of boxes."""
        names = list(file_names)
        shards = {"data/" + name.split("/", 1)[0] for name in names}
        return shards | self._boxes.files(names) if self._boxes else shards

    def place(self, file_name: str) -> str:
        """Give shard and name, as part files hold them."""
        return "data/" + file_name

    def stands(self, part: Path, sizes: Mapping[str, int]) -> bool:
        """Whether all shards stand; they were synced before their part file."""
        rows = part_files.read_part_rows(
            part, None if self._boxes and self._boxes.file_per_image else ["file_name"]
        )
        stand = self.files(rows.column("file_name").to_pylist()) <= sizes.keys()
        return stand and (self._boxes is None or self._boxes.stand(rows, sizes))

    def tables(self) -> list[str]:
        """Give the one file of all boxes where there is one; else the shards are the tables."""
        return self._boxes.documents() if self._boxes else []

    def patterns(self, files: set[str]) -> list[str]:
        """Give all shards of the split."""
        return [f"data/{self.split or 'train'}-*.parquet"]

    def finish(self, parts: Sequence[Path], classes: tuple[str, ...] | None, sink: Sink = writing) -> None:
        """Write the one file of all boxes where there is one; else the shards are the tables."""
        if self._boxes:
            self._boxes.finish(parts, sink)

    @property
    def labels(self) -> str:
        """Smoothing, its form, and whether weights are dense."""
        return repr(self.options)

    def relabel(self, chunk: str, facts: PartFacts) -> PartFacts:
        """Write a chunk's shards anew from their own images, as a fresh run would have written them."""
        part = part_path(self.dst, chunk)
        rows = part_files.read_part_rows(part)
        # From here on neither the old nor the new label columns stand in all shards.
        part_files.write_part_file(part, rows, replace(facts, labels=RELABELLING))
        self.rewrite(rows, writing)
        facts = replace(facts, labels=self.labels)
        part_files.write_part_file(part, rows, facts)
        return facts

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write each shard anew, as a fresh run would have written it."""
        for path, mine in self._by_shard(rows):
            self._write_shard(path, mine, _read_columns(path, self._encoded), sink)
        if self._boxes:
            self._boxes.rewrite(rows, sink)

    def load(self, rows: pa.Table) -> Iterator[Pair]:
        """Read the columns of images and masks."""
        for path, mine in self._by_shard(rows):
            held = 0
            with storage_errors(f"cannot read {str(path)!r}"):
                for columns in _read_columns(path, self._encoded):
                    held += len(columns[0])
                    cells = zip(*(column.to_pylist() for column in columns), strict=True)
                    yield from (Pair(*(cell["bytes"] or b"" for cell in row)) for row in cells)
            if held != len(mine):
                raise OutputError(f"{str(path)!r} holds {held} images, not {len(mine)}")

    @property
    def _boxes(self) -> AnnotationFiles | None:
        header, base = self.annotated.boxes, f"{self.split}/" if self.split else ""
        return None if header is None else AnnotationFiles(self.dst, base, header)

    @property
    def _encoded(self) -> list[str]:
        """Names of the columns of encoded images."""
        return ["image", "mask"] if self.annotated.masks else ["image"]

    def _columns(self, pairs: Sequence[Pair], names: Sequence[str]) -> list[pa.ChunkedArray]:
        """Give images, and masks where there are some, as columns."""
        columns = [_image_column([pair.image for pair in pairs], names)]
        if self.annotated.masks:
            masks = [f"{name.rsplit('.', 1)[0]}.png" for name in names]
            columns.append(_image_column([pair.mask for pair in pairs], masks))
        return columns

    def _by_shard(self, rows: pa.Table) -> Iterator[tuple[Path, pa.Table]]:
        """Give each shard of part rows, and its rows."""
        shards = [name.split("/", 1)[0] for name in rows.column("file_name").to_pylist()]
        for shard in dict.fromkeys(shards):
            yield self.dst / "data" / shard, rows.slice(shards.index(shard), shards.count(shard))

    def _write_shard(self, path: Path, rows: pa.Table, groups: Iterable[Any], sink: Sink = writing) -> None:
        """Write a shard: part rows, and their images and masks row group by row group."""
        rows = label_columns.finish_rows(rows, len(self.classes or ()), self.options).drop_columns(
            ["file_name"]
        )
        schema = pa.schema([*(pa.field(name, IMAGE_TYPE) for name in self._encoded), *rows.schema])
        schema = hugging_face.describe(schema, self.classes, self.features, self.options.describe())
        compression = dict.fromkeys(_leaves(schema), "zstd")
        compression |= {f"{name}.bytes": "none" for name in self._encoded}
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
            for columns in groups:
                length = len(columns[0])
                group = rows.slice(start, length)
                held = pa.Table.from_arrays([*columns, *group.columns], schema=schema)
                writer.write_table(held, row_group_size=length)
                start += length


def _read_columns(path: Path, names: list[str]) -> Iterator[list[pa.ChunkedArray]]:
    """Read columns of encoded images of a shard, row group by row group."""
    try:
        with pq.ParquetFile(open_file(path), pre_buffer=False) as shard:
            for number in range(shard.num_row_groups):
                yield shard.read_row_group(number, names).columns
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


def _cut(pairs: Sequence[Pair], limit: int) -> list[tuple[int, int]]:
    """Cut outputs into stretches (start, stop) of at most `limit` bytes, one output at least."""
    cuts, start, held = [], 0, 0
    for at, pair in enumerate(pairs):
        length = len(pair.image) + len(pair.mask)
        if held + length > limit and at > start:
            cuts.append((start, at))
            start, held = at, 0
        held += length
    return [*cuts, (start, len(pairs))] if pairs else []


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
