"""The reader of parquet shards: whether SRC is shards. What opens them is loaded when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.readers.base import register
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.passed_over import SHARD_SUFFIXES

if TYPE_CHECKING:
    from augcli.io.readers.base import ClassList, Input, Selection, Source


class ParquetReader:
    """Reads parquet shards: a file, a pattern, or a directory that holds shards and no images."""

    name = "parquet"
    accepts = "parquet shards"
    is_called = "a parquet file"
    suffixes = SHARD_SUFFIXES

    def is_own(self, src: Input) -> bool:
        """True if SRC is shards; a pattern is taken for a pattern of shards, whatever it matches."""
        if src.tree is None:
            return src.is_pattern or any(src.name.lower().endswith(suffix) for suffix in SHARD_SUFFIXES)
        suffixes = src.tree.by_suffix.keys()
        return not suffixes.isdisjoint(SHARD_SUFFIXES) and suffixes.isdisjoint(IMAGE_SUFFIXES)

    def open(self, src: Input, selection: Selection, classes: ClassList) -> Source:
        """Read the footers and labels of shards, and find their masks and boxes; see `Reader.open`."""
        from augcli.io.readers.parquet import open_shards

        return open_shards(src, selection, classes)


register(ParquetReader())
