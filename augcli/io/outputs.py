"""How an output lies on disk: what a form of it must be able to do, and the names of all files of ours."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from augcli.io.storage import PART_SUFFIX, ROOT_NAMES, remove_file, storage_errors, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from augcli.io.storage import Sink
    from augcli.io.tables import PartFacts

PART_NAME = re.compile(r"\.augcli-(.+)\.parquet")
IMAGE_NAME = re.compile(r".+__.+-[0-9a-f]{16}\.(jpg|png|xml)(\.part)?")
SHARD_NAME = re.compile(r"[a-z]+-([01]+|all)(-[0-9]+)?\.parquet(\.part)?")
"""How every image, mask, file of boxes and shard of ours is named; other files are never touched."""

OTHERS = re.compile("|".join([PART_NAME.pattern, *map(re.escape, sorted(ROOT_NAMES))]))
"""How everything else of ours is named."""


class Pair(NamedTuple):
    """An output's encoded image and mask; the mask is empty where there are none."""

    image: bytes
    mask: bytes = b""


class Form(Protocol):
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


def part_path(dst: Path, chunk: str) -> Path:
    """Give the path of a chunk's part file."""
    return dst / f".augcli-{chunk}.parquet"


def part_names(dst: Path) -> set[str]:
    """Give the names of all chunks that have a part file."""
    return {match[1] for path in dst.iterdir() if (match := PART_NAME.fullmatch(path.name))}


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
