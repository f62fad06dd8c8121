"""An output as parquet shards below `data/`: images and all columns in one."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from augcli.errors import OutputError
from augcli.io import hugging_face
from augcli.io.records import label_columns, part_files
from augcli.io.split_words import plain_name
from augcli.io.store.arrow_files import DAMAGE
from augcli.io.store.base import full_name, is_local
from augcli.io.store.errors import storage_error
from augcli.io.writers.base import Pair, SplitWriter
from augcli.io.writers.box_columns import add_box_column, is_column
from augcli.io.writers.boxes import AnnotationFiles
from augcli.io.writers.shard_bytes import are_long, list_columns
from augcli.io.writers.staged_pairs import StagedPair, cut_pairs, drop_pairs, read_cells, stage_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Part
    from augcli.io.store.base import Sink, Store
    from augcli.io.writers.base import Fill

SHARD_BYTES = 500 << 20
ROW_GROUP_BYTES = 32 << 20
END = b"PAR1"
SHARDS = "data/"

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True, slots=True)
class ParquetWriter(SplitWriter):
    """Shards below `data/`, one for each chunk (more where it passes 500 MB)."""

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> list[StagedPair]:
        """Write images and masks into one file, under an unfinished name; return where each lies."""
        return stage_pairs(self.store, SHARDS + names[0], pairs) if names else []

    def commit(self, chunk: str, rows: pa.Table, staged: Sequence[StagedPair], facts: PartFacts) -> None:
        """Write the chunk's shards, then its part file, whose `file_name` says which shard holds a row."""
        names, places = rows.column("file_name").to_pylist(), []
        for number, (start, stop) in enumerate(cut_pairs(staged, SHARD_BYTES)):
            prefix = chunk.rpartition("-")[2]
            shard = f"{plain_name(self.split)}-{prefix}{f'-{number}' if number else ''}.parquet"
            pairs, own_names = staged[start:stop], names[start:stop]
            groups = (
                self._join_columns(pairs[first:end], own_names[first:end])
                for first, end in cut_pairs(pairs, ROW_GROUP_BYTES)
            )
            self._write_shard(self.store, SHARDS + shard, rows.slice(start, stop - start), groups)
            places += [f"{shard}/{name}" for name in own_names]
        drop_pairs(self.store, staged)
        rows = rows.set_column(0, "file_name", pa.array(places, pa.string()))
        if self._boxes:
            rows = self._boxes.commit(self.store, rows)
        facts = replace(facts, labels=self.options.text)
        part_files.write_part_file(self.store, chunk, rows, facts)

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Return the keys of the shards, which names of outputs begin with, and of single files of boxes."""
        names = list(file_names)
        shards = {SHARDS + name.split("/", 1)[0] for name in names}
        return shards | self._boxes.files(names) if self._boxes else shards

    def place(self, file_name: str) -> str:
        """Return shard and name, as part files hold them."""
        return SHARDS + file_name

    def stands(self, part: Part, sizes: Mapping[str, int]) -> bool:
        """True if all shards stand, and none was cut since: they were synced before their part file.

        In a bucket files are whole, or they are not there.
        """
        has_masks = self.annotated.masks
        boxed = self._boxes.columns(part.columns) if self._boxes else []
        rows = part.rows(list(dict.fromkeys([*list_columns(has_masks), *boxed])))
        if not are_long(rows, has_masks, sizes, SHARDS):
            return False
        if is_local(self.store) and not all(_has_end(self.store, key) for key, _ in _by_shard(rows)):
            return False
        return self._boxes is None or self._boxes.stand(rows, sizes)

    def load(self, rows: pa.Table, picked: Sequence[int] | None = None) -> Iterator[Pair]:
        """Read the columns of images and masks, of the row groups that hold wanted rows."""
        first = 0
        for key, of_shard in _by_shard(rows):
            stop = first + len(of_shard)
            wanted = None if picked is None else [row - first for row in picked if first <= row < stop]
            first, count = stop, 0
            for columns in _read_columns(self.store, key, self._encoded, wanted):
                count += len(columns[0])
                cells = zip(*(column.to_pylist() for column in columns), strict=True)
                yield from (Pair(*(cell["bytes"] or b"" for cell in row)) for row in cells)
            expected = len(of_shard) if wanted is None else len(wanted)
            if count != expected:
                raise OutputError(
                    f"{full_name(self.store, key)!r} holds {count} images, not {expected}; remove it and"
                    " run again"
                )

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write each shard anew, as a fresh run would have written it."""
        for key, of_shard in _by_shard(rows):
            self._write_shard(sink, key, of_shard, _read_columns(self.store, key, self._encoded))
        if self._boxes:
            self._boxes.rewrite(rows, sink)

    def tables(self) -> Mapping[str, Fill]:
        """Return the one file of all boxes where there is one; else the shards are the tables."""
        return self._boxes.tables() if self._boxes else {}

    def patterns(self, files: set[str]) -> list[str]:
        """Return all shards of the split."""
        return [f"{SHARDS}{plain_name(self.split)}-*.parquet"]

    @property
    def _boxes(self) -> AnnotationFiles | None:
        header, base = self.annotated.boxes, f"{plain_name(self.split)}/" if self.split else ""
        return None if header is None or is_column(header) else AnnotationFiles(base, header)

    @property
    def _encoded(self) -> list[str]:
        """Names of the columns of encoded images."""
        return ["image", "mask"] if self.annotated.masks else ["image"]

    def _join_columns(self, staged: Sequence[StagedPair], names: Sequence[str]) -> list[pa.ChunkedArray]:
        """Return staged images, and masks where there are some, as columns."""
        columns = [_join_column(read_cells(self.store, [pair.image for pair in staged]), names)]
        if self.annotated.masks:
            masks = [f"{name.rsplit('.', 1)[0]}.png" for name in names]
            columns.append(_join_column(read_cells(self.store, [pair.mask for pair in staged]), masks))
        return columns

    def _write_shard(self, sink: Sink, key: str, rows: pa.Table, groups: Iterable[Any]) -> None:
        """Write a shard: part rows, and their images and masks row group by row group."""
        finished = label_columns.finish_rows(rows, len(self.classes or ()), self.options)
        finished = finished.drop_columns(["file_name"])
        header = self.annotated.boxes
        rows = add_box_column(finished, rows, header) if header and is_column(header) else finished
        schema = pa.schema([*(pa.field(name, IMAGE_TYPE) for name in self._encoded), *rows.schema])
        schema = hugging_face.describe(schema, self.classes, self.features, self.options.describe())
        compression = dict.fromkeys(_leaves(schema), "zstd")
        compression |= {f"{name}.bytes": "none" for name in self._encoded}
        start = 0
        with (
            sink.writing(key) as file,
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
                table = pa.Table.from_arrays([*columns, *group.columns], schema=schema)
                writer.write_table(table, row_group_size=length)
                start += length


def _has_end(store: Store, key: str) -> bool:
    """True if a shard ends as parquet files do."""
    with store.open(key) as file:
        file.seek(-len(END), os.SEEK_END)
        return file.read() == END


def _by_shard(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the key of each shard of part rows, and its rows."""
    shards = [name.split("/", 1)[0] for name in rows.column("file_name").to_pylist()]
    for shard in dict.fromkeys(shards):
        yield SHARDS + shard, rows.slice(shards.index(shard), shards.count(shard))


def _read_columns(
    store: Store, key: str, names: list[str], wanted: Sequence[int] | None = None
) -> Iterator[list[pa.ChunkedArray]]:
    """Yield columns of encoded images of a shard, row group by row group; all rows, or those wanted."""
    if wanted == []:
        return
    try:
        with pq.ParquetFile(store.open(key), pre_buffer=False) as shard:
            start = 0
            for number in range(shard.num_row_groups):
                stop = start + shard.metadata.row_group(number).num_rows
                of_group = None if wanted is None else [row - start for row in wanted if start <= row < stop]
                start = stop
                if of_group is None:
                    yield shard.read_row_group(number, names).columns
                elif of_group:
                    yield shard.read_row_group(number, names).take(pa.array(of_group, pa.int64())).columns
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno:
            raise storage_error(f"cannot read {full_name(store, key)!r}", error) from error
        raise OutputError(f"{full_name(store, key)!r} is damaged; remove it and run again") from error


def _join_column(images: pa.Array, names: Sequence[str]) -> pa.ChunkedArray:
    """Return encoded images and their names as a column of structs."""
    columns = [images, pa.array(names, pa.string())]
    return pa.chunked_array([pa.StructArray.from_arrays(columns, ["bytes", "path"])])


def _leaves(schema: pa.Schema) -> list[str]:
    """Return the paths of all leaf columns, as parquet writers name them."""
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
