"""How an output lies on disk: what a writer of outputs must be able to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from augcli.io.records.label_columns import TableOptions
    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Part
    from augcli.io.store.base import Sink, Store
    from augcli.program.annotated import Annotated


class Pair(NamedTuple):
    """An output's encoded image and mask; the mask is empty without masks."""

    image: bytes
    mask: bytes = b""


Fill: TypeAlias = "Callable[[BinaryIO], AbstractContextManager[Callable[[pa.Table], None]]]"
"""What fills the file of a table: given the file, it gives what takes the part rows of the next chunk."""


class Writer(Protocol):
    """How the outputs of a split lie on disk. It pickles: what one worker stages, another one may commit.

    It is a dataclass: another attempt at a chunk takes it with its store anew.

    A writer of another kind is one class, and one line in `choose.WRITERS`.
    """

    store: Store
    """Where the output lies."""

    annotated: Annotated
    """What belongs to the images beside their labels."""

    def name(self, folder: str, stem: str, rest: str) -> str:
        """Return the name of an output below the table, but for its suffix.

        Args:
            folder: Of its class, with a slash at the end; empty where outputs lie flat.
            stem: The stem of its source.
            rest: What makes it unique.
        """
        return f"{folder}{stem}{rest}"

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> Sequence[Any]:
        """Stage encoded images and masks; return for each what the commit must know, or nothing at all.

        Threads may call it. It takes many at once since the kernel's own data then stay in the cache:
        one by one between encodes, creating a file takes up to ten times as long.
        """

    def commit(self, chunk: str, rows: pa.Table, staged: Sequence[Any], facts: PartFacts) -> None:
        """Make a chunk's outputs and then its part file final, in the order in which they shall stand.

        Args:
            chunk: Name of the chunk.
            rows: Its part rows.
            staged: What `stage` returned for each of them.
            facts: What its part file says.
        """

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Return the keys of the files that hold outputs of these names, and what belongs to them."""

    def place(self, file_name: str) -> str:
        """Return where an output lies, for messages: its file, or its shard and its name in there."""

    def stands(self, part: Part, sizes: Mapping[str, int]) -> bool:
        """True if all outputs of a part file stand, given the sizes of all files.

        Raises:
            OutputError: If the rows of the part file are damaged.
        """

    def load(self, rows: pa.Table, picked: Sequence[int] | None = None) -> Iterator[Pair]:
        """Yield the encoded images and masks of part rows, one after the other.

        Args:
            rows: All rows of a chunk.
            picked: Numbers of the rows that are wanted, ascending; None takes all.

        Raises:
            OutputError: If a shard is damaged, or holds fewer images.
            StorageError: If the machine fails.
        """

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write anew the files of a chunk that hold what its part rows say, images from where they stand.

        Raises:
            OutputError: If a shard is missing or damaged.
        """

    def tables(self) -> Mapping[str, Fill]:
        """Return the keys of the tables of the split, and for each what fills its file."""
        return {}

    def patterns(self, files: set[str]) -> list[str]:
        """Return the patterns by which Hugging Face finds a split's files; each matches something."""


@dataclass(frozen=True, slots=True)
class SplitWriter(Writer):
    """What the writers of a split know, whatever its layout.

    Attributes:
        store: Where the output lies.
        split: The split; "" where there are no splits.
        classes: Class names; None where nothing is labelled.
        options: What labels in tables, shards and tar files depend on.
        features: Hugging Face's features of carried columns.
        annotated: What belongs to the images beside their labels.
    """

    store: Store
    split: str
    classes: tuple[str, ...] | None
    options: TableOptions
    features: dict[str, Any]
    annotated: Annotated
