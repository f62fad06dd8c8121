"""Partitions: which chunks are whose, where several calls make one output. Pure.

A chunk belongs to the partition in whose range of hashes its prefix begins. So a file that comes to the
input moves no other chunk to another partition. Where the keys of rings are not hashes of samples, since a
rule on classes orders them, partitions get even pieces of the list of chunks.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import Option, UsageError, show_value
from augcli.pipeline.plan.fingerprint import annotation_facts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from augcli.pipeline.plan.splits import Split
    from augcli.samples import Catalogue

WRITTEN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
"""How a partition is written."""

HASH_BITS = 64
TOGETHER = 65536
"""Keys that are digested at once."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One of several calls that make an output together.

    Attributes:
        index: Its number, from 0.
        count: How many there are.
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def read_partition(text: str) -> Partition:
    """Read a partition, which is written as `0/4`.

    Raises:
        UsageError: If the text is not a partition.
    """
    match = WRITTEN.fullmatch(text) if isinstance(text, str) else None
    partition = Partition(int(match[1]), int(match[2])) if match else Partition(0, 0)
    if partition.index >= partition.count:
        cure = " must be i/N with i from 0 to N-1, as 0/4 is the first of four, got "
        raise UsageError(Option("partition"), cure, show_value(text))
    return partition


def take_partition(splits: Sequence[Split], partition: Partition) -> list[Split]:
    """Return the splits with no other chunks than a partition's."""
    return [
        replace(
            split,
            chunks=[
                chunk
                for number, chunk in enumerate(split.chunks)
                if _find_owner(split, number, partition.count) == partition.index
            ],
            facts={},
            mislabelled=[],
        )
        for split in splits
    ]


def _find_owner(split: Split, number: int, count: int) -> int:
    """Return the number of the partition that a split's chunk belongs to."""
    chunk, rule = split.chunks[number], split.job.recipe.partner_rule
    if chunk.groups or rule == "any":  # its name begins as the hashes of its samples or row groups do
        return int(_bits(chunk.name).ljust(HASH_BITS, "0"), 2) * count >> HASH_BITS
    return number * count // len(split.chunks)


def find_overlapping(names: Collection[str], splits: Sequence[Split]) -> set[str]:
    """Return names of part files that share samples with chunks of other names.

    Such a part is outdated: the plan has other chunks where it was.

    Args:
        names: Names of part files that stand.
        splits: The splits, with the chunks that are to stand.
    """
    overlapping: set[str] = set()
    for split in splits:
        of_split = {name for name in names if name.rpartition("-")[0] == split.catalogue.split}
        planned = {chunk.name for chunk in split.chunks}
        others = {name: name.rpartition("-")[2] for name in of_split.difference(split.part_names())}
        overlapping |= {name for name, prefix in others.items() if _overlaps(prefix, planned)}
    return overlapping


def _overlaps(prefix: str, planned: set[str]) -> bool:
    """True if a prefix begins with a planned prefix, or a planned prefix begins with it."""
    bits = _bits(prefix)
    shorter = {bits[:length] or "all" for length in range(len(bits) + 1)}
    return not planned.isdisjoint(shorter) or any(_bits(name).startswith(bits) for name in planned)


def _bits(name: str) -> str:
    """Return the bits of a chunk's name."""
    return "" if name == "all" else name


def digest_view(splits: Sequence[Split]) -> str:
    """Return a digest of the input as it was listed: partitions that saw another one do not belong together.

    It covers keys, labels, boxes and masks of all samples, class lists, and how chunks are cut. It does not
    cover what files hold.
    """
    digest = hashlib.blake2b(digest_size=16)
    for split in splits:
        catalogue = split.catalogue
        chunks = [
            (chunk.name, [(len(arc.ring), arc.start, arc.stop) for arc in chunk.arcs])
            for chunk in split.chunks
        ]
        facts = (catalogue.split, catalogue.classes, split.context, len(catalogue), chunks)
        digest.update(repr(facts).encode())
        for block in _digested(catalogue):
            digest.update(block)
    return digest.hexdigest()


def _digested(catalogue: Catalogue) -> Iterator[bytes]:
    """Yield the bytes that a digest takes from the samples of a split."""
    keys = iter(catalogue.keys)
    while block := list(islice(keys, TOGETHER)):
        yield "\0".join([*block, ""]).encode("utf-8", "surrogateescape")
    numbers: dict[object, int] = {}
    known: dict[int, int] = {}
    for label in catalogue.labels:
        if id(label) not in known:  # few, which many samples share
            value = label and (label.classes, label.weights)
            known[id(label)] = numbers.setdefault(value, len(numbers))
    yield np.fromiter((known[id(label)] for label in catalogue.labels), np.int64, len(catalogue)).tobytes()
    yield repr(list(numbers)).encode()
    if catalogue.masks is not None or catalogue.boxes is not None:
        for sample in range(len(catalogue)):
            yield annotation_facts(catalogue, sample) + b"\0"
