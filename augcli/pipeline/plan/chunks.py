"""Chunks: parts of a split that are committed together. Pure.

A chunk is made of arcs of rings. It cuts them only for commit, and no output of a folder depends on it. Each
chunk of parquet rows has rings of its own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from augcli.errors import Option, UsageError
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.plan.rings import UNLABELLED, class_of_samples, form_rings, group_by_class
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from augcli.pipeline.plan.rings import Ring
    from augcli.samples import Catalogue, RowGroup

MOST_COPIES = 2**20
"""What the option `copies` allows, too."""


@dataclass(frozen=True, slots=True)
class Arc:
    """Positions `start..stop - 1` of a ring."""

    ring: Ring
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def members(self) -> NDArray[np.int64]:
        """Its samples, as indices into the catalogue."""
        return self.ring.members[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples that are committed together; `name` is the prefix of the hash that they share.

    `groups` are the row groups that must be read for it, `portions` in how many portions each
    is read (parquet only).
    """

    name: str
    arcs: tuple[Arc, ...]
    groups: tuple[RowGroup, ...] = ()
    portions: int = 1

    def __len__(self) -> int:
        return sum(map(len, self.arcs))

    @property
    def members(self) -> NDArray[np.int64]:
        """Its samples in order, as indices into the catalogue."""
        return np.concatenate([arc.members for arc in self.arcs])


def count_outputs(
    catalogue: Catalogue,
    hashes: NDArray[np.uint64],
    copies: int,
    target: int | str | None,
    has_originals: bool,
) -> NDArray[np.int64]:
    """Return how many outputs each sample has.

    Args:
        catalogue: The samples.
        hashes: Their hashes.
        copies: Outputs of each sample, if there is no target.
        target: Outputs of each class, or `max` for as many as the largest class has samples. Of the n
            samples of a class each gets floor(target / n), and the first `target mod n` in the order of the
            hash get another. Unlabelled samples get none.
        has_originals: Whether each sample itself is an output, too.

    Raises:
        UsageError: If a sample would have more than 2**20 outputs.
    """
    outputs = np.zeros(len(catalogue), np.int64)
    if target is None:
        outputs[catalogue.leave_out(np.arange(len(catalogue)))] = copies + has_originals
        return outputs
    order = catalogue.leave_out(np.argsort(hashes, kind="stable"))
    groups = group_by_class(order, class_of_samples(catalogue))
    groups.pop(UNLABELLED, None)
    wanted = max(map(len, groups.values()), default=0) if target == "max" else int(target)
    for group in groups.values():
        outputs[group] = wanted // len(group)
        outputs[group[: wanted % len(group)]] += 1
    if outputs.max(initial=0) > MOST_COPIES:
        most = f" {target} needs more than {MOST_COPIES} outputs of an image; give a smaller one"
        raise UsageError(Option("target_per_class"), most)
    outputs[order] += has_originals
    return outputs


def chunk_folder(
    rings: Sequence[Ring],
    sizes: NDArray[np.int64],
    outputs: NDArray[np.int64],
    limits: Limits = DEFAULT_LIMITS,
    is_numbered: bool = False,
) -> list[Chunk]:
    """Cut a folder's rings by prefixes of their keys.

    Args:
        rings: All rings of a split.
        sizes: Bytes of each sample of the catalogue.
        outputs: Outputs of each sample.
        limits: How large a chunk is.
        is_numbered: Whether all prefixes are of one length, so that they are numbers without a gap.
    """
    keys = np.concatenate([ring.keys for ring in rings])
    order = np.argsort(keys, kind="stable")
    keys, members = keys[order], np.concatenate([ring.members for ring in rings])[order]
    count = np.concatenate([[0], np.cumsum(outputs[members])])
    heaviness = np.concatenate([[0], np.cumsum(sizes[members] * outputs[members])])

    def is_small(start: int, stop: int) -> bool:
        light = heaviness[stop] - heaviness[start] <= limits.chunk_bytes
        return bool(light and count[stop] - count[start] <= limits.chunk_outputs)

    if is_numbered:
        pieces = _split_evenly(keys, _count_needed(int(count[-1]), int(heaviness[-1]), limits), 1)
    else:
        pieces = _split_by_prefix(keys, is_small, 1)
    arcs: list[list[Arc]] = [[] for _ in pieces]
    firsts = keys[[start for _, start, _ in pieces]]
    for ring in rings:
        cuts = [*np.searchsorted(ring.keys, firsts).tolist(), len(ring)]
        for number in np.flatnonzero(np.diff(cuts)).tolist():
            arcs[number].append(Arc(ring, cuts[number], cuts[number + 1]))
    return [Chunk(name, tuple(of_chunk)) for (name, _, _), of_chunk in zip(pieces, arcs, strict=True)]


def chunk_groups(
    catalogue: Catalogue,
    hashes: NDArray[np.uint64],
    groups: Sequence[RowGroup],
    outputs: NDArray[np.int64],
    rule: str,
    seed: int,
    limits: Limits = DEFAULT_LIMITS,
    is_numbered: bool = False,
) -> list[Chunk]:
    """Send row groups to chunks by the prefix of their own hash; each chunk has rings of its own.

    Distant row groups meet in a chunk, since shards are often sorted by class. Chunks of more than
    256 MiB are read in portions, the i-th portion of every row group together, and the ring runs on from
    portion to portion (where classes have a rule, each has its own rings). `is_numbered` as for folders.
    """
    keyed = sorted((hash_key(f"{group.shard}#group{group.number}", seed), group) for group in groups)
    ordered = np.array([key for key, _ in keyed], np.uint64)
    made = [int(outputs[group.first : group.first + group.rows].sum()) for _, group in keyed]
    count = np.concatenate([[0], np.cumsum(made)])
    heaviness = np.concatenate([[0], np.cumsum([group.bytes for _, group in keyed])])

    def is_small(start: int, stop: int) -> bool:
        light = heaviness[stop] - heaviness[start] <= limits.chunk_bytes
        return bool(light and count[stop] - count[start] <= limits.chunk_outputs)

    if is_numbered:
        needed = _count_needed(int(count[-1]), int(heaviness[-1]), limits)
        pieces = _split_evenly(ordered, needed, limits.chunk_groups)
    else:
        pieces = _split_by_prefix(ordered, is_small, limits.chunk_groups)
    chunks = []
    for name, start, stop in pieces:
        chosen = tuple(group for _, group in keyed[start:stop])
        portions = max(1, -(-int(heaviness[stop] - heaviness[start]) // limits.chunk_bytes))
        parts = [catalogue.leave_out(part) for part in _order_portions(chosen, portions, hashes)]
        if rule == "any":
            parts = [np.concatenate(parts)]
        rings = [ring for part in parts if len(part) for ring in form_rings(part, hashes, catalogue, rule)]
        if rings:
            chunks.append(Chunk(name, tuple(Arc(ring, 0, len(ring)) for ring in rings), chosen, portions))
    return chunks


def trim_chunks(chunks: Sequence[Chunk], outputs: NDArray[np.int64]) -> list[Chunk]:
    """Leave out the ends of arcs whose samples have no outputs, and chunks that are empty then."""
    trimmed = []
    for chunk in chunks:
        arcs = []
        for arc in chunk.arcs:
            bases = np.flatnonzero(outputs[arc.members])
            if len(bases):
                start = arc.start
                arcs.append(Arc(arc.ring, start + int(bases[0]), start + int(bases[-1]) + 1))
        if arcs:
            trimmed.append(replace(chunk, arcs=tuple(arcs)))
    return trimmed


def cut_pieces(chunk: Chunk, lengths: Iterator[int]) -> Iterator[tuple[Arc, ...]]:
    """Cut a chunk into pieces: arcs, short ones several together, that one worker does in one go.

    Args:
        chunk: The chunk.
        lengths: How many samples each piece has at most.
    """
    together: list[Arc] = []
    length = next(lengths)
    for arc in chunk.arcs:
        start = arc.start
        while start < arc.stop:
            stop = min(start + length, arc.stop)
            if together and sum(map(len, together)) + stop - start > length:
                yield tuple(together)
                together, length = [], next(lengths)
            else:
                together.append(Arc(arc.ring, start, stop))
                start = stop
    yield tuple(together)


def _order_portions(
    groups: Sequence[RowGroup], portions: int, hashes: NDArray[np.uint64]
) -> list[NDArray[np.int64]]:
    """Return the rows of each portion of some row groups, in the order of their hash."""
    ordered = []
    for number in range(portions):
        spans = [group.portion_rows(number, portions) for group in groups]
        rows = np.concatenate([np.arange(span.start, span.stop) for span in spans]).astype(np.int64)
        rows.sort()
        ordered.append(rows[np.argsort(hashes[rows], kind="stable")])
    return ordered


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


def _count_needed(outputs: int, heaviness: int, limits: Limits) -> int:
    """Return how many chunks there must be that none is larger than the limits, if all are alike."""
    return max(-(-outputs // limits.chunk_outputs), -(-heaviness // limits.chunk_bytes), 1)


def _split_evenly(ordered: NDArray[np.uint64], parts: int, least: int) -> list[tuple[str, int, int]]:
    """Cut sorted hashes by their first bits into at least so many parts: (bits, start, stop), in order.

    Fewer bits are taken where a part would hold fewer than `least`.
    """
    length = min((parts - 1).bit_length(), len(ordered).bit_length())
    while length:
        firsts = np.arange(1 << length, dtype=np.uint64) << np.uint64(64 - length)
        cuts = [*np.searchsorted(ordered, firsts).tolist(), len(ordered)]
        if min(np.diff(cuts)) >= least:
            pairs = enumerate(itertools.pairwise(cuts))
            return [(f"{number:0{length}b}", start, stop) for number, (start, stop) in pairs]
        length -= 1
    return [("all", 0, len(ordered))]
