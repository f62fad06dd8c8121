"""Writing the label columns of shards anew, whose images stand: only smoothing or the like changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from augcli.io.records import part_files
from augcli.pipeline.plan.splits import table_options

if TYPE_CHECKING:
    from augcli.io.records.parts import Parts
    from augcli.io.store.base import Store
    from augcli.pipeline.plan.splits import Split

RELABELLING = "unfinished"
"""What a part file says of its shards' label columns while these are written anew."""


def relabel(store: Store, split: Split, parts: Parts) -> None:
    """Write the shards of the chunks that have other label columns anew, from their own images.

    Raises:
        OutputError: If a part file or a shard is damaged.
        StorageError: If the machine fails.
    """
    for chunk in split.mislabelled:
        name, facts = split.part_name(chunk), split.facts[chunk.name]
        rows = parts.read_one(name).rows()
        # From here on neither the old nor the new label columns stand in all shards.
        part_files.write_part_file(store, name, rows, replace(facts, labels=RELABELLING))
        split.job.writer.rewrite(rows, store)
        split.facts[chunk.name] = replace(facts, labels=table_options(split.job.recipe).text)
        part_files.write_part_file(store, name, rows, split.facts[chunk.name])
