"""Rings: which sample meets which. Pure.

The samples of a split, in the order of a keyed hash, are joined to a ring; the partner of a sample is a few
positions ahead. A rule on classes makes several rings, such that every shift keeps the rule for all of their
members at once: so each sample is base once and partner once per copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from augcli.errors import InputError, Option
from augcli.program.labels import dominant
from augcli.rng import hash_key, hash_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from augcli.samples import Catalogue

UNLABELLED = -1


class SectionTooShortError(Exception):
    """A partner is farther ahead on the ring than the section of it that a task or a partition has."""


class RingSize(NamedTuple):
    """How many samples a ring has, and how many shifts."""

    samples: int
    shifts: int


@dataclass(frozen=True, slots=True)
class Ring:
    """Samples in the order in which they meet; or the section of a ring that a task has.

    Attributes:
        members: Indices into the catalogue.
        keys: uint64 for each member, ascending: chunks cut a folder's rings by their prefixes.
        shifts: How far ahead a partner may be, ascending (a range from 1, or int64); none where nobody
            has a partner.
        whole: Size of the ring that this is a section of; None if it is whole.
    """

    members: NDArray[np.int64]
    keys: NDArray[np.uint64]
    shifts: range | NDArray[np.int64]
    whole: RingSize | None = None

    def __len__(self) -> int:
        return self.whole.samples if self.whole else len(self.members)

    @property
    def partners(self) -> int:
        """How many different partners a sample may have."""
        return self.whole.shifts if self.whole else len(self.shifts)

    def member(self, position: int) -> int:
        """Return the sample at a position below the ring's length.

        Raises:
            SectionTooShortError: If it lies behind the section that is known.
        """
        if position >= len(self.members):
            raise SectionTooShortError
        return int(self.members[position])

    def place_partner(self, copy: int, slot: int, slots: int) -> int:
        """Return which possible partner, counted from the nearest, `slot` of `slots` of a copy takes."""
        return (copy * slots + slot) % self.partners

    def cut_section(self, start: int, stop: int, reach: int | None) -> tuple[Ring, int]:
        """Return the section of a ring that a task over some positions needs, and where these start there.

        Args:
            start: The first position.
            stop: The position behind the last one.
            reach: How many of the nearest possible partners it knows for each of them; None for all.

        Raises:
            SectionTooShortError: If this ring is a section itself, and does not hold them.
        """
        if reach is None:
            return self, start
        nearest = self.shifts[:reach]
        end = stop + (int(nearest[-1]) if len(nearest) else 0)
        if self.whole and (end > len(self.members) or len(nearest) < min(reach, self.partners)):
            raise SectionTooShortError
        if end - start >= len(self):
            return self, start
        members = self.members[np.arange(start, end) % len(self)]
        shifts = self.shifts_within(end - start)
        return Ring(members, self.keys[:0], shifts, RingSize(len(self), self.partners)), 0

    def shifts_within(self, reach: int) -> range | NDArray[np.int64]:
        """Return the shifts that lead no farther than `reach`."""
        if isinstance(self.shifts, range):
            return self.shifts[:reach]
        return self.shifts[: int(np.searchsorted(self.shifts, reach, side="right"))]


def hash_samples(catalogue: Catalogue, seed: int) -> NDArray[np.uint64]:
    """Hash every sample's key; the order of these hashes is the order of the ring."""
    return hash_keys(catalogue.keys, seed)


def class_of_samples(catalogue: Catalogue) -> NDArray[np.int64]:
    """Return the dominant class of every sample's label, -1 for samples without a label."""
    known = {id(label): dominant(label) for label in catalogue.labels if label is not None}
    classes = (UNLABELLED if label is None else known[id(label)] for label in catalogue.labels)
    return np.fromiter(classes, np.int64, len(catalogue))


def form_rings(
    members: NDArray[np.int64], hashes: NDArray[np.uint64], catalogue: Catalogue, rule: str
) -> list[Ring]:
    """Join samples to rings.

    Args:
        members: Samples in the order in which they shall meet.
        hashes: Hashes of all samples of the catalogue.
        catalogue: All samples.
        rule: `any`: one ring. `same-class`: one for each class. `other-class`: rings on which every shift
            leads to another class.
    """
    if rule == "any":
        return [Ring(members, hashes[members], range(1, len(members)))]
    groups = group_by_class(members, class_of_samples(catalogue))
    unlabelled = groups.pop(UNLABELLED, members[:0])
    if rule == "other-class":
        return _join_classes(list(groups.values()), unlabelled)
    names = catalogue.classes or ()
    rings = [_join_class(group, hashes, names[index]) for index, group in groups.items()]
    alone = replace(_join_class(unlabelled, hashes, ""), shifts=range(0))
    return [*rings, alone] if len(unlabelled) else rings


def group_by_class(members: NDArray[np.int64], classes: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the samples of each class, in the order in which they come."""
    of_members = classes[members]
    order = np.argsort(of_members, kind="stable")
    names, starts = np.unique(of_members[order], return_index=True)
    return dict(zip(names.tolist(), np.split(members[order], starts[1:]), strict=True))


def check_partners(rings: Iterable[Ring], rule: str) -> None:
    """Refuse to mix where nobody has a partner; under `any`, where a ring has no partners.

    Raises:
        InputError: Naming the cure.
    """
    mixable = [len(ring.shifts) > 0 for ring in rings]
    if rule == "any" and not all(mixable):
        raise InputError("mixing needs at least 2 images to choose a partner from, got 1; add images to SRC")
    if not any(mixable):
        why = f" {rule}: no two images of {rule.replace('-', ' ')} are there; add images to SRC or leave out "
        raise InputError(Option("partner"), why, Option("partner"))


def same_class_shares(catalogue: Catalogue, rings: Iterable[Ring]) -> tuple[float, float]:
    """Return how often neighbours on rings share their class, and how often random pairs would.

    Unlabelled samples are left out.
    """
    classes = class_of_samples(catalogue)
    same = pairs = 0
    for ring in rings:
        here, ahead = classes[ring.members], np.roll(classes[ring.members], -1)
        labelled = (here >= 0) & (ahead >= 0)
        same, pairs = same + int((here == ahead)[labelled].sum()), pairs + int(labelled.sum())
    counts = np.bincount(classes[classes >= 0]).astype(float)
    total = counts.sum()
    random = float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else 0.0
    return (same / pairs if pairs else 0.0), random


def _join_class(group: NDArray[np.int64], hashes: NDArray[np.uint64], name: str) -> Ring:
    """Join the samples of a class; keys start with a hash of the class, so that small classes stay whole."""
    prefix = np.uint64(hash_key(name) >> 32 << 32)
    return Ring(group, prefix | hashes[group] >> np.uint64(32), range(1, len(group)))


def _join_classes(groups: list[NDArray[np.int64]], unlabelled: NDArray[np.int64]) -> list[Ring]:
    """Join samples such that each shift leads to another class.

    If one class holds more than half, as many of it as there are others are joined. The rest has no partner,
    nor have unlabelled samples.
    """
    groups = sorted(groups, key=len)
    others = sum(map(len, groups[:-1]))
    biggest = groups[-1] if groups else unlabelled[:0]
    largest, surplus = biggest[:others], biggest[others:]
    groups = [*groups[:-1], largest] if others else []
    cycles = _alternate(groups) if len(largest) == others else _stride(groups)
    alone = np.concatenate([surplus, unlabelled])
    if len(alone):
        cycles.append((alone, np.empty(0, np.int64)))
    # These rings have no order of their own hash; chunks cut them evenly.
    stops = np.cumsum([len(members) for members, _ in cycles])
    keys = np.arange(stops[-1], dtype=np.uint64) * np.uint64((1 << 64) // int(stops[-1]) - 1)
    return [
        Ring(members, keys[stop - len(members) : stop], shifts)
        for (members, shifts), stop in zip(cycles, stops.tolist(), strict=True)
    ]


Cycles: TypeAlias = "list[tuple[NDArray[np.int64], NDArray[np.int64]]]"
"""Members and shifts of each ring."""


def _alternate(groups: list[NDArray[np.int64]]) -> Cycles:
    """Join a class that holds half with the others by turns: each odd shift leads to the other kind."""
    if not groups:
        return []
    ring = np.stack([groups[-1], np.concatenate(groups[:-1])], axis=1).ravel()
    return [(ring, np.arange(1, len(ring), 2))]


def _stride(groups: list[NDArray[np.int64]]) -> Cycles:
    """Join classes of which none holds half.

    Lay the classes in a line, one behind the other, `m` samples in the largest of them. A stride of m..n - m
    leaves every class, wherever it starts. A stride that has no divisor in common with n visits all samples
    one after the other, which makes a ring. If each stride has such a divisor, the stride with the smallest
    makes as many rings as that divisor says.
    """
    line, largest = np.concatenate(groups), len(groups[-1])
    count = len(line)
    strides = range(largest, count - largest + 1)
    stride = next((number for number in strides if math.gcd(number, count) == 1), None)
    stride = stride or min(strides, key=lambda number: math.gcd(number, count))
    cycles = math.gcd(stride, count)
    walked = np.arange(count // cycles) * stride % count
    shifts = np.flatnonzero((walked >= largest) & (walked <= count - largest))
    return [(line[(walked + start) % count], shifts) for start in range(cycles)]
