"""How many bytes shards must have, by the part file that names them: a shorter shard was cut."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from augcli.io.records.annotation_columns import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa


def list_columns(has_masks: bool) -> list[str]:
    """Return the columns of part rows that `are_long` reads."""
    return ["file_name", "bytes", *[MASK] * has_masks]


def are_long(
    rows: pa.Table,
    has_masks: bool,
    sizes: Mapping[str, int],
    base: str = "",
    taken: Callable[[int], int] = lambda size: size,
) -> bool:
    """True if all shards stand that rows name, and none is shorter than its images and masks.

    Args:
        rows: Part rows, whose file names begin with their shard's.
        has_masks: Whether there are masks.
        sizes: Bytes of all files that stand.
        base: Where shards lie.
        taken: How many bytes an image of a size takes in a shard, at least.
    """
    least: Counter[str] = Counter()
    shards = [base + name.split("/", 1)[0] for name in rows.column("file_name").to_pylist()]
    columns = [rows.column("bytes").to_pylist()]
    if has_masks:
        columns.append([mask["bytes"] for mask in rows.column(MASK).to_pylist()])
    for column in columns:
        for shard, size in zip(shards, column, strict=True):
            least[shard] += taken(size)
    return all(sizes.get(shard, -1) >= size for shard, size in least.items())
