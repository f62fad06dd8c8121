"""Order, rings and chunks: which sample meets which, and what is committed together. Pure.

The samples of a split are put in the order of a keyed hash and joined to a ring, along which partners
are found. A chunk is a stretch of a ring that is committed together; it cuts the ring only for commit,
and no output depends on it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import InputError
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.datatypes import Catalogue, RowGroup

CHUNK_OUTPUTS = 2000
CHUNK_BYTES = 256 << 20
CHUNK_GROUPS = 8
"""Row groups that a chunk of parquet rows mixes at least, where there are that many."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Samples in the order in which they meet: `members` are indices into the catalogue."""

    members: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.members)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Positions `start..stop - 1` of a ring."""

    ring: Ring
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is committed together; `name` is the prefix of the hash that its members share.

    `groups` are the row groups that must be read for it, `slices` in how many parts (parquet only).
    """

    name: str
    stretches: tuple[Stretch, ...]
    groups: tuple[RowGroup, ...] = ()
    slices: int = 1

    def __len__(self) -> int:
        return sum(stretch.stop - stretch.start for stretch in self.stretches)


def hash_samples(catalogue: Catalogue, seed: int) -> NDArray[np.uint64]:
    """Hash every sample's key; the order of these hashes is the order of the ring."""
    return np.fromiter((hash_key(key, seed) for key in catalogue.keys), np.uint64, len(catalogue))


def chunk_folder(
    catalogue: Catalogue, hashes: NDArray[np.uint64], outputs: int, limit: int | None
) -> list[Chunk]:
    """Make one ring of a folder's samples and cut it by prefixes of the hash.

    Args:
        catalogue: The samples, sorted by key (which breaks ties of the hash).
        hashes: Their hashes.
        outputs: Outputs per sample.
        limit: Only the first samples of the ring become base; partners still come from the whole ring.
    """
    order = np.argsort(hashes, kind="stable")
    ring, ordered = Ring(order), hashes[order]
    heaviness = np.concatenate([[0], np.cumsum(catalogue.sizes[order] * outputs)])
    end = len(ring) if limit is None else min(limit, len(ring))

    def is_small(start: int, stop: int) -> bool:
        return (stop - start) * outputs <= CHUNK_OUTPUTS and heaviness[stop] - heaviness[start] <= CHUNK_BYTES

    pieces = _split_by_prefix(ordered, is_small, 1)
    return [
        Chunk(name, (Stretch(ring, start, min(stop, end)),)) for name, start, stop in pieces if start < end
    ]


def chunk_groups(
    catalogue: Catalogue,
    hashes: NDArray[np.uint64],
    groups: Sequence[RowGroup],
    outputs: int,
    limit: int | None,
    seed: int,
) -> list[Chunk]:
    """Send row groups to chunks by the prefix of their own hash; each chunk is a ring of its own.

    Distant row groups meet in a chunk, since shards are often sorted by class. Chunks of more than
    256 MiB are read in slices, the i-th slice of every row group together, and the ring runs on from
    slice to slice.
    """
    keyed = sorted((hash_key(f"{group.shard}#group{group.number}", seed), group) for group in groups)
    ordered = np.array([key for key, _ in keyed], np.uint64)
    rows = np.concatenate([[0], np.cumsum([group.rows for _, group in keyed])])
    heaviness = np.concatenate([[0], np.cumsum([group.bytes for _, group in keyed])])

    def is_small(start: int, stop: int) -> bool:
        light = heaviness[stop] - heaviness[start] <= CHUNK_BYTES
        return light and (rows[stop] - rows[start]) * outputs <= CHUNK_OUTPUTS

    chunks, left = [], len(catalogue) if limit is None else limit
    for name, start, stop in _split_by_prefix(ordered, is_small, CHUNK_GROUPS):
        mine = tuple(group for _, group in keyed[start:stop])
        slices = max(1, -(-int(heaviness[stop] - heaviness[start]) // CHUNK_BYTES))
        ring = Ring(_order_slices(mine, slices, hashes))
        if left > 0 and len(ring):
            chunks.append(Chunk(name, (Stretch(ring, 0, min(left, len(ring))),), mine, slices))
        left -= len(ring)
    return chunks


def check_partners(chunks: Sequence[Chunk], mixing: int) -> None:
    """Refuse to mix where a ring has only one sample.

    Raises:
        InputError: Naming the cure.
    """
    if mixing and any(len(stretch.ring) == 1 for chunk in chunks for stretch in chunk.stretches):
        raise InputError("mixing needs at least 2 images to choose a partner from, got 1; add images to SRC")


def same_class_shares(catalogue: Catalogue, chunks: Sequence[Chunk]) -> tuple[float, float]:
    """Give how often neighbours on the rings share their class, and how often random pairs would.

    Samples are counted by the first class of their label; unlabelled ones are left out.
    """
    firsts = np.array([label.classes[0] if label else -1 for label in catalogue.labels], np.int64)
    same = pairs = 0
    for ring in {id(s.ring): s.ring for chunk in chunks for s in chunk.stretches}.values():
        here, ahead = firsts[ring.members], np.roll(firsts[ring.members], -1)
        labelled = (here >= 0) & (ahead >= 0)
        same, pairs = same + int((here == ahead)[labelled].sum()), pairs + int(labelled.sum())
    counts = np.bincount(firsts[firsts >= 0]).astype(float)
    total = counts.sum()
    random = float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else 0.0
    return (same / pairs if pairs else 0.0), random


def partner_distance(copy: int, slot: int, slots: int, ring: int) -> int:
    """Give how many decodable positions ahead a partner is: 1 + (c·S + s) mod (n - 1)."""
    return 1 + (copy * slots + slot) % (ring - 1)


def cut_runs(chunk: Chunk, total: int, workers: int) -> Iterator[Stretch]:
    """Cut a chunk into runs, the stretches that one worker handles in one loop."""
    length = min(max(total // (4 * workers), 8), 64)
    for stretch in chunk.stretches:
        for start in range(stretch.start, stretch.stop, length):
            yield Stretch(stretch.ring, start, min(start + length, stretch.stop))


def fingerprint(catalogue: Catalogue, chunk: Chunk, ahead: Sequence[int], context: str = "") -> str:
    """Digest everything that decides a chunk's outputs, besides the recipe.

    Args:
        catalogue: The samples.
        chunk: The chunk.
        ahead: For each stretch, how many positions beyond its end were read.
        context: What else the outputs depend on.

    Returns:
        Hex digest over key, size, version and label of each member and of each sample read beyond the
        end, and over the class list.
    """
    digest = hashlib.blake2b(repr((catalogue.classes, context)).encode(), digest_size=16)
    for stretch, beyond in zip(chunk.stretches, ahead, strict=True):
        members = stretch.ring.members
        stop = stretch.start + min(stretch.stop - stretch.start + beyond, len(members))
        for position in range(stretch.start, stop):
            sample = members[position % len(members)]
            label = catalogue.labels[sample]
            facts = (
                catalogue.keys[sample],
                int(catalogue.sizes[sample]),
                int(catalogue.versions[sample]),
                label and (label.classes, label.weights),
            )
            digest.update(repr(facts).encode("utf-8", "surrogateescape"))
        digest.update(b"|")
    return digest.hexdigest()


def _order_slices(groups: Sequence[RowGroup], slices: int, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Order the rows of some row groups: slice by slice, inside a slice by hash."""
    ordered = []
    for number in range(slices):
        spans = [group.slice_rows(number, slices) for group in groups]
        rows = np.concatenate([np.arange(span.start, span.stop) for span in spans]).astype(np.int64)
        rows.sort()
        ordered.append(rows[np.argsort(hashes[rows], kind="stable")])
    return np.concatenate(ordered)


def _split_by_prefix(
    ordered: NDArray[np.uint64], is_small: Callable[[int, int], bool], least: int
) -> list[tuple[str, int, int]]:
    """Halve sorted hashes by their next bit until each part is small: (bits, start, stop), in order.

    A part stays whole where a half would hold fewer than `least` (an empty half aside).
    """
    pieces: list[tuple[str, int, int]] = []
    pending = [("", 0, len(ordered))]
    while pending:
        bits, start, stop = pending.pop()
        middle = int(bits + "1" + "0" * (63 - len(bits)), 2) if len(bits) < 64 else 0
        cut = start + int(np.searchsorted(ordered[start:stop], np.uint64(middle)))
        too_few = any(0 < half < least for half in (cut - start, stop - cut))
        if len(bits) == 64 or stop - start <= 1 or is_small(start, stop) or too_few:
            pieces.append((bits or "all", start, stop))
            continue
        halves = [(bits + "1", cut, stop), (bits + "0", start, cut)]
        pending += [half for half in halves if half[1] < half[2]]
    return pieces
