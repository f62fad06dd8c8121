"""An output as tar files, which webdataset, timm and Hugging Face read: a sample is some members in a row.

Each member is `<key>.<suffix>`: the image as `jpg` or `png`, the dominant class as `cls`, what is known of
the sample as `json`, its mask as `mask.png`, and its weights of all classes as `soft.npy`.
"""

from __future__ import annotations

import itertools
import json
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from augcli.errors import OutputError
from augcli.io.records import part_files
from augcli.io.split_words import plain_name
from augcli.io.store.base import full_name
from augcli.io.store.names import MASK_MEMBER, sample_key
from augcli.io.store.tar_files import (
    TarWalk,
    count_taken,
    end_tar,
    is_whole_length,
    read_member,
    write_member,
)
from augcli.io.writers.base import Pair, SplitWriter
from augcli.io.writers.sample_members import SampleMembers
from augcli.io.writers.shard_bytes import are_long, list_columns
from augcli.io.writers.staged_pairs import StagedPair, cut_pairs, drop_pairs, read_cells, stage_pairs
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from augcli.io.records.part_files import PartFacts
    from augcli.io.records.parts import Part
    from augcli.io.store.base import Sink

READ_TOGETHER = 32 << 20
"""Bytes of staged images that are read at once."""


@dataclass(frozen=True, slots=True)
class WebdatasetWriter(SplitWriter):
    """Tar files, one for each chunk, numbered by the chunk's place among all of its length."""

    def name(self, folder: str, stem: str, rest: str) -> str:
        """Return the key of a sample; there are no folders of classes."""
        return sample_key(stem, rest)

    def stage(self, names: Sequence[str], pairs: Sequence[Pair]) -> list[StagedPair]:
        """Write images and masks into one file, under an unfinished name; return where each lies."""
        return stage_pairs(self.store, names[0], pairs) if names else []

    def commit(self, chunk: str, rows: pa.Table, staged: Sequence[StagedPair], facts: PartFacts) -> None:
        """Write the chunk's tar file, then its part file, whose rows stand in the order of the samples.

        A chunk without outputs has no tar file.
        """
        key, order = _tar_key(self.split, chunk), _shuffle(rows.column("file_name").to_pylist())
        rows = rows.take(pa.array(order, pa.int64()))
        names = rows.column("file_name").to_pylist()
        if names:
            self._write(self.store, key, names, rows, self._read_staged([staged[place] for place in order]))
        drop_pairs(self.store, staged)
        places = pa.array([f"{key}/{name}" for name in names], pa.string())
        rows = rows.set_column(0, "file_name", places)
        part_files.write_part_file(self.store, chunk, rows, replace(facts, labels=self.options.text))

    def files(self, file_names: Iterable[str]) -> set[str]:
        """Return the keys of the tar files, which names of outputs begin with."""
        return {name.split("/", 1)[0] for name in file_names}

    def place(self, file_name: str) -> str:
        """Return tar file and name, as part files hold them."""
        return file_name

    def stands(self, part: Part, sizes: Mapping[str, int]) -> bool:
        """True if the tar file stands, and was not cut since: it was synced before its part file."""
        has_masks = self.annotated.masks
        rows = part.rows(list_columns(has_masks))
        names = rows.column("file_name").to_pylist()
        return are_long(rows, has_masks, sizes, taken=count_taken) and all(
            is_whole_length(sizes[key]) for key in self.files(names)
        )

    def load(self, rows: pa.Table, picked: Sequence[int] | None = None) -> Iterator[Pair]:
        """Read the images and masks of tar files.

        Raises:
            OutputError: If a tar file is damaged, or holds other images.
            StorageError: If the machine fails.
        """
        if picked is not None:
            rows = rows.take(pa.array(picked, pa.int64()))
        for key, names, _ in _by_tar(rows):
            yield from self._read_tar(key, names)

    def rewrite(self, rows: pa.Table, sink: Sink) -> None:
        """Write each tar file anew, as a fresh run would have written it."""
        for key, names, of_tar in _by_tar(rows):
            self._write(sink, key, names, of_tar, self._read_tar(key, names))

    def patterns(self, files: set[str]) -> list[str]:
        """Return all tar files of the split."""
        return [f"{plain_name(self.split)}-*.tar"]

    def _write(
        self, sink: Sink, key: str, names: Sequence[str], rows: pa.Table, pairs: Iterable[Pair]
    ) -> None:
        """Write a tar file: of each row its image, then its other members, in the order of the suffixes."""
        describe, length = SampleMembers(self.classes or (), self.options, self.annotated).describe, 0
        with sink.writing(key) as file:
            for name, members, pair in zip(names, describe(rows), pairs, strict=True):
                length += write_member(file, name, pair.image)
                stem = name.rpartition(".")[0]
                members |= {MASK_MEMBER: pair.mask} if self.annotated.masks else {}
                for suffix in sorted(members):
                    length += write_member(file, f"{stem}.{suffix}", members[suffix])
            end_tar(file, length)

    def _read_staged(self, staged: Sequence[StagedPair]) -> Iterator[Pair]:
        """Read what was staged, in little memory."""
        for start, stop in cut_pairs(staged, READ_TOGETHER):
            cells = zip(*staged[start:stop], strict=True)
            yield from map(Pair, *(read_cells(self.store, column).to_pylist() for column in cells))

    def _read_tar(self, key: str, names: Sequence[str]) -> Iterator[Pair]:
        """Read the images of a tar file that must stand in this order, and their masks if they have some."""
        damage = OutputError(f"{full_name(self.store, key)!r} is damaged; remove it and run again")
        masks = [f"{name.rpartition('.')[0]}.{MASK_MEMBER}" for name in names if self.annotated.masks]
        wanted = zip(names, masks, strict=True) if masks else zip(names, strict=True)
        expected = list(itertools.chain.from_iterable(wanted))
        cells: list[bytes] = []
        place = 0
        with self.store.open(key) as file:
            try:
                for member in TarWalk(file):
                    if place < len(expected) and member.name == expected[place]:
                        cells.append(read_member(file, member))
                        place += 1
                        if len(cells[-1]) < member.size:
                            raise damage
                        if place % (1 + bool(masks)) == 0:
                            yield Pair(*cells)
                            cells.clear()
            except tarfile.ReadError as error:
                raise damage from error
        if place < len(expected):
            raise damage


def describe_index(splits: Mapping[str, Mapping[str, int]]) -> str:
    """Return which tar files there are, as timm reads it.

    Args:
        splits: Of each split the names of its chunks, and how many outputs each has.
    """
    described = {}
    for split, chunks in splits.items():
        lengths = {_tar_key(split, chunk): rows for chunk, rows in chunks.items() if rows}
        described[plain_name(split)] = {
            "name": plain_name(split),
            "num_samples": sum(lengths.values()),
            "filenames": list(lengths),
            "shard_lengths": list(lengths.values()),
        }
    return json.dumps({"splits": described}, indent=2) + "\n"


def _tar_key(split: str, chunk: str) -> str:
    """Return the key of a chunk's tar file: its number is the prefix that the chunk is named after."""
    bits = chunk.rpartition("-")[2]
    return f"{plain_name(split)}-{0 if bits == 'all' else int(bits, 2):06d}.tar"


def _shuffle(names: Sequence[str]) -> list[int]:
    """Return the order in which samples stand in a tar file, as places among their names.

    Loaders read on and shuffle a few samples at a time. Part files are in the order of their sources' names:
    in this order loaders would get one class after the other.
    """
    return sorted(range(len(names)), key=lambda place: (hash_key(names[place]), names[place]))


def _by_tar(rows: pa.Table) -> Iterator[tuple[str, list[str], pa.Table]]:
    """Yield the key of each tar file of part rows, the names of its images, and its rows."""
    places = [name.split("/", 1) for name in rows.column("file_name").to_pylist()]
    tars = [tar for tar, _ in places]
    for tar in dict.fromkeys(tars):
        start, count = tars.index(tar), tars.count(tar)
        yield tar, [name for _, name in places[start : start + count]], rows.slice(start, count)
