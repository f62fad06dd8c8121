"""How an output lies on disk: what its writer must be able to do, and the names of all files of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from augcli.io.store.local import writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.local import Sink


class Pair(NamedTuple):
    """An output's encoded image and mask; the mask is empty where there are none."""

    image: bytes
    mask: bytes = b""


class Writer(Protocol):
    """How images and a chunk's commit reach the disk."""

    @property
    def images(self) -> str:
        """Directory of the images below the table, "" or with a slash at the end."""

    def store(self, names: Sequence[str], pairs: Sequence[Pair]) -> list[Pair]:
        """Store encoded images and masks; gives those that must be held for the commit: all, or none.

        Threads may call it. It takes many at once since the kernel's own data then stay in the cache:
        one by one between encodes, creating a file takes up to ten times as long.
        """

    def commit(self, chunk: str, rows: pa.Table, pairs: Sequence[Pair], facts: PartFacts) -> None:
        """Make a chunk's outputs and then its part file final, in the order in which they shall stand."""

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Give the files below DST that hold outputs of these names, and what belongs to them."""

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
        """Write anew what follows from part rows: shards, from their own images, and single files of boxes.

        Raises:
            OutputError: If a shard is missing or damaged.
        """

    def load(self, rows: pa.Table) -> Iterator[Pair]:
        """Give the encoded images and masks of part rows, one after the other.

        Raises:
            OutputError: If a shard is damaged, or holds fewer images.
            StorageError: If the machine fails.
        """
