"""Columns that say of which split an image is: a table or shards without other splits may have one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from augcli.errors import InputError, Option
from augcli.io.labels.kinds import plain_values
from augcli.io.split_words import SPLIT_WORDS, find_words

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT_COLUMNS = frozenset(
    "split splits split_name set set_name subset partition phase usage mode type dataset data_split"
    " dataset_split".split()
)
"""What columns are called that name splits."""

PARTITIONS = {"0": "train", "1": "validation", "2": "test"}
"""What numbers mean in CelebA's column `partition`."""

FLAGS = frozenset("is_valid is_val is_validation is_test is_train is_training".split())
"""What columns are called that are true for one split."""

TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def list_split_columns(names: Sequence[str], label: str | None) -> list[str]:
    """Return the columns that may name splits: never the column that the user names as label."""
    return [name for name in names if name.lower() in SPLIT_COLUMNS | FLAGS and name != label]


def describe_splits_in(table: pa.Table) -> str:
    """Return in words which column divides rows into several splits; empty if none does.

    Args:
        table: The columns that may name splits, of the rows that are read.
    """
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_nested(column.type):
            continue
        values = {str(value) for value in plain_values(column).unique().to_pylist() if value is not None}
        if name.lower() in FLAGS:
            if {TRUTHS.get(value.lower()) for value in values} >= {True, False}:
                return f"column {name!r} is true for some and false for others"
            continue
        # FER2013 writes PublicTest
        words = {find_words(re.sub("([a-z])([A-Z])", r"\1 \2", value)) for value in values}
        splits = {split for several in words if len(several) == 1 for split in several}
        if name.lower() == "partition" and values <= PARTITIONS.keys():
            splits = {PARTITIONS[value] for value in values}
        if len(splits) > 1:
            listed = ", ".join(split for split in SPLIT_WORDS if split in splits)
            return f"column {name!r} names splits ({listed})"
    return ""


def refuse_splits_in(where: str, what: str, cure: str) -> InputError:
    """Return the error that rows of several splits would be taken together.

    Args:
        where: The file.
        what: The column in words.
        cure: What gives them splits.
    """
    return InputError(
        f"{where!r}: {what}, but all would be augmented together; {cure}, or give ",
        Option("splits", False),
        " if they are one split",
    )
